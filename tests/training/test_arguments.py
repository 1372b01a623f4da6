"""TrainingArguments: v4's names and defaults; nothing is ignored."""

from __future__ import annotations

import dataclasses
import logging
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from hubformer.errors import InputError, UnknownArgument
from hubformer.training import IntervalStrategy, SchedulerType, TrainingArguments
from hubformer.training.arguments import ParallelMode
from hubformer.training.unsupported import UNSUPPORTED

# What 4.57.6 gives where nothing is said; None, False and empty ones beside.
DEFAULTS: dict[str, Any] = {
    "per_device_train_batch_size": 8,
    "per_device_eval_batch_size": 8,
    "gradient_accumulation_steps": 1,
    "learning_rate": 5e-5,
    "weight_decay": 0.0,
    "adam_beta1": 0.9,
    "adam_beta2": 0.999,
    "adam_epsilon": 1e-8,
    "max_grad_norm": 1.0,
    "num_train_epochs": 3.0,
    "max_steps": -1,
    "lr_scheduler_type": "linear",
    "warmup_ratio": 0.0,
    "warmup_steps": 0,
    "logging_strategy": "steps",
    "logging_steps": 500,
    "save_strategy": "steps",
    "save_steps": 500,
    "eval_strategy": "no",
    "seed": 42,
    "optim": "adamw_torch_fused",
    "remove_unused_columns": True,
    "dataloader_pin_memory": True,
    "length_column_name": "length",
    "label_smoothing_factor": 0.0,
    "save_safetensors": True,
    "skip_memory_metrics": True,
    "hub_strategy": "every_save",
}


def test_defaults() -> None:
    args = TrainingArguments("out")
    assert {name: getattr(args, name) for name in DEFAULTS} == DEFAULTS
    assert args.output_dir == "out"
    assert args.report_to == []
    assert TrainingArguments().output_dir == "trainer_output"


def test_every_argument_of_the_oracle_is_known_or_newer(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    theirs = {f.name for f in dataclasses.fields(transformers.TrainingArguments) if f.init}
    ours = {f.name for f in dataclasses.fields(TrainingArguments)} | set(UNSUPPORTED)
    newer = {"activation_checkpointing", "train_sampling_strategy"}
    missing = {name for name in theirs - ours if not name.startswith("_")}
    assert len(missing - newer) <= 12, missing


@pytest.mark.parametrize("name", sorted(UNSUPPORTED))
def test_what_is_not_supported_is_refused_unless_it_asks_for_nothing(name: str) -> None:
    assert getattr(TrainingArguments("out", **{name: UNSUPPORTED[name]}), name) == UNSUPPORTED[name]
    other = not UNSUPPORTED[name] if isinstance(UNSUPPORTED[name], bool) else "something"
    with pytest.raises(InputError, match=f"knows {name}, but hubformer does not support"):
        TrainingArguments("out", **{name: other})


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownArgument, match="Did you mean 'learning_rate'"):
        TrainingArguments("out", learnin_rate=1.0)
    with pytest.raises(UnknownArgument, match="eval_strategy"):
        TrainingArguments("out", evaluation_strategy="epoch")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"per_device_train_batch_size": 0}, "1 or more"),
    ({"per_device_train_batch_size": 2.5}, "expected int"),
    ({"learning_rate": "5e-5"}, "expected float"),
    ({"learning_rate": float("nan")}, "finite"),
    ({"bf16": "yes"}, "expected bool"),
    ({"eval_strategy": "step"}, "Did you mean 'steps'"),
    ({"optim": "adamw_torch_fuse"}, "Did you mean 'adamw_torch_fused'"),
    ({"optim": "lion_32bit"}, "not known"),
    ({"lr_scheduler_type": "liner"}, "Did you mean 'linear'"),
    ({"warmup_ratio": 1.5}, "between 0 and 1"),
    ({"warmup_steps": 0.1}, "expected int"),
    ({"logging_steps": 2.5}, "whole number"),
    ({"bf16": True, "fp16": True}, "at most one"),
    ({"load_best_model_at_end": True}, "make them the same"),
    (
        {
            "load_best_model_at_end": True,
            "eval_strategy": "steps",
            "eval_steps": 3,
            "save_steps": 4,
        },
        "multiple",
    ),
    ({"save_strategy": "best"}, "metric_for_best_model"),
    ({"lr_scheduler_type": "reduce_lr_on_plateau"}, "follows an evaluation"),
    ({"lr_scheduler_kwargs": "{num"}, "not JSON"),
    ({"include_num_input_tokens_seen": "some"}, "non_padding"),
    ({"dataloader_prefetch_factor": 2}, "dataloader_num_workers is 0"),
    ({"include_for_metrics": ["outputs"]}, "include_for_metrics"),
]


