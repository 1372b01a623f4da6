"""What a training knows of itself and what callbacks may ask of it: v4's TrainerState and TrainerControl."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from hubformer.errors import CheckpointError
from hubformer.storage import write_file


@dataclass
class TrainerState:
    """The course of a training so far; steps are optimizer steps."""

    epoch: float | None = None
    global_step: int = 0
    max_steps: int = 0
    logging_steps: int = 500
    eval_steps: int = 500
    save_steps: int = 500
    train_batch_size: int | None = None
    num_train_epochs: int = 0
    num_input_tokens_seen: int = 0
    total_flos: float = 0
    log_history: list[dict[str, Any]] = field(default_factory=list)
    best_metric: float | None = None
    best_global_step: int | None = None
    best_model_checkpoint: str | None = None
    is_local_process_zero: bool = True
    is_world_process_zero: bool = True
    is_hyper_param_search: bool = False
    trial_name: str | None = None
    trial_params: dict[str, Any] | None = None
    stateful_callbacks: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2, sort_keys=True) + "\n"

    def save_to_json(self, json_path: str | Path) -> None:
        write_file(json_path, self.to_json())

    @classmethod
    def from_values(cls, values: dict[str, Any], *, where: str) -> TrainerState:
        known = {f.name for f in fields(cls)}
        if unknown := sorted(set(values) - known):
            raise CheckpointError(f"{where} has the keys {unknown}, which no training writes.")
        return cls(**values)

    @classmethod
    def load_from_json(cls, json_path: str | Path) -> TrainerState:
        try:
            values = json.loads(Path(json_path).read_text("utf-8"))
        except ValueError as error:
            raise CheckpointError(f"{json_path} is not JSON ({error}): cut short or damaged.") from None
        return cls.from_values(values, where=str(json_path))

    def compute_steps(self, args: Any, max_steps: int) -> None:
        """Intervals in steps, where they were given as shares of the whole training."""
        for kind in ("logging", "eval", "save"):
            steps = getattr(args, f"{kind}_steps")
            if steps is not None:
                setattr(self, f"{kind}_steps", math.ceil(max_steps * steps) if steps < 1 else int(steps))


@dataclass
class TrainerControl:
    """What happens next; callbacks set these."""

    should_training_stop: bool = False
    should_epoch_stop: bool = False
    should_save: bool = False
    should_evaluate: bool = False
    should_log: bool = False

    def new_training(self) -> None:
        self.should_training_stop = False

    def new_epoch(self) -> None:
        self.should_epoch_stop = False

    def new_step(self) -> None:
        self.should_save = self.should_evaluate = self.should_log = False


@dataclass
class LoopState:
    """Where in the data a training stands, and what its next log line will say."""

    epoch: int = 0
    batches: int = 0  # of this epoch, taken by this process
    loss_since_log: float = 0.0
    loss_total: float = 0.0
    logged_step: int = 0
    grad_norm: float | None = None


class TrainOutput(NamedTuple):
    global_step: int
    training_loss: float
    metrics: dict[str, float]


class PredictionOutput(NamedTuple):
    predictions: Any
    label_ids: Any
    metrics: dict[str, float] | None


class EvalLoopOutput(NamedTuple):
    predictions: Any
    label_ids: Any
    metrics: dict[str, float] | None
    num_samples: int | None


class EvalPrediction:
    """What compute_metrics is given: numpy arrays, or tuples of them; one batch's tensors, on their device,
    with batch_eval_metrics."""

    def __init__(self, predictions: Any, label_ids: Any, inputs: Any = None, losses: Any = None) -> None:
        self.predictions, self.label_ids, self.inputs, self.losses = predictions, label_ids, inputs, losses
        self.elements = (predictions, label_ids, *(part for part in (inputs, losses) if part is not None))

    def __iter__(self) -> Iterator[Any]:
        return iter(self.elements)

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self.elements):
            raise IndexError(f"EvalPrediction has {len(self.elements)} parts, there is none at {index}.")
        return self.elements[index]
