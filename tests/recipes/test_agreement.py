"""Training and evaluation take the same columns, labels and references."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import hubformer
from hubformer.errors import InputError
from hubformer.evaluation import evaluate
from hubformer.recipes import run
from hubformer.recipes.question_answering import QuestionAnswering
from hubformer.recipes.text_classification import TextClassification
from hubformer.recipes.token_classification import TokenClassification
from hubformer.recipes.training_task import TrainingTask
from recipes.animals import labelled, tiny, write_bert, write_csv

ASKED = {"question": "Which animal?", "context": "Owls live in Paris, owls do."}
READ: dict[str, tuple[type[TrainingTask], str, list[dict[str, Any]]]] = {
    "review and labels": (
        TextClassification,
        "AutoModelForSequenceClassification",
        [{"review": "Amber owl.", "labels": "LABEL_1"}, {"review": "Cedar drum.", "labels": "LABEL_0"}],
    ),
    "an empty pair": (
        TextClassification,
        "AutoModelForSequenceClassification",
        [{"text": "Amber owl.", "text_pair": None, "label": 1}],
    ),
    "tokens and tags as texts": (
        TokenClassification,
        "AutoModelForTokenClassification",
        [{"tokens": "Amber owl", "tags": "O B-x"}],
    ),
    "numbers of tags": (
        TokenClassification,
        "AutoModelForTokenClassification",
        [{"words": ["Amber", "owl"], "pos_tags": [0, 1]}],
    ),
    "no answers": (
        QuestionAnswering,
        "AutoModelForQuestionAnswering",
        [{**ASKED, "answers": "Owls"}, {**ASKED, "answers": None}],
    ),
    "an empty answer": (
        QuestionAnswering,
        "AutoModelForQuestionAnswering",
        [{**ASKED, "answer": "Owls"}, {**ASKED, "answer": ""}],
    ),
    "a list of texts": (
        QuestionAnswering,
        "AutoModelForQuestionAnswering",
        [{**ASKED, "answers": ["Paris", "owls"]}],
    ),
    "one text in an object": (
        QuestionAnswering,
        "AutoModelForQuestionAnswering",
        [{**ASKED, "answers": {"text": "Paris", "answer_start": 13}}],
    ),
    "impossible as a text": (
        QuestionAnswering,
        "AutoModelForQuestionAnswering",
        [{**ASKED, "answers": ["Paris"], "is_impossible": "true"}],
    ),
}
REFUSED: dict[str, tuple[type[TrainingTask], str, dict[str, Any]]] = {
    "no text": (TextClassification, "AutoModelForSequenceClassification", {"text": " ", "label": 1}),
    "no label": (TextClassification, "AutoModelForSequenceClassification", {"text": "owl", "label": None}),
    "more tags": (TokenClassification, "AutoModelForTokenClassification", {"tokens": "owl", "tags": "O O"}),
    "no words": (TokenClassification, "AutoModelForTokenClassification", {"tokens": [], "tags": []}),
    "a number": (QuestionAnswering, "AutoModelForQuestionAnswering", {**ASKED, "answers": 7}),
    "numbers": (QuestionAnswering, "AutoModelForQuestionAnswering", {**ASKED, "answers": [7]}),
}


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bert(tmp_path_factory.mktemp("bert"))


def opened(task: TrainingTask, head: str, bert: Path) -> Any:
    names = {"id2label": {0: "O", 1: "B-x"}} if head == "AutoModelForTokenClassification" else {}
    model = getattr(hubformer, head).from_config(hubformer.AutoConfig.from_pretrained(bert, **names))
    tokenizer = hubformer.AutoTokenizer.from_pretrained(bert)
    return hubformer.pipeline(str(task.evaluation_task), model=model, tokenizer=tokenizer)


@pytest.mark.parametrize("name", READ)
def test_what_can_be_learnt_from_can_be_measured_on(name: str, bert: Path, tmp_path: Path) -> None:
    kind, head, rows = READ[name]
    task = kind({"labels": ["O", "B-x"]} if name == "numbers of tags" else {})
    columns = {"columns": {}, "format": None, "names": None}
    data: Any = rows
    records = [task.parse(r, "a record") for r in task.read(data, **columns)]  # type: ignore[arg-type]
    assert len(records) == len(rows)
    assert task.evaluation_task is not None
    found = evaluate(task.evaluation_task, opened(task, head, bert), rows, resamples=0)
    assert found.examples == len(rows)
    if kind is QuestionAnswering:
        answerless = sum(record["span"] is None for record in records)
        assert found.details["squad_version"] == 1 + bool(answerless)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_refused_alike(name: str, bert: Path) -> None:
    kind, head, row = REFUSED[name]
    task = kind({})
    assert task.evaluation_task is not None
    pipe = opened(task, head, bert)
    with pytest.raises(InputError) as learnt:
        task.parse(row, "record 0 of the list")
    with pytest.raises(InputError) as measured:
        evaluate(task.evaluation_task, pipe, [row], resamples=0)
    assert str(learnt.value) == str(measured.value)


def test_data_that_cannot_be_measured_on_is_refused_before_the_training(bert: Path, tmp_path: Path) -> None:
    """data.valid_limit keeps the last record out of the Trainer's evaluation, not out of the last one."""
    train = write_csv(tmp_path / "train.csv", labelled(20))
    for bad, said in (
        ({"review": "", "stars": "beasts"}, "record 10"),
        ({"review": "owl", "stars": "x"}, "'x'"),
    ):
        valid = write_csv(tmp_path / "valid.csv", [*labelled(10, seed=1), bad])
        recipe = tiny(
            "text-classification",
            bert,
            train,
            data__columns={"text": "review", "label": "stars"},
            data__valid=str(valid),
            data__holdout=0,
            data__valid_limit=10,
        )
        with pytest.raises(InputError, match=said):
            run(recipe, output=tmp_path / "out")
        assert not list((tmp_path / "out").glob("*"))
