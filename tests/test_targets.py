"""scripts/check_targets.py, on a look-alike Hub: what it reports of a checkpoint that is right."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from hub_server import HubServer
from tiny_folders import write_labels

SCRIPT = Path(__file__).parents[1] / "scripts" / "check_targets.py"


@pytest.fixture
def script() -> Any:
    spec = importlib.util.spec_from_file_location("check_targets", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def targets(script: Any, folder: Path, *rows: dict[str, str]) -> None:
    script.TARGETS = folder / "targets.json"
    script.TARGETS.write_text(json.dumps(rows), "utf-8")


def test_every_target_has_an_auto_class(script: Any) -> None:
    for target in script.chosen([]):
        assert script.auto_class(target["task"]).startswith("AutoModel"), target
    assert script.auto_class("base") == "AutoModel"


def test_a_checkpoint_as_transformers_reads_it(
    script: Any, hub: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.add("org/labels", write_labels(tmp_path / "labels"))
    targets(
        script,
        tmp_path,
        {"id": "org/labels", "model_type": "bert", "task": "sequence-classification"},
        {"id": "org/labels", "model_type": "bert", "task": "question-answering"},
        {"id": "org/absent", "model_type": "bert", "task": "base"},
    )
    assert script.main([]) == 2
    first, second, third = capsys.readouterr().out.splitlines()[2:]
    assert first.startswith("| org/labels | bert | SV | equal |")
    assert "| SV | CheckpointError: " in second
    assert "| HubError: " in third
    assert script.main(["labels", "--alone"]) == 1
    assert "| SV | reads |" in capsys.readouterr().out


def test_what_differs_is_said(script: Any) -> None:
    torch.manual_seed(0)
    mine = ({"input_ids": [[1, 2, 0]]}, torch.randn(1, 3, 4))
    told = script.compared

    def changed(place: int, by: float) -> torch.Tensor:
        states = mine[1].clone()
        states[0, place] += by
        return states

    assert told(mine, ({"input_ids": [[1, 2, 0]]}, mine[1]), mask=None) == "equal"
    assert told(mine, ({"input_ids": [[1, 3, 0]]}, mine[1]), mask=None) == "other ids"
    assert told(mine, (mine[0], mine[1][:, :2]), mask=None).startswith("other shape: [1, 3, 4]")
    assert told(mine, (mine[0], changed(1, 0.1)), mask=[[1, 1, 0]]).startswith("other states, by ")
    assert told(mine, (mine[0], changed(2, 0.1)), mask=[[1, 1, 0]]) == "equal"  # padding may say anything


def test_letters_of_files(script: Any) -> None:
    assert script.files_of(["model.safetensors", "tokenizer.json", "vocab.txt", "a.md"]) == "SJV"
    assert script.files_of(["pytorch_model.bin.index.json", "spiece.model", "merges.txt"]) == "BMP"
