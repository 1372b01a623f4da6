"""OpenAIGPT: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfAlbertForMaskedLM,
    ArgumentsOfAlbertModel,
    ArgumentsOfOpenAIGPTDoubleHeadsModel,
    ArgumentsOfOpenAIGPTLMHeadModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class OpenAIGPTConfig(PreTrainedConfig):
    vocab_size: int
    n_positions: int
    n_embd: int
    n_layer: int
    n_head: int
    afn: str
    resid_pdrop: float
    embd_pdrop: float
    attn_pdrop: float
    layer_norm_epsilon: float
    initializer_range: float
    summary_type: str
    summary_use_proj: bool
    summary_activation: str | None
    summary_proj_to_labels: bool
    summary_first_dropout: float
    summary_last_dropout: float
    hidden_size: int
    max_position_embeddings: int
    num_attention_heads: int
    num_hidden_layers: int
    def __init__(
        self,
        vocab_size: int = 40478,
        n_positions: int = 512,
        n_embd: int = 768,
        n_layer: int = 12,
        n_head: int = 12,
        afn: str = "gelu",
        resid_pdrop: float = 0.1,
        embd_pdrop: float = 0.1,
        attn_pdrop: float = 0.1,
        layer_norm_epsilon: float = 1e-05,
        initializer_range: float = 0.02,
        summary_type: str = "cls_index",
        summary_use_proj: bool = True,
        summary_activation: str | None = None,
        summary_proj_to_labels: bool = True,
        summary_first_dropout: float = 0.1,
        summary_last_dropout: float = 0.0,
        **named: Any,
    ) -> None: ...

class OpenAIGPTPreTrainedModel(Loading):
    config: OpenAIGPTConfig
    def __init__(self, config: OpenAIGPTConfig) -> None: ...

class OpenAIGPTModel(ArgumentsOfAlbertModel[outputs.BaseModelOutput], OpenAIGPTPreTrainedModel): ...

class OpenAIGPTLMHeadModel(
    ArgumentsOfOpenAIGPTLMHeadModel[outputs.CausalLMOutput], OpenAIGPTPreTrainedModel
): ...

class OpenAIGPTDoubleHeadsModel(
    ArgumentsOfOpenAIGPTDoubleHeadsModel[outputs.OpenAIGPTDoubleHeadsModelOutput], OpenAIGPTPreTrainedModel
): ...

class OpenAIGPTForSequenceClassification(
    ArgumentsOfAlbertForMaskedLM[outputs.SequenceClassifierOutput], OpenAIGPTPreTrainedModel
): ...
