"""Cheap random bits drop the right share, in the right places, and follow torch's generator."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from hubformer.core import Dropout
from hubformer.core.dropout import dropout


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_share_and_scale(rate: float, dtype: torch.dtype) -> None:
    torch.manual_seed(3)
    x = torch.ones(1001, 997, dtype=dtype, requires_grad=True)
    y = dropout(x, rate)
    share = (y == 0).double().mean().item()
    deviation = (rate * (1 - rate) / x.numel()) ** 0.5
    assert abs(share - rate) < 5 * deviation + 1 / (1 << 16)
    kept = y[y != 0]
    assert (kept == kept[0]).all()
    assert kept[0].item() == pytest.approx(1 / (1 - rate), rel=1e-2 if dtype != torch.float32 else 1e-4)
    y.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, y.detach())  # the gradient goes where the value went, scaled alike


def test_neighbours_are_independent() -> None:
    """Four elements come of one draw; none of them tells of another, nor one row of the next."""
    torch.manual_seed(5)
    kept = (dropout(torch.ones(4096, 256), 0.3) != 0).double()
    for shift in (1, 2, 3, 4, 256):
        flat = kept.flatten()
        both = (flat[:-shift] * flat[shift:]).mean().item()
        assert both == pytest.approx(0.49, abs=0.003), shift


def test_the_seed_decides() -> None:
    x = torch.ones(33, 3)
    answers = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        answers.append(dropout(x, 0.5))
    assert torch.equal(answers[0], answers[1])
    assert not torch.equal(answers[0], answers[2])


def test_ends_and_float64() -> None:
    x = torch.randn(5, 7)
    assert dropout(x, 0.0) is x
    assert not dropout(x, 1.0).any()
    torch.manual_seed(9)
    mine = dropout(x.double(), 0.4)
    torch.manual_seed(9)
    assert torch.equal(mine, F.dropout(x.double(), 0.4))


def test_module_only_in_training() -> None:
    layer = Dropout(0.5)
    x = torch.ones(100)
    assert layer.eval()(x) is x
    assert (layer.train()(x) == 0).any()
    assert isinstance(layer, torch.nn.Dropout)  # code that looks for dropout layers finds them


@pytest.mark.parametrize("rate", [0.999995, 1e-6])
def test_rates_that_sixteen_bits_do_not_tell_from_all_or_nothing(rate: float) -> None:
    torch.manual_seed(1)
    y = dropout(torch.ones(1 << 20), rate)
    assert (y == 0).double().mean().item() == pytest.approx(rate, abs=1e-5)
    assert torch.isfinite(y).all()
