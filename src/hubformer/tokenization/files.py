"""A folder of files -> a tokenizer.

`tokenizer.json` is taken verbatim where it exists; the class name then only decides the roles of special
tokens and defaults such as the padding side. Without it the raw files of the family are built from.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from tokenizers import AddedToken, Tokenizer

from hubformer.errors import CheckpointError, HubError, InputError, refuse_unknown
from hubformer.tokenization.backend import rust, twin
from hubformer.tokenization.convention import Built, Convention
from hubformer.tokenization.conventions import CONVENTIONS, class_inputs, convention_of, has_own_inputs
from hubformer.tokenization.reading import added_token, read_json, read_text
from hubformer.tokenization.requests import LARGEST_LIMIT
from hubformer.tokenization.saving import OWN_CLASS
from hubformer.tokenization.settings import CONSTRUCTOR, set_up
from hubformer.tokenization.special_tokens import ATTRIBUTES, ROLES, Token
from hubformer.tokenization.tokenizer_json import CHANGES, read_tokenizer_json

if TYPE_CHECKING:
    from hubformer.tokenization.tokenizer import PreTrainedTokenizerFast

# Every file that a tokenizer may need: what the Hub layer must try to fetch.
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "spm.model",
    "tokenizer.model",
    "source.spm",
    "target.spm",
    "target_vocab.json",
    "chat_template.jinja",
)
# Keys of tokenizer_config.json that speak of files and machinery, not of the tokenizer.
_MACHINERY = (
    "tokenizer_file",
    "special_tokens_map_file",
    "vocab_file",
    "merges_file",
    "spm_file",
    "source_spm",
    "target_spm",
    "target_vocab_file",
    "name_or_path",
    "init_inputs",
    "auto_map",
    "tokenizer_object",
    "backend",
    "is_local",
    OWN_CLASS,
)
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


class Resolved(NamedTuple):
    """What a resolver finds out about a name: its folder, and what its config says."""

    folder: Path
    model_type: str | None = None
    model_limit: int | None = None
    tokenizer_class: str | None = None  # counts where the tokenizer's own files name none


Resolver = Callable[..., "Resolved | Path"]


def resolve_folder(name_or_path: str | os.PathLike[str], **options: Any) -> Resolved:
    """The folder of a name, where no Hub layer has been put in: only existing folders are known.

    Raises:
        HubError: there is no such folder.
    """
    folder = Path(name_or_path) / str(options.get("subfolder") or "")
    if not folder.is_dir():
        raise HubError(f"{folder} is no folder. Expected a local folder with a tokenizer's files.")
    return Resolved(folder)


_resolver: Resolver = resolve_folder


def set_resolver(resolver: Resolver | None) -> None:
    """Let `from_pretrained` resolve names by `resolver(name, **options)`; None puts back the default.

    It answers with a folder, or a Resolved. The options are revision, token, cache_dir, local_files_only,
    force_download and subfolder.
    """
    global _resolver
    _resolver = resolve_folder if resolver is None else resolver


_Kind = TypeVar("_Kind", bound="PreTrainedTokenizerFast")


def from_resolved(
    kind: type[_Kind], name_or_path: str | os.PathLike[str], *, overrides: Mapping[str, Any], **options: Any
) -> _Kind:
    """`kind.from_pretrained`: resolve the name, then load as that class.

    Raises:
        HubError: the name cannot be resolved.
        CheckpointError: the folder's files are missing or malformed.
    """
    found = _resolver(name_or_path, **options)
    resolved = found if isinstance(found, Resolved) else Resolved(Path(found))
    overrides = {"name_or_path": str(name_or_path), **overrides}
    return _loaded(kind, resolved, overrides)


def load_tokenizer(
    folder: Path,
    *,
    model_type: str | None = None,
    model_limit: int | None = None,
    tokenizer_class: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> PreTrainedTokenizerFast:
    """The tokenizer of a local folder, as the named class that its files or the model type say.

    `model_limit` is how many tokens the model takes, where its config says so: the tokenizer's own limit
    holds where it is smaller. `tokenizer_class` is the class that the model's config names: it counts where
    tokenizer_config.json names none. `overrides` are constructor arguments that win over the files.

    Raises:
        CheckpointError: files are missing or malformed; it names the file.
        UnknownArgument: an override that tokenizers do not take.
    """
    from hubformer.tokenization.named import TOKENIZER_CLASSES

    folder = Path(folder)
    config = _config(folder)
    name = _class_name(config) or tokenizer_class
    generic = name is not None and name.removesuffix("Fast") in ("PreTrainedTokenizer", "TokenizersBackend")
    convention = None if has_own_inputs(name) else convention_of(tokenizer_class=name, model_type=model_type)
    kind = TOKENIZER_CLASSES["PreTrainedTokenizerFast"]
    if convention is not None and not (generic and (folder / "tokenizer.json").is_file()):
        kind = TOKENIZER_CLASSES.get(f"{convention.name}Fast", TOKENIZER_CLASSES[convention.name])
    defaults: dict[str, Any] = {}
    if name is not None and not generic and convention is None:
        names, side = class_inputs(name)
        defaults = {"model_input_names": list(names), "padding_side": side}
    elif kind.convention is None and convention is not None:
        # A generic class says nothing about the model: what the model takes, and where it is padded, still
        # holds.
        defaults = {
            "model_input_names": list(convention.model_input_names),
            "padding_side": convention.padding_side,
            "pad_token_type_id": convention.pad_type,
        }
    resolved = Resolved(folder, model_type, model_limit, tokenizer_class)
    return _loaded(
        kind, resolved, {"name_or_path": str(folder), **(overrides or {})}, defaults=defaults, config=config
    )


def _loaded(
    kind: type[_Kind],
    resolved: Resolved,
    overrides: Mapping[str, Any],
    *,
    defaults: Mapping[str, Any] | None = None,
    config: dict[str, Any] | None = None,
) -> _Kind:
    folder = resolved.folder
    config = _config(folder) if config is None else config
    convention = kind.convention
    options = convention.options if convention else {}
    settings = _settings(folder, config, overrides)
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
            tokenizer_class=_class_name(config) or resolved.tokenizer_class, model_type=resolved.model_type
        ),
        settings,
        given,
        named=_class_name(config) or resolved.tokenizer_class or resolved.model_type,
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


def _class_name(config: Mapping[str, Any]) -> str | None:
    name = config.get(OWN_CLASS, config.get("tokenizer_class"))
    return name if isinstance(name, str) else None


def _config(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise CheckpointError(f"{folder} is no folder; expected one with a tokenizer's files.")
    path = folder / "tokenizer_config.json"
    return read_json(path) if path.is_file() else {}


def _settings(folder: Path, config: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Everything the folder says besides the pipeline. Later sources win: map, config, templates in files."""
    path = folder / "tokenizer_config.json"
    settings = {key: value for key, value in config.items() if key not in _MACHINERY}
    decoder = settings.get("added_tokens_decoder")
    settings["added_tokens_decoder"] = _decoder(decoder, path=path)
    # Files of transformers before 4.34 spread the same facts over two more files.
    if decoder is None:
        settings.update(_legacy(folder, settings))
    for role in dict.fromkeys((*ROLES, *(key for key in settings if key.endswith("_token")))):
        value = settings.get(role)
        if isinstance(value, str | dict) and (value or role in ROLES):
            settings[role] = added_token(value, path=path, name=role)
        elif value is not None and role in ROLES and not isinstance(value, AddedToken):
            raise CheckpointError(f"{path}: {role} is {value!r}; expected a text, an object or null.")
    for name in ("additional_special_tokens", "extra_special_tokens"):
        settings[name] = _listed(settings.get(name), path=path, name=name)
        if settings[name] is None:
            del settings[name]
    side = settings.get("padding_side")
    if side is not None and side not in ("left", "right"):
        raise CheckpointError(f"{path}: padding_side is {side!r}; expected 'left' or 'right'.")
    templates = _templates(folder)
    if templates:
        settings["chat_template"] = templates["default"] if set(templates) == {"default"} else templates
    return settings


