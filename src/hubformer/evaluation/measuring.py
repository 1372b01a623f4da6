"""evaluate: a task's metrics, for a model on data, with intervals."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hubformer.data import read
from hubformer.errors import InputError, UnknownName, suggestion
from hubformer.evaluation.language import LanguageModel, LanguageModelingEvaluation
from hubformer.evaluation.report import Evaluation
from hubformer.evaluation.tasks import (
    EvaluationSettings,
    EvaluationTask,
    GenerationEvaluation,
    QuestionAnsweringEvaluation,
    Record,
    RegressionEvaluation,
    SummarizationEvaluation,
    TextEvaluation,
    TokenClassificationEvaluation,
    TranslationEvaluation,
)
from hubformer.metrics.entities import Scheme, check_scheme
from hubformer.metrics.metric import Metric
from hubformer.metrics.resampling import check_level
from hubformer.pipelines import pipeline
from hubformer.pipelines.base import Pipeline

LANGUAGE = "language-modeling"
# Task -> how it is evaluated. To add a task: its class in tasks.py, its line here.
TASKS: dict[str, type[EvaluationTask]] = {
    LANGUAGE: LanguageModelingEvaluation,
    "question-answering": QuestionAnsweringEvaluation,
    "summarization": SummarizationEvaluation,
    "text-classification": TextEvaluation,
    "text2text-generation": GenerationEvaluation,
    "token-classification": TokenClassificationEvaluation,
    "translation": TranslationEvaluation,
}
ALIASES = {
    "sentiment-analysis": "text-classification",
    "ner": "token-classification",
    "text-generation": LANGUAGE,
}
_BATCH = 256  # answers counted at a time


class _Inputs:
    """What a pipeline goes through, while the references of what it has read wait for its answers."""

    def __init__(self, records: Iterable[Record], evaluation_task: EvaluationTask, *, name: str) -> None:
        self._records, self._evaluation, self._name = records, evaluation_task, name
        self.waiting: deque[Any] = deque()

    def __iter__(self) -> Iterator[Any]:
        for place, record in enumerate(self._records):
            where = f"record {place} of {self._name}"
            self.waiting.append(self._evaluation.reference(record, where))
            yield self._evaluation.to_input(record, where)


class _SizedInputs(_Inputs):
    """The same, where their number is known; the pipeline's progress bar shows it."""

    def __init__(
        self, records: Iterable[Record], evaluation_task: EvaluationTask, *, name: str, count: int
    ) -> None:
        super().__init__(records, evaluation_task, name=name)
        self._count = count

    def __len__(self) -> int:
        return self._count


def evaluate(
    task: str,
    model: Any,
    data: Any,
    *,
    columns: Mapping[str, str] | None = None,
    labels: Mapping[Any, str] | None = None,
    format: str | None = None,
    names: Sequence[str] | None = None,
    limit: int | None = None,
    tokenizer: Any = None,
    device: Any = None,
    dtype: Any = None,
    revision: str | None = None,
    scheme: Scheme = "IOB2",
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    **options: Any,
) -> Evaluation:
    """Run a model over data through its public pipeline and measure the answers.

        evaluate("text-classification", "org/name", "dev.tsv", columns={"text": "sentence"}).table()

    model: a name, a folder, a loaded model, or a pipeline. data: whatever `hubformer.data.read` takes;
    columns, format and names are its. labels: what the data calls its labels, to the model's names. limit:
    only the first records. scheme: of entities' tags. resamples: of the bootstrap; 0 for no intervals.
    options: of the pipeline's call, such as truncation=True or doc_stride=64.

    Tasks and the columns they read: text-classification (text, text_pair if there is one, label; a model
    with one output is evaluated as a regression), question-answering (question, context, answers,
    is_impossible if there is one), token-classification (tokens, tags), language-modeling (text; options:
    max_length), summarization, translation and text2text-generation (text, reference).

    Raises:
        UnknownName: a task that cannot be evaluated. InputError: data without those columns, with labels that
            the model does not have, or without any record; what the pipeline refuses.
        MissingPackage: a metric's package is not installed.
    """
    kind = canonical_task(task)
    check_level(level)
    check_scheme(scheme)
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise InputError(f"limit is {limit!r}, expected a whole number of at least 1, or None.")
    where = {"tokenizer": tokenizer, "device": device, "dtype": dtype, "revision": revision}
    pipe, chosen = _load_pipeline(kind, task, model, where)
    records = read(
        data,
        columns=columns,
        required_columns=chosen.required_columns,
        column_aliases=chosen.column_aliases,
        format=format,
        names=names,
    )
    rest = itertools.islice(records, limit)
    first = next(rest, None)
    if first is None:
        raise InputError(f"{records.name} has no records.")
    count = records.count if limit is None or records.count is None else min(limit, records.count)
    settings = EvaluationSettings(resamples, seed, labels, records.label_names, scheme)
    seen = itertools.islice(records, limit) if records.reiterable else iter([first])
    evaluation_task = chosen(pipe, seen, settings)
    started = time.perf_counter()
    taken = _call_options(evaluation_task, options, task=kind)
    _run(pipe, evaluation_task, itertools.chain([first], rest), taken, name=records.name, count=count)
    seconds = time.perf_counter() - started
    figures, intervals = _values_and_intervals(evaluation_task.metrics(), level if resamples else None)
    return Evaluation(
        task=task,
        model=_name_of(pipe.model),
        data=records.name,
        examples=evaluation_task.metrics()[0].count,
        seconds=seconds,
        metrics=figures,
        intervals=intervals,
        level=level,
        details=evaluation_task.details(),
        settings={
            "columns": records.read_as,
            "resamples": resamples,
            "seed": seed,
            "limit": limit,
            "options": taken,
        },
    )


