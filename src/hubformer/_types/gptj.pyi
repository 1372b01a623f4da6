"""GPTJ: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfAlbertForQuestionAnswering,
    ArgumentsOfGPT2ForSequenceClassification,
    ArgumentsOfGPTNeoForCausalLM,
    ArgumentsOfGPTNeoModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class GPTJConfig(PreTrainedConfig):
    vocab_size: int
    n_positions: int
    n_embd: int
    n_layer: int
    n_head: int
    rotary_dim: int | None
    n_inner: int | None
    activation_function: str
    resid_pdrop: float
    embd_pdrop: float
    attn_pdrop: float
    layer_norm_epsilon: float
    initializer_range: float
    use_cache: bool
    bos_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    tie_word_embeddings: bool
    hidden_size: int
    max_position_embeddings: int
    num_attention_heads: int
    num_hidden_layers: int
    def __init__(
        self,
        vocab_size: int = 50400,
        n_positions: int = 2048,
        n_embd: int = 4096,
        n_layer: int = 28,
        n_head: int = 16,
        rotary_dim: int | None = 64,
        n_inner: int | None = None,
        activation_function: str = "gelu_new",
        resid_pdrop: float = 0.0,
        embd_pdrop: float = 0.0,
        attn_pdrop: float = 0.0,
        layer_norm_epsilon: float = 1e-05,
        initializer_range: float = 0.02,
        use_cache: bool = True,
        bos_token_id: int | list[int] | None = 50256,
        eos_token_id: int | list[int] | None = 50256,
        tie_word_embeddings: bool = False,
        **named: Any,
    ) -> None: ...

class GPTJPreTrainedModel(Loading):
    config: GPTJConfig
    def __init__(self, config: GPTJConfig) -> None: ...

class GPTJModel(ArgumentsOfGPTNeoModel[outputs.BaseModelOutputWithPast], GPTJPreTrainedModel): ...

class GPTJForCausalLM(ArgumentsOfGPTNeoForCausalLM[outputs.CausalLMOutputWithPast], GPTJPreTrainedModel): ...

class GPTJForQuestionAnswering(
    ArgumentsOfAlbertForQuestionAnswering[outputs.QuestionAnsweringModelOutput], GPTJPreTrainedModel
): ...

class GPTJForSequenceClassification(
    ArgumentsOfGPT2ForSequenceClassification[outputs.SequenceClassifierOutputWithPast], GPTJPreTrainedModel
): ...
