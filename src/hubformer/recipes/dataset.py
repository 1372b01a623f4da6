"""Tokenised examples in little memory: the numbers of a column one after another, and where each row ends."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, overload

from hubformer.errors import InputError

_LENGTH = "length"


class TokenizedDataset(Sequence[dict[str, Any]]):
    """Rows for the Trainer. A column holds a list of whole numbers for each row, or one number.

    `rows[3]` is a dict; `rows["length"]` are the tokens of every row, by which batches are grouped.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """rows: all with the same columns, `input_ids` among them."""
        self._count = 0
        self._values: dict[str, array[Any]] = {}
        self._ends: dict[str, array[int]] = {}
        for row in rows:
            self._append(row)

    def _append(self, row: Mapping[str, Any]) -> None:
        if not self._count:
            self._begin(row)
        elif row.keys() != self._values.keys():
            raise InputError(f"Row {self._count} has {sorted(row)}, the first has {sorted(self._values)}.")
        for name, value in row.items():
            ends, values = self._ends.get(name), self._values[name]
            if ends is None:
                values.append(value)
            else:
                values.extend(value)
                ends.append(len(values))
        self._count += 1

    def _begin(self, row: Mapping[str, Any]) -> None:
        for name, value in row.items():
            if isinstance(value, Sequence):
                self._ends[name] = array("q", [0])
                self._values[name] = array("i")
            else:
                self._values[name] = array("d" if isinstance(value, float) else "q")

    @property
    def column_names(self) -> list[str]:
        return [*self._values, _LENGTH]

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, key: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, key: slice) -> Sequence[dict[str, Any]]: ...
    @overload
    def __getitem__(self, key: str) -> list[Any]: ...
    def __getitem__(self, key: int | slice | str) -> Any:
        if isinstance(key, str):
            return self._column(key)
        if isinstance(key, slice):
            return [self[place] for place in range(self._count)[key]]
        place = range(self._count)[key]
        return {name: self._cell(name, place) for name in self._values}

    def _column(self, name: str) -> list[Any]:
        if name == _LENGTH:
            ends = self._ends["input_ids"]
            return [ends[place + 1] - ends[place] for place in range(self._count)]
        return [self._cell(name, place) for place in range(self._count)]

    def _cell(self, name: str, place: int) -> Any:
        ends, values = self._ends.get(name), self._values[name]
        return values[place] if ends is None else values[ends[place] : ends[place + 1]].tolist()

    @property
    def tokens(self) -> int:
        """Of all rows together."""
        return len(self._values["input_ids"]) if self._count else 0
