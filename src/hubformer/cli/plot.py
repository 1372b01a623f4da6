"""`hubformer plot RUN`: the curves of a training as a PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hubformer.cli import Parser
from hubformer.cli.where import writing

_CURVES = "training_curves.png"
_DETAILS = """
Draws the losses, the figures on the evaluation data and the learning rate over the steps.
Needs matplotlib: pip install 'hubformer[evaluation]'. The path of the PNG is printed.

examples:
  hubformer plot runs/sst2                     writes runs/sst2/training_curves.png
  hubformer plot runs/sst2/log.jsonl --out curves.png
"""


def main(arguments: Sequence[str]) -> int:
    parser = Parser(
        prog="hubformer plot",
        usage="hubformer plot RUN [--out FILE]",
        description="Draw the curves of a training.",
        epilog=_DETAILS,
    )
    parser.add_argument(
        "run", metavar="RUN", help="a training's folder, its log.jsonl, or a trainer_state.json"
    )
    parser.add_argument("--out", metavar="FILE", help=f"the PNG to write (default: {_CURVES} in RUN)")
    said = parser.intermixed(arguments)

    from hubformer.evaluation.plots import training_curves
    from hubformer.storage import write_file

    run = Path(said.run)
    target = Path(said.out) if said.out else (run if run.is_dir() else run.parent) / _CURVES
    drawn = training_curves(run)
    with writing(target):
        write_file(target, drawn)
    print(target)
    return 0
