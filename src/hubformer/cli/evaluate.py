"""`hubformer evaluate TASK MODEL DATA`: the task's metrics, with intervals, of a model on data."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from hubformer.cli import Parser
from hubformer.cli.inputs import plain_value
from hubformer.cli.where import add_revision, writing
from hubformer.errors import InputError

_DETAILS = """
DATA is CSV, TSV, JSON, JSON Lines, Parquet, CoNLL or text, also with .gz; SQuAD's files are
recognised. Intervals are bootstrap intervals over the examples. A table is printed, or JSON.

examples:
  hubformer evaluate sentiment-analysis ORG/NAME dev.tsv --format sst2
  hubformer evaluate text-classification ./my-model reviews.csv --column text=review \\
      --column label=stars --label 1=NEGATIVE --label 5=POSITIVE
  hubformer evaluate question-answering ORG/NAME dev-v2.0.json --save results
  hubformer evaluate token-classification ORG/NAME test.conll --json > figures.json
"""


def main(arguments: Sequence[str]) -> int:
    said = _parser().intermixed(arguments)
    columns, labels = _pairs(said.column, "--column"), _pairs(said.label, "--label")
    options = {name: plain_value(value) for name, value in _pairs(said.option, "--option").items()}

    from hubformer.evaluation import evaluate
    from hubformer.optional import optional

    if said.save and not said.no_plots:  # before the work, not after it
        optional("matplotlib.figure", extra="evaluation", purpose="Plotting (leave it out by --no-plots)")
    found = evaluate(
        said.task,
        said.model,
        said.data,
        columns=columns,
        labels=labels or None,
        format=said.format,
        names=said.names.split(",") if said.names else None,
        limit=said.limit,
        device=said.device,
        dtype=said.dtype,
        revision=said.revision,
        scheme=said.scheme,
        resamples=said.resamples,
        level=said.level,
        seed=said.seed,
        **_merged(said, options),
    )
    sys.stdout.write(found.to_json() if said.json else found.table())
    if said.save:
        with writing(said.save):
            paths = found.save(said.save, plots=not said.no_plots)
        for path in paths:
            print(path, file=sys.stderr)
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog="hubformer evaluate",
        usage="hubformer evaluate TASK MODEL DATA [OPTIONS]",
        description="Measure a model on data, through the pipeline of the task.",
        epilog=_DETAILS,
    )
    parser.add_argument("task", metavar="TASK", help="such as text-classification or question-answering")
    parser.add_argument("model", metavar="MODEL", help="a name on the Hub, or a folder")
    parser.add_argument("data", metavar="DATA", help="a file of examples")
    add_revision(parser)
    parser.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1, … (default: a GPU if there is one)")
    parser.add_argument("--dtype", metavar="T", help="float32, bfloat16, float16 or auto (default: float32)")
    parser.add_argument("--truncation", action="store_true", help="cut texts that are too long for the model")
    parser.add_argument("--max-length", type=int, metavar="N", help="of a text, in tokens")
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="of the task's pipeline, such as doc_stride=64; may be repeated",
    )
    _add_data(parser)
    _add_figures(parser)
    return parser


def _add_data(parser: Parser) -> None:
    group = parser.add_argument_group("the data")
    group.add_argument("--format", metavar="F", help="the file's format, where its name does not say")
    group.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="NAME=THEIRS",
        help="which of the data's columns is NAME; may be repeated",
    )
    group.add_argument("--names", metavar="A,B,...", help="names of the columns, for a file without a header")
    group.add_argument(
        "--label",
        action="append",
        default=[],
        metavar="THEIRS=LABEL",
        help="which label of the model the data's THEIRS is; may be repeated",
    )
    group.add_argument(
        "--scheme", default="IOB2", metavar="S", help="of entities' tags: IOB1, IOB2, BILOU, IOBES, lenient"
    )
    group.add_argument("--limit", type=int, metavar="N", help="measure the first N examples only")


def _add_figures(parser: Parser) -> None:
    group = parser.add_argument_group("the figures")
    group.add_argument(
        "--resamples", type=int, default=1000, metavar="N", help="of the bootstrap; 0: no intervals"
    )
    group.add_argument(
        "--level", type=float, default=0.95, metavar="X", help="share that an interval holds (default: 0.95)"
    )
    group.add_argument("--seed", type=int, default=0, metavar="N", help="of the bootstrap (default: 0)")
    group.add_argument("--json", action="store_true", help="print JSON instead of a table")
    group.add_argument(
        "--save", metavar="FOLDER", help="write evaluation.json, evaluation.txt and plots there"
    )
    group.add_argument("--no-plots", action="store_true", help="with --save: no plots, so no matplotlib")


def _pairs(given: Sequence[str], option: str) -> dict[str, str]:
    """`NAME=VALUE` arguments as a dict."""
    found: dict[str, str] = {}
    for argument in given:
        name, equals, value = argument.partition("=")
        if not equals or not name or not value:
            raise InputError(f"{option} {argument!r} is not of the form NAME=VALUE.")
        if name in found:
            raise InputError(f"{option} names {name!r} twice.")
        found[name] = value
    return found


def _merged(said: argparse.Namespace, options: dict[str, Any]) -> dict[str, Any]:
    """What the pipeline is called with."""
    own = {"truncation": said.truncation or None, "max_length": said.max_length}
    for name, value in own.items():
        if value is None:
            continue
        if name in options:
            raise InputError(f"{name} is given as --{name.replace('_', '-')} and as --option; use one.")
        options[name] = value
    return options
