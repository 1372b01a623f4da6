"""Albert: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfAlbertForMaskedLM,
    ArgumentsOfAlbertForPreTraining,
    ArgumentsOfAlbertForQuestionAnswering,
    ArgumentsOfAlbertModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class AlbertConfig(PreTrainedConfig):
    vocab_size: int
    embedding_size: int
    hidden_size: int
    num_hidden_layers: int
    num_hidden_groups: int
    num_attention_heads: int
    intermediate_size: int
    inner_group_num: int
    hidden_act: str
    hidden_dropout_prob: float
    attention_probs_dropout_prob: float
    max_position_embeddings: int
    type_vocab_size: int
    initializer_range: float
    layer_norm_eps: float
    classifier_dropout_prob: float
    position_embedding_type: str
    pad_token_id: int | list[int] | None
    bos_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    def __init__(
        self,
        vocab_size: int = 30000,
        embedding_size: int = 128,
        hidden_size: int = 4096,
        num_hidden_layers: int = 12,
        num_hidden_groups: int = 1,
        num_attention_heads: int = 64,
        intermediate_size: int = 16384,
        inner_group_num: int = 1,
        hidden_act: str = "gelu_new",
        hidden_dropout_prob: float = 0,
        attention_probs_dropout_prob: float = 0,
        max_position_embeddings: int = 512,
        type_vocab_size: int = 2,
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-12,
        classifier_dropout_prob: float = 0.1,
        position_embedding_type: str = "absolute",
        pad_token_id: int | list[int] | None = 0,
        bos_token_id: int | list[int] | None = 2,
        eos_token_id: int | list[int] | None = 3,
        **named: Any,
    ) -> None: ...

class AlbertPreTrainedModel(Loading):
    config: AlbertConfig
    def __init__(self, config: AlbertConfig) -> None: ...

class AlbertModel(ArgumentsOfAlbertModel[outputs.BaseModelOutputWithPooling], AlbertPreTrainedModel):
    def __init__(self, config: AlbertConfig, *, add_pooling_layer: bool = True) -> None: ...

class AlbertForPreTraining(
    ArgumentsOfAlbertForPreTraining[outputs.AlbertForPreTrainingOutput], AlbertPreTrainedModel
): ...

class AlbertForMaskedLM(ArgumentsOfAlbertForMaskedLM[outputs.MaskedLMOutput], AlbertPreTrainedModel): ...

class AlbertForSequenceClassification(
    ArgumentsOfAlbertForMaskedLM[outputs.SequenceClassifierOutput], AlbertPreTrainedModel
): ...

class AlbertForTokenClassification(
    ArgumentsOfAlbertForMaskedLM[outputs.TokenClassifierOutput], AlbertPreTrainedModel
): ...

class AlbertForQuestionAnswering(
    ArgumentsOfAlbertForQuestionAnswering[outputs.QuestionAnsweringModelOutput], AlbertPreTrainedModel
): ...

class AlbertForMultipleChoice(
    ArgumentsOfAlbertForMaskedLM[outputs.MultipleChoiceModelOutput], AlbertPreTrainedModel
): ...
