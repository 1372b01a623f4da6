"""Models around modules of another model: what v4 gives as `model.bert`, `model.encoder`."""

from __future__ import annotations

from typing import Any

from torch import nn

from hubformer.models.config import PreTrainedConfig
from hubformer.pretrained.loading import first_settings


def view_of(kind: Any, config: PreTrainedConfig, *, body: Any, head: Any, caches: bool) -> Any:
    """A model of that class around modules of another, which it shares."""
    view = object.__new__(kind)
    nn.Module.__init__(view)
    view.config, view.caches, view.body, view.head = config, caches, body, head
    view.name_or_path = config.name_or_path
    view.generation_config = first_settings(config) if view.can_generate() else None
    view.is_view = True
    view.training = body.training  # not train(), which would change the mode of the shared modules
    return view
