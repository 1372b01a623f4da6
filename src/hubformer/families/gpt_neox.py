"""GPT-NeoX (Black et al. 2022, arXiv:2204.06745), also Pythia (Biderman et al. 2023, arXiv:2304.01373):
decoder whose attention and feed-forward stand side by side, with part of each head turned by its place.
"""

from __future__ import annotations

from typing import Any

from hubformer.core import AttentionSpec, FeedForward, LayerNorm, LayerSpec, Norms, ParallelSpec, StackSpec
from hubformer.families.kit.arguments import ASK, GPT_LABELS, GPT_SPAN, SHOWN
from hubformer.families.kit.decoder import last_token_classification, vocab_head
from hubformer.families.kit.heads import no_pooler, question_answering, token_classification
from hubformer.families.kit.initial import normal_initial
from hubformer.families.kit.values import quotient
from hubformer.models import outputs, tasks
from hubformer.models.bodies import BodySpec
from hubformer.models.config import (
    Config,
    Field,
    activation,
    count,
    flag,
    number,
    optional,
    positive,
    rate,
    size,
    token,
    unbuilt,
)
from hubformer.models.embeddings import TokenEmbedding
from hubformer.models.family import Family, Head
from hubformer.models.heads import HeadSpec, TokenHead
from hubformer.models.rotary import in_one_spelling, rotary, scaling
from hubformer.weights.changes import grouped
from hubformer.weights.map import Row, row

FIELDS: dict[str, Field] = {
    "vocab_size": size(50432),
    "hidden_size": size(6144),
    "num_hidden_layers": count(44),
    "num_attention_heads": size(64),
    "intermediate_size": size(24576),
    "hidden_act": activation("gelu"),
    "rotary_pct": rate(0.25),
    "rotary_emb_base": positive(10000),
    "attention_dropout": rate(0.0),
    "hidden_dropout": rate(0.0),
    "classifier_dropout": optional(rate(0.1), default=0.1),
    "max_position_embeddings": unbuilt(size(2048)),
    "initializer_range": number(0.02),
    "layer_norm_eps": positive(1e-5),
    "use_cache": flag(True),
    "bos_token_id": token(0),
    "eos_token_id": token(2),
    "tie_word_embeddings": flag(False),
    "use_parallel_residual": flag(True),
    "rope_scaling": scaling(),
    "attention_bias": flag(True),
}
NAMES = {"rope_theta": "rotary_emb_base", "partial_rotary_factor": "rotary_pct"}


def normalise(values: dict[str, Any]) -> dict[str, Any]:
    return {NAMES.get(name, name): value for name, value in in_one_spelling(values).items()}


def body(config: Config) -> BodySpec:
    width = config["hidden_size"]
    return BodySpec(
        # Some heads take token types, as in v4, and there are none.
        TokenEmbedding(config["vocab_size"], width, typing="unread", dropout=config["hidden_dropout"]),
        StackSpec(
            width,
            (layer(config),) * config["num_hidden_layers"],
            final_norm=LayerNorm(config["layer_norm_eps"]),
        ),
    )


def layer(config: Config) -> LayerSpec:
    wide, norms = head_width(config), Norms(before=LayerNorm(config["layer_norm_eps"]))
    kind = ParallelSpec if config["use_parallel_residual"] else LayerSpec
    return kind(
        AttentionSpec(
            config["num_attention_heads"],
            wide,
            position=rotary(config, head_width=wide, theta="rotary_emb_base", part=config["rotary_pct"]),
            causal=True,
            bias=config["attention_bias"],
            dropout=config["attention_dropout"],
        ),
        FeedForward(config["intermediate_size"], config["hidden_act"]),
        norms,
        feed_forward_norms=norms,
        dropout=config["hidden_dropout"],
    )


def head_width(config: Config) -> int:
    return quotient(config, of="hidden_size", by="num_attention_heads")


def token_head(config: Config) -> HeadSpec:
    rate = config["classifier_dropout"]
    return TokenHead(config.labels, dropout=0.1 if rate is None else rate)


LAYER, BLOCK = "gpt_neox.layers.{i}.", "body.stack.blocks.{i}."


def rows(config: Config) -> tuple[Row, ...]:
    wide = head_width(config)
    return (
        row("gpt_neox.embed_in.weight", "body.embedding.tokens.weight"),
        row(LAYER + "input_layernorm.*", BLOCK + "attention_residual.before.*"),
        row(LAYER + "post_attention_layernorm.*", BLOCK + "feed_forward_residual.before.*"),
        row(
            LAYER + "attention.query_key_value.*",
            *(f"{BLOCK}attention.{part}.*" for part in ("query", "key", "value")),
            change=grouped(config["num_attention_heads"], wide, wide, wide),
        ),
        row(LAYER + "attention.dense.*", BLOCK + "attention.output.*"),
        row(LAYER + "mlp.dense_h_to_4h.*", BLOCK + "feed_forward.up.*"),
        row(LAYER + "mlp.dense_4h_to_h.*", BLOCK + "feed_forward.down.*"),
        row("gpt_neox.final_layer_norm.*", "body.stack.final_norm.*"),
    )


READ = ("input_ids", "attention_mask", "position_ids", "inputs_embeds", "head_mask", "past_key_values")

HEADS = (
    Head(
        "GPTNeoXModel", ("base",), no_pooler,
        ("input_ids", "attention_mask", "position_ids", "head_mask", "inputs_embeds", "past_key_values",
        "use_cache", *SHOWN, "cache_position", "return_dict"),
        outputs.BaseModelOutputWithPast, tasks.states_only, bare=True,
    ),
    Head(
        "GPTNeoXForCausalLM", ("causal-lm",), vocab_head,
        (*READ, "labels", "use_cache", *SHOWN, "cache_position", "logits_to_keep", "return_dict"),
        outputs.CausalLMOutputWithPast, tasks.next_tokens,
        rows=(row("embed_out.weight", "head.output.weight"),), generates=True,
    ),
    question_answering("GPTNeoX", GPT_SPAN),
    last_token_classification("GPTNeoX", (*READ, "labels", "use_cache", *ASK)),
    token_classification("GPTNeoX", token_head, GPT_LABELS),
)  # fmt: skip

GPT_NEOX = Family(
    model_type="gpt_neox",
    name="GPTNeoX",
    prefix="gpt_neox",
    fields=FIELDS,
    body=body,
    rows=rows,
    heads=HEADS,
    initial=normal_initial,
    paper="Black et al. 2022, arXiv:2204.06745",
    attribute_map=NAMES,
    tied=(("embed_out.weight", "gpt_neox.embed_in.weight"),),
    old_names=((r"^lm_head\.", "embed_out."),),  # newer, in fact: transformers 5 reads both
    # Old files carry the causal mask, its constant and the angles beside the weights.
    ignored=(r"\.attention\.(masked_)?bias$", r"rotary_emb\.inv_freq$"),
    caches=lambda config: True,
    normalise=normalise,
    lora_targets=("query_key_value",),
)
