"""A name of transformers at a path of transformers -> hubformer's object, or a stand-in that says why not."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

from hubformer.compat.absent_families import is_absent_family
from hubformer.compat.absent_names import ABSENT, EMPTY_MAPPINGS
from hubformer.compat.stand_ins import stand_in
from hubformer.compat.table import MODULES, inner_class, is_path
from hubformer.errors import suggestion
from hubformer.names import FAMILY_CLASSES, LOCATIONS, TOKENIZER_NAMES

_NO_FAMILY = "This family of models is not among those of hubformer; docs/models.md lists them."
_NO_FRAMEWORK = "hubformer runs on torch; use the class of the same name without 'TF' or 'Flax'."
_INNER = (
    "hubformer builds all models of one set of blocks; find the module by its name in "
    "`model.named_modules()` instead of by its class."
)
_ANYWHERE = ("", "utils", "generation", "trainer_utils", "trainer", "pipelines", "data", "activations")


def find(path: str, name: str) -> Any:
    """Raises AttributeError where transformers has no such name there either."""
    for place in (path, *_ANYWHERE):
        home = _homes(place).get(name)
        if home is not None:
            module, own = home
            return getattr(import_module(f"hubformer.{module}"), own) if own else _module(module)
    if name in LOCATIONS or name in FAMILY_CLASSES or name in TOKENIZER_NAMES:
        return getattr(import_module("hubformer"), name)
    if name.startswith("is_") and name.endswith("_available"):
        return import_module("hubformer.compat.availability").available(name)
    if name.startswith("is_torch_greater_or_equal_than_"):
        wanted = name.removeprefix("is_torch_greater_or_equal_than_").replace("_", ".")
        return import_module("hubformer.compat.availability").is_torch_greater_or_equal(wanted)
    if name.removesuffix("_NAMES") in EMPTY_MAPPINGS:
        return {}
    advice = why_absent(path, name)
    if advice is None:
        raise AttributeError(name)
    return stand_in(name, advice)


def why_absent(path: str, name: str) -> str | None:
    """What to do instead of a name that only transformers has; None: it has no such name either."""
    if name in ABSENT:
        return ABSENT[name]
    for framework in ("TF", "Flax", "TF_", "FLAX_"):
        rest = name.removeprefix(framework)
        if (
            rest != name
            and rest[:1].isupper()
            and (rest in _known() or is_absent_family(rest) or rest in ABSENT)
        ):
            return _NO_FRAMEWORK
    if is_absent_family(name):
        return _NO_FAMILY
    if path.startswith("models.") and inner_class(name):
        return _INNER
    return None


def sentence(path: str, name: str) -> str:
    """Why a name cannot be had."""
    where = f"hubformer.{path}" if path else "hubformer"
    return f"{where} has no {name!r}.{suggestion(name, {*_homes(path), *_known()})}"


def names_at(path: str) -> Iterator[str]:
    """What `from hubformer.<path> import *` takes."""
    if path.startswith("models."):
        folder = path.split(".")[1]
        yield from (name for name, kind in FAMILY_CLASSES.items() if _folder(kind) == folder)
    yield from (name for name, (module, own) in _homes(path).items() if _exists(module, own))


@cache
def _known() -> frozenset[str]:
    return frozenset(
        {*LOCATIONS, *FAMILY_CLASSES, *TOKENIZER_NAMES, *(n for m in _ANYWHERE for n in _homes(m))}
    )


@cache
def _homes(path: str) -> dict[str, tuple[str, str]]:
    """name -> (module of hubformer, its name there; empty: the module itself)."""
    found: dict[str, tuple[str, str]] = {}
    for module, names in MODULES.get(path, {}).items():
        for entry in names.split():
            name, renamed, own = entry.partition("=")
            found[name] = (module, own if renamed else name)
    return found


def _exists(module: str, own: str) -> bool:
    return not own or hasattr(import_module(f"hubformer.{module}"), own)


def _module(name: str) -> Any:
    return import_module(f"hubformer.{name}")


def _folder(model_type: str) -> str:
    from hubformer.compat.table import FOLDERS

    return FOLDERS.get(model_type, model_type.replace("-", "_"))


__all__ = ["find", "is_path", "names_at", "sentence", "why_absent"]
