"""XLMRoberta: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfAlbertForMaskedLM,
    ArgumentsOfAlbertForQuestionAnswering,
    ArgumentsOfBertForMaskedLM,
    ArgumentsOfBertLMHeadModel,
    ArgumentsOfBertModel,
    ArgumentsOfCamembertForMultipleChoice,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class XLMRobertaConfig(PreTrainedConfig):
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
    pad_token_id: int
    bos_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    position_embedding_type: str
    use_cache: bool
    classifier_dropout: float | None
    def __init__(
        self,
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
        pad_token_id: int = 1,
        bos_token_id: int | list[int] | None = 0,
        eos_token_id: int | list[int] | None = 2,
        position_embedding_type: str = "absolute",
        use_cache: bool = True,
        classifier_dropout: float | None = None,
        **named: Any,
    ) -> None: ...

class XLMRobertaPreTrainedModel(Loading):
    config: XLMRobertaConfig
    def __init__(self, config: XLMRobertaConfig) -> None: ...

class XLMRobertaModel(
    ArgumentsOfBertModel[outputs.BaseModelOutputWithPoolingAndCrossAttentions], XLMRobertaPreTrainedModel
):
    def __init__(self, config: XLMRobertaConfig, *, add_pooling_layer: bool = True) -> None: ...

class XLMRobertaForMaskedLM(
    ArgumentsOfBertForMaskedLM[outputs.MaskedLMOutput], XLMRobertaPreTrainedModel
): ...

class XLMRobertaForCausalLM(
    ArgumentsOfBertLMHeadModel[outputs.CausalLMOutputWithCrossAttentions], XLMRobertaPreTrainedModel
): ...

class XLMRobertaForSequenceClassification(
    ArgumentsOfAlbertForMaskedLM[outputs.SequenceClassifierOutput], XLMRobertaPreTrainedModel
): ...

class XLMRobertaForMultipleChoice(
    ArgumentsOfCamembertForMultipleChoice[outputs.MultipleChoiceModelOutput], XLMRobertaPreTrainedModel
): ...

class XLMRobertaForTokenClassification(
    ArgumentsOfAlbertForMaskedLM[outputs.TokenClassifierOutput], XLMRobertaPreTrainedModel
): ...

class XLMRobertaForQuestionAnswering(
    ArgumentsOfAlbertForQuestionAnswering[outputs.QuestionAnsweringModelOutput], XLMRobertaPreTrainedModel
): ...
