"""The halves of encoder-decoders, called on their own, against transformers 5.23."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import hubformer
from encoder_decoders import TINY
from hubformer.errors import InputError, UnknownArgument
from uncast import Uncast, in_float64

transformers = pytest.importorskip("transformers")

NAMES = ("BartForConditionalGeneration", "BartModel", "T5ForConditionalGeneration", "T5EncoderModel")
IDS = torch.tensor([[7, 8, 9, 10, 11], [17, 18, 19, 1, 1]])
MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
READS = torch.tensor([[4, 12, 13], [4, 14, 15]])
SHARED = ("bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id")
SPECIAL = dict(zip(SHARED, (3, 2, 1, 4), strict=True))


@pytest.fixture(params=NAMES)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, Any]:
    kind = getattr(transformers, request.param)
    torch.manual_seed(3)
    oracle = kind(kind.config_class(**{**TINY[kind.config_class.model_type], **SPECIAL})).double().eval()
    with torch.no_grad():
        for parameter in oracle.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    oracle.save_pretrained(tmp_path)
    ours = getattr(hubformer, request.param).from_pretrained(tmp_path, dtype="float64")
    return in_float64(oracle), ours


@torch.no_grad()
def test_an_encoder_reads_alone(pair: tuple[Any, Any]) -> None:
    with Uncast():
        theirs, ours = (
            model.get_encoder()(input_ids=IDS, attention_mask=MASK, output_hidden_states=True)
            for model in pair
        )
    kept = MASK.bool()
    torch.testing.assert_close(ours.last_hidden_state[kept], theirs.last_hidden_state[kept])
    assert len(ours.hidden_states) == len(theirs.hidden_states)
    first = pair[1].get_encoder()(IDS, MASK, return_dict=False)
    assert isinstance(first, tuple)
    assert torch.equal(first[0], ours.last_hidden_state)


@torch.no_grad()
def test_a_decoder_reads_what_an_encoder_read(pair: tuple[Any, Any]) -> None:
    if "Encoder" in type(pair[1]).__name__:
        with pytest.raises(InputError, match="T5EncoderModel has no decoder of its own"):
            pair[1].get_decoder()
        return
    with Uncast():
        seen = {
            "encoder_hidden_states": pair[0].get_encoder()(input_ids=IDS, attention_mask=MASK)[0],
            "encoder_attention_mask": MASK,
        }
        theirs, ours = (m.get_decoder()(input_ids=READS, use_cache=True, **seen) for m in pair)
        torch.testing.assert_close(ours.last_hidden_state, theirs.last_hidden_state)
        on = torch.tensor([[16], [17]])
        theirs, ours = (
            model.get_decoder()(input_ids=on, past_key_values=before.past_key_values, **seen)
            for model, before in zip(pair, (theirs, ours), strict=True)
        )
        torch.testing.assert_close(ours.last_hidden_state, theirs.last_hidden_state)


@torch.no_grad()
def test_what_an_encoder_read_is_written_from(pair: tuple[Any, Any]) -> None:
    ours = pair[1]
    if not ours.can_generate():
        pytest.skip("it has no head that writes")
    read = ours.get_encoder()(IDS, MASK)
    asked = {"attention_mask": MASK, "max_new_tokens": 6, "do_sample": False}
    assert torch.equal(ours.generate(encoder_outputs=read, **asked), ours.generate(IDS, **asked))


def test_a_frozen_encoder_is_the_models_own(pair: tuple[Any, Any]) -> None:
    model = pair[1]
    frozen = list(model.get_encoder().parameters())
    before = {id(p) for p in model.parameters() if p.requires_grad}
    for parameter in frozen:
        parameter.requires_grad = False
    after = {id(p) for p in model.parameters() if p.requires_grad}
    assert frozen
    assert before - after == {id(p) for p in frozen}


def test_bad_calls(pair: tuple[Any, Any]) -> None:
    encoder = pair[1].get_encoder()
    with pytest.raises(UnknownArgument, match="attention_mask"):
        encoder(input_ids=IDS, attention_masc=MASK)
    with pytest.raises(InputError, match="vocabulary"):
        encoder(IDS + 10_000)
    config = hubformer.AutoConfig.for_model("bert", num_hidden_layers=1, hidden_size=8, num_attention_heads=2)
    with pytest.raises(InputError, match="base_model"):
        hubformer.BertModel(config).get_encoder()


def test_the_cache_of_the_decoder_does_not_count_for_the_encoder() -> None:
    """14 tokens to read and 6 in the cache are not 20 tokens to read."""
    torch.manual_seed(0)
    config = hubformer.BartConfig(
        vocab_size=30, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, max_position_embeddings=16,
    )  # fmt: skip
    model = hubformer.BartForConditionalGeneration(config).eval()
    source, written = torch.arange(3, 17)[None], torch.arange(4, 11)[None]
    first = model(source, decoder_input_ids=written[:, :6], use_cache=True)
    rest = model(source, decoder_input_ids=written[:, 6:], past_key_values=first.past_key_values)
    whole = model(source, decoder_input_ids=written)
    torch.testing.assert_close(rest.logits[:, -1], whole.logits[:, -1])
    with pytest.raises(InputError, match="17 tokens"):
        model(torch.arange(3, 20)[None], decoder_input_ids=written)
