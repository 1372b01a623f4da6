"""A recipe: everything that a run depends on, as one JSON file and what the caller changed of it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from hubformer.errors import ConfigError, InputError, UnknownArgument, UnknownName, suggestion
from hubformer.recipes.renamed import with_new_names
from hubformer.recipes.typed import typed
from hubformer.training import TrainingArguments

DTYPES = ("float32", "bfloat16", "float16")
Paths = str | tuple[str, ...] | list[str]


@dataclass(frozen=True)
class Data:
    """Where the records are. train and valid: a path or several, read as `hubformer.data.read` does. holdout:
    where valid is null, so many records of train (or such a share of them, below 1) that are kept out by
    chance. columns: what the objective needs, to what the files call it. names: of the columns, for files
    without a header. limit: only the first records, for a trial."""

    train: Paths | None = None
    valid: Paths | None = None
    holdout: float = 0
    format: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] | list[str] | None = None
    limit: int | None = None
    valid_limit: int | None = None

    def __post_init__(self) -> None:
        for name in ("limit", "valid_limit"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ConfigError(f"data.{name} is {value}, expected at least 1, or null for all records.")
        if self.holdout < 0 or (self.holdout >= 1 and self.holdout != int(self.holdout)):
            raise ConfigError(
                f"data.holdout is {self.holdout}, expected a number of records, or a share of them below 1."
            )

    @property
    def measured(self) -> bool:
        """Whether some records are held out, to measure on."""
        return bool(self.valid or self.holdout)


@dataclass(frozen=True)
class NewTokenizer:
    """A tokenizer that is trained on the run's own texts. kind: wordpiece, byte-bpe or unigram. lowercase
    None: WordPiece's texts are, the others' are not."""

    kind: str
    vocab_size: int = 8000
    lowercase: bool | None = None


@dataclass(frozen=True)
class Lora:
    """Train low-rank additions to some matrices and the new head, nothing else. target_modules: by the Hub's
    names; None is the family's usual choice."""

    rank: int = 8
    alpha: float = 16
    dropout: float = 0.0
    target_modules: tuple[str, ...] | list[str] | str | None = None


@dataclass(frozen=True)
class Save:
    """How the weights are stored when the training is over: float32, bfloat16 or float16."""

    dtype: str = "float32"

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise ConfigError(
                f"save.dtype is {self.dtype!r}.{suggestion(self.dtype, DTYPES)} Expected one of "
                f"{', '.join(DTYPES)}."
            )


@dataclass(frozen=True)
class Measure:
    """What `hubformer evaluate` measures when the training is over. data null: the records held out."""

    data: str | None = None
    limit: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """objective: a name of OBJECTIVES. model: a name on the Hub, a folder or, from_scratch, a preset whose
    weights are drawn anew. revision: of a model on the Hub, a branch, tag or commit; null is its main branch,
    and what a run writes down is the commit. tokenizer: None is the model's. config: changes of the model's
    configuration. options: of the objective. training: TrainingArguments."""

    name: str
    objective: str
    model: str
    description: str = ""
    revision: str | None = None
    from_scratch: bool = False
    tokenizer: str | NewTokenizer | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    data: Data = field(default_factory=Data)
    options: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    lora: Lora | None = None
    save: Save = field(default_factory=Save)
    evaluation: Measure | None = None

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False) + "\n"


_PARTS: dict[str, type[Any]] = {
    "data": Data,
    "lora": Lora,
    "save": Save,
    "evaluation": Measure,
    "tokenizer": NewTokenizer,
}


def names() -> tuple[str, ...]:
    """The recipes that ship with the package, sorted."""
    folder = files("hubformer") / "configs" / "recipes"
    return tuple(sorted(p.name.removesuffix(".json") for p in folder.iterdir() if p.name.endswith(".json")))


def load_recipe(place: str | Path, changes: Iterable[str] = ()) -> Recipe:
    """A recipe by its name or its file, with `key=value` changes on top: `training.learning_rate=1e-5`.

    Values are JSON where they can be read so, else text. The recipe.json of a run is a file of a recipe too.

    Raises:
        UnknownName: no such recipe. ConfigError: a file that is no recipe, a value of a wrong type.
        UnknownArgument: a key that recipes do not have; the nearest one is suggested. InputError: a change
            that is not key=value.
    """
    path = Path(place).expanduser()
    if path.suffix == ".json":
        text = _text(path)
    else:
        if str(place) not in names():
            raise UnknownName(
                f"There is no recipe {str(place)!r}.{suggestion(str(place), names())} There are: "
                f"{', '.join(names())}; or pass the path of a .json file."
            )
        text = (files("hubformer") / "configs" / "recipes" / f"{place}.json").read_text("utf-8")
    try:
        values = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"The recipe {place} is not JSON: {error}.") from None
    if not isinstance(values, dict):
        raise ConfigError(f"The recipe {place} holds {type(values).__name__}, expected an object.")
    if isinstance(values.get("recipe"), dict):  # what a run has written
        values = with_new_names(values["recipe"])
    for change in changes:
        _apply(values, change)
    return _understood({"name": path.stem, **values}, where=str(place))


def _text(path: Path) -> str:
    if not path.is_file():
        beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UnknownName(
            f"There is no file {path}.{suggestion(path.name, beside)} Recipes that ship: "
            f"{', '.join(names())}."
        )
    try:
        return path.read_text("utf-8")
    except ValueError:
        raise ConfigError(f"The recipe {path} is not UTF-8.") from None


def _apply(values: dict[str, Any], change: str) -> None:
    key, equals, said = change.partition("=")
    if not equals or not key:
        raise InputError(f"{change!r} is not of the form key=value, such as training.learning_rate=1e-5.")
    try:
        value = json.loads(said)
    except ValueError:
        value = said
    *path, last = key.split(".")
    place = values
    for part in path:
        inner = place.get(part)
        place[part] = place = dict(inner) if isinstance(inner, Mapping) else {}
    place[last] = value


def _understood(values: Mapping[str, Any], *, where: str) -> Recipe:
    _refuse_unknown(values, where=where)
    for name in ("objective", "model"):
        if values.get(name) is None:
            raise ConfigError(f"The recipe {where} does not say its {name}. Add {name}=NAME.")
    found = dict(values)
    for name, kind in _PARTS.items():
        if isinstance(found.get(name), Mapping):
            found[name] = typed(kind, found[name], where=f"{name} of the recipe {where}")
    return typed(Recipe, found, where=f"the recipe {where}")


def _refuse_unknown(values: Mapping[str, Any], *, where: str) -> None:
    """Raise UnknownArgument for a key that recipes do not have; one of an inner object may be meant."""
    outer = [one.name for one in dataclasses.fields(Recipe)]
    inner = [f"{name}.{one.name}" for name, kind in _PARTS.items() for one in dataclasses.fields(kind)]
    inner += [f"training.{one.name}" for one in dataclasses.fields(TrainingArguments)]
    for name in values:
        if name in outer:
            continue
        meant = next((key for key in inner if key.partition(".")[2] == name), None)
        near = f" Did you mean {meant!r}?" if meant else suggestion(name, outer)
        raise UnknownArgument(f"The recipe {where} has no key {name!r}.{near} It has: {', '.join(outer)}.")
