"""Labels for texts: sentiment, topics, several labels at once, a number, or how two texts relate.

Shapes:  B examples  N labels
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from hubformer.data import Labels
from hubformer.errors import InputError, suggestion
from hubformer.inference import TextBatcher
from hubformer.metrics.classification import Calibration, Classification, ConfusionMatrix, RocAuc
from hubformer.metrics.metric import Metric
from hubformer.metrics.regression import Errors, Pearson, Spearman
from hubformer.tasks.base import EncodedBatch, Record, Task, TaskMetrics
from hubformer.tasks.options import TextOptions
from hubformer.tasks.text import check_text, described, quoted

LabelScore = dict[str, Any]  # {"label": str, "score": float}
Answer = LabelScore | list[LabelScore]
Function = Literal["sigmoid", "softmax", "none"]
_FUNCTIONS = ("sigmoid", "softmax", "none")
_PAIR = 'a text, a pair {"text": ..., "text_pair": ...}, or a list of those'


class _Unset(Enum):
    UNSET = "not given"


@dataclass(frozen=True)
class TextExample:
    """A text or a pair of texts; label: as the data has it, None where there is none."""

    text: str
    text_pair: str | None = None
    label: Any = None


@dataclass(frozen=True)
class TextClassificationOptions(TextOptions):
    """top_k: how many labels, best first; None: all. function_to_apply: from logits to scores."""

    top_k: int | _Unset | None = _Unset.UNSET
    function_to_apply: str | None = None  # None: by the model's configuration
    return_all_scores: bool | None = None  # the older way to ask for all; not sorted

    def __post_init__(self) -> None:
        super().__post_init__()
        top_k: Any = self.top_k
        if top_k == "":  # v4's own mark of an option that is not given
            object.__setattr__(self, "top_k", _Unset.UNSET)
        elif top_k not in (None, _Unset.UNSET) and (not isinstance(top_k, int) or top_k is True or top_k < 1):
            raise InputError(
                f"top_k is {top_k!r}, expected a whole number of at least 1, or None for all labels."
            )
        if self.return_all_scores not in (None, True, False):
            raise InputError(f"return_all_scores is {self.return_all_scores!r}, expected True or False.")
        object.__setattr__(self, "function_to_apply", _function_named(self.function_to_apply))


class TextClassification(Task[TextExample, Answer]):
    """One label for each text or pair; or several, where the model's problem_type says so."""

    name = "text-classification"
    aliases = ("sentiment-analysis",)
    head = "AutoModelForSequenceClassification"
    model_task = "sequence-classification"
    Options = TextClassificationOptions
    accepted = _PAIR
    required_columns = ("text", "label")
    column_aliases: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "text": ("sentence", "sentence1", "premise", "review", "question"),
        "text_pair": ("sentence2", "hypothesis"),
        "label": ("labels", "sentiment", "score"),
    }

    def parse(self, record: Record, where: str) -> TextExample:
        pair = record.get("text_pair")
        for column in ("text", "text_pair"):
            text = record.get(column)
            if (column == "text" or pair is not None) and not (isinstance(text, str) and text.strip()):
                raise InputError(
                    f"The {column} of {where} is {text!r}, expected a text. Leave the record out."
                )
        label = record["label"]
        label = label.item() if hasattr(label, "item") else label
        if label is None or not str(label).strip():
            raise InputError(f"The label of {where} is {label!r}. Leave the record out.")
        return TextExample(record["text"], pair, label)

    def target(self, example: TextExample, *, labels: Labels) -> int | float:
        """What the model is to answer: the number of the label.

        Raises:
            InputError: the model has no such label.
        """
        return labels.index(example.label, f"The label of {example.text[:60]!r}")

    def to_example(self, item: Any, where: str) -> TextExample:
        if isinstance(item, TextExample):
            return item
        if isinstance(item, (list, tuple)):
            # The oldest form of a pair, [[text, pair]], as transformers 4 still takes it.
            if len(item) == 1 and isinstance(item[0], (list, tuple)) and len(item[0]) == 2:
                text, pair = item[0]
                return _pair(text, pair, where=where)
            raise InputError(
                f"{where} is {described(item)}; expected {_PAIR}. For a pair write "
                f'{{"text": ..., "text_pair": ...}}.'
            )
        if isinstance(item, Mapping):
            if "text" not in item or not item.keys() <= {"text", "text_pair"}:
                raise InputError(
                    f"{where} has the keys {list(item)}; expected 'text' and perhaps 'text_pair'."
                )
            return _pair(item["text"], item.get("text_pair"), where=where)
        return TextExample(check_text(item, where, accepted=_PAIR, empty=True))

    def encode(self, examples: Sequence[TextExample], *, batcher: TextBatcher, options: Any) -> EncodedBatch:
        samples: list[Any] = [None] * len(examples)
        for paired in (False, True):
            places = [i for i, example in enumerate(examples) if (example.text_pair is not None) == paired]
            if not places:
                continue
            texts = [examples[place].text for place in places]
            pairs = [examples[place].text_pair or "" for place in places] if paired else None
            encoded = batcher.encode(texts, pairs, where=partial(_quoted_at, texts), **options.tokenization())
            for place, sample in zip(places, encoded, strict=True):
                samples[place] = sample
        return EncodedBatch(samples)

    def decode(self, logits: Sequence[Tensor], *, context: Any, options: Any, config: Any) -> list[Answer]:
        """logits: (N,) of each example."""
        scores = _activated(torch.stack(list(logits)), options.function_to_apply or function_of(config))
        names, top_k = config.id2label, options.top_k
        everything = options.return_all_scores
        if everything is None:
            everything = getattr(config, "return_all_scores", None)
        if top_k is _Unset.UNSET and not everything:
            best = scores.max(-1)
            return [
                {"label": names[label], "score": score}
                for label, score in zip(best.indices.tolist(), best.values.tolist(), strict=True)
            ]
        order = torch.arange(scores.shape[1]).expand(scores.shape)
        if top_k is not _Unset.UNSET:
            scores, order = scores.sort(dim=-1, descending=True, stable=True)
            scores, order = scores[:, :top_k], order[:, :top_k]
        return [
            [{"label": names[label], "score": score} for label, score in zip(*sample, strict=True)]
            for sample in zip(order.tolist(), scores.tolist(), strict=True)
        ]

    def evaluation_options(self) -> dict[str, Any]:
        return {"top_k": None}

    def metrics(self, config: Any, *, resamples: int = 1000, seed: int = 0) -> TaskMetrics:
        if config.problem_type == "multi_label_classification":
            raise InputError(
                "This model gives several labels to a text; text-classification measures one for each."
            )
        names = [config.id2label[label] for label in range(config.num_labels)]
        return TextClassificationMetrics(names, resamples=resamples, seed=seed)


