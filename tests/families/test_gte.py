"""GTE and NomicBERT as their own repositories write them: other keys, other prefixes, their own scalings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import hubformer
from cases import VOCAB
from encoders import TINY
from hubformer.errors import ConfigError
from test_fidelity import EXACT, distance, shaken
from uncast import in_float64

transformers = pytest.importorskip("transformers")

IDS = torch.arange(6, 18)[None]
FIRST_KEYS = {
    "model_type": "nomic_bert",
    "activation_function": "swiglu",
    "n_embd": 32,
    "n_head": 4,
    "n_layer": 3,
    "n_inner": 48,
    "n_positions": 40,
    "vocab_size": VOCAB,
    "layer_norm_epsilon": 1e-12,
    "rotary_emb_base": 1000,
    "rotary_emb_fraction": 1.0,
    "rotary_emb_interleaved": False,
    "rotary_scaling_factor": None,
    "qkv_proj_bias": False,
    "mlp_fc1_bias": False,
    "mlp_fc2_bias": False,
    "prenorm": False,
    "use_rms_norm": False,
    "attn_pdrop": 0.0,
    "resid_pdrop": 0.1,
}
NEW_KEYS = {
    **{name: value for name, value in TINY["gte"].items() if name != "num_labels"},
    "model_type": "new",
    "architectures": ["NewModel"],
    "position_embedding_type": "rope",
    "layer_norm_type": "layer_norm",
    "pack_qkv": True,
    "logn_attention_scale": False,
    "logn_attention_clip1": False,
    "unpad_inputs": False,
    "use_memory_efficient_attention": "true",
    "rope_theta": 50.0,
    "rope_scaling": None,
}


def written(oracle: Any, folder: Path, config: dict[str, Any], *, prefix: str = "") -> None:
    """The oracle's weights beside the repository's own config.json, under another prefix."""
    oracle.save_pretrained(folder)
    weights = {prefix + name: tensor for name, tensor in load_file(folder / "model.safetensors").items()}
    save_file(weights, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(config))


def turned_by(oracle: Any, angles: Tensor) -> Any:
    oracle.rotary_emb.inv_freq = angles
    return in_float64(oracle).eval()


def test_nomic_by_the_keys_of_its_repository(tmp_path: Path) -> None:
    torch.manual_seed(7)
    oracle = shaken(transformers.NomicBertModel(transformers.NomicBertConfig(**TINY["nomic_bert"])))
    written(oracle, tmp_path, FIRST_KEYS, prefix="bert.")
    ours = hubformer.AutoModel.from_pretrained(tmp_path, dtype="float64")
    assert type(ours) is hubformer.NomicBertModel
    assert ours.config.hidden_dropout_prob == 0.1
    with torch.no_grad():
        assert distance(ours(IDS)[0], in_float64(oracle).eval()(IDS)[0]) <= EXACT


@pytest.mark.parametrize(("length", "stretch"), [(6, 1.0), (12, 2 * 12 / 8 - 1)])
def test_nomic_where_rows_are_longer_than_in_training(tmp_path: Path, length: int, stretch: float) -> None:
    """The base grows with the length of the row, from the trained length on."""
    torch.manual_seed(8)
    oracle = shaken(transformers.NomicBertModel(transformers.NomicBertConfig(**TINY["nomic_bert"])))
    written(oracle, tmp_path, {**FIRST_KEYS, "rotary_scaling_factor": 2, "max_trained_positions": 8})
    ours = hubformer.AutoModel.from_pretrained(tmp_path, dtype="float64")
    base = 1000 * stretch ** (8 / 6)
    oracle = turned_by(oracle, 1.0 / torch.tensor(base) ** (torch.arange(0, 8, 2) / 8))
    ids = IDS[:, :length]
    with torch.no_grad():
        assert distance(ours(ids)[0], oracle(ids)[0]) <= 1e-6


def test_nomic_without_a_gate_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected one with a gate: swiglu"):
        hubformer.NomicBertConfig(activation_function="gelu")
    with pytest.raises(ConfigError, match="prenorm is True"):
        hubformer.NomicBertConfig(prenorm=True)


@pytest.mark.parametrize("factor", [None, 2.0])
def test_new_is_gte(tmp_path: Path, factor: float | None) -> None:
    """gte-*-v1.5: a larger base, and waves that are all slower, whatever the length of the row."""
    torch.manual_seed(9)
    config = transformers.GteConfig(**TINY["gte"], rope_parameters={"rope_theta": 50.0})
    oracle = shaken(transformers.GteModel(config))
    rope = None if factor is None else {"type": "ntk", "factor": factor}
    written(oracle, tmp_path, {**NEW_KEYS, "rope_scaling": rope}, prefix="new.")
    ours = hubformer.AutoModel.from_pretrained(tmp_path, dtype="float64")
    assert type(ours) is hubformer.GteModel
    assert hubformer.GteConfig.from_pretrained(tmp_path).rope_theta == 50.0
    times = factor or 1.0
    angles = 1.0 / torch.tensor(50.0 * times) ** (torch.arange(0, 8, 2) / 8) / times ** (2 / 8)
    with torch.no_grad():
        theirs = turned_by(oracle, angles)(IDS)[0]
        assert distance(ours(IDS)[0], theirs) <= 1e-6
    assert angles[-1] == pytest.approx(50.0 ** (-6 / 8) / times)


def test_what_gte_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="logn_attention_scale is True"):
        hubformer.GteConfig(logn_attention_scale=True)
    with pytest.raises(ConfigError, match="layer_norm_type is 'rms_norm'"):
        hubformer.GteConfig(layer_norm_type="rms_norm")
