"""Answers of encoder-decoders against transformers 5.23: ids, scores and logits of every step."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor

import hubformer
from encoder_decoders import TINY, VARIANTS, WRITERS
from hubformer.errors import InputError
from telling import PAD, distance, prompts
from uncast import Uncast, in_float64

transformers = pytest.importorskip("transformers")

END, START, NEW = 2, 4, 12
SINGLE = 1e-6  # the oracle casts its logits to float32
DICT = {"return_dict_in_generate": True, "output_scores": True, "output_logits": True}
# Tied to their vectors, the scores of a shaken model say one token for ever, unless it is told not to.
USUAL = {"max_new_tokens": NEW, "repetition_penalty": 6.0}
SPECIAL = {"pad_token_id": PAD, "eos_token_id": END, "bos_token_id": 3, "decoder_start_token_id": START}


class Two:
    """The oracle's model and ours, in float64, and two rows for them, the second padded on the right."""

    def __init__(self, oracle: Any, ours: Any) -> None:
        self.oracle, self.ours = oracle, ours
        self.ids, self.mask = prompts(2, 9), torch.ones(2, 9, dtype=torch.long)
        self.ids[1, 6:], self.mask[1, 6:] = PAD, 0

    def both(self, **named: Any) -> tuple[Any, Any]:
        named = {**USUAL, **named}
        found = []
        for model in (self.oracle, self.ours):
            torch.manual_seed(11)
            with Uncast():
                found.append(model.generate(self.ids, attention_mask=self.mask, **named))
        return found[0], found[1]


def telling(two: Two) -> bool:
    out = two.oracle.generate(two.ids, attention_mask=two.mask, **USUAL, **DICT)
    best = torch.stack(out.scores).topk(2).values
    new = out.sequences[:, 1:]
    whole = new.shape[1] == NEW and not bool((new == END).any())
    several = min(len(set(row.tolist())) for row in new) >= 6
    return whole and several and float((best[..., 0] - best[..., 1]).min()) > 1e-3


SUBJECTS = {model_type: (name, TINY[model_type]) for model_type, name in WRITERS.items()}
for _pair in ("bert to gpt2", "roberta to roberta"):
    SUBJECTS[_pair] = (
        "EncoderDecoderModel",
        {**TINY["encoder-decoder"], **VARIANTS["encoder-decoder"][_pair]},
    )


