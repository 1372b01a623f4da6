"""Mixtral (Jiang et al. 2024, arXiv:2401.04088): Mistral whose feed-forwards are mixtures of experts.

What it adds to a decoder of Llama's build are functions, which other mixtures use with values of their own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hubformer.core import AttentionSpec, FeedForward, LayerSpec, MixtureOfExperts
from hubformer.families import mistral
from hubformer.families.kit import decoder
from hubformer.families.kit.initial import zero_padding_initial
from hubformer.models import balance, outputs
from hubformer.models.bodies import BodySpec, States
from hubformer.models.config import (
    Config,
    Field,
    PreTrainedConfig,
    flag,
    number,
    optional,
    positive,
    rate,
    size,
    unbuilt,
)
from hubformer.models.family import Family, Head
from hubformer.weights.map import row

_DROPOUTS_AND_SCALING = ("rope_scaling", *decoder.DROPOUT_FIELDS)  # not among v4's arguments
FIELDS: dict[str, Field] = {
    **{name: field for name, field in mistral.FIELDS.items() if name not in _DROPOUTS_AND_SCALING},
    "rms_norm_eps": positive(1e-5),
    "rope_theta": positive(1e6),
    "sliding_window": optional(size(4096)),
    "num_experts_per_tok": size(2),
    "num_local_experts": size(8),
    "output_router_logits": unbuilt(flag(False)),
    "router_aux_loss_coef": unbuilt(number(0.001)),
    "router_jitter_noise": rate(0.0),
    **{name: mistral.FIELDS[name] for name in _DROPOUTS_AND_SCALING},
}


def normalise(values: dict[str, Any]) -> dict[str, Any]:
    """As Llama's; but v4 leaves the width of a head open where it is not said."""
    return {**decoder.normalise(values, fields=FIELDS), "head_dim": values.get("head_dim")}


def layer(config: Config, seeing: AttentionSpec) -> LayerSpec:
    experts = MixtureOfExperts(
        config["num_local_experts"],
        config["num_experts_per_tok"],
        FeedForward(config["intermediate_size"], config["hidden_act"], gated=True, bias=False),
        jitter=config["router_jitter_noise"],
    )
    return replace(decoder.layer(config, seeing), feed_forward=experts)


def body(config: Config) -> BodySpec:
    seeing = decoder.attention(config, window=config["sliding_window"])
    return decoder.body(config, (layer(config, seeing),) * config["num_hidden_layers"])


def balanced(found: dict[str, Any], states: States, config: PreTrainedConfig) -> dict[str, Any]:
    values: Any = config
    return balance.balanced(
        found,
        states=states,
        chosen=values.num_experts_per_tok,
        coefficient=values.router_aux_loss_coef,
    )


def base(name: str) -> Head:
    """A backbone that tells what its routers say, where it is asked."""
    plain = decoder.base(name)
    return replace(
        plain, arguments=(*plain.arguments, "output_router_logits"), output=outputs.MoeModelOutputWithPast
    )


def causal(name: str) -> Head:
    plain = decoder.causal(name, then=("use_cache", "output_router_logits", *decoder.SCORING[1:]))
    return replace(plain, output=outputs.MoeCausalLMOutputWithPast, extra_outputs=balanced)


BLOCK, MIXTURE = decoder.BLOCK + "feed_forward.", decoder.LAYER + "block_sparse_moe."
EXPERT, HUB_EXPERT = BLOCK + "experts.{expert}.", MIXTURE + "experts.{expert}."
EXPERTS = (
    row(MIXTURE + "gate.*", BLOCK + "router.*"),
    row(HUB_EXPERT + "w1.*", EXPERT + "gate.*"),
    row(HUB_EXPERT + "w3.*", EXPERT + "up.*"),
    row(HUB_EXPERT + "w2.*", EXPERT + "down.*"),
)

MIXTRAL = Family(
    model_type="mixtral",
    name="Mixtral",
    prefix="model",
    fields=FIELDS,
    body=body,
    rows=decoder.ENDS + decoder.NORMS + decoder.ATTENTION + EXPERTS,
    heads=(
        base("Mixtral"),
        causal("Mixtral"),
        decoder.sequence("Mixtral"),
        decoder.tokens("Mixtral"),
        decoder.span("Mixtral", prefix=None),
    ),
    initial=zero_padding_initial,
    paper="Jiang et al. 2024, arXiv:2401.04088",
    attribute_map={"num_experts": "num_local_experts"},
    tied=decoder.TIED,
    ignored=decoder.IGNORED,
    caches=lambda config: True,
    normalise=normalise,
    lora_targets=("q_proj", "v_proj"),
)
