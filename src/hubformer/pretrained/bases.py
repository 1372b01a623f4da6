"""What an adapter's folder leaves to the model that it was trained on: weights, configuration, tokenizer."""

from __future__ import annotations

from pathlib import Path

from hubformer.adapters import LoraConfig
from hubformer.adapters.files import CONFIG, MODEL_CONFIG, WEIGHTS_NAMES, read_config
from hubformer.errors import CheckpointError, HubError
from hubformer.pretrained.source import Source
from hubformer.weights.files import candidates


def base_of(source: Source) -> Source | None:
    """The model that an adapter's folder names; None where there is no adapter.

    Raises:
        CheckpointError: it names none. HubError: the model cannot be had.
    """
    path = source.optional(CONFIG)
    if path is None:
        return None
    config = read_config(path)
    name = config.base_model_name_or_path
    if not name:
        raise CheckpointError(
            f"{path} does not say which model the adapter was trained on. Load that model, and call "
            f"load_adapter({source.name!r}) on it."
        )
    try:
        return source.beside(name, revision=config.revision)
    except HubError as error:
        raise type(error)(
            f"The adapter of {source.name} was trained on {name}, which cannot be had. Load the model from "
            f"where it is now, and call load_adapter({source.name!r}) on it. {error}"
        ) from error


def adapter_of(source: Source) -> tuple[LoraConfig, list[Path]] | None:
    """What an adapter's folder says of it, and its files, weights first; None where there is no adapter.

    Raises:
        HubError: its weights are missing. CheckpointError: its configuration cannot be read.
    """
    path = source.optional(CONFIG)
    if path is None:
        return None
    _, weights = source.repo.first(WEIGHTS_NAMES, what="adapter")
    own = source.optional(MODEL_CONFIG)
    return read_config(path), [weights, path, *([] if own is None else [own])]


def weights_and_adapter(source: Source, names: tuple[str, ...] | None = None) -> tuple[Source, Source | None]:
    """Where the whole weights are, under one of these names (None: of any format), and an adapter for them.

    A folder may hold both. A repository of the Hub with whole weights is not asked for an adapter, which
    would cost every load a request.

    Raises:
        HubError: neither is there. CheckpointError: the adapter names no model.
    """
    found, _ = source.repo.first((*(names or candidates()), CONFIG), what="weights")
    if found == CONFIG:
        base = base_of(source)
        assert base is not None
        return base, source
    local = source.repo.folder is not None
    return source, source if local and source.optional(CONFIG) is not None else None


def config_path(source: Source) -> tuple[Path, str] | None:
    """The file that says what config.json says, and where it is; None where nothing does.

    For an adapter that is the file that hubformer writes beside it, else the config.json of its base.

    Raises:
        CheckpointError: an adapter names no model. HubError: its model cannot be had.
    """
    local = source.repo.folder is not None
    whole = source.optional("config.json")
    if whole is None or local:  # a repository of the Hub with a whole model is asked no further
        own = source.optional(MODEL_CONFIG) if source.optional(CONFIG) is not None else None
        if own is not None:
            return own, f"{MODEL_CONFIG} of {source.name}"
    if whole is not None:
        return whole, f"config.json of {source.name}"
    base = base_of(source)
    path = None if base is None else base.optional("config.json")
    return None if path is None or base is None else (path, f"config.json of {base.name}")
