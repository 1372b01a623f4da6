"""Values that families compute from the fields of a configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hubformer.errors import ConfigError
from hubformer.models.config import Config, Field, count


def quotient(config: Config, *, of: str, by: str) -> int:
    """One size as a multiple of another, such as the width of a head."""
    if config[of] % config[by]:
        raise ConfigError(f"{of} is {config[of]} and {by} is {config[by]}, expected a multiple of it.")
    quotient: int = config[of] // config[by]
    return quotient


def head_width(config: Config) -> int:
    said = config.get("head_dim")
    return quotient(config, of="hidden_size", by="num_attention_heads") if said is None else int(said)


def with_head_width(found: dict[str, Any]) -> dict[str, Any]:
    """With head_dim, where that is not said and the others can be divided; what else they may be is told
    where they are checked."""
    width, heads = found["hidden_size"], found["num_attention_heads"]
    divides = all(isinstance(part, int) and part > 0 for part in (width, heads))
    return {**found, "head_dim": width // heads} if found["head_dim"] is None and divides else found


def layer_types() -> Field:
    """The field that says of each layer what it sees."""
    return Field(
        None,
        "a list of 'full_attention' and 'sliding_attention', one for each layer, or null",
        lambda v: v is None or (isinstance(v, list) and set(v) <= {"full_attention", "sliding_attention"}),
    )


def with_layer_types(values: dict[str, Any], *, near: Callable[[int], bool]) -> dict[str, Any]:
    """layer_types written out as v4 does, where it is not said; near: the layers that see a window only."""
    layers = values["num_hidden_layers"]
    if values["layer_types"] is not None or not count(0).fits(layers):
        return values
    kinds = ["sliding_attention" if near(index) else "full_attention" for index in range(layers)]
    return {**values, "layer_types": kinds}


def sliding(config: Config) -> tuple[bool, ...]:
    """Of each layer, whether it sees a window only."""
    said, layers = config["layer_types"], config["num_hidden_layers"]
    if len(said) != layers:
        raise ConfigError(f"layer_types has {len(said)} entries and num_hidden_layers is {layers}.")
    return tuple(kind == "sliding_attention" for kind in said)
