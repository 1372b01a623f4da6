"""Olmo2: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import ArgumentsOfGemmaForCausalLM, ArgumentsOfLlamaModel
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class Olmo2Config(PreTrainedConfig):
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int | None
    hidden_act: str
    max_position_embeddings: int
    initializer_range: float
    use_cache: bool
    pad_token_id: int | list[int] | None
    bos_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    tie_word_embeddings: bool
    rope_theta: float
    rope_scaling: Any
    attention_bias: bool
    attention_dropout: float
    rms_norm_eps: float
    def __init__(
        self,
        vocab_size: int = 50304,
        hidden_size: int = 4096,
        intermediate_size: int = 11008,
        num_hidden_layers: int = 32,
        num_attention_heads: int = 32,
        num_key_value_heads: int | None = None,
        hidden_act: str = "silu",
        max_position_embeddings: int = 2048,
        initializer_range: float = 0.02,
        use_cache: bool = True,
        pad_token_id: int | list[int] | None = 1,
        bos_token_id: int | list[int] | None = None,
        eos_token_id: int | list[int] | None = 50279,
        tie_word_embeddings: bool = False,
        rope_theta: float = 10000.0,
        rope_scaling: Any = None,
        attention_bias: bool = False,
        attention_dropout: float = 0.0,
        rms_norm_eps: float = 1e-05,
        **named: Any,
    ) -> None: ...

class Olmo2PreTrainedModel(Loading):
    config: Olmo2Config
    def __init__(self, config: Olmo2Config) -> None: ...

class Olmo2Model(ArgumentsOfLlamaModel[outputs.BaseModelOutputWithPast], Olmo2PreTrainedModel): ...

class Olmo2ForCausalLM(ArgumentsOfGemmaForCausalLM[outputs.CausalLMOutputWithPast], Olmo2PreTrainedModel): ...
