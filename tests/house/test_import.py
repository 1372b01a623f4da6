"""`import hubformer` is quick, and brings nothing heavy along."""

from __future__ import annotations

import subprocess
import sys

import hubformer

HEAVY = ("torch", "numpy", "tokenizers", "huggingface_hub", "safetensors", "transformers", "jinja2")
SHOW = f"import sys, hubformer; print([m for m in {HEAVY} if m in sys.modules])"


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_nothing_heavy_is_imported() -> None:
    assert run(SHOW) == "[]"


def test_all_names_are_seen_without_loading() -> None:
    code = (
        "import sys, hubformer; names = dir(hubformer); "
        "print('BertForMaskedLM' in names, 'AutoModel' in names, 'torch' in sys.modules)"
    )
    assert run(code) == "True True False"


def test_every_public_name_loads() -> None:
    for name in hubformer.__all__:
        assert getattr(hubformer, name) is not None, name


def test_transformers_is_never_imported() -> None:
    code = (
        "import sys, hubformer\n"
        "for name in hubformer.__all__: getattr(hubformer, name)\n"
        "import hubformer.cli\n"
        "print('transformers' in sys.modules)"
    )
    assert run(code) == "False"


def test_the_import_is_quick() -> None:
    """In time of the processor, and the least of several, so that a busy machine does not count."""
    code = "import time; t = time.process_time(); import hubformer; print(time.process_time() - t)"
    seconds = min(float(run(code)) for _ in range(7))  # the least disturbed of them
    assert seconds < 0.05
