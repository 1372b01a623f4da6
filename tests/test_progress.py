"""The bar: only on a terminal, and only when the work takes long."""

from __future__ import annotations

import io
import sys

import pytest

from hubformer import progress
from hubformer.progress import Bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("patience", "shown"), [(0.0, True), (60.0, False)])
def test_on_a_terminal(monkeypatch: pytest.MonkeyPatch, patience: float, shown: bool) -> None:
    monkeypatch.setattr(progress, "_PATIENCE", patience)
    monkeypatch.setattr(sys, "stderr", Terminal())
    for total in (4, None):
        with Bar(total, unit=" inputs") as bar:
            for _ in range(8):
                bar.advance(0.5)
    assert bool(sys.stderr.getvalue()) == shown  # type: ignore[attr-defined]


def test_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_PATIENCE", 0.0)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with Bar(4, unit=" inputs") as bar:
        bar.advance(4)
    assert not sys.stderr.getvalue()  # type: ignore[attr-defined]
