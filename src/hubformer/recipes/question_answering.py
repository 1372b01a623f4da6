"""The span of a context that answers a question: its first and its last token.

A context that is longer than a row is read in overlapping windows; where a window does not hold the answer,
both places are the first token's, as for a question without an answer (Devlin et al. 2018, arXiv:1810.04805).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from hubformer.errors import ConfigError, InputError
from hubformer.recipes.training_task import (
    Record,
    Sample,
    TrainingTask,
    check_length,
    encoded_inputs,
    text_of,
)
from hubformer.tasks.question_answering import COLUMN_ALIASES, REQUIRED_COLUMNS, gold_answers


@dataclass(frozen=True)
class Options:
    """max_length and stride: of a window and of the overlap of two windows, in tokens."""

    max_length: int = 384
    stride: int = 128

    def __post_init__(self) -> None:
        check_length(self.max_length, least=8)
        if not 0 <= self.stride < self.max_length:
            raise ConfigError(
                f"options.stride is {self.stride}, expected at least 0 and less than max_length, which is "
                f"{self.max_length}."
            )


class QuestionAnswering(TrainingTask):
    head: ClassVar[str] = "AutoModelForQuestionAnswering"
    adapter_task: ClassVar[str | None] = "QUESTION_ANS"
    evaluation_task = "question-answering"
    required_columns = REQUIRED_COLUMNS
    column_aliases = COLUMN_ALIASES
    Options: ClassVar[type] = Options

    def model_options(self, records: Any) -> dict[str, Any]:
        return {"new_head": True}

    def parse(self, record: Record, where: str) -> Record:
        for column in ("question", "context"):
            text_of(record, column, where)
        return {**record, "span": _span(record, where)}

    def encode(self, records: Sequence[Record], tokenizer: Any) -> Iterator[Sample]:
        questions = [record["question"].strip() for record in records]
        contexts = [record["context"] for record in records]
        self._refuse_long(questions, tokenizer)
        # XLNet is padded on the left and reads the context first, as in the pipeline.
        first = tokenizer.padding_side == "left"
        encoded = tokenizer(
            contexts if first else questions,
            questions if first else contexts,
            truncation="only_first" if first else "only_second",
            max_length=self.options.max_length,
            stride=self.options.stride,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        for place, of in enumerate(encoded["overflow_to_sample_mapping"]):
            yield {
                **encoded_inputs(encoded, place),
                **_places(
                    encoded["offset_mapping"][place],
                    encoded.sequence_ids(place),
                    context=0 if first else 1,
                    span=records[of]["span"],
                    none=_classifier(encoded["input_ids"][place], tokenizer),
                ),
            }

    def _refuse_long(self, questions: Sequence[str], tokenizer: Any) -> None:
        """Raise InputError for a question beside which a window has no room for more than the overlap."""
        special = tokenizer.num_special_tokens_to_add(pair=True)
        room = self.options.max_length - self.options.stride - special - 1
        encoded = tokenizer(questions, add_special_tokens=False, verbose=False)["input_ids"]
        for question, ids in zip(questions, encoded, strict=True):
            if len(ids) > room:
                raise InputError(
                    f"The question {question[:60]!r} has {len(ids)} tokens. Windows of "
                    f"{self.options.max_length} tokens that share {self.options.stride} have room for "
                    f"{room}: raise options.max_length, lower options.stride, or leave the record out."
                )

    def evaluation_options(self) -> dict[str, Any]:
        asked = {"max_seq_len": self.options.max_length}
        # The pipeline's usual overlap gives way to long questions; one that is asked for does not.
        return (
            asked if self.options.stride == Options.stride else {**asked, "doc_stride": self.options.stride}
        )


def _span(record: Record, where: str) -> tuple[int, int] | None:
    """The first gold answer's characters; None where there is no answer."""
    found = gold_answers(record, where)
    if not found.texts:
        return None
    context, text, start = record["context"], found.texts[0], found.start
    if start is None:
        start = context.find(text)
        if start < 0:
            raise InputError(f"The answer {text!r} of {where} is not in its context. Correct one of the two.")
    if context[start : start + len(text)] != text:
        raise InputError(
            f"The answer {text!r} of {where} is not at character {start} of its context, where "
            f"{context[start : start + len(text)]!r} stands. Correct answer_start."
        )
    return start, start + len(text)


def _classifier(ids: Sequence[int], tokenizer: Any) -> int:
    return ids.index(tokenizer.cls_token_id) if tokenizer.cls_token_id in ids else 0


def _places(
    offsets: Sequence[tuple[int, int]],
    sequences: Sequence[int | None],
    *,
    context: int,
    span: tuple[int, int] | None,
    none: int,
) -> Sample:
    """The tokens of a window that hold the first and the last character of the answer."""
    if context not in sequences:  # nothing of it is a token
        return {"start_positions": none, "end_positions": none}
    begin = sequences.index(context)
    end = len(sequences) - 1 - sequences[::-1].index(context)
    inside = offsets[begin : end + 1]
    if span is None or span[0] < inside[0][0] or span[1] > inside[-1][1]:
        return {"start_positions": none, "end_positions": none}
    first = bisect_right([start for start, _ in inside], span[0]) - 1
    last = bisect_left([stop for _, stop in inside], span[1])
    return {"start_positions": begin + first, "end_positions": begin + last}
