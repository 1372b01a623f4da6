"""Pipelines have v4's public steps in one place; no task's pipeline fuses or renames them."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from hubformer import pipelines
from hubformer.pipelines.base import EncoderPipeline, Pipeline
from hubformer.pipelines.steps import STEPS, PipelineSteps

FOLDER = Path(pipelines.__file__).parent
FIRST = {"preprocess": "inputs", "_forward": "model_inputs", "postprocess": "model_outputs"}


@pytest.mark.parametrize("step", STEPS)
def test_every_pipeline_has_the_step(step: str) -> None:
    for kind in (PipelineSteps, Pipeline, EncoderPipeline):
        names = list(inspect.signature(getattr(kind, step)).parameters)
        assert names[1] == FIRST.get(step, "parameters"), f"{kind.__name__}.{step}"


def test_tasks_leave_the_steps_to_the_base() -> None:
    """A task says encode and decode; the steps, and what runs them, are written once."""
    for path in FOLDER.glob("*.py"):
        if path.stem in ("base", "steps", "writing"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                assert node.name not in (*STEPS, "run_single"), f"{path.name} defines {node.name}"
