"""Schedules and optimizers against the oracle, step by step."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from hubformer.errors import InputError, UnknownArgument
from hubformer.training import Adafactor, get_scheduler
from hubformer.training.optimizer import decaying
from training.cases import bert_config, classifier

CASES: list[tuple[str, dict[str, Any]]] = [
    ("linear", {}),
    ("cosine", {}),
    ("cosine", {"num_cycles": 1.5}),
    ("cosine_with_restarts", {}),
    ("cosine_with_restarts", {"num_cycles": 3}),
    ("polynomial", {}),
    ("polynomial", {"lr_end": 1e-4, "power": 2.0}),
    ("constant", {}),
    ("constant_with_warmup", {}),
    ("inverse_sqrt", {}),
    ("cosine_with_min_lr", {"min_lr": 1e-4}),
    ("cosine_with_min_lr", {"min_lr_rate": 0.2, "num_cycles": 0.7}),
    ("cosine_warmup_with_min_lr", {"min_lr_rate": 0.1}),
    ("cosine_warmup_with_min_lr", {"min_lr": 1e-4, "warmup_lr_rate": 0.3}),
    ("warmup_stable_decay", {"num_decay_steps": 10}),
    (
        "warmup_stable_decay",
        {"num_decay_steps": 9, "decay_type": "1-sqrt", "warmup_type": "cosine", "min_lr_ratio": 0.1},
    ),
    ("warmup_stable_decay", {"num_decay_steps": 9, "decay_type": "linear", "warmup_type": "1-sqrt"}),
]


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=3e-3)


def rates(of: torch.optim.Optimizer, scheduler: Any, steps: int) -> list[float]:
    found = []
    for _ in range(steps):
        found.append(of.param_groups[0]["lr"])
        of.step()
        scheduler.step()
    return found


@pytest.mark.parametrize("warmup", [0, 7])
@pytest.mark.parametrize(("name", "settings"), CASES)
def test_rates_equal_the_oracles(name: str, settings: dict[str, Any], warmup: int) -> None:
    transformers = pytest.importorskip("transformers")
    ours, theirs = optimizer(), optimizer()
    mine = get_scheduler(name, ours, warmup, 40, settings)
    oracle = transformers.get_scheduler(name, theirs, warmup, 40, scheduler_specific_kwargs=settings)
    assert rates(ours, mine, 45) == pytest.approx(rates(theirs, oracle, 45), rel=1e-12, abs=1e-18)


ALONE: list[tuple[str, tuple[Any, ...]]] = [
    ("get_constant_schedule", ()),
    ("get_constant_schedule_with_warmup", (5,)),
    ("get_linear_schedule_with_warmup", (5, 40)),
    ("get_cosine_schedule_with_warmup", (5, 40, 0.8)),
    ("get_cosine_with_hard_restarts_schedule_with_warmup", (5, 40, 2)),
    ("get_polynomial_decay_schedule_with_warmup", (5, 40, 1e-5, 2.0)),
    ("get_inverse_sqrt_schedule", (5, 20)),
]


@pytest.mark.parametrize(("name", "given"), ALONE)
def test_functions_of_one_schedule_equal_the_oracles(name: str, given: tuple[Any, ...]) -> None:
    optimization = pytest.importorskip("transformers.optimization")
    import hubformer.training

    ours, theirs = optimizer(), optimizer()
    mine = getattr(hubformer.training, name)(ours, *given)
    oracle = getattr(optimization, name)(theirs, *given)
    assert rates(ours, mine, 45) == pytest.approx(rates(theirs, oracle, 45), rel=1e-12, abs=1e-18)


def test_plateau_equals_the_oracles() -> None:
    transformers = pytest.importorskip("transformers")
    ours, theirs = optimizer(), optimizer()
    mine = get_scheduler("reduce_lr_on_plateau", ours, None, None, {"patience": 2, "factor": 0.5})
    oracle = transformers.get_scheduler(
        "reduce_lr_on_plateau", theirs, scheduler_specific_kwargs={"patience": 2, "factor": 0.5}
    )
    for value in [3.0, 2.0, 2.1, 2.2, 2.3, 2.4, 2.5, 1.0, 1.1, 1.2, 1.3, 1.4]:
        mine.step(value)
        oracle.step(value)
        assert ours.param_groups[0]["lr"] == theirs.param_groups[0]["lr"]


def test_every_name_of_v4_is_known() -> None:
    from hubformer.training.schedules import SCHEDULES

    assert {name for name, _ in CASES} | {"reduce_lr_on_plateau"} == set(SCHEDULES)
    assert len(SCHEDULES) == 11


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(InputError, match="Did you mean 'cosine'"):
        get_scheduler("cosin", optimizer(), 0, 10)
    with pytest.raises(UnknownArgument, match="num_cycles"):
        get_scheduler("cosine", optimizer(), 0, 10, {"num_cycle": 1})
    with pytest.raises(InputError, match="num_decay_steps"):
        get_scheduler("warmup_stable_decay", optimizer(), 0, 10)
    with pytest.raises(InputError, match="min_lr"):
        get_scheduler("cosine_with_min_lr", optimizer(), 0, 10)


FACTORED: list[dict[str, Any]] = [
    {"lr": 1e-2, "scale_parameter": False, "relative_step": False},
    {"lr": 1e-2, "relative_step": False, "beta1": 0.9, "weight_decay": 0.1},
    {"warmup_init": True},
    {},
]


@pytest.mark.parametrize("settings", FACTORED)
def test_adafactor_equals_the_oracles(settings: dict[str, Any]) -> None:
    transformers = pytest.importorskip("transformers")
    from transformers.optimization import Adafactor as Oracle

    assert transformers
    start = [torch.randn(shape, dtype=torch.float32) for shape in [(5, 7), (6,), (2, 3, 4)]]
    ours, theirs = ([torch.nn.Parameter(t.clone()) for t in start] for _ in range(2))
    mine, oracle = Adafactor(ours, **settings), Oracle(theirs, **settings)
    for step in range(20):
        for place, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            generator = torch.Generator().manual_seed(100 * step + place)
            a.grad = torch.randn(a.shape, generator=generator)
            b.grad = a.grad.clone()
        mine.step()
        oracle.step()
        for a, b in zip(ours, theirs, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_adafactor_refuses_what_contradicts() -> None:
    with pytest.raises(InputError, match="relative_step"):
        Adafactor([torch.nn.Parameter(torch.zeros(1))], lr=1e-3)


def test_what_decays_is_what_decays_in_the_oracle(tmp_path: Any) -> None:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("accelerate")
    model = classifier()
    model.save_pretrained(tmp_path)
    theirs = transformers.BertForSequenceClassification.from_pretrained(tmp_path)
    args = transformers.TrainingArguments(str(tmp_path / "out"), use_cpu=True, report_to="none")
    names = transformers.Trainer(theirs, args).get_decay_parameter_names(theirs)
    ours = set(decaying(model))
    assert ours == set(names)


def test_norms_of_every_kind_do_not_decay() -> None:
    from hubformer.core import RMSNorm

    model = torch.nn.ModuleDict(
        {
            "a": RMSNorm().build(4),
            "b": torch.nn.LayerNorm(4),
            "c": torch.nn.Linear(4, 4),
            "d": torch.nn.BatchNorm1d(4),
            "e": torch.nn.Embedding(3, 4),
        }
    )
    assert decaying(model) == ["c.weight", "e.weight"]
    assert bert_config().hidden_size == 16
