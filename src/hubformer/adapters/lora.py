"""The product of an adapter, and the backend that adds it to a Linear's own.

Shapes:  I inputs  O outputs  r rank
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hubformer.core import Dropout, Linear
from hubformer.core.linear import LinearBackend, finished


class LowRank(nn.Module):
    """`scaling * B A dropout(x)`, for one module of the Hub (Hu et al. 2021, arXiv:2106.09685).

    A (r, I) is one; B is one (O, r) for each Linear here, since a module of the Hub may be several of them.
    """

    def __init__(
        self, inputs: int, outputs: Sequence[int], *, rank: int, scaling: float, dropout: float
    ) -> None:
        super().__init__()
        self.scaling, self.dropout = scaling, Dropout(dropout)
        self.a = Linear(inputs, rank, bias=False)
        self.b = nn.ModuleList(Linear(rank, width, bias=False) for width in outputs)

    def initialise(self, how: bool | str) -> None:
        """As PEFT: A uniform and B zero, so that nothing changes yet; "gaussian": A normal with the standard
        deviation 1 / r; False: both uniform, for tests."""
        with torch.no_grad():
            if how == "gaussian":
                self.a.weight.normal_(0.0, 1 / self.a.out_features)
            else:
                nn.init.kaiming_uniform_(self.a.weight, a=math.sqrt(5))
            for part in self.b:
                assert isinstance(part, Linear)
                if how is False:
                    nn.init.kaiming_uniform_(part.weight, a=math.sqrt(5))
                else:
                    part.weight.zero_()

    def forward(self, x: Tensor, part: int) -> Tensor:
        """x (..., I) -> (..., O of that part)"""
        if not torch.is_autocast_enabled(x.device.type):  # else the products choose their type themselves
            x = x.to(self.a.weight.dtype)
        y: Tensor = self.b[part](self.a(self.dropout(x)))
        return y * self.scaling

    def delta(self, part: int) -> Tensor:
        """What the product adds to a weight, (O, I)."""
        b = self.b[part]
        assert isinstance(b, Linear)
        return b.weight @ self.a.weight * self.scaling


class Adapted:
    """A backend that adds low-rank products to a Linear's own, or to that of the backend below it."""

    def __init__(self, linear: Linear) -> None:
        self.linear, self.below = linear, linear.backend
        self.terms: tuple[tuple[LowRank, int], ...] = ()

    def __call__(self, x: Tensor, *, activation: str | None, add: Tensor | None) -> Tensor:
        below: LinearBackend | None = self.below
        y = self.linear.product(x) if below is None else below(x, activation=None, add=None)
        for low_rank, part in self.terms:
            y = y + low_rank(x, part).to(y.dtype)
        return finished(y, activation=activation, add=add)

    def merged(self) -> nn.Parameter:
        """The weight with every product in it."""
        with torch.no_grad():
            weight = self.linear.weight
            total = weight.clone()
            for low_rank, part in self.terms:
                total += low_rank.delta(part).to(total.dtype)
        return nn.Parameter(total, requires_grad=weight.requires_grad)
