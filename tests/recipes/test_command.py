"""`hubformer train`: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hubformer.cli import main
from hubformer.recipes import names
from hubformer.training import Trainer
from recipes.animals import TRAINING, labelled, write_bert, write_csv


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bert(tmp_path_factory.mktemp("bert"))


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """(exit code, standard output, standard error)"""
    try:
        code = main(["train", *arguments])
    except SystemExit as error:
        code = int(error.code or 0)
    return (code, *capsys.readouterr())


def own(bert: Path, data: Path) -> list[str]:
    """A user's own table, with one command."""
    quick = {**TRAINING, "max_steps": 2, "save_strategy": "steps", "save_steps": 1, "eval_strategy": "no"}
    return [
        "text-classification",
        f"model={bert}",
        f"data.train={data}",
        "data.columns.text=review",
        "data.columns.label=stars",
        "options.max_length=48",
        *(f"training.{name}={json.dumps(value)}" for name, value in quick.items()),
    ]


def test_one_command_from_a_table_to_a_model(
    bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = write_csv(tmp_path / "reviews.csv", labelled(30))
    command = own(bert, data)
    code, out, error = said(capsys, *command)
    assert code == 0, error
    assert out.splitlines()[-1] == "runs/text-classification"
    assert "27 records, and 3 held out." in error
    assert "accuracy" in error
    written = {path.name for path in (tmp_path / out.splitlines()[-1]).iterdir()}
    assert {"model.safetensors", "tokenizer.json", "recipe.json", "result.json", "log.jsonl"} <= written
    code, _, error = said(capsys, *command)
    assert code == 1
    assert "holds a training already" in error
    assert said(capsys, *command, "--resume")[0] == 0
    code, out, error = said(capsys, "runs/text-classification/recipe.json", "--output", "again")
    assert code == 0, error
    assert (
        Path("again/model.safetensors").read_bytes()
        == Path("runs/text-classification/model.safetensors").read_bytes()
    )


def test_an_interrupted_training_says_how_to_go_on(
    bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "training_step", interrupted)
    data = write_csv(tmp_path / "reviews.csv", labelled(30))
    code, _, error = said(capsys, *own(bert, data), "--output", str(tmp_path / "out"))
    assert code == 130
    assert "--resume goes on" in error


def test_list(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, "--list")
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert [line[0] for line in lines[1:]] == list(names())
    assert ["wnut17", "token-classification", "Rare"] in [line[:3] for line in lines]


def test_show(
    bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = said(capsys, "sst2", "--show", "data.limit=5", "training.learning_rate=5e-5")
    assert code == 0
    shown = json.loads(out)
    assert shown["data"]["limit"] == 5
    assert shown["training"]["learning_rate"] == 5e-5
    assert shown["save"] == {"dtype": "float32"}
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "code", "match"),
    [
        ([], 2, "which recipe?"),
        (["data.train=a.csv"], 2, "a recipe comes first"),
        (["sst2", "resume"], 2, "Did you mean '--resume'"),
        (["sst2", "--sow"], 2, "Did you mean '--show'"),
        (["sst2", "--show", "--resume"], 2, "not allowed with"),
        (["squat"], 1, "There is no recipe 'squat'. Did you mean 'squad'"),
        (["none.json"], 1, "There is no file none.json"),
        (["sst2", "learning_rate=1"], 1, "Did you mean 'training.learning_rate'"),
        (["sst2", "training.learning_rat=1", "--show"], 1, "Did you mean 'learning_rate'"),
        (["sst2", "options.max_lenght=1", "--show"], 1, "Did you mean 'max_length'"),
        (["sst2"], 1, "Add data.train=PATH"),
        (["sst2", "data.train=none.tsv", "data.valid=none.tsv"], 1, "There is no file none.tsv"),
    ],
)
def test_mistakes(
    arguments: list[str], code: int, match: str, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    found, out, error = said(capsys, *arguments)
    assert found == code
    assert not out
    assert match in error
    assert "Traceback" not in error
    assert not list(tmp_path.iterdir())


def test_a_column_that_is_absent(bert: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_csv(tmp_path / "reviews.csv", labelled(30))
    command = [word.replace("=stars", "=star") for word in own(bert, data)]
    code, _, error = said(capsys, *command, "--output", str(tmp_path / "out"))
    assert code == 1
    assert "Did you mean 'stars'" in error
    assert not (tmp_path / "out").exists()
