"""JSON and JSON Lines: one object a record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from hubformer.data.files import lines, opened
from hubformer.data.squad import is_squad, questions
from hubformer.errors import InputError

_CHUNK = 1 << 20  # characters read at a time
_WHITE = " \t\r\n"


def json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """One object on each line; empty lines are skipped.

    Raises:
        InputError: a line that is no JSON, or no object.
    """
    for place, line in enumerate(lines(path), 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(
                f"Line {place} of {path} is not JSON: {error.msg} at column {error.colno}."
            ) from None
        yield _object(found, f"Line {place} of {path}")


def json_file(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a list, read as they come; `{"data": [...]}` is such a list too, and one of SQuAD's
    articles gives its questions. A file of several objects is read as JSON Lines, whatever it is called.

    Raises:
        InputError: not JSON, or neither of these forms.
    """
    with opened(path) as file:
        head = file.read(_CHUNK).lstrip(_WHITE)
        if head.startswith("["):
            yield from _members(head, file, path)
            return
        first, _, rest = head.partition("\n")
        by_lines = bool(rest.strip()) and _is_json(first)
        whole = "" if by_lines else head + file.read()
    if by_lines:
        yield from json_lines(path)
    else:
        yield from _of_object(whole, path)


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except json.JSONDecodeError:
        return False
    return True


def _of_object(text: str, path: Path) -> Iterator[dict[str, Any]]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg == "Extra data" and text.startswith("{"):
            yield from json_lines(path)
            return
        raise InputError(f"{path} is not JSON: {error.msg} at line {error.lineno}.") from None
    if is_squad(found):
        yield from questions(found, path)
        return
    inner = found.get("data") if isinstance(found, dict) else None
    if not isinstance(inner, list):
        kind = f"an object with {', '.join(found)}" if isinstance(found, dict) else type(found).__name__
        raise InputError(
            f"{path} holds {kind}; expected a list of objects, or an object with such a list as 'data'."
        )
    for place, member in enumerate(inner):
        yield _object(member, f"Record {place} of {path}")


def _members(head: str, file: TextIO, path: Path) -> Iterator[dict[str, Any]]:
    """The members of the list that begins with `head`, without holding the others."""
    decoder, text, at, place = json.JSONDecoder(), head, 1, 0
    size, done = _CHUNK, False
    while True:
        while at < len(text) and text[at] in _WHITE:
            at += 1
        if at < len(text):
            if text[at] == "]" and place == 0:
                break
            try:
                found, end = decoder.raw_decode(text, at)
                while text[end] in _WHITE:
                    end += 1
            except (json.JSONDecodeError, IndexError) as error:
                if done:
                    said = getattr(error, "msg", "the list does not end")
                    raise InputError(f"Record {place} of {path} is not JSON: {said}.") from None
            else:
                if text[end] not in ",]":
                    raise InputError(
                        f"Record {place} of {path} is followed by {text[end]!r}, expected a comma."
                    )
                yield _object(found, f"Record {place} of {path}")
                place += 1
                if text[end] == "]":
                    break
                at, size = end + 1, _CHUNK
                continue
        elif done:
            raise InputError(f"{path} ends inside its list, after {place} records.")
        # A record longer than what is at hand: twice as much next time, so that it is not tried too often.
        more = file.read(size)
        text, at, size, done = text[at:] + more, 0, 2 * size, not more


def _object(found: Any, where: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise InputError(f"{where} is {type(found).__name__}, expected an object with named values.")
    return found
