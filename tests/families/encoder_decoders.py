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

_LED = {
    **{name: value for name, value in _BART.items() if name != "max_position_embeddings"},
    "max_encoder_position_embeddings": 70,
    "max_decoder_position_embeddings": 40,
    "attention_window": 8,
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

_BERT = {
    "model_type": "bert",
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
}
_ROBERTA = {**_BERT, "model_type": "roberta", "type_vocab_size": 2, "max_position_embeddings": 42}
_GPT2 = {
    "model_type": "gpt2",
    "vocab_size": VOCAB,
    "n_embd": 24,
    "n_layer": 2,
    "n_head": 3,
    "n_positions": 40,
    "bos_token_id": 2,
    "eos_token_id": 2,
}
_DISTILBERT = {
    "model_type": "distilbert",
    "vocab_size": VOCAB,
    "dim": 32,
    "n_layers": 2,
    "n_heads": 4,
    "hidden_dim": 48,
    "max_position_embeddings": 40,
}
_ELECTRA = {**_BERT, "model_type": "electra", "embedding_size": 16, "num_hidden_layers": 2}


def _decoding(config: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**config, "is_decoder": True, "add_cross_attention": True, **changes}


_PAIR = {
    "encoder": _BERT,
    "decoder": _decoding(_BERT, num_hidden_layers=2),
    "pad_token_id": 1,
    "decoder_start_token_id": 4,
}

TINY: dict[str, dict[str, Any]] = {
    "blenderbot": _BART,
    "blenderbot-small": _BART,
    "encoder-decoder": _PAIR,
    "led": _LED,
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
        for name in ("blenderbot", "blenderbot-small", "m2m_100", "marian", "mbart", "pegasus")
    },
    "encoder-decoder": {
        "plain": {},
        "bert to gpt2": {"decoder": _decoding(_GPT2)},  # of another width: projected
        "roberta to roberta": {"encoder": _ROBERTA, "decoder": _decoding(_ROBERTA, hidden_act="relu")},
        "distilbert to gpt2": {
            "encoder": _DISTILBERT,
            "decoder": _decoding(_GPT2, n_embd=32, n_head=4, scale_attn_by_inverse_layer_idx=True),
        },
        "electra to bert": {"encoder": _ELECTRA, "decoder": _decoding(_BERT, tie_word_embeddings=False)},
        "xlm-roberta to electra": {
            "encoder": {**_ROBERTA, "model_type": "xlm-roberta", "num_hidden_layers": 1},
            "decoder": _decoding(_ELECTRA, hidden_size=16, num_attention_heads=2),
        },
        "albert to camembert": {
            "encoder": {**_BERT, "model_type": "albert", "embedding_size": 16},
            "decoder": _decoding(_ROBERTA, model_type="camembert", num_hidden_layers=1),
        },
        "gpt2 to bart": {
            "encoder": _GPT2,
            "decoder": {**_BART, "model_type": "bart", "decoder_layers": 3},
        },
        "xlnet to xlm-roberta": {
            "encoder": {
                **{"model_type": "xlnet", "vocab_size": VOCAB, "d_model": 32},
                **{"n_layer": 2, "n_head": 4, "d_inner": 48},
            },
            "decoder": _decoding(_ROBERTA, model_type="xlm-roberta"),
        },
    },
    "led": {
        "plain": {},
        "windows": {"attention_window": [4, 6, 4], "activation_function": "relu", "decoder_layers": 1},
        "narrow": {"attention_window": 6, "encoder_attention_heads": 1, "decoder_attention_heads": 2},
        "wide": {"attention_window": 64, "activation_function": "silu", "encoder_layers": 1},
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
# It has no classes for LED's rows: test_led.py has answers of transformers 4.57.6.
ELSEWHERE = ("MT5ForConditionalGeneration", "LEDForSequenceClassification")
# The class that writes.
WRITERS = {
    "bart": "BartForConditionalGeneration",
    "encoder-decoder": "EncoderDecoderModel",
    "led": "LEDForConditionalGeneration",
    "blenderbot-small": "BlenderbotSmallForConditionalGeneration",
    "marian": "MarianMTModel",
    "mbart": "MBartForConditionalGeneration",
    "t5": "T5ForConditionalGeneration",
    "umt5": "UMT5ForConditionalGeneration",
}
