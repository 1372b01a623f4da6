"""What scripts take from v4's `trainer_utils`, `trainer_pt_utils` and `training_args` beside the Trainer."""

from __future__ import annotations

import functools
import gc
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from hubformer.compat.generic import ExplicitEnum
from hubformer.training import DefaultFlowCallback, IntervalStrategy, ProgressCallback, set_seed
from hubformer.training.arguments import ParallelMode
from hubformer.training.checkpoint import numbered

DEFAULT_CALLBACKS, DEFAULT_PROGRESS_CALLBACK = [DefaultFlowCallback], ProgressCallback


class HPSearchBackend(ExplicitEnum):
    OPTUNA = "optuna"
    RAY = "ray"
    SIGOPT = "sigopt"
    WANDB = "wandb"


class OptimizerNames(ExplicitEnum):
    """v4's names of optimizers; TrainingArguments says which of them hubformer has."""

    ADAMW_TORCH = "adamw_torch"
    ADAMW_TORCH_FUSED = "adamw_torch_fused"
    ADAMW_TORCH_XLA = "adamw_torch_xla"
    ADAMW_TORCH_8BIT = "adamw_torch_8bit"
    ADAMW_TORCH_4BIT = "adamw_torch_4bit"
    ADAMW_APEX_FUSED = "adamw_apex_fused"
    ADAFACTOR = "adafactor"
    ADAMW_ANYPRECISION = "adamw_anyprecision"
    ADAMW_BNB = "adamw_bnb_8bit"
    ADAMW_8BIT = "adamw_8bit"
    LION = "lion_32bit"
    LION_8BIT = "lion_8bit"
    PAGED_ADAMW = "paged_adamw_32bit"
    PAGED_ADAMW_8BIT = "paged_adamw_8bit"
    PAGED_LION = "paged_lion_32bit"
    PAGED_LION_8BIT = "paged_lion_8bit"
    SGD = "sgd"
    ADAGRAD = "adagrad"
    RMSPROP = "rmsprop"
    GALORE_ADAMW = "galore_adamw"
    GALORE_ADAFACTOR = "galore_adafactor"
    LOMO = "lomo"
    ADALOMO = "adalomo"
    GROKADAMW = "grokadamw"
    SCHEDULE_FREE_ADAMW = "schedule_free_adamw"
    SCHEDULE_FREE_SGD = "schedule_free_sgd"
    STABLE_ADAMW = "stable_adamw"


class BestRun(NamedTuple):
    """The best of a search: its name, its objective, its hyperparameters."""

    run_id: str
    objective: float | list[float]
    hyperparameters: dict[str, Any]
    run_summary: Any = None


def get_last_checkpoint(folder: str | os.PathLike[str]) -> str | None:
    """The `checkpoint-N` of the highest N in a folder, or None."""
    found = numbered(Path(folder))
    return str(found[-1]) if found else None


def has_length(dataset: Any) -> bool:
    try:
        return isinstance(dataset, Sized) and len(dataset) is not None
    except TypeError:  # datasets that say so only when they are asked
        return False


def is_main_process(local_rank: int) -> bool:
    return local_rank in (-1, 0)


def total_processes_number(local_rank: int) -> int:
    return int(os.environ.get("WORLD_SIZE", 1)) if local_rank != -1 else 1


def number_of_arguments(func: Callable[..., Any]) -> int:
    import inspect

    return len(inspect.signature(func).parameters)


def seed_worker(worker_id: int, num_workers: int = 0, rank: int = 0) -> None:
    """For a DataLoader's worker_init_fn: seeds Python, numpy and torch from the worker's seed."""
    set_seed(torch.initial_seed() % 2**32)


def enable_full_determinism(seed: int, warn_only: bool = False) -> None:
    """Seed everything and let torch use deterministic algorithms only."""
    set_seed(seed)
    os.environ["CUDA_LAUNCH_BLOCKING"] = "1"
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":16:8"
    torch.use_deterministic_algorithms(True, warn_only=warn_only)
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False


