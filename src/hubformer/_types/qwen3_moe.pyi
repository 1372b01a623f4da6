"""Qwen3Moe: its classes for mypy and editors. Written by scripts/write_names.py."""

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

class Qwen3MoeConfig(PreTrainedConfig):
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int | None
    hidden_act: str
    max_position_embeddings: int
    initializer_range: float
    rms_norm_eps: float
    use_cache: bool
    tie_word_embeddings: bool
    rope_theta: float
    rope_scaling: Any
    attention_bias: bool
    use_sliding_window: bool
    sliding_window: int | None
    attention_dropout: float
    decoder_sparse_step: int
    moe_intermediate_size: int
    num_experts_per_tok: int
    num_experts: int
    norm_topk_prob: bool
    output_router_logits: bool
    router_aux_loss_coef: float
    mlp_only_layers: Any
    head_dim: int | None
    max_window_layers: int | None
    classifier_dropout: float | None
    hidden_dropout: float | None
    num_local_experts: int
    def __init__(
        self,
        vocab_size: int = 151936,
        hidden_size: int = 2048,
        intermediate_size: int = 6144,
        num_hidden_layers: int = 24,
        num_attention_heads: int = 32,
        num_key_value_heads: int | None = 4,
        hidden_act: str = "silu",
        max_position_embeddings: int = 32768,
        initializer_range: float = 0.02,
        rms_norm_eps: float = 1e-06,
        use_cache: bool = True,
        tie_word_embeddings: bool = False,
        rope_theta: float = 10000.0,
        rope_scaling: Any = None,
        attention_bias: bool = False,
        use_sliding_window: bool = False,
        sliding_window: int | None = 4096,
        attention_dropout: float = 0.0,
        decoder_sparse_step: int = 1,
        moe_intermediate_size: int = 768,
        num_experts_per_tok: int = 8,
        num_experts: int = 128,
        norm_topk_prob: bool = False,
        output_router_logits: bool = False,
        router_aux_loss_coef: float = 0.001,
        mlp_only_layers: Any = None,
        head_dim: int | None = None,
        max_window_layers: int | None = None,
        classifier_dropout: float | None = None,
        hidden_dropout: float | None = None,
        **named: Any,
    ) -> None: ...

class Qwen3MoePreTrainedModel(Loading):
    config: Qwen3MoeConfig
    def __init__(self, config: Qwen3MoeConfig) -> None: ...

class Qwen3MoeModel(ArgumentsOfMixtralModel[outputs.MoeModelOutputWithPast], Qwen3MoePreTrainedModel): ...

class Qwen3MoeForCausalLM(
    ArgumentsOfMixtralForCausalLM[outputs.MoeCausalLMOutputWithPast], Qwen3MoePreTrainedModel
): ...

class Qwen3MoeForSequenceClassification(
    ArgumentsOfGemmaForSequenceClassification[outputs.SequenceClassifierOutputWithPast], Qwen3MoePreTrainedModel
): ...

class Qwen3MoeForTokenClassification(
    ArgumentsOfGemmaForSequenceClassification[outputs.TokenClassifierOutput], Qwen3MoePreTrainedModel
): ...

class Qwen3MoeForQuestionAnswering(
    ArgumentsOfLlamaForQuestionAnswering[outputs.QuestionAnsweringModelOutput], Qwen3MoePreTrainedModel
): ...
