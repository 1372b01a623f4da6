"""Stopping anywhere and going on: bit for bit what an unbroken training gives."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from hubformer.errors import CheckpointError
from hubformer.training import TrainerCallback, checkpoint
from training.cases import Quiet, arguments, classifier, furthest, losses, rows_of, same_bits, weights
from training.killed import Moments, collate, trainer_in


class Stop(Exception):
    pass


class StopAt(TrainerCallback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.step:
            raise Stop


def run_killed(folder: Path, *, kills: int, seed: int) -> None:
    script = Path(__file__).with_name("killed.py")
    found = subprocess.run(
        [sys.executable, str(script), str(folder), str(kills), str(seed)],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert found.returncode == 0, found.stderr
    answer = json.loads(found.stdout.splitlines()[-1])
    assert answer["lines"] > 10
    assert answer["moments"] > 100
    assert answer["different"] == [], f"of {answer['points']}"


def test_killed_and_resumed_is_the_same_to_the_bit(tmp_path: Path) -> None:
    run_killed(tmp_path, kills=4, seed=0)


@pytest.mark.slow
def test_killed_at_thirty_moments(tmp_path: Path) -> None:
    run_killed(tmp_path, kills=30, seed=1)


SETTINGS: dict[str, dict[str, Any]] = {
    "mid-epoch": {"save_steps": 3},
    "accumulation": {"save_steps": 2, "gradient_accumulation_steps": 3},
    "epochs": {"save_strategy": "epoch"},
    "workers": {"save_steps": 3, "dataloader_num_workers": 2},
    "adafactor": {"save_steps": 3, "optim": "adafactor"},
    "momentum": {"save_steps": 3, "optim": "sgd", "optim_args": "momentum=0.9"},
    "restarts": {"save_steps": 3, "lr_scheduler_type": "cosine_with_restarts", "warmup_steps": 2},
    "plateau": {
        "save_steps": 3,
        "lr_scheduler_type": "reduce_lr_on_plateau",
        "eval_strategy": "steps",
        "eval_steps": 1,
    },
    "token budget": {"save_steps": 3, "per_device_train_batch_tokens": 40},
    "bfloat16": {"save_steps": 3, "bf16": True},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_stopped_and_resumed(name: str, tmp_path: Path) -> None:
    settings = {"num_train_epochs": 2, "save_strategy": "steps", **SETTINGS[name]}

    def trainer(folder: str, *callbacks: Any) -> Quiet:
        return Quiet(
            classifier(dropout=0.1),
            arguments(tmp_path / folder, **settings),
            data_collator=collate,
            train_dataset=rows_of("classification", 23, ragged=True),
            eval_dataset=rows_of("classification", 5, ragged=True, seed=9),
            callbacks=list(callbacks),
        )

    whole = trainer("whole")
    whole.train()
    steps = whole.state.global_step
    stopped = trainer("stopped", StopAt(steps - 1 if name != "accumulation" else 3))
    with pytest.raises(Stop):
        stopped.train()
    resumed = trainer("stopped")
    torch.rand(7)  # what a script draws before train() does not matter
    resumed.train(resume_from_checkpoint=True)
    assert resumed.state.global_step == steps
    assert losses(resumed) == losses(whole)
    assert same_bits(weights(resumed.model), weights(whole.model))


def test_own_dataloader_is_resumed_too(tmp_path: Path) -> None:
    class Own(Quiet):
        def get_train_dataloader(self) -> Any:
            return torch.utils.data.DataLoader(
                self.train_dataset, batch_size=4, shuffle=True, collate_fn=collate
            )

    def trainer(folder: str, *callbacks: Any) -> Quiet:
        return Own(
            classifier(dropout=0.1),
            arguments(tmp_path / folder, num_train_epochs=2, save_strategy="steps", save_steps=2),
            train_dataset=rows_of("classification", 22, ragged=True),
            callbacks=list(callbacks),
        )

    whole = trainer("whole")
    whole.train()
    with pytest.raises(Stop):
        trainer("stopped", StopAt(9)).train()
    resumed = trainer("stopped")
    resumed.train(resume_from_checkpoint=True)
    assert losses(resumed) == losses(whole)
    assert same_bits(weights(resumed.model), weights(whole.model))


def test_stream_is_resumed_too(tmp_path: Path) -> None:
    class Stream:
        def __iter__(self) -> Any:
            return iter(rows_of("classification", 22))

    def trainer(folder: str, *callbacks: Any) -> Quiet:
        args = arguments(tmp_path / folder, max_steps=8, save_strategy="steps", save_steps=3)
        return Quiet(classifier(dropout=0.1), args, train_dataset=Stream(), callbacks=list(callbacks))

    whole = trainer("whole")
    whole.train()
    with pytest.raises(Stop):
        trainer("stopped", StopAt(7)).train()
    resumed = trainer("stopped")
    resumed.train(resume_from_checkpoint=True)
    assert losses(resumed) == losses(whole)
    assert same_bits(weights(resumed.model), weights(whole.model))


def test_every_failing_file_operation_leaves_a_checkpoint(tmp_path: Path, monkeypatch: Any) -> None:
    trainer = trainer_in(tmp_path)
    trainer.control.should_training_stop = False
    trainer.add_callback(StopAt(4))
    with pytest.raises(Stop):
        trainer.train()
    before = checkpoint.newest(tmp_path)
    assert before is not None
    assert before.name == "checkpoint-4"
    old = weights(trainer.model)
    with torch.no_grad():
        for parameter in trainer.model.parameters():
            parameter.add_(1.0)
    trainer.state.global_step = 6
    new = weights(trainer.model)
    shutil.copytree(tmp_path, tmp_path.parent / "kept")
    fresh = classifier()

    def fail() -> None:
        raise OSError("no space left on device")

    outcomes = set()
    for place in range(1, 400):
        shutil.rmtree(tmp_path)
        shutil.copytree(tmp_path.parent / "kept", tmp_path)
        moments = Moments(place, fail)
        with monkeypatch.context() as patched:
            moments.watch_files(patched.setattr)
            try:
                trainer.save_checkpoint()
                failed = False
            except OSError:
                failed = True
        found = checkpoint.newest(tmp_path)
        assert found is not None, f"operation {place}"
        checkpoint.read_weights(fresh, found)
        assert same_bits(weights(fresh), new if found.name == "checkpoint-6" else old), f"operation {place}"
        outcomes.add((failed, found.name))
        if moments.count < place:
            break
    else:
        raise AssertionError("a save never came to its end")
    assert (False, "checkpoint-6") in outcomes
    assert (True, "checkpoint-4") in outcomes
    assert place > 20


def finished(folder: Path, **named: Any) -> Quiet:
    args = arguments(folder, max_steps=6, save_strategy="steps", save_steps=2, **named)
    trainer = Quiet(classifier(), args, train_dataset=rows_of("classification", 16))
    trainer.train()
    return trainer


def again(folder: Path, **named: Any) -> Quiet:
    args = arguments(folder, **{"max_steps": 6, "save_strategy": "steps", "save_steps": 2, **named})
    return Quiet(classifier(), args, train_dataset=rows_of("classification", 16))


@pytest.mark.parametrize(
    "name",
    [
        "model.safetensors",
        "optimizer.safetensors",
        "random-0.safetensors",
        "resume.json",
        "trainer_state.json",
    ],
)
@pytest.mark.parametrize("how", ["missing", "cut"])
def test_a_damaged_checkpoint_is_passed_over_or_refused(
    name: str, how: str, tmp_path: Path, caplog: Any
) -> None:
    finished(tmp_path)
    path = tmp_path / "checkpoint-6" / name
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(CheckpointError, match=name):
        again(tmp_path).train(resume_from_checkpoint=tmp_path / "checkpoint-6")
    trainer = again(tmp_path)
    trainer.train(resume_from_checkpoint=True)
    assert name in caplog.text
    assert trainer.state.global_step == 6


def test_missing_state_is_allowed_when_asked(tmp_path: Path) -> None:
    finished(tmp_path, save_only_model=True)
    folder = tmp_path / "checkpoint-4"
    with pytest.raises(CheckpointError, match=r"resume\.json"):
        again(tmp_path).train(resume_from_checkpoint=folder)
    trainer = again(tmp_path, allow_missing_state=True)
    trainer.train(resume_from_checkpoint=folder)
    assert trainer.state.global_step == 6


def test_other_data_or_batches_are_refused(tmp_path: Path) -> None:
    finished(tmp_path)
    folder = tmp_path / "checkpoint-2"
    with pytest.raises(CheckpointError, match="per_device_train_batch_size was 4 and is 2"):
        again(tmp_path, per_device_train_batch_size=2).train(resume_from_checkpoint=folder)
    with pytest.raises(CheckpointError, match="sampling_seed"):
        again(tmp_path, data_seed=5).train(resume_from_checkpoint=folder)


def test_a_step_that_cannot_be_is_refused(tmp_path: Path) -> None:
    finished(tmp_path)
    folder = tmp_path / "checkpoint-2"
    state = json.loads((folder / "trainer_state.json").read_text())
    state["global_step"] = 10**15
    (folder / "trainer_state.json").write_text(json.dumps(state))
    sizes = json.loads((folder / "complete.json").read_text())
    sizes["files"]["trainer_state.json"] = (folder / "trainer_state.json").stat().st_size
    (folder / "complete.json").write_text(json.dumps(sizes))
    with pytest.raises(CheckpointError, match="which no training reaches"):
        again(tmp_path).train(resume_from_checkpoint=folder)


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint to resume from"):
        again(tmp_path / "empty").train(resume_from_checkpoint=True)
    with pytest.raises(CheckpointError, match="no such folder"):
        again(tmp_path).train(resume_from_checkpoint=str(tmp_path / "checkpoint-99"))


def test_no_pickle_is_written(tmp_path: Path) -> None:
    finished(tmp_path)
    kinds = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert kinds <= {".json", ".jsonl", ".safetensors"}


def test_a_checkpoint_is_a_model_folder_too(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    trainer = finished(tmp_path)
    ids = torch.tensor([[5, 6, 7, 8]])
    ours = type(trainer.model).from_pretrained(tmp_path / "checkpoint-6")
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "checkpoint-6")
    assert same_bits(weights(ours), weights(trainer.model))
    torch.testing.assert_close(ours(ids).logits, theirs(ids).logits, rtol=1e-5, atol=1e-5)


def test_a_checkpoint_of_version_0_1_0_is_resumed(tmp_path: Path) -> None:
    """version_0_1_0 holds step 4 of 8 as version 0.1.0 wrote it, with dropout and accumulation, and the
    weights that it reached at step 8. On the machine that wrote them this resumes to the same bits."""
    stored = Path(__file__).parent / "version_0_1_0"
    args = arguments(tmp_path, max_steps=8, gradient_accumulation_steps=2, weight_decay=0.1)
    trainer = Quiet(classifier(dropout=0.1), args, train_dataset=rows_of("classification", 40))
    trainer.train(resume_from_checkpoint=str(stored / "checkpoint-4"))
    trainer.save_model(tmp_path / "end")
    found, expected = load_file(tmp_path / "end" / "model.safetensors"), load_file(stored / "end.safetensors")
    assert furthest(found, expected) < 1e-6
