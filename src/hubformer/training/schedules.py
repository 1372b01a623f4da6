"""Learning rates over the steps of a training: v4's eleven kinds, under its names.

Every schedule is a factor of the optimizer's learning rate as a function of the step, except
`reduce_lr_on_plateau`, which follows a metric. torch's schedulers have neither v4's names and arguments nor a
warm-up inside one schedule, and a training's learning rates have to be v4's to the last digit.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from hubformer.errors import InputError, refuse_unknown, suggestion


@dataclass(frozen=True)
class ScheduleSteps:
    """The course of a training, in optimizer steps, and the rate that factors are relative to."""

    warmup: int
    total: int
    rate: float

    def warming(self, step: float) -> float | None:
        """The share of a linear warm-up, or None after it."""
        return step / max(1, self.warmup) if step < self.warmup else None

    def progress(self, step: float) -> float:
        """From 0 at the end of the warm-up to 1 at the last step."""
        return (step - self.warmup) / max(1, self.total - self.warmup)


Factor = Callable[[int], float]


def _wave(progress: float, cycles: float) -> float:
    return 0.5 * (1.0 + math.cos(math.pi * cycles * 2.0 * progress))


def _warmed(steps: ScheduleSteps, then: Callable[[float], float]) -> Factor:
    def factor(step: int) -> float:
        warming = steps.warming(step)
        return then(step) if warming is None else warming

    return factor


def _constant(steps: ScheduleSteps) -> Factor:
    return lambda step: 1.0


def _constant_with_warmup(steps: ScheduleSteps) -> Factor:
    return _warmed(steps, lambda step: 1.0)


def _linear(steps: ScheduleSteps) -> Factor:
    return _warmed(steps, lambda step: max(0.0, (steps.total - step) / max(1, steps.total - steps.warmup)))


def _cosine(steps: ScheduleSteps, *, num_cycles: float = 0.5) -> Factor:
    return _warmed(steps, lambda step: max(0.0, _wave(steps.progress(step), num_cycles)))


def _cosine_with_restarts(steps: ScheduleSteps, *, num_cycles: int = 1) -> Factor:
    def fall(step: float) -> float:
        progress = steps.progress(step)
        return 0.0 if progress >= 1.0 else max(0.0, _wave((num_cycles * progress) % 1.0, 0.5))

    return _warmed(steps, fall)


def _polynomial(steps: ScheduleSteps, *, lr_end: float = 1e-7, power: float = 1.0) -> Factor:
    if not steps.rate > lr_end:
        raise InputError(f"lr_end ({lr_end}) has to be below the learning rate ({steps.rate}).")

    def fall(step: float) -> float:
        if step > steps.total:
            return lr_end / steps.rate
        left = 1 - (step - steps.warmup) / (steps.total - steps.warmup) if steps.total > steps.warmup else 0.0
        return float(((steps.rate - lr_end) * left**power + lr_end) / steps.rate)

    return _warmed(steps, fall)


def _inverse_sqrt(steps: ScheduleSteps, *, timescale: int | None = None) -> Factor:
    scale = timescale or steps.warmup or 10_000
    return _warmed(steps, lambda step: 1.0 / math.sqrt((step + scale - steps.warmup) / scale))


def _floor(steps: ScheduleSteps, min_lr: float | None, min_lr_rate: float | None) -> float:
    if (min_lr is None) == (min_lr_rate is None):
        raise InputError("This schedule needs either min_lr or min_lr_rate in lr_scheduler_kwargs.")
    return min_lr / steps.rate if min_lr is not None else float(min_lr_rate or 0.0)


def _cosine_with_min(
    steps: ScheduleSteps,
    *,
    num_cycles: float = 0.5,
    min_lr: float | None = None,
    min_lr_rate: float | None = None,
) -> Factor:
    floor = _floor(steps, min_lr, min_lr_rate)
    return _warmed(
        steps, lambda step: max(0.0, _wave(steps.progress(step), num_cycles) * (1 - floor) + floor)
    )


def _cosine_warmup_with_min(
    steps: ScheduleSteps,
    *,
    num_cycles: float = 0.5,
    min_lr: float | None = None,
    min_lr_rate: float | None = None,
    warmup_lr_rate: float | None = None,
) -> Factor:
    floor = _floor(steps, min_lr, min_lr_rate)

    def factor(step: int) -> float:
        if step < steps.warmup:
            if warmup_lr_rate is None:
                return (step + 1.0) / max(1, steps.warmup)
            return warmup_lr_rate + (1.0 - warmup_lr_rate) * step / max(1, steps.warmup - 1)
        return max(0.0, _wave(steps.progress(step + 1), num_cycles) * (1 - floor) + floor)

    return factor


_RISES: Mapping[str, Callable[[float], float]] = {
    "linear": lambda share: share,
    "cosine": lambda share: 0.5 * (1.0 - math.cos(math.pi * share)),
    "1-sqrt": lambda share: 1.0 - math.sqrt(1.0 - share),
}


def _warmup_stable_decay(
    steps: ScheduleSteps,
    *,
    num_decay_steps: int,
    num_stable_steps: int | None = None,
    warmup_type: str = "linear",
    decay_type: str = "cosine",
    min_lr_ratio: float = 0.0,
    num_cycles: float = 0.5,
) -> Factor:
    for name, kind in (("warmup_type", warmup_type), ("decay_type", decay_type)):
        if kind not in _RISES:
            raise InputError(f"{name} is {kind!r}, expected one of {', '.join(_RISES)}.")
    stable = steps.total - steps.warmup - num_decay_steps if num_stable_steps is None else num_stable_steps

    def fall(share: float) -> float:
        if decay_type == "linear":
            return 1.0 - share
        return _wave(share, num_cycles) if decay_type == "cosine" else 1.0 - math.sqrt(share)

    def factor(step: int) -> float:
        if step < steps.warmup:
            height = _RISES[warmup_type](step / max(1, steps.warmup))
        elif step < steps.warmup + stable:
            return 1.0
        elif step < steps.warmup + stable + num_decay_steps:
            height = fall((step - steps.warmup - stable) / max(1, num_decay_steps))
        else:
            return min_lr_ratio
        return max(0.0, height * (1.0 - min_lr_ratio) + min_lr_ratio)

    return factor


SCHEDULES: Mapping[str, Callable[..., Factor] | None] = {
    "linear": _linear,
    "cosine": _cosine,
    "cosine_with_restarts": _cosine_with_restarts,
    "polynomial": _polynomial,
    "constant": _constant,
    "constant_with_warmup": _constant_with_warmup,
    "inverse_sqrt": _inverse_sqrt,
    "reduce_lr_on_plateau": None,
    "cosine_with_min_lr": _cosine_with_min,
    "cosine_warmup_with_min_lr": _cosine_warmup_with_min,
    "warmup_stable_decay": _warmup_stable_decay,
}


SchedulerType = Enum("SchedulerType", {name.upper(): name for name in SCHEDULES}, type=str)  # type: ignore[misc]


def get_scheduler(
    name: str,
    optimizer: Optimizer,
    num_warmup_steps: int | None = None,
    num_training_steps: int | None = None,
    scheduler_specific_kwargs: Mapping[str, Any] | None = None,
) -> LRScheduler | ReduceLROnPlateau:
    """The schedule of that name over an optimizer.

    Raises:
        InputError: the name is not known, or a setting is missing. UnknownArgument: a setting that the
            schedule does not have.
    """
    name = getattr(name, "value", name)
    if name not in SCHEDULES:
        raise InputError(
            f"The schedule {name!r} is not known.{suggestion(str(name), SCHEDULES)} "
            f"Known: {', '.join(SCHEDULES)}."
        )
    settings = dict(scheduler_specific_kwargs or {})
    kind = SCHEDULES[name]
    function: Callable[..., Any] = ReduceLROnPlateau if kind is None else kind
    parameters = inspect.signature(function).parameters
    known = [key for key in parameters if key not in ("optimizer", "steps", "self")]
    refuse_unknown(settings, known, call=f"lr_scheduler_kwargs of {name!r}")
    needed = [key for key in known if parameters[key].default is inspect.Parameter.empty]
    if absent := [key for key in needed if key not in settings]:
        raise InputError(f"The schedule {name!r} needs {', '.join(absent)} in lr_scheduler_kwargs.")
    if kind is None:
        return ReduceLROnPlateau(optimizer, **settings)
    steps = _schedule_steps(optimizer, num_warmup_steps or 0, num_training_steps or 0)
    return _lambda_schedule(kind, steps, optimizer, **settings)


# v4's functions for one schedule each.


def get_constant_schedule(optimizer: Optimizer, last_epoch: int = -1) -> LambdaLR:
    return _lambda_schedule(_constant, _schedule_steps(optimizer), optimizer, last_epoch=last_epoch)


def get_constant_schedule_with_warmup(
    optimizer: Optimizer, num_warmup_steps: int, last_epoch: int = -1
) -> LambdaLR:
    return _lambda_schedule(
        _constant_with_warmup, _schedule_steps(optimizer, num_warmup_steps), optimizer, last_epoch=last_epoch
    )


def get_linear_schedule_with_warmup(
    optimizer: Optimizer, num_warmup_steps: int, num_training_steps: int, last_epoch: int = -1
) -> LambdaLR:
    steps = _schedule_steps(optimizer, num_warmup_steps, num_training_steps)
    return _lambda_schedule(_linear, steps, optimizer, last_epoch=last_epoch)


def get_cosine_schedule_with_warmup(
    optimizer: Optimizer,
    num_warmup_steps: int,
    num_training_steps: int,
    num_cycles: float = 0.5,
    last_epoch: int = -1,
) -> LambdaLR:
    steps = _schedule_steps(optimizer, num_warmup_steps, num_training_steps)
    return _lambda_schedule(_cosine, steps, optimizer, last_epoch=last_epoch, num_cycles=num_cycles)


def get_cosine_with_hard_restarts_schedule_with_warmup(
    optimizer: Optimizer,
    num_warmup_steps: int,
    num_training_steps: int,
    num_cycles: int = 1,
    last_epoch: int = -1,
) -> LambdaLR:
    steps = _schedule_steps(optimizer, num_warmup_steps, num_training_steps)
    return _lambda_schedule(
        _cosine_with_restarts, steps, optimizer, last_epoch=last_epoch, num_cycles=num_cycles
    )


def get_polynomial_decay_schedule_with_warmup(
    optimizer: Optimizer,
    num_warmup_steps: int,
    num_training_steps: int,
    lr_end: float = 1e-7,
    power: float = 1.0,
    last_epoch: int = -1,
) -> LambdaLR:
    steps = _schedule_steps(optimizer, num_warmup_steps, num_training_steps)
    return _lambda_schedule(_polynomial, steps, optimizer, last_epoch=last_epoch, lr_end=lr_end, power=power)


def get_inverse_sqrt_schedule(
    optimizer: Optimizer, num_warmup_steps: int, timescale: int | None = None, last_epoch: int = -1
) -> LambdaLR:
    return _lambda_schedule(
        _inverse_sqrt,
        _schedule_steps(optimizer, num_warmup_steps),
        optimizer,
        last_epoch=last_epoch,
        timescale=timescale,
    )


def _schedule_steps(optimizer: Optimizer, warmup: int = 0, total: int = 0) -> ScheduleSteps:
    return ScheduleSteps(warmup, total, float(optimizer.defaults["lr"] or 0.0))


def _lambda_schedule(
    kind: Callable[..., Factor],
    steps: ScheduleSteps,
    optimizer: Optimizer,
    *,
    last_epoch: int = -1,
    **settings: Any,
) -> LambdaLR:
    kind(steps, **settings)  # which refuses settings that contradict each other
    return LambdaLR(optimizer, partial(_factor_at, kind=kind, steps=steps, settings=settings), last_epoch)


def _factor_at(
    step: int, *, kind: Callable[..., Factor], steps: ScheduleSteps, settings: Mapping[str, Any]
) -> float:
    # A function of the module, so that a schedule can be pickled and sent to another process.
    return kind(steps, **settings)(step)
