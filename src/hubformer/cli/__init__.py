"""The `hubformer` command. To add a subcommand: write its file (imitate download.py), add its line here.

This file imports nothing heavy, so that `--help` and a mistyped command answer at once.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from hubformer.errors import HubformerError, suggestion

# Name -> what it does. Each is a module here with `main(arguments) -> exit code`.
COMMANDS = {
    "run": "answer texts: a label, an answer, a continuation",
    "info": "show what a model is: architecture, size, head, tokenizer, license",
    "download": "fetch a model once, to use it without a network later",
    "evaluate": "measure a model on data: accuracy, F1, exact match, with intervals",
    "train": "train a model by a recipe: one JSON file, and what you change of it",
    "plot": "draw the curves of a training",
}
_EXAMPLES = """
examples:
  hubformer run sentiment-analysis "I love this movie!" --model ORG/NAME
  hubformer run question-answering --question "What is the capital of France?" \\
      --context "Paris is the capital of France." --model ORG/NAME
  hubformer run sentiment-analysis --file reviews.txt --model ./my-model --json > labels.jsonl
  hubformer info ORG/NAME
  hubformer download ORG/NAME --revision v1.0
  hubformer evaluate sentiment-analysis ORG/NAME dev.tsv --save results
  hubformer train sst2 data.train=train.tsv data.valid=dev.tsv
  hubformer plot runs/sst2

MODEL is a name on the Hub, such as distilbert/distilbert-base-uncased-finetuned-sst-2-english,
or a folder with config.json and weights. HF_TOKEN, HF_HOME, HF_ENDPOINT and HF_HUB_OFFLINE
are honoured. `hubformer COMMAND --help` says more.

exit codes: 0 done; 1 it could not be done; 2 the command was mistyped; 130 interrupted.
"""
_FAILED, _INTERRUPTED, _PIPE_CLOSED = 1, 130, 141


class Parser(argparse.ArgumentParser):
    """argparse with our manners: no abbreviations, a suggestion for what was mistyped."""

    def __init__(self, **named: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_Formatter, add_help=False, **named)
        self.add_argument("-h", "--help", action="help", help="show this and exit")

    def intermixed(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Positionals and options in any order. A mistyped option is named with the nearest one."""
        given, rest = self.parse_known_intermixed_args(list(arguments))
        if rest:
            known = [name for action in self._actions for name in action.option_strings]
            name = rest[0].partition("=")[0]
            self.error(f"there is no {name}.{suggestion(name, known)}")
        return given

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n`{self.prog} --help` shows how it is used.\n")


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=38, width=100)


def _parser() -> Parser:
    width = max(map(len, COMMANDS))
    listed = "\n".join(f"  {name:<{width}}  {what}" for name, what in COMMANDS.items())
    parser = Parser(
        prog="hubformer",
        usage="hubformer COMMAND [ARGUMENTS]",
        description=f"Models of the Hub, from the command line.\n\ncommands:\n{listed}",
        epilog=_EXAMPLES,
    )
    parser.add_argument("--version", action="store_true", help="show the version and exit")
    parser.add_argument("command", nargs="?", help=argparse.SUPPRESS)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """What `hubformer ARGUMENTS` does. Returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8")
    try:
        code = _answer(given)
        sys.stdout.flush()  # a closed pipe shows here at the latest
        return code
    except HubformerError as error:
        print(f"hubformer: {error}", file=sys.stderr)
        return _FAILED
    except KeyboardInterrupt:
        print("hubformer: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:  # whoever read has seen enough (`| head`)
        _drop_output()
        return _PIPE_CLOSED
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _drop_output()
        print("hubformer: the disk is full; what was written is not complete.", file=sys.stderr)
        return _FAILED


def _drop_output() -> None:
    """What is left to write goes nowhere, so that Python does not try again when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _answer(given: list[str]) -> int:
    if given and given[0] in COMMANDS:
        code: int = import_module(f"hubformer.cli.{given[0]}").main(given[1:])
        return code
    parser = _parser()
    said, rest = parser.parse_known_args(given)
    if said.version:
        from hubformer import __version__

        print(f"hubformer {__version__}")
        return 0
    if said.command is not None:
        parser.error(f"there is no command {said.command!r}.{suggestion(said.command, COMMANDS)}")
    if rest:
        parser.error(f"there is no {rest[0]}.{suggestion(rest[0], ['--help', '--version'])}")
    parser.print_help()
    return 2
