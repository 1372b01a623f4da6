"""The Trainer and adapters: what is trained, what is saved, and going on bit for bit."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch

import hubformer
from hubformer import CheckpointError, InputError, LoraConfig
from hubformer.training import TrainerCallback
from training.cases import (
    Quiet,
    arguments,
    bert_config,
    classifier,
    losses,
    rows_of,
    same_bits,
    shaken,
    weights,
)
from training.killed import collate


class Stop(Exception):
    pass


class StopAt(TrainerCallback):
    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == self.step:
            raise Stop


@pytest.fixture
def where(tmp_path: Path) -> Path:
    """A base without the head."""
    torch.manual_seed(0)
    shaken(hubformer.BertForMaskedLM(bert_config(dropout=0.1))).save_pretrained(tmp_path / "base")
    return tmp_path / "base"


def adapted(where: Path, **asked: Any) -> Any:
    torch.manual_seed(1)
    model = hubformer.BertForSequenceClassification.from_pretrained(where, num_labels=3)
    model.add_adapter(LoraConfig(**{"r": 2, "lora_dropout": 0.1, **asked}))
    return model


def trainer(model: Any, folder: Path, *callbacks: Any, **settings: Any) -> Quiet:
    return Quiet(
        model,
        arguments(folder, **{"num_train_epochs": 2, "save_strategy": "steps", "save_steps": 3, **settings}),
        data_collator=collate,
        train_dataset=rows_of("classification", 23, ragged=True),
        eval_dataset=rows_of("classification", 5, ragged=True, seed=9),
        callbacks=list(callbacks),
    )


def test_only_the_adapter_and_the_new_head_move(where: Path, tmp_path: Path) -> None:
    model = adapted(where)
    before, base = weights(model), weights(copy.deepcopy(model).unload())
    done = trainer(model, tmp_path / "run")
    done.train()
    held = {p for group in done.optimizer.param_groups for p in group["params"]}
    assert held == {p for p in model.parameters() if p.requires_grad}
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert moved == {name for name, p in model.named_parameters() if p.requires_grad}
    assert losses(done)[-1] < losses(done)[0]
    assert same_bits(weights(model.unload()), base)


def test_a_checkpoint_holds_the_adapter_alone(where: Path, tmp_path: Path) -> None:
    done = trainer(adapted(where), tmp_path / "run")
    done.train()
    done.save_model()
    for folder in (tmp_path / "run" / "checkpoint-12", tmp_path / "run"):
        names = {path.name for path in folder.iterdir()}
        assert {"adapter_config.json", "adapter_model.safetensors"} < names
        assert "model.safetensors" not in names
        assert "config.json" not in names
    batch = collate(rows_of("classification", 3))
    del batch["labels"]
    again = hubformer.AutoModelForSequenceClassification.from_pretrained(tmp_path / "run")
    with torch.no_grad():
        assert torch.equal(again(**batch).logits, done.model.eval()(**batch).logits)


SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "biases": {"bias": "all"},
    "everything": {"target_modules": "all-linear", "use_rslora": True},
}


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("bf16", [False, True])
def test_stopped_and_resumed(name: str, bf16: bool, where: Path, tmp_path: Path) -> None:
    asked = SETTINGS[name]
    whole = trainer(adapted(where, **asked), tmp_path / "whole", bf16=bf16)
    whole.train()
    with pytest.raises(Stop):
        trainer(adapted(where, **asked), tmp_path / "run", StopAt(7), bf16=bf16).train()
    resumed = trainer(adapted(where, **asked), tmp_path / "run", bf16=bf16)
    torch.rand(7)
    resumed.train(resume_from_checkpoint=True)
    assert losses(resumed) == losses(whole)
    assert same_bits(weights(resumed.model), weights(whole.model))


def test_two_adapters_are_resumed(where: Path, tmp_path: Path) -> None:
    def fresh() -> Any:
        torch.manual_seed(1)
        model = hubformer.BertForSequenceClassification.from_pretrained(where, num_labels=3)
        model.add_adapter(LoraConfig(r=2))
        model.new_parameters = ()  # the first adapter has the head
        model.add_adapter(LoraConfig(r=3, target_modules=["key"]), "other")
        model.set_adapter(["default", "other"])
        return model

    whole = trainer(fresh(), tmp_path / "whole")
    whole.train()
    with pytest.raises(Stop):
        trainer(fresh(), tmp_path / "run", StopAt(7)).train()
    resumed = trainer(fresh(), tmp_path / "run")
    resumed.train(resume_from_checkpoint=True)
    assert same_bits(weights(resumed.model), weights(whole.model))


def test_the_best_one_is_loaded(where: Path, tmp_path: Path) -> None:
    done = trainer(
        adapted(where),
        tmp_path / "run",
        greater_is_better=True,  # of the loss: not the last one
        eval_strategy="steps",
        eval_steps=3,
        load_best_model_at_end=True,
    )
    done.train()
    best = Path(str(done.state.best_model_checkpoint))
    assert best.name != "checkpoint-12"
    kept = hubformer.BertForSequenceClassification.from_pretrained(best)
    assert same_bits(done.model.get_adapter_state_dict(), kept.get_adapter_state_dict())


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"r": 3}, "r was 2 and is 3"),
        ({"lora_alpha": 2}, "lora_alpha was 8 and is 2"),
        ({"bias": "all"}, "bias was 'none' and is 'all'"),
    ],
    ids=str,
)
def test_another_adapter_does_not_go_on(
    asked: dict[str, Any], said: str, where: Path, tmp_path: Path
) -> None:
    trainer(adapted(where), tmp_path / "run").train()
    with pytest.raises(CheckpointError, match=said):
        trainer(adapted(where, **asked), tmp_path / "run").train(resume_from_checkpoint=True)


def test_a_checkpoint_of_a_whole_model_is_not_an_adapter(where: Path, tmp_path: Path) -> None:
    trainer(classifier(), tmp_path / "run").train()
    with pytest.raises(CheckpointError, match=r"adapter_config\.json is missing: expected"):
        trainer(adapted(where), tmp_path / "run").train(resume_from_checkpoint=True)


def test_nothing_to_train(where: Path, tmp_path: Path) -> None:
    model = adapted(where)
    model.disable_adapters()
    with pytest.raises(InputError, match="no parameter to train"):
        trainer(model, tmp_path / "run").train()


def test_a_new_head_is_trained_whatever_is_said(where: Path) -> None:
    """It was made at random: frozen and unsaved, nobody could load it again."""
    model = adapted(where, modules_to_save=["LayerNorm"])
    saved = model.peft_config["default"].modules_to_save
    assert saved == ["LayerNorm", "bert.pooler.dense", "classifier"]
