"""Arguments of `forward` that classes of several families take, in v4's order."""

from __future__ import annotations

ASK = ("output_attentions", "output_hidden_states", "return_dict")
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

# Of encoder-decoders
SEQ2SEQ_READ = (
    "input_ids",
    "attention_mask",
    "decoder_input_ids",
    "decoder_attention_mask",
    "head_mask",
    "decoder_head_mask",
    "cross_attn_head_mask",
    "encoder_outputs",
)
SEQ2SEQ_EMBEDS = ("inputs_embeds", "decoder_inputs_embeds")
SEQ2SEQ_REST = ("use_cache", *ASK, "cache_position")
SEQ2SEQ_MODEL = (*SEQ2SEQ_READ, "past_key_values", *SEQ2SEQ_EMBEDS, *SEQ2SEQ_REST)
SEQ2SEQ_GENERATING = (*SEQ2SEQ_READ, "past_key_values", *SEQ2SEQ_EMBEDS, "labels", *SEQ2SEQ_REST)
