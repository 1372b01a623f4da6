"""Dropout sits where the oracle has it: each rate in turn is 1 (and the others 0) in training, which is
deterministic, and the outputs are the oracle's. A dropout that is missing, doubled or elsewhere shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from cases import CASES, Case, labels, padded_batch
from torch import Tensor

import hubformer
from hubformer.families import family

transformers = pytest.importorskip("transformers")

FIRST = [case for case in CASES if case.variant == next(c.variant for c in CASES if c.head == case.head)]


def rates(case: Case) -> list[str]:
    """The fields of the configuration that are rates of dropout."""
    return [name for name in family(case.model_type).fields if "drop" in name]


def trained(kind: Any, folder: Path, config: dict[str, Any], **options: Any) -> Any:
    return kind.from_pretrained(folder, config=kind.config_class(**config), **options).double().train()


@pytest.mark.parametrize("case", FIRST, ids=str)
def test_each_rate_alone(case: Case, tmp_path: Path) -> None:
    oracle_class, our_class = getattr(transformers, case.head.name), getattr(hubformer, case.head.name)
    torch.manual_seed(13)
    off = {**case.config(), **dict.fromkeys(rates(case), 0.0)}
    oracle = oracle_class(oracle_class.config_class(**off))
    with torch.no_grad():
        for parameter in oracle.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    oracle.save_pretrained(tmp_path)
    batch = padded_batch(case)
    batch["input_ids"] = batch["input_ids"].clamp(min=7)  # the oracle finds RoBERTa's padding by ids
    del batch["attention_mask"]
    answers = []
    for rate in [None, *rates(case)]:
        config = off if rate is None else {**off, rate: 1.0}
        theirs = trained(oracle_class, tmp_path, config, attn_implementation="eager")
        mine = trained(our_class, tmp_path, config)
        with torch.no_grad():
            a, b = mine(**batch, **labels(case)), theirs(**batch, **labels(case))
        for name, value in b.items():
            if isinstance(value, Tensor):
                assert torch.isfinite(value).all()
                away = (a[name] - value).abs() / value.abs().clamp(min=1)
                assert float(away.max()) <= (1e-6 if "loss" in name else 1e-9), (rate, name)
        answers.append(next(value for name, value in a.items() if "loss" not in name))
    moved = sum(not torch.equal(answer, answers[0]) for answer in answers[1:])
    assert moved >= min(2, len(answers) - 1)  # the rates are heard at all
