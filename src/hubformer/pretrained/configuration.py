"""PreTrainedConfig: a configuration that comes from a folder, a file, a preset or the Hub."""

from __future__ import annotations

from os import PathLike
from typing import Any

from hubformer.models import config as models


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
        from hubformer.pretrained.config import stored_config

        config = stored_config(pretrained_model_name_or_path, kind=cls if cls.model_type else None, **named)
        return (config, {}) if return_unused_kwargs else config
