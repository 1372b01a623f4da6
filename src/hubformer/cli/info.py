"""`hubformer info MODEL`: what a model is, told from its configuration and the headers of its files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from math import prod
from pathlib import Path
from typing import Any

from hubformer.cli import Parser
from hubformer.cli.where import add_revision, readable_size, revision_of, size_on_disk

_DETAILS = """
The architecture is printed as the specs that the model is built from; what is left out has
its default. Weights are not downloaded: their size is counted from the configuration. Of a
folder, the headers of the files are read. MODEL may also be a configuration that ships with
hubformer, such as gpt2-xl.

  hubformer info bert-base-uncased
  hubformer info ./my-model --json
"""
_HALF, _SINGLE = 2, 4  # bytes per parameter
_WIDTH = 96


@dataclass(frozen=True)
class _Told:
    """What there is to say, by name; text for people, plain values for --json."""

    lines: dict[str, str]
    values: dict[str, Any]
    spec: Any


def main(arguments: Sequence[str]) -> int:
    parser = Parser(
        prog="hubformer info",
        usage="hubformer info MODEL [--revision R] [--json]",
        description="Show what a model is.",
        epilog=_DETAILS,
    )
    parser.add_argument("model", metavar="MODEL", help="a name on the Hub, a folder, or a preset")
    add_revision(parser)
    parser.add_argument("--json", action="store_true", help="write one JSON object")
    said = parser.intermixed(arguments)
    told = _told(said.model, revision_of(said))
    if said.json:
        print(json.dumps(told.values, ensure_ascii=False, indent=2, default=str))
        return 0
    width = max(map(len, told.lines))
    for name, text in told.lines.items():
        print(f"{name:<{width}}  {text}")
    print(f"\n{_drawn(told.spec)}")
    return 0


def _told(name: str, where: dict[str, Any]) -> _Told:
    import torch

    from hubformer.families import family
    from hubformer.presets import preset
    from hubformer.pretrained.config import AutoConfig, load_config
    from hubformer.pretrained.registry import model_class
    from hubformer.pretrained.source import Source

    shipped = not Path(name).exists() and preset(name) is not None
    source = None if shipped else Source.of(name, **where)
    config = AutoConfig.from_pretrained(name) if source is None else load_config(source)
    found = family(config.model_type)
    named = list(config.architectures or ())
    heads = [head for head in found.heads if head.name in named]
    head_row = heads[0] if heads else found.heads[0]
    kind = model_class(config, task=(head_row.tasks or found.heads[0].tasks)[0])
    with torch.device("meta"):
        model = kind(config)
    frozen = config.freeze()
    spec = found.body_of(head_row, frozen)
    head = head_row.spec(frozen)
    parameters = model.num_parameters()
    labels = list(config.id2label.values())
    facts: dict[str, Any] = {
        "model": f"{name} (a preset of hubformer)" if source is None else name,
        "commit": source and source.repo.commit,
        "family": f"{found.name}: {found.paper}",
        "class": kind.__name__,
        "tasks": ", ".join(heads[0].tasks) if heads else "none: no head that hubformer knows",
        "head": repr(head),
        "labels": labels if heads and "classification" in " ".join(heads[0].tasks) else None,
        "parameters": parameters,
        "memory": {"float32": parameters * _SINGLE, "bfloat16": parameters * _HALF},
        "longest": getattr(spec, "encoder", spec).embedding.longest,
        "adapter": source and _adapter(source),
        "weights": source and _weights(source),
        "tokenizer": source and _tokenizer(source),
        "license": source and _license(source),
        "not read": sorted(set(frozen.unread()) - _known(found, frozen)) or None,
    }
    told = {key: value for key, value in facts.items() if value is not None}
    return _Told({key: _text(key, value) for key, value in told.items()}, {**told, "body": repr(spec)}, spec)


def _known(found: Any, frozen: Any) -> set[str]:
    """The fields of a family, and of those that its models are made of."""
    parts = () if found.parts is None else found.parts(frozen)
    return {*found.fields, *(f"{part.hub}{name}" for part in parts for name in part.family.fields)}


def _text(name: str, value: Any) -> str:
    if name == "memory":
        return ", ".join(f"{readable_size(size)} in {dtype}" for dtype, size in value.items())
    if name == "parameters":
        return f"{value:,}"
    if name == "longest":
        return f"{value:,} tokens"
    if name == "not read":
        return f"{', '.join(value)} (keys of config.json that change nothing here)"
    if isinstance(value, list):
        return ", ".join(map(str, value[:12])) + (f" and {len(value) - 12} more" if len(value) > 12 else "")
    return str(value)


def _adapter(source: Any) -> str | None:
    from hubformer.pretrained.bases import adapter_of

    found = adapter_of(source)
    if found is None:
        return None
    config, (weights, *_) = found
    modules = config.target_modules or "the usual modules"
    return (
        f"LoRA of rank {config.r} on {modules if isinstance(modules, str) else ', '.join(sorted(modules))}, "
        f"trained on {config.base_model_name_or_path}; "
        f"{weights.name}: {readable_size(size_on_disk([weights]))}"
    )


def _weights(source: Any) -> str | None:
    """The files of a folder; those on a Hub would have to be downloaded first."""
    from hubformer.errors import CheckpointError, HubError
    from hubformer.pretrained.bases import weights_and_adapter
    from hubformer.pretrained.loading import Options, open_weights

    if source.repo.folder is None:
        return None
    try:
        source, _ = weights_and_adapter(source)
        if source.repo.folder is None:
            return None
        with open_weights(source, Options()) as checkpoint:
            headers, paths = checkpoint.headers.values(), list(checkpoint.files)
    except HubError:
        return "none in this folder"
    except CheckpointError as error:
        return f"not readable: {error}"
    dtypes = sorted({str(header.dtype).removeprefix("torch.") for header in headers})
    numbers = sum(prod(header.shape) for header in headers)
    names = ", ".join(path.name for path in paths[:3]) + (" …" if len(paths) > 3 else "")
    return f"{names}: {readable_size(size_on_disk(paths))}, {numbers:,} numbers in {', '.join(dtypes)}"


def _tokenizer(source: Any) -> str:
    from hubformer.errors import HubformerError
    from hubformer.pretrained.tokenizer import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
    except HubformerError as error:
        return f"none that can be read: {error}"
    return f"{type(tokenizer).__name__}, {len(tokenizer):,} tokens, pads on the {tokenizer.padding_side}"


def _license(source: Any) -> str | None:
    from hubformer.hub import read_card

    card = source.optional("README.md")
    said = read_card(card.parent).get("license") if card is not None else None
    return None if said is None else str(said)


# Specs as a tree


def _drawn(value: Any, indent: str = "") -> str:
    """A spec as it would be written, one field per line where it is long; layers that repeat are counted."""
    if isinstance(value, tuple) and value:
        return ", ".join(_counted(unit, times, indent) for unit, times in _runs(value))
    if not is_dataclass(value):
        return repr(value)
    inner = f"{indent}  "
    said = [
        f"{field.name}={_drawn(getattr(value, field.name), inner)}"
        for field in fields(value)
        if not _is_default(field, getattr(value, field.name))
    ]
    line = f"{type(value).__name__}({', '.join(said)})"
    if len(indent) + len(line) <= _WIDTH and "\n" not in line:
        return line
    return "\n".join([f"{type(value).__name__}(", *(f"{inner}{one}," for one in said), f"{indent})"])


def _is_default(field: Any, value: Any) -> bool:
    if field.default is not MISSING:
        return bool(value == field.default)
    return field.default_factory is not MISSING and value == field.default_factory()


def _counted(unit: Sequence[Any], times: int, indent: str) -> str:
    said = _drawn(unit[0], indent) if len(unit) == 1 else f"({_drawn(tuple(unit), indent)})"
    return f"{said} × {times}" if times > 1 else said


def _runs(values: Sequence[Any]) -> Iterator[tuple[Sequence[Any], int]]:
    """What is repeated, one value or several in turn, and how often."""
    distinct: list[Any] = []
    kinds: list[int] = []
    for value in values:
        if value not in distinct:
            distinct.append(value)
        kinds.append(distinct.index(value))
    at = 0
    while at < len(kinds):
        period, times = max(_repeats(kinds[at:]), key=lambda found: (found[0] * found[1], -found[0]))
        yield values[at : at + period], times
        at += period * times


def _repeats(kinds: Sequence[int]) -> Iterator[tuple[int, int]]:
    """How often each beginning that is repeated follows itself; and the first one alone."""
    yield 1, 1
    for period in range(1, len(kinds) // 2 + 1):
        times = 1
        while kinds[times * period : (times + 1) * period] == kinds[:period]:
            times += 1
        if times > 1:
            yield period, times
