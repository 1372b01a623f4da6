"""Blanks: batches, targets, refusals. Goldens are in test_goldens.py."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from hubformer.errors import InputError, UnknownArgument
from hubformer.pipelines import pipeline
from hubformer.pipelines.fill_mask import FillMaskPipeline
from hubformer.pretrained.tokenizer import AutoTokenizer

GOLDENS = Path(__file__).parent / "goldens"


@pytest.fixture(scope="module")
def fill() -> Any:
    return pipeline("fill-mask", GOLDENS / "bert-mask", device="cpu")


def test_together_as_alone(fill: Any) -> None:
    texts = [
        "Old Marta keeps [MASK].",
        "[MASK] [MASK]",
        "The ferry leaves from the [MASK] pier at seven.",
    ] * 9
    together, alone = fill(texts), [fill(text) for text in texts]
    for ours, theirs in zip(together, alone, strict=True):
        flat = [
            one if isinstance(one[0], dict) else [filled for mask in one for filled in mask]
            for one in (ours, theirs)
        ]
        assert [record["token"] for record in flat[0]] == [record["token"] for record in flat[1]]
        scores = [[record["score"] for record in one] for one in flat]
        assert scores[0] == pytest.approx(scores[1], abs=1e-6)
    assert list(fill(text for text in texts[:2])) == [fill(texts[:2])[0], fill(texts[:2])[1]]


def test_only_the_masks_scores_are_kept(fill: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes, run = [], fill.engine.run
    monkeypatch.setattr(
        fill.engine,
        "run",
        lambda rows, **named: [shapes.append(score.shape[0]) or score for score in run(rows, **named)],
    )
    fill(["a [MASK] and so on", "[MASK] by [MASK]"])
    assert shapes == [1, 2]


def test_targets(fill: Any, caplog: pytest.LogCaptureFixture) -> None:
    text = "Old Marta keeps [MASK]."
    with caplog.at_level(logging.WARNING):
        found = fill(text, targets=["bees", "", "Zimmermann"])
    assert [record.message[:11] for record in caplog.records] == ["The target "] * 2
    assert len(found) == 2
    assert sum(record["score"] for record in found) < 1  # of all tokens, not of the targets
    with pytest.raises(InputError, match="knows no token"):
        fill(text, targets=[""])
    with pytest.raises(InputError, match="targets is empty"):
        fill(text, targets=[])
    with pytest.raises(InputError, match="targets is int 3"):
        fill(text, targets=3)


def test_options(fill: Any) -> None:
    text = "Old Marta keeps [MASK]."
    assert len(fill(text, top_k=None)) == 5
    assert len(fill(text, top_k=10**6)) == fill.model.config.vocab_size
    assert fill(text, add_special_tokens=False) == fill(text, tokenizer_kwargs={"add_special_tokens": False})
    for top_k in (0, True, "2"):
        with pytest.raises(InputError, match="top_k is"):
            fill(text, top_k=top_k)
    with pytest.raises(UnknownArgument, match="Did you mean 'truncation'"):
        fill(text, tokenizer_kwargs={"truncaton": True})


def test_what_cannot_be(fill: Any) -> None:
    with pytest.raises(InputError, match=r"'Nobody' has no mask token: put \[MASK\]"):
        fill(["[MASK]", "Nobody"])
    long = "many words " * 60 + "[MASK]"
    with pytest.raises(InputError, match="reads at most 96"):
        fill(long)
    with pytest.raises(InputError, match="or truncation cut it off"):
        fill(long, truncation=True)
    with pytest.raises(InputError, match="Input 1 is int 3"):
        fill(["[MASK]", 3])
    other = pipeline("text-classification", GOLDENS / "bert-labels", device="cpu")
    with pytest.raises(InputError, match="no head for masked-lm"):
        pipeline("fill-mask", other.model, device="cpu")
    bare = AutoTokenizer.from_pretrained(GOLDENS / "bert-mask")
    bare.mask_token = None
    with pytest.raises(InputError, match="has no mask token"):
        FillMaskPipeline(fill.model, bare, device="cpu")
