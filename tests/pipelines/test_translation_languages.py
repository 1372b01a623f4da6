"""Translation by models of several languages: what is read, how an answer begins, what is missing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import hubformer
from hubformer.errors import InputError
from hubformer.pipelines import pipeline
from hubformer.tokenization import load_tokenizer

RAW = Path(__file__).parents[1] / "tokenization" / "goldens"
SMALL = {
    "d_model": 16,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24,
    "max_position_embeddings": 64,
    "pad_token_id": 1,
    "bos_token_id": 0,
    "eos_token_id": 2,
}
TEXTS = ["The quick brown fox", "dogs near the river bank jump over twelve lazy words", "twice"]
USUAL: dict[str, Any] = {"max_new_tokens": 5, "num_beams": 1}


def folder_of(home: Path, name: str, **own: Any) -> Path:
    """A tiny model of some family with its tokenizer's raw files."""
    configs = {
        "mbart": hubformer.MBartConfig,
        "nllb": hubformer.M2M100Config,
        "m2m-bpe": hubformer.M2M100Config,
    }
    models = {"mbart": hubformer.MBartForConditionalGeneration}
    folder = home / name
    shutil.copytree(RAW / name, folder)
    raw = load_tokenizer(folder, model_type="mbart" if name == "mbart" else "m2m_100")
    config = configs[name](vocab_size=len(raw) + 8, decoder_start_token_id=2, **SMALL, **own)
    torch.manual_seed(3)
    model = models.get(name, hubformer.M2M100ForConditionalGeneration)(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("name", "source", "target"),
    [("mbart", "ko_KR", "fr_XX"), ("nllb", "fra_Latn", "zul_Latn"), ("m2m-bpe", "de", "fr")],
)
def test_languages(tmp_path: Path, name: str, source: str, target: str) -> None:
    pipe = pipeline("translation", folder_of(tmp_path, name), device="cpu")
    tokenizer, model = pipe.tokenizer, pipe.model
    forced = tokenizer.lang_code_to_id[target]
    before = tokenizer("fox")["input_ids"]
    found = pipe(TEXTS, src_lang=source, tgt_lang=target, return_tensors=True, **USUAL)
    tokenizer.src_lang = source
    for text, record in zip(TEXTS, found, strict=True):
        ids = record["translation_token_ids"].tolist()
        assert ids[:2] == [2, forced]
        alone = model.generate(
            **tokenizer(text, return_tensors="pt"), forced_bos_token_id=forced, pad_token_id=1, **USUAL
        )
        assert ids == alone[0].tolist()[: len(ids)]
    tokenizer.src_lang = {"mbart": "en_XX", "nllb": "eng_Latn", "m2m-bpe": "en"}[name]
    assert tokenizer("fox")["input_ids"] == before
    shown = pipe(TEXTS[0], src_lang=source, tgt_lang=target, **USUAL)[0]["translation_text"]
    assert target not in shown  # languages are special tokens
    other = pipe(TEXTS[0], src_lang=target, tgt_lang=source, return_tensors=True, **USUAL)
    assert other[0]["translation_token_ids"][1] == tokenizer.lang_code_to_id[source]


def test_the_task_names_the_languages(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "m2m-bpe")
    named, plain = pipeline("translation_en_to_fr", folder), pipeline("translation", folder)
    assert named(TEXTS, **USUAL) == plain(TEXTS, src_lang="en", tgt_lang="fr", **USUAL)
    with pytest.raises(InputError, match="tgt_lang is 'xx'"):
        pipeline("translation_en_to_xx", folder)(TEXTS[0])


def test_missing_languages(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "mbart")
    pipe = pipeline("translation", folder)
    with pytest.raises(InputError, match=r"needs src_lang= and tgt_lang=; src_lang is missing"):
        pipe(TEXTS[0])
    with pytest.raises(InputError, match=r"tgt_lang is missing.*src_lang='en_XX'"):
        pipe(TEXTS[0], src_lang="en_XX")
    with pytest.raises(InputError, match=r"tgt_lang is 'fr_X'.*Did you mean 'fr_XX'"):
        pipe(TEXTS[0], src_lang="en_XX", tgt_lang="fr_X")
    told = hubformer.AutoTokenizer.from_pretrained(folder, src_lang="ko_KR", tgt_lang="fr_XX")
    expected = pipe(TEXTS, src_lang="ko_KR", tgt_lang="fr_XX", **USUAL)
    assert pipeline("translation", pipe.model, tokenizer=told)(TEXTS, **USUAL) == expected


def test_marian_translates(tmp_path: Path) -> None:
    """Its texts are read by one side, its answers by the other; a language is asked for in the text."""
    folder = tmp_path / "marian"
    shutil.copytree(RAW / "marian", folder)
    vocab = json.loads((folder / "vocab.json").read_text("utf-8"))
    pad = vocab["<pad>"]
    config = hubformer.MarianConfig(
        vocab_size=len(vocab), decoder_start_token_id=pad, **{**SMALL, "pad_token_id": pad, "eos_token_id": 0}
    )
    torch.manual_seed(3)
    hubformer.MarianMTModel(config).save_pretrained(folder)
    pipe = pipeline("translation_en_to_fr", folder)
    assert type(pipe.tokenizer).__name__ == "MarianTokenizer"
    assert pipe.tokenizer.model_max_length == 64
    text = ">>fra<< " + TEXTS[0]
    ids = pipe.model.generate(**pipe.tokenizer(text, return_tensors="pt"), **USUAL)[0]
    shown = pipe(text, **USUAL)[0]["translation_text"]
    assert shown == pipe.tokenizer.decode(ids, skip_special_tokens=True)
