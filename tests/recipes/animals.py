"""Sentences about animals, which can be learnt in seconds, as files of each kind; and a tiny model."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import hubformer
from hubformer.recipes import Recipe, load_recipe
from hubformer.tokenization import train_tokenizer

ANIMALS = ["fox", "owl", "eel", "bee", "ant", "grey wolf", "black swan"]
_WORDS = """
    amber basil cedar daisy elder fern anvil brick crane drill easel forge alto bass cello drum
"""
OTHERS = _WORDS.split()


def sentence(rng: random.Random, *, animals: int, words: int = 8) -> list[str]:
    """A list of names: some words, and so many animals at places by chance."""
    found = [rng.choice(OTHERS) for _ in range(words)]
    for _ in range(animals):
        found.insert(rng.randrange(len(found) + 1), rng.choice(ANIMALS))
    return found


def labelled(count: int, *, seed: int = 0) -> list[dict[str, Any]]:
    """Whether there are animals."""
    rng = random.Random(seed)
    return [
        {
            "review": " ".join(sentence(rng, animals=n % 2 * 4, words=8 - n % 2 * 4)).capitalize(),
            "stars": ["plants", "beasts"][n % 2],
        }
        for n in range(count)
    ]


def counted(count: int, *, seed: int = 0) -> list[dict[str, Any]]:
    """Animals in two texts; one in the first counts more."""
    rng = random.Random(seed)
    return [
        {
            "sentence1": " ".join(sentence(rng, animals=n % 2 * 3, words=3)),
            "sentence2": " ".join(sentence(rng, animals=n // 2 % 2 * 3, words=3)),
            "score": n % 2 + 0.5 * (n // 2 % 2),
        }
        for n in range(count)
    ]


def tagged(count: int, *, seed: int = 0) -> list[dict[str, Any]]:
    """Where the animals are."""
    rng = random.Random(seed)
    rows = []
    for n in range(count):
        tokens: list[str] = []
        tags: list[str] = []
        for name in sentence(rng, animals=1 + n % 2, words=6):
            words = name.split()
            kind = "animal" if name in ANIMALS else ""
            tokens += words
            tags += ["B-animal", "I-animal"][: len(words)] if kind else ["O"] * len(words)
        rows.append({"tokens": tokens, "tags": tags})
    return rows


def asked(count: int, *, impossible: bool = False, seed: int = 0) -> list[dict[str, Any]]:
    """Which animal it is, as flat records; impossible: every third text has none."""
    rng = random.Random(seed)
    rows = []
    for n in range(count):
        animals = 0 if impossible and n % 3 == 0 else 1
        names = sentence(rng, animals=animals, words=10)
        animal = next((name for name in names if name in ANIMALS), "")
        context = " ".join(names).capitalize() + "."
        start = context.lower().find(animal) if animal else -1
        answers = [{"text": context[start : start + len(animal)], "answer_start": start}] if animal else []
        rows.append(
            {"id": str(n), "question": "Which animal?", "context": context, "answers": answers}
            | ({"is_impossible": not animal} if impossible else {})
        )
    return rows


def chosen(count: int, *, seed: int = 0) -> list[dict[str, Any]]:
    """Which of three texts is about animals."""
    rng = random.Random(seed)
    return [
        {
            "text": "Which animal?",
            **{f"ending{c}": " ".join(sentence(rng, animals=2 * (c == n % 3), words=3)) for c in range(3)},
            "label": n % 3,
        }
        for n in range(count)
    ]


def write_csv(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_lines(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_conll(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    lines = ["\n".join(map("\t".join, zip(row["tokens"], row["tags"], strict=True))) for row in rows]
    path.write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_squad(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    paragraphs = [{"context": row["context"], "qas": [row]} for row in rows]
    path.write_text(json.dumps({"data": [{"title": "Animals", "paragraphs": paragraphs}]}), encoding="utf-8")
    return path


def write_bert(folder: Path) -> Path:
    """A small BERT without a head, whose words are cut into pieces."""
    texts = [row["review"] for row in labelled(60)] + ["Which animal? It is."]
    tokenizer = train_tokenizer("wordpiece", texts, vocab_size=90, model_type="bert", model_max_length=64)
    torch.manual_seed(0)
    config = hubformer.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    hubformer.BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def told(count: int, *, seed: int = 0) -> list[dict[str, Any]]:
    """The animal of a text, to be written."""
    rows = asked(count, seed=seed)
    return [{"article": row["context"], "summary": row["answers"][0]["text"].lower()} for row in rows]


def write_t5(folder: Path) -> Path:
    """A small T5, whose tokenizer knows each of the words."""
    texts = [text for row in told(80) for text in row.values()]
    tokenizer = train_tokenizer("unigram", texts, vocab_size=90, model_type="t5", model_max_length=64)
    torch.manual_seed(0)
    config = hubformer.T5Config(
        vocab_size=len(tokenizer),
        d_model=48,
        d_kv=16,
        d_ff=96,
        num_layers=2,
        num_heads=3,
        dropout_rate=0.0,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
    )
    hubformer.T5ForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


TRAINING = {
    "bf16": False,
    "use_cpu": True,
    "disable_tqdm": True,
    "per_device_train_batch_tokens": 512,
    "learning_rate": 3e-3,
    "logging_steps": 5,
    "save_strategy": "no",
    "eval_strategy": "no",
}


def tiny(name: str, model: str | Path, train: Path, **changes: Any) -> Recipe:
    """A recipe that ships, small enough for a test; changes: `key=value` with __ for the dot."""
    given = {
        "model": str(model),
        "config": {},
        "data__train": str(train),
        "options__max_length": 48,
        **{f"training__{name}": value for name, value in TRAINING.items()},
        **changes,
    }
    return load_recipe(
        name, [f"{key.replace('__', '.')}={json.dumps(value)}" for key, value in given.items()]
    )
