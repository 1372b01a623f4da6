"""Command lines, mappings and files to dataclasses of arguments: v4's HfArgumentParser."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hubformer.errors import InputError

_TRUE, _FALSE = ("yes", "true", "t", "y", "1"), ("no", "false", "f", "n", "0")


def HfArg(
    *,
    aliases: str | list[str] | None = None,
    help: str | None = None,
    default: Any = dataclasses.MISSING,
    default_factory: Any = dataclasses.MISSING,
    metadata: Mapping[str, Any] | None = None,
    **named: Any,
) -> Any:
    """`dataclasses.field` with a help text and other names for the command line: `HfArg(aliases=["-x"])`."""
    shown = {"aliases": aliases, "help": help}
    metadata = {**(metadata or {}), **{k: v for k, v in shown.items() if v is not None}}
    return dataclasses.field(default=default, default_factory=default_factory, metadata=metadata, **named)


class HfArgumentParser(argparse.ArgumentParser):
    """An ArgumentParser with an option for every field of one or several dataclasses.

    A field's type says what its option takes: a bool is a switch (and `--no_name` where it is on by default),
    a list takes several values, a Literal or an Enum only its own, Optional as what it holds. Dashes do for
    underscores. Options of other kinds may be added as with any ArgumentParser.

    Raises:
        InputError: a field whose type no option can have; also from the `parse_...` methods, for values that
            no field takes.
    """

    def __init__(self, dataclass_types: Any = None, **kwargs: Any) -> None:
        kwargs.setdefault("formatter_class", argparse.ArgumentDefaultsHelpFormatter)
        super().__init__(**kwargs)
        given = () if dataclass_types is None else dataclass_types
        self.dataclass_types = list(given) if isinstance(given, Iterable) else [given]
        for one in self.dataclass_types:
            self._add_fields(one)

    def _add_fields(self, kind: Any) -> None:
        name = getattr(kind, "_argument_group_name", None)
        group = self if name is None else self.add_argument_group(name)
        try:
            hints = get_type_hints(kind)
        except NameError as error:
            raise InputError(
                f"The types of {kind.__name__}'s fields cannot be found ({error}). Define the class at the "
                "top of a module that imports what the types name."
            ) from None
        for one in dataclasses.fields(kind):
            if one.init:
                _add_field(group, one, kind=hints[one.name])

    def parse_args_into_dataclasses(
        self,
        args: list[str] | None = None,
        return_remaining_strings: bool = False,
        look_for_args_file: bool = True,
        args_filename: str | None = None,
        args_file_flag: str | None = None,
    ) -> tuple[Any, ...]:
        """One object per dataclass, then a Namespace with other options where there are any, then the words
        that no option takes where return_remaining_strings asks for them.

        Words from files come first, so that the command line has the last word: args_filename, else
        `<script>.args` beside the script (unless look_for_args_file is False), then those that follow
        args_file_flag.
        """
        words = list(sys.argv[1:] if args is None else args)
        files = []
        if args_filename is not None:
            files.append(Path(args_filename))
        elif look_for_args_file and sys.argv and sys.argv[0]:
            files.append(Path(sys.argv[0]).with_suffix(".args"))
        if args_file_flag is not None:
            flags = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
            flags.add_argument(args_file_flag, dest="files", action="append", default=[])
            found, words = flags.parse_known_args(words)
            files += map(Path, found.files)
        before = [word for file in files if file.is_file() for word in file.read_text("utf-8").split()]
        namespace, left = self.parse_known_args([*before, *words])
        made = []
        for kind in self.dataclass_types:
            names = [f.name for f in dataclasses.fields(kind) if f.init and hasattr(namespace, f.name)]
            made.append(kind(**{name: getattr(namespace, name) for name in names}))
            for name in names:
                delattr(namespace, name)
        others = [namespace] if vars(namespace) else []
        if return_remaining_strings:
            return (*made, *others, left)
        if left:
            raise InputError(f"Some specified arguments are not used by the HfArgumentParser: {left}.")
        return (*made, *others)

    def parse_dict(self, args: dict[str, Any], allow_extra_keys: bool = False) -> tuple[Any, ...]:
        """One object per dataclass from a mapping of their fields; values are taken as they are."""
        unused, made = set(args), []
        for kind in self.dataclass_types:
            names = {f.name for f in dataclasses.fields(kind) if f.init} & set(args)
            unused -= names
            made.append(kind(**{name: args[name] for name in names}))
        if unused and not allow_extra_keys:
            raise InputError(f"Some keys are not used by the HfArgumentParser: {sorted(unused)}.")
        return tuple(made)

    def parse_json_file(self, json_file: Any, allow_extra_keys: bool = False) -> tuple[Any, ...]:
        """parse_dict of a JSON file."""
        try:
            found = json.loads(Path(json_file).read_text("utf-8"))
        except json.JSONDecodeError as error:
            raise InputError(f"{json_file} is not JSON: {error}.") from None
        return self.parse_dict(_object(found, where=json_file), allow_extra_keys)

    def parse_yaml_file(self, yaml_file: Any, allow_extra_keys: bool = False) -> tuple[Any, ...]:
        """parse_dict of a YAML file."""
        import yaml  # type: ignore[import-untyped]

        try:
            found = yaml.safe_load(Path(yaml_file).read_text("utf-8"))
        except yaml.YAMLError as error:
            raise InputError(f"{yaml_file} is not YAML: {error}.") from None
        return self.parse_dict(_object(found, where=yaml_file), allow_extra_keys)


def string_to_bool(value: Any) -> bool:
    """yes, true, t, y, 1 and their opposites, in any case.

    Raises:
        argparse.ArgumentTypeError: another word.
    """
    word = str(value).lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise argparse.ArgumentTypeError(f"found {value!r}, expected one of {', '.join((*_TRUE, *_FALSE))}")


def _object(found: Any, *, where: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise InputError(f"{where} holds a {type(found).__name__}, expected an object of names and values.")
    return found


def _add_field(group: Any, one: dataclasses.Field[Any], *, kind: Any) -> None:
    flags = [f"--{one.name}"]
    if "_" in one.name:
        flags.append(f"--{one.name.replace('_', '-')}")
    aliases = one.metadata.get("aliases", [])
    flags += [aliases] if isinstance(aliases, str) else list(aliases)
    more: dict[str, Any] = {k: v for k, v in one.metadata.items() if k != "aliases"}
    if one.default_factory is not dataclasses.MISSING:
        more["default"] = one.default_factory()
    elif one.default is not dataclasses.MISSING:
        more["default"] = one.default
    elif kind is bool:
        more["default"] = False
    else:
        more["required"] = True
    group.add_argument(*flags, **_option(kind, name=one.name, default=more.get("default")), **more)
    if one.default is True and kind in (bool, bool | None):
        group.add_argument(
            f"--no_{one.name}",
            f"--no-{one.name.replace('_', '-')}",
            action="store_false",
            dest=one.name,
            default=True,
            **{k: v for k, v in one.metadata.items() if k == "help"},
        )


def _option(kind: Any, *, name: str, default: Any) -> dict[str, Any]:
    """What argparse is told of a type."""
    optional_too, members = _members(kind)
    words = str in members and len(members) > 1
    others = [one for one in members if one is not str] if words else members
    if len(others) != 1:
        raise InputError(
            f"The field {name!r} has the type {kind}: an option takes one type, or that or None, or that or "
            "a str."
        )
    (inner,) = others
    origin = get_origin(inner)
    if inner is bool and words:
        return {"type": _bool_or_text, "nargs": "?", "const": True}
    if inner is bool:
        switch = {"nargs": "?", "const": True} if not optional_too or default is not None else {}
        return {"type": string_to_bool, **switch}
    if origin is Literal or (isinstance(inner, type) and issubclass(inner, Enum)):
        choices = list(get_args(inner)) if origin is Literal else [one.value for one in inner]
        return {"type": _one_of(choices), "choices": choices}
    if inner in (list, tuple) or origin in (list, tuple):
        (of, *_) = get_args(inner) or (str,)
        one = _option(of, name=name, default=None)
        return {**{k: v for k, v in one.items() if k in ("type", "choices")}, "nargs": "+"}
    if inner is dict or origin in (dict, Mapping):
        return {"type": str if words else json.loads}
    if inner is Any:
        return {"type": str}
    return {"type": _or_text(inner) if words else inner}


def _members(kind: Any) -> tuple[bool, list[Any]]:
    """Whether None is among the types of a union, and the others."""
    if get_origin(kind) not in (Union, types.UnionType):
        return False, [kind]
    members = list(get_args(kind))
    return type(None) in members, [one for one in members if one is not type(None)]


def _one_of(choices: list[Any]) -> Callable[[str], Any]:
    """The choice that is written so; a word that is none is left for argparse to refuse."""
    written = {str(choice): choice for choice in choices}
    return lambda word: written.get(word, word)


def _bool_or_text(word: str) -> bool | str:
    return word.lower() in _TRUE if word.lower() in (*_TRUE, *_FALSE) else word


def _or_text(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    def convert(word: str) -> Any:
        try:
            return kind(word)
        except ValueError:
            return word

    return convert
