"""How an embedding and a stack are put together: inputs to states.

Shapes:  B rows  Q queries  K keys  L length  M model width
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from hubformer.core import AnyLayout, Cache, EncoderStates, SequenceLayout, StackSpec, Trace
from hubformer.errors import InputError
from hubformer.models.embeddings import TokenEmbedding, TokenEmbeddings
from hubformer.models.inputs import Inputs, Limits


@dataclass(frozen=True, eq=False)
class States:
    """What a body hands to a head."""

    last: Tensor  # (B, L, M)
    layout: AnyLayout
    past_key_values: Cache | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None
    cross_attentions: tuple[Tensor, ...] | None = None
    global_attentions: tuple[Tensor, ...] | None = None
    router_logits: tuple[Tensor, ...] | None = None  # (tokens, experts) of each layer that has experts
    mems: tuple[Tensor, ...] | None = None
    encoder_last_hidden_state: Tensor | None = None  # (B, L, M)
    encoder_hidden_states: tuple[Tensor, ...] | None = None
    encoder_attentions: tuple[Tensor, ...] | None = None
    encoder_global_attentions: tuple[Tensor, ...] | None = None

    @property
    def decoder_hidden_states(self) -> tuple[Tensor, ...] | None:
        """By the name that outputs of an encoder-decoder give them."""
        return self.hidden_states

    @property
    def decoder_attentions(self) -> tuple[Tensor, ...] | None:
        return self.attentions


class AnyBodySpec(Protocol):
    """A body is built from a spec that says what heads need to know of it."""

    @property
    def embedding(self) -> TokenEmbedding: ...

    @property
    def stack(self) -> StackSpec: ...

    def build(self) -> nn.Module: ...


@dataclass(frozen=True)
class BodySpec:
    embedding: TokenEmbedding
    stack: StackSpec

    def build(self) -> Body:
        return Body(self)


class Body(nn.Module):
    """One embedding, one stack: encoders and decoders alike."""

    def __init__(self, spec: BodySpec) -> None:
        super().__init__()
        self.spec = spec
        self.embedding: TokenEmbeddings = spec.embedding.build(spec.stack.width)
        self.stack = spec.stack.build()

    @property
    def limits(self) -> Limits:
        spec, vocab = self.spec.embedding, self.embedding.tokens.num_embeddings  # which may be resized
        types = spec.types or vocab
        return Limits(vocab, spec.longest, types, spec.positions or None, spec.languages or None)

    def forward(self, inputs: Inputs, *, trace: Trace | None = None, use_cache: bool = False) -> States:
        cache = as_cache(inputs.past_key_values, layers=len(self.spec.stack.layers), wanted=use_cache)
        layout = self._layout(inputs, cache)
        given = inputs.input_ids if inputs.inputs_embeds is None else inputs.inputs_embeds
        assert given is not None
        valid = None if layout.key_valid is None else layout.key_valid[:, -layout.at.shape[1] :]
        x = self.embedding(
            given,
            at=layout.at,
            rows=inputs.position_ids,
            types=inputs.token_type_ids,
            valid=valid,
            languages=inputs.langs,
        )
        x = self.stack(
            x, layout=layout, encoder_states=self._encoder_states(inputs, layout), cache=cache, trace=trace
        )
        return States(x, layout, cache if use_cache else None, **seen(trace))

    def read(self, ids: Tensor, *, layout: AnyLayout, types: Tensor | None = None) -> States:
        """A batch whose layout the caller has made, packed or not: ids (B, L) or (1, T)."""
        x = self.embedding(ids, at=layout.at, types=types)
        return States(self.stack(x, layout=layout), layout)

    def _encoder_states(self, inputs: Inputs, layout: SequenceLayout) -> EncoderStates | None:
        states = inputs.encoder_hidden_states
        if states is None:
            return None
        if all(layer.cross_attention is None for layer in self.spec.stack.layers):
            raise InputError(
                "encoder_hidden_states was given, but this model has no cross-attention to read it. Build it "
                "with is_decoder=True and add_cross_attention=True, or leave the argument out."
            )
        mask = without_trivial(inputs.encoder_attention_mask)
        key_at = torch.arange(states.shape[1], device=states.device)[None]
        return states, SequenceLayout(layout.query_at, key_at, None if mask is None else mask.bool())

    def _layout(self, inputs: Inputs, cache: Cache | None) -> SequenceLayout:
        length, mask, device = inputs.batch_shape[1], inputs.attention_mask, inputs.device
        pairs = None
        if mask is not None and mask.dim() == 3:
            pairs, mask = mask.bool(), None
        mask = without_trivial(mask)
        layout = (
            SequenceLayout.from_length(length, mask=mask, device=device)
            if cache is None
            else cache.layout(length, mask=mask, device=device)
        )
        if inputs.position_ids is not None:
            layout = replace(layout, position_ids=inputs.position_ids)
        if inputs.global_attention_mask is not None:
            layout = replace(layout, global_tokens=inputs.global_attention_mask.bool())
        if pairs is None:
            return layout
        return SequenceLayout(
            layout.query_at,
            layout.key_at,
            layout.key_valid,
            pair_mask=pairs,
            position_ids=inputs.position_ids,
        )


def without_trivial(mask: Tensor | None) -> Tensor | None:
    """A mask that hides nothing is none: the fastest kernels take no mask."""
    if mask is None or torch.compiler.is_compiling() or not bool(mask.all()):
        return mask
    return None


def as_cache(past: object, *, layers: int, wanted: bool) -> Cache | None:
    if isinstance(past, Cache):
        return past
    if isinstance(past, (tuple, list)):
        return Cache.from_pairs(past)
    return Cache(layers) if wanted else None


def seen(trace: Trace | None) -> dict[str, Any]:
    """What a trace collected, as the fields of States."""
    if trace is None:
        return {}
    return {
        "hidden_states": tuple(trace.hidden_states) or None,
        "attentions": tuple(trace.attentions[i] for i in sorted(trace.attentions)) or None,
        "cross_attentions": tuple(trace.cross_attentions[i] for i in sorted(trace.cross_attentions)) or None,
        "global_attentions": tuple(trace.global_attentions[i] for i in sorted(trace.global_attentions))
        or None,
        "router_logits": tuple(trace.router_logits[i] for i in sorted(trace.router_logits)) or None,
    }
