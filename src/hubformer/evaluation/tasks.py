"""How each task is evaluated: what its data needs, what the pipeline is given, and what its answers count
for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

from hubformer.data import Labels
from hubformer.errors import InputError
from hubformer.metrics.answers import Squad
from hubformer.metrics.entities import EntityF1, Scheme
from hubformer.metrics.generated import Bleu, ChrF, Rouge
from hubformer.metrics.metric import Metric
from hubformer.tasks import question_answering, token_classification
from hubformer.tasks.text_classification import TextClassification, TextRegression

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

    def __init__(self, pipe: Any, records: Iterable[Record], settings: EvaluationSettings) -> None:
        """records: to look at, for what differs from data set to data set; the first one alone where the
        data can be gone through once."""
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


class TextEvaluation(EvaluationTask):
    """One label, or one number, for each text or pair: what the task's definition measures."""

    definition: ClassVar[TextClassification] = TextClassification()
    required_columns = TextClassification.required_columns
    column_aliases = TextClassification.column_aliases

    def __init__(self, pipe: Any, records: Iterable[Record], settings: EvaluationSettings) -> None:
        super().__init__(pipe, records, settings)
        config = pipe.model.config
        self.measured = self.definition.metrics(config, resamples=settings.resamples, seed=settings.seed)
        names = [config.id2label[place] for place in range(config.num_labels)]
        self.labels = Labels(names, renamed=settings.labels)
        theirs = settings.label_names.get("label") if settings.labels is None else None
        self._theirs = _label_order(theirs, names)

    @property
    def options(self) -> dict[str, Any]:
        return self.definition.evaluation_options()

    def to_input(self, record: Record, where: str) -> Any:
        example = self.definition.parse(record, where)
        if example.text_pair is None:
            return example.text
        return {"text": example.text, "text_pair": example.text_pair}

    def reference(self, record: Record, where: str) -> float:
        label = self.definition.parse(record, where).label
        if self._theirs is not None and isinstance(label, int) and 0 <= label < len(self._theirs):
            label = self._theirs[label]
        return self.labels.index(label, f"The label of {where}")

    def update(self, answers: Sequence[Any], references: Sequence[Any]) -> None:
        self.measured.update(answers, references)

    def metrics(self) -> Sequence[Metric]:
        return self.measured.metrics()

    def details(self) -> dict[str, Any]:
        return self.measured.details()


def _label_order(theirs: Sequence[str] | None, ours: Sequence[str]) -> Sequence[str] | None:
    """The data's names for its numbers, if they are the model's names; else its numbers are the model's."""
    if theirs is None or sorted(map(str.casefold, theirs)) != sorted(map(str.casefold, ours)):
        return None
    return theirs


class RegressionEvaluation(TextEvaluation):
    """One number for each text or pair."""

    definition: ClassVar[TextClassification] = TextRegression()

    def reference(self, record: Record, where: str) -> float:
        return float(self.definition.parse(record, where).label)


class QuestionAnsweringEvaluation(EvaluationTask):
    """Spans of a text: SQuAD's exact match and F1. Where the data says which questions are impossible, by
    SQuAD 2.0's rules, and "" may be an answer."""

    required_columns = question_answering.REQUIRED_COLUMNS
    column_aliases = question_answering.COLUMN_ALIASES
    adjustable = ("handle_impossible_answer",)

    def __init__(self, pipe: Any, records: Iterable[Record], settings: EvaluationSettings) -> None:
        super().__init__(pipe, records, settings)
        self.version = 2 if any(map(_may_lack_an_answer, records)) else 1
        (self.squad,) = self._build(Squad, version=self.version)

    @property
    def options(self) -> dict[str, Any]:
        return {"handle_impossible_answer": self.version == 2, "top_k": 1}

    def to_input(self, record: Record, where: str) -> Any:
        return {"question": record["question"], "context": record["context"]}

    def reference(self, record: Record, where: str) -> list[str]:
        found = question_answering.gold_answers(record, where)
        if not found.texts and self.version == 1:
            raise InputError(
                f"{where} has no gold answer. If the data has questions without an answer, pass a list or a "
                "file, or give each record is_impossible (true or false), as SQuAD 2.0 does."
            )
        return list(found.texts)

    def update(self, answers: Sequence[Any], references: Sequence[list[str]]) -> None:
        self.squad.update([answer["answer"] for answer in answers], references)

    def metrics(self) -> Sequence[Metric]:
        return [self.squad]

    def details(self) -> dict[str, Any]:
        return {"squad_version": self.version}


class TokenClassificationEvaluation(EvaluationTask):
    """A tag for each word: entity F1. A word's tag is that of its first token."""

    required_columns = token_classification.REQUIRED_COLUMNS
    column_aliases = token_classification.COLUMN_ALIASES

    def __init__(self, pipe: Any, records: Iterable[Record], settings: EvaluationSettings) -> None:
        super().__init__(pipe, records, settings)
        self._names = settings.label_names.get("tags")
        self._id2label = {int(place): name for place, name in pipe.model.config.id2label.items()}
        self._known = set(self._id2label.values())
        (self.entities,) = self._build(EntityF1, scheme=settings.scheme)

    @property
    def options(self) -> dict[str, Any]:
        return {"aggregation_strategy": "none", "ignore_labels": []}

    def to_input(self, record: Record, where: str) -> str:
        return " ".join(token_classification.tagged_words(record, where).words)

    def reference(self, record: Record, where: str) -> tuple[list[str], list[str]]:
        found = token_classification.tagged_words(record, where)
        tags = [self._name(tag) for tag in found.tags]
        for tag in tags:
            if tag not in self._known:
                raise InputError(
                    f"{where} has the tag {tag!r}, which the model does not have. Its labels are "
                    f"{', '.join(sorted(self._known))}. Say which label it is by labels={{{tag!r}: ...}}."
                )
        return list(found.words), tags

    def _name(self, tag: str | int) -> str:
        """The model's name of a tag: renamed as the user says, or by its number."""
        if isinstance(tag, int) and self._names is not None:
            tag = self._names[tag]
        renamed = self.settings.labels or {}
        tag = renamed.get(tag, tag)
        return str(tag) if str(tag) in self._known else str(self._id2label.get(cast(int, tag), tag))

    def update(self, answers: Sequence[Any], references: Sequence[tuple[list[str], list[str]]]) -> None:
        found = [tags_of_words(words, answer) for answer, (words, _) in zip(answers, references, strict=True)]
        self.entities.update(found, [tags for _, tags in references])

    def metrics(self) -> Sequence[Metric]:
        return [self.entities]

    def details(self) -> dict[str, Any]:
        return {"per_type": self.entities.per_name(), "scheme": self.entities.scheme}


def _may_lack_an_answer(record: Record) -> bool:
    if "is_impossible" in record:
        return True
    try:
        return not question_answering.gold_answers(record, "it").texts
    except InputError:  # raised again where the record has its place
        return False


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

    def __init__(self, pipe: Any, records: Iterable[Record], settings: EvaluationSettings) -> None:
        super().__init__(pipe, records, settings)
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
