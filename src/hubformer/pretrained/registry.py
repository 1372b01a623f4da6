"""Which family a config.json belongs to, and which class serves a task: the families', and registered ones.

At the bottom of this room: configurations and models both look classes up here. The classes of families are
generated in `classes.py`, which this package imports first and which hands its generator in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hubformer.errors import ConfigError, UnknownName, suggestion
from hubformer.families import FAMILIES, every_family, family
from hubformer.models.config import PreTrainedConfig

_CONFIGS: dict[str, type[PreTrainedConfig]] = {}  # model type -> class
_MODELS: dict[tuple[str, type[PreTrainedConfig]], Any] = {}  # (task, class of the configuration) -> class
_generators: list[Callable[[str, str], Any]] = []  # (model type, name of a head) -> class


def registered_config(model_type: str) -> type[PreTrainedConfig] | None:
    """The configuration class that a user registered for a model type, or None."""
    return _CONFIGS.get(model_type)


def register_config(model_type: str, config: type[PreTrainedConfig], *, exist_ok: bool) -> None:
    if config.model_type != model_type:
        raise ConfigError(
            f"{config.__name__}.model_type is {config.model_type!r}, expected {model_type!r} as registered."
        )
    if (model_type in FAMILIES or model_type in _CONFIGS) and not exist_ok:
        raise ConfigError(f"{model_type!r} is already known. Pass exist_ok=True to replace it.")
    _CONFIGS[model_type] = config


def register_model(task: str, config: type[PreTrainedConfig], *, model: Any, exist_ok: bool) -> None:
    if (task, config) in _MODELS and not exist_ok:
        raise ConfigError(f"{config.__name__} already has a class for {task!r}. Pass exist_ok=True.")
    _MODELS[task, config] = model


def set_generator(generate: Callable[[str, str], Any]) -> None:
    """Let `generate(model_type, head_name)` make the classes of families."""
    _generators[:] = [generate]


def model_class(config: PreTrainedConfig, *, task: str) -> Any:
    """The class that serves a task for the family of a configuration.

    Raises:
        UnknownName: the family has no head for the task; the message says for which it has one.
    """
    own = _MODELS.get((task, type(config)))
    if own is not None:
        return own
    if config.model_type not in FAMILIES:
        raise UnknownName(
            f"No class is registered for {type(config).__name__} and the task {task!r}. Register one with "
            "AutoModel….register(config_class, model_class)."
        )
    found = family(config.model_type)
    head = found.head(task)
    if head is None:
        tasks = sorted({task for head in found.heads for task in head.tasks})
        raise UnknownName(f"{found.name} has no head for {task!r}. It has heads for: {', '.join(tasks)}.")
    return _generators[0](found.model_type, head.name)


def base_class(model_type: str) -> Any:
    """The class without head of a family."""
    base = family(model_type).head("base")
    assert base is not None
    return _generators[0](model_type, base.name)


def model_type_of(values: Mapping[str, Any], *, where: str) -> str:
    """Which family a config.json belongs to: by its model_type, its architectures, or what only one writes.

    Raises:
        UnknownName: it is of a family that hubformer does not know; the message says which it knows.
        ConfigError: nothing in it tells.
    """
    stated = values.get("model_type")
    if stated is not None:
        if not isinstance(stated, str):
            raise ConfigError(f"model_type is {stated!r} in {where}, expected a name such as 'bert'.")
        model_type = canonical_model_type(stated, values, where=where)
        if model_type not in FAMILIES and model_type not in _CONFIGS:
            raise UnknownName(
                f"{where} is of the model type {stated!r}, which hubformer does not know."
                f"{suggestion(stated, FAMILIES)} It knows: {', '.join(sorted(FAMILIES))}."
            )
        return model_type
    for architecture in values.get("architectures") or ():
        for one in every_family():
            if any(head.name == architecture for head in one.heads):
                return one.model_type
    recognised = _recognised(values)
    if recognised is None:
        raise ConfigError(
            f"{where} says neither model_type nor architectures, so the family is not known. Add "
            f'"model_type": one of {", ".join(sorted(FAMILIES))}.'
        )
    return recognised


def canonical_model_type(stated: str, values: Mapping[str, Any], *, where: str) -> str:
    """A stated model_type by our name: repositories with code of their own have others, or a known family's.

    Raises:
        ConfigError: it is a known family's, but the model places its tokens as no known family does.
    """
    alibi = values.get("position_embedding_type") == "alibi"
    if stated in _CONFIGS or (stated in FAMILIES and not alibi):
        return stated
    recognised = _recognised({"model_type": stated, **values})
    if recognised is not None:
        return recognised
    if alibi and stated != "jina_bert":
        raise ConfigError(
            f"{where} states model_type {stated!r} but ALiBi positions, which that family does not have, so "
            "its answers would be wrong. JinaBERT is known: model_type 'bert' with feed_forward_type."
        )
    return stated


def _recognised(values: Mapping[str, Any]) -> str | None:
    return next((one.model_type for one in every_family() if one.recognises(values)), None)
