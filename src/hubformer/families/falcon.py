"""Falcon (Almazrouei et al. 2023, arXiv:2311.16867): decoder with few key/value heads, in three designs:
sublayers side by side with one norm (7B) or with two (40B), or one after the other, with ALiBi (RW).
"""

from __future__ import annotations

from typing import Any

import torch

from hubformer.core import (
    Alibi,
    AttentionSpec,
    FeedForward,
    LayerNorm,
    LayerSpec,
    Norms,
    ParallelSpec,
    PositionSpec,
    StackSpec,
)
from hubformer.errors import ConfigError
from hubformer.families.kit.arguments import ASK, ENDS_OF_SPAN
from hubformer.families.kit.decoder import DROPOUT_FIELDS, last_token_classification, token_head, vocab_head
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
from hubformer.models.rotary import in_one_spelling, rotary, scaling
from hubformer.weights.changes import grouped
from hubformer.weights.map import Row, row

FIELDS: dict[str, Field] = {
    "vocab_size": size(65024),
    "hidden_size": size(4544),
    "num_hidden_layers": count(32),
    "num_attention_heads": size(71),
    "num_ln_in_parallel_attn": optional(size(2, most=2)),
    "layer_norm_epsilon": positive(1e-5),
    "initializer_range": number(0.02),
    "use_cache": flag(True),
    "hidden_dropout": rate(0.0),
    "attention_dropout": rate(0.0),
    "num_kv_heads": optional(size(71)),
    "alibi": flag(False),
    "new_decoder_architecture": flag(False),
    "multi_query": flag(True),
    "parallel_attn": flag(True),
    "bias": flag(False),
    "max_position_embeddings": unbuilt(size(2048)),
    "rope_theta": positive(10000.0),
    "rope_scaling": scaling(),
    "bos_token_id": token(11),
    "eos_token_id": token(11),
    "ffn_hidden_size": optional(size(4 * 4544)),
    "activation": activation("gelu"),
    "classifier_dropout": DROPOUT_FIELDS["classifier_dropout"],
}


def normalise(values: dict[str, Any]) -> dict[str, Any]:
    """What v4 fills in: as many key/value heads as heads, and the inner width."""
    named = {{"n_embed": "hidden_size"}.get(name, name): value for name, value in values.items()}
    found = {name: field.default for name, field in FIELDS.items()} | in_one_spelling(named)
    if found["num_kv_heads"] is None:
        found["num_kv_heads"] = found["num_attention_heads"]
    if found["ffn_hidden_size"] is None and FIELDS["hidden_size"].fits(found["hidden_size"]):
        found["ffn_hidden_size"] = 4 * found["hidden_size"]
    return found


def body(config: Config) -> BodySpec:
    width = config["hidden_size"]
    return BodySpec(
        TokenEmbedding(config["vocab_size"], width),
        StackSpec(
            width,
            (layer(config),) * config["num_hidden_layers"],
            final_norm=LayerNorm(config["layer_norm_epsilon"]),
        ),
    )


def layer(config: Config) -> LayerSpec:
    norms, two_norms = Norms(before=LayerNorm(config["layer_norm_epsilon"])), has_two_norms(config)
    seeing, biased = attention(config), config["bias"]
    feed = FeedForward(config["ffn_hidden_size"], config["activation"], bias=biased)
    if config["parallel_attn"]:
        return ParallelSpec(
            seeing,
            feed,
            norms,
            feed_forward_norms=norms if two_norms else None,
            dropout=config["hidden_dropout"],
            dropped="together",
        )
    return LayerSpec(
        seeing,
        feed,
        norms,
        dropout=config["attention_dropout"],
        feed_forward_dropout=config["hidden_dropout"],
    )


def has_two_norms(config: Config) -> bool:
    """Whether attention and feed-forward, side by side, have a norm each.

    Raises:
        ConfigError: the parts of the design do not go together.
    """
    new, said = config["new_decoder_architecture"], config["num_ln_in_parallel_attn"]
    if new and not config["parallel_attn"]:
        raise ConfigError(
            "new_decoder_architecture is true and parallel_attn is false, expected both to be true: in "
            "this design attention and feed-forward stand side by side."
        )
    if said == 2 and not new:
        raise ConfigError(
            "num_ln_in_parallel_attn is 2 and new_decoder_architecture is false, expected true: the old "
            "design has one norm."
        )
    return bool(new and said != 1)


