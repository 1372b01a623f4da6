"""Loss and accuracy of the labelled tokens of a batch, as sums per row: the logits of a whole data set are
never held.

Shapes:  B rows  L length  N labelled tokens of all rows  V vocabulary
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

_IGNORE_INDEX = nn.CrossEntropyLoss().ignore_index  # -100: the label of tokens that are not counted


def masked_token_sums(logits: Tensor, labels: Tensor) -> Tensor:
    """logits (B, L, V), labels (B, L) -> (B, 3): of each row's labelled tokens the sum of the losses, their
    number, and how many have the highest logit."""
    return label_sums_by_row(logits[labels != _IGNORE_INDEX], labels)


def label_sums_by_row(logits: Tensor, labels: Tensor) -> Tensor:
    """As `masked_token_sums`, from the logits (N, V) of the labelled tokens alone, in their order."""
    labelled = labels != _IGNORE_INDEX
    row = labelled.nonzero()[:, 0]
    logits, targets = logits.float(), labels[labelled]
    losses = F.cross_entropy(logits, targets, reduction="none")
    columns = (losses, torch.ones_like(losses), (logits.argmax(-1) == targets).to(losses.dtype))
    sums = losses.new_zeros(len(labels), 3)
    return sums.index_add(0, row, torch.stack(columns, dim=1))


def next_token_sums(logits: Tensor, labels: Tensor) -> Tensor:
    """logits (B, L, V), labels (B, L) -> (B, 3): as `masked_token_sums`, where each logit predicts the next
    token, so that a row's first label is not counted."""
    # One row at a time: in float32 the logits of all may be larger than the model.
    return torch.cat(
        [masked_token_sums(x[None, :-1], y[None, 1:]) for x, y in zip(logits, labels, strict=True)]
    )


def decoder_token_sums(logits: Any, labels: Tensor) -> Tensor:
    """As `masked_token_sums`, of an encoder-decoder's logits (B, L, V), alone or before other outputs."""
    return masked_token_sums(logits[0] if isinstance(logits, tuple) else logits, labels)


class StreamedSums:
    """A compute_metrics over rows of sums. It keeps one sum, whether it is called once, or for each batch."""

    def __init__(self, finish: Callable[[Any], dict[str, float]]) -> None:
        """finish: from the sums of all rows to the metrics."""
        self._finish = finish
        self._sums: Any = 0.0

    def __call__(self, prediction: Any, compute_result: bool = True) -> dict[str, float]:
        self._sums = self._sums + np.asarray(prediction.predictions, dtype=np.float64).sum(0)
        if not compute_result:
            return {}
        sums, self._sums = self._sums, 0.0
        return self._finish(sums)


def loss_and_accuracy(sums: Any, *, name: str) -> dict[str, float]:
    """The mean loss of the labelled tokens, and the share whose highest logit is right."""
    count = max(1.0, float(sums[1]))
    return {f"{name}_loss": float(sums[0]) / count, f"{name}_accuracy": float(sums[2]) / count}
