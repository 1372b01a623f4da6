"""DistilBert: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfBloomForQuestionAnswering,
    ArgumentsOfDistilBertForMaskedLM,
    ArgumentsOfDistilBertModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class DistilBertConfig(PreTrainedConfig):
    vocab_size: int
    max_position_embeddings: int
    sinusoidal_pos_embds: bool
    n_layers: int
    n_heads: int
    dim: int
    hidden_dim: int
    dropout: float
    attention_dropout: float
    activation: str
    initializer_range: float
    qa_dropout: float
    seq_classif_dropout: float
    pad_token_id: int | list[int] | None
    hidden_size: int
    num_attention_heads: int
    num_hidden_layers: int
    def __init__(
        self,
        vocab_size: int = 30522,
        max_position_embeddings: int = 512,
        sinusoidal_pos_embds: bool = False,
        n_layers: int = 6,
        n_heads: int = 12,
        dim: int = 768,
        hidden_dim: int = 3072,
        dropout: float = 0.1,
        attention_dropout: float = 0.1,
        activation: str = "gelu",
        initializer_range: float = 0.02,
        qa_dropout: float = 0.1,
        seq_classif_dropout: float = 0.2,
        pad_token_id: int | list[int] | None = 0,
        **named: Any,
    ) -> None: ...

class DistilBertPreTrainedModel(Loading):
    config: DistilBertConfig
    def __init__(self, config: DistilBertConfig) -> None: ...

class DistilBertModel(ArgumentsOfDistilBertModel[outputs.BaseModelOutput], DistilBertPreTrainedModel): ...

class DistilBertForMaskedLM(
    ArgumentsOfDistilBertForMaskedLM[outputs.MaskedLMOutput], DistilBertPreTrainedModel
): ...

class DistilBertForSequenceClassification(
    ArgumentsOfDistilBertForMaskedLM[outputs.SequenceClassifierOutput], DistilBertPreTrainedModel
): ...

class DistilBertForQuestionAnswering(
    ArgumentsOfBloomForQuestionAnswering[outputs.QuestionAnsweringModelOutput], DistilBertPreTrainedModel
): ...

class DistilBertForTokenClassification(
    ArgumentsOfDistilBertForMaskedLM[outputs.TokenClassifierOutput], DistilBertPreTrainedModel
): ...

class DistilBertForMultipleChoice(
    ArgumentsOfDistilBertForMaskedLM[outputs.MultipleChoiceModelOutput], DistilBertPreTrainedModel
): ...
