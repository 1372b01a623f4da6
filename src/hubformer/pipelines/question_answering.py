"""Answers to questions, as spans of a text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from hubformer.errors import InputError, refuse_unknown
from hubformer.pipelines.base import EncoderPipeline, is_several
from hubformer.pipelines.spans import Frame, Text, Window, candidates, cut
from hubformer.pipelines.steps import overrides_steps
from hubformer.tasks import EncodedBatch
from hubformer.tasks.options import Options, check_padding
from hubformer.tasks.text import described

Answer = dict[str, Any]  # {"score": float, "start": int, "end": int, "answer": str}
_EXPECTED = 'question= and context=, {"question": ..., "context": ...}, or a list of such dicts'
_INPUTS = ("question", "context", "X", "data")
_WINDOW = 384  # tokens, where the model reads as many


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


class QuestionAnsweringPipeline(EncoderPipeline[tuple[str, str], Answer | list[Answer]]):
    """Questions with contexts to `{"score", "start", "end", "answer"}`; start and end are characters of the
    context.

    `top_k` above 1 gives a list for each question. A context that is longer than a window is cut into
    windows that overlap; a score is p(start) p(end), normalised over all of them together. Of answers with
    the same text the best counts.

    Raises:
        InputError: no question, no context, or a question that fills a whole window.
    """

    Options = QuestionAnsweringOptions
    model_task = "question-answering"
    accepted = _EXPECTED

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(*positional, **named)
        self.frame = Frame.of(self.tokenizer)

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
        chosen = self.call(options)
        examples = _arranged(inputs, named)
        if isinstance(examples, list) and len(examples) == 1:
            return self.run(examples[0], chosen)
        return self.run(examples, chosen)

    def check_input(self, item: Any, where: str) -> tuple[str, str]:
        if isinstance(item, Mapping):
            absent = [key for key in ("question", "context") if key not in item]
            if absent:
                raise InputError(
                    f"{where} has the keys {list(item)}, but no {absent[0]!r}; expected {_EXPECTED}."
                )
            found = item["question"], item["context"]
        elif hasattr(item, "question_text") and hasattr(item, "context_text"):  # transformers' SquadExample
            found = item.question_text, item.context_text
        else:
            raise InputError(f"{where} is {described(item)}; expected {_EXPECTED}.")
        for name, text in zip(("question", "context"), found, strict=True):
            if not isinstance(text, str):
                raise InputError(f"{where} has {described(text)} as its {name}; expected a text.")
            if not text.strip():
                raise InputError(f"{where} has an empty {name}; expected a text.")
        return found

    def encode(self, inputs: Sequence[tuple[str, str]], options: Any) -> EncodedBatch:
        contexts = [context for _, context in inputs]
        texts = self._texts(contexts)
        cuts = self._windows(inputs, texts, options=options)
        samples = [window.row for windows in cuts for window in windows]
        return EncodedBatch(samples, list(zip(contexts, texts, cuts, strict=True)))

    def decode(self, logits: Sequence[Any], context: Any, *, options: Any) -> list[Answer | list[Answer]]:
        scores = iter(logits)
        result: list[Answer | list[Answer]] = []
        for passage, text, windows in context:
            of_windows = [score.double().numpy() for score in islice(scores, len(windows))]
            best = self._best(passage, text, windows=windows, scores=of_windows, options=options)
            result.append(best[0] if options.top_k == 1 else best)
        return result

    def _texts(self, contexts: list[str]) -> list[Text]:
        """The contexts as tokens; one that serves several questions is read once."""
        unlike = list(dict.fromkeys(contexts))
        found = self.tokenizer(unlike, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        known = {}
        for place, context in enumerate(unlike):
            ids = found["input_ids"][place]
            if not ids:
                raise InputError(f"The context {context[:40]!r} has no token that the tokenizer knows.")
            known[context] = Text.of(ids, found["offset_mapping"][place], words=found.word_ids(place))
        return [known[context] for context in contexts]

    def _windows(
        self, inputs: Sequence[tuple[str, str]], texts: Sequence[Text], *, options: QuestionAnsweringOptions
    ) -> list[list[Window]]:
        reads = self.engine.longest
        limit = min(self.tokenizer.model_max_length, reads or math.inf)
        most = options.max_seq_len or int(min(limit, _WINDOW))
        if reads is not None and most > reads:
            raise InputError(f"max_seq_len is {most}, but the model reads at most {reads} tokens.")
        questions = self.tokenizer([q for q, _ in inputs], add_special_tokens=False, verbose=False)[
            "input_ids"
        ]
        return [
            cut(
                question[: options.max_question_len],
                text,
                frame=self.frame,
                most=most,
                stride=options.doc_stride,
                where=f"The question {asked[:40]!r}",
            )
            for (asked, _), question, text in zip(inputs, questions, texts, strict=True)
        ]

    def _best(
        self,
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
        found = list(best.values())
        if not found:
            raise InputError(
                f"The context {context[:40]!r} has no token that stands for any of its characters."
            )
        if options.handle_impossible_answer:
            found.append({"score": none, "start": 0, "end": 0, "answer": ""})
        return sorted(found, key=lambda answer: -answer["score"])[: options.top_k]


def _arranged(inputs: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    """The examples of a call, as a list, or as the iterable that they come from."""
    if inputs and named:
        raise InputError(f"Inputs were given by place and as {', '.join(named)}=; expected {_EXPECTED}.")
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
        raise InputError(f"The call gives no {' and no '.join(absent)}; expected {_EXPECTED}.")
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
