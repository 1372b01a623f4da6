"""docs/models.md says what the families say."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from hubformer.families import FAMILIES

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def script() -> Any:
    spec = importlib.util.spec_from_file_location("write_models", ROOT / "scripts" / "write_models.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(script: Any) -> None:
    assert (ROOT / "docs" / "models.md").read_text("utf-8") == script.page(), "run scripts/write_models.py"


def test_every_family_is_there_with_all_that_it_says(script: Any) -> None:
    rows = [line for line in script.page().splitlines() if line.startswith("| `")]
    for model_type in FAMILIES:
        built, named = (row for row in rows if row.startswith(f"| `{model_type}` |"))
        cells = [cell.strip() for cell in built.strip("|").split("|")]
        assert len(cells) == 6
        assert all(cells), built
        assert "Model`" in named


def test_targets_are_of_known_families() -> None:
    targets = json.loads((ROOT / "scripts" / "targets.json").read_text("utf-8"))
    assert {target["model_type"] for target in targets} <= set(FAMILIES)
