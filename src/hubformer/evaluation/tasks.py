"""How each task is evaluated: what its data needs, what the pipeline is given, and what its answers count
for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from hubformer.data import Labels
from hubformer.errors import InputError
from hubformer.metrics.answers import Squad, gold_answers
from hubformer.metrics.classification import Calibration, Classification, ConfusionMatrix, RocAuc
from hubformer.metrics.entities import EntityF1, Scheme
from hubformer.metrics.generated import Bleu, ChrF, Rouge
from hubformer.metrics.metric import Metric, listed
from hubformer.metrics.regression import Errors, Pearson, Spearman

Record = Mapping[str, Any]


@dataclass(frozen=True)
class EvaluationSettings:
    """What a user may say of a measurement. labels: the data's labels to the model's. scheme: of entities'
    tags."""

    resamples: int = 1000
    seed: int = 0
    labels: Mapping[Any, str] | None = None
    label_names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    scheme: Scheme = "IOB2"


class EvaluationTask:
    """One task's measurement. A task extends it."""

    required_columns: ClassVar[tuple[str, ...]] = ()
    column_aliases: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    adjustable: ClassVar[tuple[str, ...]] = ()  # those of `options` that a user may set too

    def __init__(self, pipe: Any, first: Record, settings: EvaluationSettings) -> None:
        """first: the first record, for what differs from data set to data set."""
        self.settings = settings

    @property
    def options(self) -> dict[str, Any]:
        """What the pipeline is called with, so that its answers can be counted."""
        return {}

    def to_input(self, record: Record, where: str) -> Any:
        """What the pipeline is given."""
        raise NotImplementedError

    def predict(self, pipe: Any, inputs: Iterable[Any], **options: Any) -> Iterable[Any]:
        """The pipeline's answers, as it reads the inputs."""
        found: Iterable[Any] = pipe(inputs, **options)
        return found

    def reference(self, record: Record, where: str) -> Any:
        """What its answer is compared with."""
        raise NotImplementedError

    def update(self, answers: Sequence[Any], references: Sequence[Any]) -> None:
        """Count some answers."""
        raise NotImplementedError

    def metrics(self) -> Sequence[Metric]:
        """What holds the figures."""
        raise NotImplementedError

    def details(self) -> dict[str, Any]:
        """What is no single number."""
        return {}

    def _build(self, *kinds: type[Any], **options: Any) -> list[Any]:
        return [kind(resamples=self.settings.resamples, seed=self.settings.seed, **options) for kind in kinds]


_TEXTS = {"text": ("sentence", "sentence1", "premise"), "text_pair": ("sentence2", "hypothesis")}


class TextClassificationEvaluation(EvaluationTask):
    """One label for each text or pair: all of Classification, ROC-AUC and calibration.

    With two labels precision, recall and f1 are also those of label number 1.
    """

    required_columns = ("text", "label")
    column_aliases: ClassVar[Mapping[str, tuple[str, ...]]] = _TEXTS

    def __init__(self, pipe: Any, first: Record, settings: EvaluationSettings) -> None:
        super().__init__(pipe, first, settings)
        config = pipe.model.config
        if config.problem_type == "multi_label_classification":
            raise InputError(
                "This model gives several labels to a text; text-classification measures one for each."
            )
        names = [config.id2label[place] for place in range(config.num_labels)]
        self.labels = Labels(names, renamed=settings.labels)
        self._theirs = (
            _label_order(settings.label_names.get("label"), names) if settings.labels is None else None
        )
        positive = names[1] if len(names) == 2 else None
        (self.right,) = self._build(Classification, labels=names, positive=positive)
        self.area, self.calibration = self._build(RocAuc, Calibration)
        self.matrix = ConfusionMatrix(labels=names)

    @property
    def options(self) -> dict[str, Any]:
        return {"top_k": None}

    def to_input(self, record: Record, where: str) -> Any:
        return text_or_pair(record)

    def reference(self, record: Record, where: str) -> int:
        label = record["label"]
        label = label.item() if hasattr(label, "item") else label
        if self._theirs is not None and isinstance(label, int) and 0 <= label < len(self._theirs):
            label = self._theirs[label]
        return self.labels.index(label, f"The label of {where}")

    def update(self, answers: Sequence[Any], references: Sequence[int]) -> None:
        names = self.labels.names
        rows = [{one["label"]: one["score"] for one in answer} for answer in answers]
        best = [max(row, key=lambda name: row[name]) for row in rows]
        gold = [names[place] for place in references]
        self.right.update(best, gold)
        self.matrix.update(best, gold)
        self.calibration.update(
            [row[name] for row, name in zip(rows, best, strict=True)],
            [name == other for name, other in zip(best, gold, strict=True)],
        )
        scores = [row[names[1]] if len(names) == 2 else [row[name] for name in names] for row in rows]
        self.area.update(scores, references)

    def metrics(self) -> Sequence[Metric]:
        return [self.right, self.area, self.calibration]

    def details(self) -> dict[str, Any]:
        return {
            "per_label": self.right.per_name(),
            "confusion_matrix": {"labels": self.matrix.labels, "counts": self.matrix.compute()},
            "reliability": self.calibration.curve(),
        }


