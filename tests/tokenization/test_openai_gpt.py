"""GPT's tokenizer from its raw files, against the oracle's class on the same files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import hubformer
from hubformer.errors import CheckpointError
from tokenization.token_samples import PAIRS, TEXTS

transformers = pytest.importorskip("transformers")

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,!?'-"
MERGES = [
    *(("t", "h"), ("th", "e</w>"), ("i", "n"), ("in", "g</w>"), ("e", "r</w>"), ("o", "n</w>")),
    *(("a", "n"), ("an", "d</w>"), ("l", "o"), ("lo", "w"), ("low", "er</w>")),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("openai-gpt")
    words = ["<unk>", *LETTERS, *(f"{letter}</w>" for letter in LETTERS)]
    words += [left + right for left, right in MERGES]
    (home / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}), "utf-8")
    lines = ["#version: 0.2", *(" ".join(merge) for merge in MERGES)]
    (home / "merges.txt").write_text("\n".join(lines) + "\n", "utf-8")
    (home / "tokenizer_config.json").write_text('{"tokenizer_class": "OpenAIGPTTokenizer"}', "utf-8")
    (home / "config.json").write_text('{"model_type": "openai-gpt"}', "utf-8")
    return home


def test_it_is_the_oracles(folder: Path) -> None:
    files = str(folder / "vocab.json"), str(folder / "merges.txt")
    oracle, ours = transformers.OpenAIGPTTokenizer(*files), hubformer.AutoTokenizer.from_pretrained(folder)
    assert type(ours).__name__.startswith("OpenAIGPTTokenizer")
    for pairs in (None, PAIRS):
        mine, theirs = (t(TEXTS, pairs, return_offsets_mapping=True) for t in (ours, oracle))
        assert dict(mine.items()) == dict(theirs.items())
    for text in (*TEXTS, "The LOWER thing, and on!"):
        known = ours(text)["input_ids"]
        assert ours.convert_ids_to_tokens(known) == oracle.convert_ids_to_tokens(known)
        assert ours.decode(known) == oracle.decode(known)
    assert ours.tokenize("The lower thing") == ["the</w>", "lower</w>", "th", "ing</w>"]


def test_the_classes_take_the_raw_files(folder: Path) -> None:
    files = str(folder / "vocab.json"), str(folder / "merges.txt")
    for name in ("OpenAIGPTTokenizer", "OpenAIGPTTokenizerFast"):
        ours = getattr(hubformer, name)(*files)
        assert ours.convert_ids_to_tokens(ours("the lower")["input_ids"]) == ["the</w>", "lower</w>"]


def test_a_vocabulary_without_the_unknown_token(folder: Path, tmp_path: Path) -> None:
    vocab = json.loads((folder / "vocab.json").read_text("utf-8"))
    renamed = {("<none>" if word == "<unk>" else word): index for word, index in vocab.items()}
    (tmp_path / "vocab.json").write_text(json.dumps(renamed), "utf-8")
    files = str(tmp_path / "vocab.json"), str(folder / "merges.txt")
    with pytest.raises(CheckpointError, match="<unk>"):
        hubformer.OpenAIGPTTokenizer(*files)