def _decoder(value: Any, *, path: Path) -> dict[int, AddedToken]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise CheckpointError(f"{path}: added_tokens_decoder is {type(value).__name__}; expected an object.")
    found: dict[int, AddedToken] = {}
    for index, token in value.items():
        if not str(index).isdecimal() or not isinstance(token, dict):
            raise CheckpointError(
                f"{path}: added_tokens_decoder has {index!r}: {token!r}; expected id: object."
            )
        made = added_token(token, path=path, name=f"added_tokens_decoder[{index}]")
        found[int(index)] = made if isinstance(made, AddedToken) else AddedToken(made)
    return found


def _legacy(folder: Path, settings: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    path = folder / "special_tokens_map.json"
    if path.is_file():
        for role, value in read_json(path).items():
            if role in ROLES and value is not None:
                found[role] = added_token(value, path=path, name=role)
            elif role == "additional_special_tokens":
                own = _listed(settings.get(role), path=path, name=role) or []
                more = _listed(value, path=path, name=role) or []
                names = {str(token) for token in own}
                found[role] = [*own, *(token for token in more if str(token) not in names)]
    path = folder / "added_tokens.json"
    if path.is_file():
        special = {str(value) for role, value in {**settings, **found}.items() if role in ROLES}
        special |= {str(token) for token in found.get("additional_special_tokens", ())}
        decoder: dict[int, AddedToken] = {}
        for token, index in read_json(path).items():
            if type(index) is not int or index < 0 or index in decoder:
                raise CheckpointError(
                    f"{path}: {token!r} has the id {index!r}; expected a number of its own."
                )
            added_token(token, path=path, name="a token")
            decoder[index] = AddedToken(token, normalized=token not in special, special=token in special)
        found["added_tokens_decoder"] = decoder
    return found


def _listed(value: Any, *, path: Path, name: str) -> Any:
    if value is None:
        return None
    if isinstance(value, dict) and name == "extra_special_tokens":
        return {key: added_token(token, path=path, name=f"{name}[{key!r}]") for key, token in value.items()}
    if not isinstance(value, list):
        raise CheckpointError(f"{path}: {name} is {value!r}; expected a list.")
    return [added_token(token, path=path, name=f"{name}[{place}]") for place, token in enumerate(value)]


def _templates(folder: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    if (folder / "chat_template.jinja").is_file():
        found["default"] = read_text(folder / "chat_template.jinja")
    more = folder / "additional_chat_templates"
    if more.is_dir():
        for path in sorted(more.glob("*.jinja")):
            found[path.stem] = read_text(path)
    return found


def _tokenizer(
    folder: Path,
    convention: Convention | None,
    settings: Mapping[str, Any],
    given: Mapping[str, Any],
    *,
    named: str | None,
) -> Built:
    path = folder / "tokenizer.json"
    files = _raw_files(folder, convention) if convention is not None else None
    if path.is_file() and not (files and convention is not None and convention.raw_first):
        return Built(*read_tokenizer_json(path, {key: given[key] for key in CHANGES if key in given}))
    if convention is None or files is None:
        raise _missing(folder, convention, named=named)
    return _built(files, convention, settings)


def _raw_files(folder: Path, convention: Convention) -> dict[str, Path] | None:
    """Argument to file; None where one is missing."""
    files: dict[str, Path] = {}
    for argument, names in convention.files.items():
        found = next((folder / name for name in names if (folder / name).is_file()), None)
        if found is not None:
            files[argument] = found
        elif argument not in convention.optional_files:
            return None
    return files


def _missing(folder: Path, convention: Convention | None, *, named: str | None) -> CheckpointError:
    present = (
        sorted(path.name for path in folder.iterdir() if path.name in TOKENIZER_FILES)
        if folder.is_dir()
        else []
    )
    if convention is None and named:
        looked = f"tokenizer.json, the only file that a tokenizer of {named} is read from"
    elif convention is None:
        looked = (
            "tokenizer.json (the raw files of older checkpoints need a known tokenizer_class or model_type)"
        )
    else:
        needed = [names for name, names in convention.files.items() if name not in convention.optional_files]
        raw = " with ".join(" or ".join(names) for names in needed)
        looked = f"tokenizer.json, or for {convention.name} {raw}"
    return CheckpointError(
        f"{folder} has no tokenizer. Looked for {looked}; of a tokenizer's files it has "
        f"{', '.join(present) or 'none'}. Copy the missing files there."
        f"{' ' + convention.advice if convention and convention.advice else ''}"
    )


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
