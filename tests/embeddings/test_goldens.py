"""Tiny repositories that sentence-transformers 6.2 wrote, and the vectors that it gives.

Made by scripts/make_sentence_goldens.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy
import pytest

from embeddings.repositories import GOLDENS, assembled
from hubformer.embeddings import SentenceEncoder

CASES = sorted(path.name for path in GOLDENS.iterdir() if path.name != "base")
NEAR = 1e-5  # both compute in float32
OUR_NAMES = {"normalize_embeddings": "normalize"}


@pytest.mark.parametrize("case", CASES)
def test_vectors_are_those_of_sentence_transformers(case: str, tmp_path: Path) -> None:
    encoder = SentenceEncoder.from_pretrained(assembled(case, tmp_path / case))
    expected: dict[str, Any] = json.loads((GOLDENS / case / "expected.json").read_text("utf-8"))
    for call in expected["calls"]:
        arguments = {OUR_NAMES.get(name, name): value for name, value in call["arguments"].items()}
        found = encoder.encode(expected["texts"], truncation=True, **arguments)
        assert found.dtype == numpy.float32
        assert found.shape == (len(expected["texts"]), encoder.width)
        numpy.testing.assert_allclose(found, call["vectors"], rtol=NEAR, atol=NEAR, err_msg=str(arguments))
    vectors = encoder.encode(expected["texts"], truncation=True)
    near = encoder.similarity(vectors, vectors).numpy()
    # A vector's distance to itself is a root of what rounding leaves, in either library.
    numpy.testing.assert_allclose(near, expected["similarity"], rtol=NEAR, atol=2e-5)


def test_goldens_tell_cases_apart() -> None:
    """No two ways of pooling give the same numbers, and no prompt is without effect."""
    seen: list[Any] = []
    for case in CASES:
        expected = json.loads((GOLDENS / case / "expected.json").read_text("utf-8"))
        for call in expected["calls"]:
            vector = numpy.array(call["vectors"])[0]
            assert all(v.shape != vector.shape or abs(v - vector).max() > 1e-3 for v in seen), case
            seen.append(vector)
