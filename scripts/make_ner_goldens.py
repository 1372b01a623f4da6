"""Write tests/pipelines/goldens/tags.json: what token classification of transformers 4.57.6 answers.

Run with transformers 4.57.6 (and tokenizers, safetensors) installed, in an environment of its own:

    python scripts/make_ner_goldens.py

What is expected is what the pipeline says when words are those of the tokenizer, or the user's own, instead
of its guess from lengths and spaces: the same code, told where words begin. Where it numbers tokens window by
window, the number in the whole text is written, and what begins with a space begins after it. Where that is
not what the pipeline says by itself, the row differs.
"""

from __future__ import annotations

import itertools
import warnings
from functools import cache
from typing import Any

import torch
import transformers
from transformers import (
    BertConfig,
    BertForTokenClassification,
    RobertaConfig,
    RobertaForTokenClassification,
)

from make_qa_goldens import EXAMPLES, GOLDENS, LONG, as_text, byte_tokenizer, word_tokenizer, write

MODELS = ("bert-tags", "roberta-tags")
LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
LABEL_SETS = [["O", "PER", "LOC", "ORG", "DATE"], ["O", "I-PER", "I-LOC", "B-PER", "I-MISC"]]
TEXTS = [
    "Marta Okafor-Lindqvist (of Tromsø) met Ines, and they didn't agree.",
    "  Two  spaces ,\ta tab\nand a line; 猫 and 🐝 are unknown.",
    "Nobody",
    "",
    *(context for _, context in EXAMPLES[3:]),
]
LONG_TEXTS = [context[:200] for _, context in LONG]
STRATEGIES: list[dict[str, Any]] = [
    {},
    *({"aggregation_strategy": name} for name in ("simple", "first", "average", "max")),
]
OPTIONS: list[dict[str, Any]] = [
    {"aggregation_strategy": "none"},
    {"aggregation_strategy": "SIMPLE"},
    {"ignore_labels": []},
    {"ignore_labels": ["O", "B-PER", "I-LOC"]},
    {"aggregation_strategy": "simple", "ignore_labels": ["LOC"]},
    {"aggregation_strategy": "max", "ignore_labels": []},
    {"aggregation_strategy": "first", "ignore_labels": ["B-PER"]},
    {"grouped_entities": True},
    {"grouped_entities": False},
    {"grouped_entities": True, "ignore_subwords": True},
    {"ignore_subwords": True},
    {"ignore_subwords": False, "aggregation_strategy": "max"},
]
WORDS = [
    ["Marta", "Okafor-Lindqvist", "met", "Ines", "in", "Tromsø", ",", "oddly", "."],
    ["The", "north-east", "pier", "isn't", "blue", "(naïve", "façade)", "."],
]
WINDOW = 20  # tokens of a window, in the rows with a stride


def main() -> None:
    torch.manual_seed(11)
    words, bytes_ = word_tokenizer(), byte_tokenizer(prefixed=True)
    sizes = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=4, intermediate_size=32)
    named = dict(id2label=dict(enumerate(LABELS)), label2id={name: i for i, name in enumerate(LABELS)})
    bert = BertConfig(vocab_size=len(words), max_position_embeddings=96, **sizes, **named)
    roberta = RobertaConfig(
        vocab_size=len(bytes_), max_position_embeddings=98, type_vocab_size=1, **sizes, **named
    )
    write("bert-tags", BertForTokenClassification(bert), words)
    write("roberta-tags", RobertaForTokenClassification(roberta), bytes_)
    warnings.simplefilter("ignore")
    expected = {
        "made_with": f"transformers {transformers.__version__}, float32",
        "window": WINDOW,
        "rows": [row for name in MODELS for row in rows(name)],
    }
    (GOLDENS / "tags.json").write_text(as_text(expected), encoding="utf-8")


def rows(model: str) -> list[dict[str, Any]]:
    found = []
    for inputs, options in itertools.product(TEXTS, OPTIONS):
        found.append(row(model, inputs, options))
    for inputs, options, labels in itertools.product(TEXTS[:6], STRATEGIES[2:], LABEL_SETS):
        found.append(row(model, inputs, options, labels=labels))
    for inputs, options, stride in itertools.product(
        LONG_TEXTS, (STRATEGIES[0], *STRATEGIES[2:]), (0, 5, 12)
    ):
        found.append(row(model, inputs, {**options, "stride": stride}))
    for inputs, options in itertools.product([*WORDS, WORDS], STRATEGIES):
        found.append(row(model, inputs, {**options, "is_split_into_words": True}))
    for delimiter in ("", "_|_"):
        for options in STRATEGIES[:2]:
            more = {**options, "is_split_into_words": True, "delimiter": delimiter}
            found.append(row(model, WORDS[0], more))
    for inputs in ([TEXTS[0]], TEXTS[1:4]):
        found.append(row(model, inputs, {}))
        found.append(row(model, inputs, {"aggregation_strategy": "first"}))
    tokenizer = transformers.AutoTokenizer.from_pretrained(GOLDENS / model)
    spans = tokenizer(TEXTS[4], return_offsets_mapping=True)["offset_mapping"]
    moved = [(start + 100, end + 100) for start, end in spans]
    for options in STRATEGIES[:2]:
        found.append(row(model, TEXTS[4], {**options, "offset_mapping": moved}))
    return found


