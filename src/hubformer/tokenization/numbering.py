"""Ids of tokens from a file of their own, where one file cuts texts and another numbers the pieces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property


@dataclass(frozen=True)
class Numbering:
    """Token to id, by the token's text: the ids inside the Rust tokenizer mean nothing then.

    A piece that the file lacks is unknown; a character that no piece covers has the id that the file gives to
    it, if any.
    """

    ids: Mapping[str, int]
    size: int  # of the file, before tokens were added
    unknown: str
    plain: frozenset[str] = field(default=frozenset())  # found before a text is cut, yet no added tokens
    after_special: str = ""  # what a special token has behind it when it is shown in a text

    @cached_property
    def tokens(self) -> dict[int, str]:
        """Id to token; where two tokens have one id, the one that was added later."""
        return {index: token for token, index in self.ids.items()}

    def of(self, tokens: Iterable[str]) -> list[int]:
        """The id of each token."""
        unknown = self.ids[self.unknown]
        return [self.ids.get(token, unknown) for token in tokens]

    def extended(self, tokens: Iterable[str]) -> tuple[Numbering, int]:
        """(this and the tokens that are new, behind the last id; how many were new)."""
        new = [token for token in dict.fromkeys(tokens) if token not in self.ids]
        if not new:
            return self, 0
        first = 1 + max(self.ids.values())
        return self.with_ids({token: first + place for place, token in enumerate(new)}), len(new)

    def with_ids(self, ids: Mapping[str, int]) -> Numbering:
        """This with these ids, which win over those that stand here."""
        return replace(self, ids={**{t: i for t, i in self.ids.items() if t not in ids}, **ids})
