"""Attention from blocks of tokens to few others (Zaheer et al. 2020, arXiv:2007.14062). Time and memory grow
with the length, not with its square.

The first and the last block see everything. A block between them sees itself, its two neighbours, those two
ends and, while training, a few drawn blocks; in their place it otherwise sees the first once more for each,
as the published code does, which is a bias on what it scores.

Shapes:  B rows  L length  H heads  D head width  M model width  N blocks  S tokens of a block
         C = N - 2 blocks between the ends  R drawn blocks
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hubformer.core.attention import Attention, AttentionSpec
from hubformer.core.cache import KeysValues, LayerCache
from hubformer.core.kernels import attend, eager_attention
from hubformer.core.layout import SequenceLayout
from hubformer.core.positions import Position
from hubformer.core.trace import LayerTrace
from hubformer.errors import ConfigError, InputError

# At these lengths published models were trained on blocks drawn in the way that `_old_pools` says.
OLD_LENGTHS = (1024, 3072, 4096)


@dataclass(frozen=True)
class Blocks:
    """The scheme of positions of attention by blocks: its table says how the rows are cut."""

    size: int  # tokens of a block
    drawn: int  # blocks that a block sees beside its neighbours and the ends
    longest: int  # the most tokens that a row may have

    @property
    def whole(self) -> int:
        """Rows up to so many tokens are read whole: blocks would read as much."""
        return (5 + 2 * self.drawn) * self.size

    def build_table(self, width: int, *, heads: int, head_width: int) -> nn.Module:
        return _BlockTable(self)

    def build_layer(self, width: int, *, heads: int, head_width: int) -> Position:
        return Position()


@dataclass(frozen=True, eq=False)
class BlockPartition:
    """How the rows of one rectangle are cut into blocks."""

    size: int
    length: int
    valid: Tensor | None  # (B, L) bool, False = padding
    first: Tensor | None  # (B, 1): the index of each row's first token; None: 0 everywhere

    @property
    def blocks(self) -> int:
        return -(-self.length // self.size)

    @property
    def full(self) -> bool:
        """Whether there is no padding, in blocks neither."""
        return self.valid is None and self.length % self.size == 0

    def split(self, x: Tensor) -> Tensor:
        """(B, L, M) -> (B, N, S, M); each row begins with its first token, and ends in zeros."""
        if self.first is not None:
            x = x.gather(1, self._rolled(1)[..., None].expand(-1, -1, x.shape[-1]))
        padded = F.pad(x, (0, 0, 0, self.blocks * self.size - self.length))
        return padded.view(len(x), self.blocks, self.size, x.shape[-1])

    def join(self, x: Tensor) -> Tensor:
        """(B, N, S, M) -> (B, L, M), 0 where padding asked: losses over whole rows read that, too."""
        x = x.flatten(1, 2)[:, : self.length]
        if self.first is not None:
            x = x.gather(1, self._rolled(-1)[..., None].expand(-1, -1, x.shape[-1]))
        return x if self.valid is None else x.masked_fill(~self.valid[..., None], 0.0)

    def real(self, device: torch.device) -> Tensor:
        """(B|1, N, S) bool, False = padding."""
        valid = self.valid
        if valid is None:
            valid = torch.ones(1, self.length, dtype=torch.bool, device=device)
        return self.split(valid[..., None].to(torch.uint8)).squeeze(-1).bool()

    def block_of(self, device: torch.device) -> Tensor:
        """(B|1, L): the block in which each token stands."""
        if self.first is None:
            return (torch.arange(self.length, device=device) // self.size)[None]
        return self._rolled(-1) // self.size

    def _rolled(self, way: int) -> Tensor:
        """(B, L): each row's indices, from its first token on or back."""
        assert self.first is not None
        index = torch.arange(self.length, device=self.first.device)
        return (index + way * self.first) % self.length


class _BlockTable(nn.Module):
    def __init__(self, spec: Blocks) -> None:
        super().__init__()
        self.spec = spec

    def forward(self, layout: SequenceLayout) -> BlockPartition | None:
        """None: the rows are short, and read whole."""
        length, valid = layout.at.shape[1], layout.key_valid
        if length <= self.spec.whole:
            return None
        if layout.pair_mask is not None:
            raise InputError(
                "attention_mask says for every pair of tokens who is seen, which attention by blocks cannot "
                "follow. Pass one of the shape (rows, length)."
            )
        first = None if valid is None else valid.int().argmax(-1, keepdim=True)
        if first is not None and not torch.compiler.is_compiling() and not bool(first.any()):
            first = None
        return BlockPartition(self.spec.size, length, valid, first)


