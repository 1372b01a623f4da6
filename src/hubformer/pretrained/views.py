"""Models around modules of another model: what v4 gives as `model.bert`, `model.encoder`."""

from __future__ import annotations

from typing import Any

from torch import nn

from hubformer.models.config import PreTrainedConfig
from hubformer.models.hub_tree import Computation, HubTree
from hubformer.pretrained.loading import first_settings


def view_of(kind: Any, config: PreTrainedConfig, *, computation: Computation, inner: nn.Module) -> Any:
    """A model of that class around modules of another, which it shares: those that compute, and `inner`, the
    module of the registered tree that has its names."""
    view = object.__new__(kind)
    nn.Module.__init__(view)
    # The same dictionaries: what is put into one of the two is in both.
    view.__dict__["_modules"], view.__dict__["_parameters"] = inner._modules, inner._parameters
    view.config, view.caches = config, kind.family.caches(config.freeze())
    view.name_or_path = config.name_or_path
    view.is_view = True
    view.training = computation.body.training
    view.__dict__["computation"] = computation
    view.__dict__["tree"] = HubTree(view, computation, view.weight_map())
    view.generation_config = first_settings(config) if view.can_generate() else None
    return view
