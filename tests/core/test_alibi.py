"""Slopes and biases of ALiBi against the paper's words, one pair of places at a time."""

from __future__ import annotations

import itertools
from typing import Literal

import pytest
import torch
from torch import Tensor

from core.test_positions import EVERY_MASK, LENGTH, WIDTH, X, attention, bias_of
from core.tiny import away
from hubformer.core import Alibi, AttentionSpec, SequenceLayout
from hubformer.core.alibi import slopes


@pytest.mark.parametrize(
    ("heads", "wanted"),
    [
        (1, [2**-8]),
        (2, [2**-4, 2**-8]),
        (8, [2**-1, 2**-2, 2**-3, 2**-4, 2**-5, 2**-6, 2**-7, 2**-8]),
        (6, [2**-2, 2**-4, 2**-6, 2**-8, 2**-1, 2**-3]),
        (16, [2 ** (-i / 2) for i in range(1, 17)]),
        (12, [*(2**-i for i in range(1, 9)), *(2 ** (-i / 2) for i in (1, 3, 5, 7))]),
    ],
)
def test_slopes(heads: int, wanted: list[float]) -> None:
    assert away(slopes(heads).double(), torch.tensor(wanted, dtype=torch.float64)) <= 1e-6


@pytest.mark.parametrize("heads", [3, 12, 16, 40])
def test_slopes_that_are_rounded_once(heads: int) -> None:
    """As Python's floats have them, and not as powers of a rounded one."""
    whole = 2 ** (heads.bit_length() - 1)
    exact = [2 ** (-8 * i / whole) for i in range(1, whole + 1)]
    exact += [2 ** (-4 * i / whole) for i in range(1, 2 * whole, 2)][: heads - whole]
    assert torch.equal(slopes(heads, powers=torch.float64), torch.tensor(exact, dtype=torch.float32))
    assert heads == 3 or not torch.equal(slopes(heads), torch.tensor(exact, dtype=torch.float32))


@torch.no_grad()
@EVERY_MASK
def test_both_ways(mask: Tensor | None) -> None:
    layer, table = attention(Alibi("bidirectional"))
    layout = SequenceLayout.from_length(LENGTH, mask=mask)
    found, at = bias_of(layer, table, layout, X, X), layout.at.expand(2, -1)
    for b, i, j in itertools.product(range(2), range(LENGTH), range(LENGTH)):
        distance = abs(int(at[b, i] - at[b, j]))
        assert away(found[b, :, i, j], -distance * slopes(2).double()) <= 1e-9


@torch.no_grad()
@EVERY_MASK
def test_the_past_is_as_far_in_either_form(mask: Tensor | None) -> None:
    """slope * place and -slope * distance make the same weights where no key stands after its query."""
    layer, table = attention(Alibi("causal"), causal=True)
    layout = SequenceLayout.from_length(LENGTH, mask=mask)
    seen = [
        layer(X, layer.keys_values(X), layout=layout, position_states=(t(layout),)) for t in (table, _both())
    ]
    assert away(*seen) <= 1e-9


def _both() -> torch.nn.Module:
    return Alibi("bidirectional").build_table(WIDTH, heads=2, head_width=4)


@torch.no_grad()
@pytest.mark.parametrize("direction", ["causal", "bidirectional"])
def test_only_differences_count(direction: Literal["causal", "bidirectional"]) -> None:
    layer, table = attention(Alibi(direction))
    index = torch.arange(LENGTH)[None]
    near, far = (SequenceLayout(index + by, index + by) for by in (0, 50))
    words = [layer(X, layer.keys_values(X), layout=t, position_states=(table(t),)) for t in (near, far)]
    assert away(*words) <= 1e-9


def test_it_has_no_parameters() -> None:
    spec = AttentionSpec(2, 4, position=Alibi())
    plain = AttentionSpec(2, 4)
    assert [n for n, _ in spec.build(WIDTH).named_parameters()] == [
        n for n, _ in plain.build(WIDTH).named_parameters()
    ]
