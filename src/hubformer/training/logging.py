"""Where log lines go: always to `log.jsonl` in the output folder, and by name to experiment trackers.

The trackers are used through their own packages, which are imported only when they are asked for.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hubformer.errors import InputError, suggestion
from hubformer.storage import write_file
from hubformer.training.callbacks import TrainerCallback

LOG = "log.jsonl"


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


def _numbers(logs: Mapping[str, Any]) -> dict[str, float]:
    return {key: float(value) for key, value in logs.items() if isinstance(value, int | float)}


def _grouped(name: str) -> str:
    """v4's names in trackers: train/loss, eval/loss, test/loss."""
    for group in ("eval", "test"):
        if name.startswith(f"{group}_"):
            return f"{group}/{name.removeprefix(f'{group}_')}"
    return f"train/{name}"


class TensorBoardCallback(TrainerCallback):
    def __init__(self) -> None:
        _require("tensorboard", package="tensorboard")
        self._writer: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            self._writer = importlib.import_module("torch.utils.tensorboard").SummaryWriter(args.logging_dir)
            self._writer.add_text("args", args.to_json_string())

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._writer is not None:
            for name, value in _numbers(kwargs.get("logs") or {}).items():
                self._writer.add_scalar(_grouped(name), value, state.global_step)
            self._writer.flush()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class WandbCallback(TrainerCallback):
    def __init__(self) -> None:
        self._package = _require("wandb", package="wandb")

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero and self._package.run is None:
            self._package.init(name=args.run_name, config=args.to_sanitized_dict())

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero and self._package.run is not None:
            values = {_grouped(name): value for name, value in _numbers(kwargs.get("logs") or {}).items()}
            self._package.log({**values, "train/global_step": state.global_step})


class MLflowCallback(TrainerCallback):
    def __init__(self) -> None:
        self._package = _require("mlflow", package="mlflow")

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            if self._package.active_run() is None:
                self._package.start_run(run_name=args.run_name)
            values = list(args.to_sanitized_dict().items())
            for start in range(0, len(values), 100):  # the most that a server takes at once
                self._package.log_params(dict(values[start : start + 100]))

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            self._package.log_metrics(_numbers(kwargs.get("logs") or {}), step=state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.is_world_process_zero and self._package.active_run() is not None:
            self._package.end_run()


TRACKERS: Mapping[str, type[TrainerCallback]] = {
    "tensorboard": TensorBoardCallback,
    "wandb": WandbCallback,
    "mlflow": MLflowCallback,
}


def trackers(names: Sequence[str]) -> list[TrainerCallback]:
    """The callbacks of those names; "all" is every one whose package is installed.

    Raises:
        InputError: a name is not known, or its package is not installed.
    """
    if list(names) == ["all"]:
        names = [name for name in TRACKERS if importlib.util.find_spec(name) is not None]
    for name in names:
        if name not in TRACKERS:
            raise InputError(
                f"report_to has {name!r}, which hubformer does not know.{suggestion(name, TRACKERS)} "
                f"Known: {', '.join(TRACKERS)}, all, none."
            )
    return [TRACKERS[name]() for name in names]


def _require(name: str, *, package: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise InputError(
            f"report_to has {name!r}, but the package {package} is not installed: pip install {package}, or "
            "leave it out (every training writes log.jsonl)."
        ) from None
