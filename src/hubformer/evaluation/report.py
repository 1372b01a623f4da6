"""What an evaluation found: as an object, a table, JSON, and a folder with plots."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubformer.storage import commit_files
from hubformer.tables import aligned

_LABELS_SHOWN = 12  # in the table; JSON has all


@dataclass(frozen=True)
class Evaluation:
    """The metrics of a model on data.

    metrics: values by name. intervals: for each the bounds of `level` of its bootstrap resamples. details:
    what is no single number (per_label, confusion_matrix, reliability, missing). settings: what the figures
    depend on.
    """

    task: str
    model: str
    data: str
    examples: int
    seconds: float
    metrics: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    level: float
    details: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def table(self) -> str:
        """The figures as aligned text."""
        rate = self.examples / self.seconds if self.seconds else math.inf
        head = (
            f"{self.task}: {self.model} on {self.data}\n"
            f"{self.examples} examples in {self.seconds:.1f} s ({rate:.1f}/s)"
        )
        title = f"{100 * self.level:g} % interval"
        rows = [[name, _shown(value), self._interval(name)] for name, value in self.metrics.items()]
        columns = ["metric", "value", title] if self.intervals else ["metric", "value"]
        parts = [head, aligned([columns, *(row[: len(columns)] for row in rows)])]
        for name in ("per_label", "per_type"):
            if each := self.details.get(name):
                parts.append(_each(name.removeprefix("per_"), each))
        matrix = self.details.get("confusion_matrix")
        if matrix and len(matrix["labels"]) <= _LABELS_SHOWN:
            names = list(map(str, matrix["labels"]))
            counts = [[name, *map(str, row)] for name, row in zip(names, matrix["counts"], strict=True)]
            parts.append("rows: true, columns: predicted\n" + aligned([["", *names], *counts]))
        return "\n\n".join(parts) + "\n"

    def _interval(self, name: str) -> str:
        if name not in self.intervals:
            return ""
        low, high = self.intervals[name]
        return f"{_shown(low)} to {_shown(high)}"

    def to_json(self) -> str:
        """Everything, as JSON; what is undefined is null."""
        figures = {
            name: {
                "value": value,
                **dict(zip(("low", "high"), self.intervals.get(name, ()), strict=False)),
            }
            for name, value in self.metrics.items()
        }
        found = {
            "task": self.task,
            "model": self.model,
            "data": self.data,
            "examples": self.examples,
            "seconds": round(self.seconds, 3),
            "level": self.level,
            "metrics": figures,
            "details": self.details,
            "settings": self.settings,
        }
        return json.dumps(_plain(found), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def save(self, folder: str | os.PathLike[str], *, plots: bool = True) -> list[Path]:
        """Write evaluation.json, evaluation.txt and, where there is something to draw, confusion_matrix.png
        and reliability.png. Returns their paths.

        Raises:
            MissingPackage: plots without matplotlib. OSError: the folder cannot be written to.
        """
        files: dict[str, bytes | str] = {"evaluation.json": self.to_json(), "evaluation.txt": self.table()}
        if plots:
            files |= self.plots()
        commit_files(folder, files)
        return [Path(folder) / name for name in files]

    def plots(self) -> dict[str, bytes]:
        """PNG files by name: confusion_matrix.png and reliability.png, where this evaluation has them.

        Raises:
            MissingPackage: matplotlib is not installed.
        """
        from hubformer.evaluation import plots

        found: dict[str, bytes] = {}
        if matrix := self.details.get("confusion_matrix"):
            found["confusion_matrix.png"] = plots.confusion_matrix(matrix["counts"], labels=matrix["labels"])
        if curve := self.details.get("reliability"):
            error = self.metrics.get("expected_calibration_error")
            found["reliability.png"] = plots.reliability(curve, error=error)
        return found


def _each(kind: str, each: Mapping[Any, Mapping[str, float]]) -> str:
    columns = list(next(iter(each.values())))
    rows = [[str(name), *(_shown(row[column]) for column in columns)] for name, row in each.items()]
    return aligned([[kind, *columns], *rows])


def _shown(value: float) -> str:
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "undefined"
    return f"{value:.2f}" if abs(value) >= 10 else f"{value:.4f}"


def _plain(value: Any) -> Any:
    """Of JSON's types only, without NaN and infinity."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
