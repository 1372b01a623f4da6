"""Which column of the data is which: by the user's mapping, by name, or by a usual name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hubformer.errors import InputError, suggestion


@dataclass(frozen=True)
class Columns:
    """How records become records with the names that a task reads.

    given: wanted names to the data's names. required_columns: names that every record must have.
    column_aliases: other names under which a wanted column is found, where its own is absent.
    """

    given: Mapping[str, str] = field(default_factory=dict)
    required_columns: Sequence[str] = ()
    column_aliases: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def found(self, names: Sequence[str], where: str) -> dict[str, str]:
        """Wanted names to those of `names` that hold them; only where the two differ.

        Raises:
            InputError: a column is absent, or several could be the one; the names found are listed.
        """
        listed = f"It has the columns {', '.join(map(repr, names))}." if names else "It has no columns."
        for wanted, theirs in self.given.items():
            if theirs not in names:
                raise InputError(
                    f"columns= maps {wanted!r} to {theirs!r}, which {where} does not have."
                    f"{suggestion(theirs, names)} {listed}"
                )
        mapping = dict(self.given)
        for wanted, others in self.column_aliases.items():
            if wanted in mapping or wanted in names:
                continue
            present = [name for name in others if name in names]
            if len(present) > 1:
                raise InputError(
                    f"{where} has several columns that could be {wanted!r}: {', '.join(present)}. Say which "
                    f"by columns={{{wanted!r}: {present[0]!r}}}."
                )
            if present:
                mapping[wanted] = present[0]
        for wanted in self.required_columns:
            if wanted not in mapping and wanted not in names:
                raise InputError(
                    f"{where} has no column {wanted!r}.{suggestion(wanted, names)} {listed} Say which one it "
                    f"is by columns={{{wanted!r}: ...}}."
                )
        return {wanted: theirs for wanted, theirs in mapping.items() if wanted != theirs}


def renamed(record: Mapping[str, Any], mapping: Mapping[str, str]) -> dict[str, Any]:
    """The record under the wanted names; columns that are not mapped keep theirs."""
    if not mapping:
        return dict(record)
    taken = {theirs for theirs in mapping.values()}
    kept = {name: value for name, value in record.items() if name not in taken and name not in mapping}
    return {**{wanted: record[theirs] for wanted, theirs in mapping.items()}, **kept}
