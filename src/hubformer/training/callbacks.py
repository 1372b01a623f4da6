"""Callbacks: v4's events, and the callbacks that are always there."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from hubformer.errors import InputError, suggestion
from hubformer.training.sampling import batches_in
from hubformer.training.state import TrainerControl, TrainerState

EVENTS = (
    *("on_init_end", "on_train_begin", "on_train_end", "on_epoch_begin", "on_epoch_end", "on_step_begin"),
    *("on_substep_end", "on_pre_optimizer_step", "on_optimizer_step", "on_step_end", "on_evaluate"),
    *("on_predict", "on_save", "on_log", "on_prediction_step"),
)


class TrainerCallback:
    """Overload the events of interest: each gets args, state and control, may change control, and may return
    it. Keyword arguments: model, processing_class, optimizer, lr_scheduler, train_dataloader,
    eval_dataloader; `logs` for on_log, `metrics` for on_evaluate and on_predict."""

    def on_init_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> Any: ...
    def on_train_begin(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> Any: ...
    def on_train_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> Any: ...
    def on_epoch_begin(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> Any: ...
    def on_epoch_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> Any: ...
    def on_step_begin(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> Any: ...
    def on_substep_end(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> Any: ...
    def on_pre_optimizer_step(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> Any: ...
    def on_optimizer_step(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> Any: ...
    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> Any: ...
    def on_evaluate(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> Any: ...
    def on_predict(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> Any: ...
    def on_save(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> Any: ...
    def on_log(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> Any: ...
    def on_prediction_step(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> Any: ...


class ExportableState:
    """A callback whose state is kept in checkpoints: `state()` gives JSON values under "args" (of its
    constructor) and "attributes"."""

    def state(self) -> dict[str, Any]:
        raise NotImplementedError("A callback with ExportableState has to define state().")

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Any:
        found = cls(**state["args"])
        for name, value in state["attributes"].items():
            setattr(found, name, value)
        return found


class CallbackHandler:
    """The callbacks of a training, in order, called one event at a time."""

    def __init__(self, callbacks: Iterable[Any]) -> None:
        self.callbacks: list[TrainerCallback] = []
        self.shared: dict[str, Any] = {}  # what every event is given besides
        for callback in callbacks:
            self.add(callback)

    def add(self, callback: Any) -> None:
        found = callback() if isinstance(callback, type) else callback
        if not all(callable(getattr(found, event, None)) for event in EVENTS):
            raise InputError(
                f"{type(found).__name__} is no callback: derive it from hubformer.TrainerCallback."
            )
        self.callbacks.append(found)

    def pop(self, callback: Any) -> TrainerCallback | None:
        """Take out the first callback of that class, or that one; None where there is none."""
        for one in self.callbacks:
            if one is callback or (isinstance(callback, type) and isinstance(one, callback)):
                self.callbacks.remove(one)
                return one
        return None

    def call(
        self, event: str, args: Any, *, state: TrainerState, control: TrainerControl, **more: Any
    ) -> TrainerControl:
        for callback in self.callbacks:
            result = getattr(callback, event)(args, state, control, **self.shared, **more)
            control = control if result is None else result
        return control

    def __getattr__(self, event: str) -> Any:
        """v4's method for each event: `on_evaluate(args, state, control, metrics)`."""
        if event not in EVENTS:
            raise AttributeError(f"CallbackHandler has no {event!r}.{suggestion(event, EVENTS)}")
        what = {"on_evaluate": "metrics", "on_predict": "metrics", "on_log": "logs"}.get(event)

        def call(args: Any, state: TrainerState, control: TrainerControl, *given: Any, **more: Any) -> Any:
            named = {} if what is None else dict(zip((what,), given, strict=False))
            return self.call(event, args, state=state, control=control, **named, **more)

        return call

    @property
    def callback_list(self) -> str:
        """The names of the callbacks' classes, a line each."""
        return "\n".join(type(one).__name__ for one in self.callbacks)

    def add_callback(self, callback: Any) -> None:
        self.add(callback)

    def pop_callback(self, callback: Any) -> TrainerCallback | None:
        return self.pop(callback)

    def remove_callback(self, callback: Any) -> None:
        self.pop(callback)

    def states(self) -> dict[str, Any]:
        """The states of those that keep one, by class name; a list where a class is there several times."""
        found: dict[str, list[Any]] = {}
        for callback in self.callbacks:
            if isinstance(callback, ExportableState):
                found.setdefault(type(callback).__name__, []).append(callback.state())
        return {name: states[0] if len(states) == 1 else states for name, states in found.items()}

    def restore(self, states: dict[str, Any]) -> None:
        """Give the attributes of earlier states back, in order, to the callbacks of the same class."""
        left = {name: list(s) if isinstance(s, list) else [s] for name, s in states.items()}
        for callback in self.callbacks:
            mine = left.get(type(callback).__name__)
            if isinstance(callback, ExportableState) and mine:
                for name, value in mine.pop(0)["attributes"].items():
                    setattr(callback, name, value)


