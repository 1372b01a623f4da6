"""Adapters of PEFT's here and ours there, through files on disk: answers, gradients, merged weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import hubformer
from adapters.pairs import (
    CASES,
    DECODERS,
    EXACT,
    FAMILY_CASES,
    SINGLE,
    Case,
    answers,
    away,
    base,
    batch,
    distance,
    gradients,
    ours,
    peft_gradients,
    peft_loaded,
    peft_model,
    saved_by_peft,
    shaken,
    theirs,
    with_adapter,
)
from hubformer.adapters import LoraConfig, lora
from hubformer.families import FAMILIES, family
from hubformer.weights.changes import Change

transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")

BERT, GPT2 = CASES[0], next(c for c in CASES if str(c).startswith("GPT2LMHeadModel-['c_attn'"))
every = pytest.mark.parametrize("case", CASES, ids=str)


@every
def test_theirs_here(case: Case, tmp_path: Path) -> None:
    where = base(case, tmp_path / "base")
    oracle = saved_by_peft(case, where, tmp_path / "adapter")
    model = ours(case, where)
    plain = answers(model, batch(case))
    model.load_adapter(tmp_path / "adapter")
    found, expected = answers(model, batch(case)), answers(oracle, batch(case))
    assert away(found, expected) <= EXACT
    assert away(found, plain) > 1e-3, "the adapter does nothing"


@every
def test_ours_there(case: Case, tmp_path: Path) -> None:
    where = base(case, tmp_path / "base")
    model = with_adapter(case, where)
    model.save_adapter(tmp_path / "adapter")
    expected = answers(model, batch(case))
    oracle = peft_loaded(theirs(case, where), tmp_path / "adapter")
    assert away(answers(oracle, batch(case)), expected) <= EXACT
    again = ours(case, where)
    again.load_adapter(tmp_path / "adapter")
    assert away(answers(again, batch(case)), expected) == 0


@pytest.mark.parametrize("case", DECODERS, ids=str)
def test_decoders_both_ways(case: Case, tmp_path: Path) -> None:
    where = base(case, tmp_path / "base")
    oracle = saved_by_peft(case, where, tmp_path / "theirs")
    model = ours(case, where)
    model.load_adapter(tmp_path / "theirs", "theirs")
    assert away(answers(model, batch(case)), answers(oracle, batch(case))) <= EXACT
    model.add_adapter(LoraConfig(r=3), "ours")  # with the family's own targets
    shaken(model, only_trained=True)
    model.save_adapter(tmp_path / "ours")
    oracle = peft_loaded(theirs(case, where), tmp_path / "ours")
    assert away(answers(oracle, batch(case)), answers(model, batch(case))) <= EXACT


@every
def test_the_files_are_those_of_peft(case: Case, tmp_path: Path) -> None:
    """The same names, shapes and types; and the same settings under the same keys."""
    where = base(case, tmp_path / "base")
    saved_by_peft(case, where, tmp_path / "theirs")
    with_adapter(case, where).save_adapter(tmp_path / "ours")
    mine, peers = (load_file(tmp_path / who / "adapter_model.safetensors") for who in ("ours", "theirs"))
    repeated = (".modules_to_save.", ".original_module.")  # of bias="all", beside the tensor itself
    expected = {n: (t.shape, t.dtype) for n, t in peers.items() if not any(r in n for r in repeated)}
    tied = {n for n in expected if n.endswith("decoder.bias") and n not in mine}
    assert {n: (t.shape, t.dtype) for n, t in mine.items()} == {
        n: e for n, e in expected.items() if n not in tied
    }
    a, b = (json.loads((tmp_path / who / "adapter_config.json").read_text()) for who in ("ours", "theirs"))
    assert a.keys() <= b.keys()
    unsaid = {"target_modules", "modules_to_save"}
    if case.name.endswith("DoubleHeadsModel"):  # PEFT records what its last module was
        unsaid |= {"fan_in_fan_out"}
    for key in a.keys() - unsaid:
        assert a[key] == b[key], key
    if isinstance(b["target_modules"], str):
        assert a["target_modules"] == b["target_modules"]
    elif case.asked.get("target_modules") != "all-linear":  # long lists are shortened by PEFT
        assert set(a["target_modules"]) == set(b["target_modules"])


@pytest.mark.parametrize("case", FAMILY_CASES, ids=str)
def test_in_float32(case: Case, tmp_path: Path) -> None:
    """No further from float64 than twice what the oracle itself loses."""
    where = base(case, tmp_path / "base")
    exact = answers(saved_by_peft(case, where, tmp_path / "adapter"), batch(case))
    oracle = answers(peft_loaded(theirs(case, where, dtype=torch.float32), tmp_path / "adapter"), batch(case))
    model = ours(case, where, dtype=torch.float32)
    model.load_adapter(tmp_path / "adapter")
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    found = answers(model, batch(case))
    assert away(found, oracle) <= max(SINGLE, 2 * away(oracle, exact))


@pytest.mark.parametrize(
    "case", [c for c in CASES if "Double" not in c.name and c.name != "BertModel"], ids=str
)
def test_gradients(case: Case, tmp_path: Path) -> None:
    """Of A, of B, of modules_to_save and of biases, on one batch in float64; and of nothing else."""
    where = base(case, tmp_path / "base")
    saved_by_peft(case, where, tmp_path / "adapter")
    given = batch(case, labelled=True)
    oracle = peft_loaded(theirs(case, where), tmp_path / "adapter", is_trainable=True)
    oracle(**given).loss.backward()
    model = ours(case, where)
    model.load_adapter(tmp_path / "adapter", is_trainable=True)
    model(**given).loss.backward()
    found, expected = gradients(model), peft_gradients(oracle)
    assert found.keys() == expected.keys()
    largest = max(float(grad.abs().max()) for grad in expected.values())
    assert largest > 1e-3
    for name, grad in expected.items():
        assert float((found[name] - grad).abs().max()) <= 1e-6 * largest, name
    trained = {id(p) for p in model.parameters() if p.grad is not None}
    assert trained == {id(p) for p in model.parameters() if p.requires_grad}


@every
def test_merged_is_not_merged(case: Case, tmp_path: Path) -> None:
    where = base(case, tmp_path / "base")
    model = with_adapter(case, where)
    expected = answers(model, batch(case))
    before = {name: p.clone() for name, p in model.named_parameters()}
    model.merge_adapter()
    assert away(answers(model, batch(case)), expected) <= EXACT
    model.save_pretrained(tmp_path / "merged")
    assert not (tmp_path / "merged" / "adapter_config.json").exists()
    oracle = answers(theirs(case, tmp_path / "merged"), batch(case))
    assert away(oracle, expected) <= EXACT
    model.unmerge_adapter()
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
    assert away(answers(model, batch(case)), expected) == 0
    names = {name for name, _ in ours(case, where).named_parameters()}
    whole = model.merge_and_unload()
    assert {name for name, _ in whole.named_parameters()} == names
    assert all(p.requires_grad for p in whole.parameters())
    assert away(answers(whole, batch(case)), expected) <= EXACT


@pytest.mark.parametrize("case", [BERT, GPT2], ids=str)
def test_transformers_own_integration(case: Case, tmp_path: Path) -> None:
    """Without a PeftModel: `add_adapter` there and here, and `from_pretrained` of an adapter's folder."""
    where = base(case, tmp_path / "base")
    oracle = theirs(case, where)
    targets = case.asked.get("target_modules", ["query", "value"])
    oracle.add_adapter(
        peft.LoraConfig(target_modules=targets, fan_in_fan_out=case is GPT2, modules_to_save=["ln_f"])
    )
    shaken(oracle, only_trained=True).save_pretrained(tmp_path / "theirs")
    model = ours(case, where)
    model.load_adapter(tmp_path / "theirs")
    assert away(answers(model, batch(case)), answers(oracle, batch(case))) <= EXACT
    assert set(model.get_adapter_state_dict()) == set(oracle.get_adapter_state_dict())

    mine = with_adapter(case, where)
    mine.save_pretrained(tmp_path / "ours")
    expected = answers(mine, batch(case))
    loaded = theirs(case, tmp_path / "ours")  # the base is found by its recorded name
    assert away(answers(loaded, batch(case)), expected) <= EXACT
    again = ours(case, tmp_path / "ours")
    assert away(answers(again, batch(case)), expected) == 0
    beside = theirs(case, where)
    beside.load_adapter(str(tmp_path / "ours"))
    assert away(answers(beside, batch(case)), expected) <= EXACT


