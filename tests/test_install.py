"""The wheel: built, installed beside the runtime dependencies and nothing else, and put to work."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution, requires
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from hubformer.presets import names

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the checkout."""
    copy, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, copy / name)
    shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = out.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and its runtime dependencies."""
    home = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    shown = home / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    for found in runtime():
        for top in sorted({file.parts[0] for file in found.files or ()} - {"..", "__pycache__"}):
            source = Path(str(found.locate_file(top)))
            if not (shown / top).exists() and source.exists():
                (shown / top).symlink_to(source)
    python = home / "bin" / "python"
    command = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
    ]
    done = subprocess.run([*command, str(wheel)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return home / "bin"


def runtime() -> Iterator[Distribution]:
    """What hubformer needs to run, and what that needs, as far as it is installed here."""
    waiting, seen = list(requires("hubformer") or ()), set()
    while waiting:
        wanted = Requirement(waiting.pop())
        name = re.sub(r"[-_.]+", "-", wanted.name).lower()
        if name in seen or (wanted.marker is not None and not wanted.marker.evaluate({"extra": ""})):
            continue
        seen.add(name)
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue
        yield found
        waiting += found.requires or ()


def said(installed: Path, folder: Path, *command: str) -> str:
    """What a program of the environment prints, run outside the checkout."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(installed / command[0]), *command[1:]],
        cwd=folder,
        env=plain,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_inside(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        inside = set(archive.namelist())
        metadata = next(name for name in inside if name.endswith(".dist-info/METADATA"))
        told = archive.read(metadata).decode()
    assert {"hubformer/py.typed", "hubformer/__init__.pyi", "hubformer/_types/bert.pyi"} <= inside
    assert {f"hubformer/configs/{name}.json" for name in names()} <= inside
    assert any(name.endswith("LICENSE") for name in inside)
    assert not [name for name in inside if name.startswith(("tests", "scripts")) or name.endswith(".pyc")]
    needed = {
        Requirement(line.partition(":")[2]).name
        for line in told.splitlines()
        if line.startswith("Requires-Dist:") and "extra ==" not in line
    }
    runs_on = {"huggingface_hub", "jinja2", "numpy", "pyyaml", "safetensors", "tokenizers", "torch", "tqdm"}
    assert needed == runs_on


def test_at_work(installed: Path, tmp_path: Path) -> None:
    """Models made, saved, loaded and asked: through Python and through the command."""
    shutil.copy2(ROOT / "tests" / "tiny_folders.py", tmp_path / "tiny_folders.py")
    said(installed, tmp_path, "python", "tiny_folders.py", str(tmp_path))
    code = (
        "import sys, hubformer\n"
        "assert 'site-packages' in hubformer.__file__, hubformer.__file__\n"
        "pipe = hubformer.pipeline('sentiment-analysis', 'labels')\n"
        "print(pipe('I love this movie!')[0]['label'])\n"
        "print(hubformer.AutoModel.from_config('bert-tiny').num_parameters())\n"
        "for name in hubformer.__all__: getattr(hubformer, name)\n"
        "from importlib.util import find_spec\n"
        "print('transformers' in sys.modules, find_spec('transformers'))\n"
    )
    label, parameters, absent = said(installed, tmp_path, "python", "-c", code).split("\n", 2)
    assert label in ("NEGATIVE", "POSITIVE")
    assert int(parameters) == 4_385_920
    assert absent.strip() == "False None"
    answer = said(installed, tmp_path, "hubformer", "run", "sentiment-analysis", "Dull.", "--model", "labels")
    assert '"label"' in answer
    assert "hubformer 0" in said(installed, tmp_path, "hubformer", "--version")
    writing = ("hubformer", "run", "text-generation", "Once", "--max-new-tokens", "3", "--model", "writer")
    assert "Once" in said(installed, tmp_path, *writing)
