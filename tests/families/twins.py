"""Tiny checkpoints written by the oracle, then edited to have the quirks of published ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import hubformer

BERT = {
    "vocab_size": 40,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 20,
}
TINY: dict[str, dict[str, Any]] = {
    "Bert": BERT,
    "Camembert": {**BERT, "type_vocab_size": 1},
    "DistilBert": {
        "vocab_size": 40,
        "dim": 16,
        "n_layers": 2,
        "n_heads": 4,
        "hidden_dim": 24,
        "max_position_embeddings": 20,
    },
    "Roberta": {**BERT, "type_vocab_size": 1},
    "XLMRoberta": {**BERT, "type_vocab_size": 1},
}
FAMILIES = ("Bert", "DistilBert", "Roberta")
PREFIX = {"Bert": "bert.", "DistilBert": "distilbert.", "Roberta": "roberta."}
IDS = torch.tensor([[7, 8, 9, 10, 11, 12, 13], [17, 18, 19, 20, 21, 22, 23]])


def as_filed(oracle: Any, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The oracle's tensors by their names in memory -> as its files hold them: it fuses and renames some."""
    from transformers.core_model_loading import revert_weight_conversion

    if not type(oracle).__module__.startswith("transformers"):  # a reference of the tests' own
        return tensors
    filed: dict[str, Tensor] = revert_weight_conversion(oracle, tensors)
    return filed


def settings(name: str, changes: dict[str, Any]) -> dict[str, Any]:
    """A tiny configuration for a class of that name."""
    family = max((prefix for prefix in TINY if name.startswith(prefix)), key=len)
    return {**TINY[family], **changes}


def write(name: str, folder: Path, **changes: Any) -> Any:
    """The oracle's shaken model of that class, saved in the folder."""
    import transformers

    torch.manual_seed(2)
    kind = getattr(transformers, name)
    oracle = kind(kind.config_class(**settings(name, changes), attn_implementation="eager")).eval()
    with torch.no_grad():
        for parameter in oracle.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    oracle.save_pretrained(folder)
    return oracle


def both(name: str, folder: Path, **changes: Any) -> tuple[Any, Any]:
    """The oracle's shaken model and ours from its files, in float64."""
    oracle = write(name, folder, **changes)
    return oracle.double(), getattr(hubformer, name).from_pretrained(folder, dtype="float64")


def fresh(name: str, **changes: Any) -> Any:
    """A model of ours with fresh weights, in eval mode."""
    kind = getattr(hubformer, name)
    return kind(kind.config_class(**settings(name, changes))).eval()


def near(a: Tensor, b: Tensor, *, by: float = 1e-9) -> bool:
    a, b = a.detach(), b.detach()
    return a.shape == b.shape and float(((a - b).abs() / b.abs().clamp(min=1)).max()) <= by


def weights(folder: Path, name: str = "model.safetensors") -> dict[str, Tensor]:
    found: dict[str, Tensor] = load_file(folder / name)
    return found


def edit(folder: Path, change: Callable[[dict[str, Tensor]], dict[str, Tensor]]) -> None:
    """Rewrite the weights of a folder, in a new file: models may have the old one mapped."""
    save_file(change(weights(folder)), folder / "new.safetensors", {"format": "pt"})
    (folder / "new.safetensors").replace(folder / "model.safetensors")


def edit_config(folder: Path, *, without: tuple[str, ...] = (), **changes: Any) -> None:
    path = folder / "config.json"
    values = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({k: v for k, v in values.items() if k not in without}))
