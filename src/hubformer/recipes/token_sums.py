"""What is measured of tokens that a model was to find: sums over them, kept in little memory.

Shapes:  B rows  L length  N tokens that were asked for, of all rows  V vocabulary
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from hubformer.training.masking import IGNORED


def hidden_tokens(scores: Tensor, labels: Tensor) -> Tensor:
    """scores (B, L, V), labels (B, L) -> (B, 3): of each row's hidden tokens the sum of the losses, their
    number, and how many have the highest score."""
    return sums_by_row(scores[labels != IGNORED], labels)


def sums_by_row(scores: Tensor, labels: Tensor) -> Tensor:
    """As `hidden_tokens`, from the scores (N, V) of the hidden tokens alone, in their order."""
    asked = labels != IGNORED
    row = asked.nonzero()[:, 0]
    chosen, right = scores.float(), labels[asked]
    losses = F.cross_entropy(chosen, right, reduction="none")
    columns = (losses, torch.ones_like(losses), (chosen.argmax(-1) == right).to(losses.dtype))
    sums = losses.new_zeros(len(labels), 3)
    return sums.index_add(0, row, torch.stack(columns, dim=1))


def written_tokens(scores: Any, labels: Tensor) -> Tensor:
    """Of an encoder-decoder's scores (B, L, V), alone or before other outputs, what `hidden_tokens` keeps."""
    return hidden_tokens(scores[0] if isinstance(scores, tuple) else scores, labels)


class Sums:
    """compute_metrics over rows of sums. It keeps one sum, whether it is called once, or for each batch."""

    def __init__(self, measured: Callable[[Any], dict[str, float]]) -> None:
        """measured: from the sums of all rows to the metrics."""
        self._measured = measured
        self._sums: Any = 0.0

    def __call__(self, prediction: Any, compute_result: bool = True) -> dict[str, float]:
        self._sums = self._sums + np.asarray(prediction.predictions, dtype=np.float64).sum(0)
        if not compute_result:
            return {}
        sums, self._sums = self._sums, 0.0
        return self._measured(sums)


def of_hidden(sums: Any, *, name: str) -> dict[str, float]:
    """The mean loss of hidden tokens, and the share that was found."""
    asked = max(1.0, float(sums[1]))
    return {f"{name}_loss": float(sums[0]) / asked, f"{name}_accuracy": float(sums[2]) / asked}