def _call_options(evaluation_task: EvaluationTask, given: Mapping[str, Any], *, task: str) -> dict[str, Any]:
    """The options of the pipeline: those of the measurement and those given.

    Raises:
        InputError: one is given that the measurement depends on.
    """
    own = evaluation_task.options
    for name, value in given.items():
        if name in own and name not in evaluation_task.adjustable and value != own[name]:
            raise InputError(
                f"{name} is {value!r}, but {task} is measured with {own[name]!r}. Leave {name} out."
            )
    return own | dict(given)


def _values_and_intervals(
    metrics: Iterable[Metric], level: float | None
) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Values by name, and their intervals; level None: none."""
    values: dict[str, float] = {}
    intervals: dict[str, tuple[float, float]] = {}
    for metric in metrics:
        values |= metric.compute()
        if level is not None:
            intervals |= metric.confidence_intervals(level=level)
    return values, intervals


def canonical_task(task: str) -> str:
    """The task by its own name.

    Raises:
        UnknownName: it cannot be evaluated; those that can be are named.
    """
    found = ALIASES.get(task, task)
    if found.startswith("translation_"):  # translation_en_to_de
        found = "translation"
    if found not in TASKS:
        known = sorted({*TASKS, *ALIASES})
        raise UnknownName(
            f"No metrics for the task {task!r}.{suggestion(task, known)} There are: {', '.join(known)}."
        )
    return found


def _load_pipeline(
    kind: str, task: str, model: Any, where: Mapping[str, Any]
) -> tuple[Any, type[EvaluationTask]]:
    """The pipeline, and how it is evaluated."""
    if callable(model) and hasattr(model, "tokenizer") and hasattr(model, "model"):
        given = [name for name, value in where.items() if value is not None]
        if given:
            raise InputError(
                f"{', '.join(given)} cannot be changed in a pipeline that is made; pass its model."
            )
        pipe = model
    elif kind == LANGUAGE:
        pipe = LanguageModel.of(model, **where)
    else:
        pipe = pipeline(task, model=model, **where)
    chosen = TASKS[kind]
    if chosen is TextEvaluation and pipe.model.config.num_labels == 1:
        chosen = RegressionEvaluation
    return pipe, chosen


def _run(
    pipe: Any,
    evaluation_task: EvaluationTask,
    records: Iterable[Record],
    options: Mapping[str, Any],
    *,
    name: str,
    count: int | None,
) -> None:
    """Let the pipeline answer as it reads; memory holds what it looks ahead."""
    if count is None:
        inputs = _Inputs(records, evaluation_task, name=name)
    else:
        inputs = _SizedInputs(records, evaluation_task, name=name, count=count)
    # Ours take any iterable; others of this call shape know a generator when they see one.
    source = inputs if isinstance(pipe, (Pipeline, LanguageModel)) else iter(inputs)
    answers: list[Any] = []
    for answer in evaluation_task.predict(pipe, source, **options):
        answers.append(answer)
        if len(answers) == _BATCH:
            evaluation_task.update(answers, [inputs.waiting.popleft() for _ in answers])
            answers = []
    evaluation_task.update(answers, [inputs.waiting.popleft() for _ in answers])


def _name_of(model: Any) -> str:
    return str(getattr(model, "name_or_path", "") or type(model).__name__)
