"""Where tokens stand and whom they see, padded and packed."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch

from core.tiny import away, draws
from hubformer.core import PackedLayout, SequenceLayout
from hubformer.errors import InputError

LEFT = torch.tensor([[1, 1, 1, 1], [0, 0, 1, 1]])
RIGHT = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])
HOLE = torch.tensor([[1, 0, 1, 1], [0, 1, 0, 1]])


# Places


def test_places_without_a_mask() -> None:
    layout = SequenceLayout.from_length(4)
    assert layout.at.tolist() == [[0, 1, 2, 3]]
    assert layout.key_valid is None
    assert layout.groups == (layout,)


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (RIGHT, [[0, 1, 2, 3], [0, 1, 2, 3]]),
        (LEFT, [[0, 1, 2, 3], [0, 0, 0, 1]]),
        (HOLE, [[0, 1, 2, 3], [0, 0, 1, 2]]),  # a hole keeps its place
        (torch.zeros(1, 3, dtype=torch.long), [[0, 1, 2]]),
    ],
    ids=["right", "left", "hole", "nothing attended"],
)
@pytest.mark.parametrize("kind", [torch.long, torch.bool, torch.float32, torch.uint8], ids=str)
def test_places_count_from_the_first_attended(
    mask: torch.Tensor, expected: list[list[int]], kind: torch.dtype
) -> None:
    layout = SequenceLayout.from_length(mask.shape[1], mask=mask.to(kind))
    assert layout.at.tolist() == expected
    assert layout.key_valid is not None
    assert torch.equal(layout.key_valid, mask.bool())


def test_distance_is_key_minus_query() -> None:
    assert SequenceLayout.from_length(3).distance().tolist() == [[[0, 1, 2], [-1, 0, 1], [-2, -1, 0]]]
    later = SequenceLayout(torch.tensor([[3, 4]]), torch.arange(5)[None])
    assert later.distance().tolist() == [[[-3, -2, -1, 0, 1], [-4, -3, -2, -1, 0]]]


# Whom they see


def test_everyone_is_seen_where_nothing_limits() -> None:
    assert SequenceLayout.from_length(4).attention_mask(causal=False, window=None) is None


def test_the_plain_triangle_needs_no_tensor() -> None:
    assert SequenceLayout.from_length(4).attention_mask(causal=True, window=None) == "causal"


def test_queries_over_a_cache_are_no_plain_triangle() -> None:
    index = torch.arange(5)[None]
    seen = SequenceLayout(index[:, 3:], index).attention_mask(causal=True, window=None)
    assert isinstance(seen, torch.Tensor)
    assert seen.tolist() == [[[[True, True, True, True, False], [True] * 5]]]


def test_one_new_token_sees_all_that_is_past() -> None:
    index = torch.arange(5)[None]
    assert SequenceLayout(index[:, 4:], index, all_past=True).attention_mask(causal=True, window=None) is None


def test_padding_is_not_seen() -> None:
    seen = SequenceLayout.from_length(4, mask=LEFT).attention_mask(causal=False, window=None)
    assert isinstance(seen, torch.Tensor)
    assert seen.shape == (2, 1, 1, 4)
    assert torch.equal(seen[:, 0, 0], LEFT.bool())


@pytest.mark.parametrize("mask", [LEFT, RIGHT, HOLE], ids=["left", "right", "hole"])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("window", [None, 0, 1, 2, 9])
def test_all_limits_together(mask: torch.Tensor, causal: bool, window: int | None) -> None:
    pair_mask = draws(2, 4, 4) > -0.5
    plain = SequenceLayout.from_length(4, mask=mask)
    layout = SequenceLayout(plain.query_at, plain.key_at, plain.key_valid, pair_mask=pair_mask)
    seen = layout.attention_mask(causal=causal, window=window)
    assert isinstance(seen, torch.Tensor)
    for row in range(2):
        for q in range(4):
            for k in range(4):
                far = int(layout.at[row, k] - layout.at[row, q])
                expected = (
                    bool(mask[row, k])
                    and bool(pair_mask[row, q, k])
                    and (window is None or abs(far) <= window)
                    and (not causal or far <= 0)
                )
                assert bool(seen.expand(2, 1, 4, 4)[row, 0, q, k]) == expected, (row, q, k)


def test_a_window_holds_on_both_sides() -> None:
    seen = SequenceLayout.from_length(4).attention_mask(causal=False, window=1)
    assert isinstance(seen, torch.Tensor)
    assert seen[0, 0].int().tolist() == [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 1], [0, 0, 1, 1]]
    seen = SequenceLayout.from_length(4).attention_mask(causal=True, window=1)
    assert isinstance(seen, torch.Tensor)
    assert seen[0, 0].int().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]


def test_equal_questions_share_the_answer() -> None:
    layout = SequenceLayout.from_length(4, mask=LEFT)
    first = layout.attention_mask(causal=True, window=2)
    assert layout.attention_mask(causal=True, window=2) is first
    assert layout.attention_mask(causal=True, window=None) is not first
    assert layout.attention_mask(causal=False, window=2) is not first
    assert SequenceLayout.from_length(4, mask=LEFT).attention_mask(causal=True, window=2) is not first


# One state per row

STATES = draws(2, 4, 3)


@pytest.mark.parametrize(
    ("mask", "first", "last"),
    [(None, (0, 0), (3, 3)), (LEFT, (0, 2), (3, 3)), (RIGHT, (0, 0), (3, 1)), (HOLE, (0, 1), (3, 3))],
    ids=["plain", "left", "right", "hole"],
)
def test_pick(mask: torch.Tensor | None, first: tuple[int, int], last: tuple[int, int]) -> None:
    layout = SequenceLayout.from_length(4, mask=mask)
    rows = torch.arange(2)
    assert torch.equal(layout.pool(STATES, "first"), STATES[rows, torch.tensor(first)])
    assert torch.equal(layout.pool(STATES, "last"), STATES[rows, torch.tensor(last)])
    kept = torch.ones(2, 4, dtype=torch.bool) if mask is None else mask.bool()
    expected = torch.stack([state[valid].mean(0) for state, valid in zip(STATES, kept, strict=True)])
    assert away(layout.pool(STATES, "mean"), expected) <= 1e-12


def test_pick_end() -> None:
    index = torch.arange(4)[None]
    ends = torch.tensor([[False, True, False, True], [True, False, False, False]])
    layout = SequenceLayout(index, index, ends=ends)
    assert torch.equal(layout.pool(STATES, "eos"), STATES[torch.arange(2), torch.tensor([3, 0])])
    with pytest.raises(InputError, match="input_ids"):
        SequenceLayout.from_length(4).pool(STATES, "eos")


def test_pick_after_a_cache_looks_at_the_new_tokens() -> None:
    index = torch.arange(6)[None]
    valid = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]]).bool()
    layout = SequenceLayout(index[:, 2:], index, valid)
    assert torch.equal(layout.pool(STATES, "last"), STATES[torch.arange(2), torch.tensor([3, 1])])


def test_a_row_of_padding_is_picked_without_a_nan() -> None:
    layout = SequenceLayout.from_length(4, mask=torch.tensor([[1, 1, 1, 1], [0, 0, 0, 0]]))
    for which in ("first", "last", "mean"):
        assert torch.isfinite(layout.pool(STATES, which)).all()  # type: ignore[arg-type]


@pytest.mark.parametrize("past", [0, 3])
def test_cleared(past: int) -> None:
    """Zeros where padding stands, of the new tokens after a cache, too."""
    mask, x = torch.tensor([[1, 1, 0, 1, 1, 1, 0], [0, 1, 1, 1, 0, 0, 0]]), draws(2, 7 - past, 3)
    found = SequenceLayout.from_length(7, mask=mask).mask_padding(x)
    for row, place in itertools.product(range(2), range(7 - past)):
        wanted = x[row, place] if mask[row, place + past] else torch.zeros(3, dtype=x.dtype)
        assert torch.equal(found[row, place], wanted)
    assert SequenceLayout.from_length(7).mask_padding(x) is x
    assert PackedLayout.from_lengths((2, 3)).mask_padding(x) is x


# PackedLayout

LENGTHS = (2, 2, 3, 1)


def test_neighbours_of_equal_length_share_a_part() -> None:
    packed = PackedLayout.from_lengths(LENGTHS)
    assert packed.rows == (2, 1, 1)
    assert [part.at.shape[1] for part in packed.groups] == [2, 3, 1]
    assert packed.at.tolist() == [[0, 1, 0, 1, 0, 1, 2, 0]]
    assert PackedLayout.from_lengths((2, 3, 2)).rows == (1, 1, 1)


def test_split_and_join() -> None:
    packed = PackedLayout.from_lengths(LENGTHS)
    x = draws(1, 8, 3)
    pieces = packed.split(x)
    assert [piece.shape for piece in pieces] == [(2, 2, 3), (1, 3, 3), (1, 1, 3)]
    assert torch.equal(pieces[0], x[0, :4].view(2, 2, 3))
    assert torch.equal(pieces[1], x[:, 4:7])
    assert torch.equal(packed.join(pieces), x)
    assert all(torch.equal(a, b) for a, b in zip(packed.split_keys(x), pieces, strict=True))
    assert [piece.shape for piece in packed.split(x[..., 0])] == [(2, 2), (1, 3), (1, 1)]


def test_a_rectangle_splits_into_itself() -> None:
    layout = SequenceLayout.from_length(4)
    assert layout.split(STATES)[0] is STATES
    assert layout.split_keys(STATES)[0] is STATES
    assert layout.join([STATES]) is STATES


@pytest.mark.parametrize("which", ["first", "last", "mean"])
def test_pick_of_a_pack(which: str) -> None:
    packed, x = PackedLayout.from_lengths(LENGTHS), draws(1, 8, 3)
    rows = x[0].split(LENGTHS)
    expected = {
        "first": [row[0] for row in rows],
        "last": [row[-1] for row in rows],
        "mean": [row.mean(0) for row in rows],
    }[which]
    assert away(packed.pool(x, which), torch.stack(expected)) <= 1e-12  # type: ignore[arg-type]


def test_parts_of_a_pack_see_only_themselves() -> None:
    for part in PackedLayout.from_lengths(LENGTHS).groups:
        assert part.attention_mask(causal=False, window=None) is None
        assert part.attention_mask(causal=True, window=None) == "causal"


def test_a_changed_layout_works_its_mask_out_anew() -> None:
    plain = SequenceLayout.from_length(3)
    assert plain.attention_mask(causal=False, window=None) is None
    padded = replace(plain, key_valid=torch.tensor([[True, True, False]]))
    mask = padded.attention_mask(causal=False, window=None)
    assert isinstance(mask, torch.Tensor)
    assert mask[..., -1].sum() == 0
