"""Falcon: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfBloomForQuestionAnswering,
    ArgumentsOfBloomForSequenceClassification,
    ArgumentsOfFalconForCausalLM,
    ArgumentsOfFalconModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class FalconConfig(PreTrainedConfig):
    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_ln_in_parallel_attn: int | None
    layer_norm_epsilon: float
    initializer_range: float
    use_cache: bool
    hidden_dropout: float
    attention_dropout: float
    num_kv_heads: int | None
    alibi: bool
    new_decoder_architecture: bool
    multi_query: bool
    parallel_attn: bool
    bias: bool
    max_position_embeddings: int
    rope_theta: float
    rope_scaling: Any
    bos_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    ffn_hidden_size: int | None
    activation: str
    classifier_dropout: float | None
    n_embed: int
    def __init__(
        self,
        vocab_size: int = 65024,
        hidden_size: int = 4544,
        num_hidden_layers: int = 32,
        num_attention_heads: int = 71,
        num_ln_in_parallel_attn: int | None = None,
        layer_norm_epsilon: float = 1e-05,
        initializer_range: float = 0.02,
        use_cache: bool = True,
        hidden_dropout: float = 0.0,
        attention_dropout: float = 0.0,
        num_kv_heads: int | None = None,
        alibi: bool = False,
        new_decoder_architecture: bool = False,
        multi_query: bool = True,
        parallel_attn: bool = True,
        bias: bool = False,
        max_position_embeddings: int = 2048,
        rope_theta: float = 10000.0,
        rope_scaling: Any = None,
        bos_token_id: int | list[int] | None = 11,
        eos_token_id: int | list[int] | None = 11,
        ffn_hidden_size: int | None = None,
        activation: str = "gelu",
        classifier_dropout: float | None = None,
        **named: Any,
    ) -> None: ...

class FalconPreTrainedModel(Loading):
    config: FalconConfig
    def __init__(self, config: FalconConfig) -> None: ...

class FalconModel(
    ArgumentsOfFalconModel[outputs.BaseModelOutputWithPastAndCrossAttentions], FalconPreTrainedModel
): ...

class FalconForCausalLM(
    ArgumentsOfFalconForCausalLM[outputs.CausalLMOutputWithCrossAttentions], FalconPreTrainedModel
): ...

class FalconForSequenceClassification(
    ArgumentsOfBloomForSequenceClassification[outputs.SequenceClassifierOutputWithPast], FalconPreTrainedModel
): ...

class FalconForTokenClassification(
    ArgumentsOfBloomForSequenceClassification[outputs.TokenClassifierOutput], FalconPreTrainedModel
): ...

class FalconForQuestionAnswering(
    ArgumentsOfBloomForQuestionAnswering[outputs.QuestionAnsweringModelOutput], FalconPreTrainedModel
): ...
