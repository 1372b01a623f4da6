"""text-classification as a task: one definition of columns, labels, samples and answers."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
import torch

import hubformer
from hubformer.data import Labels
from hubformer.errors import InputError
from hubformer.tasks.text_classification import (
    TextClassification,
    TextExample,
    TextRegression,
    label_values,
    names_of_labels,
)

TASK = TextClassification()


def config(**changes: Any) -> Any:
    return hubformer.BertConfig(num_labels=2, id2label={0: "no", 1: "yes"}, **changes)


def test_an_example_pickles() -> None:
    example = TASK.parse({"text": "good", "text_pair": "bad", "label": "yes"}, "record 0")
    assert pickle.loads(pickle.dumps(example)) == example == TextExample("good", "bad", "yes")


@pytest.mark.parametrize("record", [{"text": "", "label": 1}, {"text": "a", "label": " "}])
def test_records_without_a_text_or_a_label(record: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="record 3"):
        TASK.parse(record, "record 3")


def test_labels_by_name_and_by_number() -> None:
    labels = Labels(["no", "yes"])
    targets = [TASK.target(TextExample("a", label=label), labels=labels) for label in ("yes", 0, "1", "No")]
    assert targets == [1, 0, 1, 0]
    assert label_values([2, 10.0, "1"]) == ["1", "2", "10"]
    assert names_of_labels(["0", "1"]) == ["LABEL_0", "LABEL_1"]


def test_logits_to_answers() -> None:
    logits = [torch.tensor([0.0, 1.0])]
    options = TASK.Options(top_k=None, function_to_apply="none")
    (answer,) = TASK.decode(logits, context=None, options=options, config=config())
    assert answer == [{"label": "yes", "score": 1.0}, {"label": "no", "score": 0.0}]


def test_what_is_decoded_for_evaluation_can_be_counted() -> None:
    options = TASK.Options(**TASK.evaluation_options())
    logits = [torch.tensor([0.0, 3.0]), torch.tensor([2.0, 0.0])]
    answers = TASK.decode(logits, context=None, options=options, config=config())
    metrics = TASK.metrics(config(), resamples=0)
    metrics.update(answers, [1, 1])
    assert metrics.metrics()[0].compute()["accuracy"] == 0.5


def test_numbers() -> None:
    task = TextRegression()
    assert task.target(task.parse({"text": "a", "label": "2.5"}, "record 0")) == 2.5
    with pytest.raises(InputError, match="expected a number"):
        task.parse({"text": "a", "label": "yes"}, "record 0")