def test_a_new_head_travels_with_the_adapter(tmp_path: Path) -> None:
    """From a checkpoint without it: the head that was made is trained, saved and loaded."""
    case = Case("bert", "BertForMaskedLM", {})
    where = base(case, tmp_path / "base")
    torch.manual_seed(0)
    model = hubformer.BertForSequenceClassification.from_pretrained(
        where, num_labels=4, id2label={0: "a", 1: "b", 2: "c", 3: "d"}, dtype="float64"
    )
    model.add_adapter(LoraConfig(r=3))
    assert model.peft_config["default"].modules_to_save == ["bert.pooler.dense", "classifier"]
    shaken(model, only_trained=True).save_pretrained(tmp_path / "adapter")
    given = batch(BERT)
    expected = answers(model, given)
    again = hubformer.AutoModelForSequenceClassification.from_pretrained(
        tmp_path / "adapter", dtype="float64"
    )
    assert again.config.id2label == {0: "a", 1: "b", 2: "c", 3: "d"}
    assert again.new_parameters == ()
    assert away(answers(again, given), expected) == 0
    kind = transformers.BertForSequenceClassification
    oracle = peft_loaded(kind.from_pretrained(where, num_labels=4, dtype=torch.float64), tmp_path / "adapter")
    assert away(answers(oracle, given), expected) <= EXACT


