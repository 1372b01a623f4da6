"""chrF and chrF++: the F-score of n-grams of characters, and of words (Popović 2015, 2017).

Shapes:  R resamples  O orders: the lengths of n-grams of characters, then of words
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy

from hubformer.metrics.resampling import Array, ratio

_CHARACTERS = 6  # the longest n-gram of characters
_BETA = 2  # recall counts this many times as much as precision
_PUNCTUATION = frozenset(string.punctuation)
NGrams = list["Counter[Any]"]


def ngrams(text: str, *, word_order: int) -> NGrams:
    """The n-grams of each order: characters without white space, then words."""
    characters = "".join(text.split())
    found: NGrams = [
        Counter(characters[at : at + size] for at in range(len(characters) - size + 1))
        for size in range(1, _CHARACTERS + 1)
    ]
    words = [part for word in text.split() for part in _punctuation_apart(word)] if word_order else []
    for size in range(1, word_order + 1):
        found.append(Counter(tuple(words[at : at + size]) for at in range(len(words) - size + 1)))
    return found


def _punctuation_apart(word: str) -> list[str]:
    """The word without one mark at its end, or else at its start, and that mark."""
    if len(word) > 1 and word[-1] in _PUNCTUATION:
        return [word[:-1], word[-1]]
    if len(word) > 1 and word[0] in _PUNCTUATION:
        return [word[0], word[1:]]
    return [word]


def statistics(text: str, references: Sequence[str], *, word_order: int) -> Array:
    """(O, 3): how many n-grams the text and its best reference have, and how many of them match. The text's
    are not counted where the reference is too short to have any."""
    ours = ngrams(text, word_order=word_order)
    best: Array = numpy.zeros((len(ours), 3))
    highest = -1.0
    for reference in references:
        theirs = ngrams(reference, word_order=word_order)
        table: Array = numpy.array(
            [_counts(a, b) for a, b in zip(ours, theirs, strict=True)], dtype=numpy.float64
        )
        score = float(f_scores(table[None])[0])
        if score > highest:
            best, highest = table, score
    return best


def _counts(ours: Counter[Any], theirs: Counter[Any]) -> tuple[int, int, int]:
    matching = sum(min(count, theirs[gram]) for gram, count in ours.items() if gram in theirs)
    return ours.total() if theirs else 0, theirs.total(), matching


def f_scores(tables: Array) -> Array:
    """(R, O, 3) -> (R,), 0 to 100: from the means of precision and recall over the orders that both sides
    have."""
    ours, theirs, matching = numpy.moveaxis(tables, 2, 0)
    both = (ours > 0) & (theirs > 0)
    orders = both.sum(1)
    precision = ratio((ratio(matching, ours) * both).sum(1), orders)
    recall = ratio((ratio(matching, theirs) * both).sum(1), orders)
    return 100 * ratio((1 + _BETA**2) * precision * recall, _BETA**2 * precision + recall)
