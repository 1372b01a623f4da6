"""Where the files of a tokenizer come from, and what a folder of them says besides the pipeline."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import AddedToken

from hubformer.errors import CheckpointError, HubError
from hubformer.tokenization.convention import Convention
from hubformer.tokenization.reading import added_token, read_json, read_text
from hubformer.tokenization.saving import OWN_CLASS
from hubformer.tokenization.special_tokens import ROLES

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


Uploader = Callable[..., str]


def refuse_upload(folder: Path, repo_id: str, **options: Any) -> str:
    """What `push_to_hub` does where no Hub layer has been put in.

    Raises:
        HubError: always.
    """
    raise HubError(f"{repo_id!r} cannot be pushed to: no Hub is known here. Use save_pretrained(folder).")


_uploader: Uploader = refuse_upload


def set_uploader(uploader: Uploader | None) -> None:
    """Let `push_to_hub` upload by `uploader(folder, repo_id, **options)`; None puts back the default.

    It answers with the address of the commit. The options are commit_message, private, token, revision and
    create_pr.
    """
    global _uploader
    _uploader = refuse_upload if uploader is None else uploader


def upload(folder: Path, repo_id: str, **options: Any) -> str:
    """Upload a folder by the uploader that is in place; returns the address of the commit.

    Raises:
        HubError: the upload was refused or broke off.
    """
    return _uploader(folder, repo_id, **options)


def resolve(name_or_path: str | os.PathLike[str], **options: Any) -> Resolved:
    """The folder of a name, by the resolver that is in place.

    Raises:
        HubError: the name cannot be resolved.
    """
    found = _resolver(name_or_path, **options)
    return found if isinstance(found, Resolved) else Resolved(Path(found))


def class_name(config: Mapping[str, Any]) -> str | None:
    name = config.get(OWN_CLASS, config.get("tokenizer_class"))
    return name if isinstance(name, str) else None


def read_config(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise CheckpointError(f"{folder} is no folder; expected one with a tokenizer's files.")
    path = folder / "tokenizer_config.json"
    return read_json(path) if path.is_file() else {}


def read_settings(folder: Path, config: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
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


def raw_files(folder: Path, convention: Convention) -> dict[str, Path] | None:
    """Argument to file; None where one is missing."""
    files: dict[str, Path] = {}
    for argument, names in convention.files.items():
        found = next((folder / name for name in names if (folder / name).is_file()), None)
        if found is not None:
            files[argument] = found
        elif argument not in convention.optional_files:
            return None
    return files


def missing(folder: Path, convention: Convention | None, *, named: str | None) -> CheckpointError:
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
