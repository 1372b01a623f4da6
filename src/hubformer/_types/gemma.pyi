"""Gemma: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfGemmaForCausalLM,
    ArgumentsOfGemmaForSequenceClassification,
    ArgumentsOfGemmaModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class GemmaConfig(PreTrainedConfig):
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    hidden_act: str
    hidden_activation: str | None
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
    rope_scaling: Any
    use_bidirectional_attention: str | None
    classifier_dropout: float | None
    hidden_dropout: float | None
    def __init__(
        self,
        vocab_size: int = 256000,
        hidden_size: int = 3072,
        intermediate_size: int = 24576,
        num_hidden_layers: int = 28,
        num_attention_heads: int = 16,
        num_key_value_heads: int = 16,
        head_dim: int = 256,
        hidden_act: str = "gelu_pytorch_tanh",
        hidden_activation: str | None = None,
        max_position_embeddings: int = 8192,
        initializer_range: float = 0.02,
        rms_norm_eps: float = 1e-06,
        use_cache: bool = True,
        pad_token_id: int | list[int] | None = 0,
        eos_token_id: int | list[int] | None = 1,
        bos_token_id: int | list[int] | None = 2,
        tie_word_embeddings: bool = True,
        rope_theta: float = 10000.0,
        attention_bias: bool = False,
        attention_dropout: float = 0.0,
        rope_scaling: Any = None,
        use_bidirectional_attention: str | None = None,
        classifier_dropout: float | None = None,
        hidden_dropout: float | None = None,
        **named: Any,
    ) -> None: ...

class GemmaPreTrainedModel(Loading):
    config: GemmaConfig
    def __init__(self, config: GemmaConfig) -> None: ...

class GemmaModel(ArgumentsOfGemmaModel[outputs.BaseModelOutputWithPast], GemmaPreTrainedModel): ...

class GemmaForCausalLM(ArgumentsOfGemmaForCausalLM[outputs.CausalLMOutputWithPast], GemmaPreTrainedModel): ...

class GemmaForSequenceClassification(
    ArgumentsOfGemmaForSequenceClassification[outputs.SequenceClassifierOutputWithPast], GemmaPreTrainedModel
): ...

class GemmaForTokenClassification(
    ArgumentsOfGemmaForSequenceClassification[outputs.TokenClassifierOutput], GemmaPreTrainedModel
): ...
