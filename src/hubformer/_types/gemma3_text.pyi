"""Gemma3Text: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfGemma2ForCausalLM,
    ArgumentsOfGemma2Model,
    ArgumentsOfGemmaForSequenceClassification,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class Gemma3TextConfig(PreTrainedConfig):
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    hidden_activation: str
    max_position_embeddings: int
    initializer_range: float
    rms_norm_eps: float
    use_cache: bool
    pad_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    bos_token_id: int | list[int] | None
    tie_word_embeddings: bool
    rope_theta: float
    attention_bias: bool
    attention_dropout: float
    query_pre_attn_scalar: float
    sliding_window: int | None
    layer_types: Any
    final_logit_softcapping: float | None
    attn_logit_softcapping: str | None
    rope_scaling: Any
    rope_local_base_freq: float
    use_bidirectional_attention: bool | None
    sliding_window_pattern: int
    def __init__(
        self,
        vocab_size: int = 262208,
        hidden_size: int = 2304,
        intermediate_size: int = 9216,
        num_hidden_layers: int = 26,
        num_attention_heads: int = 8,
        num_key_value_heads: int = 4,
        head_dim: int = 256,
        hidden_activation: str = "gelu_pytorch_tanh",
        max_position_embeddings: int = 131072,
        initializer_range: float = 0.02,
        rms_norm_eps: float = 1e-06,
        use_cache: bool = True,
        pad_token_id: int | list[int] | None = 0,
        eos_token_id: int | list[int] | None = 1,
        bos_token_id: int | list[int] | None = 2,
        tie_word_embeddings: bool = True,
        rope_theta: float = 1000000.0,
        attention_bias: bool = False,
        attention_dropout: float = 0.0,
        query_pre_attn_scalar: float = 256,
        sliding_window: int | None = 4096,
        layer_types: Any = None,
        final_logit_softcapping: float | None = None,
        attn_logit_softcapping: str | None = None,
        rope_scaling: Any = None,
        rope_local_base_freq: float = 10000.0,
        use_bidirectional_attention: bool | None = False,
        sliding_window_pattern: int = 6,
        **named: Any,
    ) -> None: ...

class Gemma3TextPreTrainedModel(Loading):
    config: Gemma3TextConfig
    def __init__(self, config: Gemma3TextConfig) -> None: ...

class Gemma3TextModel(ArgumentsOfGemma2Model[outputs.BaseModelOutputWithPast], Gemma3TextPreTrainedModel): ...

class Gemma3ForCausalLM(
    ArgumentsOfGemma2ForCausalLM[outputs.CausalLMOutputWithPast], Gemma3TextPreTrainedModel
): ...

class Gemma3TextForSequenceClassification(
    ArgumentsOfGemmaForSequenceClassification[outputs.SequenceClassifierOutputWithPast], Gemma3TextPreTrainedModel
): ...