@dataclass(frozen=True)
class BlockAttentionSpec(AttentionSpec):
    """Self-attention by the Blocks that stand in the slot of positions; causal, window, softcap, norms and
    kv_heads have no place in it. Weights are dropped only where rows are read whole."""

    seed: int = 0  # of the blocks that are drawn

    pads: ClassVar[bool] = False  # the last block sees and is seen everywhere, and padding moves it

    def build(self, width: int) -> BlockAttention:
        unread: dict[str, Any] = {"causal": self.causal, "window": self.window, "softcap": self.softcap}
        unread |= {"kv_heads": self.kv_heads, "qk_norm": self.qk_norm}
        for name, value in unread.items():
            if value not in (None, False):
                raise ConfigError(
                    f"Attention by blocks has {name}={value!r}, which it does not follow: rows would be read "
                    "as if it were not there. Leave it out."
                )
        return BlockAttention(self, width)


class BlockAttention(Attention):
    """x attends to itself, block by block."""

    def __init__(self, spec: BlockAttentionSpec, width: int) -> None:
        super().__init__(spec, width)
        assert isinstance(spec.position, Blocks)
        self.blocks, self.seed = spec.position, spec.seed

    def read(
        self,
        q: Tensor,
        kv: KeysValues,
        *,
        layout: SequenceLayout,
        table: BlockPartition | None,
        cache: LayerCache | None,
        trace: LayerTrace | None,
    ) -> Tensor:
        """One rectangle of rows: q and kv (B, L, H * D) -> (B, L, H * D)"""
        if table is None:
            return super().read(q, kv, layout=layout, table=None, cache=cache, trace=trace)
        if trace is not None and (trace.wants_weights or trace.head_scale is not None):
            return self._openly(q, kv, table, trace)
        q, k, v = (self._by_head(table.split(x)) for x in (q, *kv))
        real, rows = table.real(q.device), (k.flatten(2, 3), v.flatten(2, 3))
        seen = None if table.full else real.flatten(1)[:, None, None]
        y = attend(q[:, :, [0, -1]].flatten(2, 3), *rows, attention_mask=seen, bias=None, **self._how())
        ends = y.view(*y.shape[:2], 2, -1, y.shape[-1])
        y = torch.cat([ends[:, :, :1], self._middle(q, (k, v), real), ends[:, :, 1:]], dim=2)
        return table.join(y.permute(0, 2, 3, 1, 4).flatten(3))

    def _middle(self, q: Tensor, kv: KeysValues, real: Tensor) -> Tensor:
        """What the blocks between the ends read: all (B, H, N, S, D) -> (B, H, C, S, D)"""
        heads, blocks, size = q.shape[1:4]
        drawn = self._drawn(blocks, q.device)
        seen = _seen(real, drawn).expand(-1, heads, -1, -1).flatten(1, 2)[:, :, None]
        bias = None
        if drawn is None:
            bias = torch.zeros(seen.shape[-1], dtype=q.dtype, device=q.device)
            bias[:size] = math.log(1 + self.blocks.drawn)
            bias = bias.view(1, 1, 1, -1)
        k, v = (_around(x, drawn).flatten(1, 2) for x in kv)
        y = attend(q[:, :, 1:-1].flatten(1, 2), k, v, attention_mask=seen, bias=bias, **self._how())
        return y.view(len(y), heads, blocks - 2, size, -1)

    def _openly(self, q: Tensor, kv: KeysValues, cut: BlockPartition, trace: LayerTrace) -> Tensor:
        """With attention weights, which are worked out over the whole row."""
        at = cut.block_of(q.device)
        counts = self._counts(cut.blocks, q.device)[:, at[:, :, None], at[:, None, :]].transpose(0, 1)
        attention_mask, repeats = counts > 0, counts.clamp(min=1).to(q.dtype)
        if cut.valid is not None:
            attention_mask = attention_mask & cut.valid[:, None, None]
        y, weights = eager_attention(
            *map(self.split_heads, (q, *kv)), attention_mask=attention_mask, bias=repeats.log(), **self._how()
        )
        if trace.head_scale is not None:
            scale = trace.head_scale[:, None, None].to(y.dtype)
            y, weights = y * scale, weights * scale
        if trace.wants_weights:
            trace.record(weights / repeats)  # that of one time, as transformers has it
        y = y.transpose(1, 2).flatten(2)
        return y if cut.valid is None else y.masked_fill(~cut.valid[..., None], 0.0)

    def _counts(self, blocks: int, device: torch.device) -> Tensor:
        """(H|1, N, N): how many times each block reads each."""
        index = torch.arange(blocks, device=device)
        end = (index == 0) | (index == blocks - 1)
        near = (index[:, None] - index).abs() <= 1
        counts = (near | end | end[:, None]).long()[None]
        drawn = self._drawn(blocks, device)
        if drawn is None:
            counts[:, 1:-1, 0] += self.blocks.drawn
            return counts
        counts = counts.repeat(len(drawn), 1, 1)
        counts[:, 1:-1] = counts[:, 1:-1].scatter_add(2, drawn, torch.ones_like(drawn))
        return counts

    def _drawn(self, blocks: int, device: torch.device) -> Tensor | None:
        """(H, C, R) while training, else None."""
        if not self.training:
            return None
        return drawn_blocks(self.blocks, blocks, heads=self.spec.heads, seed=self.seed).to(device)

    def _by_head(self, x: Tensor) -> Tensor:
        """(B, N, S, H * D) -> (B, H, N, S, D)"""
        return x.view(*x.shape[:3], -1, self.spec.head_width).permute(0, 3, 1, 2, 4)

    def _how(self) -> dict[str, Any]:
        return {"scale": self.scale, "softcap": None, "dropout": 0.0}


