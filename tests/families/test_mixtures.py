"""Mixtral and Qwen3-MoE: what their routers say, the loss that balances them, and their files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import hubformer
from decoders import TINY, VARIANTS
from hubformer.adapters import LoraConfig
from hubformer.core import Linear
from hubformer.errors import ConfigError
from hubformer.models import balance
from test_decoders import checkpoint, ids
from test_fidelity import CAST_INSIDE, EXACT, distance

transformers = pytest.importorskip("transformers")

NAMES = {"mixtral": "Mixtral", "qwen3_moe": "Qwen3Moe"}
CASES = [
    (model_type, variant)
    for model_type in NAMES
    for variant in VARIANTS[model_type]
    if variant not in ("window", "told")
]
EVERY = pytest.mark.parametrize(("model_type", "variant"), CASES)


def pair(folder: Path, model_type: str, *, head: str = "ForCausalLM", **changes: Any) -> tuple[Any, Any]:
    return checkpoint(folder, NAMES[model_type] + head, {**TINY[model_type], **changes})


def batch(*, padded: bool) -> dict[str, Tensor]:
    tokens = ids(3, 8)
    given = {"input_ids": tokens, "labels": tokens}
    if padded:
        mask = torch.ones_like(tokens)
        mask[1, 3:], mask[2, 6:] = 0, 0
        given |= {"attention_mask": mask, "labels": tokens.where(mask.bool(), -100)}
    return given


@EVERY
@pytest.mark.parametrize("padded", [False, True])
def test_routers_and_their_loss(model_type: str, variant: str, padded: bool, tmp_path: Path) -> None:
    oracle, ours = pair(tmp_path, model_type, **VARIANTS[model_type][variant], router_aux_loss_coef=0.7)
    given = batch(padded=padded)
    theirs = oracle(**given, output_router_logits=True)
    mine = ours(**given, output_router_logits=True)
    assert list(mine) == [name for name in theirs if theirs[name] is not None]
    layers = 1 if variant == "every second" else 2
    assert len(mine.router_logits) == len(theirs.router_logits) == layers
    real = given.get("attention_mask", torch.ones(3, 8)).flatten().bool()
    for a, b in zip(mine.router_logits, theirs.router_logits, strict=True):
        assert distance(a[real], b[real]) <= EXACT
    for name in ("aux_loss", "loss"):  # the oracle counts in float32
        assert distance(mine[name], theirs[name].double()) <= CAST_INSIDE, name
    plain = ours(**given)
    assert "aux_loss" not in plain
    assert "router_logits" not in plain
    assert distance(mine.loss, plain.loss + 0.7 * mine.aux_loss) <= EXACT
    unlabelled = {name: tensor for name, tensor in given.items() if name != "labels"}
    asked = ours(**unlabelled, output_router_logits=True)
    assert "loss" not in asked
    assert distance(asked.aux_loss, mine.aux_loss) <= EXACT


@pytest.mark.parametrize("model_type", NAMES)
def test_gradients_of_the_balancing_loss(model_type: str, tmp_path: Path) -> None:
    oracle, ours = pair(tmp_path, model_type, router_aux_loss_coef=5.0, output_router_logits=True)
    given = batch(padded=True)
    routers = [block.feed_forward.router.weight for block in ours.computation.body.stack.blocks]
    ours(**given, output_router_logits=False).loss.backward()
    without = [router.grad.clone() for router in routers]
    ours.zero_grad()
    for model in (oracle, ours):
        model(**given).loss.backward()
    for mine, plain, layer in zip(routers, without, oracle.model.layers, strict=True):
        theirs = layer.mlp.gate.weight.grad
        largest = float(theirs.abs().max())
        assert float((mine.grad - theirs).abs().max()) <= CAST_INSIDE * largest
        assert float((plain - theirs).abs().max()) > 1e-3 * largest


def test_alike_and_one_for_all() -> None:
    """The loss is the number of chosen experts where all are chosen alike, and most where one has all."""
    alike = (10.0 * torch.eye(4, dtype=torch.float64), 10.0 * torch.eye(4, dtype=torch.float64))
    assert distance(balance.balancing_loss(alike, chosen=1), torch.tensor(1.0).double()) <= EXACT
    one = (100.0 * torch.eye(4, dtype=torch.float64)[:1].expand(6, -1),)
    assert distance(balance.balancing_loss(one, chosen=1), torch.tensor(4.0).double()) <= EXACT
    counted = torch.tensor([True, False, False, False])
    assert float(balance.balancing_loss(alike, chosen=1, counted=counted)) > 3.9


@pytest.mark.parametrize("model_type", NAMES)
def test_a_backbone_tells_what_its_routers_say(model_type: str, tmp_path: Path) -> None:
    oracle, ours = pair(tmp_path, model_type, head="Model", output_router_logits=True)
    theirs, mine = oracle(ids(2, 5)), ours(ids(2, 5))
    assert list(mine) == list(theirs)
    for a, b in zip(mine.router_logits, theirs.router_logits, strict=True):
        assert distance(a, b) <= EXACT
    assert "router_logits" not in ours(ids(2, 5), output_router_logits=False)
    as_tuple = ours(ids(2, 5), return_dict=False)
    assert torch.equal(as_tuple[-1][1], mine.router_logits[1])


@pytest.mark.parametrize("model_type", NAMES)
def test_other_heads_do_not_tell(model_type: str) -> None:
    kind = getattr(hubformer, f"{NAMES[model_type]}ForTokenClassification")
    model = kind(kind.config_class(**TINY[model_type], output_router_logits=True)).eval()
    assert list(model(ids(2, 5))) == ["logits"]


@pytest.mark.parametrize("model_type", NAMES)
def test_a_step_counts_its_own_tokens(model_type: str, tmp_path: Path) -> None:
    """With a cache, the mask is of more tokens than the pass reads."""
    _, ours = pair(tmp_path, model_type, output_router_logits=True)
    tokens, mask = ids(2, 7), torch.ones(2, 7, dtype=torch.long)
    mask[1, :2] = 0
    with torch.no_grad():
        first = ours(tokens[:, :4], attention_mask=mask[:, :4], use_cache=True)
        step = ours(tokens[:, 4:], attention_mask=mask, past_key_values=first.past_key_values)
        whole = ours(tokens, attention_mask=mask)
    chosen = ours.config.num_experts_per_tok
    for out, counted in ((first, mask[:, :4]), (step, mask[:, 4:]), (whole, mask)):
        expected = balance.balancing_loss(out.router_logits, chosen=chosen, counted=counted.bool())
        assert distance(out.aux_loss, expected) <= EXACT
    for a, b in zip(step.router_logits, whole.router_logits, strict=True):
        assert distance(a.view(2, 3, -1), b.view(2, 7, -1)[:, 4:]) <= EXACT
    how = {"max_new_tokens": 5, "do_sample": False, "eos_token_id": None, "attention_mask": mask}
    told = ours.generate(tokens, **how)
    ours.config.output_router_logits = False
    assert torch.equal(told, ours.generate(tokens, **how))


def test_mixtral_is_jittered_in_training(tmp_path: Path) -> None:
    oracle, ours = pair(tmp_path, "mixtral", router_jitter_noise=0.3)
    found = []
    for model in (oracle.train(), ours.train()):
        torch.manual_seed(4)
        found.append(model(ids(2, 6)).logits.detach())
    assert distance(found[1], found[0]) <= EXACT
    still = ours.eval()(ids(2, 6)).logits
    assert distance(found[1], still) > 1e-3
    assert distance(still, oracle.eval()(ids(2, 6)).logits) <= EXACT


# Faults


def uncounted(patch: pytest.MonkeyPatch) -> None:
    original = balance.balancing_loss
    patch.setattr(
        balance, "balancing_loss", lambda logits, *, chosen, counted: original(logits, chosen=chosen)
    )


def one_layer(patch: pytest.MonkeyPatch) -> None:
    original = balance.balancing_loss
    patch.setattr(balance, "balancing_loss", lambda logits, **how: original(logits[:1], **how))


def one_chosen(patch: pytest.MonkeyPatch) -> None:
    original = balance.balancing_loss
    patch.setattr(
        balance,
        "balancing_loss",
        lambda logits, *, chosen, counted: original(logits, chosen=1, counted=counted),
    )


def layers_apart(patch: pytest.MonkeyPatch) -> None:
    original = balance.balancing_loss
    patch.setattr(
        balance,
        "balancing_loss",
        lambda logits, **how: torch.stack([original([each], **how) for each in logits]).mean(),
    )


@pytest.mark.parametrize("fault", [uncounted, one_layer, one_chosen, layers_apart])
def test_a_fault_in_the_loss_is_noticed(
    fault: Callable[[pytest.MonkeyPatch], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    oracle, ours = pair(tmp_path, "mixtral")
    given = {**batch(padded=True), "output_router_logits": True}
    theirs = oracle(**given).aux_loss.double()
    assert distance(ours(**given).aux_loss, theirs) <= CAST_INSIDE
    fault(monkeypatch)
    assert distance(ours(**given).aux_loss, theirs) > 1e-3


# Files


def test_experts_by_the_names_of_files(tmp_path: Path) -> None:
    _, ours = pair(tmp_path, "mixtral")
    experts = ours.model.layers[1].block_sparse_moe.experts
    assert len(experts) == 4
    assert experts[2].w1 is ours.computation.body.stack.blocks[1].feed_forward.experts[2].gate
    assert isinstance(ours.model.layers[0].block_sparse_moe.gate, Linear)
    stored = load_file(tmp_path / "model.safetensors")
    name = "model.layers.1.block_sparse_moe.experts.3.{}.weight"
    expert = ours.computation.body.stack.blocks[1].feed_forward.experts[3]
    for hub, linear in (("w1", expert.gate), ("w3", expert.up), ("w2", expert.down)):
        assert torch.equal(stored[name.format(hub)].double(), linear.weight)


def test_the_number_of_experts_by_both_names(tmp_path: Path) -> None:
    """transformers 5 writes Qwen3-MoE's number as Mixtral's is called; published files have the other."""
    pair(tmp_path, "qwen3_moe")
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["num_local_experts"] == 5
    ours = hubformer.AutoConfig.from_pretrained(tmp_path)
    assert (ours.num_experts, ours.num_local_experts) == (5, 5)
    ours.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["num_experts"] == 5
    assert transformers.AutoConfig.from_pretrained(tmp_path).num_experts == 5
    assert hubformer.MixtralConfig(num_experts=3).num_local_experts == 3


@pytest.mark.parametrize(
    ("changes", "mixed"),
    [
        ({}, [0, 1, 2, 3]),
        ({"decoder_sparse_step": 2}, [1, 3]),
        ({"decoder_sparse_step": 3, "mlp_only_layers": [2]}, []),
        ({"mlp_only_layers": [0, 3]}, [1, 2]),
        ({"num_experts": 0}, []),
    ],
)
def test_which_layers_are_dense(changes: dict[str, Any], mixed: list[int]) -> None:
    config = {**TINY["qwen3_moe"], "num_hidden_layers": 4, **changes}
    model = hubformer.Qwen3MoeModel(hubformer.Qwen3MoeConfig(**config))
    theirs = transformers.Qwen3MoeModel(transformers.Qwen3MoeConfig(**config))
    assert [
        i for i, b in enumerate(model.computation.body.stack.blocks) if hasattr(b.feed_forward, "router")
    ] == mixed
    assert model.num_parameters() == theirs.num_parameters()
    out = model(ids(1, 4), output_router_logits=True)
    assert len(out.get("router_logits", ())) == len(mixed)


def test_experts_are_adapted_one_by_one(tmp_path: Path) -> None:
    """Under the names of published files, which PEFT met before transformers 5 laid experts together."""
    _, ours = pair(tmp_path, "mixtral")
    before = ours(ids(2, 5)).logits
    ours.add_adapter(LoraConfig(r=2, target_modules=["w1", "w2"], init_lora_weights=False))
    after = ours(ids(2, 5)).logits
    assert distance(after, before) > 1e-3
    ours.save_adapter(tmp_path / "adapter")
    names = set(load_file(tmp_path / "adapter" / "adapter_model.safetensors"))
    start = "base_model.model.model.layers.1.block_sparse_moe.experts.3."
    assert {f"{start}w1.lora_A.weight", f"{start}w2.lora_B.weight"} <= names
    assert len(names) == 2 * 4 * 2 * 2  # layers, experts, modules, factors
    again = hubformer.MixtralForCausalLM.from_pretrained(tmp_path, dtype="float64")
    again.load_adapter(tmp_path / "adapter")
    assert distance(again(ids(2, 5)).logits, after) <= EXACT


@pytest.mark.parametrize(
    ("model_type", "changes", "told"),
    [
        ("mixtral", {"num_experts_per_tok": 5}, "read by 5 of 4 experts"),
        ("qwen3_moe", {"num_experts_per_tok": 6}, "read by 6 of 5 experts"),
    ],
)
def test_more_experts_than_there_are(model_type: str, changes: dict[str, Any], told: str) -> None:
    config = hubformer.AutoConfig.for_model(model_type, **{**TINY[model_type], **changes})
    with pytest.raises(ConfigError, match=told):
        hubformer.AutoModel.from_config(config)
    with pytest.raises(ConfigError, match="mlp_only_layers"):
        hubformer.Qwen3MoeConfig(mlp_only_layers=[-1])
