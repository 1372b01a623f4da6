"""Modules of hubformer under transformers' paths: `from hubformer.trainer_utils import get_last_checkpoint`.

The finder stands before Python's own. A path of the table that is no file of hubformer becomes a module whose
names are looked up when they are asked for; one that is (`hubformer.data`) keeps its own names, and answers
for the table's beside them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from threading import local
from types import ModuleType
from typing import Any

PACKAGE = "hubformer"
_TABLES = (f"{PACKAGE}.compat", f"{PACKAGE}.names")  # what the finder itself is made of
_asked = local()  # .name: what the package was last asked for and did not have


class CompatModule(ModuleType):
    """A module that stands in no file: its names are found in the table, each when it is first asked for."""

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":  # only `from ... import *` asks for it
            from hubformer.compat.lookup import names_at

            return list(names_at(_path(self.__name__)))
        found = attribute(self.__name__, name)
        setattr(self, name, found)
        return found

    def __dir__(self) -> list[str]:
        from hubformer.compat.lookup import names_at

        return sorted({*super().__dir__(), *names_at(_path(self.__name__))})


class _CompatLoader:  # no subclass of importlib.abc.Loader, which takes 15 ms to import
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return CompatModule(spec.name, f"transformers' {_path(spec.name)}, with hubformer's objects.")

    def exec_module(self, module: ModuleType) -> None:
        pass  # its names come when they are asked for


class _SameLoader:
    """For a path that is another module as it stands: both names give the one object."""

    def __init__(self, module: str) -> None:
        self._module = module

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        sys.modules[module.__name__] = import_module(self._module)  # which import_module then returns


class CompatFinder:
    """Finds `hubformer.<path of transformers>`; leaves everything else to the finders after it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(f"{PACKAGE}.") or fullname.startswith(_TABLES):
            return None
        from hubformer.compat.table import SAME, is_path

        same = SAME.get(_path(fullname))
        if same is not None:
            return ModuleSpec(fullname, _SameLoader(f"{PACKAGE}.{same}"))  # type: ignore[arg-type]
        spec = PathFinder.find_spec(fullname, path, target)
        if not is_path(_path(fullname)):
            return spec or self._refused(fullname)
        if spec is None:
            return ModuleSpec(fullname, _CompatLoader(), is_package=True)  # type: ignore[arg-type]
        _widen(spec)
        return spec

    @staticmethod
    def _refused(fullname: str) -> None:
        """`from hubformer import X` comes here after the package had no X: the moment to say what to do."""
        asked, _asked.name = getattr(_asked, "name", None), None
        if asked is not None and fullname == f"{asked[0]}.{asked[1]}":
            raise ImportError(_sentence(*asked), name=PACKAGE)


def install() -> None:
    """Put the finder before Python's own, once."""
    if not any(isinstance(finder, CompatFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, CompatFinder())


def attribute(module: str, name: str) -> Any:
    """A name of transformers' at a module of hubformer: `("hubformer.utils", "logging")`.

    Raises:
        AttributeError: transformers 4.57 has no such name there either; the nearest is named.
    """
    path = _path(module)
    if name.startswith("__"):
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    from hubformer.compat.lookup import find
    from hubformer.compat.table import is_path

    inner = f"{path}.{name}" if path else name
    if is_path(inner) and inner != "pipelines.pipeline":
        return import_module(f"{PACKAGE}.{inner}")
    try:
        return find(path, name)
    except AttributeError:
        _asked.name = (module, name)
        raise _NoSuchName(module, name) from None


class _NoSuchName(AttributeError):
    """Its message is made when it is read: `hasattr` and the import of submodules come by here often."""

    def __str__(self) -> str:
        return _sentence(*self.args)


def _sentence(module: str, name: str) -> str:
    from hubformer.compat.lookup import sentence

    return sentence(_path(module), name)


def _widen(spec: ModuleSpec) -> None:
    """After a module of hubformer has run, let it answer for transformers' names that it lacks."""
    loader = spec.loader
    if loader is None:
        return
    run = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        run(module)
        module.__dict__.setdefault("__getattr__", lambda name: attribute(spec.name, name))

    loader.exec_module = exec_module  # type: ignore[method-assign]


def _path(module: str) -> str:
    return module.partition(".")[2]
