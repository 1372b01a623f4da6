"""Keys and values that are kept: growing, fixed, cut, reordered, with padding, with gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from core.tiny import EXACT, LENGTH, away, draws, model_of, rows_of, shake
from hubformer.core import (
    AttentionSpec,
    Cache,
    FeedForward,
    LayerCache,
    LayerNorm,
    LayerSpec,
    Norms,
    SequenceLayout,
    StackSpec,
)

SHAPE = (2, 3, 12, 4)  # (B, G, K, D)


def pieces(*cut: int) -> list[tuple[Tensor, Tensor]]:
    k, v = draws(*SHAPE, seed=1), draws(*SHAPE, seed=2)
    return list(zip(k[:, :, : sum(cut)].split(cut, 2), v[:, :, : sum(cut)].split(cut, 2), strict=True))


def decoder(**changes: object) -> object:
    layer = LayerSpec(
        AttentionSpec(2, 4, causal=True, **changes),
        FeedForward(12),
        Norms(before=LayerNorm()),  # type: ignore[arg-type]
    )
    return shake(StackSpec(8, (layer,) * 2).build())


# One layer


@pytest.mark.parametrize("cut", [(1,) * 12, (5, 1, 1, 5), (12,), (1, 11)], ids=str)
def test_what_was_read_is_all_there(cut: tuple[int, ...]) -> None:
    cache, given = LayerCache(), pieces(*cut)
    assert cache.keys_values is None
    for i, (k, v) in enumerate(given):
        found = cache.extend(k, v)
        for kind in (0, 1):
            expected = torch.cat([pair[kind] for pair in given[: i + 1]], dim=2)
            assert torch.equal(found[kind], expected)
            assert cache.keys_values is not None
            assert torch.equal(cache.keys_values[kind], expected)
    assert cache.length == 12


def test_it_grows_by_doubling() -> None:
    """Nothing is copied in most steps: the memory stays where it is."""
    cache, moved, before = LayerCache(), 0, None
    for _ in range(200):
        k, _ = cache.extend(torch.zeros(1, 1, 1, 2), torch.zeros(1, 1, 1, 2))
        moved, before = moved + (k.data_ptr() != before), k.data_ptr()
    assert moved <= 10


def test_what_a_caller_holds_is_not_written_over() -> None:
    """The first keys are the caller's own tensor, which a later step must leave alone."""
    (k, v), (more, and_more) = pieces(2, 1)
    kept = k.clone()
    cache = LayerCache()
    cache.extend(k, v)
    cache.extend(more, and_more)
    assert torch.equal(k, kept)


def test_slots() -> None:
    cache, (k, v) = LayerCache(), pieces(3)[0]
    with pytest.raises(RuntimeError, match="reserve"):
        cache.extend(k, v, slots=torch.arange(3))
    cache.reserve(k, 6)
    places = torch.tensor([1, 4, 5])
    all_k, all_v = cache.extend(k, v, slots=places)
    assert all_k.shape == all_v.shape == (2, 3, 6, 4)
    assert all_k.dtype == k.dtype
    assert torch.equal(all_k[:, :, places], k)
    assert torch.equal(all_v[:, :, places], v)
    assert not all_k[:, :, [0, 2, 3]].any()
    address = all_k.data_ptr()
    again, _ = cache.extend(v[:, :, :1], k[:, :, :1], slots=torch.tensor([4]))
    assert again.data_ptr() == address
    assert torch.equal(again[:, :, 4], v[:, :, 0])
    assert torch.equal(again[:, :, 1], k[:, :, 0])


def test_an_encoder_is_read_once() -> None:
    cache, calls = LayerCache(), []

    def compute() -> tuple[Tensor, Tensor]:
        calls.append(1)
        return pieces(3)[0]

    first, second = cache.encoder_states(compute), cache.encoder_states(compute)
    assert first is second
    assert len(calls) == 1
    cache.reorder(torch.tensor([1, 1, 0]))
    assert torch.equal(cache.encoder_states(compute)[0], first[0][[1, 1, 0]])
    assert len(calls) == 1


