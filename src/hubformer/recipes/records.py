"""A run's records: those that are learnt from, and those that are held out to measure on."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, islice

from hubformer.data import Columns, RecordDataset
from hubformer.errors import InputError
from hubformer.recipes.recipe import Data, Paths
from hubformer.recipes.training_task import Record, TrainingTask


@dataclass(frozen=True)
class Split:
    """Checked records; held_out is empty where nothing is measured."""

    train: list[Record]
    held_out: list[Record]
    held_out_name: str


def paths_of(given: Paths | None) -> tuple[str, ...]:
    """One path or several as several."""
    return () if given is None else (given,) if isinstance(given, str) else tuple(given)


def split(task: TrainingTask, data: Data) -> Split:
    """Read and check all records.

    Raises:
        InputError: no data, no such file, or a record that cannot be learnt from, named by its place.
    """
    if not paths_of(data.train):
        raise InputError(
            "The recipe does not say where its training data is. Add data.train=PATH (CSV, TSV, JSON lines, "
            f"Parquet, or what data.format names) with the columns {', '.join(task.required_columns)}."
        )
    train = _checked(task, records_of(task, data, paths=data.train), limit=data.limit)
    if data.valid:
        found = records_of(task, data, paths=data.valid)
        return Split(train, _checked(task, found, limit=data.valid_limit), found.name)
    held = held_out(len(train), data.holdout)
    name = f"{len(held):,} records of {', '.join(paths_of(data.train))}"
    return Split([r for i, r in enumerate(train) if i not in held], [train[i] for i in sorted(held)], name)


def records_of(task: TrainingTask, data: Data, *, paths: Paths | None) -> RecordDataset:
    """The records of one file or of several, one behind the other, as the recipe says they are read."""
    found = [
        task.read(path, columns=data.columns, format=data.format, names=data.names)
        for path in paths_of(paths)
    ]
    if len(found) == 1:
        return found[0]
    name = ", ".join(one.name for one in found)
    return RecordDataset(lambda: chain.from_iterable(found), name=name, columns=Columns())


def kept(records: Sequence[Record], *, name: str) -> RecordDataset:
    """Records in memory as `evaluate` takes them, under a name of their own."""
    return RecordDataset(lambda: iter(records), name=name, columns=Columns(), count=len(records))


def held_out(count: int, asked: float) -> set[int]:
    """Which of `count` records are kept out: so many, or such a share of them, the same in every run.

    Raises:
        InputError: none would be left to learn from.
    """
    number = int(asked) if asked >= 1 else max(1, round(count * asked)) if asked else 0
    if number and number >= count:
        raise InputError(f"data.holdout is {asked}, but there are {count} records.")
    order = list(range(count))
    random.Random(0).shuffle(order)
    return set(order[:number])


def _checked(task: TrainingTask, records: RecordDataset, *, limit: int | None) -> list[Record]:
    return [
        task.parse(record, f"record {place} of {records.name}")
        for place, record in enumerate(islice(records, limit))
    ]