@pytest.mark.parametrize(("named", "message"), WRONG)
def test_wrong_values_are_refused(named: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TrainingArguments("out", **named)


def test_what_follows_from_other_arguments() -> None:
    args = TrainingArguments("out", eval_strategy="steps", logging_steps=7, metric_for_best_model="f1")
    assert args.eval_steps == 7
    assert args.do_eval
    assert args.greater_is_better is True
    best = TrainingArguments("out", eval_strategy="epoch", save_strategy="epoch", load_best_model_at_end=True)
    assert best.metric_for_best_model == "loss"
    assert best.greater_is_better is False
    assert TrainingArguments("out", warmup_ratio=0.1).get_warmup_steps(95) == 10
    assert TrainingArguments("out", warmup_ratio=0.1, warmup_steps=3).get_warmup_steps(95) == 3
    assert TrainingArguments("out", lr_scheduler_kwargs='{"num_cycles": 2}').lr_scheduler_kwargs == {
        "num_cycles": 2
    }
    assert TrainingArguments("out", adafactor=True).optim == "adafactor"
    assert TrainingArguments("out", torch_compile_mode="default").torch_compile
    assert TrainingArguments("out", use_cpu=True).device == torch.device("cpu")
    assert TrainingArguments("out", eval_strategy=IntervalStrategy.EPOCH).eval_strategy == "epoch"
    assert TrainingArguments("out", lr_scheduler_type=SchedulerType.COSINE).lr_scheduler_type == "cosine"
    assert '"learning_rate": 5e-05' in TrainingArguments("out").to_json_string()


@dataclasses.dataclass
class Mine(TrainingArguments):
    """The pattern of every script."""

    method: str = "plain"
    learning_rate: float = 1e-3
    eval_strategy: str = "steps"
    shape: Any = None

    def __post_init__(self) -> None:
        self.shape = (self.method, 1)
        super().__post_init__()


def test_a_dataclass_of_ones_own() -> None:
    args = Mine("out", method="other", logging_steps=7)
    assert (args.method, args.shape, args.learning_rate, args.eval_steps) == ("other", ("other", 1), 1e-3, 7)
    assert args.accelerator_config is None
    assert args.do_eval
    assert args.to_dict()["method"] == "other"
    assert Mine("out", learning_rate=1.0).learning_rate == 1.0
    with pytest.raises(InputError, match="Did you mean 'steps'"):
        Mine("out", eval_strategy="stpes")
    with pytest.raises(UnknownArgument, match=r"Mine takes no argument 'metod'. Did you mean 'method'"):
        Mine("out", metod="x")
    with pytest.raises(InputError, match="knows deepspeed"):
        Mine("out", deepspeed="zero.json")
    assert dataclasses.replace(TrainingArguments("out"), seed=7).seed == 7
    assert dataclasses.asdict(args)["method"] == "other"
    assert pickle.loads(pickle.dumps(args)) == args
    assert next(f.name for f in dataclasses.fields(TrainingArguments)) == "output_dir"


def test_a_subclass_with_a_constructor_of_its_own() -> None:
    class Short(TrainingArguments):
        def __init__(self, folder: str, **named: Any) -> None:
            super().__init__(output_dir=folder, logging_steps=3, **named)

    assert Short("out", seed=1).logging_steps == 3
    with pytest.raises(TypeError, match="sed"):
        Short("out", sed=1)


def test_the_process_and_how_much_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    args = TrainingArguments("out", use_cpu=True, log_level="error", log_level_replica="info")
    assert args.get_process_log_level() == logging.ERROR
    quiet = logging.getLogger("hubformer").getEffectiveLevel()
    assert TrainingArguments("out").get_process_log_level() == quiet
    assert (args.parallel_mode.value, args.n_gpu, args.should_log, args.should_save) == (
        "not_parallel",
        0,
        True,
        True,
    )
    with args.main_process_first(desc="mapping"):
        pass
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert args.get_process_log_level() == logging.INFO
    assert args.parallel_mode is ParallelMode.DISTRIBUTED
    assert not args.should_save


def test_no_secret_is_written() -> None:
    args = TrainingArguments("out", push_to_hub=True, hub_model_id="me/mine", hub_token="hf_secret")
    assert "hf_secret" not in args.to_json_string()
    assert args.to_dict()["hub_model_id"] == "me/mine"


@pytest.mark.parametrize(
    "named",
    [
        {"log_level": "loud"},
        {"hub_strategy": "checkpoint"},
        {"dataloader_persistent_workers": True},
        {"fp16_full_eval": True, "bf16_full_eval": True},
        {"auto_find_batch_size": True},
        {"save_safetensors": False},
    ],
)
def test_what_is_refused_of_v4s_new_arguments(named: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(named))):
        TrainingArguments("out", **named)


def test_arguments_of_several_processes_ask_nothing_of_one() -> None:
    args = TrainingArguments("out", ddp_find_unused_parameters=False, ddp_timeout=60, save_on_each_node=True)
    assert args.ddp_timeout == 60
