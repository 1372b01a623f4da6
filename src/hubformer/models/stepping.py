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
    source: Tensor | None = None  # (B, S): the tokens that an encoder has read
    embeddings: Tensor | None = None  # (B, P, M): vectors in place of the prompt's tokens
    encoder: dict[str, Any] = field(default_factory=dict)  # what the encoder did, for the result

    def repeated(self, copies: int) -> Prompt:
        """Every row that many times in succession: (B, L) -> (B * copies, L)"""
        if copies == 1:
            return self

        def again(value: Any) -> Any:
            return value.repeat_interleave(copies, dim=0) if isinstance(value, Tensor) else value

        others = {name: again(value) for name, value in self.others.items()}
        return Prompt(
            again(self.ids),
            again(self.mask),
            again(self.types),
            others,
            again(self.source),
            again(self.embeddings),
            self.encoder,
        )

    @property
    def unwritten(self) -> int:
        """How many places the prompt's vectors take that no token of `ids` stands for."""
        return 0 if self.embeddings is None else self.embeddings.shape[1] - self.ids.shape[1]

    @property
    def answers(self) -> bool:
        """Whether an encoder has read something before."""
        return "encoder_outputs" in self.others

    @property
    def starts(self) -> Tensor | None:
        """The index of each row's first token that is not padding, (B,); None: 0 everywhere."""
        if self.mask is None or self.embeddings is not None:
            return None
        return self.mask.bool().int().argmax(-1)


# What a pass returns unless the prompt asks for more, whatever the configuration says.
_QUIET = {"return_dict": True, "output_attentions": False, "output_hidden_states": False}
_STATES = (
    "attentions",
    "hidden_states",
    "decoder_attentions",
    "cross_attentions",
    "decoder_hidden_states",
)


def _states(out: Any) -> dict[str, Any]:
    found = {name: getattr(out, name, None) for name in _STATES}
    return {name: value for name, value in found.items() if value is not None}


class DecoderRunner(Protocol):
    """Holds what was read, so that a step reads only what is new."""

    cache: Cache | None
    states: dict[str, Any]  # attentions and hidden states of the last step, where the prompt asks for them

    def scores(self, ids: Tensor) -> Tensor:
        """All tokens so far (B, L), the prompt first -> scores of the next token (B, V)"""

    def reorder(self, rows: Tensor) -> None:
        """Go on with these rows (B,) of the last step; a row may be named twice."""


class CausalStepper:
    """The step of a decoder: each token is read once, its keys and values are kept."""

    reads, sees = "input_ids", "attention_mask"  # what forward calls the tokens and their mask

    def __init__(
        self, model: Any, prompt: Prompt, *, cache: Cache | None = None, cached: bool = True
    ) -> None:
        """cache: what was read before, of these rows; cached=False reads everything at every step.

        Raises:
            InputError: the model reads in both directions, or a cache for one that keeps none.
        """
        layers = model.computation.body.spec.stack.layers
        if not all(layer.attention.causal for layer in layers):
            raise InputError(
                f"{type(model).__name__} reads in both directions, so it cannot write text token by token. "
                "Load a decoder, or, for a checkpoint that was trained as one, pass is_decoder=True."
            )
        self.model, self.prompt = model, prompt
        # The others score every token; nothing is lost but time.
        self.only_last = {"logits_to_keep": 1} if "logits_to_keep" in model.head_row.arguments else {}
        keeps = "use_cache" in model.head_row.arguments  # GPT, alone among decoders, reads everything anew
        if cache is not None and not keeps:
            raise InputError(f"{type(model).__name__} keeps no keys: leave past_key_values out.")
        self.cache = (Cache(len(layers)) if cache is None else cache) if cached and keeps else None
        self.states: dict[str, Any] = {}
        self.keeping = {"use_cache": self.cache is not None} if keeps else {}

    def scores(self, ids: Tensor) -> Tensor:
        before = self.prompt.unwritten
        length = ids.shape[1] + before
        past = 0 if self.cache is None else min(self.cache.length, length - 1)
        if self.cache is not None and past < self.cache.length:
            self.cache.crop(past)
        given = {**self.prompt.others, **self.only_last}
        if self.prompt.types is not None:
            given["token_type_ids"] = _extended(self.prompt.types, length)[:, past:]
        # A cache remembers what is padding, so the mask is told once.
        if self.prompt.mask is not None and past < self.prompt.ids.shape[1] + before:
            given[self.sees] = _extended(self.prompt.mask, length)
        if self.cache is not None:
            given["past_key_values"] = self.cache
        vectors = self.prompt.embeddings
        if vectors is None or past >= vectors.shape[1]:
            given[self.reads] = ids[:, past - before :]
        else:
            new = self.model.get_input_embeddings()(ids[:, vectors.shape[1] - before :])
            given["inputs_embeds"] = torch.cat([vectors, new], dim=1)[:, past:]
        out = self.model(**{**_QUIET, **self.keeping, **given})
        self.states = _states(out)
        scores: Tensor = out.logits[:, -1]
        return scores

    def reorder(self, rows: Tensor) -> None:
        if self.cache is not None:
            self.cache.reorder(rows)


