"""States of tokens: shapes, batches, refusals. Goldens are in test_goldens.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from hubformer.errors import InputError, UnknownArgument, UnknownName
from hubformer.pipelines import pipeline
from hubformer.pretrained.auto import AutoModel

GOLDENS = Path(__file__).parent / "goldens"
TEXT = "Old Marta keeps nine hives of bees."


@pytest.fixture(scope="module")
def states() -> Any:
    return pipeline("feature-extraction", GOLDENS / "bert-mask", device="cpu")


def test_they_are_the_models_last_states(states: Any) -> None:
    found = states(TEXT, return_tensors=True)
    expected = AutoModel.from_pretrained(GOLDENS / "bert-mask")(**states.tokenizer(TEXT, return_tensors="pt"))
    torch.testing.assert_close(found, expected.last_hidden_state.detach(), rtol=0, atol=1e-5)
    assert states(TEXT) == found.tolist()


def test_together_as_alone(states: Any) -> None:
    texts = [TEXT, "Nine.", "The ferry leaves.", "Nine."]
    together = states(texts, return_tensors=True)
    for text, found in zip(texts, together, strict=True):
        torch.testing.assert_close(found, states(text, return_tensors=True), rtol=0, atol=1e-5)
    assert together[0].shape[1] != together[1].shape[1]


@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_text_has_the_states_of_its_special_tokens(states: Any, text: str) -> None:
    found = states(text, return_tensors=True)
    model = AutoModel.from_pretrained(GOLDENS / "bert-mask")
    expected = model(**states.tokenizer(text, return_tensors="pt")).last_hidden_state.detach()
    assert found.shape[1] == 2
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_what_cannot_be(states: Any) -> None:
    long = "many words " * 60
    with pytest.raises(InputError, match=r"reads at most 96.*truncation=True"):
        states(long)
    assert len(states(long, truncation=True)[0]) == len(states(long, tokenize_kwargs={"truncation": True})[0])
    with pytest.raises(InputError, match="say it once"):
        states(long, truncation=True, tokenize_kwargs={"truncation": True})
    with pytest.raises(UnknownArgument, match="Did you mean 'truncation'"):
        states(long, tokenize_kwargs={"truncaton": True})
    with pytest.raises(InputError, match="return_tensors is 'pt'"):
        states(TEXT, return_tensors="pt")
    with pytest.raises(UnknownName, match="Pass task="):
        pipeline(model=states.model, tokenizer=states.tokenizer)
