"""Tiny models whose every parameter is shaken, so that none hides behind zero or one."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import encoder_decoders
import hubformer
from cases import HEAD_CONFIG, TINY, VOCAB
from decoders import SHARING
from hubformer.families import FAMILIES, family
from hubformer.models.family import Head

EXACT = 1e-9  # in float64
LENGTH = 11


def shake(module: Any, *, seed: int = 3, by: float = 0.3) -> Any:
    """In float64, in eval mode, every parameter moved by N(0, by).

    A model's in the order of what computes: its numbers do not follow how parameters are registered.
    """
    generator = torch.Generator().manual_seed(seed)
    module.double().eval()

    def moved(tensor: torch.Tensor) -> torch.Tensor:
        draw: torch.Tensor = torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype)
        return tensor + draw.mul(by)

    with torch.no_grad():
        if not hasattr(module, "computation"):
            for parameter in module.parameters():
                parameter.copy_(moved(parameter))
            return module
        computation, tree = module.computation, module.tree
        found = {name: moved(computation.tensor(name)) for name in computation.tensor_names()}
        for row in tree.transfers:
            tensors = row.change.save([found[name] for name in row.ours])
            for (place, leaf), tensor in zip(map(tree.place, row.hub), tensors, strict=True):
                place._parameters[leaf].copy_(tensor)
    return module


def settings(head: Head, model_type: str, **changes: Any) -> dict[str, Any]:
    """The tiny configuration for a head of a family."""
    labels = {"num_labels": 2} if "start_positions" in head.arguments else {}
    return {**TINY[model_type], **HEAD_CONFIG.get(head.name, {}), **labels, **changes}


def config_of(model_type: str, *, task: str, **changes: Any) -> Any:
    head = family(model_type).head(task)
    assert head is not None
    return getattr(hubformer, head.name).config_class(**settings(head, model_type, **changes))


def fresh(model_type: str, *, task: str, **changes: Any) -> Any:
    """A model of a family for a task, as it comes out of its constructor."""
    head = family(model_type).head(task)
    assert head is not None
    torch.manual_seed(1)
    return getattr(hubformer, head.name)(config_of(model_type, task=task, **changes))


@cache
def model_of(model_type: str, task: str) -> Any:
    """The shaken model that tests share; they leave it as it is."""
    return shake(fresh(model_type, task=task))


@cache
def is_causal(model_type: str, task: str) -> bool:
    """Whether no token of that model sees a later one."""
    found = family(model_type)
    head = found.head(task)
    if head is None:
        return False
    spec = found.body_of(head, config_of(model_type, task=task).freeze())
    return all(layer.attention.causal for layer in spec.stack.layers)


def first_task(model_type: str) -> str:
    """The first task of a family: it has a class without head, or is made of two that have."""
    return family(model_type).heads[0].tasks[0]


TASKS = (
    "base",
    "causal-lm",
    "masked-lm",
    "pretraining",
    "next-sentence-prediction",
    "sequence-classification",
    "token-classification",
)
# Families that show here only what their decoder alone does, or their encoder: the rest is shared, or in
# the tests of families.
ONCE = (*SHARING, *encoder_decoders.TINY)
ENCODERS = ("mt5", "t5", "umt5")


def _shows(model_type: str, task: str) -> bool:
    if family(model_type).head(task) is None:
        return False
    one = "token-classification" if model_type in ENCODERS else "causal-lm"
    return task == one or model_type not in ONCE


MODELS = [(kind, task) for kind in FAMILIES for task in TASKS if _shows(kind, task)]
CAUSAL = [(kind, task) for kind, task in MODELS if is_causal(kind, task)]


def telling(pairs: list[tuple[str, str]]) -> list[Any]:
    """The pairs as parameters of a test. What a family's first causal model and its first bidirectional one
    say, its others say too, and all heads are shown on BERT and GPT-2: the others are slow."""
    seen: set[tuple[str, bool]] = set()
    found = []
    for model_type, task in pairs:
        kind = (model_type, (model_type, task) in CAUSAL)
        # A class without head is what the others stand on; the first with one tells more.
        alone = task == "base" and any(other != task and one == model_type for one, other in pairs)
        fast = model_type in ("bert", "gpt2") or not (alone or kind in seen)
        if fast:
            seen.add(kind)
        found.append(pytest.param(model_type, task, marks=[] if fast else [pytest.mark.slow]))
    return found


def random_ids(*shape: int, seed: int = 7, low: int = 6) -> Tensor:
    return torch.randint(low, VOCAB, shape, generator=torch.Generator().manual_seed(seed))


def rows_of(model: Any, *lengths: int, side: str = "right", seed: int = 7) -> dict[str, Tensor]:
    """Rows of these lengths in one padded batch; the tokens of a row do not depend on the side."""
    longest = max(lengths)
    ids = random_ids(len(lengths), longest, seed=seed)
    types = random_ids(len(lengths), longest, seed=seed + 1, low=0) % _types(model)
    mask = torch.zeros_like(ids)
    pad = getattr(model.config, "pad_token_id", None)
    for row, length in enumerate(lengths):
        mask[row, :length] = 1
        ids[row, length:] = pad if isinstance(pad, int) else 0
    batch = {"input_ids": ids, "attention_mask": mask}
    if "token_type_ids" in model.head_row.arguments:
        batch["token_type_ids"] = types
    if side == "left":
        turn = [longest - length for length in lengths]
        batch = {
            name: torch.stack([row.roll(by) for row, by in zip(t, turn, strict=True)])
            for name, t in batch.items()
        }
    return batch


def _types(model: Any) -> int:
    types = model.computation.body.limits.types
    return min(types, 5) if types else 3


def scores(output: Any) -> dict[str, Tensor]:
    """What a model says, without what it remembers."""
    found = {name: value for name, value in output.items() if isinstance(value, Tensor)}
    assert found
    return found


def of_row(value: Tensor, row: int, length: int, *, longest: int, side: str = "right") -> Tensor:
    """A row's part of an output, without its padding where there is a value per token."""
    if value.dim() < 2 or value.shape[1] != longest:
        return value[row]
    return value[row, longest - length :] if side == "left" else value[row, :length]


def away(a: Tensor, b: Tensor) -> float:
    """The largest distance between two tensors, relative to max(1, |b|)."""
    assert a.shape == b.shape
    assert torch.isfinite(a).all()
    a, b = a.detach().double().cpu(), b.detach().double().cpu()
    return float(((a - b).abs() / b.abs().clamp(min=1)).max())


def draws(*shape: int, seed: int = 0) -> Tensor:
    """Normal numbers in float64."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
