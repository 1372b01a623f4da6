"""Bloom: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfBloomForCausalLM,
    ArgumentsOfBloomForQuestionAnswering,
    ArgumentsOfBloomForSequenceClassification,
    ArgumentsOfBloomModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class BloomConfig(PreTrainedConfig):
    vocab_size: int
    hidden_size: int
    n_layer: int
    n_head: int
    layer_norm_epsilon: float
    initializer_range: float
    use_cache: bool
    bos_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    apply_residual_connection_post_layernorm: bool
    hidden_dropout: float
    attention_dropout: float
    pretraining_tp: int
    slow_but_exact: bool
    classifier_dropout: float | None
    num_hidden_layers: int
    num_attention_heads: int
    n_embed: int
    def __init__(
        self,
        vocab_size: int = 250880,
        hidden_size: int = 64,
        n_layer: int = 2,
        n_head: int = 8,
        layer_norm_epsilon: float = 1e-05,
        initializer_range: float = 0.02,
        use_cache: bool = True,
        bos_token_id: int | list[int] | None = 1,
        eos_token_id: int | list[int] | None = 2,
        apply_residual_connection_post_layernorm: bool = False,
        hidden_dropout: float = 0.0,
        attention_dropout: float = 0.0,
        pretraining_tp: int = 1,
        slow_but_exact: bool = False,
        classifier_dropout: float | None = None,
        **named: Any,
    ) -> None: ...

class BloomPreTrainedModel(Loading):
    config: BloomConfig
    def __init__(self, config: BloomConfig) -> None: ...

class BloomModel(
    ArgumentsOfBloomModel[outputs.BaseModelOutputWithPastAndCrossAttentions], BloomPreTrainedModel
): ...

class BloomForCausalLM(
    ArgumentsOfBloomForCausalLM[outputs.CausalLMOutputWithCrossAttentions], BloomPreTrainedModel
): ...

class BloomForSequenceClassification(
    ArgumentsOfBloomForSequenceClassification[outputs.SequenceClassifierOutputWithPast], BloomPreTrainedModel
): ...

class BloomForTokenClassification(
    ArgumentsOfBloomForSequenceClassification[outputs.TokenClassifierOutput], BloomPreTrainedModel
): ...

class BloomForQuestionAnswering(
    ArgumentsOfBloomForQuestionAnswering[outputs.QuestionAnsweringModelOutput], BloomPreTrainedModel
): ...
