"""JSON and JSON Lines: one object a record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hubformer.data.files import lines, opened
from hubformer.data.squad import is_squad, questions
from hubformer.errors import InputError


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
    """The objects of a list, which is held as a whole; `{"data": [...]}` is such a list too, and one of
    SQuAD's articles gives its questions. A file of several objects is read as JSON Lines, whatever it is
    called.

    Raises:
        InputError: not JSON, or neither of these forms.
    """
    with opened(path) as file:
        first = next((line for line in file if line.strip()), "")
        several = bool(next((line for line in file if line.strip()), ""))
    if several and first.lstrip().startswith("{") and _is_json(first):
        yield from json_lines(path)
        return
    with opened(path) as file:
        text = file.read()
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{path} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    del text
    if is_squad(found):
        yield from questions(found, path)
        return
    yield from _members(found, path)


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except json.JSONDecodeError:
        return False
    return True


def _members(found: Any, path: Path) -> Iterator[dict[str, Any]]:
    inner = found.get("data") if isinstance(found, dict) else found
    if not isinstance(inner, list):
        kind = f"an object with {', '.join(found)}" if isinstance(found, dict) else type(found).__name__
        raise InputError(
            f"{path} holds {kind}; expected a list of objects, or an object with such a list as 'data'."
        )
    for place, member in enumerate(inner):
        yield _object(member, f"Record {place} of {path}")


def _object(found: Any, where: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise InputError(f"{where} is {type(found).__name__}, expected an object with named values.")
    return found
