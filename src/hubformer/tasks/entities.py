"""From what a model says of tokens to entities of a text.

Shapes:  L tokens of a part of a text  N labels
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

Span = tuple[int, int]  # first character, one past the last
_STARTS, _ENDS = "BUS", "LEUS"  # prefixes of tags that begin an entity, and that complete one


@dataclass(frozen=True, eq=False)
class Sentence:
    """A text as tokens. spans: the characters of each; words: the number of the word that each is in, or
    None; reported: the spans that answers give instead, where a user set them; tokens: as the vocabulary
    writes them, None for what it does not know."""

    text: str
    ids: Sequence[int]
    spans: Sequence[Span]
    words: Sequence[int | None]
    reported: Sequence[Span] | None = None
    tokens: Sequence[str | None] = ()

    def where(self, first: int, last: int) -> Span:
        """The characters from one token to another, inclusive, as answers give them."""
        if self.reported is not None:
            return self.reported[first][0], self.reported[last][1]
        return self._characters(first, last)

    def slice(self, first: int, last: int) -> str:
        """The text from one token to another, inclusive."""
        start, end = self._characters(first, last)
        return self.text[start:end]

    def _characters(self, first: int, last: int) -> Span:
        """Without white space around them, which some tokenizers count to a token."""
        start, end = self.spans[first][0], self.spans[last][1]
        piece = self.text[start:end]
        inner = piece.strip()
        if not inner:
            return start, end
        start += len(piece) - len(piece.lstrip())
        return start, start + len(inner)


@dataclass(frozen=True)
class Unit:
    """Tokens with one label, first and last inclusive: a token, a word, or an entity."""

    first: int
    last: int
    label: str
    score: float


class Tags:
    """The labels of a model, as the place in an entity and its type: ("B", "PER") for B-PER.

    B- and I- are read as such, in IOB1 and IOB2. L-, U-, S-, E- and M- are where the model has a B- or I- of
    the same type: the label E-MAIL of a model without B-MAIL has no prefix. Other labels, O among them,
    are types that go on.
    """

    def __init__(self, labels: Iterable[str]) -> None:
        known = set(labels)
        self._parts = {label: self._part(label, known) for label in known}

    @staticmethod
    def _part(label: str, known: set[str]) -> tuple[str, str]:
        prefix, _, kind = label.partition("-")
        if kind and (
            prefix in ("B", "I") or (prefix in tuple("LUSEM") and known & {f"B-{kind}", f"I-{kind}"})
        ):
            return prefix, kind
        return "I", label

    def kind(self, label: str) -> str:
        return self._parts[label][1]

    def goes_on(self, before: str, label: str) -> bool:
        """Whether a label belongs to the entity that the label before is in."""
        (last, kind), (prefix, own) = self._parts[before], self._parts[label]
        return kind == own and prefix not in tuple(_STARTS) and last not in tuple(_ENDS)


def tokens(shares: Tensor, names: Mapping[int, str], *, begin: int) -> list[Unit]:
    """Each token with its best label. shares (L, N): what each label has of a token. begin: the place of
    the first token in its sentence."""
    best = shares.max(-1)
    return [
        Unit(place, place, names[label], score)
        for place, (label, score) in enumerate(
            zip(best.indices.tolist(), best.values.tolist(), strict=True), begin
        )
    ]


def whole_words(
    shares: Tensor, names: Mapping[int, str], *, begin: int, words: Sequence[int | None], strategy: str
) -> list[Unit]:
    """Each word with one label. shares (L, N), words: of the L tokens. strategy: what a word goes by, its
    "first" token, the "average" of its tokens, or the token with the largest share ("max")."""
    found = []
    for first, last in _runs(words):
        of_word = shares[first : last + 1]
        if strategy == "average":
            of_word = of_word.mean(0)
        else:
            of_word = of_word[0 if strategy == "first" else int(of_word.max(-1).values.argmax())]
        label = int(of_word.argmax())
        found.append(Unit(begin + first, begin + last, names[label], float(of_word[label])))
    return found


def _runs(words: Sequence[int | None]) -> Iterator[Span]:
    """First and last places of neighbours in one word; what is in no word stands alone."""
    first = 0
    for place in range(1, len(words) + 1):
        if place == len(words) or words[place] is None or words[place] != words[first]:
            yield first, place - 1
            first = place


def joined(units: Iterable[Unit], tags: Tags) -> list[Unit]:
    """Entities: neighbours whose labels belong together. Labels become types, scores their mean."""
    runs: list[list[Unit]] = []
    for unit in units:
        if runs and tags.goes_on(runs[-1][-1].label, unit.label):
            runs[-1].append(unit)
        else:
            runs.append([unit])
    return [
        Unit(run[0].first, run[-1].last, tags.kind(run[0].label), sum(unit.score for unit in run) / len(run))
        for run in runs
    ]


def merged(answers: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of entities that overlap, as neighbouring windows find them, the longer one; of equal ones the one
    with the higher score."""
    kept: list[dict[str, Any]] = []
    for answer in sorted(answers, key=lambda answer: answer["start"]):
        if not kept or not kept[-1]["start"] <= answer["start"] < kept[-1]["end"]:
            kept.append(answer)
        elif _rank(answer) > _rank(kept[-1]):
            kept[-1] = answer
    return kept


def _rank(answer: Mapping[str, Any]) -> tuple[int, float]:
    return answer["end"] - answer["start"], answer["score"]
