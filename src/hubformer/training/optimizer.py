"""Optimizers, and which parameters decay."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.parameter import Parameter
from torch.optim import Optimizer

from hubformer.core.norms import LayerNorm, NormSpec, RMSNorm
from hubformer.errors import InputError, refuse_unknown

_SPECS: tuple[NormSpec, ...] = (LayerNorm(), RMSNorm())
# Built once to learn the kinds, so that a new norm of the core is known here without a list of names.
_NORMS: tuple[type[nn.Module], ...] = (
    nn.LayerNorm,
    nn.GroupNorm,
    nn.modules.batchnorm._NormBase,
    *({nn.RMSNorm} if hasattr(nn, "RMSNorm") else set()),
    *(type(spec.build(1)) for spec in _SPECS),
)


def decaying(model: nn.Module) -> list[str]:
    """The names of the parameters that weight decay pulls towards zero.

    Left out are the parameters of norms and every bias (an attribute called `bias` or `…_bias`), as in v4;
    a parameter that two modules share is judged at its first place.
    """
    norms = {
        f"{path}.{leaf}" if path else leaf
        for path, module in model.named_modules()
        if isinstance(module, _NORMS)
        for leaf, _ in module.named_parameters(recurse=False)
    }
    return [
        name
        for name, _ in model.named_parameters()
        if name not in norms and not name.rpartition(".")[2].endswith("bias")
    ]


def parameter_groups(model: nn.Module, *, weight_decay: float) -> list[dict[str, Any]]:
    """Two groups for an optimizer: those that decay, those that do not. Frozen parameters are in neither."""
    names = set(decaying(model))
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    if not trained:
        raise InputError("The model has no parameter to train: requires_grad is False for all of them.")
    return [
        {"params": [p for name, p in trained if name in names], "weight_decay": weight_decay},
        {"params": [p for name, p in trained if name not in names], "weight_decay": 0.0},
    ]


class Settings(Protocol):
    """What an optimizer is made from: the arguments of a training."""

    learning_rate: float
    adam_beta1: float
    adam_beta2: float
    adam_epsilon: float
    optim: str
    optim_args: str | None


def _adamw(settings: Settings, *, fused: bool) -> dict[str, Any]:
    return {
        "lr": settings.learning_rate,
        "betas": (settings.adam_beta1, settings.adam_beta2),
        "eps": settings.adam_epsilon,
        **({"fused": True} if fused else {}),
    }


def _rate(settings: Settings) -> dict[str, Any]:
    return {"lr": settings.learning_rate}


class Adafactor(Optimizer):
    """Adam's second moment as a row and a column per matrix (Shazeer and Stern 2018, arXiv:1804.04235).

    With `lr` given it is the step relative to nothing (`scale_parameter=False`) or to each parameter's root
    mean square; without it the step follows 1 / sqrt(steps).
    `torch.optim.Adafactor` lacks `scale_parameter`, `relative_step` and `beta1`, which v4's arguments name.

    Raises:
        InputError: settings that contradict each other.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float | None = None,
        eps: tuple[float, float] = (1e-30, 1e-3),
        clip_threshold: float = 1.0,
        decay_rate: float = -0.8,
        beta1: float | None = None,
        weight_decay: float = 0.0,
        scale_parameter: bool = True,
        relative_step: bool = True,
        warmup_init: bool = False,
    ) -> None:
        if lr is not None and relative_step:
            raise InputError("Adafactor takes either lr or relative_step=True, not both.")
        if warmup_init and not relative_step:
            raise InputError("Adafactor's warmup_init=True needs relative_step=True.")
        defaults = {
            "lr": lr,
            "eps": eps,
            "clip_threshold": clip_threshold,
            "decay_rate": decay_rate,
            "beta1": beta1,
            "weight_decay": weight_decay,
            "scale_parameter": scale_parameter,
            "relative_step": relative_step,
            "warmup_init": warmup_init,
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step from the gradients that are there."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._step_one(parameter, group, self.state[parameter])
        return loss

    def _step_one(self, parameter: Parameter, group: dict[str, Any], state: dict[str, Any]) -> None:
        assert parameter.grad is not None
        grad, weight = parameter.grad.float(), parameter.float()
        if not state:
            self._begin(state, grad, first_moment=group["beta1"] is not None)
        state["step"] += 1
        rate = self._rate(group, step=state["step"], weight=weight)
        keep = 1.0 - math.pow(state["step"], group["decay_rate"])
        update = self._normalised(grad, grad.square() + group["eps"][0], state=state, keep=keep)
        update.div_((_rms(update) / group["clip_threshold"]).clamp_(min=1.0)).mul_(rate)
        if group["beta1"] is not None:
            update = state["exp_avg"].mul_(group["beta1"]).add_(update, alpha=1 - group["beta1"])
        if group["weight_decay"]:
            weight = weight - group["weight_decay"] * rate * weight
        parameter.copy_(weight - update)

    def _begin(self, state: dict[str, Any], grad: Tensor, *, first_moment: bool) -> None:
        state["step"] = 0
        if grad.dim() >= 2:
            state["exp_avg_sq_row"] = grad.new_zeros(grad.shape[:-1])
            state["exp_avg_sq_col"] = grad.new_zeros(grad.shape[:-2] + grad.shape[-1:])
        else:
            state["exp_avg_sq"] = torch.zeros_like(grad)
        if first_moment:
            state["exp_avg"] = torch.zeros_like(grad)

    def _rate(self, group: dict[str, Any], *, step: int, weight: Tensor) -> Tensor | float:
        rate = group["lr"]
        if group["relative_step"]:
            rate = min(1e-6 * step if group["warmup_init"] else 1e-2, 1.0 / math.sqrt(step))
        if not group["scale_parameter"]:
            return float(rate)
        return _rms(weight).clamp(min=group["eps"][1]) * float(rate)

    def _normalised(self, grad: Tensor, square: Tensor, *, state: dict[str, Any], keep: float) -> Tensor:
        if grad.dim() < 2:
            moment: Tensor = state["exp_avg_sq"].mul_(keep).add_(square, alpha=1.0 - keep)
            whole: Tensor = moment.rsqrt() * grad
            return whole
        row: Tensor = state["exp_avg_sq_row"].mul_(keep).add_(square.mean(dim=-1), alpha=1.0 - keep)
        column: Tensor = state["exp_avg_sq_col"].mul_(keep).add_(square.mean(dim=-2), alpha=1.0 - keep)
        by_row = (row / row.mean(dim=-1, keepdim=True)).rsqrt_().unsqueeze(-1)
        factored: Tensor = by_row * column.unsqueeze(-2).rsqrt() * grad
        return factored


def _rms(x: Tensor) -> Tensor:
    root: Tensor = x.norm(2) / math.sqrt(x.numel())
    return root


def _adafactor(settings: Settings) -> dict[str, Any]:
    return {"lr": settings.learning_rate, "scale_parameter": False, "relative_step": False}


OPTIMIZERS: Mapping[str, tuple[type[Optimizer], Callable[[Any], dict[str, Any]]]] = {
    "adamw_torch": (torch.optim.AdamW, lambda settings: _adamw(settings, fused=False)),
    "adamw_torch_fused": (torch.optim.AdamW, lambda settings: _adamw(settings, fused=True)),
    "adafactor": (Adafactor, _adafactor),
    "sgd": (torch.optim.SGD, _rate),
    "adagrad": (torch.optim.Adagrad, _rate),
    "rmsprop": (torch.optim.RMSprop, _rate),
}


def optimizer_class(settings: Settings) -> tuple[type[Optimizer], dict[str, Any]]:
    """The class that `optim` names and its arguments, with those of `optim_args` ("key=value, …") on top.

    Raises:
        UnknownArgument: a key of optim_args that the optimizer does not take.
    """
    kind, arguments = OPTIMIZERS[settings.optim]
    found = arguments(settings)
    extra = _parsed(settings.optim_args)
    known = [name for name in inspect.signature(kind.__init__).parameters if name not in ("self", "params")]
    refuse_unknown(extra, known, call=f"optim_args of {settings.optim!r}")
    return kind, {**found, **extra}


def _parsed(text: str | None) -> dict[str, Any]:
    import ast

    found: dict[str, Any] = {}
    for piece in filter(None, (text or "").replace(" ", "").split(",")):
        key, equals, value = piece.partition("=")
        if not equals:
            raise InputError(f"optim_args has {piece!r}, expected key=value pairs with commas between them.")
        try:
            found[key] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            found[key] = value
    return found
