"""Batches: every row once, the same for the same seed, and alike in length where that was asked for."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from hubformer.errors import InputError
from hubformer.training.sampling import BatchSampler, in_steps, lengths_of, own_randomness, with_last

_RANDOM = random.Random(0)
LENGTHS = [_RANDOM.randrange(3, 60) for _ in range(333)]


def flat(batches: list[list[int]]) -> list[int]:
    return [row for batch in batches for row in batch]


@pytest.mark.parametrize("named", [{}, {"lengths": LENGTHS}, {"lengths": LENGTHS, "tokens": 200}])
def test_every_row_once_in_an_order_of_the_epoch(named: dict[str, object]) -> None:
    plan = BatchSampler(333, 8, seed=7, **named)  # type: ignore[arg-type]
    assert sorted(flat(plan.batches(0))) == list(range(333))
    assert plan.batches(2) == plan.batches(2)
    assert plan.batches(0) != plan.batches(1)


def test_the_order_is_that_of_the_oracle() -> None:
    generator = torch.Generator().manual_seed(42 + 3)
    assert flat(BatchSampler(20, 6, seed=42).batches(3)) == torch.randperm(20, generator=generator).tolist()
    assert [len(b) for b in BatchSampler(20, 6, seed=0).batches(0)] == [6, 6, 6, 2]
    assert [len(b) for b in BatchSampler(20, 6, seed=0, drop_last=True).batches(0)] == [6, 6, 6]
    assert flat(BatchSampler(20, 6, seed=0, shuffled=False).batches(0)) == list(range(20))


def padding(batches: list[list[int]]) -> float:
    whole = sum(max(LENGTHS[i] for i in batch) * len(batch) for batch in batches)
    return 1 - sum(LENGTHS) / whole


def test_grouping_by_length_saves_padding() -> None:
    grouped = BatchSampler(333, 8, seed=0, lengths=LENGTHS).batches(0)
    assert padding(grouped) < padding(BatchSampler(333, 8, seed=0).batches(0)) / 2
    assert LENGTHS[grouped[0][0]] == max(LENGTHS)


def test_budgets_are_kept_and_used() -> None:
    batches = BatchSampler(333, 8, seed=0, lengths=LENGTHS, tokens=256).batches(0)
    used = [max(LENGTHS[i] for i in batch) * len(batch) for batch in batches]
    assert max(used) <= 256
    assert sum(used) / len(used) > 0.7 * 256
    with pytest.raises(InputError, match="Truncate the rows"):
        BatchSampler(333, 8, seed=0, lengths=LENGTHS, tokens=40).batches(0)


@pytest.mark.parametrize("named", [{}, {"lengths": LENGTHS}, {"lengths": LENGTHS, "tokens": 256}])
@pytest.mark.parametrize("ranks", [2, 3])
def test_processes_share_the_rows(ranks: int, named: dict[str, object]) -> None:
    plans = [BatchSampler(333, 8, seed=5, rank=r, ranks=ranks, **named).batches(1) for r in range(ranks)]  # type: ignore[arg-type]
    assert len({len(plan) for plan in plans}) == 1
    assert set().union(*(flat(plan) for plan in plans)) == set(range(333))
    if "tokens" not in named:
        one = BatchSampler(333, 8 * ranks, seed=5, **named).batches(1)  # type: ignore[arg-type]
        for step, whole in zip(zip(*plans, strict=True), one, strict=True):
            assert flat(list(step))[: len(whole)] == whole  # the ranks together are one large batch


def test_lengths() -> None:
    rows = [{"input_ids": [1, 2]}, {"input_ids": [1], "length": 9}]
    assert lengths_of(rows, column="length") == [2, 9]
    with pytest.raises(InputError, match=r"it has \['text'\]"):
        lengths_of([{"text": "a"}], column="length")


def test_small_parts() -> None:
    assert list(in_steps(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(with_last("abc")) == [("a", False), ("b", False), ("c", True)]
    assert list(with_last("")) == []
    torch.manual_seed(0)
    before, words = torch.get_rng_state(), random.getstate()
    arrays = np.random.get_state()[1].tolist()
    with own_randomness((1, 2)):
        first = torch.rand(3), random.random()
    assert torch.equal(torch.get_rng_state(), before)
    assert random.getstate() == words
    assert np.random.get_state()[1].tolist() == arrays
    with own_randomness((1, 2)):
        assert torch.equal(torch.rand(3), first[0])
        assert random.random() == first[1]
    with own_randomness((1, 3)):
        assert not torch.equal(torch.rand(3), first[0])
