"""What the table cannot say of Falcon: ALiBi, which the oracle's open attention adds twice; odd designs."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch

import hubformer
from decoders import TINY
from hubformer.errors import ConfigError
from test_decoders import ids
from test_fidelity import EXACT, distance, shaken
from uncast import in_float64

transformers = pytest.importorskip("transformers")

SLOPES: dict[str, dict[str, Any]] = {
    "serial": {"multi_query": False, "parallel_attn": False, "bias": True, "num_attention_heads": 16},
    "parallel": {"multi_query": True, "num_attention_heads": 6},
    "new": {"new_decoder_architecture": True, "num_kv_heads": 2},
}


def sloping(folder: Path, **changes: Any) -> tuple[Any, Any]:
    """(oracle with its default kernel, ours) in float64 from one shaken checkpoint."""
    config = {**TINY["falcon"], "alibi": True, "hidden_size": 96, **changes}
    torch.manual_seed(6)
    oracle = shaken(transformers.FalconForCausalLM(transformers.FalconConfig(**deepcopy(config))))
    oracle.save_pretrained(folder)
    ours = hubformer.FalconForCausalLM.from_pretrained(folder, dtype="float64")
    return in_float64(oracle).eval(), ours


@pytest.mark.parametrize("changes", SLOPES.values(), ids=SLOPES)
def test_slopes(changes: dict[str, Any], tmp_path: Path) -> None:
    oracle, ours = sloping(tmp_path, **changes)
    tokens, mask = ids(2, 300), torch.ones(2, 300, dtype=torch.long)  # places that bfloat16 rounds
    mask[1, 200:] = 0
    with torch.no_grad():
        theirs, mine = (model(tokens, attention_mask=mask).logits for model in (oracle, ours))
        assert distance(mine[mask.bool()], theirs[mask.bool()]) <= EXACT
        traced = ours(tokens, attention_mask=mask, output_attentions=True).logits
        assert distance(traced, mine) <= EXACT


def test_slopes_over_a_cache(tmp_path: Path) -> None:
    oracle, ours = sloping(tmp_path, **SLOPES["serial"])
    how = {"max_new_tokens": 9, "eos_token_id": None, "do_sample": False}
    tokens = ids(1, 7)
    theirs = oracle.generate(tokens, attention_mask=torch.ones_like(tokens), **how)
    assert torch.equal(ours.generate(tokens, **how), theirs)
    assert torch.equal(ours.generate(tokens, use_cache=False, **how), theirs)


def test_saved_files_of_slopes_are_the_oracles(tmp_path: Path) -> None:
    oracle, ours = sloping(tmp_path, **SLOPES["serial"])
    ours.save_pretrained(tmp_path / "again")
    again = transformers.FalconForCausalLM.from_pretrained(tmp_path / "again", dtype=torch.float64)
    for name, weight in oracle.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name]), name


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"new_decoder_architecture": True, "parallel_attn": False}, "expected both to be true"),
        ({"num_ln_in_parallel_attn": 2}, "design has one norm"),
    ],
)
def test_parts_that_do_not_go_together(changes: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        hubformer.FalconModel(hubformer.FalconConfig(**{**TINY["falcon"], **changes}))
