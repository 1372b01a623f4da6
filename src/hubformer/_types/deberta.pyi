"""Deberta: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfDebertaForMaskedLM,
    ArgumentsOfDebertaForQuestionAnswering,
    ArgumentsOfDebertaModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class DebertaConfig(PreTrainedConfig):
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
    relative_attention: bool
    max_relative_positions: int
    pad_token_id: int | list[int] | None
    position_biased_input: bool
    pos_att_type: Any
    pooler_dropout: float
    pooler_hidden_act: str
    legacy: bool
    def __init__(
        self,
        vocab_size: int = 50265,
        hidden_size: int = 768,
        num_hidden_layers: int = 12,
        num_attention_heads: int = 12,
        intermediate_size: int = 3072,
        hidden_act: str = "gelu",
        hidden_dropout_prob: float = 0.1,
        attention_probs_dropout_prob: float = 0.1,
        max_position_embeddings: int = 512,
        type_vocab_size: int = 0,
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-07,
        relative_attention: bool = False,
        max_relative_positions: int = -1,
        pad_token_id: int | list[int] | None = 0,
        position_biased_input: bool = True,
        pos_att_type: Any = None,
        pooler_dropout: float = 0,
        pooler_hidden_act: str = "gelu",
        legacy: bool = True,
        **named: Any,
    ) -> None: ...

class DebertaPreTrainedModel(Loading):
    config: DebertaConfig
    def __init__(self, config: DebertaConfig) -> None: ...

class DebertaModel(ArgumentsOfDebertaModel[outputs.BaseModelOutput], DebertaPreTrainedModel): ...

class DebertaForMaskedLM(ArgumentsOfDebertaForMaskedLM[outputs.MaskedLMOutput], DebertaPreTrainedModel): ...

class DebertaForSequenceClassification(
    ArgumentsOfDebertaForMaskedLM[outputs.SequenceClassifierOutput], DebertaPreTrainedModel
): ...

class DebertaForTokenClassification(
    ArgumentsOfDebertaForMaskedLM[outputs.TokenClassifierOutput], DebertaPreTrainedModel
): ...

class DebertaForQuestionAnswering(
    ArgumentsOfDebertaForQuestionAnswering[outputs.QuestionAnsweringModelOutput], DebertaPreTrainedModel
): ...
