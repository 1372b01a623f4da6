"""The activations that Hub configurations name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from hubformer.errors import ConfigError, suggestion

Activation = Callable[[Tensor], Tensor]

_tanh_gelu = partial(F.gelu, approximate="tanh")


def _quick_gelu(x: Tensor) -> Tensor:
    return x * torch.sigmoid(1.702 * x)


def _squared_relu(x: Tensor) -> Tensor:
    return F.relu(x).square()


def _same(x: Tensor) -> Tensor:
    return x


ACTIVATIONS: dict[str, Activation] = {
    "gelu": F.gelu,
    "gelu_fast": _tanh_gelu,
    "gelu_new": _tanh_gelu,
    "gelu_accurate": _tanh_gelu,
    "gelu_python": F.gelu,
    "gelu_pytorch_tanh": _tanh_gelu,
    "leaky_relu": F.leaky_relu,
    "linear": _same,
    "mish": F.mish,
    "quick_gelu": _quick_gelu,
    "relu": F.relu,
    "relu2": _squared_relu,
    "relu6": F.relu6,
    "sigmoid": torch.sigmoid,
    "silu": F.silu,
    "swish": F.silu,
    "tanh": torch.tanh,
}


def activation(name: str) -> Activation:
    """The function of that name.

    Raises:
        ConfigError: no such activation; the message names the nearest one.
    """
    if name not in ACTIVATIONS:
        raise ConfigError(
            f"The activation {name!r} is not known.{suggestion(name, ACTIVATIONS)} "
            f"Known: {', '.join(ACTIVATIONS)}."
        )
    return ACTIVATIONS[name]
