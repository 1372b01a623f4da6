"""Attention within a window is plain attention under a mask: blocks and short rows alike."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from hubformer.core import SequenceLayout, SlidingAttentionSpec, Window
from hubformer.core.windowed import SlidingAttention
from hubformer.errors import InputError

HEADS, WIDE = 3, 4
EXACT = 1e-12


def layer(half_window: int) -> Any:
    torch.manual_seed(half_window)
    return SlidingAttentionSpec(HEADS, WIDE, position=Window(half_window)).build(HEADS * WIDE).double().eval()


def answered(attention: SlidingAttention, x: Tensor, layout: SequenceLayout) -> Tensor:
    table = attention.spec.position.build_table(x.shape[-1], heads=HEADS, head_width=WIDE)
    return attention(x, attention.keys_values(x), layout=layout, position_states=[table(layout)])


def dense(attention: SlidingAttention, x: Tensor, valid: Tensor, global_tokens: Tensor) -> Tensor:
    """The definition: every score, and a mask."""
    place = torch.arange(x.shape[1])
    near = (place[:, None] - place).abs() <= attention.spec.position.half_window
    seen = (near | global_tokens[:, None]) & valid[:, None] | torch.eye(x.shape[1], dtype=torch.bool)

    def read(query: Any, key: Any, value: Any, seen: Tensor) -> Tensor:
        q, k, v = (module(x).unflatten(-1, (HEADS, WIDE)).transpose(1, 2) for module in (query, key, value))
        scores = (q @ k.transpose(-1, -2) / WIDE**0.5).masked_fill(~seen[:, None], -torch.inf)
        return (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)

    a = attention
    local = read(a.query, a.key, a.value, seen)
    everywhere = read(a.query_global, a.key_global, a.value_global, valid[:, None].expand_as(seen))
    return a.output(everywhere.where((global_tokens & valid)[..., None], local))


@pytest.mark.parametrize("half_window", [1, 2, 5, 8])
@pytest.mark.parametrize("length", [1, 2, 6, 15, 16, 17, 31, 40])
@pytest.mark.parametrize("padding", ["none", "left", "right"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.6])
def test_equals_a_mask(half_window: int, length: int, padding: str, share: float) -> None:
    attention, x = (
        layer(half_window),
        torch.randn(3, length, HEADS * WIDE, dtype=torch.float64, requires_grad=True),
    )
    valid = torch.ones(3, length, dtype=torch.bool)
    if padding != "none":
        hidden = slice(length // 2) if padding == "left" else slice(length - length // 2, length)
        valid[1, hidden] = False
    global_tokens = torch.rand(3, length) < share
    layout = SequenceLayout.from_length(length, mask=None if padding == "none" else valid)
    layout = replace(layout, global_tokens=global_tokens if share else None)
    mine, expected = answered(attention, x, layout), dense(attention, x, valid, global_tokens & valid)
    assert float((mine - expected)[valid].detach().abs().max()) <= EXACT
    assert torch.isfinite(mine).all()
    weight = torch.randn_like(mine)[valid]
    for found, wanted in zip(
        *(torch.autograd.grad((y[valid] * weight).sum(), x) for y in (mine, expected)), strict=True
    ):
        assert float((found - wanted).abs().max()) <= 1e-11


def test_memory_grows_with_the_length() -> None:
    """Nothing that is made is larger than blocks times what a block reads."""
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            nonlocal largest
            out = func(*args, **(kwargs or {}))
            for made in out if isinstance(out, (tuple, list)) else [out]:
                if isinstance(made, Tensor):
                    largest = max(largest, made.numel())
            return out

    half_window, length = 4, 512
    global_tokens = torch.zeros(1, length, dtype=torch.bool)
    global_tokens[0, 0] = True
    layout = replace(SequenceLayout.from_length(length), global_tokens=global_tokens)
    with torch.no_grad(), Watch():
        answered(layer(half_window), torch.randn(1, length, HEADS * WIDE, dtype=torch.float64), layout)
    assert largest <= HEADS * length * (3 * half_window + 1)


def test_pairs_are_refused() -> None:
    layout = replace(SequenceLayout.from_length(4), pair_mask=torch.ones(1, 4, 4, dtype=torch.bool))
    with pytest.raises(InputError, match="every pair"):
        answered(layer(2), torch.randn(1, 4, HEADS * WIDE, dtype=torch.float64), layout)
