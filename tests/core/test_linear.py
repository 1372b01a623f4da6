"""One matrix product, one place to replace it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from core.tiny import EXACT, MODELS, away, draws, fresh, model_of, rows_of, scores, shake, telling
from hubformer.core import ACTIVATIONS, Embedding, FeedForward, Linear

X = draws(2, 3, 6)


@torch.no_grad()
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", [None, "gelu", "tanh"])
@pytest.mark.parametrize("added", [False, True])
def test_product_activation_sum(bias: bool, name: str | None, added: bool) -> None:
    """In this order: the sum is not activated."""
    linear = shake(Linear(6, 4, bias=bias))
    add = draws(2, 3, 4, seed=2) if added else None
    expected = X @ linear.weight.t()
    if bias:
        expected = expected + linear.bias
    if name is not None:
        expected = ACTIVATIONS[name](expected)
    if add is not None:
        expected = expected + add
    assert away(linear(X, activation=name, add=add), expected) <= EXACT


@torch.no_grad()
def test_scores_against_a_table() -> None:
    table = shake(Embedding(9, 6))
    assert away(table.logits(X), torch.stack([X @ row for row in table.weight], dim=-1)) <= EXACT


class Counting:
    """A backend that computes the same and remembers that it was asked."""

    def __init__(self, module: Any) -> None:
        self.module, self.calls = module, 0

    def __call__(self, x: Tensor, *, activation: str | None, add: Tensor | None) -> Tensor:
        self.calls += 1
        y = F.linear(x, self.module.weight, getattr(self.module, "bias", None))
        if activation is not None:
            y = ACTIVATIONS[activation](y)
        return y if add is None else y + add


def counted(model: Any) -> dict[str, Counting]:
    backends = {}
    for name, module in model.computation.named_modules():
        if isinstance(module, (Linear, Embedding)):
            module.backend = backends[name] = Counting(module)
    return backends


@torch.no_grad()
def test_a_backend_gets_activation_and_sum() -> None:
    linear = shake(Linear(6, 4))
    expected = linear(X, activation="relu", add=draws(2, 3, 4))
    linear.backend = backend = Counting(linear)
    assert torch.equal(linear(X, activation="relu", add=draws(2, 3, 4)), expected)
    assert backend.calls == 1


@torch.no_grad()
def test_a_backend_scores_a_table() -> None:
    table = shake(Embedding(9, 6))
    expected = table.logits(X)
    table.backend = backend = Counting(table)
    assert torch.equal(table.logits(X), expected)
    assert backend.calls == 1
    table(torch.tensor([1, 2]))
    assert backend.calls == 1  # looking rows up multiplies nothing


@torch.no_grad()
def test_every_product_of_bert_asks_its_backend() -> None:
    model = shake(fresh("bert", task="pretraining"))
    batch = rows_of(model, 11, 4)
    expected = scores(model(**batch))
    backends = counted(model)
    found = scores(model(**batch))
    for name, value in expected.items():
        assert torch.equal(found[name], value)
    calls = {name: backend.calls for name, backend in backends.items()}
    layers = model.config.num_hidden_layers
    blocks = {name: n for name, n in calls.items() if ".blocks." in name}
    assert len(blocks) == 6 * layers  # q, k, v, output, up, down
    assert set(blocks.values()) == {1}
    rest = {name: n for name, n in calls.items() if name not in blocks}
    assert rest == {
        "body.embedding.tokens": 1,
        "body.embedding.positions": 0,
        "body.embedding.types": 0,
        "head.first.dense": 1,
        "head.second.dense": 1,
        "head.second.output": 1,
    }


# How often a Linear is asked in one pass, where that is not once: three layers share one block; the vectors
# of distances go through the same projections as the tokens.
ASKED = {
    "albert": {".blocks.": 3},
    "big_bird": {"head.unread.": 0},
    "deberta-v2": {".attention.query": 2, ".attention.key": 2},
}


@torch.no_grad()
@pytest.mark.parametrize(("model_type", "task"), telling(MODELS))
def test_no_product_goes_round_its_backend(model_type: str, task: str) -> None:
    """A replaced backend that answers zero is heard from every Linear of every family."""
    model = model_of(model_type, task)
    named = model.computation.named_modules()
    linears = {name: module for name, module in named if isinstance(module, Linear)}
    backends = {name: Counting(module) for name, module in linears.items()}
    try:
        for name, module in linears.items():
            module.backend = backends[name]
        model(**rows_of(model, 11, 4), **_more(linears, width=model.computation.body.spec.stack.width))
    finally:
        for module in linears.values():
            del module.backend
    asked = ASKED.get(model_type, {})
    expected = {name: next((n for part, n in asked.items() if part in name), 1) for name in backends}
    assert {name: backend.calls for name, backend in backends.items()} == expected


def _more(linears: Mapping[str, Linear], *, width: int) -> dict[str, Tensor]:
    """What a model reads that it may do without, so that all its parts have work."""
    more = {}
    if any(".cross_attention." in name for name in linears):
        more["encoder_hidden_states"] = torch.ones(2, 5, width, dtype=torch.float64)
    if any(name.endswith("_global") for name in linears):
        more["global_attention_mask"] = torch.eye(2, 11, dtype=torch.long)
    return more


@torch.no_grad()
@pytest.mark.parametrize("gated", [False, True])
def test_feed_forward(gated: bool) -> None:
    spec = FeedForward(10, "silu", gated=gated)
    module = shake(spec.build(6))
    up = X @ module.up.weight.t() + module.up.bias
    inner = F.silu(X @ module.gate.weight.t() + module.gate.bias) * up if gated else F.silu(up)
    assert away(module(X), inner @ module.down.weight.t() + module.down.bias) <= EXACT
    dropped = FeedForward(10, "silu", gated=gated, dropout=1.0).build(6).double().train()
    assert away(dropped(X), dropped.down.bias.expand(2, 3, 6)) <= EXACT
