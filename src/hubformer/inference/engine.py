"""Rows of tokens through a model, in input order, with as little padding and as few calls as possible.

Rows are sorted by length and cut into packs of a bounded number of tokens. A pack has no padding: its rows
are laid end to end, the linear layers see only real tokens, and attention runs once per group of equal
length. Models that cannot read a pack get padded batches of rows of similar length instead, or, where padding
would change what they say, batches of rows of equal length.

Shapes:  B rows  L length  T tokens of a pack  N labels
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn.modules import module as torch_module

from hubformer.core import AnyLayout, PackedLayout, SequenceLayout
from hubformer.models.heads import Context
from hubformer.models.inputs import Inputs, Limits, check
from hubformer.models.model import Model

# Tokens in one pass. On the CPU 512 to 8192 measure the same; a GPU wants more work in each call.
BUDGET = {"cpu": 2048}
BUDGET_ELSEWHERE = 16384
FIRST_CHUNK, LARGEST_CHUNK = 32, 1024  # rows looked ahead

_Item = TypeVar("_Item")
Progress = Callable[[float], None]  # is told the share of the work that was just done
Pool = Callable[[Tensor], Tensor]  # states of rows of equal length, (B, L, M) -> a vector for each, (B, N)


@dataclass(frozen=True, eq=False)
class EncodedInput:
    """One row: token ids and, where the model has them, token types. Both of length L.

    kept: the places whose scores are wanted, of a head that scores every token; None: all.
    """

    ids: Sequence[int]
    types: Sequence[int] | None = None
    kept: Sequence[int] | None = None


def chunks(items: Iterable[_Item], *, first: int = LARGEST_CHUNK) -> Iterator[list[_Item]]:
    """Lists of items to be answered together. Each is twice as long as the one before, up to LARGEST_CHUNK:
    a small first one gives the first answers of a slow source early."""
    rest, size = iter(items), first
    while chunk := list(islice(rest, size)):
        yield chunk
        size = min(2 * size, LARGEST_CHUNK)


class Engine:
    """Runs rows through one model. Keeps no state between calls, so that threads may share it."""

    def __init__(self, model: Model, *, pad_id: int = 0, pad_left: bool = False) -> None:
        """pad_id and pad_left: how batches are padded, for models that cannot read a pack."""
        self.model, self.pad_id, self.pad_left = model, pad_id, pad_left
        self.takes = _arguments_of(model)

    @classmethod
    def of(cls, model: Model, tokenizer: Any) -> Engine:
        """An engine that pads as the model's tokenizer says."""
        pad = tokenizer.pad_token_id
        return cls(model, pad_id=0 if pad is None else pad, pad_left=tokenizer.padding_side == "left")

    @property
    def packs(self) -> bool:
        """Whether the model reads packed rows, and a pack gives what its forward gives: no hook waits for a
        call of it or of a module in it, and neither forward nor a module is anyone else's."""
        row = self.model.head_row
        if row is None or not hasattr(self.model.computation.body, "read") or row.prepare is not None:
            return False
        if not all(layer.attention.packs for layer in self.model.computation.body.spec.stack.layers):
            return False
        return _own_forward(self.model) and not _is_hooked(self.model)

    @property
    def pads(self) -> bool:
        """Whether the model reads padded rows as it reads each alone."""
        if self.model.head_row is None:
            return True
        return all(layer.attention.pads for layer in self.model.computation.body.spec.stack.layers)

    @property
    def longest(self) -> int | None:
        """The most tokens a row may have; None: any number."""
        if self.model.head_row is None:
            return None
        limits: Limits = self.model.computation.body.limits
        return limits.length

    def run(
        self,
        rows: Sequence[EncodedInput],
        *,
        pool: Pool | None = None,
        budget: int | None = None,
        progress: Progress | None = None,
    ) -> list[Tensor]:
        """What the model's head says of each row: (N,), or (L, N) from a head that scores every token.

        On the CPU, in float32 or better. With `pool`, what it makes of the last states instead of a head; it
        is given them without padding, pack by pack. budget: the most tokens in one pass, one row at least.

        Raises:
            InputError: ids that the model does not have.
        """
        found: list[Tensor | None] = [None] * len(rows)
        whole = sum(len(row.ids) for row in rows)
        packs = self.packs
        read = self._packed if packs else self._padded
        for places in self._packs(rows, budget, packs=packs):
            pack = [rows[place] for place in places]
            with torch.inference_mode():
                scores = read(pack, pool)
            for place, score in zip(places, scores, strict=True):
                kept = rows[place].kept
                found[place] = score if kept is None else score[list(kept)]
            if progress is not None:
                progress(sum(len(row.ids) for row in pack) / whole)
        return found  # type: ignore[return-value]  # every place was in one pack

    def _packs(
        self, rows: Sequence[EncodedInput], budget: int | None = None, *, packs: bool = True
    ) -> Iterator[list[int]]:
        """Places of rows that are read together: neighbours in length, at most a budget of tokens."""
        pads = self.pads
        budget = BUDGET.get(self.model.device.type, BUDGET_ELSEWHERE) if budget is None else budget
        places: list[int] = []
        tokens = 0
        for place in sorted(range(len(rows)), key=lambda place: len(rows[place].ids)):
            length = len(rows[place].ids)
            # In a padded batch every row costs as much as its longest, which is the last.
            total = tokens + length if packs else (len(places) + 1) * length
            longer = bool(places) and length > len(rows[places[-1]].ids)
            if places and (total > budget or (longer and not packs and not pads)):
                yield places
                places, tokens = [], 0
            places.append(place)
            tokens += length
        if places:
            yield places

    def _packed(self, pack: Sequence[EncodedInput], pool: Pool | None) -> list[Tensor]:
        model, device = self.model, self.model.device
        lengths = [len(row.ids) for row in pack]
        layout: AnyLayout = PackedLayout.from_lengths(lengths, device=device)
        shape = (1, -1)
        if lengths[0] == lengths[-1]:
            layout, shape = SequenceLayout.from_length(lengths[0], device=device), (len(pack), -1)
        ids = torch.tensor(list(chain.from_iterable(row.ids for row in pack))).view(shape)
        types = None
        if "token_type_ids" in self.takes and pack[0].types is not None:
            types = torch.tensor(list(chain.from_iterable(row.types or () for row in pack))).view(shape)
        inputs = Inputs(input_ids=ids, token_type_ids=types)
        limits: Limits = model.computation.body.limits
        check(inputs, Limits(limits.vocab, None, limits.types))
        ids, types = ids.to(device), None if types is None else types.to(device)
        states = model.computation.body.read(ids, layout=layout, types=types)
        if pool is not None:
            return [row for part in layout.split(states.last) for row in _high(pool(part)).unbind()]
        # Inputs() and not inputs: a pack has no rectangle of ids, and a head must go by the layout.
        scores = model.computation.head(
            states.last, Context(layout, Inputs(), model.computation.body.embedding.tokens)
        )
        scores = _high(states.last if scores is None else scores)
        if scores.dim() == 2:
            return list(scores.unbind())
        return [row for part in layout.split(scores) for row in part.unbind()]

    def _padded(self, batch: Sequence[EncodedInput], pool: Pool | None) -> list[Tensor]:
        arguments = self.padded(batch)
        if "return_dict" in self.takes:  # the configuration may say otherwise, and outputs are read by name
            arguments["return_dict"] = True
        output = self.model(**arguments)
        if pool is None:
            return self._without_padding(_high(_scores_of(output)), batch)
        return [_high(pool(states[None]))[0] for states in self._without_padding(output[0], batch)]

    def padded(self, batch: Sequence[EncodedInput]) -> dict[str, Any]:
        """The arguments of the model's forward for a padded batch, of v4's shape: each (B, L)."""
        longest = max(len(row.ids) for row in batch)

        def filled(values: Iterable[Sequence[int]], pad: int) -> Tensor:
            rows = [
                [pad] * (longest - len(v)) + list(v) if self.pad_left else [*v, *[pad] * (longest - len(v))]
                for v in values
            ]
            return torch.tensor(rows, device=self.model.device)

        arguments: dict[str, Any] = {"input_ids": filled((row.ids for row in batch), self.pad_id)}
        if "attention_mask" in self.takes:
            arguments["attention_mask"] = filled(([1] * len(row.ids) for row in batch), 0)
        if "token_type_ids" in self.takes and batch[0].types is not None:
            arguments["token_type_ids"] = filled((row.types or () for row in batch), 0)
        return arguments

    def unpadded(self, output: Any, batch: Sequence[EncodedInput] | None) -> list[Tensor]:
        """What `run` gives, from the model's output for `padded(batch)`; None: rows without padding."""
        scores = _high(_scores_of(output))
        if batch is None:
            return list(scores.unbind())
        rows = self._without_padding(scores, batch)
        return [
            row if one.kept is None else row[list(one.kept)] for row, one in zip(rows, batch, strict=True)
        ]

    def _without_padding(self, scores: Tensor, batch: Sequence[EncodedInput]) -> list[Tensor]:
        """(B, N) or (B, L, N) -> for each row (N,) or (length, N)."""
        if scores.dim() == 2:
            return list(scores.unbind())
        return [
            row[len(row) - len(one.ids) :] if self.pad_left else row[: len(one.ids)]
            for row, one in zip(scores.unbind(), batch, strict=True)
        ]


