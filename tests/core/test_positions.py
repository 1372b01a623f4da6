"""Schemes of positions against a loop over pairs; a new scheme needs no change of the core."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from core.tiny import EXACT, away, draws, shake
from hubformer.core import (
    Attention,
    AttentionSpec,
    Buckets,
    Cache,
    FeedForward,
    LayerNorm,
    LayerSpec,
    NoPosition,
    Norms,
    PackedLayout,
    PositionSpec,
    Relative,
    SequenceLayout,
    Stack,
    StackSpec,
    TransformerXL,
)
from hubformer.core.positions import Position, relative_scores

WIDTH, HEADS, WIDE, LENGTH = 8, 2, 4, 6
X = draws(2, LENGTH, WIDTH)
MASKS = {
    "plain": None,
    "left": torch.tensor([[1] * 6, [0, 0, 1, 1, 1, 1]]),
    "right": torch.tensor([[1] * 6, [1, 1, 1, 0, 0, 0]]),
    "hole": torch.tensor([[1] * 6, [1, 1, 0, 0, 1, 1]]),
}
EVERY_MASK = pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)


def attention(position: PositionSpec, **changes: Any) -> tuple[Attention, nn.Module]:
    """A shaken layer and its table."""
    layer = shake(AttentionSpec(HEADS, WIDE, position=position, **changes).build(WIDTH))
    return layer, position.build_table(WIDTH, heads=HEADS, head_width=WIDE)


def bias_of(layer: Attention, table: nn.Module, layout: SequenceLayout, x: Tensor, context: Tensor) -> Tensor:
    """All that the scheme does to the scores, in proportion to nothing: scores minus plain scores."""
    q, k = layer.split_heads(layer.query(x)), layer.split_heads(layer.key(context))
    known = table(layout)
    turned, k2 = layer.position.rotate(q, k, known)
    bias = layer.position.bias(turned, k2, known, layer)
    scores = layer.scale * turned @ k2.transpose(-1, -2)
    scores = scores if bias is None else scores + bias
    return scores - layer.scale * q @ k.transpose(-1, -2)


def test_no_position_is_nothing() -> None:
    layer, table = attention(NoPosition())
    assert table(SequenceLayout.from_length(3)) is None
    assert not bias_of(layer, table, SequenceLayout.from_length(LENGTH), X, X).any()


def test_relative_scores_pick_a_relation_for_each_pair() -> None:
    x, relations = draws(2, HEADS, 3, WIDE), draws(HEADS, 5, WIDE, seed=1)
    which = torch.randint(5, (2, 3, 4), generator=torch.Generator().manual_seed(0))
    found = relative_scores(x, relations, which)
    for b in range(2):
        for h in range(HEADS):
            for q in range(3):
                for k in range(4):
                    expected = x[b, h, q] @ relations[h, which[b, q, k]]
                    assert abs(float(found[b, h, q, k] - expected)) <= EXACT


# Shaw's


@torch.no_grad()
@EVERY_MASK
@pytest.mark.parametrize("largest", [LENGTH, 3])
@pytest.mark.parametrize("scored_by", ["query", "both"])
def test_relative(mask: Tensor | None, largest: int, scored_by: Literal["query", "both"]) -> None:
    layer, table = attention(Relative(largest, scored_by))
    layout = SequenceLayout.from_length(LENGTH, mask=mask)
    found = bias_of(layer, table, layout, X, X).expand(2, -1, -1, -1)
    q, k = layer.split_heads(layer.query(X)), layer.split_heads(layer.key(X))
    relations, at = layer.position.relations, layout.at.expand(2, -1)
    assert relations.shape == (2 * largest - 1, WIDE)
    for b in range(2):
        for i in range(LENGTH):
            for j in range(LENGTH):
                far = max(min(int(at[b, i] - at[b, j]), largest - 1), 1 - largest)
                relation = relations[far + largest - 1]
                expected = q[b, :, i] @ relation
                if scored_by == "both":
                    expected = expected + k[b, :, j] @ relation
                assert away(found[b, :, i, j], WIDE**-0.5 * expected) <= EXACT


@torch.no_grad()
@pytest.mark.parametrize("scored_by", ["query", "both"])
def test_relative_over_a_cache(scored_by: Literal["query", "both"]) -> None:
    spec = LayerSpec(
        AttentionSpec(HEADS, WIDE, position=Relative(4, scored_by), causal=True),
        FeedForward(12),
        Norms(after=LayerNorm()),
    )
    check_cached(shake(StackSpec(WIDTH, (spec, spec)).build()))


def check_cached(stack: Stack) -> None:
    """One token at a time is as all at once, on rows that are padded on the left."""
    mask = MASKS["left"]
    assert mask is not None
    whole = stack(X, layout=SequenceLayout.from_length(LENGTH, mask=mask))
    cache, found = Cache(2), []
    for i in range(LENGTH):
        layout = cache.layout(1, mask=mask[:, : i + 1])
        found.append(stack(X[:, i : i + 1], layout=layout, cache=cache))
    assert away(torch.cat(found, dim=1)[mask.bool()], whole[mask.bool()]) <= EXACT


# Transformer-XL's

SEGMENTS = torch.tensor([[0, 0, 0, 1, 1, 2], [1, 0, 1, 0, 0, 0]])


def wave(far: int, clamp: int | None) -> Tensor:
    """Sines, then cosines, of a distance. In float32, as published weights were trained."""
    if clamp:
        far = max(-clamp, min(clamp, far))
    rates = 1 / 10_000 ** (torch.arange(0, WIDTH, 2, dtype=torch.float32) / WIDTH)
    angles = torch.tensor(float(far)) * rates
    return torch.cat([angles.sin(), angles.cos()]).double()


def xl_by_hand(
    layer: Attention, layout: SequenceLayout, x: Tensor, context: Tensor, *, clamp: int | None
) -> Tensor:
    q, k = layer.split_heads(layer.query(x)), layer.split_heads(layer.key(context))
    own, out = layer.position, torch.zeros(2, HEADS, x.shape[1], context.shape[1], dtype=torch.float64)
    query_at, key_at = layout.query_at.expand(2, -1), layout.key_at.expand(2, -1)
    for b in range(2):
        for i in range(x.shape[1]):
            for j in range(context.shape[1]):
                far = int(query_at[b, i] - key_at[b, j])
                placed = (own.wave.weight @ wave(far, clamp)).view(HEADS, WIDE)
                score = (own.content_bias * k[b, :, j]).sum(-1)
                score = score + ((q[b, :, i] + own.wave_bias) * placed).sum(-1)
                if layout.segments is not None:
                    differ = int(layout.segments[0][b, i] != layout.segments[1][b, j])
                    score = score + ((q[b, :, i] + own.segment_bias) * own.segment[:, differ]).sum(-1)
                out[b, :, i, j] = layer.scale * score
    return out


def equal_for_a_softmax(a: Tensor, b: Tensor) -> bool:
    """What a query adds to all its keys alike is lost in the softmax."""
    return away(a - a.mean(-1, keepdim=True), b - b.mean(-1, keepdim=True)) <= EXACT


@torch.no_grad()
@EVERY_MASK
@pytest.mark.parametrize("clamp", [None, 2])
@pytest.mark.parametrize("segments", [False, True])
def test_transformer_xl(mask: Tensor | None, clamp: int | None, segments: bool) -> None:
    layer, table = attention(TransformerXL(clamp), bias=False)
    layout = SequenceLayout.from_length(LENGTH, mask=mask)
    layout = replace(layout, segments=(SEGMENTS, SEGMENTS) if segments else None)
    found = bias_of(layer, table, layout, X, X)
    assert equal_for_a_softmax(found, xl_by_hand(layer, layout, X, X, clamp=clamp))


@torch.no_grad()
@pytest.mark.parametrize("past", [1, 3, 9])
@pytest.mark.parametrize("length", [1, 2, LENGTH])
@pytest.mark.parametrize("contiguous", [False, True])
@pytest.mark.parametrize("segments", [False, True])
def test_transformer_xl_after_memories(past: int, length: int, contiguous: bool, segments: bool) -> None:
    """In line, scores are shifted; else they are looked up one by one. Both are the loop."""
    layer, table = attention(TransformerXL(), bias=False)
    x, mems, index = X[:, :length], draws(2, past, WIDTH, seed=5), torch.arange(past + length)[None]
    kinds = SEGMENTS[:, :length], torch.cat([SEGMENTS.new_zeros(2, past), SEGMENTS[:, :length]], dim=1)
    layout = SequenceLayout(
        index[:, past:],
        index,
        segments=kinds if segments else None,
        contiguous=(1, length) if contiguous else None,
    )
    context = torch.cat([mems, x], dim=1)
    found = bias_of(layer, table, layout, x, context)
    assert equal_for_a_softmax(found, xl_by_hand(layer, layout, x, context, clamp=None))


@torch.no_grad()
@pytest.mark.parametrize("contiguous", [None, (1, LENGTH), (2, LENGTH)])
def test_transformer_xl_of_two_streams(contiguous: tuple[int, int] | None) -> None:
    layer, table = attention(TransformerXL(), bias=False)
    index = torch.arange(LENGTH)[None]
    layout = SequenceLayout(index.repeat(1, 2), index, contiguous=contiguous)
    both = torch.cat([X, draws(2, LENGTH, WIDTH, seed=5)], dim=1)
    found = bias_of(layer, table, layout, both, X)
    assert equal_for_a_softmax(found, xl_by_hand(layer, layout, both, X, clamp=None))


@torch.no_grad()
def test_waves_are_dropped_in_training() -> None:
    table = TransformerXL(dropout=1.0).build_table(WIDTH, heads=HEADS, head_width=WIDE)
    assert not table(SequenceLayout.from_length(3)).sinusoids.any()
    assert table.eval()(SequenceLayout.from_length(3)).sinusoids.any()


# A scheme of a test's own, in the open slot


@dataclass(frozen=True)
class Turned:
    """Rotary positions (Su et al. 2021, arXiv:2104.09864): pairs of numbers turned by their place."""

    base: float = 100.0

    def build_table(self, width: int, *, heads: int, head_width: int) -> nn.Module:
        return _Angles(self.base, head_width)

    def build_layer(self, width: int, *, heads: int, head_width: int) -> Position:
        return _Turn()


class _Angles(nn.Module):
    def __init__(self, base: float, head_width: int) -> None:
        super().__init__()
        self.base, self.half = base, head_width // 2

    def forward(self, layout: SequenceLayout) -> Tensor:
        rates = self.base ** (-torch.arange(self.half, dtype=torch.float64) / self.half)
        return layout.query_at[:, None, :, None] * rates  # (B|1, 1, Q, D / 2)


class _Turn(Position):
    def rotate(self, q: Tensor, k: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
        return _turned(q, table), _turned(k, table)


def _turned(x: Tensor, angles: Tensor) -> Tensor:
    a, b = x.chunk(2, dim=-1)
    sin, cos = angles.sin(), angles.cos()
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)


def turning(*, kv_heads: int | None = None, causal: bool = True) -> Stack:
    layer = LayerSpec(
        AttentionSpec(HEADS, WIDE, kv_heads=kv_heads, position=Turned(), causal=causal),
        FeedForward(12, "silu", gated=True),
        Norms(before=LayerNorm()),
    )
    stack: Stack = shake(StackSpec(WIDTH, (layer, layer)).build())
    return stack


@torch.no_grad()
@EVERY_MASK
def test_a_turn_by_hand(mask: Tensor | None) -> None:
    layer, table = attention(Turned())
    layout = SequenceLayout.from_length(LENGTH, mask=mask)
    found = bias_of(layer, table, layout, X, X)
    q, k, at = layer.split_heads(layer.query(X)), layer.split_heads(layer.key(X)), layout.at.expand(2, -1)
    rates = [100.0 ** (-i / 2) for i in range(2)]
    for b in range(2):
        for i in range(LENGTH):
            for j in range(LENGTH):
                # As complex numbers, only the difference of the two turns is left.
                a, c = (torch.complex(t[..., :2], t[..., 2:]) for t in (q[b, :, i], k[b, :, j]))
                far = torch.tensor([float(at[b, i] - at[b, j]) * rate for rate in rates])
                score = (a * c.conj() * torch.exp(1j * far.double())).real.sum(-1)
                plain = (q[b, :, i] * k[b, :, j]).sum(-1)
                assert away(found[b, :, i, j], layer.scale * (score - plain)) <= 1e-6


@torch.no_grad()
@pytest.mark.parametrize("kv_heads", [None, 1])
def test_a_turn_over_a_cache(kv_heads: int | None) -> None:
    """Keys are turned when they are new, and kept so."""
    check_cached(turning(kv_heads=kv_heads))


@torch.no_grad()
def test_a_turn_in_a_pack() -> None:
    stack, x, lengths = turning(causal=False), draws(1, 9, WIDTH), (2, 2, 5)
    alone = [stack(row[None], layout=SequenceLayout.from_length(len(row))) for row in x[0].split(lengths)]
    assert away(stack(x, layout=PackedLayout.from_lengths(lengths)), torch.cat(alone, dim=1)) <= EXACT


def bucket(distance: int, *, direction: str, count: int, largest: int) -> int:
    """The bucket of key place minus query place, as the paper's appendix has it in words."""
    if direction == "bidirectional":
        count //= 2
        first, far = (count if distance > 0 else 0), abs(distance)
    else:
        first, far = 0, max(-distance, 0)
    near = count // 2
    if far < near:
        return first + far
    part = math.log(far / near) / math.log(largest / near)
    return first + min(near + int(part * (count - near) + 1e-6), count - 1)