class DefaultFlowCallback(TrainerCallback):
    """When to log, evaluate, save and stop, as the arguments say."""

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> Any:
        step = state.global_step
        if args.logging_strategy == "steps" and step % state.logging_steps == 0:
            control.should_log = True
        if step == 1 and args.logging_first_step:
            control.should_log = True
        if args.eval_strategy == "steps" and step % state.eval_steps == 0 and args.eval_delay <= step:
            control.should_evaluate = True
        if args.save_strategy == "steps" and step % state.save_steps == 0:
            control.should_save = True
        if step >= state.max_steps:
            control.should_training_stop = True
            control.should_save = control.should_save or args.save_strategy == "steps"
        return control

    def on_epoch_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> Any:
        if args.logging_strategy == "epoch":
            control.should_log = True
        if args.eval_strategy == "epoch" and args.eval_delay <= (state.epoch or 0):
            control.should_evaluate = True
        if args.save_strategy == "epoch":
            control.should_save = True
        return control


class ProgressCallback(TrainerCallback):
    """Bars with the loss, the rate and the time left, on standard error."""

    def __init__(self) -> None:
        self._training: Any = None
        self._prediction: Any = None

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            self._training = _bar(state.max_steps, start=state.global_step, unit="step")

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self._training is not None:
            self._training.update(state.global_step - self._training.n)

    def on_log(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        logs = kwargs.get("logs") or {}
        shown = {k: f"{logs[k]:.4g}" for k in ("loss", "eval_loss") if isinstance(logs.get(k), float)}
        if self._training is not None and shown:
            self._training.set_postfix(shown)

    def on_prediction_step(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if not state.is_world_process_zero:
            return
        if self._prediction is None:
            total = batches_in(kwargs.get("eval_dataloader"))
            self._prediction = _bar(total, start=0, unit="batch", leave=self._training is None)
        self._prediction.update(1)

    def on_evaluate(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self._prediction is not None:
            self._prediction.close()
            self._prediction = None

    on_predict = on_evaluate

    def on_train_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self._training is not None:
            self._training.close()
            self._training = None


def _bar(total: int | None, *, start: int, unit: str, leave: bool = True) -> Any:
    from tqdm.auto import tqdm  # type: ignore[import-untyped]

    return tqdm(total=total, initial=start, unit=unit, leave=leave, dynamic_ncols=True, file=sys.stderr)


class PrinterCallback(TrainerCallback):
    """Prints every log line; used where bars are off."""

    def on_log(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if state.is_local_process_zero:
            print({k: v for k, v in (kwargs.get("logs") or {}).items() if k != "total_flos"})


class EarlyStoppingCallback(TrainerCallback, ExportableState):
    """Stop when metric_for_best_model has not become better by more than `early_stopping_threshold` in
    `early_stopping_patience` evaluations in a row."""

    def __init__(
        self, early_stopping_patience: int = 1, early_stopping_threshold: float | None = 0.0
    ) -> None:
        self.early_stopping_patience = early_stopping_patience
        self.early_stopping_threshold = early_stopping_threshold or 0.0
        self.early_stopping_patience_counter = 0
        self.best: float | None = None

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if args.metric_for_best_model is None or args.eval_strategy == "no":
            raise InputError(
                "EarlyStoppingCallback needs metric_for_best_model and eval_strategy 'steps' or 'epoch'."
            )

    def on_evaluate(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        name = args.metric_for_best_model
        name = name if name.startswith("eval_") else f"eval_{name}"
        value = (kwargs.get("metrics") or {}).get(name)
        if value is None:
            return  # an evaluation of another data set; the Trainer refuses a metric that is never there
        gain = float("inf") if self.best is None else value - self.best
        if self.best is not None and not args.greater_is_better:
            gain = -gain
        if gain > self.early_stopping_threshold:
            self.best, self.early_stopping_patience_counter = value, 0
            return
        self.early_stopping_patience_counter += 1
        if self.early_stopping_patience_counter >= self.early_stopping_patience:
            control.should_training_stop = True

    def state(self) -> dict[str, Any]:
        return {
            "args": {
                "early_stopping_patience": self.early_stopping_patience,
                "early_stopping_threshold": self.early_stopping_threshold,
            },
            "attributes": {
                "early_stopping_patience_counter": self.early_stopping_patience_counter,
                "best": self.best,
            },
        }
