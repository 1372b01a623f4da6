"""Python runs this when it starts, where as_transformers() of the parent put this folder on PYTHONPATH."""

import importlib.util
import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path

_here = Path(__file__).resolve().parent
sys.path = [place for place in sys.path if not place or Path(place).resolve() != _here]

_hidden = PathFinder.find_spec("sitecustomize", sys.path)  # the one that this hides comes first
if _hidden is not None and _hidden.loader is not None:
    _hidden.loader.exec_module(importlib.util.module_from_spec(_hidden))

if importlib.util.find_spec("hubformer") is None:  # the parent had put its folder on sys.path itself
    sys.path.append(str(_here.parents[2]))

from hubformer.compat.switch import as_transformers  # noqa: E402

_before = os.environ.get("PYTHONPATH", "").split(os.pathsep)
os.environ["PYTHONPATH"] = os.pathsep.join(p for p in _before if p and Path(p).resolve() != _here)
as_transformers()
