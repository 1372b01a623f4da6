"""Jinja for chat templates: a sandbox, with a budget for steps and memory.

A template comes with a checkpoint, so it is untrusted. Jinja's sandbox keeps it from reaching Python; the
budget keeps it from looping for ever or filling the memory.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hubformer.errors import InputError

LONGEST_OUTPUT = 20_000_000  # characters
MOST_STEPS = 2_000_000  # loop rounds of one rendering
_LARGEST_NUMBER_BITS = 4096


@dataclass
class Budget:
    """What one rendering may still spend, and what it writes around assistant text."""

    steps: int = MOST_STEPS
    marks: tuple[str, str] | None = None  # around assistant text, where spans are asked for

    def spend(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise InputError(f"The chat template loops more than {MOST_STEPS} times; it was stopped.")


def render(template: str, variables: dict[str, Any], *, budget: Budget) -> str:
    """What a template makes of its variables.

    Raises:
        InputError: jinja2 is not installed, the template is wrong, or it breaks its budget.
    """
    import jinja2

    pieces: list[str] = []
    size = 0
    try:
        for piece in _compiled(template).generate({**variables, "_budget": budget}):
            size += len(piece)
            if size > LONGEST_OUTPUT:
                raise InputError(
                    f"The chat template writes more than {LONGEST_OUTPUT} characters; it was stopped."
                )
            pieces.append(piece)
    except InputError:
        raise
    except jinja2.TemplateError as error:
        raise InputError(f"The chat template cannot be rendered: {error.message or error}") from error
    except (
        RecursionError,
        OverflowError,
        TypeError,
        ValueError,
        LookupError,
        AttributeError,
        ArithmeticError,
    ) as error:
        raise InputError(
            f"The chat template fails on this conversation: {type(error).__name__}: {error}"
        ) from error
    return "".join(pieces)


@functools.lru_cache(maxsize=64)
def _compiled(template: str) -> Any:
    try:
        import jinja2
    except ImportError as error:
        raise InputError("Chat templates need jinja2 (3.1 or newer): pip install jinja2.") from error
    if not isinstance(template, str):
        raise InputError(f"A chat template is a text; found {type(template).__name__}.")
    try:
        return _environment().from_string(template)
    except jinja2.TemplateSyntaxError as error:
        raise InputError(f"The chat template has an error in line {error.lineno}: {error.message}") from error


@functools.cache
def _environment() -> Any:
    import jinja2
    import jinja2.ext
    from jinja2 import nodes
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Generation(jinja2.ext.Extension):
        """The block `{% generation %}` around what the assistant wrote."""

        tags = {"generation"}  # noqa: RUF012

        def parse(self, parser: Any) -> Any:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            call = self.call_method("_mark", [nodes.ContextReference()])
            return nodes.CallBlock(call, [], [], body).set_lineno(line)

        def _mark(self, context: Any, caller: Any) -> str:
            marks = context["_budget"].marks
            return str(caller()) if marks is None else f"{marks[0]}{caller()}{marks[1]}"

    class Sandbox(ImmutableSandboxedEnvironment):
        intercepted_binops = frozenset(("*", "**", "+", "%", "//"))

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            _check_operation(operator, left, right)
            return super().call_binop(context, operator, left, right)

        def _parse(self, source: str, name: str | None, filename: str | None) -> Any:
            tree = super()._parse(source, name, filename)
            # Every loop is counted, and `a ~ b` bounded: neither has a hook of its own.
            for loop in list(tree.find_all(nodes.For)):
                loop.iter = _filtered(loop.iter, "_counted")
            return _Joins().visit(tree)

    class _Joins(jinja2.visitor.NodeTransformer):
        def visit_Concat(self, node: Any) -> Any:
            self.generic_visit(node)
            return _filtered(nodes.List(node.nodes, lineno=node.lineno), "_joined")

    def _filtered(node: Any, name: str) -> Any:
        return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)

    environment = Sandbox(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    environment.filters.update(
        _counted=jinja2.pass_context(_counted),
        _joined=_joined,
        tojson=_to_json,
        center=_bounded(environment.filters["center"]),
        indent=_bounded(environment.filters["indent"]),
    )
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = _strftime_now
    return environment


def _counted(context: Any, values: Any) -> Iterator[Any]:
    budget = context["_budget"]
    for value in values:
        budget.spend()
        yield value


def _joined(values: list[Any]) -> str:
    texts = [str(value) for value in values]
    if sum(map(len, texts)) > LONGEST_OUTPUT:
        raise InputError(
            f"The chat template builds a text of more than {LONGEST_OUTPUT} characters; it was stopped."
        )
    return "".join(texts)


def _check_operation(operator: str, left: Any, right: Any) -> None:
    size = 0
    if operator == "+" and hasattr(left, "__len__") and hasattr(right, "__len__"):
        size = len(left) + len(right)
    elif operator == "*":
        for values, count in ((left, right), (right, left)):
            if hasattr(values, "__len__") and isinstance(count, int):
                size = len(values) * count
    elif operator == "%" and isinstance(left, str):
        widths = re.findall(r"\d{5,}|\*", left)
        size = LONGEST_OUTPUT + 1 if widths else 0
    if size > LONGEST_OUTPUT:
        raise InputError(f"The chat template builds a value of {size} entries; it was stopped.")
    if isinstance(left, int) and isinstance(right, int):
        bits = (
            left.bit_length() * max(1, right) if operator == "**" else left.bit_length() + right.bit_length()
        )
        if operator in ("**", "*") and bits > _LARGEST_NUMBER_BITS:
            raise InputError("The chat template computes a number too large to write; it was stopped.")


def _bounded(function: Any) -> Any:
    @functools.wraps(function)
    def call(*given: Any, **named: Any) -> Any:
        for value in (*given, *named.values()):
            if isinstance(value, int) and value > 10_000:
                raise InputError(f"The chat template asks for a width of {value}; it was stopped.")
        return function(*given, **named)

    return call


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: Any = None,
    separators: Any = None,
    sort_keys: bool = False,
) -> str:
    # Jinja's own filter escapes HTML, which no model was trained on.
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _raise_exception(message: str) -> None:
    import jinja2

    raise jinja2.TemplateError(str(message))


def _strftime_now(format: str) -> str:
    return datetime.now().strftime(format)
