"""What the tables do not say of LED: global tokens, long rows, writing with them, labels for rows."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import hubformer
from encoder_decoders import TINY, VOCAB
from hubformer.errors import ConfigError, InputError, UnknownArgument
from test_fidelity import EXACT, distance, shaken
from uncast import Uncast, in_float64

transformers = pytest.importorskip("transformers")

GOLDEN = Path(__file__).parent / "goldens" / "led-sequence"
LED = {**TINY["led"], "max_encoder_position_embeddings": 90}
IN_FLOAT32 = 1e-6  # a loss that the oracle computes so


def both(name: str, folder: Path, **changes: Any) -> tuple[Any, Any]:
    kind = getattr(transformers, name)
    torch.manual_seed(5)
    oracle = shaken(kind(kind.config_class(**{**LED, **changes})))
    oracle.save_pretrained(folder)
    return in_float64(oracle).eval(), getattr(hubformer, name).from_pretrained(folder, dtype="float64")


def rows(length: int) -> dict[str, torch.Tensor]:
    """Three rows, with no global token, with one or more, and with two neighbours."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(6, VOCAB, (3, length), generator=generator)
    mask = torch.ones_like(ids)
    mask[1, length - length // 3 :] = 0
    ids[mask == 0] = 1
    marked = (torch.rand(3, length, generator=generator) < 0.1).long()
    marked[0], marked[1, 3], marked[2, :2] = 0, 1, 1
    return {"input_ids": ids, "attention_mask": mask, "global_attention_mask": marked}


@pytest.mark.parametrize("window", [4, 6, [4, 8, 16]])
@pytest.mark.parametrize("length", [48, 75])
def test_long_rows_with_unequal_numbers_of_global_tokens(window: Any, length: int, tmp_path: Path) -> None:
    oracle, ours = both("LEDModel", tmp_path, attention_window=window)
    batch = rows(length)
    attended = batch["attention_mask"].bool()
    answer = torch.randint(6, VOCAB, (3, 7), generator=torch.Generator().manual_seed(2))
    asked = {**batch, "decoder_input_ids": answer, "output_hidden_states": True}
    with torch.no_grad():
        theirs, mine = (model(**asked, output_attentions=True) for model in (oracle, ours))
        plain = ours(**asked)
    assert set(mine.keys()) == set(theirs.keys())
    for found in (mine, plain):
        assert distance(found.last_hidden_state, theirs.last_hidden_state) <= EXACT
        for a, b in zip(found.encoder_hidden_states, theirs.encoder_hidden_states, strict=True):
            assert distance(a[attended], b[attended]) <= EXACT
    for a, b in zip(mine.encoder_attentions, theirs.encoder_attentions, strict=True):
        assert distance(a.transpose(1, 2)[attended], b.transpose(1, 2)[attended]) <= EXACT
    for a, b in zip(mine.cross_attentions, theirs.cross_attentions, strict=True):
        assert distance(a, b) <= EXACT
    counts = (batch["global_attention_mask"] * batch["attention_mask"]).sum(-1)
    for a, b in zip(mine.encoder_global_attentions, theirs.encoder_global_attentions, strict=True):
        for row, count in enumerate(counts):  # behind those the oracle has filler
            assert not a[row, :, :, count:].any()
            if count:
                assert distance(a[row, :, :, :count], b[row, :, :length, :count]) <= EXACT


def test_the_decoder_reads_its_own_input_moved_on(tmp_path: Path) -> None:
    """Where nothing says what else: the model what the encoder reads, the writer the labels."""
    oracle, ours = both("LEDModel", tmp_path)
    batch = rows(20)
    with torch.no_grad():
        assert distance(ours(**batch).last_hidden_state, oracle(**batch).last_hidden_state) <= EXACT
    oracle, ours = both("LEDForConditionalGeneration", tmp_path)
    labels = torch.tensor([[7, 8, 9, 2]] * 3)
    theirs, mine = oracle(**batch, labels=labels), ours(**batch, labels=labels)
    assert distance(mine.logits, theirs.logits) <= EXACT
    assert distance(mine.loss, theirs.loss.double()) <= IN_FLOAT32


def test_an_encoder_that_ran_before(tmp_path: Path) -> None:
    oracle, ours = both("LEDModel", tmp_path)
    batch, asked = rows(30), {"output_hidden_states": True, "output_attentions": True}
    attended = batch["attention_mask"].bool()
    answer = {"decoder_input_ids": batch["input_ids"][:, :5], "attention_mask": batch["attention_mask"]}
    with torch.no_grad():
        with Uncast():
            theirs = oracle.get_encoder()(**batch, **asked)
        mine = ours.get_encoder()(**batch, **asked)
        assert distance(mine.last_hidden_state[attended], theirs.last_hidden_state[attended]) <= EXACT
        assert len(mine.global_attentions) == 3
        whole = ours(**{**batch, **answer}, **asked)
        later = ours(**answer, encoder_outputs=mine, **asked)
    assert set(later.keys()) == set(whole.keys())
    assert torch.equal(later.last_hidden_state, whole.last_hidden_state)
    for a, b in zip(later.encoder_global_attentions, whole.encoder_global_attentions, strict=True):
        assert torch.equal(a, b)


WRITING = {"max_new_tokens": 12, "repetition_penalty": 6.0, "eos_token_id": 2}


@pytest.mark.parametrize("how", [{}, {"num_beams": 3}, {"num_beams": 4, "num_return_sequences": 2}], ids=str)
def test_writing_with_global_tokens(how: dict[str, Any], tmp_path: Path) -> None:
    oracle, ours = both("LEDForConditionalGeneration", tmp_path, bos_token_id=3)
    batch = rows(30)
    answers = []
    for model in (oracle, ours):
        with Uncast():
            answers.append(model.generate(**batch, **WRITING, **how))
    assert torch.equal(answers[1], answers[0])
    assert min(len(set(row.tolist())) for row in answers[1]) >= 6
    batch["global_attention_mask"] = 1 - batch["global_attention_mask"]
    other = ours.generate(**batch, **WRITING, **how)
    assert other.shape != answers[1].shape or not torch.equal(other, answers[1])


def test_rows_are_classified_as_in_4_57_6(tmp_path: Path) -> None:
    model = hubformer.AutoModelForSequenceClassification.from_pretrained(GOLDEN, dtype="float64")
    assert type(model) is hubformer.LEDForSequenceClassification
    answers = load_file(GOLDEN / "answers.safetensors")
    given = {name[3:]: tensor for name, tensor in answers.items() if name.startswith("in.")}
    out = model(**given)
    attended = given["attention_mask"].bool()
    assert distance(out.logits, answers["out.logits"]) <= EXACT
    assert distance(out.loss, answers["out.loss"].double()) <= IN_FLOAT32
    states, expected = out.encoder_last_hidden_state, answers["out.encoder_last_hidden_state"]
    assert distance(states[attended], expected[attended]) <= EXACT
    hubformer.LEDForSequenceClassification.from_pretrained(GOLDEN).save_pretrained(tmp_path)
    before, after = (load_file(folder / "model.safetensors") for folder in (GOLDEN, tmp_path))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_folder_summarises(tmp_path: Path) -> None:
    """What the pipeline writes is what the oracle writes from the tokenizer's rows."""
    texts = Path(__file__).parents[1] / "pipelines" / "goldens" / "bart-texts"
    changes = {"vocab_size": 340, "decoder_start_token_id": 2}
    oracle, _ = both("LEDForConditionalGeneration", tmp_path, **changes)
    shutil.copyfile(texts / "tokenizer.json", tmp_path / "tokenizer.json")
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "LEDTokenizer"}', "utf-8")
    pipe = hubformer.pipeline("summarization", tmp_path, device="cpu", dtype="float64")
    assert type(pipe.tokenizer) is hubformer.LEDTokenizerFast
    told = ["Marta came to the house by the river.", "The film is dull, and it is long and dull."]
    found = pipe(told, max_new_tokens=9, repetition_penalty=6.0, return_tensors=True)
    for text, record in zip(told, found, strict=True):
        row = pipe.tokenizer(text, return_tensors="pt")
        with Uncast():
            expected = oracle.generate(**row, num_beams=4, max_new_tokens=9, repetition_penalty=6.0)
        assert torch.equal(torch.as_tensor(record["summary_token_ids"]), expected[0])


