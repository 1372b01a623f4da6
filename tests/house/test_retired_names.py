"""Definitions whose names were replaced by the field's standard terms stay replaced."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import hubformer

SOURCE = Path(hubformer.__file__).parent
LINES = (Path(__file__).parent / "retired_names.txt").read_text("utf-8").splitlines()
RETIRED = {tuple(line.split()) for line in LINES if line.strip() and not line.startswith("#")}
KINDS = {"class", "function", "parameter", "attribute"}


def definitions(tree: ast.AST) -> Iterator[tuple[str, str, int]]:
    """Kind, name and line of everything that a file defines."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield "class", node.name, node.lineno
            for part in node.body:
                if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                    yield "attribute", part.target.id, part.lineno
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield "function", node.name, node.lineno
            arguments = node.args
            for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
                yield "parameter", argument.arg, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield "attribute", node.attr, node.lineno


def retired(source: str, room: str) -> list[str]:
    found = []
    for kind, name, line in definitions(ast.parse(source)):
        if {(room, kind, name), ("*", kind, name)} & RETIRED:
            found.append(f"line {line}: {kind} {name}")
    return found


def test_the_list_is_well_formed() -> None:
    assert all(len(row) == 3 and row[1] in KINDS for row in RETIRED)


def test_a_retired_name_is_found() -> None:
    assert retired("class Layout:\n    pass\n", "core") == ["line 1: class Layout"]
    assert retired("x = Layout()\n", "core") == []


@pytest.mark.parametrize("room", sorted({p.relative_to(SOURCE).parts[0] for p in SOURCE.rglob("*.py")}))
def test_no_retired_name_is_defined(room: str) -> None:
    place = SOURCE / room
    for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
        found = retired(path.read_text("utf-8"), room.removesuffix(".py"))
        assert not found, f"{path.relative_to(SOURCE)}: {'; '.join(found)}: see retired_names.txt"
