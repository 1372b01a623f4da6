"""JinaBert: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfAlbertForMaskedLM,
    ArgumentsOfAlbertForQuestionAnswering,
    ArgumentsOfAlbertModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class JinaBertConfig(PreTrainedConfig):
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
    pad_token_id: int | list[int] | None
    position_embedding_type: str
    use_cache: bool
    classifier_dropout: float | None
    feed_forward_type: str
    emb_pooler: str | None
    qk_post_norm: bool
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
        pad_token_id: int | list[int] | None = 0,
        position_embedding_type: str = "alibi",
        use_cache: bool = True,
        classifier_dropout: float | None = None,
        feed_forward_type: str = "geglu",
        emb_pooler: str | None = None,
        qk_post_norm: bool = False,
        **named: Any,
    ) -> None: ...

class JinaBertPreTrainedModel(Loading):
    config: JinaBertConfig
    def __init__(self, config: JinaBertConfig) -> None: ...

class JinaBertModel(ArgumentsOfAlbertModel[outputs.BaseModelOutputWithPooling], JinaBertPreTrainedModel):
    def __init__(self, config: JinaBertConfig, *, add_pooling_layer: bool = True) -> None: ...

class JinaBertForMaskedLM(ArgumentsOfAlbertForMaskedLM[outputs.MaskedLMOutput], JinaBertPreTrainedModel): ...

class JinaBertForSequenceClassification(
    ArgumentsOfAlbertForMaskedLM[outputs.SequenceClassifierOutput], JinaBertPreTrainedModel
): ...

class JinaBertForMultipleChoice(
    ArgumentsOfAlbertForMaskedLM[outputs.MultipleChoiceModelOutput], JinaBertPreTrainedModel
): ...

class JinaBertForTokenClassification(
    ArgumentsOfAlbertForMaskedLM[outputs.TokenClassifierOutput], JinaBertPreTrainedModel
): ...

class JinaBertForQuestionAnswering(
    ArgumentsOfAlbertForQuestionAnswering[outputs.QuestionAnsweringModelOutput], JinaBertPreTrainedModel
): ...
