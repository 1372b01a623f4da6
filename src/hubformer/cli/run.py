"""`hubformer run TASK`: texts in, answers out."""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from inspect import getsource
from itertools import islice
from textwrap import fill
from typing import Any

from hubformer.cli import Parser
from hubformer.cli.inputs import STANDARD_INPUT, checked, inputs_in, plain_value, whole
from hubformer.cli.where import add_revision, revision_of
from hubformer.errors import UnknownName
from hubformer.importing import without_collection
from hubformer.tables import Table, printable

_USAGE = "hubformer run {task} [TEXT ... | --file F | -] [--model M] [OPTIONS]"
_DETAILS = """
A terminal shows a table; a pipe or a file gets JSON lines, one answer per input, as the
pipeline of the same name returns them. Files and standard input hold one text per line;
lines without text are passed over.
"""
_EXAMPLES = """
`hubformer run TASK --help` lists the options of a task.

examples:
  hubformer run sentiment-analysis "A fine film." "Dull." --model ORG/NAME --top-k none
  hubformer run question-answering --question "Who came?" --file story.txt --model ORG/NAME
  hubformer run text-generation "Once upon a time" --model ORG/NAME --max-new-tokens 40
  cat reviews.txt | hubformer run sentiment-analysis - --model ORG/NAME | head
"""
_ANSWERING, _WRITING = "question-answering", "text-generation"
_GENERATING = (_WRITING, "summarization", "text2text-generation", "translation")
_FIRST_ROWS = 32  # decide how wide the columns are


def main(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0].startswith("-"):
        parser = _parser("TASK", epilog=_DETAILS + _EXAMPLES)
        parser.parse_known_args(list(arguments))  # for --help
        parser.error("name the task first, such as sentiment-analysis")
    task = arguments[0]
    parser = _parser(task, epilog=_DETAILS)
    options = _add_task(parser, task)
    said = parser.intermixed(arguments[1:])
    inputs = _inputs(said, parser)
    chosen = {name: parse(getattr(said, name)) for name, parse in options.items() if hasattr(said, name)}

    from hubformer.pipelines import pipeline

    pipe = pipeline(task, said.model, device=said.device, dtype=said.dtype, **revision_of(said), **chosen)
    people = sys.stdout.isatty() and not said.json
    if people and _streams(pipe, chosen):
        return _write(pipe, inputs)
    for line in _table(_answered(pipe, inputs)) if people else _json_lines(_answered(pipe, inputs)):
        print(line, flush=True)
    return 0


def _parser(task: str, *, epilog: str) -> Parser:
    parser = Parser(
        prog=f"hubformer run {task}",
        usage=_USAGE.format(task=task),
        description="Answer texts.",
        epilog=epilog,
    )
    parser.add_argument("texts", metavar="TEXT", nargs="*", help="what to answer; - reads standard input")
    parser.add_argument("--file", metavar="F", help="read texts from this file, one per line")
    parser.add_argument(
        "--jsonl", action="store_true", help="lines of the input are JSON: strings or objects"
    )
    parser.add_argument("--json", action="store_true", help="write JSON lines to a terminal too")
    parser.add_argument("--model", metavar="M", help="a name on the Hub, or a folder (default: the task's)")
    add_revision(parser)
    parser.add_argument("--device", metavar="D", help="cpu, cuda, cuda:1, … (default: a GPU if there is one)")
    parser.add_argument("--dtype", metavar="T", help="float32, bfloat16, float16 or auto (default: float32)")
    return parser


def _add_task(parser: Parser, task: str) -> dict[str, Callable[[Any], Any]]:
    """Add the options of a task. Returns how the value of each is read."""
    with without_collection():
        from hubformer.pipelines.registry import PIPELINE_REGISTRY

    try:
        name = PIPELINE_REGISTRY.check_task(task)
    except UnknownName as error:
        parser.error(str(error))
    if name == _ANSWERING:
        parser.add_argument("--question", metavar="Q", action="append", help="a question; may be repeated")
        parser.add_argument("--context", metavar="C", help="the text that answers it (or TEXT, --file, -)")
    kind = PIPELINE_REGISTRY.pipeline_class(name)
    group = parser.add_argument_group("options of the task", _about(kind.Options))
    readers: dict[str, Callable[[Any], Any]] = {}
    for option, form, said in [*_options(kind), *(_settings() if name.split("_")[0] in _GENERATING else ())]:
        flag, named = f"--{option.replace('_', '-')}", {"dest": option, "default": argparse.SUPPRESS}
        if "bool" in form:
            group.add_argument(flag, action=argparse.BooleanOptionalAction, help=said, **named)
            readers[option] = bool
        else:
            group.add_argument(flag, metavar="X", help=said, **named)
            readers[option] = str if form.startswith("str") else plain_value
    return readers


