"""Text files that hold data: UTF-8 with or without a byte-order mark, plain or gzipped."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TextIO

from hubformer.errors import InputError, suggestion


def existing(path: str | Path) -> Path:
    """The path, if a file is there.

    Raises:
        InputError: there is none; a file of a similar name beside it is named.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        inside = sorted(entry.name for entry in path.iterdir() if entry.is_file())[:20]
        raise InputError(
            f"{path} is a folder, expected a file of data. It holds: {', '.join(inside) or 'no file'}."
        )
    if not path.exists():
        beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InputError(f"There is no file {path}.{suggestion(path.name, beside)}")
    return path


def ending(path: Path) -> str:
    """The ending that tells the format, lower-case and without .gz: '.csv' for 'a.CSV.gz'."""
    name = path.name.lower()
    return Path(name[: -len(".gz")] if name.endswith(".gz") else name).suffix


@contextmanager
def opened(path: Path, *, newline: Literal["", "\n"] = "\n") -> Iterator[TextIO]:
    """The file as text; lines end with a line feed only, since other separators stand inside of texts.

    Raises:
        InputError: it is not UTF-8, or not a whole gzip file. Also when either shows while it is read.
    """
    try:
        with path.open("rb") as plain:
            if path.name.lower().endswith(".gz"):
                with gzip.GzipFile(fileobj=plain) as unpacked:
                    yield io.TextIOWrapper(unpacked, encoding="utf-8-sig", newline=newline)
            else:
                yield io.TextIOWrapper(plain, encoding="utf-8-sig", newline=newline)
    except UnicodeDecodeError as error:
        found = error.object[error.start : error.start + 1].hex()
        raise InputError(
            f"{path} is not UTF-8: it has the byte 0x{found} where a character is expected. Convert it, for "
            "example by iconv -t UTF-8."
        ) from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"{path} is not a whole gzip file ({error}). Fetch or write it again.") from None


def lines(path: Path) -> Iterator[str]:
    """The lines of a file, without their ends.

    Raises:
        InputError: as `opened`.
    """
    with opened(path) as file:
        for line in file:
            yield line.removesuffix("\n").removesuffix("\r")
