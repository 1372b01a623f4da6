"""XLM: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfFlaubertForQuestionAnswering,
    ArgumentsOfFlaubertForQuestionAnsweringSimple,
    ArgumentsOfFlaubertForSequenceClassification,
    ArgumentsOfFlaubertModel,
    ArgumentsOfFlaubertWithLMHeadModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class XLMConfig(PreTrainedConfig):
    vocab_size: int
    emb_dim: int
    n_layers: int
    n_heads: int
    dropout: float
    attention_dropout: float
    gelu_activation: bool
    sinusoidal_embeddings: bool
    causal: bool
    asm: Any
    n_langs: int
    use_lang_emb: bool
    max_position_embeddings: int
    embed_init_std: float
    layer_norm_eps: float
    init_std: float
    bos_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    pad_token_id: int | list[int] | None
    unk_index: int
    mask_index: int
    is_encoder: Any
    summary_type: str
    summary_use_proj: bool
    summary_activation: str | None
    summary_proj_to_labels: bool
    summary_first_dropout: float
    start_n_top: int
    end_n_top: int
    mask_token_id: int | list[int] | None
    lang_id: int | None
    summary_last_dropout: float
    hidden_size: int
    num_attention_heads: int
    num_hidden_layers: int
    n_words: int
    bos_index: int | list[int] | None
    eos_index: int | list[int] | None
    pad_index: int | list[int] | None
    def __init__(
        self,
        vocab_size: int = 30145,
        emb_dim: int = 2048,
        n_layers: int = 12,
        n_heads: int = 16,
        dropout: float = 0.1,
        attention_dropout: float = 0.1,
        gelu_activation: bool = True,
        sinusoidal_embeddings: bool = False,
        causal: bool = False,
        asm: Any = False,
        n_langs: int = 1,
        use_lang_emb: bool = True,
        max_position_embeddings: int = 512,
        embed_init_std: float = 0.02209708691207961,
        layer_norm_eps: float = 1e-12,
        init_std: float = 0.02,
        bos_token_id: int | list[int] | None = 0,
        eos_token_id: int | list[int] | None = 1,
        pad_token_id: int | list[int] | None = 2,
        unk_index: int = 3,
        mask_index: int = 5,
        is_encoder: Any = True,
        summary_type: str = "first",
        summary_use_proj: bool = True,
        summary_activation: str | None = None,
        summary_proj_to_labels: bool = True,
        summary_first_dropout: float = 0.1,
        start_n_top: int = 5,
        end_n_top: int = 5,
        mask_token_id: int | list[int] | None = 0,
        lang_id: int | None = 0,
        summary_last_dropout: float = 0.0,
        **named: Any,
    ) -> None: ...

class XLMPreTrainedModel(Loading):
    config: XLMConfig
    def __init__(self, config: XLMConfig) -> None: ...

class XLMModel(ArgumentsOfFlaubertModel[outputs.BaseModelOutput], XLMPreTrainedModel): ...

class XLMWithLMHeadModel(ArgumentsOfFlaubertWithLMHeadModel[outputs.MaskedLMOutput], XLMPreTrainedModel): ...

class XLMForSequenceClassification(
    ArgumentsOfFlaubertForSequenceClassification[outputs.SequenceClassifierOutput], XLMPreTrainedModel
): ...

class XLMForTokenClassification(
    ArgumentsOfFlaubertForSequenceClassification[outputs.TokenClassifierOutput], XLMPreTrainedModel
): ...

class XLMForQuestionAnsweringSimple(
    ArgumentsOfFlaubertForQuestionAnsweringSimple[outputs.QuestionAnsweringModelOutput], XLMPreTrainedModel
): ...

class XLMForQuestionAnswering(
    ArgumentsOfFlaubertForQuestionAnswering[outputs.XLMForQuestionAnsweringOutput], XLMPreTrainedModel
): ...

class XLMForMultipleChoice(
    ArgumentsOfFlaubertForSequenceClassification[outputs.MultipleChoiceModelOutput], XLMPreTrainedModel
): ...
