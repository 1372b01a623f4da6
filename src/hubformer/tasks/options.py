"""What may be set of a task when a pipeline is made and again in each call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from hubformer.errors import InputError, refuse_unknown

_PADDINGS = (None, True, False, "longest", "max_length", "do_not_pad")


@dataclass(frozen=True)
class Options:
    """A task extends it; every field has a default, and __post_init__ checks values."""


@dataclass(frozen=True)
class TextOptions(Options):
    """How texts become tokens."""

    truncation: bool | str | None = None  # None: a text that is too long is an error
    max_length: int | None = None  # in tokens
    padding: bool | str | None = None  # taken for transformers' sake; padding changes no answer
    add_special_tokens: bool = True

    def __post_init__(self) -> None:
        check_padding(self.padding)
        check_count("max_length", self.max_length)

    def tokenization(self) -> dict[str, Any]:
        """The arguments of TextBatcher.encode."""
        names = ("truncation", "max_length", "add_special_tokens")
        return {name: getattr(self, name) for name in names}


def with_tokenizer_options(options: Any, name: str) -> Any:
    """TextOptions with those that the option `name` holds, as transformers takes them, in their own places.

    Raises:
        UnknownArgument: a name in it that is none of TextOptions.
    """
    more = getattr(options, name) or {}
    refuse_unknown(more, [field.name for field in fields(TextOptions)], call=name)
    return replace(options, **{name: None, **more})


def check_padding(padding: Any) -> None:
    """Raise InputError for a padding that no tokenizer has."""
    if padding not in _PADDINGS:
        raise InputError(
            f"padding is {padding!r}, expected True, False, 'longest', 'max_length' or 'do_not_pad'."
        )


def check_count(name: str, value: Any) -> None:
    """Raise InputError for what is neither a count nor None."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise InputError(f"{name} is {value!r}, expected a whole number of at least 0, or None.")


def merged_options(given: Mapping[str, Any], *, defaults: Any) -> Any:
    """The options with those given in their place."""
    return replace(defaults, **given) if given else defaults
