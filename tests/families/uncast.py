"""The oracle in float64 throughout.

Many of its decoders compute norms, softmax and losses in float32 whatever the model's precision, which would
hide a fault as large as float32's rounding. Here those casts leave float64 what it is.
"""

from __future__ import annotations

from functools import partial, wraps
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode


class Uncast(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        exact = bool(args) and isinstance(args[0], Tensor) and args[0].dtype == torch.float64
        if exact and func is Tensor.float:
            return args[0]
        if exact and func in (Tensor.to, Tensor.type, F.softmax, torch.softmax, Tensor.softmax):
            args = tuple(torch.float64 if a is torch.float32 else a for a in args)
            kwargs = {n: torch.float64 if v is torch.float32 else v for n, v in kwargs.items()}
        if func is torch.sqrt and not args[0].dim():  # DeBERTa's scale, which float32 would round
            args = (args[0].double(),)
        return func(*args, **kwargs)


def in_float64(oracle: Any) -> Any:
    """The model itself, converted; what it computes in float32 of numbers that are not states stays so."""
    oracle = oracle.double()
    if getattr(oracle.config, "_experts_implementation", None) == "grouped_mm":  # which has no float64
        oracle.set_experts_implementation("eager")
    for module in oracle.modules():
        if type(module).__name__ == "BloomGelu":  # constants of eight digits: test_bloom.py
            module.forward = partial(F.gelu, approximate="tanh")
        for name, buffer in module.named_buffers(recurse=False):
            if "inv_freq" in name:  # rotary angles are float32 in every published model
                module._buffers[name] = buffer.float()
            elif name == "embed_scale":  # which float32 had rounded
                module._buffers[name] = torch.tensor(module.scalar_embed_scale, dtype=torch.float64)
    inner = oracle.forward

    @wraps(inner)
    def forward(*args: Any, **kwargs: Any) -> Any:
        with Uncast():
            return inner(*args, **kwargs)

    oracle.forward = forward
    return oracle
