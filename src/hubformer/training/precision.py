"""Number formats of a training: autocast, the loss scaler of float16, and TF32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn

from hubformer.errors import InputError


def check_precision(*, bf16: bool, fp16: bool) -> None:
    """
    Raises:
        InputError: both at once.
    """
    if bf16 and fp16:
        raise InputError("bf16 and fp16 are both set; expected at most one of them.")


def allow_tf32(wanted: bool | None) -> None:
    """Let float32 products on CUDA round their factors to 10 bits; None leaves torch's setting."""
    if wanted is None:
        return
    if wanted and not torch.cuda.is_available():
        raise InputError("tf32=True needs a CUDA device; none was found. Leave it out on a CPU.")
    if torch.cuda.is_available():
        torch.backends.cuda.matmul.allow_tf32 = wanted
        torch.backends.cudnn.allow_tf32 = wanted


@contextmanager
def weights_as(model: nn.Module, dtype: torch.dtype | None) -> Iterator[None]:
    """The floating point weights and buffers of a model in another format, and afterwards what they were, to
    the bit. None changes nothing."""
    tensors = (
        [] if dtype is None else [t for t in (*model.parameters(), *model.buffers()) if t.is_floating_point()]
    )
    kept = [one.data.cpu() if one.device.type != "cpu" else one.data for one in tensors]
    try:
        for one in tensors:
            one.data = one.data.to(dtype)
        yield
    finally:
        for one, before in zip(tensors, kept, strict=True):
            one.data = before.to(one.device)


class Precision:
    """What surrounds a forward pass, and what the optimizer's step goes through.

    Weights and the optimizer's state stay float32; `bf16` and `fp16` compute matrix products in 16 bits.
    """

    def __init__(self, device: torch.device, *, bf16: bool, fp16: bool) -> None:
        self.device = device
        self.dtype = torch.bfloat16 if bf16 else torch.float16 if fp16 else None
        self.scaler = torch.amp.GradScaler(device.type) if fp16 else None

    def autocast(self) -> AbstractContextManager[Any]:
        if self.dtype is None:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)

    def backward(self, loss: torch.Tensor) -> None:
        scaled: torch.Tensor = loss if self.scaler is None else self.scaler.scale(loss)
        scaled.backward()  # type: ignore[no-untyped-call]

    def unscale(self, optimizer: torch.optim.Optimizer) -> None:
        """Gradients at their true size, so that they can be clipped."""
        if self.scaler is not None:
            self.scaler.unscale_(optimizer)

    def step(self, optimizer: torch.optim.Optimizer) -> bool:
        """Let the optimizer step; False where float16 overflowed and the step was left out."""
        if self.scaler is None:
            optimizer.step()
            return True
        before = self.scaler.get_scale()
        self.scaler.step(optimizer)
        self.scaler.update()
        return bool(self.scaler.get_scale() >= before)

    def state(self) -> dict[str, Any]:
        return {} if self.scaler is None else dict(self.scaler.state_dict())

    def restore(self, state: dict[str, Any]) -> None:
        if self.scaler is not None and state:
            self.scaler.load_state_dict(state)
