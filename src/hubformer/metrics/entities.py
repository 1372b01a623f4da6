"""Entities in sentences: whole spans of the right type count, nothing else.

Shapes:  N sentences
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy

from hubformer.errors import InputError, suggestion
from hubformer.metrics.classification import Counts
from hubformer.metrics.metric import listed, paired
from hubformer.metrics.resampling import Array, ratio

Scheme = Literal["IOB1", "IOB2", "BILOU", "IOBES", "lenient"]
Span = tuple[str, int, int]  # type, first word, one past the last word
Tag = tuple[str, str]  # prefix, type
_OUTSIDE: Tag = ("O", "")
_Test = Callable[[Tag, Tag], bool]  # the tag before, this tag


@dataclass(frozen=True)
class _Rules:
    """When a tag starts an entity, goes on with the one before, and may follow an entity that is complete."""

    prefixes: str
    starts: _Test
    goes_on: _Test
    ends: _Test


def _rules(prefixes: str, starts: _Test, ends: _Test, *, inner: str = "I") -> _Rules:
    def goes_on(before: Tag, tag: Tag) -> bool:
        return tag[0] in inner and before[0] in "BI" and before[1] == tag[1]

    return _Rules(prefixes, starts, goes_on, ends)


def _starts_in_iob1(before: Tag, tag: Tag) -> bool:
    if tag[0] == "B":  # only to part two entities of one type
        return before[0] in "BI" and before[1] == tag[1]
    return tag[0] == "I" and not (before[0] == "I" and before[1] == tag[1])


def _starts_leniently(before: Tag, tag: Tag) -> bool:
    return tag[0] != "O" and (tag[0] in "BSU" or before[0] in "OESLU" or before[1] != tag[1])


_SCHEMES: dict[str, _Rules] = {
    "IOB1": _rules(
        "IOB", _starts_in_iob1, lambda before, tag: not (before[0] == tag[0] == "B" and before[1] != tag[1])
    ),
    "IOB2": _rules("IOB", lambda before, tag: tag[0] == "B", lambda before, tag: True),
    "BILOU": _rules(
        "BILOU", lambda before, tag: tag[0] in "BU", lambda before, tag: before[0] in "UL", inner="IL"
    ),
    "IOBES": _rules(
        "IOBES", lambda before, tag: tag[0] in "BS", lambda before, tag: before[0] in "ES", inner="IE"
    ),
    "lenient": _Rules(
        "IOBESLU",
        _starts_leniently,
        lambda before, tag: tag[0] != "O" and not _starts_leniently(before, tag),
        lambda before, tag: True,
    ),
}


def check_scheme(scheme: Any) -> None:
    """
    Raises:
        InputError: there is no such scheme.
    """
    if scheme not in _SCHEMES:
        near = suggestion(str(scheme), _SCHEMES)
        raise InputError(f"scheme is {scheme!r}.{near} Expected one of {', '.join(_SCHEMES)}.")


def spans(tags: Sequence[str], *, scheme: Scheme = "IOB2") -> list[Span]:
    """The entities that tags such as B-person, I-person, O write, in order.

    The schemes are strict: what breaks their rules, such as I-person after O in IOB2, is no entity.
    "lenient" takes any run of one type for an entity, as the scorer of CoNLL-2000 (Tjong Kim Sang and
    Buchholz 2000) does.

    Raises:
        InputError: a tag that the scheme does not have, an unknown scheme.
    """
    check_scheme(scheme)
    rules = _SCHEMES[scheme]
    parsed = [_OUTSIDE, *(_parsed(tag, scheme, rules.prefixes) for tag in tags), _OUTSIDE]
    found: list[Span] = []
    place = 1
    while place < len(parsed) - 1:
        start = place
        place += 1
        if rules.starts(parsed[start - 1], parsed[start]):
            while rules.goes_on(parsed[place - 1], parsed[place]):
                place += 1
            if rules.ends(parsed[place - 1], parsed[place]):
                found.append((parsed[start][1], start - 1, place - 1))
    return found


def _parsed(tag: Any, scheme: str, prefixes: str) -> Tag:
    if (
        not isinstance(tag, str)
        or tag[:1] not in tuple(prefixes)
        or tag[1:2] not in ("", "-")
        or (tag[0] == "O" and tag != "O")
    ):
        raise InputError(
            f"The tag {tag!r} is none of the scheme {scheme}; expected O, or one of "
            f"{', '.join(prefix for prefix in prefixes if prefix != 'O')} with '-' and a type."
        )
    return tag[0], "" if tag == "O" else tag[2:] or "_"


class EntityF1(Counts):
    """precision, recall and f1 over all entities, the macro average over types, and the accuracy over words.

    An entity is right where type, first and last word are. `per_name()` has each type's. Same figures as
    seqeval's strict mode; scheme="lenient" as its default mode.
    """

    width = 3  # sentences, words, words with the right tag

    def __init__(self, *, scheme: Scheme = "IOB2", resamples: int = 0, seed: int = 0) -> None:
        check_scheme(scheme)
        super().__init__(resamples=resamples, seed=seed)
        self.scheme: Scheme = scheme

    def update(self, predictions: Any, references: Any) -> None:
        """predictions, references (N,): the tags of each sentence's words"""
        ours, theirs = paired(predictions, references)
        rows: list[tuple[int, int, list[Span], list[Span]]] = []
        for place, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            a, b = listed(a, f"predictions[{place}]"), listed(b, f"references[{place}]")
            if len(a) != len(b):
                raise InputError(
                    f"Sentence {place} has {len(a)} predicted tags and {len(b)} reference tags; expected "
                    "one for "
                    "each word."
                )
            same = sum(x == y for x, y in zip(a, b, strict=True))
            rows.append((len(b), same, spans(a, scheme=self.scheme), spans(b, scheme=self.scheme)))
        for _, _, predicted, reference in rows:
            for kind, _, _ in (*predicted, *reference):
                self._place(kind)
        width = self.width + 3 * len(self._places)
        self._sums.widen(width)
        statistics = numpy.zeros((len(rows), width))
        for row, (words, same, predicted, reference) in zip(statistics, rows, strict=True):
            row[:3] = 1, words, same
            for shift, group in enumerate((set(predicted) & set(reference), predicted, reference)):
                for kind, _, _ in group:
                    row[self.width + 3 * self._places[kind] + shift] += 1
        self._sums.add(statistics)

    def bootstrap_values(self) -> dict[str, Array]:
        macro = {f"{name}_macro": values for name, values in self.averaged("macro").items()}
        accuracy = ratio(self._sums.totals[:, 2], self._sums.totals[:, 1])
        return {**self.averaged("micro"), **macro, "accuracy": accuracy}
