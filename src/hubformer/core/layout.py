"""Where the tokens of one forward pass stand, and which of them may be seen. The only builder of masks.

Shapes:  B rows  Q queries  K keys  L = Q = K  T tokens of a packed batch  M model width
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

import torch
from torch import Tensor

from hubformer.errors import InputError

AttentionMask = (
    Tensor | Literal["causal"] | None
)  # a bool tensor (B|1, 1, Q, K), the plain triangle, or everyone
Pooling = Literal["first", "last", "mean", "eos"]


@dataclass(frozen=True, eq=False)
class SequenceLayout:
    """A rectangle of rows, padded or not. Built once per pass."""

    query_at: Tensor  # (B|1, Q) int: the place of each token in its row
    key_at: Tensor  # (B|1, K) int; the same object as query_at when queries and keys are the same tokens
    key_valid: Tensor | None = None  # (B, K) bool, False = padding
    pair_mask: Tensor | None = None  # (B|1, Q, K) bool, any other limit (XLNet's permutation)
    segments: tuple[Tensor, Tensor] | None = None  # (B, Q) and (B, K) int
    ends: Tensor | None = None  # (B, Q) bool: where an end token stands, for pool("eos")
    all_past: bool = False  # no key stands after any query: one new token over its cache
    # (runs, length): keys stand at 0, 1, 2 …, and the first queries are runs over the last of them.
    contiguous: tuple[int, int] | None = None
    global_tokens: Tensor | None = (
        None  # (B, L) bool: the tokens that see and are seen everywhere, where not all do
    )
    position_ids: Tensor | None = (
        None  # (B|1, Q) places that a caller gave for the queries; who is seen, they leave
    )
    _seen: dict[tuple[bool, int | None], AttentionMask] = field(default_factory=dict, init=False, repr=False)

    @staticmethod
    def from_length(
        length: int, *, mask: Tensor | None = None, device: torch.device | None = None
    ) -> SequenceLayout:
        """The layout of rows of that length; mask (B, L), nonzero = attended.

        A token's place is its index minus the index of its row's first attended token, so that a row means
        the same with padding on either side. Padding before it stands at 0.
        """
        index = torch.arange(length, device=device if mask is None else mask.device)[None]
        if mask is None:
            return SequenceLayout(index, index, contiguous=(1, length))
        valid = mask.bool()
        at = (index - valid.int().argmax(-1, keepdim=True)).clamp(min=0)
        return SequenceLayout(at, at, valid)

    @property
    def groups(self) -> tuple[SequenceLayout, ...]:
        return (self,)

    @property
    def at(self) -> Tensor:
        return self.query_at

    @property
    def places(self) -> Tensor:
        """Where the queries stand, (B|1, Q): as the caller says, else as the layout does."""
        return self.query_at if self.position_ids is None else self.position_ids

    def longest(self) -> Tensor:
        """How many places each row has taken so far, (B|1, 1)."""
        if self.position_ids is not None:
            return self.position_ids.amax(-1, keepdim=True) + 1
        at = self.key_at if self.key_valid is None else self.key_at * self.key_valid
        return at.amax(-1, keepdim=True) + 1

    def split(self, x: Tensor) -> list[Tensor]:
        return [x]

    def split_keys(self, x: Tensor) -> list[Tensor]:
        """As split, for what is attended to, where that is not what attends."""
        return [x]

    def join(self, xs: Sequence[Tensor]) -> Tensor:
        return xs[0]

    def distance(self) -> Tensor:
        """Key place minus query place, (B|1, Q, K)."""
        return self.key_at[:, None, :] - self.query_at[:, :, None]

    def attention_mask(self, *, causal: bool, window: int | None) -> AttentionMask:
        """Where a query may look. Layers that ask the same question share the answer."""
        if (causal, window) not in self._seen:
            self._seen[causal, window] = self._attention_mask(causal=causal, window=window)
        return self._seen[causal, window]

    def _attention_mask(self, *, causal: bool, window: int | None) -> AttentionMask:
        limits = []
        if window is not None and window < self.key_at.shape[-1] - 1:  # places are indices of keys
            limits.append(self.distance().abs() <= window)
        if self.key_valid is not None:
            limits.append(self.key_valid[:, None, :])
        if self.pair_mask is not None:
            limits.append(self.pair_mask)
        if causal and not self.all_past:
            if not limits and self.query_at is self.key_at:
                return "causal"
            limits.append(self.distance() <= 0)
        if not limits:
            return None
        seen = limits[0]
        for limit in limits[1:]:
            seen = seen & limit
        return seen[:, None]

    def mask_padding(self, states: Tensor) -> Tensor:
        """The states (B, Q, M) with zeros where padding stands."""
        if self.key_valid is None:
            return states
        return states * self.key_valid[:, -states.shape[1] :, None].to(states.dtype)

    def pool(self, states: Tensor, which: Pooling) -> Tensor:
        """One state per row: states (B, Q, M) -> (B, M). Padding is never pooled."""
        length = states.shape[1]
        valid = None if self.key_valid is None else self.key_valid[:, -length:]
        if which == "eos":
            if self.ends is None:
                raise InputError(
                    "Pooling at the end token needs input_ids; inputs_embeds alone do not say it."
                )
            return states[self._rows(states), _last(self.ends)]
        if valid is None:
            return states.mean(1) if which == "mean" else states[:, 0 if which == "first" else -1]
        if which == "mean":
            weight = valid.to(states.dtype)[:, :, None]
            return (states * weight).sum(1) / weight.sum(1).clamp(min=1)
        return states[self._rows(states), valid.int().argmax(-1) if which == "first" else _last(valid)]

    def _rows(self, states: Tensor) -> Tensor:
        return torch.arange(states.shape[0], device=states.device)


def _last(global_tokens: Tensor) -> Tensor:
    """The index of the last True of each row, (B, L) -> (B,)."""
    return global_tokens.shape[1] - 1 - global_tokens.flip(-1).int().argmax(-1)


@dataclass(frozen=True, eq=False)
class PackedLayout:
    """Rows laid end to end without padding, states (1, T, M). Equal lengths share one attention call."""

    groups: tuple[SequenceLayout, ...]
    rows: tuple[int, ...]  # how many rows each group holds

    @staticmethod
    def from_lengths(lengths: Sequence[int], *, device: torch.device | None = None) -> PackedLayout:
        """Neighbours of equal length form one group: sort by length first."""
        groups = [(length, len(list(same))) for length, same in groupby(lengths)]
        return PackedLayout(
            tuple(SequenceLayout.from_length(length, device=device) for length, _ in groups),
            tuple(rows for _, rows in groups),
        )

    @property
    def at(self) -> Tensor:
        return torch.cat(
            [part.at.repeat(1, rows) for part, rows in zip(self.groups, self.rows, strict=True)], dim=1
        )  # (1, T)

    def split(self, x: Tensor) -> list[Tensor]:
        """(1, T, ...) -> one (rows, length, ...) per group."""
        sizes = [rows * part.at.shape[1] for part, rows in zip(self.groups, self.rows, strict=True)]
        return [
            piece.view(rows, -1, *piece.shape[1:])
            for piece, rows in zip(torch.split(x[0], sizes), self.rows, strict=True)
        ]

    def split_keys(self, x: Tensor) -> list[Tensor]:
        return self.split(x)

    def join(self, xs: Sequence[Tensor]) -> Tensor:
        return torch.cat([x.flatten(0, 1) for x in xs])[None]

    def mask_padding(self, states: Tensor) -> Tensor:
        """There is no padding."""
        return states

    def pool(self, states: Tensor, which: Pooling) -> Tensor:
        """One state per row, in packed order: (1, T, M) -> (rows, M)."""
        return torch.cat(
            [part.pool(x, which) for part, x in zip(self.groups, self.split(states), strict=True)]
        )


AnyLayout = SequenceLayout | PackedLayout
