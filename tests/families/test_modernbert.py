"""What the tables do not say of ModernBERT: both spellings of its angles, scores of some tokens only, and the
window's edge.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import hubformer
from cases import VOCAB
from encoders import TINY
from hubformer.errors import ConfigError
from test_fidelity import distance, shaken

transformers = pytest.importorskip("transformers")

SMALL = TINY["modernbert"]


def test_both_spellings_of_the_angles() -> None:
    old = hubformer.ModernBertConfig(**SMALL, global_rope_theta=50.0, local_rope_theta=20.0)
    parameters = {"full_attention": {"rope_theta": 50.0}, "sliding_attention": {"rope_theta": 20.0}}
    new = hubformer.ModernBertConfig(**SMALL, rope_parameters=parameters)
    assert old == new
    assert (new.global_rope_theta, new.local_rope_theta) == (50.0, 20.0)
    kinds = ["full_attention", "sliding_attention", "sliding_attention", "full_attention"]
    assert new.layer_types == kinds
    scaled = {"full_attention": {"rope_type": "linear", "factor": 2.0}}
    with pytest.raises(ConfigError, match="expected no scaling"):
        hubformer.ModernBertConfig(**SMALL, rope_parameters=scaled)


def test_the_edge_of_the_window(tmp_path: Path) -> None:
    """A change beyond the window of the only layer moves nothing, one at its edge does."""
    config = {**SMALL, "num_hidden_layers": 1, "layer_types": ["sliding_attention"], "local_attention": 6}
    torch.manual_seed(4)
    oracle = shaken(transformers.ModernBertModel(transformers.ModernBertConfig(**config)))
    oracle.save_pretrained(tmp_path)
    ours = hubformer.ModernBertModel.from_pretrained(tmp_path, dtype="float64")
    ids = torch.randint(6, VOCAB, (1, 12))
    with torch.no_grad():
        before = ours(ids)[0]
        assert distance(before, oracle.double()(ids)[0]) <= 1e-6
        for far, moves in ((3, True), (4, False)):
            other = ids.clone()
            other[0, far] = (ids[0, far] + 1) % VOCAB
            assert torch.equal(ours(other)[0][0, 0], before[0, 0]) is not moves


def test_only_labelled_tokens_are_scored() -> None:
    torch.manual_seed(5)
    sparse = hubformer.ModernBertForMaskedLM(hubformer.ModernBertConfig(**SMALL, sparse_prediction=True))
    ids = torch.randint(6, VOCAB, (2, 9))
    labels = torch.full_like(ids, -100)
    labels[0, 3] = labels[1, 7] = 8
    with torch.no_grad():
        sparse.eval()
        all_of_them, some = sparse(ids).logits, sparse(ids, labels=labels)
    assert all_of_them.shape == (2, 9, VOCAB)
    assert some.logits.shape == (2, VOCAB)
    assert distance(some.logits, all_of_them[labels != -100]) <= 1e-5
    expected = torch.nn.functional.cross_entropy(all_of_them.flatten(0, 1), labels.flatten())
    assert abs(float(some.loss - expected)) <= 1e-5


def test_no_edge_where_the_window_is_wide() -> None:
    """As wide as the row: both kinds of layers see the same."""
    torch.manual_seed(6)
    config = {**SMALL, "global_rope_theta": 10_000.0, "num_hidden_layers": 2}
    wide = hubformer.ModernBertModel(hubformer.ModernBertConfig(**config | {"local_attention": 30})).eval()
    plain = hubformer.ModernBertModel(
        hubformer.ModernBertConfig(**config | {"global_attn_every_n_layers": 1})
    )
    plain.load_state_dict(wide.state_dict())
    ids = torch.randint(6, VOCAB, (1, 10))
    with torch.no_grad():
        assert distance(wide(ids)[0].double(), plain(ids)[0].double()) <= 1e-5
