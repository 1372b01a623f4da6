"""What a tokenizer is told besides its pipeline: special tokens, limits, sides, templates."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tokenizers import AddedToken

from hubformer.errors import InputError
from hubformer.tokenization.backend import Backend, rust
from hubformer.tokenization.convention import Built, Convention
from hubformer.tokenization.requests import LARGEST_LIMIT, NO_LIMIT
from hubformer.tokenization.special_tokens import ROLES, Token, token_list
from hubformer.tokenization.tokenizer_json import CHANGES

if TYPE_CHECKING:
    from hubformer.tokenization.tokenizer import PreTrainedTokenizerFast

# What every constructor and `from_pretrained` take by name.
CONSTRUCTOR = frozenset(
    {
        *ROLES,
        *CHANGES,
        "tokenizer_object",
        "tokenizer_file",
        "additional_special_tokens",
        "extra_special_tokens",
        "added_tokens_decoder",
        "model_max_length",
        "max_len",
        "padding_side",
        "truncation_side",
        "pad_token_type_id",
        "model_input_names",
        "clean_up_tokenization_spaces",
        "split_special_tokens",
        "chat_template",
        "name_or_path",
        "processor_class",
        "tokenizer_class",
        "verbose",
    }
)
# Kept apart from `init_kwargs`: they are attributes, and may change.
_OWN = (
    "tokenizer_object",
    "tokenizer_file",
    "vocab_file",
    "merges_file",
    "tokenizer_class",
    "verbose",
    "max_len",
)


def set_up(made: PreTrainedTokenizerFast, built: Built, settings: Mapping[str, Any]) -> None:
    """Fill in a new tokenizer object. The padding that stood in tokenizer.json is the last resort.

    Raises:
        InputError: a setting has a wrong value.
        InputError: an added token cannot have the id that the files give it.
    """
    convention, baked = made.convention, built.baked
    files = convention.files if convention else ()
    made.init_kwargs = {key: value for key, value in settings.items() if key not in (*_OWN, *files)}
    made.name_or_path = str(settings.get("name_or_path") or "")
    made._said = set()
    made._lock = threading.Lock()
    made.padding_side = _side(settings, "padding_side", baked.get("direction"), made)
    made.truncation_side = _side(settings, "truncation_side", None, made)
    names = settings.get("model_input_names")
    made.model_input_names = list(type(made).model_input_names if names is None else names)
    made.clean_up_tokenization_spaces = bool(settings.get("clean_up_tokenization_spaces") or False)
    made.split_special_tokens = bool(settings.get("split_special_tokens") or False)
    made.model_max_length = _limit(settings, convention)
    made.chat_template = _templates(settings.get("chat_template"))
    backend = Backend(built.tokenizer, built.numbering)
    made._roles, made._additional, made._extra = _tokens(backend, settings, convention, baked)
    type_id = settings.get("pad_token_type_id")
    if type_id is None:
        type_id = convention.pad_type if convention else baked.get("pad_type_id", 0)
    made.pad_token_type_id = type_id
    special, decoder = made.all_special_tokens_extended, settings.get("added_tokens_decoder") or {}
    made._backend = _with_special(backend, special, decoder)
    made._target = None
    if built.target is not None:
        target = Backend(built.target.tokenizer, built.target.numbering)
        made._target = target.sharing(made._backend)
    made._raw = dict(built.raw)
    made._finish()


def _tokens(
    backend: Backend, settings: Mapping[str, Any], convention: Convention | None, baked: Mapping[str, Any]
) -> tuple[dict[str, Token], list[Token], dict[str, Token]]:
    roles: dict[str, Token] = {}
    defaults = convention.tokens if convention else {}
    for role in ROLES:
        default = defaults.get(role)
        # A family's default only counts where the vocabulary has it: else a wrong class name would add
        # tokens.
        token = default if default is not None and backend.token_to_id(str(default)) is not None else None
        fallback = baked.get("pad_token") if role == "pad_token" else None
        if token is None and fallback and backend.token_to_id(fallback) is not None:
            token = fallback
        if role in settings:
            token = settings[role]
        if token is None:
            continue
        if not isinstance(token, str | AddedToken) or not str(token):
            raise InputError(
                f"{role} is {token!r}; expected a text that is not empty, an AddedToken or None."
            )
        if isinstance(token, str) and default is not None and str(default) == token:
            token = default  # with the family's flags
        roles[role] = token
    extra = settings.get("extra_special_tokens")
    additional = settings.get("additional_special_tokens")
    if additional is None and convention:
        additional = [token for token in convention.additional if backend.token_to_id(token) is not None]
    found = token_list(additional, name="additional_special_tokens")
    if convention and convention.languages:
        listed = {str(token) for token in found}
        codes = (token for token in convention.additional if backend.token_to_id(token) is not None)
        found = [*(token for token in codes if token not in listed), *found]
    if isinstance(extra, list | tuple):  # transformers 5 calls the additional tokens so
        known = {str(token) for token in found} | {str(token) for token in roles.values()}
        found += [
            token for token in token_list(extra, name="extra_special_tokens") if str(token) not in known
        ]
        extra = {}
    if not isinstance(extra or {}, Mapping):
        raise InputError(
            f"extra_special_tokens is {extra!r}; expected names with tokens, or a list of tokens."
        )
    return roles, found, dict(extra or {})


def _with_special(backend: Backend, special: list[Token], decoder: Mapping[int, AddedToken]) -> Backend:
    """The backend with every special token known to it as one; the same object where nothing is missing."""
    names = {str(token) for token in special}
    for index in sorted(decoder):
        token = decoder[index]
        if backend.token_to_id(token.content) is not None:
            continue
        token.special = token.special or token.content in names
        backend, _ = backend.with_tokens([token], special=False)
        if backend.token_to_id(token.content) != index:
            raise InputError(
                f"The added token {token.content!r} should have the id {index}, but the vocabulary "
                "before it ends at "
                f"{backend.token_to_id(token.content)}: tokenizer_config.json and the vocabulary do not "
                "belong together."
            )
    known = {token.content for token in backend.added().values()}
    missing = [token for token in special if str(token) not in known]
    if missing:
        with rust("The special tokens cannot be added"):
            backend, _ = backend.with_tokens(missing, special=True)
    return backend


def _side(settings: Mapping[str, Any], name: str, baked: Any, made: Any) -> str:
    side = settings.get(name)
    if side is None:
        side = (
            baked.lower() if isinstance(baked, str) and made.convention is None else getattr(type(made), name)
        )
    if side not in ("left", "right"):
        raise InputError(f"{name} is {side!r}; expected 'left' or 'right'.")
    return str(side)


def _limit(settings: Mapping[str, Any], convention: Convention | None) -> int:
    limit = settings.get("model_max_length")
    if limit is None:
        limit = settings.get("max_len")
    if limit is None:
        return convention.limit if convention and convention.limit else NO_LIMIT
    if isinstance(limit, bool) or not isinstance(limit, int | float) or limit != limit or limit < 0:
        raise InputError(f"model_max_length is {limit!r}; expected a number of tokens, or None.")
    return NO_LIMIT if limit > LARGEST_LIMIT else int(limit)


def _templates(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list | tuple):
        wrong = [
            item for item in value if not isinstance(item, Mapping) or not {"name", "template"} <= set(item)
        ]
        if not wrong:
            value = {str(item["name"]): item["template"] for item in value}
    if isinstance(value, Mapping) and all(isinstance(text, str) for text in value.values()):
        return dict(value)
    raise InputError("chat_template is neither a text nor a list of {'name': ..., 'template': ...}.")