def test_several_adapters_of_peft_switch_as_there(tmp_path: Path) -> None:
    where = base(GPT2, tmp_path / "base")
    for seed, (name, targets) in enumerate({"one": ["c_attn"], "two": ["c_proj", "c_attn"]}.items()):
        torch.manual_seed(seed)
        asked = {"target_modules": targets, "r": 3 + seed, "lora_alpha": 5}
        shaken(peft_model(theirs(GPT2, where), asked), only_trained=True).save_pretrained(tmp_path / name)
    oracle = peft_loaded(theirs(GPT2, where), tmp_path / "one", adapter_name="one")
    oracle.load_adapter(str(tmp_path / "two"), "two")
    model = ours(GPT2, where)
    model.load_adapter(tmp_path / "one", "one")
    model.load_adapter(tmp_path / "two", "two")
    assert model.active_adapters() == ["two"]
    for active in (["one"], ["two"], ["one", "two"], ["one"]):
        oracle.base_model.set_adapter(active)
        model.set_adapter(active)
        assert model.active_adapters() == active
        found, expected = answers(model, batch(GPT2)), answers(oracle, batch(GPT2))
        assert away(found, expected) <= EXACT, active


# ---- the initial values, and what PEFT counts -------------------------------------------------------


@pytest.mark.parametrize("how", [True, "gaussian"])
def test_first_values_are_spread_as_theirs(how: Any, tmp_path: Path) -> None:
    config = {"vocab_size": 30, "n_embd": 96, "n_layer": 2, "n_head": 4, "n_positions": 8}
    torch.manual_seed(0)
    model = hubformer.GPT2LMHeadModel(hubformer.GPT2Config(**config))
    model.add_adapter(LoraConfig(r=24, init_lora_weights=how))
    mine = model.get_adapter_state_dict()
    torch.manual_seed(0)
    oracle = transformers.GPT2LMHeadModel(transformers.GPT2Config(**config, bos_token_id=0, eos_token_id=0))
    peers = peft_model(oracle, {"r": 24, "init_lora_weights": how, "task_type": "CAUSAL_LM"}).state_dict()
    for name, tensor in mine.items():
        there = peers["base_model.model." + name.replace(".weight", ".default.weight")]
        assert tensor.shape == there.shape
        if ".lora_B." in name:
            assert not tensor.any()
            assert not there.any()
        else:
            assert abs(float(tensor.std() / there.std()) - 1) < 0.05
            if how is True:
                assert float(tensor.abs().max()) <= 1 / 96**0.5
                assert float(tensor.abs().max()) > 0.98 / 96**0.5


