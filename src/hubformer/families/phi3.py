"""Phi-3 (Abdin et al. 2024, arXiv:2404.14219): Llama with fused projections and, for long texts, LongRoPE."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hubformer.families.kit import decoder
from hubformer.families.kit.decoder import BLOCK, LAYER
from hubformer.families.kit.initial import zero_padding_initial
from hubformer.families.kit.values import head_width
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
from hubformer.models.family import Family
from hubformer.models.rotary import rotary, scaling
from hubformer.weights.changes import cut, grouped
from hubformer.weights.map import Row, row

FIELDS: dict[str, Field] = {
    "vocab_size": size(32064),
    "hidden_size": size(3072),
    "intermediate_size": size(8192),
    "num_hidden_layers": count(32),
    "num_attention_heads": size(32),
    "num_key_value_heads": optional(size(32)),
    "resid_pdrop": rate(0.0),
    "embd_pdrop": unbuilt(rate(0.0)),  # read by no version of transformers
    "attention_dropout": rate(0.0),
    "hidden_act": activation("silu"),
    "max_position_embeddings": unbuilt(size(4096)),
    "original_max_position_embeddings": unbuilt(size(4096)),
    "initializer_range": number(0.02),
    "rms_norm_eps": positive(1e-5),
    "use_cache": flag(True),
    "tie_word_embeddings": flag(False),
    "rope_theta": positive(10000.0),
    "rope_scaling": scaling(),
    "partial_rotary_factor": rate(1.0),
    "bos_token_id": token(1),
    "eos_token_id": token(32000),
    "pad_token_id": token(32000),
    "sliding_window": optional(size(4096)),
    "attention_bias": unbuilt(Field(False, "false: no projection of Phi-3 has one", lambda v: v is False)),
    **decoder.DROPOUT_FIELDS,
}


def normalise(values: dict[str, Any]) -> dict[str, Any]:
    found = decoder.normalise(values, fields=FIELDS)
    said = found["rope_scaling"]
    if isinstance(said, dict) and said.get("rope_type", said.get("type")) in ("su", "yarn"):
        # The first files called LongRoPE so.
        others = {name: value for name, value in said.items() if name not in ("type", "rope_type")}
        found["rope_scaling"] = {"type": "longrope", "rope_type": "longrope", **others}
    return found


def body(config: Config) -> BodySpec:
    part, wide = config["partial_rotary_factor"], head_width(config)
    seeing = decoder.attention(
        config, window=config["sliding_window"], position=rotary(config, head_width=wide, part=part)
    )
    same = replace(decoder.layer(config, seeing), dropout=config["resid_pdrop"])
    return decoder.body(config, (same,) * config["num_hidden_layers"])


def rows(config: Config) -> tuple[Row, ...]:
    wide = head_width(config)
    ours, shared = config["num_attention_heads"] * wide, config["num_key_value_heads"] * wide
    return (
        *decoder.ENDS,
        *decoder.NORMS,
        row(
            LAYER + "self_attn.qkv_proj.*",
            *(f"{BLOCK}attention.{part}.*" for part in ("query", "key", "value")),
            change=grouped(1, ours, shared, shared),
        ),
        row(LAYER + "self_attn.o_proj.*", BLOCK + "attention.output.*"),
        row(
            LAYER + "mlp.gate_up_proj.*",
            BLOCK + "feed_forward.gate.*",
            BLOCK + "feed_forward.up.*",
            change=cut(2),
        ),
        row(LAYER + "mlp.down_proj.*", BLOCK + "feed_forward.down.*"),
    )


PHI3 = Family(
    model_type="phi3",
    name="Phi3",
    prefix="model",
    fields=FIELDS,
    body=body,
    rows=rows,
    heads=(decoder.base("Phi3"), decoder.causal("Phi3"), decoder.sequence("Phi3"), decoder.tokens("Phi3")),
    initial=zero_padding_initial,
    paper="Abdin et al. 2024, arXiv:2404.14219",
    tied=decoder.TIED,
    ignored=decoder.IGNORED,
    caches=lambda config: True,
    normalise=normalise,
    lora_targets=("qkv_proj",),
)
