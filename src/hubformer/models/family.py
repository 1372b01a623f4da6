"""Everything that hubformer knows of one family, as data."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

from hubformer.models.bodies import AnyBodySpec, States
from hubformer.models.config import Config, Field, PreTrainedConfig
from hubformer.models.heads import HeadSpec
from hubformer.models.initial import Initial, JoinedInitial
from hubformer.models.inputs import Inputs
from hubformer.models.outputs import ModelOutput
from hubformer.models.stepping import CausalStepper, DecoderRunner
from hubformer.weights.map import Inside, JoinedMap, Row, WeightMap

Rows = tuple[Row, ...] | Callable[[Config], tuple[Row, ...]]


def no_extra_outputs(found: dict[str, Any], states: States, config: PreTrainedConfig) -> dict[str, Any]:
    return {}


def _as_given(values: dict[str, Any]) -> dict[str, Any]:
    return values


@dataclass(frozen=True)
class Head:
    """One named class of a family: what stands on the body, what its weights are called, how it is called."""

    name: str  # of the public class
    tasks: tuple[str, ...]  # the Auto classes that give it
    spec: Callable[[Config], HeadSpec]
    arguments: tuple[str, ...]  # of its forward, in v4's order
    output: type[ModelOutput]
    loss_fn: Callable[[Any, Inputs, PreTrainedConfig], dict[str, Any]]
    # Fields of the output that follow from the states, beside those found in the scores; or in their place.
    extra_outputs: Callable[[dict[str, Any], States, PreTrainedConfig], dict[str, Any]] = no_extra_outputs
    rows: Rows = ()
    prepare: Callable[[Inputs, PreTrainedConfig], Inputs] | None = None  # of what the body reads
    body: Callable[[Config], AnyBodySpec] | None = None  # None: the family's
    tied: tuple[tuple[str, str], ...] | None = None  # None: the family's
    initial: Callable[[Config], Initial] | None = None  # None: the family's
    ignored: tuple[str, ...] = ()  # patterns of names that this class leaves alone, such as another half's
    without: Callable[[Config], HeadSpec] | None = None  # in its place, where a checkpoint lacks its weights
    bare: bool = False  # saved without the backbone's prefix
    prefix: str | None = None  # of the backbone in this head's files; None: the family's
    generates: bool = False
    stepper: Callable[..., DecoderRunner] = CausalStepper  # how it reads what it has written

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The names of the output's fields."""
        return tuple(f.name for f in fields(self.output))

    def rows_in(self, config: Config) -> tuple[Row, ...]:
        return self.rows(config) if callable(self.rows) else self.rows


@dataclass(frozen=True)
class Part:
    """A model that stands whole inside another, as one of its classes."""

    family: Family
    head: Head
    config: Config
    hub: str  # what files put in front of its names, with a dot
    homes: tuple[tuple[str, str], ...]  # how our names begin where it stands alone, and how in the whole

    def weights(self) -> Inside:
        return Inside(self.family.weights(self.head, self.config), self.hub, self.homes)


@dataclass(frozen=True)
class Family:
    """How to read a config.json, what to build from it, and what its weights are called.

    `rows` and `tied` are written with the backbone's prefix; `initial` speaks of our parameter names.
    """

    model_type: str
    name: str  # the first part of the public class names
    prefix: str  # of the backbone's weights on the Hub, and of the attribute under which v4 keeps it
    fields: Mapping[str, Field]
    body: Callable[[Config], AnyBodySpec]
    rows: Rows
    heads: tuple[Head, ...]
    initial: Callable[[Config], Initial]
    paper: str = ""
    # Whether a config.json is of this family, although it states no model_type, or one of another name.
    recognises: Callable[[Mapping[str, Any]], bool] = lambda values: False
    filed_as: str = ""  # model_type in files, where that is another family's: what tells them apart is read
    attribute_map: Mapping[str, str] = field(default_factory=dict)
    tied: tuple[tuple[str, str], ...] = ()
    duplicates: Callable[[Config], tuple[tuple[str, str], ...]] = lambda config: ()
    old_names: tuple[tuple[str, str], ...] = ()
    ignored: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()  # patterns of names that files may lack: what they start from is right
    caches: Callable[[Config], bool] = lambda config: False  # whether a pass keeps keys and values
    # What a model is made of, where it is made of whole models: their names and first weights are their own.
    parts: Callable[[Config], tuple[Part, ...]] | None = None
    lora_targets: tuple[
        str, ...
    ] = ()  # the modules that LoRA adapts unless it is told; none: it must be told
    # The values of a configuration as given -> under this family's names, with what they imply.
    normalise: Callable[[dict[str, Any]], dict[str, Any]] = _as_given

    def head(self, task: str) -> Head | None:
        """The class that serves a task, or None."""
        return next((head for head in self.heads if task in head.tasks), None)

    def weights(self, head: Head, config: Config) -> WeightMap:
        beside = self.rows(config) if callable(self.rows) else self.rows
        if self.parts is not None:
            return JoinedMap.of(tuple(part.weights() for part in self.parts(config)), beside)
        own = self.prefix if head.prefix is None else head.prefix
        # Files of this family's other heads may keep the backbone under another name.
        others = {self.prefix, *(h.prefix for h in self.heads if h.prefix is not None)} - {own}
        return WeightMap(
            rows=tuple(_under(row, own, of=self.prefix) for row in beside + head.rows_in(config)),
            prefix=f"{own}." if own else "",
            bare=head.bare,
            tied=self.tied if head.tied is None else head.tied,
            duplicates=self.duplicates(config),
            old_names=(
                *self.old_names,
                *((rf"^{other}\.", f"{own}." if own else "") for other in sorted(others) if other),
            ),
            ignored=self.ignored + head.ignored,
            optional=self.optional,
        )

    def body_of(self, head: Head, config: Config) -> AnyBodySpec:
        """What stands under a head."""
        return (head.body or self.body)(config)

    def initial_of(self, head: Head | None, config: Config) -> Initial:
        """What fresh weights of a class start from."""
        own = None if head is None else head.initial
        first = (own or self.initial)(config)
        if self.parts is None:
            return first
        parts = tuple((p.family.initial_of(p.head, p.config), p.homes) for p in self.parts(config))
        return JoinedInitial(first.std, first.rules, parts)

    def head_rows(self, config: Config) -> tuple[Row, ...]:
        """The rows of every head: what a file of this family may hold beside the backbone."""
        return tuple(row for head in self.heads for row in head.rows_in(config))

    def rows_of(self, name: str, config: Config) -> tuple[Row, ...]:
        """The rows of the head of that class name, if the family has it."""
        return tuple(row for head in self.heads if head.name == name for row in head.rows_in(config))


def _under(row: Row, prefix: str, *, of: str) -> Row:
    """A row written with one name of the backbone, with another."""
    if prefix == of:
        return row
    hub = tuple(re.sub(rf"^{of}\.", f"{prefix}." if prefix else "", name) for name in row.hub)
    return replace(row, hub=hub)
