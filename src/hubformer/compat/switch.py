"""`import transformers` that means hubformer, in a process that asked for it.

A finder before all others answers for `transformers` and what is below it: the package is a module of its own
that looks names up in hubformer, and each module below is hubformer's own object under both names. Child
processes get the same through a folder at the head of PYTHONPATH, whose `sitecustomize.py` asks for it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from importlib.metadata import Distribution, DistributionFinder
from pathlib import Path
from types import ModuleType
from typing import Any

import hubformer
from hubformer.compat import V4_VERSION
from hubformer.errors import HubformerError

_NAME = "transformers"
_CHILDREN = Path(__file__).parent / "children"  # holds sitecustomize.py and nothing else


def as_transformers() -> None:
    """Let `import transformers` mean hubformer from now on, in this process and those it starts.

    Submodules, `transformers.__version__` and importlib.metadata.version("transformers") answer as those of
    4.57.6. Call it before anything imports transformers; calling it again changes nothing.

    Raises:
        HubformerError: the transformers library was already imported here.
    """
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    loaded = sys.modules.get(_NAME)
    if loaded is not None:
        raise HubformerError(
            f"transformers {getattr(loaded, '__version__', '')} was already imported "
            f"({getattr(loaded, '__file__', 'no file')}). Call hubformer.as_transformers() before the first "
            "`import transformers`, or run the program as: python -m hubformer SCRIPT"
        )
    sys.meta_path.insert(0, _Finder())
    _tell_children()


class _Transformers(ModuleType):
    """The package: hubformer's names, transformers' version."""

    __version__ = V4_VERSION

    def __getattr__(self, name: str) -> Any:
        found = getattr(hubformer, name)
        return list(found) if name == "__all__" else found

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(hubformer)})


class _PackageLoader(Loader):
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Transformers(_NAME, hubformer.__doc__)

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = hubformer.__file__


class _SubmoduleLoader(Loader):
    """hubformer's module under transformers' name: one object, so that what is set on one is on both."""

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        sys.modules[module.__name__] = import_module(_ours(module.__name__))


class _Finder(DistributionFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == _NAME:
            spec = ModuleSpec(_NAME, _PackageLoader(), origin=hubformer.__file__, is_package=True)
            spec.submodule_search_locations = list(hubformer.__path__)
            return spec
        if not fullname.startswith(f"{_NAME}."):
            return None
        from importlib.util import find_spec

        found = find_spec(_ours(fullname))
        if found is None:
            return None
        package = found.submodule_search_locations is not None
        return ModuleSpec(fullname, _SubmoduleLoader(), origin=found.origin, is_package=package)

    def find_distributions(
        self,
        context: DistributionFinder.Context = DistributionFinder.Context(),  # noqa: B008
    ) -> Iterator[Distribution]:
        if context.name is None or context.name.lower() == _NAME:
            yield _Metadata()


class _Metadata(Distribution):
    """What importlib.metadata answers for `transformers`."""

    def read_text(self, filename: str) -> str | None:
        if filename != "METADATA":
            return None
        return f"Metadata-Version: 2.1\nName: {_NAME}\nVersion: {V4_VERSION}\n"

    def locate_file(self, path: str | os.PathLike[str]) -> Path:
        return Path(hubformer.__path__[0]).parent / path


def _ours(module: str) -> str:
    return f"hubformer.{module.partition('.')[2]}"


def _tell_children() -> None:
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(_CHILDREN), *([before] if before else [])])
