"""Attention within a window, beside global tokens, as Longformer and LED have it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hubformer.core import LayerSpec, SlidingAttentionSpec, Window
from hubformer.errors import ConfigError
from hubformer.models.config import Config, Field

LARGEST_WINDOW = 1_000_000


def _is_window(value: Any) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and 0 < value <= LARGEST_WINDOW and value % 2 == 0


def attention_window() -> Field:
    """The field that says how wide the window is."""
    return Field(
        512,
        "an even whole number above 0, or a list of them, one per layer",
        lambda v: all(map(_is_window, v)) if isinstance(v, (list, tuple)) else _is_window(v),
    )


def windows(config: Config, *, depth: str = "num_hidden_layers") -> tuple[int, ...]:
    """The width of the window of each layer, in tokens. depth: the field that says how many layers."""
    given: int | list[int] = config["attention_window"]
    layers: int = config[depth]
    if isinstance(given, int):
        return (given,) * layers
    if len(given) != layers:
        raise ConfigError(
            f"attention_window has {len(given)} entries and {depth} is {layers}, expected one per layer."
        )
    return tuple(given)


def sliding_layer(dense: LayerSpec, *, window: int) -> LayerSpec:
    """A layer whose attention stays within a window of that many tokens."""
    attention = SlidingAttentionSpec(
        dense.attention.heads,
        dense.attention.head_width,
        position=Window(window // 2),
        dropout=dense.attention.dropout,
    )
    return replace(dense, attention=attention)
