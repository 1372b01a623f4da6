"""What the tables do not say of BigBird: larger blocks, padding, blocks while training, questions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import hubformer
from encoders import TINY, VOCAB
from hubformer.core import Blocks
from hubformer.core.blockwise import drawn_blocks
from hubformer.errors import ConfigError, InputError
from test_fidelity import EXACT, distance, shaken
from uncast import Uncast, in_float64

transformers = pytest.importorskip("transformers")

STILL = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
BIG_BIRD = {**TINY["big_bird"], **STILL, "max_position_embeddings": 90, "block_size": 4, "sep_token_id": 2}
SIZES = [(4, 1), (4, 2), (3, 3), (6, 1)]  # tokens of a block, and blocks that are drawn


def both(name: str, folder: Path, **changes: Any) -> tuple[Any, Any]:
    kind = getattr(transformers, name)
    torch.manual_seed(5)
    oracle = shaken(kind(kind.config_class(**{**BIG_BIRD, "num_random_blocks": 1, **changes})))
    oracle.save_pretrained(folder)
    return in_float64(oracle).eval(), getattr(hubformer, name).from_pretrained(folder, dtype="float64")


def rows(length: int, *, padded: bool = True) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(6, VOCAB, (3, length), generator=generator)
    batch = {"input_ids": ids, "token_type_ids": torch.randint(0, 2, (3, length), generator=generator)}
    if padded:
        batch["attention_mask"] = torch.ones_like(ids)
        batch["attention_mask"][1, length - length // 3 :] = 0
        batch["attention_mask"][2, length - 1 :] = 0
        ids[batch["attention_mask"] == 0] = 0
    return batch


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize(("size", "drawn"), SIZES)
@pytest.mark.parametrize("length", [60, 71])
def test_long_rows(length: int, size: int, drawn: int, padded: bool, tmp_path: Path) -> None:
    oracle, ours = both("BigBirdModel", tmp_path, block_size=size, num_random_blocks=drawn)
    batch = rows(length, padded=padded)
    attended = batch.get("attention_mask", torch.ones_like(batch["input_ids"])).bool()
    asked = {"output_hidden_states": True, "output_attentions": True}
    with torch.no_grad():
        theirs, mine, plain = oracle(**batch, **asked), ours(**batch, **asked), ours(**batch)
    for found in (mine, plain):
        assert distance(found.last_hidden_state[attended], theirs.last_hidden_state[attended]) <= EXACT
        assert distance(found.pooler_output, theirs.pooler_output) <= EXACT
    for a, b in zip(mine.hidden_states, theirs.hidden_states, strict=True):  # theirs with padded blocks
        assert distance(a[attended], b[:, :length][attended]) <= EXACT
    for a, b in zip(mine.attentions, theirs.attentions, strict=True):
        b = b[:, :, :length, :length]
        assert distance(a.transpose(1, 2)[attended], b.transpose(1, 2)[attended]) <= EXACT


@pytest.mark.parametrize(("size", "drawn"), SIZES)
@pytest.mark.parametrize("more", [0, 1])
def test_where_blocks_begin(size: int, drawn: int, more: int, tmp_path: Path) -> None:
    """Rows of that length are read whole, longer ones in blocks."""
    oracle, ours = both("BigBirdForMaskedLM", tmp_path, block_size=size, num_random_blocks=drawn)
    length = (5 + 2 * drawn) * size + more
    ids = rows(length, padded=False)["input_ids"]
    whole = hubformer.BigBirdForMaskedLM.from_pretrained(
        tmp_path, dtype="float64", attention_type="original_full"
    )
    with torch.no_grad():
        mine = ours(ids).logits
        assert distance(mine, oracle(ids).logits) <= EXACT
        assert (distance(mine, whole(ids).logits) <= EXACT) == (not more)


def test_weights_of_rows_that_are_read_whole(tmp_path: Path) -> None:
    """Which the oracle gives only where its configuration says so."""
    oracle, ours = both("BigBirdModel", tmp_path, attention_type="original_full")
    by_length = hubformer.BigBirdModel.from_pretrained(
        tmp_path, dtype="float64", attention_type="block_sparse"
    )
    batch = rows(20)
    attended = batch["attention_mask"].bool()
    with torch.no_grad():
        theirs = oracle(**batch, output_attentions=True).attentions
        for model in (ours, by_length):
            for a, b in zip(model(**batch, output_attentions=True).attentions, theirs, strict=True):
                assert distance(a.transpose(1, 2)[attended], b.transpose(1, 2)[attended]) <= EXACT


def test_a_long_row_after_a_short_one(tmp_path: Path) -> None:
    """The oracle stays with whole rows once it has read a short one; the length alone says it here."""
    oracle, ours = both("BigBirdModel", tmp_path)
    ids = rows(60)["input_ids"]
    with torch.no_grad():
        expected = oracle(ids).last_hidden_state
        ours(ids[:, :10])
        assert distance(ours(ids).last_hidden_state, expected) <= EXACT


@pytest.mark.parametrize("length", [60, 71])
def test_padding_on_either_side(length: int, tmp_path: Path) -> None:
    _, ours = both("BigBirdModel", tmp_path)
    right = rows(length)
    counts = right["attention_mask"].sum(-1).tolist()
    left = {
        name: torch.stack([row.roll(length - count) for row, count in zip(tensor, counts, strict=True)])
        for name, tensor in right.items()
    }
    with torch.no_grad():
        a, b = (ours(**batch, output_attentions=True) for batch in (left, right))
        plain = ours(**left)
    for row, count in enumerate(counts):
        for found in (a, plain):
            states = found.last_hidden_state[row, length - count :]
            assert distance(states, b.last_hidden_state[row, :count]) <= EXACT
        for x, y in zip(a.attentions, b.attentions, strict=True):
            x = x[row, :, length - count :, length - count :]
            assert distance(x, y[row, :, :count, :count]) <= EXACT


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize(("size", "drawn"), SIZES)
def test_blocks_drawn_while_training(size: int, drawn: int, padded: bool, tmp_path: Path) -> None:
    oracle, ours = both("BigBirdForMaskedLM", tmp_path, block_size=size, num_random_blocks=drawn)
    batch = rows(71, padded=padded)
    attended = batch.get("attention_mask", torch.ones_like(batch["input_ids"])).bool()
    batch["labels"] = batch["input_ids"].where(attended, -100)
    with torch.no_grad():
        evaluated = ours(**batch).logits
    theirs, mine = oracle.train()(**batch), ours.train()(**batch)
    assert distance(mine.logits[attended], theirs.logits[attended]) <= EXACT
    assert distance(mine.logits[attended], evaluated[attended]) > 1e-3
    traced = ours(**batch, output_attentions=True)
    assert distance(traced.logits[attended], mine.logits[attended]) <= EXACT
    theirs.loss.backward()
    mine.loss.backward()
    wanted = {name: p.grad for name, p in oracle.named_parameters() if p.grad is not None}
    grads = {n: torch.zeros_like(p) if p.grad is None else p.grad for n, p in ours.named_parameters()}
    found = ours.weight_map().to_hub(grads)
    largest = max(float(gradient.abs().max()) for gradient in wanted.values())
    assert wanted.keys() <= found.keys()
    for name, gradient in wanted.items():
        assert float((found[name] - gradient).abs().max()) <= 1e-6 * largest, name


@pytest.mark.parametrize("length", [20, 60])
def test_weights_are_dropped_of_whole_rows_alone(length: int, tmp_path: Path) -> None:
    oracle, ours = both("BigBirdModel", tmp_path, attention_probs_dropout_prob=1.0)
    ids = rows(length, padded=False)["input_ids"]
    with torch.no_grad():
        evaluated = ours(ids).last_hidden_state
        mine = ours.train()(ids).last_hidden_state
        assert distance(mine, oracle.train()(ids).last_hidden_state) <= EXACT
    assert distance(mine, evaluated) > 1e-3


@pytest.mark.parametrize(
    ("length", "size", "drawn", "longest"),
    [
        (1024, 64, 3, 4096),
        (1024, 64, 3, 1024),
        (3072, 64, 3, 4096),
        (4096, 128, 2, 4096),
        (1024, 32, 2, 2048),
    ],
)
def test_blocks_of_the_lengths_of_the_paper(length: int, size: int, drawn: int, longest: int) -> None:
    module = transformers.models.big_bird.modeling_big_bird.BigBirdBlockSparseAttention
    config = transformers.BigBirdConfig(block_size=size, num_random_blocks=drawn, hidden_size=24)
    attention = module(config).train()
    numpy = pytest.importorskip("numpy")
    for seed in (0, 5):
        numpy.random.seed(seed)
        theirs = [
            attention._bigbird_block_rand_mask(longest, longest, size, size, drawn, last_idx=1024)
            for _ in range(3)
        ]
        mine = drawn_blocks(Blocks(size, drawn, longest), length // size, heads=3, seed=seed)
        assert torch.equal(mine, torch.tensor(numpy.stack(theirs))[:, : length // size - 2].long())


@pytest.mark.parametrize("training", [False, True])
def test_a_silenced_head_adds_nothing(training: bool) -> None:
    """In blocks as in whole rows, the only ones where v4 listens: as though the output did not read it."""
    torch.manual_seed(5)
    model = shaken(hubformer.BigBirdModel(hubformer.BigBirdConfig(**BIG_BIRD))).double().train(training)
    mask = torch.ones(3, 4)
    mask[1, 2] = 0
    for length in (20, 60):
        batch = rows(length)
        with torch.no_grad():
            silenced = model(**batch, head_mask=mask).last_hidden_state
            all_heard = model(**batch, head_mask=torch.ones(4)).last_hidden_state
            assert distance(all_heard, model(**batch).last_hidden_state) <= EXACT
            weight = model.computation.body.stack.blocks[1].attention.output.weight
            before = weight.clone()
            weight[:, 16:24] = 0
            assert distance(silenced, model(**batch).last_hidden_state) <= EXACT
            weight.copy_(before)


def test_a_decoder_reads_whole_rows(tmp_path: Path) -> None:
    """Of any length: blocks would see what comes later, as the oracle's do."""
    oracle, ours = both(
        "BigBirdForCausalLM", tmp_path, is_decoder=True, attention_type="original_full", pad_token_id=1
    )
    by_default = hubformer.BigBirdForCausalLM.from_pretrained(
        tmp_path, dtype="float64", attention_type="block_sparse"
    )
    ids = rows(60, padded=False)["input_ids"]
    asked = {"max_new_tokens": 12, "repetition_penalty": 6.0, "do_sample": False}
    mask = torch.ones_like(ids)
    with torch.no_grad():
        expected = oracle(ids).logits
        for model in (ours, by_default):
            assert distance(model(ids).logits, expected) <= EXACT
            for how in ({}, {"num_beams": 3}):
                with Uncast():
                    wanted = oracle.generate(ids, attention_mask=mask, **asked, **how)
                assert torch.equal(model.generate(ids, attention_mask=mask, **asked, **how), wanted), how


