"""The weights a model starts from. Pre-training depends on them: each parameter has its published spread."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

Fill = Callable[[Tensor], object]


def normal(std: float) -> Fill:
    return lambda weight: weight.normal_(0.0, std)


def truncated(std: float, cutoff: float) -> Fill:
    """Normal, with nothing beyond so many deviations."""
    return lambda weight: nn.init.trunc_normal_(weight, 0.0, std, -cutoff * std, cutoff * std)


def normal_but_row(std: float, row: Any) -> Fill:
    """The row of padding starts at zero, where there is one."""

    def fill(weight: Tensor) -> None:
        weight.normal_(0.0, std)
        if isinstance(row, int) and 0 <= row < len(weight):
            weight[row].zero_()

    return fill


def constant(value: float) -> Fill:
    return lambda weight: weight.fill_(value)


def sinusoids(weight: Tensor) -> None:
    """Fixed waves in place of learned positions (Vaswani et al. 2017, arXiv:1706.03762): sines stand in the
    even columns, cosines in the odd ones."""
    places, width = weight.shape
    column = torch.arange(width, dtype=torch.float64)
    rate = 10_000 ** (-2 * (column // 2) / width)
    angle = torch.arange(places, dtype=torch.float64)[:, None] * rate
    weight.copy_(torch.where(column % 2 == 0, angle.sin(), angle.cos()))


@dataclass(frozen=True)
class Initial:
    """Rules by our parameter names, the first that matches wins; then biases 0, norms 1, the rest normal."""

    std: float
    rules: tuple[tuple[str, Fill], ...] = ()

    def fill(self, name: str, weight: Tensor, *, of: nn.Module) -> None:
        for pattern, fill in self.rules:
            if re.search(pattern, name):
                fill(weight)
                return
        if name.endswith("bias"):
            weight.zero_()
        elif not isinstance(of, (nn.Linear, nn.Embedding)) and weight.dim() == 1:
            weight.fill_(1.0)
        else:
            weight.normal_(0.0, self.std)


@dataclass(frozen=True)
class JoinedInitial(Initial):
    """Of a model that is made of others: each part starts as it does alone, the rest by the rules here."""

    # For each part, how its names begin by itself and in the whole.
    parts: tuple[tuple[Initial, tuple[tuple[str, str], ...]], ...] = ()

    def fill(self, name: str, weight: Tensor, *, of: nn.Module) -> None:
        for initial, homes in self.parts:
            for alone, whole in homes:
                if name.startswith(whole):
                    initial.fill(alone + name.removeprefix(whole), weight, of=of)
                    return
        super().fill(name, weight, of=of)


def initialise(
    model: Any,
    *,
    only: Iterable[str] | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
) -> None:
    """Give parameters of a Model that are on `meta` memory and their first values; only: these names."""
    wanted = None if only is None else set(only)
    with torch.no_grad():
        for path, module in model.named_modules():
            prefix = f"{path}." if path else ""
            if getattr(module, "head_row", None) is not None:
                _start(module, prefix=prefix, wanted=wanted, device=device, dtype=dtype)
        initial = model.family.initial_of(model.head_row, model.frozen())
        for path, module in model.named_modules():  # what a user's class has beside a family's model
            for leaf, parameter in list(module.named_parameters(recurse=False)):
                name = f"{path}.{leaf}" if path else leaf
                if parameter.is_meta and (wanted is None or name in wanted):
                    weight = torch.empty(parameter.shape, device=device, dtype=dtype or parameter.dtype)
                    initial.fill(name, weight, of=module)
                    setattr(module, leaf, nn.Parameter(weight, requires_grad=parameter.requires_grad))


def _start(
    model: Any,
    *,
    prefix: str,
    wanted: set[str] | None,
    device: torch.device | str,
    dtype: torch.dtype | None,
) -> None:
    """The tensors of one family's model, by our names, in which its rules are written, and in the order of
    what computes, so that a seed gives the same weights however parameters are registered."""
    computation, tree = model.computation, model.tree
    initial = model.family.initial_of(model.head_row, model.frozen())

    def is_new(row: Any) -> bool:
        module, leaf = tree.place(row.hub[0])
        names = {prefix + tree.weights.written(hub) for hub in row.hub}
        return bool(module._parameters[leaf].is_meta) and (wanted is None or bool(names & wanted))

    rows = [row for row in tree.transfers if is_new(row)]
    new = {name for row in rows for name in row.ours}
    filled: dict[str, Tensor] = {}
    for name in filter(new.__contains__, computation.tensor_names()):
        old = computation.tensor(name)
        filled[name] = torch.empty(old.shape, device=device, dtype=dtype or old.dtype)
        initial.fill(name, filled[name], of=computation.get_submodule(name.rpartition(".")[0]))
    for row in rows:
        tensors = row.change.save([filled[name] for name in row.ours])
        for hub, tensor in zip(row.hub, tensors, strict=True):
            tree.assign(hub, tensor.contiguous())
    tree.renew_ties()


def number_of_parameters(model: nn.Module) -> int:
    return sum(prod(parameter.shape) for parameter in model.parameters())
