"""A dataclass from what a JSON object says: known names only, and each value of its field's type."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from hubformer.errors import ConfigError, HubformerError, refuse_unknown

T = TypeVar("T")
_SAID = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", type(None): "null"}


def typed(kind: type[T], values: Mapping[str, Any], *, where: str) -> T:
    """The dataclass `kind` with these values. where: how an error calls the object.

    Raises:
        UnknownArgument: a name that is no field. ConfigError: a value of another type, or a field without a
            value.
    """
    hints = get_type_hints(kind)
    refuse_unknown(values, hints, call=where)
    for name, value in values.items():
        if not _fits(value, hints[name]):
            raise ConfigError(f"{name} of {where} is {value!r}, expected {_said(hints[name])}.")
    try:
        return kind(**values)
    except HubformerError:
        raise
    except TypeError as error:  # a field that has no default
        raise ConfigError(f"{where}: {error}.") from None


def _fits(value: Any, hint: Any) -> bool:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in inner)
    if hint is Any:
        return True
    if origin is not None and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(_fits(one, inner[1]) for one in value.values())
    if origin is not None and issubclass(origin, Sequence):
        return isinstance(value, list | tuple) and all(_fits(one, inner[0]) for one in value)
    if hint in (int, float):
        return isinstance(value, int | hint) and not isinstance(value, bool)
    return isinstance(value, hint)


def _said(hint: Any) -> str:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(_said, inner)))
    if origin is not None:
        return "an object" if issubclass(origin, Mapping) else f"a list, each {_said(inner[0])}"
    return _SAID.get(hint, "an object")
