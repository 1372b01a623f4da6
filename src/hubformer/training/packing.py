"""Texts without padding: cut into blocks for pre-training, or laid end to end in one row.

Shapes:  T tokens of a whole batch
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from hubformer.errors import InputError
from hubformer.training.collate import as_tensors


def packed_blocks(
    rows: Iterable[Any], *, length: int, separator: int | None = None
) -> Iterator[dict[str, list[int]]]:
    """Rows of ids joined, with `separator` behind each, and cut into blocks of `length` tokens; what is left
    at the end and does not fill a block is dropped. Labels are the ids.

    Raises:
        InputError: a length below 2.
    """
    if length < 2:
        raise InputError(f"Blocks of {length} tokens; expected 2 or more.")
    buffer: list[int] = []
    for row in rows:
        buffer += [int(i) for i in (row["input_ids"] if hasattr(row, "items") else row)]
        buffer += [] if separator is None else [separator]
        while len(buffer) >= length:
            block, buffer = buffer[:length], buffer[length:]
            yield {"input_ids": block, "labels": list(block)}


@dataclass
class DataCollatorWithFlattening:
    """All rows of a batch end to end in one row (1, T), with places that begin anew and an attention mask
    (1, T, T) that keeps them apart; the first label of each row is `separator_id`.

    return_flash_attn_kwargs: also where rows begin and end, and the longest row's length, as the
    functions of flash attention take them."""

    return_position_ids: bool = True
    separator_id: int = -100
    return_seq_idx: bool = False
    return_attention_mask: bool = True
    return_tensors: str = "pt"
    return_flash_attn_kwargs: bool = False

    def __call__(
        self,
        features: Sequence[Any],
        return_tensors: str | None = None,
        separator_id: int | None = None,
    ) -> dict[str, Any]:
        first = self.separator_id if separator_id is None else separator_id
        ids = [[int(i) for i in row["input_ids"]] for row in features]
        labels = [
            list(row["labels"]) if "labels" in row else own for row, own in zip(features, ids, strict=True)
        ]
        of = torch.repeat_interleave(torch.arange(len(ids)), torch.tensor([len(row) for row in ids]))
        batch: dict[str, Any] = {
            "input_ids": torch.tensor([[i for row in ids for i in row]]),
            "labels": torch.tensor([[i for row in labels for i in (first, *row[1:])]]),
        }
        if self.return_position_ids:
            batch["position_ids"] = torch.tensor([[i for row in ids for i in range(len(row))]])
        if self.return_attention_mask:
            batch["attention_mask"] = (of[:, None] == of[None, :]).long()[None]
        if self.return_seq_idx:
            batch["seq_idx"] = of.int()[None]
        if self.return_flash_attn_kwargs:
            lengths = torch.tensor([0, *(len(row) for row in ids)])
            ends = lengths.cumsum(0, dtype=torch.int32)
            longest = int(lengths.max())
            batch |= {"cu_seq_lens_q": ends, "cu_seq_lens_k": ends}
            return as_tensors(
                {**batch, "max_length_q": longest, "max_length_k": longest},
                return_tensors or self.return_tensors,
            )
        return as_tensors(batch, return_tensors or self.return_tensors)
