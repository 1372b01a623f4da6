"""CSV and TSV files: one record a row, values are strings."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hubformer.data.files import lines, opened
from hubformer.errors import InputError

_Rows = Iterator[tuple[int, list[str]]]  # line numbers, from 1, and values
_LONGEST = 2**31 - 1  # characters of one value


def comma_separated(path: Path, *, names: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Rows of a CSV file as RFC 4180 has it: values with commas, quotes or line ends stand in quotes.

    names: of the columns, where the file's first row is not a header.

    Raises:
        InputError: a row with more or fewer values than names, a quote that never closes.
    """
    yield from _records(_quoted(path, delimiter=","), path, names)


def tab_separated(
    path: Path, *, names: Sequence[str] | None = None, may_lack: int = 0
) -> Iterator[dict[str, Any]]:
    """Rows of a TSV file whose quotes are part of the values, as GLUE's are.

    may_lack: how many of the last columns a row may leave out; they are None there.

    Raises:
        InputError: a row with more or fewer values than names.
    """
    rows = ((place, line.split("\t")) for place, line in enumerate(lines(path), 1) if line)
    yield from _records(rows, path, names, may_lack=may_lack)


def quoted_tab_separated(path: Path, *, names: Sequence[str] | None = None) -> Iterator[dict[str, Any]]:
    """Rows of a TSV file that quotes as CSV does; spreadsheets and pandas write it.

    Raises:
        InputError: as `comma_separated`.
    """
    yield from _records(_quoted(path, delimiter="\t"), path, names)


def _quoted(path: Path, *, delimiter: str) -> _Rows:
    # The limit of the csv module, 128 KiB, is for the whole process; a document can be longer.
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST))
    with opened(path, newline="") as file:
        rows = csv.reader(file, delimiter=delimiter, strict=True)
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                raise InputError(
                    f"Line {rows.line_num} of {path} cannot be read ({error}). A value with a quote inside "
                    "stands in quotes, the inner one doubled."
                ) from None
            if row:
                yield rows.line_num, row


def _records(
    rows: _Rows, path: Path, names: Sequence[str] | None, *, may_lack: int = 0
) -> Iterator[dict[str, Any]]:
    if names is None:
        _, names = next(rows, (0, []))
    if twice := {name for name in names if list(names).count(name) > 1}:
        raise InputError(
            f"{path} has several columns called {', '.join(sorted(twice))}; expected different names."
        )
    for line, row in rows:
        if not len(names) - may_lack <= len(row) <= len(names):
            raise InputError(
                f"Line {line} of {path} has {len(row)} values, expected {len(names)}, one for each of the "
                f"columns {', '.join(names)}."
            )
        yield dict(itertools.zip_longest(names, row))
