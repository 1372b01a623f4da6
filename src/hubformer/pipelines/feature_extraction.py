"""The last states of a model without head: a vector for each token of a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from hubformer.errors import InputError
from hubformer.pipelines.base import TaskPipeline
from hubformer.tasks.feature_extraction import FeatureExtraction, States
from hubformer.tasks.options import with_tokenizer_options


def _unpooled(states: Tensor) -> Tensor:
    return states


class FeatureExtractionPipeline(TaskPipeline[str, States]):
    """Texts to the states of their tokens: `[[[float]]]` of 1, tokens and width, as in transformers 4.

    Raises:
        InputError: an input that is no text, or is longer than the model reads (see truncation).
    """

    task_definition = FeatureExtraction()
    pool = staticmethod(_unpooled)  # every state is asked for, and not what a pooler makes of them

    def resolve_options(self, given: Mapping[str, Any], *, defaults: Any, call: str) -> Any:
        if given.get("truncation") is not None and "truncation" in (given.get("tokenize_kwargs") or {}):
            raise InputError("truncation is given by itself and in tokenize_kwargs; say it once.")
        return with_tokenizer_options(
            super().resolve_options(given, defaults=defaults, call=call), "tokenize_kwargs"
        )
