"""The files of recipes: those that ship, what can be changed of them, and every mistake."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from hubformer.errors import ConfigError, HubformerError, InputError, UnknownArgument, UnknownName
from hubformer.recipes import OBJECTIVES, load_recipe, names
from hubformer.recipes.recipe import Data, Lora, NewTokenizer, Recipe
from hubformer.recipes.records import held_out
from hubformer.recipes.run import resolve


@pytest.mark.parametrize("name", names())
def test_every_recipe_that_ships_can_be_run(name: str) -> None:
    """Its keys, the objective's options and the Trainer's arguments are accepted."""
    recipe = load_recipe(name, ["data.train=train.csv", "data.valid=valid.csv"])
    task, arguments = resolve(recipe)
    assert recipe.name == name
    assert recipe.description.endswith(".")
    assert arguments.output_dir == f"runs/{name}"
    assert arguments.save_total_limit == 2
    assert task.options.max_length
    assert arguments.seed == 1


_PRETRAINING = (
    *("masked-language-modeling", "bert-pretraining", "albert-pretraining"),
    *("permutation-language-modeling", "replaced-token-detection", "span-corruption"),
)
OBJECTIVES_OF_ONES_OWN = sorted(set(OBJECTIVES) - set(_PRETRAINING))


@pytest.mark.parametrize("name", OBJECTIVES_OF_ONES_OWN)
def test_fine_tuning_has_a_recipe_for_ones_own_data(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.objective == name
    assert recipe.data == Data(holdout=0.1)


def test_changes() -> None:
    changes = [
        "training.learning_rate=5e-5",
        "training.bf16=false",
        "data.train=a.csv",
        'data.valid=["b.csv", "c.csv"]',
        "data.columns.text=review",
        "data.columns.label=stars",
        "lora.rank=4",
        "save.dtype=float16",
        "model=org/name=1",
        "config={}",
        "tokenizer.kind=wordpiece",
    ]
    recipe = load_recipe("sst2", changes)
    assert recipe.training["learning_rate"] == 5e-5
    assert recipe.training["bf16"] is False
    assert recipe.training["num_train_epochs"] == 3  # as it was
    assert recipe.data.train == "a.csv"
    assert recipe.data.valid == ["b.csv", "c.csv"]
    assert recipe.data.columns == {"text": "review", "label": "stars"}
    assert recipe.data.format == "sst2"
    assert recipe.lora == Lora(rank=4)
    assert recipe.save.dtype == "float16"
    assert recipe.model == "org/name=1"
    assert recipe.config == {}
    assert recipe.tokenizer == NewTokenizer("wordpiece")
    assert load_recipe("sst2").lora is None  # nothing is left of it


def test_a_file_and_what_is_shown(tmp_path: Path) -> None:
    recipe = load_recipe("stsb", ["data.train=a.tsv"])
    path = tmp_path / "mine.json"
    path.write_text(recipe.to_json(), encoding="utf-8")
    assert load_recipe(path) == recipe
    path.write_text(json.dumps({"recipe": json.loads(recipe.to_json()), "files": {}}), encoding="utf-8")
    assert load_recipe(str(path)) == recipe
    path.write_text('{"objective": "regression", "model": "org/name"}', encoding="utf-8")
    assert load_recipe(path).name == "mine"


MISTAKES: list[tuple[type[HubformerError], str, list[str]]] = [
    (UnknownArgument, "no key 'trainig'.* Did you mean 'training'", ["trainig.seed=1"]),
    (UnknownArgument, "Did you mean 'training.learning_rate'", ["learning_rate=1e-5"]),
    (UnknownArgument, "Did you mean 'data.limit'", ["limit=10"]),
    (UnknownArgument, "'trian'.* Did you mean 'train'", ["data.trian=a.csv"]),
    (UnknownArgument, "'rang'.* Did you mean 'rank'", ["lora.rang=8"]),
    (InputError, "not of the form key=value", ["data.limit"]),
    (
        ConfigError,
        "limit of data of the recipe sst2 is 'ten', expected a whole number or null",
        ["data.limit=ten"],
    ),
    (ConfigError, "data.limit is 0", ["data.limit=0"]),
    (ConfigError, "a share of them below 1", ["data.holdout=1.5"]),
    (ConfigError, "a share of them below 1", ["data.holdout=-1"]),
    (ConfigError, "is 3, expected a text", ["model=3"]),
    (ConfigError, "does not say its model", ["model=null"]),
    (ConfigError, "training of the recipe sst2 is 'fast', expected an object", ["training=fast"]),
    (ConfigError, "lora of the recipe sst2 is 8, expected an object or null", ["lora=8"]),
    (ConfigError, "'float61'. Did you mean 'float16'", ["save.dtype=float61"]),
    (ConfigError, "kind", ["tokenizer.vocab_size=8"]),
]


@pytest.mark.parametrize(("kind", "match", "changes"), MISTAKES)
def test_mistakes_in_changes(kind: type[HubformerError], match: str, changes: list[str]) -> None:
    with pytest.raises(kind, match=match):
        load_recipe("sst2", changes)


LATER: list[tuple[type[HubformerError], str, list[str]]] = [
    (UnknownName, "Did you mean 'text-classification'", ["objective=text-clasification"]),
    (UnknownArgument, "'max_lenght'.* Did you mean 'max_length'", ["options.max_lenght=1"]),
    (UnknownArgument, "'learning_rat'.* Did you mean 'learning_rate'", ["training.learning_rat=1"]),
    (InputError, "learning_rate='high'", ["training.learning_rate=high"]),
    (ConfigError, "max_length of options .* is 'long', expected a whole number", ["options.max_length=long"]),
    (ConfigError, "options.max_length is 1", ["options.max_length=1"]),
    (ConfigError, "labels of options .* expected a list, each a text or null", ["options.labels=a"]),
]


@pytest.mark.parametrize(("kind", "match", "changes"), LATER)
def test_mistakes_before_anything_is_read(kind: type[HubformerError], match: str, changes: list[str]) -> None:
    with pytest.raises(kind, match=match):
        resolve(load_recipe("sst2", changes))


def test_mistakes_of_other_objectives() -> None:
    with pytest.raises(ConfigError, match=r"options.stride is 384"):
        resolve(load_recipe("squad", ["options.stride=384"]))
    with pytest.raises(InputError, match=r"'IOB3'. Did you mean"):
        resolve(load_recipe("wnut17", ["options.scheme=IOB3"]))
    with pytest.raises(ConfigError, match="names a label twice"):
        resolve(load_recipe("wnut17", ['options.labels=["O", "O"]']))


def test_mistakes_in_files(tmp_path: Path) -> None:
    def refused(kind: type[HubformerError], match: str, content: bytes) -> None:
        path = tmp_path / "mine.json"
        path.write_bytes(content)
        with pytest.raises(kind, match=match):
            load_recipe(path)

    refused(ConfigError, "not JSON", b"{")
    refused(ConfigError, "holds list", b"[]")
    refused(ConfigError, "not UTF-8", b'{"model": "\xff"}')
    refused(ConfigError, "does not say its objective", b'{"model": "a"}')
    with pytest.raises(UnknownName, match=r"no file .*mine.jsn|Did you mean"):
        load_recipe(tmp_path / "min.json")
    with pytest.raises(UnknownName, match="Did you mean 'sst2'"):
        load_recipe("sst-2")


@pytest.mark.parametrize(("asked", "count"), [(0, 0), (3, 3), (0.1, 5), (0.001, 1), (0.5, 25)])
def test_held_out(asked: float, count: int) -> None:
    found = held_out(50, asked)
    assert len(found) == count
    assert found == held_out(50, asked)
    assert found <= set(range(50))


def test_too_many_held_out() -> None:
    with pytest.raises(InputError, match=r"data.holdout is 50, but there are 50 records"):
        held_out(50, 50)


def test_measuring_needs_something_to_measure_on() -> None:
    """What asks for held-out data is left out with it, so that a training on all records needs no changes."""
    arguments: Any = resolve(load_recipe("wnut17", ["data.train=a.conll"]))[1]
    assert arguments.eval_strategy == "no"
    assert arguments.save_strategy == "epoch"


def test_the_commands_of_the_page_are_understood() -> None:
    """Each names a recipe that ships and keys that recipes have; the file that it shows is a recipe."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "training.md").read_text("utf-8")
    commands = re.findall(r"^hubformer train (.*)$", page, re.MULTILINE)
    assert len(commands) >= 5
    for command in commands:
        words = [word for word in shlex.split(command) if not word.startswith("--")]
        if words and not words[0].endswith(".json"):
            resolve(load_recipe(words[0], words[1:]))
    (shown,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    known = {one.name for one in dataclasses.fields(Recipe)}
    assert set(json.loads(shown)) <= known
    for name in (*known - {"name", "description", "from_scratch", "tokenizer"}, *OBJECTIVES_OF_ONES_OWN):
        assert f"`{name}`" in page, name


def test_the_recipe_of_the_page(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "training.md").read_text("utf-8")
    path = tmp_path / "reviews.json"
    path.write_text(re.findall(r"```json\n(.*?)```", page, re.DOTALL)[0], encoding="utf-8")
    recipe = load_recipe(path)
    resolve(recipe)
    assert recipe.lora == Lora(rank=8, alpha=16)


OLD_NAMES = {
    "hidden": ("bert-mini-mlm", 0.2, "mlm_probability"),
    "whole_words": ("bert-mini-mlm", True, "whole_word_mask"),
    "short": ("bert-mini-pretraining", 0.2, "short_seq_prob"),
    "passes": ("bert-mini-pretraining", 2, "dupe_factor"),
    "lost": ("t5-mini-pretraining", 0.2, "noise_density"),
    "span": ("t5-mini-pretraining", 2.0, "mean_noise_span_length"),
    "predicted": ("xlnet-mini-pretraining", 0.2, "plm_probability"),
    "longest_span": ("xlnet-mini-pretraining", 4, "max_span_length"),
}


@pytest.mark.parametrize("old", OLD_NAMES)
def test_old_options_are_refused_with_the_new_name(old: str, tmp_path: Path) -> None:
    recipe, value, new = OLD_NAMES[old]
    with pytest.raises(UnknownArgument, match=rf"options\.{old} is called options\.{new} now"):
        resolve(load_recipe(recipe, [f"options.{old}={json.dumps(value)}"]))
    # A finished run of 0.1.0 can be read and repeated.
    run = json.loads(load_recipe(recipe).to_json())
    run["options"] = {old: value}
    (tmp_path / "recipe.json").write_text(json.dumps({"recipe": run, "versions": {"hubformer": "0.1.0"}}))
    task, _ = resolve(load_recipe(tmp_path / "recipe.json"))
    assert getattr(task.options, new) == value


@pytest.mark.parametrize(("old", "new"), [("mlm-nsp", "bert-pretraining"), ("mlm-sop", "albert-pretraining")])
def test_old_objectives_are_refused_with_the_new_name(old: str, new: str, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=rf"'{old}' is called '{new}' now"):
        resolve(load_recipe("bert-mini-pretraining", [f"objective={old}"]))
    run = json.loads(load_recipe("bert-mini-pretraining").to_json()) | {"objective": old}
    (tmp_path / "recipe.json").write_text(json.dumps({"recipe": run}))
    assert load_recipe(tmp_path / "recipe.json").objective == new


def test_an_objective_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_objectives.py").write_text(
        "from hubformer.recipes.text_classification import TextClassification\n"
        "class Mine(TextClassification):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    task, _ = resolve(load_recipe("sst2", ["objective=my_objectives:Mine", "options.max_length=9"]))
    assert (type(task).__name__, task.options.max_length) == ("Mine", 9)
    for place, said in (
        ("my_objectives:Yours", "no attribute 'Yours'"),
        ("absent:X", "No module named"),
        ("json:loads", "expected a subclass"),
        (":", "cannot be imported"),
    ):
        with pytest.raises(UnknownName, match=said):
            resolve(load_recipe("sst2", [f"objective={place}"]))
