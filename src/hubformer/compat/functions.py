"""v4's table of activations: `ACT2FN["gelu"]` is a module to call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from torch import Tensor, nn

from hubformer.core.activations import ACTIVATIONS, Activation, activation


class _Function(nn.Module):
    def __init__(self, name: str, function: Activation) -> None:
        super().__init__()
        self.name, self.function = name, function

    def forward(self, input: Tensor) -> Tensor:
        return self.function(input)

    def extra_repr(self) -> str:
        return self.name


class _Activations(Mapping[str, nn.Module]):
    def __getitem__(self, name: str) -> nn.Module:
        if name not in ACTIVATIONS:
            raise KeyError(f"function {name} not found in ACT2FN mapping {sorted(ACTIVATIONS)}")
        return _Function(name, activation(name))

    def __iter__(self) -> Iterator[str]:
        return iter(ACTIVATIONS)

    def __len__(self) -> int:
        return len(ACTIVATIONS)


ACT2FN = _Activations()


@cache
def get_activation(activation_string: str) -> nn.Module:
    return ACT2FN[activation_string]


gelu, gelu_new, silu = (ACTIVATIONS[name] for name in ("gelu", "gelu_new", "silu"))
swish = silu
