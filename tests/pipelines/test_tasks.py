"""The table of tasks, and `pipeline`: which task, which model, which errors."""

from __future__ import annotations

import importlib
import inspect
import logging
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import hubformer
from hub_server import HubServer
from hubformer import pipelines
from hubformer.errors import CheckpointError, InputError, UnknownArgument, UnknownName
from hubformer.pipelines import ALIASES, NOT_YET, TASKS, pipeline
from hubformer.pipelines.base import Pipeline
from hubformer.pipelines.registry import PIPELINE_REGISTRY
from hubformer.pretrained.tokenizer import AutoTokenizer

GOLDENS = Path(__file__).parent / "goldens"
LABELS, ANSWERS, TAGS = GOLDENS / "bert-labels", GOLDENS / "bert-qa", GOLDENS / "bert-tags"
# Every task, with an input that it takes.
ROWS: dict[str, Any] = {
    "feature-extraction": "Old Marta keeps bees.",
    "fill-mask": "Old Marta keeps [MASK].",
    "question-answering": {"question": "Who keeps the bees?", "context": "Old Marta keeps bees."},
    "summarization": "The soup was wonderful.",
    "text-classification": "The soup was wonderful.",
    "text-generation": "The soup was",
    "text2text-generation": "The soup was wonderful.",
    "token-classification": "Old Marta keeps bees.",
    "translation": "The soup was wonderful.",
    "zero-shot-classification": "The soup was wonderful.",
}
SHARED = (
    "base", "bundled", "devices", "loading", "registry", "steps", "table", "writing",
)  # files that are no task  # fmt: skip


def test_every_task_has_a_row_here_and_every_file_a_row_there() -> None:
    assert TASKS.keys() == ROWS.keys()
    assert list(TASKS) == sorted(TASKS)
    files = {path.stem for path in Path(pipelines.__file__).parent.glob("*.py")} - {"__init__", *SHARED}
    assert files == {row.home.partition(":")[0] for row in TASKS.values()}


@pytest.mark.parametrize("task", TASKS)
def test_rows_import(task: str) -> None:
    kind, auto = PIPELINE_REGISTRY.pipeline_class(task), PIPELINE_REGISTRY.model_class(task)
    assert issubclass(kind, Pipeline)
    assert kind.model_task == auto.task
    name, _, commit = (TASKS[task].default or "").partition("@")
    assert "/" in name
    assert len(commit) == 40
    assert not set(ALIASES) & set(TASKS)
    assert not set(NOT_YET) & set(TASKS)


def test_the_table_brings_no_torch_along() -> None:
    code = "import sys, hubformer.pipelines; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_arguments_come_in_v4s_order() -> None:
    expected = (
        "task model config tokenizer feature_extractor image_processor processor framework revision "
        "use_fast token "
        "device device_map dtype trust_remote_code model_kwargs pipeline_class kwargs"
    )
    assert list(inspect.signature(pipeline).parameters) == expected.split()


@pytest.mark.parametrize(
    ("folder", "task"),
    [
        ("bert-labels", "text-classification"),
        ("bert-mask", "fill-mask"),
        ("bert-qa", "question-answering"),
        ("bert-tags", "token-classification"),
    ],
)
def test_the_task_is_inferred(folder: str, task: str) -> None:
    assert pipeline(model=GOLDENS / folder, device="cpu").task == task
    loaded = pipeline(model=GOLDENS / folder, device="cpu").model
    assert pipeline(model=loaded, device="cpu").task == task


def test_the_task_is_inferred_from_the_card(tmp_path: Path) -> None:
    shutil.copytree(LABELS, tmp_path / "m")
    config = tmp_path / "m" / "config.json"
    config.write_text(config.read_text().replace("BertForSequenceClassification", "BertModel"))
    with pytest.raises(UnknownName, match="Pass task="):
        pipeline(model=tmp_path / "m")
    (tmp_path / "m" / "README.md").write_text("---\npipeline_tag: text-classification\n---\n")
    assert pipeline(model=tmp_path / "m", device="cpu").task == "text-classification"


def test_aliases() -> None:
    assert pipeline("sentiment-analysis", LABELS, device="cpu").task == "text-classification"
    assert pipeline("ner", TAGS, device="cpu").task == "token-classification"


