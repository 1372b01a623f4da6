"""Where a loss that is not finite comes from."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from hubformer.errors import TrainingDiverged


def first_bad_layer(model: nn.Module, run: Callable[[], Any]) -> str:
    """Name what first holds a number that is not finite: a parameter, a buffer, or a layer's output when
    the batch is run again without gradients."""
    for kind, named in (("parameter", model.named_parameters()), ("buffer", model.named_buffers())):
        for name, tensor in named:
            if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
                return f"the {kind} {name!r}"
    found: list[str] = []
    handles = [
        module.register_forward_hook(_watch(name, found)) for name, module in model.named_modules() if name
    ]
    try:
        with torch.no_grad():
            run()
    finally:
        for handle in handles:
            handle.remove()
    return f"the output of the layer {found[0]!r}" if found else "the loss itself: every layer is finite"


def _watch(name: str, found: list[str]) -> Callable[..., None]:
    def look(module: nn.Module, inputs: Any, output: Any) -> None:
        if found or not isinstance(output, Tensor) or not output.is_floating_point():
            return
        if not bool(torch.isfinite(output).all()):
            found.append(name)

    return look


def worst_gradient(model: nn.Module) -> str:
    """The first parameter whose gradient is not finite."""
    for name, parameter in model.named_parameters():
        if parameter.grad is not None and not bool(torch.isfinite(parameter.grad).all()):
            return name
    return "none of them alone"


def check_finite(
    model: nn.Module, *, loss: float, norm: float | None, step: str, run: Callable[[], Any]
) -> None:
    """
    Raises:
        TrainingDiverged: the loss or the gradients' norm is not finite; names the layer or the parameter.
    """
    if not math.isfinite(loss):
        raise TrainingDiverged(
            f"The loss is {loss} at {step}; first not finite: {first_bad_layer(model, run)}. The weights are "
            "those before this step. Look at the data of this batch, lower learning_rate or raise "
            "warmup_steps."
        )
    if norm is not None and not math.isfinite(norm):
        raise TrainingDiverged(
            f"The loss is {loss:.6g} but a gradient is not finite at {step}: that of "
            f"{worst_gradient(model)!r}. The weights are those before this step."
        )
