"""LoraConfig: PEFT's arguments, its defaults, and what is not taken."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from hubformer import InputError, LoraConfig, UnknownArgument
from hubformer.adapters.config import UNSUPPORTED

peft = pytest.importorskip("peft")


def test_the_defaults_are_those_of_peft() -> None:
    theirs, ours = peft.LoraConfig().to_dict(), LoraConfig().to_dict()
    assert ours.keys() <= theirs.keys()
    for name, value in ours.items():
        assert theirs[name] == value, name


def test_every_argument_of_peft_is_known() -> None:
    """Those that are not supported are taken with PEFT's default, which asks for nothing."""
    for field in dataclasses.fields(peft.LoraConfig):
        value = getattr(peft.LoraConfig(), field.name)
        assert LoraConfig(**{field.name: value}) == LoraConfig(), field.name


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_is_not_supported_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"{name}=.*does not support it"):
        LoraConfig(**{name: {"something": 1}})


def test_a_misspelt_argument_is_refused() -> None:
    with pytest.raises(UnknownArgument, match=r"no argument 'lora_alfa'. Did you mean 'lora_alpha'"):
        LoraConfig(lora_alfa=3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("r", 0),
        ("r", 2.5),
        ("r", True),
        ("lora_alpha", 0),
        ("lora_alpha", float("nan")),
        ("lora_dropout", 1.5),
        ("target_modules", []),
        ("target_modules", ""),
        ("target_modules", [3]),
        ("target_modules", "("),
        ("modules_to_save", "classifier"),
        ("bias", "some"),
        ("task_type", "SEQ"),
        ("init_lora_weights", "pissa"),
        ("init_lora_weights", 1),
        ("layers_to_transform", [-1]),
        ("layers_pattern", "layer"),
        ("rank_pattern", {"query": 0}),
        ("rank_pattern", ["query"]),
        ("rank_pattern", {"(": 2}),
        ("alpha_pattern", {"query": "x"}),
        ("use_rslora", 1),
        ("peft_type", "IA3"),
        ("revision", 3),
    ],
)
def test_a_value_that_cannot_be_is_refused(name: str, value: Any) -> None:
    with pytest.raises(InputError):
        LoraConfig(**{name: value})


def test_a_near_value_is_suggested() -> None:
    with pytest.raises(InputError, match=r"'lora_onyl'.*Did you mean 'lora_only'"):
        LoraConfig(bias="lora_onyl")


def test_layers_go_with_a_list() -> None:
    with pytest.raises(InputError, match="layers_to_transform goes with a list"):
        LoraConfig(target_modules="all-linear", layers_to_transform=[0])


def test_values_of_enumerations_and_sets_are_plain() -> None:
    config = LoraConfig(task_type=peft.TaskType.SEQ_CLS, target_modules={"value", "query"})
    assert config.task_type == "SEQ_CLS"
    assert config.target_modules == ["query", "value"]
    json.loads(config.to_json_string())


def test_configurations_do_not_share_their_patterns() -> None:
    one = LoraConfig()
    one.rank_pattern["query"] = 3
    assert LoraConfig().rank_pattern == {}


NAMES = [
    "h.0.attn.c_attn",
    "transformer.h.0.attn.c_attn",
    "transformer.h.11.mlp.c_proj",
    "bert.encoder.layer.1.attention.self.query",
    "bert.encoder.layer.1.attention.output.dense",
    "bert.encoder.layer.10.output.dense",
    "model.layers.1.mlp.experts.3.up",
    "classifier",
]
ASKED: list[dict[str, Any]] = [
    {"target_modules": ["dense", "c_attn", "classifier"]},
    {"target_modules": ["output.dense", "attn"]},
    {"target_modules": ["dense", "query"], "exclude_modules": ["attention.output.dense"]},
    {"target_modules": ["dense", "query"], "exclude_modules": r".*\.1\..*"},
    {"target_modules": ["dense", "c_attn", "up"], "layers_to_transform": 1},
    {"target_modules": ["dense", "c_attn", "c_proj", "query"], "layers_to_transform": [0, 10, 11]},
    {"target_modules": ["dense", "c_attn", "up"], "layers_to_transform": [0, 1, 3], "layers_pattern": "h"},
    {"target_modules": ["c_attn", "up"], "layers_to_transform": [0, 1], "layers_pattern": ["layers", "h"]},
    {"target_modules": ["bert.encoder.layer.10.output.dense", "query"], "layers_to_transform": [3]},
    {"target_modules": r".*\.1\..*\.(query|up)"},
    {"target_modules": r"dense"},
]


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_names_are_matched_as_in_peft(asked: dict[str, Any]) -> None:
    from peft.tuners.tuners_utils import check_target_module_exists

    theirs = peft.LoraConfig(**asked)
    mine = LoraConfig(**asked)
    for name in NAMES:
        assert mine.targets(name) == bool(check_target_module_exists(theirs, name)), name


@pytest.mark.parametrize(
    "patterns",
    [{"query": 3, "dense": 5}, {"output.dense": 3, "dense": 5}, {r"layer\.\d\..*": 3}, {"nse": 2}, {".*": 7}],
    ids=str,
)
def test_ranks_of_modules_are_those_of_peft(patterns: dict[str, int]) -> None:
    from peft.utils.other import get_pattern_key

    config = LoraConfig(r=11, lora_alpha=13, rank_pattern=patterns, alpha_pattern=patterns)
    for name in NAMES:
        key = get_pattern_key(patterns, name)
        assert config.rank_at(name) == patterns.get(key, 11), name
        assert config.scaling_at(name) == patterns.get(key, 13) / patterns.get(key, 11), name


def test_scaling() -> None:
    assert LoraConfig(r=16, lora_alpha=8).scaling_at("x") == 0.5
    assert LoraConfig(r=16, lora_alpha=8, use_rslora=True).scaling_at("x") == 2.0


def test_what_a_newer_peft_asks_for_is_refused() -> None:
    values = {**LoraConfig(target_modules=["query"]).to_dict(), "use_later_lora": None, "later": {}}
    assert LoraConfig.from_dict(values).target_modules == ["query"]
    with pytest.raises(InputError, match=r"use_later_lora=True.*newer PEFT"):
        LoraConfig.from_dict({**values, "use_later_lora": True})


def test_another_kind_of_adapter_is_refused() -> None:
    with pytest.raises(InputError, match="of the kind 'IA3', expected 'LORA'"):
        LoraConfig.from_dict({"peft_type": "IA3"})
