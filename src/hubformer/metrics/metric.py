"""Metric: what all of them share. Examples come in batches; values can be computed at any time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import numpy

from hubformer.errors import InputError
from hubformer.metrics.resampling import Array, Sums, interval

_Made = TypeVar("_Made", bound="Metric")


class Metric:
    """A measure over examples that come in batches.

    `update(predictions, references)` takes any number of examples; `compute()` gives values by name and
    `confidence_intervals()` percentile bootstrap intervals of them, where the metric was made with
    `resamples` (1000 is usual); `reset()` forgets all examples. How the examples are batched does not
    matter, only their order; equal seeds give equal intervals. Memory does not grow with the number of
    examples unless the class says so. A value that is undefined is NaN.

    Raises:
        InputError: predictions and references of different number, a value that is no prediction, `compute`
            before any example.
    """

    _options: dict[str, Any]  # what the metric was made with

    def __new__(cls: type[_Made], *arguments: Any, **options: Any) -> _Made:
        metric = super().__new__(cls)
        metric._options = options
        return metric

    def __init__(self, *, resamples: int = 0, seed: int = 0) -> None:
        self.resamples, self.seed = resamples, seed
        self._cached: tuple[int, dict[str, Array]] = (0, {})  # the values, and after how many examples

    def reset(self) -> None:
        """Forget all examples, as if the metric were new."""
        type(self).__init__(self, **self._options)

    @property
    def count(self) -> int:
        """Examples so far."""
        raise NotImplementedError

    def update(self, predictions: Any, references: Any) -> None:
        """Take examples: one reference for each prediction."""
        raise NotImplementedError

    def bootstrap_values(self) -> dict[str, Array]:
        """Each value over all examples, then over each bootstrap resample: (1 + R,)"""
        raise NotImplementedError

    def compute(self) -> dict[str, float]:
        """The values over all examples so far."""
        self._check_not_empty()
        return {name: float(values[0]) for name, values in self._cached_values().items()}

    def confidence_intervals(self, *, level: float = 0.95) -> dict[str, tuple[float, float]]:
        """For each value the bounds that hold the middle `level` of its resamples."""
        self._check_not_empty()
        if not self.resamples:
            raise InputError(f"{type(self).__name__} keeps no resamples. Make it with resamples=1000.")
        return {name: interval(values[1:], level=level) for name, values in self._cached_values().items()}

    def _cached_values(self) -> dict[str, Array]:
        if self._cached[0] != self.count:
            self._cached = self.count, self.bootstrap_values()
        return self._cached[1]

    def _check_not_empty(self) -> None:
        if not self.count:
            raise InputError(f"{type(self).__name__} has seen no example yet; call update first.")


class SumMetric(Metric):
    """A metric whose values follow from sums over the examples."""

    width = 0  # of the sums

    def __init__(self, *, resamples: int = 0, seed: int = 0) -> None:
        super().__init__(resamples=resamples, seed=seed)
        self._sums = Sums(self.width, resamples=resamples, seed=seed)

    @property
    def count(self) -> int:
        return self._sums.count


def listed(values: Any, what: str) -> list[Any]:
    """A list, array or tensor as a list.

    Raises:
        InputError: it is something else.
    """
    if hasattr(values, "tolist"):
        values = values.tolist()
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise InputError(
            f"{what} is {type(values).__name__}, expected a list, array or tensor: one for each example."
        )
    return list(values)


def paired(predictions: Any, references: Any) -> tuple[list[Any], list[Any]]:
    """Both as lists of one length.

    Raises:
        InputError: their lengths differ, or one is no list.
    """
    ours, theirs = listed(predictions, "predictions"), listed(references, "references")
    if len(ours) != len(theirs):
        raise InputError(
            f"There are {len(ours)} predictions and {len(theirs)} references; expected as many of each."
        )
    return ours, theirs


def numbers(values: Sequence[Any], what: str) -> Array:
    """Finite numbers as float64.

    Raises:
        InputError: one is none, NaN or infinite; its place is named.
    """
    for place, value in enumerate(values):
        if isinstance(value, (str, bytes)) or not hasattr(value, "__float__") or not math.isfinite(value):
            raise InputError(f"{what}[{place}] is {value!r}, expected a finite number.")
    return numpy.asarray(values, dtype=numpy.float64)
