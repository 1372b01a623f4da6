"""OLMo 2 (OLMo et al. 2024, arXiv:2501.00656): Llama that norms what a sublayer made instead of what it
reads, and its queries and keys over all heads.
"""

from __future__ import annotations

from functools import partial

from hubformer.core import AttentionSpec, FeedForward, LayerSpec, Norms, RMSNorm
from hubformer.families.kit import decoder
from hubformer.families.kit.decoder import BLOCK, LAYER
from hubformer.families.kit.initial import zero_padding_initial
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
from hubformer.weights.map import row

FIELDS: dict[str, Field] = {
    "vocab_size": size(50304),
    "hidden_size": size(4096),
    "intermediate_size": size(11008),
    "num_hidden_layers": count(32),
    "num_attention_heads": size(32),
    "num_key_value_heads": optional(size(32)),
    "hidden_act": activation("silu"),
    "max_position_embeddings": unbuilt(size(2048)),
    "initializer_range": number(0.02),
    "use_cache": flag(True),
    "pad_token_id": token(1),
    "bos_token_id": token(None),
    "eos_token_id": token(50279),
    "tie_word_embeddings": flag(False),
    "rope_theta": positive(10000.0),
    "rope_scaling": scaling(),
    "attention_bias": flag(False),
    "attention_dropout": rate(0.0),
    "rms_norm_eps": positive(1e-5),
}


def attention(config: Config) -> AttentionSpec:
    biased = config["attention_bias"]
    return decoder.attention(
        config,
        bias=biased,
        output_bias=biased,
        qk_norm=RMSNorm(config["rms_norm_eps"]),
        qk_norm_over="all",
    )


def body(config: Config) -> BodySpec:
    layer = LayerSpec(
        attention(config),
        FeedForward(config["intermediate_size"], config["hidden_act"], gated=True, bias=False),
        Norms(branch=RMSNorm(config["rms_norm_eps"])),
    )
    return decoder.body(config, (layer,) * config["num_hidden_layers"])


OLMO2 = Family(
    model_type="olmo2",
    name="Olmo2",
    prefix="model",
    fields=FIELDS,
    body=body,
    rows=(
        *decoder.ENDS,
        *decoder.ATTENTION,
        *decoder.QK_NORMS,
        row(LAYER + "post_attention_layernorm.*", BLOCK + "attention_residual.branch.*"),
        *decoder.FEED_FORWARD,
        row(LAYER + "post_feedforward_layernorm.*", BLOCK + "feed_forward_residual.branch.*"),
    ),
    heads=(decoder.base("Olmo2", then=decoder.COUNTING), decoder.causal("Olmo2")),
    initial=zero_padding_initial,
    paper="OLMo et al. 2024, arXiv:2501.00656",
    tied=decoder.TIED,
    ignored=decoder.IGNORED,
    caches=lambda config: True,
    normalise=partial(decoder.normalise, fields=FIELDS),
    lora_targets=("q_proj", "v_proj"),
)
