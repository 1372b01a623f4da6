"""Dropout sits where the oracle has it. Each rate in turn is 1 (and the others 0) in training, which is
deterministic, then a half from the same seed: the outputs are the oracle's. A dropout that is missing or
elsewhere shows, and one that hides behind another at rate 1 shows by the random numbers that it draws.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import hubformer
from cases import CASES, NOTICE, Case, labels, marked, padded_batch
from hubformer.families import family
from oracles import oracle_class
from uncast import in_float64

pytest.importorskip("transformers")

pytestmark = pytest.mark.filterwarnings(NOTICE)
FIRST = [case for case in CASES if case.variant == next(c.variant for c in CASES if c.head == case.head)]


HALVES = ("encoder", "decoder")
OF_A_HEAD = ("classifier_dropout", "hidden_dropout")


def rates(case: Case, *, built: bool = True) -> list[str]:
    """The fields of the configuration that are rates of dropout; built: those that are done here. Those of a
    half that is a model of its own stand behind its name."""
    halves = [(f"{half}.", case.config()[half]["model_type"]) for half in HALVES if half in case.config()]
    return [
        start + name
        for start, model_type in halves or [("", case.model_type)]
        for name, field in family(model_type).fields.items()
        if "drop" in name and field.fits(0.5) and (field.built or not built)
    ]


def changed(config: dict[str, Any], **values: float) -> dict[str, Any]:
    """A configuration with these rates."""
    config = {**config, **{half: dict(config[half]) for half in HALVES if half in config}}
    for name, value in values.items():
        half, dot, inner = name.partition(".")
        (config[half] if dot else config)[inner or half] = value
    return config


def trained(model: Any, config: dict[str, Any], **options: Any) -> Any:
    """Another model with the same weights, in training."""
    kind = type(model)
    other = kind(kind.config_class(**config, **options))
    other.load_state_dict(model.state_dict())
    return (in_float64(other) if kind.__module__.startswith("transformers") else other.double()).train()


def seeded(model: Any, batch: dict[str, Tensor]) -> Any:
    torch.manual_seed(17)
    return model(**batch)


def _marked(case: Case) -> Any:
    """The slow suite runs the heads that have nothing of their own to drop."""
    head = case.head
    seen = head.body is not None or {"base", "sequence-classification", "pretraining"} & set(head.tasks)
    seen = seen or family(case.model_type).head("base") is None
    return marked(case) if seen else pytest.param(case, id=str(case), marks=pytest.mark.slow)


@pytest.mark.parametrize("case", [_marked(case) for case in FIRST])
def test_each_rate_alone(case: Case, tmp_path: Path) -> None:
    their_class, our_class = oracle_class(case.head.name), getattr(hubformer, case.head.name)
    torch.manual_seed(13)
    off = changed(case.config(), **dict.fromkeys(rates(case, built=False), 0.0))
    oracle = their_class(their_class.config_class(**off))
    with torch.no_grad():
        for parameter in filter(lambda p: p.requires_grad, oracle.parameters()):
            parameter.add_(torch.randn_like(parameter) * 0.3)
    oracle.save_pretrained(tmp_path)
    ours = our_class.from_pretrained(tmp_path)
    batch = padded_batch(case)
    ids = batch["input_ids"]  # in which the oracle finds RoBERTa's padding, 1, and BART's end token, 2
    batch["input_ids"] = ids.where(ids == 2, ids.clamp(min=7))
    for name in ("attention_mask", "decoder_attention_mask"):
        batch.pop(name, None)
    answers = []
    # Kernels draw in their own order. XLNet has one rate for attention and all else: test_xlnet.py.
    # The oracle draws for the padding that it adds to Longformer's rows and LED's, too: test_longformer.py, …
    mixed = {
        "led": ["dropout", "activation_dropout"],
        "longformer": ["hidden_dropout_prob"],
        "xlnet": ["dropout"],
    }.get(case.model_type, [])
    halves = [(rate, 0.5) for rate in rates(case) if "att" not in rate and rate not in mixed]
    for rate, value in [("none", 0.0), *((rate, 1.0) for rate in rates(case)), *halves]:
        config = changed(off, **({} if rate == "none" else {rate: value}))
        theirs = trained(oracle, config, attn_implementation="eager")
        mine = trained(ours, config)
        with torch.no_grad():
            a, b = (seeded(model, {**batch, **labels(case)}) for model in (mine, theirs))
        for name, expected in b.items():
            if isinstance(expected, Tensor):
                assert torch.isfinite(expected).all()
                away = (a[name] - expected).abs() / expected.abs().clamp(min=1)
                assert float(away.max()) <= (1e-6 if "loss" in name else 1e-9), (rate, value, name)
        answers.append(next((value for name, value in a.items() if "loss" not in name), a.get("loss")))
    moved = sum(not torch.equal(answer, answers[0]) for answer in answers[1:])
    everywhere = [rate for rate in rates(case) if rate not in OF_A_HEAD]
    assert moved >= (1 if mixed else min(2, len(everywhere), len(answers) - 1))  # the rates are heard at all
