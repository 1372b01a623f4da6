"""Starcoder2: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfGemmaForCausalLM,
    ArgumentsOfGemmaForSequenceClassification,
    ArgumentsOfGemmaModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class Starcoder2Config(PreTrainedConfig):
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int | None
    hidden_act: str
    max_position_embeddings: int
    initializer_range: float
    norm_epsilon: float
    use_cache: bool
    bos_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    rope_theta: float
    rope_scaling: Any
    sliding_window: int | None
    attention_dropout: float
    residual_dropout: float
    embedding_dropout: float
    use_bias: bool
    classifier_dropout: float | None
    hidden_dropout: float | None
    def __init__(
        self,
        vocab_size: int = 49152,
        hidden_size: int = 3072,
        intermediate_size: int = 12288,
        num_hidden_layers: int = 30,
        num_attention_heads: int = 24,
        num_key_value_heads: int | None = 2,
        hidden_act: str = "gelu_pytorch_tanh",
        max_position_embeddings: int = 4096,
        initializer_range: float = 0.018042,
        norm_epsilon: float = 1e-05,
        use_cache: bool = True,
        bos_token_id: int | list[int] | None = 50256,
        eos_token_id: int | list[int] | None = 50256,
        rope_theta: float = 10000.0,
        rope_scaling: Any = None,
        sliding_window: int | None = None,
        attention_dropout: float = 0.0,
        residual_dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        use_bias: bool = True,
        classifier_dropout: float | None = None,
        hidden_dropout: float | None = None,
        **named: Any,
    ) -> None: ...

class Starcoder2PreTrainedModel(Loading):
    config: Starcoder2Config
    def __init__(self, config: Starcoder2Config) -> None: ...

class Starcoder2Model(ArgumentsOfGemmaModel[outputs.BaseModelOutputWithPast], Starcoder2PreTrainedModel): ...

class Starcoder2ForCausalLM(
    ArgumentsOfGemmaForCausalLM[outputs.CausalLMOutputWithPast], Starcoder2PreTrainedModel
): ...

class Starcoder2ForSequenceClassification(
    ArgumentsOfGemmaForSequenceClassification[outputs.SequenceClassifierOutputWithPast], Starcoder2PreTrainedModel
): ...

class Starcoder2ForTokenClassification(
    ArgumentsOfGemmaForSequenceClassification[outputs.TokenClassifierOutput], Starcoder2PreTrainedModel
): ...
