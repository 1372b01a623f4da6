"""Electra: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfAlbertForMaskedLM,
    ArgumentsOfAlbertForQuestionAnswering,
    ArgumentsOfElectraForCausalLM,
    ArgumentsOfElectraModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class ElectraConfig(PreTrainedConfig):
    vocab_size: int
    embedding_size: int
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
    summary_type: str
    summary_use_proj: bool
    summary_activation: str | None
    summary_last_dropout: float
    pad_token_id: int | list[int] | None
    position_embedding_type: str
    use_cache: bool
    classifier_dropout: float | None
    def __init__(
        self,
        vocab_size: int = 30522,
        embedding_size: int = 128,
        hidden_size: int = 256,
        num_hidden_layers: int = 12,
        num_attention_heads: int = 4,
        intermediate_size: int = 1024,
        hidden_act: str = "gelu",
        hidden_dropout_prob: float = 0.1,
        attention_probs_dropout_prob: float = 0.1,
        max_position_embeddings: int = 512,
        type_vocab_size: int = 2,
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-12,
        summary_type: str = "first",
        summary_use_proj: bool = True,
        summary_activation: str | None = "gelu",
        summary_last_dropout: float = 0.1,
        pad_token_id: int | list[int] | None = 0,
        position_embedding_type: str = "absolute",
        use_cache: bool = True,
        classifier_dropout: float | None = None,
        **named: Any,
    ) -> None: ...

class ElectraPreTrainedModel(Loading):
    config: ElectraConfig
    def __init__(self, config: ElectraConfig) -> None: ...

class ElectraModel(
    ArgumentsOfElectraModel[outputs.BaseModelOutputWithPastAndCrossAttentions], ElectraPreTrainedModel
): ...

class ElectraForPreTraining(
    ArgumentsOfAlbertForMaskedLM[outputs.ElectraForPreTrainingOutput], ElectraPreTrainedModel
): ...

class ElectraForMaskedLM(ArgumentsOfAlbertForMaskedLM[outputs.MaskedLMOutput], ElectraPreTrainedModel): ...

class ElectraForCausalLM(
    ArgumentsOfElectraForCausalLM[outputs.CausalLMOutputWithCrossAttentions], ElectraPreTrainedModel
): ...

class ElectraForSequenceClassification(
    ArgumentsOfAlbertForMaskedLM[outputs.SequenceClassifierOutput], ElectraPreTrainedModel
): ...

class ElectraForMultipleChoice(
    ArgumentsOfAlbertForMaskedLM[outputs.MultipleChoiceModelOutput], ElectraPreTrainedModel
): ...

class ElectraForTokenClassification(
    ArgumentsOfAlbertForMaskedLM[outputs.TokenClassifierOutput], ElectraPreTrainedModel
): ...

class ElectraForQuestionAnswering(
    ArgumentsOfAlbertForQuestionAnswering[outputs.QuestionAnsweringModelOutput], ElectraPreTrainedModel
): ...
