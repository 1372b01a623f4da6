"""`hubformer train RECIPE [KEY=VALUE ...]`: a model trained, measured and recorded, by one file."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence

from hubformer.cli import Parser
from hubformer.cli.where import writing
from hubformer.errors import suggestion
from hubformer.tables import Table

_DETAILS = """
RECIPE is one of those that ship (--list), or the path of a .json file. KEY=VALUE changes it: VALUE
is JSON where it can be read so, else text; dots lead inside. Standard output has the folder that
was written: model and tokenizer, recipe.json (what was run), log.jsonl, result.json and, where
matplotlib is installed, training_curves.png.

examples:
  hubformer train sst2 data.train=train.tsv data.valid=dev.tsv
  hubformer train text-classification model=ORG/NAME data.train=reviews.csv \\
      data.columns.text=review data.columns.label=stars
  hubformer train sst2 data.train=train.tsv data.limit=2000 training.learning_rate=5e-5 --show
  hubformer train runs/sst2/recipe.json --output runs/again
"""


def main(arguments: Sequence[str]) -> int:
    parser = _parser()
    said = parser.intermixed(arguments)
    if said.list:
        return _list()
    if not said.words:
        parser.error("which recipe? `--list` shows those that ship.")
    place, *changes = said.words
    if "=" in place:
        parser.error(f"a recipe comes first, found {place!r}.")
    for change in changes:
        if "=" not in change:
            parser.error(
                f"{change!r} is not of the form KEY=VALUE.{suggestion(change, ['--resume', '--show'])}"
            )

    from hubformer.recipes import load_recipe, run
    from hubformer.recipes.run import resolve

    recipe = load_recipe(place, changes)
    if said.show:
        resolve(recipe, output=said.output)
        sys.stdout.write(recipe.to_json())
        return 0
    try:
        with writing(said.output or f"runs/{recipe.name}"):
            result = run(recipe, output=said.output, resume=said.resume)
    except KeyboardInterrupt:
        print("hubformer: the same command with --resume goes on from the last checkpoint.", file=sys.stderr)
        raise
    print(result.folder)
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog="hubformer train",
        usage="hubformer train RECIPE [KEY=VALUE ...] [--output FOLDER] [--resume | --show | --list]",
        description="Train a model by a recipe, measure it, and write down what was done.",
        epilog=_DETAILS,
    )
    parser.add_argument("words", nargs="*", metavar="RECIPE [KEY=VALUE ...]", help=argparse.SUPPRESS)
    parser.add_argument("--output", metavar="FOLDER", help="where the result goes (default: runs/RECIPE)")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--resume", action="store_true", help="go on from the newest checkpoint in the output")
    mode.add_argument("--show", action="store_true", help="print the recipe with its changes; run nothing")
    mode.add_argument("--list", action="store_true", help="the recipes that ship")
    return parser


def _list() -> int:
    from hubformer.recipes import load_recipe, names

    rows = [
        (name, recipe.objective, recipe.description) for name in names() for recipe in [load_recipe(name)]
    ]
    width = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 1000
    print("\n".join(Table(width=width).lines(rows, header=("recipe", "objective", "what it trains"))))
    return 0
