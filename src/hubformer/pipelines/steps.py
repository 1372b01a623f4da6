"""v4's steps of a pipeline: parameters in three parts, an input to model inputs, to outputs, to an answer."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from hubformer.errors import InputError

STEPS = ("_sanitize_parameters", "preprocess", "_forward", "postprocess")
Parameters = Mapping[str, Any]
# Options that tell how an input is read; the others tell what is answered.
_READING = frozenset(
    [
        "truncation",
        "max_length",
        "padding",
        "add_special_tokens",
        "tokenize_kwargs",
        "tokenizer_kwargs",
        "doc_stride",
        "max_seq_len",
        "max_question_len",
        "stride",
        "is_split_into_words",
        "delimiter",
        "offset_mapping",
        "candidate_labels",
        "hypothesis_template",
    ]
)


@dataclass(frozen=True)
class Steps:
    """The parameters of the three steps."""

    preprocess: Parameters = field(default_factory=dict)
    forward: Parameters = field(default_factory=dict)
    postprocess: Parameters = field(default_factory=dict)

    def updated(self, preprocess: Parameters, forward: Parameters, postprocess: Parameters) -> Steps:
        """These parameters, with others over them."""
        return Steps(
            {**self.preprocess, **preprocess},
            {**self.forward, **forward},
            {**self.postprocess, **postprocess},
        )


@dataclass(frozen=True)
class Call:
    """What a call was given. steps: where a step is overridden, the parameters of each."""

    options: Any
    errors: str = "raise"
    steps: Steps | None = None


class StepData(dict[str, Any]):
    """What one step gives the next; entries are attributes too, as of v4's outputs."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class PipelineSteps:
    """The steps, one input at a time. Pipelines of v4 override them and are run by them."""

    model: Any
    device: torch.device
    options: Any

    def _sanitize_parameters(self, **parameters: Any) -> tuple[Parameters, Parameters, Parameters]:
        """The parameters of preprocess, _forward and postprocess.

        Raises:
            UnknownArgument: a name that is no option of the task.
        """
        self.resolve_options(parameters, defaults=self.options, call=type(self).__name__)
        reading = {name: value for name, value in parameters.items() if name in _READING}
        return reading, {}, {name: value for name, value in parameters.items() if name not in reading}

    def resolve_options(self, given: Mapping[str, Any], *, defaults: Any, call: str) -> Any:
        """The options of a call."""
        raise NotImplementedError

    def preprocess(self, inputs: Any, **parameters: Any) -> Any:
        """One input as arguments of the model; a generator gives several, whose outputs come in a list."""
        raise _without_step(self, "preprocess")

    def _forward(self, model_inputs: Any, **parameters: Any) -> Any:
        """The model's outputs."""
        raise _without_step(self, "_forward")

    def postprocess(self, model_outputs: Any, **parameters: Any) -> Any:
        """The answer."""
        raise _without_step(self, "postprocess")

    def forward(self, model_inputs: Any, **parameters: Any) -> Any:
        """`_forward` on the pipeline's device without gradients; outputs come back on the CPU."""
        with torch.no_grad(), self.device_placement():
            outputs = self._forward(_moved(model_inputs, self.device), **parameters)
        return _moved(outputs, torch.device("cpu"))

    def run_single(
        self,
        inputs: Any,
        preprocess_params: Parameters,
        forward_params: Parameters,
        postprocess_params: Parameters,
    ) -> Any:
        """One input through the three steps."""
        model_inputs = self.preprocess(inputs, **preprocess_params)
        if inspect.isgenerator(model_inputs):
            outputs: Any = [self.forward(part, **forward_params) for part in model_inputs]
        else:
            outputs = self.forward(model_inputs, **forward_params)
        return self.postprocess(outputs, **postprocess_params)

    @contextmanager
    def device_placement(self) -> Iterator[None]:
        """Within it new CUDA tensors are made on the pipeline's device."""
        if self.device.type == "cuda":
            with torch.cuda.device(self.device):
                yield
        else:
            yield

    def ensure_tensor_on_device(self, **inputs: Any) -> dict[str, Any]:
        """The inputs, with tensors on the pipeline's device."""
        return {name: _moved(value, self.device) for name, value in inputs.items()}

    def _ensure_tensor_on_device(self, inputs: Any, device: torch.device) -> Any:
        return _moved(inputs, device)


def overrides_steps(kind: type[PipelineSteps]) -> bool:
    """Whether a class outside the package defines one of the steps."""
    return any(
        any(step in vars(one) for step in STEPS)
        for one in kind.__mro__
        if one.__module__.partition(".")[0] != "hubformer"
    )


def check_errors(errors: Any) -> str:
    """Raise InputError for what errors= cannot be."""
    if errors not in ("raise", "return"):
        raise InputError(f"errors is {errors!r}, expected 'raise', or 'return' for the error as the answer.")
    return str(errors)


def _without_step(pipeline: PipelineSteps, step: str) -> Exception:
    return NotImplementedError(
        f"{type(pipeline).__name__} overrides a step of its pipeline, but has no {step}. Define "
        f"{', '.join(STEPS)}."
    )


def _moved(value: Any, device: torch.device) -> Any:
    """The same structure with its tensors on the device."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, Mapping) and type(value).__module__.partition(".")[0] != "builtins":
        if all(not isinstance(one, torch.Tensor) or one.device == device for one in value.values()):
            return value
        return type(value)(**{name: _moved(one, device) for name, one in value.items()})
    if isinstance(value, dict):
        return {name: _moved(one, device) for name, one in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_moved(one, device) for one in value)
    return value
