"""What the tables do not say of Longformer: global tokens, long rows, weights, and errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import hubformer
from cases import LONGFORMER, VOCAB
from hubformer.errors import ConfigError, InputError
from test_fidelity import EXACT, distance, shaken
from uncast import in_float64

transformers = pytest.importorskip("transformers")


def both(name: str, folder: Path, **changes: Any) -> tuple[Any, Any]:
    kind = getattr(transformers, name)
    torch.manual_seed(5)
    oracle = shaken(kind(kind.config_class(**{**LONGFORMER, "max_position_embeddings": 90, **changes})))
    oracle.save_pretrained(folder)
    return in_float64(oracle).eval(), getattr(hubformer, name).from_pretrained(folder, dtype="float64")


def rows(length: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(6, VOCAB, (3, length), generator=generator)
    mask = torch.ones_like(ids)
    mask[1, length - length // 3 :] = 0
    ids[mask == 0] = 1
    marked = (torch.rand(3, length, generator=generator) < 0.1).long()
    marked[0], marked[2, :2] = 0, 1  # rows with none, with few and with two neighbours
    return {"input_ids": ids, "attention_mask": mask, "global_attention_mask": marked}


@pytest.mark.parametrize("window", [4, 6, [4, 8, 16]])
@pytest.mark.parametrize("length", [48, 75])
def test_long_rows_with_unequal_numbers_of_global_tokens(window: Any, length: int, tmp_path: Path) -> None:
    oracle, ours = both("LongformerModel", tmp_path, attention_window=window)
    batch = rows(length)
    attended = batch["attention_mask"].bool()
    with torch.no_grad():
        theirs, mine = oracle(**batch, output_attentions=True), ours(**batch, output_attentions=True)
        plain = ours(**batch)
    assert distance(mine.last_hidden_state[attended], theirs.last_hidden_state[attended]) <= EXACT
    assert distance(plain.last_hidden_state[attended], theirs.last_hidden_state[attended]) <= EXACT
    assert distance(plain.pooler_output, theirs.pooler_output) <= EXACT
    for a, b in zip(mine.attentions, theirs.attentions, strict=True):
        assert distance(a.transpose(1, 2)[attended], b.transpose(1, 2)[attended]) <= EXACT
    counts = (batch["global_attention_mask"] * batch["attention_mask"]).sum(-1)
    for a, b in zip(mine.global_attentions, theirs.global_attentions, strict=True):
        for row, count in enumerate(counts):  # behind those the oracle has filler
            assert not a[row, :, :, count:].any()
            if count:
                assert distance(a[row, :, :, :count], b[row, :, :length, :count]) <= EXACT


def test_without_global_tokens(tmp_path: Path) -> None:
    oracle, ours = both("LongformerForMaskedLM", tmp_path)
    batch = {name: value for name, value in rows(50).items() if "global" not in name}
    attended = batch["attention_mask"].bool()
    with torch.no_grad():
        assert distance(ours(**batch).logits[attended], oracle(**batch).logits[attended]) <= EXACT
        assert ours(**batch, output_attentions=True).global_attentions is None
        none = torch.zeros_like(attended)
        given = ours(**batch, global_attention_mask=none)
    assert torch.equal(given.logits, ours(**batch).logits)


def test_each_half_of_dropout(tmp_path: Path) -> None:
    """At a length that the oracle does not pad, so that both draw as many numbers."""
    off = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    both("LongformerForSequenceClassification", tmp_path, **off)
    ids = torch.randint(6, VOCAB, (2, 16))
    answers = []
    for kind, options in (
        (transformers.LongformerForSequenceClassification, {}),
        (hubformer.LongformerForSequenceClassification, {}),
    ):
        config = kind.config_class(**{**LONGFORMER, **off, "max_position_embeddings": 90})
        config.hidden_dropout_prob = 0.5
        model = kind.from_pretrained(tmp_path, config=config, **options)
        model = in_float64(model) if kind.__module__.startswith("transformers") else model.double()
        torch.manual_seed(17)
        with torch.no_grad():
            answers.append(model.train()(ids).logits)
    assert distance(answers[1], answers[0]) <= EXACT


def test_what_is_global_by_itself() -> None:
    torch.manual_seed(5)
    config = hubformer.LongformerConfig(**LONGFORMER)
    ids = torch.tensor([[0, 7, 8, 2, 2, 9, 10, 11, 12, 2]])
    for name, places in (
        ("LongformerForSequenceClassification", [0]),
        ("LongformerForQuestionAnswering", [0, 1, 2]),
    ):
        model = shaken(getattr(hubformer, name)(config))
        marked = torch.zeros_like(ids)
        marked[0, places] = 1
        with torch.no_grad():
            assert torch.equal(model(ids)[0], model(ids, global_attention_mask=marked)[0])
            assert not torch.equal(model(ids)[0], model(ids, global_attention_mask=1 - marked)[0])


def test_errors() -> None:
    model = hubformer.LongformerForQuestionAnswering(hubformer.LongformerConfig(**LONGFORMER))
    with pytest.raises(InputError, match="has no separator"):
        model(torch.tensor([[0, 7, 8, 9]]))
    with pytest.raises(InputError, match="do not say where the question ends"):
        model(inputs_embeds=torch.zeros(1, 4, 32))
    with pytest.raises(InputError, match="global_attention_mask has the shape"):
        model(torch.tensor([[0, 7, 2]]), global_attention_mask=torch.ones(1, 2))
    for window in (3, 0, [4, 5, 4]):
        with pytest.raises(ConfigError, match="attention_window"):
            hubformer.LongformerModel(
                hubformer.LongformerConfig(**{**LONGFORMER, "attention_window": window})
            )
    with pytest.raises(ConfigError, match="one per layer"):
        hubformer.LongformerModel(hubformer.LongformerConfig(**{**LONGFORMER, "attention_window": [4, 4]}))