def _options(kind: Any) -> Iterator[tuple[str, str, str]]:
    """The options of a pipeline: name, type, and what is said of it where it is declared."""
    taken = kind.option_names()
    for field in fields(kind.Options):
        if field.name in taken:
            yield field.name, str(field.type), _comment(kind.Options, field.name)


def _settings() -> Iterator[tuple[str, str, str]]:
    """What may be said of how text is written."""
    from hubformer.generation.config import SETTINGS

    for name, setting in SETTINGS.items():
        if not name.startswith(("output_", "return_")):
            yield name, "bool" if setting.expected == "True or False" else "", setting.expected


def _about(options: type) -> str:
    said = " ".join((options.__doc__ or "").split())
    return fill(f"{said} On the command line None is written none.", 96)


def _comment(options: type, name: str) -> str:
    """What is said of an option where it is declared."""
    for kind in options.__mro__[:-1]:
        try:
            source = getsource(kind)
        except OSError:  # installed without sources
            return ""
        found = re.search(rf"^    {name}: .*?#(?! type:) (.+)$", source, re.MULTILINE)
        if found:
            return found[1].replace("%", "%%")
    return ""


def _inputs(said: argparse.Namespace, parser: Parser) -> Iterable[Any]:
    """What is to be answered: a list if it was given, an iterator if it is read as it comes."""
    questions = getattr(said, "question", None)
    texts = checked(said.texts)
    source = said.file
    if texts == [STANDARD_INPUT] or not (texts or source or getattr(said, "context", None) or _at_terminal()):
        texts, source = [], source or STANDARD_INPUT
    if texts and source:
        parser.error("texts were given and a file; leave one of them out")
    if not (texts or source or getattr(said, "context", None)):
        wanted = "--question and --context" if hasattr(said, "question") else "a text"
        parser.error(f"there is nothing to answer; give {wanted}, --file, or - for standard input")
    if questions:
        given = said.context or (whole(source) if source else "\n".join(texts))
        context = checked([given])[0]
        return [{"question": question, "context": context} for question in checked(questions)]
    if getattr(said, "context", None):
        parser.error("there is a context and no question; give --question too")
    if source:
        return inputs_in(source, as_json=said.jsonl or source.endswith(".jsonl"))
    return texts


def _at_terminal() -> bool:
    return sys.stdin is None or sys.stdin.isatty()


def _answered(pipe: Any, inputs: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Inputs with their answers. Iterators go in, since they give one answer per input whatever the task."""
    if not isinstance(inputs, list) and _at_terminal():  # someone types and waits for each answer
        for item in inputs:
            yield item, next(iter(pipe(iter([item]))))
        return
    seen: list[Any] = []

    def read() -> Iterator[Any]:
        for item in inputs:
            seen.append(item)
            yield item

    for answer in pipe(read()):
        yield seen.pop(0), answer


def _json_lines(answered: Iterable[tuple[Any, Any]]) -> Iterator[str]:
    for _, answer in answered:
        yield json.dumps(answer, ensure_ascii=False)


def _table(answered: Iterator[tuple[Any, Any]]) -> Iterator[str]:
    """Lines of a table: what the answers say, and last the text that they are about."""
    table = Table(width=shutil.get_terminal_size().columns)
    first: int | None = 1 if _at_terminal() else _FIRST_ROWS
    while several := list(islice(answered, first)):
        rows = [(item, one) for item, answer in several for one in _each(answer)]
        if not all(isinstance(one, Mapping) for _, one in rows):
            yield from _json_lines(iter(several))
        elif rows:
            header = list(rows[0][1])
            cells = [[*(_cell(one.get(name)) for name in header), _asked(item)] for item, one in rows]
            about = "question" if isinstance(rows[0][0], Mapping) else "text"
            yield from table.lines(cells, header=[*header, about])
        first = 1


def _each(answer: Any) -> list[Any]:
    return answer if isinstance(answer, list) else [answer]


def _cell(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _asked(item: Any) -> str:
    if isinstance(item, Mapping):
        return str(item.get("question") or " | ".join(str(value) for value in item.values()))
    return str(item)


def _streams(pipe: Any, options: Mapping[str, Any]) -> bool:
    """Whether there is one text to show while it is written."""
    several = (options.get(name) or 1 for name in ("num_return_sequences", "num_beams"))
    return pipe.task == _WRITING and all(count == 1 for count in several)


def _write(pipe: Any, inputs: Iterable[Any]) -> int:
    """Texts as they are written, token by token."""
    from hubformer.generation.streamers import TextStreamer

    class Shown(TextStreamer):
        def on_finalized_text(self, text: str, stream_end: bool = False) -> None:
            super().on_finalized_text(printable(text, keep="\n\t"), stream_end)

    for text in inputs:
        alone = pipe.options.return_full_text is False
        pipe(text, streamer=Shown(pipe.tokenizer, skip_prompt=alone, skip_special_tokens=True))
    return 0