@pytest.fixture(scope="module", params=list(SUBJECTS))
def two(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Two:
    name, settings = SUBJECTS[request.param]
    kind = getattr(transformers, name)
    for seed in range(300):
        torch.manual_seed(seed)
        config = kind.config_class(**{**deepcopy(settings), **SPECIAL, "forced_eos_token_id": None})
        oracle = kind(config).double().eval()
        with torch.no_grad():
            for parameter in filter(lambda p: p.requires_grad, oracle.parameters()):
                parameter.add_(torch.randn_like(parameter) * 0.3)
        if telling(Two(oracle, None)):
            folder = tmp_path_factory.mktemp("checkpoint")
            oracle.save_pretrained(folder)
            return Two(in_float64(oracle), getattr(hubformer, name).from_pretrained(folder, dtype="float64"))
    raise AssertionError("no seed gives a telling model")


RULES: dict[str, dict[str, Any]] = {
    "plain": {},
    "no cache": {"use_cache": False},
    "forced": {"forced_bos_token_id": 17, "forced_eos_token_id": END},
    "no repeated pair": {"no_repeat_ngram_size": 2, "repetition_penalty": 1.4},
    "not from the source": {"encoder_no_repeat_ngram_size": 1},
    "no pair from the source": {"encoder_no_repeat_ngram_size": 2},
    "like the source": {"encoder_repetition_penalty": 1.8},
    "min length": {"eos_token_id": list(range(40, 70)), "min_length": 8},
    "max length": {"max_length": 7, "max_new_tokens": None},
    "start": {"decoder_start_token_id": [9, 12]},
}


@pytest.mark.parametrize("name", RULES)
def test_greedy(two: Two, name: str) -> None:
    theirs, mine = two.both(**RULES[name], **DICT)
    assert torch.equal(mine.sequences, theirs.sequences)
    assert len(mine.scores) == len(theirs.scores)
    for a, b in zip(mine.logits[:3], theirs.logits[:3], strict=True):
        assert distance(a, b) <= SINGLE
    assert distance(mine.scores[-1][:1], theirs.scores[-1][:1]) <= SINGLE


BEAMS: list[dict[str, Any]] = [
    {"num_beams": 2},
    {"num_beams": 4, "num_return_sequences": 3, "length_penalty": 2.0, "early_stopping": True},
    {"num_beams": 4, "length_penalty": 0.6, "no_repeat_ngram_size": 2},
    {"num_beams": 3, "forced_bos_token_id": 17, "forced_eos_token_id": END, "num_return_sequences": 3},
    {"num_beams": 3, "encoder_no_repeat_ngram_size": 1, "use_cache": False},
]


@pytest.mark.parametrize("how", BEAMS, ids=str)
@pytest.mark.parametrize("ends", [END, list(range(20, 60))], ids=["one end", "many"])
def test_beams(two: Two, how: dict[str, Any], ends: Any) -> None:
    theirs, mine = two.both(eos_token_id=ends, **how, **DICT)
    assert torch.equal(mine.sequences, theirs.sequences)
    assert distance(mine.sequences_scores, theirs.sequences_scores) <= 1e-5
    assert torch.equal(mine.beam_indices, theirs.beam_indices.long())


def test_sampling(two: Two) -> None:
    theirs, mine = two.both(do_sample=True, top_k=20, temperature=1.5, num_return_sequences=2)
    assert torch.equal(mine, theirs)


def test_what_the_decoder_begins_with(two: Two) -> None:
    begun = prompts(2, 3, seed=8)
    theirs, mine = two.both(decoder_input_ids=begun)
    assert torch.equal(mine, theirs)
    assert (mine[:, 0] == START).all()
    again = two.ours.generate(
        two.ids,
        attention_mask=two.mask,
        **USUAL,
        decoder_input_ids=torch.cat([torch.full((2, 1), START), begun], dim=1),
    )
    assert torch.equal(again, mine)


def test_an_encoder_that_ran_before(two: Two) -> None:
    _, plain = two.both()
    with torch.no_grad():
        states = two.ours(two.ids, two.mask, decoder_input_ids=two.ids[:, :1]).encoder_last_hidden_state
    for given in ((states,), states):
        answer = two.ours.generate(encoder_outputs=given, attention_mask=two.mask, **USUAL)
        assert torch.equal(answer, plain)


def test_the_encoder_runs_once_and_padding_tells_itself(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    _, plain = two.both(num_beams=3)
    runs: list[Tensor] = []
    encode = two.ours.computation.body.encode
    monkeypatch.setattr(
        two.ours.computation.body, "encode", lambda read, **how: runs.append(read) or encode(read, **how)
    )
    projected: list[int] = []
    layer = two.ours.computation.body.decoder.stack.blocks[0].cross_attention
    keys_values = layer.keys_values
    monkeypatch.setattr(layer, "keys_values", lambda x: projected.append(len(x)) or keys_values(x))
    assert torch.equal(two.ours.generate(two.ids, num_beams=3, **USUAL), plain)
    assert len(runs) == 1
    assert projected == [6]  # once, for all beams


def test_what_cannot_be(two: Two) -> None:
    with pytest.raises(InputError, match="none is left to write"):
        two.ours.generate(two.ids, max_length=1)
    with pytest.raises(InputError, match="has 1 rows, expected 2"):
        two.ours.generate(two.ids, decoder_input_ids=two.ids[:1])
    for name in ("global_attention_mask", "token_type_ids"):
        if name not in two.ours.head_row.arguments:
            with pytest.raises(InputError, match=f"takes no {name}"):
                two.ours.generate(two.ids, **{name: two.ids})
    states = torch.zeros(2, 3, two.ours.computation.body.spec.encoder.stack.width, dtype=torch.float64)
    with pytest.raises(InputError, match="need the tokens that an encoder"):
        two.ours.generate(encoder_outputs=states, encoder_repetition_penalty=2.0)


def test_attentions_and_states_of_every_step(two: Two) -> None:
    """Each step's are those of a pass over the whole; passes are compared with the oracle elsewhere."""
    asked = {"output_attentions": True, "output_hidden_states": True}
    named = {**USUAL, "max_new_tokens": 4, "eos_token_id": None, "attention_mask": two.mask}
    out = two.ours.generate(two.ids, **named, **asked, **DICT)
    with torch.no_grad():
        whole = two.ours(two.ids, attention_mask=two.mask, decoder_input_ids=out.sequences[:, :-1], **asked)
    assert torch.equal(out.sequences, two.ours.generate(two.ids, **named))
    for name in ("encoder_attentions", "encoder_hidden_states"):
        for x, y in zip(getattr(out, name), whole[name], strict=True):
            assert torch.equal(x, y)
    for name in ("decoder_attentions", "cross_attentions", "decoder_hidden_states"):
        steps = getattr(out, name)
        assert len(steps) == 4
        for x, y in zip(steps[-1], whole[name], strict=True):
            assert distance(x[..., -1, :], y[..., -1, :]) <= 1e-9
    beams = two.ours.generate(two.ids, num_beams=2, **named, **asked, **DICT)
    assert beams.decoder_attentions[0][0].shape[0] == 4


def test_vectors_in_place_of_tokens(two: Two) -> None:
    name = type(two.ours).__name__
    if name in ("EncoderDecoderModel", "LEDForConditionalGeneration"):
        return
    vectors = two.ours.get_input_embeddings()(two.ids).detach()
    named = {**USUAL, "attention_mask": two.mask}
    plain = two.ours.generate(two.ids, **named)
    assert torch.equal(two.ours.generate(inputs_embeds=vectors, **named), plain)
    with pytest.raises(InputError, match="given twice"):
        two.ours.generate(two.ids, inputs_embeds=vectors, **named)
