"""Where log lines go: always to `log.jsonl` in the output folder, and by name to experiment trackers.

The trackers are used through their own packages, which are imported only when they are asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from hubformer.errors import InputError, suggestion
from hubformer.storage import write_file
from hubformer.training.callbacks import TrainerCallback

LOG = "log.jsonl"
_STEP = "train/global_step"  # by which Weights & Biases draws


class JsonLinesCallback(TrainerCallback):
    """One JSON object a line: what was logged, with its step. A resumed training first cuts off what came
    after the checkpoint, so the file is that of an unbroken run."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            Path(args.output_dir).mkdir(parents=True, exist_ok=True)
            write_file(Path(args.output_dir) / LOG, "".join(_line(entry) for entry in state.log_history))

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        path = Path(args.output_dir) / LOG
        if state.is_world_process_zero and state.log_history and path.is_file():
            with path.open("a", encoding="utf-8") as file:
                file.write(_line(state.log_history[-1]))


def _line(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry) + "\n"


def _grouped(name: str) -> str:
    """v4's names in trackers: train/loss, eval/loss, test/loss."""
    for group in ("eval", "test"):
        if name.startswith(f"{group}_"):
            return f"{group}/{name.removeprefix(f'{group}_')}"
    return f"train/{name}"


class Tracker(TrainerCallback):
    """An experiment tracker. It is opened when a training begins, or by what is logged without one, and what
    is logged after a training goes where the training went."""

    name: ClassVar[str]

    def __init__(self) -> None:
        self._package = _required(self.name)
        self._opened = False

    def open(self, args: Any) -> None:
        """Begin a run, and say what it runs with."""
        raise NotImplementedError

    def write(self, numbers: Mapping[str, float], *, step: int) -> None:
        """Numbers by the Trainer's names."""
        raise NotImplementedError

    def _ready(self, args: Any) -> None:
        if self._opened:
            return
        try:
            self.open(args)
        except Exception as error:
            raise InputError(
                f"report_to has {self.name!r}, which cannot begin a run: {error} Set it up, or leave it "
                f"out (every training writes {LOG})."
            ) from error
        self._opened = True

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            self._ready(args)

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            self._ready(args)
            logs = kwargs.get("logs") or {}
            numbers = {key: float(value) for key, value in logs.items() if isinstance(value, int | float)}
            self.write(numbers, step=state.global_step)


class TensorBoardCallback(Tracker):
    """Event files in `logging_dir`."""

    name = "tensorboard"

    def open(self, args: Any) -> None:
        self._writer = import_module("torch.utils.tensorboard").SummaryWriter(args.logging_dir)
        self._writer.add_text("args", args.to_json_string())

    def write(self, numbers: Mapping[str, float], *, step: int) -> None:
        for name, value in numbers.items():
            self._writer.add_scalar(_grouped(name), value, step)
        self._writer.flush()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._opened:
            self._writer.close()
            self._opened = False


class WandbCallback(Tracker):
    """The run that is open, or a new one. It stays open for what comes after, as in transformers 4."""

    name = "wandb"

    def open(self, args: Any) -> None:
        if self._package.run is None:
            self._package.init(name=args.run_name)
            self._package.define_metric("*", step_metric=_STEP)
        self._package.config.update(args.to_sanitized_dict(), allow_val_change=True)

    def write(self, numbers: Mapping[str, float], *, step: int) -> None:
        if self._package.run is not None:  # the user may have finished it
            self._package.log({**{_grouped(name): value for name, value in numbers.items()}, _STEP: step})


class MLflowCallback(Tracker):
    """The run that is active, or a new one, which ends with the training."""

    name = "mlflow"

    def open(self, args: Any) -> None:
        active = self._package.active_run()
        run = self._package.start_run(run_name=args.run_name) if active is None else active
        self._run: str = run.info.run_id
        self._own = active is None
        values = list(args.to_sanitized_dict().items())
        for start in range(0, len(values), 100):  # the most that a server takes at once
            self._package.log_params(dict(values[start : start + 100]))

    def write(self, numbers: Mapping[str, float], *, step: int) -> None:
        self._package.log_metrics(dict(numbers), step=step, run_id=self._run)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._opened and self._own and self._package.active_run() is not None:
            self._package.end_run()
            self._own = False


TRACKERS: Mapping[str, type[Tracker]] = {
    kind.name: kind for kind in (TensorBoardCallback, WandbCallback, MLflowCallback)
}


def trackers(names: Sequence[str]) -> list[TrainerCallback]:
    """The callbacks of those names; "all" is every one whose package is installed.

    Raises:
        InputError: a name is not known, or its package is not installed.
    """
    if list(names) == ["all"]:
        names = [name for name in TRACKERS if _imported(name) is not None]
    for name in names:
        if name not in TRACKERS:
            raise InputError(
                f"report_to has {name!r}, which hubformer does not know.{suggestion(name, TRACKERS)} "
                f"Known: {', '.join(TRACKERS)}, all, none."
            )
    return [TRACKERS[name]() for name in names]


def _imported(name: str) -> Any:
    """The package, or None where it is not installed."""
    try:
        found = import_module(name)
    except ImportError:
        return None
    # A folder of that name, which trackers write beside a script, imports as a package without a file.
    return found if getattr(found, "__file__", None) else None


def _required(name: str) -> Any:
    found = _imported(name)
    if found is None:
        raise InputError(
            f"report_to has {name!r}, but the package {name} is not installed: pip install {name}, or "
            f"leave it out (every training writes {LOG})."
        )
    return found