class TextClassificationMetrics(TaskMetrics):
    """All of Classification, ROC-AUC and calibration. With two labels precision, recall and f1 are also those
    of label number 1. References are numbers of labels."""

    def __init__(self, names: Sequence[str], *, resamples: int = 1000, seed: int = 0) -> None:
        drawn: dict[str, Any] = {"resamples": resamples, "seed": seed}
        self.names = list(names)
        positive = names[1] if len(names) == 2 else None
        self.classification = Classification(labels=self.names, positive=positive, **drawn)
        self.area, self.calibration = RocAuc(**drawn), Calibration(**drawn)
        self.matrix = ConfusionMatrix(labels=self.names)

    def update(self, answers: Sequence[Any], references: Sequence[int]) -> None:
        names = self.names
        rows = [{one["label"]: one["score"] for one in answer} for answer in answers]
        best = [max(row, key=lambda name: row[name]) for row in rows]
        gold = [names[label] for label in references]
        self.classification.update(best, gold)
        self.matrix.update(best, gold)
        self.calibration.update(
            [row[name] for row, name in zip(rows, best, strict=True)],
            [name == other for name, other in zip(best, gold, strict=True)],
        )
        scores = [row[names[1]] if len(names) == 2 else [row[name] for name in names] for row in rows]
        self.area.update(scores, references)

    def metrics(self) -> Sequence[Metric]:
        return [self.classification, self.area, self.calibration]

    def details(self) -> dict[str, Any]:
        return {
            "per_label": self.classification.per_name(),
            "confusion_matrix": {"labels": self.matrix.labels, "counts": self.matrix.compute()},
            "reliability": self.calibration.curve(),
        }


