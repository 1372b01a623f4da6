"""What a model of two families does beside the table of test_fidelity: labels, its own makers, its halves."""

from __future__ import annotations

import json
import logging
import pickle
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import hubformer
from cases import NOTICE
from encoder_decoders import TINY, VARIANTS
from hubformer.errors import CheckpointError, ConfigError, InputError, UnknownName
from twins import edit, near, weights, write
from uncast import in_float64

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings(NOTICE)

START, PAD = 4, 1
IDS = torch.tensor([[7, 8, 9, 10, 11, 12, 13], [17, 18, 19, 20, 21, PAD, PAD]])
MASK = (IDS != PAD).long()
LABELS = torch.tensor([[21, 22, 23, 24, 25], [31, 32, 33, -100, -100]])
MODEL = {"EncoderDecoderModel"}


def settings(variant: str, **changes: Any) -> dict[str, Any]:
    return {**deepcopy({**TINY["encoder-decoder"], **VARIANTS["encoder-decoder"][variant]}), **changes}


def config(variant: str = "plain", **changes: Any) -> Any:
    return hubformer.EncoderDecoderConfig(**settings(variant, **changes))


def shaken(model: Any) -> Any:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return model.double().eval()


def fresh(variant: str = "plain", **changes: Any) -> Any:
    torch.manual_seed(2)
    return shaken(hubformer.EncoderDecoderModel(config(variant, **changes)))


def twins(folder: Path, variant: str = "plain", **changes: Any) -> tuple[Any, Any]:
    """The oracle's shaken model and ours from its files, in float64."""
    torch.manual_seed(2)
    made = transformers.EncoderDecoderConfig(**settings(variant, **changes), attn_implementation="eager")
    oracle = shaken(transformers.EncoderDecoderModel(made))
    oracle.save_pretrained(folder)
    return in_float64(oracle), hubformer.EncoderDecoderModel.from_pretrained(folder, dtype="float64")


# ---- what a pass is given --------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["plain", "bert to gpt2"])
@pytest.mark.parametrize(
    "labels", [LABELS, torch.tensor([[-100, 22, 23, -100, 25], [31, 32, PAD, 34, -100]])]
)
def test_labels_are_what_the_decoder_reads(variant: str, labels: Tensor, tmp_path: Path) -> None:
    """Moved on by one; what becomes padding is hidden, also in the middle, where it would show."""
    oracle, ours = twins(tmp_path, variant)
    theirs, mine = (model(IDS, attention_mask=MASK, labels=labels) for model in (oracle, ours))
    assert near(mine.loss, theirs.loss.double(), by=1e-6)
    assert near(mine.logits[labels != -100], theirs.logits[labels != -100])
    begun = ours.prepare_decoder_input_ids_from_labels(labels)
    assert torch.equal(begun, oracle.prepare_decoder_input_ids_from_labels(labels))
    told = ours(IDS, attention_mask=MASK, decoder_input_ids=begun, decoder_attention_mask=begun != PAD)
    assert torch.equal(told.logits, mine.logits)
    seen = ours(IDS, attention_mask=MASK, labels=labels, decoder_attention_mask=torch.ones_like(labels))
    assert torch.equal(seen.logits, ours(IDS, attention_mask=MASK, decoder_input_ids=begun).logits)


def test_a_start_token_that_is_the_padding_token_is_seen() -> None:
    ours = fresh(decoder_start_token_id=PAD)
    begun = ours.prepare_decoder_input_ids_from_labels(LABELS)
    plain = ours(IDS, decoder_input_ids=begun).logits
    assert near(ours(IDS, labels=LABELS).logits[LABELS != -100], plain[LABELS != -100])


@pytest.mark.parametrize("name", ["decoder_start_token_id", "pad_token_id"])
def test_labels_need_a_start_and_a_padding_token(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} is None"):
        fresh(**{name: None})(IDS, labels=LABELS)
    with pytest.raises(InputError, match="decoder has nothing to read"):
        fresh()(IDS)


