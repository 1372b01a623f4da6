"""Reading the files of a tokenizer folder, with errors that name the file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import AddedToken

from hubformer.errors import CheckpointError

_FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")


def read_text(path: Path) -> str:
    """A text file.

    Raises:
        CheckpointError: it cannot be read, is not UTF-8, or is a Git LFS pointer instead of the file.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise CheckpointError(
            f"{path} is not UTF-8 text (byte {error.start}). Download it again, or convert it."
        ) from error
    if text.startswith("version https://git-lfs"):
        raise CheckpointError(
            f"{path} is a Git LFS pointer, not the file itself. Run `git lfs pull` in its folder."
        )
    return text


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file that holds an object.

    Raises:
        CheckpointError: it is not JSON, or not an object.
    """
    text = read_text(path)
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} is not valid JSON: {error}. Download it again.") from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} holds a JSON {type(found).__name__}; expected an object.")
    return found


def added_token(value: Any, *, path: Path, name: str) -> str | AddedToken:
    """A token as the files write it: a text, or a dict with its flags.

    Raises:
        CheckpointError: it is neither, or empty.
    """
    if isinstance(value, AddedToken):
        return value
    content = value.get("content") if isinstance(value, dict) else value
    if not isinstance(content, str):
        raise CheckpointError(f"{path}: {name} is {value!r}; expected a text, or an object with 'content'.")
    if not content:
        raise CheckpointError(f"{path}: {name} is an empty text, which would match everywhere. Remove it.")
    if not isinstance(value, dict):
        return content
    flags = {flag: value[flag] for flag in _FLAGS if flag in value}
    wrong = [flag for flag, state in flags.items() if not isinstance(state, bool)]
    if wrong:
        raise CheckpointError(f"{path}: {name} has {wrong[0]}={flags[wrong[0]]!r}; expected true or false.")
    return AddedToken(content, **flags)
