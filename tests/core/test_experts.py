"""Mixtures of experts against a plain sum over all experts, and faults planted in the router."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core.tiny import EXACT, LENGTH, away, draws, model_of, random_ids, shake
from hubformer.core import (
    AttentionSpec,
    FeedForward,
    LayerNorm,
    LayerSpec,
    MixtureOfExperts,
    Norms,
    SequenceLayout,
    Stack,
    StackSpec,
    Trace,
)
from hubformer.core import experts as experts_module
from hubformer.core.experts import _MixtureOfExperts
from hubformer.errors import ConfigError

WIDTH, EXPERTS = 8, 5
EXPERT = FeedForward(12, "silu", gated=True, bias=False)
X = draws(2, 7, WIDTH)


def mixture(chosen: int = 2, **how: Any) -> Any:
    return shake(MixtureOfExperts(EXPERTS, chosen, EXPERT, **how).build(WIDTH), by=1.0)


def plainly(model: Any, x: Tensor, *, renormalised: bool = True) -> Tensor:
    """Every expert reads every token; those that were not chosen have a share of 0."""
    probability = model.router(x).softmax(-1)
    least = probability.sort(descending=True).values[..., model.chosen - 1 : model.chosen]
    shares = probability.where(probability >= least, 0.0)
    if renormalised:
        shares = shares / shares.sum(-1, keepdim=True)
    return sum(shares[..., i : i + 1] * expert(x) for i, expert in enumerate(model.experts))


@pytest.mark.parametrize("shares", ["renormalised", "plain"])
@pytest.mark.parametrize("chosen", [1, 2, EXPERTS])
def test_a_mixture_is_a_sum(chosen: int, shares: Any) -> None:
    """And so are its gradients, that of the router too."""
    model = mixture(chosen, shares=shares)
    found, gradients = [], []
    for run in (model, lambda x: plainly(model, x, renormalised=shares == "renormalised")):
        x = X.clone().requires_grad_()
        model.zero_grad()
        y = run(x)
        (y * draws(*y.shape, seed=1)).sum().backward()
        found.append(y)
        gradients.append([x.grad, *(p.grad for p in model.parameters())])
    assert away(*found) <= EXACT
    for a, b in zip(*gradients, strict=True):
        assert away(torch.zeros_like(b) if a is None else a, b) <= EXACT


@torch.no_grad()
@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (1, 9), (4, 5)])
def test_any_number_of_tokens(shape: tuple[int, int]) -> None:
    model, x = mixture(), draws(*shape, WIDTH, seed=4)
    assert away(model(x), plainly(model, x)) <= EXACT
    assert away(model(x.flatten(0, 1)), plainly(model, x).flatten(0, 1)) <= EXACT


@torch.no_grad()
def test_experts_that_nobody_chose_rest() -> None:
    model = mixture()
    read: list[tuple[int, int]] = []
    for index, expert in enumerate(model.experts):
        expert.register_forward_hook(
            lambda _, given, __, index=index: read.append((index, given[0].shape[0]))
        )
    model(X[:1, :1])
    assert sorted(read) == [(i, 1) for i in model.router(X[0, 0]).topk(2).indices.sort().values.tolist()]
    read.clear()
    model(X)
    assert sum(tokens for _, tokens in read) == 2 * X[..., 0].numel()
    assert len({index for index, _ in read}) == len(read)  # each multiplies once


def stack(*, jitter: float = 0.0) -> Stack:
    """A dense layer between two mixtures."""
    mixed = MixtureOfExperts(EXPERTS, 2, EXPERT, jitter=jitter)
    layers = tuple(
        LayerSpec(AttentionSpec(2, 4), fed, Norms(before=LayerNorm())) for fed in (mixed, EXPERT, mixed)
    )
    found: Stack = shake(StackSpec(WIDTH, layers).build())
    return found


@torch.no_grad()
def test_what_routers_say_is_kept_where_it_is_asked() -> None:
    model, layout = stack(), SequenceLayout.from_length(7)
    trace, other = Trace(routing=True, hidden=True), Trace(hidden=True)
    out = model(X, layout=layout, trace=trace)
    assert away(out, model(X, layout=layout)) <= EXACT
    assert sorted(trace.router_logits) == [0, 2]
    last: Any = model.blocks[2]
    h = last.feed_forward_residual.pre(
        last.attention_residual.post(
            trace.hidden_states[2], _attended(last, trace.hidden_states[2], layout=layout)
        )
    )[1]
    assert away(trace.router_logits[2], last.feed_forward.router(h).flatten(0, 1)) <= EXACT
    model(X, layout=layout, trace=other)
    assert other.router_logits == {}


def _attended(block: Any, x: Tensor, *, layout: SequenceLayout) -> Tensor:
    h = block.attention_residual.pre(x)[1]
    y: Tensor = block.attention(h, block.attention.keys_values(h), layout=layout, position_states=(None,))
    return y


@pytest.mark.parametrize("jitter", [0.0, 0.2])
def test_recomputed_activations_give_the_same_gradients(jitter: float) -> None:
    """Of a loss that reads what the routers said, too; noise is drawn again as it was."""
    model, found = stack(jitter=jitter).train(), []
    for recomputed in (False, True):
        model.recompute_activations(recomputed)
        model.zero_grad()
        torch.manual_seed(5)
        trace = Trace(routing=True)
        out = model(X, layout=SequenceLayout.from_length(7), trace=trace)
        (out.sum() + sum(logits.square().sum() for logits in trace.router_logits.values())).backward()
        found.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    assert len(found[0]) > 20
    for a, b in zip(*found, strict=True):
        assert away(b, a) <= EXACT


def test_jitter_is_for_training() -> None:
    model = mixture(jitter=0.25)
    assert away(model(X), plainly(model, X)) <= EXACT
    model.train()
    with torch.no_grad():
        torch.manual_seed(8)
        first = model(X)
        noise = model.jitter(torch.ones(400, 50, dtype=torch.float64))
        assert 0.75 <= float(noise.min()) < 0.76
        assert 1.24 < float(noise.max()) <= 1.25
        assert abs(float(noise.mean()) - 1) < 0.01
        torch.manual_seed(8)
        assert torch.equal(model(X), first)
        assert away(first, plainly(model, X)) > 1e-3


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_shares_are_worked_out_in_float32(dtype: torch.dtype) -> None:
    model = mixture().to(dtype)
    shares, _ = model.route(draws(3, EXPERTS).to(dtype))
    assert shares.dtype == torch.float32
    assert model(X.to(dtype)).dtype == dtype


@pytest.mark.parametrize("chosen", [0, EXPERTS + 1])
def test_too_many_or_none_are_refused(chosen: int) -> None:
    with pytest.raises(ConfigError, match=f"read by {chosen} of {EXPERTS} experts, expected 1 to {EXPERTS}"):
        MixtureOfExperts(EXPERTS, chosen, EXPERT).build(WIDTH)


@pytest.mark.slow
@torch.no_grad()
def test_one_graph_serves_any_choice() -> None:
    """Also where an expert has no token, or one."""
    torch.compiler.reset()
    model = mixture()
    run = torch.compile(model, fullgraph=True, backend="aot_eager")
    for length in (1, 2, 7, 30):
        x = draws(1, length, WIDTH, seed=length)
        assert away(run(x), model(x)) <= EXACT
    torch.compiler.reset()


# Faults: an answer that a fault does not move would not be noticed if it were wrong.

Patch = pytest.MonkeyPatch
Fault = Callable[[Patch, nn.Module], None]


def mixtures(model: nn.Module) -> list[Any]:
    computing = model.computation.modules()
    return [module for module in computing if isinstance(module, _MixtureOfExperts)]


def with_shares(shares: Callable[[Tensor], Tensor]) -> Fault:
    def fault(patch: Patch, model: nn.Module) -> None:
        for module in mixtures(model):
            patch.setattr(module, "shares", shares)

    return fault


def routing(route: Callable[[Any, Tensor], tuple[Tensor, Tensor]]) -> Fault:
    return lambda patch, model: patch.setattr(_MixtureOfExperts, "route", route)


def softmax_over_the_chosen(self: Any, logits: Tensor) -> tuple[Tensor, Tensor]:
    logits, which = logits.topk(self.chosen, dim=-1)
    return self.shares(logits.softmax(-1)), which


def the_least(self: Any, logits: Tensor) -> tuple[Tensor, Tensor]:
    shares, which = logits.softmax(-1).topk(self.chosen, dim=-1, largest=False)
    return self.shares(shares), which


def one_fewer(self: Any, logits: Tensor) -> tuple[Tensor, Tensor]:
    shares, which = logits.softmax(-1).topk(self.chosen - 1, dim=-1)
    return self.shares(shares), which


def shares_swapped(patch: Patch, model: nn.Module) -> None:
    original = _MixtureOfExperts.route

    def route(self: Any, logits: Tensor) -> tuple[Tensor, Tensor]:
        shares, which = original(self, logits)
        return shares.flip(-1), which

    patch.setattr(_MixtureOfExperts, "route", route)


def tokens_not_put_back(patch: Patch, model: nn.Module) -> None:
    original = _MixtureOfExperts._mixed

    def mixed(self: Any, tokens: Tensor, shares: Tensor, which: Tensor) -> Tensor:
        return original(self, tokens, shares, which)[which.flatten().argsort() // self.chosen][: len(tokens)]

    patch.setattr(_MixtureOfExperts, "_mixed", mixed)


def another_expert(patch: Patch, model: nn.Module) -> None:
    for module in mixtures(model):
        patch.setitem(module._modules, "experts", nn.ModuleList([*module.experts[1:], module.experts[0]]))


FAULTS: list[tuple[str, str, Fault]] = [
    ("not renormalised", "mixtral", with_shares(experts_module._plain)),
    ("renormalised", "qwen3_moe", with_shares(experts_module._renormalised)),
    # Where shares are renormalised, it is the same.
    ("softmax over the chosen", "qwen3_moe", routing(softmax_over_the_chosen)),
    ("the least probable", "mixtral", routing(the_least)),
    ("one expert fewer", "mixtral", routing(one_fewer)),
    ("one expert fewer", "qwen3_moe", routing(one_fewer)),
    ("shares swapped", "mixtral", shares_swapped),
    ("shares alike", "qwen3_moe", with_shares(torch.ones_like)),
    ("tokens not put back", "mixtral", tokens_not_put_back),
    ("another expert", "mixtral", another_expert),
]


@pytest.mark.parametrize(
    ("model_type", "fault"),
    [pytest.param(kind, fault, id=f"{name}, {kind}") for name, kind, fault in FAULTS],
)
def test_a_fault_is_noticed(model_type: str, fault: Fault) -> None:
    model, ids = model_of(model_type, "causal-lm"), random_ids(2, LENGTH)
    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        right = model(ids).logits
        fault(patch, model)
        assert away(model(ids).logits, right) > 1e-3
    with torch.no_grad():
        assert torch.equal(model(ids).logits, right)  # the model that tests share is whole again
