"""One layer: attention, perhaps cross-attention, and a feed-forward, each in its residual.

Shapes:  B rows  Q queries  K keys  M model width
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

from hubformer.core.attention import AttentionSpec
from hubformer.core.cache import LayerCache
from hubformer.core.layout import AnyLayout, SequenceLayout
from hubformer.core.norms import Norms
from hubformer.core.trace import LayerTrace

EncoderStates = tuple[Tensor, SequenceLayout]  # an encoder's states (B, K, M), and how the queries see them


class FeedForwardSpec(Protocol):
    def build(self, width: int) -> nn.Module:
        """A module from states (B, Q, M), and a LayerTrace or None as `trace`, to states."""


@dataclass(frozen=True)
class LayerSpec:
    attention: AttentionSpec
    feed_forward: FeedForwardSpec
    norms: Norms
    feed_forward_norms: Norms | None = None  # None: as norms
    cross_attention: AttentionSpec | None = None
    dropout: float = 0.0  # of each sublayer's result
    feed_forward_dropout: float | None = None  # None: as dropout; DistilBERT drops here only

    def build(self, width: int) -> nn.Module:
        return Block(self, width)


class Block(nn.Module):
    """The serial block of nearly every family."""

    def __init__(self, spec: LayerSpec, width: int) -> None:
        super().__init__()
        self.attention = spec.attention.build(width)
        self.attention_residual = spec.norms.build(width, dropout=spec.dropout)
        self.cross_attention = self.cross_residual = None
        if spec.cross_attention is not None:
            self.cross_attention = spec.cross_attention.build(width)
            self.cross_residual = spec.norms.build(width, dropout=spec.dropout)
        self.feed_forward = spec.feed_forward.build(width)
        self.feed_forward_residual = (spec.feed_forward_norms or spec.norms).build(
            width, dropout=spec.dropout if spec.feed_forward_dropout is None else spec.feed_forward_dropout
        )

    def forward(
        self,
        x: Tensor,
        *,
        layout: AnyLayout,
        position_states: Sequence[Any],
        context: Tensor | None = None,
        encoder_states: EncoderStates | None = None,
        cache: LayerCache | None = None,
        trace: LayerTrace | None = None,
    ) -> Tensor:
        """x (B, Q, M) -> (B, Q, M).

        context (B, K, M): what self-attention reads instead of x, such as XLNet's content stream.
        """
        residual, h = self.attention_residual.pre(x)
        kv = self.attention.keys_values(h if context is None else context)
        y = self.attention(h, kv, layout=layout, position_states=position_states, cache=cache, trace=trace)
        x = self.attention_residual.post(residual, y)
        if self.cross_attention is not None and encoder_states is not None:
            x = self._cross(x, encoder_states, cache=cache, trace=trace)
        residual, h = self.feed_forward_residual.pre(x)
        return self.feed_forward_residual.post(residual, self.feed_forward(h, trace=trace))

    def _cross(
        self, x: Tensor, encoder_states: EncoderStates, *, cache: LayerCache | None, trace: LayerTrace | None
    ) -> Tensor:
        assert self.cross_attention is not None
        assert self.cross_residual is not None
        attention, (states, seen) = self.cross_attention, encoder_states
        residual, h = self.cross_residual.pre(x)
        kv = (
            attention.keys_values(states)
            if cache is None
            else cache.encoder_states(lambda: attention.keys_values(states))
        )
        y = attention(
            h, kv, layout=seen, position_states=(None,), trace=trace.for_cross_attention() if trace else None
        )
        return self.cross_residual.post(residual, y)
