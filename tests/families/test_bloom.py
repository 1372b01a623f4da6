"""What the table cannot say of BLOOM: its activation's constants, its old names, and the other spelling."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import hubformer
from decoders import TINY
from hubformer.core.activations import activation
from test_decoders import checkpoint, ids
from test_fidelity import EXACT, distance
from twins import edit, edit_config

transformers = pytest.importorskip("transformers")


def test_its_activation_is_the_one_of_torch() -> None:
    """Its constants have eight digits: less than float32 can tell, and 1e-9 of float64."""
    from transformers.models.bloom.modeling_bloom import BloomGelu

    ours = activation("gelu_pytorch_tanh")
    x = torch.linspace(-9, 9, 4001, dtype=torch.float64, requires_grad=True)
    assert 0 < distance(ours(x), BloomGelu()(x)) <= EXACT
    mine, theirs = (torch.autograd.grad(f(x).sum(), x)[0] for f in (ours, BloomGelu()))
    assert distance(mine, theirs) <= 2 * EXACT
    single = x.detach().float()
    assert distance(ours(single), BloomGelu()(single)) <= 4e-7


def test_files_of_its_base_model_lack_the_prefix(tmp_path: Path) -> None:
    """bigscience/bloom and its smaller siblings are saved so, and say n_embed."""
    oracle, _ = checkpoint(tmp_path, "BloomForCausalLM", TINY["bloom"])
    edit(
        tmp_path,
        lambda tensors: {
            name.removeprefix("transformer."): tensor
            for name, tensor in tensors.items()
            if not name.startswith("lm_head")
        },
    )
    edit_config(tmp_path, without=("hidden_size",), n_embed=32)
    ours = hubformer.AutoModelForCausalLM.from_pretrained(tmp_path, dtype="float64")
    assert ours.config.hidden_size == ours.config.n_embed == 32
    with torch.no_grad():
        assert distance(ours(ids(2, 6)).logits, oracle(ids(2, 6)).logits) <= EXACT
