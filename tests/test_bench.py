"""scripts/bench.py: every family's pass can be built, by both libraries, from the same values."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import hubformer

SCRIPT = Path(__file__).parents[1] / "scripts" / "bench.py"


@pytest.fixture(scope="module")
def bench() -> Any:
    spec = importlib.util.spec_from_file_location("bench", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench"] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


def test_passes_are_of_as_many_layers(bench: Any) -> None:
    transformers = pytest.importorskip("transformers")
    for preset in bench.PRESETS:
        values = bench._shallow(preset)
        with torch.device("meta"):
            ours = hubformer.AutoModel.from_config(hubformer.AutoConfig.for_model(**values))
            theirs = transformers.AutoModel.from_config(transformers.AutoConfig.for_model(**values))
        waves = sum(p.numel() for p in theirs.parameters() if not p.requires_grad)
        assert ours.num_parameters() == theirs.num_parameters() - waves, preset
        assert ours.config.num_hidden_layers == bench.LAYERS, preset


def test_the_measured_process_may_print_other_lines(bench: Any) -> None:
    """A training prints its own lines; what counts is the last."""
    found = bench.measure("import", "hubformer", "unused", str(SCRIPT.with_name("sentences.txt")))
    assert 0 < found.seconds < 60
    assert found.peak > 10_000_000
    assert bench.GROUPS["families"] == tuple(bench.FAMILIES)
