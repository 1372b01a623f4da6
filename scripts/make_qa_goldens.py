"""Write tests/pipelines/goldens: what the pipelines of transformers 4.57.6 answer on tiny checkpoints.

Run with transformers 4.57.6 (and tokenizers, safetensors) installed, in an environment of its own:

    python scripts/make_qa_goldens.py

The checkpoints are random, their vocabulary is learnt from the sentences below. For contexts of one window
the expected answers are the pipeline's own; where it merges answers with equal text by summing their scores,
the maximum is written instead, and what it said itself stands beside it. For longer contexts the expected
answers are worked out here, span by span, from the pipeline's own logits: one softmax over all windows.
"""

from __future__ import annotations

import itertools
import json
import math
import shutil
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForQuestionAnswering,
)
from transformers.pipelines import question_answering as v4

GOLDENS = Path(__file__).resolve().parent.parent / "tests" / "pipelines" / "goldens"
EXAMPLES = [
    ("Who keeps the bees?", "Old Marta keeps nine hives of bees behind the mill."),
    ("Where does the ferry leave?", "The ferry leaves from the north pier at seven; the pier is small."),
    ("How many?", "Nine."),
    ("What colour is the door?", "The door is blue, the gate is blue, and the roof - oddly - isn't blue."),
    ("Wo wohnt er?", "Er wohnt über der Bäckerei, zweiter Stock links (naïve façade, 3½ Zimmer)."),
    (
        "When was the bridge finished?",
        "Work began in 1871.  The bridge\twas finished\nin 1874, three years late.",
    ),
]
LONG = [
    (
        "Who found the map?",
        "The attic had been shut for years. Rain came in by the chimney and nobody minded. In spring the "
        "roofer "
        "went up to mend the tiles, and it was Ines, his youngest, who found the map between two beams. "
        "She took it "
        "to the library. The librarian, Mr Okafor, said that it showed the old harbour, before the great "
        "storm, and "
        "that only three others were known. Ines asked whether she could keep the map, and he laughed.",
    ),
    (
        "What stops the clock?",
        "Every evening at nine the clock in the square stops. Some blame the frost, some the starlings. The "
        "watchmaker, who has climbed the tower twice, says it is the starlings: they sit on the minute "
        "hand, all in a "
        "row, and their weight stops the clock until they fly away.",
    ),
]
SHORT_OPTIONS: list[dict[str, Any]] = [
    {},
    {"top_k": 3},
    {"top_k": 5, "align_to_words": False},
    {"align_to_words": False},
    {"max_answer_len": 1},
    {"max_answer_len": 4, "top_k": 4},
    {"handle_impossible_answer": True},
    {"handle_impossible_answer": True, "top_k": 6},
    {"padding": "max_length", "top_k": 2},
    {"max_seq_len": 60, "doc_stride": 5},
]
LONG_OPTIONS: list[dict[str, Any]] = [
    {},
    {"max_seq_len": 40, "doc_stride": 12},
    {"max_seq_len": 40, "doc_stride": 12, "top_k": 4},
    {"max_seq_len": 48, "doc_stride": 0, "max_answer_len": 3, "handle_impossible_answer": True, "top_k": 3},
    {"max_seq_len": 36, "doc_stride": 8, "align_to_words": False, "top_k": 3},
]
TEXTS = ["The soup was wonderful.", "Nobody came.", "The door is blue, oddly."]
PAIR = {"text": "The soup was wonderful.", "text_pair": "The soup was cold."}
INPUTS: list[Any] = [TEXTS[0], [TEXTS[0]], TEXTS, PAIR, [PAIR, PAIR], [[[TEXTS[0], TEXTS[1]]]], []]
LABEL_OPTIONS: list[dict[str, Any]] = [
    {},
    {"top_k": 1},
    {"top_k": 2},
    {"top_k": None},
    {"function_to_apply": "sigmoid"},
    {"function_to_apply": "none", "top_k": None},
    {"truncation": True, "max_length": 5},
    {"return_all_scores": True},
    {"return_all_scores": False},
]


