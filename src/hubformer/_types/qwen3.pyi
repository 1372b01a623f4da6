"""Qwen3: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfGemmaForCausalLM,
    ArgumentsOfGemmaForSequenceClassification,
    ArgumentsOfGemmaModel,
    ArgumentsOfLlamaForQuestionAnswering,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class Qwen3Config(PreTrainedConfig):
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int | None
    head_dim: int | None
    hidden_act: str
    max_position_embeddings: int
    initializer_range: float
    rms_norm_eps: float
    use_cache: bool
    tie_word_embeddings: bool
    rope_theta: float
    rope_scaling: Any
    attention_bias: bool
    use_sliding_window: bool
    sliding_window: int | None
    max_window_layers: int
    layer_types: Any
    attention_dropout: float
    classifier_dropout: float | None
    hidden_dropout: float | None
    def __init__(
        self,
        vocab_size: int = 151936,
        hidden_size: int = 4096,
        intermediate_size: int = 22016,
        num_hidden_layers: int = 32,
        num_attention_heads: int = 32,
        num_key_value_heads: int | None = 32,
        head_dim: int | None = 128,
        hidden_act: str = "silu",
        max_position_embeddings: int = 32768,
        initializer_range: float = 0.02,
        rms_norm_eps: float = 1e-06,
        use_cache: bool = True,
        tie_word_embeddings: bool = False,
        rope_theta: float = 10000.0,
        rope_scaling: Any = None,
        attention_bias: bool = False,
        use_sliding_window: bool = False,
        sliding_window: int | None = 4096,
        max_window_layers: int = 28,
        layer_types: Any = None,
        attention_dropout: float = 0.0,
        classifier_dropout: float | None = None,
        hidden_dropout: float | None = None,
        **named: Any,
    ) -> None: ...

class Qwen3PreTrainedModel(Loading):
    config: Qwen3Config
    def __init__(self, config: Qwen3Config) -> None: ...

class Qwen3Model(ArgumentsOfGemmaModel[outputs.BaseModelOutputWithPast], Qwen3PreTrainedModel): ...

class Qwen3ForCausalLM(ArgumentsOfGemmaForCausalLM[outputs.CausalLMOutputWithPast], Qwen3PreTrainedModel): ...

class Qwen3ForSequenceClassification(
    ArgumentsOfGemmaForSequenceClassification[outputs.SequenceClassifierOutputWithPast], Qwen3PreTrainedModel
): ...

class Qwen3ForTokenClassification(
    ArgumentsOfGemmaForSequenceClassification[outputs.TokenClassifierOutput], Qwen3PreTrainedModel
): ...

class Qwen3ForQuestionAnswering(
    ArgumentsOfLlamaForQuestionAnswering[outputs.QuestionAnsweringModelOutput], Qwen3PreTrainedModel
): ...
