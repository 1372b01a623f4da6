"""A recipe: everything that a run depends on, as one JSON file and what the caller changed of it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from hubformer.errors import ConfigError, InputError, UnknownName, refuse_unknown, suggestion


@dataclass(frozen=True)
class Data:
    """Where the records are. train and valid: paths, read as `hubformer.data.read` does. holdout: in place of
    valid, so many records of train that are kept out by chance. columns: what the objective needs, to what
    the files call it. limit: only the first records, for a trial."""

    train: str | None = None
    valid: str | None = None
    holdout: int = 0
    format: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] | list[str] | None = None
    limit: int | None = None
    valid_limit: int | None = None


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
class Measure:
    """What `hubformer evaluate` measures when the training is over. data None: the recipe's valid."""

    data: str | None = None
    limit: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """objective: a name of OBJECTIVES. model: a name on the Hub, a folder or, from_scratch, a preset whose
    weights are drawn anew. tokenizer: None is the model's. config: changes of the model's configuration.
    options: of the objective. training: TrainingArguments."""

    name: str
    objective: str
    model: str
    description: str = ""
    from_scratch: bool = False
    tokenizer: str | NewTokenizer | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    data: Data = field(default_factory=Data)
    options: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    lora: Lora | None = None
    evaluation: Measure | None = None

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False) + "\n"


_PARTS: dict[str, type[Any]] = {"data": Data, "lora": Lora, "evaluation": Measure, "tokenizer": NewTokenizer}
_FREE = ("config", "options", "training")  # checked by those who take them


def names() -> tuple[str, ...]:
    """The recipes that ship with the package, sorted."""
    folder = files("hubformer") / "configs" / "recipes"
    return tuple(sorted(p.name.removesuffix(".json") for p in folder.iterdir() if p.name.endswith(".json")))


def load_recipe(place: str | Path, changes: Iterable[str] = ()) -> Recipe:
    """A recipe by its name or its file, with `key=value` changes on top: `training.learning_rate=1e-5`.

    Values are JSON where they can be read so, else text.

    Raises:
        UnknownName: no such recipe. ConfigError: a file that is no recipe. UnknownArgument: a key that
            recipes do not have; the nearest one is suggested. InputError: a change that is not key=value.
    """
    path = Path(place)
    if path.suffix == ".json":
        if not path.is_file():
            raise UnknownName(f"There is no file {path}. Recipes that ship: {', '.join(names())}.")
        text = path.read_text("utf-8")
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
    for change in changes:
        _apply(values, change)
    return _understood({"name": path.stem, **values}, where=str(place))


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
    known = {one.name for one in dataclasses.fields(Recipe)}
    refuse_unknown(values, known, call=f"the recipe {where}")
    for name in ("objective", "model"):
        if not isinstance(values.get(name), str):
            raise ConfigError(f"The recipe {where} does not say its {name}.")
    found = dict(values)
    for name, kind in _PARTS.items():
        if isinstance(found.get(name), Mapping):
            fields = {one.name for one in dataclasses.fields(kind)}
            refuse_unknown(found[name], fields, call=f"{name} of the recipe {where}")
            try:
                found[name] = kind(**found[name])
            except TypeError as error:
                raise ConfigError(f"{name} of the recipe {where}: {error}.") from None
        elif found.get(name) is not None and not (name == "tokenizer" and isinstance(found[name], str)):
            raise ConfigError(f"{name} of the recipe {where} is {found[name]!r}, expected an object.")
    for name in _FREE:
        if not isinstance(found.get(name, {}), Mapping):
            raise ConfigError(f"{name} of the recipe {where} is {found[name]!r}, expected an object.")
    return Recipe(**found)
