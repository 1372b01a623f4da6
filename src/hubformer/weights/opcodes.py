"""A pickle stream read as data: the stack machine of the format, without its power to call anything.

A pickle is a program for a small stack machine. This one knows the instructions that make up containers,
text and numbers. A reference to a class or function becomes a `Name`, calling it becomes a `Call`, and both
are only ever looked at: nothing is imported, nothing is run. Names outside the caller's list are refused.

Memory and time are bounded by the length of the stream and by the limits below.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from mmap import mmap

_MAX_STEPS = 2_000_000  # a checkpoint of 10,000 tensors takes 400,000
_MAX_DEPTH = 1_000  # marks that are open at a time
_MAX_NAME = 1_000  # of a module or a class, in bytes


class Damaged(Exception):
    """The stream is no valid pickle, or more than any checkpoint needs."""


class Forbidden(Exception):
    """The stream asks for something that data does not need, such as calling a function."""


@dataclass(frozen=True)
class Name:
    """A class or function that the stream refers to."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(frozen=True, eq=False)
class Call:
    """What the stream wants `function` to be called with. Nobody does."""

    function: Name
    arguments: tuple[object, ...]


@dataclass(frozen=True, eq=False)
class Persistent:
    """A reference to something that lies outside the stream: a storage."""

    key: object


@dataclass(eq=False)
class Items:
    """A dictionary as a list of pairs: nothing is hashed, so no chosen key can make it slow."""

    pairs: list[tuple[object, object]] = field(default_factory=list)


_MAPPING = Name("collections", "OrderedDict")


class Machine:
    """Runs one pickle in `buffer` from `at` on; afterwards `at` is the byte behind it.

    `persistent` collects every storage that the pickle refers to, in order.
    """

    def __init__(self, buffer: bytes | mmap, *, at: int, allowed: Collection[tuple[str, str]]) -> None:
        self.buffer, self.at, self.allowed = buffer, at, allowed
        self.end, self.left = len(buffer), _MAX_STEPS
        self.persistent: list[Persistent] = []
        self.stack: list[object] = []
        self.marks: list[list[object]] = []
        self.memo: dict[int, object] = {}

    def run(self) -> object:
        """The value that the pickle describes.

        Raises:
            Damaged: the stream ends early or makes no sense.
            Forbidden: it uses a name or an instruction that is not on the list.
        """
        while True:
            self.spend(1)
            code = self.take(1)
            if code == b".":
                return self.pop()
            step = _STEPS.get(code)
            if step is None:
                raise Forbidden(f"the pickle instruction {code!r}")
            step(self)

    def spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise Damaged(f"its pickle takes more than {_MAX_STEPS:,} steps, more than any checkpoint needs")

    def take(self, count: int) -> bytes:
        if count > self.end - self.at:
            raise Damaged(f"its pickle ends early: it needs {count:,} bytes more at byte {self.at:,}")
        self.at += count
        return self.buffer[self.at - count : self.at]

    def number(self, form: str) -> int:
        value: int = struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0]
        return value

    def line(self) -> str:
        end = self.buffer.find(b"\n", self.at, self.at + _MAX_NAME)
        if end < 0:
            raise Damaged(f"its pickle has a name without end at byte {self.at:,}")
        return self._decode(self.take(end + 1 - self.at)[:-1])

    def text(self, form: str) -> None:
        self.push(self._decode(self.take(self.number(form))))

    def push(self, value: object) -> None:
        self.stack.append(value)

    def pop(self) -> object:
        if not self.stack:
            raise Damaged(f"its pickle takes a value from an empty stack at byte {self.at:,}")
        return self.stack.pop()

    def top(self) -> object:
        value = self.pop()
        self.push(value)
        return value

    def mark(self) -> None:
        if len(self.marks) >= _MAX_DEPTH:
            raise Damaged(f"its pickle is nested more than {_MAX_DEPTH:,} deep")
        self.marks.append(self.stack)
        self.stack = []

    def since_mark(self) -> list[object]:
        if not self.marks:
            raise Damaged(f"its pickle closes a bracket that it did not open, at byte {self.at:,}")
        values, self.stack = self.stack, self.marks.pop()
        return values

    def remember(self, place: int) -> None:
        self.memo[place] = self.top()

    def recall(self, place: int) -> None:
        if place not in self.memo:
            raise Damaged(f"its pickle refers to value {place}, which it did not define")
        self.push(self.memo[place])

    def tuple_of(self, count: int) -> None:
        self.push(tuple([self.pop() for _ in range(count)][::-1]))

    def extend(self, values: list[object]) -> None:
        target = self.top()
        if not isinstance(target, list):
            raise Forbidden(f"appending to {describe(target)}")
        target.extend(values)

    def set_items(self, values: list[object]) -> None:
        target = self.top()
        if not isinstance(target, Items):
            raise Forbidden(f"setting items of {describe(target)}")
        if len(values) % 2:
            raise Damaged(f"its pickle has a key without a value before byte {self.at:,}")
        target.pairs.extend(zip(values[::2], values[1::2], strict=True))

    def refer(self, name: str, *, module: str) -> None:
        if (module, name) not in self.allowed:
            raise Forbidden(f"the name {module[:_MAX_NAME]}.{name[:_MAX_NAME]}")
        self.push(Name(module, name))

    def stack_refer(self) -> None:
        name, module = self.pop(), self.pop()
        if not (isinstance(name, str) and isinstance(module, str)):
            raise Damaged(f"its pickle has a name that is not text at byte {self.at:,}")
        self.refer(name, module=module)

    def call(self) -> None:
        arguments, function = self.pop(), self.pop()
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise Forbidden(f"a call of {describe(function)}")
        self.push(self.mapping(arguments) if function == _MAPPING else Call(function, arguments))

    def mapping(self, arguments: tuple[object, ...]) -> Items:
        items, pairs = Items(), arguments[0] if len(arguments) == 1 else ()
        if len(arguments) > 1 or not isinstance(pairs, (list, tuple)):
            raise Forbidden("an OrderedDict made of something else than a list of pairs")
        self.spend(len(pairs))  # one list may be copied many times
        for pair in pairs:
            if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                raise Forbidden("an OrderedDict made of something else than a list of pairs")
            items.pairs.append((pair[0], pair[1]))
        return items

    def build(self) -> None:
        # The attributes of a dictionary (`_metadata` of a state dict) or of a value that nobody looks at.
        self.pop()
        if not isinstance(self.top(), (Items, Call)):
            raise Forbidden(f"setting attributes of {describe(self.top())}")

    def persist(self) -> None:
        self.persistent.append(Persistent(self.pop()))
        self.push(self.persistent[-1])

    @staticmethod
    def _decode(raw: bytes) -> str:
        try:
            return raw.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise Damaged(f"its pickle has text that is not UTF-8: {raw[:40]!r}") from error


