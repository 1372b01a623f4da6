"""Names that say something, docstrings where a reader meets a thing, and no arguments that vanish."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import hubformer

SOURCE = Path(hubformer.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "manager", "misc", "common", "base_utils"}
WORDS_OF_THE_UNFINISHED = ("TODO", "FIXME", "XXX", "HACK")


def place(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


@pytest.mark.parametrize("path", FILES, ids=place)
def test_modules(path: Path) -> None:
    assert path.stem not in EMPTY_NAMES
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree) or not tree.body, f"{place(path)} does not say what it is for"
    for word in WORDS_OF_THE_UNFINISHED:
        assert word not in text, f"{place(path)} holds {word}"


@pytest.mark.parametrize("path", FILES, ids=place)
def test_public_classes_and_functions_say_what_they_are_for(path: Path) -> None:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            plain = any("Protocol" in ast.unparse(b) or "Exception" in ast.unparse(b) for b in node.bases)
            told = ast.get_docstring(node) or plain or len(node.body) <= 12
            assert told, f"{place(path)}: {node.name} has no docstring"


@pytest.mark.parametrize("path", FILES, ids=place)
def test_no_forward_swallows_arguments(path: Path) -> None:
    """The one that takes names freely refuses those it does not know: models/inputs.py."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name == "forward" and place(path) != "models/inputs.py":
            assert node.args.kwarg is None, f"{place(path)}:{node.lineno}"
            assert node.args.vararg is None, f"{place(path)}:{node.lineno}"


def test_every_public_forward_is_spelled_out() -> None:
    import inspect

    from hubformer.pretrained.classes import public_names

    for name in public_names():
        kind = getattr(hubformer, name)
        if getattr(kind, "head_row", None) is not None:
            kinds = {p.kind for p in inspect.signature(kind.forward).parameters.values()}
            assert kinds == {inspect.Parameter.POSITIONAL_OR_KEYWORD}, name


def test_the_core_holds_no_buffers() -> None:
    """Nothing to forget when a model is built on `meta`."""
    for path in (SOURCE / "core").glob("*.py"):
        assert "register_buffer" not in path.read_text(encoding="utf-8"), path.name