@pytest.mark.parametrize("length", [20, 60])
def test_questions_are_no_answers(length: int, tmp_path: Path) -> None:
    oracle, ours = both("BigBirdForQuestionAnswering", tmp_path)
    batch = rows(length)
    types = batch.pop("token_type_ids")
    batch["input_ids"][0, 7] = batch["input_ids"][1, [3, 9]] = 2  # the third row has no separator
    lengths = torch.tensor([[5], [3], [9]])
    for given in (
        {},
        {"question_lengths": lengths},
        {"token_type_ids": types},
        {"token_type_ids": types, "question_lengths": lengths},
    ):
        with torch.no_grad():
            theirs, mine = (
                model(**batch, **{n: t.clone() for n, t in given.items()}) for model in (oracle, ours)
            )
        attended = batch["attention_mask"].bool()
        for name in ("start_logits", "end_logits"):
            assert distance(mine[name][attended], theirs[name][attended]) <= EXACT, (name, given.keys())
        assert mine.pooler_output is None
    vectors = ours.get_input_embeddings()(batch["input_ids"]).detach()
    if length == 20:  # in blocks the oracle adds positions and norms to what it fills up
        plain = {"inputs_embeds": vectors, "attention_mask": batch["attention_mask"]}
        with torch.no_grad():
            theirs, mine = oracle(**plain), ours(**plain)
            told = ours(**plain, question_lengths=lengths)
        assert distance(mine.start_logits[attended], theirs.start_logits[attended]) <= EXACT
        assert float(told.start_logits[0, 1:5].max()) < -1e5 < float(told.start_logits[0, [0, 5]].min())


