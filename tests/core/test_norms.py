"""Norms by hand, and where a sublayer keeps them."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn

from core.tiny import EXACT, away, draws, shake
from hubformer.core import LayerNorm, Norms, NormSpec, RMSNorm

WIDTH, X, Y = 6, draws(2, 3, 6, seed=1), draws(2, 3, 6, seed=2)


def by_hand(norm: nn.Module, x: Tensor, spec: NormSpec) -> Tensor:
    rows = []
    for row in x.flatten(0, -2):
        if isinstance(spec, LayerNorm):
            centred = row - sum(row) / WIDTH
            normed = centred / (sum(centred * centred) / WIDTH + spec.eps) ** 0.5 * norm.weight
            rows.append(normed + norm.bias if spec.bias else normed)
        else:
            rows.append(row / (sum(row * row) / WIDTH + spec.eps) ** 0.5 * (norm.weight + spec.offset))
    return torch.stack(rows).view(x.shape)


@torch.no_grad()
@pytest.mark.parametrize(
    "spec",
    [LayerNorm(), LayerNorm(0.5), LayerNorm(bias=False), RMSNorm(), RMSNorm(0.5), RMSNorm(1e-3, offset=1.0)],
    ids=str,
)
def test_norms(spec: NormSpec) -> None:
    norm = shake(spec.build(WIDTH))
    assert away(norm(X), by_hand(norm, X, spec)) <= EXACT
    names = {name for name, _ in norm.named_parameters()}
    assert names == ({"weight", "bias"} if isinstance(spec, LayerNorm) and spec.bias else {"weight"})


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("offset", [0.0, 1.0])
def test_half_precision_is_squared_in_single(dtype: torch.dtype, offset: float) -> None:
    """Squares of 300 overflow float16 and lose most digits of bfloat16."""
    norm = RMSNorm(offset=offset).build(WIDTH)
    x = (300 * X).to(dtype)
    found = norm.to(dtype)(x)
    assert found.dtype == dtype
    assert away(found, norm.float()(x.float())) <= 2 * torch.finfo(dtype).eps


SPEC = RMSNorm(1e-3)


@torch.no_grad()
@pytest.mark.parametrize(
    ("before", "branch", "after"), [*itertools.product((None, SPEC), (None, SPEC), (None, LayerNorm()))]
)
@pytest.mark.parametrize("residual_kind", ["input", "normed", "twice"])
@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_where_norms_stand(
    before: NormSpec | None, branch: NormSpec | None, after: NormSpec | None, residual_kind: str, scale: float
) -> None:
    norms = Norms(before, branch, after, scale=scale, residual=residual_kind)  # type: ignore[arg-type]
    residual = shake(norms.build(WIDTH, dropout=0.5))

    def apply(module: nn.Module, spec: NormSpec | None, x: Tensor) -> Tensor:
        return x if spec is None else by_hand(module, x, spec)

    stays, h = residual.pre(X)
    normed = apply(residual.before, before, X)
    assert away(h, normed) <= EXACT
    inside = X + Y if residual_kind == "twice" else Y
    around = (normed if residual_kind == "normed" else X) + scale * apply(residual.branch, branch, inside)
    assert away(residual.post(stays, Y), apply(residual.after, after, around)) <= EXACT


def test_only_norms_that_exist_have_weights() -> None:
    names = {
        name for name, _ in Norms(before=SPEC, after=LayerNorm()).build(WIDTH, dropout=0.0).named_parameters()
    }
    assert names == {"before.weight", "after.weight", "after.bias"}


def test_the_branch_is_dropped_and_the_residual_is_not() -> None:
    residual = shake(Norms(before=SPEC, branch=SPEC).build(WIDTH, dropout=1.0)).train()
    stays, _ = residual.pre(X)
    assert torch.equal(residual.post(stays, Y), X)
    assert away(residual.eval().post(stays, Y), X) > 1e-3
