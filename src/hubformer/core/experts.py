"""A mixture of experts: several feed-forwards, of which each token passes through a few.

Shapes:  T tokens  K experts of each token  E experts  M model width
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from hubformer.core.feed_forward import FeedForward
from hubformer.core.linear import Linear
from hubformer.core.trace import LayerTrace
from hubformer.errors import ConfigError


@dataclass(frozen=True)
class MixtureOfExperts:
    """Each token is read by the experts that a router scores highest, and their results are summed by their
    shares (Shazeer et al. 2017, arXiv:1701.06538). The shares are probabilities over all experts.
    """

    experts: int
    chosen: int  # experts of each token
    expert: FeedForward
    shares: Literal["renormalised", "plain"] = "renormalised"  # to a sum of 1 over the chosen; or left less
    jitter: float = 0.0  # in training, what is read is multiplied by 1 - jitter to 1 + jitter

    def build(self, width: int) -> nn.Module:
        if not 1 <= self.chosen <= self.experts:
            raise ConfigError(
                f"Each token is to be read by {self.chosen} of {self.experts} experts, expected 1 to "
                f"{self.experts}. Correct the number of experts per token."
            )
        return _MixtureOfExperts(self, width)


def _renormalised(shares: Tensor) -> Tensor:
    return shares / shares.sum(-1, keepdim=True)


def _plain(shares: Tensor) -> Tensor:
    return shares


_SHARES: Mapping[str, Callable[[Tensor], Tensor]] = {"renormalised": _renormalised, "plain": _plain}


class _MixtureOfExperts(nn.Module):
    def __init__(self, spec: MixtureOfExperts, width: int) -> None:
        super().__init__()
        self.chosen, self.shares = spec.chosen, _SHARES[spec.shares]
        self.jitter = _Jitter(spec.jitter) if spec.jitter else nn.Identity()
        self.router = Linear(width, spec.experts, bias=False)
        self.experts = nn.ModuleList(spec.expert.build(width) for _ in range(spec.experts))

    def forward(self, x: Tensor, *, trace: LayerTrace | None = None) -> Tensor:
        """x (..., M) -> (..., M)"""
        tokens = self.jitter(x).flatten(0, -2)
        logits = self.router(tokens)
        if trace is not None:
            trace.record_routing(logits)
        shares, experts = self.route(logits)
        return self._mixed(tokens, shares, experts).view(x.shape)

    def route(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """logits (T, E) -> the shares of the chosen experts, and which they are: (T, K) each"""
        high = torch.promote_types(logits.dtype, torch.float32)
        shares, experts = torch.softmax(logits, dim=-1, dtype=high).topk(self.chosen, dim=-1)
        return self.shares(shares), experts

    def _mixed(self, tokens: Tensor, shares: Tensor, experts: Tensor) -> Tensor:
        """Tokens are laid out by expert, so that each expert multiplies once; an expert without any rests."""
        of = experts.flatten()
        order = of.argsort(stable=True)
        counts = of.new_zeros(len(self.experts)).scatter_add(0, of, torch.ones_like(of))
        parts = torch.split(tokens[order // self.chosen], counts.tolist())
        # In a graph, which serves any counts, nobody rests.
        every = torch.compiler.is_compiling()
        reading = zip(self.experts, parts, strict=True)
        y = torch.cat([expert(part) for expert, part in reading if every or len(part)])
        y = y[order.argsort()].view(*experts.shape, -1)
        return (y * shares[..., None]).sum(1).to(y.dtype)


class _Jitter(nn.Module):
    """Noise on what a router and its experts read (Fedus et al. 2021, arXiv:2101.03961)."""

    def __init__(self, most: float) -> None:
        super().__init__()
        self.most = most

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        return x * torch.empty_like(x).uniform_(1.0 - self.most, 1.0 + self.most)
