"""GPT2: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfAlbertForQuestionAnswering,
    ArgumentsOfGPT2DoubleHeadsModel,
    ArgumentsOfGPT2ForSequenceClassification,
    ArgumentsOfGPT2LMHeadModel,
    ArgumentsOfGPT2Model,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class GPT2Config(PreTrainedConfig):
    vocab_size: int
    n_positions: int
    n_embd: int
    n_layer: int
    n_head: int
    n_inner: int | None
    activation_function: str
    resid_pdrop: float
    embd_pdrop: float
    attn_pdrop: float
    layer_norm_epsilon: float
    initializer_range: float
    summary_type: str
    summary_use_proj: bool
    summary_activation: str | None
    summary_proj_to_labels: bool
    summary_first_dropout: float
    scale_attn_weights: bool
    use_cache: bool
    bos_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    scale_attn_by_inverse_layer_idx: bool
    reorder_and_upcast_attn: bool
    summary_last_dropout: float
    classifier_dropout: float | None
    hidden_dropout: float | None
    band: int | None
    hidden_size: int
    max_position_embeddings: int
    num_attention_heads: int
    num_hidden_layers: int
    def __init__(
        self,
        vocab_size: int = 50257,
        n_positions: int = 1024,
        n_embd: int = 768,
        n_layer: int = 12,
        n_head: int = 12,
        n_inner: int | None = None,
        activation_function: str = "gelu_new",
        resid_pdrop: float = 0.1,
        embd_pdrop: float = 0.1,
        attn_pdrop: float = 0.1,
        layer_norm_epsilon: float = 1e-05,
        initializer_range: float = 0.02,
        summary_type: str = "cls_index",
        summary_use_proj: bool = True,
        summary_activation: str | None = None,
        summary_proj_to_labels: bool = True,
        summary_first_dropout: float = 0.1,
        scale_attn_weights: bool = True,
        use_cache: bool = True,
        bos_token_id: int | list[int] | None = 50256,
        eos_token_id: int | list[int] | None = 50256,
        scale_attn_by_inverse_layer_idx: bool = False,
        reorder_and_upcast_attn: bool = False,
        summary_last_dropout: float = 0.0,
        classifier_dropout: float | None = None,
        hidden_dropout: float | None = None,
        band: int | None = None,
        **named: Any,
    ) -> None: ...

class GPT2PreTrainedModel(Loading):
    config: GPT2Config
    def __init__(self, config: GPT2Config) -> None: ...

class GPT2Model(
    ArgumentsOfGPT2Model[outputs.BaseModelOutputWithPastAndCrossAttentions], GPT2PreTrainedModel
): ...

class GPT2LMHeadModel(
    ArgumentsOfGPT2LMHeadModel[outputs.CausalLMOutputWithCrossAttentions], GPT2PreTrainedModel
): ...

class GPT2DoubleHeadsModel(
    ArgumentsOfGPT2DoubleHeadsModel[outputs.GPT2DoubleHeadsModelOutput], GPT2PreTrainedModel
): ...

class GPT2ForSequenceClassification(
    ArgumentsOfGPT2ForSequenceClassification[outputs.SequenceClassifierOutputWithPast], GPT2PreTrainedModel
): ...

class GPT2ForTokenClassification(
    ArgumentsOfGPT2ForSequenceClassification[outputs.TokenClassifierOutput], GPT2PreTrainedModel
): ...

class GPT2ForQuestionAnswering(
    ArgumentsOfAlbertForQuestionAnswering[outputs.QuestionAnsweringModelOutput], GPT2PreTrainedModel
): ...
