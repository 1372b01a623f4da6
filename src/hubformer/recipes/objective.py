"""What a run learns: how records become rows, which head learns them, and how it is measured meanwhile."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, ClassVar

from hubformer.data import Records, read
from hubformer.errors import InputError, refuse_unknown
from hubformer.inference.progress import Bar
from hubformer.recipes.rows import Rows

Record = Mapping[str, Any]
Row = dict[str, Any]
_AT_ONCE = 1000  # records that the tokenizer gets in one call, which it spreads over the cores


class Objective:
    """One kind of training. An objective extends it; README.md of this folder says how."""

    head: ClassVar[str]  # the Auto class of the model
    task: ClassVar[str | None] = None  # what `hubformer evaluate` calls it
    needs: ClassVar[tuple[str, ...]] = ()  # columns
    usual: ClassVar[Mapping[str, tuple[str, ...]]] = {}  # other names of these columns
    Options: ClassVar[type]  # a dataclass: the recipe's `options`

    def __init__(self, options: Mapping[str, Any]) -> None:
        """
        Raises:
            UnknownArgument: an option that this objective does not have.
        """
        fields = {field.name: str(field.type) for field in dataclasses.fields(self.Options)}
        refuse_unknown(options, fields, call=f"options of the objective {type(self).__name__}")
        self.options: Any = self.Options(**options)

    def read(
        self, path: str, *, columns: Mapping[str, str], format: str | None, names: Sequence[str] | None
    ) -> Records:
        """The records of the run's files."""
        return read(path, columns=columns, needs=self.needs, usual=self.usual, format=format, names=names)

    def texts(self, records: Iterable[Record]) -> Iterator[str]:
        """What a new tokenizer learns from: every text of the records that is no label."""
        for record in records:
            wanted = [name for name in (*self.needs, "text_pair") if name != "label"]
            yield from (record[name] for name in wanted if isinstance(record.get(name), str))

    def head_settings(self, records: Iterable[Record]) -> dict[str, Any]:
        """What from_pretrained is told besides the name, such as the labels that the records have."""
        return {}

    def examples(self, records: Sequence[Record], tokenizer: Any) -> Iterator[Row]:
        """Some records as rows; there may be more or fewer of them."""
        raise NotImplementedError

    def prepare(self, tokenizer: Any, model: Any) -> None:
        """Called once before the first rows, with the tokenizer and the model of the run."""

    def rows(self, records: Iterable[Record], tokenizer: Any, *, name: str, count: int | None = None) -> Rows:
        """All records tokenised, once.

        Raises:
            InputError: there is no record, or one of them cannot be learnt from.
        """
        rows = Rows(self._all(records, tokenizer, count=count))
        if not len(rows):
            raise InputError(f"{name} gives no example to learn from.")
        return rows

    def _all(self, records: Iterable[Record], tokenizer: Any, *, count: int | None) -> Iterator[Row]:
        rest = iter(records)
        with Bar(count, unit=" records") as bar:
            while some := list(islice(rest, _AT_ONCE)):
                yield from self.examples(some, tokenizer)
                bar.advance(len(some))

    def collator(self, tokenizer: Any) -> Callable[[list[Any]], Any]:
        """Rows to a batch."""
        from hubformer.training import DataCollatorWithPadding

        return DataCollatorWithPadding(tokenizer)

    def reduction(self) -> Callable[[Any, Any], Any] | None:
        """What is kept of a held-out batch's scores, made of them and the labels; None: all of them."""
        return None

    def metrics(self) -> Callable[[Any], dict[str, float]] | None:
        """What the Trainer computes on held-out rows beside the loss."""
        return None


def inputs_of(encoded: Mapping[str, Any], place: int) -> Row:
    """One row of a batch that a tokenizer made. The mask is left out: rows have no padding yet."""
    kept = ("input_ids", "token_type_ids")
    return {name: encoded[name][place] for name in kept if name in encoded}
