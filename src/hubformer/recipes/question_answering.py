"""The span of a context that answers a question: its first and its last token.

A context that is longer than a row is read in overlapping windows; where a window does not hold the answer,
both places are the first token's, as for a question without an answer (Devlin et al. 2018, arXiv:1810.04805).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from hubformer.errors import InputError
from hubformer.recipes.objective import Objective, Record, Row, inputs_of


@dataclass(frozen=True)
class Options:
    """max_length and stride: of a window and of the overlap of two windows, in tokens."""

    max_length: int = 384
    stride: int = 128


class QuestionAnswering(Objective):
    head: ClassVar[str] = "AutoModelForQuestionAnswering"
    task: ClassVar[str | None] = "question-answering"
    needs = ("question", "context", "answers")
    usual: ClassVar[Mapping[str, tuple[str, ...]]] = {"answers": ("answer",)}
    Options: ClassVar[type] = Options

    def head_settings(self, records: Any) -> dict[str, Any]:
        return {"new_head": True}

    def examples(self, records: Sequence[Record], tokenizer: Any) -> Iterator[Row]:
        questions = [record["question"].strip() for record in records]
        contexts = [record["context"] for record in records]
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
        spans = [_span(record) for record in records]
        for place, of in enumerate(encoded["overflow_to_sample_mapping"]):
            yield {
                **inputs_of(encoded, place),
                **_places(
                    encoded["offset_mapping"][place],
                    encoded.sequence_ids(place),
                    context=0 if first else 1,
                    span=spans[of],
                    none=_classifier(encoded["input_ids"][place], tokenizer),
                ),
            }


def _span(record: Record) -> tuple[int, int] | None:
    """The first gold answer's characters; None where there is no answer."""
    answers = record["answers"]
    if record.get("is_impossible") or not answers or not answers["text"]:
        return None
    text, start = answers["text"][0], int(answers["answer_start"][0])
    if record["context"][start : start + len(text)] != text:
        raise InputError(
            f"The answer {text!r} is not at character {start} of its context, where "
            f"{record['context'][start : start + len(text)]!r} stands. Correct answer_start."
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
) -> Row:
    """The tokens of a window that hold the first and the last character of the answer."""
    begin = sequences.index(context)
    end = len(sequences) - 1 - sequences[::-1].index(context)
    inside = offsets[begin : end + 1]
    if span is None or span[0] < inside[0][0] or span[1] > inside[-1][1]:
        return {"start_positions": none, "end_positions": none}
    first = bisect_right([start for start, _ in inside], span[0]) - 1
    last = bisect_left([stop for _, stop in inside], span[1])
    return {"start_positions": begin + first, "end_positions": begin + last}
