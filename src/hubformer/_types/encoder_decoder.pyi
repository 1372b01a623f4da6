"""EncoderDecoder: its classes for mypy and editors. Written by scripts/write_names.py."""

from typing import Any

from hubformer._types import outputs
from hubformer._types.arguments import ArgumentsOfEncoderDecoderModel
from hubformer._types.loading import Loading
from hubformer.pretrained.config import JoinedConfig
from hubformer.pretrained.joined import JoinedModel
from hubformer.pretrained.model import PreTrainedModel

class EncoderDecoderConfig(JoinedConfig):
    encoder: Any
    decoder: Any
    pad_token_id: int | list[int] | None
    decoder_start_token_id: int | list[int] | None
    is_encoder_decoder: bool
    tie_encoder_decoder: Any
    def __init__(
        self,
        encoder: Any = {"model_type": "bert"},
        decoder: Any = {"model_type": "bert", "is_decoder": True, "add_cross_attention": True},
        pad_token_id: int | list[int] | None = None,
        decoder_start_token_id: int | list[int] | None = None,
        is_encoder_decoder: bool = True,
        tie_encoder_decoder: Any = False,
        **named: Any,
    ) -> None: ...

class EncoderDecoderPreTrainedModel(Loading, JoinedModel):
    config: EncoderDecoderConfig
    def __init__(
        self,
        config: EncoderDecoderConfig | None = None,
        encoder: PreTrainedModel | None = None,
        decoder: PreTrainedModel | None = None,
    ) -> None: ...

class EncoderDecoderModel(
    ArgumentsOfEncoderDecoderModel[outputs.Seq2SeqLMOutput], EncoderDecoderPreTrainedModel
):
    def __init__(
        self,
        config: EncoderDecoderConfig | None = None,
        encoder: PreTrainedModel | None = None,
        decoder: PreTrainedModel | None = None,
        *,
        add_pooling_layer: bool = True,
    ) -> None: ...
