"""The last states of a model without head: a vector for each token of a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from hubformer.errors import InputError
from hubformer.inference.engine import Progress
from hubformer.pipelines.base import EncoderPipeline
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


class FeatureExtractionPipeline(EncoderPipeline[str, Answer]):
    """Texts to the states of their tokens: `[[[float]]]` of 1, tokens and width, as in transformers 4.

    Raises:
        InputError: a text that is none, is empty, or is longer than the model reads (see truncation).
    """

    Options = FeatureExtractionOptions
    model_task = "base"

    def chosen(self, given: Mapping[str, Any], *, over: Any, call: str) -> Any:
        if given.get("truncation") is not None and "truncation" in (given.get("tokenize_kwargs") or {}):
            raise InputError("truncation is given by itself and in tokenize_kwargs; say it once.")
        return with_tokenizer_options(super().chosen(given, over=over, call=call), "tokenize_kwargs")

    def checked(self, item: Any, where: str) -> str:
        return check_text(item, where, accepted=self.accepted)

    def answers(
        self, inputs: Sequence[str], options: Any, *, progress: Progress | None = None
    ) -> list[Answer]:
        rows = self.batcher.encode(
            inputs, None, where=lambda place: quoted(inputs[place]), **options.tokenization()
        )
        # Every state is asked for, and not what a pooler makes of them.
        found = [states[None] for states in self.engine.run(rows, pool=_unpooled, progress=progress)]
        return list(found) if options.return_tensors else [states.tolist() for states in found]


def _unpooled(states: Tensor) -> Tensor:
    return states
