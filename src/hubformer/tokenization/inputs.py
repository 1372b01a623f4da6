"""What a tokenizer call accepts as text, and what it says of anything else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from hubformer.errors import InputError

_ACCEPTED = (
    "Expected a text, a list of texts, a list of (text, text) pairs, or with is_split_into_words=True a "
    "list of "
    "words or a list of lists of words."
)


def arranged(text: Any, pair: Any, *, words: bool) -> tuple[list[Any], bool, bool]:
    """(rows for the Rust encoder, whether a batch was given, whether rows are pairs).

    Raises:
        InputError: says what was found, where, and what is accepted.
    """
    text = _listed(text, name="text")
    batched = _is_rows(text, name="text") if words else not isinstance(text, str)
    if words and isinstance(text, str):
        raise InputError(
            "is_split_into_words=True takes a list of words, or a list of such lists; found one text. "
            "Split it, or leave the argument out."
        )
    if pair is None:
        rows = text if batched else [text]
        if not batched or _all_texts(rows):
            _check_unit(rows, name="text", words=words)
            return rows, batched, False
        if words:
            for place, row in enumerate(rows):
                _check_words(row, name=f"text[{place}]")
            return rows, True, False
        return _pairs(rows), True, True
    pair = _listed(pair, name="text_pair")
    if not batched:
        _check_unit([text], name="text", words=words)
        _check_unit([pair], name="text_pair", words=words)
        return [(text, pair)], False, True
    if isinstance(pair, str) or (words and not _is_rows(pair, name="text_pair")):
        raise InputError("text is a batch, so text_pair must be a list with one entry for each of its rows.")
    if len(text) != len(pair):
        raise InputError(f"text has {len(text)} rows and text_pair has {len(pair)}; they must be as many.")
    _check_unit(text, name="text", words=words)
    _check_unit(pair, name="text_pair", words=words)
    return list(zip(text, pair, strict=True)), True, True


def diagnosis(rows: Iterable[Any]) -> str | None:
    """Why Rust refused these rows, where that can be seen: text that is not valid Unicode."""
    for place, row in enumerate(rows):
        for text in _flat(row):
            try:
                text.encode("utf-8")
            except UnicodeEncodeError as error:
                return (
                    f"Row {place} holds {text[error.start]!r} at character {error.start}: half of a "
                    "surrogate pair, "
                    "which is no character. Repair the text, for instance with "
                    "text.encode('utf-16', 'surrogatepass').decode('utf-16', 'replace')."
                )
    return None


def _listed(value: Any, *, name: str) -> Any:
    if isinstance(value, str | list):
        return value
    if isinstance(value, np.ndarray):
        return value.tolist()
    # Columns of data frames and datasets are sequences, or say that they can be made a list.
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return list(value)
    if callable(getattr(value, "tolist", None)) and getattr(value, "ndim", 0) == 1:
        return value.tolist()
    raise InputError(f"{name} is {_described(value)}. {_ACCEPTED}")


def _all_texts(rows: list[Any]) -> bool:
    # `type(row) is str` first: it decides nearly every row, in a tenth of the time of isinstance.
    return all(type(row) is str or isinstance(row, str) for row in rows)


def _is_rows(value: Any, *, name: str) -> bool:
    if isinstance(value, str) or not value:
        return False
    nested = [isinstance(row, list | tuple) for row in value]
    if any(nested) and not all(nested):
        place = nested.index(False)
        raise InputError(
            f"{name}[{place}] is {_described(value[place])} where other rows are lists of words. {_ACCEPTED}"
        )
    return all(nested)


def _check_unit(rows: list[Any], *, name: str, words: bool) -> None:
    if words:
        for row in rows:
            _check_words(row, name=name)
        return
    for place, row in enumerate(rows):
        if not isinstance(row, str):
            where = f"{name}[{place}]" if len(rows) > 1 else name
            hint = " For words, pass is_split_into_words=True." if isinstance(row, list | tuple) else ""
            raise InputError(f"{where} is {_described(row)}.{hint} {_ACCEPTED}")


def _check_words(row: Any, *, name: str) -> None:
    if not isinstance(row, list | tuple):
        raise InputError(f"{name} is {_described(row)} where a list of words was expected. {_ACCEPTED}")
    for place, word in enumerate(row):
        if not isinstance(word, str):
            raise InputError(f"{name} holds {_described(word)} at word {place}. {_ACCEPTED}")


def _pairs(rows: list[Any]) -> list[Any]:
    texts = isinstance(rows[0], str)
    pairs = []
    for place, row in enumerate(rows):
        if texts and isinstance(row, str):
            continue
        if not isinstance(row, list | tuple):
            raise InputError(
                f"text[{place}] is {_described(row)} in a list of {'texts' if texts else 'pairs'}. "
                f"{_ACCEPTED}"
            )
        if len(row) != 2 or not all(isinstance(part, str) for part in row):
            raise InputError(
                f"text[{place}] is {_described(row)}, not a text or a pair of texts. "
                "For lists of words, pass is_split_into_words=True."
            )
        if texts:
            raise InputError(
                f"text[{place}] is a pair in a list of texts; give pairs everywhere, or nowhere."
            )
        pairs.append((row[0], row[1]))
    return pairs


def _described(value: Any) -> str:
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)} ({', '.join(type(v).__name__ for v in value[:3])})"
    shown = repr(value)
    return f"{type(value).__name__} {shown if len(shown) <= 60 else shown[:57] + '...'}"


def _flat(row: Any) -> Iterable[str]:
    if isinstance(row, str):
        yield row
    else:
        for part in row:
            yield from _flat(part)
