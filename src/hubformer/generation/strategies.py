"""What a step does with the scores of the next token: take the best, draw, or keep several beams.

Shapes:  B rows of the prompt  R = B * copies rows that are read  K beams  C candidates  L tokens so far
V vocabulary
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from hubformer.core import Cache
from hubformer.generation.logits import LogitsProcessor, changed
from hubformer.generation.stopping import StoppingCriterion, stopped

# Far below any sum of log probabilities, but finite: a beam that is out can still be counted with.
_OUT = -1e9


@dataclass(frozen=True, eq=False)
class GenerationResult:
    """What a search has found when it ends."""

    ids: Tensor  # (B * answers, L), the prompt included, padding after the end
    scores: Tensor | None = None  # (B * answers,)
    beams: Tensor | None = None  # (B * answers, new tokens)


@dataclass(frozen=True, eq=False)
class Step:
    """One token more for every row."""

    ids: Tensor  # (R, L), the new token included
    tokens: Tensor  # (R,)
    logits: Tensor  # (R, V), as the model gave them
    scores: Tensor  # (R, V), after the rules
    rows: Tensor | None = None  # (R,): which row of the step before each one continues; None: itself
    answer: GenerationResult | None = None  # on the last step
    cache: Cache | None = None  # what was read so far, all but the new token
    states: Mapping[str, Any] = field(default_factory=dict)  # attentions and hidden states of the pass


class DecodingState(Protocol):
    """A search under way."""

    ids: Tensor  # (R, L): what has to be read for the next step

    def advance(
        self, logits: Tensor, *, rules: Sequence[LogitsProcessor], stop: Sequence[StoppingCriterion]
    ) -> Step:
        """The next token of every row, from scores (R, V)."""


class DecodingStrategy(Protocol):
    @property
    def copies(self) -> int:
        """How many rows are read for one of the prompt."""

    def begin(self, ids: Tensor) -> DecodingState:
        """Start from rows (R, L), already copied."""


def _at_least_single(logits: Tensor) -> Tensor:
    return logits.to(torch.promote_types(logits.dtype, torch.float32))


@dataclass(frozen=True)
class Greedy:
    """The best token, always."""

    padding: int | None = None  # written after the end of a row; None: the row goes on until all have ended
    copies: int = 1

    def begin(self, ids: Tensor) -> DecodingState:
        return _OneByOne(ids, padding=self.padding)


@dataclass(frozen=True, eq=False)
class Sample:
    """A token drawn by its probability."""

    padding: int | None = None
    copies: int = 1
    generator: torch.Generator | None = None  # None: torch's own, as torch.manual_seed sets it

    def begin(self, ids: Tensor) -> DecodingState:
        return _Drawn(ids, padding=self.padding, generator=self.generator)


class _OneByOne:
    def __init__(self, ids: Tensor, *, padding: int | None) -> None:
        self.ids, self.padding = ids, padding
        self.ended = torch.zeros(len(ids), dtype=torch.bool, device=ids.device)

    def choose(self, scores: Tensor) -> Tensor:
        return scores.argmax(-1)

    def advance(
        self, logits: Tensor, *, rules: Sequence[LogitsProcessor], stop: Sequence[StoppingCriterion]
    ) -> Step:
        logits = _at_least_single(logits)
        scores = changed(logits, ids=self.ids, rules=rules)
        tokens = self.choose(scores)
        if self.padding is not None:
            tokens = tokens.masked_fill(self.ended, self.padding)
        self.ids = torch.cat([self.ids, tokens[:, None]], dim=1)
        self.ended = self.ended | stopped(self.ids, scores, rules=stop)
        done = bool(self.ended.all())
        return Step(self.ids, tokens, logits, scores, answer=GenerationResult(self.ids) if done else None)


class _Drawn(_OneByOne):
    def __init__(self, ids: Tensor, *, padding: int | None, generator: torch.Generator | None) -> None:
        super().__init__(ids, padding=padding)
        self.generator = generator

    def choose(self, scores: Tensor) -> Tensor:
        return torch.multinomial(scores.softmax(-1), 1, generator=self.generator)[:, 0]


@dataclass(frozen=True, eq=False)
class Beam:
    """Several continuations of each row side by side; the best that have ended are the answer.

    The rules of ending are those of transformers 4: `early` True ends a row when it has `beams` ended
    continuations; False also when the best running one, judged at its present length, cannot beat them;
    "never" judges it at the length that suits it best.
    """

    beams: int
    longest: int  # tokens in all
    answers: int = 1  # per row of the prompt
    length_penalty: float = 1.0  # scores are divided by length ** this: above 0 favours long answers
    early: bool | Literal["never"] = False
    ends: int = 1  # different end tokens
    padding: int = 0
    drawn: bool = False  # candidates are drawn by their probability
    generator: torch.Generator | None = None

    @property
    def copies(self) -> int:
        return self.beams

    def begin(self, ids: Tensor) -> DecodingState:
        return _Beams(self, ids)


@dataclass(frozen=True, eq=False)
class _Hypotheses:
    """K continuations of each row."""

    ids: Tensor  # (B, K, L)
    scores: Tensor  # (B, K)
    beams: Tensor  # (B, K, new tokens)
    finished: Tensor  # (B, K) bool

    def picked(self, which: Tensor) -> _Hypotheses:
        """which (B, new K) of the K"""
        return _Hypotheses(*(_picked(t, which) for t in self._parts))

    def with_all(self, others: _Hypotheses) -> _Hypotheses:
        return _Hypotheses(*(torch.cat(pair, dim=1) for pair in zip(self._parts, others._parts, strict=True)))

    def padded(self, value: int) -> _Hypotheses:
        """One place longer."""
        longer = torch.nn.functional.pad
        return _Hypotheses(
            longer(self.ids, (0, 1), value=value),
            self.scores,
            longer(self.beams, (0, 1), value=-1),
            self.finished,
        )

    @property
    def _parts(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        return self.ids, self.scores, self.beams, self.finished


def _picked(values: Tensor, which: Tensor) -> Tensor:
    return values[torch.arange(len(values), device=values.device)[:, None], which]


class _Beams:
    def __init__(self, spec: Beam, ids: Tensor) -> None:
        self.spec, self.ids, self.prompt = spec, ids, ids.shape[1]
        grouped = ids.view(len(ids) // spec.beams, spec.beams, self.prompt)
        none = torch.zeros(grouped.shape[:2], dtype=torch.bool, device=ids.device)
        nobody = grouped[:, :, :0]
        # All beams begin alike, so only the first may be continued at first.
        first = torch.full(grouped.shape[:2], _OUT, device=ids.device)
        first[:, 0] = 0.0
        self.running = _Hypotheses(grouped, first, nobody, none)
        self.ended = _Hypotheses(grouped, torch.full_like(first, _OUT), nobody, none)
        self.improvable = torch.ones(len(grouped), 1, dtype=torch.bool, device=ids.device)

    def advance(
        self, logits: Tensor, *, rules: Sequence[LogitsProcessor], stop: Sequence[StoppingCriterion]
    ) -> Step:
        logits = _at_least_single(logits)
        scores = changed(logits.log_softmax(-1), ids=self.ids, rules=rules)
        candidates = self._candidates(scores)
        hits = stopped(candidates.ids.flatten(0, 1), scores, rules=stop).view(candidates.scores.shape)
        alive = candidates.scores + hits * _OUT
        best = alive.topk(self.spec.beams).indices
        self._end(candidates, hits)
        self.running = replace(candidates, scores=alive).picked(best)
        self.ids = self.running.ids.flatten(0, 1)
        self._look_ahead()
        done = not self._goes_on(hits)
        return Step(
            self.ids,
            self.ids[:, -1],
            logits,
            scores,
            rows=self.running.beams[:, :, -1].flatten(),
            answer=self._answer() if done else None,
        )

    def _candidates(self, scores: Tensor) -> _Hypotheses:
        """Enough continuations that K are left when all likely ones end at once, best first."""
        spec, vocab = self.spec, scores.shape[-1]
        total = scores.view(-1, spec.beams, vocab) + self.running.scores[:, :, None]
        flat, number = total.flatten(1), max(2, 1 + spec.ends) * spec.beams
        if spec.drawn:
            which = torch.multinomial(flat.softmax(-1), number, generator=spec.generator)
            found = flat.gather(1, which)
        else:
            found, which = flat.topk(min(number, flat.shape[1]))
        beam, token = which // vocab, which % vocab
        offset = torch.arange(len(flat), device=flat.device)[:, None] * spec.beams
        before = self.running.picked(beam)
        return _Hypotheses(
            torch.cat([before.ids, token[:, :, None]], dim=-1),
            found,
            torch.cat([before.beams, (beam + offset)[:, :, None]], dim=-1),
            torch.zeros_like(token, dtype=torch.bool),
        )

    def _end(self, candidates: _Hypotheses, hits: Tensor) -> None:
        """Candidates among the K best that have just ended compete with those that ended before."""
        spec = self.spec
        likely = torch.arange(hits.shape[1], device=hits.device) < spec.beams
        new = hits & likely
        length = candidates.ids.shape[-1] - self.prompt
        scores = candidates.scores / length**spec.length_penalty
        full = self.ended.finished.all(-1, keepdim=True) & (spec.early is True)
        shut_out = full.to(scores.dtype) + (~self.improvable).to(scores.dtype) + (~new).to(scores.dtype)
        arriving = _Hypotheses(candidates.ids, scores + shut_out * _OUT, candidates.beams, new)
        everyone = self.ended.padded(spec.padding).with_all(arriving)
        self.ended = everyone.picked(everyone.scores.topk(spec.beams).indices)

    def _look_ahead(self) -> None:
        """Whether the best running beam of a row could still beat the worst that has ended."""
        spec, length = self.spec, self.ids.shape[1] - self.prompt
        if spec.early == "never" and spec.length_penalty > 0:
            length = spec.longest - self.prompt
        hoped = self.running.scores[:, :1] / length**spec.length_penalty
        worst = self.ended.scores.amin(1, keepdim=True).where(self.ended.finished, _OUT)
        self.improvable = self.improvable & (hoped > worst).any(-1, keepdim=True)

    def _goes_on(self, hits: Tensor) -> bool:
        enough = bool(self.ended.finished.all()) and self.spec.early is True
        return bool(self.improvable.any()) and not enough and not bool(hits.all())

    def _answer(self) -> GenerationResult:
        best = self.ended
        answers: Any = slice(0, self.spec.answers)
        beams = best.beams[:, answers].flatten(0, 1)
        new = int((beams >= 0).sum(-1).max())
        ids = best.ids[:, answers].flatten(0, 1)[:, : self.prompt + new]
        return GenerationResult(ids, best.scores[:, answers].flatten(), beams[:, :new])
