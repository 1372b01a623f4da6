"""Phi: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfGemma2ForCausalLM,
    ArgumentsOfGemma2Model,
    ArgumentsOfGemmaForSequenceClassification,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class PhiConfig(PreTrainedConfig):
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int | None
    resid_pdrop: float
    embd_pdrop: float
    attention_dropout: float
    hidden_act: str
    max_position_embeddings: int
    initializer_range: float
    layer_norm_eps: float
    use_cache: bool
    tie_word_embeddings: bool
    rope_theta: float
    rope_scaling: Any
    partial_rotary_factor: float
    qk_layernorm: bool
    bos_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    classifier_dropout: float | None
    hidden_dropout: float | None
    def __init__(
        self,
        vocab_size: int = 51200,
        hidden_size: int = 2048,
        intermediate_size: int = 8192,
        num_hidden_layers: int = 24,
        num_attention_heads: int = 32,
        num_key_value_heads: int | None = None,
        resid_pdrop: float = 0.0,
        embd_pdrop: float = 0.0,
        attention_dropout: float = 0.0,
        hidden_act: str = "gelu_new",
        max_position_embeddings: int = 2048,
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-05,
        use_cache: bool = True,
        tie_word_embeddings: bool = False,
        rope_theta: float = 10000.0,
        rope_scaling: Any = None,
        partial_rotary_factor: float = 0.5,
        qk_layernorm: bool = False,
        bos_token_id: int | list[int] | None = 1,
        eos_token_id: int | list[int] | None = 2,
        classifier_dropout: float | None = None,
        hidden_dropout: float | None = None,
        **named: Any,
    ) -> None: ...

class PhiPreTrainedModel(Loading):
    config: PhiConfig
    def __init__(self, config: PhiConfig) -> None: ...

class PhiModel(ArgumentsOfGemma2Model[outputs.BaseModelOutputWithPast], PhiPreTrainedModel): ...

class PhiForCausalLM(ArgumentsOfGemma2ForCausalLM[outputs.CausalLMOutputWithPast], PhiPreTrainedModel): ...

class PhiForSequenceClassification(
    ArgumentsOfGemmaForSequenceClassification[outputs.SequenceClassifierOutputWithPast], PhiPreTrainedModel
): ...

class PhiForTokenClassification(
    ArgumentsOfGemmaForSequenceClassification[outputs.TokenClassifierOutput], PhiPreTrainedModel
): ...
