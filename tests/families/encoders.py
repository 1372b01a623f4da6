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
    "albert": {**_SMALL, "embedding_size": 24},
    "electra": {**_SMALL, "embedding_size": 24},
    "mpnet": {**_SMALL, "max_position_embeddings": 42},
}

VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "albert": {
        "plain": {},
        "groups": {"num_hidden_groups": 2, "inner_group_num": 2, "num_attention_heads": 8},
        "wide": {"embedding_size": 32, "hidden_act": "relu", "layer_norm_eps": 1e-3},
        "untied": {"tie_word_embeddings": False, "num_hidden_layers": 4, "num_hidden_groups": 3},
    },
    "electra": {
        "plain": {},
        "wide": {"embedding_size": 32, "hidden_act": "relu", "layer_norm_eps": 1e-3},
        "summary": {"summary_activation": "tanh", "num_attention_heads": 8, "hidden_act": "gelu_new"},
        "untied": {"tie_word_embeddings": False, "num_attention_heads": 1, "type_vocab_size": 4},
    },
    "mpnet": {
        "plain": {},
        "heads": {"num_attention_heads": 8, "hidden_act": "silu"},
        "relu": {"hidden_act": "relu", "layer_norm_eps": 1e-3, "num_attention_heads": 1},
        "untied": {"tie_word_embeddings": False, "hidden_act": "gelu_new"},
    },
}
