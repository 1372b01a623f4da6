"""Processors that steer what is written: biases, allowed tokens, lengths, guidance away from another prompt.

Shapes:  B sequences  L tokens so far  V vocabulary
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, ClassVar

import torch
from torch import Tensor

from hubformer.errors import InputError
from hubformer.models.stepping import DecoderRunner, Prompt


@dataclass(frozen=True, eq=False)
class SequenceBias:
    """Adds a number to the score of the token that would complete a sequence."""

    biases: tuple[tuple[tuple[int, ...], float], ...]
    starts: Tensor | None = None  # (B,): where each sequence begins; padding completes nothing

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        total, (_, vocab) = torch.zeros_like(scores), scores.shape
        for (*before, last), bias in self.biases:
            if last >= vocab:
                raise InputError(f"Token {last} of sequence_bias: the vocabulary has {vocab} entries.")
            if len(before) > ids.shape[1]:
                continue
            total[:, last] += self._completed(ids, before).to(scores.dtype) * bias
        return scores + total

    def _completed(self, ids: Tensor, before: Sequence[int]) -> Tensor:
        if not before:
            return torch.ones(len(ids), dtype=torch.bool, device=ids.device)
        here = (ids[:, -len(before) :] == torch.tensor(before, device=ids.device)).all(-1)
        return here if self.starts is None else here & (ids.shape[1] - len(before) >= self.starts)


@dataclass(frozen=True, eq=False)
class AllowedTokens:
    """Only the tokens that a function of the batch's index and the sequence (L,) so far allows."""

    allowed: Callable[[int, Tensor], Sequence[int]]
    beams: int = 1  # sequences per prompt

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        mask = torch.full_like(scores, -inf)
        for index, sequence in enumerate(ids):
            tokens = list(self.allowed(index // self.beams, sequence))
            if not tokens:
                raise InputError(
                    f"prefix_allowed_tokens_fn allows no token for prompt {index // self.beams} after "
                    f"{len(sequence)} tokens. Return at least one, such as the end token."
                )
            mask[index, tokens] = 0
        return scores + mask


@dataclass(frozen=True)
class LengthDecay:
    """End tokens become more likely, exponentially, after so many new tokens."""

    tokens: tuple[int, ...]
    start: int  # tokens in all, the prompt included
    factor: float

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        over = ids.shape[1] - self.start
        if over <= 0:
            return scores
        where = torch.tensor(self.tokens, device=scores.device)
        ends = scores[:, where]
        raised = ends + (ends.abs() * (self.factor**over - 1)).masked_fill(~ends.isfinite(), 0.0)
        return scores.index_copy(1, where, raised)


@dataclass(frozen=True)
class FiniteScores:
    """NaN becomes 0, and infinities the largest and smallest numbers of the dtype."""

    removes_invalid: ClassVar[bool] = True  # so that invalid scores of the model are no error

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        return scores.nan_to_num(nan=0.0)


@dataclass(frozen=True)
class SuppressedAtBegin:
    """These tokens are not the first that is written."""

    tokens: tuple[int, ...]
    length: int  # of the prompt

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        if ids.shape[1] != self.length:
            return scores
        return scores.index_fill(1, torch.tensor(self.tokens, device=scores.device), -inf)


class Guidance:
    """Classifier-free guidance: scores move away from those of another prompt (Sanchez et al. 2023,
    arXiv:2306.17806).

    negative: the other prompt; None: each sequence's last token. cached=False reads everything at each step,
    which beams need, whose sequences change places.
    """

    def __init__(self, scale: float, model: Any, *, negative: Prompt | None, cached: bool) -> None:
        self.scale, self.model, self.negative, self.cached = scale, model, negative, cached
        self._runner: DecoderRunner | None = None
        self._prompt, self._read = 0, negative

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        scores = scores.log_softmax(-1)
        if self._runner is None or self._read is None:
            self._prompt = ids.shape[1]
            self._read = Prompt(ids[:, -1:]) if self.negative is None else self.negative
            self._runner = self.model.head_row.stepper(self.model, self._read, cached=self.cached)
        written = torch.cat([self._read.ids, ids[:, self._prompt :]], dim=1)
        with torch.no_grad():
            other = self._runner.scores(written).to(scores.dtype).log_softmax(-1)
        return self.scale * (scores - other) + other
