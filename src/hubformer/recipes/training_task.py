"""What a run learns: how records become rows, which head learns them, and how it is measured meanwhile."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

from hubformer.data import RecordDataset, read
from hubformer.errors import ConfigError, InputError
from hubformer.pretrained.tokenizer import length_limit
from hubformer.progress import Bar
from hubformer.recipes.dataset import TokenizedDataset
from hubformer.recipes.renamed import refuse_old_options
from hubformer.recipes.typed import typed

Record = Mapping[str, Any]
Sample = dict[str, Any]
_BATCH = 1000  # records that the tokenizer gets in one call, which it spreads over the cores


class TrainingTask:
    """One kind of training. An objective extends it; README.md of this folder says how."""

    head: ClassVar[str]  # the Auto class of the model
    evaluation_task: str | None = None  # what `hubformer evaluate` calls it
    required_columns: ClassVar[tuple[str, ...]] = ()  # columns
    column_aliases: ClassVar[Mapping[str, tuple[str, ...]]] = {}  # other names of these columns
    adapter_task: ClassVar[str | None] = None  # PEFT's name, by which an adapter keeps the head
    packages: tuple[str, ...] = ()  # modules that the measurement at the end needs
    Options: ClassVar[type]  # a dataclass: the recipe's `options`

    def __init__(self, options: Mapping[str, Any]) -> None:
        """
        Raises:
            UnknownArgument: an option that this objective does not have. ConfigError: a value that it cannot
                have.
        """
        where = f"options of the objective {type(self).__name__}"
        refuse_old_options(options, [one.name for one in dataclasses.fields(self.Options)])
        self.options: Any = typed(self.Options, options, where=where)

    def read(
        self, path: str, *, columns: Mapping[str, str], format: str | None, names: Sequence[str] | None
    ) -> RecordDataset:
        """The records of the run's files."""
        return read(
            path,
            columns=columns,
            required_columns=self.required_columns,
            column_aliases=self.column_aliases,
            format=format,
            names=names,
        )

    def parse(self, record: Record, where: str) -> Record:
        """A record as the other methods take it. where: how an error calls it.

        Raises:
            InputError: it cannot be learnt from.
        """
        return record

    def check_labels(self, record: Record) -> None:
        """Called with checked records on which the result is measured, once the labels are known.

        Raises:
            InputError: a label that the model does not learn.
        """

    def texts(self, records: Iterable[Record]) -> Iterator[str]:
        """What a new tokenizer learns from: every text of the records that is no label."""
        for record in records:
            wanted = [name for name in (*self.required_columns, "text_pair") if name != "label"]
            yield from (record[name] for name in wanted if isinstance(record.get(name), str))

    def model_options(self, records: Iterable[Record]) -> dict[str, Any]:
        """What from_pretrained is told besides the name, such as the labels that the records have."""
        return {}

    def encode(self, records: Sequence[Record], tokenizer: Any) -> Iterator[Sample]:
        """Some checked records as rows; there may be more or fewer of them."""
        raise NotImplementedError

    def prepare(self, tokenizer: Any, model: Any) -> None:
        """Called once before the first rows, with the tokenizer and the model of the run.

        Raises:
            InputError: they cannot learn this, such as rows that are longer than the model reads.
        """
        most = length_limit(model.config)
        if most is not None and self.options.max_length > most:
            raise InputError(
                f"max_length is {self.options.max_length}, but the model reads at most {most} tokens. Add "
                f"options.max_length={most}, or less."
            )

    def wrap_model(self, model: Any) -> Any:
        """What the Trainer trains: the model, or a module around it, made when the model is prepared."""
        return model

    def unwrap_model(self, model: Any, *, folder: Path, tokenizer: Any) -> Any:
        """The model that the run leaves in its folder; what else was trained may be kept beside it."""
        return model

    def rows(
        self, records: Iterable[Record], tokenizer: Any, *, name: str, count: int | None = None
    ) -> TokenizedDataset:
        """All checked records tokenised, once. name: how an error calls them; count: of the records.

        Raises:
            InputError: there is no record, or one of them cannot be learnt from.
        """
        rows = TokenizedDataset(self._all(records, tokenizer, count=count))
        if not len(rows):
            raise InputError(f"{name} gives no example to learn from.")
        return rows

    def _all(self, records: Iterable[Record], tokenizer: Any, *, count: int | None) -> Iterator[Sample]:
        rest = iter(records)
        with Bar(count, unit=" records") as bar:
            while some := list(islice(rest, _BATCH)):
                yield from self.encode(some, tokenizer)
                bar.advance(len(some))

    def collator(self, tokenizer: Any) -> Callable[[list[Any]], Any]:
        """TokenizedDataset to a batch."""
        from hubformer.training import DataCollatorWithPadding

        return DataCollatorWithPadding(tokenizer)

    def preprocess_logits(self) -> Callable[[Any, Any], Any] | None:
        """What is kept of a held-out batch's scores, made of them and the labels; None: all of them."""
        return None

    def compute_metrics(self) -> Callable[[Any], dict[str, float]] | None:
        """What the Trainer computes on held-out rows beside the loss."""
        return None

    def evaluation_options(self) -> dict[str, Any]:
        """What `evaluate` is told when the training is over, so that it reads as the training did."""
        return {}


def encoded_inputs(encoded: Mapping[str, Any], place: int) -> Sample:
    """One row of a batch that a tokenizer made. The mask is left out: rows have no padding yet."""
    kept = ("input_ids", "token_type_ids")
    return {name: encoded[name][place] for name in kept if name in encoded}


def text_of(record: Record, column: str, where: str) -> str:
    """A record's text in a column.

    Raises:
        InputError: there is none.
    """
    text = record[column]
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"The {column} of {where} is {text!r}, expected a text. Leave the record out.")
    return text


def check_length(max_length: int, *, least: int = 3) -> None:
    """Raise ConfigError for a length that leaves no room beside the special tokens."""
    if max_length < least:
        raise ConfigError(f"options.max_length is {max_length}, expected at least {least} tokens.")
