"""The options that say which model is meant, and where files are and go; shared by the subcommands."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hubformer.cli import Parser
from hubformer.errors import InputError


def add_revision(parser: Parser) -> None:
    parser.add_argument(
        "--revision", metavar="R", help="a branch, a tag or a commit on the Hub (default: main)"
    )


def revision_of(said: argparse.Namespace) -> dict[str, Any]:
    """The keyword arguments for opening the model's repository."""
    return {} if said.revision is None else {"revision": said.revision}


def readable_size(count: float) -> str:
    """A number of bytes in the unit that fits it."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def size_on_disk(paths: list[Path]) -> int:
    return sum(path.stat().st_size for path in paths)


@contextmanager
def writing(target: str | os.PathLike[str]) -> Iterator[None]:
    """Around the writing of a file or folder that the user named.

    Raises:
        InputError: it cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise InputError(f"{os.fspath(target)} cannot be written: {error.strerror}.") from error
