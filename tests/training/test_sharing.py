"""What v4's scripts ask of a Trainer after training: a card, the Hub, its accelerator and its handler."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from hubformer.errors import InputError, NotProvided
from hubformer.hub import read_card
from hubformer.training import (
    TrainerCallback,
    get_inverse_sqrt_schedule,
    get_linear_schedule_with_warmup,
    get_scheduler,
    sharing,
)
from training.cases import Quiet, arguments, classifier, rows_of


def trained(folder: Path, **named: Any) -> Quiet:
    data = rows_of("classification", 8)
    args = arguments(folder, num_train_epochs=2, eval_strategy="epoch", **named)
    trainer = Quiet(classifier(), args, train_dataset=data, eval_dataset=data)
    trainer.train()
    return trainer


ABOUT: dict[str, Any] = {
    "finetuned_from": "bert-base-uncased",
    "tasks": "text-classification",
    "language": "en",
    "dataset_tags": "glue",
    "dataset_args": "mrpc",
    "dataset": "GLUE MRPC",
}


def test_a_card_of_real_figures(tmp_path: Path) -> None:
    trainer = trained(tmp_path, label_smoothing_factor=0.1)
    trainer.create_model_card(**ABOUT)
    last = [one for one in trainer.state.log_history if "eval_loss" in one][-1]
    front, text = read_card(tmp_path), (tmp_path / "README.md").read_text()
    assert front["base_model"] == "bert-base-uncased"
    assert front["pipeline_tag"] == "text-classification"
    assert front["datasets"] == ["glue"]
    (result,) = front["model-index"][0]["results"]
    assert result["dataset"] == {"name": "GLUE MRPC", "type": "glue", "args": "mrpc"}
    assert {"name": "Loss", "type": "loss", "value": last["eval_loss"]} in result["metrics"]
    assert "a fine-tuned version of `bert-base-uncased` on GLUE MRPC" in text
    assert "optimizer steps: 4" in text
    assert f"| 4 | 2.0000 | {trainer.state.log_history[-3]['loss']:.4f} | {last['eval_loss']:.4f} |" in text
    trainer.create_model_card(model_name="mine")  # its own card is written anew
    assert "# mine\n" in (tmp_path / "README.md").read_text()
    (tmp_path / "README.md").write_text("# Written by hand\n")
    trainer.create_model_card()
    assert (tmp_path / "README.md").read_text() == "# Written by hand\n"


def test_a_card_before_any_training(tmp_path: Path) -> None:
    Quiet(classifier(), arguments(tmp_path / "mine")).create_model_card()
    assert "trained from scratch" in (tmp_path / "mine" / "README.md").read_text()


def test_pushing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pushed: list[tuple[Any, ...]] = []

    def push(folder: Path, repo_id: str, **named: Any) -> str:
        files = {path.name for path in folder.iterdir()}
        pushed.append(
            (repo_id, named["commit_message"], named["token"], {"README.md", "config.json"} <= files)
        )
        assert named["leaving"] == ("checkpoint-*/**",)
        return "https://commit"

    monkeypatch.setattr(sharing, "push_folder", push)
    trainer = trained(tmp_path / "a")
    assert pushed == []
    assert trainer.push_to_hub() == "https://commit"
    assert trainer.push_to_hub(commit_message="More", token="hf_x", **ABOUT) == "https://commit"
    assert pushed == [("a", "End of training", None, True), ("a", "More", "hf_x", True)]
    pushed.clear()
    named = {"push_to_hub": True, "hub_model_id": "me/b", "hub_token": "hf_y", "save_strategy": "epoch"}
    trained(tmp_path / "b", **named)
    messages = [f"Training in progress, step {step}" for step in (2, 4)] + ["End of training"]
    assert pushed == [("me/b", message, "hf_y", True) for message in messages]
    pushed.clear()
    trained(tmp_path / "b", **named, hub_strategy="end")
    assert [message for _, message, *_ in pushed] == ["End of training"]


def test_what_scripts_ask_of_a_trainer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trainer = Quiet(classifier(), arguments(tmp_path), train_dataset=rows_of("classification", 8))
    every = trainer.get_num_trainable_parameters()
    next(trainer.model.parameters()).requires_grad = False
    assert trainer.get_num_trainable_parameters() == every - next(trainer.model.parameters()).numel()
    with pytest.raises(InputError, match="no optimizer yet"):
        trainer.get_learning_rates()
    trainer.create_optimizer()
    assert set(trainer.get_learning_rates()) == {1e-2}
    assert trainer._prepare_inputs({"input_ids": torch.ones(1)})["input_ids"].device == trainer.args.device
    accelerator = trainer.accelerator
    accelerator.print("once")
    assert capsys.readouterr().out == "once\n"
    accelerator.wait_for_everyone()
    assert accelerator.unwrap_model(trainer.model_wrapped) is trainer.model
    assert accelerator.gather_for_metrics(3) == 3
    assert (accelerator.mixed_precision, accelerator.num_processes, accelerator.is_main_process) == (
        "no",
        1,
        True,
    )
    with pytest.raises(NotProvided, match="no hyperparameter_search"):
        trainer.hyperparameter_search(n_trials=3)


def test_events_are_methods_of_the_handler(tmp_path: Path) -> None:
    seen: list[Any] = []

    class Notes(TrainerCallback):
        def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            seen.append(("evaluate", kwargs["metrics"]))

        def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            seen.append(("log", kwargs["logs"]))

        def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            control.should_training_stop = True

    trainer = Quiet(classifier(), arguments(tmp_path), callbacks=[Notes])
    about = (trainer.args, trainer.state, trainer.control)
    trainer.control = trainer.callback_handler.on_evaluate(*about, {"eval_f1": 1.0})
    trainer.callback_handler.on_log(*about, {"loss": 2.0})
    assert seen == [("evaluate", {"eval_f1": 1.0}), ("log", {"loss": 2.0})]
    assert trainer.callback_handler.on_save(*about).should_training_stop
    assert "Notes" in trainer.callback_handler.callback_list
    with pytest.raises(AttributeError, match="Did you mean 'on_evaluate'"):
        _ = trainer.callback_handler.on_evaluated


def test_one_batchs_metrics_are_given_tensors(tmp_path: Path) -> None:
    right: list[int] = []

    def metrics(prediction: Any, compute_result: bool) -> dict[str, float]:
        logits, labels = prediction
        right.append(int((logits.argmax(dim=-1) == labels).sum().item()))
        return {"accuracy": sum(right) / 10} if compute_result else {}

    args = arguments(tmp_path, batch_eval_metrics=True, per_device_eval_batch_size=4)
    trainer = Quiet(classifier(), args, eval_dataset=rows_of("classification", 10), compute_metrics=metrics)
    assert 0 <= trainer.evaluate()["eval_accuracy"] <= 1
    assert len(right) == 3


def test_a_loss_function_is_told_the_items_in_evaluation(tmp_path: Path) -> None:
    counts: list[Any] = []

    def loss(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> torch.Tensor:
        counts.append(num_items_in_batch)
        total = torch.nn.functional.cross_entropy(outputs["logits"], labels, reduction="sum")
        return total / num_items_in_batch

    data = rows_of("classification", 10)
    args = arguments(tmp_path, per_device_eval_batch_size=4)
    found = Quiet(classifier(), args, eval_dataset=data, compute_loss_func=loss).evaluate()["eval_loss"]
    assert counts == [4, 4, 2]
    assert found == pytest.approx(
        Quiet(classifier(), args, eval_dataset=data).evaluate()["eval_loss"], abs=1e-6
    )


def test_schedules_can_be_pickled() -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.5)
    for schedule in (
        get_linear_schedule_with_warmup(optimizer, 2, 10),
        get_inverse_sqrt_schedule(optimizer, 2),
        get_scheduler("cosine_with_min_lr", optimizer, 2, 10, {"min_lr": 0.1}),
    ):
        again = pickle.loads(pickle.dumps(schedule))
        factors = [[one.lr_lambdas[0](step) for step in range(12)] for one in (schedule, again)]
        assert factors[0] == factors[1]
