"""How tensors differ in layout between the Hub and here. Both directions stand side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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
        return Change(lambda t: other.load(self.load(t)), lambda t: self.save(other.save(t)))


def _each(change: Callable[[Tensor], Tensor]) -> Callable[[Tensors], Tensors]:
    return lambda tensors: [change(tensor) for tensor in tensors]


SAME = Change(_each(lambda x: x), _each(lambda x: x))
# Several tensors of one shape on the Hub, one here with a dimension more (StableLM's norms of heads).
STACK = Change(lambda t: [torch.stack(t)], lambda t: list(t[0].unbind()))
TRANSPOSE = Change(_each(lambda x: x.t()), _each(lambda x: x.t()))


def cut(parts: int, *, dim: int = 0) -> Change:
    """One tensor on the Hub, several here (GPT-2's fused projections)."""
    return Change(lambda t: list(t[0].chunk(parts, dim)), lambda t: [torch.cat(t, dim)])


def reshape(hub: tuple[int, ...], ours: tuple[int, ...]) -> Change:
    """The same numbers in another shape (XLNet's three-dimensional projections)."""
    return Change(_each(lambda x: x.reshape(ours)), _each(lambda x: x.reshape(hub)))


def grouped(groups: int, *sizes: int) -> Change:
    """Fused projections: groups one after the other, each with so many rows of the first, of the second …

    One group is a cut into unequal parts; GPT-NeoX has a group for every head.
    """

    def load(tensors: Tensors) -> Tensors:
        rest = tensors[0].shape[1:]
        parts = torch.split(tensors[0].reshape(groups, sum(sizes), *rest), list(sizes), dim=1)
        return [part.reshape(-1, *rest) for part in parts]

    def save(tensors: Tensors) -> Tensors:
        rest = tensors[0].shape[1:]
        parts = [t.reshape(groups, rows, *rest) for t, rows in zip(tensors, sizes, strict=True)]
        return [torch.cat(parts, dim=1).reshape(-1, *rest)]

    return Change(load, save)
