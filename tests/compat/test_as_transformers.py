"""`import transformers` that means hubformer: submodules, version, children; only where it was asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import importlib.metadata, importlib.util, multiprocessing, subprocess, sys
import torch
from torch.utils.data import DataLoader, Dataset
import hubformer
import transformers
import transformers.trainer
import transformers.models.bert.modeling_bert as modeling
from transformers import BertConfig, logging

class Versions(Dataset):
    def __len__(self): return 2
    def __getitem__(self, i):
        import transformers as again
        return again.__version__

def child(queue):
    import transformers as again
    queue.put(again.BertModel.__module__)

if __name__ == "__main__":
    assert sys.argv[1:] == ["--flag", "1"], sys.argv
    assert transformers.__version__ == importlib.metadata.version("transformers") == "4.57.6"
    assert importlib.util.find_spec("transformers.trainer") is not None
    assert importlib.util.find_spec("transformers.no_such") is None
    assert BertConfig is hubformer.BertConfig
    assert modeling.BertModel is hubformer.BertModel is transformers.models.bert.BertModel
    assert transformers.trainer is sys.modules["hubformer.trainer"]
    assert transformers.utils.logging is logging
    try:
        from transformers import BertModl
    except ImportError as error:
        assert "Did you mean 'BertModel'" in str(error)
    code = "import transformers; print(transformers.__version__, transformers.BertModel.__module__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "4.57.6 hubformer\\n" and not done.stderr, done
    spawn = multiprocessing.get_context("spawn")
    queue = spawn.Queue()
    process = spawn.Process(target=child, args=(queue,))
    process.start()
    assert queue.get() == "hubformer"
    process.join()
    loaded = list(DataLoader(Versions(), num_workers=1, multiprocessing_context="spawn"))
    assert loaded == [["4.57.6"]] * 2, loaded
    print("done")
"""


def run(*given: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *given], capture_output=True, text=True, env={**os.environ, **environment}
    )


def test_a_script_and_its_children_run_unmodified(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = run("-m", "hubformer", str(script), "--flag", "1")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "done\n"


def test_a_module_runs_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import sys, transformers; print(transformers.AutoModel, sys.argv[1:])")
    done = subprocess.run(
        [sys.executable, "-m", "hubformer", "-m", "mine", "x"], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stdout == "<class 'hubformer.pretrained.auto.AutoModel'> ['x']\n", done.stderr


def test_the_sitecustomize_of_the_user_still_runs(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import builtins; builtins.ran = 'yes'")
    code = (
        "import subprocess, sys, hubformer; hubformer.as_transformers(); "
        "print(subprocess.run([sys.executable, '-c', 'import transformers as t; print(ran, t.__version__)'], "
        "capture_output=True, text=True).stdout)"
    )
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    assert run("-c", code, PYTHONPATH=paths).stdout == "yes 4.57.6\n\n"


def test_the_exit_code_and_the_error_are_the_scripts(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import sys; sys.exit(3)")
    assert run("-m", "hubformer", str(script)).returncode == 3
    missing = run("-m", "hubformer", str(tmp_path / "missing.py"))
    assert missing.returncode == 2
    assert "there is no file" in missing.stderr


def test_without_a_script_it_is_the_command() -> None:
    assert "usage: hubformer COMMAND" in run("-m", "hubformer", "--help").stdout


def test_only_where_it_was_asked_for() -> None:
    pytest.importorskip("transformers")
    code = "import hubformer, transformers as t; hubformer.BertModel; print(t.__name__, t.__version__)"
    assert run("-c", code).stdout.split()[1] != "4.57.6"


def test_after_the_real_one_it_is_an_error_that_says_what_to_do() -> None:
    code = (
        "import sys, types; sys.modules['transformers'] = types.ModuleType('transformers')\n"
        "import hubformer\n"
        "try: hubformer.as_transformers()\n"
        "except hubformer.HubformerError as error: print(error)"
    )
    said = run("-c", code).stdout
    assert "was already imported" in said
    assert "python -m hubformer SCRIPT" in said
