"""What a caller asks to see of one pass, or to silence in it.

Shapes:  B rows  H heads  Q queries  K keys  L length  M model width  T tokens of all rows  E experts
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(eq=False)
class Trace:
    """Collects hidden states, attention weights, and what routers of experts say. Weights are computed only
    for the layers asked."""

    hidden: bool = False
    attention: bool | Collection[int] = False  # all layers, or these
    head_scale: Tensor | None = None  # (layers, H): 0 silences a head
    routing: bool = False
    hidden_states: list[Tensor] = field(default_factory=list)  # (B, L, M): before each layer, then the result
    attentions: dict[int, Tensor] = field(default_factory=dict)  # layer -> (B, H, Q, K)
    cross_attentions: dict[int, Tensor] = field(default_factory=dict)
    global_attentions: dict[int, Tensor] = field(default_factory=dict)  # layer -> (B, H, L, global queries)
    router_logits: dict[int, Tensor] = field(default_factory=dict)  # layer with experts -> (T, E)

    def record(self, x: Tensor) -> None:
        if self.hidden:
            self.hidden_states.append(x)

    def layer(self, index: int) -> LayerTrace:
        asked = self.attention if isinstance(self.attention, bool) else index in self.attention
        scale = None if self.head_scale is None else self.head_scale[index]
        routed = self.router_logits if self.routing else None
        return LayerTrace(
            asked, scale, index, self.attentions, self.cross_attentions, self.global_attentions, routed
        )


@dataclass(frozen=True, eq=False)
class LayerTrace:
    """The part of a Trace that one layer sees."""

    wants_weights: bool
    head_scale: Tensor | None
    index: int
    own: dict[int, Tensor]
    cross: dict[int, Tensor]
    global_tokens: dict[int, Tensor] = field(default_factory=dict)
    routed: dict[int, Tensor] | None = None  # None: nobody asks

    def record(self, weights: Tensor) -> None:
        self.own[self.index] = weights

    def record_global(self, weights: Tensor) -> None:
        """Those of queries that are asked apart from the others."""
        self.global_tokens[self.index] = weights

    def record_routing(self, logits: Tensor) -> None:
        """What a router says of each token, (T, E)."""
        if self.routed is not None:
            self.routed[self.index] = logits

    def for_cross_attention(self) -> LayerTrace:
        """The same layer's cross-attention: its weights go beside; the same heads are silenced, as in v4."""
        return LayerTrace(self.wants_weights, self.head_scale, self.index, self.cross, self.cross)
