"""BLOOM (BigScience 2022, arXiv:2211.05100): pre-norm decoder whose attention falls off with distance."""

from __future__ import annotations

from typing import Any

from hubformer.core import Alibi, AttentionSpec, FeedForward, LayerNorm, LayerSpec, Norms, StackSpec
from hubformer.families.kit.arguments import ASK, ENDS_OF_SPAN
from hubformer.families.kit.decoder import DROPOUT_FIELDS, last_token_classification, token_head, vocab_head
from hubformer.families.kit.heads import no_pooler, question_answering, token_classification
from hubformer.families.kit.initial import normal_initial
from hubformer.families.kit.values import quotient
from hubformer.models import outputs, tasks
from hubformer.models.bodies import BodySpec
from hubformer.models.config import Config, Field, count, flag, number, positive, rate, size, token, unbuilt
from hubformer.models.embeddings import TokenEmbedding
from hubformer.models.family import Family, Head
from hubformer.weights.changes import grouped
from hubformer.weights.map import Row, row

FIELDS: dict[str, Field] = {
    "vocab_size": size(250880),
    "hidden_size": size(64),
    "n_layer": count(2),
    "n_head": size(8),
    "layer_norm_epsilon": positive(1e-5),
    "initializer_range": number(0.02),
    "use_cache": flag(True),
    "bos_token_id": token(1),
    "eos_token_id": token(2),
    "apply_residual_connection_post_layernorm": flag(False),
    "hidden_dropout": rate(0.0),
    "attention_dropout": rate(0.0),
    # Into how many parts its products were split in training; summing them apart is the same sum.
    "pretraining_tp": unbuilt(size(1)),
    "slow_but_exact": unbuilt(flag(False)),
    "classifier_dropout": DROPOUT_FIELDS["classifier_dropout"],
}


def normalise(values: dict[str, Any]) -> dict[str, Any]:
    """Published files call the width n_embed."""
    return {{"n_embed": "hidden_size"}.get(name, name): value for name, value in values.items()}


def body(config: Config) -> BodySpec:
    width, norm = config["hidden_size"], LayerNorm(config["layer_norm_epsilon"])
    return BodySpec(
        TokenEmbedding(config["vocab_size"], width, norm=norm),
        StackSpec(width, (layer(config),) * config["n_layer"], final_norm=norm),
    )


def layer(config: Config) -> LayerSpec:
    after = config["apply_residual_connection_post_layernorm"]
    return LayerSpec(
        AttentionSpec(
            config["n_head"],
            head_width(config),
            position=Alibi(),
            causal=True,
            dropout=config["attention_dropout"],
        ),
        # Its own constants are those of this activation, rounded to float32.
        FeedForward(4 * config["hidden_size"], "gelu_pytorch_tanh"),
        Norms(before=LayerNorm(config["layer_norm_epsilon"]), residual="normed" if after else "input"),
        dropout=config["hidden_dropout"],
    )


def head_width(config: Config) -> int:
    return quotient(config, of="hidden_size", by="n_head")


LAYER, BLOCK = "transformer.h.{i}.", "body.stack.blocks.{i}."


def rows(config: Config) -> tuple[Row, ...]:
    wide = head_width(config)
    return (
        row("transformer.word_embeddings.weight", "body.embedding.tokens.weight"),
        row("transformer.word_embeddings_layernorm.*", "body.embedding.norm.*"),
        row(LAYER + "input_layernorm.*", BLOCK + "attention_residual.before.*"),
        row(
            LAYER + "self_attention.query_key_value.*",
            *(f"{BLOCK}attention.{part}.*" for part in ("query", "key", "value")),
            change=grouped(config["n_head"], wide, wide, wide),
        ),
        row(LAYER + "self_attention.dense.*", BLOCK + "attention.output.*"),
        row(LAYER + "post_attention_layernorm.*", BLOCK + "feed_forward_residual.before.*"),
        row(LAYER + "mlp.dense_h_to_4h.*", BLOCK + "feed_forward.up.*"),
        row(LAYER + "mlp.dense_4h_to_h.*", BLOCK + "feed_forward.down.*"),
        row("transformer.ln_f.*", "body.stack.final_norm.*"),
    )


READ = ("input_ids", "past_key_values", "attention_mask", "head_mask", "inputs_embeds")
OUTPUT = row("lm_head.weight", "head.output.weight")

HEADS = (
    Head(
        "BloomModel", ("base",), no_pooler, (*READ, "use_cache", *ASK, "cache_position"),
        outputs.BaseModelOutputWithPastAndCrossAttentions, tasks.states_only, bare=True,
    ),
    Head(
        "BloomForCausalLM", ("causal-lm", "pretraining"), vocab_head,
        (*READ, "labels", "use_cache", *ASK, "cache_position", "logits_to_keep"),
        outputs.CausalLMOutputWithCrossAttentions, tasks.next_tokens, rows=(OUTPUT,), generates=True,
    ),
    last_token_classification("Bloom", (*READ, "labels", "use_cache", *ASK)),
    token_classification("Bloom", token_head, (*READ, "labels", "use_cache", *ASK)),
    question_answering("Bloom",
        ("input_ids", "attention_mask", "head_mask", "inputs_embeds", *ENDS_OF_SPAN, *ASK)),
)  # fmt: skip

BLOOM = Family(
    model_type="bloom",
    name="Bloom",
    prefix="transformer",
    fields=FIELDS,
    body=body,
    rows=rows,
    heads=HEADS,
    initial=normal_initial,
    paper="BigScience 2022, arXiv:2211.05100",
    attribute_map={"num_hidden_layers": "n_layer", "num_attention_heads": "n_head", "n_embed": "hidden_size"},
    tied=(("lm_head.weight", "transformer.word_embeddings.weight"),),
    caches=lambda config: True,
    normalise=normalise,
    lora_targets=("query_key_value",),
)
