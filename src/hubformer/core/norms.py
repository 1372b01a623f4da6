"""Norms, and where a sublayer keeps them.

Shapes:  M model width
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from hubformer.core.dropout import Dropout


@dataclass(frozen=True)
class LayerNorm:
    """Layer normalisation (Ba et al. 2016, arXiv:1607.06450)."""

    eps: float = 1e-5
    bias: bool = True
    affine: bool = True  # whether it has parameters at all

    def build(self, width: int) -> nn.Module:
        return nn.LayerNorm(width, eps=self.eps, elementwise_affine=self.affine, bias=self.bias)


@dataclass(frozen=True)
class RMSNorm:
    """Root-mean-square normalisation (Zhang and Sennrich 2019, arXiv:1910.07467)."""

    eps: float = 1e-6
    offset: float = 0.0  # Gemma stores weight - 1

    def build(self, width: int) -> nn.Module:
        return _RMSNorm(width, self)


class _RMSNorm(nn.Module):
    def __init__(self, width: int, spec: RMSNorm) -> None:
        super().__init__()
        self.spec, self.weight = spec, nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        high = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
        y = high * torch.rsqrt(high.pow(2).mean(-1, keepdim=True) + self.spec.eps)
        if self.spec.offset:  # Gemma multiplies before the cast back, Llama after it
            return (y * (self.weight.to(y.dtype) + self.spec.offset)).to(x.dtype)
        return self.weight * y.to(x.dtype)


NormSpec = LayerNorm | RMSNorm


@dataclass(frozen=True)
class Norms:
    """Where a sublayer f is normalised:  after(residual + scale * branch(f(before(x)))).

    `residual` is x, or before(x) where it is taken after the norm. Added twice:
    after(residual + branch(residual + f(x))).
    """

    before: NormSpec | None = None  # pre-norm: GPT-2
    branch: NormSpec | None = None  # with before: Gemma 2's sandwich; alone: OLMo 2
    after: NormSpec | None = None  # post-norm: BERT, XLNet
    scale: float = 1.0  # Granite weighs the branch
    residual: Literal["input", "normed", "twice"] = "input"  # "normed": BLOOM's option; "twice": JinaBERT's

    def build(self, width: int, *, dropout: float) -> Residual:
        kind = {"input": Residual, "normed": _NormedResidual, "twice": _TwofoldResidual}[self.residual]
        return kind(self, width, dropout=dropout)


class Residual(nn.Module):
    """What stands around one sublayer: `residual, h = pre(x)`, then `post(residual, f(h))`."""

    def __init__(self, norms: Norms, width: int, *, dropout: float) -> None:
        super().__init__()
        self.before, self.branch, self.after = (
            norm.build(width) if norm else nn.Identity() for norm in (norms.before, norms.branch, norms.after)
        )
        self.scale = nn.Identity() if norms.scale == 1.0 else _Scale(norms.scale)
        self.dropout = Dropout(dropout)

    def pre(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, self.before(x)

    def post(self, residual: Tensor, y: Tensor) -> Tensor:
        out: Tensor = self.after(residual + self.scale(self.dropout(self.branch(y))))
        return out


class _Scale(nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, y: Tensor) -> Tensor:
        return self.factor * y


class _NormedResidual(Residual):
    def pre(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.before(x)
        return h, h


class _TwofoldResidual(Residual):
    def post(self, residual: Tensor, y: Tensor) -> Tensor:
        out: Tensor = self.after(residual + self.scale(self.branch(residual + self.dropout(y))))
        return out