def attention(config: Config) -> AttentionSpec:
    return AttentionSpec(
        config["num_attention_heads"],
        head_width(config),
        kv_heads=kv_heads(config),
        position=position(config),
        causal=True,
        bias=config["bias"],
        dropout=config["attention_dropout"] if config["alibi"] else 0.0,  # as v4, which has it there alone
    )


def position(config: Config) -> PositionSpec:
    if config["alibi"]:
        return Alibi(scaled=True, precision=torch.bfloat16)
    return rotary(config, head_width=head_width(config))


def head_width(config: Config) -> int:
    return quotient(config, of="hidden_size", by="num_attention_heads")


def kv_heads(config: Config) -> int:
    if config["new_decoder_architecture"]:
        quotient(config, of="num_attention_heads", by="num_kv_heads")
        return int(config["num_kv_heads"])
    return 1 if config["multi_query"] else int(config["num_attention_heads"])


LAYER, BLOCK = "transformer.h.{i}.", "body.stack.blocks.{i}."
FIRST, SECOND = BLOCK + "attention_residual.before.*", BLOCK + "feed_forward_residual.before.*"


def rows(config: Config) -> tuple[Row, ...]:
    wide, groups = head_width(config), kv_heads(config)
    of_queries = config["num_attention_heads"] // groups * wide
    names = (
        ("ln_attn.*", "ln_mlp.*")
        if has_two_norms(config)
        else ("input_layernorm.*", "post_attention_layernorm.*")
    )
    return (
        row("transformer.word_embeddings.weight", "body.embedding.tokens.weight"),
        row(LAYER + names[0], FIRST),
        row(LAYER + names[1], SECOND),
        row(
            LAYER + "self_attention.query_key_value.*",
            *(f"{BLOCK}attention.{part}.*" for part in ("query", "key", "value")),
            change=grouped(groups, of_queries, wide, wide),
        ),
        row(LAYER + "self_attention.dense.*", BLOCK + "attention.output.*"),
        row(LAYER + "mlp.dense_h_to_4h.*", BLOCK + "feed_forward.up.*"),
        row(LAYER + "mlp.dense_4h_to_h.*", BLOCK + "feed_forward.down.*"),
        row("transformer.ln_f.*", "body.stack.final_norm.*"),
    )  # fmt: skip


READ = ("input_ids", "past_key_values", "attention_mask", "position_ids", "head_mask", "inputs_embeds")
LABELS = (
    "input_ids",
    "past_key_values",
    "attention_mask",
    "head_mask",
    "inputs_embeds",
    "labels",
    "use_cache",
    *ASK,
)
OUTPUT = row("lm_head.weight", "head.output.weight")

HEADS = (
    Head(
        "FalconModel", ("base",), no_pooler, (*READ, "use_cache", *ASK, "cache_position"),
        outputs.BaseModelOutputWithPastAndCrossAttentions, tasks.states_only, bare=True,
    ),
    Head(
        "FalconForCausalLM", ("causal-lm",), vocab_head,
        (*READ, "labels", "use_cache", *ASK, "cache_position", "logits_to_keep"),
        outputs.CausalLMOutputWithCrossAttentions, tasks.next_tokens, rows=(OUTPUT,), generates=True,
    ),
    last_token_classification("Falcon", LABELS),
    token_classification("Falcon", token_head, LABELS),
    question_answering("Falcon",
        ("input_ids", "attention_mask", "head_mask", "inputs_embeds", *ENDS_OF_SPAN, *ASK)),
)  # fmt: skip

FALCON = Family(
    model_type="falcon",
    name="Falcon",
    prefix="transformer",
    fields=FIELDS,
    body=body,
    rows=rows,
    heads=HEADS,
    initial=normal_initial,
    paper="Almazrouei et al. 2023, arXiv:2311.16867",
    attribute_map={"n_embed": "hidden_size"},
    tied=(("lm_head.weight", "transformer.word_embeddings.weight"),),
    ignored=(r"rotary_emb\.inv_freq$", r"self_attention\.rotary\.inv_freq$"),
    caches=lambda config: True,
    normalise=normalise,
    lora_targets=("query_key_value",),
)
