"""How tensors differ in layout between the Hub and here. Both directions stand side by side.

Models hold changes, and models are pickled: each is made of functions that stand in a module.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

Tensors = list[Tensor]


@dataclass(frozen=True)
class Change:
    """`load` takes a row's Hub tensors to ours, `save` ours to the Hub's. Both accept `meta` tensors."""

    load: Callable[[Tensors], Tensors]
    save: Callable[[Tensors], Tensors]

    def then(self, other: Change) -> Change:
        """This change first when loading, last when saving."""
        return Change(partial(_both, self.load, other.load), partial(_both, other.save, self.save))


def _both(first: Callable[[Tensors], Tensors], second: Callable[[Tensors], Tensors], t: Tensors) -> Tensors:
    return second(first(t))


def _same(tensors: Tensors) -> Tensors:
    return list(tensors)


def _stacked(tensors: Tensors) -> Tensors:
    return [torch.stack(tensors)]


def _unbound(tensors: Tensors) -> Tensors:
    return list(tensors[0].unbind())


def _transposed(tensors: Tensors) -> Tensors:
    return [tensor.t() for tensor in tensors]


def _split(parts: int, dim: int, tensors: Tensors) -> Tensors:
    return list(tensors[0].chunk(parts, dim))


def _joined(dim: int, tensors: Tensors) -> Tensors:
    return [torch.cat(tensors, dim)]


def _shaped(shape: tuple[int, ...], tensors: Tensors) -> Tensors:
    return [tensor.reshape(shape) for tensor in tensors]


def _swapped(tensors: Tensors) -> Tensors:
    return [tensor.transpose(0, 1) for tensor in tensors]


def _ungrouped(groups: int, sizes: tuple[int, ...], tensors: Tensors) -> Tensors:
    rest = tensors[0].shape[1:]
    parts = torch.split(tensors[0].reshape(groups, sum(sizes), *rest), list(sizes), dim=1)
    return [part.reshape(-1, *rest) for part in parts]


def _grouped(groups: int, sizes: tuple[int, ...], tensors: Tensors) -> Tensors:
    rest = tensors[0].shape[1:]
    parts = [t.reshape(groups, rows, *rest) for t, rows in zip(tensors, sizes, strict=True)]
    return [torch.cat(parts, dim=1).reshape(-1, *rest)]


SAME = Change(_same, _same)
# Several tensors of one shape on the Hub, one here with a dimension more (StableLM's norms of heads).
STACK = Change(_stacked, _unbound)
TRANSPOSE = Change(_transposed, _transposed)
SWAP = Change(_swapped, _swapped)  # the first two dimensions, where there are more


def cut(parts: int, *, dim: int = 0) -> Change:
    """One tensor on the Hub, several here (GPT-2's fused projections)."""
    return Change(partial(_split, parts, dim), partial(_joined, dim))


def reshape(hub: tuple[int, ...], ours: tuple[int, ...]) -> Change:
    """The same numbers in another shape (XLNet's three-dimensional projections)."""
    return Change(partial(_shaped, ours), partial(_shaped, hub))


def grouped(groups: int, *sizes: int) -> Change:
    """Fused projections: groups one after the other, each with so many rows of the first, of the second …

    One group is a cut into unequal parts; GPT-NeoX has a group for every head.
    """
    return Change(partial(_ungrouped, groups, sizes), partial(_grouped, groups, sizes))