def test_the_encoder_is_told_what_it_reads(tmp_path: Path) -> None:
    oracle, ours = twins(tmp_path)
    types = torch.tensor([[0, 0, 0, 1, 1, 1, 1]]).expand(2, -1)
    places = torch.tensor([[3, 4, 5, 6, 9, 10, 11]])
    for told in ({"token_type_ids": types}, {"position_ids": places}):
        asked = {"attention_mask": MASK, "decoder_input_ids": IDS, **told}
        mine = ours(IDS, **asked).logits
        assert near(mine, oracle(IDS, **asked).logits)
        assert not near(mine, ours(IDS, attention_mask=MASK, decoder_input_ids=IDS).logits)
    written = ours.generate(IDS, attention_mask=MASK, token_type_ids=types, max_new_tokens=6)
    again = ours.get_encoder()(IDS, attention_mask=MASK, token_type_ids=types)
    asked = {"attention_mask": MASK, "max_new_tokens": 6}
    assert torch.equal(ours.generate(encoder_outputs=again, **asked), written)
    other = fresh("distilbert to gpt2")
    for name in ("token_type_ids", "global_attention_mask"):
        with pytest.raises(InputError, match=f"encoder of this model takes no {name}"):
            other(IDS, decoder_input_ids=IDS, **{name: types})


def test_marked_tokens_reach_longformer(tmp_path: Path) -> None:
    encoder = {**TINY["encoder-decoder"]["encoder"], "model_type": "longformer", "attention_window": 4}
    oracle, ours = twins(tmp_path, encoder={**encoder, "max_position_embeddings": 42})
    marked = torch.tensor([[1, 0, 0, 0, 0, 0, 0], [1, 0, 1, 0, 0, 0, 0]])
    asked = {"attention_mask": MASK, "decoder_input_ids": IDS, "global_attention_mask": marked}
    mine = ours(IDS, **asked)
    assert near(mine.logits, oracle(IDS, **asked).logits)
    asked = {"attention_mask": MASK, "global_attention_mask": marked, "max_new_tokens": 5}
    assert torch.equal(ours.generate(IDS, **asked), oracle.generate(IDS, **asked))


@pytest.mark.parametrize("variant", ["plain", "bert to gpt2"])
def test_vectors_tuples_and_an_encoder_that_ran_before(variant: str, tmp_path: Path) -> None:
    oracle, ours = twins(tmp_path, variant)
    asked = {"attention_mask": MASK, "decoder_input_ids": IDS}
    expected = oracle(IDS, **asked)
    states = ours.encoder(IDS, attention_mask=MASK)
    for given in (states, states.to_tuple(), (states[0],), states[0]):
        found = ours(encoder_outputs=given, **asked)
        assert near(found.logits, expected.logits)
    mine = ours(IDS, **asked, return_dict=False, output_attentions=True)
    theirs = oracle(IDS, **asked, output_attentions=True).to_tuple()
    assert len(mine) == len(theirs)
    read = ours.get_input_embeddings()(IDS)
    written = ours.decoder.get_input_embeddings()(IDS)
    found = ours(inputs_embeds=read, attention_mask=MASK, decoder_inputs_embeds=written)
    assert near(found.logits, expected.logits)


@pytest.mark.parametrize("variant", VARIANTS["encoder-decoder"])
def test_cached_decoding_is_the_full_pass(variant: str) -> None:
    ours = fresh(variant)
    whole = ours(IDS, attention_mask=MASK, decoder_input_ids=IDS)
    states, cache, logits = (whole.encoder_last_hidden_state,), None, []
    for start, end in ((0, 3), (3, 4), (4, 7)):
        part = IDS[:, start:end]
        out = ours(encoder_outputs=states, attention_mask=MASK, decoder_input_ids=part, past_key_values=cache)
        cache = out.past_key_values
        logits.append(out.logits)
    assert near(torch.cat(logits, 1), whole.logits)
    assert ours(IDS, decoder_input_ids=IDS, use_cache=False).past_key_values is None


# ---- configurations --------------------------------------------------------------------------------------


