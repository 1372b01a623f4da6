"""Trainings that are killed at a given moment and resumed; run as a script, since each ends by SIGKILL.

    python killed.py FOLDER KILLS SEED

A moment is a batch, or a file operation of a save. The unbroken run is counted first; then KILLS moments are
drawn, a run is killed at each, resumed with resume_from_checkpoint=True (every third is killed once more in
between), and compared with the unbroken one bit for bit. Prints one JSON line.
"""

from __future__ import annotations

import builtins
import io
import json
import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

TIMES = ("runtime", "per_second")
FILE_OPERATIONS = ((os, "open"), (os, "replace"), (os, "fsync"), (os, "link"), (os, "unlink"), (os, "mkdir"))


class Moments:
    """Counts moments; acts when the chosen one is reached."""

    def __init__(self, act_at: int | None, act: Callable[[], None]) -> None:
        self.count, self._act_at, self._act = 0, act_at, act

    def pass_one(self) -> None:
        self.count += 1
        if self.count == self._act_at:
            self._act()

    def watch_files(self, patch: Callable[[Any, str, Any], None] = setattr) -> None:
        for module, name in FILE_OPERATIONS:
            patch(module, name, self._watched(getattr(module, name)))
        patch(io, "open", self._watched(io.open, writing=True))
        patch(builtins, "open", self._watched(builtins.open, writing=True))

    def _watched(self, operation: Any, *, writing: bool = False) -> Any:
        def watched(*args: Any, **named: Any) -> Any:
            mode = named.get("mode", args[1] if len(args) > 1 else "r")
            if not writing or any(letter in str(mode) for letter in "wax+"):
                self.pass_one()
            return operation(*args, **named)

        return watched


def collate(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Pads, and hides some tokens at random."""
    longest = max(len(row["input_ids"]) for row in rows)
    ids = torch.tensor([row["input_ids"] + [0] * (longest - len(row["input_ids"])) for row in rows])
    hidden = torch.rand(ids.shape) < 0.1
    return {
        "input_ids": ids.masked_fill(hidden, 1),
        "attention_mask": (ids != 0).long(),
        "labels": torch.tensor([row["labels"] for row in rows]),
    }


def trainer_in(folder: Path, moments: Moments | None = None) -> Any:
    from hubformer.training import EarlyStoppingCallback
    from training.cases import Quiet, arguments, classifier, rows_of

    class Counted(Quiet):
        def training_step(self, *args: Any, **named: Any) -> Any:
            if moments is not None:
                moments.pass_one()
            return super().training_step(*args, **named)

    args = arguments(
        folder,
        per_device_train_batch_size=3,
        gradient_accumulation_steps=2,
        num_train_epochs=2,
        group_by_length=True,
        save_strategy="steps",
        save_steps=2,
        eval_strategy="steps",
        eval_steps=2,
        load_best_model_at_end=True,
        save_total_limit=2,
        logging_steps=1,
    )
    return Counted(
        classifier(dropout=0.1),
        args,
        data_collator=collate,
        train_dataset=rows_of("classification", 23, ragged=True),
        eval_dataset=rows_of("classification", 5, ragged=True, seed=9),
        callbacks=[EarlyStoppingCallback(3)],
    )


def outcome(folder: Path) -> dict[str, Any]:
    """Everything that a training leaves, but for the times."""
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    kept = [{k: v for k, v in line.items() if not any(t in k for t in TIMES)} for line in log]
    return {"log": kept, "model": (folder / "final" / "model.safetensors").read_bytes().hex()}


def train(folder: Path, kill_at: int | None, *, resume: bool) -> int:
    moments = Moments(kill_at, lambda: os.kill(os.getpid(), signal.SIGKILL))
    trainer = trainer_in(folder, moments)
    moments.watch_files()
    trainer.train(resume_from_checkpoint=resume)
    trainer.save_model(folder / "final")
    return moments.count


def in_child(folder: Path, kill_at: int | None, *, resume: bool) -> int:
    """The count of moments, or -1 where the training was killed."""
    child = os.fork()
    if not child:
        try:
            count = train(folder, kill_at, resume=resume)
            (folder / "count").write_text(str(count))
            os._exit(0)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return -1
    if os.WEXITSTATUS(status):
        raise SystemExit(f"A training in {folder} (kill_at={kill_at}, resume={resume}) failed.")
    return int((folder / "count").read_text())


def main(folder: Path, kills: int, seed: int) -> None:
    import logging

    import torch._dynamo  # what the first optimizer imports, once for all children  # noqa: F401

    logging.disable(logging.WARNING)
    total = in_child(folder / "whole", None, resume=False)
    expected = outcome(folder / "whole")
    draw = random.Random(seed)
    points = sorted(draw.sample(range(3, total), kills))
    different = []
    for place, point in enumerate(points):
        run = folder / f"killed-{point}"
        assert in_child(run, point, resume=False) == -1
        if place % 3 == 2:
            in_child(run, draw.randrange(3, total), resume=True)
        in_child(run, None, resume=True)
        if outcome(run) != expected:
            different.append(point)
    print(
        json.dumps(
            {"moments": total, "points": points, "different": different, "lines": len(expected["log"])}
        )
    )


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
