"""A label for a text or a pair of texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from hubformer.data import Labels
from hubformer.errors import InputError
from hubformer.metrics.classification import Classification
from hubformer.recipes.training_task import (
    Record,
    Sample,
    TrainingTask,
    check_length,
    encoded_inputs,
    text_of,
)


@dataclass(frozen=True)
class Options:
    """max_length: in tokens, longer texts are cut. labels: the names in order; null: those of the data."""

    max_length: int = 128
    labels: tuple[str, ...] | list[str] | None = None

    def __post_init__(self) -> None:
        check_length(self.max_length)


class Texts(TrainingTask):
    """What is learnt of a text or a pair of texts. An objective extends it with the label."""

    head: ClassVar[str] = "AutoModelForSequenceClassification"
    adapter_task: ClassVar[str | None] = "SEQ_CLS"
    evaluation_task = "text-classification"
    required_columns = ("text", "label")
    column_aliases: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "text": ("sentence", "sentence1", "premise", "review", "question"),
        "text_pair": ("sentence2", "hypothesis"),
        "label": ("labels", "sentiment", "score"),
    }

    def parse(self, record: Record, where: str) -> Record:
        for column in ("text", "text_pair"):
            if column == "text" or column in record:
                text_of(record, column, where)
        if record["label"] is None or not str(record["label"]).strip():
            raise InputError(f"The label of {where} is {record['label']!r}. Leave the record out.")
        return record

    def encode(self, records: Sequence[Record], tokenizer: Any) -> Iterator[Sample]:
        pairs = [record["text_pair"] for record in records if "text_pair" in record]
        if pairs and len(pairs) < len(records):
            lone = next(record for record in records if "text_pair" not in record)
            raise InputError(
                f"{len(pairs)} records have a text_pair, but not {lone['text'][:60]!r}; expected all or none."
            )
        encoded = tokenizer(
            [record["text"] for record in records],
            pairs or None,
            truncation=True,
            max_length=self.options.max_length,
        )
        for place, record in enumerate(records):
            yield {**encoded_inputs(encoded, place), "labels": self.label(record)}

    def label(self, record: Record) -> int | float:
        """What the model is to say of a record."""
        raise NotImplementedError

    def evaluation_options(self) -> dict[str, Any]:
        return {"truncation": True, "max_length": self.options.max_length}


class TextClassification(Texts):
    Options: ClassVar[type] = Options

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self._names: list[str] = list(self.options.labels or ())
        self._labels = Labels(self._names) if self._names else None
        self._found: dict[str, int] = {}  # what the data says, where it gave the names, to the label's number

    def model_options(self, records: Iterable[Record]) -> dict[str, Any]:
        if self._labels is None:
            values = distinct(record["label"] for record in records)
            self._names = names_of(values)
            self._found = {value: place for place, value in enumerate(values)}
        return {
            "id2label": dict(enumerate(self._names)),
            "label2id": {name: place for place, name in enumerate(self._names)},
            "problem_type": "single_label_classification",
        }

    def label(self, record: Record) -> int:
        value, where = record["label"], f"The label of {record['text'][:60]!r}"
        if self._labels is not None:
            return self._labels.index(value, where)
        if (place := self._found.get(plain(value))) is None:
            raise InputError(
                f"{where} is {value!r}, which the training data does not have; it has "
                f"{', '.join(self._found)}."
            )
        return place

    def compute_metrics(self) -> Callable[[Any], dict[str, float]]:
        return partial(_measured, count=len(self._names))

    def evaluation_options(self) -> dict[str, Any]:
        renamed = {value: self._names[place] for value, place in self._found.items()}
        return {**super().evaluation_options(), "labels": renamed or None}


def plain(label: Any) -> str:
    """A label of the data as a text: 1, 1.0 and "1" are one."""
    label = label.item() if hasattr(label, "item") else label
    return str(int(label) if isinstance(label, float) and label.is_integer() else label).strip()


def distinct(labels: Iterable[Any]) -> list[str]:
    """The labels that occur, numbers by size and names by letter.

    Raises:
        InputError: fewer than two, or so many that they are rather texts or measurements.
    """
    found = {plain(label) for label in labels}
    if not 2 <= len(found) <= 1000:
        some = ", ".join(repr(name) for name in sorted(found)[:5])
        raise InputError(
            f"The column of labels has {len(found)} different values ({some}{', …' * (len(found) > 5)}), "
            "expected 2 to 1000. Say which column it is by data.columns.label, or learn numbers with the "
            "objective regression."
        )
    if all(name.isdecimal() for name in found):
        return sorted(found, key=int)
    return sorted(found)


def names_of(labels: Sequence[str]) -> list[str]:
    """How a model calls them: LABEL_0, LABEL_1, … where the data numbers its labels as a model does."""
    if list(labels) == list(map(str, range(len(labels)))):
        return [f"LABEL_{label}" for label in labels]
    return list(labels)


def _measured(prediction: Any, *, count: int) -> dict[str, float]:
    """accuracy, Matthews' correlation, and f1: of label number 1 if there are two, else the mean of all."""
    found = Classification(labels=range(count), positive=1 if count == 2 else None)
    found.update(prediction.predictions.argmax(-1), prediction.label_ids)
    values = found.compute()
    f1 = "f1" if count == 2 else "f1_macro"
    return {name: values[name] for name in ("accuracy", f1, "matthews")}
