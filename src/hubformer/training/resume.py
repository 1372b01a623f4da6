"""Saving and resuming: the part of the Trainer that makes a stop invisible in the result."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from hubformer.errors import CheckpointError, InputError, suggestion
from hubformer.models.hub_tree import owned_parameters
from hubformer.training import checkpoint, randomness
from hubformer.training.logging import LOG
from hubformer.training.metric_logger import MetricLogger
from hubformer.training.state import LoopState, TrainerState

_log = logging.getLogger("hubformer")
# What decides which rows come next: a checkpoint can only be continued with the same.
_ORDER = (
    *("per_device_train_batch_size", "per_device_train_batch_tokens", "gradient_accumulation_steps"),
    *("sampling_seed", "group_by_length", "dataloader_drop_last", "world_size"),
)


def _begun(folder: Path) -> bool:
    """Whether a training was killed here before its first checkpoint: it had made the folder, or its log."""
    if not folder.is_dir():
        return False
    names = [path.name for path in folder.iterdir()]
    return not names or LOG in names or any(name.startswith((f".{LOG}", "checkpoint-")) for name in names)


class Resume(MetricLogger):
    """Checkpoints of a training, with everything that its next step depends on."""

    optimizer: Any
    lr_scheduler: Any
    precision: Any
    loop_state: LoopState
    train_dataset: Any
    run_id: str  # which training this is; a resumed one is the one before
    _epoch_random: Any = None

    # ---- saving

    def save_checkpoint(self) -> Path:
        """Write checkpoint-N beside the others and remove those that are too many."""
        state = self.state
        folder: Path = self.args.folder / f"checkpoint-{state.global_step}"
        if self.args.save_strategy == "best" or self._is_best_now():
            state.best_model_checkpoint = str(folder)
        state.stateful_callbacks = self.callback_handler.states()
        if self.is_world_process_zero():
            tensors, files = self._trainer_state()
            checkpoint.save(
                folder, write_model=self._write_model, tensors=tensors, files=files, run=self.run_id
            )
            self.remove_old_checkpoints()
        return folder

    def _is_best_now(self) -> bool:
        return (
            self.state.best_global_step is not None and self.state.best_global_step == self.state.global_step
        )

    def _trainer_state(self) -> tuple[dict[str, Any], dict[str, str]]:
        files = {
            checkpoint.STATE: self.state.to_json(),
            checkpoint.ARGUMENTS: self.args.to_json_string() + "\n",
        }
        tensors: dict[str, Any] = {checkpoint.BUFFERS: checkpoint.buffers(self.model)}
        if self.args.save_only_model:
            return tensors, files
        moments, settings = checkpoint.optimizer_state(self.optimizer, self._names())
        states, values = randomness.capture()
        if self._epoch_random is not None:
            states |= {f"epoch.{name}": tensor for name, tensor in self._epoch_random[0].items()}
            values = {**values, "epoch": self._epoch_random[1]}
        tensors[checkpoint.OPTIMIZER] = moments
        tensors[checkpoint.RANDOM.format(rank=self.args.process_index)] = states
        values_file = {
            "position": asdict(self.loop_state),
            "stopped": self.control.should_training_stop and self.state.global_step < self.state.max_steps,
            "order": self._order(),
            "optimizer": settings,
            "scheduler": self.lr_scheduler.state_dict(),
            "scaler": self.precision.state(),
            "random": values,
        }
        files[checkpoint.RESUME] = self._json(values_file)
        return tensors, files

    def _json(self, values: dict[str, Any]) -> str:
        try:
            return json.dumps(values, indent=1) + "\n"
        except TypeError as error:
            raise InputError(
                f"The state of the optimizer or the schedule cannot be kept ({error}): expected "
                "tensors, numbers and text. Use another one, or save_only_model=True."
            ) from None

    def _names(self) -> dict[int, str]:
        return {id(parameter): name for name, parameter in owned_parameters(self.model).items()}

    def _order(self) -> dict[str, Any]:
        rows = len(self.train_dataset) if hasattr(self.train_dataset, "__len__") else None
        return {**{name: getattr(self.args, name) for name in _ORDER}, "rows": rows}

    def remove_old_checkpoints(self) -> None:
        """Keep save_total_limit checkpoints: the best and the newest ones."""
        limit = self.args.save_total_limit
        if limit is None or limit <= 0 or not self.is_world_process_zero():
            return
        found = [p for p in checkpoint.numbered(self.args.folder) if not checkpoint.faults(p)]
        best = self.state.best_model_checkpoint
        kept = {p for p in found if best is not None and p == Path(best)}
        kept.add(found[-1]) if found else None
        for path in reversed(found):
            if len(kept) < limit:
                kept.add(path)
        for path in found:
            if path not in kept:
                checkpoint.remove(path)

    # ---- the best one

    def best_name(self, metrics: dict[str, Any]) -> str:
        """metric_for_best_model as evaluate calls it."""
        name = self.args.metric_for_best_model
        name = name if name.startswith("eval_") else f"eval_{name}"
        if name not in metrics:
            raise InputError(
                f"metric_for_best_model is {name!r}, which the evaluation does not give."
                f"{suggestion(name, metrics)} It gives: {', '.join(sorted(metrics))}."
            )
        return str(name)

    def note_best(self, metrics: dict[str, Any]) -> bool:
        """Whether an evaluation is the best so far."""
        if self.args.metric_for_best_model is None:
            return False
        value, best = metrics[self.best_name(metrics)], self.state.best_metric
        better = best is None or (value > best if self.args.greater_is_better else value < best)
        if better:
            self.state.best_metric, self.state.best_global_step = value, self.state.global_step
        return better

    def load_best(self) -> None:
        folder = Path(str(self.state.best_model_checkpoint))
        if wrong := checkpoint.faults(folder):
            raise CheckpointError(f"The best model cannot be loaded from {folder}: {'; '.join(wrong)}.")
        checkpoint.read_weights(self.model, folder)

    # ---- resuming

    def checkpoint_to_resume(self, wanted: str | Path | bool | None) -> Path | None:
        """The folder to go on from, checked; None to begin at the beginning.

        Raises:
            CheckpointError: there is none, or the one that was named is not complete.
        """
        if wanted is None or wanted is False:
            return None
        if wanted is True:
            folder = self.args.folder
            found = checkpoint.newest(folder)
            if found is None:
                if not _begun(folder):
                    raise CheckpointError(
                        f"{folder} has no checkpoint to resume from, nor any trace of a training. Check "
                        "output_dir, or leave resume_from_checkpoint out."
                    )
                _log.warning("%s has no complete checkpoint yet: training begins again.", folder)
            return found
        path = Path(wanted)
        wrong = checkpoint.faults(path) if path.is_dir() else ["there is no such folder"]
        if wrong and not (self.args.allow_missing_state and path.is_dir()):
            raise CheckpointError(
                f"{path} cannot be resumed from: {'; '.join(wrong)}. Resume from an earlier checkpoint "
                "(resume_from_checkpoint=True finds the newest complete one), or load its model with "
                "from_pretrained and train anew."
            )
        return path

    def restore(self, folder: Path) -> None:
        """Make everything as it was when the checkpoint was written.

        Raises:
            CheckpointError: a part is missing, damaged, or does not belong to this training.
        """
        checkpoint.read_weights(self.model, folder)
        self.run_id = checkpoint.run_of(folder)
        if (folder / checkpoint.STATE).is_file() or not self.args.allow_missing_state:
            self._restore_course(folder)
        if not (folder / checkpoint.RESUME).is_file() and self.args.allow_missing_state:
            _log.warning("%s has no state of the optimizer: it begins afresh, with the weights.", folder)
            return
        values = checkpoint.read_json(folder, checkpoint.RESUME)
        try:
            self._restore_order(folder, values["order"])
            self.loop_state = LoopState(**values["position"])
            moments = self._tensors(folder, checkpoint.OPTIMIZER, needed=bool(self.optimizer.defaults))
            moments, settings = checkpoint.under_registered_names(self.model, moments, values["optimizer"])
            checkpoint.restore_optimizer(self.optimizer, self._names(), tensors=moments, values=settings)
            self.lr_scheduler.load_state_dict(values["scheduler"])
            self.precision.restore(values["scaler"])
            self._restore_randomness(folder, values["random"])
            self.control.should_training_stop = bool(values["stopped"])
        except (KeyError, TypeError) as error:
            raise CheckpointError(
                f"{folder / checkpoint.RESUME} is not as hubformer writes it: {error}. Resume from another."
            ) from None

    def _restore_course(self, folder: Path) -> None:
        planned = self.state
        values = checkpoint.read_json(folder, checkpoint.STATE)
        self.state = state = TrainerState.from_values(values, where=str(folder / checkpoint.STATE))
        if not 0 <= state.global_step <= max(planned.max_steps, state.max_steps):
            raise CheckpointError(
                f"{folder / checkpoint.STATE} says step {state.global_step:,} of {state.max_steps:,}, which "
                "no training reaches: it was changed or is damaged."
            )
        for name in ("max_steps", "num_train_epochs", "logging_steps", "eval_steps", "save_steps"):
            setattr(state, name, getattr(planned, name))
        if self.args.restore_callback_states_from_checkpoint:
            self.callback_handler.restore(state.stateful_callbacks)

    def _restore_order(self, folder: Path, before: dict[str, Any]) -> None:
        now = self._order()
        changed = [
            f"{name} was {before.get(name)!r} and is {value!r}"
            for name, value in now.items()
            if before.get(name) != value
        ]
        if changed and not self.args.ignore_data_skip:
            raise CheckpointError(
                f"{folder} was written by a training with other data or batches: {'; '.join(changed)}. "
                "Resume with the same, or pass ignore_data_skip=True to begin the epoch's data anew."
            )

    def _tensors(self, folder: Path, name: str, *, needed: bool) -> dict[str, Any]:
        found = checkpoint.read_tensors(folder, name)
        if not found and needed and not (folder / name).is_file():
            stateless = type(self.optimizer).__name__ == "SGD"
            if name == checkpoint.OPTIMIZER and (stateless or self.args.allow_missing_state):
                return {}
            raise CheckpointError(
                f"{folder} has no {name}. Resume from another checkpoint, or pass allow_missing_state=True "
                "to go on without it (the result will differ)."
            )
        return found

    def _restore_randomness(self, folder: Path, values: dict[str, Any]) -> None:
        name = checkpoint.RANDOM.format(rank=self.args.process_index)
        tensors = checkpoint.read_tensors(folder, name)
        if not tensors:
            if self.args.allow_missing_state:
                _log.warning("%s has no %s: random numbers go on from the seed.", folder, name)
                return
            self._tensors(folder, name, needed=True)
        epoch = {k.removeprefix("epoch."): t for k, t in tensors.items() if k.startswith("epoch.")}
        self._epoch_random = (epoch, values["epoch"]) if "epoch" in values else None
        now = {k: t for k, t in tensors.items() if not k.startswith("epoch.")}
        randomness.restore(now, values)

    def skipped(self, loader: Any) -> Iterator[Any]:
        """The batches of a loader that is not ours, without those that were used before the stop. It is begun
        with the random numbers that it had then."""
        done = 0 if self.args.ignore_data_skip else self.loop_state.batches
        if not done or self._epoch_random is None:
            self._epoch_random = randomness.capture()
            return iter(loader)
        now = randomness.capture()
        randomness.restore(*self._epoch_random)
        batches: Iterator[Any] = iter(loader)
        for _ in islice(batches, done):
            pass
        randomness.restore(*now)
        return batches
