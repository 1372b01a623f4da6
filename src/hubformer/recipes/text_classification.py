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
)
from hubformer.tasks import text_classification as tasks


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
    required_columns = tasks.TextClassification.required_columns
    column_aliases = tasks.TextClassification.column_aliases
    definition: ClassVar[tasks.TextClassification] = tasks.TextClassification()

    def parse(self, record: Record, where: str) -> Record:
        example = self.definition.parse(record, where)
        pair = {} if example.text_pair is None else {"text_pair": example.text_pair}
        return {"text": example.text, **pair, "label": example.label}

    def check_labels(self, record: Record) -> None:
        self.label(record)

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
            values = tasks.label_values(record["label"] for record in records)
            self._names = tasks.names_of_labels(values)
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
        if (place := self._found.get(tasks.plain_label(value))) is None:
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


def _measured(prediction: Any, *, count: int) -> dict[str, float]:
    """accuracy, Matthews' correlation, and f1: of label number 1 if there are two, else the mean of all."""
    found = Classification(labels=range(count), positive=1 if count == 2 else None)
    found.update(prediction.predictions.argmax(-1), prediction.label_ids)
    values = found.compute()
    f1 = "f1" if count == 2 else "f1_macro"
    return {name: values[name] for name in ("accuracy", f1, "matthews")}
