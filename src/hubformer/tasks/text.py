"""Texts as inputs: what tasks check of them, and how their errors name them."""

from __future__ import annotations

from typing import Any

from hubformer.errors import InputError


def check_text(text: Any, where: str, *, accepted: str, empty: bool = False) -> str:
    """The text, if it is one. empty: whether it may be without characters.

    Raises:
        InputError: it is something else, or empty.
    """
    if not isinstance(text, str):
        raise InputError(f"{where} is {described(text)}; expected {accepted}.")
    if not empty and not text.strip():
        raise InputError(f"{where} is empty: there is no text to answer. Leave it out, or pass a text.")
    return text


def quoted(text: str) -> str:
    """A text as an error names it."""
    return f"The text {text if len(text) <= 40 else text[:37] + '...'!r}"


def described(value: Any) -> str:
    """A value in a few words, for errors."""
    if value is None:
        return "None"
    shown = repr(value)
    return f"{type(value).__name__} {shown if len(shown) <= 60 else shown[:57] + '...'}"
