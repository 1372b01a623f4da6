"""Mixtral: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfGemmaForSequenceClassification,
    ArgumentsOfLlamaForQuestionAnswering,
    ArgumentsOfMixtralForCausalLM,
    ArgumentsOfMixtralModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class MixtralConfig(PreTrainedConfig):
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int | None
    head_dim: int | None
    hidden_act: str
    max_position_embeddings: int
    initializer_range: float
    rms_norm_eps: float
    use_cache: bool
    pad_token_id: int | list[int] | None
    bos_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    tie_word_embeddings: bool
    rope_theta: float
    sliding_window: int | None
    attention_dropout: float
    num_experts_per_tok: int
    num_local_experts: int
    output_router_logits: bool
    router_aux_loss_coef: float
    router_jitter_noise: float
    rope_scaling: Any
    classifier_dropout: float | None
    hidden_dropout: float | None
    num_experts: int
    def __init__(
        self,
        vocab_size: int = 32000,
        hidden_size: int = 4096,
        intermediate_size: int = 14336,
        num_hidden_layers: int = 32,
        num_attention_heads: int = 32,
        num_key_value_heads: int | None = 8,
        head_dim: int | None = None,
        hidden_act: str = "silu",
        max_position_embeddings: int = 131072,
        initializer_range: float = 0.02,
        rms_norm_eps: float = 1e-05,
        use_cache: bool = True,
        pad_token_id: int | list[int] | None = None,
        bos_token_id: int | list[int] | None = 1,
        eos_token_id: int | list[int] | None = 2,
        tie_word_embeddings: bool = False,
        rope_theta: float = 1000000.0,
        sliding_window: int | None = None,
        attention_dropout: float = 0.0,
        num_experts_per_tok: int = 2,
        num_local_experts: int = 8,
        output_router_logits: bool = False,
        router_aux_loss_coef: float = 0.001,
        router_jitter_noise: float = 0.0,
        rope_scaling: Any = None,
        classifier_dropout: float | None = None,
        hidden_dropout: float | None = None,
        **named: Any,
    ) -> None: ...

class MixtralPreTrainedModel(Loading):
    config: MixtralConfig
    def __init__(self, config: MixtralConfig) -> None: ...

class MixtralModel(ArgumentsOfMixtralModel[outputs.MoeModelOutputWithPast], MixtralPreTrainedModel): ...

class MixtralForCausalLM(
    ArgumentsOfMixtralForCausalLM[outputs.MoeCausalLMOutputWithPast], MixtralPreTrainedModel
): ...

class MixtralForSequenceClassification(
    ArgumentsOfGemmaForSequenceClassification[outputs.SequenceClassifierOutputWithPast], MixtralPreTrainedModel
): ...

class MixtralForTokenClassification(
    ArgumentsOfGemmaForSequenceClassification[outputs.TokenClassifierOutput], MixtralPreTrainedModel
): ...

class MixtralForQuestionAnswering(
    ArgumentsOfLlamaForQuestionAnswering[outputs.QuestionAnsweringModelOutput], MixtralPreTrainedModel
): ...
