"""TrainingArguments: how a training runs, under the names and with the defaults of transformers 4.57.6.

An argument that v4 knows and hubformer does not is refused unless it has v4's default, which asks for
nothing; an argument that nobody knows is refused with the nearest name.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import logging
import math
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import torch

from hubformer.errors import InputError, refuse_unknown, suggestion
from hubformer.training.optimizer import OPTIMIZERS
from hubformer.training.precision import allow_tf32, check_precision
from hubformer.training.schedules import SCHEDULES
from hubformer.training.unsupported import DICT_FIELDS, INSTEAD, UNSUPPORTED, UnsupportedFields

_Arguments = TypeVar("_Arguments", bound="TrainingArguments")
LOG_LEVELS = {
    "detail": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "passive": None,  # as it is
}
_FLOAT_STEPS = ("logging_steps", "save_steps", "eval_steps")


class ParallelMode(Enum):
    """How the work is spread; hubformer's Trainer works in one process on one device."""

    NOT_PARALLEL = "not_parallel"
    NOT_DISTRIBUTED = "not_distributed"
    DISTRIBUTED = "distributed"
    SAGEMAKER_MODEL_PARALLEL = "sagemaker_model_parallel"
    SAGEMAKER_DATA_PARALLEL = "sagemaker_data_parallel"
    TPU = "tpu"


class IntervalStrategy(str, Enum):
    """When to log, evaluate or save; the plain words do as well."""

    NO = "no"
    STEPS = "steps"
    EPOCH = "epoch"


