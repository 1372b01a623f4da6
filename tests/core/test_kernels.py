"""attend() against a loop over single numbers, and at its edges."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from core.tiny import EXACT, away, draws
from hubformer.core.kernels import attend, eager_attention
from hubformer.core.layout import AttentionMask

B, H, Q, K, D = 2, 4, 5, 7, 8
PLAIN: dict[str, Any] = {"attention_mask": None, "bias": None, "scale": 0.3, "softcap": None, "dropout": 0.0}


def inputs(*, groups: int = H, queries: int = Q, keys: int = K) -> tuple[Tensor, Tensor, Tensor]:
    return (
        draws(B, H, queries, D, seed=1),
        draws(B, groups, keys, D, seed=2),
        draws(B, groups, keys, D, seed=3),
    )


def naive(q: Tensor, k: Tensor, v: Tensor, *, attention_mask: AttentionMask, how: dict[str, Any]) -> Tensor:
    """One query, one head, one key at a time."""
    out, share = torch.zeros_like(q), H // k.shape[1]
    for b in range(B):
        for h in range(H):
            for i in range(q.shape[2]):
                scores = []
                for j in range(k.shape[2]):
                    if isinstance(attention_mask, str):
                        seen = j <= i
                    else:
                        rows = 0 if attention_mask is None or len(attention_mask) == 1 else b
                        seen = attention_mask is None or bool(attention_mask[rows, 0, i, j])
                    score = how["scale"] * float(q[b, h, i] @ k[b, h // share, j])
                    if how["softcap"] is not None:
                        score = how["softcap"] * math.tanh(score / how["softcap"])
                    if how["bias"] is not None:
                        score += float(how["bias"][b if len(how["bias"]) > 1 else 0, h, i, j])
                    scores.append(score if seen else -math.inf)
                highest = max(scores)
                exps = [math.exp(score - highest) for score in scores]
                for j, e in enumerate(exps):
                    out[b, h, i] += e / sum(exps) * v[b, h // share, j]
    return out


def some_visible() -> Tensor:
    seen = draws(B, 1, Q, K, seed=5) > -0.3
    seen[..., 0] = True
    return seen


@pytest.mark.parametrize("groups", [H, 2, 1])
@pytest.mark.parametrize("softcap", [None, 0.7])
@pytest.mark.parametrize("bias", [None, "shared", "per row"])
@pytest.mark.parametrize("masked", [None, "shared", "per row"])
def test_every_combination(groups: int, softcap: float | None, bias: str | None, masked: str | None) -> None:
    q, k, v = inputs(groups=groups)
    attention_mask = {None: None, "shared": some_visible()[:1], "per row": some_visible()}[masked]
    added = {None: None, "shared": draws(1, H, Q, K, seed=6), "per row": draws(B, H, Q, K, seed=6)}[bias]
    how = {**PLAIN, "softcap": softcap, "bias": added}
    expected = naive(q, k, v, attention_mask=attention_mask, how=how)
    how["attention_mask"] = attention_mask
    assert away(attend(q, k, v, **how), expected) <= EXACT
    openly, weights = eager_attention(q, k, v, **how)
    assert away(openly, expected) <= EXACT
    assert weights.shape == (B, H, Q, K)
    assert away(weights.sum(-1), torch.ones(B, H, Q)) <= 1e-12
    if attention_mask is not None:
        assert not weights.masked_select(~attention_mask.expand(B, H, Q, K)).any()


@pytest.mark.parametrize("groups", [H, 2])
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("softcap", [None, 0.7])
def test_the_plain_triangle(groups: int, biased: bool, softcap: float | None) -> None:
    q, k, v = inputs(groups=groups, queries=K)
    how = {**PLAIN, "bias": draws(1, H, K, K, seed=6) if biased else None, "softcap": softcap}
    expected = naive(q, k, v, attention_mask="causal", how=how)
    how["attention_mask"] = "causal"
    assert away(attend(q, k, v, **how), expected) <= EXACT
    assert away(eager_attention(q, k, v, **how)[0], expected) <= EXACT


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("biased", [False, True])
def test_a_row_that_sees_nothing_stays_finite(dtype: torch.dtype, biased: bool) -> None:
    """In both directions: a NaN gradient would spoil the weights of the whole batch."""
    q, k, v = (t.to(dtype).requires_grad_() for t in inputs())
    attention_mask = some_visible()
    attention_mask[1, :, 2] = False
    bias = draws(1, H, Q, K, seed=6).to(dtype) if biased else None
    how = {**PLAIN, "attention_mask": attention_mask, "bias": bias}
    for out in (attend(q, k, v, **how), eager_attention(q, k, v, **how)[0]):
        assert out.dtype == dtype
        assert torch.isfinite(out).all()
        for gradient in torch.autograd.grad(out.float().square().sum(), (q, k, v)):
            assert torch.isfinite(gradient).all()


def test_a_large_bias_does_not_uncover_what_is_hidden() -> None:
    q, k, v = inputs()
    attention_mask = some_visible()
    bias = torch.full((1, H, Q, K), 1e4, dtype=torch.float64).where(~attention_mask, -1e4)
    how = {**PLAIN, "bias": bias, "attention_mask": attention_mask}
    expected = attend(q, k, v, **{**PLAIN, "attention_mask": attention_mask})
    assert away(attend(q, k, v, **how), expected) <= EXACT


def test_dropout_of_everything() -> None:
    q, k, v = inputs()
    for how in ({"dropout": 1.0}, {"dropout": 1.0, "softcap": 2.0}):
        assert not attend(q, k, v, **{**PLAIN, **how}).any()
        out, weights = eager_attention(q, k, v, **{**PLAIN, **how})
        assert not out.any()
        assert not weights.any()


def test_dropout_keeps_the_mean() -> None:
    torch.manual_seed(0)
    q, k, v = inputs()
    expected = attend(q, k, v, **PLAIN)
    for kernel in (attend, lambda *t, **how: eager_attention(*t, **how)[0]):
        mean = torch.stack([kernel(q, k, v, **{**PLAIN, "dropout": 0.3}) for _ in range(600)]).mean(0)
        assert away(mean, expected) < 0.25
        assert away(kernel(q, k, v, **{**PLAIN, "dropout": 0.3}), expected) > 0.05


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_weights_are_summed_in_single(dtype: torch.dtype) -> None:
    """A thousand equal weights: each is representable, their sum in half precision would not be 1."""
    q, k = torch.zeros(1, 1, 1, 4, dtype=dtype), torch.zeros(1, 1, 1024, 4, dtype=dtype)
    v = torch.ones(1, 1, 1024, 4, dtype=dtype)
    out, weights = eager_attention(q, k, v, **PLAIN)
    assert (weights == 1 / 1024).all()
    assert (out == 1).all()
