"""What is imported is declared, and each declaration has a lowest version that `make lowest` can install."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Imported only where somebody asked for what they do: they are extras.
EXTRAS = {"datasets", "matplotlib", "pyarrow", "rouge_score", "sacrebleu", "scipy"}
PACKAGES = {"yaml": "pyyaml"}  # whose names differ from their modules'


def third_party() -> set[str]:
    found: set[str] = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {"hubformer"}


def lowest(pyproject: str) -> list[str]:
    spec = importlib.util.spec_from_file_location("lowest_versions", ROOT / "scripts" / "lowest_versions.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: list[str] = module.lowest(pyproject)
    return found


def test_what_is_imported_is_declared() -> None:
    declared = {pin.split("==")[0] for pin in lowest((ROOT / "pyproject.toml").read_text())}
    imported = {PACKAGES.get(name, name) for name in third_party() - EXTRAS}
    assert imported == declared


def test_a_dependency_without_a_lowest_version_is_refused() -> None:
    with pytest.raises(ValueError, match="'torch' has no lowest version"):
        lowest('dependencies = [\n    "torch",\n]\n')
    with pytest.raises(ValueError, match="no list of dependencies"):
        lowest("")
