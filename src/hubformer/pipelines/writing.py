"""Pipelines that write: options that are settings of generation, and what older files say of a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

from hubformer.errors import InputError, refuse_unknown
from hubformer.generation import GenerationConfig
from hubformer.generation.config import SETTINGS, UNSUPPORTED, WITHOUT_EFFECT
from hubformer.pipelines.base import Answer, Input, Pipeline
from hubformer.tasks.options import Options

# Arguments of generate that are no settings of a GenerationConfig.
OBJECTS = ("generation_config", "logits_processor", "stopping_criteria", "streamer", "generator")


@dataclass(frozen=True)
class WritingOptions(Options):
    """Whatever model.generate takes may be said too: it is kept in `settings`."""

    settings: Mapping[str, Any] = field(default_factory=dict)


class GenerationPipeline(Pipeline[Input, Answer]):
    """A pipeline whose model generates."""

    Options = WritingOptions
    returned: ClassVar[tuple[str, ...]] = ("return_tensors", "return_text")  # options that exclude each other

    @classmethod
    def option_names(cls) -> tuple[str, ...]:
        own = [option.name for option in fields(cls.Options) if option.name != "settings"]
        return (*own, *SETTINGS, *UNSUPPORTED, *WITHOUT_EFFECT, *OBJECTS)

    def resolve_options(self, given: Mapping[str, Any], *, defaults: Any, call: str) -> Any:
        refuse_unknown(given, self.option_names(), call=call)
        own = {option.name for option in fields(self.Options)}
        # What a call wants back takes the place of what was said before, of whatever kind.
        if any(given.get(kind) is not None for kind in self.returned):
            defaults = replace(defaults, **dict.fromkeys(self.returned))
        settings = {**defaults.settings, **{name: value for name, value in given.items() if name not in own}}
        return replace(defaults, **{n: v for n, v in given.items() if n in own}, settings=settings)

    def task_settings(self) -> dict[str, Any]:
        """What older configurations say of this task."""
        found: dict[str, Any] = (self.model.config.task_specific_params or {}).get(self.task) or {}
        return found

    def own_settings(self) -> GenerationConfig:
        """What the model says."""
        return self.model.generation_config or GenerationConfig.from_model_config(self.model.config)

    def prefix(self) -> str:
        """What the model wants to stand before every text."""
        return str(self.task_settings().get("prefix") or self.model.config.prefix or "")


def said(options: Any) -> GenerationConfig:
    """What a call says of generation."""
    given = GenerationConfig(**{n: v for n, v in options.settings.items() if n not in OBJECTS})
    return given.over(options.settings.get("generation_config") or GenerationConfig())


def objects(options: Any) -> dict[str, Any]:
    """What a call gives to generate besides settings."""
    return {name: options.settings.get(name) for name in OBJECTS if name != "generation_config"}


def refuse_several(options: Any, names: tuple[str, ...]) -> None:
    """Raise InputError where more than one of these options is set."""
    given = [name for name in names if getattr(options, name) is not None]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)} exclude each other. Pass one of them.")


def as_ids(value: Any) -> list[int]:
    """One token id or several."""
    return [] if value is None else list(value) if isinstance(value, (list, tuple)) else [value]


def upto_end(written: list[int], settings: GenerationConfig) -> list[int]:
    """The new tokens without the padding after the end of a row that was finished before the others."""
    ends = as_ids(settings.eos_token_id)
    for place, token in enumerate(written):
        if token in ends:
            return written[: place + 1]
    while written and written[-1] == settings.pad_token_id:
        written = written[:-1]
    return written
