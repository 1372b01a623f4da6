"""When a row is finished: callables (ids, scores) -> (B,) bool, asked after every token.

Shapes:  B rows  L tokens so far, the new one included
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from hubformer.errors import InputError

StoppingCriterion = Callable[[Tensor, Any], "Tensor | bool"]  # ids (B, L), the scores of this step (rows, V)


class Decoder(Protocol):
    """The part of a tokenizer that turns tokens into text."""

    def decode(self, token_ids: Any, **options: Any) -> str: ...


@dataclass(frozen=True)
class MaxLength:
    length: int  # tokens in all

    def __call__(self, ids: Tensor, scores: Any) -> Tensor:
        return torch.full((len(ids),), ids.shape[1] >= self.length, device=ids.device)


@dataclass(frozen=True)
class EndToken:
    tokens: tuple[int, ...]

    def __call__(self, ids: Tensor, scores: Any) -> Tensor:
        return torch.isin(ids[:, -1], torch.tensor(self.tokens, device=ids.device))


@dataclass(frozen=True)
class MaxTime:
    seconds: float
    start: float = field(default_factory=time.monotonic)

    def __call__(self, ids: Tensor, scores: Any) -> Tensor:
        return torch.full((len(ids),), time.monotonic() - self.start > self.seconds, device=ids.device)


@dataclass(frozen=True)
class StopString:
    """The newest token completes one of these strings."""

    strings: tuple[str, ...]
    tokenizer: Decoder

    def __call__(self, ids: Tensor, scores: Any) -> Tensor:
        # A token is a byte or more, so the string lies within as many tokens as it has bytes.
        reach = max(len(string.encode()) for string in self.strings) + 1
        done = [self._completed(tokens) for tokens in ids[:, -reach:].tolist()]
        return torch.tensor(done, device=ids.device)

    def _completed(self, tokens: list[int]) -> bool:
        text, before = self.tokenizer.decode(tokens), self.tokenizer.decode(tokens[:-1])
        return any(
            text.rfind(string) + len(string) > len(before) for string in self.strings if string in text
        )


def stopped(ids: Tensor, scores: Any, *, rules: Sequence[StoppingCriterion]) -> Tensor:
    """Which rows any criterion ends, (B,).

    Raises:
        InputError: a rule answers neither for all rows nor for each.
    """
    ended = torch.zeros(len(ids), dtype=torch.bool, device=ids.device)
    for rule in rules:
        answer = rule(ids, scores)
        if isinstance(answer, Tensor):
            if answer.shape not in ((), ended.shape):
                raise InputError(
                    f"A stopping rule gave the shape {list(answer.shape)}, expected {list(ended.shape)}: one "
                    "answer for each row."
                )
            answer = answer.to(ended.device).bool()
        ended = ended | answer
    return ended
