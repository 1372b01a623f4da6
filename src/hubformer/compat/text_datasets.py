"""v4's data sets from a text file, which its older scripts train language models on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from hubformer.errors import InputError


class LineByLineTextDataset(Dataset[dict[str, Tensor]]):
    """One sample per line that is not empty, cut at block_size tokens."""

    def __init__(self, tokenizer: Any, file_path: str | os.PathLike[str], block_size: int) -> None:
        lines = [line for line in _text(file_path).splitlines() if line and not line.isspace()]
        ids = tokenizer(lines, add_special_tokens=True, truncation=True, max_length=block_size)["input_ids"]
        self.examples = [{"input_ids": torch.tensor(row, dtype=torch.long)} for row in ids]

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        return self.examples[i]


class TextDataset(Dataset[Tensor]):
    """The whole file as one stream of tokens, in blocks of block_size; a last short one is left out."""

    def __init__(
        self,
        tokenizer: Any,
        file_path: str | os.PathLike[str],
        block_size: int,
        overwrite_cache: bool = False,
        cache_dir: str | None = None,
    ) -> None:
        """overwrite_cache, cache_dir: taken for v4's sake; nothing is cached."""
        inner = block_size - tokenizer.num_special_tokens_to_add(pair=False)
        if inner < 1:
            raise InputError(f"block_size is {block_size}, which leaves no room beside the special tokens.")
        ids = tokenizer.convert_tokens_to_ids(tokenizer.tokenize(_text(file_path)))
        self.examples = [
            tokenizer.build_inputs_with_special_tokens(ids[i : i + inner])
            for i in range(0, len(ids) - inner + 1, inner)
        ]

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, i: int) -> Tensor:
        return torch.tensor(self.examples[i], dtype=torch.long)


def _text(path: str | os.PathLike[str]) -> str:
    file = Path(path)
    if not file.is_file():
        raise ValueError(f"Input file path {path} not found")
    return file.read_text("utf-8")
