"""T5: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfBartForConditionalGeneration,
    ArgumentsOfBartModel,
    ArgumentsOfDistilBertForMaskedLM,
    ArgumentsOfDistilBertModel,
    ArgumentsOfMT5ForQuestionAnswering,
    ArgumentsOfMT5ForSequenceClassification,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class T5Config(PreTrainedConfig):
    vocab_size: int
    d_model: int
    d_kv: int
    d_ff: int
    num_layers: int
    num_decoder_layers: int
    num_heads: int
    relative_attention_num_buckets: int
    relative_attention_max_distance: int
    dropout_rate: float
    layer_norm_epsilon: float
    initializer_factor: float
    feed_forward_proj: str
    is_encoder_decoder: bool
    use_cache: bool
    pad_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    classifier_dropout: float
    hidden_size: int
    num_attention_heads: int
    num_hidden_layers: int
    head_dim: int
    def __init__(
        self,
        vocab_size: int = 32128,
        d_model: int = 512,
        d_kv: int = 64,
        d_ff: int = 2048,
        num_layers: int = 6,
        num_decoder_layers: int = 6,
        num_heads: int = 8,
        relative_attention_num_buckets: int = 32,
        relative_attention_max_distance: int = 128,
        dropout_rate: float = 0.1,
        layer_norm_epsilon: float = 1e-06,
        initializer_factor: float = 1.0,
        feed_forward_proj: str = "relu",
        is_encoder_decoder: bool = True,
        use_cache: bool = True,
        pad_token_id: int | list[int] | None = 0,
        eos_token_id: int | list[int] | None = 1,
        classifier_dropout: float = 0.0,
        **named: Any,
    ) -> None: ...

class T5PreTrainedModel(Loading):
    config: T5Config
    def __init__(self, config: T5Config) -> None: ...

class T5Model(ArgumentsOfBartModel[outputs.Seq2SeqModelOutput], T5PreTrainedModel): ...

class T5ForConditionalGeneration(
    ArgumentsOfBartForConditionalGeneration[outputs.Seq2SeqLMOutput], T5PreTrainedModel
): ...

class T5EncoderModel(ArgumentsOfDistilBertModel[outputs.BaseModelOutput], T5PreTrainedModel): ...

class T5ForSequenceClassification(
    ArgumentsOfMT5ForSequenceClassification[outputs.Seq2SeqSequenceClassifierOutput], T5PreTrainedModel
): ...

class T5ForTokenClassification(
    ArgumentsOfDistilBertForMaskedLM[outputs.TokenClassifierOutput], T5PreTrainedModel
): ...

class T5ForQuestionAnswering(
    ArgumentsOfMT5ForQuestionAnswering[outputs.Seq2SeqQuestionAnsweringModelOutput], T5PreTrainedModel
): ...
