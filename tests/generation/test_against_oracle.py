"""Ids, scores and logits of every step against transformers 5.23, on models that write telling text."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from hubformer.errors import InputError
from telling import END, NEW, PAD, Pair, distance, prompts

SINGLE = 1e-6  # the oracle casts its logits to float32
DICT = {"return_dict_in_generate": True, "output_scores": True, "output_logits": True}

RULES: dict[str, dict[str, Any]] = {
    "plain": {},
    "repetition penalty": {"repetition_penalty": 1.7},
    "repetition reward": {"repetition_penalty": 0.6},
    "no repeated pair": {"no_repeat_ngram_size": 2},
    "no repeated token": {"no_repeat_ngram_size": 1},
    "bad words": {"bad_words_ids": [[53], [20, 21], [19]]},
    "suppressed": {"suppress_tokens": [53, 19, 66]},
    "normalised": {"renormalize_logits": True},
    "min length": {"eos_token_id": list(range(40, 70)), "min_length": 12},
    "min new tokens": {"eos_token_id": list(range(40, 70)), "min_new_tokens": 5},
    "sequence bias": {"sequence_bias": [[[53], -4.0], [[20, 21], 6.0], [[19, 30], 9.0], [[41], 3.5]]},
    "not at first": {"begin_suppress_tokens": [4, 5, *range(40, 99)]},
    "length decay": {"exponential_decay_length_penalty": (3, 1.4), "eos_token_id": [30, 31]},
    "a few tokens": {"prefix_allowed_tokens_fn": lambda row, ids: [int(ids[-1]) // 2 + 3, 17 + row, 60]},
    "guided": {"guidance_scale": 1.8},
    "guided away": {"guidance_scale": 1.4, "negative_prompt_ids": prompts(3, 4, seed=9)},
    "guided without cache": {"guidance_scale": 1.8, "use_cache": False},
    "valid": {"remove_invalid_values": True},
    "all at once": {"repetition_penalty": 1.2, "no_repeat_ngram_size": 3, "min_new_tokens": 4},
}


@pytest.mark.parametrize("name", RULES)
def test_greedy(pair: Pair, name: str) -> None:
    theirs, mine = pair.both(prompts(3, 6), **RULES[name], **DICT)
    assert torch.equal(mine.sequences, theirs.sequences)
    assert len(mine.scores) == len(theirs.scores) == theirs.sequences.shape[1] - 6
    ended = torch.zeros(3, dtype=torch.bool)
    ends = torch.tensor(RULES[name].get("eos_token_id", END))
    for step, (a, b) in enumerate(zip(mine.logits, theirs.logits, strict=True)):
        assert distance(a[~ended], b[~ended]) <= SINGLE
        assert distance(mine.scores[step][~ended], theirs.scores[step][~ended]) <= SINGLE
        ended |= torch.isin(theirs.sequences[:, 6 + step], ends)


@pytest.mark.parametrize("use_cache", [True, False])
def test_an_end_token_ends_its_row_alone(pair: Pair, use_cache: bool) -> None:
    plain = pair.oracle.generate(
        prompts(3, 6), attention_mask=torch.ones(3, 6, dtype=torch.long), max_new_tokens=NEW
    )
    ends = [int(plain[0, 9]), int(plain[1, 11])]
    theirs, mine = pair.both(prompts(3, 6), eos_token_id=ends, use_cache=use_cache)
    assert torch.equal(mine, theirs)
    assert (mine[0, 10:] == PAD).all()
    one = pair.both(prompts(3, 6), eos_token_id=ends[0], pad_token_id=7)
    assert torch.equal(*one)


@pytest.mark.parametrize("search", ["greedy", "beams", "rules"])
def test_left_padded_rows_write_what_they_write_alone(pair: Pair, search: str) -> None:
    """The oracle's default places padded rows wrongly, so its rows are run alone."""
    how: dict[str, Any] = {
        "greedy": {},
        "beams": {"num_beams": 3, "num_return_sequences": 3},
        "rules": {"repetition_penalty": 1.5, "no_repeat_ngram_size": 2, "bad_words_ids": [[PAD, 20], [21]]},
    }[search]
    ids, mask = prompts(3, 8), torch.ones(3, 8, dtype=torch.long)
    for row, padding in enumerate((0, 3, 7)):
        ids[row, :padding], mask[row, :padding] = PAD, 0
    mine = pair.ours.generate(ids, attention_mask=mask, max_new_tokens=NEW, **how)
    guessed = pair.ours.generate(ids, max_new_tokens=NEW, **how)
    assert torch.equal(mine, guessed)
    each = len(mine) // 3
    for row, padding in enumerate((0, 3, 7)):
        alone = ids[row : row + 1, padding:]
        theirs = pair.oracle.generate(alone, attention_mask=torch.ones_like(alone), max_new_tokens=NEW, **how)
        found = mine[row * each : (row + 1) * each, padding:]
        width = theirs.shape[1]
        assert torch.equal(found[:, :width], theirs)
        assert (found[:, width:] == PAD).all()


