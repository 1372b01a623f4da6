"""Collators of pre-training: which tokens are hidden, and what is to be said of them.

They draw from torch's random numbers, or from their own with a `seed`. Under the Trainer a batch's numbers
follow the seed, the epoch and the batch's place.

Shapes:  B rows  L length
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hubformer.errors import InputError
from hubformer.training.collate import as_tensors, padded

IGNORED = -100


def batch_of(settings: Any, rows: Sequence[Any]) -> dict[str, Any]:
    """Rows, as mappings or as lists of ids, padded; `offset_mapping` too."""
    maps = [dict(row) if hasattr(row, "items") else {"input_ids": list(row)} for row in rows]
    offsets = [row.pop("offset_mapping", None) for row in maps]
    batch = dict(padded(settings, maps))
    if offsets[0] is not None:
        batch["offset_mapping"] = _padded_pairs(offsets, batch["input_ids"], settings.tokenizer.padding_side)
    return batch


def _padded_pairs(offsets: Sequence[Any], ids: Tensor, side: str) -> Tensor:
    whole = torch.zeros(*ids.shape, 2, dtype=torch.long)
    for row, pairs in zip(whole, offsets, strict=True):
        values = torch.as_tensor(pairs, dtype=torch.long).reshape(-1, 2)
        start = len(row) - len(values) if side == "left" else 0
        row[start : start + len(values)] = values
    return whole


def special_places(tokenizer: Any, ids: Tensor) -> Tensor:
    """(B, L), true where a special token stands."""
    marks = [tokenizer.get_special_tokens_mask(row, already_has_special_tokens=True) for row in ids.tolist()]
    return torch.tensor(marks, dtype=torch.bool)


@dataclass
class DataCollatorForLanguageModeling:
    """Masked language modelling as BERT does it (Devlin et al. 2018, arXiv:1810.04805), or with mlm=False
    causal: labels are the ids themselves.

    Of the tokens that are not special, `mlm_probability` are chosen; of these `mask_replace_prob` become the
    mask token, `random_replace_prob` any token, and the rest stay. whole_word_mask chooses words: by
    `offset_mapping` in the rows, or by WordPiece's ##. In causal labels only real padding is left out: a pad
    token that is also the end token is learned where it stands in the text.

    Raises:
        InputError: probabilities that do not fit, or a tokenizer without a mask token.
    """

    tokenizer: Any
    mlm: bool = True
    whole_word_mask: bool = False
    mlm_probability: float | None = 0.15
    mask_replace_prob: float = 0.8
    random_replace_prob: float = 0.1
    pad_to_multiple_of: int | None = None
    return_tensors: str = "pt"
    seed: int | None = None

    def __post_init__(self) -> None:
        self.generator = None if self.seed is None else torch.Generator().manual_seed(self.seed)
        for name in ("mlm_probability", "mask_replace_prob", "random_replace_prob"):
            value = getattr(self, name)
            if (self.mlm or name != "mlm_probability") and (value is None or not 0 <= value <= 1):
                raise InputError(f"{name} is {value!r}, expected a share between 0 and 1.")
        if self.mask_replace_prob + self.random_replace_prob > 1 + 1e-9:
            raise InputError("mask_replace_prob and random_replace_prob together are more than 1.")
        if self.whole_word_mask and not self.mlm:
            raise InputError("whole_word_mask=True needs mlm=True.")
        if self.mlm and self.tokenizer.mask_token is None:
            raise InputError(
                "The tokenizer has no mask token, which masked language modelling needs. Pass mlm=False for "
                "causal language modelling."
            )

    def __call__(self, features: Sequence[Any], return_tensors: str | None = None) -> dict[str, Any]:
        lengths = [
            len(row["input_ids"] if isinstance(row, Mapping) or hasattr(row, "items") else row)
            for row in features
        ]
        batch = batch_of(self, features)
        special, offsets = batch.pop("special_tokens_mask", None), batch.pop("offset_mapping", None)
        if self.mlm:
            batch["input_ids"], batch["labels"] = self.mask_tokens(
                batch["input_ids"], special=special, offsets=offsets
            )
        elif "labels" not in batch:
            batch["labels"] = self._causal_labels(batch["input_ids"], lengths)
        return as_tensors(batch, return_tensors or self.return_tensors)

    def _causal_labels(self, ids: Tensor, lengths: Sequence[int]) -> Tensor:
        place, sizes = torch.arange(ids.shape[1]), torch.tensor(lengths)[:, None]
        left = self.tokenizer.padding_side == "left"
        padding = place < ids.shape[1] - sizes if left else place >= sizes
        return ids.masked_fill(padding, IGNORED)

    def mask_tokens(
        self, ids: Tensor, *, special: Tensor | None = None, offsets: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """ids (B, L) -> hidden ids and labels (B, L), -100 where nothing is asked."""
        special = special_places(self.tokenizer, ids) if special is None else special.bool()
        chosen = self._chosen(ids, special, offsets)
        fate = torch.rand(ids.shape, generator=self.generator)
        words = torch.randint(len(self.tokenizer), ids.shape, generator=self.generator)
        masked = chosen & (fate < self.mask_replace_prob)
        swapped = chosen & ~masked & (fate < self.mask_replace_prob + self.random_replace_prob)
        hidden = ids.masked_fill(masked, self.tokenizer.mask_token_id)
        return torch.where(swapped, words, hidden), ids.masked_fill(~chosen, IGNORED)

    def _chosen(self, ids: Tensor, special: Tensor, offsets: Tensor | None) -> Tensor:
        draw = torch.rand(ids.shape, generator=self.generator) < float(self.mlm_probability or 0.0)
        if not self.whole_word_mask:
            return draw & ~special
        begins = self._begins(ids, special, offsets)
        word = (begins & ~special).cumsum(1)  # the number of the word that a token is in
        first = torch.zeros(len(ids), ids.shape[1] + 1, dtype=torch.bool)
        first.scatter_(1, word * (begins & ~special), draw)
        first[:, 0] = False
        return first.gather(1, word) & ~special

    def _begins(self, ids: Tensor, special: Tensor, offsets: Tensor | None) -> Tensor:
        """(B, L), true where a word begins: by offsets, else by WordPiece's ##."""
        begins = torch.ones_like(special)
        if offsets is not None:
            begins[:, 1:] = (offsets[:, 1:, 0] != offsets[:, :-1, 1]) | special[:, :-1]
            return begins
        inner = [index for token, index in self.tokenizer.get_vocab().items() if token.startswith("##")]
        if not inner:
            raise InputError(
                "whole_word_mask=True needs to know the words: tokenise with return_offsets_mapping=True and "
                "keep the column offset_mapping (remove_unused_columns=False)."
            )
        return ~torch.isin(ids, torch.tensor(inner))


