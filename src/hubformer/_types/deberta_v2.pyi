"""DebertaV2: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfDebertaForMaskedLM,
    ArgumentsOfDebertaForQuestionAnswering,
    ArgumentsOfDebertaModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class DebertaV2Config(PreTrainedConfig):
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
    share_att_key: bool
    position_buckets: int
    norm_rel_ebd: str
    conv_kernel_size: int
    conv_groups: int
    conv_act: str
    def __init__(
        self,
        vocab_size: int = 128100,
        hidden_size: int = 1536,
        num_hidden_layers: int = 24,
        num_attention_heads: int = 24,
        intermediate_size: int = 6144,
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
        share_att_key: bool = False,
        position_buckets: int = -1,
        norm_rel_ebd: str = "none",
        conv_kernel_size: int = 0,
        conv_groups: int = 1,
        conv_act: str = "tanh",
        **named: Any,
    ) -> None: ...

class DebertaV2PreTrainedModel(Loading):
    config: DebertaV2Config
    def __init__(self, config: DebertaV2Config) -> None: ...

class DebertaV2Model(ArgumentsOfDebertaModel[outputs.BaseModelOutput], DebertaV2PreTrainedModel): ...

class DebertaV2ForMaskedLM(
    ArgumentsOfDebertaForMaskedLM[outputs.MaskedLMOutput], DebertaV2PreTrainedModel
): ...

class DebertaV2ForSequenceClassification(
    ArgumentsOfDebertaForMaskedLM[outputs.SequenceClassifierOutput], DebertaV2PreTrainedModel
): ...

class DebertaV2ForTokenClassification(
    ArgumentsOfDebertaForMaskedLM[outputs.TokenClassifierOutput], DebertaV2PreTrainedModel
): ...

class DebertaV2ForQuestionAnswering(
    ArgumentsOfDebertaForQuestionAnswering[outputs.QuestionAnsweringModelOutput], DebertaV2PreTrainedModel
): ...

class DebertaV2ForMultipleChoice(
    ArgumentsOfDebertaForMaskedLM[outputs.MultipleChoiceModelOutput], DebertaV2PreTrainedModel
): ...
