"""`hubformer download MODEL`: configuration, weights and tokenizer, all of one commit, into the cache; of an
adapter, the model that it was trained on as well."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hubformer.cli import Parser
from hubformer.cli.where import add_revision, readable_size, revision_of, size_on_disk

if TYPE_CHECKING:
    from hubformer.pretrained.source import Source

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

    from hubformer.pretrained.bases import adapter_of, weights_and_adapter
    from hubformer.pretrained.source import Source

    source = Source.of(said.model, force_download=said.force, **revision_of(said))
    base, adapter = weights_and_adapter(source)
    _say(base, paths := _whole(base))
    if adapter is not None:
        found = adapter_of(adapter)
        assert found is not None
        _say(adapter, paths := [*found[1], *_beside(adapter)])
    print(paths[0].parent)
    return 0


def _whole(source: Source) -> list[Path]:
    """The files of a model: its configuration, its weights, and what stands beside them."""
    from hubformer.pretrained.loading import Options, open_weights

    with open_weights(source, Options()) as checkpoint:
        return [source.file("config.json"), *checkpoint.files, *_beside(source)]


def _beside(source: Source) -> list[Path]:
    from hubformer.tokenization import TOKENIZER_FILES

    return [path for name in (*TOKENIZER_FILES, *_EXTRAS) if (path := source.optional(name)) is not None]


def _say(source: Source, paths: list[Path]) -> None:
    at = f" at commit {source.repo.commit}" if source.repo.commit else ", a folder"
    print(f"{source.name}{at}: {_counted(paths)}", file=sys.stderr)


def _counted(paths: list[Path]) -> str:
    return f"{len(paths)} files, {readable_size(size_on_disk(paths))}"
