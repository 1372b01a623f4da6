"""AutoTokenizer, and the named tokenizer classes with names of the Hub."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hubformer.errors import CheckpointError, ConfigError, HubError, UnknownName, suggestion
from hubformer.models.config import PreTrainedConfig
from hubformer.pretrained.bases import base_of, config_path
from hubformer.pretrained.config import load_config
from hubformer.pretrained.source import Source
from hubformer.tokenization import (
    TOKENIZER_CLASSES,
    TOKENIZER_FILES,
    PreTrainedTokenizerFast,
    Resolved,
    load_tokenizer,
    set_resolver,
    set_uploader,
)

_REGISTERED: dict[str, type[PreTrainedTokenizerFast]] = {}  # model type -> class, by users


def resolve(name: str | os.PathLike[str] | Source, **where: Any) -> Resolved:
    """The local folder of a tokenizer's files, all of one commit, and what config.json says of the model.

    Raises:
        HubError: the name cannot be had.
    """
    source = Source.of(name, **where)
    present = [path for file in TOKENIZER_FILES if (path := source.optional(file)) is not None]
    if not present and source.optional("config.json") is None:
        base = base_of(source)
        if base is not None:
            return resolve(base)
        raise HubError(
            f"{source.repo} has neither a tokenizer's files ({', '.join(TOKENIZER_FILES[:5])}, …) "
            "nor a config.json."
        )
    folder = source.repo.folder or (present[0].parent if present else source.file("config.json").parent)
    config = _config(source)
    if config is None:
        return Resolved(folder)
    named = getattr(config, "tokenizer_class", None)
    known = named if isinstance(named, str) else None
    return Resolved(folder, _reader(config), length_limit(config), known)


def _reader(config: PreTrainedConfig) -> str:
    """The type of the model that reads the tokens: of one that is made of two, the encoder's."""
    inner = vars(config).get("encoder")
    return inner.model_type if isinstance(inner, PreTrainedConfig) else config.model_type


def _config(source: Source) -> PreTrainedConfig | None:
    """What a source says of the model; None where it says nothing that is known."""
    whole = source.optional("config.json") is not None
    try:
        return load_config(source) if whole or config_path(source) is not None else None
    except (UnknownName, ConfigError):  # a tokenizer can be read whatever the model is
        return None
    except (HubError, CheckpointError):
        if whole:
            raise
        return None  # an adapter, whose base is out of reach


def length_limit(config: PreTrainedConfig) -> int | None:
    """The most tokens that the model of a configuration reads; None: any number, or not known."""
    from hubformer.families import FAMILIES, family

    if config.model_type not in FAMILIES:
        return None
    body = family(config.model_type).body(config.freeze())
    longest: int | None = getattr(body, "encoder", body).embedding.longest
    return longest


def upload(folder: Path, repo_id: str, **options: Any) -> str:
    """Push a folder with a tokenizer's files to the Hub; returns the address of the commit.

    Raises:
        HubError: the upload was refused or broke off.
    """
    from hubformer.hub.card import push_folder

    return push_folder(folder, repo_id, **options)


set_resolver(resolve)
set_uploader(upload)


class AutoTokenizer:
    """The tokenizer of whatever model a name stands for."""

    def __init__(self) -> None:
        raise TypeError("AutoTokenizer is not built; call AutoTokenizer.from_pretrained(name).")

    @staticmethod
    def from_pretrained(
        pretrained_model_name_or_path: str | os.PathLike[str], *inputs: Any, **named: Any
    ) -> PreTrainedTokenizerFast:
        """The tokenizer in a folder or a repository of the Hub, as its files say.

        Takes revision, token, cache_dir, subfolder, local_files_only and force_download; any other argument
        (padding_side="left", model_max_length=256, ...) wins over the files.

        Raises:
            HubError: the name cannot be had. CheckpointError: its files are missing or malformed.
            UnknownArgument: an argument that tokenizers do not take.
        """
        where, rest = Source.options(named)
        config = rest.pop("config", None)
        source = Source.of(pretrained_model_name_or_path, **where)
        resolved = resolve(source)
        model_type = resolved.model_type if config is None else _reader(config)
        own = _REGISTERED.get(model_type or "")
        if own is not None:
            tokenizer: PreTrainedTokenizerFast = own.from_pretrained(resolved.folder, **rest)
            return tokenizer
        return load_tokenizer(
            Path(resolved.folder),
            model_type=model_type,
            model_limit=resolved.model_limit,
            tokenizer_class=resolved.tokenizer_class,
            overrides={"name_or_path": source.name, **rest},
        )

    @staticmethod
    def register(
        config_class: type[PreTrainedConfig],
        slow_tokenizer_class: type[PreTrainedTokenizerFast] | None = None,
        fast_tokenizer_class: type[PreTrainedTokenizerFast] | None = None,
        exist_ok: bool = False,
    ) -> None:
        """Make a tokenizer class of your own the one for a configuration class."""
        kind = fast_tokenizer_class or slow_tokenizer_class
        if kind is None:
            raise ConfigError("AutoTokenizer.register got no tokenizer class. Pass fast_tokenizer_class=.")
        if config_class.model_type in _REGISTERED and not exist_ok:
            raise ConfigError(
                f"{config_class.model_type!r} has a tokenizer class already; pass exist_ok=True."
            )
        _REGISTERED[config_class.model_type] = kind


def public_tokenizer(name: str) -> type[PreTrainedTokenizerFast]:
    """The tokenizer class of that public name."""
    if name not in TOKENIZER_CLASSES:
        raise UnknownName(f"There is no tokenizer class {name!r}.{suggestion(name, TOKENIZER_CLASSES)}")
    return TOKENIZER_CLASSES[name]
