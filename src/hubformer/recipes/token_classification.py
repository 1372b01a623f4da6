"""A tag for each word: names and places, parts of speech.

The first token of a word has the word's tag; the others are not learnt (Devlin et al. 2018,
arXiv:1810.04805). Words are read with a space between them, as the pipeline reads running text: tokens of
many families differ where that space is missing.

Shapes:  B rows  L length  C labels
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, ClassVar

from torch import Tensor

from hubformer.errors import ConfigError, InputError
from hubformer.metrics.entities import EntityF1, check_scheme, spans
from hubformer.recipes.training_task import Record, Sample, TrainingTask, check_length, encoded_inputs
from hubformer.tasks.token_classification import COLUMN_ALIASES, REQUIRED_COLUMNS, tagged_words
from hubformer.training.masking import IGNORED

_OUTSIDE = "O"


@dataclass(frozen=True)
class Options:
    """max_length: in tokens, longer sentences are cut. labels: the tags in order; null: those of the data.

    scheme: how tags make up entities (IOB1, IOB2, BILOU, IOBES, lenient); null: they make up none, as parts
    of speech, and accuracy alone is measured.
    """

    max_length: int = 128
    labels: tuple[str, ...] | list[str] | None = None
    scheme: str | None = "IOB2"

    def __post_init__(self) -> None:
        check_length(self.max_length)
        if self.scheme is not None:
            check_scheme(self.scheme)
        if self.labels is not None and len(set(self.labels)) != len(self.labels):
            raise ConfigError("options.labels names a label twice; expected different names.")


class TokenClassification(TrainingTask):
    """Which kind of name, or none, each word belongs to; a word's tag is learnt at its first token."""

    head: ClassVar[str] = "AutoModelForTokenClassification"
    adapter_task: ClassVar[str | None] = "TOKEN_CLS"
    required_columns = REQUIRED_COLUMNS
    column_aliases = COLUMN_ALIASES
    Options: ClassVar[type] = Options

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        if self.options.scheme is not None:  # what evaluate measures are entities
            self.evaluation_task = "token-classification"
        self._places: dict[str, int] = {}

    def parse(self, record: Record, where: str) -> Record:
        found = tagged_words(record, where)
        names = self.options.labels
        tags = [
            names[tag] if names and isinstance(tag, int) and tag < len(names) else str(tag)
            for tag in found.tags
        ]
        if self.options.scheme is not None:
            try:
                spans(tags, scheme=self.options.scheme)
            except InputError as error:
                raise InputError(
                    f"{where}: {error} Set options.scheme, to null if the tags make up no entities."
                ) from None
        return {**record, "tokens": list(found.words), "tags": tags}

    def texts(self, records: Iterable[Record]) -> Iterator[str]:
        return (" ".join(record["tokens"]) for record in records)

    def model_options(self, records: Iterable[Record]) -> dict[str, Any]:
        names = self.options.labels or tag_names(record["tags"] for record in records)
        self._places = {name: place for place, name in enumerate(names)}
        return {"id2label": dict(enumerate(names)), "label2id": dict(self._places)}

    def encode(self, records: Sequence[Record], tokenizer: Any) -> Iterator[Sample]:
        texts = [" ".join(record["tokens"]) for record in records]
        encoded = tokenizer(
            texts, truncation=True, max_length=self.options.max_length, return_offsets_mapping=True
        )
        for place, record in enumerate(records):
            labels = [self._place(tag, record) for tag in record["tags"]]
            words = words_of(encoded["offset_mapping"][place], record["tokens"])
            yield {**encoded_inputs(encoded, place), "labels": of_tokens(labels, words)}

    def check_labels(self, record: Record) -> None:
        for tag in record["tags"]:
            self._place(tag, record)

    def _place(self, tag: str, record: Record) -> int:
        if tag not in self._places:
            raise InputError(
                f"The sentence {' '.join(record['tokens'])[:60]!r} has the tag {tag!r}, which is not "
                f"among the labels {', '.join(self._places)}. Name them all by options.labels."
            )
        return self._places[tag]

    def collator(self, tokenizer: Any) -> Callable[[list[Any]], Any]:
        from hubformer.training import DataCollatorForTokenClassification

        return DataCollatorForTokenClassification(tokenizer)

    def preprocess_logits(self) -> Callable[[Any, Any], Any]:
        return _best

    def compute_metrics(self) -> Callable[[Any], dict[str, float]]:
        return self._measured

    def _measured(self, prediction: Any) -> dict[str, float]:
        """Over the words that are in the rows."""
        names = list(self._places)
        counted = [row != IGNORED for row in prediction.label_ids]
        found, gold = (
            [[names[place] for place in row[here]] for row, here in zip(rows, counted, strict=True)]
            for rows in (prediction.predictions, prediction.label_ids)
        )
        if self.options.scheme is None:
            here = prediction.label_ids != IGNORED
            return {"accuracy": float((prediction.predictions == prediction.label_ids)[here].mean())}
        entities = EntityF1(scheme=self.options.scheme)
        entities.update(found, gold)
        values = entities.compute()
        return {name: values[name] for name in ("precision", "recall", "f1", "accuracy")}

    def evaluation_options(self) -> dict[str, Any]:
        length = self.options.max_length  # longer sentences are read in windows
        return {"scheme": self.options.scheme, "max_length": length, "stride": length // 4}


def tag_names(tags: Iterable[Sequence[str]]) -> list[str]:
    """The tags that occur, O first, the others by letter."""
    found = {tag for some in tags for tag in some}
    return [*([_OUTSIDE] if _OUTSIDE in found else []), *sorted(found - {_OUTSIDE})]


def words_of(offsets: Sequence[tuple[int, int]], words: Sequence[str]) -> list[int | None]:
    """The word that each token belongs to; None for tokens without characters, as special ones.

    offsets: the tokens' characters in the words concatenated by spaces.
    """
    begins = [0, *accumulate(len(word) + 1 for word in words)][:-1]
    text = " ".join(words)
    found: list[int | None] = []
    for start, end in offsets:
        piece = text[start:end]  # some tokenizers count the space before a word to its first token
        first = start + len(piece) - len(piece.lstrip())
        found.append(bisect_right(begins, first) - 1 if piece else None)
    return found


def of_tokens(labels: Sequence[int], words: Sequence[int | None]) -> list[int]:
    """A label for each token: a word's for its first one; what is not counted for the others."""
    before = [None, *words[:-1]]
    return [
        IGNORED if word is None or word == last else labels[word]
        for word, last in zip(words, before, strict=True)
    ]


def _best(scores: Tensor, labels: Tensor) -> Tensor:
    """scores (B, L, C), labels (B, L) -> (B, L)"""
    return scores.argmax(-1)
