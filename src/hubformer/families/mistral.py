"""Mistral (Jiang et al. 2023, arXiv:2310.06825): Llama whose tokens see a window of those before."""

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
    "intermediate_size": size(14336),
    "num_hidden_layers": count(32),
    "num_attention_heads": size(32),
    "num_key_value_heads": optional(size(8), default=8),
    "head_dim": optional(size(128)),
    "hidden_act": activation("silu"),
    "max_position_embeddings": unbuilt(size(4096 * 32)),
    "initializer_range": number(0.02),
    "rms_norm_eps": positive(1e-6),
    "use_cache": flag(True),
    "pad_token_id": token(None),
    "bos_token_id": token(1),
    "eos_token_id": token(2),
    "tie_word_embeddings": flag(False),
    "rope_theta": positive(10000.0),
    "sliding_window": optional(size(4096), default=4096),
    "attention_dropout": rate(0.0),
    "rope_scaling": scaling(),  # not among v4's arguments, but obeyed where a file has it
    **decoder.DROPOUT_FIELDS,
}


def body(config: Config) -> BodySpec:
    seeing = decoder.attention(config, window=config["sliding_window"])
    return decoder.body(config, (decoder.layer(config, seeing),) * config["num_hidden_layers"])


MISTRAL = Family(
    model_type="mistral",
    name="Mistral",
    prefix="model",
    fields=FIELDS,
    body=body,
    rows=decoder.ROWS,
    heads=(
        decoder.base("Mistral"),
        decoder.causal("Mistral"),
        decoder.sequence("Mistral"),
        decoder.span("Mistral", prefix=None),
        decoder.tokens("Mistral"),
    ),
    initial=zero_padding_initial,
    paper="Jiang et al. 2023, arXiv:2310.06825",
    tied=decoder.TIED,
    ignored=decoder.IGNORED,
    caches=lambda config: True,
    normalise=partial(decoder.normalise, fields=FIELDS),
    lora_targets=("q_proj", "v_proj"),
)
