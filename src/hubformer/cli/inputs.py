"""What is read from a user: texts and values of the command line, lines of a file or of standard input."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from hubformer.errors import InputError

STANDARD_INPUT = "-"


def whole(name: str) -> str:
    """All of a file, or of standard input.

    Raises:
        InputError: it cannot be read, or is not UTF-8.
    """
    return "\n".join(lines(name))


def lines(name: str) -> Iterator[str]:
    """The lines of a file, or of standard input, as they come, without their ends.

    Raises:
        InputError: it cannot be read, or is not UTF-8.
    """
    if name == STANDARD_INPUT:
        source: Iterable[bytes | str] = getattr(sys.stdin, "buffer", sys.stdin)
        yield from _decoded(source, "standard input")
        return
    path = Path(name).expanduser()
    try:
        with open(path, "rb") as file:
            yield from _decoded(file, name)
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}.") from error


def _decoded(source: Iterable[bytes | str], name: str) -> Iterator[str]:
    for number, line in enumerate(source, 1):
        try:
            text = line.decode() if isinstance(line, bytes) else line
        except UnicodeDecodeError:
            raise InputError(f"{name}, line {number}, is not UTF-8. Convert the file first.") from None
        yield (text.removeprefix("\ufeff") if number == 1 else text).rstrip("\r\n")


def inputs_in(name: str, *, as_json: bool) -> Iterator[Any]:
    """One input per line; lines without text are passed over.

    as_json: a line is JSON, a string or an object such as {"question": ..., "context": ...}.

    Raises:
        InputError: it cannot be read, or a line is not JSON where it should be.
    """
    for number, line in enumerate(lines(name), 1):
        if line.strip():
            yield _parsed(line, f"{name}, line {number},") if as_json else line


def _parsed(line: str, where: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise InputError(f"{where} is not JSON: {error}. Leave out --jsonl for plain text.") from None


def plain_value(text: str) -> Any:
    """What was typed as the value of an option: a number, a list, True or False in JSON, none, or a text."""
    if text.lower() in ("none", "all"):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def checked(texts: Iterable[str]) -> list[str]:
    """Texts of the command line, read as UTF-8 whatever the locale.

    Raises:
        InputError: one is not UTF-8.
    """
    return [_utf8(text) for text in texts]


def _utf8(text: str) -> str:
    try:
        text.encode()
        return text
    except UnicodeEncodeError:  # Python keeps bytes that it could not read as surrogates
        try:
            return os.fsencode(text).decode()
        except UnicodeError:
            raise InputError(f"{text!a} is not UTF-8. Check the encoding of your terminal.") from None
