"""What a forward pass returns: fields by attribute, by key, or by place among those that are not None.

Shapes:  B rows  L length  V vocabulary  N labels  C choices  M model width
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from dataclasses import dataclass, fields
from typing import Any

from torch import Tensor

from hubformer.core import Cache
from hubformer.errors import suggestion

Tensors = tuple[Tensor, ...]


@dataclass(eq=False)
class ModelOutput:
    """`out.logits`, `out["logits"]` and `out[0]` are the same; fields that are None are passed over."""

    def _filled(self) -> dict[str, Any]:
        return {f.name: v for f in fields(self) if (v := getattr(self, f.name)) is not None}

    def to_tuple(self) -> tuple[Any, ...]:
        return tuple(self._filled().values())

    def keys(self) -> KeysView[str]:
        return self._filled().keys()

    def values(self) -> ValuesView[Any]:
        return self._filled().values()

    def items(self) -> ItemsView[str, Any]:
        return self._filled().items()

    def get(self, name: str, default: Any = None) -> Any:
        return self._filled().get(name, default)

    def __getitem__(self, key: str | int | slice) -> Any:
        if not isinstance(key, str):
            return self.to_tuple()[key]
        filled = self._filled()
        if key not in filled:
            raise KeyError(f"{type(self).__name__} has no {key!r}.{suggestion(key, filled)}")
        return filled[key]

    def __setitem__(self, key: str, value: Any) -> None:
        setattr(self, key, value)

    def __contains__(self, key: object) -> bool:
        return key in self._filled()

    def __iter__(self) -> Iterator[str]:
        return iter(self._filled())

    def __len__(self) -> int:
        return len(self._filled())


@dataclass(eq=False)
class BaseModelOutput(ModelOutput):
    last_hidden_state: Tensor | None = None  # (B, L, M)
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(eq=False)
class LEDEncoderBaseModelOutput(BaseModelOutput):
    global_attentions: Tensors | None = None  # (B, heads, L, G): of global queries


@dataclass(eq=False)
class BaseModelOutputWithPast(ModelOutput):
    last_hidden_state: Tensor | None = None  # (B, L, M)
    past_key_values: Cache | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(eq=False)
class BaseModelOutputWithPastAndCrossAttentions(ModelOutput):
    last_hidden_state: Tensor | None = None  # (B, L, M)
    past_key_values: Cache | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None
    cross_attentions: Tensors | None = None


@dataclass(eq=False)
class BaseModelOutputWithPooling(ModelOutput):
    last_hidden_state: Tensor | None = None  # (B, L, M)
    pooler_output: Tensor | None = None  # (B, M); None where the checkpoint has no pooler
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(eq=False)
class BaseModelOutputWithPoolingAndCrossAttentions(ModelOutput):
    last_hidden_state: Tensor | None = None  # (B, L, M)
    pooler_output: Tensor | None = None  # (B, M); None where the checkpoint has no pooler
    hidden_states: Tensors | None = None
    past_key_values: Cache | None = None
    attentions: Tensors | None = None
    cross_attentions: Tensors | None = None


@dataclass(eq=False)
class CausalLMOutput(ModelOutput):
    loss: Tensor | None = None
    logits: Tensor | None = None  # (B, L, V)
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(eq=False)
class CausalLMOutputWithPast(ModelOutput):
    loss: Tensor | None = None
    logits: Tensor | None = None  # (B, L, V)
    past_key_values: Cache | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(eq=False)
class CausalLMOutputWithCrossAttentions(ModelOutput):
    loss: Tensor | None = None
    logits: Tensor | None = None  # (B, L, V)
    past_key_values: Cache | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None
    cross_attentions: Tensors | None = None


@dataclass(eq=False)
class MaskedLMOutput(ModelOutput):
    loss: Tensor | None = None
    logits: Tensor | None = None  # (B, L, V)
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(eq=False)
class NextSentencePredictorOutput(ModelOutput):
    loss: Tensor | None = None
    logits: Tensor | None = None  # (B, 2): follows, is random
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(eq=False)
class SequenceClassifierOutput(ModelOutput):
    loss: Tensor | None = None
    logits: Tensor | None = None  # (B, N)
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(eq=False)
class SequenceClassifierOutputWithPast(ModelOutput):
    loss: Tensor | None = None
    logits: Tensor | None = None  # (B, N)
    past_key_values: Cache | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(eq=False)
class MultipleChoiceModelOutput(ModelOutput):
    loss: Tensor | None = None
    logits: Tensor | None = None  # (B, C)
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(eq=False)
class TokenClassifierOutput(ModelOutput):
    loss: Tensor | None = None
    logits: Tensor | None = None  # (B, L, N)
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(eq=False)
class QuestionAnsweringModelOutput(ModelOutput):
    loss: Tensor | None = None
    start_logits: Tensor | None = None  # (B, L)
    end_logits: Tensor | None = None  # (B, L)
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(eq=False)
class BigBirdForQuestionAnsweringModelOutput(ModelOutput):
    loss: Tensor | None = None
    start_logits: Tensor | None = None  # (B, L)
    end_logits: Tensor | None = None  # (B, L)
    pooler_output: Tensor | None = None  # (B, M); None: it has no pooler
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(eq=False)
class BigBirdForPreTrainingOutput(ModelOutput):
    loss: Tensor | None = None
    prediction_logits: Tensor | None = None  # (B, L, V)
    seq_relationship_logits: Tensor | None = None  # (B, 2)
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(eq=False)
class BertForPreTrainingOutput(ModelOutput):
    loss: Tensor | None = None
    prediction_logits: Tensor | None = None  # (B, L, V)
    seq_relationship_logits: Tensor | None = None  # (B, 2)
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(eq=False)
class ElectraForPreTrainingOutput(ModelOutput):
    loss: Tensor | None = None
    logits: Tensor | None = None  # (B, L): above 0 where the token was replaced
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(eq=False)
class AlbertForPreTrainingOutput(ModelOutput):
    loss: Tensor | None = None
    prediction_logits: Tensor | None = None  # (B, L, V)
    sop_logits: Tensor | None = None  # (B, 2): in order, swapped
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(eq=False)
class OpenAIGPTDoubleHeadsModelOutput(ModelOutput):
    loss: Tensor | None = None
    mc_loss: Tensor | None = None
    logits: Tensor | None = None  # (B, C, L, V)
    mc_logits: Tensor | None = None  # (B, C)
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(eq=False)
class GPT2DoubleHeadsModelOutput(ModelOutput):
    loss: Tensor | None = None
    mc_loss: Tensor | None = None
    logits: Tensor | None = None  # (B, C, L, V)
    mc_logits: Tensor | None = None  # (B, C)
    past_key_values: Cache | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(eq=False)
class MoeModelOutputWithPast(ModelOutput):
    last_hidden_state: Tensor | None = None  # (B, L, M)
    past_key_values: Cache | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None
    router_logits: Tensors | None = None  # (B * L, experts) of each layer that has experts


@dataclass(eq=False)
class MoeCausalLMOutputWithPast(ModelOutput):
    loss: Tensor | None = None  # with its part of aux_loss
    aux_loss: Tensor | None = None  # of routers that prefer some experts
    logits: Tensor | None = None  # (B, L, V)
    past_key_values: Cache | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None
    router_logits: Tensors | None = None  # (B * L, experts) of each layer that has experts


@dataclass(eq=False)
class XLNetModelOutput(ModelOutput):
    last_hidden_state: Tensor | None = None  # (B, L or targets, M)
    mems: Tensors | None = None  # one (past, B, M) per layer
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(eq=False)
class XLNetLMHeadModelOutput(ModelOutput):
    loss: Tensor | None = None
    logits: Tensor | None = None  # (B, L or targets, V)
    mems: Tensors | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(eq=False)
class XLNetForSequenceClassificationOutput(ModelOutput):
    loss: Tensor | None = None
    logits: Tensor | None = None  # (B, N)
    mems: Tensors | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(eq=False)
class XLNetForTokenClassificationOutput(XLNetForSequenceClassificationOutput):
    """logits (B, L, N)"""


@dataclass(eq=False)
class XLNetForMultipleChoiceOutput(XLNetForSequenceClassificationOutput):
    """logits (B, C)"""


@dataclass(eq=False)
class XLNetForQuestionAnsweringSimpleOutput(ModelOutput):
    loss: Tensor | None = None
    start_logits: Tensor | None = None  # (B, L)
    end_logits: Tensor | None = None  # (B, L)
    mems: Tensors | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(eq=False)
class XLNetForQuestionAnsweringOutput(ModelOutput):
    loss: Tensor | None = None
    start_top_log_probs: Tensor | None = None  # (B, start_n_top)
    start_top_index: Tensor | None = None  # (B, start_n_top)
    end_top_log_probs: Tensor | None = None  # (B, start_n_top * end_n_top)
    end_top_index: Tensor | None = None  # (B, start_n_top * end_n_top)
    cls_logits: Tensor | None = None  # (B,)
    mems: Tensors | None = None
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(eq=False)
class XLMForQuestionAnsweringOutput(ModelOutput):
    loss: Tensor | None = None
    start_top_log_probs: Tensor | None = None  # (B, start_n_top)
    start_top_index: Tensor | None = None  # (B, start_n_top)
    end_top_log_probs: Tensor | None = None  # (B, start_n_top * end_n_top)
    end_top_index: Tensor | None = None  # (B, start_n_top * end_n_top)
    cls_logits: Tensor | None = None  # (B,)
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None


@dataclass(eq=False)
class Seq2SeqModelOutput(ModelOutput):
    last_hidden_state: Tensor | None = None  # (B, T, M), of the decoder
    past_key_values: Cache | None = None
    decoder_hidden_states: Tensors | None = None
    decoder_attentions: Tensors | None = None
    cross_attentions: Tensors | None = None
    encoder_last_hidden_state: Tensor | None = None  # (B, L, M)
    encoder_hidden_states: Tensors | None = None
    encoder_attentions: Tensors | None = None


@dataclass(eq=False)
class Seq2SeqLMOutput(ModelOutput):
    loss: Tensor | None = None
    logits: Tensor | None = None  # (B, T, V)
    past_key_values: Cache | None = None
    decoder_hidden_states: Tensors | None = None
    decoder_attentions: Tensors | None = None
    cross_attentions: Tensors | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: Tensors | None = None
    encoder_attentions: Tensors | None = None


@dataclass(eq=False)
class Seq2SeqSequenceClassifierOutput(Seq2SeqLMOutput):
    """logits (B, N)"""


@dataclass(eq=False)
class Seq2SeqQuestionAnsweringModelOutput(ModelOutput):
    loss: Tensor | None = None
    start_logits: Tensor | None = None  # (B, T)
    end_logits: Tensor | None = None  # (B, T)
    past_key_values: Cache | None = None
    decoder_hidden_states: Tensors | None = None
    decoder_attentions: Tensors | None = None
    cross_attentions: Tensors | None = None
    encoder_last_hidden_state: Tensor | None = None
    encoder_hidden_states: Tensors | None = None
    encoder_attentions: Tensors | None = None


@dataclass(eq=False)
class LEDSeq2SeqModelOutput(Seq2SeqModelOutput):
    encoder_global_attentions: Tensors | None = None  # (B, heads, L, G): of the encoder's global queries


@dataclass(eq=False)
class LEDSeq2SeqLMOutput(Seq2SeqLMOutput):
    encoder_global_attentions: Tensors | None = None


@dataclass(eq=False)
class LEDSeq2SeqSequenceClassifierOutput(LEDSeq2SeqLMOutput):
    """logits (B, N)"""


@dataclass(eq=False)
class LEDSeq2SeqQuestionAnsweringModelOutput(Seq2SeqQuestionAnsweringModelOutput):
    encoder_global_attentions: Tensors | None = None


@dataclass(eq=False)
class LongformerBaseModelOutputWithPooling(ModelOutput):
    last_hidden_state: Tensor | None = None  # (B, L, M)
    pooler_output: Tensor | None = None  # (B, M)
    hidden_states: Tensors | None = None
    attentions: Tensors | None = None  # (B, heads, L, G + window + 1): of the G global tokens, of the window
    global_attentions: Tensors | None = None  # (B, heads, L, G): of global queries


@dataclass(eq=False)
class LongformerMaskedLMOutput(MaskedLMOutput):
    global_attentions: Tensors | None = None


@dataclass(eq=False)
class LongformerQuestionAnsweringModelOutput(QuestionAnsweringModelOutput):
    global_attentions: Tensors | None = None


@dataclass(eq=False)
class LongformerSequenceClassifierOutput(SequenceClassifierOutput):
    global_attentions: Tensors | None = None


@dataclass(eq=False)
class LongformerMultipleChoiceModelOutput(MultipleChoiceModelOutput):
    global_attentions: Tensors | None = None


@dataclass(eq=False)
class LongformerTokenClassifierOutput(TokenClassifierOutput):
    global_attentions: Tensors | None = None
