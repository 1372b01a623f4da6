"""GPTNeo: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfAlbertForQuestionAnswering,
    ArgumentsOfGPT2ForSequenceClassification,
    ArgumentsOfGPTNeoForCausalLM,
    ArgumentsOfGPTNeoModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class GPTNeoConfig(PreTrainedConfig):
    vocab_size: int
    max_position_embeddings: int
    hidden_size: int
    num_layers: int
    attention_types: Any
    num_heads: int
    intermediate_size: int | None
    window_size: int
    activation_function: str
    resid_dropout: float
    embed_dropout: float
    attention_dropout: float
    classifier_dropout: float
    layer_norm_epsilon: float
    initializer_range: float
    use_cache: bool
    bos_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    num_attention_heads: int
    num_hidden_layers: int
    def __init__(
        self,
        vocab_size: int = 50257,
        max_position_embeddings: int = 2048,
        hidden_size: int = 2048,
        num_layers: int = 24,
        attention_types: Any = [[["global", "local"], 12]],
        num_heads: int = 16,
        intermediate_size: int | None = None,
        window_size: int = 256,
        activation_function: str = "gelu_new",
        resid_dropout: float = 0.0,
        embed_dropout: float = 0.0,
        attention_dropout: float = 0.0,
        classifier_dropout: float = 0.1,
        layer_norm_epsilon: float = 1e-05,
        initializer_range: float = 0.02,
        use_cache: bool = True,
        bos_token_id: int | list[int] | None = 50256,
        eos_token_id: int | list[int] | None = 50256,
        **named: Any,
    ) -> None: ...

class GPTNeoPreTrainedModel(Loading):
    config: GPTNeoConfig
    def __init__(self, config: GPTNeoConfig) -> None: ...

class GPTNeoModel(ArgumentsOfGPTNeoModel[outputs.BaseModelOutputWithPast], GPTNeoPreTrainedModel): ...

class GPTNeoForCausalLM(
    ArgumentsOfGPTNeoForCausalLM[outputs.CausalLMOutputWithPast], GPTNeoPreTrainedModel
): ...

class GPTNeoForQuestionAnswering(
    ArgumentsOfAlbertForQuestionAnswering[outputs.QuestionAnsweringModelOutput], GPTNeoPreTrainedModel
): ...

class GPTNeoForSequenceClassification(
    ArgumentsOfGPT2ForSequenceClassification[outputs.SequenceClassifierOutputWithPast], GPTNeoPreTrainedModel
): ...

class GPTNeoForTokenClassification(
    ArgumentsOfGPT2ForSequenceClassification[outputs.TokenClassifierOutput], GPTNeoPreTrainedModel
): ...