def text_or_pair(record: Record) -> Any:
    """The text, or both texts as a pipeline takes them."""
    pair = record.get("text_pair")
    return record["text"] if pair is None else {"text": record["text"], "text_pair": pair}


def _label_order(theirs: Sequence[str] | None, ours: Sequence[str]) -> Sequence[str] | None:
    """The data's names for its numbers, if they are the model's names; else its numbers are the model's."""
    if theirs is None or sorted(map(str.casefold, theirs)) != sorted(map(str.casefold, ours)):
        return None
    return theirs


class RegressionEvaluation(EvaluationTask):
    """One number for each text or pair: Pearson, Spearman, mean errors."""

    required_columns = ("text", "label")
    column_aliases: ClassVar[Mapping[str, tuple[str, ...]]] = {**_TEXTS, "label": ("score",)}

    def __init__(self, pipe: Any, first: Record, settings: EvaluationSettings) -> None:
        super().__init__(pipe, first, settings)
        self._metrics = self._build(Pearson, Spearman, Errors)

    @property
    def options(self) -> dict[str, Any]:
        return {"function_to_apply": "none", "top_k": 1}

    def to_input(self, record: Record, where: str) -> Any:
        return text_or_pair(record)

    def reference(self, record: Record, where: str) -> float:
        try:
            return float(record["label"])
        except (TypeError, ValueError):
            raise InputError(
                f"The label of {where} is {record['label']!r}, expected a number: the model gives one."
            ) from None

    def update(self, answers: Sequence[Any], references: Sequence[float]) -> None:
        found = [answer[0]["score"] for answer in answers]
        for metric in self._metrics:
            metric.update(found, references)

    def metrics(self) -> Sequence[Metric]:
        return self._metrics


class QuestionAnsweringEvaluation(EvaluationTask):
    """Spans of a text: SQuAD's exact match and F1. Where the data says which questions are impossible, by
    SQuAD 2.0's rules, and "" may be an answer."""

    required_columns = ("question", "context", "answers")
    column_aliases: ClassVar[Mapping[str, tuple[str, ...]]] = {"answers": ("answer",)}
    adjustable = ("handle_impossible_answer",)

    def __init__(self, pipe: Any, first: Record, settings: EvaluationSettings) -> None:
        super().__init__(pipe, first, settings)
        self.version = 2 if "is_impossible" in first else 1
        (self.squad,) = self._build(Squad, version=self.version)

    @property
    def options(self) -> dict[str, Any]:
        return {"handle_impossible_answer": self.version == 2, "top_k": 1}

    def to_input(self, record: Record, where: str) -> Any:
        return {"question": record["question"], "context": record["context"]}

    def reference(self, record: Record, where: str) -> list[str]:
        references = gold_answers(record, where)
        if not references and self.version == 1:
            raise InputError(
                f"{where} has no gold answer. If the data has questions without an answer, give each record "
                "is_impossible (true or false), as SQuAD 2.0 does."
            )
        return references

    def update(self, answers: Sequence[Any], references: Sequence[list[str]]) -> None:
        self.squad.update([answer["answer"] for answer in answers], references)

    def metrics(self) -> Sequence[Metric]:
        return [self.squad]

    def details(self) -> dict[str, Any]:
        return {"squad_version": self.version}


