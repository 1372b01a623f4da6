"""The generated files follow from the tables, and a user's code passes mypy by them."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import hubformer

ROOT = Path(__file__).parents[2]
PACKAGE = Path(hubformer.__file__).parent

USER = """
import torch
from hubformer import AutoModel, BertConfig, BertForMaskedLM, BertTokenizer
from hubformer import EncoderDecoderModel, GPT2LMHeadModel, pipeline

model = BertForMaskedLM.from_pretrained("org/name", dtype="float32", revision="main")
ids = torch.ones(1, 3, dtype=torch.long)
best: torch.Tensor = model(input_ids=ids, attention_mask=ids).logits.argmax(-1)
width: int = BertConfig(hidden_size=32).hidden_size
kind: type[GPT2LMHeadModel] = type(GPT2LMHeadModel.from_pretrained("org/name"))
tokenizer = BertTokenizer.from_pretrained("org/name")
answers = pipeline("sentiment-analysis", "org/name")(["Good."], top_k=None)
AutoModel.from_config("bert-tiny")
scores: torch.Tensor = model.forward(ids, ids).logits
halves = EncoderDecoderModel.from_encoder_decoder_pretrained("org/name", "org/other")
BertConfig(num_labels=3, my_own=4)
"""
WRONG = {
    "model(inputs_ids=ids)": "call-arg",
    "model(ids, 3)": "arg-type",
    "model.forward(ids, labelss=ids)": "call-arg",
    'BertConfig(hidden_size="32")': "arg-type",
    "model(ids).logit": "attr-defined",
    "import hubformer; hubformer.BertForEverything": "attr-defined",
}


@pytest.fixture(scope="module")
def generator() -> Any:
    spec = importlib.util.spec_from_file_location("write_names", ROOT / "scripts" / "write_names.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_up_to_date(generator: Any) -> None:
    written = generator.texts()
    stale = [name for name, text in written.items() if (PACKAGE / name).read_text("utf-8") != text]
    stubs = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.pyi")}
    assert stale == [], "run scripts/write_names.py"
    assert stubs == written.keys() - {"names.py"}, "run scripts/write_names.py"


def test_the_stubs_stay_readable() -> None:
    assert sum(len(path.read_text("utf-8").splitlines()) for path in PACKAGE.rglob("*.pyi")) <= 7000


@pytest.mark.slow
def test_every_public_name_is_in_the_stub(tmp_path: Path) -> None:
    path = tmp_path / "every.py"
    one_by_one = "".join(f"from hubformer import {name}\n" for name in hubformer.__all__)
    path.write_text(f"{one_by_one}from hubformer import *\n", "utf-8")
    done = mypy(path)
    assert done.returncode == 0, done.stdout
    path.write_text("from hubformer import *\n" + "\n".join(hubformer.__all__), "utf-8")
    done = mypy(path)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_a_users_code_passes_mypy(tmp_path: Path) -> None:
    path = tmp_path / "user.py"
    path.write_text(USER, "utf-8")
    done = mypy(path)
    assert done.returncode == 0, done.stdout
    path.write_text(USER + "\n".join(WRONG), "utf-8")
    said = mypy(path).stdout
    first = USER.count("\n") + 1
    for place, kind in enumerate(WRONG.values()):
        assert any(
            f":{first + place}: error" in line and f"[{kind}]" in line for line in said.splitlines()
        ), said


def mypy(path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
