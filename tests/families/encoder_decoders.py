"""Encoder-decoders: their rows of the tables in cases.py."""

from __future__ import annotations

from typing import Any

VOCAB = 99

_BART = {
    "vocab_size": VOCAB,
    "d_model": 32,
    "encoder_layers": 3,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 8,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 40,
    "max_position_embeddings": 40,
    "num_labels": 3,
}

# Narrow: attention is not scaled, and wide shaken layers amplify rounding.
_T5 = {
    "vocab_size": VOCAB,
    "d_model": 16,
    "d_kv": 8,
    "d_ff": 24,
    "num_layers": 3,
    "num_decoder_layers": 2,
    "num_heads": 4,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 7,
    "decoder_start_token_id": 0,
    "eos_token_id": 2,
    "num_labels": 3,
}

TINY: dict[str, dict[str, Any]] = {
    "blenderbot": _BART,
    "m2m_100": _BART,
    "marian": {**_BART, "pad_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1},
    "mbart": _BART,
    "mt5": _T5,
    "pegasus": {**_BART, "pad_token_id": 1, "eos_token_id": 2},
    "t5": _T5,
    "umt5": _T5,
    "bart": _BART,
}

VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    **{
        name: {
            "plain": {},
            "scaled": {"scale_embedding": name != "m2m_100", "activation_function": "silu"},
            "heads": {"encoder_attention_heads": 1, "decoder_attention_heads": 2, "decoder_layers": 1},
        }
        for name in ("blenderbot", "m2m_100", "marian", "mbart", "pegasus")
    },
    "mt5": {
        "plain": {},
        "narrow": {"d_kv": 6, "relative_attention_num_buckets": 4, "layer_norm_epsilon": 1e-3},
        "ungated": {"feed_forward_proj": "silu", "num_heads": 1},
    },
    "t5": {
        "plain": {},
        "gated": {"feed_forward_proj": "gated-gelu", "num_heads": 8, "d_kv": 4},
        "narrow": {"d_kv": 6, "relative_attention_num_buckets": 12, "layer_norm_epsilon": 1e-3},
        "silu": {"feed_forward_proj": "gated-silu", "num_layers": 2},
    },
    "umt5": {
        "plain": {},
        "narrow": {"d_kv": 6, "relative_attention_num_buckets": 4, "layer_norm_epsilon": 1e-3},
        "ungated": {"feed_forward_proj": "relu", "num_heads": 1},
    },
    "bart": {
        "plain": {},
        "scaled": {"scale_embedding": True, "activation_function": "relu", "decoder_layers": 1},
        "heads": {"encoder_attention_heads": 1, "decoder_attention_heads": 2, "activation_function": "silu"},
    },
}

# transformers 5 ties mT5's scores to its token vectors, whatever the file says: test_t5.py.
ELSEWHERE = ("MT5ForConditionalGeneration",)
# The class that writes.
WRITERS = {
    "bart": "BartForConditionalGeneration",
    "marian": "MarianMTModel",
    "mbart": "MBartForConditionalGeneration",
    "t5": "T5ForConditionalGeneration",
    "umt5": "UMT5ForConditionalGeneration",
}
