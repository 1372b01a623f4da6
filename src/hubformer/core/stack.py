"""A stack of blocks: the loop over layers, shared blocks, and two streams.

Shapes:  B rows  Q queries  L length  M model width
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from hubformer.core.blocks import LayerSpec, Memory
from hubformer.core.cache import Cache
from hubformer.core.layout import AnyLayout, Layout
from hubformer.core.norms import NormSpec
from hubformer.core.trace import Trace


@dataclass(frozen=True)
class StackSpec:
    """Layers may differ; two of them may run the same block, or read the same position table."""

    width: int
    layers: tuple[LayerSpec, ...]
    final_norm: NormSpec | None = None
    block_of: tuple[int, ...] | None = (
        None  # layer i runs block block_of[i]; ALBERT repeats one. None: its own
    )
    table_of: tuple[int, ...] | None = None  # layer i reads table table_of[i]. None: one per distinct scheme
    dropout: float = 0.0  # of the result

    def build(self) -> Stack:
        return Stack(self)


class Stack(nn.Module):
    """x (B, L, M) -> (B, L, M)"""

    def __init__(self, spec: StackSpec) -> None:
        super().__init__()
        self.spec = spec
        self.block_of = spec.block_of or tuple(range(len(spec.layers)))
        self.blocks = nn.ModuleList(
            spec.layers[self.block_of.index(block)].build(spec.width) for block in sorted(set(self.block_of))
        )
        schemes = [layer.attention.position for layer in spec.layers]
        distinct = list(dict.fromkeys(schemes))
        self.table_of = spec.table_of or tuple(distinct.index(scheme) for scheme in schemes)
        owners = [spec.layers[self.table_of.index(table)].attention for table in sorted(set(self.table_of))]
        self.tables = nn.ModuleList(
            owner.position.build_table(spec.width, heads=owner.heads, head_width=owner.head_width)
            for owner in owners
        )
        self.final_norm = spec.final_norm.build(spec.width) if spec.final_norm else nn.Identity()
        self.dropout = nn.Dropout(spec.dropout)
        self.run: Callable[..., Tensor] = _run

    def recompute_activations(self, on: bool = True) -> None:
        """Trade time for memory in training: keep only the input of each block (Chen et al. 2016,
        arXiv:1604.06174)."""
        self.run = _run_recomputed if on else _run

    def tables_for(self, layout: AnyLayout) -> list[list[Any]]:
        """What each position scheme needs to know of this pass, one entry per part of the layout."""
        return [[table(part) for part in layout.parts] for table in self.tables]

    def forward(
        self,
        x: Tensor,
        *,
        layout: AnyLayout,
        memory: Memory | None = None,
        cache: Cache | None = None,
        mems: Sequence[Tensor] | None = None,
        trace: Trace | None = None,
    ) -> Tensor:
        """mems: for each layer, earlier states (B, past, M) that its attention reads before x."""
        tables = self.tables_for(layout)
        for i, block in enumerate(self._in_order()):
            if trace is not None:
                trace.see(x)
            x = self.run(
                block,
                x,
                layout=layout,
                tables=tables[self.table_of[i]],
                context=None if mems is None else torch.cat([mems[i], x], dim=1),
                memory=memory,
                cache=None if cache is None else cache.layers[i],
                trace=None if trace is None else trace.layer(i),
            )
        x = self.dropout(self.final_norm(x))
        if trace is not None:
            trace.see(x)
        return x

    def two_streams(
        self,
        h: Tensor,
        g: Tensor,
        *,
        content: Layout,
        query: Layout,
        mems: Sequence[Tensor] | None = None,
        traces: tuple[Trace, Trace] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """XLNet's pre-training (arXiv:1906.08237): the query stream g (B, Q, M) reads the content stream
        h (B, L, M) through the same weights."""
        to_h, to_g = self.tables_for(content), self.tables_for(query)
        for i, block in enumerate(self._in_order()):
            seen = h if mems is None else torch.cat([mems[i], h], dim=1)
            table = self.table_of[i]
            if traces is not None:
                traces[0].see(h)
                traces[1].see(g)
            seen_by = [None, None] if traces is None else [trace.layer(i) for trace in traces]
            new_h = self.run(block, h, layout=content, tables=to_h[table], context=seen, trace=seen_by[0])
            g = self.run(block, g, layout=query, tables=to_g[table], context=seen, trace=seen_by[1])
            h = new_h
        h, g = self.dropout(self.final_norm(h)), self.dropout(self.final_norm(g))
        if traces is not None:
            traces[0].see(h)
            traces[1].see(g)
        return h, g

    def _in_order(self) -> list[nn.Module]:
        return [self.blocks[i] for i in self.block_of]


def _run(block: nn.Module, x: Tensor, **rest: Any) -> Tensor:
    y: Tensor = block(x, **rest)
    return y


def _run_recomputed(block: nn.Module, x: Tensor, **rest: Any) -> Tensor:
    from torch.utils.checkpoint import checkpoint

    if not (block.training and torch.is_grad_enabled()):
        return _run(block, x, **rest)
    y: Tensor = checkpoint(block, x, use_reentrant=False, **rest)
    return y