class Allowed:
    """Other tokens for each prompt."""

    def __call__(self, row: int, ids: torch.Tensor) -> list[int]:
        return [*range(15 + row, 60)]

    def __repr__(self) -> str:
        return "Allowed()"


BEAMS: list[dict[str, Any]] = [
    {"num_beams": 2},
    {"num_beams": 5, "num_return_sequences": 5},
    *(
        {"num_beams": 4, "num_return_sequences": 3, "length_penalty": penalty, "early_stopping": early}
        for penalty in (-1.5, 0.0, 1.0, 2.5)
        for early in (False, True, "never")
    ),
    {"num_beams": 3, "repetition_penalty": 1.4, "num_return_sequences": 2},
    {"num_beams": 3, "no_repeat_ngram_size": 2, "min_new_tokens": 6},
    {"num_beams": 4, "use_cache": False},
    {"num_beams": 3, "sequence_bias": [[[53], -4.0], [[20, 21], 6.0]], "num_return_sequences": 2},
    {"num_beams": 2, "prefix_allowed_tokens_fn": Allowed()},
]


@pytest.mark.parametrize(
    "ends", [END, [30, 31, 32, 33, 34], list(range(20, 60))], ids=["one", "five", "many"]
)
@pytest.mark.parametrize("how", BEAMS, ids=str)
def test_beams(pair: Pair, how: dict[str, Any], ends: Any) -> None:
    theirs, mine = pair.both(prompts(3, 6), eos_token_id=ends, **how, **DICT)
    assert torch.equal(mine.sequences, theirs.sequences)
    assert distance(mine.sequences_scores, theirs.sequences_scores) <= 1e-5
    assert torch.equal(mine.beam_indices, theirs.beam_indices.long())
    assert len(mine.scores) == len(theirs.scores)
    assert distance(mine.logits[1], theirs.logits[1]) <= SINGLE


SAMPLING: list[dict[str, Any]] = [
    {"top_k": 0},
    {},
    {"temperature": 0.5},
    {"temperature": 2.5, "top_k": 9},
    {"top_p": 0.7, "top_k": 0},
    {"top_p": 0.05},
    {"min_p": 0.2, "temperature": 3.0},
    {"temperature": 1.5, "top_k": 20, "top_p": 0.9, "min_p": 0.01, "repetition_penalty": 1.3},
    {"typical_p": 0.4, "top_k": 0},
    {"typical_p": 0.9},
    {"epsilon_cutoff": 0.02, "top_k": 0},
    {"eta_cutoff": 0.05, "top_k": 0, "temperature": 2.0},
    {"epsilon_cutoff": 0.9, "eta_cutoff": 0.3, "typical_p": 0.7, "top_k": 30},
    {"top_k": 12, "top_p": 0.8, "renormalize_logits": True, "num_return_sequences": 3},
]


@pytest.mark.parametrize("how", SAMPLING, ids=str)
def test_sampling_draws_from_the_same_distributions(pair: Pair, how: dict[str, Any]) -> None:
    theirs, mine = pair.both(prompts(2, 6), do_sample=True, eos_token_id=None, **how, **DICT)
    assert torch.equal(mine.sequences, theirs.sequences)  # the same seed, the same draws
    for a, b in zip(mine.scores, theirs.scores, strict=True):
        assert float((a.softmax(-1) - b.softmax(-1)).abs().max()) <= SINGLE
        assert torch.equal(a.isfinite(), b.isfinite())


@pytest.mark.parametrize(
    "how",
    [{"top_k": 20, "temperature": 1.5}, {"top_k": 1}, {"top_p": 0.05}, {"min_p": 0.9, "top_k": 0}],
    ids=str,
)
def test_sampled_beams(pair: Pair, how: dict[str, Any]) -> None:
    """A beam keeps a token to go on with beside those that end it, however narrow the choice."""
    named = {"do_sample": True, "num_beams": 3, "eos_token_id": [30, 31], **how}
    theirs, mine = pair.both(prompts(2, 6), **named, **DICT)
    assert torch.equal(mine.sequences, theirs.sequences)
    for a, b in zip(mine.scores, theirs.scores, strict=True):
        assert torch.equal(a.isfinite(), b.isfinite())


