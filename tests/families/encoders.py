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

# Rows in blocks say something else among longer ones: their last block sees and is seen everywhere.
BLOCKS = ("blocks", "blocks twice")
_XLM = {
    "vocab_size": VOCAB,
    "emb_dim": 32,
    "n_layers": 3,
    "n_heads": 4,
    "max_position_embeddings": 40,
    "embed_init_std": 0.2,
    "num_labels": 3,
}

OWN_PADDING = ("deberta", "deberta-v2", "modernbert")  # what padding attends to is not what tokens do

TINY: dict[str, dict[str, Any]] = {
    "albert": {**_SMALL, "embedding_size": 24},
    "big_bird": _SMALL,
    "deberta": {
        **_SMALL,
        "relative_attention": True,
        "pos_att_type": ["c2p", "p2c"],
        "max_relative_positions": 6,
    },
    "deberta-v2": {
        **_SMALL,
        "relative_attention": True,
        "pos_att_type": "p2c|c2p",
        "position_buckets": 4,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "position_biased_input": False,
    },
    "electra": {**_SMALL, "embedding_size": 24},
    "gte": {**_SMALL, "pad_token_id": 0, "type_vocab_size": 2},
    "jina_bert": {**_SMALL, "feed_forward_type": "geglu"},
    "modernbert": {
        "vocab_size": VOCAB,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "max_position_embeddings": 40,
        "local_attention": 4,
        "pad_token_id": 0,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "cls_token_id": 1,
        "sep_token_id": 2,
        "num_labels": 3,
    },
    "mpnet": {**_SMALL, "max_position_embeddings": 42},
    "nomic_bert": _SMALL,
    "flaubert": _XLM,
    "xlm": _XLM,
}

# A summary of the last place or of the mean counts padding in the oracle: test_xlm.py.
_XLM_VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "langs": {"n_langs": 3, "gelu_activation": False, "n_heads": 8, "layer_norm_eps": 1e-3},
    "causal": {"causal": True, "n_langs": 2, "sinusoidal_embeddings": True, "start_n_top": 3},
    "alike": {"n_langs": 3, "use_lang_emb": False, "pad_token_id": 4, "summary_activation": "tanh"},
    "untied": {"tie_word_embeddings": False, "n_heads": 1, "n_layers": 1, "end_n_top": 2},
}

VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "albert": {
        "plain": {},
        "groups": {"num_hidden_groups": 2, "inner_group_num": 2, "num_attention_heads": 8},
        "wide": {"embedding_size": 32, "hidden_act": "relu", "layer_norm_eps": 1e-3},
        "untied": {"tie_word_embeddings": False, "num_hidden_layers": 4, "num_hidden_groups": 3},
    },
    # Larger blocks, and blocks while training, are in test_big_bird.py. Whole rows come first: where the
    # oracle turns to them by itself, it builds modules, which draw random numbers.
    "big_bird": {
        "whole": {"attention_type": "original_full"},
        "plain": {},
        "relu": {"hidden_act": "relu", "layer_norm_eps": 1e-3, "rescale_embeddings": True},
        "unbiased": {"use_bias": False, "num_attention_heads": 8},
        "untied": {"tie_word_embeddings": False, "type_vocab_size": 5, "num_attention_heads": 1},
        "blocks": {"block_size": 1, "num_random_blocks": 1, "num_attention_heads": 8},
        "blocks twice": {"block_size": 1, "num_random_blocks": 2, "use_bias": False, "hidden_act": "gelu"},
    },
    "deberta": {
        "plain": {},
        "keys": {"pos_att_type": ["p2c"], "type_vocab_size": 3, "max_relative_positions": -1},
        "queries": {"pos_att_type": ["c2p"], "position_biased_input": False, "num_attention_heads": 8},
        "narrow": {"embedding_size": 24, "hidden_act": "relu", "layer_norm_eps": 1e-3},
        "untied": {"tie_word_embeddings": False, "relative_attention": False},
        "new": {"legacy": False, "num_attention_heads": 1, "num_hidden_layers": 1},
    },
    "deberta-v2": {
        "plain": {},
        "own": {"share_att_key": False, "position_buckets": -1, "norm_rel_ebd": "none", "type_vocab_size": 3},
        "keys": {"share_att_key": False, "pos_att_type": ["p2c"], "num_attention_heads": 8},
        "convolved": {
            "conv_kernel_size": 3,
            "conv_act": "gelu",
            "conv_groups": 2,
            "position_biased_input": True,
        },
        "narrow": {
            "embedding_size": 24,
            "hidden_act": "relu",
            "pos_att_type": ["c2p"],
            "layer_norm_eps": 1e-3,
        },
        "untied": {
            "norm_rel_ebd": "none",
            "tie_word_embeddings": False,
            "relative_attention": False,
            "pooler_hidden_act": "tanh",
        },
        "new": {"legacy": False, "conv_kernel_size": 5, "num_hidden_layers": 1},
    },
    "electra": {
        "plain": {},
        "wide": {"embedding_size": 32, "hidden_act": "relu", "layer_norm_eps": 1e-3},
        "summary": {"summary_activation": "tanh", "num_attention_heads": 8, "hidden_act": "gelu_new"},
        "untied": {"tie_word_embeddings": False, "num_attention_heads": 1, "type_vocab_size": 4},
    },
    "gte": {
        "plain": {},
        "types": {"type_vocab_size": 3, "num_attention_heads": 8, "rope_parameters": {"rope_theta": 50.0}},
        "relu": {"hidden_act": "relu", "layer_norm_eps": 1e-3, "type_vocab_size": 0},
        "untied": {"tie_word_embeddings": False, "num_attention_heads": 1, "hidden_act": "silu"},
        "linear": {
            "rope_parameters": {"rope_theta": 50.0, "rope_type": "linear", "factor": 2.0},
            "num_hidden_layers": 1,
        },
    },
    "jina_bert": {
        "plain": {},
        "relu": {"feed_forward_type": "reglu", "hidden_act": "relu", "layer_norm_eps": 1e-3},
        "odd": {"hidden_size": 36, "num_attention_heads": 12, "type_vocab_size": 3, "pad_token_id": 4},
        "normed": {"qk_post_norm": True, "layer_norm_eps": 1e-3, "classifier_dropout": 0.2},
        "normed relu": {"qk_post_norm": True, "feed_forward_type": "reglu", "num_attention_heads": 1},
        "untied": {"tie_word_embeddings": False, "hidden_act": "silu", "num_hidden_layers": 1},
    },
    "modernbert": {
        "plain": {},
        "mean": {"classifier_pooling": "mean", "hidden_activation": "relu", "norm_eps": 1e-3},
        "biased": {
            "norm_bias": True,
            "attention_bias": True,
            "mlp_bias": True,
            "classifier_bias": True,
            "decoder_bias": False,
            "classifier_activation": "tanh",
        },
        "turned": {"global_rope_theta": 50.0, "local_rope_theta": 20.0, "num_attention_heads": 8},
        "near": {"global_attn_every_n_layers": 2, "local_attention": 3, "num_hidden_layers": 3},
        "untied": {"tie_word_embeddings": False, "sparse_prediction": True, "num_attention_heads": 1},
        "sparse": {"sparse_prediction": True, "sparse_pred_ignore_index": -1, "num_hidden_layers": 1},
    },
    "mpnet": {
        "plain": {},
        "heads": {"num_attention_heads": 8, "hidden_act": "silu"},
        "relu": {"hidden_act": "relu", "layer_norm_eps": 1e-3, "num_attention_heads": 1},
        "untied": {"tie_word_embeddings": False, "hidden_act": "gelu_new"},
    },
    "flaubert": _XLM_VARIANTS,  # pre_norm, with which the oracle stops, is in test_xlm.py, too
    "xlm": _XLM_VARIANTS,
    "nomic_bert": {
        "plain": {},
        "heads": {"num_attention_heads": 8, "type_vocab_size": 1, "hidden_act": "gelu"},
        "relu": {"hidden_act": "relu", "layer_norm_eps": 1e-3, "rope_parameters": {"rope_theta": 20.0}},
        "untied": {"tie_word_embeddings": False, "num_attention_heads": 1},
    },
}
