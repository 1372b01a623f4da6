"""Attention from queries to keys and values, whatever they come from.

Shapes:  B rows  Q queries  K keys  H heads  G key/value heads  D head width  M model width
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from hubformer.core.cache import KeysValues, LayerCache
from hubformer.core.kernels import attend, eager_attention
from hubformer.core.layout import AnyLayout, SequenceLayout
from hubformer.core.linear import Linear
from hubformer.core.norms import LayerNorm, NormSpec
from hubformer.core.positions import NoPosition, PositionSpec
from hubformer.core.trace import LayerTrace


@dataclass(frozen=True)
class AttentionSpec:
    """Multi-head attention (Vaswani et al. 2017, arXiv:1706.03762) and its variations, as values."""

    heads: int
    head_width: int
    kv_heads: int | None = None  # None: as many as heads
    position: PositionSpec = field(default_factory=NoPosition)
    causal: bool = False
    window: int | None = None  # the largest distance seen, in tokens
    scale: float | None = None  # None: head_width ** -0.5
    bias: bool = True
    key_bias: bool | None = None  # None: as bias
    output_bias: bool | None = None  # None: as bias
    qk_norm: NormSpec | None = None
    # Each head's numbers alone, by weights that all heads share or by its own; or those of all together.
    qk_norm_over: Literal["head", "each head", "all"] = "head"
    softcap: float | None = None
    dropout: float = 0.0  # of the attention weights

    packs: ClassVar[bool] = True  # whether rows may be laid end to end without padding
    pads: ClassVar[bool] = True  # whether a padded row says what it says alone
    has_global_tokens: ClassVar[bool] = (
        False  # whether tokens may be global, which see and are seen everywhere
    )

    def build(self, width: int) -> Attention:
        kinds = {"head": Attention, "each head": _NormedApart, "all": _NormedTogether}
        return kinds[self.qk_norm_over](self, width)


class Attention(nn.Module):
    """`forward(x, keys_values(context), ...)`; self-attention is the case context = x."""

    def __init__(self, spec: AttentionSpec, width: int) -> None:
        super().__init__()
        inner, shared = spec.heads * spec.head_width, (spec.kv_heads or spec.heads) * spec.head_width
        self.spec, self.scale = spec, spec.head_width**-0.5 if spec.scale is None else spec.scale
        self.query = Linear(width, inner, bias=spec.bias)
        self.key = Linear(width, shared, bias=spec.bias if spec.key_bias is None else spec.key_bias)
        self.value = Linear(width, shared, bias=spec.bias)
        self.output = Linear(inner, width, bias=spec.bias if spec.output_bias is None else spec.output_bias)
        widths = {"all": (inner, shared)}.get(spec.qk_norm_over, (spec.head_width, spec.head_width))
        self.query_norm, self.key_norm = (
            spec.qk_norm.build(normed) if spec.qk_norm else nn.Identity() for normed in widths
        )
        self.position = spec.position.build_layer(width, heads=spec.heads, head_width=spec.head_width)

    def split_heads(self, x: Tensor) -> Tensor:
        """(B, L, heads * D) -> (B, heads, L, D)"""
        return x.view(*x.shape[:2], -1, self.spec.head_width).transpose(1, 2)

    def normed(self, x: Tensor, norm: nn.Module) -> Tensor:
        """(B, L, heads * D) -> (B, heads, L, D)"""
        y: Tensor = norm(self.split_heads(x))
        return y

    def keys_values(self, context: Tensor) -> KeysValues:
        """The projections of what is attended to: (B, K, M) -> two (B, K, G * D)."""
        return self.key(context), self.value(context)

    def forward(
        self,
        x: Tensor,
        kv: KeysValues,
        *,
        layout: AnyLayout,
        position_states: Sequence[Any],
        cache: LayerCache | None = None,
        trace: LayerTrace | None = None,
    ) -> Tensor:
        """x (B, Q, M), kv from keys_values, tables one per group of the layout -> (B, Q, M)"""
        k, v = (layout.split_keys(t) for t in kv)
        parts = zip(layout.split(self.query(x)), k, v, layout.groups, position_states, strict=True)
        read = [
            self.read(q, (k, v), layout=part, table=table, cache=cache, trace=trace)
            for q, k, v, part, table in parts
        ]
        out: Tensor = self.output(layout.join(read))
        return out

    def read(
        self,
        q: Tensor,
        kv: KeysValues,
        *,
        layout: SequenceLayout,
        table: Any,
        cache: LayerCache | None,
        trace: LayerTrace | None,
    ) -> Tensor:
        """One rectangle of rows: q (B, Q, H * D), kv (B, K, G * D) -> (B, Q, H * D)"""
        k, v = self.normed(kv[0], self.key_norm), self.split_heads(kv[1])
        q, k = self.position.rotate(self.normed(q, self.query_norm), k, table)
        if cache is not None:
            k, v = cache.extend(k, v)
        how: dict[str, Any] = {
            "attention_mask": layout.attention_mask(causal=self.spec.causal, window=self.spec.window),
            "bias": self.position.bias(q, k, table, self),
            "scale": self.scale,
            "softcap": self.spec.softcap,
            "dropout": self.spec.dropout if self.training else 0.0,
        }
        y = attend(q, k, v, **how) if trace is None else self._traced(q, k, v, trace=trace, how=how)
        return y.transpose(1, 2).flatten(2)

    def _traced(self, q: Tensor, k: Tensor, v: Tensor, *, trace: LayerTrace, how: dict[str, Any]) -> Tensor:
        if not trace.wants_weights and trace.head_scale is None:
            return attend(q, k, v, **how)
        y, weights = eager_attention(q, k, v, **how)
        if trace.head_scale is not None:
            scale = trace.head_scale[:, None, None].to(y.dtype)
            y, weights = y * scale, weights * scale
        if trace.wants_weights:
            trace.record(weights)
        return y


class _NormedTogether(Attention):
    def normed(self, x: Tensor, norm: nn.Module) -> Tensor:
        return self.split_heads(norm(x))


class _NormedApart(Attention):
    def __init__(self, spec: AttentionSpec, width: int) -> None:
        super().__init__(spec, width)
        if isinstance(spec.qk_norm, LayerNorm):
            self.query_norm = _HeadNorm(spec.qk_norm, spec.heads, width=spec.head_width)
            self.key_norm = _HeadNorm(spec.qk_norm, spec.kv_heads or spec.heads, width=spec.head_width)


class _HeadNorm(nn.Module):
    """A norm of its own for every head."""

    def __init__(self, norm: LayerNorm, heads: int, *, width: int) -> None:
        super().__init__()
        self.plain = replace(norm, affine=False, bias=False).build(width)
        self.weight = nn.Parameter(torch.ones(heads, width))

    def forward(self, x: Tensor) -> Tensor:
        """(B, heads, L, D) -> (B, heads, L, D)"""
        y: Tensor = self.plain(x) * self.weight[:, None]
        return y
