"""Tokenizers that are learnt from texts: saved, they are what transformers reads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hubformer.errors import InputError, UnknownName
from hubformer.tokenization import KINDS, load_tokenizer, train_tokenizer
from tokenization.token_samples import PAIRS, TEXTS

CORPUS = [text for text in TEXTS if text] * 5 + [
    f"The {kind} fox number {n} jumped over the lazy dog, and the lazy dog slept near the river."
    for kind in ("quick", "slow", "Brown", "naïve")
    for n in range(20)
]
SIZE = {"wordpiece": 420, "byte-bpe": 400, "unigram": 300}
CASES = [
    ("wordpiece", "bert", None),
    ("wordpiece", "bert", False),
    ("wordpiece", "distilbert", None),
    ("byte-bpe", "gpt2", None),
    ("byte-bpe", "gpt2", True),
    ("byte-bpe", "roberta", None),
    ("unigram", "xlnet", None),
    ("unigram", "xlnet", True),
]
SPECIAL = {
    "bert": "[PAD] [UNK] [CLS] [SEP] [MASK]",
    "distilbert": "[PAD] [UNK] [CLS] [SEP] [MASK]",
    "gpt2": "<|endoftext|>",
    "roberta": "<s> <pad> </s> <unk> <mask>",
    "xlnet": "<unk> <s> </s> <cls> <sep> <pad> <mask> <eod> <eop>",
}


@pytest.mark.parametrize(("kind", "family", "lowercase"), CASES)
def test_saved_it_is_the_same_everywhere(
    kind: str, family: str, lowercase: bool | None, oracle: Any, tmp_path: Path
) -> None:
    made = train_tokenizer(
        kind, CORPUS, vocab_size=SIZE[kind], lowercase=lowercase, model_type=family, model_max_length=128
    )
    made.save_pretrained(tmp_path)
    again, theirs = load_tokenizer(tmp_path), oracle.from_pretrained(tmp_path)
    assert type(again) is type(made)
    assert made.model_max_length == again.model_max_length == theirs.model_max_length == 128
    assert len(made) == len(again) == len(theirs) <= SIZE[kind]
    assert made.get_vocab() == again.get_vocab() == theirs.get_vocab()
    assert made.convert_ids_to_tokens(range(len(SPECIAL[family].split()))) == SPECIAL[family].split()
    for role in ("pad", "unk", "cls", "sep", "mask", "bos", "eos"):
        assert getattr(made, f"{role}_token") == getattr(theirs, f"{role}_token"), role
    lower = (kind == "wordpiece") if lowercase is None else lowercase
    for pairs in (None, PAIRS):
        for named in ({}, {"padding": True}):
            ours, other = made(TEXTS, pairs, **named), dict(theirs(TEXTS, pairs, **named))
            assert dict(again(TEXTS, pairs, **named)) == dict(ours)
            if named:  # the general class, under which XLNet's are saved, pads token types with 0
                other.pop("token_type_ids", None), ours.pop("token_type_ids", None)
            assert other == dict(ours)
    one, other = (made("THE LAZY DOG") ["input_ids"], made("the lazy dog")["input_ids"])  # fmt: skip
    assert (one == other) is lower
    assert made.decode(other, skip_special_tokens=True) == "the lazy dog"
    assert theirs.decode(other, skip_special_tokens=True) == "the lazy dog"


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_frequent_is_one_token(kind: str) -> None:
    made = train_tokenizer(kind, CORPUS, vocab_size=SIZE[kind])
    assert len(made.tokenize(" dog")) == 1
    assert len(made.tokenize("zylax")) > 1
    if kind == "byte-bpe":  # whatever the text, nothing is unknown
        for text in TEXTS:
            assert made.decode(made(text)["input_ids"]) == text


def test_wordpiece_keeps_to_characters_that_occur() -> None:
    made = train_tokenizer("wordpiece", ["abc abd", "abc xay"], vocab_size=30)
    inner = {token for token in made.get_vocab() if token.startswith("##") and len(token) == 3}
    assert inner == {"##a", "##b", "##c", "##d", "##y"}  # no word has an x inside


SCRIPT = """
import sys
from hubformer.tokenization import train_tokenizer
texts = sys.stdin.read().split("\\0")
made = train_tokenizer(sys.argv[1], texts, vocab_size=int(sys.argv[2]))
print(sorted(made.get_vocab().items(), key=lambda pair: pair[1]), made(texts)["input_ids"])
"""


@pytest.mark.parametrize("kind", ["wordpiece", "byte-bpe"])
def test_every_process_learns_the_same(kind: str) -> None:
    def output(seed: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, kind, str(SIZE[kind])],
            input="\0".join(CORPUS),
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
            check=True,
        )
        return done.stdout

    first = output("1")
    assert all(output(seed) == first for seed in "234")


def test_gpt2_pads_with_the_end() -> None:
    made = train_tokenizer("byte-bpe", CORPUS, vocab_size=SIZE["byte-bpe"])
    assert made.pad_token_id == made.eos_token_id == made.bos_token_id == 0
    assert made(["the", "the lazy dog"], padding=True)["attention_mask"][0][-1] == 0


def test_what_cannot_be_learnt() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'wordpiece'"):
        train_tokenizer("word-piece", CORPUS, vocab_size=100)
    with pytest.raises(InputError, match="no text"):
        train_tokenizer("wordpiece", ["", "  "], vocab_size=100)
    for kind in KINDS:
        with pytest.raises(InputError, match="expected more"):
            train_tokenizer(kind, CORPUS, vocab_size=5)
    with pytest.raises(InputError, match="characters of the texts"):
        train_tokenizer("wordpiece", CORPUS, vocab_size=60)