def _around(x: Tensor, drawn: Tensor | None) -> Tensor:
    """What each block between the ends reads: the first, its neighbours and itself, the last, then what is
    drawn. (B, H, N, S, D) -> (B, H, C, (5 + R) S, D)"""
    rows, heads, blocks, _, width = x.shape
    first, last = (x[:, :, [end]].expand(-1, -1, blocks - 2, -1, -1) for end in (0, blocks - 1))
    near = [x[:, :, start : blocks - 2 + start] for start in range(3)]
    parts = [first, *near, last]
    if drawn is not None:
        place = drawn + blocks * torch.arange(heads, device=x.device)[:, None, None]
        found = x.flatten(1, 2).index_select(1, place.flatten())
        parts.append(found.view(rows, heads, blocks - 2, -1, width))
    return torch.cat(parts, dim=3)


def _seen(real: Tensor, drawn: Tensor | None) -> Tensor:
    """Of that, what may be seen: the ends are not seen as neighbours, too.
    real (B|1, N, S) -> (B|1, H|1, C, (5 + R) S) bool"""
    inner = F.pad(real[:, 1:-1], (0, 0, 1, 1))
    blocks = real.shape[1]
    first, last = (real[:, [end]].expand(-1, blocks - 2, -1) for end in (0, blocks - 1))
    near = [inner[:, start : blocks - 2 + start] for start in range(3)]
    seen = torch.cat([first, *near, last], dim=2)[:, None]
    if drawn is None:
        return seen
    found = real[:, drawn.flatten()].view(len(real), *drawn.shape[:2], -1)
    return torch.cat([seen.expand(-1, len(drawn), -1, -1), found], dim=3)


# The blocks that are drawn while training. Published models were trained on these very ones, which numpy's
# legacy generator gives; torch's own begins from a seed in the same way.


@lru_cache(maxsize=256)
def drawn_blocks(spec: Blocks, blocks: int, *, heads: int, seed: int) -> Tensor:
    """(H, C, R): which blocks each block between the ends reads beside the usual ones."""
    shuffle = _Shuffle(seed)
    middle = range(1, blocks - 1)
    if blocks * spec.size in OLD_LENGTHS:
        of_all = max(blocks, spec.longest // spec.size)
        pools = _old_pools(of_all, last=1024 // spec.size - 1 if 2 * spec.size < 1024 else of_all - 1)
        rows = [[shuffle(pool)[: spec.drawn] for pool in pools][: len(middle)] for _ in range(heads)]
        return torch.tensor(rows)
    by_block = [[_legal(shuffle, i, spec.drawn) for _ in range(heads)] for i in middle]
    return torch.tensor(by_block).transpose(0, 1)


def _legal(shuffle: _Shuffle, block: int, count: int) -> list[int]:
    """Of the blocks at the beginning of the row, the first that are neither near nor an end among them."""
    end = 2 * count + 5
    refused = {block - 1, block, block + 1, 0, end - 1}
    refused |= {end - 2} if block == 1 else set()
    refused |= {1} if block == end - 2 else set()
    return [other for other in shuffle(range(end)) if other not in refused][:count]


def _old_pools(blocks: int, *, last: int) -> list[Sequence[int]]:
    """Of which blocks each block between the ends may draw."""
    middle = list(range(1, blocks - 1))
    pools: list[Sequence[int]] = []
    for i in middle:
        start = i - 2
        if i in (1, 2):
            pools.append(middle[i + 1 : last])
        elif i >= blocks - 3 or start > last:
            pools.append(middle[:last])
        elif i + 1 == last:
            pools.append(middle[:start])
        else:
            pools.append(middle[:start] + middle[i + 1 : last])
    return pools


class _Shuffle:
    """Sequences in random order, as numpy's RandomState(seed).permutation gives them."""

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._bits: list[int] = []

    def __call__(self, values: Sequence[int]) -> list[int]:
        found = list(values)
        for place in range(len(found) - 1, 0, -1):
            other = self._below(place)
            found[place], found[other] = found[other], found[place]
        return found

    def _below(self, largest: int) -> int:
        mask = (1 << largest.bit_length()) - 1
        while (value := self._next() & mask) > largest:
            pass
        return value

    def _next(self) -> int:
        """The lower 27 bits of the generator's next 32; asked for more, torch takes two of its numbers."""
        if not self._bits:
            self._bits = torch.randint(1 << 27, (4096,), generator=self._generator).tolist()[::-1]
        return self._bits.pop()