def main() -> None:
    torch.manual_seed(7)
    words, bytes_ = word_tokenizer(), byte_tokenizer()
    sizes = dict(hidden_size=16, num_hidden_layers=1, num_attention_heads=4, intermediate_size=32)
    bert = dict(vocab_size=len(words), max_position_embeddings=96, **sizes)
    roberta = RobertaConfig(vocab_size=len(bytes_), max_position_embeddings=98, type_vocab_size=1, **sizes)
    folders = {
        "bert-qa": (BertForQuestionAnswering(BertConfig(**bert)), words),
        "roberta-qa": (RobertaForQuestionAnswering(roberta), bytes_),
        "bert-labels": (BertForSequenceClassification(BertConfig(**bert, num_labels=3)), words),
        "bert-score": (BertForSequenceClassification(BertConfig(**bert, num_labels=1)), words),
    }
    for name, (model, tokenizer) in folders.items():
        write(name, model, tokenizer)
    expected = {
        "made_with": f"transformers {transformers.__version__}, float32",
        "examples": EXAMPLES + LONG,
        "answers": [row for name in ("bert-qa", "roberta-qa") for row in answers(name)],
        "inputs": INPUTS,
        "labels": [row for name in ("bert-labels", "bert-score") for row in labels(name)],
    }
    (GOLDENS / "expected.json").write_text(as_text(expected), encoding="utf-8")


def write(name: str, model: Any, tokenizer: Any) -> None:
    """One checkpoint with its tokenizer, its parameters shaken."""
    shutil.rmtree(GOLDENS / name, ignore_errors=True)
    shake(model)
    model.save_pretrained(GOLDENS / name)
    tokenizer.save_pretrained(GOLDENS / name)
    for path in (GOLDENS / name).iterdir():
        if path.name not in ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"):
            path.unlink()
    path = GOLDENS / name / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")), ensure_ascii=False), encoding="utf-8")


def as_text(expected: dict[str, Any]) -> str:
    """JSON with one row a line, numbers to nine digits."""

    def rounded(value: Any) -> Any:
        if isinstance(value, float):
            return float(f"{value:.9g}")
        if isinstance(value, list):
            return [rounded(member) for member in value]
        return {key: rounded(member) for key, member in value.items()} if isinstance(value, dict) else value

    lines = []
    for key, value in expected.items():
        rows = value if isinstance(value, list) else [value]
        shown = ",\n".join(json.dumps(rounded(row), ensure_ascii=False) for row in rows)
        lines.append(f"{json.dumps(key)}: " + (f"[\n{shown}\n]" if isinstance(value, list) else shown))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def shake(model: torch.nn.Module) -> None:
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)


def sentences() -> list[str]:
    return [text for pair in EXAMPLES + LONG for text in pair] + TEXTS


def word_tokenizer() -> PreTrainedTokenizerFast:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=200, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(sentences(), trainer)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    from transformers import BertTokenizerFast

    return BertTokenizerFast(tokenizer_object=tokenizer, model_max_length=96)


def byte_tokenizer(*, prefixed: bool = False) -> PreTrainedTokenizerFast:
    """prefixed: whether a text is read as if a space stood before it."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefixed)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=340, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(sentences(), trainer)
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=prefixed
    )
    from transformers import RobertaTokenizerFast

    return RobertaTokenizerFast(tokenizer_object=tokenizer, model_max_length=96, add_prefix_space=prefixed)


def answers(name: str) -> list[dict[str, Any]]:
    """One row per example and options, with the pipeline's answers as they are and by the rule."""
    pipe = transformers.pipeline("question-answering", str(GOLDENS / name), dtype="float32", device="cpu")
    windows: list[tuple[Any, ...]] = []
    select, encodings = v4.select_starts_ends, []
    inside = pipe.postprocess

    def recorded(start: Any, end: Any, p_mask: Any, attention_mask: Any, *rest: Any) -> Any:
        windows.append((start.numpy()[0], end.numpy()[0], p_mask.numpy()[0], attention_mask[0]))
        return select(start, end, p_mask, attention_mask, *rest)

    def seen(outputs: Any, **options: Any) -> Any:
        outputs = list(outputs)
        encodings[:] = [output["encoding"] for output in outputs]
        return inside(outputs, **options)

    v4.select_starts_ends, pipe.postprocess = recorded, seen
    rows = []
    for (question, context), options in itertools.chain(
        itertools.product(EXAMPLES, SHORT_OPTIONS), itertools.product(LONG, LONG_OPTIONS)
    ):
        windows.clear()
        said = pipe(question=question, context=context, **options)
        said = said if isinstance(said, list) else [said]
        whole = pipe.tokenizer(context, add_special_tokens=False)
        expected = by_the_rule(context, whole, windows, encodings, **options)
        count = len(windows)
        if count == 1:
            check_against(unsummed(pipe, question, context, options), expected)
        rows.append(
            {
                "model": name,
                "example": (EXAMPLES + LONG).index((question, context)),
                "options": options,
                "windows": count,
                "said": None if alike(said, expected) else said,
                "expected": expected,
            }
        )
    v4.select_starts_ends = select
    return rows


