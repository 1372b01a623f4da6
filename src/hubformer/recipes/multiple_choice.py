"""Which of several texts goes on from a first one, or answers it (Zellers et al. 2018, arXiv:1808.05326).

A row holds the choices of a record one behind the other, each padded to the longest of them.

Shapes:  B rows  C choices  L length
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from hubformer.errors import InputError
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
    """max_length: of the text with one choice, in tokens; the longer of the two is cut."""

    max_length: int = 128

    def __post_init__(self) -> None:
        check_length(self.max_length, least=5)


class MultipleChoice(TrainingTask):
    head: ClassVar[str] = "AutoModelForMultipleChoice"
    required_columns = ("text", "label")
    column_aliases: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "text": ("context", "question", "startphrase"),
        "choices": ("endings", "answers", "options"),
        "label": ("labels", "answer"),
    }
    Options: ClassVar[type] = Options

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self._count = 0  # choices of every record

    def parse(self, record: Record, where: str) -> Record:
        text_of(record, "text", where)
        choices = record.get("choices") or [record[name] for name in sorted(filter(_is_choice, record))]
        if not isinstance(choices, list) or len(choices) < 2 or not all(isinstance(c, str) for c in choices):
            raise InputError(
                f"The choices of {where} are {choices!r}; expected a list of two texts or more in the column "
                "choices, or columns ending0, ending1 and so on (or choice0, choice1)."
            )
        self._count = self._count or len(choices)
        if len(choices) != self._count:
            raise InputError(
                f"{where} has {len(choices)} choices, expected {self._count} as in the first one."
            )
        if not str(record["label"]).isdecimal() or int(record["label"]) >= len(choices):
            raise InputError(
                f"The label of {where} is {record['label']!r}, expected the number of the right choice, 0 to "
                f"{len(choices) - 1}."
            )
        return {**record, "choices": choices, "label": int(record["label"])}

    def model_options(self, records: Iterable[Record]) -> dict[str, Any]:
        return {"new_head": True}

    def texts(self, records: Iterable[Record]) -> Iterator[str]:
        for record in records:
            yield from (record["text"], *record["choices"])

    def encode(self, records: Sequence[Record], tokenizer: Any) -> Iterator[Sample]:
        encoded = tokenizer(
            [record["text"] for record in records for _ in record["choices"]],
            [choice for record in records for choice in record["choices"]],
            truncation=True,
            max_length=self.options.max_length,
        )
        for place, record in enumerate(records):
            first = place * self._count
            some = [encoded_inputs(encoded, first + choice) for choice in range(self._count)]
            padded = tokenizer.pad(some, padding=True)
            flat = {name: [i for choice in padded[name] for i in choice] for name in padded}
            yield {**flat, "labels": record["label"]}

    def collator(self, tokenizer: Any) -> Callable[[list[Any]], Any]:
        from hubformer.training import DataCollatorForMultipleChoice

        padded = DataCollatorForMultipleChoice(tokenizer)
        return lambda rows: padded([_apart(row, self._count) for row in rows])

    def compute_metrics(self) -> Callable[[Any], dict[str, float]]:
        return _accuracy


def _is_choice(column: str) -> bool:
    return column[:-1] in ("ending", "choice") and column[-1].isdecimal()


def _apart(row: Sample, count: int) -> Sample:
    """Flat columns as (C, L)."""
    length = len(row["input_ids"]) // count
    found: Sample = {"labels": row["labels"]}
    for name, values in row.items():
        if name != "labels":
            found[name] = [values[place * length : (place + 1) * length] for place in range(count)]
    return found


def _accuracy(prediction: Any) -> dict[str, float]:
    """predictions (B, C), label_ids (B,)"""
    return {"accuracy": float((prediction.predictions.argmax(-1) == prediction.label_ids).mean())}
