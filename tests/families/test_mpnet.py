"""What the tables do not say of MPNet: distances that share a bucket, and the places of padding."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import hubformer
from cases import VOCAB
from encoders import TINY
from test_fidelity import EXACT, distance, shaken

transformers = pytest.importorskip("transformers")


def test_far_distances(tmp_path: Path) -> None:
    config = transformers.MPNetConfig(**{**TINY["mpnet"], "max_position_embeddings": 402})
    torch.manual_seed(2)
    oracle = shaken(transformers.MPNetModel(config))
    oracle.save_pretrained(tmp_path)
    ours = hubformer.MPNetModel.from_pretrained(tmp_path, dtype="float64")
    ids = torch.randint(6, VOCAB, (2, 400))
    mask = torch.ones_like(ids)
    mask[1, 350:] = 0
    ids[1, 350:] = 1
    with torch.no_grad():
        theirs = oracle.double()(ids, attention_mask=mask).last_hidden_state
        mine = ours(ids, attention_mask=mask).last_hidden_state
    assert distance(mine[mask.bool()], theirs[mask.bool()]) <= EXACT
