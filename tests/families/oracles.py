"""What a class of ours is held against."""

from __future__ import annotations

from typing import Any

import jina_reference


def oracle_class(name: str) -> Any:
    """transformers' class of that name, or that of the tests where transformers has none."""
    import transformers

    return getattr(jina_reference, name) if name.startswith("JinaBert") else getattr(transformers, name)
