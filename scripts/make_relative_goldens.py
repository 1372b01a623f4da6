"""Write what transformers 4.57.6 answers where 5 can no longer be asked: relative positions and head masks.

Run it in an environment with transformers==4.57.6:

    python scripts/make_relative_goldens.py tests/families/goldens

For each case a folder with a tiny shaken checkpoint (float32) and answers.safetensors: the inputs under
`in.NAME`, the outputs in float64 under `out.NAME`, those with a head mask under `masked.NAME`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save_file

TINY = {
    "vocab_size": 30,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 10,
}
DECODER = {"is_decoder": True, "add_cross_attention": True, "use_cache": False}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "bert-relative-key": ("BertModel", {"position_embedding_type": "relative_key"}),
    "bert-relative-decoder": (
        "BertLMHeadModel",
        {"position_embedding_type": "relative_key_query", **DECODER},
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    if transformers.__version__ != "4.57.6":
        raise SystemExit(f"This is transformers {transformers.__version__}, expected 4.57.6.")
    for name, (kind, changes) in CASES.items():
        write(folder / name, kind, changes)


def write(folder: Path, kind: str, changes: dict[str, Any]) -> None:
    torch.manual_seed(5)
    config_class = getattr(transformers, kind).config_class
    config = config_class(**TINY, **changes, attn_implementation="eager")
    model = getattr(transformers, kind)(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    model.save_pretrained(folder)
    model = model.double().eval()
    given = inputs(crossed="add_cross_attention" in changes)
    found = {f"in.{n}": t for n, t in given.items()}
    mask = torch.tensor([[1.0, 0.0], [0.5, 1.0]], dtype=torch.float64)
    found["in.head_mask"] = mask
    for prefix, more in (("out", {}), ("masked", {"head_mask": mask})):
        with torch.no_grad():
            out = model(**given, **more, output_attentions=True)
        for field, value in out.items():
            parts = enumerate(value) if isinstance(value, tuple) else [("", value)]
            found |= {f"{prefix}.{field}{i}": t.contiguous().clone() for i, t in parts}
    save_file(found, folder / "answers.safetensors")
    for extra in folder.glob("generation_config.json"):
        extra.unlink()


def inputs(*, crossed: bool) -> dict[str, torch.Tensor]:
    ids = torch.randint(5, 30, (2, 9))
    mask = torch.ones_like(ids)
    mask[1, 6:] = 0
    ids[mask == 0] = 1
    given = {"input_ids": ids, "attention_mask": mask}
    if crossed:
        given["encoder_hidden_states"] = torch.randn(2, 5, 8, dtype=torch.float64)
        given["encoder_attention_mask"] = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    return given


if __name__ == "__main__":
    main()
