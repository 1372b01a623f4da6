"""Rotary positions without any reference, and faults planted in what the decoders add to the core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import hubformer.core.attention as attention_module
from core.tiny import EXACT, LENGTH, away, draws, model_of, random_ids
from hubformer.core import PackedLayout, Rotary, SequenceLayout
from hubformer.core.attention import Attention, _HeadNorm, _NormedTogether
from hubformer.core.feed_forward import _GatedFeedForward
from hubformer.core.norms import _RMSNorm
from hubformer.core.parallel import ParallelBlock, _SharingBlock
from hubformer.core.rotary import (
    DynamicScaling,
    LinearScaling,
    LongRopeScaling,
    RotaryScaling,
    WavelengthScaling,
    YarnScaling,
    _RotaryPosition,
    _RotaryTable,
    _rotate_halves,
    _rotate_neighbours,
)
from hubformer.models.embeddings import _Weigh
from hubformer.models.heads import _Finish

HEADS, WIDTH = 2, 8
SCALINGS: list[RotaryScaling] = [
    LinearScaling(3.0),
    DynamicScaling(2.0, 4),
    WavelengthScaling(4.0, 1.0, 4.0, 64),
    YarnScaling(3.0, 64, 1.1),
    LongRopeScaling((1.0, 1.2, 1.5, 2.0), (2.0, 3.0, 4.0, 5.0), 4, 1.2),
]


def turned(spec: Rotary, x: Tensor, layout: SequenceLayout) -> Tensor:
    """x (B, H, L, D), turned as queries are."""
    table = spec.build_table(HEADS * WIDTH, heads=HEADS, head_width=WIDTH)
    layer = spec.build_layer(HEADS * WIDTH, heads=HEADS, head_width=WIDTH)
    return layer.rotate(x, x, table(layout))[0]


@pytest.mark.parametrize("pairs", ["halves", "neighbours"])
@pytest.mark.parametrize("part", [None, 4])
@pytest.mark.parametrize("scaling", [Rotary().scaling, *SCALINGS], ids=lambda s: type(s).__name__)
def test_products_depend_on_distances_alone(scaling: Any, part: int | None, pairs: Any) -> None:
    if isinstance(scaling, LongRopeScaling) and part:
        scaling = LongRopeScaling(scaling.short[:2], scaling.long[:2], 4, 1.2)
    spec = Rotary(500.0, rotary_dim=part, scaling=scaling, pairs=pairs)
    q, k = (draws(1, HEADS, 1, WIDTH, seed=seed).expand(-1, -1, 12, -1) for seed in (0, 1))
    layout = SequenceLayout.from_length(12)
    scores = turned(spec, q, layout) @ turned(spec, k, layout).transpose(-1, -2)
    for distance in range(-11, 12):
        along = scores.diagonal(distance, dim1=-2, dim2=-1)
        assert away(along, along[..., :1].expand_as(along)) <= 1e-5  # angles are float32
    assert away(scores[..., 0, :], scores[..., 0, :1].expand(-1, -1, 12)) > 1e-3


def test_nothing_is_turned_at_the_first_place_and_lengths_are_kept() -> None:
    x = draws(2, HEADS, 6, WIDTH)
    y = turned(Rotary(), x, SequenceLayout.from_length(6))
    assert torch.equal(y[:, :, 0], x[:, :, 0])
    assert away(y.norm(dim=-1), x.norm(dim=-1)) <= 1e-6
    part = turned(Rotary(rotary_dim=4), x, SequenceLayout.from_length(6))
    assert torch.equal(part[..., 4:], x[..., 4:])
    assert away(part[..., :4], x[..., :4]) > 1e-3


def test_neighbours_are_halves_in_another_order() -> None:
    x, layout = draws(1, HEADS, 5, WIDTH), SequenceLayout.from_length(5)
    order = torch.tensor([0, 2, 4, 6, 1, 3, 5, 7])
    by_halves = turned(Rotary(), x[..., order], layout)
    by_neighbours = turned(Rotary(pairs="neighbours"), x, layout)
    assert away(by_neighbours[..., order], by_halves) <= EXACT


@pytest.mark.parametrize("scaling", SCALINGS, ids=lambda s: type(s).__name__)
def test_a_scaling_asks_the_row_how_long_it_is(scaling: Any) -> None:
    """Rows as long as in training are not scaled by DynamicScaling; each row of a batch is scaled alone."""
    spec = Rotary(scaling=scaling)
    x, mask = draws(2, HEADS, 9, WIDTH), torch.ones(2, 9, dtype=torch.long)
    mask[1, 3:] = 0
    together = turned(spec, x, SequenceLayout.from_length(9, mask=mask))
    assert away(together[:1], turned(spec, x[:1], SequenceLayout.from_length(9))) <= EXACT
    assert away(together[1:, :, :3], turned(spec, x[1:, :, :3], SequenceLayout.from_length(3))) <= EXACT
    if isinstance(scaling, DynamicScaling):
        assert (
            away(together[1:, :, :3], turned(Rotary(), x[1:, :, :3], SequenceLayout.from_length(3))) <= EXACT
        )


def test_every_part_of_a_pack_begins_anew() -> None:
    spec, layout = Rotary(), PackedLayout.from_lengths((2, 5, 5))
    table = spec.build_table(HEADS * WIDTH, heads=HEADS, head_width=WIDTH)
    for part, length in zip(layout.groups, (2, 5), strict=True):
        for wave, alone in zip(table(part), table(SequenceLayout.from_length(length)), strict=True):
            assert torch.equal(wave, alone)


def test_a_window_wider_than_the_row_hides_nothing() -> None:
    assert SequenceLayout.from_length(5).attention_mask(causal=True, window=4) == "causal"
    assert isinstance(SequenceLayout.from_length(5).attention_mask(causal=True, window=3), Tensor)


# Faults: an answer that a fault does not move would not be noticed if it were wrong.

Patch = pytest.MonkeyPatch
Fault = Callable[[Patch], None]


def waves(change: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]) -> Fault:
    def fault(patch: Patch) -> None:
        original = _RotaryTable.forward
        patch.setattr(_RotaryTable, "forward", lambda self, layout: change(*original(self, layout)))

    return fault


def replaced(kind: type, name: str, new: Callable[..., Any]) -> Fault:
    return lambda patch: patch.setattr(kind, name, new)


def attending(**changes: Callable[[Any], Any]) -> Fault:
    def fault(patch: Patch) -> None:
        original = attention_module.attend

        def attend(*given: Tensor, **how: Any) -> Tensor:
            return original(*given, **{**how, **{name: new(how[name]) for name, new in changes.items()}})

        patch.setattr(attention_module, "attend", attend)

    return fault


def other_heads(patch: Patch) -> None:
    original = attention_module.attend
    patch.setattr(
        attention_module,
        "attend",
        lambda q, k, v, **how: original(q, k.roll(1, dims=1), v.roll(1, dims=1), **how),
    )


def gate_and_up_swapped(patch: Patch) -> None:
    def forward(self: Any, x: Tensor, *, trace: Any = None) -> Any:
        return self.down(torch.nn.functional.silu(self.up(x)) * self.gate(x))

    patch.setattr(_GatedFeedForward, "forward", forward)


def without_offset(self: Any, x: Tensor) -> Any:
    return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.spec.eps)


def windows(change: Callable[[int | None], int | None]) -> Fault:
    def fault(patch: Patch) -> None:
        original = SequenceLayout.attention_mask
        patch.setattr(
            SequenceLayout,
            "attention_mask",
            lambda self, *, causal, window: original(self, causal=causal, window=change(window)),
        )

    return fault


FAULTS: list[tuple[str, str, Fault]] = [
    ("turned back", "llama", waves(lambda cos, sin: (cos, -sin))),
    ("not turned", "llama", waves(lambda cos, sin: (torch.ones_like(cos), torch.zeros_like(sin)))),
    ("places turned round", "llama", waves(lambda cos, sin: (cos.flip(2), sin.flip(2)))),
    ("waves in another order", "llama", waves(lambda cos, sin: (cos.flip(3), sin.flip(3)))),
    ("keys not turned", "llama", replaced(
        _RotaryPosition,
        "rotate",
        lambda self, q, k, table: (self.rotate_pairs(q, *(w.to(q) for w in table)), k),
    )),
    ("another key head", "llama", other_heads),
    ("gate and up swapped", "llama", gate_and_up_swapped),
    ("scores unscaled", "llama", attending(scale=lambda scale: 1.0)),
    ("window dropped", "mistral", windows(lambda window: None)),
    ("window one wider", "mistral", windows(lambda window: window and window + 1)),
    ("window one narrower", "mistral", windows(lambda window: window and window - 1)),
    ("window everywhere", "gemma2", windows(lambda window: 4)),
    ("softcap dropped", "gemma2", attending(softcap=lambda softcap: None)),
    ("softcap of the scores dropped", "gemma2", replaced(_Finish, "forward", lambda self, scores: scores)),
    ("tokens not weighed", "gemma", replaced(_Weigh, "forward", lambda self, x: x)),
    ("offset of the norms dropped", "gemma", replaced(_RMSNorm, "forward", without_offset)),
    ("queries and keys not normed", "qwen3", replaced(
        Attention, "normed", lambda self, x, norm: self.split_heads(x)
    )),
    ("queries and keys not normed", "olmo2", replaced(
        _NormedTogether, "normed", lambda self, x, norm: self.split_heads(x)
    )),
    ("one norm for all heads", "stablelm", replaced(
        _HeadNorm, "forward", lambda self, x: self.plain(x) * self.weight[:1, None]
    )),
    ("one norm for both", "gpt_neox", replaced(ParallelBlock, "_second", lambda self, x, h: h)),
    ("no norm for the second", "phi", replaced(_SharingBlock, "_second", lambda self, x, h: x)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("model_type", "fault"),
    [pytest.param(kind, fault, id=f"{name}, {kind}") for name, kind, fault in FAULTS],
)
def test_a_fault_is_noticed(model_type: str, fault: Fault) -> None:
    model, ids = model_of(model_type, "causal-lm"), random_ids(2, LENGTH)
    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        right = model(ids).logits
        fault(patch)
        assert away(model(ids).logits, right) > 1e-6


def test_taking_neighbours_for_halves_is_noticed() -> None:
    model, ids = model_of("gptj", "causal-lm"), random_ids(2, LENGTH)
    positions = [m for m in model.computation.modules() if isinstance(m, _RotaryPosition)]
    assert {position.rotate_pairs for position in positions} == {_rotate_neighbours}
    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        right = model(ids).logits
        for position in positions:
            patch.setattr(position, "rotate_pairs", _rotate_halves)
        assert away(model(ids).logits, right) > 1e-3
