"""Pegasus: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfBartForCausalLM,
    ArgumentsOfBartForConditionalGeneration,
    ArgumentsOfBartModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class PegasusConfig(PreTrainedConfig):
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
    scale_embedding: bool
    use_cache: bool
    pad_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    is_encoder_decoder: bool
    decoder_start_token_id: int | list[int] | None
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
        scale_embedding: bool = False,
        use_cache: bool = True,
        pad_token_id: int | list[int] | None = 0,
        eos_token_id: int | list[int] | None = 1,
        is_encoder_decoder: bool = True,
        decoder_start_token_id: int | list[int] | None = 0,
        forced_eos_token_id: int | list[int] | None = 1,
        **named: Any,
    ) -> None: ...

class PegasusPreTrainedModel(Loading):
    config: PegasusConfig
    def __init__(self, config: PegasusConfig) -> None: ...

class PegasusModel(ArgumentsOfBartModel[outputs.Seq2SeqModelOutput], PegasusPreTrainedModel): ...

class PegasusForConditionalGeneration(
    ArgumentsOfBartForConditionalGeneration[outputs.Seq2SeqLMOutput], PegasusPreTrainedModel
): ...

class PegasusForCausalLM(
    ArgumentsOfBartForCausalLM[outputs.CausalLMOutputWithCrossAttentions], PegasusPreTrainedModel
): ...