def _extended(values: Tensor, length: int) -> Tensor:
    """Values of the prompt's tokens (B, prompt), and for each token since then the last: (B, L)"""
    new = max(length - values.shape[1], 0)
    return torch.cat([values, values[:, -1:].expand(-1, new)], dim=1)


class AnsweringStepper(CausalStepper):
    """The step of a decoder that reads an encoder's states, which come with the prompt and stay the same."""

    reads, sees = "decoder_input_ids", "decoder_attention_mask"


class TargetStepper:
    """The step of a model that reads in both directions and is asked for one target (XLNet,
    arXiv:1906.08237): a token that nobody sees stands behind the others, and is what is scored.

    With mems, only the last two tokens are read again beside the states of those before; they see what
    came after them, which those states have not.
    """

    again = 2  # tokens that are read a second time

    def __init__(
        self, model: Any, prompt: Prompt, *, cache: Cache | None = None, cached: bool = True
    ) -> None:
        """cached=False, or use_mems=False among the prompt's arguments, reads everything at every step.

        Raises:
            InputError: a cache, which such a model does not have; padding where mems cannot tell it.
        """
        if cache is not None:
            raise InputError(f"{type(model).__name__} keeps mems, not keys: leave past_key_values out.")
        if prompt.mask is not None and model.computation.body.spec.memories.new:
            raise InputError(
                "This model's mems are the beginning of what it reads (reuse_len), so padding among them "
                "cannot be told. Generate without padding, row by row."
            )
        self.cache: Cache | None = None
        self.states: dict[str, Any] = {}
        self.model, self.prompt = model, prompt
        self.mems: tuple[Tensor, ...] | None = None  # of each layer (past, B, M)
        self.others = {**prompt.others}
        self.use_mems = self.others.pop("use_mems", None) if cached else False  # None: as configured

    def scores(self, ids: Tensor) -> Tensor:
        length, given = ids.shape[1], dict(self.others)
        start = 0
        if self.mems is not None:
            start = length - self.again
            given["mems"] = self.mems
        asked = torch.nn.functional.pad(ids[:, start:], (0, 1))
        if self.prompt.types is not None:
            given["token_type_ids"] = _extended(self.prompt.types, length + 1)[:, start:]
        if self.prompt.mask is not None:
            keys = asked.shape[1] + (0 if self.mems is None else self.mems[0].shape[0])
            given["attention_mask"] = _extended(self.prompt.mask, length + 1)[:, -keys:]
        unseen = torch.zeros(*asked.shape, asked.shape[1], device=ids.device, dtype=self.model.dtype)
        unseen[:, :, -1] = 1
        out = self.model(
            input_ids=asked,
            perm_mask=unseen,
            target_mapping=unseen[:, :1],
            use_mems=self.use_mems,
            **{**_QUIET, **given},
        )
        self.states = _states(out)
        self.mems = None if out.mems is None else tuple(layer[: -self.again] for layer in out.mems)
        scores: Tensor = out.logits[:, -1]
        return scores

    def reorder(self, rows: Tensor) -> None:
        if self.mems is not None:
            self.mems = tuple(layer.index_select(1, rows) for layer in self.mems)


class MaskStepper:
    """The step of a model that is asked for the token under a mask, which stands behind those so far (XLM,
    arXiv:1901.07291). Everything is read anew at every step, in the language that the configuration names.
    """

    def __init__(
        self, model: Any, prompt: Prompt, *, cache: Cache | None = None, cached: bool = True
    ) -> None:
        """cached=False is what happens in any case.

        Raises:
            InputError: a cache, which such a model does not have.
        """
        if cache is not None:
            raise InputError(f"{type(model).__name__} keeps no keys: leave past_key_values out.")
        self.cache: Cache | None = None
        self.states: dict[str, Any] = {}
        self.model, self.prompt = model, prompt

    def scores(self, ids: Tensor) -> Tensor:
        config, length = self.model.config, ids.shape[1] + 1
        asked = torch.nn.functional.pad(ids, (0, 1), value=config.mask_token_id)
        given = dict(self.prompt.others)
        if "langs" not in given and config.lang_id is not None:
            given["langs"] = torch.full_like(asked, config.lang_id)
        elif given.get("langs") is not None:
            given["langs"] = _extended(given["langs"], length)
        # Without a mask, every token of the padding's id would count as padding.
        mask = torch.ones_like(ids) if self.prompt.mask is None else self.prompt.mask
        given["attention_mask"] = _extended(mask, length)
        if self.prompt.types is not None:
            given["token_type_ids"] = _extended(self.prompt.types, length)
        out = self.model(input_ids=asked, **{**_QUIET, **given})
        self.states = _states(out)
        scores: Tensor = out.logits[:, -1]
        return scores

    def reorder(self, rows: Tensor) -> None:
        """Nothing is kept."""