@pytest.mark.parametrize("before", [True, False])
def test_inference_mode_may_come_and_go(before: bool) -> None:
    cache, given = LayerCache(), pieces(2, 3, 1)
    for i, (k, v) in enumerate(given):
        with torch.inference_mode(before if i != 1 else not before):
            found = cache.extend(k.clone(), v.clone())
    assert torch.equal(found[0], torch.cat([k for k, _ in given], dim=2))


# A stack's


def filled(*, layers: int = 2) -> Cache:
    cache = Cache(layers)
    for layer in cache.layers:
        for k, v in pieces(4, 3):
            layer.extend(k, v)
    return cache


def test_it_reads_as_tuples_of_tuples() -> None:
    cache = filled(layers=3)
    assert len(cache) == 3
    assert cache.length == cache.get_seq_length() == cache.get_seq_length(2) == 7
    assert [len(pair) for pair in cache] == [2, 2, 2]
    assert cache[0][0].shape == (2, 3, 7, 4)
    again = Cache.from_pairs(tuple(tuple(pair) for pair in cache))
    assert again.length == 7
    for ours, theirs in zip(again, cache, strict=True):
        assert torch.equal(ours[0], theirs[0])
        assert torch.equal(ours[1], theirs[1])
    with pytest.raises(IndexError):
        cache[3]
    with pytest.raises(IndexError, match="empty"):
        Cache(2)[0]


def test_crop() -> None:
    cache = filled()
    cache.layout(2, mask=torch.tensor([[1] * 9, [0] * 3 + [1] * 6]))
    cache.crop(5)
    assert cache.length == 5
    assert cache[1][0].shape == (2, 3, 5, 4)
    assert cache.valid is not None
    assert cache.valid.shape == (2, 5)
    k, v = pieces(7)[0]
    cache.layers[0].extend(v[:, :, :1], k[:, :, :1])
    assert torch.equal(cache[0][0][:, :, 5], v[:, :, 0])
    assert torch.equal(cache[0][0][:, :, :5], k[:, :, :5])
    cache.crop(100)
    assert cache.layers[0].length == 6


def test_reorder() -> None:
    cache = filled()
    cache.valid = torch.tensor([[True] * 7, [False] * 2 + [True] * 5])
    before, rows = [pair[0].clone() for pair in cache], torch.tensor([1, 0, 1])
    cache.reorder(rows)
    for pair, k in zip(cache, before, strict=True):
        assert torch.equal(pair[0], k[rows])
    assert cache.valid.shape == (3, 7)
    assert torch.equal(cache.valid[0], cache.valid[2])
    assert not torch.equal(cache.valid[0], cache.valid[1])
    Cache(2).reorder(rows)  # nothing yet


MASK = torch.tensor([[1, 1, 1, 1, 1], [0, 0, 1, 1, 1]])


def test_layout_of_an_empty_cache_is_the_plain_one() -> None:
    layout, plain = Cache(1).layout(4), SequenceLayout.from_length(4)
    assert torch.equal(layout.query_at, plain.query_at)
    assert layout.attention_mask(causal=True, window=None) == "causal"
    assert not layout.all_past


def test_layout_over_what_was_read() -> None:
    cache = filled()
    layout = cache.layout(2)
    assert layout.query_at.tolist() == [[7, 8]]
    assert layout.key_at.tolist() == [list(range(9))]
    assert layout.key_valid is None
    assert not layout.all_past
    assert cache.layout(1).all_past


@pytest.mark.parametrize("tell", ["all", "new", "nothing"])
def test_padding_is_remembered(tell: str) -> None:
    cache = Cache(1)
    first = cache.layout(3, mask=MASK[:, :3])
    assert first.query_at.tolist() == [[0, 1, 2], [0, 0, 0]]
    cache.layers[0].extend(*(t[:, :, :3] for t in pieces(12)[0]))
    mask = {"all": MASK, "new": MASK[:, 3:], "nothing": None}[tell]
    second = cache.layout(2, mask=mask)
    assert second.query_at.tolist() == [[3, 4], [1, 2]]
    assert second.key_valid is not None
    assert torch.equal(second.key_valid, MASK.bool())
    assert cache.valid is not None
    assert torch.equal(cache.valid, MASK.bool())


