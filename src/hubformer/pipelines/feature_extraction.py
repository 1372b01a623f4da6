"""The last states of a model without head: a vector for each token of a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from hubformer.errors import InputError
from hubformer.pipelines.base import EncoderPipeline
from hubformer.tasks import EncodedBatch
from hubformer.tasks.options import TextOptions, with_tokenizer_options
from hubformer.tasks.text import check_text, quoted

Answer = list[list[list[float]]] | Tensor  # (1, length, width)


@dataclass(frozen=True)
class FeatureExtractionOptions(TextOptions):
    """How texts are read, and in which form the states are given."""

    return_tensors: bool | None = None  # a tensor instead of nested lists
    tokenize_kwargs: Mapping[str, Any] | None = None  # truncation and its like, as transformers takes them

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.return_tensors not in (None, True, False):
            raise InputError(f"return_tensors is {self.return_tensors!r}, expected True or False.")


def _unpooled(states: Tensor) -> Tensor:
    return states


class FeatureExtractionPipeline(EncoderPipeline[str, Answer]):
    """Texts to the states of their tokens: `[[[float]]]` of 1, tokens and width, as in transformers 4.

    Raises:
        InputError: an input that is no text, or is longer than the model reads (see truncation).
    """

    Options = FeatureExtractionOptions
    model_task = "base"
    pool = staticmethod(_unpooled)  # every state is asked for, and not what a pooler makes of them

    def resolve_options(self, given: Mapping[str, Any], *, defaults: Any, call: str) -> Any:
        if given.get("truncation") is not None and "truncation" in (given.get("tokenize_kwargs") or {}):
            raise InputError("truncation is given by itself and in tokenize_kwargs; say it once.")
        return with_tokenizer_options(
            super().resolve_options(given, defaults=defaults, call=call), "tokenize_kwargs"
        )

    def check_input(self, item: Any, where: str) -> str:
        return check_text(item, where, accepted=self.accepted, empty=True)

    def encode(self, inputs: Sequence[str], options: Any) -> EncodedBatch:
        return EncodedBatch(
            self.batcher.encode(inputs, where=lambda place: quoted(inputs[place]), **options.tokenization())
        )

    def decode(self, logits: Sequence[Tensor], context: Any, *, options: Any) -> list[Answer]:
        """logits: the states of each text, (L, M)."""
        return [states[None] if options.return_tensors else states[None].tolist() for states in logits]
