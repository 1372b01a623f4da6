"""Words for masks: the likeliest tokens in the place of each mask token of a text."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from hubformer.errors import InputError
from hubformer.inference import EncodedInput, TextBatcher
from hubformer.tasks.base import EncodedBatch, Task
from hubformer.tasks.options import TextOptions
from hubformer.tasks.text import check_text, described, quoted

Filled = dict[str, Any]  # {"score": float, "token": int, "token_str": str, "sequence": str}
Answer = list[Filled] | list[list[Filled]]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FillMaskOptions(TextOptions):
    """Which tokens, and how many of them."""

    top_k: int | None = 5  # tokens for each mask, best first; None: five
    targets: str | Sequence[str] | None = None  # the only tokens that may be answered; None: any
    tokenizer_kwargs: Mapping[str, Any] | None = None  # truncation and its like, as transformers takes them

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.top_k is None:
            object.__setattr__(self, "top_k", 5)
        if not isinstance(self.top_k, int) or self.top_k is True or self.top_k < 1:
            raise InputError(f"top_k is {self.top_k!r}, expected a whole number of at least 1.")
        if isinstance(self.targets, str):
            object.__setattr__(self, "targets", (self.targets,))
        targets = self.targets
        if targets is None:
            return
        if not isinstance(targets, (list, tuple)) or not all(isinstance(target, str) for target in targets):
            raise InputError(f"targets is {described(targets)}, expected a text, or a list of texts.")
        if not targets:
            raise InputError("targets is empty, expected one text at least; leave it out to allow any token.")


@dataclass(frozen=True, eq=False)
class MaskContext:
    """What decoding needs beside the scores: the samples, and the tokenizer that writes their tokens."""

    samples: list[EncodedInput]
    tokenizer: Any


class FillMask(Task[str, Answer]):
    """The likeliest tokens for each mask of a text; an example is the text."""

    name = "fill-mask"
    head = "AutoModelForMaskedLM"
    model_task = "masked-lm"
    Options = FillMaskOptions

    def to_example(self, item: Any, where: str) -> str:
        return check_text(item, where, accepted=self.accepted)

    def encode(self, examples: Sequence[str], *, batcher: TextBatcher, options: Any) -> EncodedBatch:
        def where(index: int) -> str:
            return quoted(examples[index])

        tokenizer = batcher.tokenizer
        encoded = batcher.encode(examples, where=where, **options.tokenization())
        samples = [
            _with_masks(sample, text, tokenizer=tokenizer)
            for sample, text in zip(encoded, examples, strict=True)
        ]
        return EncodedBatch(samples, MaskContext(samples, tokenizer))

    def decode(self, logits: Sequence[Tensor], *, context: Any, options: Any, config: Any) -> list[Answer]:
        """logits: (masks, vocabulary) of each text."""
        tokenizer = context.tokenizer
        allowed = _allowed(options.targets, tokenizer)
        return [
            _filled(sample, scores, tokenizer=tokenizer, allowed=allowed, top_k=options.top_k)
            for sample, scores in zip(context.samples, logits, strict=True)
        ]


def _with_masks(row: EncodedInput, text: str, *, tokenizer: Any) -> EncodedInput:
    """The row, of which only the masks' scores are kept: a window of whole ones would fill the memory."""
    mask = tokenizer.mask_token_id
    places = [place for place, token in enumerate(row.ids) if token == mask]
    if not places:
        cut = " or truncation cut it off" if tokenizer.mask_token in text else ""
        raise InputError(
            f"{quoted(text)} has no mask token{cut}: put {tokenizer.mask_token} where a word is missing."
        )
    return replace(row, kept=places)


def _allowed(targets: Sequence[str] | None, tokenizer: Any) -> list[int] | None:
    """The ids of targets, each once."""
    if targets is None:
        return None
    vocabulary = tokenizer.get_vocab()
    found: dict[int, None] = {}
    for target in targets:
        token = vocabulary.get(target)
        if token is None:
            ids = tokenizer(target, add_special_tokens=False)["input_ids"]
            if not ids:
                _log.warning("The target %r is no token and has none; it is left out.", target)
                continue
            token = ids[0]
            first = tokenizer.convert_ids_to_tokens(token)
            _log.warning("The target %r is no token; its first one, %r, takes its place.", target, first)
        found[token] = None
    if not found:
        raise InputError(f"targets is {described(targets)}, of which the tokenizer knows no token.")
    return list(found)


def _filled(
    row: EncodedInput, scores: Tensor, *, tokenizer: Any, allowed: list[int] | None, top_k: int
) -> Answer:
    """scores: (masks, vocabulary)."""
    chances = scores.softmax(-1)
    if allowed is not None:
        chances = chances[:, allowed]
    best = chances.topk(min(top_k, chances.shape[1]))
    assert row.kept is not None
    found = []
    for place, values, picks in zip(row.kept, best.values.tolist(), best.indices.tolist(), strict=True):
        tokens = picks if allowed is None else [allowed[pick] for pick in picks]
        found.append(list(_records(row, place, best=zip(values, tokens, strict=True), tokenizer=tokenizer)))
    return found[0] if len(found) == 1 else found


def _records(row: EncodedInput, place: int, *, best: Any, tokenizer: Any) -> Iterator[Filled]:
    # Where other masks are left they must stay readable, and with them the special tokens.
    assert row.kept is not None
    skip, pad = len(row.kept) == 1, tokenizer.pad_token_id
    for score, token in best:
        ids = [*row.ids[:place], token, *row.ids[place + 1 :]]
        yield {
            "score": score,
            "token": token,
            "token_str": tokenizer.decode([token]),
            "sequence": tokenizer.decode([known for known in ids if known != pad], skip_special_tokens=skip),
        }
