"""What a forward pass is given, under the Hub's names, and the checks that turn crashes into sentences.

Shapes:  B rows  L length  C choices  M model width
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from hubformer.core import Cache
from hubformer.errors import InputError, UnknownArgument, refuse_unknown
from hubformer.models.config import PreTrainedConfig


@dataclass(frozen=True, eq=False)
class Inputs:
    """Every argument that some family's forward takes; those that were not given are None."""

    input_ids: Tensor | None = None  # (B, L), or (B, C, L) for multiple choice
    attention_mask: Tensor | None = None  # (B, L), nonzero = attended; or (B, Q, K)
    global_attention_mask: Tensor | None = None  # (B, L), nonzero = sees and is seen everywhere
    langs: Tensor | None = None  # (B, L), of each token
    lengths: Tensor | None = None  # (B,), where padding begins, in place of attention_mask
    cache: object = None  # accepted for v4's order of arguments; who takes it says that there is none
    token_type_ids: Tensor | None = None  # (B, L)
    position_ids: Tensor | None = None  # (B|1, L)
    head_mask: Tensor | None = None  # (heads,) or (layers, heads); 0 silences
    inputs_embeds: Tensor | None = None  # (B, L, M) in place of input_ids
    decoder_input_ids: Tensor | None = None  # (B, T)
    decoder_attention_mask: Tensor | None = None  # (B, T)
    decoder_inputs_embeds: Tensor | None = None  # (B, T, M) in place of decoder_input_ids
    decoder_head_mask: Tensor | None = None
    cross_attn_head_mask: Tensor | None = None
    encoder_outputs: Any = None  # of an encoder that ran before: its output, or a tuple
    encoder_hidden_states: Tensor | None = None  # (B, K, M)
    encoder_attention_mask: Tensor | None = None  # (B, K)
    past_key_values: Cache | Sequence[Sequence[Tensor]] | None = None
    cache_position: Tensor | None = None  # accepted for code written for v4; the cache knows
    use_cache: bool | None = None
    labels: Tensor | None = None  # -100 is not counted
    next_sentence_label: Tensor | None = None  # (B,)
    sentence_order_label: Tensor | None = None  # (B,)
    start_positions: Tensor | None = None  # (B,)
    end_positions: Tensor | None = None  # (B,)
    is_impossible: Tensor | None = None  # (B,)
    question_lengths: Tensor | None = None  # (B,) or (B, 1): the tokens of a row before its second text
    cls_index: Tensor | None = None  # (B,)
    p_mask: Tensor | None = None  # (B, L), 1 = cannot be in the answer
    mc_token_ids: Tensor | None = None  # (B, C)
    mc_labels: Tensor | None = None  # (B,)
    mems: Sequence[Tensor] | None = None  # one (past, B, M) per layer
    perm_mask: Tensor | None = None  # (B, L, L), 1 = may not look
    target_mapping: Tensor | None = None  # (B, targets, L), one-hot
    input_mask: Tensor | None = None  # (B, L), 1 = padding: the opposite of attention_mask
    use_mems: bool | None = None
    logits_to_keep: int | Tensor = 0  # 0: all; n: the last n; or indices
    output_attentions: bool | None = None
    output_hidden_states: bool | None = None
    output_router_logits: bool | None = None
    return_dict: bool | None = None

    @property
    def batch_shape(self) -> torch.Size:
        """(B, L), or (B, C, L)."""
        if self.input_ids is not None:
            return self.input_ids.shape
        assert self.inputs_embeds is not None
        return self.inputs_embeds.shape[:-1]

    @property
    def device(self) -> torch.device:
        given = self.input_ids if self.input_ids is not None else self.inputs_embeds
        assert given is not None
        return given.device


NAMES = tuple(field.name for field in fields(Inputs))
# One of these per token: flattened together where a row holds several choices.
PER_TOKEN = (
    "input_ids",
    "attention_mask",
    "global_attention_mask",
    "langs",
    "token_type_ids",
    "position_ids",
    "input_mask",
)


def forward_taking(known: tuple[str, ...], *, of: str) -> Callable[..., Any]:
    """A `forward` with exactly these arguments, in this order, for a class of that name.

    The argument lists of v4 differ from class to class, in order too. Written as data they stay readable; an
    unknown argument is an error that suggests the nearest one.
    """
    unknown = set(known) - set(NAMES)
    if unknown:
        raise ValueError(f"{of} is declared with arguments that Inputs does not have: {sorted(unknown)}")

    def forward(self: Any, *values: Any, **named: Any) -> Any:
        if len(values) > len(known):
            raise UnknownArgument(
                f"{of}.forward takes {len(known)} arguments by position, {len(values)} were given."
            )
        by_place = dict(zip(known, values))  # noqa: B905 - the rest is given by name
        twice = by_place.keys() & named.keys()
        if twice:
            raise UnknownArgument(f"{of}.forward got {sorted(twice)[0]!r} by position and by name.")
        if not named.keys() <= set(known):
            refuse_unknown(named, known, call=f"{of}.forward")
        return self.run(Inputs(**by_place, **named))

    forward.__qualname__ = f"{of}.forward"
    forward.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
        + [
            inspect.Parameter(
                name,
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=Inputs.__dataclass_fields__[name].default,
                annotation=Inputs.__dataclass_fields__[name].type,
            )
            for name in known
        ]
    )
    return forward


