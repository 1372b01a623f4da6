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

TINY: dict[str, dict[str, Any]] = {
    "bart": _BART,
}

VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "bart": {
        "plain": {},
        "scaled": {"scale_embedding": True, "activation_function": "relu", "decoder_layers": 1},
        "heads": {"encoder_attention_heads": 1, "decoder_attention_heads": 2, "activation_function": "silu"},
    },
}

# The class that writes.
WRITERS = {"bart": "BartForConditionalGeneration"}
