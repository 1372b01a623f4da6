"""Distances in buckets, each with a bias per head (Raffel et al. 2019, arXiv:1910.10683).

Shapes:  B rows  Q queries  K keys  H heads
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from hubformer.core.layout import SequenceLayout
from hubformer.core.positions import Position

if TYPE_CHECKING:
    from hubformer.core.attention import Attention


@dataclass(frozen=True)
class Buckets:
    """Near distances have a bucket each, farther ones share: their logarithms are cut into equal parts."""

    count: int = 32  # of buckets, for both directions together
    largest: int = 128  # distances from here on share the last bucket, in tokens
    direction: Literal["bidirectional", "causal"] = (
        "bidirectional"  # "causal": all later keys are in the bucket of distance 0
    )

    def build_table(self, width: int, *, heads: int, head_width: int) -> nn.Module:
        return _BucketTable(self, heads)

    def build_layer(self, width: int, *, heads: int, head_width: int) -> Position:
        return _BucketPosition()

    def of(self, distance: Tensor) -> Tensor:
        """Key place minus query place, any shape -> the bucket of each."""
        if self.direction == "causal":
            return self._near_or_far(-distance.clamp(max=0), count=self.count)
        half = self.count // 2
        return half * (distance > 0) + self._near_or_far(distance.abs(), count=half)

    def _near_or_far(self, distance: Tensor, *, count: int) -> Tensor:
        near = count // 2
        # float32 at any precision of the model: published weights were trained with its rounding.
        part = torch.log(distance.clamp(min=1).float() / near) / math.log(self.largest / near)
        far = near + (part * (count - near)).long()
        return torch.where(distance < near, distance, far.clamp(max=count - 1))


class _BucketTable(nn.Module):
    """One per stack, so that its layers share the bias."""

    def __init__(self, spec: Buckets, heads: int) -> None:
        super().__init__()
        self.spec, self.weight = spec, nn.Parameter(torch.zeros(spec.count, heads))

    def forward(self, layout: SequenceLayout) -> Tensor:
        """-> (B|1, H, Q, K)"""
        return self.weight.t()[:, self.spec.of(layout.distance())].transpose(0, 1)


class _BucketPosition(Position):
    def bias(self, q: Tensor, k: Tensor, table: Any, layer: Attention) -> Tensor:
        bias: Tensor = table.to(q.dtype)
        return bias
