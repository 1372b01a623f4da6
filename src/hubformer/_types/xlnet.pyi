"""XLNet: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import (
    ArgumentsOfXLNetForMultipleChoice,
    ArgumentsOfXLNetForQuestionAnswering,
    ArgumentsOfXLNetForQuestionAnsweringSimple,
    ArgumentsOfXLNetForSequenceClassification,
    ArgumentsOfXLNetLMHeadModel,
    ArgumentsOfXLNetModel,
)
from hubformer._types.loading import Loading
from hubformer.pretrained.config import PreTrainedConfig

class XLNetConfig(PreTrainedConfig):
    vocab_size: int
    d_model: int
    n_layer: int
    n_head: int
    d_inner: int
    ff_activation: str
    untie_r: bool
    attn_type: str
    initializer_range: float
    layer_norm_eps: float
    dropout: float
    mem_len: int | None
    reuse_len: int | None
    use_mems_eval: bool
    use_mems_train: bool
    bi_data: bool
    clamp_len: Any
    same_length: bool
    summary_type: str
    summary_use_proj: bool
    summary_activation: str | None
    summary_last_dropout: float
    start_n_top: int
    end_n_top: int
    pad_token_id: int | list[int] | None
    bos_token_id: int | list[int] | None
    eos_token_id: int | list[int] | None
    summary_first_dropout: float
    n_token: int
    hidden_size: int
    num_attention_heads: int
    num_hidden_layers: int
    def __init__(
        self,
        vocab_size: int = 32000,
        d_model: int = 1024,
        n_layer: int = 24,
        n_head: int = 16,
        d_inner: int = 4096,
        ff_activation: str = "gelu",
        untie_r: bool = True,
        attn_type: str = "bi",
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-12,
        dropout: float = 0.1,
        mem_len: int | None = 512,
        reuse_len: int | None = None,
        use_mems_eval: bool = True,
        use_mems_train: bool = False,
        bi_data: bool = False,
        clamp_len: Any = -1,
        same_length: bool = False,
        summary_type: str = "last",
        summary_use_proj: bool = True,
        summary_activation: str | None = "tanh",
        summary_last_dropout: float = 0.1,
        start_n_top: int = 5,
        end_n_top: int = 5,
        pad_token_id: int | list[int] | None = 5,
        bos_token_id: int | list[int] | None = 1,
        eos_token_id: int | list[int] | None = 2,
        summary_first_dropout: float = 0.0,
        **named: Any,
    ) -> None: ...

class XLNetPreTrainedModel(Loading):
    config: XLNetConfig
    def __init__(self, config: XLNetConfig) -> None: ...

class XLNetModel(ArgumentsOfXLNetModel[outputs.XLNetModelOutput], XLNetPreTrainedModel): ...

class XLNetLMHeadModel(ArgumentsOfXLNetLMHeadModel[outputs.XLNetLMHeadModelOutput], XLNetPreTrainedModel): ...

class XLNetForSequenceClassification(
    ArgumentsOfXLNetForSequenceClassification[outputs.XLNetForSequenceClassificationOutput], XLNetPreTrainedModel
): ...

class XLNetForTokenClassification(
    ArgumentsOfXLNetForSequenceClassification[outputs.XLNetForTokenClassificationOutput], XLNetPreTrainedModel
): ...

class XLNetForMultipleChoice(
    ArgumentsOfXLNetForMultipleChoice[outputs.XLNetForMultipleChoiceOutput], XLNetPreTrainedModel
): ...

class XLNetForQuestionAnsweringSimple(
    ArgumentsOfXLNetForQuestionAnsweringSimple[outputs.XLNetForQuestionAnsweringSimpleOutput], XLNetPreTrainedModel
): ...

class XLNetForQuestionAnswering(
    ArgumentsOfXLNetForQuestionAnswering[outputs.XLNetForQuestionAnsweringOutput], XLNetPreTrainedModel
): ...