@dataclass
class TrainingArguments(UnsupportedFields):
    """How a training runs. Batch sizes count rows per process, intervals count optimizer steps.

    It is a dataclass, and so may its subclasses be: `@dataclass class MyArguments(TrainingArguments)` adds
    fields and changes defaults; a `__post_init__` of its own calls `super().__post_init__()`, which checks.

    Three arguments are hubformer's own: `per_device_train_batch_tokens` cuts batches by a budget of tokens,
    padding included, instead of by rows; `allow_missing_state` resumes from a checkpoint that lacks a part,
    and `restore_callback_states_from_checkpoint` is on unless said otherwise.

    Raises:
        InputError: a value that cannot be honoured, or two that contradict each other.
        UnknownArgument: a name that is not known; the nearest one is suggested.
    """

    # v4's name; libraries that subclass this add to it.
    _VALID_DICT_FIELDS: ClassVar[list[str]] = list(DICT_FIELDS)

    def __new__(cls: type[_Arguments], *args: Any, **named: Any) -> _Arguments:
        taken = inspect.signature(cls.__init__).parameters
        if not any(one.kind is one.VAR_KEYWORD for one in taken.values()):
            refuse_unknown(named, set(taken) - {"self"}, call=cls.__name__)
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for name, default in UNSUPPORTED.items():
            value = getattr(self, name)
            if value != default:
                instead = INSTEAD.get(name, "leave it out.")
                raise InputError(
                    f"TrainingArguments knows {name}, but hubformer does not support it: found "
                    f"{value!r}, expected {default!r}; {instead}"
                )
        self.output_dir = "trainer_output" if self.output_dir is None else os.fspath(self.output_dir)
        for name in ("lr_scheduler_kwargs", "gradient_checkpointing_kwargs"):
            setattr(self, name, _mapping(name, getattr(self, name)))
        self._check_types()
        self._resolve()
        self._check_values()

    def _check_types(self) -> None:
        for name, declared in self._own_types().items():
            value, kind = getattr(self, name), declared
            if isinstance(getattr(value, "value", None), str):  # an enumeration of v4's
                value = value.value
                setattr(self, name, value)
            allowed = kind.split("|")[0].strip()
            if value is None and "None" in kind:
                continue
            right = {
                "int": isinstance(value, int) and not isinstance(value, bool),
                "float": isinstance(value, int | float) and not isinstance(value, bool),
                "bool": isinstance(value, bool),
                "str": isinstance(value, str) or ("bool" in kind and isinstance(value, bool)),
            }.get(allowed, True)
            if not right:
                raise InputError(f"TrainingArguments({name}={value!r}): expected {kind.replace(' |', ',')}.")
            if allowed == "float" and not math.isfinite(value):
                raise InputError(f"TrainingArguments({name}={value!r}): expected a finite number.")

    def _own_types(self) -> dict[str, str]:
        """The declared types of hubformer's own arguments; those that a subclass adds are its own affair."""
        ours = [one for one in type(self).__mro__ if one.__module__.startswith("hubformer.training.")]
        fields = [f for one in ours if dataclasses.is_dataclass(one) for f in dataclasses.fields(one)]
        return {f.name: str(f.type) for f in fields if f.name not in UNSUPPORTED}

    def _resolve(self) -> None:
        """Fill in what depends on other arguments, as v4 does."""
        if self.adafactor:
            self.optim = "adafactor"
        if self.eval_strategy == "steps" and self.eval_steps is None:
            self.eval_steps = self.logging_steps
        if self.eval_strategy != "no":
            self.do_eval = True
        if self.load_best_model_at_end and self.metric_for_best_model is None:
            self.metric_for_best_model = "loss"
        if self.lr_scheduler_type == "reduce_lr_on_plateau" and self.metric_for_best_model is None:
            self.metric_for_best_model = "loss"
        if self.metric_for_best_model is not None and self.greater_is_better is None:
            self.greater_is_better = not self.metric_for_best_model.endswith("loss")
        if self.torch_compile_backend or self.torch_compile_mode:
            self.torch_compile = True
        self.use_cpu = self.use_cpu or self.no_cuda
        stamp = datetime.now().strftime("%b%d_%H-%M-%S")
        self.logging_dir = self.logging_dir or os.path.join(
            str(self.output_dir), "runs", f"{stamp}_{socket.gethostname()}"
        )
        self.run_name = self.run_name or str(self.output_dir)
        if isinstance(self.report_to, str):
            self.report_to = [self.report_to]
        self.report_to = [] if self.report_to in (None, ["none"]) else self.report_to
        if self.disable_tqdm is None:
            self.disable_tqdm = False
        if self.include_inputs_for_metrics and "inputs" not in self.include_for_metrics:
            self.include_for_metrics = [*self.include_for_metrics, "inputs"]

    def _check_values(self) -> None:
        strategies = tuple(strategy.value for strategy in IntervalStrategy)
        for name, choices in {
            "eval_strategy": strategies,
            "logging_strategy": strategies,
            "save_strategy": (*strategies, "best"),
            "lr_scheduler_type": tuple(SCHEDULES),
            "optim": tuple(OPTIMIZERS),
            "log_level": tuple(LOG_LEVELS),
            "log_level_replica": tuple(LOG_LEVELS),
            "hub_strategy": ("every_save", "end"),
        }.items():
            value = getattr(self, name)
            if value not in choices:
                raise InputError(
                    f"TrainingArguments({name}={value!r}) is not known.{suggestion(str(value), choices)} "
                    f"Known: {', '.join(choices)}."
                )
        self._check_numbers()
        check_precision(bf16=self.bf16, fp16=self.fp16)
        self._refuse(
            "fp16_full_eval", self.fp16_full_eval and self.bf16_full_eval, "not both full_eval formats"
        )
        self._refuse(
            "dataloader_persistent_workers",
            self.dataloader_persistent_workers and not self.dataloader_num_workers,
            "False, where dataloader_num_workers is 0",
        )
        allow_tf32(self.tf32)
        self._check_best()
        if self.lr_scheduler_type == "reduce_lr_on_plateau" and self.eval_strategy == "no":
            raise InputError(
                "lr_scheduler_type='reduce_lr_on_plateau' follows an evaluation; set eval_strategy."
            )
        if self.per_device_train_batch_tokens is not None and self.group_by_length:
            raise InputError("per_device_train_batch_tokens groups by length already; drop group_by_length.")
        unknown = set(self.include_for_metrics) - {"inputs", "loss"}
        if unknown:
            raise InputError(f"include_for_metrics has {sorted(unknown)}, expected 'inputs' and 'loss'.")

    def _check_numbers(self) -> None:
        for name in (
            *("per_device_train_batch_size", "per_device_eval_batch_size", "gradient_accumulation_steps"),
            *("per_device_train_batch_tokens", "eval_accumulation_steps", "torch_empty_cache_steps"),
            *("dataloader_prefetch_factor",),
        ):
            self._refuse(name, getattr(self, name) is not None and getattr(self, name) < 1, "1 or more")
        for name in ("weight_decay", "max_grad_norm", "warmup_steps", "seed", "dataloader_num_workers"):
            self._refuse(name, getattr(self, name) < 0, "0 or more")
        for name in ("warmup_ratio", "label_smoothing_factor"):
            self._refuse(name, not 0 <= getattr(self, name) <= 1, "a share between 0 and 1")
        for name in _FLOAT_STEPS:
            value = getattr(self, name)
            if value is None:
                continue
            self._refuse(name, value <= 0, "steps, or a share of all steps below 1")
            self._refuse(name, value > 1 and value != int(value), "a whole number of steps")
        counted = (True, False, "all", "non_padding", "no")
        self._refuse(
            "include_num_input_tokens_seen",
            self.include_num_input_tokens_seen not in counted,
            "True, False, 'all', 'non_padding' or 'no'",
        )
        self._refuse(
            "dataloader_prefetch_factor",
            self.dataloader_prefetch_factor is not None and not self.dataloader_num_workers,
            "None, where dataloader_num_workers is 0",
        )

    def _refuse(self, name: str, wrong: bool, expected: str) -> None:
        if wrong:
            raise InputError(f"TrainingArguments({name}={getattr(self, name)!r}): expected {expected}.")

    def _check_best(self) -> None:
        if self.save_strategy == "best" and self.metric_for_best_model is None:
            raise InputError("save_strategy='best' needs metric_for_best_model.")
        if not self.load_best_model_at_end or self.save_strategy == "best":
            return
        if self.eval_strategy == "no" or self.eval_strategy != self.save_strategy:
            raise InputError(
                "load_best_model_at_end needs a save at every evaluation: eval_strategy is "
                f"{self.eval_strategy!r} and save_strategy is {self.save_strategy!r}; make them the same."
            )
        if self.eval_strategy == "steps" and self.eval_steps is not None:
            times = self.save_steps / self.eval_steps
            if abs(times - round(times)) > 1e-9 or times < 1:
                raise InputError(
                    f"load_best_model_at_end needs save_steps ({self.save_steps}) to be a multiple of "
                    f"eval_steps ({self.eval_steps})."
                )

    # Where it runs

    @property
    def world_size(self) -> int:
        return int(os.environ.get("WORLD_SIZE", "1"))

    @property
    def process_index(self) -> int:
        return int(os.environ.get("RANK", "0"))

    @property
    def local_process_index(self) -> int:
        return int(os.environ.get("LOCAL_RANK", "0"))

    @property
    def device(self) -> torch.device:
        if self.use_cpu or not torch.cuda.is_available():
            return torch.device("cpu")
        return torch.device("cuda", self.local_process_index)

    @property
    def n_gpu(self) -> int:
        return 1 if self.device.type == "cuda" else 0

    @property
    def parallel_mode(self) -> ParallelMode:
        return ParallelMode.DISTRIBUTED if self.world_size > 1 else ParallelMode.NOT_PARALLEL

    def get_process_log_level(self) -> int:
        """log_level in the main process, log_level_replica in the others, as a level of Python's logging;
        passive: the level that hubformer has."""
        level = LOG_LEVELS[self.log_level if self.should_log else self.log_level_replica]
        return logging.getLogger("hubformer").getEffectiveLevel() if level is None else level

    @contextmanager
    def main_process_first(self, local: bool = True, desc: str = "work") -> Iterator[None]:
        """The main process does the block first, of this machine or of all; then the others do it."""
        distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
        first = (self.local_process_index if local else self.process_index) == 0
        if distributed and not first:
            torch.distributed.barrier()
        try:
            yield
        finally:
            if distributed and first:
                torch.distributed.barrier()

    @property
    def train_batch_size(self) -> int:
        return self.per_device_train_batch_size

    @property
    def eval_batch_size(self) -> int:
        return self.per_device_eval_batch_size

    @property
    def should_save(self) -> bool:
        return self.process_index == 0

    @property
    def should_log(self) -> bool:
        return self.process_index == 0

    @property
    def sampling_seed(self) -> int:
        """What the order of the data follows."""
        return self.seed if self.data_seed is None else self.data_seed

    def get_warmup_steps(self, num_training_steps: int) -> int:
        return (
            self.warmup_steps if self.warmup_steps > 0 else math.ceil(num_training_steps * self.warmup_ratio)
        )

    # As values

    def to_dict(self) -> dict[str, Any]:
        """Every argument, under v4's names; enumerations as their values, and no secret."""
        found = {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}
        hidden = {name for name, value in found.items() if name.endswith("_token") and value is not None}
        return {name: f"<{name.upper()}>" if name in hidden else value for name, value in found.items()}

    def to_json_string(self) -> str:
        return json.dumps(self.to_dict(), indent=2, default=str)

    def to_sanitized_dict(self) -> dict[str, Any]:
        """Values that experiment trackers take: numbers and text."""
        return {
            key: value if isinstance(value, bool | int | float | str) else str(value)
            for key, value in self.to_dict().items()
        }

    @property
    def trackers(self) -> list[str]:
        """report_to as a list."""
        return self.report_to if isinstance(self.report_to, list) else []

    @property
    def folder(self) -> Path:
        return Path(str(self.output_dir))


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _mapping(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        found = json.loads(value)
    except ValueError as error:
        raise InputError(f"TrainingArguments({name}={value!r}) is not JSON: {error}.") from None
    if not isinstance(found, dict):
        raise InputError(f"TrainingArguments({name}={value!r}): expected a JSON object.")
    return found
