"""What of the large tables is run by the slow suite alone."""

from __future__ import annotations

import pytest

from cases import VARIANTS


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Float32 follows float64, which is compared for every variant: here the first of a family is enough."""
    for item in items:
        if getattr(item, "originalname", "") == "test_float32":
            case = item.callspec.params["pair"]  # type: ignore[attr-defined]
            if case.variant != next(iter(VARIANTS[case.model_type])):
                item.add_marker("slow")
