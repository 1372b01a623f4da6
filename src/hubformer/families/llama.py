"""Llama (Touvron et al. 2023, arXiv:2302.13971): pre-norm decoder with rotary positions and gates."""

from __future__ import annotations

from functools import partial

from hubformer.families.kit import decoder
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

FIELDS: dict[str, Field] = {
    "vocab_size": size(32000),
    "hidden_size": size(4096),
    "intermediate_size": size(11008),
    "num_hidden_layers": count(32),
    "num_attention_heads": size(32),
    "num_key_value_heads": optional(size(32)),
    "hidden_act": activation("silu"),
    "max_position_embeddings": unbuilt(size(2048)),
    "initializer_range": number(0.02),
    "rms_norm_eps": positive(1e-6),
    "use_cache": flag(True),
    "pad_token_id": token(None),
    "bos_token_id": token(1),
    "eos_token_id": token(2),
    "pretraining_tp": unbuilt(size(1)),  # into how many parts its products were split in training
    "tie_word_embeddings": flag(False),
    "rope_theta": positive(10000.0),
    "rope_scaling": scaling(),
    "attention_bias": flag(False),
    "attention_dropout": rate(0.0),
    "mlp_bias": flag(False),
    "head_dim": optional(size(128)),
    **decoder.DROPOUT_FIELDS,
}


def body(config: Config) -> BodySpec:
    biased = config["attention_bias"]
    seeing = decoder.attention(config, bias=biased, output_bias=biased)
    same = decoder.layer(config, seeing, bias=config["mlp_bias"])
    return decoder.body(config, (same,) * config["num_hidden_layers"])


LLAMA = Family(
    model_type="llama",
    name="Llama",
    prefix="model",
    fields=FIELDS,
    body=body,
    rows=decoder.ROWS,
    heads=(
        decoder.base("Llama", then=decoder.COUNTING),
        decoder.causal("Llama"),
        decoder.sequence("Llama"),
        decoder.span("Llama"),
        decoder.tokens("Llama"),
    ),
    initial=zero_padding_initial,
    paper="Touvron et al. 2023, arXiv:2302.13971",
    tied=decoder.TIED,
    ignored=decoder.IGNORED,
    caches=lambda config: True,
    normalise=partial(decoder.normalise, fields=FIELDS),
    lora_targets=("q_proj", "v_proj"),
)
