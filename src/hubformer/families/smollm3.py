"""SmolLM3 (Hugging Face 2025, "SmolLM3: smol, multilingual, long-context reasoner"): Llama of which every
fourth layer does not see places (Yang et al. 2025, arXiv:2501.18795).
"""

from __future__ import annotations

from functools import partial
from typing import Any

from hubformer.core import NoPosition
from hubformer.errors import ConfigError
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
    token,
    unbuilt,
)
from hubformer.models.family import Family
from hubformer.models.rotary import scaling

FIELDS: dict[str, Field] = {
    "vocab_size": size(128256),
    "hidden_size": size(2048),
    "intermediate_size": size(11008),
    "num_hidden_layers": count(36),
    "num_attention_heads": size(16),
    "num_key_value_heads": optional(size(4), default=4),
    "hidden_act": activation("silu"),
    "max_position_embeddings": unbuilt(size(32768)),
    "initializer_range": number(0.02),
    "rms_norm_eps": positive(1e-6),
    "use_cache": flag(True),
    "pad_token_id": token(128004),
    "bos_token_id": token(128000),
    "eos_token_id": token(128001),
    "rope_theta": positive(2000000.0),
    "rope_scaling": scaling(),
    "use_sliding_window": flag(False),
    "sliding_window": optional(size(4096)),
    "no_rope_layers": Field(
        None,
        "a list of 1 (the layer sees places) and 0 (it does not), or null",
        lambda value: value is None or (isinstance(value, list) and set(value) <= {0, 1}),
    ),
    "no_rope_layer_interval": unbuilt(size(4)),
    "layer_types": layer_types(),
    "attention_bias": flag(False),
    "attention_dropout": rate(0.0),
    "mlp_bias": flag(False),
    **decoder.DROPOUT_FIELDS,
}


def normalise(values: dict[str, Any]) -> dict[str, Any]:
    found = decoder.normalise(values, fields=FIELDS)
    every, layers = found["no_rope_layer_interval"], found["num_hidden_layers"]
    if found["no_rope_layers"] is None and _fits(found, "no_rope_layer_interval", "num_hidden_layers"):
        found["no_rope_layers"] = [int((index + 1) % every != 0) for index in range(layers)]
    placed = found["no_rope_layers"]
    if not _fits(found, "no_rope_layers") or placed is None:
        return found
    seen = found["sliding_window"] is not None and found["use_sliding_window"]
    return with_layer_types(found, near=lambda index: seen and index < len(placed) and not placed[index])


def _fits(found: dict[str, Any], *names: str) -> bool:
    """Whether values can be computed with; what else they may be is told where they are checked."""
    return all(FIELDS[name].fits(found[name]) for name in names)


def body(config: Config) -> BodySpec:
    biased, placed, layers = (
        config["attention_bias"],
        config["no_rope_layers"],
        config["num_hidden_layers"],
    )
    if len(placed) != layers:
        raise ConfigError(f"no_rope_layers has {len(placed)} entries and num_hidden_layers is {layers}.")
    window, used = config["sliding_window"], config["use_sliding_window"]
    window = window if used else None
    near = sliding(config)
    seeing = partial(decoder.attention, config, bias=biased, output_bias=biased)
    return decoder.body(
        config,
        tuple(
            decoder.layer(
                config,
                seeing(
                    window=window if near[index] else None,
                    position=None if placed[index] else NoPosition(),
                ),
                bias=config["mlp_bias"],
            )
            for index in range(layers)
        ),
    )


SMOLLM3 = Family(
    model_type="smollm3",
    name="SmolLM3",
    prefix="model",
    fields=FIELDS,
    body=body,
    rows=decoder.ROWS,
    heads=(
        decoder.base("SmolLM3"),
        decoder.causal("SmolLM3"),
        decoder.sequence("SmolLM3"),
        decoder.tokens("SmolLM3"),
        decoder.span("SmolLM3"),
    ),
    initial=zero_padding_initial,
    paper='Hugging Face 2025, "SmolLM3: smol, multilingual, long-context reasoner"',
    tied=decoder.TIED,
    ignored=decoder.IGNORED,
    caches=lambda config: True,
    normalise=normalise,
    lora_targets=("q_proj", "v_proj"),
)
