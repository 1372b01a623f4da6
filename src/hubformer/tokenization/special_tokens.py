"""Special tokens: which token plays which role (padding, end of text, ...)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, overload

from tokenizers import AddedToken

from hubformer.errors import InputError, refuse_unknown

ROLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
ATTRIBUTES = (*ROLES, "additional_special_tokens")

Token = str | AddedToken


class _RoleToken:
    """`tokenizer.pad_token`: the token of a role as text, or None."""

    def __init__(self, role: str) -> None:
        self.role = role

    @overload
    def __get__(self, owner: None, kind: type) -> _RoleToken: ...
    @overload
    def __get__(self, owner: SpecialTokens, kind: type) -> str | None: ...
    def __get__(self, owner: SpecialTokens | None, kind: type) -> str | _RoleToken | None:
        if owner is None:
            return self
        token = owner._roles.get(self.role)
        return None if token is None else str(token)

    def __set__(self, owner: SpecialTokens, value: Token | None) -> None:
        owner._set_role(self.role, value)


class _RoleId:
    """`tokenizer.pad_token_id`: its id, None where the role is empty or its token not in the vocabulary."""

    def __init__(self, role: str) -> None:
        self.role = role

    @overload
    def __get__(self, owner: None, kind: type) -> _RoleId: ...
    @overload
    def __get__(self, owner: SpecialTokens, kind: type) -> int | None: ...
    def __get__(self, owner: SpecialTokens | None, kind: type) -> int | _RoleId | None:
        if owner is None:
            return self
        token = owner._roles.get(self.role)
        # The unknown token's id, as transformers 4 gives for a token outside the vocabulary, would be a
        # wrong answer.
        return None if token is None else owner._id_of(str(token))

    def __set__(self, owner: SpecialTokens, value: int | None) -> None:
        owner._set_role(self.role, None if value is None else owner._token_at(value, name=f"{self.role}_id"))


class SpecialTokens:
    """The roles of special tokens, as attributes that can be read and set."""

    SPECIAL_TOKENS_ATTRIBUTES: ClassVar[list[str]] = list(ATTRIBUTES)

    _roles: dict[str, Token]
    _additional: list[Token]
    _extra: dict[str, Token]

    bos_token = _RoleToken("bos_token")
    eos_token = _RoleToken("eos_token")
    unk_token = _RoleToken("unk_token")
    sep_token = _RoleToken("sep_token")
    pad_token = _RoleToken("pad_token")
    cls_token = _RoleToken("cls_token")
    mask_token = _RoleToken("mask_token")
    bos_token_id = _RoleId("bos_token")
    eos_token_id = _RoleId("eos_token")
    unk_token_id = _RoleId("unk_token")
    sep_token_id = _RoleId("sep_token")
    pad_token_id = _RoleId("pad_token")
    cls_token_id = _RoleId("cls_token")
    mask_token_id = _RoleId("mask_token")

    def _id_of(self, token: str) -> int | None:
        raise NotImplementedError

    def _token_at(self, index: int, *, name: str) -> str:
        raise NotImplementedError

    def add_tokens(self, new_tokens: Token | Sequence[Token], special_tokens: bool = False) -> int:
        """Add tokens to the vocabulary; see PreTrainedTokenizerFast."""
        raise NotImplementedError

    def _set_role(self, role: str, value: Token | None) -> None:
        if value is None:
            self._roles.pop(role, None)
            return
        if not isinstance(value, str | AddedToken):
            raise InputError(f"{role} is {value!r}; expected a text, an AddedToken or None.")
        if not str(value):
            raise InputError(f"{role} is an empty text; expected a token.")
        self._roles[role] = value

    @property
    def additional_special_tokens(self) -> list[str]:
        """Special tokens without a role of their own."""
        return [str(token) for token in self._additional]

    @additional_special_tokens.setter
    def additional_special_tokens(self, value: Iterable[Token] | None) -> None:
        self._additional = token_list(value, name="additional_special_tokens")

    @property
    def additional_special_tokens_ids(self) -> list[int | None]:
        """The ids of `additional_special_tokens`."""
        return [self._id_of(str(token)) for token in self._additional]

    @additional_special_tokens_ids.setter
    def additional_special_tokens_ids(self, value: Iterable[int]) -> None:
        self._additional = [self._token_at(index, name="additional_special_tokens_ids") for index in value]

    @property
    def extra_special_tokens(self) -> dict[str, str]:
        """Named tokens that one model adds (`image_token`, ...)."""
        return {name: str(token) for name, token in self._extra.items()}

    @property
    def special_tokens_map_extended(self) -> dict[str, Any]:
        """Role to token, as AddedToken where the flags are known."""
        found: dict[str, Any] = {role: self._roles[role] for role in ROLES if role in self._roles}
        if self._additional:
            found["additional_special_tokens"] = list(self._additional)
        return {**found, **self._extra}

    @property
    def special_tokens_map(self) -> dict[str, Any]:
        """Role to token, as text."""
        return {
            role: [str(token) for token in value] if isinstance(value, list) else str(value)
            for role, value in self.special_tokens_map_extended.items()
        }

    @property
    def all_special_tokens_extended(self) -> list[Token]:
        """Every special token once, in the order of the roles."""
        found: dict[str, Token] = {}
        for value in self.special_tokens_map_extended.values():
            for token in value if isinstance(value, list) else [value]:
                found.setdefault(str(token), token)
        return list(found.values())

    @property
    def all_special_tokens(self) -> list[str]:
        """Every special token once, as text."""
        return [str(token) for token in self.all_special_tokens_extended]

    @property
    def all_special_ids(self) -> list[int]:
        """The ids of `all_special_tokens` that are in the vocabulary."""
        ids = (self._id_of(token) for token in self.all_special_tokens)
        return [index for index in ids if index is not None]

    def sanitize_special_tokens(self) -> int:
        """Add every special token to the vocabulary that is not yet in it."""
        return self.add_tokens(self.all_special_tokens_extended, special_tokens=True)

    def add_special_tokens(
        self,
        special_tokens_dict: Mapping[str, Token | Sequence[Token]],
        replace_additional_special_tokens: bool = True,
    ) -> int:
        """Give tokens a role, adding them to the vocabulary where needed; returns how many were added.

        Raises:
            UnknownArgument: a key is not a role.
            InputError: a value is not a token.
        """
        refuse_unknown(special_tokens_dict, (*ATTRIBUTES, *self._extra), call="add_special_tokens")
        added: list[Token] = []
        for role, value in special_tokens_dict.items():
            if role == "additional_special_tokens":
                tokens = [_as_special(token) for token in token_list(value, name=role)]
                if replace_additional_special_tokens:
                    self._additional = list(tokens) or self._additional
                else:
                    known = self.additional_special_tokens
                    tokens = [token for token in tokens if str(token) not in known]
                    self._additional = [*self._additional, *tokens]
                added += tokens
                continue
            if not isinstance(value, str | AddedToken):
                raise InputError(f"{role} is {value!r}; expected a text or an AddedToken.")
            token = _as_special(value)
            if role in self._extra:
                self._extra[role] = token
            else:
                self._set_role(role, token)
            added.append(token)
        return self.add_tokens(added, special_tokens=True)


def token_list(value: Any, *, name: str) -> list[Token]:
    """A list of tokens, checked.

    Raises:
        InputError: it is not a list of texts or AddedTokens.
    """
    if value is None:
        return []
    if not isinstance(value, list | tuple) or not all(isinstance(token, str | AddedToken) for token in value):
        raise InputError(f"{name} is {value!r}; expected a list of texts or AddedTokens.")
    return list(value)


def _as_special(token: Token) -> AddedToken:
    if isinstance(token, AddedToken):
        return token
    return AddedToken(token, normalized=False, special=True)
