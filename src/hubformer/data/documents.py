"""Documents, for pre-training: whole texts, from text files, SQuAD's articles, or a column of other files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from hubformer.data.columns import Columns
from hubformer.data.files import ending, existing, lines, opened
from hubformer.data.records import ENDINGS, Record, RecordDataset, read
from hubformer.data.squad import is_squad
from hubformer.errors import InputError

_TEXT_ALIASES = {"text": ("document", "content", "article", "body")}
_HEAD = 1000  # characters that may be blank before a JSON object


def documents(
    source: str | os.PathLike[str],
    *,
    columns: Mapping[str, str] | None = None,
    format: str | None = None,
    names: Sequence[str] | None = None,
) -> RecordDataset:
    """The documents of a file as `{"text": ...}`, a paragraph on each line; of a folder, those of its files.

    In text files empty lines separate documents, and so does the end of a file. A SQuAD file's documents are
    its articles, each with its paragraphs. Of other files every record is a document, in the column `text` or
    the one that `columns` maps to it. format and names: as for `read`.

    Raises:
        InputError: as `read`; also a folder without a file that can be read.
    """
    path = Path(source).expanduser()
    parts = _readable(path, format) if path.is_dir() else [existing(path)]
    read_one = partial(_of_file, columns=dict(columns or {}), format=format, names=names)
    return RecordDataset(
        lambda: (record for part in parts for record in read_one(part)), name=str(path), columns=Columns()
    )


def files_of(source: str | os.PathLike[str]) -> list[Path]:
    """The files that `documents` reads: the file itself, or those in the folder, by name."""
    path = Path(source).expanduser()
    return _readable(path, None) if path.is_dir() else [path]


def _readable(folder: Path, format: str | None) -> list[Path]:
    inside = sorted(entry for entry in folder.iterdir() if entry.is_file() and not entry.name.startswith("."))
    found = [path for path in inside if format is not None or ending(path) in ENDINGS]
    if not found:
        raise InputError(
            f"{folder} has no file that ends in one of {', '.join(ENDINGS)} (with or without .gz). It holds: "
            f"{', '.join(path.name for path in inside[:20]) or 'no file'}."
        )
    return found


def _of_file(
    path: Path, *, columns: dict[str, str], format: str | None, names: Sequence[str] | None
) -> Iterator[Record]:
    kind = format or ENDINGS.get(ending(path))
    if kind == "lines":
        return _paragraphs(path)
    if kind in ("json", "squad") and (articles := _articles(path)) is not None:
        return articles
    return iter(
        read(
            path,
            columns=columns,
            required_columns=("text",),
            column_aliases=_TEXT_ALIASES,
            format=format,
            names=names,
        )
    )


def _paragraphs(path: Path) -> Iterator[Record]:
    """Runs of lines that are not empty."""
    run: list[str] = []
    for line in lines(path):
        if line.strip():
            run.append(line.strip())
        elif run:
            yield {"text": "\n".join(run)}
            run = []
    if run:
        yield {"text": "\n".join(run)}


def _articles(path: Path) -> Iterator[Record] | None:
    """The articles of a SQuAD file, or None where it is none."""
    with opened(path) as file:
        if not file.read(_HEAD).lstrip().startswith("{"):
            return None
    with opened(path) as file:
        try:
            found: Any = json.load(file)
        except json.JSONDecodeError:
            return None  # one object on each line, or broken: `read` knows which
    return _texts(found, path) if is_squad(found) else None


def _texts(found: Mapping[str, Any], path: Path) -> Iterator[Record]:
    for place, article in enumerate(found["data"]):
        try:
            contexts = [paragraph["context"].strip() for paragraph in article["paragraphs"]]
        except (KeyError, TypeError, AttributeError):
            raise InputError(
                f"Article {place} of {path} is not of SQuAD's form: expected 'paragraphs', each with a "
                "'context'."
            ) from None
        yield {"title": article.get("title", ""), "text": "\n".join(contexts)}
