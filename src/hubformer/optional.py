"""Packages that only some uses need: imported when they are needed, with an error that names the extra."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from hubformer.errors import MissingPackage


def optional(module: str, *, extra: str, purpose: str) -> Any:
    """The module, imported now.

    Raises:
        MissingPackage: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise MissingPackage(
            f"{purpose} needs the package {package!r}, which cannot be imported here ({error}). Install it "
            f"by pip install 'hubformer[{extra}]'."
        ) from None
