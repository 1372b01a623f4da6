"""Layers whose attention and feed-forward read the same states and are added together (Wang and Komatsuzaki
2021, "GPT-J-6B").

Shapes:  B rows  Q queries  K keys  M model width
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from torch import Tensor, nn

from hubformer.core.blocks import Block, EncoderStates, LayerSpec
from hubformer.core.cache import LayerCache
from hubformer.core.layout import AnyLayout
from hubformer.core.norms import Norms
from hubformer.core.trace import LayerTrace
from hubformer.errors import ConfigError


@dataclass(frozen=True)
class ParallelSpec(LayerSpec):
    """x + attention(norm(x)) + feed_forward(norm(x)); feed_forward_norms gives the second a norm of its own.

    None: both read what the first norm made.
    """

    dropped: Literal["apart", "together"] = "apart"  # the two results, by dropout; together: Falcon

    def build(self, width: int) -> nn.Module:
        if self.cross_attention is not None:
            raise ConfigError("A parallel layer has cross_attention, which it would never run. Leave it out.")
        if self.feed_forward_norms is not None:
            return {"apart": ParallelBlock, "together": _SummingBlock}[self.dropped](self, width)
        kind = {"apart": _SharingBlock, "together": _SharingSummingBlock}[self.dropped]
        return kind(replace(self, feed_forward_norms=Norms()), width)


class ParallelBlock(Block):
    """The two sublayers side by side, each with a norm of its own."""

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
        """x (B, Q, M) -> (B, Q, M); context and memory are not read."""
        residual, h = self.attention_residual.pre(x)
        y = self.attention(
            h,
            self.attention.keys_values(h),
            layout=layout,
            position_states=position_states,
            cache=cache,
            trace=trace,
        )
        return self._added(residual, y, self.feed_forward(self._second(x, h), trace=trace))

    def _second(self, x: Tensor, h: Tensor) -> Tensor:
        """What the feed-forward reads, of the states and of what the attention read."""
        return self.feed_forward_residual.pre(x)[1]

    def _added(self, residual: Tensor, y: Tensor, z: Tensor) -> Tensor:
        """The states, with what the attention and the feed-forward made."""
        return self.feed_forward_residual.post(self.attention_residual.post(residual, y), z)


class _SharingBlock(ParallelBlock):
    def _second(self, x: Tensor, h: Tensor) -> Tensor:
        return h


class _SummingBlock(ParallelBlock):
    def _added(self, residual: Tensor, y: Tensor, z: Tensor) -> Tensor:
        return self.feed_forward_residual.post(residual, z + y)


class _SharingSummingBlock(_SharingBlock, _SummingBlock):
    pass
