"""What may change the scores of the next token: callables (ids, scores) -> scores, applied in order.

Shapes:  B rows  L tokens so far  V vocabulary
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor

from hubformer.errors import InputError

LogitsProcessor = Callable[[Tensor, Tensor], Tensor]  # ids (B, L), scores (B, V) -> (B, V)


@dataclass(frozen=True)
class Temperature:
    """Above 1 the choice is more even, below 1 more certain."""

    temperature: float

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        return scores / self.temperature


@dataclass(frozen=True)
class TopK:
    """Only the most likely tokens, and those as likely as the last of them (Fan et al. 2018,
    arXiv:1805.04833)."""

    tokens: int
    fill: float = -inf

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        least = scores.topk(min(self.tokens, scores.shape[-1])).values[:, -1:]
        return scores.masked_fill(scores < least, self.fill)


@dataclass(frozen=True)
class TopP:
    """The fewest tokens whose probabilities add up to this mass (Holtzman et al. 2019,
    arXiv:1904.09751)."""

    mass: float
    at_least: int = 1  # tokens that stay whatever their mass
    fill: float = -inf

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        # From the least likely up: dropping those before the mass is reached loses no rounding at the top.
        rising, order = scores.sort(dim=-1)
        dropped = rising.softmax(-1).cumsum(-1) <= 1 - self.mass
        dropped[:, -self.at_least :] = False
        return scores.masked_fill(dropped.scatter(1, order, dropped), self.fill)


@dataclass(frozen=True)
class MinP:
    """Tokens at least this fraction as likely as the likeliest (Nguyen et al. 2024, arXiv:2407.01082)."""

    fraction: float
    at_least: int = 1
    fill: float = -inf

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        likely = scores.softmax(-1)
        dropped = likely < self.fraction * likely.amax(-1, keepdim=True)
        kept = scores.topk(min(self.at_least, scores.shape[-1])).indices
        return scores.masked_fill(dropped.scatter(1, kept, False), self.fill)


@dataclass(frozen=True, eq=False)
class RepetitionPenalty:
    """Tokens that a row holds already are less likely above 1 (Keskar et al. 2019, arXiv:1909.05858)."""

    penalty: float
    starts: Tensor | None = None  # (B,): padding before it is not repeated by anyone

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        held = torch.zeros_like(scores, dtype=torch.bool)
        if self.starts is None:
            held = held.scatter(1, ids, True)
        else:
            real = torch.arange(ids.shape[1], device=ids.device) >= self.starts[:, None]
            held = torch.zeros_like(scores).scatter_add_(1, ids, real.to(scores.dtype)) > 0
        return torch.where(
            held, torch.where(scores < 0, scores * self.penalty, scores / self.penalty), scores
        )


@dataclass(frozen=True, eq=False)
class NoRepeat:
    """No sequence of this many tokens twice in a row (Paulus et al. 2017, arXiv:1705.04304)."""

    size: int
    starts: Tensor | None = None  # (B,)

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        starts = [0] * len(ids) if self.starts is None else self.starts.tolist()
        scores = scores.clone()
        for row, (tokens, start) in enumerate(zip(ids.tolist(), starts, strict=True)):
            banned = _continuations(tokens[start:], size=self.size)
            if banned:
                scores[row, banned] = -inf
        return scores


def _continuations(tokens: list[int], *, size: int) -> list[int]:
    """What followed earlier where the last size - 1 tokens stood before."""
    if len(tokens) < size:
        return []
    before = tokens[len(tokens) - size + 1 :]
    places = range(len(tokens) - size + 1)
    return [tokens[i + size - 1] for i in places if tokens[i : i + size - 1] == before]


@dataclass(frozen=True, eq=False)
class BadWords:
    """These sequences are never completed."""

    sequences: tuple[tuple[int, ...], ...]
    starts: Tensor | None = None  # (B,)

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        scores = scores.clone()
        vocab = scores.shape[-1]
        for *before, last in self.sequences:
            if last >= vocab:
                raise InputError(f"Token {last} cannot be forbidden: the vocabulary has {vocab} entries.")
            if len(before) > ids.shape[1]:
                continue
            scores[self._standing(ids, before), last] = -inf
        return scores

    def _standing(self, ids: Tensor, before: Sequence[int]) -> Tensor:
        """Which rows end in these tokens, (B,)"""
        if not before:
            return torch.ones(len(ids), dtype=torch.bool, device=ids.device)
        ended = (ids[:, -len(before) :] == torch.tensor(before, device=ids.device)).all(-1)
        return ended if self.starts is None else ended & (ids.shape[1] - len(before) >= self.starts)


@dataclass(frozen=True, eq=False)
class SourcePenalty:
    """Tokens of what an encoder has read are more likely above 1."""

    penalty: float
    source: Tensor  # (B, S)

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        return RepetitionPenalty(1 / self.penalty)(self.source, scores)


@dataclass(frozen=True, eq=False)
class NotFromSource:
    """No sequence of this many tokens that stands in what an encoder has read."""

    size: int
    source: Tensor  # (B, S)

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        if ids.shape[1] < self.size - 1:
            return scores
        scores, last = scores.clone(), ids[:, ids.shape[1] - self.size + 1 :].tolist()
        for row, (read, before) in enumerate(zip(self.source.tolist(), last, strict=True)):
            banned = _continuations([*read, *before], size=self.size)
            if banned:
                scores[row, banned] = -inf
        return scores


@dataclass(frozen=True)
class ForcedTokens:
    """The token that makes a row this long is one of these."""

    tokens: tuple[int, ...]
    length: int

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        if ids.shape[1] != self.length - 1:
            return scores
        allowed = torch.tensor(self.tokens, device=scores.device)
        return torch.full_like(scores, -inf).index_fill(1, allowed, 0.0)


@dataclass(frozen=True)
class MinLength:
    """These tokens not before a row has this many tokens in all, padding included."""

    tokens: tuple[int, ...]
    length: int

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        if ids.shape[1] >= self.length:
            return scores
        known = [token for token in self.tokens if token < scores.shape[-1]]
        return scores.index_fill(1, torch.tensor(known, device=scores.device, dtype=torch.long), -inf)


@dataclass(frozen=True)
class Normalise:
    """Scores as logarithms of probabilities."""

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        return scores.log_softmax(-1)


def changed(scores: Tensor, *, ids: Tensor, rules: Sequence[LogitsProcessor]) -> Tensor:
    """Scores (B, V) after every rule.

    Raises:
        InputError: the model gave no numbers, or the rules leave no token to choose.
    """
    if not any(getattr(rule, "removes_invalid", False) for rule in rules):
        _refuse_nan(scores, "The model gave scores that are not numbers (NaN)", ids=ids)
    for rule in rules:
        scores = rule(ids, scores)
    if rules:
        _refuse_nan(scores, "The rules made scores that are not numbers (NaN)", ids=ids)
        if bool((scores.amax(-1) == -inf).any()):
            raise InputError(
                f"After {ids.shape[1]} tokens every next token of a row is forbidden. Relax "
                "no_repeat_ngram_size, bad_words_ids or the other rules."
            )
    return scores


def _refuse_nan(scores: Tensor, what: str, *, ids: Tensor) -> None:
    highest = scores.amax(-1)
    if bool(highest.isnan().any()) or bool((highest == inf).any()):
        raise InputError(
            f"{what} or infinite after {ids.shape[1]} tokens, so there is no next token. Check the weights; "
            "float16 overflows where bfloat16 and float32 do not."
        )