@pytest.mark.parametrize("rate", ["dropout", "activation_dropout"])
def test_each_half_of_dropout(rate: str, tmp_path: Path) -> None:
    """At a length that the oracle does not pad, so that both draw as many numbers."""
    off = {"dropout": 0.0, "activation_dropout": 0.0}
    both("LEDForConditionalGeneration", tmp_path, **off)
    ids = torch.randint(6, VOCAB, (2, 16), generator=torch.Generator().manual_seed(3))
    answers = []
    for library in (transformers, hubformer):
        kind = library.LEDForConditionalGeneration
        model = kind.from_pretrained(tmp_path, config=kind.config_class(**{**LED, **off, rate: 0.5}))
        model = in_float64(model) if library is transformers else model.double()
        torch.manual_seed(17)
        with torch.no_grad():
            answers.append(model.train()(ids, decoder_input_ids=ids[:, :5]).logits)
    assert distance(answers[1], answers[0]) <= EXACT


def test_errors() -> None:
    model = hubformer.LEDForConditionalGeneration(hubformer.LEDConfig(**LED)).eval()
    ids = torch.tensor([[7, 8, 9]])
    with pytest.raises(InputError, match="global_attention_mask has the shape"):
        model(ids, decoder_input_ids=ids, global_attention_mask=torch.ones(1, 2))
    with pytest.raises(InputError, match="global_attention_mask has the shape"):
        model.generate(ids, global_attention_mask=torch.ones(1, 2), max_new_tokens=2)
    with pytest.raises(ConfigError, match="attention_window has 2 entries and encoder_layers is 3"):
        hubformer.LEDModel(hubformer.LEDConfig(**{**LED, "attention_window": [4, 4]}))
    with pytest.raises(InputError, match="at most 40"):
        model(ids, decoder_input_ids=torch.full((1, 41), 7))
    with pytest.raises(InputError, match="at most 90"):
        model(torch.full((1, 91), 7), decoder_input_ids=ids)
    bart = hubformer.BartForConditionalGeneration(hubformer.BartConfig(**TINY["bart"])).eval()
    with pytest.raises(InputError, match="takes no global_attention_mask"):
        bart.generate(ids, global_attention_mask=torch.ones(1, 3), max_new_tokens=2)
    with pytest.raises(UnknownArgument, match="global_attention_mask"):
        bart.get_encoder()(ids, global_attention_mask=torch.ones(1, 3))
