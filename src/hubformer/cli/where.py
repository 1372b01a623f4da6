"""The options that say which model is meant, and how files are found; shared by the subcommands."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hubformer.cli import Parser


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
