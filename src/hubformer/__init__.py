"""hubformer: Hub checkpoints on one Transformer core.

Everything public is importable from here, and loaded when it is first asked for: `import hubformer` is quick
and brings no torch along. The classes of the families (`BertModel`, ...) are made from the table of families.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from hubformer.compat.finder import attribute, install
from hubformer.importing import without_collection
from hubformer.names import FAMILY_CLASSES, LOCATIONS, TOKENIZER_NAMES

__version__ = "0.1.0"
__all__ = sorted({*LOCATIONS, *FAMILY_CLASSES, *TOKENIZER_NAMES})

install()


def __getattr__(name: str) -> Any:
    with without_collection():
        found = _load(name)
    globals()[name] = found
    return found


def _load(name: str) -> Any:
    if name in LOCATIONS:
        module, _, own_name = LOCATIONS[name].partition(":")
        return getattr(import_module(f"hubformer.{module}"), own_name or name)
    if name in FAMILY_CLASSES:
        return import_module("hubformer.pretrained.classes").public_class(name, FAMILY_CLASSES[name])
    if name in TOKENIZER_NAMES:
        return import_module("hubformer.pretrained.tokenizer").public_tokenizer(name)
    return attribute(__name__, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
