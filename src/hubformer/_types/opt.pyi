"""OPT: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfOPTForCausalLM,
    ArgumentsOfOPTForQuestionAnswering,
    ArgumentsOfOPTForSequenceClassification,
    ArgumentsOfOPTModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class OPTConfig(PreTrainedConfig):
    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    ffn_dim: int
    max_position_embeddings: int
    do_layer_norm_before: bool
    _remove_final_layer_norm: bool
    word_embed_proj_dim: int | None
    dropout: float
    attention_dropout: float
    num_attention_heads: int
    activation_function: str
    layerdrop: Any
    init_std: float
    use_cache: bool
    pad_token_id: int | list[int] | None
    bos_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    enable_bias: bool
    layer_norm_elementwise_affine: bool
    def __init__(
        self,
        vocab_size: int = 50272,
        hidden_size: int = 768,
        num_hidden_layers: int = 12,
        ffn_dim: int = 3072,
        max_position_embeddings: int = 2048,
        do_layer_norm_before: bool = True,
        _remove_final_layer_norm: bool = False,
        word_embed_proj_dim: int | None = None,
        dropout: float = 0.1,
        attention_dropout: float = 0.0,
        num_attention_heads: int = 12,
        activation_function: str = "relu",
        layerdrop: Any = 0.0,
        init_std: float = 0.02,
        use_cache: bool = True,
        pad_token_id: int | list[int] | None = 1,
        bos_token_id: int | list[int] | None = 2,
        eos_token_id: int | list[int] | None = 2,
        enable_bias: bool = True,
        layer_norm_elementwise_affine: bool = True,
        **named: Any,
    ) -> None: ...

class OPTPreTrainedModel(Loading):
    config: OPTConfig
    def __init__(self, config: OPTConfig) -> None: ...

class OPTModel(ArgumentsOfOPTModel[outputs.BaseModelOutputWithPast], OPTPreTrainedModel): ...

class OPTForCausalLM(ArgumentsOfOPTForCausalLM[outputs.CausalLMOutputWithPast], OPTPreTrainedModel): ...

class OPTForSequenceClassification(
    ArgumentsOfOPTForSequenceClassification[outputs.SequenceClassifierOutputWithPast], OPTPreTrainedModel
): ...

class OPTForQuestionAnswering(
    ArgumentsOfOPTForQuestionAnswering[outputs.QuestionAnsweringModelOutput], OPTPreTrainedModel
): ...
