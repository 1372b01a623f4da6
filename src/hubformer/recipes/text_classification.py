"""A label, or a number, for a text or a pair of texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hubformer.data import Labels
from hubformer.errors import InputError
from hubformer.recipes.objective import Objective, Record, Row, inputs_of


@dataclass(frozen=True)
class Options:
    """max_length: in tokens, longer texts are cut. labels: the names in order, where the data has numbers.

    regression: learn a number (STS-B) instead of a label.
    """

    max_length: int = 128
    labels: tuple[str, ...] | list[str] | None = None
    regression: bool = False


class TextClassification(Objective):
    head: ClassVar[str] = "AutoModelForSequenceClassification"
    task: ClassVar[str | None] = "text-classification"
    needs = ("text", "label")
    usual: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "text": ("sentence", "sentence1", "premise", "review", "question"),
        "text_pair": ("sentence2", "hypothesis"),
        "label": ("labels", "sentiment", "score"),
    }
    Options: ClassVar[type] = Options

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self._labels: Labels | None = None

    def head_settings(self, records: Iterable[Record]) -> dict[str, Any]:
        if self.options.regression:
            return {"num_labels": 1, "problem_type": "regression"}
        names = self.options.labels or label_names(record["label"] for record in records)
        self._labels = Labels(tuple(names))
        return {
            "id2label": dict(enumerate(names)),
            "label2id": {name: place for place, name in enumerate(names)},
            "problem_type": "single_label_classification",
        }

    def examples(self, records: Sequence[Record], tokenizer: Any) -> Iterator[Row]:
        texts = [_text(record) for record in records]
        pairs = [_text(record, "text_pair") for record in records] if "text_pair" in records[0] else None
        encoded = tokenizer(texts, pairs, truncation=True, max_length=self.options.max_length)
        for place, record in enumerate(records):
            yield {**inputs_of(encoded, place), "labels": self._label(record)}

    def _label(self, record: Record) -> int | float:
        value = record["label"]
        if self._labels is not None:
            return self._labels.index(value, f"The label of {_text(record)[:60]!r}")
        try:
            return float(value)
        except (TypeError, ValueError):
            raise InputError(f"The label is {value!r}, expected a number: this is a regression.") from None

    def metrics(self) -> Callable[[Any], dict[str, float]]:
        return _regression if self.options.regression else _accuracy


def label_names(values: Iterable[Any]) -> list[str]:
    """The labels that occur, numbers by size and names by letter.

    Raises:
        InputError: fewer than two, or so many that they are rather texts or measurements.
    """
    found = {str(value).strip() for value in values}
    if not 2 <= len(found) <= 1000:
        some = ", ".join(repr(name) for name in sorted(found)[:5])
        raise InputError(
            f"The column of labels has {len(found)} different values ({some}, …), expected 2 to 1000. Say "
            "which column it is by data.columns.label, or learn a number with options.regression=true."
        )
    if all(name.isdecimal() for name in found):
        numbers = sorted(map(int, found))
        own = numbers == list(range(len(numbers)))  # the data numbers its labels as a model does
        return [f"LABEL_{number}" if own else str(number) for number in numbers]
    return sorted(found)


def _text(record: Record, column: str = "text") -> str:
    text = record[column]
    if not isinstance(text, str):
        raise InputError(f"A record's {column} is {text!r}, expected a text.")
    return text


def _accuracy(prediction: Any) -> dict[str, float]:
    return {"accuracy": float((prediction.predictions.argmax(-1) == prediction.label_ids).mean())}


def _regression(prediction: Any) -> dict[str, float]:
    found, gold = prediction.predictions.reshape(-1), prediction.label_ids.reshape(-1)
    return {"pearson": float(np.corrcoef(found, gold)[0, 1])}
