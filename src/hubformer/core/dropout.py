"""Dropout (Srivastava et al. 2014), with cheap random bits on the CPU.

torch draws one float for each element there, which costs a third of a training step of BERT. Sixteen bits are
enough to compare with a rate, and one draw of 64 gives four of them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_LEVELS = 1 << 16  # a rate is rounded to one of them, 0.1 to 0.10001


def dropout(x: Tensor, rate: float) -> Tensor:
    """x with a share `rate` of its elements zero and the others scaled up, in any shape.

    The numbers follow torch's generator, as everywhere; but they are other ones than F.dropout's of the same
    seed, except in float64 and off the CPU, where this is F.dropout.
    """
    if rate <= 0.0:
        return x
    if x.device.type != "cpu" or x.dtype == torch.float64 or rate >= 1.0 or torch.compiler.is_compiling():
        return F.dropout(x, rate)
    dropped = round(rate * _LEVELS)
    if not 0 < dropped < _LEVELS:  # so near to 0 or 1 that sixteen bits do not tell it from them
        return F.dropout(x, rate)
    draws = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(1 << 63), None)
    bits = draws.view(torch.int16)[: x.numel()].view(x.shape)
    kept = bits >= dropped - _LEVELS // 2
    return x * kept.to(x.dtype).mul_(_LEVELS / (_LEVELS - dropped))


class Dropout(nn.Dropout):
    """`dropout` while training, nothing otherwise."""

    def forward(self, input: Tensor) -> Tensor:
        return dropout(input, self.p) if self.training else input