def speed_metrics(
    split: str,
    start_time: float,
    num_samples: int | None = None,
    num_steps: int | None = None,
    num_tokens: int | None = None,
) -> dict[str, float]:
    """Seconds since start_time, and what was done per second of them."""
    runtime = time.time() - start_time
    found = {f"{split}_runtime": round(runtime, 4)}
    counts = (("samples", num_samples, 3), ("steps", num_steps, 3), ("tokens", num_tokens, 3))
    for what, count, digits in counts:
        if count is not None and runtime > 0:
            found[f"{split}_{what}_per_second"] = round(count / runtime, digits)
    return found


def default_compute_objective(metrics: Mapping[str, float]) -> float:
    """The loss where nothing else was measured; otherwise the sum of the other metrics."""
    left = dict(metrics)
    loss = left.pop("eval_loss", None)
    left.pop("epoch", None)
    kept = {k: v for k, v in left.items() if not k.endswith(("_runtime", "_per_second", "_compilation_time"))}
    return float(loss) if not kept and loss is not None else float(sum(kept.values()))


def denumpify_detensorize(metrics: Any) -> Any:
    """Numbers of numpy and torch, also inside lists and mappings, as Python's own."""
    if isinstance(metrics, (list, tuple)):
        return type(metrics)(denumpify_detensorize(m) for m in metrics)
    if isinstance(metrics, dict):
        return type(metrics)({k: denumpify_detensorize(v) for k, v in metrics.items()})
    if isinstance(metrics, np.generic):
        return metrics.item()
    return metrics.item() if isinstance(metrics, torch.Tensor) and metrics.numel() == 1 else metrics


def find_executable_batch_size(
    function: Callable[..., Any] | None = None,
    starting_batch_size: int = 128,
    auto_find_batch_size: bool = False,
) -> Any:
    """Call a function with a batch size, and again with nine tenths of it while memory runs out."""
    if function is None:
        return functools.partial(
            find_executable_batch_size,
            starting_batch_size=starting_batch_size,
            auto_find_batch_size=auto_find_batch_size,
        )
    if not auto_find_batch_size:
        return functools.partial(function, batch_size=starting_batch_size)

    @functools.wraps(function)
    def tried(*given: Any, **named: Any) -> Any:
        size = starting_batch_size
        while size > 0:
            try:
                return function(size, *given, **named)
            except RuntimeError as error:
                if "out of memory" not in str(error) and "can't allocate memory" not in str(error):
                    raise
                gc.collect()
                size = size * 9 // 10
        raise RuntimeError("Memory ran out even with a batch of 1; use a smaller model or shorter inputs.")

    return tried


@dataclass
class LabelSmoother:
    """Cross-entropy with smoothed labels where there is one; `epsilon` is the share smoothed."""

    epsilon: float = 0.1
    ignore_index: int = -100

    def __call__(self, model_output: Any, labels: torch.Tensor, shift_labels: bool = False) -> torch.Tensor:
        logits = model_output["logits"] if isinstance(model_output, Mapping) else model_output[0]
        if shift_labels:
            logits, labels = logits[..., :-1, :], labels[..., 1:]
        return F.cross_entropy(
            logits.reshape(-1, logits.size(-1)).float(),
            labels.reshape(-1),
            ignore_index=self.ignore_index,
            label_smoothing=self.epsilon,
        )


def default_logdir() -> str:
    """Where TensorBoard's files go: runs/<date>_<host>."""
    return os.path.join("runs", f"{datetime.now():%b%d_%H-%M-%S}_{socket.gethostname()}")


@contextmanager
def torch_distributed_zero_first(local_rank: int) -> Iterator[None]:
    """The first process of a machine goes first, the others wait for it."""
    distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    if distributed and local_rank not in (-1, 0):
        torch.distributed.barrier()
    yield
    if distributed and local_rank == 0:
        torch.distributed.barrier()


def make_markdown_table(lines: list[list[Any]]) -> str:
    """Rows as a Markdown table; the first is its head."""
    if not lines:
        return ""
    widths = [max(len(str(line[i])) for line in lines) for i in range(len(lines[0]))]

    def row(line: list[Any]) -> str:
        return "| " + " | ".join(str(cell).ljust(w) for cell, w in zip(line, widths, strict=True)) + " |\n"

    return (
        row(lines[0])
        + "|"
        + "|".join(":" + "-" * w + ":" for w in widths)
        + "|\n"
        + "".join(map(row, lines[1:]))
    )


__all__ = ["BestRun", "HPSearchBackend", "IntervalStrategy", "LabelSmoother", "ParallelMode"]
