"""CoNLL's column files: a word and its tags on each line, an empty line after each sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hubformer.data.files import lines
from hubformer.errors import InputError


def conll_file(path: Path) -> Iterator[dict[str, Any]]:
    """Sentences as `{"tokens": [...], "tags": [...]}`: the first and the last column.

    Columns are separated by tabs if there is one on the line, else by white space. A line with nothing but
    white space ends a sentence (some of WNUT 17's are a lone tab); `-DOCSTART-` lines are skipped.

    Raises:
        InputError: a line with one column, or not as many as the line before it in the sentence.
    """
    tokens: list[str] = []
    tags: list[str] = []
    width = 0
    for place, line in enumerate(lines(path), 1):
        if not line.strip() or line.startswith("-DOCSTART-"):
            if tokens:
                yield {"tokens": tokens, "tags": tags}
            tokens, tags, width = [], [], 0
            continue
        values = line.split("\t") if "\t" in line else line.split()
        if len(values) < 2 or (width and len(values) != width) or not values[0] or not values[-1]:
            expected = f"{width} columns as on the line before" if width else "a word and its tag"
            raise InputError(f"Line {place} of {path} is {line[:60]!r}; expected {expected}.")
        width = len(values)
        tokens.append(values[0])
        tags.append(values[-1])
    if tokens:
        yield {"tokens": tokens, "tags": tags}
