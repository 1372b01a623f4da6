"""The table of objectives shows where to add a kind of training. Nothing stands beside it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import hubformer
from hubformer.evaluation.measuring import canonical_task
from hubformer.pretrained import auto as models
from hubformer.recipes import OBJECTIVES, TrainingTask, load_recipe, names

SOURCE = Path(hubformer.__file__).parent / "recipes"
# What objectives share, and what runs them.
OTHERS = {
    *("__init__", "dataset", "pretraining", "provenance", "recipe", "records", "registry", "run"),
    *("renamed", "sentence_pairs", "training_task", "typed"),
}


def test_every_objective_file_is_in_the_table_and_imports() -> None:
    files = {path.stem for path in SOURCE.glob("*.py")} - OTHERS
    assert files == {entry.partition(":")[0] for entry in OBJECTIVES.values()}
    assert list(OBJECTIVES) == sorted(OBJECTIVES)
    for entry in OBJECTIVES.values():
        module, _, name = entry.partition(":")
        kind = getattr(import_module(f"hubformer.recipes.{module}"), name)
        assert issubclass(kind, TrainingTask)
        made = kind({})  # every option has a default
        assert made.options.max_length > 0
        assert hasattr(models, kind.head)
        assert kind.required_columns
        if made.evaluation_task is not None:
            assert canonical_task(made.evaluation_task) == made.evaluation_task


def test_every_objective_has_a_recipe() -> None:
    assert {load_recipe(name).objective for name in names()} == set(OBJECTIVES)
