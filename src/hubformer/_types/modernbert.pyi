"""ModernBert: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfModernBertForMaskedLM,
    ArgumentsOfModernBertForQuestionAnswering,
    ArgumentsOfModernBertModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class ModernBertConfig(PreTrainedConfig):
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    hidden_activation: str
    max_position_embeddings: int
    initializer_range: float
    initializer_cutoff_factor: float | None
    norm_eps: float
    norm_bias: bool
    pad_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    bos_token_id: int | list[int] | None
    cls_token_id: int | list[int] | None
    sep_token_id: int | list[int] | None
    global_rope_theta: float
    attention_bias: bool
    attention_dropout: float
    global_attn_every_n_layers: int
    local_attention: int
    local_rope_theta: float | None
    embedding_dropout: float
    mlp_bias: bool
    mlp_dropout: float
    decoder_bias: bool
    classifier_pooling: str
    classifier_dropout: float
    classifier_bias: bool
    classifier_activation: str
    deterministic_flash_attn: bool
    sparse_prediction: bool
    sparse_pred_ignore_index: int
    reference_compile: Any
    repad_logits_with_grad: bool
    layer_types: Any
    def __init__(
        self,
        vocab_size: int = 50368,
        hidden_size: int = 768,
        intermediate_size: int = 1152,
        num_hidden_layers: int = 22,
        num_attention_heads: int = 12,
        hidden_activation: str = "gelu",
        max_position_embeddings: int = 8192,
        initializer_range: float = 0.02,
        initializer_cutoff_factor: float | None = 2.0,
        norm_eps: float = 1e-05,
        norm_bias: bool = False,
        pad_token_id: int | list[int] | None = 50283,
        eos_token_id: int | list[int] | None = 50282,
        bos_token_id: int | list[int] | None = 50281,
        cls_token_id: int | list[int] | None = 50281,
        sep_token_id: int | list[int] | None = 50282,
        global_rope_theta: float = 160000.0,
        attention_bias: bool = False,
        attention_dropout: float = 0.0,
        global_attn_every_n_layers: int = 3,
        local_attention: int = 128,
        local_rope_theta: float | None = 10000.0,
        embedding_dropout: float = 0.0,
        mlp_bias: bool = False,
        mlp_dropout: float = 0.0,
        decoder_bias: bool = True,
        classifier_pooling: str = "cls",
        classifier_dropout: float = 0.0,
        classifier_bias: bool = False,
        classifier_activation: str = "gelu",
        deterministic_flash_attn: bool = False,
        sparse_prediction: bool = False,
        sparse_pred_ignore_index: int = -100,
        reference_compile: Any = None,
        repad_logits_with_grad: bool = False,
        layer_types: Any = None,
        **named: Any,
    ) -> None: ...

class ModernBertPreTrainedModel(Loading):
    config: ModernBertConfig
    def __init__(self, config: ModernBertConfig) -> None: ...

class ModernBertModel(ArgumentsOfModernBertModel[outputs.BaseModelOutput], ModernBertPreTrainedModel): ...

class ModernBertForMaskedLM(
    ArgumentsOfModernBertForMaskedLM[outputs.MaskedLMOutput], ModernBertPreTrainedModel
): ...

class ModernBertForSequenceClassification(
    ArgumentsOfModernBertForMaskedLM[outputs.SequenceClassifierOutput], ModernBertPreTrainedModel
): ...

class ModernBertForTokenClassification(
    ArgumentsOfModernBertForMaskedLM[outputs.TokenClassifierOutput], ModernBertPreTrainedModel
): ...

class ModernBertForQuestionAnswering(
    ArgumentsOfModernBertForQuestionAnswering[outputs.QuestionAnsweringModelOutput], ModernBertPreTrainedModel
): ...

class ModernBertForMultipleChoice(
    ArgumentsOfModernBertForMaskedLM[outputs.MultipleChoiceModelOutput], ModernBertPreTrainedModel
): ...
