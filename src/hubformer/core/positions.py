"""How attention learns where its keys stand.

A scheme has a table, computed once per pass by the stack, and a part in every attention layer. The part has
two moments, `rotate` before the scores and `bias` added to them; both default to nothing.

Shapes:  B rows  Q queries  K keys  H heads  D head width  M model width  R relations
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import torch
from torch import Tensor, nn

from hubformer.core.dropout import Dropout
from hubformer.core.layout import SequenceLayout
from hubformer.core.linear import Linear

if TYPE_CHECKING:
    from hubformer.core.attention import Attention


class PositionSpec(Protocol):
    """A scheme of positions. Specs are frozen and hashable: layers with equal specs share one table."""

    def build_table(self, width: int, *, heads: int, head_width: int) -> nn.Module:
        """A module from a SequenceLayout to whatever the layers of this scheme need."""

    def build_layer(self, width: int, *, heads: int, head_width: int) -> Position: ...


class Position(nn.Module):
    """The part of one attention layer."""

    def rotate(self, q: Tensor, k: Tensor, table: Any) -> tuple[Tensor, Tensor]:
        """q (B, H, Q, D) and the new keys (B, G, Q, D), turned by their places."""
        return q, k

    def bias(self, q: Tensor, k: Tensor, table: Any, layer: Attention) -> Tensor | None:
        """Added to the scaled scores, (B|1, H, Q, K)."""
        return None


@dataclass(frozen=True)
class NoPosition:
    """Positions were added to the embeddings (BERT, GPT-2), or there are none (cross-attention)."""

    def build_table(self, width: int, *, heads: int, head_width: int) -> nn.Module:
        return _NoTable()

    def build_layer(self, width: int, *, heads: int, head_width: int) -> Position:
        return Position()


class _NoTable(nn.Module):
    def forward(self, layout: SequenceLayout) -> None:
        return None


def relative_scores(x: Tensor, relations: Tensor, which: Tensor) -> Tensor:
    """Score x against every relation, then keep the relation of each pair.

    x (B, H, Q, D), relations (H|1, R, D), which (B|1, Q, K) of R -> (B, H, Q, K)
    """
    return picked(x @ relations.transpose(-1, -2), which)


def picked(scores: Tensor, which: Tensor) -> Tensor:
    """scores (B, H, Q, R), which (B|1, Q, K) of R -> (B, H, Q, K)"""
    return scores.gather(-1, which[:, None].expand(*scores.shape[:3], which.shape[-1]))


@dataclass(frozen=True)
class Relative:
    """A learned vector per distance, scored by queries or by both sides (Shaw et al. 2018,
    arXiv:1803.02155)."""

    largest: int  # distances beyond are not known, in tokens
    scored_by: Literal["query", "both"] = "query"

    def build_table(self, width: int, *, heads: int, head_width: int) -> nn.Module:
        return _RelativeTable(self)

    def build_layer(self, width: int, *, heads: int, head_width: int) -> Position:
        kind = {"query": _RelativePosition, "both": _TwoSidedPosition}[self.scored_by]
        return kind(self, head_width)


class _RelativeTable(nn.Module):
    def __init__(self, spec: Relative) -> None:
        super().__init__()
        self.spec = spec

    def forward(self, layout: SequenceLayout) -> Tensor:
        largest = self.spec.largest - 1
        return (-layout.distance()).clamp(-largest, largest) + largest


class _RelativePosition(Position):
    def __init__(self, spec: Relative, head_width: int) -> None:
        super().__init__()
        self.relations = nn.Parameter(torch.zeros(2 * spec.largest - 1, head_width))

    def bias(self, q: Tensor, k: Tensor, table: Any, layer: Attention) -> Tensor:
        return layer.scale * relative_scores(q, self.relations, table)


class _TwoSidedPosition(_RelativePosition):
    def bias(self, q: Tensor, k: Tensor, table: Any, layer: Attention) -> Tensor:
        by_key = relative_scores(k, self.relations, table.transpose(1, 2)).transpose(2, 3)
        return super().bias(q, k, table, layer) + layer.scale * by_key


@dataclass(frozen=True)
class TransformerXL:
    """Transformer-XL's distances (Dai et al. 2019, arXiv:1901.02860) and, where the layout has segments,
    XLNet's segment relations (Yang et al. 2019, arXiv:1906.08237)."""

    clamp: int | None = None  # distances beyond count as this one, in tokens
    dropout: float = 0.0  # of the waves

    def build_table(self, width: int, *, heads: int, head_width: int) -> nn.Module:
        return _SinusoidTable(self, width)

    def build_layer(self, width: int, *, heads: int, head_width: int) -> Position:
        return _XLPosition(width, heads=heads, head_width=head_width)


