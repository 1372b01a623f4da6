"""generate() and steps() without a reference: arguments, limits, the cache, errors."""

from __future__ import annotations

import copy
import logging
from typing import Any

import pytest
import torch
from torch import Tensor

import hubformer
from hubformer.core import Cache
from hubformer.errors import InputError, UnknownArgument
from hubformer.generation import Beam, Greedy, Prompt, Sample, steps
from hubformer.generation import generate as generate_module
from hubformer.generation.stopping import MaxLength
from telling import NEW, PAD, TINY, Pair, prompts


@pytest.fixture
def model(pair: Pair) -> Any:
    return copy.deepcopy(pair.ours)


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What is said, as if nothing had been said before."""
    generate_module.__globals__["_say_once"].cache_clear()
    caplog.set_level(logging.INFO, logger="hubformer")
    return caplog


# Length


def test_without_a_length_twenty_tokens_are_written_and_it_is_said_once(
    model: Any, log: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        out = model.generate(prompts(1, 6), eos_token_id=None)
        assert out.shape == (1, 26)
    assert [record.message for record in log.records].count(
        "Neither max_new_tokens nor max_length is set: 20 new tokens."
    ) == 1
    # The default stops where the places end.
    assert model.generate(prompts(1, 40), eos_token_id=None).shape == (1, 48)


def test_lengths_are_counted_as_v4_counts_them(model: Any) -> None:
    ids = prompts(2, 6)
    assert model.generate(ids, max_length=11, eos_token_id=None).shape == (2, 11)
    assert model.generate(ids, max_length=11, max_new_tokens=3, eos_token_id=None).shape == (2, 9)
    written_out = hubformer.GenerationConfig(max_length=20)  # as in many files
    assert model.generate(ids, generation_config=written_out, eos_token_id=None).shape == (2, 26)
    assert model.generate(ids, max_length=20, eos_token_id=None).shape == (2, 20)


def test_the_last_token_needs_no_place(model: Any) -> None:
    assert model.generate(prompts(1, 46), max_new_tokens=3, eos_token_id=None).shape == (1, 49)
    with pytest.raises(InputError, match=r"places for 48: pass max_new_tokens=3 or fewer"):
        model.generate(prompts(1, 46), max_new_tokens=4)
    with pytest.raises(InputError, match="has 49 tokens, the model reads at most 48"):
        model.generate(prompts(1, 49), max_new_tokens=1)


# The prompt


def test_no_prompt_starts_at_the_begin_token(model: Any) -> None:
    out = model.generate(max_new_tokens=3, eos_token_id=None)
    assert out.shape == (1, 4)
    assert int(out[0, 0]) == TINY["bos_token_id"]


PADDED = prompts(2, 6)
BAD_PROMPTS: dict[str, tuple[dict[str, Any], str]] = {
    "text": ({"inputs": "hello"}, "is a str, expected a tensor"),
    "twice": ({"inputs": PADDED, "input_ids": PADDED}, "given twice"),
    "one row only": ({"inputs": PADDED[0]}, r"shape \[6\], expected \(rows, length\)"),
    "empty": ({"inputs": PADDED[:, :0]}, r"shape \[2, 0\]"),
    "fractions": ({"inputs": PADDED.double()}, "expected whole numbers"),
    "out of the vocabulary": ({"inputs": PADDED + 99}, "expected 0 to 98"),
    "mask of another shape": ({"inputs": PADDED, "attention_mask": torch.ones(2, 5)}, r"shape \[2, 6\]"),
    "right padding": (
        {"inputs": PADDED, "attention_mask": torch.tensor([[1] * 6, [1] * 4 + [0] * 2])},
        "Pad on the left",
    ),
    "only padding": (
        {"inputs": PADDED, "attention_mask": torch.tensor([[1] * 6, [0] * 6])},
        "Row 1 of the prompt is nothing but padding",
    ),
    "types of another shape": ({"inputs": PADDED, "token_type_ids": PADDED[:, :2]}, "as input_ids"),
}


@pytest.mark.parametrize("name", BAD_PROMPTS)
def test_bad_prompts(model: Any, name: str) -> None:
    named, message = BAD_PROMPTS[name]
    with pytest.raises(InputError, match=message):
        model.generate(max_new_tokens=2, **named)


def test_padding_on_the_right_is_seen_without_a_mask_too(model: Any) -> None:
    ids = prompts(2, 6)
    ids[1, 4:] = PAD
    with pytest.raises(InputError, match="Pad on the left"):
        model.generate(ids, max_new_tokens=2)
    # A padding token that also ends texts says nothing.
    assert model.generate(ids, max_new_tokens=2, eos_token_id=PAD).shape[0] == 2


# Settings


BAD_SETTINGS: dict[str, tuple[dict[str, Any], str]] = {
    "temperature 0": ({"do_sample": True, "temperature": 0.0}, "do_sample=False takes the best token"),
    "temperature text": ({"temperature": "warm"}, "temperature is 'warm'"),
    "top_p 2": ({"top_p": 2.0}, "top_p is 2.0, expected a number above 0, at most 1"),
    "top_k -1": ({"top_k": -1}, "top_k is -1, expected a whole number of 0 or more"),
    "no new tokens": ({"max_new_tokens": 0}, "max_new_tokens is 0, expected a whole number of 1 or more"),
    "fewer than none": ({"max_new_tokens": -1}, "max_new_tokens is -1"),
    "max_length too short": ({"max_length": 6, "max_new_tokens": None}, "Pass max_new_tokens instead"),
    "penalty 0": ({"repetition_penalty": 0.0}, "repetition_penalty is 0.0"),
    "no beams": ({"num_beams": 0}, "num_beams is 0"),
    "more answers than beams": ({"num_beams": 2, "num_return_sequences": 3}, "at most num_beams, which is 2"),
    "greedy answers": ({"num_return_sequences": 2}, "do_sample=True or num_beams=2"),
    "early stopping": ({"num_beams": 2, "early_stopping": "soon"}, "expected True, False or 'never'"),
    "bad words": ({"bad_words_ids": [5]}, "a list of lists of token ids"),
    "bad word out of range": ({"bad_words_ids": [[4, 99]]}, "the vocabulary has 99 entries"),
    "stop string": ({"stop_strings": "."}, "needs tokenizer="),
    "stop rule": ({"stopping_criteria": 3}, "expected a list of callables"),
    "config": ({"generation_config": {"top_k": 3}}, "expected a hubformer.GenerationConfig"),
    "not yet": ({"penalty_alpha": 0.6}, "penalty_alpha=0.6 is not supported yet"),
    "not yet either": ({"assistant_model": object()}, "assistant_model=….* is not supported yet"),
    "vectors": ({"inputs_embeds": torch.zeros(1, 2, 32)}, "expected the same sequences and length"),
    "length decay": (
        {"exponential_decay_length_penalty": (3, 1.4), "eos_token_id": None},
        "needs an eos_token_id",
    ),
    "no allowed token": ({"prefix_allowed_tokens_fn": lambda row, ids: []}, "allows no token for prompt 0"),
    "half a negative prompt": (
        {"negative_prompt_attention_mask": torch.ones(1, 2)},
        "needs negative_prompt_ids",
    ),
    "everything forbidden": (
        {"bad_words_ids": [[i] for i in range(99)], "eos_token_id": None},
        "every next token of a row is forbidden",
    ),
}


@pytest.mark.parametrize("name", BAD_SETTINGS)
def test_bad_settings(model: Any, name: str) -> None:
    named, message = BAD_SETTINGS[name]
    with pytest.raises(InputError, match=message):
        model.generate(prompts(1, 6), **{"max_new_tokens": 2, **named})


def test_an_unknown_argument_gets_a_suggestion(model: Any) -> None:
    with pytest.raises(UnknownArgument, match="Did you mean 'max_new_tokens'"):
        model.generate(prompts(1, 6), max_new_token=3)


def test_a_streamer_that_cannot_stream_is_refused(model: Any) -> None:
    with pytest.raises(InputError, match="streamer is 3, expected an object with put and end"):
        model.generate(prompts(1, 6), streamer=3, max_new_tokens=2)


def test_a_streamer_cannot_follow_beams(model: Any) -> None:
    with pytest.raises(InputError, match="nothing to stream"):
        model.generate(prompts(1, 6), num_beams=2, streamer=object(), max_new_tokens=2)


def test_settings_of_the_call_go_before_those_given_before_the_models(model: Any) -> None:
    ids = prompts(1, 6)
    model.generation_config.max_new_tokens = 3
    assert model.generate(ids, eos_token_id=None).shape[1] == 9
    given = hubformer.GenerationConfig(max_new_tokens=4)
    assert model.generate(ids, generation_config=given, eos_token_id=None).shape[1] == 10
    assert model.generate(ids, generation_config=given, max_new_tokens=5, eos_token_id=None).shape[1] == 11
    plain = model.generate(ids, eos_token_id=None)
    model.generation_config.eos_token_id = int(plain[0, 6])
    assert model.generate(ids, generation_config=given).shape[1] == 7


def test_an_end_token_below_zero_is_none(model: Any) -> None:
    ids = prompts(1, 6)
    first = int(model.generate(ids, max_new_tokens=1)[0, -1])
    assert model.generate(ids, max_new_tokens=4, eos_token_id=first).shape[1] == 7
    assert model.generate(ids, max_new_tokens=4, eos_token_id=-1).shape[1] == 10


# Rules of one's own


class Only(hubformer.LogitsProcessor):
    def __init__(self, token: int) -> None:
        self.token = token

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return torch.full_like(scores, -1.0).index_fill(1, torch.tensor([self.token]), 1.0)


def test_rules_of_ones_own(model: Any) -> None:
    ids = prompts(2, 6)
    rules = hubformer.LogitsProcessorList([Only(17)])
    assert (model.generate(ids, logits_processor=rules, max_new_tokens=3)[:, 6:] == 17).all()

    def after_two(input_ids: Tensor, scores: Any) -> bool:
        return input_ids.shape[1] >= 8

    assert model.generate(ids, stopping_criteria=[after_two], max_new_tokens=9).shape[1] == 8
    lists = hubformer.StoppingCriteriaList([hubformer.MaxLengthCriteria(9), hubformer.EosTokenCriteria([17])])
    assert model.generate(ids, stopping_criteria=lists, max_new_tokens=9, eos_token_id=None).shape[1] == 9
    out = model.generate(ids, stopping_criteria=lists, logits_processor=rules, max_new_tokens=9)
    assert out.shape[1] == 7
    with pytest.raises(InputError, match=r"gave the shape \[3\]"):
        model.generate(ids, stopping_criteria=[lambda i, s: torch.ones(3)], max_new_tokens=2)


def test_scores_that_are_no_numbers_are_never_a_token(model: Any) -> None:
    for value in (float("nan"), float("inf")):
        with pytest.raises(InputError, match="not numbers"):
            model.generate(
                prompts(2, 6), logits_processor=[lambda i, s, v=value: s.index_fill(1, torch.tensor([4]), v)]
            )
    with torch.no_grad():
        model.computation.body.stack.final_norm.weight[3] = float("nan")
    for how in ({}, {"num_beams": 2}, {"do_sample": True}):
        with pytest.raises(InputError, match="The model gave scores that are not numbers"):
            model.generate(prompts(2, 6), max_new_tokens=2, **how)


class Letters:
    """Token 4 is a, 5 is b, and so on; 90 and 91 are the halves of one character."""

    def decode(self, token_ids: Any, **options: Any) -> str:
        def one(token: int) -> bytes:
            return {90: "é".encode()[:1], 91: "é".encode()[1:], 92: b" ", 93: b"\n"}.get(
                token, bytes([97 + (token - 4) % 26])
            )

        return b"".join(one(token) for token in token_ids).decode(errors="replace")


def test_stop_strings(model: Any) -> None:
    ids = prompts(1, 6)
    free = model.generate(ids, max_new_tokens=NEW, eos_token_id=None)
    text = Letters().decode(free[0].tolist())
    wanted = text[8:11]
    out = model.generate(
        ids, max_new_tokens=NEW, eos_token_id=None, stop_strings=["never so", wanted], tokenizer=Letters()
    )
    assert torch.equal(out, free[:, : text.index(wanted, 4) + 3])
    # What the prompt says already does not stop.
    out = model.generate(
        ids, max_new_tokens=2, eos_token_id=None, stop_strings=text[3:6], tokenizer=Letters()
    )
    assert out.shape[1] == 8


def test_time_is_a_limit(model: Any) -> None:
    assert model.generate(prompts(1, 6), max_new_tokens=30, max_time=1e-9, eos_token_id=None).shape[1] == 7


# Sampling


def test_a_seed_or_a_generator_repeats_a_sample(model: Any) -> None:
    def drawn(seed: int | None = None) -> Tensor:
        own = None if seed is None else torch.Generator().manual_seed(seed)
        return model.generate(
            prompts(2, 6),
            do_sample=True,
            max_new_tokens=NEW,
            temperature=2.0,
            generator=own,
            eos_token_id=None,
        )

    torch.manual_seed(3)
    first = drawn()
    torch.manual_seed(3)
    assert torch.equal(drawn(), first)
    assert not torch.equal(drawn(), first)
    before = torch.get_rng_state()
    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))
    assert torch.equal(torch.get_rng_state(), before)


# The loop and the cache


def test_steps_are_what_generate_collects(model: Any) -> None:
    ids = prompts(2, 6)
    found = list(steps(model, Prompt(ids), Greedy(), stop=[MaxLength(15)]))
    assert len(found) == 9
    assert torch.equal(
        torch.stack([step.tokens for step in found], dim=1),
        model.generate(ids, max_new_tokens=9, eos_token_id=None)[:, 6:],
    )
    assert [step.answer is not None for step in found] == [False] * 8 + [True]
    assert found[0].logits.shape == (2, 99)
    beams = list(steps(model, Prompt(ids), Beam(3, longest=15, ends=0), stop=[MaxLength(15)]))
    assert beams[-1].answer is not None
    assert torch.equal(
        beams[-1].answer.ids, model.generate(ids, max_new_tokens=9, num_beams=3, eos_token_id=None)
    )
    assert beams[0].ids.shape == (6, 7)


def test_the_loop_leaves_gradients_as_they_were(model: Any) -> None:
    for _ in steps(model, Prompt(prompts(1, 4)), Sample(), stop=[MaxLength(7)]):
        assert torch.is_grad_enabled()


@pytest.mark.parametrize("how", [{}, {"num_beams": 3}], ids=str)
@pytest.mark.parametrize("read", [3, 6])
def test_a_cache_is_an_argument(model: Any, how: dict[str, Any], read: int) -> None:
    ids = prompts(2, 6)
    with torch.no_grad():
        past = model(ids[:, :read]).past_key_values
    fresh = model.generate(ids, max_new_tokens=8, **how)
    assert torch.equal(model.generate(ids, past_key_values=past, max_new_tokens=8, **how), fresh)
    pairs = [(k, v) for k, v in model(ids[:, :read]).past_key_values]
    assert torch.equal(model.generate(ids, past_key_values=pairs, max_new_tokens=8, **how), fresh)


def test_a_padded_prompt_may_be_half_read(model: Any) -> None:
    ids, mask = prompts(2, 6), torch.ones(2, 6, dtype=torch.long)
    ids[1, :2], mask[1, :2] = PAD, 0
    with torch.no_grad():
        past = model(ids[:, :4], attention_mask=mask[:, :4]).past_key_values
    whole = model.generate(ids, attention_mask=mask, max_new_tokens=8)
    assert torch.equal(
        model.generate(ids, attention_mask=mask, past_key_values=past, max_new_tokens=8), whole
    )


def test_each_token_is_read_once_and_only_the_last_is_scored(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[int, ...]] = []
    scored: list[tuple[int, ...]] = []
    table = model.tokens
    monkeypatch.setattr(
        table,
        "backend",
        lambda x, **_: scored.append(tuple(x.shape)) or torch.nn.functional.linear(x, table.weight),
    )
    model.computation.body.embedding.register_forward_pre_hook(
        lambda m, given: read.append(tuple(given[0].shape))
    )
    out = model.generate(prompts(2, 6), max_new_tokens=4, eos_token_id=None, return_dict_in_generate=True)
    assert read == [(2, 6), (2, 1), (2, 1), (2, 1)]
    assert scored == [(2, 1, 32)] * 4
    assert isinstance(out.past_key_values, Cache)
    assert out.past_key_values.length == 9
    read.clear()
    model.generate(prompts(2, 6), max_new_tokens=3, eos_token_id=None, use_cache=False)
    assert read == [(2, 6), (2, 7), (2, 8)]


def test_types_follow_the_last(model: Any) -> None:
    ids, types = prompts(2, 5), prompts(2, 5, seed=8)
    free = model.generate(ids, token_type_ids=types, max_new_tokens=6, eos_token_id=None)
    again = model.generate(ids, token_type_ids=types, max_new_tokens=6, eos_token_id=None, use_cache=False)
    assert torch.equal(free, again)
    assert not torch.equal(free, model.generate(ids, max_new_tokens=6, eos_token_id=None))
    longer = torch.cat([types, types[:, -1:].expand(-1, 5)], dim=1)
    with torch.no_grad():
        best = model(free[:, :-1], token_type_ids=longer).logits[:, 4:].argmax(-1)
    assert torch.equal(best, free[:, 5:])


# Who may write


def test_double_heads_write_too(model: Any, pair: Pair) -> None:
    both = hubformer.GPT2DoubleHeadsModel.from_pretrained(pair.folder, dtype="float64", new_head=True)
    named = {"max_new_tokens": 5, "eos_token_id": None}
    assert torch.equal(both.generate(prompts(2, 6), **named), model.generate(prompts(2, 6), **named))


def test_models_that_do_not_write_are_refused() -> None:
    tiny = {"vocab_size": 30, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = hubformer.BertConfig(**tiny, intermediate_size=8)
    with pytest.raises(InputError, match="no head that writes text"):
        hubformer.BertForMaskedLM(config).generate(torch.ones(1, 2, dtype=torch.long))
    with pytest.raises(InputError, match="is_decoder=True"):
        hubformer.BertLMHeadModel(config).eval().generate(torch.ones(1, 2, dtype=torch.long))
    with pytest.raises(InputError, match="takes no use_mems"):
        hubformer.GPT2LMHeadModel(hubformer.GPT2Config(**TINY)).generate(prompts(1, 2), use_mems=True)


def test_dropout_while_writing_is_said(model: Any, log: pytest.LogCaptureFixture) -> None:
    model.train().generate(prompts(1, 4), max_new_tokens=1)
    assert any("training mode" in record.message for record in log.records)
