"""StarCoder 2 (Lozhkov et al. 2024, arXiv:2402.19173): grouped heads, rotary positions and a window, with
layer norms and a feed-forward without gates.
"""

from __future__ import annotations

from functools import partial

from hubformer.core import FeedForward, LayerNorm, LayerSpec, Norms, StackSpec
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
from hubformer.models.embeddings import TokenEmbedding
from hubformer.models.family import Family
from hubformer.models.rotary import scaling
from hubformer.weights.map import row

FIELDS: dict[str, Field] = {
    "vocab_size": size(49152),
    "hidden_size": size(3072),
    "intermediate_size": size(12288),
    "num_hidden_layers": count(30),
    "num_attention_heads": size(24),
    "num_key_value_heads": optional(size(2), default=2),
    "hidden_act": activation("gelu_pytorch_tanh"),
    "max_position_embeddings": unbuilt(size(4096)),
    "initializer_range": number(0.018042),
    "norm_epsilon": positive(1e-5),
    "use_cache": flag(True),
    "bos_token_id": token(50256),
    "eos_token_id": token(50256),
    "rope_theta": positive(10000.0),
    "rope_scaling": scaling(),
    "sliding_window": optional(size(4096)),
    "attention_dropout": rate(0.0),
    "residual_dropout": rate(0.0),
    "embedding_dropout": rate(0.0),
    "use_bias": flag(True),
    **decoder.DROPOUT_FIELDS,
}


def body(config: Config) -> BodySpec:
    biased, norm, width = config["use_bias"], LayerNorm(config["norm_epsilon"]), config["hidden_size"]
    layer = LayerSpec(
        decoder.attention(config, bias=biased, output_bias=biased, window=config["sliding_window"]),
        FeedForward(config["intermediate_size"], config["hidden_act"], bias=biased),
        Norms(before=norm),
        dropout=config["residual_dropout"],
    )
    return BodySpec(
        TokenEmbedding(
            config["vocab_size"],
            width,
            padding=config["pad_token_id"],
            dropout=config["embedding_dropout"],
        ),
        StackSpec(width, (layer,) * config["num_hidden_layers"], final_norm=norm),
    )


STARCODER2 = Family(
    model_type="starcoder2",
    name="Starcoder2",
    prefix="model",
    fields=FIELDS,
    body=body,
    rows=(
        *decoder.ENDS,
        *decoder.NORMS,
        *decoder.ATTENTION,
        row(LAYER + "mlp.c_fc.*", BLOCK + "feed_forward.up.*"),
        row(LAYER + "mlp.c_proj.*", BLOCK + "feed_forward.down.*"),
    ),
    heads=(
        decoder.base("Starcoder2"),
        decoder.causal("Starcoder2"),
        decoder.sequence("Starcoder2"),
        decoder.tokens("Starcoder2"),
    ),
    initial=zero_padding_initial,
    paper="Lozhkov et al. 2024, arXiv:2402.19173",
    tied=decoder.TIED,
    ignored=decoder.IGNORED,
    caches=lambda config: True,
    normalise=partial(decoder.normalise, fields=FIELDS),
    lora_targets=("q_proj", "v_proj"),
)
