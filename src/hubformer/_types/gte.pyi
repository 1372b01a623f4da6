"""Gte: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import ArgumentsOfDebertaForMaskedLM, ArgumentsOfDebertaModel
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class GteConfig(PreTrainedConfig):
    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    hidden_act: str
    hidden_dropout_prob: float
    attention_probs_dropout_prob: float
    max_position_embeddings: int
    type_vocab_size: int
    initializer_range: float
    layer_norm_eps: float
    pad_token_id: int | list[int] | None
    classifier_dropout: float | None
    rope_theta: float
    rope_scaling: Any
    position_embedding_type: str
    layer_norm_type: str
    logn_attention_scale: bool
    logn_attention_clip1: bool
    pack_qkv: bool
    unpad_inputs: bool
    use_memory_efficient_attention: bool
    def __init__(
        self,
        vocab_size: int = 250048,
        hidden_size: int = 768,
        num_hidden_layers: int = 12,
        num_attention_heads: int = 12,
        intermediate_size: int = 3072,
        hidden_act: str = "gelu",
        hidden_dropout_prob: float = 0.1,
        attention_probs_dropout_prob: float = 0.0,
        max_position_embeddings: int = 8192,
        type_vocab_size: int = 1,
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-12,
        pad_token_id: int | list[int] | None = 1,
        classifier_dropout: float | None = None,
        rope_theta: float = 160000.0,
        rope_scaling: Any = None,
        position_embedding_type: str = "rope",
        layer_norm_type: str = "layer_norm",
        logn_attention_scale: bool = False,
        logn_attention_clip1: bool = False,
        pack_qkv: bool = True,
        unpad_inputs: bool = False,
        use_memory_efficient_attention: bool = False,
        **named: Any,
    ) -> None: ...

class GtePreTrainedModel(Loading):
    config: GteConfig
    def __init__(self, config: GteConfig) -> None: ...

class GteModel(ArgumentsOfDebertaModel[outputs.BaseModelOutputWithPooling], GtePreTrainedModel): ...

class GteForMaskedLM(ArgumentsOfDebertaForMaskedLM[outputs.MaskedLMOutput], GtePreTrainedModel): ...

class GteForSequenceClassification(
    ArgumentsOfDebertaForMaskedLM[outputs.SequenceClassifierOutput], GtePreTrainedModel
): ...

class GteForTokenClassification(
    ArgumentsOfDebertaForMaskedLM[outputs.TokenClassifierOutput], GtePreTrainedModel
): ...
