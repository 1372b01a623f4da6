"""A bar for work that takes long enough to wonder about."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

_PATIENCE = 2.0  # seconds of work before a bar appears
_shown = True


def show(on: bool) -> None:
    """Whether bars appear from now on."""
    global _shown
    _shown = on


def shown() -> bool:
    return _shown


class Bar:
    """Counts answered inputs on the terminal. Where stderr is no terminal it shows nothing."""

    def __init__(self, total: int | None, *, unit: str) -> None:
        """total None: not known."""
        self._bar: Any = None
        if _shown and sys.stderr is not None and sys.stderr.isatty():
            from tqdm import tqdm  # type: ignore[import-untyped]

            bare: Any = type("Bar", (tqdm,), {"monitor_interval": 0})  # tqdm would start a thread
            self._bar = bare(
                total=total,
                unit=unit,
                delay=_PATIENCE,
                leave=False,
                bar_format=None if total is None else _FORM,
            )

    def advance(self, by: float) -> None:
        """by: inputs answered since the last time; parts of one count."""
        if self._bar is not None:
            self._bar.update(by)

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()


_FORM = "{percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} [{elapsed}<{remaining}]"
