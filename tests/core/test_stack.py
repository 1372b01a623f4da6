"""The loop over layers: shared blocks, shared tables, recomputed activations, two streams, memories."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from core.tiny import EXACT, away, count, draws, shake
from hubformer.core import (
    AttentionSpec,
    FeedForward,
    LayerNorm,
    LayerSpec,
    NoPosition,
    Norms,
    PackedLayout,
    Relative,
    RMSNorm,
    SequenceLayout,
    Stack,
    StackSpec,
    Trace,
    TransformerXL,
)

X = draws(2, 5, 8)
LAYER = LayerSpec(AttentionSpec(2, 4), FeedForward(12), Norms(after=LayerNorm()))
RELATIVE = replace(LAYER, attention=replace(LAYER.attention, position=Relative(6)))
XL = replace(LAYER, attention=AttentionSpec(2, 4, position=TransformerXL(), bias=False))


def built(*layers: LayerSpec, **changes: Any) -> Stack:
    stack: Stack = shake(StackSpec(8, layers, **changes).build())
    return stack


@torch.no_grad()
def test_layers_in_order() -> None:
    stack, x = built(LAYER, LAYER, LAYER, final_norm=LayerNorm()), X
    for block in stack.blocks:
        x = block(x, layout=SequenceLayout.from_length(5), position_states=[None])
    assert away(stack(X, layout=SequenceLayout.from_length(5)), stack.final_norm(x)) <= EXACT


@torch.no_grad()
def test_a_block_by_hand() -> None:
    """Post-norm and pre-norm, from the parts."""
    layout = SequenceLayout.from_length(5)

    def attended(block: nn.Module, h: Tensor) -> Tensor:
        return block.attention(h, block.attention.keys_values(h), layout=layout, position_states=(None,))

    post = built(LAYER).blocks[0]
    x = post.attention_residual.after(X + attended(post, X))
    x = post.feed_forward_residual.after(x + post.feed_forward(x))
    assert away(post(X, layout=layout, position_states=(None,)), x) <= EXACT
    spec = replace(LAYER, norms=Norms(before=LayerNorm()), feed_forward_norms=Norms(before=RMSNorm()))
    pre = built(spec).blocks[0]
    x = X + attended(pre, pre.attention_residual.before(X))
    x = x + pre.feed_forward(pre.feed_forward_residual.before(x))
    assert away(pre(X, layout=layout, position_states=(None,)), x) <= EXACT
    assert not hasattr(pre.feed_forward_residual.before, "bias")


# Sharing


@torch.no_grad()
def test_one_block_for_all_layers() -> None:
    shared = built(LAYER, LAYER, LAYER, block_of=(0, 0, 0))
    assert len(shared.blocks) == 1
    assert 3 * count(shared) == count(built(LAYER, LAYER, LAYER))
    own = built(LAYER, LAYER, LAYER)
    for block in own.blocks:
        block.load_state_dict(shared.blocks[0].state_dict())
    assert (
        away(shared(X, layout=SequenceLayout.from_length(5)), own(X, layout=SequenceLayout.from_length(5)))
        <= EXACT
    )


@torch.no_grad()
def test_groups_of_blocks() -> None:
    shared, x = built(LAYER, RELATIVE, LAYER, RELATIVE, block_of=(0, 1, 0, 1)), X
    assert len(shared.blocks) == 2
    position_states = shared.position_states_for(SequenceLayout.from_length(5))
    for block, table in ((0, 0), (1, 1), (0, 0), (1, 1)):
        x = shared.blocks[block](
            x, layout=SequenceLayout.from_length(5), position_states=position_states[table]
        )
    assert away(shared(X, layout=SequenceLayout.from_length(5)), x) <= EXACT


def test_a_shared_block_gets_the_gradient_of_every_layer() -> None:
    shared, own = built(LAYER, LAYER, block_of=(0, 0)), built(LAYER, LAYER)
    for block in own.blocks:
        block.load_state_dict(shared.blocks[0].state_dict())
    for stack in (shared, own):
        stack(X, layout=SequenceLayout.from_length(5)).square().sum().backward()
    for (name, weight), a, b in zip(
        shared.blocks[0].named_parameters(), *(block.parameters() for block in own.blocks), strict=True
    ):
        assert away(weight.grad, a.grad + b.grad) <= EXACT, name  # type: ignore[operator]


class Learned(nn.Module):
    """A table with a weight, which layers may share or have each its own."""

    def __init__(self, spec: LearnedBias, heads: int) -> None:
        super().__init__()
        self.largest, self.weight = spec.largest, nn.Parameter(torch.zeros(heads, 2 * spec.largest + 1))

    def forward(self, layout: SequenceLayout) -> Tensor:
        return self.weight[:, layout.distance() + self.largest].transpose(0, 1)


class LearnedBias(Relative):
    def build_table(self, width: int, *, heads: int, head_width: int) -> nn.Module:
        return Learned(self, heads)

    def build_layer(self, width: int, *, heads: int, head_width: int) -> Any:
        return Added()


class Added(NoPosition().build_layer(8, heads=2, head_width=4).__class__):  # type: ignore[misc]
    def bias(self, q: Tensor, k: Tensor, table: Tensor, layer: object) -> Tensor:
        return table


BIASED = replace(LAYER, attention=replace(LAYER.attention, position=LearnedBias(6)))


@torch.no_grad()
def test_layers_of_one_scheme_share_its_table() -> None:
    """Unless the spec says that each has its own: UMT5 beside T5."""
    assert len(built(BIASED, BIASED, BIASED).tables) == 1
    own = built(BIASED, BIASED, BIASED, table_of=(0, 1, 2))
    assert len(own.tables) == 3
    assert count(own) == count(built(BIASED, BIASED, BIASED)) + 2 * own.tables[0].weight.numel()
    assert built(LAYER, RELATIVE, LAYER).table_of == (0, 1, 0)
    before = own(X, layout=SequenceLayout.from_length(5))
    own.tables[1].weight.add_(draws(2, 13, seed=9))
    after = own(X, layout=SequenceLayout.from_length(5))
    assert away(after, before) > 1e-3
    traced = Trace(attention=True)
    own(X, layout=SequenceLayout.from_length(5), trace=traced)
    own.tables[2].weight.zero_()
    other = Trace(attention=True)
    own(X, layout=SequenceLayout.from_length(5), trace=other)
    assert away(other.attentions[1], traced.attentions[1]) <= EXACT
    assert away(other.attentions[2], traced.attentions[2]) > 1e-3


def test_a_table_is_computed_once_a_pass() -> None:
    stack, calls = built(RELATIVE, RELATIVE, RELATIVE), []
    stack.tables[0].register_forward_hook(lambda *_: calls.append(1))
    stack(X, layout=SequenceLayout.from_length(5))
    assert len(calls) == 1
    stack(X.view(1, 10, 8), layout=PackedLayout.from_lengths((5, 3, 2)))
    assert len(calls) == 4  # once for each length


# Training


@pytest.mark.parametrize("layer", [LAYER, RELATIVE, XL], ids=["plain", "relative", "xl"])
@pytest.mark.parametrize("shared", [False, True])
def test_recomputed_activations_give_the_same_gradients(layer: LayerSpec, shared: bool) -> None:
    layer = replace(layer, dropout=0.2, attention=replace(layer.attention, dropout=0.2))
    stack = built(layer, layer, block_of=(0, 0) if shared else None, dropout=0.1).train()
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    found = []
    for on in (False, True):
        stack.recompute_activations(on)
        stack.zero_grad()
        x = X.clone().requires_grad_()
        torch.manual_seed(4)  # dropout is drawn again as it was
        out = stack(x, layout=SequenceLayout.from_length(5, mask=mask))
        out[mask.bool()].square().sum().backward()
        found.append((out, x.grad, [p.grad.clone() for p in stack.parameters() if p.grad is not None]))
    (a, ga, wa), (b, gb, wb) = found
    assert torch.equal(a, b)
    assert away(gb, ga) <= EXACT
    assert len(wa) == len(wb) > 10
    for one, other in zip(wa, wb, strict=True):
        assert away(one, other) <= EXACT


def test_recomputing_runs_each_block_twice_in_training_only() -> None:
    stack, calls = built(LAYER, LAYER), []
    for block in stack.blocks:
        block.register_forward_pre_hook(lambda *_: calls.append(1))
    stack.recompute_activations()
    stack(X, layout=SequenceLayout.from_length(5)).sum().backward()
    assert len(calls) == 2
    calls.clear()
    stack.train()(X, layout=SequenceLayout.from_length(5)).sum().backward()
    assert len(calls) == 4
    calls.clear()
    stack.recompute_activations(False)
    stack(X, layout=SequenceLayout.from_length(5)).sum().backward()
    assert len(calls) == 2


def test_dropout_of_the_result() -> None:
    assert not built(LAYER, dropout=1.0).train()(X, layout=SequenceLayout.from_length(5)).any()


def test_layers_without_gradient_still_pass_it_on() -> None:
    """Freezing the lower blocks, as fine-tuning does."""
    stack = built(LAYER, LAYER)
    stack.blocks[0].requires_grad_(False)
    stack(X, layout=SequenceLayout.from_length(5)).square().sum().backward()
    assert all(p.grad is None for p in stack.blocks[0].parameters())
    assert all(p.grad is not None for p in stack.blocks[1].parameters())


# Two streams and memories


def streams(
    pair_mask: Tensor | None = None,
    *,
    segments: bool = False,
    contiguous: tuple[int, int] | None = (2, 5),
) -> SequenceLayout:
    """Five tokens, then five queries that look from the same places."""
    index = torch.arange(5)[None]
    kinds = torch.tensor([[0, 0, 1, 1, 1], [0, 1, 1, 0, 0]])
    return SequenceLayout(
        index.repeat(1, 2),
        index,
        pair_mask=pair_mask,
        segments=(kinds.repeat(1, 2), kinds) if segments else None,
        contiguous=contiguous,
    )


@torch.no_grad()
@pytest.mark.parametrize("segments", [False, True])
@pytest.mark.parametrize("contiguous", [(2, 5), (1, 5), None])
def test_the_query_stream_looks_on(segments: bool, contiguous: tuple[int, int] | None) -> None:
    """The content stream is what it would be alone; the query stream reads it and never itself."""
    stack, queries = built(XL, XL), draws(2, 5, 8, seed=3)
    kinds = torch.tensor([[0, 0, 1, 1, 1], [0, 1, 1, 0, 0]])
    plain = replace(SequenceLayout.from_length(5), segments=(kinds, kinds) if segments else None)
    layout = streams(segments=segments, contiguous=contiguous)
    both = stack(torch.cat([X, queries], dim=1), layout=layout, content=5)
    assert away(both[:, :5], stack(X, layout=plain)) <= EXACT
    h, g, position_states = X, queries, stack.position_states_for(plain)[0]
    for block in stack.blocks:
        h, g = (
            block(h, layout=plain, position_states=position_states),
            block(g, layout=plain, position_states=position_states, context=h),
        )
    assert away(both[:, 5:], g) <= EXACT
    other = torch.cat([X, queries + 1], dim=1)
    moved = stack(other, layout=layout, content=5)
    assert away(moved[:, :5], both[:, :5]) <= EXACT
    assert away(moved[:, 5:], both[:, 5:]) > 1e-3


@torch.no_grad()
def test_a_query_does_not_see_what_is_not_allowed() -> None:
    """The order 2, 0, 4, 1, 3: a token is predicted from those before it in the order, not from itself."""
    rank = torch.tensor([1, 3, 0, 4, 2])
    others = rank[None, :] < rank[:, None]
    own = others | torch.eye(5, dtype=torch.bool)
    layout = streams(torch.cat([own, others])[None])
    stack, queries = built(XL, XL), torch.zeros(2, 5, 8, dtype=torch.float64)
    whole = stack(torch.cat([X, queries], dim=1), layout=layout, content=5)[:, 5:]
    for place in range(5):
        x = X.clone()
        x[:, place] += 1
        moved = stack(torch.cat([x, queries], dim=1), layout=layout, content=5)[:, 5:]
        later, first = rank > rank[place], rank == 0  # the first sees nothing, and so all alike
        earlier = ~later & ~first
        if earlier.any():
            assert away(moved[:, earlier], whole[:, earlier]) <= EXACT
        if later.any():
            assert away(moved[:, later], whole[:, later]) > 1e-4


@torch.no_grad()
@pytest.mark.parametrize("layer", [RELATIVE, XL], ids=["relative", "xl"])
def test_memories_are_read_before_the_tokens(layer: LayerSpec) -> None:
    """With the states of a causal pass as memories, the rest is as in one pass."""
    stack, index = built(layer, layer), torch.arange(5)[None]
    triangle = torch.ones(1, 5, 5, dtype=torch.bool).tril()
    trace = Trace(hidden=True)
    whole = stack(X, layout=replace(SequenceLayout.from_length(5), pair_mask=triangle), trace=trace)
    mems = [states[:, :3] for states in trace.hidden_states[:-1]]
    layout = SequenceLayout(index[:, 3:], index, pair_mask=triangle[:, 3:], contiguous=(1, 2))
    assert away(stack(X[:, 3:], layout=layout, mems=mems), whole[:, 3:]) <= EXACT
    assert away(stack(X[:, 3:], layout=layout, mems=[mem + 1 for mem in mems]), whole[:, 3:]) > 1e-3


# PackedLayout


@torch.no_grad()
@pytest.mark.parametrize("layer", [LAYER, RELATIVE, XL], ids=["plain", "relative", "xl"])
@pytest.mark.parametrize("causal", [False, True])
def test_a_pack_is_its_rows(layer: LayerSpec, causal: bool) -> None:
    layer = replace(layer, attention=replace(layer.attention, causal=causal))
    stack, lengths = built(layer, layer), (2, 2, 5, 1)
    x = draws(1, 10, 8)
    alone = [stack(row[None], layout=SequenceLayout.from_length(len(row))) for row in x[0].split(lengths)]
    packed = stack(x, layout=PackedLayout.from_lengths(lengths))
    assert away(packed, torch.cat(alone, dim=1)) <= EXACT


@torch.no_grad()
def test_padding_may_be_zero_after_every_layer() -> None:
    """Also before the first, where a token's own state is read in its residual."""
    stack, plain = built(LAYER, LAYER, padding="zero"), built(LAYER, LAYER)
    plain.load_state_dict(stack.state_dict())
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    trace = Trace(True, False)
    found = stack(X, layout=SequenceLayout.from_length(5, mask=mask), trace=trace)
    assert len(trace.hidden_states) == 3
    for states in trace.hidden_states:
        assert states[1, 3:].abs().max() == 0
        assert states[1, :3].abs().min() > 0
    usual = plain(X, layout=SequenceLayout.from_length(5, mask=mask))
    assert away(found[mask.bool()], usual[mask.bool()]) <= EXACT
    assert (
        away(stack(X, layout=SequenceLayout.from_length(5)), plain(X, layout=SequenceLayout.from_length(5)))
        <= EXACT
    )
