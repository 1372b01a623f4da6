"""From data sets to batches: v4's get_*_dataloader methods of the Trainer."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset

from hubformer.errors import InputError
from hubformer.training.collate import DataCollator
from hubformer.training.sampling import Batches, BatchSampler, lengths_of
from hubformer.training.state import LoopState

_TRAIN, _EVAL = 0, 1  # keys of a batch's randomness


class KeptColumns:
    """A collator that first drops the columns that the model's forward does not take."""

    def __init__(self, collate: DataCollator, kept: set[str], *, taker: str) -> None:
        self._collate, self._kept, self._taker = collate, kept, taker

    def __call__(self, rows: list[Any]) -> Any:
        return self._collate([self._cut(row) for row in rows])

    def _cut(self, row: Any) -> Any:
        if not isinstance(row, Mapping):
            return row
        cut = {name: value for name, value in row.items() if name in self._kept}
        if not cut:
            raise InputError(
                f"No column of the data is an argument of {self._taker}.forward: found {sorted(row)}, "
                f"expected some of {sorted(self._kept)}. Rename the columns, or tokenise the text first."
            )
        return cut


class Loaders:
    """The part of the Trainer that turns rows into batches on the right device."""

    args: Any
    model: Any
    data_collator: DataCollator
    train_dataset: Any
    eval_dataset: Any
    label_names: list[str]
    loop_state: LoopState

    def forward_names(self) -> list[str]:
        return list(inspect.signature(self.model.forward).parameters)

    def collator(self) -> DataCollator:
        """The data collator, without unused columns where the arguments say so."""
        if not self.args.remove_unused_columns:
            return self.data_collator
        kept = {*self.forward_names(), *self.label_names, "label", "label_ids"}
        return KeptColumns(self.data_collator, kept, taker=type(self.model).__name__)

    def get_train_dataloader(self) -> DataLoader[Any]:
        """The batches that are left of the epoch in which the training stands."""
        if self.train_dataset is None:
            raise InputError("There is nothing to train on: pass train_dataset to the Trainer.")
        if not indexable(self.train_dataset):
            return self._stream(self.train_dataset, self.args.per_device_train_batch_size)
        epoch = self.loop_state.epoch
        return self._loader(
            self.train_dataset,
            self.train_batch_sampler.batches(epoch),
            key=(self.args.sampling_seed, _TRAIN, epoch),
            start=0 if self.args.ignore_data_skip else self.loop_state.batches,
        )

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader[Any]:
        """Batches in order. eval_dataset: a data set, or the name of one of several."""
        found = self._named(self.eval_dataset if eval_dataset is None else eval_dataset)
        if found is None:
            raise InputError("There is nothing to evaluate on: pass eval_dataset to the Trainer or the call.")
        if not self.args.dataloader_persistent_workers:
            return self.get_test_dataloader(found)
        kept: dict[int, DataLoader[Any]] = self.__dict__.setdefault("_eval_loaders", {})  # with their workers
        if id(found) not in kept:
            kept[id(found)] = self.get_test_dataloader(found)  # which keeps its rows, and so their id
        return kept[id(found)]

    def get_test_dataloader(self, test_dataset: Any) -> DataLoader[Any]:
        size = self.args.per_device_eval_batch_size
        if not indexable(test_dataset):
            return self._stream(test_dataset, size)
        sampler = BatchSampler(len(test_dataset), size, seed=self.args.seed, shuffled=False)
        return self._loader(
            test_dataset, sampler.batches(0), key=(self.args.sampling_seed, _EVAL, 0), start=0
        )

    def _named(self, name: Any) -> Any:
        if not isinstance(name, str):
            return name
        if not isinstance(self.eval_dataset, Mapping) or name not in self.eval_dataset:
            names = sorted(self.eval_dataset) if isinstance(self.eval_dataset, Mapping) else "one data set"
            raise InputError(f"There is no eval_dataset {name!r}; the Trainer has {names}.")
        return self.eval_dataset[name]

    @property
    def train_batch_sampler(self) -> BatchSampler:
        """How the training rows become batches; made once."""
        sampler: BatchSampler | None = self.__dict__.get("_batch_sampler")
        if sampler is not None:
            return sampler
        args, rows = self.args, self.train_dataset
        by_length = args.group_by_length or args.per_device_train_batch_tokens is not None
        self.__dict__["_batch_sampler"] = sampler = BatchSampler(
            len(rows),
            args.per_device_train_batch_size,
            seed=args.sampling_seed,
            lengths=lengths_of(rows, column=args.length_column_name) if by_length else None,
            tokens=args.per_device_train_batch_tokens,
            drop_last=args.dataloader_drop_last,
            rank=args.process_index,
            ranks=args.world_size,
        )
        return sampler

    def _loader(
        self, rows: Any, batches: list[list[int]], *, key: tuple[int, int, int], start: int
    ) -> DataLoader[Any]:
        args = self.args
        return DataLoader(
            Batches(rows, batches, collate=self.collator(), key=key),
            batch_size=None,
            sampler=range(start, len(batches)),
            collate_fn=_same,
            num_workers=args.dataloader_num_workers,
            pin_memory=args.dataloader_pin_memory and args.device.type == "cuda",
            prefetch_factor=args.dataloader_prefetch_factor,
            persistent_workers=args.dataloader_persistent_workers,
            # Workers' seeds would otherwise be drawn from the numbers that dropout uses.
            generator=torch.Generator().manual_seed(key[0]),
        )

    def _stream(self, rows: Any, size: int) -> DataLoader[Any]:
        if not hasattr(rows, "__iter__"):
            raise InputError(
                f"A data set is a list of rows, has __getitem__ and __len__, or can be iterated; found "
                f"{type(rows).__name__}."
            )
        args = self.args
        return DataLoader(
            rows if isinstance(rows, IterableDataset) else Streamed(rows),
            batch_size=size,
            collate_fn=self.collator(),
            num_workers=args.dataloader_num_workers,
            drop_last=args.dataloader_drop_last,
            pin_memory=args.dataloader_pin_memory and args.device.type == "cuda",
            prefetch_factor=args.dataloader_prefetch_factor,
            persistent_workers=args.dataloader_persistent_workers,
            generator=torch.Generator().manual_seed(args.sampling_seed),
        )

    def on_device(self, batch: Any) -> Any:
        """A batch with its tensors on the training's device."""
        return moved(batch, self.args.device)

    def _prepare_inputs(self, inputs: Any) -> Any:
        """v4's name of on_device, which subclasses call."""
        return self.on_device(inputs)


def indexable(rows: Any) -> bool:
    """Whether rows can be had by number; else they can only be iterated."""
    by_number = hasattr(rows, "__getitem__") and hasattr(rows, "__len__")
    return by_number and not isinstance(rows, IterableDataset)


class Streamed(IterableDataset[Any]):
    """Rows that can only be iterated; each worker takes its share of them."""

    def __init__(self, rows: Any) -> None:
        self.rows = rows

    def __iter__(self) -> Iterator[Any]:
        worker = torch.utils.data.get_worker_info()
        if worker is None:
            return iter(self.rows)
        return islice(iter(self.rows), worker.id, None, worker.num_workers)


def moved(batch: Any, device: torch.device) -> Any:
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, Mapping):
        return {name: moved(value, device) for name, value in batch.items()}
    if isinstance(batch, tuple | list):
        return type(batch)(moved(value, device) for value in batch)
    return batch


def _same(batch: Any) -> Any:
    return batch


def label_names_of(model: nn.Module) -> list[str]:
    """The arguments of a model's forward that are labels, as v4 finds them."""
    names = list(inspect.signature(model.forward).parameters)
    spans = ("start_positions", "end_positions") if "start_positions" in names else ()
    return [name for name in names if "label" in name or name in spans]
