"""Weights into a model: compare names, shapes and dtypes first, then assign, then say what was new.

The model is built on `meta`, so nothing is allocated before the file is known to fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from hubformer.errors import CheckpointError
from hubformer.weights.files import Checkpoint, TensorHeader
from hubformer.weights.map import Row, WeightMap, matches


@dataclass(frozen=True)
class LoadReport:
    """What a load did beside copying: Hub names throughout."""

    new: tuple[str, ...] = ()  # parameters that the file does not have, initialised afresh
    mismatched: tuple[str, ...] = ()  # of those, the ones that the file has in another shape
    unused: tuple[str, ...] = ()  # tensors of the file that belong to another head
    parameters: tuple[str, ...] = ()  # `new` as they are registered, and what files may lack


@dataclass
class _Plan:
    files: dict[str, str] = field(default_factory=dict)  # registered name -> name in the file
    new: list[str] = field(default_factory=list)
    mismatched: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def load_weights(
    model: nn.Module,
    checkpoint: Checkpoint,
    *,
    wanted: Mapping[str, nn.Parameter],
    weights: WeightMap,
    is_head: Callable[[str], bool],
    is_cross_attention: Callable[[str], bool] = lambda parameter: False,
    heads: Sequence[Row] = (),
    expected: Sequence[Row] = (),
    allow_new_crossing: bool = False,
    allow_mismatched: bool = False,
    dtype: torch.dtype | None = torch.float32,
    device: torch.device | str = "cpu",
) -> LoadReport:
    """Fill a model that was built on `meta`. What is new stays on `meta`, for the caller to initialise.

    wanted: the registered parameters, each once. is_head: whether one belongs to the head;
    is_cross_attention: to the attention to an encoder, which a checkpoint lacks that was trained alone.
    heads: the rows of every head of the family, whose tensors may lie unused in the file; those of `expected`
    are not even reported. dtype None keeps the file's.

    Raises:
        CheckpointError: the file does not fit; the message names every tensor that is missing, unknown or
            of the wrong shape or dtype.
    """
    full = {name: weights.full(name) for name in wanted}
    found = canonical_names(checkpoint.headers, weights, wanted=full.values())
    plan = _compare(wanted, checkpoint.headers, found, full=full, mismatch_is_new=allow_mismatched)
    taken = {full[name] for name in plan.files} | {full[name] for name in plan.mismatched}
    unused = sorted(found.keys() - taken)
    plan.faults += [
        f"unknown inside the backbone: {n}" for n in unused if _inside(n, weights) and not names_one(heads, n)
    ]
    needed = [name for name in plan.new if not weights.may_lack(full[name])]
    absent = [name for name in needed if name not in plan.mismatched]
    cross_attention = [name for name in absent if is_cross_attention(name)]
    plan.faults += [
        f"missing: {full[name]}" for name in absent if name not in cross_attention and not is_head(name)
    ]
    if plan.faults:
        raise CheckpointError(_misfit(checkpoint, plan.faults))
    if cross_attention and not allow_new_crossing:
        raise CheckpointError(_untrained(checkpoint, [full[name] for name in cross_attention]))
    for name, stored in plan.files.items():
        tensor = checkpoint.read(stored)
        _assign(model, name, tensor.to(device=device, dtype=dtype or tensor.dtype))
    return LoadReport(
        new=tuple(full[name] for name in needed),
        mismatched=tuple(full[name] for name in plan.mismatched),
        unused=tuple(name for name in unused if not names_one(expected, name)),
        parameters=tuple(plan.new),
    )


def canonical_names(headers: Iterable[str], weights: WeightMap, *, wanted: Iterable[str]) -> dict[str, str]:
    """Today's full name of each tensor -> its name in the file. Tied tensors are found from either side.

    wanted: the full names of the model's parameters.
    """
    wanted = set(wanted)
    roots = _roots(weights)
    found: dict[str, str] = {}
    for name in headers:
        today = weights.today(name)
        if weights.ignores(today):
            continue
        full = weights.prefix + today
        bare = today not in wanted and (full in wanted or today.split(".")[0] in roots)
        found[full if bare else today] = name
    for alias, owner in (*weights.tied, *weights.duplicates):
        if alias in found and alias not in wanted:
            name = found.pop(alias)
            found.setdefault(owner, name)
    return found


def names_one(rows: Iterable[Row], name: str) -> bool:
    """Whether a Hub name is one of those that the rows stand for."""
    return any(matches(template, name) for row in rows for template in row.hub)


def _compare(
    wanted: Mapping[str, nn.Parameter],
    headers: Mapping[str, TensorHeader],
    found: Mapping[str, str],
    *,
    full: Mapping[str, str],
    mismatch_is_new: bool,
) -> _Plan:
    plan = _Plan()
    for name, parameter in wanted.items():
        stored = found.get(full[name])
        if stored is None:
            plan.new.append(name)
            continue
        fault = _fault(full[name], headers[stored], parameter)
        if fault is None:
            plan.files[name] = stored
        elif mismatch_is_new:
            plan.new.append(name)
            plan.mismatched.append(name)
        else:
            plan.faults.append(fault)
    return plan


def _fault(name: str, header: TensorHeader, expected: Tensor) -> str | None:
    if header.shape != tuple(expected.shape):
        return (
            f"{name} is {list(header.shape)} in {header.file}, but the configuration makes it "
            f"{list(expected.shape)} (ignore_mismatched_sizes=True trains it afresh)"
        )
    if not header.dtype.is_floating_point:
        return f"{name} holds {header.dtype} in {header.file}, expected floating-point numbers"
    return None


def _inside(name: str, weights: WeightMap) -> bool:
    """Whether a name lies in the backbone's namespace, where every tensor has to be understood."""
    if weights.prefix:
        return name.startswith(weights.prefix)
    return name.split(".")[0] in _first_names(weights)


def _first_names(weights: WeightMap) -> set[str]:
    """How the names of a backbone begin that has no prefix, such as T5's."""
    return {h.split(".")[0] for row in weights.rows if row.ours[0].startswith("body.") for h in row.hub}


def _roots(weights: WeightMap) -> set[str]:
    """How the names of the backbone begin in a file that was saved without the prefix."""
    names = [h for row in weights.rows for h in row.hub if _inside(h, weights)]
    return {name.removeprefix(weights.prefix).split(".")[0] for name in names}


def _assign(model: nn.Module, name: str, tensor: Tensor) -> None:
    path, _, leaf = name.rpartition(".")
    module = model.get_submodule(path)
    trained = module.get_parameter(leaf).requires_grad
    module._parameters[leaf] = nn.Parameter(tensor, requires_grad=trained and tensor.is_floating_point())


def _shortened(names: list[str], most: int = 6) -> list[str]:
    rest = len(names) - most
    return [*names[:most], f"… and {rest} more"] if rest > 0 else names


def _untrained(checkpoint: Checkpoint, names: list[str]) -> str:
    return (
        f"The weights in {checkpoint.files[0]} have no {', '.join(_shortened(names))}: this cross-attention "
        "was never trained, so its answers would be random. To train it, pass new_cross_attention=True."
    )


def _misfit(checkpoint: Checkpoint, faults: list[str]) -> str:
    return (
        f"The weights in {checkpoint.files[0]} do not fit the model that config.json describes: "
        f"{'; '.join(_shortened(faults))}. Check that both files belong to the same model."
    )