def test_questions_behind_padding(tmp_path: Path) -> None:
    _, ours = both("BigBirdForQuestionAnswering", tmp_path)
    row = rows(18, padded=False)["input_ids"][:1]
    row[0, 6] = 2
    left = torch.cat([torch.zeros(1, 3, dtype=torch.long), row], dim=1)
    mask = (torch.arange(21) >= 3).long()[None]
    with torch.no_grad():
        for given in ({}, {"question_lengths": torch.tensor([4])}):
            alone, padded = ours(row, **given), ours(left, attention_mask=mask, **given)
            assert distance(padded.end_logits[:, 3:], alone.end_logits) <= EXACT


def test_one_of_two_losses(tmp_path: Path) -> None:
    oracle, ours = both("BigBirdForPreTraining", tmp_path)
    batch = rows(20, padded=False)
    labels, follows = batch["input_ids"], torch.tensor([0, 1, 0])
    for given in ({"labels": labels}, {"labels": labels, "next_sentence_label": follows}):
        theirs, mine = oracle(**batch, **given), ours(**batch, **given)
        assert distance(mine.loss, theirs.loss) <= 1e-6
    assert ours(**batch, next_sentence_label=follows).loss is None


@torch.no_grad()
def test_blocks_are_one_graph(tmp_path: Path) -> None:
    _, ours = both("BigBirdModel", tmp_path)
    made = torch.compile(ours, fullgraph=True, backend="aot_eager")
    for padded in (True, False):
        batch = rows(50, padded=padded)
        assert distance(made(**batch).last_hidden_state, ours(**batch).last_hidden_state) <= EXACT


def test_errors() -> None:
    model = hubformer.BigBirdModel(hubformer.BigBirdConfig(**BIG_BIRD, num_random_blocks=1))
    ids = torch.full((1, 60), 7)
    with pytest.raises(InputError, match="attention by blocks cannot follow"):
        model(ids, attention_mask=torch.ones(1, 60, 60))
    for name, value in (("block_size", 0), ("num_random_blocks", 0), ("attention_type", "sparse")):
        with pytest.raises(ConfigError, match=name):
            hubformer.BigBirdModel(hubformer.BigBirdConfig(**{**BIG_BIRD, name: value}))
