"""What a block does to each token alone.

Shapes:  M model width
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from hubformer.core.activations import ACTIVATIONS, activation
from hubformer.core.dropout import Dropout
from hubformer.core.linear import Linear
from hubformer.core.trace import LayerTrace


@dataclass(frozen=True)
class FeedForward:
    """Two projections around an activation, or three with a gate (Shazeer 2020, arXiv:2002.05202)."""

    hidden: int
    activation: str = "gelu"
    gated: bool = False
    bias: bool = True
    down_bias: bool | None = None  # of the last projection; None: as bias
    dropout: float = 0.0  # between the two projections

    def build(self, width: int) -> nn.Module:
        activation(self.activation)
        return (_GatedFeedForward if self.gated else _FeedForward)(self, width)


class _FeedForward(nn.Module):
    def __init__(self, spec: FeedForward, width: int) -> None:
        super().__init__()
        self.activation, self.dropout = spec.activation, Dropout(spec.dropout)
        self.up = Linear(width, spec.hidden, bias=spec.bias)
        down_bias = spec.bias if spec.down_bias is None else spec.down_bias
        self.down = Linear(spec.hidden, width, bias=down_bias)

    def forward(self, x: Tensor, *, trace: LayerTrace | None = None) -> Tensor:
        """x (..., M) -> (..., M). There is nothing to trace: every token takes the same way."""
        y: Tensor = self.down(self.dropout(self.up(x, activation=self.activation)))
        return y


class _GatedFeedForward(_FeedForward):
    def __init__(self, spec: FeedForward, width: int) -> None:
        super().__init__(spec, width)
        self.gate = Linear(width, spec.hidden, bias=spec.bias)

    def forward(self, x: Tensor, *, trace: LayerTrace | None = None) -> Tensor:
        opened = ACTIVATIONS[self.activation](self.gate(x))
        y: Tensor = self.down(self.dropout(opened * self.up(x)))
        return y
