"""What transformers has and hubformer has not: importable, so that code which only mentions it runs."""

from __future__ import annotations

from functools import cache
from typing import Any, NoReturn

from hubformer.errors import NotProvided


class _StandIn(type):
    """The class of stand-ins: any use but `isinstance` and annotations is an error that says what to do."""

    def __call__(cls, *given: Any, **named: Any) -> NoReturn:
        _refuse(cls)

    def __getattr__(cls, name: str) -> NoReturn:
        if name.startswith("_"):
            raise AttributeError(name)
        _refuse(cls)

    def __instancecheck__(cls, value: object) -> bool:
        return False

    def __subclasscheck__(cls, kind: type) -> bool:
        return kind is cls


def _refuse(kind: type) -> NoReturn:
    raise NotProvided(f"hubformer has no {kind.__name__}. {kind.__doc__}")


def _no_subclass(cls: Any, /, **named: Any) -> NoReturn:
    _refuse(cls.__mro__[1])


@cache
def stand_in(name: str, advice: str) -> type:
    """A class of that name that refuses to be called, read or subclassed. advice: what to do instead."""
    body = {
        "__doc__": advice,
        "__module__": "hubformer",
        "__init_subclass__": classmethod(_no_subclass),
        "__class_getitem__": classmethod(lambda cls, item: cls),  # in annotations
    }
    return _StandIn(name, (), body)


def is_stand_in(value: object) -> bool:
    return isinstance(value, _StandIn)
