"""Texts from texts: whose word counts, batches, languages, refusals. Goldens are in test_goldens.py."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import hubformer
from hubformer.errors import InputError, UnknownArgument, UnknownName
from hubformer.pipelines import pipeline
from tiny_folders import write_labels

GOLDENS = Path(__file__).parent / "goldens"
ROWS = json.loads((GOLDENS / "texts.json").read_text("utf-8"))["rows"]
TEXTS: list[str] = next(row["inputs"] for row in ROWS if isinstance(row["inputs"], list))
USUAL = {"repetition_penalty": 6.0, "max_new_tokens": 12}


@pytest.fixture(scope="module")
def summarize() -> Any:
    return pipeline("summarization", GOLDENS / "t5-texts", device="cpu")


def changed(folder: Path, name: str, **values: Any) -> Path:
    """A golden model with other settings of generation."""
    shutil.copytree(GOLDENS / name, folder)
    (folder / "generation_config.json").write_text(json.dumps(values), "utf-8")
    return folder


@pytest.mark.parametrize("name", ["t5-texts", "bart-texts"])
def test_many_texts_are_answered_as_each_alone(name: str) -> None:
    pipe = pipeline("summarization", GOLDENS / name, device="cpu")
    texts = TEXTS * 3
    together = pipe(texts, **USUAL)
    assert together == [pipe(text, **USUAL)[0] for text in TEXTS] * 3
    assert list(pipe((text for text in TEXTS), **USUAL)) == [[record] for record in together[: len(TEXTS)]]


def test_the_models_word_counts(tmp_path: Path) -> None:
    folder = changed(
        tmp_path / "m", "t5-texts", max_length=6, num_beams=2, decoder_start_token_id=0, eos_token_id=3,
        pad_token_id=0, repetition_penalty=6.0,
    )  # fmt: skip
    pipe = pipeline("summarization", folder, device="cpu")
    (record,) = pipe(TEXTS[0], return_tensors=True)
    assert len(record["summary_token_ids"]) == 6
    (longer,) = pipe(TEXTS[0], return_tensors=True, max_length=9)
    assert len(longer["summary_token_ids"]) == 9
    assert pipe.settings(pipe.options).num_beams == 2
    (newer,) = pipe(TEXTS[0], return_tensors=True, max_new_tokens=3)
    assert len(newer["summary_token_ids"]) == 4


def test_a_prefix_of_the_task() -> None:
    pipe = pipeline("translation_en_to_de", GOLDENS / "t5-texts", device="cpu")
    plain = pipeline("text2text-generation", GOLDENS / "t5-texts", device="cpu")
    assert pipe.task_settings()["prefix"] == "marta: "
    options = {"no_repeat_ngram_size": 1, "max_new_tokens": 8}
    told = plain("marta: " + TEXTS[0], **options)[0]["generated_text"]
    assert pipe(TEXTS[0], **options)[0]["translation_text"] == told


def test_languages_reach_the_tokenizer(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = pipeline("translation_en_to_de", GOLDENS / "bart-texts", device="cpu")
    seen: list[tuple[Any, Any]] = []

    def build(text: str, *, return_tensors: None, truncation: Any, src_lang: Any, tgt_lang: Any) -> Any:
        seen.append((src_lang, tgt_lang))
        return {**pipe_ids(text), "forced_bos_token_id": 9}

    def pipe_ids(text: str) -> dict[str, Any]:
        return {"input_ids": pipe.tokenizer(text)["input_ids"]}

    monkeypatch.setattr(type(pipe.tokenizer), "_build_translation_inputs", staticmethod(build), raising=False)
    (record,) = pipe(TEXTS[0], return_tensors=True, **USUAL)
    assert record["translation_token_ids"][1] == 9
    pipe(TEXTS[0], src_lang="fr", tgt_lang="ro", **USUAL)
    assert seen == [("en", "de"), ("fr", "ro")]


def test_the_task_of_a_model() -> None:
    pipe = pipeline(model=GOLDENS / "t5-texts", device="cpu")
    assert type(pipe) is hubformer.SummarizationPipeline
    assert type(pipeline("translation_xx_to_yy", GOLDENS / "t5-texts")) is hubformer.TranslationPipeline


@pytest.mark.parametrize("task", ["summarization", "text2text-generation"])
def test_a_model_of_two_families_writes(task: str, tmp_path: Path) -> None:
    vocabulary = write_labels(tmp_path / "words") / "vocab.txt"
    half = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    config = hubformer.EncoderDecoderConfig.from_encoder_decoder_configs(
        hubformer.BertConfig(**half, vocab_size=100, max_position_embeddings=32),
        hubformer.BertConfig(**{**half, "hidden_size": 24}, vocab_size=100),
        **{"decoder_start_token_id": 2, "pad_token_id": 0, "eos_token_id": 3},
    )
    torch.manual_seed(5)
    model = hubformer.EncoderDecoderModel(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    model.save_pretrained(tmp_path / "model")
    shutil.copy(vocabulary, tmp_path / "model")  # nothing beside says whose it is: the encoder's
    tokenizer = hubformer.AutoTokenizer.from_pretrained(tmp_path / "model")
    assert type(tokenizer).__name__.startswith("BertTokenizer")
    assert tokenizer.model_max_length == 32
    texts = ["i love this movie", "what is the capital of france"]
    pipe = pipeline(task, tmp_path / "model", device="cpu")
    (name,) = {key for record in pipe(texts, **USUAL) for key in record}
    for text, record in zip(texts, pipe(texts, **USUAL), strict=True):
        read = tokenizer(text, return_tensors="pt")
        written = model.generate(**read, num_beams=4, **USUAL)
        assert record[name] == tokenizer.decode(written[0], skip_special_tokens=True)
    with pytest.raises(InputError, match=r"reads at most 32.*truncation=True"):
        pipe("paris " * 40)


def test_what_cannot_be(summarize: Any) -> None:
    long = pipeline("summarization", GOLDENS / "bart-texts", device="cpu")
    with pytest.raises(InputError, match=r"reads at most 400.*truncation=True"):
        long("many words " * 400)
    assert long("many words " * 400, truncation=True, **USUAL)
    with pytest.raises(InputError, match="The input is empty"):
        summarize(" ")
    with pytest.raises(InputError, match="Input 1 is None"):
        summarize(["a", None])
    with pytest.raises(UnknownArgument, match="num_beams"):
        summarize("a", num_beam=3)
    with pytest.raises(InputError, match="exclude each other"):
        summarize("a", return_tensors=True, return_text=True)
    with pytest.raises(InputError, match=r"no default model.*translation_en_to_fr"):
        pipeline("translation")
    with pytest.raises(InputError, match="no default model"):
        pipeline("translation_en_to_ja")
    with pytest.raises(UnknownName, match="There is no task 'translation_en'"):
        pipeline("translation_en")
