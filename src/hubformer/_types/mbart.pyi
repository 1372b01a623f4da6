"""MBart: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfBartForCausalLM,
    ArgumentsOfBartForConditionalGeneration,
    ArgumentsOfBartForQuestionAnswering,
    ArgumentsOfBartForSequenceClassification,
    ArgumentsOfBartModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class MBartConfig(PreTrainedConfig):
    vocab_size: int
    max_position_embeddings: int
    encoder_layers: int
    encoder_ffn_dim: int
    encoder_attention_heads: int
    decoder_layers: int
    decoder_ffn_dim: int
    decoder_attention_heads: int
    encoder_layerdrop: float
    decoder_layerdrop: float
    activation_function: str
    d_model: int
    dropout: float
    attention_dropout: float
    activation_dropout: float
    init_std: float
    classifier_dropout: float
    scale_embedding: bool
    use_cache: bool
    pad_token_id: int | list[int] | None
    bos_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    is_encoder_decoder: bool
    forced_eos_token_id: int | list[int] | None
    num_attention_heads: int
    hidden_size: int
    num_hidden_layers: int
    def __init__(
        self,
        vocab_size: int = 50265,
        max_position_embeddings: int = 1024,
        encoder_layers: int = 12,
        encoder_ffn_dim: int = 4096,
        encoder_attention_heads: int = 16,
        decoder_layers: int = 12,
        decoder_ffn_dim: int = 4096,
        decoder_attention_heads: int = 16,
        encoder_layerdrop: float = 0.0,
        decoder_layerdrop: float = 0.0,
        activation_function: str = "gelu",
        d_model: int = 1024,
        dropout: float = 0.1,
        attention_dropout: float = 0.0,
        activation_dropout: float = 0.0,
        init_std: float = 0.02,
        classifier_dropout: float = 0.0,
        scale_embedding: bool = False,
        use_cache: bool = True,
        pad_token_id: int | list[int] | None = 1,
        bos_token_id: int | list[int] | None = 0,
        eos_token_id: int | list[int] | None = 2,
        is_encoder_decoder: bool = True,
        forced_eos_token_id: int | list[int] | None = 2,
        **named: Any,
    ) -> None: ...

class MBartPreTrainedModel(Loading):
    config: MBartConfig
    def __init__(self, config: MBartConfig) -> None: ...

class MBartModel(ArgumentsOfBartModel[outputs.Seq2SeqModelOutput], MBartPreTrainedModel): ...

class MBartForConditionalGeneration(
    ArgumentsOfBartForConditionalGeneration[outputs.Seq2SeqLMOutput], MBartPreTrainedModel
): ...

class MBartForSequenceClassification(
    ArgumentsOfBartForSequenceClassification[outputs.Seq2SeqSequenceClassifierOutput], MBartPreTrainedModel
): ...

class MBartForQuestionAnswering(
    ArgumentsOfBartForQuestionAnswering[outputs.Seq2SeqQuestionAnsweringModelOutput], MBartPreTrainedModel
): ...

class MBartForCausalLM(
    ArgumentsOfBartForCausalLM[outputs.CausalLMOutputWithCrossAttentions], MBartPreTrainedModel
): ...