def describe(value: object) -> str:
    """A value in a message, without its content: that may be endless."""
    if isinstance(value, Name):
        return str(value)
    kinds = {Items: "a dictionary", Call: "the result of a call", Persistent: "a storage"}
    return kinds.get(type(value), f"a {type(value).__name__}")


def _whole(machine: Machine) -> None:
    machine.push(int.from_bytes(machine.take(machine.number("B")), "little", signed=True))


_STEPS: dict[bytes, Callable[[Machine], object]] = {
    b"\x80": lambda m: m.take(1),  # the protocol: the instructions themselves tell
    b"\x95": lambda m: m.take(8),  # a frame is only a hint for buffering
    b"N": lambda m: m.push(None),
    b"\x88": lambda m: m.push(True),
    b"\x89": lambda m: m.push(False),
    b"K": lambda m: m.push(m.number("B")),
    b"M": lambda m: m.push(m.number("H")),
    b"J": lambda m: m.push(m.number("i")),
    b"\x8a": _whole,
    b"G": lambda m: m.push(struct.unpack(">d", m.take(8))[0]),
    b"X": lambda m: m.text("I"),
    b"\x8c": lambda m: m.text("B"),
    b"\x8d": lambda m: m.text("Q"),
    b"U": lambda m: m.text("B"),  # the byte strings of Python 2, where names are text
    b"T": lambda m: m.text("I"),
    b"C": lambda m: m.push(m.take(m.number("B"))),
    b"B": lambda m: m.push(m.take(m.number("I"))),
    b"\x8e": lambda m: m.push(m.take(m.number("Q"))),
    b"\x96": lambda m: m.push(m.take(m.number("Q"))),
    b")": lambda m: m.push(()),
    b"]": lambda m: m.push([]),
    b"\x8f": lambda m: m.push([]),  # sets are kept as lists: order and doubles do not matter to anybody here
    b"}": lambda m: m.push(Items()),
    b"(": lambda m: m.mark(),
    b"t": lambda m: m.push(tuple(m.since_mark())),
    b"\x85": lambda m: m.tuple_of(1),
    b"\x86": lambda m: m.tuple_of(2),
    b"\x87": lambda m: m.tuple_of(3),
    b"\x91": lambda m: m.push(m.since_mark()),
    b"a": lambda m: m.extend([m.pop()]),
    b"e": lambda m: m.extend(m.since_mark()),
    b"\x90": lambda m: m.extend(m.since_mark()),
    b"s": lambda m: m.set_items([m.pop(), m.pop()][::-1]),
    b"u": lambda m: m.set_items(m.since_mark()),
    b"0": lambda m: m.pop(),
    b"1": lambda m: m.since_mark(),
    b"2": lambda m: m.push(m.top()),
    b"q": lambda m: m.remember(m.number("B")),
    b"r": lambda m: m.remember(m.number("I")),
    b"\x94": lambda m: m.remember(len(m.memo)),
    b"h": lambda m: m.recall(m.number("B")),
    b"j": lambda m: m.recall(m.number("I")),
    b"c": lambda m: m.refer(module=m.line(), name=m.line()),
    b"\x93": lambda m: m.stack_refer(),
    b"Q": lambda m: m.persist(),
    b"R": lambda m: m.call(),
    b"b": lambda m: m.build(),
}
