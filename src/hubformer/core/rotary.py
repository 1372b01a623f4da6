"""Rotary positions: queries and keys are turned by angles that grow with their places, so that their product
depends on the distance alone. With the ways to stretch them over more tokens than a model was trained on.

Shapes:  B rows  Q queries  H heads  G key/value heads  D head width  R turned dimensions of a head
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from hubformer.core.layout import SequenceLayout
from hubformer.core.positions import Position


class RotaryScaling(Protocol):
    """How the angles per place are changed for longer texts. Frozen and hashable."""

    @property
    def attention_factor(self) -> float:
        """What cosines and sines are multiplied by."""

    def frequencies(self, plain: Tensor, *, theta: float, longest: Tensor) -> Tensor:
        """The unchanged angles per place (R / 2,) and each row's length in tokens (B|1, 1) ->
        (R / 2,), or (B|1, R / 2) where they depend on the length."""


@dataclass(frozen=True)
class Unscaled:
    """The angles of training."""

    attention_factor: float = 1.0

    def frequencies(self, plain: Tensor, *, theta: float, longest: Tensor) -> Tensor:
        return plain


@dataclass(frozen=True)
class LinearScaling:
    """Places are divided by a factor (Chen et al. 2023, arXiv:2306.15595)."""

    factor: float
    attention_factor: float = 1.0

    def frequencies(self, plain: Tensor, *, theta: float, longest: Tensor) -> Tensor:
        return plain / self.factor


@dataclass(frozen=True)
class DynamicScaling:
    """A base that grows with the length of the row, once it is longer than in training (the NTK-aware
    interpolation that Peng et al. 2023, arXiv:2309.00071, describe).

    Keys in a cache keep the angles of the length at which they were read.
    """

    factor: float
    trained: int  # tokens of a row in training
    attention_factor: float = 1.0

    def frequencies(self, plain: Tensor, *, theta: float, longest: Tensor) -> Tensor:
        rotary_dim = 2 * plain.shape[0]
        stretch = self.factor * longest / self.trained - (self.factor - 1)
        base = theta * stretch.clamp(min=1) ** (rotary_dim / (rotary_dim - 2))
        return torch.where(longest > self.trained, 1.0 / base ** _exponents(rotary_dim, like=plain), plain)


@dataclass(frozen=True)
class BaseScaling:
    """A base that is larger by a factor, whatever the length, and waves that are all slower by a little, so
    that the slowest is slower by the factor (GTE's, Zhang et al. 2024, arXiv:2407.19669)."""

    factor: float
    attention_factor: float = 1.0

    def frequencies(self, plain: Tensor, *, theta: float, longest: Tensor) -> Tensor:
        rotary_dim = 2 * plain.shape[0]
        base, slower = self.factor * theta, self.factor ** (2 / rotary_dim)
        frequencies: Tensor = base ** -_exponents(rotary_dim, like=plain) / slower
        return frequencies


@dataclass(frozen=True)
class WavelengthScaling:
    """Slow waves are slowed down by a factor, fast ones are kept, those between are blended (Grattafiori et
    al. 2024, arXiv:2407.21783)."""

    factor: float
    slow: float  # waves with fewer turns than this in a trained row are slow
    fast: float  # waves with more turns than this are fast
    trained: int
    attention_factor: float = 1.0

    def frequencies(self, plain: Tensor, *, theta: float, longest: Tensor) -> Tensor:
        wavelength = 2 * math.pi / plain
        blend = (self.trained / wavelength - self.slow) / (self.fast - self.slow)
        blended = (1 - blend) * plain / self.factor + blend * plain
        middle = torch.where(wavelength < self.trained / self.fast, plain, blended)
        return torch.where(wavelength > self.trained / self.slow, plain / self.factor, middle)


@dataclass(frozen=True)
class YarnScaling:
    """As by wavelength, by a ramp over the dimensions, and larger waves (Peng et al. 2023,
    arXiv:2309.00071)."""

    factor: float
    trained: int
    attention_factor: float
    fast: float = 32.0  # turns in a trained row
    slow: float = 1.0
    whole: bool = True  # whether the ramp begins and ends at whole dimensions

    def frequencies(self, plain: Tensor, *, theta: float, longest: Tensor) -> Tensor:
        rotary_dim = 2 * plain.shape[0]
        low, high = (
            self._dimension(turns, rotary_dim=rotary_dim, theta=theta) for turns in (self.fast, self.slow)
        )
        if self.whole:
            low, high = math.floor(low), math.ceil(high)
        low, high = max(low, 0), min(high, rotary_dim - 1)
        span = high - low or 0.001
        ramp = (torch.arange(rotary_dim // 2, dtype=torch.float32, device=plain.device) - low) / span
        unscaled = 1 - ramp.clamp(0, 1)
        slowed = 1.0 / (self.factor * theta ** _exponents(rotary_dim, like=plain))
        return slowed * (1 - unscaled) + plain * unscaled

    def _dimension(self, turns: float, *, rotary_dim: int, theta: float) -> float:
        """The dimension whose wave makes that many turns in a trained row."""
        return rotary_dim * math.log(self.trained / (turns * 2 * math.pi)) / (2 * math.log(theta))


@dataclass(frozen=True)
class LongRopeScaling:
    """A factor per wave, found by search: one set for rows as in training, one for longer ones (Ding et al.
    2024, arXiv:2402.13753).

    Keys in a cache keep the angles of the length at which they were read.
    """

    short: tuple[float, ...]
    long: tuple[float, ...]
    trained: int
    attention_factor: float

    def frequencies(self, plain: Tensor, *, theta: float, longest: Tensor) -> Tensor:
        short, long = (
            torch.tensor(factors, dtype=torch.float32, device=plain.device)
            for factors in (self.short, self.long)
        )
        factors = torch.where(longest > self.trained, long, short)
        return 1.0 / (factors * theta ** _exponents(2 * plain.shape[0], like=plain))


@dataclass(frozen=True)
class Rotary:
    """Each pair of a head's dimensions is turned, the first fastest (Su et al. 2021, arXiv:2104.09864)."""

    theta: float = 10_000.0
    rotary_dim: int | None = None  # how many dimensions of a head, the first ones; None: all
    scaling: RotaryScaling = Unscaled()
    pairs: Literal["halves", "neighbours"] = "halves"  # which two dimensions are a pair

    def build_table(self, width: int, *, heads: int, head_width: int) -> nn.Module:
        return _RotaryTable(self, self.rotary_dim or head_width)

    def build_layer(self, width: int, *, heads: int, head_width: int) -> Position:
        rotate_pairs = {"halves": _rotate_halves, "neighbours": _rotate_neighbours}[self.pairs]
        if self.rotary_dim in (None, head_width):
            return _RotaryPosition(rotate_pairs)
        return _PartialRotaryPosition(rotate_pairs, self.rotary_dim or head_width)


class _RotaryTable(nn.Module):
    def __init__(self, spec: Rotary, rotary_dim: int) -> None:
        super().__init__()
        self.spec, self.rotary_dim = spec, rotary_dim

    def forward(self, layout: SequenceLayout) -> tuple[Tensor, Tensor]:
        """Cosines and sines of the queries' places, each (B|1, 1, Q, R / 2)."""
        scaling, places = self.spec.scaling, layout.places
        # float32 at any precision of the model: published weights were trained on these very numbers.
        exponents = _exponents(self.rotary_dim, like=places)
        plain = 1.0 / self.spec.theta**exponents
        per_place = scaling.frequencies(plain, theta=self.spec.theta, longest=layout.longest())
        angle = places[:, :, None].float() * per_place.view(-1, 1, exponents.shape[0])
        cos, sin = ((wave * scaling.attention_factor)[:, None] for wave in (angle.cos(), angle.sin()))
        return cos, sin


def _exponents(rotary_dim: int, *, like: Tensor) -> Tensor:
    return torch.arange(0, rotary_dim, 2, dtype=torch.float32, device=like.device) / rotary_dim


class _RotaryPosition(Position):
    def __init__(self, rotate_pairs: Any) -> None:
        super().__init__()
        self.rotate_pairs = rotate_pairs

    def rotate(self, q: Tensor, k: Tensor, table: Any) -> tuple[Tensor, Tensor]:
        cos, sin = (wave.to(q.dtype) for wave in table)
        return self.rotate_pairs(q, cos, sin), self.rotate_pairs(k, cos, sin)


class _PartialRotaryPosition(_RotaryPosition):
    def __init__(self, rotate_pairs: Any, rotary_dim: int) -> None:
        super().__init__(rotate_pairs)
        self.rotary_dim = rotary_dim

    def rotate(self, q: Tensor, k: Tensor, table: Any) -> tuple[Tensor, Tensor]:
        first = super().rotate(q[..., : self.rotary_dim], k[..., : self.rotary_dim], table)
        rest = (q[..., self.rotary_dim :], k[..., self.rotary_dim :])
        q, k = (torch.cat(parts, dim=-1) for parts in zip(first, rest, strict=True))
        return q, k


def _rotate_halves(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    left, right = x.chunk(2, dim=-1)
    return torch.cat([left * cos - right * sin, right * cos + left * sin], dim=-1)


def _rotate_neighbours(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    even, odd = x[..., ::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, odd * cos + even * sin], dim=-1).flatten(-2)
