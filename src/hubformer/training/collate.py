"""Rows to a batch: the collators that leave the tokens as they are, under v4's names.

Shapes:  B rows  L length  C choices
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hubformer.errors import InputError
from hubformer.tokenization import BatchEncoding

DataCollator = Callable[[list[Any]], Any]
_LABELS = ("label", "label_ids")


def default_data_collator(features: Sequence[Any], return_tensors: str = "pt") -> dict[str, Any]:
    """Stack rows that are equally long; `label` and `label_ids` become `labels`, text is left out.

    Raises:
        InputError: a column whose rows differ in length.
    """
    rows = [row if isinstance(row, Mapping) else vars(row) for row in features]
    first = rows[0]
    batch: dict[str, Any] = {}
    label = next((name for name in _LABELS if first.get(name) is not None), None)
    if label is not None:
        batch["labels"] = _labels([row[label] for row in rows], name=label)
    for name, value in first.items():
        if name not in _LABELS and value is not None and not isinstance(value, str):
            batch[name] = _stacked([_value(row, name) for row in rows], name=name)
    return as_tensors(batch, return_tensors)


def _value(row: Mapping[str, Any], name: str) -> Any:
    if name not in row:
        raise InputError(f"A row lacks the column {name!r} that the first one has; it has {sorted(row)}.")
    return row[name]


def _labels(values: list[Any], *, name: str) -> Tensor:
    first = values[0]
    while isinstance(first, list | tuple) and first:
        first = first[0]
    if isinstance(first, Tensor | np.ndarray | np.generic) and np.ndim(first):
        return _stacked(values, name=name)
    number = first.item() if isinstance(first, Tensor | np.generic | np.ndarray) else first
    return _stacked(values, name=name).to(torch.long if isinstance(number, int) else torch.float)


def _stacked(values: list[Any], *, name: str) -> Tensor:
    try:
        if isinstance(values[0], Tensor):
            return torch.stack(values)
        if isinstance(values[0], np.ndarray):
            return torch.from_numpy(np.stack(values))
        return torch.tensor(values)
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(
            f"The rows of the column {name!r} cannot be stacked ({error}). Give the Trainer a tokenizer "
            "(processing_class=) or a padding collator, or leave columns out that are no numbers."
        ) from None


def as_tensors(batch: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """torch's tensors as they are ("pt"), or as numpy arrays ("np")."""
    if kind == "pt":
        return dict(batch)
    if kind != "np":
        raise InputError(f"return_tensors is {kind!r}, expected 'pt' or 'np'.")
    return {name: v.numpy() if isinstance(v, Tensor) else v for name, v in batch.items()}


@dataclass
class DefaultDataCollator:
    """default_data_collator as an object."""

    return_tensors: str = "pt"

    def __call__(self, features: Sequence[Any], return_tensors: str | None = None) -> dict[str, Any]:
        return default_data_collator(features, return_tensors or self.return_tensors)


@dataclass
class DataCollatorWithPadding:
    """Pad what the tokenizer made to the longest row, or as `padding` says: a list of rows, or a mapping of
    columns. `label` and `label_ids` become `labels`."""

    tokenizer: Any
    padding: bool | str = True
    max_length: int | None = None
    pad_to_multiple_of: int | None = None
    return_tensors: str = "pt"

    def __call__(self, features: Sequence[Any] | Mapping[str, Any]) -> BatchEncoding:
        batch = dict(padded(self, features))
        for name in _LABELS:
            if name in batch:
                batch["labels"] = batch.pop(name)
        return BatchEncoding(as_tensors(batch, self.return_tensors))


def padded(settings: Any, rows: Sequence[Mapping[str, Any]] | Mapping[str, Any]) -> Any:
    """Rows padded as a collator's fields say, as torch tensors."""
    return settings.tokenizer.pad(
        rows if isinstance(rows, Mapping) else list(rows),
        padding=getattr(settings, "padding", True),
        max_length=getattr(settings, "max_length", None),
        pad_to_multiple_of=settings.pad_to_multiple_of,
        return_tensors="pt",
    )