@dataclass
class DataCollatorForWholeWordMask(DataCollatorForLanguageModeling):
    """Masked language modelling that chooses words: v4's older name for whole_word_mask=True."""

    whole_word_mask: bool = True


@dataclass
class DataCollatorForPermutationLanguageModeling:
    """XLNet's pre-training (Yang et al. 2019, arXiv:1906.08237): spans to predict, in a random order.

    Gives input_ids, perm_mask (B, L, L) with 1 where a token may not look, target_mapping (B, L, L) and
    labels. L has to be even: the halves of a row do not cross over; pad_to_multiple_of=2 makes it so.

    Raises:
        InputError: an odd length, or a tokenizer without a mask token.
    """

    tokenizer: Any
    plm_probability: float = 1 / 6
    max_span_length: int = 5
    return_tensors: str = "pt"
    pad_to_multiple_of: int | None = None

    def __call__(self, features: Sequence[Any], return_tensors: str | None = None) -> dict[str, Any]:
        ids = batch_of(self, [_ids(row) for row in features])["input_ids"]
        if self.tokenizer.mask_token is None:
            raise InputError("The tokenizer has no mask token, which permutation language modelling needs.")
        if ids.shape[1] % 2:
            raise InputError(
                f"Rows of {ids.shape[1]} tokens; expected an even length (pad_to_multiple_of=2)."
            )
        special = special_places(self.tokenizer, ids)
        if self.tokenizer.pad_token_id is not None:
            special |= ids == self.tokenizer.pad_token_id
        chosen = torch.stack([self._spans(ids.shape[1]) for _ in ids]) & ~special
        batch = {
            "input_ids": ids.masked_fill(chosen, self.tokenizer.mask_token_id),
            "perm_mask": torch.stack([self._order(*row) for row in zip(chosen, special, strict=True)]),
            "target_mapping": torch.eye(ids.shape[1]).repeat(len(ids), 1, 1),
            "labels": ids.masked_fill(~chosen, IGNORED),
        }
        return as_tensors(batch, return_tensors or self.return_tensors)

    def _spans(self, length: int) -> Tensor:
        """(L,), true in spans that together are about `plm_probability` of the row."""
        chosen, start = torch.zeros(length, dtype=torch.bool), 0
        while start < length:
            span = int(torch.randint(1, self.max_span_length + 1, ()))
            room = int(span / self.plm_probability)
            begin = start + int(torch.randint(room - span + 1, ()))
            chosen[begin : begin + span] = True
            start += room
        return chosen

    def _order(self, chosen: Tensor, special: Tensor) -> Tensor:
        """(L, L): which chosen tokens come later, or are the token itself, in a random order."""
        half = len(chosen) // 2
        order = torch.arange(len(chosen)).reshape(2, half)[:, torch.randperm(half)].flatten()
        order = order.masked_fill(~chosen & ~special, -1)
        return ((order[:, None] <= order[None, :]) & chosen).float()


