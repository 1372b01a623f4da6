"""Real models on real data, with what transformers answered beside them; skipped where the data is not."""

from __future__ import annotations

import gzip
import json
import re
import string
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from hub_server import HubServer
from hubformer.pipelines import pipeline

SHARED = Path(__file__).parents[2].parent / "shared"
MODELS, DATA = SHARED / "models", SHARED / "data"

pytestmark = pytest.mark.skipif(not MODELS.is_dir(), reason="the real checkpoints are not here")


def expected(model: str) -> Any:
    return json.loads((MODELS / model / "expected.json").read_text("utf-8"))


@cache
def sentences() -> list[str]:
    lines = (DATA / "sst2" / "dev.tsv").read_text("utf-8").splitlines()[1:]
    return [line.split("\t")[0] for line in lines]


@cache
def questions() -> dict[str, tuple[str, str, list[str]]]:
    """id -> question, context, gold answers"""
    with gzip.open(DATA / "squad" / "dev-v1.1.json.gz") as file:
        articles = json.load(file)["data"]
    return {
        row["id"]: (row["question"], paragraph["context"], [gold["text"] for gold in row["answers"]])
        for article in articles
        for paragraph in article["paragraphs"]
        for row in paragraph["qas"]
    }


def test_sentiment_of_the_whole_dev_set() -> None:
    theirs = expected("minilm-sst2")["dev"]
    ours = pipeline("sentiment-analysis", MODELS / "minilm-sst2", device="cpu")(sentences())
    assert len(ours) == len(theirs) == 872
    assert [a["label"] for a in ours] == [a["label"] for a in theirs]
    assert max(abs(a["score"] - b["score"]) for a, b in zip(ours, theirs, strict=True)) <= 1e-5


@pytest.mark.slow
def test_answers_to_600_questions() -> None:
    known = expected("minilm-squad")
    rows = known["answers"]
    asked = [questions()[row["id"]] for row in rows]
    ask = pipeline("question-answering", MODELS / "minilm-squad", device="cpu")
    ours = ask([{"question": question, "context": context} for question, context, _ in asked])
    assert len(ours) == known["questions"] == 600
    compared = 0
    for answer, row, (_, context, _) in zip(ours, rows, asked, strict=True):
        assert context[answer["start"] : answer["end"]] == answer["answer"]
        assert 0 < answer["score"] <= 1
        if row["windows"] == 1:
            compared += 1
            assert {key: answer[key] for key in ("answer", "start", "end")} == {
                key: row[key] for key in ("answer", "start", "end")
            }
            assert answer["score"] == pytest.approx(row["score"], abs=1e-5)
    assert compared > 500
    exact, f1 = scores([answer["answer"] for answer in ours], [gold for _, _, gold in asked])
    assert exact >= known["exact"] - 0.1
    assert f1 >= known["f1"] - 0.1


def test_a_few_of_each() -> None:
    classify = pipeline(model=MODELS / "minilm-sst2", device="cpu")
    for answer, row in zip(classify(sentences()[:20]), expected("minilm-sst2")["dev"], strict=False):
        assert answer["label"] == row["label"]
        assert answer["score"] == pytest.approx(row["score"], abs=1e-5)
    ask = pipeline(model=MODELS / "minilm-squad", device="cpu")
    rows = [row for row in expected("minilm-squad")["answers"] if row["windows"] == 1][:8]
    for row in rows:
        question, context, _ = questions()[row["id"]]
        assert ask(question=question, context=context)["answer"] == row["answer"]


def test_over_a_hub(hub: HubServer) -> None:
    hub.add("org/sentiment", MODELS / "minilm-sst2")
    texts = sentences()[:16]
    there = pipeline("sentiment-analysis", model="org/sentiment", device="cpu")
    here = pipeline("sentiment-analysis", model=MODELS / "minilm-sst2", device="cpu")
    assert there(texts) == here(texts)
    hub.add("org/answers", MODELS / "minilm-squad")
    question, context, _ = next(iter(questions().values()))
    answers = [
        pipeline("question-answering", model=model, device="cpu")(question=question, context=context)
        for model in ("org/answers", MODELS / "minilm-squad")
    ]
    assert answers[0] == answers[1]


def scores(answers: list[str], golds: list[list[str]]) -> tuple[float, float]:
    """Exact match and F1 in percent, each the best over a question's gold answers (Rajpurkar et al. 2016)."""
    pairs = [
        (max(float(normal(a) == normal(g)) for g in gold), max(overlap(normal(a), normal(g)) for g in gold))
        for a, gold in zip(answers, golds, strict=True)
    ]
    exact, f1 = (100 * sum(column) / len(pairs) for column in zip(*pairs, strict=True))
    return exact, f1


def normal(text: str) -> str:
    text = "".join(letter for letter in text.lower() if letter not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def overlap(answer: str, gold: str) -> float:
    common = sum((Counter(answer.split()) & Counter(gold.split())).values())
    if not common:
        return 0.0
    precision, recall = common / len(answer.split()), common / len(gold.split())
    return 2 * precision * recall / (precision + recall)