def split_labels(rows: Sequence[Mapping[str, Any]]) -> tuple[str, list[Any] | None, list[dict[str, Any]]]:
    """The label column's name, its values (None where there are none), and the rows without it."""
    name = "label" if "label" in rows[0] else "labels"
    labels = [row[name] for row in rows] if name in rows[0] else None
    if labels is not None and all(label is None for label in labels):
        labels = None
    return name, labels, [{k: v for k, v in row.items() if k != name} for row in rows]


def padded_labels(labels: Sequence[Any], *, length: int, value: int, left: bool) -> Tensor:
    """Label sequences of unequal length as (B, length)."""
    whole = torch.full((len(labels), length), value, dtype=torch.long)
    for row, label in zip(whole, labels, strict=True):
        values = torch.as_tensor(label, dtype=torch.long)
        if len(values) > length:
            raise InputError(f"A row has {len(values)} labels but only {length} tokens; expected one each.")
        if len(values):
            row[length - len(values) if left else 0 : length if left else len(values)] = values
    return whole


@dataclass
class DataCollatorForTokenClassification:
    """Pad the tokens, and the labels with them by `label_pad_token_id`, which is not counted."""

    tokenizer: Any
    padding: bool | str = True
    max_length: int | None = None
    pad_to_multiple_of: int | None = None
    label_pad_token_id: int = -100
    return_tensors: str = "pt"

    def __call__(self, features: Sequence[Any]) -> dict[str, Any]:
        name, labels, rows = split_labels(features)
        batch = dict(padded(self, rows))
        if labels is not None:
            batch[name] = padded_labels(
                labels,
                length=batch["input_ids"].shape[1],
                value=self.label_pad_token_id,
                left=self.tokenizer.padding_side == "left",
            )
        return as_tensors(batch, self.return_tensors)


@dataclass
class DataCollatorForSeq2Seq:
    """Pad the tokens of the source, and the labels to a length of their own.

    model: one that makes decoder_input_ids from labels, where it has that method.
    """

    tokenizer: Any
    model: Any = None
    padding: bool | str = True
    max_length: int | None = None
    pad_to_multiple_of: int | None = None
    label_pad_token_id: int = -100
    return_tensors: str = "pt"

    def __call__(self, features: Sequence[Any], return_tensors: str | None = None) -> dict[str, Any]:
        _, labels, rows = split_labels(features)
        batch = dict(padded(self, rows))
        if labels is not None:
            batch["labels"] = padded_labels(
                labels,
                length=self._label_length(labels),
                value=self.label_pad_token_id,
                left=self.tokenizer.padding_side == "left",
            )
            if hasattr(self.model, "prepare_decoder_input_ids_from_labels"):
                batch["decoder_input_ids"] = self.model.prepare_decoder_input_ids_from_labels(
                    labels=batch["labels"]
                )
        return as_tensors(batch, return_tensors or self.return_tensors)

    def _label_length(self, labels: Sequence[Any]) -> int:
        longest = max(len(label) for label in labels)
        if self.padding is False or self.padding == "do_not_pad":
            return longest
        if self.padding == "max_length" and self.max_length is not None:
            longest = self.max_length
        multiple = self.pad_to_multiple_of or 1
        return -(-longest // multiple) * multiple


@dataclass
class DataCollatorForMultipleChoice:
    """Pad all choices of all rows alike: columns of C lists each become (B, C, L)."""

    tokenizer: Any
    padding: bool | str = True
    max_length: int | None = None
    pad_to_multiple_of: int | None = None
    return_tensors: str = "pt"

    def __call__(self, features: Sequence[Any]) -> dict[str, Any]:
        _, labels, rows = split_labels(features)
        choices = {len(row["input_ids"]) for row in rows}
        if len(choices) != 1:
            raise InputError(f"Rows have {sorted(choices)} choices, expected the same number in each.")
        count = choices.pop()
        flat = [{name: values[i] for name, values in row.items()} for row in rows for i in range(count)]
        batch = {name: v.view(len(rows), count, -1) for name, v in padded(self, flat).items()}
        if labels is not None:
            batch["labels"] = torch.tensor(labels, dtype=torch.long)
        return as_tensors(batch, self.return_tensors)
