"""Qwen2 (Yang et al. 2024, arXiv:2407.10671) and Qwen3 (Yang et al. 2025, arXiv:2505.09388): Llama with
biases in its attention, or with normed queries and keys; the upper layers may see a window only.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from hubformer.core import AttentionSpec, RMSNorm
from hubformer.families.kit import decoder
from hubformer.families.kit.initial import zero_padding_initial
from hubformer.families.kit.values import layer_types, sliding, with_layer_types
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
    unbuilt,
)
from hubformer.models.family import Family
from hubformer.models.rotary import scaling

SIZES: dict[str, Field] = {
    "vocab_size": size(151936),
    "hidden_size": size(4096),
    "intermediate_size": size(22016),
    "num_hidden_layers": count(32),
    "num_attention_heads": size(32),
    "num_key_value_heads": optional(size(32), default=32),
}
SHARED: dict[str, Field] = {
    "hidden_act": activation("silu"),
    "max_position_embeddings": unbuilt(size(32768)),
    "initializer_range": number(0.02),
    "rms_norm_eps": positive(1e-6),
    "use_cache": flag(True),
    "tie_word_embeddings": flag(False),
    "rope_theta": positive(10000.0),
    "rope_scaling": scaling(),
}
WINDOWS: dict[str, Field] = {
    "use_sliding_window": flag(False),
    "sliding_window": optional(size(4096), default=4096),
    "max_window_layers": unbuilt(count(28)),
    "layer_types": layer_types(),
    "attention_dropout": rate(0.0),
}
QWEN2_FIELDS = {**SIZES, **SHARED, **WINDOWS, "head_dim": optional(size(128)), **decoder.DROPOUT_FIELDS}
QWEN3_FIELDS = {
    **SIZES,
    "head_dim": optional(size(128), default=128),
    **SHARED,
    "attention_bias": flag(False),
    **WINDOWS,
    **decoder.DROPOUT_FIELDS,
}


def normalise(values: dict[str, Any], *, fields: dict[str, Field]) -> dict[str, Any]:
    found = decoder.normalise(values, fields=fields)
    if found["use_sliding_window"] is False:
        found["sliding_window"] = None
    window, above = found["sliding_window"], found["max_window_layers"]
    return with_layer_types(
        found, near=lambda index: window is not None and isinstance(above, int) and index >= above
    )


def windowed(config: Config, **how: Any) -> tuple[AttentionSpec, ...]:
    """The attention of each layer; the upper ones see a window where the configuration says so."""
    window, used = config["sliding_window"], config["use_sliding_window"]
    window = window if used else None
    seeing, full = decoder.attention(config, window=window, **how), decoder.attention(config, **how)
    return tuple(seeing if near else full for near in sliding(config))


def qwen2_body(config: Config) -> BodySpec:
    return decoder.body(config, tuple(decoder.layer(config, a) for a in windowed(config, bias=True)))


def qwen3_body(config: Config) -> BodySpec:
    biased, norm = config["attention_bias"], RMSNorm(config["rms_norm_eps"])
    each = windowed(config, bias=biased, output_bias=biased, qk_norm=norm)
    return decoder.body(config, tuple(decoder.layer(config, seeing) for seeing in each))


def _heads(name: str) -> tuple[Any, ...]:
    return (
        decoder.base(name),
        decoder.causal(name),
        decoder.sequence(name),
        decoder.tokens(name),
        decoder.span(name),
    )


QWEN2 = Family(
    model_type="qwen2",
    name="Qwen2",
    prefix="model",
    fields=QWEN2_FIELDS,
    body=qwen2_body,
    rows=decoder.ROWS,
    heads=_heads("Qwen2"),
    initial=zero_padding_initial,
    paper="Yang et al. 2024, arXiv:2407.10671",
    tied=decoder.TIED,
    ignored=decoder.IGNORED,
    caches=lambda config: True,
    normalise=partial(normalise, fields=QWEN2_FIELDS),
    lora_targets=("q_proj", "v_proj"),
)
QWEN3 = Family(
    model_type="qwen3",
    name="Qwen3",
    prefix="model",
    fields=QWEN3_FIELDS,
    body=qwen3_body,
    rows=decoder.ROWS + decoder.QK_NORMS,
    heads=_heads("Qwen3"),
    initial=zero_padding_initial,
    paper="Yang et al. 2025, arXiv:2505.09388",
    tied=decoder.TIED,
    ignored=decoder.IGNORED,
    caches=lambda config: True,
    normalise=partial(normalise, fields=QWEN3_FIELDS),
    lora_targets=("q_proj", "v_proj"),
)
