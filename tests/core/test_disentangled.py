"""Vectors of distances that queries and keys score, against a loop over pairs."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from core.test_positions import EVERY_MASK, HEADS, LENGTH, MASKS, WIDE, WIDTH, X, attention, bias_of
from core.tiny import EXACT, away, draws, shake
from hubformer.core import (
    AttentionSpec,
    Disentangled,
    FeedForward,
    LayerNorm,
    LayerSpec,
    Norms,
    PackedLayout,
    SequenceLayout,
    Stack,
    StackSpec,
)

SPECS = {
    "both": Disentangled(3),
    "queries": Disentangled(3, scored_by=("query",), norm=LayerNorm()),
    "keys": Disentangled(3, scored_by=("key",), projections="own"),
    "own": Disentangled(8, projections="own", biases=("query",)),
    "logarithmic": Disentangled(4, logarithmic=6),
}
EVERY_SPEC = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)


def relation(far: int, spec: Disentangled) -> int:
    """Of a query that stands so far after its key."""
    near, step = spec.span // 2, abs(far)
    if spec.logarithmic is not None and step > near:
        part = math.log(step / near) / math.log((spec.logarithmic - 1) / near)
        far = int(math.copysign(math.ceil(part * (near - 1) - 1e-6) + near, far))
    return min(max(far + spec.span, 0), 2 * spec.span - 1)


@torch.no_grad()
@EVERY_MASK
@EVERY_SPEC
def test_a_score_for_each_pair(spec: Disentangled, mask: Tensor | None) -> None:
    layer, table = attention(spec)
    shake(table)
    layout = SequenceLayout.from_length(LENGTH, mask=mask)
    found, at = bias_of(layer, table, layout, X, X), layout.at.expand(2, -1)
    q, k, vectors = (
        layer.split_heads(layer.query(X)),
        layer.split_heads(layer.key(X)),
        table.norm(table.weight),
    )
    home = layer.position if spec.projections == "own" else layer
    by_query, by_key = (layer.split_heads(project(vectors)[None])[0] if side in spec.scored_by else None
                        for side, project in (("query", home.key), ("key", home.query)))  # fmt: skip
    for b, i, j in itertools.product(range(2), range(LENGTH), range(LENGTH)):
        which = relation(int(at[b, i] - at[b, j]), spec)
        expected = torch.zeros(HEADS, dtype=torch.float64)
        if by_query is not None:
            expected = expected + (q[b, :, i] * by_query[:, which]).sum(-1)
        if by_key is not None:
            expected = expected + (k[b, :, j] * by_key[:, which]).sum(-1)
        assert away(found[b, :, i, j], layer.scale * expected) <= EXACT


@pytest.mark.parametrize("spec", [SPECS["logarithmic"], Disentangled(256, logarithmic=512), SPECS["both"]])
def test_the_relation_of_far_distances(spec: Disentangled) -> None:
    far = torch.arange(-600, 601)
    assert spec.of(far).tolist() == [relation(int(d), spec) for d in far]


def stack(spec: Disentangled) -> Stack:
    layer = LayerSpec(AttentionSpec(HEADS, WIDE, position=spec), FeedForward(12), Norms(after=LayerNorm()))
    built: Stack = shake(StackSpec(WIDTH, (layer, layer)).build())
    return built


@EVERY_SPEC
def test_layers_share_the_vectors_and_teach_them(spec: Disentangled) -> None:
    model = stack(spec)
    assert len(model.tables) == 1
    model(X, layout=SequenceLayout.from_length(LENGTH)).square().sum().backward()
    read = sorted({relation(far, spec) for far in range(1 - LENGTH, LENGTH)})
    taught = model.tables[0].weight.grad.abs().sum(1).nonzero()[:, 0]
    assert set(taught.tolist()) >= set(read)


@torch.no_grad()
@EVERY_SPEC
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_padded_row_is_the_row_alone(spec: Disentangled, side: str) -> None:
    model, mask = stack(spec), MASKS[side]
    assert mask is not None
    padded = model(X, layout=SequenceLayout.from_length(LENGTH, mask=mask))[1][mask[1].bool()]
    row = X[1:][:, mask[1].bool()]
    assert away(padded, model(row, layout=SequenceLayout.from_length(row.shape[1]))[0]) <= EXACT


@torch.no_grad()
@EVERY_SPEC
def test_in_a_pack(spec: Disentangled) -> None:
    model, x, lengths = stack(spec), draws(1, 9, WIDTH), (2, 2, 5)
    alone = [model(row[None], layout=SequenceLayout.from_length(len(row))) for row in x[0].split(lengths)]
    assert away(model(x, layout=PackedLayout.from_lengths(lengths)), torch.cat(alone, dim=1)) <= EXACT