def test_halves_have_classes_of_their_own(tmp_path: Path) -> None:
    made = config("bert to gpt2")
    assert type(made.encoder) is hubformer.BertConfig
    assert type(made.decoder) is hubformer.GPT2Config
    assert made.is_encoder_decoder
    assert made.decoder.hidden_size == 24
    again = hubformer.EncoderDecoderConfig(encoder=made.encoder, decoder=made.decoder, pad_token_id=1)
    assert again.encoder == made.encoder
    assert again.encoder is not made.encoder
    made.save_pretrained(tmp_path)
    stored = json.loads((tmp_path / "config.json").read_text("utf-8"))
    assert stored["model_type"] == "encoder-decoder"
    assert stored["decoder"]["model_type"] == "gpt2"
    for read in (hubformer.AutoConfig, hubformer.EncoderDecoderConfig):
        assert read.from_pretrained(tmp_path).to_dict() == made.to_dict()
    theirs = transformers.EncoderDecoderConfig.from_pretrained(tmp_path)
    assert theirs.decoder.n_embd == 24
    assert theirs.decoder.add_cross_attention
    usual = hubformer.EncoderDecoderConfig()
    assert (usual.encoder.is_decoder, usual.decoder.is_decoder) == (False, True)
    assert usual.freeze()["decoder"]["hidden_size"] == 768
    usual.encoder = {"model_type": "distilbert", "dim": 24}
    assert usual.freeze()["encoder"]["dim"] == 24
    assert type(usual.encoder) is hubformer.DistilBertConfig


def test_from_two_configurations() -> None:
    plain = hubformer.BertConfig(
        **{n: v for n, v in settings("plain")["encoder"].items() if n != "model_type"}
    )
    made = hubformer.EncoderDecoderConfig.from_encoder_decoder_configs(plain, plain, decoder_start_token_id=3)
    assert (made.decoder.is_decoder, made.decoder.add_cross_attention) == (True, True)
    assert (made.encoder.is_decoder, plain.is_decoder, made.decoder_start_token_id) == (False, False, 3)
    assert hubformer.EncoderDecoderModel(config=made)(IDS, decoder_input_ids=IDS).logits.shape == (2, 7, 99)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tie_encoder_decoder": True}, "tie_encoder_decoder is True.*each half has its own weights"),
        ({"encoder": {"hidden_size": 32}}, "encoder is .*says its model_type"),
        ({"decoder": 3}, "decoder is 3"),
        ({"encoder": {"model_type": "brt"}}, "encoder is of the type 'brt'.*'bert'"),
        ({"encoder": {"model_type": "bert", "hiden_size": 4}}, "The encoder: .*'hiden_size'"),
        ({"decoder": {"model_type": "bert", "hidden_size": 0}}, "The decoder: hidden_size is 0"),
        ({"decoder": {"model_type": "bert"}}, "decoder, of the type 'bert', does not look at an encoder"),
        ({"decoder": {"model_type": "llama", "num_hidden_layers": 1}}, "of the type 'llama', does not look"),
        ({"decoder": {"model_type": "t5", "num_layers": 1}}, "of the type 't5', does not look"),
        ({"encoder": {"model_type": "t5"}}, "'t5', which has a decoder of its own"),
        ({"encoder": {"model_type": "opt"}}, "'opt' is not supported as an encoder"),
        ({"tie_encoder_decodr": False}, "no field 'tie_encoder_decodr'"),
    ],
)
def test_what_cannot_be(changes: dict[str, Any], message: str) -> None:
    with pytest.raises((ConfigError, UnknownName), match=f"(?s){message}"), torch.device("meta"):
        hubformer.EncoderDecoderModel(config(**changes))


def test_the_width_that_a_decoder_expects() -> None:
    decoder = settings("plain")["decoder"]
    same = config(decoder={**decoder, "cross_attention_hidden_size": 32})
    assert isinstance(hubformer.EncoderDecoderModel(same).computation.body.bridge, nn.Identity)
    for width, hidden in ((16, 32), (32, 16)):
        other = config(decoder={**decoder, "cross_attention_hidden_size": width, "hidden_size": hidden})
        with pytest.raises(ConfigError, match=f"cross_attention_hidden_size is {width}"):
            hubformer.EncoderDecoderModel(other)