class TextRegression(TextClassification):
    """A number for each text or pair, such as how much two sentences mean the same."""

    name = "text-regression"
    aliases = ("regression",)

    def parse(self, record: Record, where: str) -> TextExample:
        example = super().parse(record, where)
        try:
            number = float(example.label)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            raise InputError(
                f"The label of {where} is {example.label!r}, expected a number. Labels that are names are "
                "learnt by the task text-classification."
            )
        return TextExample(example.text, example.text_pair, number)

    def target(self, example: TextExample, *, labels: Labels | None = None) -> float:
        """The number."""
        return float(example.label)

    def evaluation_options(self) -> dict[str, Any]:
        return {"function_to_apply": "none", "top_k": 1}

    def metrics(self, config: Any, *, resamples: int = 1000, seed: int = 0) -> TaskMetrics:
        return RegressionMetrics(resamples=resamples, seed=seed)


class RegressionMetrics(TaskMetrics):
    """Pearson, Spearman, mean errors. References are numbers."""

    def __init__(self, *, resamples: int = 1000, seed: int = 0) -> None:
        self._metrics = [kind(resamples=resamples, seed=seed) for kind in (Pearson, Spearman, Errors)]

    def update(self, answers: Sequence[Any], references: Sequence[float]) -> None:
        scores = [answer[0]["score"] for answer in answers]
        for metric in self._metrics:
            metric.update(scores, references)

    def metrics(self) -> Sequence[Metric]:
        return self._metrics


def function_of(config: Any) -> Function:
    """What turns a model's logits into scores, unless a call says otherwise."""
    if config.problem_type == "regression":
        return "none"
    if config.problem_type == "multi_label_classification":
        return "sigmoid"
    if config.num_labels == 1:
        # A cross-encoder that was trained to give a plain number says so here.
        return "none" if _activation(config).endswith("Identity") else "sigmoid"
    return "softmax"


def label_values(labels: Iterable[Any]) -> list[str]:
    """The labels that occur in data, numbers by size and names by letter; 1, 1.0 and "1" are one.

    Raises:
        InputError: fewer than two, or so many that they are rather texts or measurements.
    """
    values = {plain_label(label) for label in labels}
    if not 2 <= len(values) <= 1000:
        some = ", ".join(repr(name) for name in sorted(values)[:5])
        raise InputError(
            f"The column of labels has {len(values)} different values ({some}{', …' * (len(values) > 5)}), "
            "expected 2 to 1000. Say which column it is by data.columns.label, or learn numbers with the "
            "task regression."
        )
    if all(name.isdecimal() for name in values):
        return sorted(values, key=int)
    return sorted(values)


def names_of_labels(values: Sequence[str]) -> list[str]:
    """How a model calls them: LABEL_0, LABEL_1, … where the data numbers its labels as a model does."""
    if list(values) == list(map(str, range(len(values)))):
        return [f"LABEL_{value}" for value in values]
    return list(values)


def plain_label(label: Any) -> str:
    """A label of the data as a text: 1, 1.0 and "1" are one."""
    label = label.item() if hasattr(label, "item") else label
    return str(int(label) if isinstance(label, float) and label.is_integer() else label).strip()


def _quoted_at(texts: Sequence[str], index: int) -> str:
    return quoted(texts[index])


def _pair(text: Any, pair: Any, *, where: str) -> TextExample:
    first = check_text(text, f"{where}'s text", accepted="a text", empty=True)
    if pair is None:
        return TextExample(first)
    # An empty second text is no pair, as in transformers 4, which encodes the first by itself.
    second = check_text(pair, f"{where}'s text_pair", accepted="a text", empty=True)
    return TextExample(first, second or None)


def _function_named(given: Any) -> str | None:
    function = getattr(given, "value", given)  # transformers has an enum
    if function is None:
        return None
    name = function.lower() if isinstance(function, str) else function
    if name == "default":
        return None
    if name not in _FUNCTIONS:
        near = suggestion(name, _FUNCTIONS) if isinstance(name, str) else ""
        raise InputError(
            f"function_to_apply is {function!r}.{near} It is 'sigmoid', 'softmax', 'none', or None to go "
            "by the model."
        )
    return str(name)


def _activated(logits: Tensor, function: str) -> Tensor:
    if function == "softmax":
        return logits.softmax(-1)
    return logits.sigmoid() if function == "sigmoid" else logits


def _activation(config: Any) -> str:
    """The activation that a cross-encoder's configuration names, in either place where they write it."""
    newer = getattr(config, "sentence_transformers", None) or {}
    older = getattr(config, "sbert_ce_default_activation_function", None)
    return str(newer.get("activation_fn") or older or "")
