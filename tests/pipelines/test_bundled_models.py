"""The models that ship: small, whole, readable by others, and as good as their cards say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

import hubformer
from hubformer import pipeline
from hubformer.evaluation import evaluate
from hubformer.hub import read_card
from hubformer.pipelines import TASKS

BUNDLED = Path(hubformer.__file__).parent / "bundled"
DATA = Path(__file__).parents[3] / "shared" / "data"
SHIPPED = {task: row.bundled for task, row in TASKS.items() if row.bundled}
TEXTS = ["I love this movie!", "A dull, endless film.", "What is the capital? Paris is the capital."]


def test_what_ships_is_what_the_tasks_name_and_not_large() -> None:
    assert {path.name for path in BUNDLED.iterdir() if path.is_dir()} == set(SHIPPED.values())
    files = [path for path in BUNDLED.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 100e6
    assert all(path.parent.parent == BUNDLED for path in files)  # as package-data names them


def test_the_promised_answers() -> None:
    label = pipeline("sentiment-analysis", "bundled", device="cpu")("I love this movie!")
    assert label[0]["label"] == "POSITIVE"
    answer: Any = pipeline("question-answering", "bundled", device="cpu")(
        question="What is the capital of France?", context="Paris is the capital of France."
    )
    assert answer["answer"] == "Paris"


@pytest.mark.parametrize("task", SHIPPED)
def test_the_card_says_where_it_comes_from(task: str) -> None:
    card = read_card(BUNDLED / SHIPPED[task])
    assert card["license"] == "apache-2.0"
    assert card["base_model"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert card["pipeline_tag"] == task
    text = (BUNDLED / SHIPPED[task] / "README.md").read_text("utf-8")
    for heading in ("Figures", "Where it comes from", "Limits", "Licence"):
        assert f"\n## {heading}\n" in text


@pytest.mark.parametrize("task", SHIPPED)
def test_transformers_reads_it_alike(task: str) -> None:
    transformers = pytest.importorskip("transformers")
    folder = BUNDLED / SHIPPED[task]
    auto = TASKS[task].model
    mine = getattr(hubformer, auto).from_pretrained(folder)
    theirs = getattr(transformers, auto).from_pretrained(folder, dtype=torch.float32)
    tokenizers = [library.AutoTokenizer.from_pretrained(folder) for library in (hubformer, transformers)]
    first, second = (tokenizer(TEXTS, padding=True, return_tensors="pt") for tokenizer in tokenizers)
    assert torch.equal(first["input_ids"], second["input_ids"])
    with torch.no_grad():
        ours, oracles = mine(**first), theirs(**second)
    for name in ("logits",) if "logits" in ours else ("start_logits", "end_logits"):
        seen = first["attention_mask"].bool() if ours[name].shape == first["input_ids"].shape else ...
        torch.testing.assert_close(ours[name][seen], oracles[name][seen], atol=1e-5, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "data", "named", "bars"),
    [
        ("text-classification", "sst2/dev.tsv", {"format": "sst2"}, {"accuracy": 0.90}),
        (
            "question-answering", "squad/dev-v1.1.json.gz", {"format": "squad", "limit": 2000},
            {"exact": 68.0, "f1": 78.0},
        ),
    ],
)  # fmt: skip
def test_as_good_as_promised(task: str, data: str, named: dict[str, Any], bars: dict[str, float]) -> None:
    if not (DATA / data).is_file():
        pytest.skip("the data set is not on this machine")
    found = evaluate(task, "bundled", DATA / data, resamples=0, device="cpu", **named)
    for metric, bar in bars.items():
        assert found.metrics[metric] >= bar, metric
    if "limit" not in named:
        said = read_card(BUNDLED / SHIPPED[task])["model-index"][0]["results"][0]["metrics"][0]
        assert found.metrics[said["type"]] == pytest.approx(said["value"], abs=1e-3)
