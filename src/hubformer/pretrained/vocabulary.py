"""Growing and shrinking the vocabulary of a model."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hubformer.core import Embedding
from hubformer.errors import InputError
from hubformer.models.heads import vocab_head_of


def resize_vocabulary(
    model: Any, tokens: int | None, *, multiple_of: int | None, near_mean: bool
) -> Embedding:
    """Token vectors, an untied output and its bias, all to that many rows; the configuration follows.

    Raises:
        InputError: a size below 1.
    """
    table: Embedding = model.tokens
    wanted = table.num_embeddings if tokens is None else tokens
    if not isinstance(wanted, int) or wanted < 1:
        raise InputError(
            f"The vocabulary is resized to {tokens!r}, expected a number of tokens of 1 or more."
        )
    if multiple_of is not None:
        wanted = -(-wanted // multiple_of) * multiple_of
    if wanted == table.num_embeddings:
        return table
    std = model.family.initial(model.frozen()).std
    tree = model._inner().tree
    tree.set_tensor(table, "weight", _resized(table.weight, wanted, std=std, near_mean=near_mean))
    table.num_embeddings = wanted
    head = vocab_head_of(model)
    if head is not None:
        output = getattr(head, "output", None)
        if output is not None:
            tree.set_tensor(output, "weight", _resized(output.weight, wanted, std=std, near_mean=near_mean))
            output.out_features = wanted
        if isinstance(head.bias, Tensor):
            tree.set_tensor(head, "bias", _resized(head.bias, wanted, std=0.0, near_mean=False))
    model.config.vocab_size = wanted
    return table


def _resized(weight: Tensor, rows: int, *, std: float, near_mean: bool) -> nn.Parameter:
    old = min(rows, len(weight))
    with torch.no_grad():
        fresh = torch.empty(rows, *weight.shape[1:], dtype=weight.dtype, device=weight.device)
        fresh.normal_(0.0, std) if std else fresh.zero_()
        fresh[:old] = weight[:old]
        if near_mean and rows > old:
            # At the mean a new token neither attracts nor repels; a little spread tells new ones apart.
            spread = weight.float().std(0, keepdim=True) * 1e-3
            noise = torch.randn(rows - old, *weight.shape[1:], device=weight.device) * spread
            fresh[old:] = (weight.float().mean(0, keepdim=True) + noise).to(weight.dtype)
    return nn.Parameter(fresh, requires_grad=weight.requires_grad)
