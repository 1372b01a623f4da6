"""HfArgumentParser: options from the fields of dataclasses, as v4 reads them."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Optional, Union

import pytest

from hubformer.errors import InputError
from hubformer.training import HfArg, HfArgumentParser, Seq2SeqTrainingArguments, TrainingArguments


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Model:
    name: str = field(metadata={"help": "Which model."})
    layers: int = 2
    rate: Optional[float] = None  # noqa: UP045 - as scripts write it
    names: list[str] = field(default_factory=lambda: ["a"])
    cached: bool = True
    frozen: bool = False
    traced: Optional[bool] = None  # noqa: UP045
    colour: Colour = Colour.RED
    size: Literal["small", 3] = "small"
    token: Union[bool, str, None] = None  # noqa: UP007


@dataclass
class Data:
    data_file: str = HfArg(default="x", aliases=["-d"], help="Where the rows are.")


def parsed(*words: str, kinds: Any = Model) -> Any:
    found = HfArgumentParser(kinds).parse_args_into_dataclasses(list(words), look_for_args_file=False)
    return found[0] if len(found) == 1 else found


def test_fields_are_options_of_their_types() -> None:
    assert parsed("--name", "x") == Model("x")
    found = parsed(
        *("--name", "x", "--layers", "3", "--rate", "0.5", "--names", "b", "c", "--no_cached", "--frozen"),
        *("--traced", "false", "--colour", "blue", "--size", "3", "--token", "hf_1"),
    )
    assert found == Model("x", 3, 0.5, ["b", "c"], False, True, False, "blue", 3, "hf_1")  # type: ignore[arg-type]
    assert parsed("--name", "x", "--token").token is True
    assert parsed("--name", "x", "--token", "false").token is False
    assert parsed("--name", "x", "--no-cached", "--frozen", "yes").frozen is True
    assert parsed("-d", "y", kinds=Data).data_file == "y"
    assert parsed("--data-file", "y", kinds=Data).data_file == "y"


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--name", "x", "--colour", "green"],
        ["--name", "x", "--size", "4"],
        ["--name", "x", "--frozen", "2"],
    ],
)
def test_what_no_field_takes_ends_the_program(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed(*words)
    assert "usage" in capsys.readouterr().err


def test_words_that_are_left() -> None:
    parser = HfArgumentParser((Model, Data))
    with pytest.raises(InputError, match="not used by the HfArgumentParser: \\['--more', '1'\\]"):
        parser.parse_args_into_dataclasses(["--name", "x", "--more", "1"])
    *made, left = parser.parse_args_into_dataclasses(["--name", "x", "--more"], return_remaining_strings=True)
    assert made == [Model("x"), Data()]
    assert left == ["--more"]
    parser.add_argument("--more")
    assert parser.parse_args_into_dataclasses(["--name", "x", "--more", "1"])[2].more == "1"


def test_files_of_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, other = tmp_path / "script.args", tmp_path / "other.args"
    file.write_text("--name file --layers 5")
    other.write_text("--layers 7")
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "script.py"), "--rate", "1"])
    parser = HfArgumentParser(Model)
    assert parser.parse_args_into_dataclasses() == (Model("file", 5, 1.0),)
    assert parser.parse_args_into_dataclasses(["--layers", "6"]) == (Model("file", 6),)
    named = parser.parse_args_into_dataclasses(["--name", "x"], args_filename=str(other))
    assert named == (Model("x", 7),)
    flagged = parser.parse_args_into_dataclasses(["--more", str(other)], args_file_flag="--more")
    assert flagged == (Model("file", 7),)


def test_mappings_and_files(tmp_path: Path) -> None:
    parser = HfArgumentParser((Model, Data))
    values = {"name": "x", "layers": 4, "data_file": "z"}
    expected = (Model("x", 4), Data("z"))
    assert parser.parse_dict(values) == expected
    with pytest.raises(InputError, match=r"\['extra'\]"):
        parser.parse_dict({**values, "extra": 1})
    assert parser.parse_dict({**values, "extra": 1}, allow_extra_keys=True) == expected
    (tmp_path / "a.json").write_text(json.dumps(values))
    assert parser.parse_json_file(tmp_path / "a.json") == expected
    (tmp_path / "a.yaml").write_text("name: x\nlayers: 4\ndata_file: z\n")
    assert parser.parse_yaml_file(str(tmp_path / "a.yaml")) == expected
    (tmp_path / "bad.json").write_text("[1]")
    with pytest.raises(InputError, match="holds a list"):
        parser.parse_json_file(tmp_path / "bad.json")


def test_two_types_are_refused() -> None:
    @dataclass
    class Wrong:
        x: int | float = 1

    with pytest.raises(InputError, match="one type"):
        HfArgumentParser(Wrong)


@pytest.mark.parametrize("kind", [TrainingArguments, Seq2SeqTrainingArguments])
def test_our_own_arguments(kind: type[TrainingArguments]) -> None:
    words = (
        *(
            "--name",
            "m",
            "--output_dir",
            "out",
            "--do_train",
            "--eval_strategy",
            "epoch",
            "--learning_rate",
            "1e-3",
        ),
        *(
            "--report_to",
            "none",
            "--use_cpu",
            "--no_remove_unused_columns",
            "--eval_steps",
            "0.1",
            "--save_steps",
            "5",
        ),
        *("--lr_scheduler_kwargs", '{"a": 1}', "--no-average-tokens-across-devices", "--max_steps", "-1"),
    )
    model, data, args = parsed(*words, kinds=(Model, Data, kind))
    assert (model.name, data.data_file, type(args)) == ("m", "x", kind)
    assert (args.output_dir, args.do_train, args.eval_strategy, args.learning_rate) == (
        "out",
        True,
        "epoch",
        1e-3,
    )
    assert (args.report_to, args.remove_unused_columns, args.eval_steps) == ([], False, 0.1)
    assert args.lr_scheduler_kwargs == {"a": 1}
    assert parsed("--output_dir", "out", kinds=kind).to_dict().keys() == kind("out").to_dict().keys()


def test_the_oracle_reads_the_same() -> None:
    transformers = pytest.importorskip("transformers")
    for words in (
        ["--name", "x"],
        ["--name", "x", "--no_cached", "--frozen", "--traced", "yes", "--colour", "blue", "--size", "3"],
        ["--name", "x", "--names", "q", "r", "--rate", "2", "--layers", "9"],
    ):
        kinds: Any = (Plain, Data)
        theirs = transformers.HfArgumentParser(kinds).parse_args_into_dataclasses(
            words, look_for_args_file=False
        )
        ours = HfArgumentParser(kinds).parse_args_into_dataclasses(words, look_for_args_file=False)
        assert ours == theirs


@dataclass
class Plain:
    name: str
    layers: int = 2
    rate: Optional[float] = None  # noqa: UP045
    names: list[str] = field(default_factory=lambda: ["a"])
    cached: bool = True
    frozen: bool = False
    traced: Optional[bool] = None  # noqa: UP045
    colour: Colour = Colour.RED
    size: Literal["small", 3] = "small"