class TokenClassificationEvaluation(EvaluationTask):
    """A tag for each word: entity F1. A word's tag is that of its first token."""

    required_columns = ("tokens", "tags")
    column_aliases: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "tokens": ("words",),
        "tags": ("ner_tags", "labels"),
    }

    def __init__(self, pipe: Any, first: Record, settings: EvaluationSettings) -> None:
        super().__init__(pipe, first, settings)
        self._names = settings.label_names.get("tags")
        self._known = set(pipe.model.config.id2label.values())
        (self.entities,) = self._build(EntityF1, scheme=settings.scheme)

    @property
    def options(self) -> dict[str, Any]:
        return {"aggregation_strategy": "none", "ignore_labels": []}

    def to_input(self, record: Record, where: str) -> str:
        return " ".join(record["tokens"])

    def reference(self, record: Record, where: str) -> tuple[list[str], list[str]]:
        words, tags = (
            listed(record["tokens"], f"tokens of {where}"),
            listed(record["tags"], f"tags of {where}"),
        )
        if len(words) != len(tags):
            raise InputError(
                f"{where} has {len(words)} words and {len(tags)} tags; expected as many of each."
            )
        renamed = self.settings.labels or {}
        named = [
            self._names[tag] if self._names is not None and isinstance(tag, int) else tag for tag in tags
        ]
        named = [renamed.get(tag, tag) for tag in named]
        for tag in named:
            if tag not in self._known:
                raise InputError(
                    f"{where} has the tag {tag!r}, which the model does not have. Its labels are "
                    f"{', '.join(sorted(self._known))}. Say which label it is by labels={{{tag!r}: ...}}."
                )
        return words, named

    def update(self, answers: Sequence[Any], references: Sequence[tuple[list[str], list[str]]]) -> None:
        found = [tags_of_words(words, answer) for answer, (words, _) in zip(answers, references, strict=True)]
        self.entities.update(found, [tags for _, tags in references])

    def metrics(self) -> Sequence[Metric]:
        return [self.entities]

    def details(self) -> dict[str, Any]:
        return {"per_type": self.entities.per_name(), "scheme": self.entities.scheme}


def tags_of_words(words: Sequence[str], tokens: Sequence[Mapping[str, Any]]) -> list[str]:
    """The tag of each word's first token; O for a word that the tokenizer left out.

    tokens: what a token-classification pipeline says of the words joined by spaces: entity, start, end.
    """
    place_of: dict[int, int] = {}  # of each character, its word
    at = 0
    for place, word in enumerate(words):
        place_of |= dict.fromkeys(range(at, at + len(word)), place)
        at += len(word) + 1
    tags: dict[int, str] = {}
    for token in sorted(tokens, key=lambda token: token["start"]):
        # Some tokenizers count the space before a word to its first token.
        owner = place_of.get(token["start"], place_of.get(token["start"] + 1))
        if owner is not None and token["end"] > token["start"]:
            tags.setdefault(owner, token["entity"])
    return [tags.get(place, "O") for place in range(len(words))]


class GenerationEvaluation(EvaluationTask):
    """A text for each text, against one reference or several."""

    required_columns = ("text", "reference")
    column_aliases: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "text": ("document", "article", "source"),
        "reference": ("summary", "highlights", "target"),
    }
    kinds: ClassVar[tuple[type[Metric], ...]] = (Rouge, Bleu, ChrF)

    def __init__(self, pipe: Any, first: Record, settings: EvaluationSettings) -> None:
        super().__init__(pipe, first, settings)
        self._metrics = self._build(*self.kinds)

    def to_input(self, record: Record, where: str) -> str:
        text: str = record["text"]
        return text

    def reference(self, record: Record, where: str) -> Any:
        return record["reference"]

    def update(self, answers: Sequence[Any], references: Sequence[Any]) -> None:
        rows = [answer[0] if isinstance(answer, list) else answer for answer in answers]
        texts = [next(value for name, value in row.items() if name.endswith("_text")) for row in rows]
        for metric in self._metrics:
            metric.update(texts, references)

    def metrics(self) -> Sequence[Metric]:
        return self._metrics


class SummarizationEvaluation(GenerationEvaluation):
    """ROUGE."""

    kinds = (Rouge,)


class TranslationEvaluation(GenerationEvaluation):
    """BLEU and chrF."""

    kinds = (Bleu, ChrF)
