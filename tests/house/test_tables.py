"""The two tables show where to add things: families and tasks. Nothing stands beside them."""

from __future__ import annotations

from pathlib import Path

import hubformer
from cases import TINY, VARIANTS
from hubformer.families import FAMILIES, family
from hubformer.pipelines import TASKS

SOURCE = Path(hubformer.__file__).parent


def test_every_family_file_is_in_the_table_and_imports() -> None:
    files = {path.stem for path in (SOURCE / "families").glob("*.py")} - {"__init__"}
    assert files == {entry.partition(":")[0] for entry in FAMILIES.values()}
    for model_type in FAMILIES:
        assert family(model_type).model_type == model_type
    assert list(FAMILIES) == sorted(FAMILIES)


def test_every_family_has_fidelity_rows() -> None:
    assert set(TINY) == set(FAMILIES)
    for model_type in FAMILIES:
        assert len(VARIANTS[model_type]) >= 3, model_type


def test_every_task_imports() -> None:
    for name, task in TASKS.items():
        assert task is not None, name
        assert name in hubformer.pipelines.TASKS
