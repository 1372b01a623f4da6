"""Phi3: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfGemmaForCausalLM,
    ArgumentsOfGemmaForSequenceClassification,
    ArgumentsOfGemmaModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class Phi3Config(PreTrainedConfig):
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int | None
    resid_pdrop: float
    embd_pdrop: float
    attention_dropout: float
    hidden_act: str
    max_position_embeddings: int
    original_max_position_embeddings: int
    initializer_range: float
    rms_norm_eps: float
    use_cache: bool
    tie_word_embeddings: bool
    rope_theta: float
    rope_scaling: Any
    partial_rotary_factor: float
    bos_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    pad_token_id: int | list[int] | None
    sliding_window: int | None
    attention_bias: Any
    classifier_dropout: float | None
    hidden_dropout: float | None
    def __init__(
        self,
        vocab_size: int = 32064,
        hidden_size: int = 3072,
        intermediate_size: int = 8192,
        num_hidden_layers: int = 32,
        num_attention_heads: int = 32,
        num_key_value_heads: int | None = None,
        resid_pdrop: float = 0.0,
        embd_pdrop: float = 0.0,
        attention_dropout: float = 0.0,
        hidden_act: str = "silu",
        max_position_embeddings: int = 4096,
        original_max_position_embeddings: int = 4096,
        initializer_range: float = 0.02,
        rms_norm_eps: float = 1e-05,
        use_cache: bool = True,
        tie_word_embeddings: bool = False,
        rope_theta: float = 10000.0,
        rope_scaling: Any = None,
        partial_rotary_factor: float = 1.0,
        bos_token_id: int | list[int] | None = 1,
        eos_token_id: int | list[int] | None = 32000,
        pad_token_id: int | list[int] | None = 32000,
        sliding_window: int | None = None,
        attention_bias: Any = False,
        classifier_dropout: float | None = None,
        hidden_dropout: float | None = None,
        **named: Any,
    ) -> None: ...

class Phi3PreTrainedModel(Loading):
    config: Phi3Config
    def __init__(self, config: Phi3Config) -> None: ...

class Phi3Model(ArgumentsOfGemmaModel[outputs.BaseModelOutputWithPast], Phi3PreTrainedModel): ...

class Phi3ForCausalLM(ArgumentsOfGemmaForCausalLM[outputs.CausalLMOutputWithPast], Phi3PreTrainedModel): ...

class Phi3ForSequenceClassification(
    ArgumentsOfGemmaForSequenceClassification[outputs.SequenceClassifierOutputWithPast], Phi3PreTrainedModel
): ...

class Phi3ForTokenClassification(
    ArgumentsOfGemmaForSequenceClassification[outputs.TokenClassifierOutput], Phi3PreTrainedModel
): ...
