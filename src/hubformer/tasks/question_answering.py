"""Questions about contexts: which records a model learns from and is evaluated on.

SQuAD 1.1: Rajpurkar et al. 2016 (arXiv:1606.05250); questions without an answer: Rajpurkar et al. 2018
(arXiv:1806.03822).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubformer.errors import InputError
from hubformer.tasks.base import Record

REQUIRED_COLUMNS = ("question", "context", "answers")
COLUMN_ALIASES: Mapping[str, tuple[str, ...]] = {"answers": ("answer",)}
_TRUE = (True, 1, "1", "true", "True", "TRUE")


@dataclass(frozen=True)
class GoldAnswers:
    """texts: all that are right; none where the question has no answer. start: the place of the first one's
    first character in the context, where the record says."""

    texts: tuple[str, ...] = ()
    start: int | None = None


def gold_answers(record: Record, where: str) -> GoldAnswers:
    """A record's answers: a text, a list of texts, SQuAD's `{"text": [...], "answer_start": [...]}` or list
    of objects. None, an empty text, an empty list or a true `is_impossible` is no answer.

    Raises:
    InputError: another form.
    """
    if record.get("is_impossible") in _TRUE:
        return GoldAnswers()
    pairs = _pairs(record)
    if pairs is None or not all(text is None or isinstance(text, str) for text, _ in pairs):
        raise InputError(
            f"The answers of {where} are {record['answers']!r}; expected a text, a list of texts, or SQuAD's "
            '{"text": [...], "answer_start": [...]}.'
        )
    pairs = [(text, start) for text, start in pairs if text]
    if not pairs:
        return GoldAnswers()
    start = pairs[0][1]
    try:
        return GoldAnswers(tuple(text for text, _ in pairs), None if start in (None, "") else int(start))
    except (TypeError, ValueError):
        raise InputError(
            f"answer_start of {where} is {start!r}, expected the place of the answer's first character."
        ) from None


def _pairs(record: Record) -> list[tuple[Any, Any]] | None:
    """Texts with their starts, or None where the answers have none of the known forms."""
    answers = record["answers"]
    answers = answers.tolist() if hasattr(answers, "tolist") else answers
    if answers is None or isinstance(answers, str):  # one column for the text, perhaps one for its place
        return [(answers, record.get("answer_start"))]
    if isinstance(answers, Mapping) and "text" in answers:
        texts, starts = _list(answers["text"]), _list(answers.get("answer_start"))
        return list(zip(texts, [*starts, *[None] * len(texts)], strict=False))
    if isinstance(answers, list | tuple):
        return [
            (answer.get("text", answer), answer.get("answer_start"))
            if isinstance(answer, Mapping)
            else (answer, record.get("answer_start") if len(answers) == 1 else None)
            for answer in answers
        ]
    return None


def _list(value: Any) -> list[Any]:
    value = value.tolist() if hasattr(value, "tolist") else value
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]
