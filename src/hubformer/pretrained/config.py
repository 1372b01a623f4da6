"""Configurations from a folder, a file, a preset or the Hub, and AutoConfig, which finds the class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any

from hubformer.errors import ConfigError, UnknownName, refuse_unknown, suggestion
from hubformer.families import FAMILIES, family
from hubformer.models import config as models
from hubformer.models.config import COMMON, HARMLESS, Config, read_json
from hubformer.presets import preset
from hubformer.pretrained.bases import config_path
from hubformer.pretrained.loading import LABELS, Options
from hubformer.pretrained.registry import (
    canonical_model_type,
    model_type_of,
    register_config,
    registered_config,
)
from hubformer.pretrained.source import Source

AnyConfig = models.PreTrainedConfig
HALVES = ("encoder", "decoder")


class PreTrainedConfig(models.PreTrainedConfig):
    """What config.json holds, as attributes. Subclass it for a model type of your own."""

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | PathLike[str],
        *,
        return_unused_kwargs: bool = False,
        **named: Any,
    ) -> Any:
        """Read config.json as this class; named fields are changed. AutoConfig finds the class by itself.

        Raises:
            HubError: the name cannot be had. ConfigError: its config.json is of another model type, or
            cannot be honoured. UnknownArgument: a name that is no field.
        """
        config = stored_config(pretrained_model_name_or_path, kind=cls if cls.model_type else None, **named)
        return (config, {}) if return_unused_kwargs else config


class JoinedConfig(PreTrainedConfig):
    """A configuration that holds those of an encoder and of a decoder, each of its own class."""

    encoder: Any
    decoder: Any

    def __init__(self, *values: Any, **named: Any) -> None:
        super().__init__(*values, **named)
        self._read_halves()

    def _read_halves(self) -> None:
        for name in HALVES:
            setattr(self, name, _half(getattr(self, name), half=name))

    def freeze(self) -> Config:
        self.check()
        self._read_halves()  # one may have been set to an object since
        return super().freeze()

    @classmethod
    def from_encoder_decoder_configs(
        cls, encoder_config: AnyConfig, decoder_config: AnyConfig, **named: Any
    ) -> Any:
        """Of these two, where the decoder looks at the encoder: is_decoder and add_cross_attention are set.

        Both are copied. named: fields of the whole, such as decoder_start_token_id and pad_token_id.
        """
        changes = {"is_decoder": True, "add_cross_attention": True}
        return cls(encoder=encoder_config, decoder={**decoder_config.to_dict(), **changes}, **named)


def _half(value: Any, *, half: str) -> AnyConfig:
    """What config.json says of a half, as a configuration of its class."""
    if isinstance(value, AnyConfig):
        return value
    kind = config_class(value["model_type"])
    if kind is None:
        raise UnknownName(
            f"The {half} is of the type {value['model_type']!r}, which hubformer does not know."
            f"{suggestion(value['model_type'], FAMILIES)} It knows: {', '.join(sorted(FAMILIES))}."
        )
    try:
        return kind.from_dict(value)
    except ConfigError as error:
        raise ConfigError(f"The {half}: {error}") from None


@cache
def family_config(model_type: str) -> type[AnyConfig]:
    """The configuration class of a family, made from its table when it is first asked for."""
    found = family(model_type)
    name = f"{found.name}Config"
    body = {
        "__module__": "hubformer",
        "__qualname__": name,
        "__doc__": f"The configuration of {found.name} ({found.paper}); the defaults are v4's.",
        "model_type": found.model_type,
        "filed_as": found.filed_as,
        "fields": found.fields,
        "attribute_map": found.attribute_map,
        "normalise": staticmethod(found.normalise),
    }
    return type(name, (PreTrainedConfig if found.parts is None else JoinedConfig,), body)


def config_class(model_type: str) -> type[AnyConfig] | None:
    """The configuration class of a model type, or None."""
    registered = registered_config(model_type)
    if registered is not None:
        return registered
    return family_config(model_type) if model_type in FAMILIES else None


def load_config(source: Source, **changes: Any) -> AnyConfig:
    """The configuration of a repository, with changes on top."""
    path, said = config_path(source) or (source.file("config.json"), "config.json")
    return understood(read_json(path), where=said, **changes)


def understood(
    values: Mapping[str, Any],
    *,
    where: str,
    kind: type[AnyConfig] | None = None,
    **changes: Any,
) -> AnyConfig:
    """A config.json's values as a configuration of the right class, or of the class asked for."""
    if kind is None:
        kind = config_class(model_type_of(values, where=where))
        assert kind is not None
    elif (named := _stated_type(values, kind, where=where)) != kind.model_type:
        raise ConfigError(
            f"{kind.__name__} reads models of the type {kind.model_type!r}, {where} is of the type "
            f"{named!r}. Read it with AutoConfig, which finds the right class."
        )
    refuse_misspelt(changes, kind, also=values)
    kept = {key: value for key, value in values.items() if key != "_commit_hash"}
    names = values.get("id2label")
    same = isinstance(names, Mapping) and len(names) == changes.get("num_labels")
    if "num_labels" in changes and "id2label" not in changes and not same:
        kept = {
            key: value for key, value in kept.items() if key not in ("id2label", "label2id", "_num_labels")
        }
    try:
        return kind.from_dict(kept, **changes)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def _stated_type(values: Mapping[str, Any], kind: type[AnyConfig], *, where: str) -> str:
    """The model type that values state, by our name; that of the class where they state none."""
    stated = str(values.get("model_type", kind.model_type))
    return canonical_model_type(stated, values, where=where)


def refuse_misspelt(changes: Iterable[str], kind: type[AnyConfig], *, also: Iterable[str] = ()) -> None:
    """Raise UnknownArgument for a call's argument that is no field of the configuration it would change."""
    known = {*kind.fields, *kind.attribute_map, *COMMON, *HARMLESS, *Options.NAMES, *LABELS, *also}
    refuse_unknown(changes, known, call="from_pretrained")


def stored_config(
    place: str | PathLike[str], *, kind: type[AnyConfig] | None = None, **named: Any
) -> AnyConfig:
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
    def for_model(model_type: str, *values: Any, **named: Any) -> AnyConfig:
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
    def register(model_type: str, config: type[AnyConfig], exist_ok: bool = False) -> None:
        """Make a configuration class of your own known under a model type."""
        register_config(model_type, config, exist_ok=exist_ok)
