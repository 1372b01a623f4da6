"""Labels for tokens and words, and the entities that they make up: names, places, parts of speech."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubformer.errors import InputError, refuse_unknown
from hubformer.pipelines.base import TaskPipeline
from hubformer.pipelines.steps import Call
from hubformer.tasks.text import described
from hubformer.tasks.token_classification import EntityAnswer, TokenClassification, TokenExample


class TokenClassificationPipeline(TaskPipeline[TokenExample, list[EntityAnswer]]):
    """Texts to what is said of their tokens: `{"entity", "score", "index", "word", "start", "end"}` each, or
    of their entities: `{"entity_group", "score", "word", "start", "end"}`. A text gives a list, a list of
    texts a list of those; start and end are characters of the text.

    aggregation_strategy: "none" answers tokens, "simple" runs of tokens whose tags belong together; "first",
    "average" and "max" give each word one tag before that: of its first token, of the mean of its tokens, or
    of its surest one. Words are the tokenizer's, or with is_split_into_words=True the user's own.

    Raises:
        InputError: an input that is no text, or is longer than the model reads (see stride and truncation).
    """

    task_definition = TokenClassification()

    def resolve_options(self, given: Mapping[str, Any], *, defaults: Any, call: str) -> Any:
        """As in transformers 4, None leaves an option as it was."""
        refuse_unknown(given, self.option_names(), call=call)
        requested = {name: value for name, value in given.items() if value is not None}
        return super().resolve_options(requested, defaults=defaults, call=call)

    def run(self, inputs: Any, call: Call) -> Any:
        options, several = call.options, isinstance(inputs, (list, tuple))
        if options.is_split_into_words and several and any(isinstance(one, str) for one in inputs):
            inputs = [inputs]  # one sentence; transformers 4 answers it with a list of one, too
        if options.offset_mapping is not None:
            inputs = _with_spans(inputs, options.offset_mapping)
        return super().run(inputs, call)


def _with_spans(inputs: Any, mapping: Any) -> Any:
    """Each input with its own part of offset_mapping."""
    if not isinstance(inputs, (str, list, tuple)):
        raise InputError("offset_mapping belongs to a text or a list of texts; pass the texts as a list.")
    several = [inputs] if isinstance(inputs, str) else inputs
    rows = _plain(mapping)
    if isinstance(rows, list) and all(_is_span(row) for row in rows):
        rows = [rows]
    fits = isinstance(rows, list) and all(isinstance(row, list) and all(map(_is_span, row)) for row in rows)
    if not fits or len(rows) != len(several):
        raise InputError(
            f"offset_mapping is {described(mapping)}; expected a list of (start, end) for each of the "
            f"{len(several)} inputs."
        )
    given = [TokenExample(item, spans=row) for item, row in zip(several, rows, strict=True)]
    return given[0] if isinstance(inputs, str) else given


def _plain(value: Any) -> Any:
    """Lists all through, from tuples, arrays and tensors."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def _is_span(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(one, int) for one in value)
