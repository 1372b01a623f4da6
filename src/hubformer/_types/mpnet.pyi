"""MPNet: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfMPNetForMaskedLM,
    ArgumentsOfMPNetForQuestionAnswering,
    ArgumentsOfMPNetModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class MPNetConfig(PreTrainedConfig):
    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    hidden_act: str
    hidden_dropout_prob: float
    attention_probs_dropout_prob: float
    max_position_embeddings: int
    initializer_range: float
    layer_norm_eps: float
    relative_attention_num_buckets: int
    pad_token_id: int | list[int] | None
    bos_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    def __init__(
        self,
        vocab_size: int = 30527,
        hidden_size: int = 768,
        num_hidden_layers: int = 12,
        num_attention_heads: int = 12,
        intermediate_size: int = 3072,
        hidden_act: str = "gelu",
        hidden_dropout_prob: float = 0.1,
        attention_probs_dropout_prob: float = 0.1,
        max_position_embeddings: int = 512,
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-12,
        relative_attention_num_buckets: int = 32,
        pad_token_id: int | list[int] | None = 1,
        bos_token_id: int | list[int] | None = 0,
        eos_token_id: int | list[int] | None = 2,
        **named: Any,
    ) -> None: ...

class MPNetPreTrainedModel(Loading):
    config: MPNetConfig
    def __init__(self, config: MPNetConfig) -> None: ...

class MPNetModel(ArgumentsOfMPNetModel[outputs.BaseModelOutputWithPooling], MPNetPreTrainedModel):
    def __init__(self, config: MPNetConfig, *, add_pooling_layer: bool = True) -> None: ...

class MPNetForMaskedLM(ArgumentsOfMPNetForMaskedLM[outputs.MaskedLMOutput], MPNetPreTrainedModel): ...

class MPNetForSequenceClassification(
    ArgumentsOfMPNetForMaskedLM[outputs.SequenceClassifierOutput], MPNetPreTrainedModel
): ...

class MPNetForMultipleChoice(
    ArgumentsOfMPNetForMaskedLM[outputs.MultipleChoiceModelOutput], MPNetPreTrainedModel
): ...

class MPNetForTokenClassification(
    ArgumentsOfMPNetForMaskedLM[outputs.TokenClassifierOutput], MPNetPreTrainedModel
): ...

class MPNetForQuestionAnswering(
    ArgumentsOfMPNetForQuestionAnswering[outputs.QuestionAnsweringModelOutput], MPNetPreTrainedModel
): ...
