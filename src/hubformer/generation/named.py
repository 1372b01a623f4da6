"""The classes under which code written for transformers 4 brings rules of its own.

Any callable will do for generate; these are for code that subclasses them or passes their lists.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from hubformer.errors import InputError
from hubformer.generation.stopping import Decoder, EndToken, MaxLength, MaxTime, StopString, stopped


class LogitsProcessor:
    """Changes the scores of the next token: override `__call__`."""

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """input_ids (rows, length), scores (rows, vocabulary) -> scores"""
        raise NotImplementedError(f"{type(self).__name__} says nothing in __call__(input_ids, scores).")


class LogitsProcessorList(list[Callable[..., Tensor]]):
    """Processors that are applied one after another."""

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        for processor in self:
            scores = processor(input_ids, scores)
        return scores


class StoppingCriteria:
    """Says which rows are finished: override `__call__`."""

    def __call__(self, input_ids: Tensor, scores: Any) -> Tensor | bool:
        """input_ids (rows, length) -> (rows,) bool, or one answer for all"""
        raise NotImplementedError(f"{type(self).__name__} says nothing in __call__(input_ids, scores).")


class StoppingCriteriaList(list[Callable[..., Any]]):
    """Criteria of which any one finishes a row."""

    def __call__(self, input_ids: Tensor, scores: Any) -> Tensor:
        return stopped(input_ids, scores, rules=self)


class MaxLengthCriteria(StoppingCriteria):
    """A row has this many tokens, the prompt included."""

    def __init__(self, max_length: int, max_position_embeddings: int | None = None) -> None:
        if max_length < 1:
            raise InputError(f"max_length is {max_length}, expected a whole number of 1 or more.")
        self.max_length, self.max_position_embeddings = max_length, max_position_embeddings

    def __call__(self, input_ids: Tensor, scores: Any) -> Tensor:
        return MaxLength(self.max_length)(input_ids, scores)


class EosTokenCriteria(StoppingCriteria):
    """A row's newest token is an end token."""

    def __init__(self, eos_token_id: int | Sequence[int] | Tensor) -> None:
        ids = eos_token_id.flatten().tolist() if isinstance(eos_token_id, Tensor) else eos_token_id
        self.eos_token_id = tuple(ids) if isinstance(ids, Sequence) else (ids,)

    def __call__(self, input_ids: Tensor, scores: Any) -> Tensor:
        return EndToken(self.eos_token_id)(input_ids, scores)


class MaxTimeCriteria(StoppingCriteria):
    """So many seconds have passed; `initial_timestamp`, of time.time(), defaults to now."""

    def __init__(self, max_time: float, initial_timestamp: float | None = None) -> None:
        self.max_time = max_time
        self.initial_timestamp = time.time() if initial_timestamp is None else initial_timestamp
        since = time.time() - self.initial_timestamp
        self._criterion = MaxTime(max_time, time.monotonic() - since)

    def __call__(self, input_ids: Tensor, scores: Any) -> Tensor:
        return self._criterion(input_ids, scores)


class StopStringCriteria(StoppingCriteria):
    """A sequence's newest token completes one of these strings."""

    def __init__(self, tokenizer: Decoder, stop_strings: str | Sequence[str]) -> None:
        strings = (stop_strings,) if isinstance(stop_strings, str) else tuple(stop_strings)
        if not strings or not all(isinstance(string, str) and string for string in strings):
            raise InputError(f"stop_strings is {stop_strings!r}, expected a string or a list of strings.")
        self.stop_strings = strings
        self._criterion = StopString(strings, tokenizer)

    def __call__(self, input_ids: Tensor, scores: Any) -> Tensor:
        return self._criterion(input_ids, scores)
