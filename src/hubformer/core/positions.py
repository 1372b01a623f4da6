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

from hubformer.core.layout import Layout
from hubformer.core.linear import Linear

if TYPE_CHECKING:
    from hubformer.core.attention import Attention


class PositionSpec(Protocol):
    """A scheme of positions. Specs are frozen and hashable: layers with equal specs share one table."""

    def build_table(self, width: int, *, heads: int, head_width: int) -> nn.Module:
        """A module from a Layout to whatever the layers of this scheme need."""

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
    def forward(self, layout: Layout) -> None:
        return None


def relative_scores(x: Tensor, relations: Tensor, which: Tensor) -> Tensor:
    """Score x against every relation, then keep the relation of each pair.

    x (B, H, Q, D), relations (H|1, R, D), which (B|1, Q, K) of R -> (B, H, Q, K)
    """
    scores = x @ relations.transpose(-1, -2)  # (B, H, Q, R)
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

    def forward(self, layout: Layout) -> Tensor:
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
    """Transformer-XL's distances (Dai et al. 2019, arXiv:1901.02860) and XLNet's segment relations
    (Yang et al. 2019, arXiv:1906.08237)."""

    clamp: int | None = None  # distances beyond count as this one, in tokens
    dropout: float = 0.0  # of the waves

    def build_table(self, width: int, *, heads: int, head_width: int) -> nn.Module:
        return _WaveTable(self, width)

    def build_layer(self, width: int, *, heads: int, head_width: int) -> Position:
        return _XLPosition(width, heads=heads, head_width=head_width)


class _WaveTable(nn.Module):
    def __init__(self, spec: TransformerXL, width: int) -> None:
        super().__init__()
        self.spec, self.width, self.dropout = spec, width, nn.Dropout(spec.dropout)

    def forward(self, layout: Layout) -> tuple[Tensor, Tensor, Tensor]:
        """Waves (R, M), which of them each pair has (B|1, Q, K), and whether it differs in segment."""
        largest = layout.key_at.shape[-1] - 1  # every place is an index of a key
        device = layout.key_at.device
        distance = torch.arange(-largest, largest + 1, dtype=torch.get_default_dtype(), device=device)
        if self.spec.clamp:
            distance = distance.clamp(-self.spec.clamp, self.spec.clamp)
        even = torch.arange(0, self.width, 2, dtype=distance.dtype, device=device)
        angle = distance[:, None] / 10_000 ** (even / self.width)
        waves = self.dropout(torch.cat([angle.sin(), angle.cos()], dim=-1))
        assert layout.segments is not None
        ours, theirs = layout.segments
        return waves, largest - layout.distance(), (ours[:, :, None] != theirs[:, None, :]).long()


class _XLPosition(Position):
    def __init__(self, width: int, *, heads: int, head_width: int) -> None:
        super().__init__()
        self.wave = Linear(width, heads * head_width, bias=False)
        self.content_bias, self.wave_bias, self.segment_bias = (
            nn.Parameter(torch.zeros(heads, head_width)) for _ in range(3)
        )
        self.segment = nn.Parameter(torch.zeros(2, heads, head_width))

    def bias(self, q: Tensor, k: Tensor, table: Any, layer: Attention) -> Tensor:
        waves, distance, differ = table
        content = self.content_bias[:, None] @ k.transpose(-1, -2)  # (B, H, 1, K)
        waves = layer.heads(self.wave(waves.to(q.dtype))[None])[0]  # (H, R, D)
        wave = relative_scores(q + self.wave_bias[:, None], waves, distance)
        segment = relative_scores(q + self.segment_bias[:, None], self.segment.transpose(0, 1), differ)
        return layer.scale * (content + wave + segment)
