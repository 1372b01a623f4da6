"""Published configurations that ship with the package, by name: `AutoModel.from_config("bert-mini")`."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def names() -> tuple[str, ...]:
    """The presets, sorted."""
    folder = files("hubformer") / "configs"
    return tuple(sorted(p.name.removesuffix(".json") for p in folder.iterdir() if p.name.endswith(".json")))


def preset(name: str) -> dict[str, Any] | None:
    """The values of a preset's config.json, or None where there is no preset of that name."""
    if name not in names():
        return None
    values: dict[str, Any] = json.loads((files("hubformer") / "configs" / f"{name}.json").read_text("utf-8"))
    return values
