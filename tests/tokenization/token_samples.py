"""Texts and places that the tokenizer tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "tokenizers"

# One row a script, and the shapes that trip tokenizers: empty, spaces around, special tokens as text,
# accents.
TEXTS = [
    "The quick brown fox jumps over 12, lazy dogs near the river bank.",
    "Быстрая лисица перепрыгнула через высокий забор.",
    "Η αλεπού πηδάει πάνω από τον φράχτη.",
    "तेज़ लोमड़ी कूदती है।",
    "敏捷的狐狸跳过懒狗。速く走る",
    "빠른 여우가 뛰어넘는다.",
    "naïve café — 🦊🐕 [MASK] <mask> twice  spaced",
    "",
    " a space on both sides ",
    "twice  spaced   words,  1, 22, 3,",
]
PAIRS = list(reversed(TEXTS))


def shared(*parts: str) -> Path:
    """A folder of the given facts; the test is skipped where they are not there."""
    folder = SHARED.joinpath(*parts)
    if not folder.exists():
        pytest.skip(f"{folder} is not here")
    return folder