def _ids(row: Any) -> Any:
    return {"input_ids": row["input_ids"]} if hasattr(row, "items") else row


@dataclass
class DataCollatorForSpanCorruption:
    """T5's pre-training (Raffel et al. 2019, arXiv:1910.10683): random spans become one sentinel each, and
    the labels are the spans behind their sentinels.

    sentinels: their ids in order of use; by default the tokenizer's <extra_id_0>, <extra_id_1>, …
    """

    tokenizer: Any
    noise_density: float = 0.15
    mean_noise_span_length: float = 3.0
    sentinels: Sequence[int] | None = None
    pad_to_multiple_of: int | None = None
    return_tensors: str = "pt"

    def __post_init__(self) -> None:
        if self.sentinels is None:
            vocabulary = self.tokenizer.get_vocab()
            names = (f"<extra_id_{i}>" for i in range(len(vocabulary)))
            self.sentinels = []
            for name in names:
                if name not in vocabulary:
                    break
                self.sentinels.append(vocabulary[name])
        if not self.sentinels:
            raise InputError(
                "The tokenizer has no sentinels (<extra_id_0>, …); pass their ids as sentinels=."
            )

    def __call__(self, features: Sequence[Any], return_tensors: str | None = None) -> dict[str, Any]:
        rows = [
            self.corrupted([int(i) for i in (r["input_ids"] if hasattr(r, "items") else r)]) for r in features
        ]
        batch = batch_of(self, [source for source, _ in rows])
        longest = max(len(target) for _, target in rows)
        batch["labels"] = torch.tensor([t + [IGNORED] * (longest - len(t)) for _, t in rows])
        return as_tensors(batch, return_tensors or self.return_tensors)

    def corrupted(self, ids: list[int]) -> tuple[list[int], list[int]]:
        """One row's source and target; an end token stays at the end of both."""
        assert self.sentinels is not None
        end = [ids[-1]] if ids and ids[-1] == self.tokenizer.eos_token_id else []
        body = ids[: len(ids) - len(end)]
        noise = min(max(round(len(body) * self.noise_density), 1), max(len(body) - 1, 1))
        spans = min(max(round(noise / self.mean_noise_span_length), 1), len(self.sentinels), noise)
        spans = min(spans, max(len(body) - noise, 1))
        kept, lost = _parts(len(body) - noise, spans), _parts(noise, spans)
        source: list[int] = []
        target: list[int] = []
        at = 0
        for sentinel, keep, lose in zip(self.sentinels, kept, lost, strict=False):
            source += [*body[at : at + keep], sentinel]
            target += [sentinel, *body[at + keep : at + keep + lose]]
            at += keep + lose
        return source + end, target + end


def _parts(total: int, count: int) -> list[int]:
    """`total` cut at random into `count` parts of at least one each, where it is enough."""
    if total < count:
        return [total] + [0] * (count - 1)
    cuts = sorted((torch.randperm(total - 1)[: count - 1] + 1).tolist())
    return [b - a for a, b in zip([0, *cuts], [*cuts, total], strict=True)]
