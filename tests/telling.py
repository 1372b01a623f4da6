"""A tiny GPT-2 of the oracle's, shaken until it writes something worth comparing, and ours from its files."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import hubformer

VOCAB, PAD, END = 99, 1, 2
TINY = {
    "vocab_size": VOCAB,
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 4,
    "n_positions": 48,
    "bos_token_id": 3,
    "eos_token_id": END,
    "pad_token_id": PAD,
}
NEW = 14  # tokens that a telling model is asked to write


class Pair:
    """The oracle's model and ours, in float64, and prompts for them."""

    def __init__(self, oracle: Any, ours: Any, folder: Any) -> None:
        self.oracle, self.ours, self.folder = oracle, ours, folder

    def both(self, ids: Tensor, **named: Any) -> tuple[Any, Any]:
        """What either generates; the seed is the same."""
        named = {"attention_mask": torch.ones_like(ids), "max_new_tokens": NEW, **named}
        torch.manual_seed(11)
        theirs = self.oracle.generate(ids, **named)
        torch.manual_seed(11)
        return theirs, self.ours.generate(ids, **named)


def prompts(rows: int, length: int, *, seed: int = 5) -> Tensor:
    return torch.randint(4, VOCAB, (rows, length), generator=torch.Generator().manual_seed(seed))


def telling(model: Any) -> bool:
    """At least six different tokens in each row, each chosen by a margin, and no early end."""
    out = model.generate(
        prompts(3, 6),
        attention_mask=torch.ones(3, 6, dtype=torch.long),
        max_new_tokens=NEW,
        output_logits=True,
        return_dict_in_generate=True,
    )
    best = torch.stack(out.logits).topk(2).values
    new = out.sequences[:, 6:]
    return (
        new.shape[1] == NEW
        and not bool((new == END).any())
        and min(len(set(row.tolist())) for row in new) >= 6
        and float((best[..., 0] - best[..., 1]).min()) > 1e-3
    )


def shaken_pair(transformers: Any, folder: Any, *, by: float = 0.3, **changes: Any) -> Pair:
    """The first seed whose model is telling."""
    for seed in range(200):
        torch.manual_seed(seed)
        config = transformers.GPT2Config(**{**TINY, **changes}, attn_implementation="eager")
        oracle = transformers.GPT2LMHeadModel(config).eval()
        with torch.no_grad():
            for parameter in oracle.parameters():
                parameter.add_(torch.randn_like(parameter) * by)
        if telling(oracle.double()):
            oracle.save_pretrained(folder)
            return Pair(oracle, hubformer.GPT2LMHeadModel.from_pretrained(folder, dtype="float64"), folder)
    raise AssertionError("no seed gives a telling model")


def distance(ours: Tensor, theirs: Tensor) -> float:
    """Relative to max(1, |x|); two infinities of one sign are equal."""
    assert ours.shape == theirs.shape
    finite = theirs.isfinite()
    assert torch.equal(ours.isfinite(), finite)
    ours, theirs = ours[finite].double(), theirs[finite].double()
    return float(((ours - theirs).abs() / theirs.abs().clamp(min=1)).max())
