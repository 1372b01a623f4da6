"""Spans found by beams, and whether there is an answer at all: XLNet's second head for question answering.

The ends of a span are scored in view of its start (Yang et al. 2019, arXiv:1906.08237).

Shapes:  B rows  L length  S starts kept  E ends kept for each  M model width
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hubformer.core import Linear, NormSpec
from hubformer.errors import InputError
from hubformer.models.bodies import AnyBodySpec
from hubformer.models.config import PreTrainedConfig
from hubformer.models.heads import Context
from hubformer.models.inputs import Inputs
from hubformer.models.tasks import Fields, cross_entropy


@dataclass(frozen=True)
class SpanBeamHead:
    starts: int
    ends: int  # for each start
    norm: NormSpec

    def build(self, body: AnyBodySpec) -> nn.Module:
        return _SpanBeamHead(self, body.stack.width)


class _SpanBeamHead(nn.Module):
    """With start_positions and end_positions the parts of the loss, else the best spans."""

    def __init__(self, spec: SpanBeamHead, width: int) -> None:
        super().__init__()
        self.spec = spec
        self.start = Linear(width, 1)
        self.end = _EndScores(spec.norm, width)
        self.answerable = _Answerable(width)

    def forward(self, states: Tensor, context: Context) -> Fields:
        """(B, L, M) -> fields of the output, or the scores that `beam_loss` takes"""
        inputs, hidden = context.inputs, _not_in_answers(context, states)
        starts = _without(self.start(states).squeeze(-1), hidden)
        if inputs.start_positions is None or inputs.end_positions is None:
            return self._best(states, starts, hidden=hidden, context=context)
        at = _places(inputs.start_positions, states, name="start_positions")
        _places(inputs.end_positions, states, name="end_positions")
        start = states[torch.arange(len(states), device=states.device), at]
        ends = _without(self.end(states, start[:, None]).squeeze(-1), hidden)
        return {"starts": starts, "ends": ends, "answerable": self._answerable(states, start, context)}

    def _best(self, states: Tensor, starts: Tensor, *, hidden: Tensor | None, context: Context) -> Fields:
        rows, length, width = states.shape
        if length < max(self.spec.starts, self.spec.ends):
            raise InputError(
                f"The input has {length} tokens, but {self.spec.starts} starts and {self.spec.ends} ends are "
                "wanted of each row. Pass a longer input, or set start_n_top and end_n_top in the "
                "configuration."
            )
        likely = starts.softmax(-1)
        top, index = likely.topk(self.spec.starts, dim=-1)  # (B, S)
        chosen = states.gather(1, index[:, :, None].expand(-1, -1, width))
        ends = self.end(states, chosen)  # (B, L, S)
        ends = _without(ends, None if hidden is None else hidden[:, :, None]).softmax(1)
        end_top, end_index = ends.topk(self.spec.ends, dim=1)  # (B, E, S)
        expected = (likely[:, None] @ states)[:, 0]  # the start that is expected: (B, M)
        return {
            "start_top_log_probs": top,  # v4 calls them logarithms; they are probabilities there too
            "start_top_index": index,
            "end_top_log_probs": end_top.reshape(rows, -1),
            "end_top_index": end_index.reshape(rows, -1),
            "cls_logits": self._answerable(states, expected, context),
        }

    def _answerable(self, states: Tensor, start: Tensor, context: Context) -> Tensor:
        given = context.inputs.cls_index
        if given is None:
            summary = context.layout.pool(states, "last")
        else:
            at = _places(given, states, name="cls_index")
            summary = states[torch.arange(len(states), device=states.device), at]
        scores: Tensor = self.answerable(start, summary)
        return scores


class _EndScores(nn.Module):
    """Files hold `token` and `start` as one matrix of both side by side: multiplied apart, the states of L
    tokens are not repeated for every start."""

    def __init__(self, norm: NormSpec, width: int) -> None:
        super().__init__()
        self.token, self.start = Linear(width, width), Linear(width, width, bias=False)
        self.norm = norm.build(width)
        self.output = Linear(width, 1)

    def forward(self, states: Tensor, starts: Tensor) -> Tensor:
        """states (B, L, M), starts (B, S, M) -> (B, L, S)"""
        x = torch.tanh(self.token(states)[:, :, None] + self.start(starts)[:, None])
        scores: Tensor = self.output(self.norm(x)).squeeze(-1)
        return scores


class _Answerable(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.start, self.summary = Linear(width, width), Linear(width, width, bias=False)
        self.output = Linear(width, 1, bias=False)

    def forward(self, start: Tensor, summary: Tensor) -> Tensor:
        """Each (B, M) -> (B,): above 0 where there is no answer"""
        scores: Tensor = self.output(torch.tanh(self.start(start) + self.summary(summary))).squeeze(-1)
        return scores


def _not_in_answers(context: Context, states: Tensor) -> Tensor | None:
    """What cannot be in an answer, (B, L) bool: padding, and what p_mask says."""
    told = context.inputs.p_mask
    if told is not None and told.shape != states.shape[:2]:
        raise InputError(f"p_mask has the shape {list(told.shape)}, expected {list(states.shape[:2])}.")
    hidden = None if told is None else told.bool()
    valid: Tensor | None = getattr(context.layout, "key_valid", None)
    if valid is None:
        return hidden
    padding = ~valid[:, -states.shape[1] :]
    return padding if hidden is None else padding | hidden


def _without(scores: Tensor, hidden: Tensor | None) -> Tensor:
    """A score that no token reaches where the answer cannot be; the number is v4's, as it can be a loss."""
    if hidden is None:
        return scores
    return scores.masked_fill(hidden, max(-1e30, torch.finfo(scores.dtype).min))


def _places(given: Tensor, states: Tensor, *, name: str) -> Tensor:
    """Indices of tokens, one per row, as (B,)."""
    at, (rows, length) = given.reshape(-1).to(states.device), states.shape[:2]
    if len(at) != rows:
        raise InputError(f"{name} has the shape {list(given.shape)}, expected [{rows}].")
    if at.device.type == "cpu" and not torch.compiler.is_compiling():
        low, high = (int(bound) for bound in torch.aminmax(at))
        if low < 0 or high >= length:
            raise InputError(
                f"{name} holds {low if low < 0 else high}, expected 0 to {length - 1}: a token of the row. "
                "Leave rows whose answer was cut off out of the batch, or let it point at the CLS token."
            )
    return at


def beam_loss(scores: dict[str, Any], inputs: Inputs, config: PreTrainedConfig) -> Fields:
    """The mean of both ends' losses and, where is_impossible and cls_index are given, half of that of
    there being no answer."""
    if "starts" not in scores:
        return scores
    assert inputs.start_positions is not None
    assert inputs.end_positions is not None
    start = cross_entropy(scores["starts"], inputs.start_positions.reshape(-1))
    loss = (start + cross_entropy(scores["ends"], inputs.end_positions.reshape(-1))) / 2
    if inputs.cls_index is not None and inputs.is_impossible is not None:
        none = scores["answerable"]
        wanted = inputs.is_impossible.reshape(-1).to(none)
        loss = loss + 0.5 * F.binary_cross_entropy_with_logits(none, wanted)
    return {"loss": loss}
