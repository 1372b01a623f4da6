"""Tags of words: which records of words and tags a model learns from and is evaluated on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubformer.errors import InputError
from hubformer.tasks.base import Record

REQUIRED_COLUMNS = ("tokens", "tags")
COLUMN_ALIASES: Mapping[str, tuple[str, ...]] = {
    "tokens": ("words",),
    "tags": ("ner_tags", "labels", "pos_tags"),
}


@dataclass(frozen=True)
class TaggedWords:
    """A sentence's words, and the tag of each: a name, or its number."""

    words: tuple[str, ...]
    tags: tuple[str | int, ...]


def tagged_words(record: Record, where: str) -> TaggedWords:
    """The words and tags of a record: lists, or texts with spaces between them.

    Raises:
        InputError: another form, no word, or not one tag for each word.
    """
    words, tags = (_listed(record[name], f"{name} of {where}") for name in REQUIRED_COLUMNS)
    if len(words) != len(tags) or not words:
        raise InputError(f"{where} has {len(words)} words and {len(tags)} tags; expected as many of each.")
    return TaggedWords(tuple(map(str, words)), tuple(t if isinstance(t, int) else str(t) for t in tags))


def _listed(value: Any, what: str) -> list[Any]:
    if isinstance(value, str):
        return value.split()
    value = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(value, list | tuple):
        raise InputError(f"The {what} are {value!r}, expected a list, or a text with spaces between words.")
    return list(value)
