"""The encoders beside BERT, RoBERTa and DistilBERT: their rows of the tables in cases.py."""

from __future__ import annotations

from typing import Any

VOCAB = 99

_SMALL = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
    "num_labels": 3,
}

TINY: dict[str, dict[str, Any]] = {
    "mpnet": {**_SMALL, "max_position_embeddings": 42},
}

VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "mpnet": {
        "plain": {},
        "heads": {"num_attention_heads": 8, "hidden_act": "silu"},
        "relu": {"hidden_act": "relu", "layer_norm_eps": 1e-3, "num_attention_heads": 1},
        "untied": {"tie_word_embeddings": False, "hidden_act": "gelu_new"},
    },
}
