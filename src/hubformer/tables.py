"""Rows of text in aligned columns, for people."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_GAP = "  "


class Table:
    """Columns as wide as the first rows need; later rows are cut to them, so that rows can be shown at once.

    The last column takes what is left of the terminal.
    """

    def __init__(self, *, width: int) -> None:
        """width: of the terminal, in columns of a fixed font."""
        self._width = width
        self._widths: list[int] | None = None

    def lines(self, rows: Sequence[Sequence[str]], *, header: Sequence[str]) -> list[str]:
        """The rows as lines, with the header before the very first."""
        shown = [[printable(cell) for cell in row] for row in rows]
        if self._widths is None:
            shown = [[name.upper() for name in header], *shown]
            self._widths = self._fitting(shown)
        return [self._line(row) for row in shown]

    def _fitting(self, rows: list[list[str]]) -> list[int]:
        widths = [max(map(_columns, column)) for column in zip(*rows, strict=True)]
        most = max(self._width // 3, 12)
        widths = [min(width, most) for width in widths]
        rest = self._width - sum(widths[:-1]) - len(_GAP) * (len(widths) - 1)
        return [*widths[:-1], max(rest, 20)]

    def _line(self, row: list[str]) -> str:
        assert self._widths is not None
        cells = [_cut(cell, width) for cell, width in zip(row, self._widths, strict=True)]
        return _GAP.join(cells).rstrip()


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Whole rows as columns: the first to the left, the others to the right, a rule under the first row."""
    widths = [max(map(_columns, column)) for column in zip(*rows, strict=True)]
    lines = [
        _GAP.join(
            cell + " " * (width - _columns(cell)) if place == 0 else " " * (width - _columns(cell)) + cell
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], _GAP.join("-" * width for width in widths), *lines[1:]])


def printable(text: str, *, keep: str = "") -> str:
    """The text without characters that would move the cursor or change colours, but for those kept."""
    keep += "\u200d\u200c"  # joiners, which several scripts need
    return "".join(c if unicodedata.category(c)[0] != "C" or c in keep else " " for c in text)


def _columns(text: str) -> int:
    """How many columns a terminal gives to a text."""
    return sum(_width_of(character) for character in text)


def _width_of(character: str) -> int:
    if unicodedata.combining(character) or character in "\u200d\u200c\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _cut(text: str, width: int) -> str:
    """The text in exactly that many columns."""
    used = _columns(text[: width + 1])
    if used > width or len(text) > width + 1:
        kept, used = "", 0
        for character in text:
            if used + _width_of(character) > width - 1:
                break
            kept, used = kept + character, used + _width_of(character)
        text, used = kept + "…", used + 1
    return text + " " * (width - used)
