"""What the table cannot say of GPT: its pair of heads, whose mask the oracle cannot read, and no cache."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch

import hubformer
from decoders import TINY
from hubformer.core import Cache
from hubformer.errors import InputError
from test_decoders import ids
from test_fidelity import EXACT, distance, shaken

transformers = pytest.importorskip("transformers")

NAME = "OpenAIGPTDoubleHeadsModel"


def both(folder: Path, name: str = NAME, **changes: Any) -> tuple[Any, Any]:
    """(oracle, ours) in float64 from one shaken checkpoint."""
    config = transformers.OpenAIGPTConfig(**{**deepcopy(TINY["openai-gpt"]), **changes})
    torch.manual_seed(6)
    oracle = shaken(getattr(transformers, name)(config))
    oracle.tie_weights()
    oracle.save_pretrained(folder)
    return oracle.double().eval(), getattr(hubformer, name).from_pretrained(folder, dtype="float64")


def batch() -> dict[str, torch.Tensor]:
    tokens = ids(4, 9).view(2, 2, 9)
    places = torch.tensor([[8, 5], [3, 8]])
    return {"input_ids": tokens, "mc_token_ids": places, "labels": tokens, "mc_labels": torch.tensor([1, 0])}


@pytest.mark.parametrize("changes", [{}, {"summary_activation": "tanh", "afn": "silu"}], ids=str)
def test_two_heads(changes: dict[str, Any], tmp_path: Path) -> None:
    oracle, ours = both(tmp_path, **changes)
    theirs, mine = oracle(**batch()), ours(**batch())
    for name in ("loss", "mc_loss", "logits", "mc_logits"):
        assert distance(mine[name], theirs[name]) <= EXACT, name
    (theirs.loss + theirs.mc_loss).backward()
    (mine.loss + mine.mc_loss).backward()
    found = ours.weight_map().to_hub({n: p.grad for n, p in ours.named_parameters()})
    wanted = {n: p.grad for n, p in oracle.named_parameters()}
    shared = "transformer.tokens_embed.weight"
    wanted.setdefault(shared, wanted.get("lm_head.weight"))
    for name, gradient in found.items():
        assert distance(gradient, wanted[name]) <= 1e-6, name


def test_two_heads_with_padding(tmp_path: Path) -> None:
    """As the rows are without it."""
    _, ours = both(tmp_path)
    tokens, mask = ids(2, 9).view(1, 2, 9), torch.ones(1, 2, 9, dtype=torch.long)
    mask[0, 1, 6:] = 0
    places = torch.tensor([[8, 5]])
    with torch.no_grad():
        padded = ours(tokens, attention_mask=mask, mc_token_ids=places)
        alone = ours(tokens[:, 1:, :6], mc_token_ids=places[:, 1:])
    assert distance(padded.mc_logits[:, 1:], alone.mc_logits) <= EXACT


def test_files_of_two_heads_go_both_ways(tmp_path: Path) -> None:
    oracle, ours = both(tmp_path)
    ours.save_pretrained(tmp_path / "again")
    again = getattr(transformers, NAME).from_pretrained(tmp_path / "again", dtype=torch.float64)
    for name, weight in oracle.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name]), name


def test_it_keeps_no_cache(tmp_path: Path) -> None:
    _, ours = both(tmp_path, "OpenAIGPTLMHeadModel")
    with pytest.raises(InputError, match="keeps no keys"):
        ours.generate(ids(1, 4), past_key_values=Cache(2), max_new_tokens=2)
