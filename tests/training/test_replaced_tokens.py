"""ELECTRA's two models together, against transformers' two models apart."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

import hubformer
from hubformer.errors import InputError
from hubformer.training import ReplacedTokens
from hubformer.training.losses import loss_by_terms, micro_batches_of

WIDE = {
    "vocab_size": 40, "embedding_size": 8, "hidden_size": 16, "num_hidden_layers": 2,
    "num_attention_heads": 4, "intermediate_size": 24, "max_position_embeddings": 12, "pad_token_id": 0,
}  # fmt: skip
NARROW = {**WIDE, "hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 12}


def shaken(model: Any, seed: int) -> Any:
    chance = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=chance))
    return model.double().eval()


@pytest.fixture
def pair() -> ReplacedTokens:
    generator = shaken(hubformer.ElectraForMaskedLM(hubformer.ElectraConfig(**NARROW)), 1)
    discriminator = shaken(hubformer.ElectraForPreTraining(hubformer.ElectraConfig(**WIDE)), 2)
    return ReplacedTokens(generator, discriminator, weight=7.0).eval()


def batch(rows: int = 6, length: int = 10, *, seed: int = 3) -> dict[str, torch.Tensor]:
    """Rows of other lengths, with another number of hidden tokens each."""
    chance = torch.Generator().manual_seed(seed)
    ids = torch.randint(5, 40, (rows, length), generator=chance)
    lengths = torch.randint(4, length + 1, (rows, 1), generator=chance)
    mask = (torch.arange(length) < lengths).long()
    hidden = (torch.rand(rows, length, generator=chance) < 0.3) & mask.bool()
    hidden[0, :2] = True
    return {
        "input_ids": ids.masked_fill(hidden, 4) * mask,
        "attention_mask": mask,
        "token_type_ids": torch.zeros_like(ids),
        "labels": ids.masked_fill(~hidden, -100),
    }


def test_losses_and_gradients_are_those_of_two_models(pair: ReplacedTokens, tmp_path: Path) -> None:
    pair.generator.save_pretrained(tmp_path / "generator")
    pair.discriminator.save_pretrained(tmp_path / "discriminator")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import transformers

        fills = transformers.ElectraForMaskedLM.from_pretrained(tmp_path / "generator").double().eval()
        tells = transformers.ElectraForPreTraining.from_pretrained(tmp_path / "discriminator").double().eval()
    given = batch()
    ours = pair(**given)
    labels = given["labels"]
    hidden = labels != -100
    inputs = {name: given[name] for name in ("attention_mask", "token_type_ids")}
    their_fill = fills(given["input_ids"], **inputs, labels=labels)
    odds = their_fill.logits[hidden].detach().float().softmax(-1)
    drawn = odds.multinomial(1, generator=torch.Generator().manual_seed(0))[:, 0]
    filled = given["input_ids"].clone()
    filled[hidden] = drawn
    original = torch.where(hidden, labels, given["input_ids"])
    assert (drawn != labels[hidden]).sum() > 0
    their_judgement = tells(filled, **inputs)
    there = given["attention_mask"].bool()
    # In float64; their own loss rounds to float32.
    told = torch.nn.functional.binary_cross_entropy_with_logits(
        their_judgement.logits[there], (filled != original)[there].double()
    )

    torch.testing.assert_close(ours.generator_loss, their_fill.loss, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(ours.discriminator_loss, 7 * told, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(ours.logits[there], their_judgement.logits[there], rtol=1e-9, atol=1e-9)
    assert torch.equal(ours.replaced[there], (filled != original).long()[there])
    assert (ours.replaced[~there] == -100).all()

    ours.loss.backward()
    (their_fill.loss + 7 * told).backward()
    both = [m.get_input_embeddings().weight.grad for m in (fills, tells)]
    mine = pair.discriminator.get_input_embeddings().weight.grad
    torch.testing.assert_close(mine, both[0] + both[1], rtol=1e-9, atol=1e-9)
    layer = "encoder.layer.0.attention.self.query.weight"
    for model, other in ((pair.generator, fills), (pair.discriminator, tells)):
        mine = model.computation.body.stack.blocks[0].attention
        theirs = other.electra.get_parameter(layer).grad
        found = next(
            p.grad for p in mine.parameters() if p.grad.dim() == 2 and p.grad.shape[1] == theirs.shape[1]
        )
        torch.testing.assert_close(found[: len(theirs)], theirs, rtol=1e-9, atol=1e-9)


def test_what_is_shared(pair: ReplacedTokens) -> None:
    one, other = pair.generator.computation.body.embedding, pair.discriminator.computation.body.embedding
    assert one.tokens is other.tokens
    assert one.positions is other.positions
    assert one.types is other.types
    assert one.norm is other.norm
    assert one.project is not other.project
    whole = sum(p.numel() for p in pair.parameters())
    shared = sum(p.numel() for n, p in other.named_parameters() if not n.startswith("project"))
    apart = sum(p.numel() for m in (pair.generator, pair.discriminator) for p in m.parameters())
    assert whole == apart - shared


def test_draws_are_repeated_in_evaluation_alone(pair: ReplacedTokens) -> None:
    given = batch(rows=30)
    before = torch.get_rng_state()
    first, second = pair(**given).replaced, pair(**given).replaced
    assert torch.equal(first, second)
    assert torch.equal(before, torch.get_rng_state())
    pair.train()
    torch.manual_seed(5)
    drawn = [pair(**given).replaced for _ in range(4)]
    assert any(not torch.equal(drawn[0], other) for other in drawn[1:])


def test_no_gradient_goes_through_the_draw(pair: ReplacedTokens) -> None:
    found = pair(**batch())
    found.discriminator_loss.backward()
    touched = {n for n, p in pair.generator.named_parameters() if p.grad is not None and p.grad.any()}
    assert touched
    assert all(n.startswith("electra.embeddings.") for n in touched)


def test_parts_add_up_to_the_whole(pair: ReplacedTokens) -> None:
    with torch.no_grad():
        pair.generator.computation.head.bias[17] += 1e4  # always drawn, in whatever batch a token is
    given = batch(rows=6)
    whole = pair(**given)
    whole.loss.backward()
    expected = {n: p.grad.clone() for n, p in pair.named_parameters() if p.grad is not None}
    pair.zero_grad()
    cuts = [{n: v[a:b] for n, v in given.items()} for a, b in ((0, 1), (1, 4), (4, 6))]
    parts = micro_batches_of(pair, cuts, label_names=["labels"])
    assert len({part.loss_weight for part in parts}) == 3
    assert all(part.by_terms for part in parts)
    total = torch.zeros(())
    for cut, part in zip(cuts, parts, strict=True):
        loss = loss_by_terms(pair, pair(**cut), labels=cut, micro_batch=part) * part.loss_weight
        loss.backward()
        total = total + loss.detach()
    torch.testing.assert_close(total, whole.loss.detach(), rtol=1e-9, atol=1e-9)
    for name, p in pair.named_parameters():
        if name in expected:
            torch.testing.assert_close(p.grad, expected[name], rtol=1e-9, atol=1e-9)


def test_nothing_hidden(pair: ReplacedTokens) -> None:
    given = batch()
    found = pair(**{**given, "labels": torch.full_like(given["labels"], -100)})
    assert found.generator_loss.item() == 0
    assert found.generator_logits.shape == (0, 40)
    assert not (found.replaced == 1).any()
    found.loss.backward()


def test_what_does_not_fit_is_refused(pair: ReplacedTokens) -> None:
    with pytest.raises(InputError, match="learnt from labels"):
        pair(torch.tensor([[5, 6]]))
    with pytest.raises(InputError, match="The generator is a ElectraForPreTraining"):
        ReplacedTokens(pair.discriminator, pair.discriminator)
    with pytest.raises(InputError, match="The discriminator is a ElectraForMaskedLM"):
        ReplacedTokens(pair.generator, pair.generator)
    other = hubformer.ElectraForMaskedLM(hubformer.ElectraConfig(**{**NARROW, "embedding_size": 12}))
    with pytest.raises(InputError, match="equal vocab_size, embedding_size"):
        ReplacedTokens(other, pair.discriminator)


def test_a_token_that_is_drawn_right_is_not_replaced(pair: ReplacedTokens) -> None:
    with torch.no_grad():
        pair.generator.computation.head.bias[17] += 1e4  # always drawn
    given = batch()
    given["labels"][0, :2] = torch.tensor([17, 18])
    assert pair(**given).replaced[0, :2].tolist() == [0, 1]