def test_the_decoders_configuration_says_how_to_write() -> None:
    """Where the whole does not, as in transformers."""
    decoder = {**settings("bert to gpt2")["decoder"], "eos_token_id": 7, "max_length": 9, "num_beams": 2}
    for whole in ({}, {"num_beams": 3, "eos_token_id": 5}):
        made = settings("bert to gpt2", decoder=dict(decoder), **whole)
        ours = hubformer.EncoderDecoderModel(hubformer.EncoderDecoderConfig(**made)).generation_config
        theirs = transformers.GenerationConfig.from_model_config(transformers.EncoderDecoderConfig(**made))
        for name in ("eos_token_id", "bos_token_id", "pad_token_id", "decoder_start_token_id"):
            assert getattr(ours, name) == getattr(theirs, name), name
    assert (ours.num_beams, ours.max_length) == (3, 9)


# ---- made of two checkpoints, or of two models -----------------------------------------------------------


def test_two_checkpoints_that_were_trained_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write("BertForMaskedLM", tmp_path / "bert")
    write("RobertaForMaskedLM", tmp_path / "roberta", hidden_size=24)
    with caplog.at_level(logging.WARNING, logger="hubformer"):
        ours = hubformer.EncoderDecoderModel.from_encoder_decoder_pretrained(
            tmp_path / "bert",
            tmp_path / "roberta",
            decoder_layer_norm_eps=1e-3,
            decoder_start_token_id=0,
            pad_token_id=1,
            encoder_hidden_act="relu",
            dtype="float64",
        )
    assert not ours.training
    assert (ours.config.decoder.layer_norm_eps, ours.config.encoder.hidden_act) == (1e-3, "relu")
    assert (ours.config.decoder_start_token_id, ours.config.pad_token_id) == (0, 1)
    assert ours.dtype == torch.float64
    told = " ".join(record.getMessage() for record in caplog.records)
    assert "newly initialized" in told
    assert "roberta.encoder.layer.*.crossattention.self.query.weight" in told
    assert "enc_to_dec_proj.weight" in told
    assert "word_embeddings" not in told
    fresh_ones = set(ours.new_parameters)
    assert fresh_ones == {
        n for n, _ in ours.named_parameters() if ours.is_cross_attention(n) or "enc_to_dec_proj." in n
    }
    ours.save_pretrained(tmp_path / "both")
    saved = weights(tmp_path / "both")
    for half, folder in (("encoder", "bert"), ("decoder", "roberta")):
        known = weights(tmp_path / folder)
        for name, tensor in known.items():
            under = f"{half}.{name.removeprefix('bert.')}"
            if half == "encoder" and name.startswith("cls."):
                assert under not in saved
            else:
                assert torch.equal(saved[under], tensor.double()), name
    cross = saved["decoder.roberta.encoder.layer.0.crossattention.self.query.weight"]
    assert float(cross.std()) == pytest.approx(0.02, rel=0.3)
    theirs = transformers.EncoderDecoderModel.from_pretrained(tmp_path / "both", dtype="float64")
    asked = {"attention_mask": MASK, "decoder_input_ids": IDS.clamp(min=6)}  # RoBERTa counts from its padding
    assert near(ours(IDS, **asked).logits, theirs(IDS, **asked).logits)
    caplog.clear()
    again = hubformer.AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "both", dtype="float64")
    assert not caplog.records
    assert torch.equal(again(IDS, **asked).logits, ours(IDS, **asked).logits)


