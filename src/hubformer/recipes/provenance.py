"""What a run used, written beside its result: enough to repeat it, and to see why another run differs."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from hubformer.data import files_of
from hubformer.recipes.recipe import Recipe
from hubformer.recipes.records import paths_of
from hubformer.recipes.training_task import TrainingTask
from hubformer.training import TrainingArguments

_PACKAGES = ("torch", "numpy", "tokenizers", "huggingface_hub")
_PLACES = ("output_dir", "logging_dir", "run_name", "resume_from_checkpoint")  # of this run, not of the next


def provenance(recipe: Recipe, task: TrainingTask, *, arguments: TrainingArguments, sizes: Any) -> str:
    """The recipe with every default filled in (`load_recipe` reads it back), digests of the data's files,
    versions, and what the run made of them (sizes)."""
    from hubformer import __version__

    names = [one.name for one in dataclasses.fields(arguments) if one.name not in _PLACES]
    used = dataclasses.replace(
        recipe,
        options=dataclasses.asdict(task.options),
        training={name: getattr(arguments, name) for name in names},
    )
    found = {
        "recipe": json.loads(used.to_json()),
        "sizes": sizes,
        "files": {path: _digest(Path(path)) for path in _files(recipe)},
        "versions": {
            "hubformer": __version__,
            **{name: said for name in _PACKAGES if (said := _version(name)) is not None},
            "python": platform.python_version(),
        },
        "machine": {"device": str(arguments.device), "threads": torch.get_num_threads()},
    }
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def _files(recipe: Recipe) -> list[str]:
    given = [*paths_of(recipe.data.train), *paths_of(recipe.data.valid)]
    if recipe.evaluation is not None and recipe.evaluation.data is not None:
        given.append(recipe.evaluation.data)
    return [str(file) for path in given for file in files_of(path)]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _digest(path: Path) -> str:
    whole = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            whole.update(block)
    return whole.hexdigest()