def flatten_choices(inputs: Inputs, config: PreTrainedConfig) -> Inputs:
    """(B, C, L) -> (B * C, L), for every tensor that has one number per token."""
    flat = {
        name: value.flatten(0, 1)
        for name in PER_TOKEN
        if (value := getattr(inputs, name)) is not None and value.dim() == 3
    }
    if inputs.inputs_embeds is not None and inputs.inputs_embeds.dim() == 4:
        flat["inputs_embeds"] = inputs.inputs_embeds.flatten(0, 1)
    return replace(inputs, **flat)


@dataclass(frozen=True)
class Limits:
    """What a body can read."""

    vocab: int
    length: int | None = None  # the most tokens a row may have; None: any number
    types: int | None = None  # token types; None: any
    places: int | None = None  # rows of the position table
    languages: int | None = None  # rows of the table of languages; None: any


def check(inputs: Inputs, limits: Limits) -> None:
    """Refuse inputs that would crash inside or, worse, be answered.

    Values are looked at on the CPU only, where that costs no synchronisation.

    Raises:
        InputError: says which argument, what it holds and what it may hold.
    """
    if inputs.encoder_outputs is not None and inputs.input_ids is None and inputs.inputs_embeds is None:
        return  # an encoder has read them
    if (inputs.input_ids is None) == (inputs.inputs_embeds is None):
        raise InputError("Pass either input_ids or inputs_embeds, and not both.")
    _refuse_lists(inputs)
    shape = inputs.batch_shape
    if len(shape) != 2:
        raise InputError(f"input_ids has the shape {list(shape)}, expected (rows, length).")
    if 0 in shape:
        raise InputError(f"input_ids has the shape {list(shape)}: there is no token to read.")
    _check_ids("input_ids", inputs.input_ids, below=limits.vocab, of="the vocabulary")
    _check_ids("langs", inputs.langs, below=limits.languages, of="the languages")
    _check_ids("token_type_ids", inputs.token_type_ids, below=limits.types, of="the token types")
    past = _past_length(inputs.past_key_values) + _remembered(inputs.mems)
    total = past + shape[1]
    if limits.length is not None and inputs.position_ids is None and total > limits.length:
        raise InputError(
            f"The input has {total} tokens, the model reads at most {limits.length}. Shorten it, or let the "
            "tokenizer do so with truncation=True."
        )
    _check_ids("position_ids", inputs.position_ids, below=limits.places, of="the position table")
    _check_mask(inputs.attention_mask, shape, past=past)
    global_tokens = inputs.global_attention_mask
    if global_tokens is not None and global_tokens.shape != shape:
        raise InputError(
            f"global_attention_mask has the shape {list(global_tokens.shape)}, expected {list(shape)} as "
            "input_ids."
        )


def _refuse_lists(inputs: Inputs) -> None:
    for name in (*PER_TOKEN, "inputs_embeds", "labels"):
        value = getattr(inputs, name)
        if value is not None and not isinstance(value, Tensor):
            raise InputError(
                f"{name} is a {type(value).__name__}, expected a tensor. Call the tokenizer with "
                'return_tensors="pt", or make one with torch.tensor(…).'
            )


def _past_length(past: Any) -> int:
    if past is None:
        return 0
    return past.length if isinstance(past, Cache) else past[0][0].shape[2]


def _remembered(mems: Sequence[Tensor] | None) -> int:
    return 0 if mems is None or len(mems) == 0 or mems[0] is None else len(mems[0])


def _check_ids(name: str, ids: Tensor | None, *, below: int | None, of: str) -> None:
    if ids is None:
        return
    if ids.dtype.is_floating_point or ids.dtype.is_complex or ids.dtype == torch.bool:
        raise InputError(f"{name} has the dtype {ids.dtype}, expected whole numbers such as torch.long.")
    if ids.device.type != "cpu" or ids.numel() == 0:
        return
    low, high = (int(bound) for bound in torch.aminmax(ids))
    if low < 0 or (below is not None and high >= below):
        bad = low if low < 0 else high
        raise InputError(
            f"{name} holds {bad}, expected 0 to {'more' if below is None else below - 1} for {of}. Check "
            "that tokenizer and model belong together."
        )


def _check_mask(mask: Tensor | None, shape: torch.Size, *, past: int) -> None:
    if mask is None:
        return
    rows, length = shape
    fits = {
        2: mask.shape in ((rows, length), (rows, past + length)),
        3: mask.shape == (rows, length, past + length),
    }
    if not fits.get(mask.dim(), False):
        raise InputError(
            f"attention_mask has the shape {list(mask.shape)}, expected {[rows, past + length]} as "
            f"input_ids, or {[rows, length, past + length]} to say it for every pair of tokens."
        )