def test_holes_are_not_filled_unasked(tmp_path: Path) -> None:
    write("BertModel", tmp_path / "bare")
    write("BertForMaskedLM", tmp_path / "words")
    make = hubformer.EncoderDecoderModel.from_encoder_decoder_pretrained
    made = make(tmp_path / "words", tmp_path / "bare")
    assert any(name.startswith("decoder.cls.") for name in made.untrained_parameters())
    assert made.new_parameters == made.untrained_parameters()
    with pytest.raises(CheckpointError, match=r"crossattention.*never trained.*new_cross_attention=True"):
        hubformer.BertLMHeadModel.from_pretrained(
            tmp_path / "words", is_decoder=True, add_cross_attention=True
        )
    model = make(tmp_path / "words", tmp_path / "words", pad_token_id=0)
    model.save_pretrained(tmp_path / "both")
    edit(tmp_path / "both", lambda t: {n: w for n, w in t.items() if "layer.1.crossattention" not in n})
    with pytest.raises(CheckpointError, match=r"decoder\.bert\.encoder\.layer\.1\.crossattention.*trained"):
        hubformer.EncoderDecoderModel.from_pretrained(tmp_path / "both")
    edit(tmp_path / "both", lambda t: {n: w for n, w in t.items() if "encoder.layer.0.output" not in n})
    with pytest.raises(CheckpointError, match="missing: encoder"):
        hubformer.EncoderDecoderModel.from_pretrained(tmp_path / "both", new_cross_attention=True)
    with pytest.raises(ConfigError, match="Neither a name nor a model is given for the decoder"):
        make(tmp_path / "words")
    with pytest.raises(hubformer.errors.UnknownArgument, match="hidden_atc"):
        make(tmp_path / "words", tmp_path / "words", encoder_hidden_atc="relu")


def test_a_decoder_read_as_an_encoder_reads_both_ways(tmp_path: Path) -> None:
    make = hubformer.EncoderDecoderModel.from_encoder_decoder_pretrained
    write("BertLMHeadModel", tmp_path / "alone", is_decoder=True)
    ours = make(tmp_path / "alone", tmp_path / "alone")
    assert not ours.config.encoder.is_decoder
    assert not ours.computation.body.encoder.spec.stack.layers[0].attention.causal
    write("BertLMHeadModel", tmp_path / "crossed", is_decoder=True, add_cross_attention=True)
    ours = make(tmp_path / "alone", tmp_path / "crossed")
    assert ours.new_parameters == ()  # the decoder's own cross-attention is kept
    with pytest.raises(CheckpointError, match=r"unknown inside the backbone: bert.*crossattention"):
        make(tmp_path / "crossed", tmp_path / "crossed")


def test_around_two_models(caplog: pytest.LogCaptureFixture) -> None:
    parts = config("bert to gpt2")
    encoder, decoder = hubformer.BertModel(parts.encoder), hubformer.GPT2LMHeadModel(parts.decoder)
    with caplog.at_level(logging.WARNING, logger="hubformer"):
        ours = hubformer.EncoderDecoderModel(encoder=encoder, decoder=decoder)
    assert "enc_to_dec_proj.weight, enc_to_dec_proj.bias" in caplog.text
    assert ours.computation.body.encoder is encoder.computation.body
    assert ours.decoder is decoder
    assert ours.config.decoder is decoder.config
    assert not any(parameter.is_meta for parameter in ours.parameters())
    whole = hubformer.EncoderDecoderModel(config=parts, encoder=encoder, decoder=decoder)
    assert whole.config is parts
    half = hubformer.EncoderDecoderModel(parts, encoder)
    assert half.computation.body.encoder is encoder.computation.body
    assert not any(parameter.is_meta for parameter in half.parameters())
    assert any("wte" in record.getMessage() for record in caplog.records[-1:])
    causal = hubformer.BertLMHeadModel(
        hubformer.BertConfig(hidden_size=32, num_attention_heads=4, is_decoder=True)
    )
    for given, message in (
        ({"encoder": encoder}, "from a configuration, or from an encoder and a decoder"),
        ({"encoder": causal, "decoder": decoder}, "encoder is a BertLMHeadModel, expected a BertModel"),
        ({"encoder": encoder, "decoder": causal}, "decoder was built otherwise"),
        ({"config": config(), "encoder": encoder, "decoder": decoder}, "expected a BertLMHeadModel"),
    ):
        with pytest.raises(ConfigError, match=message):
            hubformer.EncoderDecoderModel(**given)


def test_an_encoder_without_pooler(tmp_path: Path) -> None:
    parts = config()
    encoder = hubformer.BertModel(parts.encoder, add_pooling_layer=False)
    ours = hubformer.EncoderDecoderModel(parts, encoder, hubformer.BertLMHeadModel(parts.decoder)).eval()
    ours.save_pretrained(tmp_path)
    assert not any("pooler" in name for name in weights(tmp_path))
    again, report = hubformer.EncoderDecoderModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report.values())
    assert torch.equal(again(IDS, decoder_input_ids=IDS).logits, ours(IDS, decoder_input_ids=IDS).logits)
    assert again.encoder(IDS).pooler_output is None
    fresh().float().save_pretrained(tmp_path)
    assert hubformer.EncoderDecoderModel.from_pretrained(tmp_path).encoder(IDS).pooler_output is not None


