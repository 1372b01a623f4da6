"""GPTNeoX: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfAlbertForQuestionAnswering,
    ArgumentsOfGPT2ForSequenceClassification,
    ArgumentsOfGPTNeoXForCausalLM,
    ArgumentsOfGPTNeoXForSequenceClassification,
    ArgumentsOfGPTNeoXModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class GPTNeoXConfig(PreTrainedConfig):
    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    hidden_act: str
    rotary_pct: float
    rotary_emb_base: float
    attention_dropout: float
    hidden_dropout: float
    classifier_dropout: float | None
    max_position_embeddings: int
    initializer_range: float
    layer_norm_eps: float
    use_cache: bool
    bos_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    tie_word_embeddings: bool
    use_parallel_residual: bool
    rope_scaling: Any
    attention_bias: bool
    rope_theta: float
    partial_rotary_factor: float
    def __init__(
        self,
        vocab_size: int = 50432,
        hidden_size: int = 6144,
        num_hidden_layers: int = 44,
        num_attention_heads: int = 64,
        intermediate_size: int = 24576,
        hidden_act: str = "gelu",
        rotary_pct: float = 0.25,
        rotary_emb_base: float = 10000,
        attention_dropout: float = 0.0,
        hidden_dropout: float = 0.0,
        classifier_dropout: float | None = 0.1,
        max_position_embeddings: int = 2048,
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-05,
        use_cache: bool = True,
        bos_token_id: int | list[int] | None = 0,
        eos_token_id: int | list[int] | None = 2,
        tie_word_embeddings: bool = False,
        use_parallel_residual: bool = True,
        rope_scaling: Any = None,
        attention_bias: bool = True,
        **named: Any,
    ) -> None: ...

class GPTNeoXPreTrainedModel(Loading):
    config: GPTNeoXConfig
    def __init__(self, config: GPTNeoXConfig) -> None: ...

class GPTNeoXModel(ArgumentsOfGPTNeoXModel[outputs.BaseModelOutputWithPast], GPTNeoXPreTrainedModel): ...

class GPTNeoXForCausalLM(
    ArgumentsOfGPTNeoXForCausalLM[outputs.CausalLMOutputWithPast], GPTNeoXPreTrainedModel
): ...

class GPTNeoXForQuestionAnswering(
    ArgumentsOfAlbertForQuestionAnswering[outputs.QuestionAnsweringModelOutput], GPTNeoXPreTrainedModel
): ...

class GPTNeoXForSequenceClassification(
    ArgumentsOfGPTNeoXForSequenceClassification[outputs.SequenceClassifierOutputWithPast], GPTNeoXPreTrainedModel
): ...

class GPTNeoXForTokenClassification(
    ArgumentsOfGPT2ForSequenceClassification[outputs.TokenClassifierOutput], GPTNeoXPreTrainedModel
): ...