def test_padding_that_comes_later() -> None:
    cache = Cache(1)
    cache.layout(3)
    cache.layers[0].extend(*(t[:, :, :3] for t in pieces(12)[0]))
    layout = cache.layout(2, mask=torch.tensor([[1, 1], [1, 0]]))
    assert layout.key_valid is not None
    assert layout.key_valid.int().tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]]


# With a model


def test_gradients_pass_through_what_was_kept() -> None:
    """Training on a cached prefix: the prefix learns what it would in one pass."""
    stack, x = decoder(), draws(2, 5, 8)
    x.requires_grad_()
    whole = stack(x, layout=SequenceLayout.from_length(5))  # type: ignore[operator]
    (expected,) = torch.autograd.grad(whole[:, 3:].square().sum(), x)
    cache = Cache(2)
    found = []
    for piece in x.split((2, 1, 2), dim=1):
        found.append(stack(piece, layout=cache.layout(piece.shape[1]), cache=cache))  # type: ignore[operator]
    assert away(torch.cat(found, dim=1), whole) <= EXACT
    later = torch.cat(found, dim=1)[:, 3:].square().sum()
    (gradient,) = torch.autograd.grad(later, x)
    assert expected[:, :3].abs().max() > 1e-3
    assert away(gradient, expected) <= EXACT


@pytest.mark.parametrize("changes", [{"window": 2}, {"kv_heads": 1}, {"softcap": 3.0}], ids=str)
def test_variations_of_attention_over_a_cache(changes: dict[str, object]) -> None:
    stack, x = decoder(**changes), draws(2, 7, 8)
    mask = torch.tensor([[1] * 7, [0] * 3 + [1] * 4])
    with torch.no_grad():
        whole = stack(x, layout=SequenceLayout.from_length(7, mask=mask))  # type: ignore[operator]
        cache, found = Cache(2), []
        for at in range(7):
            layout = cache.layout(1, mask=mask[:, : at + 1])
            found.append(stack(x[:, at : at + 1], layout=layout, cache=cache))  # type: ignore[operator]
    assert away(torch.cat(found, dim=1)[mask.bool()], whole[mask.bool()]) <= EXACT


@torch.no_grad()
def test_going_back_and_taking_another_way() -> None:
    """crop and reorder on a model: as if the other continuation had been read from the start."""
    model = model_of("gpt2", "causal-lm")
    batch = rows_of(model, LENGTH, 7, side="left")
    ids, mask = batch["input_ids"], batch["attention_mask"]
    rows = torch.tensor([1, 1, 0])
    cache = model(input_ids=ids, attention_mask=mask, use_cache=True).past_key_values
    cache.crop(8)
    cache.reorder(rows)
    other = (ids[rows, 8:] + 3) % 99
    found = model(input_ids=other, past_key_values=cache).logits
    whole = model(input_ids=torch.cat([ids[rows, :8], other], dim=1), attention_mask=mask[rows]).logits
    assert away(found, whole[:, 8:]) <= EXACT


@torch.no_grad()
def test_tuples_of_tuples_are_read_as_a_past() -> None:
    model = model_of("gpt2", "causal-lm")
    ids = rows_of(model, LENGTH, LENGTH)["input_ids"]
    first = model(input_ids=ids[:, :6], use_cache=True)
    past = tuple((k.clone(), v.clone()) for k, v in first.past_key_values)
    found = model(input_ids=ids[:, 6:], past_key_values=past, use_cache=True)
    assert away(found.logits, model(input_ids=ids).logits[:, 6:]) <= EXACT
    assert found.past_key_values.length == LENGTH
    assert past[0][0].shape[2] == 6  # the caller's own is left as it was


def test_a_past_that_was_cut_is_not_written_over() -> None:
    """Two continuations of one past: the second must not read what the first wrote."""
    (k, v), (more, and_more) = pieces(5, 1)
    kept = k.clone()
    for _ in range(2):
        cache = Cache.from_pairs([(k, v)])
        cache.crop(3)
        cache.layers[0].extend(more, and_more)
        assert torch.equal(k, kept)
        assert torch.equal(cache[0][0], torch.cat([kept[:, :, :3], more], dim=2))
