"""Words for a blank: the likeliest tokens in the place of each mask token of a text."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from hubformer.errors import InputError
from hubformer.inference import EncodedInput
from hubformer.pipelines.base import EncoderPipeline
from hubformer.tasks import EncodedBatch
from hubformer.tasks.options import TextOptions, with_tokenizer_options
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


class FillMaskPipeline(EncoderPipeline[str, Answer]):
    """Texts with mask tokens to what may stand in their place.

    A text with one mask gives `[{"score", "token", "token_str", "sequence"}]`, best first; one with several
    gives such a list for each mask. A list of one text gives what the text alone does. These are transformers
    4's shapes.

    Raises:
        InputError: a text without a mask token, or one longer than the model reads (see truncation).
    """

    Options = FillMaskOptions
    model_task = "masked-lm"

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(*positional, **named)
        if self.tokenizer.mask_token_id is None:
            raise InputError("The tokenizer has no mask token, so that no text can have a blank to fill.")

    def __call__(
        self, inputs: Any, *, batch_size: int | None = None, num_workers: int | None = None, **options: Any
    ) -> Any:
        """inputs: a text with mask tokens, or an iterable of those."""
        found = super().__call__(inputs, batch_size=batch_size, num_workers=num_workers, **options)
        return found[0] if isinstance(inputs, list) and len(inputs) == 1 else found

    def resolve_options(self, given: Mapping[str, Any], *, defaults: Any, call: str) -> Any:
        return with_tokenizer_options(
            super().resolve_options(given, defaults=defaults, call=call), "tokenizer_kwargs"
        )

    def check_input(self, item: Any, where: str) -> str:
        return check_text(item, where, accepted=self.accepted)

    def encode(self, inputs: Sequence[str], options: Any) -> EncodedBatch:
        encoded = self.batcher.encode(
            inputs, where=lambda place: quoted(inputs[place]), **options.tokenization()
        )
        samples = [self._with_masks(sample, text) for sample, text in zip(encoded, inputs, strict=True)]
        return EncodedBatch(samples, samples)

    def decode(self, logits: Sequence[Tensor], context: Any, *, options: Any) -> list[Answer]:
        allowed = self._allowed(options.targets)
        return [
            self._filled(sample, scores, allowed, options)
            for sample, scores in zip(context, logits, strict=True)
        ]

    def _with_masks(self, row: EncodedInput, text: str) -> EncodedInput:
        """The row, of which only the masks' scores are kept: a window of whole ones would fill the memory."""
        mask = self.tokenizer.mask_token_id
        places = [place for place, token in enumerate(row.ids) if token == mask]
        if not places:
            cut = " or truncation cut it off" if self.tokenizer.mask_token in text else ""
            raise InputError(
                f"{quoted(text)} has no mask token{cut}: put {self.tokenizer.mask_token} where a word is "
                "missing."
            )
        return replace(row, kept=places)

    def _allowed(self, targets: Sequence[str] | None) -> list[int] | None:
        """The ids of targets, each once."""
        if targets is None:
            return None
        vocabulary = self.tokenizer.get_vocab()
        found: dict[int, None] = {}
        for target in targets:
            token = vocabulary.get(target)
            if token is None:
                ids = self.tokenizer(target, add_special_tokens=False)["input_ids"]
                if not ids:
                    _log.warning("The target %r is no token and has none; it is left out.", target)
                    continue
                token = ids[0]
                first = self.tokenizer.convert_ids_to_tokens(token)
                _log.warning("The target %r is no token; its first one, %r, takes its place.", target, first)
            found[token] = None
        if not found:
            raise InputError(f"targets is {described(targets)}, of which the tokenizer knows no token.")
        return list(found)

    def _filled(self, row: EncodedInput, scores: Tensor, allowed: list[int] | None, options: Any) -> Answer:
        """scores: (masks, vocabulary)."""
        chances = scores.softmax(-1)
        if allowed is not None:
            chances = chances[:, allowed]
        best = chances.topk(min(options.top_k, chances.shape[1]))
        assert row.kept is not None
        found = []
        for place, values, picks in zip(row.kept, best.values.tolist(), best.indices.tolist(), strict=True):
            tokens = picks if allowed is None else [allowed[pick] for pick in picks]
            found.append(list(self._records(row, place, zip(values, tokens, strict=True))))
        return found[0] if len(found) == 1 else found

    def _records(self, row: EncodedInput, place: int, best: Any) -> Iterator[Filled]:
        # Where other masks are left they must stay readable, and with them the special tokens.
        assert row.kept is not None
        skip, pad = len(row.kept) == 1, self.tokenizer.pad_token_id
        for score, token in best:
            ids = [*row.ids[:place], token, *row.ids[place + 1 :]]
            yield {
                "score": score,
                "token": token,
                "token_str": self.tokenizer.decode([token]),
                "sequence": self.tokenizer.decode(
                    [known for known in ids if known != pad], skip_special_tokens=skip
                ),
            }
