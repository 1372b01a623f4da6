"""AutoConfig, and how config.json is read and understood."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from hubformer.errors import ConfigError, UnknownName, refuse_unknown, suggestion
from hubformer.families import FAMILIES, every_family
from hubformer.models.config import COMMON, HARMLESS, PreTrainedConfig, read_json
from hubformer.presets import preset
from hubformer.pretrained.bases import config_path
from hubformer.pretrained.classes import config_class
from hubformer.pretrained.loading import LABELS, Options
from hubformer.pretrained.source import Source

# Keys that only one family writes; for hand-made files that say neither model_type nor architectures.
_TELLING = {"d_inner": "xlnet", "n_embd": "gpt2", "sinusoidal_pos_embds": "distilbert"}


# The names that repositories with code of their own give to families that are known here.
_OTHER_NAMES = {"new": "gte"}


def _known_name(named: str, values: Mapping[str, Any], *, where: str) -> str:
    """A model_type by our name: repositories with code of their own have other ones, or a known family's.

    Raises:
        ConfigError: it is a known family's, and what stands beside it says that the model is of none.
    """
    if values.get("position_embedding_type") != "alibi" or named == "jina_bert":
        return _OTHER_NAMES.get(named, named)
    if named == "bert" and "feed_forward_type" in values:
        return "jina_bert"
    raise ConfigError(
        f"{where} calls itself {named!r} but places its tokens by ALiBi. Read as {named!r} it would give "
        "wrong answers, so it is refused. JinaBERT alone is known: model_type 'bert' and feed_forward_type."
    )


def model_type_of(values: Mapping[str, Any], *, where: str) -> str:
    """Which family a config.json belongs to: said outright, else by its architectures, else by a telling key.

    Raises:
        UnknownName: it is of a family that hubformer does not know; the message says which it knows.
        ConfigError: nothing in it tells.
    """
    named = values.get("model_type")
    if named is not None:
        if not isinstance(named, str):
            raise ConfigError(f"model_type is {named!r} in {where}, expected a name such as 'bert'.")
        named = _known_name(named, values, where=where)
        if named not in FAMILIES and config_class(named) is None:
            raise UnknownName(
                f"{where} is of the model type {named!r}, which hubformer does not know."
                f"{suggestion(named, FAMILIES)} It knows: {', '.join(sorted(FAMILIES))}."
            )
        return named
    for architecture in values.get("architectures") or ():
        for family in every_family():
            if any(head.name == architecture for head in family.heads):
                return family.model_type
    for key, model_type in _TELLING.items():
        if key in values:
            return model_type
    raise ConfigError(
        f"{where} says neither model_type nor architectures, so the family is not known. Add "
        f'"model_type": one of {", ".join(sorted(FAMILIES))}.'
    )


def load_config(source: Source, **changes: Any) -> PreTrainedConfig:
    """The configuration of a repository, with changes on top."""
    path, said = config_path(source) or (source.file("config.json"), "config.json")
    return understood(read_json(path), where=said, **changes)


def understood(
    values: Mapping[str, Any],
    *,
    where: str,
    kind: type[PreTrainedConfig] | None = None,
    **changes: Any,
) -> PreTrainedConfig:
    """A config.json's values as a configuration of the right class, or of the class asked for."""
    if kind is None:
        kind = config_class(model_type_of(values, where=where))
        assert kind is not None
    elif (named := _named(values, kind, where=where)) != kind.model_type:
        raise ConfigError(
            f"{kind.__name__} reads models of the type {kind.model_type!r}, {where} is of the type "
            f"{named!r}. Read it with AutoConfig, which finds the right class."
        )
    refuse_misspelt(changes, kind, also=values)
    kept = {key: value for key, value in values.items() if key != "_commit_hash"}
    if "num_labels" in changes and "id2label" not in changes:
        kept = {
            key: value for key, value in kept.items() if key not in ("id2label", "label2id", "_num_labels")
        }
    try:
        return kind.from_dict(kept, **changes)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def _named(values: Mapping[str, Any], kind: type[PreTrainedConfig], *, where: str) -> str:
    """The model type that values say, by our name; that of the class where they say none."""
    return _known_name(str(values.get("model_type", kind.model_type)), values, where=where)


def refuse_misspelt(
    changes: Iterable[str], kind: type[PreTrainedConfig], *, also: Iterable[str] = ()
) -> None:
    """Raise UnknownArgument for a call's argument that is no field of the configuration it would change."""
    known = {*kind.fields, *kind.attribute_map, *COMMON, *HARMLESS, *Options.NAMES, *LABELS, *also}
    refuse_unknown(changes, known, call="from_pretrained")


def stored_config(
    place: str | PathLike[str], *, kind: type[PreTrainedConfig] | None = None, **named: Any
) -> PreTrainedConfig:
    """What a folder, a file, a preset or the Hub holds, of its own class or of the one asked for."""
    where, changes = Source.options(named)
    values, said = _stored_values(place, where)
    config = understood(values, where=said, kind=kind, **changes)
    config.name_or_path = str(place)
    return config


def _stored_values(place: str | PathLike[str], where: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    path = Path(place)
    if path.suffix == ".json" and path.is_file():
        return read_json(path), str(path)
    values = preset(str(place))
    if values is not None and not path.exists() and "/" not in str(place):
        return values, f"the preset {place}"
    source = Source.of(place, **where)
    path, said = config_path(source) or (source.file("config.json"), "config.json")
    return read_json(path), said


class AutoConfig:
    """The configuration of whatever model a name stands for."""

    def __init__(self) -> None:
        raise TypeError("AutoConfig is not built; call AutoConfig.from_pretrained(name) or .for_model(type).")

    @staticmethod
    def for_model(model_type: str, *values: Any, **named: Any) -> PreTrainedConfig:
        """A fresh configuration of a family, with its defaults where nothing is said."""
        kind = config_class(model_type)
        if kind is None:
            raise UnknownName(
                f"The model type {model_type!r} is not known.{suggestion(model_type, FAMILIES)} "
                f"Known: {', '.join(sorted(FAMILIES))}."
            )
        return kind(*values, **named)

    @staticmethod
    def from_pretrained(
        pretrained_model_name_or_path: str | PathLike[str],
        *,
        return_unused_kwargs: bool = False,
        **named: Any,
    ) -> Any:
        """Read config.json from a folder, a file, a preset, or the Hub; named fields are changed.

        Raises:
            HubError: the name cannot be had. ConfigError: its config.json cannot be honoured.
        """
        config = stored_config(pretrained_model_name_or_path, **named)
        return (config, {}) if return_unused_kwargs else config

    @staticmethod
    def register(model_type: str, config: type[PreTrainedConfig], exist_ok: bool = False) -> None:
        """Make a configuration class of your own known under a model type."""
        from hubformer.pretrained.classes import register_config

        register_config(model_type, config, exist_ok=exist_ok)
