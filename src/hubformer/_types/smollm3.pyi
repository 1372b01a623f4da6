"""SmolLM3: its classes for mypy and editors. Written by scripts/write_names.py."""

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

class SmolLM3Config(PreTrainedConfig):
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
    rope_theta: float
    rope_scaling: Any
    use_sliding_window: bool
    sliding_window: int | None
    no_rope_layers: Any
    no_rope_layer_interval: int
    layer_types: Any
    attention_bias: bool
    attention_dropout: float
    mlp_bias: bool
    classifier_dropout: float | None
    hidden_dropout: float | None
    def __init__(
        self,
        vocab_size: int = 128256,
        hidden_size: int = 2048,
        intermediate_size: int = 11008,
        num_hidden_layers: int = 36,
        num_attention_heads: int = 16,
        num_key_value_heads: int | None = 4,
        hidden_act: str = "silu",
        max_position_embeddings: int = 32768,
        initializer_range: float = 0.02,
        rms_norm_eps: float = 1e-06,
        use_cache: bool = True,
        pad_token_id: int | list[int] | None = 128004,
        bos_token_id: int | list[int] | None = 128000,
        eos_token_id: int | list[int] | None = 128001,
        rope_theta: float = 2000000.0,
        rope_scaling: Any = None,
        use_sliding_window: bool = False,
        sliding_window: int | None = None,
        no_rope_layers: Any = None,
        no_rope_layer_interval: int = 4,
        layer_types: Any = None,
        attention_bias: bool = False,
        attention_dropout: float = 0.0,
        mlp_bias: bool = False,
        classifier_dropout: float | None = None,
        hidden_dropout: float | None = None,
        **named: Any,
    ) -> None: ...

class SmolLM3PreTrainedModel(Loading):
    config: SmolLM3Config
    def __init__(self, config: SmolLM3Config) -> None: ...

class SmolLM3Model(ArgumentsOfGemmaModel[outputs.BaseModelOutputWithPast], SmolLM3PreTrainedModel): ...

class SmolLM3ForCausalLM(
    ArgumentsOfGemmaForCausalLM[outputs.CausalLMOutputWithPast], SmolLM3PreTrainedModel
): ...

class SmolLM3ForSequenceClassification(
    ArgumentsOfGemmaForSequenceClassification[outputs.SequenceClassifierOutputWithPast], SmolLM3PreTrainedModel
): ...

class SmolLM3ForTokenClassification(
    ArgumentsOfGemmaForSequenceClassification[outputs.TokenClassifierOutput], SmolLM3PreTrainedModel
): ...

class SmolLM3ForQuestionAnswering(
    ArgumentsOfLlamaForQuestionAnswering[outputs.QuestionAnsweringModelOutput], SmolLM3PreTrainedModel
): ...
