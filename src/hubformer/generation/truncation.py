"""Tokens that sampling leaves out by how likely they are, beside top-k, top-p and min-p.

Shapes:  B sequences  L tokens so far  V vocabulary
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor


@dataclass(frozen=True)
class TypicalMass:
    """The tokens whose surprise is nearest to the entropy, up to this mass (Meister et al. 2022,
    arXiv:2202.00666)."""

    mass: float
    at_least: int = 1  # tokens that stay whatever their mass
    fill: float = -inf

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        logs = scores.log_softmax(-1)
        probabilities = logs.exp()
        entropy = -(logs * probabilities).nansum(-1, keepdim=True)
        distance, order = (-logs - entropy).abs().sort(dim=-1)
        reached = probabilities.gather(-1, order).cumsum(-1)
        last = (reached < self.mass).sum(-1, keepdim=True).clamp(max=scores.shape[-1] - 1)
        dropped = distance > distance.gather(-1, last)
        dropped[:, : self.at_least] = False
        return scores.masked_fill(dropped.scatter(-1, order, dropped), self.fill)


@dataclass(frozen=True)
class EpsilonCutoff:
    """Tokens at least this likely, or the likeliest (Hewitt et al. 2022, arXiv:2210.15191)."""

    epsilon: float
    at_least: int = 1
    fill: float = -inf

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        return _without_unlikely(scores, self.epsilon, at_least=self.at_least, fill=self.fill)


@dataclass(frozen=True)
class EtaCutoff:
    """As epsilon, with a bound that falls where the distribution is flat (Hewitt et al. 2022,
    arXiv:2210.15191)."""

    epsilon: float
    at_least: int = 1
    fill: float = -inf

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        logs = scores.log_softmax(-1)
        probabilities = logs.exp()
        entropy = -(logs.clamp(min=torch.finfo(logs.dtype).min) * probabilities).sum(-1, keepdim=True)
        bound = (self.epsilon**0.5 * (-entropy).exp()).clamp(max=self.epsilon)
        return _without_unlikely(scores, bound, at_least=self.at_least, fill=self.fill)


def _without_unlikely(scores: Tensor, bound: Tensor | float, *, at_least: int, fill: float) -> Tensor:
    best = scores.topk(min(at_least, scores.shape[-1])).values[:, -1:]
    return scores.masked_fill((scores.softmax(-1) < bound) & (scores < best), fill)