# ---- its halves ------------------------------------------------------------------------------------------


def test_the_halves_are_models(tmp_path: Path) -> None:
    oracle, ours = twins(tmp_path, "bert to gpt2")
    assert type(ours.encoder) is hubformer.BertModel
    assert type(ours.get_decoder()) is hubformer.GPT2LMHeadModel
    assert ours.encoder.config is ours.config.encoder
    assert near(ours.encoder(IDS).pooler_output, oracle.encoder(IDS).pooler_output)
    memory = {"encoder_hidden_states": draw(2, 5, 24)}
    assert near(ours.decoder(IDS, **memory).logits, oracle.decoder(IDS, **memory).logits)
    assert (
        ours.encoder.encoder.layer[1].attention.self.query
        is ours.computation.body.encoder.stack.blocks[1].attention.query
    )
    assert (
        ours.decoder.transformer.h[0].ln_cross_attn
        is ours.computation.body.decoder.stack.blocks[0].cross_residual.before
    )
    assert ours.enc_to_dec_proj is ours.computation.body.bridge
    assert ours.get_input_embeddings() is ours.encoder.get_input_embeddings()
    assert ours.get_output_embeddings().weight is ours.decoder.get_input_embeddings().weight
    assert ours.base_model is ours
    assert ours.num_parameters() == oracle.num_parameters()
    assert ours.num_parameters(exclude_embeddings=True) == oracle.num_parameters(exclude_embeddings=True)
    for parameter in ours.encoder.parameters():
        parameter.requires_grad = False
    assert not ours.computation.body.encoder.embedding.tokens.weight.requires_grad
    assert ours.computation.body.decoder.embedding.tokens.weight.requires_grad
    with pytest.raises(InputError, match="encoder cannot be replaced"):
        ours.encoder = ours.encoder


