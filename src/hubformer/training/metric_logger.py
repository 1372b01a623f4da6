"""What the Trainer writes down: log lines, metrics, the model. v4's log*, save* methods."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from hubformer.storage import write_file
from hubformer.training import checkpoint
from hubformer.training.callbacks import CallbackHandler
from hubformer.training.state import TrainerControl, TrainerState


def speed(split: str, started: float, *, rows: int, steps: int) -> dict[str, float]:
    """How long something took, and how fast it was."""
    seconds = max(time.perf_counter() - started, 1e-9)
    return {
        f"{split}_runtime": round(seconds, 4),
        f"{split}_samples_per_second": round(rows / seconds, 3),
        f"{split}_steps_per_second": round(steps / seconds, 3),
    }


class MetricLogger:
    """The part of the Trainer that leaves traces."""

    args: Any
    state: TrainerState
    control: TrainerControl
    callback_handler: CallbackHandler
    model: Any
    processing_class: Any

    def _event(self, event: str, **more: Any) -> None:
        self.control = self.callback_handler.call(
            event, self.args, state=self.state, control=self.control, **more
        )

    def log(self, logs: dict[str, Any], start_time: float | None = None) -> None:
        """Keep values with the step and the epoch, and show them to the callbacks."""
        if self.state.epoch is not None:
            logs["epoch"] = self.state.epoch
        if self.args.include_num_input_tokens_seen not in (False, "no"):
            logs["num_input_tokens_seen"] = self.state.num_input_tokens_seen
        self.state.log_history.append({**logs, "step": self.state.global_step})
        self._event("on_log", logs=logs)

    def is_local_process_zero(self) -> bool:
        return bool(self.args.local_process_index == 0)

    def is_world_process_zero(self) -> bool:
        return bool(self.args.process_index == 0)

    def save_model(self, output_dir: str | Path | None = None, _internal_call: bool = False) -> None:
        """The model, its tokenizer and the arguments, as a folder that from_pretrained loads."""
        if not self.is_world_process_zero():
            return
        folder = self.args.folder if output_dir is None else Path(output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        self._write_model(folder)
        write_file(folder / checkpoint.ARGUMENTS, self.args.to_json_string() + "\n")

    def _write_model(self, folder: Path) -> None:
        checkpoint.write_weights(self.model, folder)
        if self.processing_class is not None and hasattr(self.processing_class, "save_pretrained"):
            self.processing_class.save_pretrained(str(folder))

    def save_state(self) -> None:
        """trainer_state.json: the course of the training, with everything that was logged."""
        if self.is_world_process_zero():
            self.args.folder.mkdir(parents=True, exist_ok=True)
            self.state.save_to_json(self.args.folder / checkpoint.STATE)

    def log_metrics(self, split: str, metrics: dict[str, Any]) -> None:
        """Print metrics as a table."""
        if not self.is_world_process_zero():
            return
        width = max((len(name) for name in metrics), default=0)
        lines = [f"***** {split} metrics *****"]
        for name, value in sorted(metrics.items()):
            shown = f"{value:,.4f}" if isinstance(value, float) else str(value)
            lines.append(f"  {name:<{width}} = {shown:>12}")
        print("\n".join(lines), file=sys.stdout)

    def save_metrics(self, split: str, metrics: dict[str, Any], combined: bool = True) -> None:
        """{split}_results.json; combined: also into all_results.json, beside what is there."""
        if not self.is_world_process_zero():
            return
        folder = self.args.folder
        folder.mkdir(parents=True, exist_ok=True)
        write_file(folder / f"{split}_results.json", json.dumps(metrics, indent=4, sort_keys=True) + "\n")
        if combined:
            path = folder / "all_results.json"
            before = json.loads(path.read_text("utf-8")) if path.is_file() else {}
            write_file(path, json.dumps({**before, **metrics}, indent=4, sort_keys=True) + "\n")

    def add_callback(self, callback: Any) -> None:
        self.callback_handler.add(callback)

    def pop_callback(self, callback: Any) -> Any:
        return self.callback_handler.pop(callback)

    def remove_callback(self, callback: Any) -> None:
        self.callback_handler.pop(callback)
