"""Files of a tokenizer -> a tokenizer of a given class.

`tokenizer.json` is taken verbatim where it exists; the class then only decides the roles of special tokens
and defaults such as the padding side. Without it the raw files of the family are built from.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tokenizers import AddedToken, Tokenizer

from hubformer.errors import CheckpointError, InputError, refuse_unknown
from hubformer.tokenization.backend import rust, twin
from hubformer.tokenization.convention import Built, Convention
from hubformer.tokenization.conventions import CONVENTIONS, convention_of
from hubformer.tokenization.requests import LARGEST_LIMIT
from hubformer.tokenization.settings import CONSTRUCTOR, set_up
from hubformer.tokenization.sources import (
    Resolved,
    class_name,
    missing,
    raw_files,
    read_config,
    read_settings,
)
from hubformer.tokenization.special_tokens import ATTRIBUTES, ROLES, Token
from hubformer.tokenization.tokenizer_json import CHANGES, read_tokenizer_json

if TYPE_CHECKING:
    from hubformer.tokenization.tokenizer import PreTrainedTokenizerFast

# Accepted by from_pretrained for transformers' sake, without effect here.
_IGNORED = frozenset(
    {
        "from_slow",
        "use_auth_token",
        "resume_download",
        "proxies",
        "_commit_hash",
        "_from_auto",
        "tokenizer_type",
        "return_tensors",
    }
)

_Kind = TypeVar("_Kind", bound="PreTrainedTokenizerFast")


def load(
    kind: type[_Kind],
    resolved: Resolved,
    *,
    overrides: Mapping[str, Any],
    defaults: Mapping[str, Any] | None = None,
    config: dict[str, Any] | None = None,
) -> _Kind:
    """A tokenizer of a class from a folder; `overrides` win over the files, and these over `defaults`.

    `config` is what tokenizer_config.json says, where it has been read already.

    Raises:
        CheckpointError: the folder's files are missing or malformed.
        UnknownArgument: an override that tokenizers do not take.
    """
    folder = resolved.folder
    config = read_config(folder) if config is None else config
    convention = kind.convention
    options = convention.options if convention else {}
    settings = read_settings(folder, config, overrides)
    known = {*CONSTRUCTOR, *options, *settings.get("extra_special_tokens_names", ()), *_IGNORED, *ATTRIBUTES}
    refuse_unknown(
        overrides,
        known | {key for row in CONVENTIONS.values() for key in row.options},
        call="from_pretrained",
    )
    given = {key: value for key, value in overrides.items() if key not in _IGNORED}
    settings = {**(defaults or {}), **settings, **given}
    _set_limit(settings, given, resolved.model_limit)
    built = _tokenizer(
        folder,
        convention
        or convention_of(
            tokenizer_class=class_name(config) or resolved.tokenizer_class, model_type=resolved.model_type
        ),
        settings,
        given,
        named=class_name(config) or resolved.tokenizer_class or resolved.model_type,
    )
    made = kind.__new__(kind)
    try:
        set_up(made, built, settings)
    except InputError as error:
        raise CheckpointError(f"{folder}: {error}") from error
    return made


def _set_limit(settings: dict[str, Any], given: Mapping[str, Any], model_limit: int | None) -> None:
    own = settings.get("model_max_length", settings.get("max_len"))
    if model_limit is None or "model_max_length" in given:
        return
    stated = isinstance(own, int | float) and not isinstance(own, bool) and own <= LARGEST_LIMIT
    settings["model_max_length"] = min(own, model_limit) if stated and own is not None else model_limit


def _tokenizer(
    folder: Path,
    convention: Convention | None,
    settings: Mapping[str, Any],
    given: Mapping[str, Any],
    *,
    named: str | None,
) -> Built:
    path = folder / "tokenizer.json"
    files = raw_files(folder, convention) if convention is not None else None
    if path.is_file() and not (files and convention is not None and convention.raw_first):
        return Built(*read_tokenizer_json(path, {key: given[key] for key in CHANGES if key in given}))
    if convention is None or files is None:
        raise missing(folder, convention, named=named)
    return _built(files, convention, settings)


def _built(files: Mapping[str, Path], convention: Convention, settings: Mapping[str, Any]) -> Built:
    # Where a file says null for an option, the family's default holds, as for a constructor in transformers.
    options = {
        **convention.options,
        **convention.tokens,
        **{k: v for k, v in settings.items() if v is not None},
    }
    made = convention.build(files, options)
    built = made if isinstance(made, Built) else Built(made)
    for side in (built, built.target):
        if side is not None:
            _complete(side, convention, options, settings)
    return built


def _complete(
    built: Built, convention: Convention, options: Mapping[str, Any], settings: Mapping[str, Any]
) -> None:
    """Add the special tokens, and what stands around a text."""
    tokenizer = built.tokenizer
    special = [options[role] for role in ROLES if options.get(role) is not None]
    for index, token in sorted((settings.get("added_tokens_decoder") or {}).items()):
        if tokenizer.token_to_id(token.content) is None and tokenizer.get_vocab_size() == index:
            tokenizer.add_tokens([token])
    additional = settings.get("additional_special_tokens")
    special += list(convention.additional if additional is None else additional)
    if built.numbering is not None:
        special = [token for token in special if str(token) in built.numbering.ids]
    known = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    # A token with flags is added again where it is known: the flags are its own (the mask's lstrip).
    flagged = [_flagged(token, convention) for token in special]
    with rust("The special tokens cannot be added", kind=CheckpointError):
        tokenizer.add_special_tokens([t for t in flagged if isinstance(t, AddedToken) or t not in known])
    tokenizer.post_processor = convention.surround(tokenizer, options)


def _flagged(token: Token, convention: Convention) -> Token:
    """The family's own flags for a token given as text."""
    same = (value for value in convention.tokens.values() if str(value) == token)
    return token if isinstance(token, AddedToken) else next(same, token)


def backend_of(given: Mapping[str, Any], convention: Convention | None, *, owner: str) -> Built:
    """What a constructor's arguments make.

    Raises:
        InputError: neither a tokenizer nor a file was given.
        CheckpointError: a file is malformed.
    """
    tokenizer = given.get("tokenizer_object")
    if tokenizer is not None:
        tokenizer = getattr(tokenizer, "_tokenizer", tokenizer)  # `tokenizers.implementations` wrap one
        if not isinstance(tokenizer, Tokenizer):
            raise InputError(
                f"tokenizer_object is {type(tokenizer).__name__}; expected a tokenizers.Tokenizer."
            )
        return Built(twin(Tokenizer.from_str(tokenizer.to_str())), dict(tokenizer.padding or {}))
    if given.get("tokenizer_file") is not None:
        path = Path(given["tokenizer_file"])
        return Built(*read_tokenizer_json(path, {key: given[key] for key in CHANGES if key in given}))
    files = {name: Path(given[name]) for name in (convention.files if convention else ()) if given.get(name)}
    needed = (
        [name for name in convention.files if name not in convention.optional_files] if convention else []
    )
    if convention is None or not set(needed) <= set(files):
        wanted = "tokenizer_object= or tokenizer_file="
        if convention is not None:
            wanted = f"{' and '.join(f'{name}=' for name in needed)}, or tokenizer_file="
        raise InputError(f"{owner} needs {wanted}. For a folder use {owner}.from_pretrained(folder).")
    return _built(files, convention, given)
