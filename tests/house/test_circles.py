"""No file imports itself through others, also inside functions."""

from __future__ import annotations

import ast
from pathlib import Path

import hubformer

SOURCE = Path(hubformer.__file__).parent


def module(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def graph(files: dict[str, str]) -> dict[str, set[str]]:
    """Module -> the modules that it imports, anywhere; what only type checkers import does not count."""
    edges: dict[str, set[str]] = {}
    for name, text in files.items():
        tree, edges[name] = ast.parse(text), set()
        unseen = {
            id(inner)
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
            for inner in ast.walk(node)
        }
        for node in ast.walk(tree):
            if id(node) in unseen:
                continue
            if isinstance(node, ast.Import):
                edges[name] |= {alias.name for alias in node.names if alias.name in files}
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    edges[name] |= {inner} if inner in files else {node.module} & set(files)
        edges[name].discard(name)
    return edges


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """The strongly connected components of more than one module (Tarjan 1972)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(edges[node]):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            part = []
            while not part or part[-1] != node:
                part.append(stack.pop())
            if len(part) > 1:
                found.append(sorted(part))

    for node in sorted(edges):
        if node not in index:
            visit(node)
    return found


def test_a_circle_is_found() -> None:
    files = {
        "a": "import b\n",
        "b": "def f():\n    from c import x\n",
        "c": "from a import y\n",
        "d": "import a\n",
    }
    assert circles(graph(files)) == [["a", "b", "c"]]


def test_there_is_no_circle() -> None:
    files = {module(path): path.read_text("utf-8") for path in SOURCE.rglob("*.py")}
    found = circles(graph(files))
    assert not found, "\n".join(" <-> ".join(circle) for circle in found)
