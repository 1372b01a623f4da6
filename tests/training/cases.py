"""Tiny models and made-up rows for the tests of training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from hubformer import (
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BigBirdConfig,
)
from hubformer.training import Trainer, TrainingArguments

VOCABULARY, LENGTH = 50, 12


def bert_config(*, dropout: float = 0.0, **named: Any) -> BertConfig:
    return BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        **named,
    )


def big_bird_config() -> BigBirdConfig:
    return BigBirdConfig(
        vocab_size=VOCABULARY,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        attention_type="original_full",
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )


def classifier(*, dropout: float = 0.0, seed: int = 0, **named: Any) -> Any:
    torch.manual_seed(seed)
    return BertForSequenceClassification(bert_config(dropout=dropout, num_labels=3, **named))


HEADS = {
    "classification": BertForSequenceClassification,
    "qa": BertForQuestionAnswering,
    "mlm": BertForMaskedLM,
    "pretraining": BertForPreTraining,
}


def shaken(model: Any, *, seed: int = 1) -> Any:
    """Every parameter moved, so that no zero or one hides an unused weight."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model


def rows_of(kind: str, count: int, *, seed: int = 3, ragged: bool = False) -> list[dict[str, Any]]:
    """Rows for a head; the labels of token heads count in unequal numbers."""
    g = torch.Generator().manual_seed(seed)

    def number(high: int, low: int = 0) -> int:
        return int(torch.randint(low, high, (), generator=g))

    rows = []
    for _ in range(count):
        length = number(LENGTH + 1, 4) if ragged else LENGTH
        ids = torch.randint(5, VOCABULARY, (length,), generator=g)
        row: dict[str, Any] = {"input_ids": ids.tolist(), "attention_mask": [1] * length}
        hidden = torch.rand(length, generator=g) < 0.1 + 0.5 * torch.rand((), generator=g)
        hidden[number(length)] = True
        if kind == "classification":
            row["labels"] = number(3)
        elif kind == "regression":
            row["labels"] = float(torch.randn((), generator=g))
        elif kind == "qa":
            row["start_positions"], row["end_positions"] = number(length + 3), number(length)
        elif kind in ("mlm", "pretraining"):
            row["labels"] = torch.where(hidden, ids, -100).tolist()
        elif kind == "clm":
            row["labels"] = torch.where(hidden | (ids % 2 == 0), ids, -100).tolist()
        if kind == "pretraining":
            row["next_sentence_label"] = number(2)
        rows.append(row)
    return rows


def arguments(folder: Path, **named: Any) -> TrainingArguments:
    settings: dict[str, Any] = {
        "per_device_train_batch_size": 4,
        "learning_rate": 1e-2,
        "save_strategy": "no",
        "logging_steps": 1,
        "disable_tqdm": True,
        "use_cpu": True,
        **named,
    }
    return TrainingArguments(str(folder), **settings)


class Quiet(Trainer):
    """Without the printer."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        from hubformer.training import PrinterCallback

        self.remove_callback(PrinterCallback)


def losses(trainer: Trainer) -> list[float]:
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def same_bits(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> bool:
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def furthest(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> float:
    """The largest difference relative to max(1, |x|)."""
    assert ours.keys() == theirs.keys()
    return max(float(((ours[n] - theirs[n]).abs() / theirs[n].abs().clamp(min=1)).max()) for n in ours)
