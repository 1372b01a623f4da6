"""StableLm: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfGemma2ForCausalLM,
    ArgumentsOfGemma2Model,
    ArgumentsOfGemmaForSequenceClassification,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class StableLmConfig(PreTrainedConfig):
    vocab_size: int
    intermediate_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int | None
    hidden_act: str
    max_position_embeddings: int
    initializer_range: float
    layer_norm_eps: float
    use_cache: bool
    tie_word_embeddings: bool
    rope_theta: float
    rope_scaling: Any
    use_qkv_bias: bool
    qk_layernorm: bool
    use_parallel_residual: bool
    hidden_dropout: float
    attention_dropout: float
    partial_rotary_factor: float
    bos_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    classifier_dropout: float | None
    def __init__(
        self,
        vocab_size: int = 50304,
        intermediate_size: int = 6912,
        hidden_size: int = 2560,
        num_hidden_layers: int = 32,
        num_attention_heads: int = 32,
        num_key_value_heads: int | None = 32,
        hidden_act: str = "silu",
        max_position_embeddings: int = 4096,
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-05,
        use_cache: bool = True,
        tie_word_embeddings: bool = False,
        rope_theta: float = 10000,
        rope_scaling: Any = None,
        use_qkv_bias: bool = False,
        qk_layernorm: bool = False,
        use_parallel_residual: bool = False,
        hidden_dropout: float = 0.0,
        attention_dropout: float = 0.0,
        partial_rotary_factor: float = 0.25,
        bos_token_id: int | list[int] | None = 0,
        eos_token_id: int | list[int] | None = 0,
        classifier_dropout: float | None = None,
        **named: Any,
    ) -> None: ...

class StableLmPreTrainedModel(Loading):
    config: StableLmConfig
    def __init__(self, config: StableLmConfig) -> None: ...

class StableLmModel(ArgumentsOfGemma2Model[outputs.BaseModelOutputWithPast], StableLmPreTrainedModel): ...

class StableLmForCausalLM(
    ArgumentsOfGemma2ForCausalLM[outputs.CausalLMOutputWithPast], StableLmPreTrainedModel
): ...

class StableLmForSequenceClassification(
    ArgumentsOfGemmaForSequenceClassification[outputs.SequenceClassifierOutputWithPast], StableLmPreTrainedModel
): ...

class StableLmForTokenClassification(
    ArgumentsOfGemmaForSequenceClassification[outputs.TokenClassifierOutput], StableLmPreTrainedModel
): ...