def draw(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def test_each_half_has_its_vocabulary(tmp_path: Path) -> None:
    _, ours = twins(tmp_path)
    before = ours(IDS, decoder_input_ids=IDS).logits
    with pytest.raises(InputError, match=r"two vocabularies.*model\.encoder\.resize_token_embeddings"):
        ours.resize_token_embeddings(120)
    ours.encoder.resize_token_embeddings(120)
    ours.decoder.resize_token_embeddings(110)
    assert (ours.config.encoder.vocab_size, ours.config.decoder.vocab_size) == (120, 110)
    grown = ours(IDS, decoder_input_ids=IDS).logits
    assert near(grown[..., :99], before)
    ours(torch.full_like(IDS, 119), decoder_input_ids=torch.full_like(IDS, 109))
    ours.save_pretrained(tmp_path)
    theirs = transformers.EncoderDecoderModel.from_pretrained(tmp_path, dtype="float64")
    assert near(theirs(IDS, decoder_input_ids=IDS).logits, grown)
    table = nn.Embedding(120, 32, dtype=torch.float64)
    ours.set_input_embeddings(table)
    assert ours.computation.body.encoder.embedding.tokens.weight is table.weight
    assert ours.computation.body.decoder.embedding.tokens.num_embeddings == 110


def test_copies_and_recomputed_activations() -> None:
    ours = fresh("bert to gpt2")
    expected = ours(IDS, labels=LABELS)
    for copy in (deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert torch.equal(copy(IDS, labels=LABELS).logits, expected.logits)
        assert copy.config == ours.config
        assert copy.encoder.config is copy.config.encoder
    gradients = []
    for enable in (ours.gradient_checkpointing_disable, ours.gradient_checkpointing_enable):
        enable()
        ours.train().zero_grad()
        torch.manual_seed(1)
        ours(IDS, labels=LABELS).loss.backward()
        gradients.append([p.grad.clone() for p in ours.parameters() if p.grad is not None])
    assert sum(stack.recomputes for stack in ours.stacks()) == 2
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


# ---- files -----------------------------------------------------------------------------------------------


def test_each_half_reads_its_own_old_names(tmp_path: Path) -> None:
    """BERT's old spelling is read inside its half; in a GPT-2 there is no such thing."""
    oracle, _ = twins(tmp_path, "bert to gpt2")
    expected = oracle(IDS, decoder_input_ids=IDS).logits

    def aged(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        found = {n.replace("LayerNorm.weight", "LayerNorm.gamma"): t for n, t in tensors.items()}
        found["encoder.embeddings.position_ids"] = torch.arange(40)[None]
        found["decoder.transformer.h.0.attn.bias"] = torch.ones(1, 1, 40, 40)
        found["decoder.lm_head.weight"] = found["decoder.transformer.wte.weight"].clone()
        return found

    edit(tmp_path, aged)
    again = hubformer.EncoderDecoderModel.from_pretrained(tmp_path, dtype="float64")
    assert near(again(IDS, decoder_input_ids=IDS).logits, expected)
    for name in ("encoder.h.0.attn.bias", "decoder.transformer.LayerNorm.gamma", "other.weight"):
        edit(tmp_path, lambda t, name=name: {**t, name: torch.ones(2)})
        if name == "other.weight":  # outside both halves: reported, not refused
            _, report = hubformer.EncoderDecoderModel.from_pretrained(tmp_path, output_loading_info=True)
            assert report["unexpected_keys"] == [name]
            continue
        with pytest.raises(CheckpointError, match="unknown inside the backbone"):
            hubformer.EncoderDecoderModel.from_pretrained(tmp_path)
        edit(tmp_path, lambda t, name=name: {n: w for n, w in t.items() if n != name})


def test_auto_classes(tmp_path: Path) -> None:
    twins(tmp_path)
    assert type(hubformer.AutoModelForSeq2SeqLM.from_pretrained(tmp_path)).__name__ in MODEL
    assert type(hubformer.AutoModelForSeq2SeqLM.from_config(config())).__name__ in MODEL
    for auto in (hubformer.AutoModel, hubformer.AutoModelForCausalLM):
        with pytest.raises(UnknownName, match="EncoderDecoder has no head for"):
            auto.from_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="loads models of the type 'bert'"):
        hubformer.BertModel.from_pretrained(tmp_path)
    made = hubformer.EncoderDecoderModel.from_pretrained(tmp_path, decoder_start_token_id=9)
    assert made.config.decoder_start_token_id == 9


def test_adapters_stand_in_both_halves(tmp_path: Path) -> None:
    ours = fresh("bert to gpt2")
    ours.save_pretrained(tmp_path / "whole")
    ours.add_adapter(hubformer.LoraConfig(target_modules=["query", "q_attn"], r=2))
    before = ours(IDS, decoder_input_ids=IDS).logits
    with torch.no_grad():
        for parameter in ours.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn_like(parameter) * 0.3)
    expected = ours(IDS, decoder_input_ids=IDS).logits
    assert not near(expected, before)
    ours.save_pretrained(tmp_path / "adapter")
    names = set(weights(tmp_path / "adapter", "adapter_model.safetensors"))
    assert "base_model.model.encoder.encoder.layer.0.attention.self.query.lora_A.weight" in names
    assert "base_model.model.decoder.transformer.h.1.crossattention.q_attn.lora_B.weight" in names
    again = hubformer.EncoderDecoderModel.from_pretrained(tmp_path / "whole", dtype="float64")
    again.load_adapter(tmp_path / "adapter")
    assert near(again(IDS, decoder_input_ids=IDS).logits, expected)
    with pytest.raises(InputError, match="EncoderDecoder has no target modules of its own"):
        fresh().add_adapter(hubformer.LoraConfig())


def test_info_tells_of_both_halves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from hubformer.cli.info import main

    fresh("bert to gpt2", encoder={**settings("plain")["encoder"], "colour": 3}).save_pretrained(tmp_path)
    assert main([str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["class"] == "EncoderDecoderModel"
    assert told["not read"] == ["encoder.colour"]
    assert told["longest"] == 40
    assert "bridged=True" in told["body"]
