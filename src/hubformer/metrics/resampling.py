"""Sums over examples, and the same sums over bootstrap resamples of them, without keeping the examples.

In a resample of a stream each example counts as often as a Poisson number of mean 1 says (Oza and Russell
2001; Chamandy et al. 2012): for more than some dozens of examples that is the ordinary bootstrap (Efron
1979), and it needs neither the examples nor their number.

Shapes:  N examples  K sums  R resamples
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy
from numpy.typing import NDArray

from hubformer.errors import InputError

Array = NDArray[numpy.float64]
_RESAMPLES = 32  # drawn by one generator
_EXAMPLES = 512  # weighed at a time, so that memory does not grow with a call's length


class Weights:
    """How often each example counts in each resample. The same examples in other pieces get the same
    weights."""

    def __init__(self, *, resamples: int, seed: int) -> None:
        if isinstance(resamples, bool) or not isinstance(resamples, int) or resamples < 0:
            raise InputError(f"resamples is {resamples!r}, expected a whole number of at least 0.")
        self.resamples = resamples
        self._blocks = list(_blocks(resamples, seed=seed))

    def pieces(self, count: int) -> Iterator[tuple[slice, Array]]:
        """Places of the next examples and their weights (N, 1 + R); the first column is 1."""
        for start in range(0, count, _EXAMPLES):
            stop = min(start + _EXAMPLES, count)
            weights = numpy.ones((stop - start, 1 + self.resamples))
            for place, width, random in self._blocks:
                weights[:, 1 + place : 1 + place + width] = random.poisson(1.0, (stop - start, width))
            yield slice(start, stop), weights


def weight_columns(count: int, *, resamples: int, seed: int) -> Iterator[NDArray[numpy.uint8]]:
    """The weights of `Weights` for all examples at once, some resamples at a time: (N, 1), which are 1, then
    (N, 32) or less. Held at once they would take N times R bytes."""
    yield numpy.ones((count, 1), dtype=numpy.uint8)
    for _, width, random in _blocks(resamples, seed=seed):
        block = numpy.empty((count, width), dtype=numpy.uint8)
        for start in range(0, count, _EXAMPLES):
            part = block[start : start + _EXAMPLES]
            part[:] = random.poisson(1.0, part.shape)
        yield block


def _blocks(resamples: int, *, seed: int) -> Iterator[tuple[int, int, numpy.random.Generator]]:
    """Where a block of resamples begins, how many it has, and what draws their weights. Blocks have
    generators of their own, so that one can be drawn for all examples without the others."""
    for place in range(0, resamples, _RESAMPLES):
        generator = numpy.random.default_rng([seed, place // _RESAMPLES])
        yield place, min(_RESAMPLES, resamples - place), generator


class Sums:
    """K sums over all examples (row 0) and over each resample (the other rows)."""

    def __init__(self, width: int, *, resamples: int, seed: int) -> None:
        self._weights = Weights(resamples=resamples, seed=seed)
        self.totals: Array = numpy.zeros((1 + resamples, width))
        self.count = 0

    def widen(self, width: int) -> None:
        """Make room for sums that earlier examples add nothing to."""
        missing = width - self.totals.shape[1]
        if missing > 0:
            self.totals = numpy.pad(self.totals, ((0, 0), (0, missing)))

    def add(self, statistics: Array) -> None:
        """statistics (N, K)"""
        for piece, weights in self._weights.pieces(len(statistics)):
            self.totals += weights.T @ statistics[piece]
        self.count += len(statistics)


def interval(values: Array, *, level: float) -> tuple[float, float]:
    """The middle `level` of resampled values (R,); resamples where the value is undefined are left out."""
    check_level(level)
    defined = values[~numpy.isnan(values)]
    if not len(defined):
        return float("nan"), float("nan")
    low, high = numpy.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def check_level(level: float) -> None:
    """Refuse what is no share.

    Raises:
        InputError: it is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise InputError(f"level is {level!r}, expected a share between 0 and 1, such as 0.95.")


def ratio(part: Array, whole: Array) -> Array:
    """part / whole, and 0 where the whole is 0."""
    return numpy.divide(part, whole, out=numpy.zeros(numpy.broadcast(part, whole).shape), where=whole != 0)
