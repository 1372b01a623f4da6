"""Processors and criteria under v4's class names, alone, against transformers' classes."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from math import inf
from typing import Any

import pytest
import torch

import hubformer
from hubformer.errors import InputError
from telling import Pair, prompts

transformers = pytest.importorskip("transformers")

IDS = torch.tensor([[7, 3, 5, 3, 5], [7, 7, 7, 4, 7]])
SOURCE = torch.tensor([[3, 5, 9], [4, 7, 2]])
SCORES = torch.randn(2, 12, generator=torch.Generator().manual_seed(3)) * 2
CASES: list[tuple[str, dict[str, Any]]] = [
    ("TemperatureLogitsWarper", {"temperature": 0.3}),
    ("TopKLogitsWarper", {"top_k": 3}),
    ("TopKLogitsWarper", {"top_k": 1, "min_tokens_to_keep": 4, "filter_value": -5.0}),
    ("TopPLogitsWarper", {"top_p": 0.6}),
    ("TopPLogitsWarper", {"top_p": 0.1, "min_tokens_to_keep": 3, "filter_value": -5.0}),
    ("MinPLogitsWarper", {"min_p": 0.2}),
    ("MinPLogitsWarper", {"min_p": 0.9, "min_tokens_to_keep": 3, "filter_value": -5.0}),
    ("TypicalLogitsWarper", {"mass": 0.5}),
    ("TypicalLogitsWarper", {"mass": 0.1, "min_tokens_to_keep": 3, "filter_value": -5.0}),
    ("EpsilonLogitsWarper", {"epsilon": 0.05}),
    ("EpsilonLogitsWarper", {"epsilon": 0.9, "min_tokens_to_keep": 2}),
    ("EtaLogitsWarper", {"epsilon": 0.1}),
    ("RepetitionPenaltyLogitsProcessor", {"penalty": 1.7}),
    ("RepetitionPenaltyLogitsProcessor", {"penalty": 1.7, "prompt_ignore_length": 3}),
    ("EncoderRepetitionPenaltyLogitsProcessor", {"penalty": 1.7, "encoder_input_ids": SOURCE}),
    ("NoRepeatNGramLogitsProcessor", {"ngram_size": 2}),
    ("EncoderNoRepeatNGramLogitsProcessor", {"encoder_ngram_size": 2, "encoder_input_ids": SOURCE}),
    ("MinLengthLogitsProcessor", {"min_length": 6, "eos_token_id": [2, 3]}),
    ("MinLengthLogitsProcessor", {"min_length": 5, "eos_token_id": 2}),
    (
        "MinNewTokensLengthLogitsProcessor",
        {"prompt_length_to_skip": 3, "min_new_tokens": 3, "eos_token_id": 2},
    ),
    ("NoBadWordsLogitsProcessor", {"bad_words_ids": [[5, 1], [4, 7, 2], [8], [0]], "eos_token_id": 0}),
    ("SequenceBiasLogitsProcessor", {"sequence_bias": [[[5, 1], 2.0], [[8], -3.0], [[4, 7, 2], 1.0]]}),
    ("PrefixConstrainedLogitsProcessor", {"prefix_allowed_tokens_fn": lambda i, ids: [i, 4], "num_beams": 1}),
    ("PrefixConstrainedLogitsProcessor", {"prefix_allowed_tokens_fn": lambda i, ids: [i, 4], "num_beams": 2}),
    ("ForcedBOSTokenLogitsProcessor", {"bos_token_id": 4}),
    ("ForcedEOSTokenLogitsProcessor", {"max_length": 6, "eos_token_id": [4, 2]}),
    ("InfNanRemoveLogitsProcessor", {}),
    (
        "ExponentialDecayLengthPenalty",
        {"exponential_decay_length_penalty": (1, 1.5), "eos_token_id": 2, "input_ids_seq_length": 2},
    ),
    ("SuppressTokensLogitsProcessor", {"suppress_tokens": [1, 9]}),
    ("SuppressTokensAtBeginLogitsProcessor", {"begin_suppress_tokens": [1, 9], "begin_index": 5}),
    ("LogitNormalization", {}),
]


@pytest.mark.parametrize(("name", "given"), CASES, ids=[f"{name}-{i}" for i, (name, _) in enumerate(CASES)])
def test_a_processor_gives_what_theirs_gives(name: str, given: dict[str, Any]) -> None:
    kind, reference = getattr(hubformer, name), getattr(transformers, name)
    scores = SCORES.clone()
    if name == "InfNanRemoveLogitsProcessor":
        scores[0, :3] = torch.tensor([float("nan"), inf, -inf])
    for ids in (IDS, IDS[:, :1]):
        mine, theirs = kind(**given)(ids, scores.clone()), reference(**given)(ids, scores.clone())
        torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-6)
    assert issubclass(kind, hubformer.LogitsProcessor)
    if reference.__init__ is not object.__init__:
        assert list(inspect.signature(kind).parameters) == list(inspect.signature(reference).parameters)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("TemperatureLogitsWarper", {"temperature": 0.0}),
        ("TopKLogitsWarper", {"top_k": 0}),
        ("TopPLogitsWarper", {"top_p": 1.5}),
        ("TypicalLogitsWarper", {"mass": 1.0}),
        ("EpsilonLogitsWarper", {"epsilon": 0.0}),
        ("NoRepeatNGramLogitsProcessor", {"ngram_size": 0}),
        ("NoBadWordsLogitsProcessor", {"bad_words_ids": [[]]}),
        ("SequenceBiasLogitsProcessor", {"sequence_bias": {}}),
        ("SequenceBiasLogitsProcessor", {"sequence_bias": [[[-1], 1.0]]}),
        ("StopStringCriteria", {"tokenizer": None, "stop_strings": []}),
    ],
)
def test_what_cannot_be_meant_is_refused(name: str, given: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="expected"):
        getattr(hubformer, name)(**given)


def test_a_bias_may_be_given_by_tuples(pair: Pair) -> None:
    pairs = {(53,): -4.0, (20, 21): 6.0}
    scores = hubformer.SequenceBiasLogitsProcessor(pairs)(IDS, torch.zeros(2, 60))
    assert scores[0, 53] == -4.0
    config = hubformer.GenerationConfig(sequence_bias=pairs)
    assert config.to_diff_dict() == {"sequence_bias": [[[53], -4.0], [[20, 21], 6.0]]}
    assert "sequence_bias" in config.to_json_string()
    found = pair.ours.generate(prompts(2, 6), max_new_tokens=6, sequence_bias=pairs)
    listed = config.to_diff_dict()["sequence_bias"]
    assert torch.equal(found, pair.ours.generate(prompts(2, 6), max_new_tokens=6, sequence_bias=listed))


def test_guidance_alone_is_what_the_setting_does(pair: Pair) -> None:
    ids, negative = prompts(2, 6), prompts(2, 4, seed=9)
    named = {"max_new_tokens": 8, "eos_token_id": None}
    guide = hubformer.UnbatchedClassifierFreeGuidanceLogitsProcessor(
        1.7, pair.ours, unconditional_ids=negative
    )
    found = pair.ours.generate(ids, logits_processor=[guide], **named)
    expected = pair.ours.generate(ids, guidance_scale=1.7, negative_prompt_ids=negative, **named)
    assert torch.equal(found, expected)
    both = hubformer.ClassifierFreeGuidanceLogitsProcessor(1.5)(
        ids, torch.stack([SCORES[0]] * 2 + [SCORES[1]] * 2)
    )
    torch.testing.assert_close(both[0], SCORES[1] + 1.5 * (SCORES[0] - SCORES[1]))
    with pytest.raises(InputError, match="expected 4"):
        hubformer.ClassifierFreeGuidanceLogitsProcessor(1.5)(ids, SCORES)
    # Beams change places, and each is guided by what it has written itself.
    beams = pair.ours.generate(ids, guidance_scale=1.7, num_beams=3, negative_prompt_ids=negative, **named)
    for row in range(2):
        alone = pair.ours.generate(
            ids[row : row + 1],
            guidance_scale=1.7,
            num_beams=3,
            negative_prompt_ids=negative[row : row + 1],
            **named,
        )
        assert torch.equal(beams[row : row + 1], alone)


class Bytes:
    def decode(self, token_ids: Any, **options: Any) -> str:
        return bytes(token_ids).decode("utf-8", errors="replace")


def test_criteria_of_time_and_text() -> None:
    ids = torch.tensor([list(b"the end"), list(b"the sea")])
    assert hubformer.StopStringCriteria(Bytes(), "end")(ids, None).tolist() == [True, False]
    assert hubformer.StopStringCriteria(Bytes(), ["end", "sea"])(ids, None).tolist() == [True, True]
    assert hubformer.MaxTimeCriteria(60.0)(ids, None).tolist() == [False, False]
    assert hubformer.MaxTimeCriteria(1.0, time.time() - 2)(ids, None).tolist() == [True, True]


def test_iterating_in_an_event_loop(pair: Pair) -> None:
    class Letters:
        def decode(self, token_ids: Any, **options: Any) -> str:
            return "".join(chr(97 + token % 26) for token in token_ids)

    async def read() -> str:
        streamer = hubformer.AsyncTextIteratorStreamer(Letters(), skip_prompt=True, timeout=20)
        named = {"max_new_tokens": 9, "eos_token_id": None, "streamer": streamer}
        thread = threading.Thread(target=pair.ours.generate, args=(prompts(1, 6),), kwargs=named)
        thread.start()
        found = "".join([piece async for piece in streamer])
        thread.join()
        return found

    plain = pair.ours.generate(prompts(1, 6), max_new_tokens=9, eos_token_id=None)
    assert asyncio.run(read()) == Letters().decode(plain[0, 6:].tolist())


def test_inputs_of_the_next_step(pair: Pair) -> None:
    assert isinstance(pair.ours, hubformer.GenerationMixin)
    ids = prompts(2, 6)
    out = pair.ours(ids, use_cache=True)
    longer = torch.cat([ids, out.logits[:, -1:].argmax(-1)], dim=1)
    given = pair.ours.prepare_inputs_for_generation(
        longer, past_key_values=out.past_key_values, attention_mask=torch.ones_like(longer), use_cache=True
    )
    assert given["input_ids"].shape == (2, 1)
    with torch.no_grad():
        assert torch.allclose(pair.ours(**given).logits[:, -1], pair.ours(longer).logits[:, -1])
