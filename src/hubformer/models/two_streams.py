"""XLNet's body: one stream of states, or two where targets are predicted, and memories of earlier segments.

Shapes:  B rows  L length  P length of the memories  K = P + L  T targets  M model width  H heads
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from torch import Tensor, nn

from hubformer.core import AnyLayout, Dropout, PackedLayout, SequenceLayout, StackSpec, Trace
from hubformer.errors import InputError
from hubformer.models.bodies import States, without_trivial
from hubformer.models.embeddings import TokenEmbedding, TokenEmbeddings
from hubformer.models.inputs import Inputs, Limits

Seen = Literal["all", "past", "past of equal length"]


@dataclass(frozen=True)
class Memories:
    """What a pass keeps of its states for the next one."""

    most: int | None = None  # states kept, in tokens; None or 0: all
    new: int | None = None  # of them from this pass, counted from its start, in tokens; None or 0: all
    in_training: bool = False  # whether they are kept where the call does not say
    in_use: bool = True

    def after(self, states: Tensor, *, before: Tensor | None) -> Tensor:
        """states (B, L, M) of this pass, before (P, B, M) -> (kept, B, M), without gradient"""
        new = states.transpose(0, 1)[: self.new or None]
        kept = new if before is None else torch.cat([before, new])
        return kept[-self.most :].detach() if self.most else kept.detach()


@dataclass(frozen=True)
class TwoStreamSpec:
    """XLNet (Yang et al. 2019, arXiv:1906.08237)."""

    embedding: TokenEmbedding
    stack: StackSpec
    memories: Memories = Memories()
    seen: Seen = "all"
    order: Literal["forwards", "half backwards"] = "forwards"  # the second half of the rows runs from the end
    dropout: float = 0.0  # of the result

    def build(self) -> TwoStreamBody:
        return TwoStreamBody(self)


@dataclass(frozen=True, eq=False)
class _Streams(SequenceLayout):
    """L tokens, then T targets. The targets look from L places, where the mapping spreads them."""

    mapping: Tensor = field(kw_only=True)  # (B, T, L)

    def split(self, x: Tensor) -> list[Tensor]:
        """(B, L + T, ...) -> (B, 2 L, ...)"""
        mapping, length = self.mapping.to(x.dtype), self.mapping.shape[2]
        return [torch.cat([x[:, :length], mapping.transpose(1, 2) @ x[:, length:]], dim=1)]

    def join(self, xs: Sequence[Tensor]) -> Tensor:
        mapping, length = self.mapping.to(xs[0].dtype), self.mapping.shape[2]
        return torch.cat([xs[0][:, :length], mapping @ xs[0][:, length:]], dim=1)


class TwoStreamBody(nn.Module):
    """Inputs to states: those of the tokens (B, L, M), or with target_mapping those of the targets (B, T, M).

    attention_mask may cover the memories, (B, K), or only the new tokens, (B, L): then all memories are seen.
    """

    def __init__(self, spec: TwoStreamSpec) -> None:
        super().__init__()
        self.spec = spec
        self.embedding: TokenEmbeddings = spec.embedding.build(spec.stack.width)
        self.mask = nn.Parameter(torch.zeros(spec.stack.width))  # what stands for a token to be predicted
        self.stack = spec.stack.build()
        self.dropout = Dropout(spec.dropout)

    @property
    def limits(self) -> Limits:
        return Limits(self.spec.embedding.vocab)

    def forward(self, inputs: Inputs, *, trace: Trace | None = None, use_cache: bool = False) -> States:
        mems = _given_mems(inputs, layers=len(self.spec.stack.layers), width=self.spec.stack.width)
        _check(inputs)
        past = 0 if mems is None else mems[0].shape[0]
        valid = _attended(inputs)
        places = None if trace is not None and trace.attention else _places_of(inputs.target_mapping)
        layout = self._layout(inputs, past, valid=valid, targets_at=places)
        given = inputs.input_ids if inputs.inputs_embeds is None else inputs.inputs_embeds
        assert given is not None
        x, length = self.embedding(given, at=layout.at[:, : given.shape[1]]), given.shape[1]
        targets = inputs.target_mapping
        if targets is not None:
            g = self.embedding.dropout(self.mask.expand(*targets.shape[:2], -1))
            x = torch.cat([x, g.to(x.dtype)], dim=1)
        kept = self._keeps(inputs)
        seen = trace if trace is not None and (trace.hidden or not kept) else _listening(trace, kept)
        x = self.stack(
            x,
            layout=layout,
            mems=None if mems is None else [mem.transpose(0, 1).to(x.dtype) for mem in mems],
            content=None if targets is None else length,
            trace=seen,
        )
        states = self.dropout(x if targets is None else x[:, length:])
        at = torch.arange(states.shape[1], device=x.device)[None]
        hidden_states, attentions = _traced(trace, seen, length=length, two=targets is not None)
        return States(
            states,
            SequenceLayout(at, at, None if valid is None or targets is not None else valid[:, -length:]),
            hidden_states=hidden_states,
            attentions=attentions,
            mems=self._kept(seen, mems, length=length) if kept and seen is not None else None,
        )

    def read(self, ids: Tensor, *, layout: AnyLayout, types: Tensor | None = None) -> States:
        """A batch without padding whose layout the caller has made, packed or not: ids (B, L) or (1, T)."""
        if self.spec.order != "forwards":
            raise InputError(
                "This model reads the second half of each batch backwards (bi_data is true in its "
                "configuration), which is for pre-training. Load it with bi_data=False."
            )
        segments = [None] * len(layout.groups) if types is None else layout.split(types)
        parts = tuple(
            SequenceLayout(
                part.query_at,
                part.key_at,
                part.key_valid,
                pair_mask=SEEN[self.spec.seen](part.at[0], 0),
                segments=None if kinds is None else (kinds, kinds),
                contiguous=part.contiguous,
            )
            for part, kinds in zip(layout.groups, segments, strict=True)
        )
        whole = PackedLayout(parts, layout.rows) if isinstance(layout, PackedLayout) else parts[0]
        return States(self.dropout(self.stack(self.embedding(ids, at=layout.at), layout=whole)), layout)

    def _layout(
        self, inputs: Inputs, past: int, *, valid: Tensor | None, targets_at: Tensor | None
    ) -> SequenceLayout:
        """L queries over K keys; where there are targets, the T of them after it, or L more for a mapping."""
        key_at, query_at, line = self._places(inputs, past, valid=valid)
        own, others = self._visible(inputs, past, valid=valid)
        types, mapping = inputs.token_type_ids, inputs.target_mapping
        kinds = None if types is None else torch.cat([types.new_zeros(len(types), past), types], dim=1)
        contiguous = (1, query_at.shape[1]) if line else None
        if mapping is None:
            segments = None if types is None or kinds is None else (types, kinds)
            return SequenceLayout(query_at, key_at, pair_mask=own, segments=segments, contiguous=contiguous)
        at = query_at.expand(len(mapping), -1)
        their_at, their_types = at, types
        if targets_at is not None:
            their_at = at.gather(1, targets_at)
            their_types = None if types is None else types.gather(1, targets_at)
        if own is not None and others is not None:
            own, others = (t.expand(len(mapping), at.shape[1], -1) for t in (own, others))
            if targets_at is not None:
                others = others[torch.arange(len(mapping), device=at.device)[:, None], targets_at]
            own = torch.cat([own, others], dim=1)
        segments = None
        if types is not None and their_types is not None and kinds is not None:
            segments = torch.cat([types, their_types], dim=1), kinds
        both_at = torch.cat([at, their_at], dim=1)
        if line and their_at.shape == at.shape:
            contiguous = (2, at.shape[1])
        if targets_at is not None:
            return SequenceLayout(both_at, key_at, pair_mask=own, segments=segments, contiguous=contiguous)
        return _Streams(
            both_at, key_at, pair_mask=own, segments=segments, contiguous=contiguous, mapping=mapping
        )

    def _places(self, inputs: Inputs, past: int, *, valid: Tensor | None) -> tuple[Tensor, Tensor, bool]:
        """Where keys and queries stand, (B|1, K) and (B|1, L), and whether that is one after the other.

        Only differences count, so padding moves nothing but what stands between it and the memories.
        """
        rows, length = inputs.batch_shape
        index = torch.arange(past + length, device=inputs.device)[None]
        line = True
        if valid is not None and past and valid.shape[1] == length:
            start = valid.int().argmax(-1, keepdim=True)
            if torch.compiler.is_compiling() or bool(start.any()):
                after = (torch.arange(length, device=inputs.device)[None] - start).clamp(min=0)
                index = torch.cat([index[:, :past].expand(rows, -1), past + after], dim=1)
                line = False
        if self.spec.order == "half backwards":
            if rows % 2:
                raise InputError(
                    f"The batch has {rows} rows, expected an even number of rows: bi_data is true in the "
                    "configuration, so the second half is read backwards. Set it to false outside "
                    "pre-training."
                )
            sign = torch.arange(rows, device=inputs.device)[:, None] < rows // 2
            index, line = torch.where(sign, index, -index), False
        return index, index[:, past:], line

    def _visible(
        self, inputs: Inputs, past: int, *, valid: Tensor | None
    ) -> tuple[Tensor | None, Tensor | None]:
        """Whom the tokens see and whom the targets see, each (B|1, L, K); None: everyone.

        A token always sees itself, a target sees what its place may see.
        """
        index = torch.arange(past + inputs.batch_shape[1], device=inputs.device)
        limits = [SEEN[self.spec.seen](index, past)]
        if valid is not None:
            limits.append(_after_memories(valid[:, None], len(index)))
        if inputs.perm_mask is not None:
            limits.append(_after_memories(inputs.perm_mask <= 0, len(index)))
        given = [limit for limit in limits if limit is not None]
        if not given:
            return None, None
        others = given[0]
        for limit in given[1:]:
            others = others & limit
        return others | (index[past:, None] == index), others

    def _keeps(self, inputs: Inputs) -> bool:
        memories = self.spec.memories
        usual = memories.in_training if self.training else memories.in_use
        return usual if inputs.use_mems is None else inputs.use_mems

    def _kept(self, trace: Trace, mems: Sequence[Tensor] | None, *, length: int) -> tuple[Tensor, ...]:
        before: Sequence[Tensor | None] = [None] * len(self.spec.stack.layers) if mems is None else mems
        entered = trace.hidden_states[:-1]  # the states that each layer was given
        return tuple(
            self.spec.memories.after(x[:, :length], before=mem)
            for x, mem in zip(entered, before, strict=True)
        )


def _everything(index: Tensor, past: int) -> None:
    return None


def _the_past(index: Tensor, past: int) -> Tensor:
    """Each token sees itself and what stands before it: the indices of the keys (K,) -> (1, L, K)"""
    return index <= index[past:, None][None]


def _a_past_of_equal_length(index: Tensor, past: int) -> Tensor:
    """Each token sees itself and as many before it as there are memories."""
    return _the_past(index, past) & (index >= index[past:, None] - past)


SEEN: dict[Seen, Callable[[Tensor, int], Tensor | None]] = {
    "all": _everything,
    "past": _the_past,
    "past of equal length": _a_past_of_equal_length,
}


def _after_memories(seen: Tensor, keys: int) -> Tensor:
    """What is said of the last keys, (B, Q, L), with the memories before them seen by all: (B, Q, K)"""
    missing = keys - seen.shape[2]
    return torch.cat([seen.new_ones(*seen.shape[:2], missing), seen], dim=2) if missing else seen


def _attended(inputs: Inputs) -> Tensor | None:
    """Which of the new tokens, or of all, are not padding: (B, L) or (B, K) bool; None: all."""
    if inputs.input_mask is not None:
        return without_trivial(inputs.input_mask <= 0)
    if inputs.attention_mask is None:
        return None
    return without_trivial(inputs.attention_mask.bool())


def _places_of(mapping: Tensor | None) -> Tensor | None:
    """Where each target stands, (B, T), if every token is one in its order, or they are few and each stands
    at a place of its own; else None.

    Then they look from there; by the mapping all L places do.
    """
    if mapping is None or torch.compiler.is_compiling():
        return None
    targets, length = mapping.shape[1:]
    if targets == length:
        same = torch.eye(length, dtype=mapping.dtype, device=mapping.device)
        index = torch.arange(length, device=mapping.device)
        return index.expand(len(mapping), -1) if bool((mapping == same).all()) else None
    if 2 * targets > length:
        return None
    ones = mapping == 1
    alone = (ones.sum(2) == 1) & ((mapping != 0).sum(2) == 1)
    return ones.int().argmax(2) if bool(alone.all()) and int(ones.sum(1).max()) == 1 else None


def _listening(trace: Trace | None, kept: bool) -> Trace | None:
    """A trace that also sees the states, which become the memories."""
    if not kept:
        return trace
    return Trace(hidden=True) if trace is None else replace(trace, hidden=True)


def _traced(asked: Trace | None, seen: Trace | None, *, length: int, two: bool) -> tuple[Any, Any]:
    """Hidden states and weights, where asked for. Of two streams v4 gives the states one after the other and
    the weights in pairs."""
    if asked is None or seen is None:
        return None, None
    states, weights = tuple(seen.hidden_states), tuple(seen.attentions[i] for i in sorted(seen.attentions))
    if not two:
        return states if asked.hidden else None, weights or None
    streams = tuple(stream for x in states for stream in (x[:, :length], x[:, length:]))
    pairs = tuple((w[:, :, :length], w[:, :, length:]) for w in weights)
    return streams if asked.hidden else None, pairs or None


def _given_mems(inputs: Inputs, *, layers: int, width: int) -> Sequence[Tensor] | None:
    """One (P, B, M) per layer, or None.

    Raises:
        InputError: another number of them, or another shape.
    """
    mems = inputs.mems
    if mems is None or len(mems) == 0 or mems[0] is None:
        return None
    rows = inputs.batch_shape[0]
    shapes = {tuple(mem.shape) for mem in mems}
    expected = (mems[0].shape[0], rows, width)
    if len(mems) != layers or shapes != {expected}:
        raise InputError(
            f"mems holds {len(mems)} tensors of the shapes {sorted(shapes)}, expected {layers} of the shape "
            f"(past, {rows}, {width}): the mems of the segment before, of the same rows in the same order."
        )
    return None if expected[0] == 0 else mems


def _check(inputs: Inputs) -> None:
    """Refuse shapes that do not fit together.

    Raises:
        InputError: says which argument, its shape and the one expected.
    """
    rows, length = inputs.batch_shape
    if inputs.attention_mask is not None and inputs.input_mask is not None:
        raise InputError(
            "attention_mask (1 = attended) and input_mask (1 = padding) were both given, and say the same. "
            "Pass one of them."
        )
    if inputs.attention_mask is not None and inputs.attention_mask.dim() == 3:
        raise InputError(
            "attention_mask has three dimensions, expected (rows, length) here. To say it for every pair of "
            "tokens pass perm_mask, where 1 forbids."
        )
    targets = None if inputs.target_mapping is None else inputs.target_mapping.shape[1:2]
    for name, expected in {
        "input_mask": (rows, length),
        "token_type_ids": (rows, length),
        "perm_mask": (rows, length, length),
        "target_mapping": (rows, *(targets or (1,)), length),
    }.items():
        given = getattr(inputs, name)
        if given is not None and tuple(given.shape) != expected:
            raise InputError(f"{name} has the shape {list(given.shape)}, expected {list(expected)}.")
