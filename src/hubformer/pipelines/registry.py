"""The table of tasks, with what users registered: names to rows and rows to classes."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

from hubformer.errors import InputError, UnknownName, suggestion
from hubformer.pipelines.base import Pipeline
from hubformer.pipelines.table import ALIASES, NOT_YET, TASKS, TaskEntry

_log = logging.getLogger("hubformer")


_DEFAULT_PAIRS = (("en", "fr"), ("en", "de"), ("en", "ro"))  # of languages that the default model translates


def _pair(task: str) -> tuple[str, str] | None:
    """The languages of `translation_XX_to_YY`, or None."""
    parts = task.split("_")
    return (parts[1], parts[3]) if len(parts) == 4 and parts[::2] == ["translation", "to"] else None


def _table_name(task: str) -> str:
    return "translation" if _pair(task) else task


def pipeline_class_of(given: Any) -> type[Pipeline[Any, Any]]:
    """The pipeline that is given, as a class or as "module:Class".

    Raises:
        InputError: it is none, or there is none of that name.
    """
    if isinstance(given, str) and ":" in given:
        module, _, name = given.partition(":")
        try:
            given = getattr(import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise InputError(f"pipeline_class is {given!r}, which cannot be imported: {error}.") from error
    if Pipeline not in getattr(given, "__mro__", ()):
        raise InputError(
            f"pipeline_class is {given!r}, expected a subclass of hubformer's Pipeline, or its name as "
            "'module:Class'."
        )
    found: type[Pipeline[Any, Any]] = given
    return found


class Registry:
    """What PIPELINE_REGISTRY is in transformers: the tasks by name, and the way to add one."""

    def __init__(self) -> None:
        self._own: dict[
            str, tuple[type[Pipeline[Any, Any]], Any, str | None]
        ] = {}  # class, Auto class, default

    def get_supported_tasks(self) -> list[str]:
        """Every name that `pipeline` takes as a task, sorted."""
        aliases = (alias for alias, task in ALIASES.items() if task in TASKS)
        return sorted({*TASKS, *aliases, *self._own})

    def register_pipeline(
        self,
        task: str,
        pipeline_class: type[Pipeline[Any, Any]] | str,
        pt_model: Any = None,
        tf_model: None = None,
        default: dict[str, Any] | None = None,
        type: str | None = None,
    ) -> None:
        """Make a subclass of Pipeline, or the one that "module:Class" names, the one for a task.

        pt_model: the Auto class (or the first of several) that loads its models; default: `{"model": (name,
        revision)}`. `tf_model` and `type` are taken for transformers' sake.
        """
        pipeline_class = pipeline_class_of(pipeline_class)
        if task in TASKS or task in self._own:
            _log.warning("%s is a known task; %s takes its place.", task, pipeline_class.__name__)
        found: Any = (default or {}).get("model", default)
        found = found.get("pt", found) if isinstance(found, dict) else found
        name = "@".join(found) if isinstance(found, (tuple, list)) else found
        auto = pt_model[0] if isinstance(pt_model, (tuple, list)) and pt_model else pt_model or None
        self._own[task] = (pipeline_class, auto, name)

    def check_task(self, task: str) -> str:
        """The task that a name stands for.

        Raises:
            UnknownName: none; says which is nearest, or that the task is known but not available.
        """
        if not isinstance(task, str):
            raise InputError(f"task is {task!r}, expected a name such as 'text-classification', or None.")
        name = ALIASES.get(task, task)
        if name in TASKS or name in self._own or _pair(name):
            return name
        known = self.get_supported_tasks()
        if name in NOT_YET:
            raise UnknownName(f"The task {task!r} is not available yet. Available: {', '.join(known)}.")
        hint = suggestion(task, known)
        if not hint and ("/" in task or "\\" in task):
            hint = f" If it names a model, pass model={task!r}."
        raise UnknownName(f"There is no task {task!r}.{hint} Available: {', '.join(known)}.")

    def row(self, task: str) -> TaskEntry:
        """The row of a task that `check_task` gave."""
        if task in self._own:
            kind, auto, default = self._own[task]
            return TaskEntry(
                f"{kind.__module__}:{kind.__name__}", auto.__name__ if auto else "AutoModel", default
            )
        row = TASKS[_table_name(task)]
        known = _table_name(task) != "translation" or _pair(task) in _DEFAULT_PAIRS
        return row if known else row._replace(default=None)

    def pipeline_class(self, task: str) -> type[Pipeline[Any, Any]]:
        if task in self._own:
            return self._own[task][0]
        module, _, name = TASKS[_table_name(task)].home.partition(":")
        found: type[Pipeline[Any, Any]] = getattr(import_module(f"hubformer.pipelines.{module}"), name)
        return found

    def model_class(self, task: str) -> Any:
        """The Auto class that loads the task's models."""
        if task in self._own and self._own[task][1] is not None:
            return self._own[task][1]
        return getattr(import_module("hubformer.pretrained.auto"), self.row(task).model)


PIPELINE_REGISTRY = Registry()
