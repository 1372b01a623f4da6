"""Gemma (Gemma Team 2024, arXiv:2403.08295), Gemma 2 (arXiv:2408.00118) and the text model of Gemma 3
(arXiv:2503.19786): Llama with weighed token vectors and norms around one; from Gemma 2 on with norms on both
sides of each sublayer and alternating windows.
"""

from __future__ import annotations

from functools import partial
from math import sqrt
from typing import Any

from hubformer.core import FeedForward, LayerSpec, Norms, RMSNorm, Rotary, StackSpec
from hubformer.core.attention import AttentionSpec
from hubformer.errors import ConfigError
from hubformer.families.kit import decoder
from hubformer.families.kit.decoder import BLOCK, LAYER
from hubformer.families.kit.initial import zero_padding_initial
from hubformer.families.kit.values import layer_types, sliding, with_layer_types
from hubformer.models.bodies import BodySpec
from hubformer.models.config import (
    Config,
    Field,
    activation,
    choice,
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
from hubformer.models.family import Family
from hubformer.models.heads import HeadSpec, VocabHead
from hubformer.models.initial import Initial, constant
from hubformer.models.rotary import rotary, scaling
from hubformer.weights.map import row

TOKENS: dict[str, Field] = {
    "initializer_range": number(0.02),
    "rms_norm_eps": positive(1e-6),
    "use_cache": flag(True),
    "pad_token_id": token(0),
    "eos_token_id": token(1),
    "bos_token_id": token(2),
    "tie_word_embeddings": flag(True),
    "rope_theta": positive(10000.0),
    "attention_bias": flag(False),
    "attention_dropout": rate(0.0),
}
# Not among v4's arguments. Both directions at once are another model, which no published file of these is.
LATER: dict[str, Field] = {
    "rope_scaling": scaling(),
    "use_bidirectional_attention": unbuilt(choice(None, False)),
    **decoder.DROPOUT_FIELDS,
}
GEMMA_FIELDS: dict[str, Field] = {
    "vocab_size": size(256000),
    "hidden_size": size(3072),
    "intermediate_size": size(24576),
    "num_hidden_layers": count(28),
    "num_attention_heads": size(16),
    "num_key_value_heads": size(16),
    "head_dim": size(256),
    "hidden_act": activation("gelu_pytorch_tanh"),
    "hidden_activation": unbuilt(optional(activation("gelu_pytorch_tanh"))),  # transformers reads it not
    "max_position_embeddings": unbuilt(size(8192)),
    **TOKENS,
    **LATER,
}
GEMMA2_FIELDS: dict[str, Field] = {
    "vocab_size": size(256000),
    "hidden_size": size(2304),
    "intermediate_size": size(9216),
    "num_hidden_layers": count(26),
    "num_attention_heads": size(8),
    "num_key_value_heads": size(4),
    "head_dim": size(256),
    "hidden_activation": activation("gelu_pytorch_tanh"),
    "max_position_embeddings": unbuilt(size(8192)),
    **TOKENS,
    "query_pre_attn_scalar": positive(256),
    "sliding_window": optional(size(4096), default=4096),
    "layer_types": layer_types(),
    "final_logit_softcapping": optional(positive(30.0), default=30.0),
    "attn_logit_softcapping": optional(positive(50.0), default=50.0),
    **LATER,
}


def gemma_completed(values: dict[str, Any]) -> dict[str, Any]:
    found = decoder.normalise(values, fields=GEMMA_FIELDS)
    if found["hidden_act"] == "gelu":  # of the first files, which meant the other formula
        found["hidden_act"] = "gelu_pytorch_tanh"
    return found


def gemma2_completed(values: dict[str, Any]) -> dict[str, Any]:
    found = decoder.normalise(values, fields=GEMMA2_FIELDS)
    return with_layer_types(found, near=lambda index: index % 2 == 0)


def norm(config: Config) -> RMSNorm:
    return RMSNorm(config["rms_norm_eps"], offset=1.0)


def gemma_decoder(config: Config, layers: tuple[LayerSpec, ...]) -> BodySpec:
    width = config["hidden_size"]
    return BodySpec(
        TokenEmbedding(config["vocab_size"], width, padding=config["pad_token_id"], factor=sqrt(width)),
        StackSpec(width, layers, final_norm=norm(config)),
    )


def layer(config: Config, seeing: AttentionSpec, *, norms: Norms, activation: str) -> LayerSpec:
    return LayerSpec(
        seeing, FeedForward(config["intermediate_size"], activation, gated=True, bias=False), norms
    )


def gemma_body(config: Config) -> BodySpec:
    biased = config["attention_bias"]
    same = layer(
        config,
        decoder.attention(config, bias=biased, output_bias=biased),
        norms=Norms(before=norm(config)),
        activation=config["hidden_act"],
    )
    return gemma_decoder(config, (same,) * config["num_hidden_layers"])


def gemma2_attention(config: Config, *, window: int | None) -> AttentionSpec:
    biased = config["attention_bias"]
    return decoder.attention(
        config,
        bias=biased,
        output_bias=biased,
        window=window,
        scale=config["query_pre_attn_scalar"] ** -0.5,
        softcap=config["attn_logit_softcapping"],
    )


def gemma2_body(config: Config) -> BodySpec:
    around = Norms(before=norm(config), branch=norm(config))
    near, far = (gemma2_attention(config, window=window) for window in (config["sliding_window"], None))
    return gemma_decoder(
        config,
        tuple(
            layer(config, near if windowed else far, norms=around, activation=config["hidden_activation"])
            for windowed in sliding(config)
        ),
    )


def capped_head(config: Config) -> HeadSpec:
    return VocabHead(tied=config["tie_word_embeddings"], softcap=config["final_logit_softcapping"])


def initial(config: Config) -> Initial:
    usual = zero_padding_initial(config)
    return Initial(usual.std, ((r"(before|branch|_norm)\.weight$", constant(0.0)), *usual.rules))


AROUND = (
    row(LAYER + "input_layernorm.*", BLOCK + "attention_residual.before.*"),
    row(LAYER + "post_attention_layernorm.*", BLOCK + "attention_residual.branch.*"),
    row(LAYER + "pre_feedforward_layernorm.*", BLOCK + "feed_forward_residual.before.*"),
    row(LAYER + "post_feedforward_layernorm.*", BLOCK + "feed_forward_residual.branch.*"),
)

GEMMA3_FIELDS: dict[str, Field] = {
    **{name: field for name, field in GEMMA2_FIELDS.items() if name not in LATER},
    "vocab_size": size(262208),
    "max_position_embeddings": unbuilt(size(131072)),
    "rope_theta": positive(1000000.0),
    "final_logit_softcapping": optional(positive(30.0)),
    "attn_logit_softcapping": unbuilt(choice(None)),  # read by no version of transformers
    "rope_scaling": scaling(),
    "rope_local_base_freq": positive(10000.0),
    "use_bidirectional_attention": optional(flag(False), default=False),
    "sliding_window_pattern": unbuilt(size(6)),  # of older files: one layer in so many sees all tokens
}


def gemma3_completed(values: dict[str, Any]) -> dict[str, Any]:
    """transformers 5 says the places of both kinds of layers in rope_parameters."""
    said = values.get("rope_parameters")
    if isinstance(said, dict) and {"full_attention", "sliding_attention"} & said.keys():
        near = said.get("sliding_attention") or {}
        if near.get("rope_type", "default") != "default":
            raise ConfigError(f"rope_parameters of sliding_attention is {near}, expected no scaling there.")
        values = {**values, "rope_parameters": said.get("full_attention")}
        if near.get("rope_theta") is not None:
            values["rope_local_base_freq"] = near["rope_theta"]
    found = decoder.normalise(values, fields=GEMMA3_FIELDS)
    every = found["sliding_window_pattern"]
    return with_layer_types(
        found, near=lambda index: isinstance(every, int) and every > 0 and (index + 1) % every != 0
    )


def gemma3_body(config: Config) -> BodySpec:
    biased, wide, window = config["attention_bias"], config["head_dim"], config["sliding_window"]
    both = bool(config["use_bidirectional_attention"])
    seeing = partial(
        decoder.attention,
        config,
        bias=biased,
        output_bias=biased,
        causal=not both,
        scale=config["query_pre_attn_scalar"] ** -0.5,
        qk_norm=norm(config),
    )
    if both and window is not None:
        window = window // 2 + 1  # as many tokens on either side as there were before
    near = seeing(window=window, position=Rotary(config["rope_local_base_freq"]))
    far = seeing(position=rotary(config, head_width=wide))
    around = Norms(before=norm(config), branch=norm(config))
    return gemma_decoder(
        config,
        tuple(
            layer(config, near if windowed else far, norms=around, activation=config["hidden_activation"])
            for windowed in sliding(config)
        ),
    )


GEMMA = Family(
    model_type="gemma",
    name="Gemma",
    prefix="model",
    fields=GEMMA_FIELDS,
    body=gemma_body,
    rows=decoder.ROWS,
    heads=(
        decoder.base("Gemma"),
        decoder.causal("Gemma"),
        decoder.sequence("Gemma"),
        decoder.tokens("Gemma"),
    ),
    initial=initial,
    paper="Gemma Team 2024, arXiv:2403.08295",
    tied=decoder.TIED,
    ignored=decoder.IGNORED,
    caches=lambda config: True,
    normalise=gemma_completed,
    lora_targets=("q_proj", "v_proj"),
)
GEMMA2 = Family(
    model_type="gemma2",
    name="Gemma2",
    prefix="model",
    fields=GEMMA2_FIELDS,
    body=gemma2_body,
    rows=decoder.ENDS + AROUND + decoder.ATTENTION + decoder.FEED_FORWARD,
    heads=(
        decoder.base("Gemma2", then=decoder.SHOWING),
        decoder.causal("Gemma2", then=decoder.SHOWING_SCORES, head=capped_head),
        decoder.sequence("Gemma2"),
        decoder.tokens("Gemma2"),
    ),
    initial=initial,
    paper="Gemma Team 2024, arXiv:2408.00118",
    tied=decoder.TIED,
    ignored=decoder.IGNORED,
    caches=lambda config: True,
    normalise=gemma2_completed,
    lora_targets=("q_proj", "v_proj"),
)
GEMMA3_TEXT = Family(
    model_type="gemma3_text",
    name="Gemma3Text",
    prefix="model",
    fields=GEMMA3_FIELDS,
    body=gemma3_body,
    rows=decoder.ENDS + AROUND + decoder.ATTENTION + decoder.QK_NORMS + decoder.FEED_FORWARD,
    heads=(
        decoder.base("Gemma3Text", then=decoder.SHOWING),
        decoder.causal("Gemma3", then=decoder.SHOWING_SCORES, head=capped_head),
        decoder.sequence("Gemma3Text"),
    ),
    initial=initial,
    paper="Gemma Team 2025, arXiv:2503.19786",
    tied=decoder.TIED,
    ignored=decoder.IGNORED,
    caches=lambda config: not config["use_bidirectional_attention"],
    normalise=gemma3_completed,
    lora_targets=("q_proj", "v_proj"),
)
