"""An encoder that reads, and a decoder that reads on from its states (Vaswani et al. 2017, arXiv:1706.03762).

Shapes:  B rows  L tokens of the encoder  T tokens of the decoder  M model width
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from hubformer.core import Linear, SequenceLayout, StackSpec, Trace
from hubformer.errors import ConfigError, InputError
from hubformer.models.bodies import AnyBodySpec, Body, BodySpec, States
from hubformer.models.config import PreTrainedConfig
from hubformer.models.embeddings import TokenEmbedding, TokenEmbeddings
from hubformer.models.heads import Context, HeadSpec
from hubformer.models.inputs import Inputs, Limits, check

TOLD = ("token_type_ids", "position_ids", "global_attention_mask")  # what some encoders read beside tokens
_OF_AN_ENCODER = ("last_hidden_state", "hidden_states", "attentions", "global_attentions")
_HEAD_MASKS = ("head_mask", "decoder_head_mask", "cross_attn_head_mask")


@dataclass(frozen=True)
class EncoderDecoderSpec:
    """Two bodies. Heads read the decoder's states."""

    encoder: AnyBodySpec
    decoder: AnyBodySpec
    end: int | None = None  # the token whose last state stands for a row, where a head asks for that
    shared: bool = True  # whether the token vectors of both are one table
    bridged: bool = False  # whether the encoder's states are projected to the width of the decoder
    told: tuple[str, ...] = ()  # those of TOLD that the encoder reads, beside tokens and their mask

    @property
    def embedding(self) -> TokenEmbedding:
        return self.decoder.embedding

    @property
    def stack(self) -> StackSpec:
        return self.decoder.stack

    def build(self) -> EncoderDecoder:
        return EncoderDecoder(self)


@dataclass(frozen=True)
class HalfSpec:
    """One of the two alone, under the name that it has in the whole."""

    half: Literal["encoder", "decoder"]
    body: BodySpec

    @property
    def embedding(self) -> TokenEmbedding:
        return self.body.embedding

    @property
    def stack(self) -> StackSpec:
        return self.body.stack

    def build(self) -> nn.Module:
        return {"encoder": _EncoderAlone, "decoder": _DecoderAlone}[self.half](self)


class EncoderDecoder(nn.Module):
    def __init__(self, spec: EncoderDecoderSpec) -> None:
        super().__init__()
        self.spec = spec
        halves: Any = (spec.encoder.build(), spec.decoder.build())
        self.encoder, self.decoder = halves
        if spec.shared:
            self.decoder.embedding.tokens = self.encoder.embedding.tokens
        widths = spec.encoder.stack.output_width, spec.decoder.stack.width
        self.bridge = Linear(*widths) if spec.bridged else nn.Identity()

    @property
    def embedding(self) -> TokenEmbeddings:
        embedding: TokenEmbeddings = self.decoder.embedding
        return embedding

    @property
    def stack(self) -> nn.Module:
        stack: nn.Module = self.decoder.stack
        return stack

    @property
    def limits(self) -> Limits:
        limits: Limits = self.encoder.limits
        return limits

    def encode(self, inputs: Inputs, *, trace: Trace | None = None) -> States:
        """The states of what the encoder is given.

        Raises:
            InputError: something that this encoder does not read.
        """
        told = {name: getattr(inputs, name) for name in TOLD if getattr(inputs, name) is not None}
        unread = sorted(told.keys() - set(self.spec.told))
        if unread:
            raise InputError(f"The encoder of this model takes no {unread[0]}. Leave it out.")
        read = Inputs(inputs.input_ids, inputs.attention_mask, inputs_embeds=inputs.inputs_embeds, **told)
        states: States = self.encoder(read, trace=trace)
        return states

    def forward(self, inputs: Inputs, *, trace: Trace | None = None, use_cache: bool = False) -> States:
        _refuse_head_masks(inputs)
        read = self.encode(inputs, trace=_like(trace)) if inputs.encoder_outputs is None else None
        told = _of(inputs.encoder_outputs) if read is None else read
        decoding = Inputs(
            inputs.decoder_input_ids,
            inputs.decoder_attention_mask,
            inputs_embeds=inputs.decoder_inputs_embeds,
            encoder_hidden_states=self.bridge(told.last),
            encoder_attention_mask=inputs.attention_mask,
            past_key_values=inputs.past_key_values,
        )
        if decoding.input_ids is None and decoding.inputs_embeds is None:
            raise InputError(
                "The decoder has nothing to read. Pass labels, decoder_input_ids or decoder_inputs_embeds; "
                "to write text, call generate."
            )
        if not torch.compiler.is_compiling():
            check(decoding, self.decoder.limits)
        states: States = self.decoder(decoding, trace=trace, use_cache=use_cache)
        assert isinstance(states.layout, SequenceLayout)
        ends = (
            None if inputs.input_ids is None or self.spec.end is None else inputs.input_ids == self.spec.end
        )
        return replace(
            states,
            layout=replace(states.layout, ends=ends),
            encoder_last_hidden_state=told.last,
            encoder_hidden_states=told.hidden_states,
            encoder_attentions=told.attentions,
            encoder_global_attentions=told.global_attentions,
        )


@dataclass(frozen=True)
class WithPooler:
    """A head of the decoder, and beside it the encoder's pooler, which files keep and nothing reads."""

    scores: HeadSpec
    pooler: HeadSpec

    def build(self, body: AnyBodySpec) -> nn.Module:
        assert isinstance(body, EncoderDecoderSpec)
        return _WithPooler(self, body)


