"""Answers to questions, as spans of a text.

SQuAD 1.1: Rajpurkar et al. 2016 (arXiv:1606.05250); questions without an answer: Rajpurkar et al. 2018
(arXiv:1806.03822).

Shapes:  L tokens of a window
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from torch import Tensor

from hubformer.errors import InputError
from hubformer.inference import TextBatcher
from hubformer.tasks.base import EncodedBatch, Record, Task
from hubformer.tasks.options import Options, check_padding
from hubformer.tasks.spans import Frame, Text, Window, candidates, cut
from hubformer.tasks.text import described

REQUIRED_COLUMNS = ("question", "context", "answers")
COLUMN_ALIASES: Mapping[str, tuple[str, ...]] = {"answers": ("answer",)}
_TRUE = (True, 1, "1", "true", "True", "TRUE")
Answer = dict[str, Any]  # {"score": float, "start": int, "end": int, "answer": str}
_EXPECTED = 'question= and context=, {"question": ..., "context": ...}, or a list of such dicts'
_WINDOW = 384  # tokens, where the model reads as many


@dataclass(frozen=True)
class GoldAnswers:
    """texts: all that are right; none where the question has no answer. start: the place of the first one's
    first character in the context, where the record says."""

    texts: tuple[str, ...] = ()
    start: int | None = None


@dataclass(frozen=True)
class QuestionExample:
    """A question, and the text that its answer is a part of. answers: of a labelled record."""

    question: str
    context: str
    answers: GoldAnswers | None = None


@dataclass(frozen=True)
class QuestionAnsweringOptions(Options):
    """How many answers, of what kind, and how long contexts are cut into windows (lengths in tokens)."""

    top_k: int = 1
    doc_stride: int | None = None  # what neighbouring windows share; None: 128, or what fits
    max_answer_len: int = 15
    max_seq_len: int | None = None  # of a window; None: 384, or what the model reads
    max_question_len: int | None = None  # a longer question is cut to this; None: never
    handle_impossible_answer: bool = False  # whether "" may be the answer
    align_to_words: bool = True  # answers begin and end with whole words
    padding: bool | str | None = None  # taken for transformers' sake; padding changes no answer
    topk: int | None = None  # the older name of top_k

    def __post_init__(self) -> None:
        check_padding(self.padding)
        if self.topk is not None:
            object.__setattr__(self, "top_k", self.topk)
            object.__setattr__(self, "topk", None)
        least = {"top_k": 1, "doc_stride": 0, "max_answer_len": 1, "max_seq_len": 1, "max_question_len": 1}
        for name, low in least.items():
            value = getattr(self, name)
            optional = name not in ("top_k", "max_answer_len")
            if value is None and optional:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                raise InputError(f"{name} is {value!r}, expected a whole number of at least {low}.")
        if None not in (self.doc_stride, self.max_seq_len) and self.doc_stride > self.max_seq_len:  # type: ignore[operator]
            raise InputError(
                f"doc_stride is {self.doc_stride}, larger than max_seq_len {self.max_seq_len}: windows "
                "would never "
                "advance. Pass a smaller doc_stride."
            )


class QuestionAnswering(Task[QuestionExample, Answer | list[Answer]]):
    """The span of a context that answers a question."""

    name = "question-answering"
    head = "AutoModelForQuestionAnswering"
    model_task = "question-answering"
    Options = QuestionAnsweringOptions
    accepted = _EXPECTED
    required_columns = REQUIRED_COLUMNS
    column_aliases = COLUMN_ALIASES

    def parse(self, record: Record, where: str) -> QuestionExample:
        example = self.to_example(record, where)
        return QuestionExample(example.question, example.context, gold_answers(record, where))

    def to_example(self, item: Any, where: str) -> QuestionExample:
        if isinstance(item, QuestionExample):
            texts = item.question, item.context
        elif isinstance(item, Mapping):
            absent = [key for key in ("question", "context") if key not in item]
            if absent:
                raise InputError(
                    f"{where} has the keys {list(item)}, but no {absent[0]!r}; expected {_EXPECTED}."
                )
            texts = item["question"], item["context"]
        elif hasattr(item, "question_text") and hasattr(item, "context_text"):  # transformers' SquadExample
            texts = item.question_text, item.context_text
        else:
            raise InputError(f"{where} is {described(item)}; expected {_EXPECTED}.")
        for name, text in zip(("question", "context"), texts, strict=True):
            if not isinstance(text, str):
                raise InputError(f"{where} has {described(text)} as its {name}; expected a text.")
            if not text.strip():
                raise InputError(f"{where} has an empty {name}; expected a text.")
        return QuestionExample(*texts)

    def encode(
        self, examples: Sequence[QuestionExample], *, batcher: TextBatcher, options: Any
    ) -> EncodedBatch:
        contexts = [example.context for example in examples]
        texts = _tokenized(contexts, batcher.tokenizer)
        windows = _windows(examples, texts, batcher=batcher, options=options)
        samples = [window.row for of_example in windows for window in of_example]
        return EncodedBatch(samples, list(zip(contexts, texts, windows, strict=True)))

    def decode(
        self, logits: Sequence[Tensor], *, context: Any, options: Any, config: Any
    ) -> list[Answer | list[Answer]]:
        """logits: (L, 2) of each window, how well each token begins and ends an answer."""
        scores = iter(logits)
        result: list[Answer | list[Answer]] = []
        for passage, text, windows in context:
            of_windows = [score.double().numpy() for score in islice(scores, len(windows))]
            best = _best(passage, text, windows=windows, scores=of_windows, options=options)
            result.append(best[0] if options.top_k == 1 else best)
        return result


def _tokenized(contexts: Sequence[str], tokenizer: Any) -> list[Text]:
    """The contexts as tokens; one that serves several questions is read once."""
    unlike = list(dict.fromkeys(contexts))
    encoded = tokenizer(unlike, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    known = {}
    for place, context in enumerate(unlike):
        ids = encoded["input_ids"][place]
        if not ids:
            raise InputError(f"The context {context[:40]!r} has no token that the tokenizer knows.")
        known[context] = Text.of(ids, encoded["offset_mapping"][place], words=encoded.word_ids(place))
    return [known[context] for context in contexts]


def _windows(
    examples: Sequence[QuestionExample],
    texts: Sequence[Text],
    *,
    batcher: TextBatcher,
    options: QuestionAnsweringOptions,
) -> list[list[Window]]:
    """The windows of each example."""
    tokenizer, reads = batcher.tokenizer, batcher.longest
    frame = Frame.of(tokenizer)
    limit = min(tokenizer.model_max_length, reads or math.inf)
    most = options.max_seq_len or int(min(limit, _WINDOW))
    if reads is not None and most > reads:
        raise InputError(f"max_seq_len is {most}, but the model reads at most {reads} tokens.")
    questions = tokenizer(
        [example.question for example in examples], add_special_tokens=False, verbose=False
    )["input_ids"]
    return [
        cut(
            question[: options.max_question_len],
            text,
            frame=frame,
            most=most,
            stride=options.doc_stride,
            where=f"The question {example.question[:40]!r}",
        )
        for example, question, text in zip(examples, questions, texts, strict=True)
    ]


def _best(
    context: str,
    text: Text,
    *,
    windows: Sequence[Window],
    scores: Sequence[Any],
    options: QuestionAnsweringOptions,
) -> list[Answer]:
    spans, none = candidates(
        windows,
        scores,
        longest=min(options.max_answer_len, max(window.length for window in windows)),
    )
    best: dict[str, Answer] = {}  # by lower-cased text: of equal ones the first, which is the best
    for span in spans:
        start, end = text.characters(span.start, span.end, whole_words=options.align_to_words)
        answer = context[start:end]
        if answer and answer.lower() not in best:
            best[answer.lower()] = {"score": span.score, "start": start, "end": end, "answer": answer}
            if len(best) == options.top_k:
                break
    answers = list(best.values())
    if not answers:
        raise InputError(f"The context {context[:40]!r} has no token that stands for any of its characters.")
    if options.handle_impossible_answer:
        answers.append({"score": none, "start": 0, "end": 0, "answer": ""})
    return sorted(answers, key=lambda answer: -answer["score"])[: options.top_k]


def gold_answers(record: Record, where: str) -> GoldAnswers:
    """A record's answers: a text, a list of texts, SQuAD's `{"text": [...], "answer_start": [...]}` or list
    of objects. None, an empty text, an empty list or a true `is_impossible` is no answer.

    Raises:
    InputError: another form.
    """
    if record.get("is_impossible") in _TRUE:
        return GoldAnswers()
    pairs = _pairs(record)
    if pairs is None or not all(text is None or isinstance(text, str) for text, _ in pairs):
        raise InputError(
            f"The answers of {where} are {record['answers']!r}; expected a text, a list of texts, or SQuAD's "
            '{"text": [...], "answer_start": [...]}.'
        )
    pairs = [(text, start) for text, start in pairs if text]
    if not pairs:
        return GoldAnswers()
    start = pairs[0][1]
    try:
        return GoldAnswers(tuple(text for text, _ in pairs), None if start in (None, "") else int(start))
    except (TypeError, ValueError):
        raise InputError(
            f"answer_start of {where} is {start!r}, expected the place of the answer's first character."
        ) from None


def _pairs(record: Record) -> list[tuple[Any, Any]] | None:
    """Texts with their starts, or None where the answers have none of the known forms."""
    answers = record["answers"]
    answers = answers.tolist() if hasattr(answers, "tolist") else answers
    if answers is None or isinstance(answers, str):  # one column for the text, perhaps one for its place
        return [(answers, record.get("answer_start"))]
    if isinstance(answers, Mapping) and "text" in answers:
        texts, starts = _list(answers["text"]), _list(answers.get("answer_start"))
        return list(zip(texts, [*starts, *[None] * len(texts)], strict=False))
    if isinstance(answers, list | tuple):
        return [
            (answer.get("text", answer), answer.get("answer_start"))
            if isinstance(answer, Mapping)
            else (answer, record.get("answer_start") if len(answers) == 1 else None)
            for answer in answers
        ]
    return None


def _list(value: Any) -> list[Any]:
    value = value.tolist() if hasattr(value, "tolist") else value
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]
