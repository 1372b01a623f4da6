"""Which rows form which batch. Batches are a function of the seed, the epoch and the process's rank alone.

Nothing here keeps a state: the batches of an epoch can be made again after a crash, from the middle on.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from hubformer.errors import InputError

_MEGABATCH = 50  # batches that are sorted by length together


@dataclass(frozen=True)
class BatchSampler:
    """How rows become batches.

    rows: of the data set. size: rows a batch. lengths: tokens of every row, to put rows of like length
    together. tokens: the budget of a batch, padding included, in place of `size`. rank and ranks: this
    process of how many; all processes make the same number of batches.
    """

    rows: int
    size: int
    seed: int
    lengths: Sequence[int] | None = None
    tokens: int | None = None
    shuffled: bool = True
    drop_last: bool = False
    rank: int = 0
    ranks: int = 1

    def batches(self, epoch: int) -> list[list[int]]:
        """The batches of this process in one epoch."""
        generator = torch.Generator().manual_seed(self.seed + epoch)
        order = torch.randperm(self.rows, generator=generator).tolist() if self.shuffled else None
        order = list(range(self.rows)) if order is None else order
        if self.tokens is not None:
            return self._budgeted(order, generator)
        if self.lengths is not None:
            order = grouped_by_length(order, self.lengths, size=self.size * self.ranks)
        whole = self.size * self.ranks
        steps = [order[i : i + whole] for i in range(0, len(order), whole)]
        if self.drop_last and steps and len(steps[-1]) < whole:
            steps.pop()
        return [self._mine(step, order) for step in steps]

    def _mine(self, step: list[int], order: list[int]) -> list[int]:
        """This process's share of the rows of one step; the last step is filled up from the beginning."""
        if self.ranks == 1:
            return step
        share = -(-len(step) // self.ranks)
        filled = step + [order[i % len(order)] for i in range(share * self.ranks - len(step))]
        return filled[self.rank * share : (self.rank + 1) * share]

    def _budgeted(self, order: list[int], generator: torch.Generator) -> list[list[int]]:
        assert self.lengths is not None
        assert self.tokens is not None
        longest = max(self.lengths, default=0)
        if longest > self.tokens:
            raise InputError(
                f"A row has {longest} tokens, more than per_device_train_batch_tokens={self.tokens}. "
                "Truncate the rows or raise the budget."
            )
        block = _MEGABATCH * max(1, self.tokens // max(1, longest))
        cut: list[list[int]] = []
        for start in range(0, len(order), block):
            cut += self._cut(sorted(order[start : start + block], key=self.lengths.__getitem__))
        if self.shuffled:
            cut = [cut[i] for i in torch.randperm(len(cut), generator=generator).tolist()]
        cut += cut[: -len(cut) % self.ranks]
        return cut[self.rank :: self.ranks]

    def _cut(self, block: list[int]) -> Iterator[list[int]]:
        assert self.lengths is not None
        assert self.tokens is not None
        batch: list[int] = []
        for row in block:  # in rising order, so the newest row is the longest
            if batch and self.lengths[row] * (len(batch) + 1) > self.tokens:
                yield batch
                batch = []
            batch.append(row)
        if batch:
            yield batch


def grouped_by_length(order: Sequence[int], lengths: Sequence[int], *, size: int) -> list[int]:
    """Shuffled rows sorted by length within blocks of many batches, the longest row first, so that a lack of
    memory shows at once."""
    block = size * max(1, min(len(order) // (size * 4), _MEGABATCH))
    blocks = [
        sorted(order[i : i + block], key=lengths.__getitem__, reverse=True)
        for i in range(0, len(order), block)
    ]
    if blocks:
        longest = max(range(len(blocks)), key=lambda i: lengths[blocks[i][0]])
        blocks[0][0], blocks[longest][0] = blocks[longest][0], blocks[0][0]
    return [row for rows in blocks for row in rows]


def lengths_of(rows: Any, *, column: str | None) -> list[int]:
    """Tokens of every row: its `column` where it has one, else the length of its input_ids.

    Raises:
        InputError: a row has neither.
    """
    names = getattr(rows, "column_names", None)
    if column is not None and names is not None and column in names:
        return [int(n) for n in rows[column]]
    found: list[int] = []
    for i in range(len(rows)):
        row = rows[i]
        if isinstance(row, Mapping) and column in row:
            found.append(int(row[column]))
        elif isinstance(row, Mapping) and "input_ids" in row:
            found.append(len(row["input_ids"]))
        else:
            names = sorted(row) if isinstance(row, Mapping) else type(row).__name__
            raise InputError(
                f"Row {i} has neither {column!r} nor 'input_ids', so its length is not known; it has "
                f"{names}. Add one of the two or leave grouping by length out."
            )
    return found


class Batches(Dataset[Any]):
    """Finished batches by their place in an epoch, for a DataLoader that only spreads them over workers.

    A batch's randomness (masking, augmentation) follows the seed, the epoch and its place, not what was drawn
    before: a resumed training and any number of workers make the same batches.
    """

    def __init__(
        self,
        rows: Any,
        batches: Sequence[Sequence[int]],
        *,
        collate: Callable[[list[Any]], Any],
        key: tuple[int, int, int],
    ) -> None:
        self._rows, self._batches, self._collate, self._key = rows, batches, collate, key

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, place: int) -> Any:
        with own_randomness((*self._key, place)):
            return self._collate([self._rows[i] for i in self._batches[place]])


@contextmanager
def own_randomness(key: tuple[int, ...]) -> Iterator[None]:
    """Python's, numpy's and torch's random numbers from a key, and as they were afterwards."""
    kept = random.getstate(), np.random.get_state(), torch.get_rng_state()
    state = np.random.SeedSequence([abs(part) for part in key]).generate_state(3, np.uint32)
    random.seed(int(state[0]))
    np.random.seed(int(state[1]))
    torch.default_generator.manual_seed(int(state[2]))
    try:
        yield
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])
        torch.set_rng_state(kept[2])


def in_steps(batches: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Batches in lists of `size`, those of one optimizer step; the last list may be shorter."""
    step: list[Any] = []
    for batch in batches:
        step.append(batch)
        if len(step) == size:
            yield step
            step = []
    if step:
        yield step


def batches_in(loader: Any) -> int | None:
    """How many batches a loader has, or None where that is not known."""
    try:
        return len(loader)
    except TypeError:
        return None


def with_last(items: Iterable[Any]) -> Iterator[tuple[Any, bool]]:
    """Each item, and whether it is the last one."""
    waiting: list[Any] = []
    for item in items:
        if waiting:
            yield waiting.pop(), False
        waiting.append(item)
    if waiting:
        yield waiting.pop(), True
