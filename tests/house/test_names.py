"""Names that say something, docstrings where a reader meets a thing, and no arguments that vanish."""

from __future__ import annotations

import ast
from pathlib import Path

import hubformer

SOURCE = Path(hubformer.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "manager", "misc", "common", "base_utils"}
WORDS_OF_THE_UNFINISHED = ("TODO", "FIXME", "XXX", "HACK")


def place(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def test_modules() -> None:
    wrong = []
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        if path.stem in EMPTY_NAMES:
            wrong.append(f"{place(path)} has a name that says nothing")
        if tree.body and not ast.get_docstring(tree):
            wrong.append(f"{place(path)} does not say what it is for")
        wrong += [f"{place(path)} holds {word}" for word in WORDS_OF_THE_UNFINISHED if word in text]
    assert not wrong, "\n".join(wrong)


def test_public_classes_say_what_they_are_for() -> None:
    wrong = []
    for path in FILES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                plain = any("Protocol" in ast.unparse(b) or "Exception" in ast.unparse(b) for b in node.bases)
                if not (ast.get_docstring(node) or plain or len(node.body) <= 12):
                    wrong.append(f"{place(path)}: {node.name} has no docstring")
    assert not wrong, "\n".join(wrong)


def test_no_forward_swallows_arguments() -> None:
    """The one that takes names freely refuses those it does not know: models/inputs.py. That of a pipeline is
    no module's: it passes the parameters of v4's step on to `_forward`, whose names they are."""
    wrong = [
        f"{place(path)}:{node.lineno}"
        for path in FILES
        if place(path) not in ("models/inputs.py", "pipelines/steps.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name == "forward"
        if node.args.kwarg is not None or node.args.vararg is not None
    ]
    assert not wrong, "\n".join(wrong)


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
