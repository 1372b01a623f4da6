"""Right and wrong labels: accuracy, precision, recall, F1, Matthews, the confusion matrix, calibration.

Shapes:  N examples  C labels  R resamples
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Literal

import numpy
from numpy.typing import NDArray

from hubformer.errors import InputError, suggestion
from hubformer.metrics.metric import Metric, SumMetric, numbers, paired
from hubformer.metrics.resampling import Array, ratio, weight_columns

Average = Literal["micro", "macro", "weighted"]
_COLUMNS = 4  # resamples ranked at a time
_AVERAGES: tuple[Average, ...] = ("micro", "macro", "weighted")


class Counts(SumMetric):
    """How often each name was predicted, was the reference, and was both."""

    width = 1  # how many examples; three sums for each name follow

    def __init__(self, *, names: Sequence[Hashable] | None = None, resamples: int = 0, seed: int = 0) -> None:
        super().__init__(resamples=resamples, seed=seed)
        self._fixed = names is not None
        self._places: dict[Hashable, int] = {}
        for name in names or ():
            self._place(name)

    def _place(self, name: Hashable) -> int:
        return self._places.setdefault(name, len(self._places))

    def _tables(self) -> tuple[Array, Array, Array]:
        """Both, predicted, reference: each (1 + R, C), in the order of `names`."""
        self._sums.widen(self.width + 3 * len(self._places))
        table = self._sums.totals[:, self.width :].reshape(1 + self.resamples, len(self._places), 3)
        order = [self._places[name] for name in self.names]
        both, predicted, reference = numpy.moveaxis(table[:, order], 2, 0)
        return both, predicted, reference

    @property
    def names(self) -> list[Any]:
        """The names in the order given, or else sorted."""
        if self._fixed:
            return list(self._places)
        try:
            return sorted(self._places)
        except TypeError:  # names of several kinds have no order of their own
            return sorted(self._places, key=lambda name: (type(name).__name__, str(name)))

    def averaged(self, average: Average) -> dict[str, Array]:
        """precision, recall and f1, each (1 + R,). A name that is neither predicted nor a reference counts
        in the macro average only where the names were given, as in scikit-learn."""
        both, predicted, reference = self._tables()
        if average == "micro":
            return _scores(both.sum(1), predicted.sum(1), reference.sum(1))
        counted = numpy.ones_like(both) if self._fixed else (predicted + reference > 0).astype(float)
        weights = reference if average == "weighted" else counted
        return {
            name: ratio((weights * score).sum(1), weights.sum(1))
            for name, score in _scores(both, predicted, reference).items()
        }

    def per_name(self) -> dict[Any, dict[str, float]]:
        """precision, recall, f1 and support (how often it is the reference) of each name."""
        self._check_not_empty()
        both, predicted, reference = self._tables()
        scores = _scores(both[0], predicted[0], reference[0])
        return {
            name: {
                **{score: float(found[place]) for score, found in scores.items()},
                "support": int(reference[0, place]),
            }
            for place, name in enumerate(self.names)
        }


def _scores(both: Array, predicted: Array, reference: Array) -> dict[str, Array]:
    """0 where nothing was predicted, or nothing was there to be found."""
    return {
        "precision": ratio(both, predicted),
        "recall": ratio(both, reference),
        "f1": ratio(2 * both, predicted + reference),
    }


class Classification(Counts):
    """Everything that one label for each example gives.

    accuracy; precision, recall and f1 with `_micro`, `_macro`, `_weighted`; matthews; and, where `positive`
    names a label, precision, recall and f1 of that label alone. `per_name()` has each label's.

    labels: all that may occur, in order; another one is an error. Without them, those that occur, sorted.

    The correlation of Matthews is Gorodkin's form for several labels (Gorodkin 2004); 0 where it is
    undefined, as in scikit-learn.
    """

    reported: tuple[str, ...] = ()  # of the values; none: all

    def __init__(
        self,
        *,
        labels: Sequence[Hashable] | None = None,
        positive: Hashable | None = None,
        resamples: int = 0,
        seed: int = 0,
    ) -> None:
        super().__init__(names=labels, resamples=resamples, seed=seed)
        if labels is not None and positive is not None and positive not in labels:
            raise InputError(f"positive is {positive!r}, expected one of {_names(labels)}.")
        self.positive = positive

    def update(self, predictions: Any, references: Any) -> None:
        """predictions, references (N,): names or numbers of labels"""
        ours, theirs = paired(predictions, references)
        pairs = [
            (self._label(a, "predictions", place), self._label(b, "references", place))
            for place, (a, b) in enumerate(zip(ours, theirs, strict=True))
        ]
        width = self.width + 3 * len(self._places)
        self._sums.widen(width)
        statistics = numpy.zeros((len(pairs), width))
        statistics[:, 0] = 1
        for row, (a, b) in zip(statistics, pairs, strict=True):
            row[1 + 3 * a] += a == b
            row[2 + 3 * a] += 1
            row[3 + 3 * b] += 1
        self._sums.add(statistics)

    def _label(self, label: Any, what: str, place: int) -> int:
        label = checked_label(label, f"{what}[{place}]")
        if self._fixed and label not in self._places:
            near = suggestion(label, map(str, self._places)) if isinstance(label, str) else ""
            raise InputError(f"{what}[{place}] is {label!r}, expected one of {_names(self._places)}.{near}")
        return self._place(label)

    def bootstrap_values(self) -> dict[str, Array]:
        both, predicted, reference = self._tables()
        total = self._sums.totals[:, 0]
        found = {"accuracy": ratio(both.sum(1), total)}
        if self.positive is not None:
            at = self.names.index(self.positive) if self.positive in self._places else None
            columns = [
                numpy.zeros(len(total)) if at is None else t[:, at] for t in (both, predicted, reference)
            ]
            found |= _scores(*columns)
        for average in _AVERAGES:
            found |= {f"{name}_{average}": score for name, score in self.averaged(average).items()}
        chance = (predicted * reference).sum(1)
        spread = (total**2 - (predicted**2).sum(1)) * (total**2 - (reference**2).sum(1))
        found["matthews"] = ratio(both.sum(1) * total - chance, numpy.sqrt(spread))
        return {name: found[name] for name in self.reported} if self.reported else found


class Accuracy(Classification):
    """The share of examples whose label is right."""

    reported = ("accuracy",)


class Matthews(Classification):
    """The correlation of Matthews (1975), for two labels or more."""

    reported = ("matthews",)


class F1(Classification):
    """precision, recall and f1, averaged over labels ("micro", "macro", "weighted") or of one `positive`
    label."""

    def __init__(
        self,
        *,
        average: Average | None = None,
        labels: Sequence[Hashable] | None = None,
        positive: Hashable | None = None,
        resamples: int = 0,
        seed: int = 0,
    ) -> None:
        if (average is None) == (positive is None):
            raise InputError("Pass average= (micro, macro or weighted), or positive= for one label's.")
        if average is not None and average not in _AVERAGES:
            raise InputError(f"average is {average!r}, expected one of {_names(_AVERAGES)}.")
        super().__init__(labels=labels, positive=positive, resamples=resamples, seed=seed)
        self.average = average

    def bootstrap_values(self) -> dict[str, Array]:
        if self.average is not None:
            return self.averaged(self.average)
        found = super().bootstrap_values()
        return {name: found[name] for name in ("precision", "recall", "f1")}


class ConfusionMatrix:
    """How often each label was given to examples of each label. Memory: labels squared."""

    def __init__(self, *, labels: Sequence[Hashable] | None = None) -> None:
        self._given = labels
        self._fixed = labels is not None
        self.reset()

    def reset(self) -> None:
        """Forget all examples."""
        self._names = Counts(names=self._given)
        self._pairs: dict[tuple[Any, Any], int] = {}
        self.count = 0

    def update(self, predictions: Any, references: Any) -> None:
        """predictions, references (N,)"""
        ours, theirs = paired(predictions, references)
        known = set(self._names.names)
        for place, pair in enumerate(zip(ours, theirs, strict=True)):
            for what, label in zip(("predictions", "references"), pair, strict=True):
                checked_label(label, f"{what}[{place}]")
                if self._fixed and label not in known:
                    raise InputError(f"{what}[{place}] is {label!r}, expected one of {_names(known)}.")
                self._names._place(label)
            self._pairs[pair] = self._pairs.get(pair, 0) + 1
            self.count += 1

    @property
    def labels(self) -> list[Any]:
        return self._names.names

    def compute(self) -> list[list[int]]:
        """(C, C): rows are references, columns predictions, in the order of `labels`."""
        return [[self._pairs.get((ours, theirs), 0) for ours in self.labels] for theirs in self.labels]


class Calibration(SumMetric):
    """Whether a confidence of 80 % is right 80 % of the time (Guo et al. 2017, arXiv:1706.04599).

    expected_calibration_error is the mean distance of confidence and accuracy over bins of equal width,
    weighted by their examples; brier the mean squared distance of the confidence from right (1) or wrong
    (0). Takes confidences in the predicted label as predictions, and whether it was right as references.
    """

    def __init__(self, *, bins: int = 10, resamples: int = 0, seed: int = 0) -> None:
        if bins < 1:
            raise InputError(f"bins is {bins}, expected at least 1.")
        self.bins, self.width = bins, 1 + 3 * bins
        super().__init__(resamples=resamples, seed=seed)

    def update(self, predictions: Any, references: Any) -> None:
        """predictions (N,) in 0 to 1; references (N,) true or false"""
        ours, theirs = paired(predictions, references)
        confidences = numbers(ours, "predictions")
        right = numbers([bool(value) for value in theirs], "references")
        # Softmax in float32 may end a rounding error above 1.
        if len(confidences) and not (confidences.min() >= 0 and confidences.max() <= 1 + 1e-6):
            raise InputError("predictions has confidences outside of 0 to 1; expected probabilities.")
        # The bins are open below: 0.2 of ten bins is in the second.
        places = numpy.clip(numpy.ceil(confidences * self.bins).astype(int) - 1, 0, self.bins - 1)
        statistics = numpy.zeros((len(places), self.width))
        statistics[:, 0] = (confidences - right) ** 2
        rows = numpy.arange(len(places))
        for shift, value in enumerate((numpy.ones(len(places)), confidences, right)):
            statistics[rows, 1 + 3 * places + shift] = value
        self._sums.add(statistics)

    def bootstrap_values(self) -> dict[str, Array]:
        table = self._sums.totals[:, 1:].reshape(1 + self.resamples, self.bins, 3)
        examples = table[..., 0].sum(1)
        return {
            "expected_calibration_error": ratio(abs(table[..., 1] - table[..., 2]).sum(1), examples),
            "brier": ratio(self._sums.totals[:, 0], examples),
        }

    def curve(self) -> list[dict[str, float]]:
        """For each bin with examples: from, to, examples, mean confidence, accuracy."""
        table = self._sums.totals[0, 1:].reshape(self.bins, 3)
        return [
            {
                "from": place / self.bins,
                "to": (place + 1) / self.bins,
                "examples": int(row[0]),
                "confidence": float(row[1] / row[0]),
                "accuracy": float(row[2] / row[0]),
            }
            for place, row in enumerate(table)
            if row[0]
        ]


class RocAuc(Metric):
    """The area under the receiver's operating curve: how often the label that applies has the higher score.

    With two labels the scores are those of the second; with more, the mean of each label against the rest
    (`average="macro"`, or "weighted" by how often it is the reference). NaN unless each label occurs. Keeps 8
    bytes for each score: ranks cannot be had from sums.
    """

    def __init__(
        self, *, average: Literal["macro", "weighted"] = "macro", resamples: int = 0, seed: int = 0
    ) -> None:
        super().__init__(resamples=resamples, seed=seed)
        if average not in ("macro", "weighted"):
            raise InputError(f"average is {average!r}, expected 'macro' or 'weighted'.")
        self.average = average
        self._scores: list[Array] = []
        self._references: list[Array] = []

    @property
    def count(self) -> int:
        return sum(map(len, self._references))

    def update(self, predictions: Any, references: Any) -> None:
        """predictions (N,) scores of label 1, or (N, C) of each; references (N,) numbers of labels from 0"""
        ours, theirs = paired(predictions, references)
        if not ours:
            return
        several = isinstance(ours[0], Iterable)
        rows = [list(row) if several else [row] for row in ours]
        width = self._scores[0].shape[1] if self._scores else len(rows[0])
        if any(len(row) != width for row in rows):
            raise InputError(f"predictions has rows of different length; expected {width} scores in each.")
        scores = numbers([score for row in rows for score in row], "predictions").reshape(-1, width)
        if width == 2:
            raise InputError("predictions has two scores for each example; pass those of label 1 alone.")
        labels = numbers(theirs, "references")
        for place, label in enumerate(labels):
            if label not in range(max(width, 2)):
                raise InputError(
                    f"references[{place}] is {theirs[place]!r}, expected the number of a label, 0 to "
                    f"{max(width, 2) - 1}."
                )
        self._scores.append(scores)
        self._references.append(labels)

    def bootstrap_values(self) -> dict[str, Array]:
        scores, labels = numpy.concatenate(self._scores), numpy.concatenate(self._references)
        blocks = weight_columns(len(labels), resamples=self.resamples, seed=self.seed)
        return {"roc_auc": numpy.concatenate([self._areas(scores, labels, weights) for weights in blocks])}

    def _areas(self, scores: Array, labels: Array, weights: NDArray[numpy.uint8]) -> Array:
        """One area for each column of weights (N, R)."""
        if scores.shape[1] == 1:
            return _areas(scores[:, 0], labels == 1, weights)
        kinds = range(scores.shape[1])
        areas = numpy.stack([_areas(scores[:, kind], labels == kind, weights) for kind in kinds])
        shares = numpy.ones_like(areas)
        if self.average == "weighted":
            shares = numpy.stack([weights[labels == kind].sum(0, dtype=float) for kind in kinds])
        found: Array = (shares * areas).sum(0) / shares.sum(0)
        return found


def _areas(scores: Array, positive: NDArray[numpy.bool_], weights: NDArray[numpy.uint8]) -> Array:
    """The area under the curve for each column of weights: scores, positive (N,), weights (N, R). NaN where
    one side is empty.

    It is the share of pairs of a positive and a negative example in which the positive one has the higher
    score; equal scores count half (Hanley and McNeil 1982).
    """
    order = numpy.argsort(scores, kind="stable")
    first = numpy.flatnonzero(numpy.diff(scores[order], prepend=-numpy.inf))  # of each run of equal scores
    found = []
    for start in range(0, weights.shape[1], _COLUMNS):
        part = weights[order, start : start + _COLUMNS].astype(float)
        right = numpy.add.reduceat(part * positive[order, None], first)
        wrong = numpy.add.reduceat(part * ~positive[order, None], first)
        below = numpy.cumsum(wrong, axis=0) - wrong
        pairs = right.sum(0) * wrong.sum(0)
        won = (right * (below + wrong / 2)).sum(0)
        found.append(numpy.divide(won, pairs, out=numpy.full(len(pairs), numpy.nan), where=pairs > 0))
    return numpy.concatenate(found)


def checked_label(label: Any, where: str) -> Any:
    """The label, if it can be one.

    Raises:
        InputError: NaN, a list (scores rather than a label), None.
    """
    if label is None or isinstance(label, (list, tuple, dict, set)) or label != label:
        hint = " For scores take the place of the largest first." if isinstance(label, (list, tuple)) else ""
        raise InputError(f"{where} is {label!r}, expected the name or number of a label.{hint}")
    return label


def _names(labels: Iterable[Hashable]) -> str:
    return ", ".join(map(str, labels))
