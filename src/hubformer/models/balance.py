"""The loss that keeps a router from sending every token to the same few experts.

Shapes:  B rows  L length  T tokens (B * L)  E experts
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from hubformer.models.bodies import States


def balancing_loss(router_logits: Sequence[Tensor], *, chosen: int, counted: Tensor | None = None) -> Tensor:
    """How unevenly tokens lie over the experts (Fedus et al. 2021, arXiv:2101.03961, equations 4 to 6): of
    each expert the share of tokens that it was given, times its mean probability; `chosen` where all have
    alike, and more where not.

    router_logits: (T, E) of each layer, whose tokens are counted together. counted: (T,), False at padding.
    """
    rows = router_logits[0].shape[0]
    real = router_logits[0].new_ones(rows, 1) if counted is None else counted.reshape(-1, 1)
    given, probable = [], []
    for logits in router_logits:
        high = torch.promote_types(logits.dtype, torch.float32)
        probability = torch.softmax(logits, dim=-1, dtype=high)
        weight = real.to(high)
        hit = torch.zeros_like(probability).scatter(-1, probability.topk(chosen, dim=-1).indices, 1.0)
        given.append((hit * weight).sum(0))
        probable.append((probability * weight).sum(0))
    tokens = len(router_logits) * real.sum()
    share, mean = torch.stack(given).sum(0) / tokens, torch.stack(probable).sum(0) / tokens
    return share.shape[0] * (share * mean).sum()


def balanced(found: dict[str, Any], *, states: States, chosen: int, coefficient: float) -> dict[str, Any]:
    """The fields `aux_loss` and, where there is one, `loss` with so much of it; nothing unless routers were
    asked for."""
    if states.router_logits is None:
        return {}
    length, counted = states.last.shape[1], None
    valid = getattr(states.layout, "key_valid", None)
    if valid is not None:
        counted = valid[:, -length:]  # of the tokens that this pass read, not of those in a cache
    auxiliary = balancing_loss(states.router_logits, chosen=chosen, counted=counted)
    if found.get("loss") is None:
        return {"aux_loss": auxiliary}
    return {"aux_loss": auxiliary, "loss": found["loss"] + coefficient * auxiliary}
