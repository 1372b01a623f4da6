"""Tiny configurations of the decoders of Llama's build, and variants of each that change the maths."""

from __future__ import annotations

from typing import Any

SMALL: dict[str, Any] = {
    "vocab_size": 99,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 56,
    "max_position_embeddings": 40,
    "bos_token_id": 2,
    "eos_token_id": 2,
    "pad_token_id": 1,
    "num_labels": 3,
}
WITHOUT_GROUPS = {name: value for name, value in SMALL.items() if name != "num_key_value_heads"}
BLOOM: dict[str, Any] = {
    "vocab_size": 99,
    "hidden_size": 32,
    "n_layer": 2,
    "n_head": 4,
    "bos_token_id": 2,
    "eos_token_id": 2,
    "pad_token_id": 1,
    "num_labels": 3,
}
FALCON: dict[str, Any] = {
    "vocab_size": 99,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "bos_token_id": 2,
    "eos_token_id": 2,
    "pad_token_id": 1,
    "num_labels": 3,
}
GPT_BIGCODE: dict[str, Any] = {
    "vocab_size": 99,
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": 40,
    "bos_token_id": 2,
    "eos_token_id": 2,
    "pad_token_id": 1,
    "num_labels": 3,
}
GPT_NEO: dict[str, Any] = {
    "vocab_size": 99,
    "hidden_size": 32,
    "num_layers": 2,
    "num_heads": 4,
    "attention_types": [[["global", "local"], 1]],
    "window_size": 4,
    "max_position_embeddings": 40,
    "bos_token_id": 2,
    "eos_token_id": 2,
    "pad_token_id": 1,
    "num_labels": 3,
}
GPTJ: dict[str, Any] = {
    "vocab_size": 99,
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": 40,
    "rotary_dim": 4,
    "bos_token_id": 2,
    "eos_token_id": 2,
    "pad_token_id": 1,
    "num_labels": 3,
}
OPENAI_GPT: dict[str, Any] = {
    "vocab_size": 99,
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": 40,
    "pad_token_id": 1,
    "num_labels": 3,
}
OPT: dict[str, Any] = {
    "vocab_size": 99,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "ffn_dim": 48,
    "max_position_embeddings": 40,
    "num_labels": 3,
}
# Their heads are Llama's, so they are compared in the slow tests, and shown for Llama in the others.
SHARING = [
    "gemma",
    "gemma2",
    "gemma3_text",
    "granite",
    "mistral",
    "mixtral",
    "olmo2",
    "phi",
    "phi3",
    "qwen2",
    "qwen3",
    "qwen3_moe",
    "smollm3",
    "stablelm",
    "starcoder2",
]
# The oracle cannot read choices with a mask: test_openai_gpt.py.
ELSEWHERE = ("OpenAIGPTDoubleHeadsModel",)
# No window is narrower than 4, so that the padding of the rows under test sees a token: the oracle counts the
# scores of padding in its loss of spans, and what sees nothing is nowhere the same.
FULL, WINDOW = "full_attention", "sliding_attention"

TINY: dict[str, dict[str, Any]] = {
    "bloom": BLOOM,
    "falcon": FALCON,
    "gemma": {**SMALL, "head_dim": 6},
    "gemma2": {**SMALL, "head_dim": 6, "sliding_window": 5, "query_pre_attn_scalar": 9},
    "gemma3_text": {
        **SMALL,
        "head_dim": 6,
        "sliding_window": 5,
        "query_pre_attn_scalar": 9,
        "sliding_window_pattern": 2,
    },
    "gpt_bigcode": GPT_BIGCODE,
    "gpt_neo": GPT_NEO,
    "gpt_neox": {**WITHOUT_GROUPS, "rotary_pct": 0.5},
    "gptj": GPTJ,
    "granite": {
        **SMALL,
        "embedding_multiplier": 3.0,
        "logits_scaling": 2.0,
        "residual_multiplier": 0.7,
        "attention_multiplier": 0.4,
    },
    "llama": SMALL,
    "mistral": {**SMALL, "sliding_window": 4},
    "mixtral": {**SMALL, "num_local_experts": 4},
    "olmo2": SMALL,
    "openai-gpt": OPENAI_GPT,
    "opt": OPT,
    "phi": SMALL,
    "phi3": SMALL,
    "qwen2": SMALL,
    "qwen3": {**SMALL, "head_dim": 6},
    "qwen3_moe": {
        **SMALL,
        "head_dim": 6,
        "num_experts": 5,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 24,
    },
    "smollm3": {**SMALL, "no_rope_layer_interval": 2},
    "stablelm": {**SMALL, "qk_layernorm": True},
    "starcoder2": {**SMALL, "sliding_window": 4},
}

VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "bloom": {
        "plain": {},
        "normed": {"apply_residual_connection_post_layernorm": True, "n_head": 16, "hidden_size": 64},
        "odd": {"n_head": 11, "hidden_size": 33, "layer_norm_epsilon": 1e-3},
        "untied": {"tie_word_embeddings": False, "n_head": 1},
    },
    "falcon": {
        "plain": {},
        "new": {"new_decoder_architecture": True, "num_kv_heads": 2, "bias": True, "rope_theta": 500.0},
        "one norm": {"new_decoder_architecture": True, "num_ln_in_parallel_attn": 1, "num_kv_heads": 1},
        "serial": {"multi_query": False, "parallel_attn": False, "bias": True, "layer_norm_epsilon": 1e-3},
        "untied": {"multi_query": False, "tie_word_embeddings": False, "activation": "relu"},
    },
    "gemma": {
        "plain": {},
        "biased": {"attention_bias": True, "rms_norm_eps": 1e-3, "num_key_value_heads": 4},
        "untied": {"tie_word_embeddings": False, "hidden_act": "silu", "num_key_value_heads": 1},
    },
    "gemma2": {
        "plain": {},
        "uncapped": {"attn_logit_softcapping": None, "final_logit_softcapping": None, "attention_bias": True},
        "capped": {"attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0, "rope_theta": 500.0},
        "full": {"layer_types": [FULL, WINDOW], "tie_word_embeddings": False, "hidden_activation": "silu"},
    },
    "gemma3_text": {
        "plain": {},
        "capped": {"final_logit_softcapping": 3.0, "attention_bias": True, "tie_word_embeddings": False},
        "scaled": {
            "rope_scaling": {"rope_type": "linear", "factor": 8.0},
            "rope_theta": 700.0,
            "rope_local_base_freq": 30.0,
        },
        "full": {"layer_types": [FULL, WINDOW], "rms_norm_eps": 1e-3, "hidden_activation": "silu"},
        "both ways": {"use_bidirectional_attention": True, "sliding_window": 4},
    },
    "gpt_bigcode": {
        "plain": {},
        "many": {"multi_query": False, "activation_function": "relu", "n_inner": 40},
        "unscaled": {"scale_attn_weights": False, "n_head": 8, "layer_norm_epsilon": 1e-3},
        "untied": {"tie_word_embeddings": False, "n_head": 1, "activation_function": "gelu"},
    },
    "gpt_neo": {
        "plain": {},
        "local": {"attention_types": [[["local"], 2]], "window_size": 5, "num_heads": 8},
        "global": {
            "attention_types": [[["global"], 2]],
            "intermediate_size": 40,
            "activation_function": "relu",
        },
        "untied": {"tie_word_embeddings": False, "layer_norm_epsilon": 1e-3, "num_heads": 1},
    },
    "gpt_neox": {
        "plain": {},
        "serial": {"use_parallel_residual": False, "layer_norm_eps": 1e-3, "rotary_emb_base": 500},
        "whole": {"rotary_pct": 1.0, "hidden_act": "gelu_new", "num_attention_heads": 2},
        "unbiased": {"attention_bias": False, "tie_word_embeddings": True, "num_attention_heads": 8},
    },
    "gptj": {
        "plain": {},
        "whole": {"rotary_dim": 8, "n_inner": 40, "activation_function": "relu"},
        "tied": {"tie_word_embeddings": True, "layer_norm_epsilon": 1e-3, "n_head": 2},
    },
    "granite": {
        "plain": {},
        "biased": {"attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True},
        "alone": {"residual_multiplier": 1.3, "num_key_value_heads": 1, "rope_theta": 500.0},
    },
    "llama": {
        "plain": {},
        "biased": {"attention_bias": True, "mlp_bias": True, "rms_norm_eps": 1e-3, "rope_theta": 500.0},
        "wide": {"head_dim": 6, "num_key_value_heads": 1, "tie_word_embeddings": True, "hidden_act": "gelu"},
        "linear": {"rope_scaling": {"type": "linear", "factor": 3.0}, "num_key_value_heads": None},
    },
    "mistral": {
        "plain": {},
        "full": {"sliding_window": None, "rope_theta": 500.0, "num_key_value_heads": 4},
        "narrow": {"sliding_window": 5, "head_dim": 6, "tie_word_embeddings": True, "hidden_act": "relu"},
    },
    "mixtral": {
        "plain": {},
        "one": {"num_experts_per_tok": 1, "num_local_experts": 5, "hidden_act": "gelu"},
        "window": {"num_experts_per_tok": 3, "sliding_window": 4, "tie_word_embeddings": True},
        "every": {"num_experts_per_tok": 3, "num_local_experts": 3, "rope_theta": 500.0, "head_dim": 6},
    },
    "olmo2": {
        "plain": {},
        "biased": {"attention_bias": True, "rms_norm_eps": 1e-3, "tie_word_embeddings": True},
        "scaled": {"num_key_value_heads": 4, "rope_scaling": {"rope_type": "linear", "factor": 2.0}},
    },
    "openai-gpt": {
        "plain": {},
        "relu": {"afn": "relu", "n_head": 8, "layer_norm_epsilon": 1e-3},
        "swish": {"afn": "swish", "summary_activation": "tanh", "n_layer": 1},
        "last": {"summary_type": "last", "n_head": 1, "summary_first_dropout": 0.0},
    },
    "opt": {
        "plain": {},
        "after": {"do_layer_norm_before": False, "word_embed_proj_dim": 20, "activation_function": "gelu"},
        "narrow": {"word_embed_proj_dim": 12, "tie_word_embeddings": False, "enable_bias": False},
        "bare": {"layer_norm_elementwise_affine": False, "_remove_final_layer_norm": True, "pad_token_id": 4},
    },
    "phi": {
        "plain": {},
        "normed": {"qk_layernorm": True, "num_key_value_heads": 4, "layer_norm_eps": 1e-3},
        "whole": {"partial_rotary_factor": 1.0, "hidden_act": "relu", "tie_word_embeddings": True},
    },
    "phi3": {
        "plain": {},
        "window": {"sliding_window": 4, "num_key_value_heads": 4, "tie_word_embeddings": True},
        "partial": {"partial_rotary_factor": 0.5, "hidden_act": "gelu", "rms_norm_eps": 1e-3},
    },
    "qwen2": {
        "plain": {},
        "upper": {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1},
        "told": {"use_sliding_window": True, "sliding_window": 6, "layer_types": [WINDOW, FULL]},
        "tied": {"tie_word_embeddings": True, "rope_theta": 500.0, "num_key_value_heads": 4},
    },
    "qwen3": {
        "plain": {},
        "biased": {"attention_bias": True, "rms_norm_eps": 1e-3, "tie_word_embeddings": True},
        "window": {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 0},
    },
    "qwen3_moe": {
        "plain": {},
        "renormalised": {"norm_topk_prob": True, "attention_bias": True, "num_experts_per_tok": 3},
        "every second": {"decoder_sparse_step": 2, "rms_norm_eps": 1e-3, "tie_word_embeddings": True},
        "told": {"mlp_only_layers": [1], "use_sliding_window": True, "sliding_window": 4},
        "every": {"num_experts_per_tok": 5, "hidden_act": "relu", "rope_theta": 500.0},
    },
    "smollm3": {
        "plain": {},
        "told": {"no_rope_layers": [0, 1], "attention_bias": True, "mlp_bias": True},
        "window": {"use_sliding_window": True, "sliding_window": 4, "tie_word_embeddings": False},
        "types": {"use_sliding_window": True, "sliding_window": 4, "layer_types": [WINDOW, FULL]},
    },
    "stablelm": {
        "plain": {},
        "parallel": {"use_parallel_residual": True, "use_qkv_bias": True, "layer_norm_eps": 1e-3},
        "unnormed": {"qk_layernorm": False, "partial_rotary_factor": 0.5, "tie_word_embeddings": True},
        "shared": {"num_key_value_heads": 1, "hidden_act": "gelu", "rope_theta": 500.0},
    },
    "starcoder2": {
        "plain": {},
        "unbiased": {"use_bias": False, "sliding_window": None, "norm_epsilon": 1e-3},
        "untied": {"tie_word_embeddings": False, "num_key_value_heads": 1, "hidden_act": "silu"},
    },
}
