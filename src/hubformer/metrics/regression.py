"""How predicted numbers follow the true ones: Pearson, Spearman, errors.

Shapes:  N examples  R resamples
"""

from __future__ import annotations

from typing import Any

import numpy

from hubformer.metrics.metric import Metric, SumMetric, numbers, paired
from hubformer.metrics.resampling import Array, Weights, ratio, weight_columns
from hubformer.optional import optional

_NOISE = 1e-13  # a spread below this share of the mean is rounding, not spread


class Pearson(Metric):
    """The linear correlation. NaN where either side does not vary, or of one example.

    Means and co-moments are merged piece by piece (Chan, Golub and LeVeque 1983), which loses no digits
    where the mean is large.
    """

    def __init__(self, *, resamples: int = 0, seed: int = 0) -> None:
        super().__init__(resamples=resamples, seed=seed)
        self._weights = Weights(resamples=resamples, seed=seed)
        self._examples = numpy.zeros(1 + resamples)
        self._means = numpy.zeros((2, 1 + resamples))
        self._moments = numpy.zeros((3, 1 + resamples))  # of xx, yy, xy
        self._count = 0

    @property
    def count(self) -> int:
        return self._count

    def update(self, predictions: Any, references: Any) -> None:
        """predictions, references (N,)"""
        ours, theirs = paired(predictions, references)
        both = numpy.stack([numbers(ours, "predictions"), numbers(theirs, "references")])
        for piece, weights in self._weights.pieces(len(ours)):
            self._merge(both[:, piece], weights)
        self._count += len(ours)

    def _merge(self, both: Array, weights: Array) -> None:
        examples = weights.sum(0)
        means = ratio(both @ weights, examples)
        x, y = both[:, :, None] - means[:, None]
        moments = numpy.stack([(weights * x * x).sum(0), (weights * y * y).sum(0), (weights * x * y).sum(0)])
        total = self._examples + examples
        apart = means - self._means
        share = ratio(self._examples * examples, total)
        self._moments += moments + share * numpy.stack([apart[0] ** 2, apart[1] ** 2, apart[0] * apart[1]])
        self._means += apart * ratio(examples, total)
        self._examples = total

    def bootstrap_values(self) -> dict[str, Array]:
        xx, yy, xy = self._moments
        least = self._examples * (_NOISE * self._means) ** 2
        varies = (xx > least[0]) & (yy > least[1]) & (self._examples > 1)
        found = numpy.full(len(xx), numpy.nan)
        found[varies] = numpy.clip(xy[varies] / numpy.sqrt(xx[varies]) / numpy.sqrt(yy[varies]), -1, 1)
        return {"pearson": found}


class Spearman(Metric):
    """The correlation of ranks; ties share theirs. NaN where either side does not vary, or of one example.

    Keeps 16 bytes for each example: ranks cannot be had from sums. Needs scipy (extra `evaluation`).
    """

    def __init__(self, *, resamples: int = 0, seed: int = 0) -> None:
        super().__init__(resamples=resamples, seed=seed)
        self._kept: list[Array] = []

    @property
    def count(self) -> int:
        return sum(piece.shape[1] for piece in self._kept)

    def update(self, predictions: Any, references: Any) -> None:
        """predictions, references (N,)"""
        ours, theirs = paired(predictions, references)
        self._kept.append(numpy.stack([numbers(ours, "predictions"), numbers(theirs, "references")]))

    def bootstrap_values(self) -> dict[str, Array]:
        correlation = optional("scipy.stats", extra="evaluation", purpose="Spearman's correlation").spearmanr
        both = numpy.concatenate(self._kept, axis=1)
        blocks = weight_columns(both.shape[1], resamples=self.resamples, seed=self.seed)
        found = [
            _spearman(correlation, numpy.repeat(both, column, axis=1))
            for weights in blocks
            for column in weights.T
        ]
        return {"spearman": numpy.array(found)}


def _spearman(correlation: Any, both: Array) -> float:
    if both.shape[1] < 2 or (both == both[:, :1]).all(1).any():
        return float("nan")
    return float(correlation(both[0], both[1]).statistic)


class Errors(SumMetric):
    """mean_absolute_error and root_mean_squared_error, in the unit of the numbers."""

    width = 3

    def update(self, predictions: Any, references: Any) -> None:
        """predictions, references (N,)"""
        ours, theirs = paired(predictions, references)
        apart = numbers(ours, "predictions") - numbers(theirs, "references")
        self._sums.add(numpy.stack([numpy.ones(len(apart)), abs(apart), apart**2], axis=1))

    def bootstrap_values(self) -> dict[str, Array]:
        examples, absolute, squared = self._sums.totals.T
        return {
            "mean_absolute_error": ratio(absolute, examples),
            "root_mean_squared_error": numpy.sqrt(ratio(squared, examples)),
        }
