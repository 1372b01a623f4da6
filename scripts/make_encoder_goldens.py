"""Write tests/pipelines/goldens/encoders.json: what transformers 4.57.6 answers for blanks, states
and labels of a call.

Run with transformers 4.57.6 (and tokenizers, safetensors) installed, in an environment of its own:

    python scripts/make_encoder_goldens.py
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
import transformers
from transformers import (
    BartConfig,
    BartForSequenceClassification,
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    RobertaConfig,
    RobertaForMaskedLM,
)

from make_qa_goldens import EXAMPLES, GOLDENS, as_text, byte_tokenizer, word_tokenizer, write

MASKED = ("bert-mask", "roberta-mask")
BLANKS = [
    "Old Marta keeps {} hives.",
    "The {} leaves from the {} pier, naïve as {}.",
    "{}",
    "  Two  spaces ,{} and a\ttab; 猫",
]
FILLING: list[dict[str, Any]] = [
    {},
    {"top_k": 1},
    {"top_k": 12},
    {"targets": ["bees", "the", "mill"]},
    {"targets": "pier", "top_k": 3},
    {"targets": ["the", "Zimmermann", "the", "a"], "top_k": 2},
    {"tokenizer_kwargs": {"truncation": True, "max_length": 20}},
    {"tokenizer_kwargs": {"add_special_tokens": False}},
]

NLI = {
    "bert-nli": ["entailment", "neutral", "contradiction"],
    "bart-nli": ["contradiction", "neutral", "ENTAILS"],
}
CHOOSING: list[dict[str, Any]] = [
    {"candidate_labels": ["bees", "weather", "doors"]},
    {"candidate_labels": "bees, weather ,doors,"},
    {"candidate_labels": ["bees"]},
    {"candidate_labels": ["bees", "weather"], "multi_label": True},
    {"candidate_labels": ["bees", "weather"], "hypothesis_template": "Is it {}?"},
]
STATES: list[dict[str, Any]] = [{}, {"truncation": True}, {"tokenize_kwargs": {"add_special_tokens": False}}]


def main() -> None:
    torch.manual_seed(17)
    words, bytes_ = word_tokenizer(), byte_tokenizer(prefixed=True)
    sizes = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=4, intermediate_size=32)
    bert = BertConfig(vocab_size=len(words), max_position_embeddings=96, **sizes)
    roberta = RobertaConfig(vocab_size=len(bytes_), max_position_embeddings=98, type_vocab_size=1, **sizes)
    write("bert-mask", BertForMaskedLM(bert), words)
    write("roberta-mask", RobertaForMaskedLM(roberta), bytes_)
    bart = BartConfig(
        vocab_size=len(bytes_), d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, max_position_embeddings=400,
        **labelled("bart-nli"),
    )  # fmt: skip
    bert = BertConfig(vocab_size=len(words), max_position_embeddings=96, **sizes, **labelled("bert-nli"))
    write("bert-nli", BertForSequenceClassification(bert), words)
    write("bart-nli", BartForSequenceClassification(bart), bytes_)
    transformers.logging.set_verbosity_error()
    expected = {
        "made_with": f"transformers {transformers.__version__}, float32",
        "rows": [
            *(row for name in MASKED for row in blanks(name)),
            *(row for name in MASKED for row in states(name)),
            *(row for name in NLI for row in choices(name)),
        ],
    }
    (GOLDENS / "encoders.json").write_text(as_text(expected), encoding="utf-8")


def blanks(model: str) -> list[dict[str, Any]]:
    pipe = opened("fill-mask", model)
    texts = [text.replace("{}", pipe.tokenizer.mask_token) for text in BLANKS]
    texts.append(f"{EXAMPLES[1][0]} {pipe.tokenizer.mask_token}")
    return [
        row(pipe, model, inputs, options)
        for inputs, options in itertools.product([*texts, texts[:1], texts], FILLING)
    ]


def states(model: str) -> list[dict[str, Any]]:
    pipe = opened("feature-extraction", model)
    texts = [context for _, context in EXAMPLES[2:4]]
    return [
        row(pipe, model, inputs, options)
        for inputs, options in itertools.product([texts[0], texts[:1], texts], STATES)
    ]


def choices(model: str) -> list[dict[str, Any]]:
    pipe = opened("zero-shot-classification", model)
    texts = [context for _, context in EXAMPLES]
    return [
        row(pipe, model, inputs, options)
        for inputs, options in itertools.product([texts[0], texts[:1], texts], CHOOSING)
    ]


def labelled(model: str) -> dict[str, Any]:
    names = dict(enumerate(NLI[model]))
    return {"id2label": names, "label2id": {name: place for place, name in names.items()}}


def opened(task: str, model: str) -> Any:
    return transformers.pipeline(task, str(GOLDENS / model), dtype="float32", device="cpu")


def row(pipe: Any, model: str, inputs: Any, options: dict[str, Any]) -> dict[str, Any]:
    """What the pipeline says."""
    said = pipe(inputs, **options)
    return {"task": pipe.task, "model": model, "inputs": inputs, "options": options, "expected": said}


if __name__ == "__main__":
    main()
