"""Hidden states, attention weights and silenced heads, for those who ask."""

from __future__ import annotations

import pytest
import torch

from core.tiny import EXACT, away, draws, shake
from hubformer.core import (
    AttentionSpec,
    FeedForward,
    LayerNorm,
    LayerSpec,
    Norms,
    SequenceLayout,
    Stack,
    StackSpec,
    Trace,
)
from hubformer.core import attention as attention_module

HEADS, LAYERS, X = 2, 3, draws(2, 5, 8)
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])


def stack(*, causal: bool = False, crossed: bool = False, dropout: float = 0.0) -> Stack:
    layer = LayerSpec(
        AttentionSpec(HEADS, 4, causal=causal, dropout=dropout),
        FeedForward(12),
        Norms(after=LayerNorm()),
        cross_attention=AttentionSpec(HEADS, 4) if crossed else None,
    )
    found: Stack = shake(StackSpec(8, (layer,) * LAYERS, final_norm=LayerNorm()).build())
    return found


@torch.no_grad()
def test_hidden_states() -> None:
    trace, model = Trace(hidden=True), stack()
    out = model(X, layout=SequenceLayout.from_length(5), trace=trace)
    assert len(trace.hidden_states) == LAYERS + 1
    assert trace.hidden_states[0] is X
    assert trace.hidden_states[-1] is out
    assert trace.attentions == {}
    again = Trace(hidden=True)
    model(trace.hidden_states[1], layout=SequenceLayout.from_length(5), trace=again)
    assert away(again.hidden_states[1], trace.hidden_states[2]) > 1e-3  # another block
    for a, b in zip(trace.hidden_states, trace.hidden_states[1:], strict=False):
        assert away(a, b) > 1e-3


@torch.no_grad()
@pytest.mark.parametrize(
    ("asked", "expected"),
    [(True, {0, 1, 2}), (False, set()), ((1,), {1}), ({0, 2}, {0, 2}), ([], set())],
    ids=str,
)
def test_weights_of_the_layers_asked(
    asked: object, expected: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    openly = attention_module.eager_attention

    def counted(*values: object, **named: object) -> object:
        calls.append(1)
        return openly(*values, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(attention_module, "eager_attention", counted)
    trace, model = Trace(attention=asked), stack()  # type: ignore[arg-type]
    out = model(X, layout=SequenceLayout.from_length(5, mask=MASK), trace=trace)
    assert set(trace.attentions) == expected
    assert len(calls) == len(expected)  # the other layers keep their fast kernel
    assert trace.hidden_states == []
    assert (
        away(out[MASK.bool()], model(X, layout=SequenceLayout.from_length(5, mask=MASK))[MASK.bool()])
        <= EXACT
    )
    for weights in trace.attentions.values():
        assert weights.shape == (2, HEADS, 5, 5)
        assert away(weights.sum(-1), torch.ones(2, HEADS, 5)) <= 1e-12
        assert not weights[1, :, :, 3:].any()


@torch.no_grad()
def test_causal_weights_are_a_triangle() -> None:
    trace = Trace(attention=True)
    stack(causal=True)(X, layout=SequenceLayout.from_length(5), trace=trace)
    for weights in trace.attentions.values():
        assert torch.equal(weights, weights.tril())
        assert (weights[..., 0, 0] == 1).all()


@torch.no_grad()
def test_weights_times_values_is_the_result() -> None:
    model, trace = stack(), Trace(hidden=True, attention={0})
    model(X, layout=SequenceLayout.from_length(5), trace=trace)
    attention = model.blocks[0].attention
    k, v = attention.keys_values(X)
    read = (trace.attentions[0] @ attention.split_heads(v)).transpose(1, 2).flatten(2)
    whole = attention(X, (k, v), layout=SequenceLayout.from_length(5), position_states=(None,))
    assert away(attention.output(read), whole) <= EXACT


@torch.no_grad()
@pytest.mark.parametrize("head", range(HEADS))
def test_a_silenced_head_says_nothing(head: int) -> None:
    """As if its columns of the output projection were zero, in its layer and in no other."""
    model, scale = stack(), torch.ones(LAYERS, HEADS)
    scale[1, head] = 0
    trace = Trace(attention=True, head_scale=scale)
    silenced = model(X, layout=SequenceLayout.from_length(5), trace=trace)
    assert away(silenced, model(X, layout=SequenceLayout.from_length(5))) > 1e-3
    model.blocks[1].attention.output.weight[:, head * 4 : head * 4 + 4] = 0
    assert away(silenced, model(X, layout=SequenceLayout.from_length(5))) <= EXACT
    assert not trace.attentions[1][:, head].any()
    assert trace.attentions[1][:, 1 - head].any()
    assert away(trace.attentions[0].sum(-1), torch.ones(2, HEADS, 5)) <= 1e-12


@torch.no_grad()
def test_heads_of_scale_one_change_nothing() -> None:
    model = stack()
    loud = model(X, layout=SequenceLayout.from_length(5), trace=Trace(head_scale=torch.ones(LAYERS, HEADS)))
    assert away(loud, model(X, layout=SequenceLayout.from_length(5))) <= EXACT


def test_a_scale_of_heads_has_a_gradient() -> None:
    """Importance of heads (Michel et al. 2019, arXiv:1905.10650) is this gradient."""
    scale = torch.ones(LAYERS, HEADS, dtype=torch.float64, requires_grad=True)
    stack()(X, layout=SequenceLayout.from_length(5), trace=Trace(head_scale=scale)).square().sum().backward()
    assert scale.grad is not None
    assert (scale.grad.abs() > 1e-6).all()


@torch.no_grad()
def test_cross_attention_is_kept_apart() -> None:
    model, trace = stack(causal=True, crossed=True), Trace(attention={0, 2})
    encoder_states = (draws(2, 7, 8, seed=4), SequenceLayout(torch.arange(5)[None], torch.arange(7)[None]))
    model(X, layout=SequenceLayout.from_length(5), encoder_states=encoder_states, trace=trace)
    assert set(trace.attentions) == set(trace.cross_attentions) == {0, 2}
    assert trace.attentions[0].shape == (2, HEADS, 5, 5)
    assert trace.cross_attentions[0].shape == (2, HEADS, 5, 7)


def test_weights_are_those_that_dropout_left() -> None:
    model, trace = stack(dropout=1.0).train(), Trace(attention=True)
    model(X, layout=SequenceLayout.from_length(5), trace=trace)
    assert not any(weights.any() for weights in trace.attentions.values())
    trace = Trace(attention=True)
    model.eval()(X, layout=SequenceLayout.from_length(5), trace=trace)
    assert all(weights.all() for weights in trace.attentions.values())
