"""A made-up language that can be learnt in seconds: a document has the words of one topic, in one order."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from hubformer.recipes import Recipe, load_recipe

TOPICS = [
    "amber basil cedar daisy elder fern",
    "anvil brick crane drill easel forge",
    "alto bass cello drum epic flute",
    "atom bond cell dose energy field",
]


def texts(count: int, *, sentences: int = 12, seed: int = 0) -> list[str]:
    """Documents of two lines each."""
    rng = random.Random(seed)
    return [_text(TOPICS[number % len(TOPICS)].split(), sentences, rng) for number in range(count)]


def _text(words: list[str], sentences: int, rng: random.Random) -> str:
    found = []
    for _ in range(sentences):
        start, length = rng.randrange(len(words)), rng.randint(3, 7)
        found.append(
            " ".join(words[(start + place) % len(words)] for place in range(length)).capitalize() + "."
        )
    half = sentences // 2
    return " ".join(found[:half]) + "\n" + " ".join(found[half:])


def write(path: Path, documents: list[str]) -> Path:
    path.write_text("\n\n".join(documents) + "\n", encoding="utf-8")
    return path


def write_squad(path: Path, documents: list[str]) -> Path:
    articles = [
        {"title": f"Article {n}", "paragraphs": [{"context": line, "qas": []} for line in text.split("\n")]}
        for n, text in enumerate(documents)
    ]
    path.write_text(json.dumps({"version": "1.1", "data": articles}), encoding="utf-8")
    return path


SIZES: dict[str, dict[str, Any]] = {
    "bert": {
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 128,
        "max_position_embeddings": 40,
        "hidden_dropout_prob": 0.0,
    },
    "electra": {
        "embedding_size": 48,
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 128,
        "max_position_embeddings": 40,
        "hidden_dropout_prob": 0.0,
    },
    "xlnet": {"d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 64, "dropout": 0.0},
    "t5": {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_decoder_layers": 2, "num_heads": 2},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 40},
}


def tiny(name: str, data: Path, **changes: Any) -> Recipe:
    """One of the recipes that ship, small enough for a test; changes: `key=value` with __ for the dot."""
    family = next((known for known in ("electra", "xlnet", "t5") if name.startswith(known)), "bert")
    settings = {
        "data__train": str(data),
        "data__holdout": 4,
        "config": SIZES[family],
        "tokenizer": {"kind": "wordpiece" if family in ("bert", "electra") else "unigram", "vocab_size": 200},
        "options__max_length": 32,
        "training__per_device_train_batch_tokens": 512,
        "training__per_device_eval_batch_size": 16,
        "training__learning_rate": 3e-3,
        "training__bf16": False,
        "training__use_cpu": True,
        "training__disable_tqdm": True,
        "training__logging_steps": 5,
        "training__eval_strategy": "no",
        "training__save_strategy": "no",
        **changes,
    }
    return load_recipe(name, [f"{k.replace('__', '.')}={json.dumps(v)}" for k, v in settings.items()])
