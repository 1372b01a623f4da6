"""Checks of versions under v4's names. hubformer answers as transformers 4.57.6."""

from __future__ import annotations

import importlib.metadata
import operator
import re
import sys
from collections.abc import Callable
from typing import Any

from hubformer.compat import V4_VERSION
from hubformer.errors import MissingPackage

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_REQUIREMENT = re.compile(r"^([\w.\[\]-]+)\s*((?:[<>=!]=?\s*[\w.+*-]+\s*,?\s*)*)$")


ACCELERATE_MIN_VERSION, GGUF_MIN_VERSION, TRITON_MIN_VERSION = "0.26.0", "0.10.0", "1.0.0"


def require_version(requirement: str, hint: str | None = None) -> None:
    """Raise unless the installed version satisfies `"datasets>=2.0,<5"`. hint: added to the message.

    Raises:
        PackageNotFoundError: not installed. ImportError: another version. ValueError: not a requirement.
    """
    match = _REQUIREMENT.match(requirement.strip())
    if match is None:
        raise ValueError(f"{requirement!r} is no requirement; expected one such as 'datasets>=2.0,<5'.")
    name, conditions = match.group(1).partition("[")[0], match.group(2)
    hinted = f"\n{hint}" if hint else ""
    if name == "python":
        found = ".".join(str(part) for part in sys.version_info[:3])
    else:
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            raise importlib.metadata.PackageNotFoundError(
                f"{requirement} is needed and {name} is not installed.{hinted}"
            ) from None
    for sign, wanted in re.findall(r"([<>=!]=?)\s*([\w.+*-]+)", conditions):
        if sign not in _COMPARE:
            raise ValueError(
                f"{requirement!r} compares with {sign!r}; expected one of {', '.join(_COMPARE)}."
            )
        if not _COMPARE[sign](parts(found), parts(wanted)):
            raise MissingPackage(f"{requirement} is needed, but {name} is {found}.{hinted}")


def require_version_core(requirement: str) -> None:
    require_version(requirement, f"Install it: pip install '{requirement}'")


def check_min_version(min_version: str) -> None:
    """Raise where code asks for a newer transformers than the one whose names these are."""
    base = min_version.partition(".dev")[0]
    if parts(base) > parts(V4_VERSION) and not at_least(V4_VERSION, base):
        raise MissingPackage(
            f"This code needs transformers {min_version}; hubformer answers as transformers {V4_VERSION}. "
            "Use the code of that release."
        )


def at_least(found: str, wanted: str) -> bool:
    return parts(found) >= parts(wanted)


def parts(version: str) -> tuple[int, ...]:
    """The numbers of a version, to compare: 4.57.0.dev0 -> (4, 57, 0). Local parts do not count."""
    numbers = []
    for piece in version.partition("+")[0].split("."):
        match = re.match(r"\d+", piece)
        if match is None:
            break
        numbers.append(int(match.group()))
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def get_torch_version() -> str:
    return importlib.metadata.version("torch")


def __getattr__(name: str) -> str:
    if name in ("torch_version", "_torch_version"):
        return get_torch_version()
    raise AttributeError(name)
