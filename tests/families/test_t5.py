"""What the tables do not say of T5 and its like: scores with vectors of their own, and long distances."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import hubformer
from cases import VOCAB
from encoder_decoders import TINY
from test_fidelity import EXACT, distance, shaken
from uncast import in_float64

transformers = pytest.importorskip("transformers")


def untied(name: str, folder: Path, **changes: Any) -> Any:
    """A checkpoint as those of 1.1 are: the scores have vectors of their own, and are not scaled."""
    kind = getattr(transformers, name)
    config = kind.config_class(**{**TINY["t5"], **changes}, tie_word_embeddings=False)
    torch.manual_seed(4)
    oracle = kind(config)
    oracle.lm_head.weight = nn.Parameter(torch.randn_like(oracle.lm_head.weight))
    oracle = shaken(oracle)
    from safetensors.torch import save_file

    weights = {n: w.clone() for n, w in oracle.state_dict().items() if "embed_tokens" not in n}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    values = {**config.to_dict(), "tie_word_embeddings": False}
    (folder / "config.json").write_text(json.dumps(values), "utf-8")
    return in_float64(oracle).eval()


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("T5ForConditionalGeneration", {"feed_forward_proj": "gated-gelu"}),
        ("MT5ForConditionalGeneration", {"feed_forward_proj": "gated-gelu"}),
    ],
)
def test_scores_with_vectors_of_their_own(name: str, changes: dict[str, Any], tmp_path: Path) -> None:
    oracle = untied(name, tmp_path, **changes)
    ours = getattr(hubformer, name).from_pretrained(tmp_path, dtype="float64")
    batch = {"input_ids": torch.randint(6, VOCAB, (2, 9)), "labels": torch.randint(6, VOCAB, (2, 7))}
    with torch.no_grad():
        theirs, mine = oracle(**batch), ours(**batch)
    assert distance(mine.logits, theirs.logits) <= EXACT
    assert distance(mine.loss, theirs.loss.double()) <= 1e-6
    ours.save_pretrained(tmp_path / "again")
    again = getattr(hubformer, name).from_pretrained(tmp_path / "again", dtype="float64")
    with torch.no_grad():
        assert torch.equal(again(**batch).logits, mine.logits)


def test_far_distances(tmp_path: Path) -> None:
    config = transformers.T5Config(**{**TINY["t5"], "relative_attention_num_buckets": 32})
    config.relative_attention_max_distance = 128
    torch.manual_seed(2)
    oracle = shaken(transformers.T5Model(config))
    oracle.save_pretrained(tmp_path)
    ours = hubformer.T5Model.from_pretrained(tmp_path, dtype="float64")
    batch = {
        "input_ids": torch.randint(6, VOCAB, (1, 300)),
        "decoder_input_ids": torch.randint(6, VOCAB, (1, 200)),
    }
    oracle = in_float64(oracle).eval()
    with torch.no_grad():
        theirs, mine = oracle(**batch), ours(**batch)
    assert distance(mine.last_hidden_state, theirs.last_hidden_state) <= EXACT


def test_one_half_from_a_file_of_both(tmp_path: Path) -> None:
    whole = shaken(hubformer.T5ForConditionalGeneration(hubformer.T5Config(**TINY["t5"])))
    whole.save_pretrained(tmp_path)
    ids = torch.randint(6, VOCAB, (2, 9))
    half = hubformer.T5EncoderModel.from_pretrained(tmp_path)
    with torch.no_grad():
        states = half(ids).last_hidden_state
        assert torch.equal(states, whole(ids, labels=ids).encoder_last_hidden_state)
        assert torch.equal(states, hubformer.AutoModelForTextEncoding.from_pretrained(tmp_path)(ids)[0])