@dataclass(frozen=True, eq=False)
class _Sinusoids:
    """One wave per distance from query to key, the largest first, and who stands how far from whom."""

    sinusoids: Tensor  # (R, M)
    keys: int
    contiguous: tuple[int, int]  # how often, and how many of the queries stand one after the other
    which: Tensor | None  # (B|1, rest, K) of R, for the queries after those
    differ: Tensor | None  # (B, 1, Q, K): 1 where the segments differ, else 0; None: no segments

    def placed(self, scores: Tensor) -> Tensor:
        """Of each query's scores by distance (B, H, Q, R), those of its keys: (B, H, Q, K)"""
        (rows, heads, _, distances), (runs, length) = scores.shape, self.contiguous
        lined, rest = scores[:, :, : runs * length], scores[:, :, runs * length :]
        # In line, each query's keys begin one column before those of the query above it. That is a view with
        # rows one shorter (Dai et al. 2019, appendix B), where gather would be a pass of its own.
        flat = lined.reshape(rows, heads, runs, length * distances)
        shifted = flat[..., length:].view(rows, heads, runs, length, distances - 1)
        found = shifted[..., : self.keys].flatten(2, 3)
        return found if self.which is None else torch.cat([found, picked(rest, self.which)], dim=2)


class _SinusoidTable(nn.Module):
    def __init__(self, spec: TransformerXL, width: int) -> None:
        super().__init__()
        self.spec, self.width, self.dropout = spec, width, Dropout(spec.dropout)

    def forward(self, layout: SequenceLayout) -> _Sinusoids:
        keys, (runs, length) = layout.key_at.shape[-1], layout.contiguous or (0, 0)
        rest = layout.query_at[:, runs * length :, None]
        # Places are indices of keys, so no distance is larger than these.
        back = length if runs else keys + 1
        which = layout.key_at[:, None] - rest + keys if rest.shape[1] else None
        # float32 at any precision of the model: published weights were trained on these very numbers.
        distance = torch.arange(keys, -back, -1, dtype=torch.float32, device=layout.key_at.device)
        if self.spec.clamp:
            distance = distance.clamp(-self.spec.clamp, self.spec.clamp)
        even = torch.arange(0, self.width, 2, dtype=torch.float32, device=distance.device)
        angle = distance[:, None] * (1 / 10_000 ** (even / self.width))
        sinusoids = self.dropout(torch.cat([angle.sin(), angle.cos()], dim=-1))
        return _Sinusoids(sinusoids, keys, (runs, length), which, _differ(layout))


def _differ(layout: SequenceLayout) -> Tensor | None:
    if layout.segments is None:
        return None
    ours, theirs = layout.segments
    return (ours[:, None, :, None] != theirs[:, None, None, :]).float()


class _XLPosition(Position):
    def __init__(self, width: int, *, heads: int, head_width: int) -> None:
        super().__init__()
        self.wave = Linear(width, heads * head_width, bias=False)
        self.content_bias, self.wave_bias, self.segment_bias = (
            nn.Parameter(torch.zeros(heads, head_width)) for _ in range(3)
        )
        self.segment = nn.Parameter(torch.zeros(heads, 2, head_width))  # for the same one, for another

    def rotate(self, q: Tensor, k: Tensor, table: Any) -> tuple[Tensor, Tensor]:
        """Every query gets the content bias: added to the scores, it would cost a pass over them."""
        return q + self.content_bias[:, None], k

    def bias(self, q: Tensor, k: Tensor, table: Any, layer: Attention) -> Tensor:
        q = layer.scale * (q - self.content_bias[:, None])
        sinusoids = layer.split_heads(self.wave(table.sinusoids.to(q.dtype))[None])[0]  # (H, R, D)
        by_wave = (q + layer.scale * self.wave_bias[:, None]) @ sinusoids.transpose(-1, -2)
        scores: Tensor = table.placed(by_wave)
        if table.differ is None:
            return scores
        # What a query adds for all keys alike changes no softmax, so only the difference counts.
        same, other = self.segment.unbind(1)  # (H, D)
        by_segment = (q + layer.scale * self.segment_bias[:, None]) @ (other - same)[:, :, None]
        return torch.addcmul(scores, by_segment, table.differ.to(scores.dtype))
