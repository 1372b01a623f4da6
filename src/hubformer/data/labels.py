"""Labels as data has them, to the numbers that a model has for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hubformer.errors import InputError, suggestion


class Labels:
    """The labels of a model in their order, and what data calls them.

    A label in the data may be the name, the name in other case, or the number (also as a string). `renamed`
    maps what the data says to the model's names, where neither fits.

    Raises:
        InputError: two labels of one name, or `renamed` names a label that the model does not have.
    """

    def __init__(self, names: Sequence[str], *, renamed: Mapping[Any, str] | None = None) -> None:
        self.names = tuple(names)
        self._by_name = {name: place for place, name in enumerate(names)}
        if len(self._by_name) != len(self.names):
            raise InputError(f"The labels are {', '.join(self.names)}; expected different names.")
        folded = [name.casefold() for name in self.names]
        self._by_folded = {name: place for place, name in enumerate(folded) if folded.count(name) == 1}
        self._renamed = {str(theirs): self._named(ours) for theirs, ours in (renamed or {}).items()}
        # A model whose names are numbers other than its own, such as ratings from 1 to 5.
        self._numbers_are_names = any(
            name.isdecimal() and int(name) != place for place, name in enumerate(self.names)
        )

    def _named(self, name: str) -> int:
        if name not in self._by_name:
            raise InputError(
                f"labels= maps to {name!r}, which the model does not "
                f"have.{suggestion(str(name), self.names)} Its labels are {', '.join(self.names)}."
            )
        return self._by_name[name]

    def index(self, value: Any, where: str) -> int:
        """The number of a label that data has. where: how an error calls its place.

        Raises:
            InputError: the model has no such label, or it could be two of them; both sides' names are listed.
        """
        if hasattr(value, "item"):
            value = value.item()
        if isinstance(value, bool) and str(value) not in self._by_name:
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        said = str(value).strip()
        if self._renamed:
            if said in self._renamed:
                return self._renamed[said]
        elif said in self._by_name and (isinstance(value, str) or self._by_name[said] == value):
            return self._by_name[said]
        elif said.isdecimal() and int(said) < len(self.names):
            if self._numbers_are_names:
                raise InputError(
                    f"{where} is {value!r}, which may be the model's label {said!r} or its label number "
                    f"{said} ({self.names[int(said)]!r}). Say which by "
                    f"labels={{{value!r}: {self.names[int(said)]!r}, ...}}."
                )
            return int(said)
        elif said.casefold() in self._by_folded:
            return self._by_folded[said.casefold()]
        listed = f"{', '.join(self.names)}, or their numbers from 0 to {len(self.names) - 1}"
        if self._renamed:
            listed = f"those that labels= maps: {', '.join(self._renamed)}"
        raise InputError(
            f"{where} is {value!r}, expected one of {listed}.{suggestion(said, self.names)} Say which label "
            f"it is by labels={{{value!r}: {self.names[0]!r}, ...}}."
        )
