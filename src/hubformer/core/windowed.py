"""Attention within a window, beside a few tokens that see and are seen everywhere (Beltagy et al. 2020,
arXiv:2004.05150). Time and memory grow with the length, not with its square.

Queries are cut into blocks as long as half of the window; a block reads itself, its two neighbours and the
global tokens in one call of the kernel. Global tokens are then asked again, of the whole row, by projections
of their own.

Shapes:  B rows  L length  H heads  D head width  M model width  C blocks  W arm  K = 3 W  G global tokens
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hubformer.core.attention import Attention, AttentionSpec
from hubformer.core.cache import KeysValues, LayerCache
from hubformer.core.kernels import attend, eager_attention
from hubformer.core.layout import AnyLayout, SequenceLayout
from hubformer.core.linear import Linear
from hubformer.core.positions import Position
from hubformer.core.trace import LayerTrace
from hubformer.errors import InputError


@dataclass(frozen=True)
class Window:
    """The scheme of positions of windowed attention: its table says what each query may look at."""

    half_window: int  # the largest distance seen on either side, in tokens

    def build_table(self, width: int, *, heads: int, head_width: int) -> nn.Module:
        return _WindowTable(self)

    def build_layer(self, width: int, *, heads: int, head_width: int) -> Position:
        return Position()


@dataclass(frozen=True, eq=False)
class GlobalTokens:
    """The tokens of each row that see everything, in order; rows with fewer are filled up."""

    index: Tensor  # (B, G)
    live: Tensor  # (B, G) bool, False = filler

    def of(self, x: Tensor) -> Tensor:
        """(B, L, M) -> (B, G, M)"""
        return x.gather(1, self._wide(x))

    def put(self, x: Tensor, new: Tensor) -> Tensor:
        """x (B, L, M) with new (B, G, M) in the places of the global tokens."""
        return x.scatter(1, self._wide(x), new.to(x.dtype).where(self.live[..., None], self.of(x)))

    def _wide(self, x: Tensor) -> Tensor:
        return self.index[..., None].expand(-1, -1, x.shape[-1])


@dataclass(frozen=True, eq=False)
class SlidingMask:
    """What the queries of one rectangle may look at."""

    half_window: int
    length: int
    valid: Tensor | None  # (B, L) bool, False = padding
    global_tokens: GlobalTokens | None
    blocked: Tensor | None  # (B|1, C, W, G + K) bool; None: the row is short, and read whole

    @property
    def blocks(self) -> int:
        return -(-self.length // self.half_window)

    @property
    def keys(self) -> Tensor | None:
        """(B, 1, 1, L) for queries that see the whole row."""
        return None if self.valid is None else self.valid[:, None, None]

    def plain(self, device: torch.device) -> Tensor | None:
        """(B|1, 1, L, L), for short rows and for attention weights."""
        if self.length <= self.half_window + 1:
            return self.keys
        place = torch.arange(self.length, device=device)
        distance = (place[None, :] - place[:, None])[None]
        seen = distance.abs() <= self.half_window
        if self.global_tokens is not None:
            seen = seen | _everywhere(self.global_tokens, self.length)[:, None]
        if self.valid is not None:  # a query of padding sees itself, so that its row stays finite
            seen = seen & self.valid[:, None] | (distance == 0)
        return seen[:, None]

    def attended(self, x: Tensor) -> Tensor:
        """(B, L, M), 0 where padding asked: losses over whole rows read that, too."""
        return x if self.valid is None else x.masked_fill(~self.valid[..., None], 0.0)

    def cut(self, x: Tensor) -> Tensor:
        """Blocks of queries: (B, L, M) -> (B * C, W, M)"""
        padded = F.pad(x, (0, 0, 0, self.blocks * self.half_window - self.length))
        return padded.view(-1, self.half_window, x.shape[-1])

    def around(self, x: Tensor) -> Tensor:
        """What each block reads: (B, L, M) -> (B * C, G + K, M)"""
        near = _neighbours(x, half_window=self.half_window, blocks=self.blocks).transpose(
            2, 3
        )  # (B, C, K, M)
        if self.global_tokens is not None:
            far = self.global_tokens.of(x)[:, None].expand(-1, self.blocks, -1, -1)
            near = torch.cat([far, near], dim=2)
        return near.reshape(-1, *near.shape[2:])

    def uncut(self, x: Tensor) -> Tensor:
        """(B * C, W, M) -> (B, L, M)"""
        return x.reshape(-1, self.blocks * self.half_window, x.shape[-1])[:, : self.length]

    def diagonals(self, weights: Tensor) -> Tensor:
        """Weights of the whole row (B, H, L, L) as transformers orders them, (B, H, L, G + 2 W + 1): those of
        the global tokens, then those of the window by distance. Global queries have theirs elsewhere: 0."""
        rows, heads, length, _ = weights.shape
        step = torch.arange(2 * self.half_window + 1, device=weights.device)
        place = torch.arange(length, device=weights.device)[:, None] + step  # of keys, in a padded row
        if self.global_tokens is None:
            padded = F.pad(weights, (self.half_window, self.half_window))
            return padded.gather(-1, place.expand(rows, heads, -1, -1))
        global_tokens = _everywhere(self.global_tokens, length)
        index = self.global_tokens.index[:, None, None].expand(-1, heads, length, -1)
        far = weights.gather(-1, index) * self.global_tokens.live[:, None, None]
        padded = F.pad(
            weights.masked_fill(global_tokens[:, None, None], 0.0), (self.half_window, self.half_window)
        )
        near = padded.gather(-1, place.expand(rows, heads, -1, -1))
        return torch.cat([far, near], dim=-1).masked_fill(global_tokens[:, None, :, None], 0.0)


def _everywhere(global_tokens: GlobalTokens, length: int) -> Tensor:
    """(B, L) bool, True at the global tokens."""
    none = torch.zeros(len(global_tokens.index), length, dtype=torch.bool, device=global_tokens.index.device)
    return none.scatter(1, global_tokens.index, global_tokens.live)


def _neighbours(x: Tensor, *, half_window: int, blocks: int) -> Tensor:
    """Each block with those before and after it, in zeros at the ends: (B, L, M) -> (B, C, M, K)"""
    tail = (blocks + 1) * half_window - x.shape[1]
    return F.pad(x, (0, 0, half_window, tail)).unfold(1, 3 * half_window, half_window)


class _WindowTable(nn.Module):
    def __init__(self, spec: Window) -> None:
        super().__init__()
        self.half_window = spec.half_window

    def forward(self, layout: SequenceLayout) -> SlidingMask:
        if layout.pair_mask is not None:
            raise InputError(
                "attention_mask says for every pair of tokens who is seen, which attention within a window "
                "cannot follow. Pass one of the shape (rows, length)."
            )
        length, global_tokens = layout.at.shape[1], _global_tokens(layout)
        # Up to three half windows, blocks would read as much as the whole row has.
        blocked = None if length <= 3 * self.half_window else self._blocked(layout, global_tokens)
        return SlidingMask(self.half_window, length, layout.key_valid, global_tokens, blocked)

    def _blocked(self, layout: SequenceLayout, global_tokens: GlobalTokens | None) -> Tensor:
        length, half_window = layout.at.shape[1], self.half_window
        near = torch.ones_like(layout.at, dtype=torch.bool) if layout.key_valid is None else layout.key_valid
        if global_tokens is not None:  # they are read as such, and not twice
            near = near & ~_everywhere(global_tokens, length)
        blocks = -(-length // half_window)
        near = _neighbours(
            near[..., None].to(torch.uint8), half_window=half_window, blocks=blocks
        ).bool()  # (B, C, 1, K)
        distance = (
            torch.arange(-half_window, 2 * half_window, device=near.device)
            - torch.arange(half_window, device=near.device)[:, None]
        )
        # A query of padding sees itself, so that its row stays finite.
        near = near & (distance.abs() <= half_window) | (distance == 0)
        if global_tokens is None:
            return near
        far = global_tokens.live[:, None, None].expand(-1, blocks, half_window, -1)
        return torch.cat([far, near.expand(len(far), -1, -1, -1)], dim=-1)


def _global_tokens(layout: SequenceLayout) -> GlobalTokens | None:
    if layout.global_tokens is None:
        return None
    global_tokens = (
        layout.global_tokens if layout.key_valid is None else layout.global_tokens & layout.key_valid
    )
    if torch.compiler.is_compiling():
        most = _columns(global_tokens)
    else:
        most = int(global_tokens.sum(-1).max())
        if not most:
            return None
    index = global_tokens.int().argsort(dim=-1, descending=True, stable=True)[:, :most]
    return GlobalTokens(index, global_tokens.gather(1, index))


def _columns(global_tokens: Tensor) -> int:
    """As many as tokens are global in a row, in a graph that serves any number of them but one, which kernels
    treat apart: then a filler makes it two."""
    length = global_tokens.shape[1]
    if length == 1:
        return 1
    most = int(global_tokens.sum(-1).max().clamp(min=2))
    torch._check(most >= 2)  # type: ignore[no-untyped-call]
    torch._check(most <= length)  # type: ignore[no-untyped-call]
    return most


@dataclass(frozen=True)
class SlidingAttentionSpec(AttentionSpec):
    """Self-attention within the Window that stands in the slot of positions; causal, window, softcap and
    kv_heads have no place in it."""

    packs: ClassVar[bool] = False  # a pack does not say which tokens are global
    has_global_tokens: ClassVar[bool] = True

    def build(self, width: int) -> SlidingAttention:
        return SlidingAttention(self, width)


class SlidingAttention(Attention):
    """x attends to itself: queries see their window and the global tokens, global ones see everything."""

    def __init__(self, spec: SlidingAttentionSpec, width: int) -> None:
        super().__init__(spec, width)
        inner = spec.heads * spec.head_width
        self.query_global, self.key_global, self.value_global = (
            Linear(width, inner, bias=spec.bias) for _ in range(3)
        )

    def forward(
        self,
        x: Tensor,
        kv: KeysValues,
        *,
        layout: AnyLayout,
        position_states: Sequence[Any],
        cache: LayerCache | None = None,
        trace: LayerTrace | None = None,
    ) -> Tensor:
        """x (B, L, M), kv its own, tables one SlidingMask per group of the layout -> (B, L, M)"""
        parts = zip(*(layout.split(t) for t in (x, self.query(x), *kv)), position_states, strict=True)
        read = [sight.attended(self._part(x, q, k, v, sight, trace)) for x, q, k, v, sight in parts]
        out: Tensor = self.output(layout.join(read))
        return out

    def _part(
        self, x: Tensor, q: Tensor, k: Tensor, v: Tensor, sight: SlidingMask, trace: LayerTrace | None
    ) -> Tensor:
        """One rectangle of rows: all (B, L, …) -> (B, L, H * D)"""
        if trace is not None:
            y = self._seen(q, k, v, sight, trace)
        elif sight.blocked is None:
            y = self._attend(q, k, v, sight.plain(x.device))
        else:
            seen = sight.blocked.expand(len(x), -1, -1, -1).flatten(0, 1)[:, None]
            y = sight.uncut(self._attend(sight.cut(q), sight.around(k), sight.around(v), seen))
        if sight.global_tokens is None:
            return y
        asked = (self.query_global(sight.global_tokens.of(x)), self.key_global(x), self.value_global(x))
        if trace is None:
            return sight.global_tokens.put(y, self._attend(*asked, sight.keys))
        found, weights = self._openly(*asked, sight.keys, trace)
        if trace.wants_weights:
            live = sight.global_tokens.live[:, None, :, None]
            trace.record_global((weights * live).transpose(2, 3))
        return sight.global_tokens.put(y, found)

    def _seen(self, q: Tensor, k: Tensor, v: Tensor, sight: SlidingMask, trace: LayerTrace) -> Tensor:
        """With attention weights, which are worked out over the whole row."""
        y, weights = self._openly(q, k, v, sight.plain(q.device), trace)
        if trace.wants_weights:
            trace.record(sight.diagonals(weights))
        return y

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, attention_mask: Tensor | None) -> Tensor:
        y = attend(*map(self.split_heads, (q, k, v)), attention_mask=attention_mask, bias=None, **self._how())
        return y.transpose(1, 2).flatten(2)

    def _openly(
        self, q: Tensor, k: Tensor, v: Tensor, attention_mask: Tensor | None, trace: LayerTrace
    ) -> tuple[Tensor, Tensor]:
        y, weights = eager_attention(
            *map(self.split_heads, (q, k, v)), attention_mask=attention_mask, bias=None, **self._how()
        )
        if trace.head_scale is not None:
            scale = trace.head_scale[:, None, None].to(y.dtype)
            y, weights = y * scale, weights * scale
        return y.transpose(1, 2).flatten(2), weights

    def _how(self) -> dict[str, Any]:
        dropout = self.spec.dropout if self.training else 0.0
        return {"scale": self.scale, "softcap": None, "dropout": dropout}
