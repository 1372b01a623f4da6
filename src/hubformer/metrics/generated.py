"""Generated text: perplexity, BLEU, chrF, ROUGE.

Shapes:  N texts  R resamples
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy

from hubformer.errors import InputError
from hubformer.metrics import chrf
from hubformer.metrics.metric import SumMetric, numbers, paired
from hubformer.metrics.resampling import Array, ratio
from hubformer.optional import optional

_ROUGE = ("rouge1", "rouge2", "rougeL", "rougeLsum")


class Perplexity(SumMetric):
    """perplexity = exp(loss), where loss is the mean negative log-probability of a token in nats.

    Takes for each text the sum over its tokens as predictions, and the number of those tokens as references.
    Resamples are of texts.
    """

    width = 2

    def update(self, predictions: Any, references: Any) -> None:
        """predictions (N,) sums in nats, may be infinite; references (N,) numbers of tokens, at least 0"""
        ours, theirs = paired(predictions, references)
        tokens = numbers(theirs, "references")
        if (tokens < 0).any() or (tokens % 1).any():
            raise InputError("references has counts of tokens that are no whole numbers of at least 0.")
        for place, value in enumerate(ours):
            if isinstance(value, str) or not value >= 0:
                raise InputError(f"predictions[{place}] is {value!r}, expected a sum in nats of at least 0.")
        # An infinite sum times the 0 of a resample that leaves the text out would be NaN.
        sums = numpy.minimum(numpy.asarray(ours, dtype=float), 1e300)
        self._sums.add(numpy.column_stack([sums, tokens]).reshape(-1, 2))

    @property
    def tokens(self) -> int:
        """Tokens so far."""
        return int(self._sums.totals[0, 1])

    def bootstrap_values(self) -> dict[str, Array]:
        sums, tokens = self._sums.totals.T
        loss = numpy.divide(sums, tokens, out=numpy.full(len(sums), numpy.nan), where=tokens > 0)
        loss = numpy.where(loss > 1e200, numpy.inf, loss)
        with numpy.errstate(over="ignore"):
            return {"perplexity": numpy.exp(loss), "loss": loss}


class Bleu(SumMetric):
    """bleu, 0 to 100 (Papineni et al. 2002), of a corpus: n-grams are counted over all texts, as sacrebleu
    (Post 2018, arXiv:1804.08771) counts them.

    tokenize: sacrebleu's tokenizer, "13a" unless said ("zh", "ja-mecab", "flores200", ...). Needs sacrebleu
    (extra `evaluation`).
    """

    def __init__(
        self,
        *,
        tokenize: str | None = None,
        lowercase: bool = False,
        resamples: int = 0,
        seed: int = 0,
    ) -> None:
        measures = optional("sacrebleu.metrics", extra="evaluation", purpose="BLEU")
        self._measure = measures.BLEU(tokenize=tokenize, lowercase=lowercase, force=True)
        self._orders: int = self._measure.max_ngram_order
        self.width = 2 + 2 * self._orders  # words of both sides; n-grams that match, and all
        super().__init__(resamples=resamples, seed=seed)

    def update(self, predictions: Any, references: Any) -> None:
        """predictions (N,) texts; references (N,) texts, or lists of texts of which each may be right"""
        rows = []
        for text, several in zip(*_texts(predictions, references), strict=True):
            found = self._measure.corpus_score([text], [[reference] for reference in several])
            rows.append([found.sys_len, found.ref_len, *found.counts, *found.totals])
        self._sums.add(numpy.array(rows, dtype=float).reshape(-1, self.width))

    def bootstrap_values(self) -> dict[str, Array]:
        return {"bleu": numpy.array([self._score(row) for row in self._sums.totals.astype(int).tolist()])}

    def _score(self, row: list[int]) -> float:
        counts = row[2:]
        found = self._measure.compute_bleu(
            counts[: self._orders],
            counts[self._orders :],
            row[0],
            row[1],
            smooth_method=self._measure.smooth_method,
            smooth_value=self._measure.smooth_value,
            max_ngram_order=self._orders,
        )
        return float(found.score)


class ChrF(SumMetric):
    """chrf, 0 to 100 (Popović 2015), over character n-grams of 1 to 6; word_order=2 makes it chrF++. The
    figures are sacrebleu's."""

    def __init__(
        self, *, word_order: int = 0, lowercase: bool = False, resamples: int = 0, seed: int = 0
    ) -> None:
        self.word_order, self.lowercase = word_order, lowercase
        self.width = 3 * len(chrf.ngrams("", word_order=word_order))
        super().__init__(resamples=resamples, seed=seed)

    def update(self, predictions: Any, references: Any) -> None:
        """predictions (N,) texts; references (N,) texts, or lists of texts of which each may be right"""
        rows = []
        for text, several in zip(*_texts(predictions, references), strict=True):
            if self.lowercase:
                text, several = text.lower(), [reference.lower() for reference in several]
            rows.append(chrf.statistics(text, several, word_order=self.word_order))
        self._sums.add(numpy.array(rows, dtype=float).reshape(-1, self.width))

    def bootstrap_values(self) -> dict[str, Array]:
        return {"chrf": chrf.f_scores(self._sums.totals.reshape(1 + self.resamples, -1, 3))}


class Rouge(SumMetric):
    """rouge1, rouge2, rougeL and rougeLsum (Lin 2004), 0 to 1: the mean F-measure over texts.

    Of several references the best counts, for each measure alone. For rougeLsum sentences stand on lines of
    their own. stemmer: whether words are cut to their stems first. Needs rouge-score (extra `evaluation`).
    """

    width = 1 + len(_ROUGE)

    def __init__(self, *, stemmer: bool = False, resamples: int = 0, seed: int = 0) -> None:
        super().__init__(resamples=resamples, seed=seed)
        scorer = optional("rouge_score.rouge_scorer", extra="evaluation", purpose="ROUGE")
        self._scorer = scorer.RougeScorer(_ROUGE, use_stemmer=stemmer)

    def update(self, predictions: Any, references: Any) -> None:
        """predictions (N,) texts; references (N,) texts, or lists of texts of which each may be right"""
        rows = []
        for text, golds in zip(*_texts(predictions, references), strict=True):
            found = self._scorer.score_multi(golds, text)
            rows.append([1.0, *(found[name].fmeasure for name in _ROUGE)])
        self._sums.add(numpy.array(rows).reshape(-1, self.width))

    def bootstrap_values(self) -> dict[str, Array]:
        totals = self._sums.totals
        return {name: ratio(totals[:, place], totals[:, 0]) for place, name in enumerate(_ROUGE, 1)}


def _texts(predictions: Any, references: Any) -> tuple[list[str], list[list[str]]]:
    ours, theirs = paired(predictions, references)
    golds = [[found] if isinstance(found, str) else found for found in theirs]
    for place, (text, several) in enumerate(zip(ours, golds, strict=True)):
        if not isinstance(text, str):
            raise InputError(f"predictions[{place}] is {type(text).__name__}, expected a text.")
        if (
            not isinstance(several, Iterable)
            or not several
            or any(not isinstance(gold, str) for gold in several)
        ):
            raise InputError(f"references[{place}] is {several!r}, expected a text or a list of texts.")
    return ours, golds
