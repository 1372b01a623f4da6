"""The loop against a bare torch loop and transformers' Trainer; accumulation against one large batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from hubformer import BigBirdForPreTraining
from hubformer.training import Trainer, TrainerCallback
from hubformer.training.collate import default_data_collator
from training.cases import (
    HEADS,
    Quiet,
    arguments,
    bert_config,
    big_bird_config,
    furthest,
    losses,
    rows_of,
    shaken,
    weights,
)

KINDS = ("classification", "qa", "mlm", "clm")
# The biases of keys and of a span's scores have no gradient but rounding, which Adam would otherwise make as
# large as any other step.
EPSILON = 1e-4


def model_for(kind: str) -> Any:
    torch.manual_seed(0)
    if kind == "clm":
        from hubformer import GPT2Config, GPT2LMHeadModel

        config = GPT2Config(
            vocab_size=50, n_embd=16, n_layer=2, n_head=2, n_positions=32, resid_pdrop=0.0, embd_pdrop=0.0,
            attn_pdrop=0.0, bos_token_id=0, eos_token_id=0,
        )  # fmt: skip
        return shaken(GPT2LMHeadModel(config))
    named = {"num_labels": 3} if kind == "classification" else {}
    return shaken(HEADS[kind](bert_config(**named)))


def bare_loop(model: Any, rows: list[dict[str, Any]], *, steps: int, size: int, seed: int) -> list[float]:
    """What the Trainer promises to be, written out."""
    decays = [p for n, p in model.named_parameters() if p.dim() > 1]
    rest = [p for n, p in model.named_parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decays, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}],
        lr=1e-2,
        eps=EPSILON,
        fused=True,
    )
    found: list[float] = []
    model.train()
    epoch = 0
    while True:
        order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed + epoch)).tolist()
        for start in range(0, len(rows), size):
            batch = default_data_collator([rows[i] for i in order[start : start + size]])
            loss = model(**batch).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for group in optimizer.param_groups:
                group["lr"] = 1e-2 * (steps - len(found)) / steps
            optimizer.step()
            optimizer.zero_grad()
            found.append(float(loss.detach()))
            if len(found) == steps:
                return found
        epoch += 1


@pytest.mark.parametrize("kind", KINDS)
def test_equals_a_bare_loop(kind: str, tmp_path: Path) -> None:
    rows = rows_of(kind, 22)
    model, other = model_for(kind), model_for(kind)
    args = arguments(tmp_path, max_steps=20, weight_decay=0.1, adam_epsilon=EPSILON)
    trainer = Quiet(model, args, train_dataset=rows)
    trainer.train()
    expected = bare_loop(other, rows, steps=20, size=4, seed=args.seed)
    assert losses(trainer) == pytest.approx(expected, rel=1e-5, abs=1e-5)
    assert furthest(weights(model), weights(other)) < 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_equals_the_trainer_of_transformers(kind: str, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    rows = rows_of(kind, 22)
    for row in rows if kind == "clm" else ():
        row["labels"][0] = -100  # the oracle counts the first label, which is never scored, and divides by it
    model = model_for(kind)
    model.save_pretrained(tmp_path / "start")
    names = {
        "classification": "BertForSequenceClassification",
        "qa": "BertForQuestionAnswering",
        "mlm": "BertForMaskedLM",
        "clm": "GPT2LMHeadModel",
    }
    theirs = getattr(transformers, names[kind]).from_pretrained(tmp_path / "start")
    same: dict[str, Any] = {
        "per_device_train_batch_size": 4,
        "max_steps": 20,
        "learning_rate": 5e-3,
        "weight_decay": 0.1,
        "warmup_steps": 5,
        "adam_epsilon": EPSILON,
        "logging_steps": 1,
        "save_strategy": "no",
        "use_cpu": True,
        "disable_tqdm": True,
        "lr_scheduler_type": "cosine",
    }
    oracle = transformers.Trainer(
        theirs,
        transformers.TrainingArguments(str(tmp_path / "theirs"), report_to="none", **same),
        data_collator=transformers.default_data_collator,
        train_dataset=rows,
    )
    oracle.remove_callback(transformers.PrinterCallback)
    oracle.train()
    trainer = Quiet(model, arguments(tmp_path / "ours", **same), train_dataset=rows)
    trainer.train()
    history = [e for e in oracle.state.log_history if "loss" in e]
    mine = [e for e in trainer.state.log_history if "loss" in e]
    assert [e["epoch"] for e in mine] == pytest.approx([e["epoch"] for e in history], abs=1e-4)
    assert [e["learning_rate"] for e in mine] == pytest.approx([e["learning_rate"] for e in history])
    assert [e["grad_norm"] for e in mine] == pytest.approx([e["grad_norm"] for e in history], rel=1e-4)
    # The oracle rounds what it logs; its weights are not rounded.
    assert losses(trainer) == pytest.approx([e["loss"] for e in history], rel=1e-4, abs=1e-4)
    theirs.save_pretrained(tmp_path / "end")
    end = type(model).from_pretrained(tmp_path / "end")
    assert furthest(weights(model), weights(end)) < 1e-5


@pytest.mark.parametrize("kind", [*KINDS, "pretraining", "regression"])
def test_accumulation_equals_the_large_batch(kind: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    rows = rows_of(kind, 64)

    def run(size: int, accumulate: int) -> tuple[list[float], dict[str, torch.Tensor]]:
        torch.manual_seed(0)
        model = (
            shaken(HEADS["classification"](bert_config(num_labels=1)))
            if kind == "regression"
            else model_for(kind)
        ).double()
        gradients: dict[str, torch.Tensor] = {}

        class Watch(TrainerCallback):
            def on_pre_optimizer_step(self, *given: Any, **named: Any) -> None:
                if not gradients:
                    found = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
                    gradients.update(found)

        args = arguments(
            tmp_path,
            per_device_train_batch_size=size,
            gradient_accumulation_steps=accumulate,
            max_steps=2,
            max_grad_norm=0.0,
        )
        data = _doubled(rows) if kind == "regression" else rows
        trainer = Quiet(model, args, train_dataset=data, callbacks=[Watch()])
        trainer.train()
        return losses(trainer), gradients

    (large, whole), (small, parts) = run(32, 1), run(8, 4)
    assert small == pytest.approx(large, rel=1e-6)
    size = max(float(g.abs().max()) for g in whole.values())
    assert all(float((whole[n] - parts[n]).abs().max()) <= 1e-6 * size for n in whole)


def test_both_terms_of_big_birds_loss_add_up(tmp_path: Path) -> None:
    """Words and sentences are counted apart, also where a head may do without the sentences."""
    torch.manual_seed(1)
    start = shaken(BigBirdForPreTraining(big_bird_config())).double().state_dict()

    def run(size: int, accumulate: int) -> dict[str, torch.Tensor]:
        model = BigBirdForPreTraining(big_bird_config()).double()
        model.load_state_dict(start)
        args = arguments(
            tmp_path,
            per_device_train_batch_size=size,
            gradient_accumulation_steps=accumulate,
            max_steps=1,
            optim="sgd",
        )
        Quiet(model, args, train_dataset=rows_of("pretraining", 8)).train()
        return weights(model)

    assert furthest(run(8, 1), run(2, 4)) < 1e-12


def _doubled(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "labels": torch.tensor(row["labels"], dtype=torch.float64)} for row in rows]


def test_a_batch_without_any_label_adds_nothing(tmp_path: Path) -> None:
    rows = rows_of("mlm", 8)
    for row in rows[4:]:
        row["labels"] = [-100] * len(row["labels"])
    trainer = Quiet(
        model_for("mlm"),
        arguments(
            tmp_path, max_steps=2, per_device_train_batch_size=1, gradient_accumulation_steps=4, data_seed=0
        ),
        train_dataset=rows,
    )
    assert trainer.train().training_loss > 0
    assert all(torch.isfinite(p).all() for p in trainer.model.parameters())


def test_trainer_reads_on_one_screen() -> None:
    import inspect

    assert len(inspect.getsource(Trainer).splitlines()) < 250
    assert len(inspect.getsource(Trainer._run).splitlines()) < 40
