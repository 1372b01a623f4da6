"""Which model answers where none is named: the Hub's default, or one that ships with the package."""

from __future__ import annotations

import logging
from importlib.resources import files
from pathlib import Path
from typing import Any

from hubformer.errors import HubError, InputError
from hubformer.hub import HubUnreachable, read_card
from hubformer.hub.fetch import current_endpoint
from hubformer.pipelines.registry import PIPELINE_REGISTRY as REGISTRY
from hubformer.pipelines.table import TASKS
from hubformer.pretrained.loading import Options, open_weights
from hubformer.pretrained.source import Source
from hubformer.tokenization import TOKENIZER_FILES

BUNDLED = "bundled"  # the name of whatever model ships for a task
_log = logging.getLogger("hubformer")
_silent: set[str] = set()  # Hubs that gave no answer in this process: asking takes seconds each time


def bundled_model(task: str) -> Source:
    """The model that ships for a task.

    Raises:
        InputError: none does.
    """
    folder = REGISTRY.row(task).bundled
    if folder is None:
        having = ", ".join(name for name, row in TASKS.items() if row.bundled)
        raise InputError(f"No model ships for {task}, only for {having}. Pass the name or folder of a model.")
    return Source.of(Path(str(files("hubformer"))) / "bundled" / folder)


def default_model(task: str, where: dict[str, Any]) -> Source:
    """The task's default on the Hub if it is cached or can be fetched, else the bundled one. Both are said.

    where: arguments that say where to look. Who names a revision wants the Hub's model and no other.

    Raises:
        InputError: the task has neither.
        HubUnreachable: the Hub gives no answer, and no model ships for the task.
    """
    row = REGISTRY.row(task)
    if row.default is None:
        pairs = " The default translates translation_en_to_fr, _de and _ro." * task.startswith("translation")
        raise InputError(f"The task {task!r} has no default model. Pass model=.{pairs}")
    name, _, commit = row.default.partition("@")
    try:
        source = _fetched(name, {"revision": commit or None, **where})
    except HubError as error:
        if row.bundled is None or "revision" in where:
            raise _with_remedy(error, task) from error
        return _instead(task, error)
    _log.warning("No model was named for %s: using %s at %s. Pass model= to choose.", task, name, commit[:7])
    return source


def _fetched(name: str, where: dict[str, Any]) -> Source:
    """A repository, with every file that a pipeline reads in the cache."""
    endpoint = current_endpoint()
    if endpoint in _silent:
        where = {**where, "local_files_only": True}
    try:
        source = Source.of(name, **where)
        source.file("config.json")
        with open_weights(source, Options()):
            pass
        for file in TOKENIZER_FILES:
            source.optional(file)
    except HubUnreachable:
        _silent.add(endpoint)
        raise
    return source


def _instead(task: str, error: HubError) -> Source:
    source = bundled_model(task)
    folder = source.file("config.json").parent
    reason = "The Hub cannot be reached" if isinstance(error, HubUnreachable) else str(error)
    _log.warning(
        "%s: %s is answered by the model that ships with hubformer, %s (%s). Pass model= to choose.",
        reason.rstrip("."),
        task,
        folder.name,
        _figures(folder),
    )
    return source


def _figures(folder: Path) -> str:
    """What a model's card says that it measured: its results in the form that the Hub reads."""
    index = read_card(folder).get("model-index") or [{}]
    said = [
        f"{metric['name']} {metric['value']} on {result['dataset']['name']}"
        for result in index[0].get("results", ())
        for metric in result["metrics"][:2]
    ]
    return ", ".join(said)


def _with_remedy(error: HubError, task: str) -> HubError:
    return type(error)(f"{error} To work without the Hub, pass model= with the folder of a model for {task}.")