@torch.no_grad()
@EVERY_MASK
@pytest.mark.parametrize("direction", ["bidirectional", "causal"])
@pytest.mark.parametrize(("count", "largest"), [(32, 128), (8, 6)])
def test_buckets(
    mask: Tensor | None, direction: Literal["bidirectional", "causal"], count: int, largest: int
) -> None:
    spec = Buckets(count, largest, direction)
    layer, table = attention(spec)
    shake(table)
    layout = SequenceLayout.from_length(LENGTH, mask=mask)
    found = bias_of(layer, table, layout, X, X)
    at = layout.at.expand(2, -1)
    for b, i, j in itertools.product(range(2), range(LENGTH), range(LENGTH)):
        which = bucket(int(at[b, j] - at[b, i]), direction=direction, count=count, largest=largest)
        assert away(found[b, :, i, j], table.weight[which]) <= EXACT


def test_far_buckets() -> None:
    distances = torch.arange(-300, 301)
    for direction, count in itertools.product(("bidirectional", "causal"), (32, 16)):
        found = Buckets(count, 128, direction).of(distances)  # type: ignore[arg-type]
        wanted = [bucket(int(d), direction=direction, count=count, largest=128) for d in distances]
        assert found.tolist() == wanted


@torch.no_grad()
@pytest.mark.parametrize(
    "position", [Relative(4, "both"), Buckets(8, 6), TransformerXL(), TransformerXL(2), Turned()], ids=str
)
def test_only_differences_count(position: PositionSpec) -> None:
    layer, table = attention(position)
    index = torch.arange(LENGTH)[None]
    near, far = (
        SequenceLayout(index + by, index + by) for by in (0, 0 if isinstance(position, TransformerXL) else 50)
    )
    a, b = (bias_of(layer, table, layout, X, X) for layout in (near, far))
    assert away(a, b) <= 1e-9
    words = [layer(X, layer.keys_values(X), layout=t, position_states=(table(t),)) for t in (near, far)]
    assert away(*words) <= 1e-9
