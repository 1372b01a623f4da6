"""Llama's tokenizer from tokenizer.model alone: SentencePiece's BPE with bytes, id for id as the library."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hubformer.errors import CheckpointError
from hubformer.tokenization import TOKENIZER_CLASSES, load_tokenizer
from tokenization.token_samples import TEXTS

sentencepiece = pytest.importorskip("sentencepiece")


def trained(folder: Path, **options: Any) -> Path:
    corpus = folder / "corpus.txt"
    lines = TEXTS * 30 + [f"line {i} of {7 * i} words {chr(97 + i % 26)}" for i in range(300)]
    corpus.write_text("\n".join(line for line in lines if line), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus),
        model_prefix=str(folder / "tokenizer"),
        vocab_size=600,
        hard_vocab_limit=False,
        character_coverage=0.98,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        split_digits=True,
        minloglevel=2,
        **{"model_type": "bpe", "byte_fallback": True, **options},
    )
    corpus.unlink()
    (folder / "tokenizer.vocab").unlink()
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "LlamaTokenizer"}))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def library(folder: Path) -> Any:
    return sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))


SAMPLES = [text for text in TEXTS if text.strip() and "<" not in text]


def test_ids_are_those_of_the_library(folder: Path, library: Any) -> None:
    tokenizer = load_tokenizer(folder)
    spelt = 0
    for text in [*SAMPLES, "  two  spaces ", "naïve Ωμέγα 12345", "日本 \t tab\nline"]:
        wanted = library.encode(text)
        assert tokenizer(text)["input_ids"] == [1, *wanted], text
        assert tokenizer(text, add_special_tokens=False)["input_ids"] == wanted
        assert tokenizer.decode(wanted) == text
        spelt += sum(library.is_byte(index) for index in wanted)
    assert spelt > 20


def test_where_the_ends_are_marked(folder: Path, library: Any) -> None:
    one, two = library.encode("one"), library.encode("two")
    both = load_tokenizer(folder, overrides={"add_eos_token": True})
    assert both("one")["input_ids"] == [1, *one, 2]
    assert both("one", "two")["input_ids"] == [1, *one, 2, 1, *two, 2]
    neither = load_tokenizer(folder, overrides={"add_bos_token": False})
    assert neither("one", "two")["input_ids"] == [*one, *two]


def test_the_class_takes_the_file(folder: Path, library: Any) -> None:
    for name in ("LlamaTokenizer", "LlamaTokenizerFast"):
        tokenizer = TOKENIZER_CLASSES[name](str(folder / "tokenizer.model"))
        assert tokenizer("one two")["input_ids"] == [1, *library.encode("one two")]
        assert (tokenizer.padding_side, tokenizer.bos_token, tokenizer.pad_token) == ("left", "<s>", None)


def test_text_after_a_special_token(folder: Path) -> None:
    """The first release put a space before it; legacy=False does not, as transformers 4.57.6."""
    old, new = load_tokenizer(folder), load_tokenizer(folder, overrides={"legacy": False})
    text = "<s>one"
    assert old.convert_ids_to_tokens(old(text)["input_ids"])[2].startswith("▁")
    assert not new.convert_ids_to_tokens(new(text)["input_ids"])[2].startswith("▁")
    assert new("one two")["input_ids"] == old("one two")["input_ids"]


def test_a_text_that_begins_with_a_space(folder: Path, library: Any) -> None:
    """The first space has a piece of its own, as in the library; legacy=False takes it for the one before."""
    old, new = load_tokenizer(folder), load_tokenizer(folder, overrides={"legacy": False})
    for text in (" one", "  one", " "):
        assert old(text, add_special_tokens=False)["input_ids"] == library.encode(text)
        assert old.decode(library.encode(text)) == text
    assert new(" one")["input_ids"] == new("one")["input_ids"] == old("one")["input_ids"]
    assert new.decode(new("  one", add_special_tokens=False)["input_ids"]) == " one"


def test_another_algorithm_is_refused(tmp_path: Path) -> None:
    trained(tmp_path, model_type="unigram")
    with pytest.raises(CheckpointError, match=r"needs BPE \(type 2\)"):
        load_tokenizer(tmp_path)
