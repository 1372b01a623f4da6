"""Who may import whom. Rooms import downwards only, also inside functions; each library has its room."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import hubformer

SOURCE = Path(hubformer.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))

# What each room may import of hubformer, beside itself. A room is a folder or a file of the package.
BELOW = {
    "errors": "",
    "importing": "",
    "optional": "errors",
    "progress": "",
    "storage": "errors",
    "tables": "",
    "core": "errors",
    "weights": "errors storage",
    "models": "errors storage core weights",
    "families": "errors core weights models",
    "adapters": "errors storage core weights models",
    "hub": "errors storage",
    "tokenization": "errors storage",
    "presets": "configs",
    "data": "errors storage optional",
    "metrics": "errors optional",
    "generation": "errors storage core models",
    "pretrained": "errors storage core weights models families adapters hub tokenization presets generation",
    "inference": "errors core models",
    "tasks": "errors data metrics inference",
    "pipelines": "errors importing progress storage core models families hub tokenization pretrained "
    "inference tasks generation",
    "embeddings": "errors progress core weights models pretrained inference",
    "training": "errors storage core weights models hub tokenization pretrained data generation",
    "evaluation": "errors optional progress storage tables data metrics tokenization pretrained inference "
    "tasks pipelines",
    "recipes": "__init__ errors optional progress storage tokenization adapters pretrained inference data "
    "metrics tasks training evaluation presets configs",
    "names": "",
    "__init__": "errors importing names pretrained compat",
    "compat": "__init__ errors progress names core weights models families hub pretrained pipelines training",
    "__main__": "__init__ cli compat",
    "cli": "__init__ errors importing optional storage tables hub families models tokenization pretrained "
    "generation pipelines data metrics evaluation training recipes presets names",
}

# library -> the files that may import it
ONLY = {
    "huggingface_hub": ("hub/",),
    "tokenizers": ("tokenization/",),
    "peft": (),
    "safetensors": ("weights/stored.py", "weights/saving.py"),
    "transformers": (),
    "pickle": (),
    "sklearn": ("metrics/",),
    "scipy": ("metrics/",),
    "matplotlib": ("evaluation/",),
}

# name called -> the files that may call it
CALLS = {
    "scaled_dot_product_attention": ("core/kernels.py",),
    "eval": (),
    "exec": (),
}


def room(path: Path) -> str:
    first = path.relative_to(SOURCE).parts[0]
    return first.removesuffix(".py")


def place(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path} imports relatively"
            if node.module == "hubformer":
                yield from (f"hubformer.{alias.name}" for alias in node.names)
            else:
                yield node.module


def test_imports_point_downwards() -> None:
    wrong = []
    for path in FILES:
        here = room(path)
        assert here in BELOW, f"{here} is a new room: say in BELOW what it may import"
        for name in imports(path):
            library, _, rest = name.partition(".")
            if library == "hubformer":
                there = rest.split(".")[0] or "__init__"
                known = there if there in BELOW or there == "configs" else "__init__"
                if known not in (here, *BELOW[here].split()):
                    wrong.append(f"{place(path)} imports {name}")
            allowed = ONLY.get(library)
            if allowed is not None and not place(path).startswith(allowed or "nowhere"):
                wrong.append(f"{place(path)} imports {library}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("folder", ["families", "pipelines"])
def test_neighbours_in_a_table_import_only_downwards(folder: str) -> None:
    """A family may build on another's parts, never in a circle."""
    edges = {
        path.stem: {
            name.split(".")[2]
            for name in imports(path)
            if name.startswith(f"hubformer.{folder}.") and name.count(".") >= 2
        }
        for path in (SOURCE / folder).glob("*.py")
        if path.stem != "__init__"
    }

    def reached(start: str, seen: frozenset[str] = frozenset()) -> set[str]:
        return {
            name
            for next_one in edges.get(start, set()) - seen
            for name in {next_one, *reached(next_one, seen | {next_one})}
        }

    for name in edges:
        assert name not in reached(name), f"{folder}/{name}.py imports itself through others"


def test_calls_that_have_one_place() -> None:
    unsafe = ("torch.load", "np.load", "yaml.load", "pickle.loads")
    wrong = []
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                function = node.func
                method = isinstance(function, ast.Attribute)
                name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
                placed = name in CALLS and not (name == "eval" and method)
                if (placed and place(path) not in CALLS[name]) or ast.unparse(function) in unsafe:
                    wrong.append(f"{place(path)}:{node.lineno} calls {ast.unparse(function)}")
    assert not wrong, "\n".join(wrong)


def test_one_matrix_product() -> None:
    """Weights are multiplied in core/linear.py, so that a backend put there is used everywhere."""
    for path in [*(SOURCE / "core").glob("*.py"), *(SOURCE / "models").glob("*.py")]:
        text = path.read_text(encoding="utf-8")
        if path.name != "linear.py":
            assert "F.linear(" not in text, path.name
            assert "nn.Linear(" not in text, path.name
            assert "nn.Embedding(" not in text, path.name


def test_the_core_names_no_family() -> None:
    from hubformer.families import FAMILIES

    for path in (SOURCE / "core").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert node.value not in FAMILIES, f"{path.name}:{node.lineno} names {node.value}"
