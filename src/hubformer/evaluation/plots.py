"""Plots as PNG: the confusion matrix, the reliability curve, the curves of a training. Through matplotlib."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hubformer.data import read
from hubformer.data.files import existing, opened
from hubformer.errors import InputError
from hubformer.optional import optional

_DOTS = 150  # per inch
_BLUE, _ORANGE, _GREY = "#1f6fb4", "#d9730d", "#6b7280"
_ANNOTATED = 20  # more labels than this leave no room for counts
_RATE = "learning rate"
_Points = list[tuple[float, float]]  # step, value
_NOT_MEASURES = ("_runtime", "_samples_per_second", "_steps_per_second", "_loss")


def confusion_matrix(counts: Sequence[Sequence[int]], *, labels: Sequence[Any]) -> bytes:
    """counts (C, C): rows are true, columns predicted labels. Shades are shares of a row, numbers are
    counts."""
    size = len(labels)
    side = min(max(3.2, 0.62 * size + 1.8), 12.0)
    figure = _figure(side + 1.2, side)
    axes = figure.subplots()
    shares = [[count / max(sum(row), 1) for count in row] for row in counts]
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = [_short(label) for label in labels]
    slanted = max(map(len, names)) > 4 and size > 3
    angle = (90 if size > _ANNOTATED else 40) if slanted else 0
    axes.set_xticks(range(size), names, rotation=angle, ha="right" if angle == 40 else "center")
    axes.set_yticks(range(size), names)
    if size > _ANNOTATED:
        axes.tick_params(labelsize=max(4, 280 / size))
    else:
        for true, row in enumerate(counts):
            for predicted, count in enumerate(row):
                shade = "white" if shares[true][predicted] > 0.55 else "black"
                axes.text(predicted, true, f"{count:,}", ha="center", va="center", color=shade, fontsize=9)
    axes.set(xlabel="predicted", ylabel="true", title=f"Confusion matrix, {sum(map(sum, counts)):,} examples")
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, fraction=0.046, pad=0.04)
    bar.set_label("share of the true label")
    bar.outline.set_visible(False)
    return _png(figure)


def reliability(curve: Sequence[Mapping[str, float]], *, error: float | None = None) -> bytes:
    """curve: bins with from, to, examples, confidence, accuracy (Calibration.curve). error: the expected
    calibration error, for the title."""
    figure = _figure(5.2, 5.6)
    axes, below = figure.subplots(2, 1, height_ratios=[3, 1], sharex=True)
    axes.plot([0, 1], [0, 1], linestyle="--", color=_GREY, linewidth=1, label="perfectly calibrated")
    confidence, accuracy = ([row[name] for row in curve] for name in ("confidence", "accuracy"))
    axes.plot(confidence, accuracy, marker="o", color=_BLUE, linewidth=1.6, label="model", clip_on=False)
    axes.set(ylabel="accuracy", ylim=(0, 1), xlim=(0, 1))
    title = "Reliability" if error is None else f"Reliability (expected calibration error {error:.3f})"
    axes.set_title(title)
    axes.legend(frameon=False, loc="upper left")
    below.bar(
        [row["from"] for row in curve],
        [row["examples"] for row in curve],
        width=[row["to"] - row["from"] for row in curve],
        align="edge",
        color=_BLUE,
        alpha=0.35,
        edgecolor="white",
    )
    below.set(xlabel="confidence", ylabel="examples")
    for part in (axes, below):
        _light(part)
    return _png(figure)


def training_curves(run: str | Path) -> bytes:
    """The losses, the learning rate and each measure of a training, over its steps.

    run: a training's folder (log.jsonl, or transformers' trainer_state.json), or such a file.

    Raises:
        InputError: there is no log, or nothing to draw in it. MissingPackage: matplotlib is not installed.
    """
    path, entries = _log(Path(run))
    curves = _curves(entries)
    panels = _panels(curves)
    if not panels:
        raise InputError(
            f"{path} has no loss, learning rate or eval_ figure to draw; it has "
            f"{', '.join(curves) or 'nothing'}."
        )
    figure = _figure(7.2, 0.6 + 2.6 * len(panels))
    rows = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (title, found) in zip(rows, panels, strict=True):
        colours = [_BLUE, _ORANGE, "#2e8b57", "#8e44ad", "#b03a2e", _GREY]
        for place, (name, points) in enumerate(found.items()):
            steps, values = zip(*points, strict=True)
            few = name.startswith("eval_") or len(points) < 30
            axes.plot(
                steps,
                values,
                label={"loss": "training", "eval_loss": "evaluation"}.get(name, name.removeprefix("eval_")),
                color=colours[place % len(colours)],
                linewidth=1.4,
                marker="o" if few else None,
                markersize=3.5,
            )
        axes.set_title(title, loc="left", fontsize=10)
        if title == _RATE:
            axes.yaxis.set_major_formatter("{x:g}")  # else a factor such as 1e-5 stands in the title's place
        if len(found) > 1 or title.startswith("measures"):
            axes.legend(frameon=False, fontsize=8)
        _light(axes)
    rows[-1].set_xlabel("step")
    rows[-1].xaxis.get_major_locator().set_params(integer=True)
    figure.suptitle(path.parent.resolve().name, fontsize=12)
    return _png(figure)


def _panels(curves: Mapping[str, _Points]) -> list[tuple[str, dict[str, _Points]]]:
    """Titles, and the curves that share a scale."""
    losses = {name: found for name, found in curves.items() if name in ("loss", "eval_loss")}
    rates = {name: found for name, found in curves.items() if name == "learning_rate"}
    measures = {
        name: found
        for name, found in curves.items()
        if name.startswith("eval_") and not name.endswith(_NOT_MEASURES)
    }
    shares = {name: found for name, found in measures.items() if max(abs(y) for _, y in found) <= 1}
    others = {name: found for name, found in measures.items() if name not in shares}
    kinds = [
        ("loss", losses),
        ("measures on the evaluation data", shares),
        ("measures on the evaluation data, of another scale" if shares else "measures", others),
        (_RATE, rates),
    ]
    return [(title, found) for title, found in kinds if found]


def _log(run: Path) -> tuple[Path, list[Mapping[str, Any]]]:
    if run.is_dir():
        known = [run / "log.jsonl", run / "trainer_state.json"]
        found = next((path for path in known if path.is_file()), None)
        if found is None:
            raise InputError(
                f"{run} has neither log.jsonl nor trainer_state.json; expected the folder of a training."
            )
        run = found
    if run.name != "trainer_state.json":
        return run, list(read(run, format="jsonl"))
    with opened(existing(run)) as file:
        text = file.read()
    try:
        return run, json.loads(text)["log_history"]
    except (json.JSONDecodeError, KeyError, TypeError):
        raise InputError(f"{run} has no log_history; expected the state that a trainer wrote.") from None


def _curves(entries: Sequence[Mapping[str, Any]]) -> dict[str, _Points]:
    """Points (step, value) by name; entries without a step have their place. NaN is left out."""
    found: dict[str, _Points] = {}
    for place, entry in enumerate(entries, 1):
        step = entry.get("step", place)
        for name, value in entry.items():
            if name != "step" and isinstance(value, (int, float)) and math.isfinite(value):
                found.setdefault(name, []).append((step, value))
    return found


def _figure(width: float, height: float) -> Any:
    # Without pyplot: no window system is asked for and no state is shared between threads.
    figures = optional("matplotlib.figure", extra="evaluation", purpose="Plotting")
    return figures.Figure(figsize=(width, height), layout="constrained")


def _light(axes: Any) -> None:
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _short(label: Any) -> str:
    text = str(label)
    return text if len(text) <= 18 else text[:17] + "…"


def _png(figure: Any) -> bytes:
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=_DOTS, bbox_inches="tight")
    return out.getvalue()
