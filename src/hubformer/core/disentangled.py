"""Disentangled attention: vectors of distances, scored by queries and by keys (He et al. 2020,
arXiv:2006.03654).

Shapes:  B rows  Q queries  K keys  H heads  D head width  M model width  R relations
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from hubformer.core.dropout import Dropout
from hubformer.core.layout import SequenceLayout
from hubformer.core.linear import Linear
from hubformer.core.norms import NormSpec
from hubformer.core.positions import Position, relative_scores

if TYPE_CHECKING:
    from hubformer.core.attention import Attention

Side = Literal["query", "key"]


@dataclass(frozen=True)
class Disentangled:
    """The stack owns one vector per relation; every layer projects them as it projects tokens, or in its own
    way, and scores them by its queries, by its keys, or by both."""

    span: int  # relations in each direction
    scored_by: tuple[Side, ...] = ("query", "key")
    # The largest distance whose relation is its own share of a logarithm (He et al. 2021, arXiv:2111.09543);
    # None: each distance is a relation.
    logarithmic: int | None = None
    projections: Literal["shared", "own"] = "shared"
    biases: tuple[Side, ...] = ("query", "key")  # which of the own projections have one
    norm: NormSpec | None = None  # of the vectors
    dropout: float = 0.0  # of the vectors

    def build_table(self, width: int, *, heads: int, head_width: int) -> nn.Module:
        return _RelationTable(self, width)

    def build_layer(self, width: int, *, heads: int, head_width: int) -> Position:
        if self.projections == "own":
            return _OwnProjections(self, width, inner=heads * head_width)
        return _SharedProjections(self)

    def of(self, distance: Tensor) -> Tensor:
        """Query place minus key place, any shape -> the relation of each."""
        near = self.span // 2
        if self.logarithmic is not None:
            # float32 at any precision of the model: published weights were trained with its rounding.
            largest = torch.tensor((self.logarithmic - 1) / near, dtype=torch.float32)
            part = torch.log(distance.abs().clamp(min=1).float() / near) / torch.log(largest)
            far = distance.sign() * ((part * (near - 1)).ceil() + near)
            distance = torch.where(distance.abs() <= near, distance, far.long())
        return (distance + self.span).clamp(0, 2 * self.span - 1)


class _RelationTable(nn.Module):
    def __init__(self, spec: Disentangled, width: int) -> None:
        super().__init__()
        self.spec, self.weight = spec, nn.Parameter(torch.zeros(2 * spec.span, width))
        self.norm = spec.norm.build(width) if spec.norm else nn.Identity()

    def forward(self, layout: SequenceLayout) -> tuple[Tensor, slice, Tensor]:
        """-> the vectors of all relations, those of them that occur (R), and the relation of each pair among
        these (B|1, Q, K)"""
        which = self.spec.of(-layout.distance())
        part = _occurring(which, of=len(self.weight))
        return self.norm(self.weight), part, which - part.start


def _occurring(which: Tensor, *, of: int) -> slice:
    """The relations from the least to the largest one: in short rows few occur, and each costs a projection
    in every layer. On a device to look would be to wait, and a graph serves any length."""
    if which.device.type != "cpu" or torch.compiler.is_compiling():
        return slice(0, of)
    least, largest = which.aminmax()
    return slice(int(least), int(largest) + 1)


class _SharedProjections(Position):
    def __init__(self, spec: Disentangled) -> None:
        super().__init__()
        self.spec, self.dropout = spec, Dropout(spec.dropout)

    def projections(self, layer: Attention) -> dict[Side, nn.Module]:
        """What makes of the vectors what that side is scored with: queries meet keys."""
        return {"query": layer.key, "key": layer.query}

    def bias(self, q: Tensor, k: Tensor, table: Any, layer: Attention) -> Tensor:
        vectors, part, which = table
        vectors, project = self.dropout(vectors)[None, part], self.projections(layer)
        # Scaling queries and keys is a pass over less than scaling the scores.
        terms = (
            SCORES[side](
                layer.scale * {"query": q, "key": k}[side],
                layer.split_heads(project[side](vectors))[0],
                which,
            )
            for side in self.spec.scored_by
        )
        return reduce(Tensor.add_, terms)


def _scores_by_key(k: Tensor, relations: Tensor, which: Tensor) -> Tensor:
    """k (B, H, K, D), relations (H, R, D), which (B|1, Q, K) of R -> (B, H, Q, K)"""
    scores = relations @ k.transpose(-1, -2)  # keys last, as in the result: transposing it would be a pass
    return scores.gather(-2, which[:, None].expand(*scores.shape[:2], *which.shape[-2:]))


SCORES: dict[Side, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "query": relative_scores,
    "key": _scores_by_key,
}


class _OwnProjections(_SharedProjections):
    def __init__(self, spec: Disentangled, width: int, *, inner: int) -> None:
        super().__init__(spec)
        self.key, self.query = (
            Linear(width, inner, bias=side in spec.biases) if scorer in spec.scored_by else nn.Identity()
            for side, scorer in (("key", "query"), ("query", "key"))
        )

    def projections(self, layer: Attention) -> dict[Side, nn.Module]:
        return {"query": self.key, "key": self.query}
