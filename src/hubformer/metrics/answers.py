"""Answers to questions, scored as SQuAD's: exact match and F1 over words, in percent.

Rajpurkar et al. 2016 (arXiv:1606.05250); questions without an answer: Rajpurkar et al. 2018
(arXiv:1806.03822).

Shapes:  N questions  R resamples
"""

from __future__ import annotations

import re
import string
import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

import numpy

from hubformer.errors import InputError
from hubformer.metrics.metric import SumMetric, listed, numbers, paired
from hubformer.metrics.resampling import Array, ratio

_PUNCTUATION = str.maketrans("", "", string.punctuation)  # ASCII's only
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def normalised(answer: str) -> str:
    """The answer as it is compared: lower case, without ASCII punctuation and articles, single spaces."""
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split())


def word_f1(prediction: str, reference: str, *, both_empty: float = 0.0) -> float:
    """The harmonic mean of precision and recall over the words of two normalised answers, 0 to 1.

    both_empty: what two answers without any word score; 0 in SQuAD 1.1, 1 in 2.0.
    """
    ours, theirs = Counter(prediction.split()), Counter(reference.split())
    if not ours and not theirs:
        return both_empty
    return 2 * (ours & theirs).total() / (ours.total() + theirs.total())


class Squad(SumMetric):
    """exact and f1 over questions, in percent; each question scores by its best gold answer.

    version 1: every question has gold answers, and a prediction of None scores 0. version 2: a question
    without gold answers is answered right by "" alone; a prediction of None leaves the question out. Both
    warn of None. Version 2 also gives `HasAns_` and `NoAns_` figures where such questions occur,
    and, where `no_answer` probabilities are given, the best figures that a threshold on them reaches. The
    best figures keep 40 bytes for each question.

    no_answer_threshold: a question counts as predicted to have no answer if its probability is above.
    """

    width = 6  # exact, F1 and number of questions with an answer, then of those without

    def __init__(
        self,
        *,
        version: Literal[1, 2] = 1,
        no_answer_threshold: float = 1.0,
        resamples: int = 0,
        seed: int = 0,
    ) -> None:
        if version not in (1, 2):
            raise InputError(f"version is {version!r}, expected 1 or 2, for SQuAD 1.1 or 2.0.")
        super().__init__(resamples=resamples, seed=seed)
        self.version, self.no_answer_threshold = version, no_answer_threshold
        self.missing = 0  # predictions that were None
        self._swept: list[Array] = []  # probability, exact, F1, whether there is an answer and one was given

    def update(self, predictions: Any, references: Any, no_answer: Any = None) -> None:
        """predictions (N,) texts; references (N,) lists of gold answers; no_answer (N,) probabilities that
        there is none"""
        ours, theirs = paired(predictions, references)
        probabilities = numpy.zeros(len(ours))
        if no_answer is not None:
            if self.version == 1:
                raise InputError("no_answer is for version=2: in SQuAD 1.1 every question has an answer.")
            probabilities = numbers(listed(no_answer, "no_answer"), "no_answer")
            if len(probabilities) != len(ours):
                raise InputError(f"There are {len(ours)} predictions and {len(probabilities)} of no_answer.")
        self._warn_of_missing(ours)
        rows = [self._scored(a, b, place) for place, (a, b) in enumerate(zip(ours, theirs, strict=True))]
        kept = [place for place, row in enumerate(rows) if row is not None]
        swept = numpy.array([row for row in rows if row is not None], dtype=float).reshape(-1, 4)
        swept = numpy.column_stack([probabilities[kept], swept])
        if no_answer is not None:
            self._swept.append(swept)
        answerable = swept[:, 3] > 0
        none = swept[:, 0] > self.no_answer_threshold
        scores = numpy.where(none[:, None], ~answerable[:, None], swept[:, 1:3])
        table = numpy.column_stack([scores, numpy.ones(len(scores))])
        self._sums.add(numpy.hstack([table * answerable[:, None], table * ~answerable[:, None]]))

    def _warn_of_missing(self, predictions: Sequence[Any]) -> None:
        missing = [place for place, prediction in enumerate(predictions) if prediction is None]
        if missing:
            self.missing += len(missing)
            score = "score 0" if self.version == 1 else "are left out"
            warnings.warn(
                f"{len(missing)} of {len(predictions)} questions have no prediction and {score}; the "
                "first is at "
                f"place {missing[0]}.",
                stacklevel=3,
            )

    def _scored(self, prediction: Any, golds: Any, place: int) -> tuple[float, float, bool, bool] | None:
        golds = listed(golds, f"references[{place}]")
        if any(not isinstance(gold, str) for gold in golds):
            raise InputError(f"references[{place}] is {golds!r}, expected a list of texts.")
        if self.version == 1 and not golds:
            raise InputError(f"references[{place}] has no gold answer; such questions need version=2.")
        if prediction is None:
            return None if self.version == 2 else (0.0, 0.0, True, False)
        if not isinstance(prediction, str):
            raise InputError(f"predictions[{place}] is {type(prediction).__name__}, expected a text or None.")
        if self.version == 1:
            found = [normalised(gold) for gold in golds]
        else:
            found = [text for gold in golds if (text := normalised(gold))] or [""]
        ours = normalised(prediction)
        exact = float(ours in found)
        f1 = max(word_f1(ours, gold, both_empty=float(self.version == 2)) for gold in found)
        return exact, f1, found != [""] or self.version == 1, bool(prediction)

    def bootstrap_values(self) -> dict[str, Array]:
        with_answer, without = self._sums.totals[:, :3], self._sums.totals[:, 3:]
        found = _percent(with_answer + without, "")
        if self.version == 2:
            for prefix, part in (("HasAns_", with_answer), ("NoAns_", without)):
                if part[0, 2]:
                    found |= _percent(part, prefix)
        return found

    def best(self) -> dict[str, float]:
        """best_exact, best_f1 and the thresholds that reach them: a question whose probability is at most the
        threshold keeps its answer.

        Raises:
            InputError: no probabilities were given.
        """
        if not self._swept:
            raise InputError(
                "The best thresholds need the probabilities of no answer: update(..., no_answer=...)."
            )
        swept = numpy.concatenate(self._swept)
        swept = swept[numpy.argsort(swept[:, 0], kind="stable")]
        probabilities, answerable, given = swept[:, 0], swept[:, 3] > 0, swept[:, 4] > 0
        found: dict[str, float] = {}
        for name, scores in (("exact", swept[:, 1]), ("f1", swept[:, 2])):
            # From "no question has an answer" on, one question more keeps its answer at each place.
            gains = numpy.where(answerable, scores, -given.astype(float))
            reached = (~answerable).sum() + numpy.concatenate([[0.0], numpy.cumsum(gains)])
            place = int(reached.argmax())
            found[f"best_{name}"] = float(100 * reached[place] / len(swept))
            found[f"best_{name}_thresh"] = float(probabilities[place - 1]) if place else 0.0
        return found


def _percent(part: Array, prefix: str) -> dict[str, Array]:
    return {
        f"{prefix}{name}": 100 * ratio(part[:, place], part[:, 2])
        for place, name in enumerate(("exact", "f1"))
    }
