"""`hubformer download MODEL`: configuration, weights and tokenizer, all of one commit, into the cache."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from hubformer.cli import Parser
from hubformer.cli.where import add_revision, readable_size, revision_of, size_on_disk

_EXTRAS = ("generation_config.json", "README.md")
_DETAILS = """
The files go to the cache of the Hub (HF_HOME, HF_HUB_CACHE). What is there already is not
fetched again. The folder is printed, so that a script can use it:

  MODEL=$(hubformer download ORG/NAME)
  HF_HUB_OFFLINE=1 hubformer run sentiment-analysis "Good." --model ORG/NAME
"""


def main(arguments: Sequence[str]) -> int:
    parser = Parser(
        prog="hubformer download",
        usage="hubformer download MODEL [--revision R]",
        description="Fetch a model's configuration, weights and tokenizer, all of one commit.",
        epilog=_DETAILS,
    )
    parser.add_argument("model", metavar="MODEL", help="a name on the Hub: ORG/NAME")
    add_revision(parser)
    parser.add_argument("--force", action="store_true", help="fetch again what is cached")
    said = parser.intermixed(arguments)

    from hubformer.auto.loading import Options, open_weights
    from hubformer.auto.source import Source
    from hubformer.tokenization import TOKENIZER_FILES

    source = Source.of(said.model, force_download=said.force, **revision_of(said))
    paths = [source.file("config.json")]
    with open_weights(source, Options()) as checkpoint:
        paths += checkpoint.files
    paths += [path for name in (*TOKENIZER_FILES, *_EXTRAS) if (path := source.optional(name)) is not None]
    at = f" at commit {source.repo.commit}" if source.repo.commit else ", a folder"
    print(f"{said.model}{at}: {_counted(paths)}", file=sys.stderr)
    print(paths[0].parent)
    return 0


def _counted(paths: list[Path]) -> str:
    return f"{len(paths)} files, {readable_size(size_on_disk(paths))}"
