"""What the Trainer does beside the loop: evaluating, choosing, stopping, refusing, recording."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hubformer.errors import InputError, UnknownArgument
from hubformer.training import (
    EarlyStoppingCallback,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    TrainingDiverged,
    checkpoint,
)
from hubformer.training.callbacks import EVENTS
from training.cases import (
    HEADS,
    LENGTH,
    Quiet,
    arguments,
    bert_config,
    classifier,
    furthest,
    losses,
    rows_of,
    same_bits,
    shaken,
    weights,
)
from training.killed import collate


def accuracy(prediction: Any) -> dict[str, Any]:
    return {"accuracy": np.mean(prediction.predictions.argmax(-1) == prediction.label_ids)}


def both(tmp_path: Path, kind: str = "classification", **named: Any) -> tuple[Any, Any]:
    """Our Trainer and the oracle's on the same weights, arguments and rows."""
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    torch.manual_seed(0)
    model = shaken(HEADS[kind](bert_config(num_labels=3 if kind == "classification" else 2)))
    model.save_pretrained(tmp_path / "start")
    theirs = getattr(transformers, type(model).__name__).from_pretrained(tmp_path / "start")
    extra = named.pop("trainer", {})
    same = {
        "per_device_train_batch_size": 4,
        "per_device_eval_batch_size": 3,
        "max_steps": 6,
        "learning_rate": 1e-3,
        "adam_epsilon": 1e-4,
        "logging_steps": 1,
        "save_strategy": "no",
        "use_cpu": True,
        "disable_tqdm": True,
        **named,
    }
    rows, held = rows_of(kind, 22), rows_of(kind, 11, seed=5)
    oracle = transformers.Trainer(
        theirs,
        transformers.TrainingArguments(str(tmp_path / "theirs"), report_to="none", **same),
        data_collator=transformers.default_data_collator,
        train_dataset=rows,
        eval_dataset=held,
        **extra,
    )
    oracle.remove_callback(transformers.PrinterCallback)
    ours = Quiet(
        model,
        TrainingArguments(str(tmp_path / "ours"), **same),
        train_dataset=rows,
        eval_dataset=held,
        **extra,
    )
    return ours, oracle


# ---- against the oracle