def _arguments_of(model: Model) -> frozenset[str]:
    """The arguments of the model's forward; one that passes **named on takes those of the class above it."""
    signatures = [inspect.signature(model.forward)]
    signatures += [
        inspect.signature(vars(kind)["forward"]) for kind in type(model).__mro__ if "forward" in vars(kind)
    ]
    names: set[str] = set()
    for signature in signatures:
        names |= signature.parameters.keys()
        if not any(one.kind is inspect.Parameter.VAR_KEYWORD for one in signature.parameters.values()):
            break
    return frozenset(names)


def _own_forward(model: Model) -> bool:
    """Whether the forward and every module are hubformer's own or torch's, none replaced by a user's."""
    if any("forward" in vars(module) for module in model.modules()):
        return False
    kind = next(kind for kind in type(model).__mro__ if "forward" in vars(kind))
    ours = all(
        type(module).__module__.partition(".")[0] in ("hubformer", "torch")
        for module in model.modules()
        if module is not model
    )
    return ours and kind.__module__.partition(".")[0] == "hubformer"


def _is_hooked(model: Model) -> bool:
    """Whether a forward hook is registered, on a module or on all of them."""
    if torch_module._global_forward_hooks or torch_module._global_forward_pre_hooks:
        return True
    return any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


def _scores_of(output: Any) -> Tensor:
    """The scores in a model's output, with the two ends of a span as two labels."""
    if "start_logits" in output:
        return torch.stack([output["start_logits"], output["end_logits"]], dim=-1)
    scores: Tensor = output["logits"] if "logits" in output else next(iter(output.values()))
    return scores


def _high(scores: Tensor) -> Tensor:
    return scores.to("cpu", torch.promote_types(scores.dtype, torch.float32))