@pytest.mark.parametrize(
    ("task", "words"),
    [
        ("text-clasification", "Did you mean 'text-classification'"),
        ("sentiment", "Did you mean 'sentiment-analysis'"),
        ("table-question-answering", "not available yet"),
        ("image-to-text", "not available yet"),
        ("translation_en", "There is no task"),
        ("org/name", "pass model='org/name'"),
        ("zzz", "Available: feature-extraction, fill-mask, ner, question-answering"),
    ],
)
def test_tasks_that_are_none(task: str, words: str) -> None:
    with pytest.raises(UnknownName, match=words):
        pipeline(task, LABELS)


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({}, "neither a task nor a model"),
        ({"task": 3, "model": LABELS}, "task is 3"),
        ({"task": "text-classification", "model": 3}, "model is int"),
        ({"model": LABELS, "framework": "tf"}, "framework is 'tf'"),
        ({"model": LABELS, "device": "gpu"}, "device is 'gpu'"),
        (
            {"model": LABELS, "device": "cpu", "device_map": "auto"},
            "device is 'cpu' in device= and 'auto' in device_map=",
        ),
        ({"model": LABELS, "dtype": "float16", "torch_dtype": "float32"}, "and 'float32' in torch_dtype="),
        ({"model": LABELS, "dtype": "int8"}, "dtype is 'int8'"),
        ({"model": LABELS, "image_processor": "x"}, "read text"),
        ({"model": LABELS, "pipeline_class": dict}, "pipeline_class"),
    ],
)
def test_arguments_that_cannot_be(named: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        pipeline(**named)


def test_a_misspelt_argument() -> None:
    with pytest.raises(UnknownArgument, match="Did you mean 'tokenizer'"):
        pipeline("text-classification", LABELS, tokeniser="x")
    with pytest.raises(UnknownArgument, match="Did you mean 'revision'"):
        pipeline("text-classification", LABELS, revison="main")
    with pytest.raises(UnknownArgument):
        pipeline("text-classification", LABELS, model_kwargs={"devise": "cpu"})


def test_models_in_memory() -> None:
    first = pipeline("text-classification", LABELS, device="cpu")
    found = pipeline("text-classification", first.model, device="cpu")
    assert found.model is first.model
    assert found("blue") == first("blue")
    given = pipeline(
        "text-classification", first.model, tokenizer=AutoTokenizer.from_pretrained(LABELS), device="cpu"
    )
    assert given("blue") == first("blue")
    with pytest.raises(InputError, match="no head for question-answering"):
        pipeline("question-answering", first.model, device="cpu")
    built = hubformer.BertForSequenceClassification(first.model.config)
    built.name_or_path = ""
    with pytest.raises(InputError, match="Pass tokenizer="):
        pipeline("text-classification", built)
    with pytest.raises(InputError, match=r"model\.to"):
        pipeline("text-classification", first.model, dtype="bfloat16")
    with pytest.raises(InputError, match="model_kwargs"):
        pipeline("text-classification", first.model, model_kwargs={"new_head": True})


def test_a_model_without_the_head_is_refused() -> None:
    with pytest.raises(CheckpointError, match="never trained"):
        pipeline("question-answering", LABELS)
    with pytest.raises(CheckpointError, match="never trained"):
        pipeline("text-classification", ANSWERS)


def test_dtype_and_device() -> None:
    made = pipeline("text-classification", LABELS, device=-1, torch_dtype="bfloat16")
    assert made.dtype == made.torch_dtype == torch.bfloat16
    assert made.device == torch.device("cpu")
    plain = pipeline("text-classification", LABELS, device_map={"": "cpu"})
    assert plain.dtype == torch.float32
    assert made("blue")[0]["score"] == pytest.approx(plain("blue")[0]["score"], abs=0.05)
    as_text = pipeline("text-classification", LABELS, model_kwargs={"dtype": "float64"}, device="cpu")
    assert as_text.dtype == torch.float64


def test_a_folder_without_a_tokenizer(tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors"):
        shutil.copy(LABELS / name, tmp_path / name)
    with pytest.raises(CheckpointError, match="tokenizer"):
        pipeline("text-classification", tmp_path)
    assert pipeline("text-classification", tmp_path, tokenizer=LABELS, device="cpu")("blue")
    assert pipeline("text-classification", tmp_path, tokenizer=(str(LABELS), {"use_fast": True}))("blue")


def test_a_task_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PIPELINE_REGISTRY, "_own", {})

    class Loudness(PIPELINE_REGISTRY.pipeline_class("text-classification")):  # type: ignore[misc]
        """Says how many letters are large."""

    auto = importlib.import_module("hubformer.pretrained.auto").AutoModelForSequenceClassification
    default = {"model": (str(LABELS), "main")}
    PIPELINE_REGISTRY.register_pipeline("loudness", Loudness, pt_model=auto, default=default)
    assert "loudness" in PIPELINE_REGISTRY.get_supported_tasks()
    assert isinstance(pipeline("loudness", LABELS, device="cpu"), Loudness)
    assert isinstance(pipeline(model=LABELS, pipeline_class=Loudness, device="cpu"), Loudness)
    with pytest.raises(InputError, match="subclass"):
        PIPELINE_REGISTRY.register_pipeline("other", dict)  # type: ignore[arg-type]


# Over HTTP


@pytest.mark.parametrize("task", ["text-classification", "question-answering", "token-classification"])
def test_by_name_from_a_hub(hub: HubServer, task: str) -> None:
    folder = {
        "text-classification": LABELS,
        "question-answering": ANSWERS,
        "token-classification": TAGS,
    }[task]
    hub.add("org/name", folder)
    given = ROWS[task]
    assert pipeline(task, "org/name", device="cpu")(given) == pipeline(task, folder, device="cpu")(given)


def test_all_files_of_one_commit(hub: HubServer) -> None:
    """A push between two files goes unnoticed: the branch is asked for once."""
    commit = hub.add("org/name", LABELS)
    pipeline("text-classification", "org/name", device="cpu")
    asked = [request.path for request in hub.requests if "/resolve/" in request.path]
    assert sum("/resolve/main/" in path for path in asked) == 1
    assert all(f"/resolve/{commit}/" in path or "/resolve/main/" in path for path in asked)


def test_a_revision(hub: HubServer) -> None:
    old = hub.add("org/name", LABELS)
    hub.add("org/name", {"config.json": b"{}"})
    with pytest.raises(hubformer.errors.HubformerError):
        pipeline("text-classification", "org/name")
    assert pipeline("text-classification", "org/name", revision=old, device="cpu")("blue")


def test_the_default_model(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    commit = hub.add("org/default", LABELS)
    row = TASKS["text-classification"]._replace(default=f"org/default@{commit}")
    monkeypatch.setitem(TASKS, "text-classification", row)
    with caplog.at_level(logging.WARNING):
        made = pipeline("sentiment-analysis", device="cpu")
    assert made("blue") == pipeline(model=LABELS, device="cpu")("blue")
    lines = [record.message for record in caplog.records if "No model was named" in record.message]
    assert len(lines) == 1
    assert "org/default" in lines[0]
    hub.stop()
    assert pipeline("sentiment-analysis", device="cpu")("blue") == made("blue")  # cached at a full commit