def test_evaluate_and_predict_equal_the_oracles(tmp_path: Path) -> None:
    ours, oracle = both(tmp_path, trainer={"compute_metrics": accuracy})
    mine, theirs = ours.evaluate(), oracle.evaluate()
    assert set(theirs) - set(mine) <= {"eval_model_preparation_time", "epoch"}  # 5.23 begins at epoch 0
    assert mine["eval_loss"] == pytest.approx(theirs["eval_loss"], rel=1e-5)
    assert mine["eval_accuracy"] == theirs["eval_accuracy"]
    found, expected = ours.predict(ours.eval_dataset), oracle.predict(oracle.eval_dataset)
    np.testing.assert_allclose(found.predictions, expected.predictions, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(found.label_ids, expected.label_ids)
    assert found.metrics["test_accuracy"] == expected.metrics["test_accuracy"]


@pytest.mark.parametrize("kind", ["qa", "mlm"])
def test_predictions_of_other_heads_equal_the_oracles(kind: str, tmp_path: Path) -> None:
    ours, oracle = both(tmp_path, kind)
    found, expected = ours.predict(ours.eval_dataset), oracle.predict(oracle.eval_dataset)
    for a, b in zip(_flat(found.predictions), _flat(expected.predictions), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)
    for a, b in zip(_flat(found.label_ids), _flat(expected.label_ids), strict=True):
        np.testing.assert_array_equal(a, b)


def _flat(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


@pytest.mark.parametrize("kind", ["classification", "mlm"])
def test_label_smoothing_equals_the_oracles(kind: str, tmp_path: Path) -> None:
    ours, oracle = both(tmp_path, kind, label_smoothing_factor=0.1)
    ours.train()
    oracle.train()
    expected = [e["loss"] for e in oracle.state.log_history if "loss" in e]
    assert losses(ours) == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_events_come_in_the_oracles_order(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")

    def recorder(base: type) -> tuple[Any, list[str]]:
        seen: list[str] = []

        def note(event: str) -> Any:
            def see(self: Any, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
                assert {"model", "optimizer", "lr_scheduler", "processing_class"} <= set(kwargs)
                seen.append(f"{event} {state.global_step}")

            return see

        return type("Recorder", (base,), {event: note(event) for event in EVENTS})(), seen

    mine, ours_saw = recorder(TrainerCallback)
    their, theirs_saw = recorder(transformers.TrainerCallback)
    named = {
        "max_steps": 8,
        "gradient_accumulation_steps": 2,
        "eval_strategy": "steps",
        "eval_steps": 2,
        "save_strategy": "epoch",
    }
    ours, oracle = both(tmp_path, **named)
    ours.add_callback(mine)
    oracle.add_callback(their)
    ours.train()
    oracle.train()
    assert ours_saw == theirs_saw


# ---- evaluating


def test_the_loss_does_not_depend_on_the_batch_size(tmp_path: Path) -> None:
    model = shaken(HEADS["mlm"](bert_config()))
    found = {
        size: Quiet(
            model, arguments(tmp_path, per_device_eval_batch_size=size), eval_dataset=rows_of("mlm", 10)
        ).evaluate()["eval_loss"]
        for size in (1, 3, 10)
    }
    assert found[1] == pytest.approx(found[10], rel=1e-6)
    assert found[3] == pytest.approx(found[10], rel=1e-6)


@pytest.mark.parametrize("kind", ["pretraining", "qa"])
def test_two_terms_do_not_depend_on_the_batch_size_either(kind: str, tmp_path: Path) -> None:
    model = shaken(HEADS[kind](bert_config())).double()
    found = {
        size: Quiet(
            model, arguments(tmp_path, per_device_eval_batch_size=size), eval_dataset=rows_of(kind, 8)
        ).evaluate()["eval_loss"]
        for size in (1, 2, 4, 8)
    }
    for size in (1, 2, 4):
        assert found[size] == pytest.approx(found[8], rel=1e-6)


def test_a_short_training_in_the_folder_of_a_longer_one(tmp_path: Path) -> None:
    """Its checkpoints are the newest: they are kept, and resumed from."""
    data = rows_of("classification", 22)
    limits: dict[str, Any] = {"save_strategy": "steps", "save_steps": 2, "save_total_limit": 2}
    Quiet(classifier(), arguments(tmp_path, max_steps=20, **limits), train_dataset=data).train()
    assert [path.name for path in checkpoint.numbered(tmp_path)] == ["checkpoint-18", "checkpoint-20"]
    short = Quiet(classifier(seed=5), arguments(tmp_path, max_steps=6, **limits), train_dataset=data)
    short.train()
    assert [path.name for path in checkpoint.numbered(tmp_path)] == ["checkpoint-4", "checkpoint-6"]
    newest = checkpoint.newest(tmp_path)
    assert newest is not None
    assert newest.name == "checkpoint-6"
    again = Quiet(classifier(), arguments(tmp_path, max_steps=6, **limits), train_dataset=data)
    again.train(resume_from_checkpoint=True)
    assert same_bits(weights(again.model), weights(short.model))
    assert checkpoint.run_of(newest) == again.run_id == short.run_id


def test_bad_gradients_are_not_applied_without_clipping_either(tmp_path: Path) -> None:
    model = classifier()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    model.classifier.weight.register_hook(lambda gradient: gradient * float("nan"))
    args = arguments(tmp_path, max_steps=2, max_grad_norm=0.0)
    with pytest.raises(TrainingDiverged, match="step 1"):
        Quiet(model, args, train_dataset=rows_of("classification", 8)).train()
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


def test_speed_counts_the_rows_that_were_trained_on(tmp_path: Path) -> None:
    args = arguments(tmp_path, num_train_epochs=1, per_device_train_batch_tokens=3 * LENGTH)
    trainer = Quiet(classifier(), args, train_dataset=rows_of("classification", 10))
    metrics = trainer.train().metrics
    assert trainer.rows_trained == 10
    rows = metrics["train_samples_per_second"] * metrics["train_runtime"]
    assert rows == pytest.approx(10, rel=0.02)


def test_an_optimizer_is_refused_what_it_does_not_take(tmp_path: Path) -> None:
    with pytest.raises(UnknownArgument, match="'defaults'"):
        Quiet(
            classifier(),
            arguments(tmp_path, max_steps=1, optim="sgd", optim_args="defaults=1"),
            train_dataset=rows_of("classification", 8),
        ).train()


def test_streamed_metrics_see_every_batch_and_the_end(tmp_path: Path) -> None:
    calls: list[tuple[int, bool]] = []

    def metrics(prediction: Any, compute_result: bool) -> dict[str, float]:
        calls.append((len(prediction.predictions), compute_result))
        return {"rows": float(sum(n for n, _ in calls))} if compute_result else {}

    args = arguments(tmp_path, batch_eval_metrics=True, per_device_eval_batch_size=4)
    trainer = Quiet(classifier(), args, eval_dataset=rows_of("classification", 10), compute_metrics=metrics)
    assert trainer.evaluate()["eval_rows"] == 10.0
    assert calls == [(4, False), (4, False), (2, True)]


def test_several_data_sets_what_metrics_are_given_and_padding(tmp_path: Path) -> None:
    seen: list[Any] = []

    def metrics(prediction: Any) -> dict[str, Any]:
        seen.append(prediction)
        return {"mean": torch.tensor(2.0), "eval_done": np.float32(1.0)}

    args = arguments(tmp_path, include_for_metrics=["inputs", "loss"], per_device_eval_batch_size=1)
    several = {"a": rows_of("mlm", 3, ragged=True), "b": rows_of("mlm", 2)}
    trainer = Quiet(
        HEADS["mlm"](bert_config()),
        args,
        eval_dataset=several,
        compute_metrics=metrics,
        preprocess_logits_for_metrics=lambda logits, labels: logits.argmax(-1),
    )
    found = trainer.evaluate()
    assert {"eval_a_loss", "eval_b_loss", "eval_a_mean", "eval_b_runtime"} <= set(found)
    first = seen[0]
    longest = max(len(row["input_ids"]) for row in several["a"])
    assert first.predictions.shape == first.label_ids.shape == first.inputs.shape == (3, longest)
    assert first.losses.shape == (3,)
    assert (first.predictions == -100).any()
    predictions, labels, _, _ = first
    assert predictions is first[0]
    assert labels is first[1]
    assert trainer.evaluate("b").keys() == trainer.evaluate(several["b"]).keys()
    with pytest.raises(InputError, match="no eval_dataset 'c'"):
        trainer.evaluate("c")


# ---- choosing and stopping


class Scripted(Quiet):
    """Evaluations with given values."""

    values: tuple[float, ...] = ()

    def evaluate(self, *args: Any, **named: Any) -> dict[str, float]:
        metrics = {"eval_score": self.values[len(self.state.log_history)]}
        self.log(metrics)
        self._event("on_evaluate", metrics=metrics)
        return metrics


def scripted(folder: Path, values: tuple[float, ...], *callbacks: Any, **named: Any) -> Scripted:
    settings: dict[str, Any] = {
        "max_steps": len(values),
        "logging_strategy": "no",
        "eval_strategy": "steps",
        "eval_steps": 1,
        "save_strategy": "steps",
        "save_steps": 1,
        "metric_for_best_model": "score",
        **named,
    }
    trainer = Scripted(
        classifier(),
        arguments(folder, **settings),
        train_dataset=rows_of("classification", 22),
        eval_dataset=rows_of("classification", 4),
        callbacks=list(callbacks),
    )
    trainer.values = values
    return trainer


def test_the_best_model_is_loaded_and_kept(tmp_path: Path) -> None:
    kept: dict[int, Any] = {}

    class Keep(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            kept[state.global_step] = weights(kwargs["model"])

    values = (0.1, 0.2, 0.9, 0.4, 0.5, 0.6)
    trainer = scripted(tmp_path, values, Keep(), load_best_model_at_end=True, save_total_limit=2)
    trainer.train()
    assert trainer.state.best_metric == 0.9
    assert trainer.state.best_global_step == 3
    assert str(trainer.state.best_model_checkpoint).endswith("checkpoint-3")
    assert same_bits(weights(trainer.model), kept[3])
    assert [path.name for path in checkpoint.numbered(tmp_path)] == ["checkpoint-3", "checkpoint-6"]


def test_save_strategy_best(tmp_path: Path) -> None:
    trainer = scripted(tmp_path, (0.5, 0.2, 0.7, 0.6), save_strategy="best", load_best_model_at_end=True)
    trainer.train()
    assert [path.name for path in checkpoint.numbered(tmp_path)] == ["checkpoint-1", "checkpoint-3"]
    assert str(trainer.state.best_model_checkpoint).endswith("checkpoint-3")


@pytest.mark.parametrize(
    ("values", "patience", "threshold", "stops"),
    [
        ((0.5, 0.6, 0.6, 0.5, 0.9, 0.9), 2, 0.0, 4),
        ((0.5, 0.6, 0.65, 0.9, 1.5, 0.9), 1, 0.2, 2),
        ((0.5, 0.4, 0.6, 0.5, 0.7, 0.6), 2, 0.0, 6),
    ],
)
def test_early_stopping(
    values: tuple[float, ...], patience: int, threshold: float, stops: int, tmp_path: Path
) -> None:
    trainer = scripted(tmp_path, values, EarlyStoppingCallback(patience, threshold), save_strategy="no")
    trainer.train()
    assert trainer.state.global_step == stops


@pytest.mark.parametrize("event", ["on_step_begin", "on_epoch_end"])
def test_early_stopping_goes_on_where_it_was(event: str, tmp_path: Path) -> None:
    values = (0.5, 0.4, 0.45, 0.3, 0.2, 0.9)

    class Broken(RuntimeError):
        pass

    class Break(TrainerCallback):
        def stop(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step >= 3:
                raise Broken

    def run(*callbacks: Any, resume: bool = False) -> Scripted:
        trainer = scripted(tmp_path, values, EarlyStoppingCallback(3), *callbacks)
        trainer.train(resume_from_checkpoint=resume)
        return trainer

    breaking = Break()
    setattr(breaking, event, breaking.stop)
    with pytest.raises(Broken):
        run(breaking)
    assert run(resume=True).state.global_step == 4


def test_a_metric_that_is_not_there(tmp_path: Path) -> None:
    trainer = scripted(tmp_path, (0.1, 0.2), metric_for_best_model="scor", save_strategy="no")
    with pytest.raises(InputError, match="Did you mean 'eval_score'"):
        trainer.train()
    with pytest.raises(InputError, match="metric_for_best_model"):
        Quiet(
            classifier(),
            arguments(tmp_path, max_steps=1),
            train_dataset=rows_of("classification", 4),
            callbacks=[EarlyStoppingCallback()],
        ).train()


# ---- divergence


def test_a_loss_that_is_not_finite_names_step_and_layer(tmp_path: Path) -> None:
    model = classifier()
    inner = model.computation.body.stack.blocks[1].feed_forward

    class Break(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step == 2:
                inner.register_forward_hook(lambda module, given, output: output * float("nan"))

    trainer = Quiet(
        model,
        arguments(tmp_path, max_steps=5),
        train_dataset=rows_of("classification", 22),
        callbacks=[Break()],
    )
    with pytest.raises(TrainingDiverged, match=r"at step 3 .*'bert\.encoder\.layer\.1\.output") as found:
        trainer.train()
    assert "nan" in str(found.value)
    assert all(bool(torch.isfinite(p).all()) for p in model.parameters())
    assert trainer.state.global_step == 2


def test_a_bad_parameter_is_named(tmp_path: Path) -> None:
    model = classifier()
    with torch.no_grad():
        model.computation.body.stack.blocks[0].attention.key.weight[0, 0] = float("inf")
    trainer = Quiet(model, arguments(tmp_path, max_steps=5), train_dataset=rows_of("classification", 22))
    with pytest.raises(
        TrainingDiverged, match=r"parameter 'bert\.encoder\.layer\.0\.attention\.self\.key\.weight'"
    ):
        trainer.train()


# ---- other ways to train


def trained(folder: Path, *, data: Any = None, model: Any = None, **named: Any) -> Quiet:
    trainer = Quiet(
        classifier() if model is None else model,
        arguments(folder, **{"max_steps": 4, **named}),
        train_dataset=rows_of("classification", 16) if data is None else data,
    )
    trainer.train()
    return trainer


@pytest.mark.parametrize(
    "named",
    [{"gradient_checkpointing": True}, {"torch_compile_backend": "eager"}],
    ids=["recompute", "compile"],
)
def test_the_same_result_in_another_way(named: dict[str, Any], tmp_path: Path) -> None:
    usual, other = trained(tmp_path), trained(tmp_path, **named)
    assert losses(other) == pytest.approx(losses(usual), rel=1e-5)
    assert furthest(weights(other.model), weights(usual.model)) < 1e-4


@pytest.mark.parametrize("kind", ["bf16", "fp16"])
def test_sixteen_bits_stay_near(kind: str, tmp_path: Path) -> None:
    usual, other = trained(tmp_path), trained(tmp_path, **{kind: True})
    assert losses(other) == pytest.approx(losses(usual), rel=0.05)
    assert losses(other) != losses(usual)
    assert all(p.dtype == torch.float32 for p in other.model.parameters())


def test_training_twice_gives_the_same_bits(tmp_path: Path) -> None:
    def run() -> Quiet:
        args = arguments(tmp_path, max_steps=4)
        trainer = Quiet(
            args=args,
            model_init=lambda: classifier(dropout=0.1, seed=torch.initial_seed()),
            train_dataset=rows_of("classification", 16),
        )
        torch.rand(5)
        trainer.train()
        return trainer

    assert same_bits(weights(run().model), weights(run().model))


def test_own_optimizers(tmp_path: Path) -> None:
    model = classifier()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)
    args = arguments(tmp_path, max_steps=3)
    data = rows_of("classification", 16)
    trainer = Quiet(model, args, train_dataset=data, optimizers=(optimizer, schedule))
    trainer.train()
    assert trainer.optimizer is optimizer
    assert [e["learning_rate"] for e in trainer.state.log_history if "loss" in e] == [0.1] * 3
    chosen = Quiet(
        classifier(), args, train_dataset=data, optimizer_cls_and_kwargs=(torch.optim.SGD, {"lr": 0.2})
    )
    chosen.train()
    assert isinstance(chosen.optimizer, torch.optim.SGD)
    assert len(chosen.optimizer.param_groups) == 2


def test_own_losses(tmp_path: Path) -> None:
    def by_function(outputs: Any, labels: torch.Tensor, num_items_in_batch: int) -> torch.Tensor:
        summed = torch.nn.functional.cross_entropy(outputs.logits, labels, reduction="sum")
        return summed / num_items_in_batch

    class Override(Quiet):
        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            outputs = model(**inputs)
            loss = torch.nn.functional.cross_entropy(outputs.logits, inputs["labels"])
            return (loss, outputs) if return_outputs else loss

    data = rows_of("classification", 22)
    args = arguments(tmp_path, max_steps=6, gradient_accumulation_steps=3)
    usual = trained(tmp_path, data=data, max_steps=6, gradient_accumulation_steps=3)
    function = Quiet(classifier(), args, train_dataset=data, compute_loss_func=by_function)
    function.train()
    override = Override(classifier(), args, train_dataset=data, eval_dataset=data)
    override.train()
    assert losses(function) == pytest.approx(losses(usual), rel=1e-6)
    assert losses(override) == pytest.approx(losses(usual), rel=1e-6)
    assert override.evaluate()["eval_loss"] > 0


def test_any_module_can_be_trained(tmp_path: Path) -> None:
    class Line(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(3, 1)
            self.register_buffer("seen", torch.zeros(()))

        def forward(self, x: torch.Tensor, labels: torch.Tensor | None = None) -> Any:
            self.seen += 1
            y = self.layer(x).squeeze(-1)
            return (
                {"loss": (y - labels).square().mean(), "logits": y} if labels is not None else {"logits": y}
            )

    torch.manual_seed(0)
    data = [{"x": torch.randn(3), "labels": torch.randn(())} for _ in range(12)]

    def run(folder: str, **named: Any) -> Quiet:
        torch.manual_seed(1)
        args = arguments(tmp_path / folder, max_steps=6, save_strategy="steps", save_steps=3)
        trainer = Quiet(Line(), args, train_dataset=data, eval_dataset=data)
        trainer.train(**named)
        return trainer

    whole = run("a")
    resumed = run("a", resume_from_checkpoint=str(tmp_path / "a" / "checkpoint-3"))
    assert same_bits(weights(whole.model), weights(resumed.model))
    assert int(resumed.model.seen) == 6
    assert whole.predict(data).predictions.shape == (12,)


def test_the_file_that_a_model_was_loaded_from_may_be_overwritten(tmp_path: Path) -> None:
    from hubformer import BertForSequenceClassification

    classifier().save_pretrained(tmp_path / "model")
    model = BertForSequenceClassification.from_pretrained(tmp_path / "model")
    trainer = trained(tmp_path / "out", model=model)
    before = weights(trainer.model)
    path = tmp_path / "model" / "model.safetensors"
    path.write_bytes(b"\0" * path.stat().st_size)
    assert same_bits(weights(trainer.model), before)


# ---- data


def test_columns_and_labels_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"found \['sentence', 'word_ids'\]"):
        trained(tmp_path, data=[{"sentence": "a", "word_ids": [1]}] * 4)
    with pytest.raises(InputError, match="gave no loss"):
        trained(tmp_path, data=[{"input_ids": [1, 2]}] * 4)
    with pytest.raises(InputError, match="say how long"):
        trained(tmp_path, data=iter([]), max_steps=-1)
    with pytest.raises(InputError, match="train_dataset"):
        Quiet(classifier(), arguments(tmp_path)).train()
    with pytest.raises(InputError, match="not one step"):
        trained(tmp_path, data=[], max_steps=-1)


def test_labels_that_the_model_does_not_have(tmp_path: Path) -> None:
    data = rows_of("classification", 8)
    data[5]["labels"] = 7
    with pytest.raises(InputError, match="has the label 7, but the model has the 3 labels 0 to 2: LABEL_0"):
        trained(tmp_path, data=data)


def test_other_columns_are_left_out(tmp_path: Path) -> None:
    data = [{**row, "text": "a", "id": i} for i, row in enumerate(rows_of("classification", 16))]
    assert losses(trained(tmp_path, data=data)) == losses(trained(tmp_path))
    renamed = [{("label" if k == "labels" else k): v for k, v in row.items()} for row in data]
    assert losses(trained(tmp_path, data=renamed)) == losses(trained(tmp_path))


def test_arguments_that_do_not_go_together(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="either model= or model_init="):
        Trainer(args=arguments(tmp_path))
    with pytest.raises(InputError, match="batch_eval_metrics"):
        Trainer(classifier(), arguments(tmp_path, batch_eval_metrics=True))
    with pytest.raises(InputError, match="expected a torch module"):
        Trainer("bert", arguments(tmp_path))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="is no callback"):
        Trainer(classifier(), arguments(tmp_path), callbacks=["early"])


# ---- records


def test_every_log_line_is_written(tmp_path: Path) -> None:
    trainer = trained(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines == trainer.state.log_history
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 4]
    assert {"loss", "grad_norm", "learning_rate", "epoch"} <= set(lines[0])
    assert {"train_runtime", "train_loss", "total_flos"} <= set(lines[-1])


@pytest.mark.parametrize(("kind", "share"), [("all", 1.0), ("non_padding", 0.5), (False, 0.0)])
def test_tokens_seen(kind: Any, share: float, tmp_path: Path) -> None:
    data = rows_of("classification", 16)
    for row in data:
        row["attention_mask"] = [1] * 6 + [0] * 6
    trainer = trained(tmp_path, data=data, include_num_input_tokens_seen=kind)
    assert trainer.state.num_input_tokens_seen == 16 * 12 * share
    assert ("num_input_tokens_seen" in trainer.state.log_history[0]) is bool(share)


def test_metrics_and_state_are_saved(tmp_path: Path, capsys: Any) -> None:
    trainer = trained(tmp_path)
    trainer.log_metrics("train", {"train_loss": 1.25, "epoch": 2})
    assert "train_loss" in capsys.readouterr().out
    trainer.save_metrics("train", {"train_loss": 1.25})
    trainer.save_metrics("eval", {"eval_loss": 1.5})
    assert json.loads((tmp_path / "all_results.json").read_text()) == {"train_loss": 1.25, "eval_loss": 1.5}
    assert json.loads((tmp_path / "eval_results.json").read_text()) == {"eval_loss": 1.5}
    trainer.save_state()
    assert json.loads((tmp_path / "trainer_state.json").read_text())["global_step"] == 4
    trainer.save_model(tmp_path / "saved")
    assert {"config.json", "model.safetensors"} <= {p.name for p in (tmp_path / "saved").iterdir()}


def test_progress_shows_loss_rate_and_time(tmp_path: Path, capsys: Any) -> None:
    data = rows_of("classification", 16)
    trainer = Trainer(
        classifier(),
        arguments(tmp_path, max_steps=4, disable_tqdm=False),
        train_dataset=data,
        eval_dataset=data,
    )
    trainer.train()
    trainer.evaluate()
    shown = capsys.readouterr().err
    assert "4/4" in shown
    assert "loss=" in shown
    assert "step" in shown


def test_printing_where_bars_are_off(tmp_path: Path, capsys: Any) -> None:
    trainer = Trainer(
        classifier(), arguments(tmp_path, max_steps=2), train_dataset=rows_of("classification", 16)
    )
    assert isinstance(trainer.pop_callback(PrinterCallback), PrinterCallback)
    trainer.add_callback(PrinterCallback)
    trainer.train()
    assert "'loss'" in capsys.readouterr().out


def package(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A stand-in for a tracker's package."""
    made: Any = types.ModuleType(name)
    made.__file__ = f"{name}.py"
    monkeypatch.setitem(sys.modules, name, made)
    return made


def test_trackers_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="Did you mean 'wandb'"):
        Trainer(classifier(), arguments(tmp_path, report_to="wand"))
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(InputError, match="pip install wandb"):
        Trainer(classifier(), arguments(tmp_path, report_to="wandb"))
    # A folder that wandb wrote imports as a package.
    monkeypatch.setitem(sys.modules, "wandb", types.ModuleType("wandb"))
    with pytest.raises(InputError, match="pip install wandb"):
        Trainer(classifier(), arguments(tmp_path, report_to="wandb"))
    broken = package("mlflow", monkeypatch)

    def refuse() -> None:
        raise RuntimeError("No server.")

    broken.active_run = refuse
    with pytest.raises(InputError, match=r"'mlflow', which cannot begin a run: No server. .*log.jsonl"):
        trained(tmp_path, report_to="mlflow", max_steps=1)


@pytest.mark.parametrize("users", [False, True])
def test_mlflow(users: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Any] = []
    params: dict[str, Any] = {}
    mlflow = package("mlflow", monkeypatch)
    run = types.SimpleNamespace(info=types.SimpleNamespace(run_id="r1"))
    active = [run] if users else []
    mlflow.active_run = lambda: active[0] if active else None
    mlflow.start_run = lambda run_name: said.append(run_name) or active.append(run) or run
    mlflow.log_params = lambda values: params.update(values)
    mlflow.log_metrics = lambda values, step, run_id: said.append((step, run_id, sorted(values)))
    mlflow.end_run = lambda: said.append("end") or active.clear()
    trainer = trained(tmp_path, report_to=["mlflow"], max_steps=2, run_name="mine")
    assert params["max_steps"] == 2
    assert ("mine" in said) == (not users)
    assert (1, "r1", ["epoch", "grad_norm", "learning_rate", "loss"]) in said
    assert ("end" in said) == (not users)  # a run of the user's own goes on
    trainer.evaluate(rows_of("classification", 8))
    assert said[-1][:2] == (2, "r1")
    assert "eval_loss" in said[-1][2]


def test_wandb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Any] = []
    wandb = package("wandb", monkeypatch)
    wandb.run = None
    wandb.config = types.SimpleNamespace(
        update=lambda values, allow_val_change: said.append(values["max_steps"])
    )
    wandb.init = lambda name: said.append(name) or setattr(wandb, "run", "open")
    wandb.define_metric = lambda name, step_metric: said.append((name, step_metric))
    wandb.log = said.append
    trainer = trained(tmp_path, report_to="wandb", max_steps=2, run_name="mine")
    trainer.evaluate(rows_of("classification", 8))
    assert said[:3] == ["mine", ("*", "train/global_step"), 2]
    assert said[3].keys() == {
        f"train/{n}" for n in ("epoch", "grad_norm", "learning_rate", "loss", "global_step")
    }
    assert [line["train/global_step"] for line in said[3:]] == [1, 2, 2, 2]
    assert "eval/loss" in said[-1]
    wandb.run, lines = None, len(said)
    trainer.evaluate(rows_of("classification", 8))  # after wandb.finish()
    assert len(said) == lines


def test_tensorboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Any] = []

    class SummaryWriter:
        def __init__(self, folder: str) -> None:
            said.append(Path(folder).parent.name)

        def add_text(self, name: str, text: str) -> None:
            said.append((name, json.loads(text)["max_steps"]))

        def add_scalar(self, name: str, value: float, step: int) -> None:
            said.append((name, step))

        def flush(self) -> None: ...

        def close(self) -> None:
            said.append("closed")

    package("tensorboard", monkeypatch)
    package("torch.utils.tensorboard", monkeypatch).SummaryWriter = SummaryWriter
    trainer = trained(tmp_path, report_to="tensorboard", max_steps=2)
    assert said[:2] == ["runs", ("args", 2)]
    assert {("train/loss", 1), ("train/loss", 2), ("train/train_loss", 2)} <= {*said}
    assert said[-1] == "closed"
    trainer.evaluate(rows_of("classification", 8))  # after the end, into a new file
    assert said[said.index("closed") + 1] == "runs"
    assert ("eval/loss", 2) in said


def test_collating_with_its_own_chance_follows_the_place_not_the_past(tmp_path: Path) -> None:
    data = rows_of("classification", 16, ragged=True)

    def batches(workers: int) -> list[Any]:
        args = arguments(tmp_path, dataloader_num_workers=workers)
        trainer = Quiet(classifier(), args, data_collator=collate, train_dataset=data)
        return [batch["input_ids"] for batch in trainer.get_train_dataloader()]

    torch.manual_seed(1)
    first = batches(0)
    torch.manual_seed(2)
    for a, b in zip(first, batches(0), strict=True):
        assert torch.equal(a, b)
    for a, b in zip(first, batches(2), strict=True):
        assert torch.equal(a, b)


# ---- evaluation in 16 bits, workers that stay


def test_a_full_evaluation_in_bfloat16_leaves_the_weights_as_they_were(tmp_path: Path) -> None:
    seen: list[torch.dtype] = []
    model = classifier()
    model.register_forward_pre_hook(lambda module, given: seen.append(next(module.parameters()).dtype))
    before = weights(model)
    data = rows_of("classification", 8)
    args = arguments(tmp_path, bf16_full_eval=True, eval_strategy="epoch", num_train_epochs=1)
    trainer = Quiet(model, args, train_dataset=data, eval_dataset=data)
    whole = Quiet(model, arguments(tmp_path), eval_dataset=data).evaluate()["eval_loss"]
    assert set(seen) == {torch.float32}
    seen.clear()
    found = trainer.evaluate()["eval_loss"]
    assert set(seen) == {torch.bfloat16}
    assert found != whole
    assert abs(found - whole) < 0.05
    assert same_bits(weights(model), before)
    seen.clear()
    trainer.train()
    assert set(seen) == {torch.float32}  # as in v4: not while training


def test_workers_of_an_evaluation_stay(tmp_path: Path) -> None:
    data = rows_of("classification", 8)
    args = arguments(tmp_path, dataloader_num_workers=1, dataloader_persistent_workers=True)
    trainer = Quiet(classifier(), args, eval_dataset=data)
    first = trainer.evaluate()["eval_loss"]
    loader = trainer.get_eval_dataloader()
    assert loader.persistent_workers
    assert trainer.get_eval_dataloader() is loader
    assert trainer.evaluate()["eval_loss"] == first
