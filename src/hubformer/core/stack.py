"""A stack of blocks: the loop over layers, shared blocks, and two streams.

Shapes:  B rows  Q queries  L length  M model width
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from hubformer.core.blocks import EncoderStates, LayerSpec
from hubformer.core.cache import Cache
from hubformer.core.dropout import Dropout
from hubformer.core.layout import AnyLayout
from hubformer.core.linear import Linear
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
    output: int | None = None  # the width to which the result is projected; None: it is not
    padding: Literal["computed", "zero"] = "computed"  # what its states are, before and after every layer

    @property
    def output_width(self) -> int:
        """How wide the states are that heads read."""
        return self.output or self.width

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
        self.project = Linear(spec.width, spec.output, bias=False) if spec.output else nn.Identity()
        self.dropout = Dropout(spec.dropout)
        mask_padding = {"computed": _same, "zero": _mask_padding}[spec.padding]
        self.mask_padding: Callable[[Tensor, AnyLayout], Tensor] = mask_padding
        self.run: Callable[..., Tensor] = _run

    def recompute_activations(self, on: bool = True) -> None:
        """Trade time for memory in training: keep only the input of each block (Chen et al. 2016,
        arXiv:1604.06174)."""
        self.run = _run_recomputed if on else _run

    @property
    def recomputes(self) -> bool:
        return self.run is _run_recomputed

    def position_states_for(self, layout: AnyLayout) -> list[list[Any]]:
        """What each position scheme needs to know of this pass, one entry per group of the layout."""
        return [[table(part) for part in layout.groups] for table in self.tables]

    def forward(
        self,
        x: Tensor,
        *,
        layout: AnyLayout,
        encoder_states: EncoderStates | None = None,
        cache: Cache | None = None,
        mems: Sequence[Tensor] | None = None,
        content: int | None = None,
        trace: Trace | None = None,
    ) -> Tensor:
        """mems: for each layer, earlier states (B, past, M) that its attention reads before x.

        content: attention reads only the first so many of x. The others look on through the same weights:
        the query stream of two (Yang et al. 2019, arXiv:1906.08237).
        """
        position_states, x = self.position_states_for(layout), self.mask_padding(x, layout)
        for i, block in enumerate(self._in_order()):
            if trace is not None:
                trace.record(x)
            seen = None if content is None else x[:, :content]
            if mems is not None:
                seen = torch.cat([mems[i], x if seen is None else seen], dim=1)
            x = self.run(
                block,
                x,
                layout=layout,
                position_states=position_states[self.table_of[i]],
                context=seen,
                encoder_states=encoder_states,
                cache=None if cache is None else cache.layers[i],
                trace=None if trace is None else trace.layer(i),
            )
            x = self.mask_padding(x, layout)
        x = self.dropout(self.project(self.final_norm(x)))
        if trace is not None:
            trace.record(x)
        return x

    def _in_order(self) -> list[nn.Module]:
        return [self.blocks[i] for i in self.block_of]


def _same(x: Tensor, layout: AnyLayout) -> Tensor:
    return x


def _mask_padding(x: Tensor, layout: AnyLayout) -> Tensor:
    return layout.mask_padding(x)


def _run(block: nn.Module, x: Tensor, **rest: Any) -> Tensor:
    y: Tensor = block(x, **rest)
    return y


def _run_recomputed(block: nn.Module, x: Tensor, **rest: Any) -> Tensor:
    from torch.utils.checkpoint import checkpoint

    if not (block.training and torch.is_grad_enabled()):
        return _run(block, x, **rest)
    y: Tensor = checkpoint(block, x, use_reentrant=False, **rest)
    return y
