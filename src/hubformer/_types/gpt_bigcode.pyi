"""GPTBigCode: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfGPT2ForSequenceClassification,
    ArgumentsOfGPTBigCodeForCausalLM,
    ArgumentsOfGPTBigCodeModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class GPTBigCodeConfig(PreTrainedConfig):
    vocab_size: int
    n_positions: int
    n_embd: int
    n_layer: int
    n_head: int
    n_inner: int | None
    resid_pdrop: float
    embd_pdrop: float
    attn_pdrop: float
    layer_norm_epsilon: float
    initializer_range: float
    scale_attn_weights: bool
    use_cache: bool
    bos_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    classifier_dropout: float | None
    hidden_dropout: float | None
    band: int | None
    activation_function: str
    attention_softmax_in_fp32: bool
    scale_attention_softmax_in_fp32: bool
    multi_query: bool
    hidden_size: int
    max_position_embeddings: int
    num_attention_heads: int
    num_hidden_layers: int
    def __init__(
        self,
        vocab_size: int = 50257,
        n_positions: int = 1024,
        n_embd: int = 768,
        n_layer: int = 12,
        n_head: int = 12,
        n_inner: int | None = None,
        resid_pdrop: float = 0.1,
        embd_pdrop: float = 0.1,
        attn_pdrop: float = 0.1,
        layer_norm_epsilon: float = 1e-05,
        initializer_range: float = 0.02,
        scale_attn_weights: bool = True,
        use_cache: bool = True,
        bos_token_id: int | list[int] | None = 50256,
        eos_token_id: int | list[int] | None = 50256,
        classifier_dropout: float | None = None,
        hidden_dropout: float | None = None,
        band: int | None = None,
        activation_function: str = "gelu_pytorch_tanh",
        attention_softmax_in_fp32: bool = True,
        scale_attention_softmax_in_fp32: bool = True,
        multi_query: bool = True,
        **named: Any,
    ) -> None: ...

class GPTBigCodePreTrainedModel(Loading):
    config: GPTBigCodeConfig
    def __init__(self, config: GPTBigCodeConfig) -> None: ...

class GPTBigCodeModel(
    ArgumentsOfGPTBigCodeModel[outputs.BaseModelOutputWithPastAndCrossAttentions], GPTBigCodePreTrainedModel
): ...

class GPTBigCodeForCausalLM(
    ArgumentsOfGPTBigCodeForCausalLM[outputs.CausalLMOutputWithCrossAttentions], GPTBigCodePreTrainedModel
): ...

class GPTBigCodeForSequenceClassification(
    ArgumentsOfGPT2ForSequenceClassification[outputs.SequenceClassifierOutputWithPast], GPTBigCodePreTrainedModel
): ...

class GPTBigCodeForTokenClassification(
    ArgumentsOfGPT2ForSequenceClassification[outputs.TokenClassifierOutput], GPTBigCodePreTrainedModel
): ...
