"""Attention that falls off with distance, by a slope per head (ALiBi, Press et al. 2021, arXiv:2108.12409).

Shapes:  B rows  Q queries  K keys  H heads
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from hubformer.core.layout import SequenceLayout
from hubformer.core.positions import Position

if TYPE_CHECKING:
    from hubformer.core.attention import Attention


@dataclass(frozen=True)
class Alibi:
    """Scores lose slope * distance; no position is learned."""

    # "causal": slope * (key place), which for causal attention is the same: a softmax does not see what a
    # query adds for all its keys alike. Published causal models were trained on these very numbers.
    direction: Literal["causal", "bidirectional"] = "causal"
    scaled: bool = False  # whether the bias is scaled as the scores are (Falcon)
    precision: torch.dtype = torch.float32  # in which slopes and places are multiplied
    powers: torch.dtype = torch.float32  # in which slopes are raised; then they are rounded to float32

    def build_table(self, width: int, *, heads: int, head_width: int) -> nn.Module:
        return {"causal": _AlibiTable, "bidirectional": _TwoSidedTable}[self.direction](heads, self)

    def build_layer(self, width: int, *, heads: int, head_width: int) -> Position:
        return _ScaledAlibiPosition() if self.scaled else _AlibiPosition()


def slopes(heads: int, *, powers: torch.dtype = torch.float32, device: torch.device | None = None) -> Tensor:
    """The slope of each head, (H,): 2^(-8/H), 2^(-16/H) ... where H is a power of two.

    For other numbers, those of the power of two below, then every second of those of the power above.
    """
    whole = 1 << (heads.bit_length() - 1)
    found, above = (_geometric(n, powers=powers, device=device) for n in (whole, 2 * whole))
    return torch.cat([found, above[::2][: heads - whole]])


def _geometric(heads: int, *, powers: torch.dtype, device: torch.device | None) -> Tensor:
    # float32 at any precision of the model: published weights were trained with its rounding.
    first = torch.tensor(2.0 ** (-8 / heads), dtype=powers, device=device)
    return torch.pow(first, torch.arange(1, heads + 1, dtype=torch.int32, device=device)).float()


class _AlibiTable(nn.Module):
    def __init__(self, heads: int, spec: Alibi) -> None:
        super().__init__()
        self.heads, self.spec = heads, spec

    def forward(self, layout: SequenceLayout) -> Tensor:
        """-> (B|1, H, 1 or Q, K)"""
        found = slopes(self.heads, powers=self.spec.powers, device=layout.key_at.device)
        return found.to(self.spec.precision)[:, None, None] * self.places(layout)[:, None]

    def places(self, layout: SequenceLayout) -> Tensor:
        """What the slopes are multiplied by, (B|1, 1 or Q, K)."""
        return layout.key_at[:, None]


class _TwoSidedTable(_AlibiTable):
    def places(self, layout: SequenceLayout) -> Tensor:
        return -layout.distance().abs()


class _AlibiPosition(Position):
    def bias(self, q: Tensor, k: Tensor, table: Any, layer: Attention) -> Tensor:
        bias: Tensor = table.to(q.dtype)
        return bias


class _ScaledAlibiPosition(_AlibiPosition):
    def bias(self, q: Tensor, k: Tensor, table: Any, layer: Attention) -> Tensor:
        return layer.scale * super().bias(q, k, table, layer)