class _WithPooler(nn.Module):
    def __init__(self, spec: WithPooler, body: EncoderDecoderSpec) -> None:
        super().__init__()
        self.scores, self.pooler = spec.scores.build(body.decoder), spec.pooler.build(body.encoder)

    def forward(self, states: Tensor, context: Context) -> Tensor:
        scores: Tensor = self.scores(states, context)
        return scores


class _EncoderAlone(nn.Module):
    def __init__(self, spec: HalfSpec) -> None:
        super().__init__()
        self.spec, self.encoder = spec, spec.body.build()

    @property
    def embedding(self) -> TokenEmbeddings:
        return self._half.embedding

    @property
    def stack(self) -> nn.Module:
        return self._half.stack

    @property
    def limits(self) -> Limits:
        return self._half.limits

    @property
    def _half(self) -> Body:
        half: Body = getattr(self, self.spec.half)
        return half

    def forward(self, inputs: Inputs, *, trace: Trace | None = None, use_cache: bool = False) -> States:
        states: States = self._half(inputs, trace=trace, use_cache=use_cache)
        return states

    def read(self, ids: Tensor, *, layout: Any, types: Tensor | None = None) -> States:
        return self._half.read(ids, layout=layout, types=types)


class _DecoderAlone(_EncoderAlone):
    def __init__(self, spec: HalfSpec) -> None:
        nn.Module.__init__(self)
        self.spec, self.decoder = spec, spec.body.build()


def _like(trace: Trace | None) -> Trace | None:
    """A trace for the encoder, of what is asked of the decoder."""
    return None if trace is None else Trace(trace.hidden, trace.attention)


def _of(outputs: Any) -> States:
    """The states of an encoder that ran before: its output, or a tuple that begins with the last states."""
    if isinstance(outputs, Tensor):
        outputs = (outputs,)
    if hasattr(outputs, "get"):
        found = [outputs.get(name) for name in _OF_AN_ENCODER]
    else:
        found = [*outputs, None, None, None][: len(_OF_AN_ENCODER)]
    if not isinstance(found[0], Tensor) or found[0].dim() != 3:
        raise InputError("encoder_outputs has no states (rows, length, width) in its first place.")
    return States(
        found[0],
        SequenceLayout.from_length(found[0].shape[1]),
        hidden_states=found[1],
        attentions=found[2],
        global_attentions=found[3],
    )


def _refuse_head_masks(inputs: Inputs) -> None:
    given = [name for name in _HEAD_MASKS if getattr(inputs, name) is not None]
    if given:
        raise InputError(f"{given[0]} is not supported for encoder-decoders. Leave it out.")


# What the decoder reads, where the caller gives something else


def after_labels(inputs: Inputs, config: PreTrainedConfig) -> Inputs:
    """The decoder reads the labels, moved on by one behind the start token."""
    return _reading(inputs, inputs.labels, config)


def after_padded_labels(inputs: Inputs, config: PreTrainedConfig) -> Inputs:
    """As after_labels; what becomes padding is hidden from the decoder. The start token is not, whatever it
    is: it is there when the model writes."""
    read = after_labels(inputs, config)
    if read is inputs or read.decoder_attention_mask is not None:
        return read
    assert read.decoder_input_ids is not None
    seen = read.decoder_input_ids != _token(config, "pad_token_id")
    seen[:, 0] = True
    return replace(read, decoder_attention_mask=seen.long())


def after_input(inputs: Inputs, config: PreTrainedConfig) -> Inputs:
    """The decoder reads what the encoder reads, moved on by one behind the start token."""
    return _reading(inputs, inputs.input_ids, config)


def after_wrapped_labels(inputs: Inputs, config: PreTrainedConfig) -> Inputs:
    """The decoder reads the labels, moved on by one behind their own last token, which names a language."""
    return _reading(inputs, inputs.labels, config, moved=wrapped)


def after_wrapped_input(inputs: Inputs, config: PreTrainedConfig) -> Inputs:
    return _reading(inputs, inputs.input_ids, config, moved=wrapped)


def wrapped(ids: Tensor, config: Any) -> Tensor:
    """(B, T) -> (B, T): the last token that is no padding, then all but the last; -100 becomes padding."""
    filled = ids.masked_fill(ids == -100, _token(config, "pad_token_id"))
    last = (filled != config.pad_token_id).sum(1, keepdim=True) - 1
    return torch.cat([filled.gather(1, last.clamp(min=0)), filled[:, :-1]], dim=1)


def _reading(
    inputs: Inputs,
    source: Tensor | None,
    config: PreTrainedConfig,
    *,
    moved: Callable[[Tensor, Any], Tensor] | None = None,
) -> Inputs:
    given = inputs.decoder_input_ids is not None or inputs.decoder_inputs_embeds is not None
    if given or source is None:
        return inputs
    return replace(inputs, decoder_input_ids=(moved or moved_on)(source, config))


def moved_on(ids: Tensor, config: Any) -> Tensor:
    """(B, T) -> (B, T): the start token, then all but the last; -100 becomes padding.

    Raises:
        ConfigError: the configuration has no start token or no padding token.
    """
    moved = ids.new_full(ids.shape, _token(config, "decoder_start_token_id"))
    moved[:, 1:] = ids[:, :-1]
    return moved.masked_fill(moved == -100, _token(config, "pad_token_id"))


def _token(config: Any, name: str) -> int:
    token = getattr(config, name)
    if not isinstance(token, int):
        raise ConfigError(f"{name} is {token!r}, but the decoder's input is made with it. Set it.")
    return token
