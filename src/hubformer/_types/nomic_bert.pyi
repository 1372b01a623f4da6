"""NomicBert: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import ArgumentsOfDebertaForMaskedLM, ArgumentsOfDebertaModel
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class NomicBertConfig(PreTrainedConfig):
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
    head_dim: int | None
    rope_theta: float
    rope_scaling: Any
    rotary_emb_fraction: float
    rotary_scaling_factor: float | None
    max_trained_positions: int
    qkv_proj_bias: bool
    mlp_fc1_bias: bool
    mlp_fc2_bias: bool
    prenorm: bool
    parallel_block: bool
    parallel_block_tied_norm: bool
    causal: bool
    use_rms_norm: bool
    rotary_emb_interleaved: bool
    rotary_emb_scale_base: str | None
    pad_vocab_size_multiple: int
    embd_pdrop: Any
    n_embd: int
    n_layer: int
    n_head: int
    n_inner: int
    n_positions: int
    layer_norm_epsilon: float
    resid_pdrop: float
    attn_pdrop: float
    rotary_emb_base: float
    def __init__(
        self,
        vocab_size: int = 30528,
        hidden_size: int = 768,
        num_hidden_layers: int = 12,
        num_attention_heads: int = 12,
        intermediate_size: int = 3072,
        hidden_act: str = "silu",
        hidden_dropout_prob: float = 0.0,
        attention_probs_dropout_prob: float = 0.0,
        max_position_embeddings: int = 2048,
        type_vocab_size: int = 2,
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-12,
        pad_token_id: int | list[int] | None = 0,
        classifier_dropout: float | None = None,
        head_dim: int | None = None,
        rope_theta: float = 1000.0,
        rope_scaling: Any = None,
        rotary_emb_fraction: float = 1.0,
        rotary_scaling_factor: float | None = None,
        max_trained_positions: int = 2048,
        qkv_proj_bias: bool = False,
        mlp_fc1_bias: bool = False,
        mlp_fc2_bias: bool = False,
        prenorm: bool = False,
        parallel_block: bool = False,
        parallel_block_tied_norm: bool = False,
        causal: bool = False,
        use_rms_norm: bool = False,
        rotary_emb_interleaved: bool = False,
        rotary_emb_scale_base: str | None = None,
        pad_vocab_size_multiple: int = 1,
        embd_pdrop: Any = None,
        **named: Any,
    ) -> None: ...

class NomicBertPreTrainedModel(Loading):
    config: NomicBertConfig
    def __init__(self, config: NomicBertConfig) -> None: ...

class NomicBertModel(
    ArgumentsOfDebertaModel[outputs.BaseModelOutputWithPooling], NomicBertPreTrainedModel
): ...

class NomicBertForMaskedLM(
    ArgumentsOfDebertaForMaskedLM[outputs.MaskedLMOutput], NomicBertPreTrainedModel
): ...

class NomicBertForSequenceClassification(
    ArgumentsOfDebertaForMaskedLM[outputs.SequenceClassifierOutput], NomicBertPreTrainedModel
): ...

class NomicBertForTokenClassification(
    ArgumentsOfDebertaForMaskedLM[outputs.TokenClassifierOutput], NomicBertPreTrainedModel
): ...
