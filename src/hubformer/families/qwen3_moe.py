"""Qwen3's mixtures of experts (Yang et al. 2025, arXiv:2505.09388): Qwen3 with many narrow experts in the
layers that are not dense.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hubformer.core import AttentionSpec, FeedForward, LayerSpec, MixtureOfExperts, RMSNorm
from hubformer.families import mixtral, qwen
from hubformer.families.kit import decoder
from hubformer.families.kit.initial import zero_padding_initial
from hubformer.models.bodies import BodySpec
from hubformer.models.config import Config, Field, count, flag, number, optional, rate, size, unbuilt
from hubformer.models.family import Family
from hubformer.weights.map import row

FIELDS: dict[str, Field] = {
    "vocab_size": size(151936),
    "hidden_size": size(2048),
    "intermediate_size": size(6144),  # of dense layers
    "num_hidden_layers": count(24),
    "num_attention_heads": size(32),
    "num_key_value_heads": optional(size(4), default=4),
    **qwen.SHARED,
    "attention_bias": flag(False),
    "use_sliding_window": flag(False),
    "sliding_window": optional(size(4096), default=4096),
    "attention_dropout": rate(0.0),
    "decoder_sparse_step": size(1),  # every so manieth layer has experts
    "moe_intermediate_size": size(768),
    "num_experts_per_tok": size(8),
    "num_experts": count(128),
    "norm_topk_prob": flag(False),
    "output_router_logits": unbuilt(flag(False)),
    "router_aux_loss_coef": unbuilt(number(0.001)),
    "mlp_only_layers": Field(
        None,
        "a list of the numbers of layers, from 0, or null",
        lambda v: v is None or (isinstance(v, list) and all(type(i) is int and i >= 0 for i in v)),
    ),
    # Not among v4's arguments. The window, where there is one, is every layer's.
    "head_dim": optional(size(128)),
    "max_window_layers": unbuilt(optional(count(28))),
    **decoder.DROPOUT_FIELDS,
}


def normalise(values: dict[str, Any]) -> dict[str, Any]:
    found = decoder.normalise(values, fields=FIELDS)
    if found["use_sliding_window"] is False:
        found["sliding_window"] = None
    if found["mlp_only_layers"] is None:
        found["mlp_only_layers"] = []
    return found


def sparse(config: Config) -> tuple[bool, ...]:
    """Of each layer, whether it has experts."""
    dense, step = config["mlp_only_layers"], config["decoder_sparse_step"]
    return tuple(
        config["num_experts"] > 0 and index not in dense and (index + 1) % step == 0
        for index in range(config["num_hidden_layers"])
    )


def mixture(config: Config, seeing: AttentionSpec) -> LayerSpec:
    experts = MixtureOfExperts(
        config["num_experts"],
        config["num_experts_per_tok"],
        FeedForward(config["moe_intermediate_size"], config["hidden_act"], gated=True, bias=False),
        shares="renormalised" if config["norm_topk_prob"] else "plain",
    )
    return replace(decoder.layer(config, seeing), feed_forward=experts)


def body(config: Config) -> BodySpec:
    biased, window, used = (
        config[name] for name in ("attention_bias", "sliding_window", "use_sliding_window")
    )
    seeing = decoder.attention(
        config,
        bias=biased,
        output_bias=biased,
        window=window if used else None,
        qk_norm=RMSNorm(config["rms_norm_eps"]),
    )
    return decoder.body(
        config,
        tuple(
            mixture(config, seeing) if mixed else decoder.layer(config, seeing) for mixed in sparse(config)
        ),
    )


MIXTURE, EXPERT = decoder.LAYER + "mlp.", decoder.LAYER + "mlp.experts.{expert}."
EXPERTS = (
    row(MIXTURE + "gate.*", mixtral.BLOCK + "router.*"),
    row(EXPERT + "gate_proj.*", mixtral.EXPERT + "gate.*"),
    row(EXPERT + "up_proj.*", mixtral.EXPERT + "up.*"),
    row(EXPERT + "down_proj.*", mixtral.EXPERT + "down.*"),
)

QWEN3_MOE = Family(
    model_type="qwen3_moe",
    name="Qwen3Moe",
    prefix="model",
    fields=FIELDS,
    body=body,
    rows=decoder.ROWS + decoder.QK_NORMS + EXPERTS,
    heads=(
        mixtral.base("Qwen3Moe"),
        mixtral.causal("Qwen3Moe"),
        decoder.sequence("Qwen3Moe"),
        decoder.tokens("Qwen3Moe"),
        decoder.span("Qwen3Moe"),
    ),
    initial=zero_padding_initial,
    paper="Yang et al. 2025, arXiv:2505.09388",
    attribute_map={"num_local_experts": "num_experts"},  # as transformers 5 writes it
    tied=decoder.TIED,
    ignored=decoder.IGNORED,
    caches=lambda config: True,
    normalise=normalise,
    lora_targets=("q_proj", "v_proj"),
)
