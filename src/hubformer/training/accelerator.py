"""`trainer.accelerator`: what scripts ask of accelerate's Accelerator, for one process on one device."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

from hubformer.training.precision import Precision


class Accelerator:
    """One process: what is gathered is there, nobody is waited for, every step applies its gradients."""

    is_main_process = is_local_main_process = is_last_process = sync_gradients = True
    num_processes, process_index, local_process_index = 1, 0, 0

    def __init__(self, precision: Precision) -> None:
        self._precision = precision
        self.device: torch.device = precision.device

    @property
    def mixed_precision(self) -> str:
        return {torch.bfloat16: "bf16", torch.float16: "fp16"}.get(self._precision.dtype, "no")  # type: ignore[arg-type]

    def autocast(self) -> AbstractContextManager[Any]:
        return self._precision.autocast()

    def backward(self, loss: Tensor) -> None:
        """The gradients of a loss, scaled where float16 needs it."""
        self._precision.backward(loss)

    def unwrap_model(self, model: nn.Module) -> nn.Module:
        """The module itself, where torch.compile wrapped it."""
        inner: nn.Module = getattr(model, "_orig_mod", model)
        return inner

    def gather(self, tensor: Any) -> Any:
        return tensor

    def gather_for_metrics(self, input_data: Any) -> Any:
        return input_data

    def pad_across_processes(self, tensor: Any, dim: int = 0, pad_index: int = 0) -> Any:
        return tensor

    def wait_for_everyone(self) -> None:
        """Nobody else is there."""

    def print(self, *given: Any) -> None:
        """Print once, not once per process."""
        sys.stdout.write(" ".join(map(str, given)) + "\n")
