"""Keys and values of the tokens already read. Made for a stack, owned by the caller.

Shapes:  B rows  G key/value heads  K keys so far  D head width
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from hubformer.core.layout import SequenceLayout

KeysValues = tuple[Tensor, Tensor]


class LayerCache:
    """The keys and values of one layer, in buffers that grow by doubling."""

    def __init__(self) -> None:
        self.length = 0
        self._k: Tensor | None = None
        self._v: Tensor | None = None
        self._owned = False  # whether they may be written over; the first ones are the caller's
        self._encoder_states: KeysValues | None = None

    @property
    def keys_values(self) -> KeysValues | None:
        """What was read so far, each (B, G, K, D)."""
        if self._k is None or self._v is None:
            return None
        return self._k[:, :, : self.length], self._v[:, :, : self.length]

    def extend(self, k: Tensor, v: Tensor, *, slots: Tensor | None = None) -> KeysValues:
        """Add new keys and values (B, G, new, D); return all of them.

        slots (new,): where to write them in a cache of fixed size, which is then returned whole.
        """
        if slots is not None:
            if self._k is None or self._v is None:
                raise RuntimeError("A cache that is written by slots needs reserve() first.")
            self._k.index_copy_(2, slots, k)
            self._v.index_copy_(2, slots, v)
            return self._k, self._v
        start, self.length = self.length, self.length + k.shape[2]
        if self._k is None or self._v is None:
            self._k, self._v, self._owned = k, v, False
        elif torch.is_grad_enabled() and (k.requires_grad or self._k.requires_grad):
            self._k = torch.cat([self._k[:, :, :start], k], dim=2)
            self._v, self._owned = torch.cat([self._v[:, :, :start], v], dim=2), False
        else:
            foreign = not self._owned or self._k.is_inference() != torch.is_inference_mode_enabled()
            if foreign or self.length > self._k.shape[2]:
                self._k, self._v = (_grown(t, start, 2 * self.length) for t in (self._k, self._v))
                self._owned = True
            self._k[:, :, start : self.length] = k
            self._v[:, :, start : self.length] = v
        return self._k[:, :, : self.length], self._v[:, :, : self.length]

    def reserve(self, like: Tensor, capacity: int) -> None:
        """Make room of fixed size for keys and values shaped like (B, G, any, D)."""
        shape = (*like.shape[:2], capacity, like.shape[3])
        self._k, self._v, self._owned = like.new_zeros(shape), like.new_zeros(shape), True

    def encoder_states(self, compute: Callable[[], KeysValues]) -> KeysValues:
        """The keys and values of an encoder's states: computed at the first step, kept for the others."""
        if self._encoder_states is None:
            self._encoder_states = compute()
        return self._encoder_states

    def reorder(self, rows: Tensor) -> None:
        if self._k is not None and self._v is not None:
            self._k, self._v = self._k.index_select(0, rows), self._v.index_select(0, rows)
        if self._encoder_states is not None:
            self._encoder_states = (
                self._encoder_states[0].index_select(0, rows),
                self._encoder_states[1].index_select(0, rows),
            )


def _grown(t: Tensor, length: int, capacity: int) -> Tensor:
    larger = t.new_empty((*t.shape[:2], capacity, t.shape[3]))
    larger[:, :, :length] = t[:, :, :length]
    return larger


class Cache:
    """One LayerCache per layer of a stack, and which of the tokens so far are padding.

    Iterates over (keys, values) pairs, as code written for tuples of tuples expects.
    """

    def __init__(self, layers: int) -> None:
        self.layers = [LayerCache() for _ in range(layers)]
        self.valid: Tensor | None = None  # (B, K) bool; None: no padding

    @staticmethod
    def from_pairs(pairs: Sequence[Sequence[Tensor]]) -> Cache:
        """From one (keys, values) pair per layer, each (B, G, K, D)."""
        cache = Cache(len(pairs))
        for layer, (k, v, *_) in zip(cache.layers, pairs, strict=True):
            layer.extend(k, v)
        return cache

    @property
    def length(self) -> int:
        """How many tokens of each row were read, padding included."""
        return self.layers[0].length

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return self.layers[layer_idx].length

    def layout(
        self, new: int, *, mask: Tensor | None = None, device: torch.device | None = None
    ) -> SequenceLayout:
        """The layout of that many new tokens over all that were read before.

        mask (B, past + new) or (B, new), nonzero = attended; None: all new tokens are.
        """
        past = self.length
        total = past + new
        if mask is not None:
            valid = mask.bool()
            if past and mask.shape[1] == new:
                before = valid.new_ones(len(valid), past) if self.valid is None else self.valid
                valid = torch.cat([before, valid], dim=1)
            self.valid = valid
        elif self.valid is not None:
            self.valid = torch.cat([self.valid, self.valid.new_ones(len(self.valid), new)], dim=1)
        whole = SequenceLayout.from_length(total, mask=self.valid, device=device)
        if not past:
            return whole
        return SequenceLayout(whole.key_at[:, past:], whole.key_at, whole.key_valid, all_past=new == 1)

    def reorder(self, rows: Tensor) -> None:
        """Keep these rows, in this order; a row may be named twice (beams)."""
        for layer in self.layers:
            layer.reorder(rows)
        if self.valid is not None:
            self.valid = self.valid.index_select(0, rows)

    def crop(self, length: int) -> None:
        """Forget all but the first tokens."""
        for layer in self.layers:
            layer.length = min(layer.length, length)
        if self.valid is not None:
            self.valid = self.valid[:, :length]

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, index: int) -> KeysValues:
        pair = self.layers[index].keys_values
        if pair is None:
            raise IndexError("the cache is empty")
        return pair

    def __iter__(self) -> Iterator[KeysValues]:
        return (self[i] for i in range(len(self)))
