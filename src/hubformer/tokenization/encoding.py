"""BatchEncoding: what a tokenizer call returns, and where each token came from."""

from __future__ import annotations

import logging
from collections import UserDict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from tokenizers import Encoding

from hubformer.errors import InputError

log = logging.getLogger(__name__)


class CharSpan(NamedTuple):
    """Characters `start` to `end` (exclusive) of the original text."""

    start: int
    end: int


class TokenSpan(NamedTuple):
    """Tokens `start` to `end` (exclusive) of an encoded sequence."""

    start: int
    end: int


class BatchEncoding(UserDict[str, Any]):
    """The arrays a model takes, as a dict with attribute access, and the alignment of tokens with the text.

    `model(**encoding)` works. `encoding[i]` with a number gives the Rust `Encoding` of row i.

    Raises:
        InputError: rows of unequal length were asked for as tensors, or alignment for rows without it.
    """

    def __init__(
        self,
        data: dict[str, Any] | None = None,
        encoding: Encoding | Sequence[Encoding] | None = None,
        tensor_type: str | None = None,
        prepend_batch_axis: bool = False,
        n_sequences: int | None = None,
    ) -> None:
        # Not UserDict.__init__: it would copy key by key.
        self.data = dict(data) if data is not None else {}
        self._encodings: list[Encoding] | None = None
        if encoding is not None:
            self._encodings = [encoding] if isinstance(encoding, Encoding) else list(encoding)
        if n_sequences is None and self._encodings:
            n_sequences = self._encodings[0].n_sequences
        self._n_sequences = n_sequences
        self.convert_to_tensors(tensor_type=tensor_type, prepend_batch_axis=prepend_batch_axis)

    def __getitem__(self, item: Any) -> Any:
        if isinstance(item, str):
            return self.data[item]
        if isinstance(item, slice):
            return {key: value[item] for key, value in self.data.items()}
        if isinstance(item, int):
            return self._of(item)
        raise InputError(f"A BatchEncoding is indexed by a name, a row number or a slice, not by {item!r}.")

    def __getattr__(self, item: str) -> Any:
        # Unpickling and copying look for attributes before `data` is there.
        data = self.__dict__.get("data")
        if data is None or item not in data:
            raise AttributeError(f"BatchEncoding has no attribute or key {item!r}.")
        return data[item]

    def __getstate__(self) -> dict[str, Any]:
        return {"data": self.data, "encodings": self._encodings, "n_sequences": self._n_sequences}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.data = state["data"]
        self._encodings = state["encodings"]
        self._n_sequences = state["n_sequences"]

    def copy(self) -> BatchEncoding:
        """The same rows in a new dict; the values are shared."""
        return BatchEncoding(self.data, self._encodings, n_sequences=self._n_sequences)

    @property
    def n_sequences(self) -> int | None:
        """1 for single texts, 2 for pairs, None where it is not known."""
        return self._n_sequences

    @property
    def is_fast(self) -> bool:
        """Whether tokens can be traced back to the text."""
        return self._encodings is not None

    @property
    def encodings(self) -> list[Encoding] | None:
        """The Rust encodings, one per row."""
        return self._encodings

    def _of(self, row: int) -> Encoding:
        if self._encodings is None:
            raise InputError(
                "This BatchEncoding does not know its text (it was padded, or built from ids), so "
                "tokens cannot "
                "be traced. Ask the result of calling the tokenizer on the text."
            )
        try:
            return self._encodings[row]
        except IndexError:
            raise InputError(f"Row {row} was asked for; there are {len(self._encodings)} rows.") from None

    def _place(self, first: int, second: int | None, *, count: str = "") -> tuple[Encoding, int]:
        row, index = (0, first) if second is None else (first, second)
        encoding = self._of(row)
        if index < 0 and count:
            index += len(encoding.ids)
        return encoding, index

    def tokens(self, batch_index: int = 0) -> list[str]:
        """The tokens of one row."""
        return list(self._of(batch_index).tokens)

    def sequence_ids(self, batch_index: int = 0) -> list[int | None]:
        """Per token 0 for the first text, 1 for the second, None for special tokens."""
        return list(self._of(batch_index).sequence_ids)

    def word_ids(self, batch_index: int = 0) -> list[int | None]:
        """Per token the index of its word, None for special tokens."""
        return list(self._of(batch_index).word_ids)

    def words(self, batch_index: int = 0) -> list[int | None]:
        """The old name of `word_ids`."""
        return self.word_ids(batch_index)

    def token_to_sequence(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """The sequence (0 or 1) that a token belongs to."""
        encoding, index = self._place(batch_or_token_index, token_index, count="tokens")
        return encoding.token_to_sequence(index)

    def token_to_word(self, batch_or_token_index: int, token_index: int | None = None) -> int | None:
        """The index of the word that a token belongs to."""
        encoding, index = self._place(batch_or_token_index, token_index, count="tokens")
        found = encoding.token_to_word(index)
        # Older releases of `tokenizers` answer (sequence, word).
        return found[1] if isinstance(found, tuple) else found

    def word_to_tokens(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> TokenSpan | None:
        """The tokens of a word."""
        encoding, index = self._place(batch_or_word_index, word_index)
        span = encoding.word_to_tokens(index, sequence_index)
        return TokenSpan(*span) if span is not None else None

    def token_to_chars(self, batch_or_token_index: int, token_index: int | None = None) -> CharSpan | None:
        """The characters that a token covers."""
        encoding, index = self._place(batch_or_token_index, token_index, count="tokens")
        span = encoding.token_to_chars(index)
        if span is None:
            return None
        return CharSpan(*(span[1] if isinstance(span[1], tuple) else span))

    def char_to_token(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """The token that covers a character."""
        encoding, index = self._place(batch_or_char_index, char_index)
        return encoding.char_to_token(index, sequence_index)

    def word_to_chars(
        self, batch_or_word_index: int, word_index: int | None = None, sequence_index: int = 0
    ) -> CharSpan | None:
        """The characters of a word."""
        encoding, index = self._place(batch_or_word_index, word_index)
        span = encoding.word_to_chars(index, sequence_index)
        return CharSpan(*span) if span is not None else None

    def char_to_word(
        self, batch_or_char_index: int, char_index: int | None = None, sequence_index: int = 0
    ) -> int | None:
        """The word that covers a character."""
        encoding, index = self._place(batch_or_char_index, char_index)
        return encoding.char_to_word(index, sequence_index)

    def convert_to_tensors(
        self, tensor_type: str | None = None, prepend_batch_axis: bool = False
    ) -> BatchEncoding:
        """Turn every value into a tensor ("pt") or an array ("np"), in place.

        Raises:
            InputError: the rows are not of one length, or the kind of tensor is not known.
        """
        if tensor_type is None:
            return self
        kind = str(getattr(tensor_type, "value", tensor_type))
        if kind not in ("pt", "np"):
            raise InputError(
                f"return_tensors is 'pt' (torch), 'np' (numpy) or None (lists); found {tensor_type!r}."
            )
        for key, value in self.data.items():
            self.data[key] = _converted([value] if prepend_batch_axis else value, key=key, kind=kind)
        return self

    def to(self, device: Any, *, non_blocking: bool = False) -> BatchEncoding:
        """Move every tensor to a device, in place; never casts ids to another dtype."""
        if isinstance(device, str | int) or type(device).__name__ == "device":
            for key, value in self.data.items():
                if callable(getattr(value, "to", None)):
                    self.data[key] = value.to(device=device, non_blocking=non_blocking)
        else:
            log.warning("BatchEncoding.to() takes a device; %r is none, so nothing was moved.", device)
        return self


def _converted(value: Any, *, key: str, kind: str) -> Any:
    if hasattr(value, "detach") and hasattr(value, "numpy"):  # a torch tensor, without importing torch
        return value if kind == "pt" else value.detach().cpu().numpy()
    if kind == "pt" and isinstance(value, list | tuple) and value and hasattr(value[0], "detach"):
        import torch

        lengths = {tuple(item.shape) for item in value}
        if len(lengths) > 1:
            raise _ragged(value, key=key)
        return torch.stack(list(value))
    array = _array(value, key=key)
    if kind == "np":
        return array
    import torch

    tensor = torch.from_numpy(array) if array.flags.writeable else torch.tensor(array)
    # numpy reads Python's floats as float64; torch, and so a model's loss, as its default.
    if tensor.dtype == torch.float64 and _of_python(value):
        return tensor.to(torch.get_default_dtype())
    return tensor


def _of_python(value: Any) -> bool:
    """Whether nested lists hold Python's own numbers, which name no dtype, rather than numpy's."""
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return type(value) in (bool, int, float)


def _array(value: Any, *, key: str) -> np.ndarray[Any, Any]:
    try:
        array = np.asarray(value)
    except ValueError:
        raise _ragged(value, key=key) from None
    if array.dtype.kind not in "biuf":
        raise _ragged(value, key=key)
    if array.size == 0:
        # numpy makes empty lists float; ids are integers.
        array = array.reshape((*array.shape, 0) if array.ndim == 1 else array.shape).astype(np.int64)
    return array


def _ragged(value: Any, *, key: str) -> InputError:
    try:
        lengths = sorted({len(row) for row in value})
    except TypeError:
        return InputError(f"{key!r} cannot be made a tensor: it holds {type(value).__name__}, not numbers.")
    if len(lengths) > 1:
        return InputError(
            f"{key!r} cannot be made a tensor: its rows have {lengths[0]} to {lengths[-1]} entries. "
            "Pass padding=True (and truncation=True for long texts), or leave out return_tensors."
        )
    return InputError(f"{key!r} cannot be made a tensor: its rows hold something other than numbers.")
