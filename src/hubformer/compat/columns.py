"""Columns of a data set, one input of a pipeline per record."""

from __future__ import annotations

from typing import Any

from torch.utils.data import Dataset


class KeyDataset(Dataset[Any]):
    """One column: `KeyDataset(dataset, "text")[i]` is `dataset[i]["text"]`."""

    def __init__(self, dataset: Any, key: str) -> None:
        self.dataset, self.key = dataset, key

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, i: int) -> Any:
        return self.dataset[i][self.key]


class KeyPairDataset(Dataset[Any]):
    """Two columns, as a text and its pair."""

    def __init__(self, dataset: Any, key1: str, key2: str) -> None:
        self.dataset, self.key1, self.key2 = dataset, key1, key2

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, i: int) -> dict[str, Any]:
        record = self.dataset[i]
        return {"text": record[self.key1], "text_pair": record[self.key2]}
