"""attend(): the only caller of scaled_dot_product_attention, and the only place where a kernel is chosen.

Shapes:  B rows  H heads  G key/value heads  Q queries  K keys  D head width
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from hubformer.core.dropout import dropout as drop
from hubformer.core.layout import AttentionMask


def attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    attention_mask: AttentionMask,
    bias: Tensor | None,
    scale: float,
    softcap: float | None,
    dropout: float,
) -> Tensor:
    """softmax(softcap(scale q k^T) + bias, where visible) v.

    q (B, H, Q, D), k and v (B, G, K, D), bias (B|1, H, Q, K) -> (B, H, Q, D)
    """
    if softcap is not None or _prefer_eager(q, dropout):
        return eager_attention(
            q, k, v, attention_mask=attention_mask, bias=bias, scale=scale, softcap=softcap, dropout=dropout
        )[0]
    grouped = q.shape[1] != k.shape[1]
    if bias is None:
        mask, causal = (None, True) if isinstance(attention_mask, str) else (attention_mask, False)
        return F.scaled_dot_product_attention(
            q, k, v, mask, dropout, is_causal=causal, scale=scale, enable_gqa=grouped
        )
    return F.scaled_dot_product_attention(
        q, k, v, _apply_mask(bias, attention_mask, q, k), dropout, scale=scale, enable_gqa=grouped
    )


def _prefer_eager(q: Tensor, dropout: float) -> bool:
    """On the CPU the fused kernel's gradient takes four times as long in 16 bits, and it has no dropout."""
    if q.device.type != "cpu" or q.dtype == torch.float64 or torch.compiler.is_compiling():
        return False
    return dropout > 0.0 or (q.dtype == torch.bfloat16 and q.requires_grad)


def eager_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    attention_mask: AttentionMask,
    bias: Tensor | None,
    scale: float,
    softcap: float | None,
    dropout: float,
) -> tuple[Tensor, Tensor]:
    """The same, step by step, with the attention weights (B, H, Q, K) beside the result."""
    if q.shape[1] != k.shape[1]:
        k, v = (t.repeat_interleave(q.shape[1] // t.shape[1], dim=1) for t in (k, v))
    scores = (scale * q) @ k.transpose(-1, -2)  # scaling q is a pass over less than scaling the scores
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    if bias is not None:
        scores = scores + bias
    # torch's softmax adds up in float32 where it is given 16 bits; autocast on CUDA gives float32 back.
    weights = drop(_apply_mask(scores, attention_mask, q, k).softmax(-1).to(q.dtype), dropout)
    return weights @ v, weights


def _apply_mask(scores: Tensor, attention_mask: AttentionMask, q: Tensor, k: Tensor) -> Tensor:
    """The scores, sunk where a query may not look; a row that sees nothing stays finite, all keys alike.

    Added and not filled in: adding one mask for all heads costs a tenth of filling each.
    """
    if attention_mask is None:
        return scores
    if isinstance(attention_mask, str):
        attention_mask = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=q.device).tril()
    additive_mask = torch.zeros(attention_mask.shape, dtype=scores.dtype, device=scores.device)
    return scores + additive_mask.masked_fill_(~attention_mask, torch.finfo(scores.dtype).min / 2)
