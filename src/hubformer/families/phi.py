"""Phi (Gunasekar et al. 2023, arXiv:2306.11644; Li et al. 2023, arXiv:2309.05463): decoder whose attention
and feed-forward read one norm side by side, with part of each head turned by its place.
"""

from __future__ import annotations

from functools import partial

from hubformer.core import FeedForward, LayerNorm, Norms, ParallelSpec, StackSpec
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
from hubformer.models.embeddings import TokenEmbedding
from hubformer.models.family import Family
from hubformer.models.heads import HeadSpec, VocabHead
from hubformer.models.rotary import rotary, scaling
from hubformer.weights.map import row

FIELDS: dict[str, Field] = {
    "vocab_size": size(51200),
    "hidden_size": size(2048),
    "intermediate_size": size(8192),
    "num_hidden_layers": count(24),
    "num_attention_heads": size(32),
    "num_key_value_heads": optional(size(32)),
    "resid_pdrop": rate(0.0),
    "embd_pdrop": rate(0.0),
    "attention_dropout": rate(0.0),
    "hidden_act": activation("gelu_new"),
    "max_position_embeddings": unbuilt(size(2048)),
    "initializer_range": number(0.02),
    "layer_norm_eps": positive(1e-5),
    "use_cache": flag(True),
    "tie_word_embeddings": flag(False),
    "rope_theta": positive(10000.0),
    "rope_scaling": scaling(),
    "partial_rotary_factor": rate(0.5),
    "qk_layernorm": flag(False),
    "bos_token_id": token(1),
    "eos_token_id": token(2),
    **decoder.DROPOUT_FIELDS,
}


def body(config: Config) -> BodySpec:
    wide, norm = head_width(config), LayerNorm(config["layer_norm_eps"])
    layer = ParallelSpec(
        decoder.attention(
            config,
            bias=True,
            output_bias=True,
            position=rotary(config, head_width=wide, part=config["partial_rotary_factor"]),
            qk_norm=norm if config["qk_layernorm"] else None,
        ),
        FeedForward(config["intermediate_size"], config["hidden_act"]),
        Norms(before=norm),
        dropout=config["resid_pdrop"],
    )
    width = config["hidden_size"]
    return BodySpec(
        TokenEmbedding(
            config["vocab_size"], width, padding=config["pad_token_id"], dropout=config["embd_pdrop"]
        ),
        StackSpec(width, (layer,) * config["num_hidden_layers"], final_norm=norm),
    )


def vocab_head(config: Config) -> HeadSpec:
    return VocabHead(bias=True, tied=config["tie_word_embeddings"])


ROWS = (
    row("model.embed_tokens.weight", "body.embedding.tokens.weight"),
    row(LAYER + "input_layernorm.*", BLOCK + "attention_residual.before.*"),
    row(LAYER + "self_attn.q_proj.*", BLOCK + "attention.query.*"),
    row(LAYER + "self_attn.k_proj.*", BLOCK + "attention.key.*"),
    row(LAYER + "self_attn.v_proj.*", BLOCK + "attention.value.*"),
    row(LAYER + "self_attn.dense.*", BLOCK + "attention.output.*"),
    row(LAYER + "self_attn.q_layernorm.*", BLOCK + "attention.query_norm.*"),
    row(LAYER + "self_attn.k_layernorm.*", BLOCK + "attention.key_norm.*"),
    row(LAYER + "mlp.fc1.*", BLOCK + "feed_forward.up.*"),
    row(LAYER + "mlp.fc2.*", BLOCK + "feed_forward.down.*"),
    row("model.final_layernorm.*", "body.stack.final_norm.*"),
)

PHI = Family(
    model_type="phi",
    name="Phi",
    prefix="model",
    fields=FIELDS,
    body=body,
    rows=ROWS,
    heads=(
        decoder.base("Phi", then=decoder.SHOWING),
        decoder.causal(
            "Phi",
            then=decoder.SHOWING_SCORES,
            head=vocab_head,
            rows=(decoder.OUTPUT, row("lm_head.bias", "head.bias")),
        ),
        decoder.sequence("Phi"),
        decoder.tokens("Phi"),
    ),
    initial=zero_padding_initial,
    paper="Gunasekar et al. 2023, arXiv:2306.11644",
    tied=decoder.TIED,
    ignored=decoder.IGNORED,
    caches=lambda config: True,
    normalise=partial(decoder.normalise, fields=FIELDS),
    lora_targets=("q_proj", "v_proj", "fc1", "fc2"),
)