def unsummed(pipe: Any, question: str, context: str, options: dict[str, Any]) -> list[dict[str, Any]]:
    """The pipeline's own candidates for one window, of equal texts the best instead of the sum."""
    found: list[dict[str, Any]] = []

    def never(answers: list[dict[str, Any]], target: str) -> None:
        nonlocal found
        found = answers

    merge, pipe.get_answer = pipe.get_answer, never
    pipe(question=question, context=context, **options)
    pipe.get_answer = merge
    best: dict[str, dict[str, Any]] = {}
    for answer in sorted(found, key=lambda answer: -answer["score"]):
        if answer["score"] > 0:  # spans that begin at the classifier token are listed too, with 0
            best.setdefault(answer["answer"].lower(), answer)
    return list(best.values())[: options.get("top_k", 1)]


def alike(said: list[dict[str, Any]], expected: list[dict[str, Any]]) -> bool:
    return len(said) == len(expected) and all(
        (a["start"], a["end"], a["answer"]) == (b["start"], b["end"], b["answer"])
        and abs(a["score"] - b["score"]) < 1e-6
        for a, b in zip(said, expected, strict=True)
    )


def check_against(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """The rule is v4's wherever v4 looks far enough down its list of candidates."""
    if not alike(found, expected[: len(found)]):
        raise SystemExit(f"The rule differs from the pipeline: {found} and {expected}")


def by_the_rule(
    context: str,
    whole: Any,
    windows: list[tuple[Any, ...]],
    encodings: list[Any],
    top_k: int = 1,
    max_answer_len: int = 15,
    align_to_words: bool = True,
    handle_impossible_answer: bool = False,
    **_: Any,
) -> list[dict[str, Any]]:
    """Every span of every window, one at a time: p(start) p(end), normalised over all windows together."""
    allowed = [[p == 0 and a == 1 for p, a in zip(w[2], w[3], strict=True)] for w in windows]
    shares = []
    for column in (0, 1):
        values = [
            float(v)
            for w, ok in zip(windows, allowed, strict=True)
            for v, yes in zip(w[column], ok, strict=True)
            if yes
        ]
        total = math.fsum(math.exp(v) for v in values)
        shares.append([[math.exp(float(v)) / total for v in w[column]] for w in windows])
    best: dict[str, dict[str, Any]] = {}
    for w, encoding in enumerate(encodings):
        ids = encoding.sequence_ids
        inside = [at for at in range(len(ids)) if ids[at] == 1]
        for s, e in itertools.product(inside, inside):
            if not s <= e < s + max_answer_len:
                continue
            start, end = encoding.offsets[s][0], encoding.offsets[e][1]
            if align_to_words:
                start = whole.word_to_chars(word_at(whole, encoding.offsets[s]))[0]
                end = whole.word_to_chars(word_at(whole, encoding.offsets[e]))[1]
            text, score = context[start:end], shares[0][w][s] * shares[1][w][e]
            if text.lower() not in best or best[text.lower()]["score"] < score:
                best[text.lower()] = {"score": score, "start": start, "end": end, "answer": text}
    found = list(best.values())
    if handle_impossible_answer:
        null = min(s[0] * e[0] for s, e in zip(*shares, strict=True))
        found.append({"score": null, "start": 0, "end": 0, "answer": ""})
    return sorted(found, key=lambda answer: -answer["score"])[:top_k]


def word_at(whole: Any, offsets: tuple[int, int]) -> int:
    """The word of the token that stands at these characters, in the encoding of the whole context."""
    at = whole.encodings[0].offsets.index(offsets)
    word: int = whole.encodings[0].word_ids[at]
    return word


def labels(name: str) -> list[dict[str, Any]]:
    """What the classification pipeline says: every input with every option, in the call or when it is
    made."""
    rows = []
    for problem, options, early in itertools.product(
        (None, "multi_label_classification", "regression"), LABEL_OPTIONS, (False, True)
    ):
        if problem is not None and (early or options not in LABEL_OPTIONS[:4]):
            continue
        if name == "bert-score" and (early or options not in LABEL_OPTIONS[:4]):
            continue
        made = options if early else {}
        pipe = transformers.pipeline(
            "text-classification", str(GOLDENS / name), dtype="float32", device="cpu", **made
        )
        pipe.model.config.problem_type = problem
        for inputs in INPUTS:
            said = pipe(inputs, **({} if early else options))
            rows.append(
                {
                    "model": name,
                    "problem_type": problem,
                    "made_with": made,
                    "inputs": INPUTS.index(inputs),
                    "options": {} if early else options,
                    "said": said,
                }
            )
    return rows


if __name__ == "__main__":
    main()