def test_a_decoder_made_of_bert_writes_too(tmp_path: Any) -> None:
    import transformers

    import hubformer

    torch.manual_seed(2)
    config = transformers.BertConfig(
        vocab_size=99, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=40,
        max_position_embeddings=40, is_decoder=True, attn_implementation="eager",
    )  # fmt: skip
    oracle = transformers.BertLMHeadModel(config).eval()
    with torch.no_grad():
        for parameter in oracle.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    oracle.double().save_pretrained(tmp_path)
    ours = hubformer.AutoModelForCausalLM.from_pretrained(tmp_path, dtype="float64")
    pair = Pair(oracle, ours, tmp_path)
    for how in ({}, {"num_beams": 3}):
        theirs, mine = pair.both(prompts(2, 5), **how, eos_token_id=None)
        assert torch.equal(mine, theirs)
        types = torch.ones(2, 5, dtype=torch.long)
        theirs, mine = pair.both(prompts(2, 5), **how, eos_token_id=None, token_type_ids=types)
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize("how", [{}, {"num_beams": 3}, {"do_sample": True}, {"use_cache": False}], ids=str)
def test_attentions_and_states_of_every_step(pair: Pair, how: dict[str, Any]) -> None:
    asked = {"output_attentions": True, "output_hidden_states": True, "eos_token_id": None}
    theirs, mine = pair.both(prompts(2, 6), max_new_tokens=4, **how, **asked, **DICT)
    assert torch.equal(mine.sequences, theirs.sequences)
    for name in ("attentions", "hidden_states"):
        a, b = getattr(mine, name), getattr(theirs, name)
        assert [len(step) for step in a] == [len(step) for step in b]
        for found, expected in zip(a, b, strict=True):
            for x, y in zip(found, expected, strict=True):
                assert distance(x, y) <= SINGLE
    plain = pair.ours.generate(prompts(1, 3), max_new_tokens=2, output_attentions=True)
    assert isinstance(plain, torch.Tensor)


@pytest.mark.parametrize(
    "how",
    [{}, {"num_beams": 3, "num_return_sequences": 2}, {"do_sample": True, "num_return_sequences": 2}],
    ids=str,
)
@pytest.mark.parametrize("normalise", [True, False])
def test_transition_scores(pair: Pair, how: dict[str, Any], normalise: bool) -> None:
    ends = [30, 31, 32]
    theirs, mine = pair.both(prompts(2, 6), eos_token_id=ends, **how, **DICT)
    beams = {"beam_indices": mine.beam_indices} if "num_beams" in how else {}
    found = pair.ours.compute_transition_scores(
        mine.sequences, mine.scores, normalize_logits=normalise, **beams
    )
    beams = {"beam_indices": theirs.beam_indices} if "num_beams" in how else {}
    expected = pair.oracle.compute_transition_scores(
        theirs.sequences, theirs.scores, normalize_logits=normalise, **beams
    )
    assert found.shape == expected.shape
    assert distance(found, expected) <= 1e-5


@pytest.mark.filterwarnings("ignore:Passing `repetition_penalty` with `inputs_embeds`")
@pytest.mark.parametrize(
    "how", [{}, {"num_beams": 3}, {"use_cache": False}, {"repetition_penalty": 1.5}], ids=str
)
def test_vectors_in_place_of_tokens(pair: Pair, how: dict[str, Any]) -> None:
    ids = prompts(2, 6)
    vectors = pair.ours.get_input_embeddings()(ids).detach()
    named = {"max_new_tokens": 9, "eos_token_id": None, **how}
    ones = torch.ones_like(ids)
    theirs = pair.oracle.generate(inputs_embeds=vectors, attention_mask=ones, **named)
    mine = pair.ours.generate(inputs_embeds=vectors, attention_mask=ones, **named)
    assert torch.equal(mine, theirs)
    assert torch.equal(pair.ours.generate(inputs_embeds=vectors, **named), theirs)
    assert torch.equal(pair.ours.generate(ids, inputs_embeds=vectors, **named)[:, :6], ids)
    named = {**named, "max_new_tokens": None, "max_length": 11}
    longest = pair.ours.generate(inputs_embeds=vectors, **named)
    assert torch.equal(longest, pair.oracle.generate(inputs_embeds=vectors, attention_mask=ones, **named))
    with pytest.raises(InputError, match="expected a tensor"):
        pair.ours.generate(inputs_embeds=vectors[0])
    with pytest.raises(InputError, match="same sequences and length"):
        pair.ours.generate(ids[:, :3], inputs_embeds=vectors)
