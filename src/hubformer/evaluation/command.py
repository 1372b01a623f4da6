"""The commands `hubformer evaluate TASK MODEL DATA` and `hubformer plot RUN`: their arguments, and what they
do.

Errors of the user's are HubformerError; whoever calls prints them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hubformer.errors import InputError
from hubformer.storage import write_file

DETAILS = """
examples:
  hubformer evaluate sentiment-analysis ORG/NAME dev.tsv --format sst2
  hubformer evaluate text-classification ./my-model reviews.csv --column text=review --column label=stars
  hubformer evaluate question-answering ORG/NAME dev-v2.0.json --save results/
  hubformer evaluate token-classification ORG/NAME test.conll --json > figures.json

DATA is CSV, TSV, JSON, JSON Lines, Parquet, CoNLL or text, also with .gz; SQuAD's files are
recognised. Intervals are bootstrap intervals over the examples.
"""
PLOT_DETAILS = """
examples:
  hubformer plot runs/sst2                     writes runs/sst2/training_curves.png
  hubformer plot runs/sst2/log.jsonl --out curves.png

Draws the losses, the figures on the evaluation data and the learning rate over the steps.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `hubformer evaluate`."""
    parser.add_argument("task", metavar="TASK", help="such as text-classification or question-answering")
    parser.add_argument("model", metavar="MODEL", help="a name on the Hub, or a folder")
    parser.add_argument("data", metavar="DATA", help="a file of examples")
    parser.add_argument("--format", help="the file's format, where its name does not say")
    parser.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="NAME=THEIRS",
        help="which of the data's columns is NAME",
    )
    parser.add_argument(
        "--names", metavar="A,B,...", help="names of the columns, for a file without a header"
    )
    parser.add_argument(
        "--label",
        action="append",
        default=[],
        metavar="THEIRS=LABEL",
        help="which label of the model is THEIRS",
    )
    parser.add_argument(
        "--scheme", default="IOB2", help="of entities' tags: IOB1, IOB2, BILOU, IOBES, lenient"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="measure the first N examples only")
    parser.add_argument("--truncation", action="store_true", help="cut texts that are too long for the model")
    parser.add_argument("--max-length", type=int, metavar="N", help="of a text or window, in tokens")
    parser.add_argument(
        "--resamples", type=int, default=1000, metavar="N", help="of the bootstrap; 0: no intervals"
    )
    parser.add_argument(
        "--level", type=float, default=0.95, help="share that an interval holds (default: 0.95)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap (default: 0)")
    parser.add_argument("--device", help="such as cpu or cuda; default: the first accelerator")
    parser.add_argument("--dtype", help="such as float32 or bfloat16")
    parser.add_argument("--revision", help="branch, tag or commit of the model")
    parser.add_argument(
        "--save", metavar="FOLDER", help="write evaluation.json, evaluation.txt and plots there"
    )
    parser.add_argument("--no-plots", action="store_true", help="with --save: no plots, so no matplotlib")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(args: argparse.Namespace) -> int:
    """What `hubformer evaluate` does with its arguments. Returns the exit code.

    Raises:
        HubformerError: as `hubformer.evaluation.evaluate`.
    """
    from hubformer.data.optional import optional
    from hubformer.evaluation.measuring import evaluate

    if args.save and not args.no_plots:  # before the work, not after it
        optional("matplotlib.figure", extra="evaluation", purpose="Plotting (leave it out by --no-plots)")
    options: dict[str, Any] = {}
    if args.truncation:
        options["truncation"] = True
    if args.max_length is not None:
        options["max_length"] = args.max_length
    found = evaluate(
        args.task,
        args.model,
        args.data,
        columns=pairs(args.column, "--column"),
        labels=pairs(args.label, "--label") or None,
        format=args.format,
        names=args.names.split(",") if args.names else None,
        limit=args.limit,
        device=args.device,
        dtype=args.dtype,
        revision=args.revision,
        scheme=args.scheme,
        resamples=args.resamples,
        level=args.level,
        seed=args.seed,
        **options,
    )
    sys.stdout.write(found.to_json() if args.json else found.table())
    if args.save:
        for path in found.save(args.save, plots=not args.no_plots):
            print(path, file=sys.stderr)
    return 0


def add_plot_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `hubformer plot`."""
    parser.add_argument("run", metavar="RUN", help="a training's folder, or its log.jsonl")
    parser.add_argument(
        "--out", metavar="FILE", help="the PNG to write (default: training_curves.png in RUN)"
    )


def run_plot(args: argparse.Namespace) -> int:
    """What `hubformer plot` does with its arguments. Returns the exit code.

    Raises:
        HubformerError: as `hubformer.evaluation.plots.training_curves`.
    """
    from hubformer.evaluation.plots import training_curves

    source = Path(args.run)
    target = (
        Path(args.out) if args.out else (source if source.is_dir() else source.parent) / "training_curves.png"
    )
    if not target.resolve().parent.is_dir():
        raise InputError(f"The folder of {target} does not exist.")
    write_file(target, training_curves(source))
    print(target)
    return 0


def pairs(given: Sequence[str], option: str) -> dict[str, str]:
    """`NAME=VALUE` arguments as a dict.

    Raises:
        InputError: one has no equals sign, or a name comes twice.
    """
    found: dict[str, str] = {}
    for argument in given:
        name, equals, value = argument.partition("=")
        if not equals or not name or not value:
            raise InputError(f"{option} {argument!r} is not of the form NAME=VALUE.")
        if name in found:
            raise InputError(f"{option} names {name!r} twice.")
        found[name] = value
    return found
