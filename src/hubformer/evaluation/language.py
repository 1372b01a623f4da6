"""The perplexity of texts under a causal language model.

Shapes:  L tokens of a text  V vocabulary
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from typing import Any

import torch

from hubformer.errors import InputError, refuse_unknown
from hubformer.evaluation.tasks import EvaluationSettings, EvaluationTask, Record
from hubformer.metrics.generated import Perplexity
from hubformer.pretrained.tokenizer import length_limit
from hubformer.progress import Bar

NO_LIMIT = 2**30  # tokens; tokenizers without a length say 1e30


def losses(model: Any, texts: Iterable[Sequence[int]], *, length: int) -> Iterator[tuple[float, int]]:
    """For each text the sum over its tokens in nats, and how many there are.

    The first token is not scored: nothing comes before it. Longer texts are read in windows of `length`
    tokens that overlap by half, so that every token but those of the first window sees at least half a
    window.
    """
    step = max(length // 2, 1)
    for ids in texts:
        total, scored = 0.0, 0
        end = 1  # tokens before this are scored
        while end < len(ids):
            start = 0 if end == 1 else end - (length - step)
            stop = min(start + length, len(ids))
            total += _window(model, ids[start:stop], first=end - start)
            scored += stop - end
            end = stop
        yield total, scored


def _window(model: Any, ids: Sequence[int], *, first: int) -> float:
    """The sum over the tokens from `first` on."""
    row = torch.tensor([list(ids)], device=model.device)
    with torch.inference_mode():
        scores = model(input_ids=row).logits[0, first - 1 : -1].double()
    said = scores.log_softmax(-1).gather(1, row[0, first:, None])
    return float(-said.sum())


@dataclass(frozen=True)
class LanguageModel:
    """A causal language model and its tokenizer."""

    model: Any
    tokenizer: Any

    @classmethod
    def of(
        cls, model: Any, *, tokenizer: Any, device: Any, dtype: Any, revision: str | None
    ) -> LanguageModel:
        """model: a name, a folder, or a loaded model.

        Raises:
            HubError, CheckpointError: it cannot be had, or has no such head.
        """
        from hubformer.pretrained.auto import AutoModelForCausalLM
        from hubformer.pretrained.tokenizer import AutoTokenizer

        named = {} if revision is None else {"revision": revision}
        name = model
        if isinstance(model, (str, os.PathLike)):
            typed = named if dtype is None else {**named, "dtype": dtype}
            model = AutoModelForCausalLM.from_pretrained(model, **typed)
        else:
            name = model.name_or_path
        if tokenizer is None or isinstance(tokenizer, (str, os.PathLike)):
            tokenizer = AutoTokenizer.from_pretrained(tokenizer or name, **named)
        return cls(model if device is None else model.to(device), tokenizer)


class LanguageModelingEvaluation(EvaluationTask):
    """Perplexity per token, over texts that are each read alone. A text without a second token scores
    nothing.

    The option max_length is the length of a window in tokens; without it what model and tokenizer say.
    """

    required_columns = ("text",)

    def __init__(self, pipe: Any, records: Iterable[Record], settings: EvaluationSettings) -> None:
        super().__init__(pipe, records, settings)
        (self.perplexity,) = self._build(Perplexity)

    def to_input(self, record: Record, where: str) -> str:
        if not isinstance(record["text"], str):
            raise InputError(f"The text of {where} is {type(record['text']).__name__}, expected a text.")
        return record["text"]

    def reference(self, record: Record, where: str) -> None:
        return None

    def predict(self, pipe: Any, inputs: Iterable[str], **options: Any) -> Iterator[tuple[float, int]]:
        refuse_unknown(options, ["max_length"], call="evaluate of a language model")
        length = _length(pipe.model, pipe.tokenizer, options.get("max_length"))
        pipe.model.eval()
        rows = (pipe.tokenizer(text, verbose=False)["input_ids"] for text in inputs)
        count = len(inputs) if isinstance(inputs, Sized) else None
        with Bar(count, unit=" texts") as bar:
            for found in losses(pipe.model, rows, length=length):
                bar.advance(1)
                yield found

    def update(self, answers: Sequence[tuple[float, int]], references: Sequence[None]) -> None:
        self.perplexity.update([total for total, _ in answers], [tokens for _, tokens in answers])

    def metrics(self) -> Sequence[Perplexity]:
        return [self.perplexity]

    def details(self) -> dict[str, Any]:
        return {"tokens": self.perplexity.tokens}


def _length(model: Any, tokenizer: Any, requested: int | None) -> int:
    reads = length_limit(model.config)
    length = min(reads or NO_LIMIT, tokenizer.model_max_length) if requested is None else requested
    if length >= NO_LIMIT:
        raise InputError("Neither the model nor its tokenizer says how long a text may be. Pass max_length=.")
    if length < 2 or (reads is not None and length > reads):
        raise InputError(
            f"max_length is {length}, expected 2 to {reads or 'the length the model reads'} tokens."
        )
    return int(length)
