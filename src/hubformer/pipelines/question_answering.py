"""Answers to questions, as spans of a text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hubformer.errors import InputError, refuse_unknown
from hubformer.pipelines.base import TaskPipeline, is_several
from hubformer.pipelines.steps import overrides_steps
from hubformer.tasks.question_answering import Answer, QuestionAnswering, QuestionExample

_INPUTS = ("question", "context", "X", "data")


class QuestionAnsweringPipeline(TaskPipeline[QuestionExample, Answer | list[Answer]]):
    """Questions with contexts to `{"score", "start", "end", "answer"}`; start and end are characters of the
    context.

    `top_k` above 1 gives a list for each question. A context that is longer than a window is cut into
    windows that overlap; a score is p(start) p(end), normalised over all of them together. Of answers with
    the same text the best counts.

    Raises:
        InputError: no question, no context, or a question that fills a whole window.
    """

    task_definition = QuestionAnswering()

    def __call__(
        self, *inputs: Any, batch_size: int | None = None, num_workers: int | None = None, **options: Any
    ) -> Any:
        """inputs: a dict with question and context, several of them, an iterable of them, or the question
        and the context. Or question= and context= by name, each a text or a list; one context may serve many
        questions.
        """
        call = f"{type(self).__name__}.__call__"
        if not overrides_steps(type(self)):
            refuse_unknown(options, (*_INPUTS, "errors", *self.option_names()), call=call)
        named = {key: options.pop(key) for key in _INPUTS if key in options}
        requested = self.call(options)
        examples = _arranged(inputs, named)
        if isinstance(examples, list) and len(examples) == 1:
            return self.run(examples[0], requested)
        return self.run(examples, requested)


def _arranged(inputs: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    """The examples of a call, as a list, or as the iterable that they come from."""
    if inputs and named:
        raise InputError(
            f"Inputs were given by place and as {', '.join(named)}=; expected {QuestionAnswering.accepted}."
        )
    if len(inputs) == 2 and all(isinstance(part, str) for part in inputs):
        return [{"question": inputs[0], "context": inputs[1]}]
    if len(inputs) > 1:
        return list(inputs)
    given = inputs[0] if inputs else named.get("X", named.get("data"))
    if given is not None or inputs:
        if isinstance(given, Mapping) or not is_several(given):
            return [given]
        return list(given) if isinstance(given, (list, tuple)) else given
    absent = [name for name in ("question", "context") if name not in named]
    if absent:
        raise InputError(
            f"The call gives no {' and no '.join(absent)}; expected {QuestionAnswering.accepted}."
        )
    return list(_broadcast(named["question"], named["context"]))


def _broadcast(question: Any, context: Any) -> Iterator[dict[str, Any]]:
    questions, contexts = (list(v) if isinstance(v, (list, tuple)) else None for v in (question, context))
    if questions is not None and contexts is not None and len(questions) != len(contexts):
        raise InputError(
            f"There are {len(questions)} questions and {len(contexts)} contexts; give as many of each, "
            "or one context."
        )
    count = len(questions) if questions is not None else len(contexts) if contexts is not None else 1
    pairs: Iterable[tuple[Any, Any]] = zip(
        [question] * count if questions is None else questions,
        [context] * count if contexts is None else contexts,
        strict=True,
    )
    return ({"question": q, "context": c} for q, c in pairs)
