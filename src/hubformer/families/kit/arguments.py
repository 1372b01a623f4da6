"""Arguments of `forward` that classes of several families take, in v4's order."""

from __future__ import annotations

SHOWN = ("output_attentions", "output_hidden_states")
ASK = (*SHOWN, "return_dict")
CROSS = ("encoder_hidden_states", "encoder_attention_mask")
ENDS_OF_SPAN = ("start_positions", "end_positions")

# Of encoders as BERT
READ = ("input_ids", "attention_mask", "token_type_ids", "position_ids", "head_mask", "inputs_embeds")
MODEL = (*READ, *CROSS, "past_key_values", "use_cache", *ASK, "cache_position")
GENERATING = (
    *READ,
    *CROSS,
    "labels",
    "past_key_values",
    "use_cache",
    *ASK,
    "cache_position",
    "logits_to_keep",
)
LABELS, SPAN = (*READ, "labels", *ASK), (*READ, *ENDS_OF_SPAN, *ASK)

# Of decoders as GPT-2, which read the cache before the rest
PAST = ("input_ids", "past_key_values")
TYPED = ("attention_mask", "token_type_ids", "position_ids", "head_mask", "inputs_embeds")
GPT_BASE = (*PAST, *TYPED, "use_cache", *ASK, "cache_position")
GPT_CAUSAL = (*PAST, *TYPED, "labels", "use_cache", *ASK, "cache_position")
GPT_LABELS = (*PAST, *TYPED, "labels", "use_cache", *ASK)
GPT_SPAN = ("input_ids", *TYPED, *ENDS_OF_SPAN, *ASK)
