"""What the objectives of pre-training share: documents as sentences of ids, and what is measured.

Shapes:  B rows  L length  V vocabulary
"""

from __future__ import annotations

import inspect
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from hubformer.data import RecordDataset, documents, sentence_spans
from hubformer.errors import InputError
from hubformer.progress import Bar
from hubformer.recipes.dataset import TokenizedDataset
from hubformer.recipes.training_task import Record, Sample, TrainingTask

Sentence = Sequence[int]
Document = Sequence[Sentence]


@dataclass(frozen=True)
class Options:
    """max_length: of a row, in tokens, the special ones included."""

    max_length: int = 128


class DocumentTask(TrainingTask):
    """Learning from a corpus: its records are documents."""

    required_columns = ("text",)

    def read(
        self, path: str, *, columns: Mapping[str, str], format: str | None, names: Sequence[str] | None
    ) -> RecordDataset:
        return documents(path, columns=columns, format=format, names=names)


class Pretraining(DocumentTask):
    """Learning from documents as sentences. An objective extends it with `samples`, and says how many texts a
    row has."""

    Options: ClassVar[type] = Options
    pairs: ClassVar[bool] = False  # whether a row is two texts
    forward_arguments: tuple[str, ...] = ("labels",)  # what the model's forward has to take

    def prepare(self, tokenizer: Any, model: Any) -> None:
        forward = inspect.signature(model.forward).parameters
        if absent := [name for name in self.forward_arguments if name not in forward]:
            raise InputError(
                f"{type(model).__name__} takes no {', '.join(absent)}, which this objective needs. Choose a "
                "model of another family, or another objective."
            )
        super().prepare(tokenizer, model)
        least = tokenizer.num_special_tokens_to_add(pair=self.pairs) + 2
        if self.options.max_length < least:
            raise InputError(f"max_length is {self.options.max_length}, expected at least {least} tokens.")

    def rows(
        self, records: Iterable[Record], tokenizer: Any, *, name: str, count: int | None = None
    ) -> TokenizedDataset:
        room = self.text_budget(tokenizer)
        found: list[Document] = []
        with Bar(count, unit=" documents") as bar:
            for record in records:
                if document := tokenize_document(
                    record["text"], tokenizer, most=room // 2 if self.pairs else room
                ):
                    found.append(document)
                bar.advance(1)
        rows = TokenizedDataset(self.samples(found, tokenizer))
        if not len(rows):
            raise InputError(
                f"{name} gives no row to learn from: it has {len(found)} documents with text, of "
                f"{sum(len(sentence) for document in found for sentence in document)} tokens."
            )
        return rows

    def text_budget(self, tokenizer: Any) -> int:
        """The tokens of a row that are not special."""
        most: int = self.options.max_length
        return most - int(tokenizer.num_special_tokens_to_add(pair=self.pairs))

    def samples(self, documents: Sequence[Document], tokenizer: Any) -> Iterator[Sample]:
        """The rows that are made of documents; no sentence is longer than a text's room."""
        raise NotImplementedError


def tokenize_document(text: str, tokenizer: Any, *, most: int) -> Document:
    """The ids of each sentence, as they are in the whole text; longer ones are cut to at most `most`."""
    if not isinstance(text, str):
        raise InputError(f"A document is {text!r}, expected a text.")
    lines = [line for line in text.split("\n") if line.strip()]
    if not lines:
        return []
    encoded = tokenizer(lines, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    found: list[Sentence] = []
    for line, ids, offsets in zip(lines, encoded["input_ids"], encoded["offset_mapping"], strict=True):
        ends = [end for _, end in offsets]
        begin = 0
        cuts = [bisect_right(ends, end) for _, end in sentence_spans(line)]
        for stop in (*cuts[:-1], len(ids)):
            found += _parts(ids[begin:stop], most=most)
            begin = max(begin, stop)
    return found


def _parts(ids: Sequence[int], *, most: int) -> Iterator[Sentence]:
    """Parts of nearly equal length, as few as possible."""
    count = -(-len(ids) // most)
    for part in range(count):
        yield array("i", ids[part * len(ids) // count : (part + 1) * len(ids) // count])


def sentences_end(document: Document, begin: int, *, tokens: int, least: int) -> int:
    """Behind the last of the sentences from `begin` on that together have at most so many tokens; `least`
    sentences are taken anyway, where there are so many."""
    stop, size = begin, 0
    while stop < len(document):
        size += len(document[stop])
        if size > tokens and stop - begin >= least:
            break
        stop += 1
    return stop


def concatenated(document: Document) -> list[int]:
    return [index for sentence in document for index in sentence]


def sample_of(tokenizer: Any, first: list[int], second: list[int] | None = None) -> Sample:
    """One text or two with the special tokens around them."""
    row: Sample = {"input_ids": tokenizer.build_inputs_with_special_tokens(first, second)}
    if "token_type_ids" in tokenizer.model_input_names:
        row["token_type_ids"] = tokenizer.create_token_type_ids_from_sequences(first, second)
    return row
