"""Longformer: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfLongformerForMaskedLM,
    ArgumentsOfLongformerForMultipleChoice,
    ArgumentsOfLongformerForQuestionAnswering,
    ArgumentsOfLongformerModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class LongformerConfig(PreTrainedConfig):
    attention_window: Any
    sep_token_id: int | list[int] | None
    pad_token_id: int
    bos_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    hidden_act: str
    hidden_dropout_prob: float
    attention_probs_dropout_prob: float
    max_position_embeddings: int
    type_vocab_size: int
    initializer_range: float
    layer_norm_eps: float
    onnx_export: bool
    def __init__(
        self,
        attention_window: Any = 512,
        sep_token_id: int | list[int] | None = 2,
        pad_token_id: int = 1,
        bos_token_id: int | list[int] | None = 0,
        eos_token_id: int | list[int] | None = 2,
        vocab_size: int = 30522,
        hidden_size: int = 768,
        num_hidden_layers: int = 12,
        num_attention_heads: int = 12,
        intermediate_size: int = 3072,
        hidden_act: str = "gelu",
        hidden_dropout_prob: float = 0.1,
        attention_probs_dropout_prob: float = 0.1,
        max_position_embeddings: int = 512,
        type_vocab_size: int = 2,
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-12,
        onnx_export: bool = False,
        **named: Any,
    ) -> None: ...

class LongformerPreTrainedModel(Loading):
    config: LongformerConfig
    def __init__(self, config: LongformerConfig) -> None: ...

class LongformerModel(
    ArgumentsOfLongformerModel[outputs.LongformerBaseModelOutputWithPooling], LongformerPreTrainedModel
):
    def __init__(self, config: LongformerConfig, *, add_pooling_layer: bool = True) -> None: ...

class LongformerForMaskedLM(
    ArgumentsOfLongformerForMaskedLM[outputs.LongformerMaskedLMOutput], LongformerPreTrainedModel
): ...

class LongformerForSequenceClassification(
    ArgumentsOfLongformerForMaskedLM[outputs.LongformerSequenceClassifierOutput], LongformerPreTrainedModel
): ...

class LongformerForMultipleChoice(
    ArgumentsOfLongformerForMultipleChoice[outputs.LongformerMultipleChoiceModelOutput], LongformerPreTrainedModel
): ...

class LongformerForTokenClassification(
    ArgumentsOfLongformerForMaskedLM[outputs.LongformerTokenClassifierOutput], LongformerPreTrainedModel
): ...

class LongformerForQuestionAnswering(
    ArgumentsOfLongformerForQuestionAnswering[outputs.LongformerQuestionAnsweringModelOutput], LongformerPreTrainedModel
): ...
