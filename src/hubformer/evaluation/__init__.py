"""Evaluation: a task's metrics for a model on data, with intervals, as a table, JSON and plots.

The metrics alone are `hubformer.metrics`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hubformer.evaluation.measuring import evaluate
    from hubformer.evaluation.report import Evaluation

__all__ = ["Evaluation", "evaluate"]


def __getattr__(name: str) -> Any:
    # The metrics need neither torch nor the pipelines, which `evaluate` brings along.
    from importlib import import_module

    homes = {"Evaluation": "hubformer.evaluation.report", "evaluate": "hubformer.evaluation.measuring"}
    if name not in homes:
        raise AttributeError(f"hubformer.evaluation has no {name!r}.")
    found = getattr(import_module(homes[name]), name)
    globals()[name] = found
    return found
