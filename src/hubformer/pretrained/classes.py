"""The public classes of every family, made from the table when they are first asked for.

`BertConfig`, `BertPreTrainedModel`, `BertForMaskedLM` and their like are real classes, importable from
hubformer, so that isinstance, subclassing, pickling and deepcopy work as with classes that stand in a file.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from hubformer.errors import ConfigError, UnknownName
from hubformer.families import FAMILIES, every_family, family
from hubformer.models.config import PreTrainedConfig
from hubformer.models.family import Family, Head
from hubformer.models.inputs import forward_taking
from hubformer.pretrained.configuration import PreTrainedConfig as StoredConfig
from hubformer.pretrained.joined import JoinedConfig, JoinedModel
from hubformer.pretrained.pretrained import PreTrainedModel

_CONFIGS: dict[str, type[PreTrainedConfig]] = {}  # registered by users
_MODELS: dict[tuple[str, type[PreTrainedConfig]], type[PreTrainedModel]] = {}  # (task, config) -> class


def _public(name: str, bases: tuple[type, ...], body: dict[str, Any]) -> Any:
    return type(name, bases, {"__module__": "hubformer", "__qualname__": name, **body})


@cache
def _family_config(model_type: str) -> type[PreTrainedConfig]:
    found = family(model_type)
    kind: type[PreTrainedConfig] = _public(
        f"{found.name}Config",
        (StoredConfig if found.parts is None else JoinedConfig,),
        {
            "__doc__": f"The configuration of {found.name} ({found.paper}); the defaults are v4's.",
            "model_type": found.model_type,
            "filed_as": found.filed_as,
            "fields": found.fields,
            "attribute_map": found.attribute_map,
            "completed": staticmethod(found.completed),
        },
    )
    return kind


def config_class(model_type: str) -> type[PreTrainedConfig] | None:
    """The configuration class of a model type, or None."""
    if model_type in _CONFIGS:
        return _CONFIGS[model_type]
    return _family_config(model_type) if model_type in FAMILIES else None


@cache
def _family_base(model_type: str) -> type[PreTrainedModel]:
    found = family(model_type)
    kind: type[PreTrainedModel] = _public(
        f"{found.name}PreTrainedModel",
        (PreTrainedModel if found.parts is None else JoinedModel,),
        {
            "__doc__": f"What the {found.name} classes share. Subclass it to build a model on one.",
            "family": found,
            "config_class": _family_config(model_type),
            "base_model_prefix": found.prefix,
        },
    )
    return kind


@cache
def _family_head(model_type: str, name: str) -> type[PreTrainedModel]:
    found = family(model_type)
    head = next(head for head in found.heads if head.name == name)
    kind: type[PreTrainedModel] = _public(
        name,
        (_family_base(model_type),),
        {
            "__doc__": _doc(found, head),
            "head_row": head,
            "forward": forward_taking(head.forward, of=name),
        },
    )
    return kind


def _doc(found: Family, head: Head) -> str:
    uses = ", ".join(task.replace("-", " ") for task in head.tasks) or "several tasks at once"
    return f"{found.name} ({found.paper}) for: {uses}. forward returns {head.output.__name__}."


def public_names() -> dict[str, str]:
    """Every generated class name -> the model type that it belongs to."""
    return {
        name: found.model_type
        for found in every_family()
        for name in (
            f"{found.name}Config",
            f"{found.name}PreTrainedModel",
            *(head.name for head in found.heads),
        )
    }


def public_class(name: str, model_type: str) -> type:
    """The class of that public name in that family."""
    found = family(model_type)
    if name == f"{found.name}Config":
        return _family_config(model_type)
    if name == f"{found.name}PreTrainedModel":
        return _family_base(model_type)
    return _family_head(model_type, name)


def model_class(config: PreTrainedConfig, *, task: str) -> type[PreTrainedModel]:
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
    return _family_head(found.model_type, head.name)


def base_class(model: PreTrainedModel) -> type[PreTrainedModel]:
    """The class without head of a model's family."""
    return _family_head(model.family.model_type, model.family.head("base").name)  # type: ignore[union-attr]


def register_config(model_type: str, config: type[PreTrainedConfig], *, exist_ok: bool) -> None:
    if config.model_type != model_type:
        raise ConfigError(
            f"{config.__name__}.model_type is {config.model_type!r}, expected {model_type!r} as registered."
        )
    if (model_type in FAMILIES or model_type in _CONFIGS) and not exist_ok:
        raise ConfigError(f"{model_type!r} is already known. Pass exist_ok=True to replace it.")
    _CONFIGS[model_type] = config


def register_model(
    task: str, config: type[PreTrainedConfig], *, model: type[PreTrainedModel], exist_ok: bool
) -> None:
    if (task, config) in _MODELS and not exist_ok:
        raise ConfigError(f"{config.__name__} already has a class for {task!r}. Pass exist_ok=True.")
    _MODELS[task, config] = model
