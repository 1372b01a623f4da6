"""The steps from the states of tokens to the vector of a text: pooling, then dense layers and norms.

They are given rows of equal length without padding, so that there is no mask to go by.

Shapes:  B rows  L length  M model width  N width of a vector
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hubformer.core import Linear


def _weighted(states: Tensor, first: int) -> Tensor:
    """The mean where a token weighs as much as its place says, counted from 1 with the prompt."""
    weights = torch.arange(first + 1, first + 1 + states.shape[1], device=states.device, dtype=states.dtype)
    return torch.einsum("blm,l->bm", states, weights) / weights.sum()


# States (B, L, M) without the prompt, and how many tokens that was -> (B, M).
_Mode = Callable[[Tensor, int], Tensor]
MODES: dict[str, _Mode] = {
    "cls": lambda states, first: states[:, 0],
    "max": lambda states, first: states.amax(1),
    "mean": lambda states, first: states.mean(1),
    "mean_sqrt_len_tokens": lambda states, first: states.sum(1) / states.shape[1] ** 0.5,
    "weightedmean": _weighted,
    "lasttoken": lambda states, first: states[:, -1],
}


@dataclass(frozen=True)
class Pooling:
    """One vector from the states of a text; several modes stand side by side in it."""

    modes: tuple[str, ...]
    include_prompt: bool = True

    def __call__(self, states: Tensor, prompt: int) -> Tensor:
        """states (B, L, M) -> (B, N). prompt: how many of the first tokens are the prompt's."""
        first = 0 if self.include_prompt else prompt
        rest = states[:, first:]
        return torch.cat([MODES[mode](rest, first) for mode in self.modes], dim=-1)


class Dense(nn.Module):
    """`activation(x W^T + b)`, and x again where there is a residual."""

    def __init__(self, linear: Linear, *, activation: str, residual: nn.Module | None = None) -> None:
        super().__init__()
        self.linear, self.activation, self.residual = linear, activation, residual

    def forward(self, x: Tensor) -> Tensor:
        """(B, M) -> (B, N)"""
        y: Tensor = self.linear(x, activation=self.activation)
        return y if self.residual is None else y + self.residual(x)


class Normalize(nn.Module):
    """Vectors of length one."""

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(x, dim=-1)