@pytest.mark.parametrize("case", [BERT, GPT2], ids=str)
def test_as_many_parameters_as_there(case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = base(case, tmp_path / "base")
    with_adapter(case, where).print_trainable_parameters()
    mine = capsys.readouterr().out
    peft_model(theirs(case, where), case.asked).print_trainable_parameters()
    assert capsys.readouterr().out == mine


def test_targets_of_a_family_are_those_of_peft() -> None:
    table = peft.utils.TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING
    shared = [name for name in FAMILIES if name in table]
    assert {"bert", "roberta", "gpt2", "llama"} <= set(shared)
    for name in shared:
        assert list(family(name).lora_targets) == table[name], name


# ---- faults, planted: what the tests above must not overlook ----------------------------------------


def _unscaled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LoraConfig, "scaling_at", lambda self, name: 1.0)


def _rank_for_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        LoraConfig, "scaling_at", lambda self, name: self.lora_alpha / self.rank_at(name) ** 0.5
    )


def _cut(change: Any) -> Any:
    """The B of a fused module, cut otherwise than its row's Change says."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        from hubformer.adapters import sites

        whole = sites._site

        def wrong(name: str, row: Any, modules: Any) -> Any:
            found = whole(name, row, modules)
            if found is None or len(found.ours) == 1:
                return found
            from dataclasses import replace

            return replace(found, change=change(len(found.ours)))

        monkeypatch.setattr(sites, "_site", wrong)

    return plant


def _interleaved(parts: int) -> Change:
    return Change(
        lambda t: [t[0][i::parts] for i in range(parts)],
        lambda t: [torch.stack(t, dim=1).flatten(0, 1)],
    )


def _backwards(parts: int) -> Change:
    return Change(lambda t: list(t[0].chunk(parts))[::-1], lambda t: [torch.cat(t[::-1])])


def _first_part_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    forward = lora.LowRank.forward
    monkeypatch.setattr(lora.LowRank, "forward", lambda self, x, part: forward(self, x, 0))


def _after_the_activation(monkeypatch: pytest.MonkeyPatch) -> None:
    def call(self: Any, x: Any, *, activation: Any, add: Any) -> Any:
        y = lora.finished(self.linear.product(x), activation=activation, add=add)
        for low_rank, part in self.terms:
            y = y + low_rank(x, part)
        return y

    monkeypatch.setattr(lora.Adapted, "__call__", call)


FAULTS = {
    "scaling dropped": _unscaled,
    "scaled by the root": _rank_for_root,
    "interleaved": _cut(_interleaved),
    "wrong order": _cut(_backwards),
    "one part for all": _first_part_for_all,
    "after the activation": _after_the_activation,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_seen(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    where = base(GPT2, tmp_path / "base")
    expected = answers(saved_by_peft(GPT2, where, tmp_path / "adapter"), batch(GPT2))
    FAULTS[fault](monkeypatch)
    model = ours(GPT2, where)
    model.load_adapter(tmp_path / "adapter")
    found = answers(model, batch(GPT2))
    assert max(distance(found[n], expected[n]) for n in found if n in expected) > 1e-3
