"""One tokenizer call, its arguments checked and resolved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from hubformer.errors import InputError, suggestion

PADDINGS = ("longest", "max_length", "do_not_pad")
TRUNCATIONS = ("longest_first", "only_first", "only_second", "do_not_truncate")

# What transformers writes where a tokenizer knows no limit; anything this large means "unknown".
NO_LIMIT = int(1e30)
LARGEST_LIMIT = int(1e20)


@dataclass(frozen=True)
class Request:
    """What a call does with its rows. None in `truncation` or `padding` means off."""

    truncation: Literal["longest_first", "only_first", "only_second"] | None
    padding: Literal["longest", "max_length"] | None
    max_length: int | None
    stride: int
    padding_side: str
    multiple: int | None
    warnings: tuple[str, ...] = ()  # said once per tokenizer


def resolved(
    *,
    padding: Any,
    truncation: Any,
    max_length: int | None,
    stride: int,
    multiple: int | None,
    padding_side: str,
    limit: int | None,
) -> Request:
    """Check the length arguments of a call together.

    Raises:
        InputError: names the argument, what was found and what it takes.
    """
    max_length = _count(max_length, name="max_length")
    stride = _count(stride, name="stride") or 0
    multiple = _count(multiple, name="pad_to_multiple_of")
    if multiple == 0:
        raise InputError("pad_to_multiple_of is 0; expected a positive number, or None.")
    if padding_side not in ("left", "right"):
        raise InputError(f"padding_side is {padding_side!r}; expected 'left' or 'right'.")
    warnings: list[str] = []
    if max_length is not None and padding is False and truncation is None:
        warnings.append(
            "max_length was given without truncation=True; texts are truncated to it (longest_first), as in "
            "transformers 4. Pass truncation=True to say so."
        )
        truncation = "longest_first"
    pad = _choice(
        {True: "longest", False: "do_not_pad", None: "do_not_pad"}, padding, PADDINGS, name="padding"
    )
    cut = _choice(
        {True: "longest_first", False: "do_not_truncate", None: "do_not_truncate"},
        truncation,
        TRUNCATIONS,
        name="truncation",
    )
    if padding is True and max_length is not None and cut == "do_not_truncate":
        warnings.append(
            "max_length is ignored: padding=True pads to the longest row and nothing truncates. "
            "Use padding='max_length' or truncation=True."
        )
    if max_length is None and (pad == "max_length" or cut != "do_not_truncate"):
        if limit is not None and limit <= LARGEST_LIMIT:
            max_length = limit
        else:
            if pad == "max_length":
                warnings.append(_unknown_limit("padding='max_length'", "nothing was padded"))
                pad = "do_not_pad"
            if cut != "do_not_truncate":
                warnings.append(_unknown_limit(f"truncation={truncation!r}", "nothing was truncated"))
                cut = "do_not_truncate"
    truncates, pads = cut != "do_not_truncate", pad != "do_not_pad"
    if truncates and pads and multiple is not None and max_length is not None and max_length % multiple:
        raise InputError(
            f"max_length {max_length} is not a multiple of pad_to_multiple_of {multiple}, so a "
            "truncated row would "
            f"be padded past it. Use max_length={max_length // multiple * multiple or multiple}."
        )
    return Request(
        truncation=cut if truncates else None,  # type: ignore[arg-type]
        padding=pad if pads else None,  # type: ignore[arg-type]
        max_length=max_length,
        stride=stride,
        padding_side=padding_side,
        multiple=multiple,
        warnings=tuple(warnings),
    )


def _unknown_limit(asked: str, result: str) -> str:
    return (
        f"{asked} was asked for without max_length, and the tokenizer does not know the model's limit, "
        f"so {result}. "
        "Pass max_length=..., or set tokenizer.model_max_length."
    )


def _choice(short: dict[Any, str], given: Any, known: tuple[str, ...], *, name: str) -> str:
    if given is None or isinstance(given, bool):
        return short[given]
    text = getattr(given, "value", given)  # transformers' enums
    if text not in known:
        near = suggestion(text, known) if isinstance(text, str) else ""
        raise InputError(f"{name} is {given!r}.{near} It takes True, False or one of {', '.join(known)}.")
    return str(text)


def _count(value: Any, *, name: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not hasattr(value, "__index__") or int(value) < 0:
        raise InputError(f"{name} is {value!r}; expected a whole number of at least 0, or None.")
    return int(value)
