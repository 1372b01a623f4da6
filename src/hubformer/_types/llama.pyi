"""Llama: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfGemmaForCausalLM,
    ArgumentsOfGemmaForSequenceClassification,
    ArgumentsOfLlamaForQuestionAnswering,
    ArgumentsOfLlamaModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class LlamaConfig(PreTrainedConfig):
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int | None
    hidden_act: str
    max_position_embeddings: int
    initializer_range: float
    rms_norm_eps: float
    use_cache: bool
    pad_token_id: int | list[int] | None
    bos_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    pretraining_tp: int
    tie_word_embeddings: bool
    rope_theta: float
    rope_scaling: Any
    attention_bias: bool
    attention_dropout: float
    mlp_bias: bool
    head_dim: int | None
    classifier_dropout: float | None
    hidden_dropout: float | None
    def __init__(
        self,
        vocab_size: int = 32000,
        hidden_size: int = 4096,
        intermediate_size: int = 11008,
        num_hidden_layers: int = 32,
        num_attention_heads: int = 32,
        num_key_value_heads: int | None = None,
        hidden_act: str = "silu",
        max_position_embeddings: int = 2048,
        initializer_range: float = 0.02,
        rms_norm_eps: float = 1e-06,
        use_cache: bool = True,
        pad_token_id: int | list[int] | None = None,
        bos_token_id: int | list[int] | None = 1,
        eos_token_id: int | list[int] | None = 2,
        pretraining_tp: int = 1,
        tie_word_embeddings: bool = False,
        rope_theta: float = 10000.0,
        rope_scaling: Any = None,
        attention_bias: bool = False,
        attention_dropout: float = 0.0,
        mlp_bias: bool = False,
        head_dim: int | None = None,
        classifier_dropout: float | None = None,
        hidden_dropout: float | None = None,
        **named: Any,
    ) -> None: ...

class LlamaPreTrainedModel(Loading):
    config: LlamaConfig
    def __init__(self, config: LlamaConfig) -> None: ...

class LlamaModel(ArgumentsOfLlamaModel[outputs.BaseModelOutputWithPast], LlamaPreTrainedModel): ...

class LlamaForCausalLM(ArgumentsOfGemmaForCausalLM[outputs.CausalLMOutputWithPast], LlamaPreTrainedModel): ...

class LlamaForSequenceClassification(
    ArgumentsOfGemmaForSequenceClassification[outputs.SequenceClassifierOutputWithPast], LlamaPreTrainedModel
): ...

class LlamaForQuestionAnswering(
    ArgumentsOfLlamaForQuestionAnswering[outputs.QuestionAnsweringModelOutput], LlamaPreTrainedModel
): ...

class LlamaForTokenClassification(
    ArgumentsOfGemmaForSequenceClassification[outputs.TokenClassifierOutput], LlamaPreTrainedModel
): ...
