"""The names of weights, written once and read in both directions.

A row pairs names on the Hub with names here. `{i}` stands for a number and `*` for one last name, alike on
both sides. Hub names are written with the backbone's prefix; files may lack it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from torch import Tensor

from hubformer.errors import CheckpointError
from hubformer.weights.changes import SAME, Change


@dataclass(frozen=True)
class Row:
    """One line of a weight map, or, with every `{i}` and `*` filled, one transfer of tensors."""

    hub: tuple[str, ...]
    ours: tuple[str, ...]
    change: Change = SAME


def row(hub: str, *ours: str, change: Change = SAME) -> Row:
    """One Hub tensor and what it becomes here."""
    return Row((hub,), ours, change)


@dataclass(frozen=True)
class WeightMap:
    """Everything that is known of the names in a family's files."""

    rows: tuple[Row, ...]
    prefix: str = ""  # of the backbone, with its dot; "" where there is none
    bare: bool = False  # write without the prefix, as a model without head is saved
    tied: tuple[tuple[str, str], ...] = ()  # (alias, owner): two Hub names of one tensor
    duplicates: tuple[tuple[str, str], ...] = ()  # (copy, owner): likewise, but files carry both
    old_names: tuple[tuple[str, str], ...] = ()  # read only: (pattern, today's name)
    ignored: tuple[str, ...] = ()  # patterns of Hub names that carry nothing we need
    optional: tuple[str, ...] = ()  # patterns of Hub names that files may lack

    def transfers(self, parameters: Iterable[str]) -> list[Row]:
        """The rows filled in for these parameters of ours; each parameter is in exactly one.

        Raises:
            CheckpointError: a parameter has no row, or two. This is a fault of the family's table.
        """
        filled: list[Row] = []
        owner: dict[str, str] = {}
        for name in parameters:
            if name in owner:
                continue
            found = [(r, m) for r in self.rows for o in r.ours if (m := _pattern(o).match(name))]
            if len(found) != 1:
                raise CheckpointError(
                    f"The parameter {name!r} matches {len(found)} rows of the weight map, expected one: "
                    f"{[r.hub for r, _ in found]}."
                )
            r, match = found[0]
            concrete = Row(
                tuple(_fill(h, match.groupdict()) for h in r.hub),
                tuple(_fill(o, match.groupdict()) for o in r.ours),
                r.change,
            )
            owner.update(dict.fromkeys(concrete.ours, name))
            filled.append(concrete)
        return filled

    def today(self, name: str) -> str:
        """A Hub name as it would be written now."""
        for pattern, replacement in self.old_names:
            name = re.sub(pattern, replacement, name)
        return name

    def ignores(self, name: str) -> bool:
        """Whether a Hub name, as it would be written now, carries nothing we need."""
        return any(re.search(pattern, name) for pattern in self.ignored)

    def may_lack(self, name: str) -> bool:
        """Whether files may lack a Hub name: what it starts from is right."""
        return any(re.search(pattern, name) for pattern in self.optional)

    def to_hub(self, registered: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What is registered, as files have it: tied tensors once, duplicates twice."""
        full = {self.full(name): name for name in registered}
        left = {
            alias
            for alias, owner in self.tied
            if alias in full and owner in full and _one(registered[full[alias]], registered[full[owner]])
        }
        files = {name: registered[name] for hub, name in full.items() if hub not in left}
        for copy, owner in self.duplicates:
            if owner in full:
                files[self.written(copy)] = registered[full[owner]].clone()
        return files

    def written(self, name: str) -> str:
        """A Hub name as this model writes it."""
        return name.removeprefix(self.prefix) if self.bare else name

    def full(self, written: str) -> str:
        """The Hub's full name of a tensor that this model writes so."""
        return self.prefix + written if self.bare and self._is_of_backbone(written) else written

    def _is_of_backbone(self, written: str) -> bool:
        name = self.prefix + written
        return any(matches(template, name) for row in self.rows for template in row.hub)


@dataclass(frozen=True)
class Inside:
    """The map of a whole model that stands inside another."""

    weights: WeightMap
    hub: str  # what its Hub names have in front of them, with a dot
    homes: tuple[tuple[str, str], ...]  # how its names of ours begin, and how they begin in the other

    def moved(self, row: Row) -> Row:
        """One of its rows, as a row of the other."""
        return Row(tuple(self._under(name) for name in row.hub), tuple(map(self.home, row.ours)), row.change)

    def home(self, name: str) -> str:
        """The name in the other model of a parameter of ours."""
        old, new = next(pair for pair in self.homes if name.startswith(pair[0]))
        return new + name.removeprefix(old)

    def pairs(self, names: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        return tuple((self._under(one), self._under(two)) for one, two in names)

    def _under(self, name: str) -> str:
        return self.hub + self.weights.written(name)


@dataclass(frozen=True)
class JoinedMap(WeightMap):
    """The map of a model that is made of others: each answers for the names that begin as its own do."""

    parts: tuple[Inside, ...] = ()

    @staticmethod
    def of(parts: tuple[Inside, ...], rows: tuple[Row, ...] = ()) -> JoinedMap:
        """rows: those of what the other model has beside its parts."""
        return JoinedMap(
            rows=(*(part.moved(row) for part in parts for row in part.weights.rows), *rows),
            tied=tuple(pair for part in parts for pair in part.pairs(part.weights.tied)),
            duplicates=tuple(pair for part in parts for pair in part.pairs(part.weights.duplicates)),
            parts=parts,
        )

    def today(self, name: str) -> str:
        part, rest = self._part(name)
        return name if part is None else part.hub + part.weights.today(rest)

    def ignores(self, name: str) -> bool:
        part, rest = self._part(name)
        return part is not None and part.weights.ignores(rest)

    def may_lack(self, name: str) -> bool:
        part, rest = self._part(name)
        return part is not None and part.weights.may_lack(rest)

    def _part(self, name: str) -> tuple[Inside | None, str]:
        part = next((part for part in self.parts if name.startswith(part.hub)), None)
        return part, name if part is None else name.removeprefix(part.hub)


def _one(first: Tensor, second: Tensor) -> bool:
    """Whether two names stand for one tensor."""
    return first is second or (first.numel() > 0 and first.data_ptr() == second.data_ptr())


def matches(template: str, name: str) -> bool:
    """Whether a name is one that a row's template stands for."""
    return _pattern(template).match(name) is not None


@lru_cache(maxsize=4096)
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(
        "".join(
            r"(?P<star>[^.]+)"
            if piece == "*"
            else rf"(?P<{piece[1:-1]}>\d+)"
            if piece.startswith("{")
            else re.escape(piece)
            for piece in re.split(r"(\{\w+\}|\*)", template)
        )
        + r"\Z"
    )


def _fill(template: str, groups: Mapping[str, str]) -> str:
    for name, value in groups.items():
        template = template.replace("*" if name == "star" else f"{{{name}}}", value)
    return template