def row(model: str, inputs: Any, options: dict[str, Any], *, labels: list[str] = LABELS) -> dict[str, Any]:
    """What the pipeline says, and what is expected where that differs."""
    answers = []
    for pipe in opened(model):
        pipe.model.config.id2label = dict(enumerate(labels))
        pipe.tokenizer.model_max_length = WINDOW if "stride" in options else 96
        answers.append(plain(pipe(inputs, **options)))
    said, expected = answers
    if "stride" in options and "aggregation_strategy" not in options:
        expected = each_once(pipe, inputs, options)
    if "offset_mapping" not in options and not options.get("is_split_into_words"):
        expected = trimmed(inputs, expected)
    return {
        "model": model,
        "labels": labels,
        "inputs": inputs,
        "options": options,
        "differs": said != expected,
        "expected": short(expected),
    }


@cache
def opened(model: str) -> tuple[Any, Any]:
    """The pipeline as it is, and one that is told which tokens go on with a word."""
    plain, told = (
        transformers.pipeline("token-classification", str(GOLDENS / model), dtype="float32", device="cpu")
        for _ in range(2)
    )
    prepare, gather = told.preprocess, told.gather_pre_entities
    words: list[list[int | None]] = []

    def preprocess(sentence: Any, **named: Any) -> Any:
        given = {**named.get("tokenizer_params", {}), "is_split_into_words": named["is_split_into_words"]}
        encoded = told.tokenizer(sentence, truncation=True, **given)
        words.extend(encoded.word_ids(at) for at in range(len(encoded.encodings)))
        yield from prepare(sentence, **named)

    def gathered(*given: Any, **named: Any) -> Any:
        found, of_tokens, text = gather(*given, **named), words.pop(0), given[0]
        for entity in found:
            # A window of a byte-level tokenizer counts the space before its first token to that token.
            piece = text[entity["start"] : entity["end"]]
            entity["start"] += len(piece) - len(piece.lstrip(" "))
            word = of_tokens[entity["index"]]
            entity["is_subword"] = word is not None and word == of_tokens[entity["index"] - 1]
        return found

    told.preprocess, told.gather_pre_entities = preprocess, gathered
    return plain, told


def each_once(pipe: Any, text: str, options: dict[str, Any]) -> list[dict[str, Any]]:
    """Every token, by its number in the whole text, as the window says that is surest of it."""
    merge, pipe.aggregate_overlapping_entities = (
        pipe.aggregate_overlapping_entities,
        lambda entities: entities,
    )
    found = plain(pipe(text, **options, ignore_labels=[]))
    pipe.aggregate_overlapping_entities = merge
    pipe.tokenizer.model_max_length = 10_000
    spans = pipe.tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    surest: dict[int, dict[str, Any]] = {}
    for entity in found:
        index = spans.index((entity["start"], entity["end"]), 1)
        if index not in surest or surest[index]["score"] < entity["score"]:
            surest[index] = {**entity, "index": index}
    return [surest[index] for index in sorted(surest) if surest[index]["entity"] != "O"]


def trimmed(text: Any, found: Any) -> Any:
    """Entities without white space around them, where there is anything else in them."""
    if isinstance(text, list):
        return [trimmed(*one) for one in zip(text, found, strict=True)]
    if isinstance(found, list):
        return [trimmed(text, entity) for entity in found]
    piece = text[found["start"] : found["end"]]
    if "entity" in found or not piece.strip():
        return found
    start = found["start"] + len(piece) - len(piece.lstrip())
    return {**found, "start": start, "end": start + len(piece.strip())}


def short(answers: Any) -> Any:
    """Values without their names, which follow from their number."""
    if isinstance(answers, list):
        return [short(one) for one in answers]
    return [round(value, 7) if isinstance(value, float) else value for value in answers.values()]


def plain(value: Any) -> Any:
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return value.item() if hasattr(value, "item") else value


if __name__ == "__main__":
    main()
