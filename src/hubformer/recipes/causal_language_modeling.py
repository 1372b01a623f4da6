"""The next token of a corpus (Radford et al. 2019), in rows without padding.

Documents are concatenated, each with the tokenizer's end-of-text token behind it, and cut into rows of equal
length; the remainder at the end is dropped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar

from hubformer.errors import InputError
from hubformer.metrics.token_sums import StreamedSums, next_token_sums
from hubformer.progress import Bar
from hubformer.recipes.dataset import TokenizedDataset
from hubformer.recipes.pretraining import DocumentTask
from hubformer.recipes.training_task import Record, check_length
from hubformer.training.collate import default_data_collator
from hubformer.training.packing import packed_blocks

_BATCH = 100  # documents


@dataclass(frozen=True)
class Options:
    """max_length: of a row, in tokens."""

    max_length: int = 256

    def __post_init__(self) -> None:
        check_length(self.max_length, least=2)


class CausalLanguageModeling(DocumentTask):
    head: ClassVar[str] = "AutoModelForCausalLM"
    adapter_task: ClassVar[str | None] = "CAUSAL_LM"
    Options: ClassVar[type] = Options

    def parse(self, record: Record, where: str) -> Record:
        if not isinstance(record["text"], str):
            raise InputError(f"The text of {where} is {record['text']!r}, expected a text.")
        return record

    def prepare(self, tokenizer: Any, model: Any) -> None:
        super().prepare(tokenizer, model)
        if _end(tokenizer) is None:
            raise InputError(
                "The tokenizer has no end-of-text token (eos_token), which stands between documents. Choose "
                "another tokenizer."
            )

    def rows(
        self, records: Iterable[Record], tokenizer: Any, *, name: str, count: int | None = None
    ) -> TokenizedDataset:
        ids = _ids(records, tokenizer, count=count)
        rows = TokenizedDataset(packed_blocks(ids, length=self.options.max_length, separator=_end(tokenizer)))
        if not len(rows):
            raise InputError(
                f"{name} has fewer tokens than the {self.options.max_length} of a row. Set a smaller "
                "options.max_length, or add texts."
            )
        return rows

    def collator(self, tokenizer: Any) -> Callable[[list[Any]], Any]:
        return default_data_collator

    def preprocess_logits(self) -> Callable[[Any, Any], Any]:
        return next_token_sums

    def compute_metrics(self) -> Callable[[Any], dict[str, float]]:
        return StreamedSums(_measured)


def _end(tokenizer: Any) -> int | None:
    found = (getattr(tokenizer, name, None) for name in ("eos_token_id", "sep_token_id"))
    return next((index for index in found if index is not None), None)


def _ids(records: Iterable[Record], tokenizer: Any, *, count: int | None) -> Iterator[list[int]]:
    rest = iter(records)
    with Bar(count, unit=" documents") as bar:
        while some := [record["text"] for record in islice(rest, _BATCH)]:
            yield from tokenizer(some, add_special_tokens=False, verbose=False)["input_ids"]
            bar.advance(len(some))


def _measured(sums: Any) -> dict[str, float]:
    tokens = max(1.0, float(sums[1]))
    return {"perplexity": math.exp(float(sums[0]) / tokens), "accuracy": float(sums[2]) / tokens}
