"""Labels of a call: forms of a call, cuts, refusals. Goldens are in test_goldens.py."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from hubformer.errors import InputError
from hubformer.pipelines import pipeline

GOLDENS = Path(__file__).parent / "goldens"
TEXT, LABELS = "Old Marta keeps nine hives of bees.", ["bees", "weather", "doors"]


@pytest.fixture(scope="module", params=["bert-nli", "bart-nli"])
def choose(request: pytest.FixtureRequest) -> Any:
    return pipeline("zero-shot-classification", GOLDENS / request.param, device="cpu")


def test_forms_of_a_call(choose: Any) -> None:
    expected = choose(TEXT, candidate_labels=LABELS)
    assert choose(TEXT, LABELS) == choose(TEXT, "bees, weather, doors") == expected
    assert sum(expected["scores"]) == pytest.approx(1)
    assert expected["scores"] == sorted(expected["scores"], reverse=True)
    set_before = type(choose)(choose.model, choose.tokenizer, device="cpu", candidate_labels=LABELS)
    assert set_before(TEXT) == expected
    assert choose(TEXT, LABELS, multi_class=True) == choose(TEXT, LABELS, multi_label=True) != expected


def test_together_as_alone(choose: Any) -> None:
    texts = [TEXT, "Nine.", "The ferry leaves from the north pier at seven."]
    for text, found in zip(texts, choose(texts, LABELS), strict=True):
        alone = choose(text, LABELS)
        assert found["sequence"] == text
        assert found["labels"] == alone["labels"]
        assert found["scores"] == pytest.approx(alone["scores"], abs=1e-6)


def test_a_long_text_is_cut_and_never_a_label(choose: Any) -> None:
    long = "many words " * 300
    scores = dict(zip(*[choose(long, LABELS)[key] for key in ("labels", "scores")], strict=True))
    assert len(set(scores.values())) == 3
    with pytest.raises(InputError, match=r"with the label 'bees'.*reads at most"):
        choose(long, LABELS, truncation=False)
    with pytest.raises(InputError, match=r"A label leaves no room.*'many words"):
        choose(TEXT, ["bees", long])


def test_a_model_that_names_no_entailment(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        made = pipeline("zero-shot-classification", GOLDENS / "bert-labels", device="cpu")
    assert "No label of the model begins with 'entail' (labels: LABEL_0" in caplog.text
    assert made.entailment_id == -1
    assert made(TEXT, LABELS)["sequence"] == TEXT


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "pass candidate_labels="),
        ({"candidate_labels": []}, "candidate_labels is empty"),
        ({"candidate_labels": " , "}, "candidate_labels is empty"),
        ({"candidate_labels": [3]}, r"candidate_labels is list \[3\]"),
        (
            {"candidate_labels": LABELS, "hypothesis_template": "It is so."},
            "hypothesis_template is 'It is so.'",
        ),
        ({"candidate_labels": LABELS, "hypothesis_template": "{} or {}"}, "hypothesis_template is"),
        ({"candidate_labels": LABELS, "multi_label": "yes"}, "multi_label is 'yes'"),
    ],
)
def test_options_that_cannot_be(choose: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        choose(TEXT, **options)


def test_inputs_that_cannot_be(choose: Any) -> None:
    with pytest.raises(InputError, match="Input 1 is None"):
        choose([TEXT, None], LABELS)
    with pytest.raises(InputError, match="Input 1 is empty"):
        choose([TEXT, ""], LABELS)
    assert sum(choose(" ", LABELS)["scores"]) == pytest.approx(1)
    with pytest.raises(InputError, match="more than once"):
        choose(TEXT, LABELS, candidate_labels=LABELS)
