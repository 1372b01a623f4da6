"""States to scores. Three heads serve nearly every family; a pair of them serves two tasks at once.

Shapes:  B rows  L length  M model width  E embedding width  V vocabulary  N labels
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from hubformer.core import ACTIVATIONS, AnyLayout, Dropout, Embedding, FeedForward, Linear, Norms, NormSpec
from hubformer.models.bodies import AnyBodySpec
from hubformer.models.inputs import Inputs


@dataclass(frozen=True, eq=False)
class Context:
    """What a head may look at beside the states."""

    layout: AnyLayout
    inputs: Inputs
    vocabulary: Embedding  # of the body; tied heads score against it


class HeadSpec(Protocol):
    def build(self, body: AnyBodySpec) -> nn.Module:
        """A module from states (B, L, M) and a Context to scores."""


@dataclass(frozen=True)
class NoHead:
    """The states themselves."""

    def build(self, body: AnyBodySpec) -> nn.Module:
        return _NoHead()


class _NoHead(nn.Module):
    def forward(self, states: Tensor, context: Context) -> None:
        return None


@dataclass(frozen=True)
class VocabHead:
    """A score for every token of the vocabulary. Masked language models transform the states first."""

    activation: str | None = None  # None: no transform
    norm: NormSpec | None = None
    bias: bool = False
    bias_learns: bool = True
    tied: bool = True  # to the body's token vectors
    scale: float = 1.0  # of the scores
    softcap: float | None = None  # no score is larger, by a tangent (Gemma Team 2024, arXiv:2408.00118)
    dense_bias: bool = True  # of the transform

    def build(self, body: AnyBodySpec) -> nn.Module:
        return _VocabHead(self, body)


class _VocabHead(nn.Module):
    def __init__(self, spec: VocabHead, body: AnyBodySpec) -> None:
        super().__init__()
        inner = body.embedding.width
        self.activation = spec.activation
        self.dense = Linear(body.stack.output_width, inner, bias=spec.dense_bias) if spec.activation else None
        self.norm = spec.norm.build(inner) if spec.norm else nn.Identity()
        zeros = torch.zeros(body.embedding.vocab)
        self.bias = nn.Parameter(zeros, requires_grad=spec.bias_learns) if spec.bias else None
        self.scale_and_cap = nn.Identity() if (spec.scale, spec.softcap) == (1.0, None) else _Finish(spec)
        self.output = None if spec.tied else Linear(inner, body.embedding.vocab, bias=False)

    def forward(self, states: Tensor, context: Context) -> Tensor:
        """(B, L, M) -> (B, L, V), or fewer places where logits_to_keep asks for fewer."""
        keep = context.inputs.logits_to_keep
        if isinstance(keep, Tensor):
            states = states[:, keep]
        elif keep:
            states = states[:, -keep:]
        if self.dense is not None:
            states = self.dense(states, activation=self.activation)
        logits = self.score(self.norm(states), context)
        finished: Tensor = self.scale_and_cap(logits if self.bias is None else logits + self.bias)
        return finished

    def score(self, states: Tensor, context: Context) -> Tensor:
        logits: Tensor = context.vocabulary.logits(states) if self.output is None else self.output(states)
        return logits


class _Finish(nn.Module):
    def __init__(self, spec: VocabHead) -> None:
        super().__init__()
        self.scale, self.softcap = spec.scale, spec.softcap

    def forward(self, logits: Tensor) -> Tensor:
        logits = self.scale * logits
        return logits if self.softcap is None else self.softcap * torch.tanh(logits / self.softcap)


@dataclass(frozen=True)
class PooledHead:
    """One vector per row, transformed, then scored: pooling, dense, activation, output."""

    labels: int | None  # None: the transformed vector is the result (a pooler)
    pooling: Literal["first", "last", "mean", "eos", "given"] = "first"  # given: at cls_index or mc_token_ids
    dense: int | None = None  # outputs of the transform; 0: as wide as the model; None: no transform
    activation: str | None = None
    dropouts: tuple[float, float] = (0.0, 0.0)  # before the transform, before the output
    bias: bool = True  # of the output
    dense_bias: bool = True  # of the transform
    norm: NormSpec | None = None  # after the activation

    def build(self, body: AnyBodySpec) -> nn.Module:
        return _PooledHead(self, body.stack.output_width)


class _PooledHead(nn.Module):
    def __init__(self, spec: PooledHead, width: int) -> None:
        super().__init__()
        self.spec = spec
        inner = width if spec.dense is None else spec.dense or width
        self.first_dropout, self.last_dropout = (Dropout(rate) for rate in spec.dropouts)
        self.dense = Linear(width, inner, bias=spec.dense_bias) if spec.dense is not None else None
        self.norm = spec.norm.build(inner) if spec.norm else nn.Identity()
        self.output = Linear(inner, spec.labels, bias=spec.bias) if spec.labels is not None else None

    def forward(self, states: Tensor, context: Context) -> Tensor:
        """(B, L, M) -> (B, N), or (B, M) for a pooler"""
        x: Tensor = self.first_dropout(self.pooled(states, context))
        if self.dense is not None:
            x = self.dense(x)
        if self.spec.activation is not None:
            x = ACTIVATIONS[self.spec.activation](x)
        x = self.last_dropout(self.norm(x))
        if self.output is not None:
            x = self.output(x)
        return x

    def pooled(self, states: Tensor, context: Context) -> Tensor:
        if self.spec.pooling != "given":
            return context.layout.pool(states, self.spec.pooling)
        index = context.inputs.cls_index
        if index is None:
            index = context.inputs.mc_token_ids
        if index is None:  # as in v4: the last place
            return states[:, -1]
        index = index.reshape(-1, 1, 1).expand(-1, 1, states.shape[-1])
        return states.gather(1, index)[:, 0]


@dataclass(frozen=True)
class TokenHead:
    """A score per label for every token; the ends of a span are two labels."""

    labels: int
    dropout: float = 0.0
    bias: bool = True
    activation: str | None = None  # of a transform before the scores; None: there is none
    dense_bias: bool = True  # of the transform
    norm: NormSpec | None = None  # after the activation

    def build(self, body: AnyBodySpec) -> nn.Module:
        return _TokenHead(self, body.stack.output_width)


class _TokenHead(nn.Module):
    def __init__(self, spec: TokenHead, width: int) -> None:
        super().__init__()
        self.activation = spec.activation
        self.dense = Linear(width, width, bias=spec.dense_bias) if spec.activation else None
        self.norm = spec.norm.build(width) if spec.norm else nn.Identity()
        self.dropout, self.output = Dropout(spec.dropout), Linear(width, spec.labels, bias=spec.bias)

    def forward(self, states: Tensor, context: Context) -> Tensor:
        """(B, L, M) -> (B, L, N)"""
        if self.dense is not None:
            states = self.dense(states, activation=self.activation)
        logits: Tensor = self.output(self.dropout(self.norm(states)))
        return logits


@dataclass(frozen=True)
class DeeperTokenHead:
    """A score per label for every token, behind one more feed-forward in its residual."""

    labels: int
    feed_forward: FeedForward
    norms: Norms
    dropout: float = 0.0  # of what the feed-forward reads, and of what it gives

    def build(self, body: AnyBodySpec) -> nn.Module:
        return _DeeperTokenHead(self, body.stack.output_width)


class _DeeperTokenHead(nn.Module):
    def __init__(self, spec: DeeperTokenHead, width: int) -> None:
        super().__init__()
        self.dropout, self.feed_forward = Dropout(spec.dropout), spec.feed_forward.build(width)
        self.residual = spec.norms.build(width, dropout=spec.dropout)
        self.output = Linear(width, spec.labels)

    def forward(self, states: Tensor, context: Context) -> Tensor:
        """(B, L, M) -> (B, L, N)"""
        residual, x = self.residual.pre(states)
        logits: Tensor = self.output(self.residual.post(residual, self.feed_forward(self.dropout(x))))
        return logits


@dataclass(frozen=True)
class LastTokenHead:
    """The scores of each row's last token, the only one of a decoder that has read all others.

    A mask says which token is the last; without one it is the last that is not the padding token, if the
    row holds another.
    """

    labels: int
    padding: int | None = None  # the token
    bias: bool = False

    def build(self, body: AnyBodySpec) -> nn.Module:
        return _LastTokenHead(self, body.stack.output_width)


class _LastTokenHead(nn.Module):
    def __init__(self, spec: LastTokenHead, width: int) -> None:
        super().__init__()
        self.padding, self.output = spec.padding, Linear(width, spec.labels, bias=spec.bias)

    def forward(self, states: Tensor, context: Context) -> Tensor:
        """(B, L, M) -> (B, N)"""
        logits: Tensor = self.output(self._last(states, context))
        return logits

    def _last(self, states: Tensor, context: Context) -> Tensor:
        ids = context.inputs.input_ids
        if context.inputs.attention_mask is not None or ids is None or self.padding is None:
            return context.layout.pool(states, "last")
        index = torch.arange(ids.shape[1], device=ids.device)
        last = (index * (ids != self.padding)).argmax(-1)
        return states[torch.arange(len(ids), device=ids.device), last]


@dataclass(frozen=True)
class PairOfHeads:
    """Two heads over the same states (BERT's pre-training, GPT-2's double heads)."""

    first: HeadSpec
    second: HeadSpec

    def build(self, body: AnyBodySpec) -> nn.Module:
        return _PairOfHeads(self, body)


class _PairOfHeads(nn.Module):
    def __init__(self, spec: PairOfHeads, body: AnyBodySpec) -> None:
        super().__init__()
        self.first, self.second = spec.first.build(body), spec.second.build(body)

    def forward(self, states: Tensor, context: Context) -> tuple[Any, Any]:
        return self.first(states, context), self.second(states, context)


@dataclass(frozen=True)
class BesideUnread:
    """A head, beside another that is kept for files: nobody reads its scores."""

    read: HeadSpec
    unread: HeadSpec

    def build(self, body: AnyBodySpec) -> nn.Module:
        return _BesideUnread(self, body)


class _BesideUnread(nn.Module):
    def __init__(self, spec: BesideUnread, body: AnyBodySpec) -> None:
        super().__init__()
        self.read, self.unread = spec.read.build(body), spec.unread.build(body)

    def forward(self, states: Tensor, context: Context) -> Any:
        return self.read(states, context)


def vocab_head_of(model: nn.Module) -> _VocabHead | None:
    """The head of a model that scores the vocabulary, or None."""
    for module in model.modules():
        head: nn.Module | None = getattr(module.__dict__.get("computation"), "head", None)
        found = () if head is None else (part for part in head.modules() if isinstance(part, _VocabHead))
        for part in found:
            return part
    return None
