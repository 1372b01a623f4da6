"""v4's records of its older data processors."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass
class InputExample:
    """A text or a pair of texts, with its label."""

    guid: str
    text_a: str
    text_b: str | None = None
    label: str | None = None

    def to_json_string(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"


@dataclass(frozen=True)
class InputFeatures:
    """One example as a model takes it."""

    input_ids: list[int]
    attention_mask: list[int] | None = None
    token_type_ids: list[int] | None = None
    label: int | float | None = None

    def to_json_string(self) -> str:
        return json.dumps(asdict(self)) + "\n"


class DataProcessor:
    """To subclass: where a data set's examples and labels come from."""

    def get_example_from_tensor_dict(self, tensor_dict: Any) -> InputExample:
        raise NotImplementedError

    def get_train_examples(self, data_dir: str) -> list[InputExample]:
        raise NotImplementedError

    def get_dev_examples(self, data_dir: str) -> list[InputExample]:
        raise NotImplementedError

    def get_test_examples(self, data_dir: str) -> list[InputExample]:
        raise NotImplementedError

    def get_labels(self) -> list[str]:
        raise NotImplementedError

    @classmethod
    def _read_tsv(cls, input_file: str, quotechar: str | None = None) -> list[list[str]]:
        with Path(input_file).open(encoding="utf-8-sig") as file:
            return list(csv.reader(file, delimiter="\t", quotechar=quotechar))


class SingleSentenceClassificationProcessor(DataProcessor):
    """Examples of one text each, from lists in memory."""

    def __init__(
        self,
        labels: Sequence[str] | None = None,
        examples: Sequence[InputExample] | None = None,
        mode: str = "classification",
        verbose: bool = False,
    ) -> None:
        self.labels, self.examples = list(labels or ()), list(examples or ())
        self.mode, self.verbose = mode, verbose

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, idx: int) -> InputExample:
        return self.examples[idx]
