"""Which device and dtype a pipeline runs in."""

from __future__ import annotations

from typing import Any

import torch

from hubformer.errors import InputError


def device_of(device: Any) -> torch.device:
    """The device that a user means. None: the first accelerator, else the CPU; -1 is the CPU.

    Raises:
        InputError: there is no such device here.
    """
    if device is None or device == "auto":
        device = "cuda:0" if torch.cuda.is_available() else "cpu"
    if isinstance(device, int) and not isinstance(device, bool):
        device = "cpu" if device < 0 or not torch.cuda.is_available() else f"cuda:{device}"
    try:
        result = torch.device(device)
    except (RuntimeError, TypeError):
        raise InputError(f"device is {device!r}, expected one such as 'cpu', 'cuda', 0 or -1.") from None
    if result.type == "cuda":
        count = torch.cuda.device_count()
        if (result.index or 0) >= count:
            raise InputError(
                f"device is {device!r}, but this machine has {count} CUDA devices. Pass device='cpu'."
            )
        return torch.device("cuda", result.index or 0)
    return result


def placed(model: Any, device: torch.device, *, dtype: Any = None) -> Any:
    """The model on the device, in the dtype (a torch.dtype or its name; None or "auto": its own).

    Raises:
        InputError: there is no such dtype.
    """
    if dtype in (None, "auto"):
        wanted = None
    else:
        wanted = getattr(torch, dtype.removeprefix("torch."), None) if isinstance(dtype, str) else dtype
        if not isinstance(wanted, torch.dtype):
            raise InputError(f"dtype is {dtype!r}, expected one such as torch.bfloat16 or 'float16'.")
    parameter = next(model.parameters(), None)
    if parameter is None or (parameter.device == device and wanted in (None, parameter.dtype)):
        return model
    return model.to(device=device, dtype=wanted)
