"""The one matrix product of the core.

Everything that wants to change how a weight is multiplied (a kernel with its own weight layout, int8,
an adapter, a shard) replaces `backend` here and nothing else.
"""

from __future__ import annotations

from typing import Protocol

import torch.nn.functional as F
from torch import Tensor, nn

from hubformer.core.activations import ACTIVATIONS


class LinearBackend(Protocol):
    """Another way to compute `activation(x W^T + b) + add`."""

    def __call__(self, x: Tensor, *, activation: str | None, add: Tensor | None) -> Tensor: ...


class Linear(nn.Linear):
    """`activation(x W^T + b) + add`, where a backend may fuse the steps.

    x (..., inputs) -> (..., outputs); add has the shape of the result.
    """

    backend: LinearBackend | None = None

    def reset_parameters(self) -> None:
        # Random numbers on `meta` are nothing, but cost torch an import of a second.
        if not self.weight.is_meta:
            super().reset_parameters()

    def forward(self, x: Tensor, *, activation: str | None = None, add: Tensor | None = None) -> Tensor:
        if self.backend is not None:
            return self.backend(x, activation=activation, add=add)
        return finished(self.product(x), activation=activation, add=add)

    def product(self, x: Tensor) -> Tensor:
        """`x W^T + b`, whatever the backend: for backends that add to it."""
        return F.linear(x, self.weight, self.bias)


class Replacement(nn.Module):
    """A module of a user's own in the place of a Linear: the steps that are fused there come after it."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor, *, activation: str | None = None, add: Tensor | None = None) -> Tensor:
        return finished(self.module(x), activation=activation, add=add)


def finished(y: Tensor, *, activation: str | None, add: Tensor | None) -> Tensor:
    """What a Linear does after its product: `activation(y) + add`."""
    if activation is not None:
        y = ACTIVATIONS[activation](y)
    return y if add is None else y + add


class Embedding(nn.Embedding):
    """A table of vectors that can also score states against its rows, as tied language-model heads do."""

    backend: LinearBackend | None = None

    def reset_parameters(self) -> None:
        if not self.weight.is_meta:
            super().reset_parameters()

    def logits(self, x: Tensor) -> Tensor:
        """x (..., M) -> (..., rows)"""
        if self.backend is not None:
            return self.backend(x, activation=None, add=None)
        return F.linear(x, self.weight)
