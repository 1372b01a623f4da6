"""v4's questions about trackers and DeepSpeed, answered for hubformer."""

from __future__ import annotations

from typing import Any

from hubformer.compat.availability import available
from hubformer.training.logging import MLflowCallback, TensorBoardCallback, WandbCallback

_TRACKERS = {"mlflow": MLflowCallback, "tensorboard": TensorBoardCallback, "wandb": WandbCallback}


def deepspeed_config() -> None:
    """None: no DeepSpeed."""


def is_deepspeed_zero3_enabled() -> bool:
    return False


def unset_hf_deepspeed_config() -> None:
    """Nothing is set."""


def get_available_reporting_integrations() -> list[str]:
    """The trackers that Trainer knows and that are installed."""
    return [name for name in _TRACKERS if available(f"is_{name}_available")()]


def get_reporting_integration_callbacks(report_to: str | list[str] | None) -> list[Any]:
    """The callback classes of `report_to`."""
    if report_to in (None, "none") or report_to == ["none"]:
        return []
    names = [report_to] if isinstance(report_to, str) else list(report_to or ())
    names = get_available_reporting_integrations() if names == ["all"] else names
    unknown = [name for name in names if name not in _TRACKERS]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no tracker of hubformer; expected some of {sorted(_TRACKERS)}.")
    return [_TRACKERS[name] for name in names]
