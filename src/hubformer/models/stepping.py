"""How a model reads the tokens so far and scores the next one: the slot that lets families generate.

Shapes:  B rows  L tokens so far  V vocabulary
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from hubformer.core import Cache
from hubformer.errors import InputError


@dataclass(frozen=True, eq=False)
class Prompt:
    """What generation starts from. Padding stands on the left."""

    ids: Tensor  # (B, L)
    mask: Tensor | None = None  # (B, L), nonzero = attended; None: no padding
    types: Tensor | None = None  # (B, L) token types; a new token has the type of the last
    others: dict[str, Any] = field(default_factory=dict)  # arguments that are the same at every step

    def repeated(self, copies: int) -> Prompt:
        """Every row that many times in succession: (B, L) -> (B * copies, L)"""
        if copies == 1:
            return self

        def again(value: Any) -> Any:
            return value.repeat_interleave(copies, dim=0) if isinstance(value, Tensor) else value

        others = {name: again(value) for name, value in self.others.items()}
        return Prompt(again(self.ids), again(self.mask), again(self.types), others)

    @property
    def starts(self) -> Tensor | None:
        """The index of each row's first token that is not padding, (B,); None: 0 everywhere."""
        return None if self.mask is None else self.mask.bool().int().argmax(-1)


class Stepper(Protocol):
    """Holds what was read, so that a step reads only what is new."""

    cache: Cache | None

    def scores(self, ids: Tensor) -> Tensor:
        """All tokens so far (B, L), the prompt first -> scores of the next token (B, V)"""

    def reorder(self, rows: Tensor) -> None:
        """Go on with these rows (B,) of the last step; a row may be named twice."""


class CausalStepper:
    """The step of a decoder: each token is read once, its keys and values are kept."""

    def __init__(
        self, model: Any, prompt: Prompt, *, cache: Cache | None = None, cached: bool = True
    ) -> None:
        """cache: what was read before, of these rows; cached=False reads everything at every step.

        Raises:
            InputError: the model reads in both directions.
        """
        layers = model.body.spec.stack.layers
        if not all(layer.attention.causal for layer in layers):
            raise InputError(
                f"{type(model).__name__} reads in both directions, so it cannot write text token by token. "
                "Load a decoder, or, for a checkpoint that was trained as one, pass is_decoder=True."
            )
        self.model, self.prompt = model, prompt
        self.cache = (Cache(len(layers)) if cache is None else cache) if cached else None

    def scores(self, ids: Tensor) -> Tensor:
        past = 0 if self.cache is None else min(self.cache.length, ids.shape[1] - 1)
        if self.cache is not None and past < self.cache.length:
            self.cache.crop(past)
        given = dict(self.prompt.others)
        if self.prompt.types is not None:
            given["token_type_ids"] = _extended(self.prompt.types, ids.shape[1])[:, past:]
        # A cache remembers what is padding, so the mask is told once.
        if self.prompt.mask is not None and past < self.prompt.ids.shape[1]:
            given["attention_mask"] = _extended(self.prompt.mask, ids.shape[1], by_one=True)
        if self.cache is not None:
            given["past_key_values"] = self.cache
        out = self.model(
            input_ids=ids[:, past:],
            use_cache=self.cache is not None,
            logits_to_keep=1,
            return_dict=True,
            output_attentions=False,
            output_hidden_states=False,
            **given,
        )
        scores: Tensor = out.logits[:, -1]
        return scores

    def reorder(self, rows: Tensor) -> None:
        if self.cache is not None:
            self.cache.reorder(rows)


def _extended(values: Tensor, length: int, *, by_one: bool = False) -> Tensor:
    """Values of the prompt's tokens (B, prompt), and for each token since then the last, or 1: (B, L)"""
    new = length - values.shape[1]
    if new <= 0:
        return values
    last = torch.ones_like(values[:, :1]) if by_one else values[:, -1:]
    return torch.cat([values, last.expand(-1, new)], dim=1)
