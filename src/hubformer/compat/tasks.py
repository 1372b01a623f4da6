"""v4's table of pipelines, and questions about it."""

from __future__ import annotations

from typing import Any

from hubformer.pipelines import ALIASES, TASKS
from hubformer.pipelines.registry import PIPELINE_REGISTRY
from hubformer.pretrained import auto as auto_models

GenericTensor = Any  # lists of tensors, nested or not
TASK_ALIASES = ALIASES


def _row(task: str) -> dict[str, Any]:
    found = TASKS[task]
    name, _, revision = (found.default or "").partition("@")
    return {
        "impl": PIPELINE_REGISTRY.pipeline_class(task),
        "tf": (),
        "pt": (getattr(auto_models, found.model),),
        "default": {"model": {"pt": (name, revision)}} if name else {},
        "type": "text",
    }


def check_task(task: str) -> tuple[str, dict[str, Any], Any]:
    """The task that a name stands for, its row, and its languages where it translates."""
    name = PIPELINE_REGISTRY.check_task(task)
    if name.startswith("translation_"):
        parts = name.split("_")
        return "translation", _row("translation"), (parts[1], parts[3])
    return name, _row(name) if name in TASKS else {"impl": PIPELINE_REGISTRY.pipeline_class(name)}, None


def get_supported_tasks() -> list[str]:
    return PIPELINE_REGISTRY.get_supported_tasks()


def __getattr__(name: str) -> Any:
    if name == "SUPPORTED_TASKS":
        return {task: _row(task) for task in TASKS}
    raise AttributeError(name)
