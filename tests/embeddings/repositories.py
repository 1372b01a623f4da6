"""Tiny repositories that sentence-transformers wrote, made whole. See scripts/make_sentence_goldens.py."""

from __future__ import annotations

import shutil
from pathlib import Path

GOLDENS = Path(__file__).parent / "goldens"


def assembled(case: str, into: Path) -> Path:
    """The whole repository of a case: the one model, and what the case adds to it or replaces."""
    inner = "0_Transformer" if case == "older" else ""
    shutil.copytree(GOLDENS / "base", into / inner)
    shutil.copytree(GOLDENS / case, into, dirs_exist_ok=True)
    return into
