"""A number for a text or a pair of texts, such as how much two sentences mean the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from hubformer.metrics.regression import Errors, Pearson
from hubformer.recipes.text_classification import Texts
from hubformer.recipes.training_task import Record, check_length
from hubformer.tasks.text_classification import TextClassification, TextRegression


@dataclass(frozen=True)
class Options:
    """max_length: in tokens, longer texts are cut."""

    max_length: int = 128

    def __post_init__(self) -> None:
        check_length(self.max_length)


class Regression(Texts):
    Options: ClassVar[type] = Options
    definition: ClassVar[TextClassification] = TextRegression()
    packages = ("scipy.stats",)  # for Spearman's correlation

    def model_options(self, records: Iterable[Record]) -> dict[str, Any]:
        return {"num_labels": 1, "problem_type": "regression"}

    def label(self, record: Record) -> float:
        return float(record["label"])

    def collator(self, tokenizer: Any) -> Callable[[list[Any]], Any]:
        padded = super().collator(tokenizer)

        def collated(rows: list[Any]) -> Any:
            batch = padded(rows)
            return {**batch, "labels": batch["labels"].float()}

        return collated

    def compute_metrics(self) -> Callable[[Any], dict[str, float]]:
        return _measured


def _measured(prediction: Any) -> dict[str, float]:
    found: dict[str, float] = {}
    for metric in (Pearson(), Errors()):
        metric.update(prediction.predictions.reshape(-1), prediction.label_ids.reshape(-1))
        found |= metric.compute()
    return found
