"""Small pieces of v4's `utils.generic` and `utils.doc`: enums, decorators of docstrings, conversions."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, ExitStack
from enum import Enum
from functools import cached_property
from importlib.util import find_spec
from typing import Any, TypeVar

import numpy as np
import torch

from hubformer.errors import MissingPackage

F = TypeVar("F")


class ExplicitEnum(str, Enum):
    """An enum of strings whose error for another value lists those it has."""

    @classmethod
    def _missing_(cls, value: object) -> Any:
        raise ValueError(
            f"{value!r} is no {cls.__name__}; expected one of {[member.value for member in cls]}."
        )


class PaddingStrategy(ExplicitEnum):
    LONGEST = "longest"
    MAX_LENGTH = "max_length"
    DO_NOT_PAD = "do_not_pad"


class TensorType(ExplicitEnum):
    PYTORCH = "pt"
    TENSORFLOW = "tf"
    NUMPY = "np"
    JAX = "jax"
    MLX = "mlx"


class TruncationStrategy(ExplicitEnum):
    ONLY_FIRST = "only_first"
    ONLY_SECOND = "only_second"
    LONGEST_FIRST = "longest_first"
    DO_NOT_TRUNCATE = "do_not_truncate"


class ContextManagers:
    """Several contexts as one."""

    def __init__(self, context_managers: list[AbstractContextManager[Any]]) -> None:
        self.context_managers = context_managers
        self.stack = ExitStack()

    def __enter__(self) -> None:
        for context in self.context_managers:
            self.stack.enter_context(context)

    def __exit__(self, *given: Any) -> None:
        self.stack.__exit__(*given)


def add_start_docstrings(*docstr: str) -> Callable[[F], F]:
    """Put text before a docstring."""

    def added(function: F) -> F:
        function.__doc__ = "".join(docstr) + (function.__doc__ or "")
        return function

    return added


add_start_docstrings_to_model_forward = add_start_docstrings


def add_end_docstrings(*docstr: str) -> Callable[[F], F]:
    """Put text after a docstring."""

    def added(function: F) -> F:
        function.__doc__ = (function.__doc__ or "") + "".join(docstr)
        return function

    return added


def add_code_sample_docstrings(*given: Any, **named: Any) -> Callable[[F], F]:
    """Leaves the docstring as it is: v4 writes an example into it."""
    return lambda function: function


replace_return_docstrings = add_code_sample_docstrings


def copy_func(f: types.FunctionType) -> types.FunctionType:
    """A function of its own with the same code, defaults and closure."""
    copied = types.FunctionType(f.__code__, f.__globals__, f.__name__, f.__defaults__, f.__closure__)
    copied.__kwdefaults__ = f.__kwdefaults__
    return functools.update_wrapper(copied, f)  # type: ignore[return-value]


def requires_backends(obj: Any, backends: str | Iterable[str]) -> None:
    """Raise where a package is not installed.

    Raises:
        MissingPackage: names the object and the package.
    """
    for name in [backends] if isinstance(backends, str) else backends:
        package = {"vision": "PIL", "sklearn": "sklearn"}.get(name, name)
        if find_spec(package) is None:
            what = getattr(obj, "__name__", type(obj).__name__)
            raise MissingPackage(f"{what} needs {name}, which is not installed: pip install {name}")


def send_example_telemetry(example_name: str, *example_args: Any, framework: str = "pytorch") -> None:
    """Sends nothing."""


def strtobool(val: str) -> int:
    """1 for yes, 0 for no. Raises ValueError for anything else."""
    lowered = val.lower()
    if lowered in {"y", "yes", "t", "true", "on", "1"}:
        return 1
    if lowered in {"n", "no", "f", "false", "off", "0"}:
        return 0
    raise ValueError(f"{val!r} is neither yes nor no; expected such as 'true' or 'false'.")


def is_numpy_array(x: Any) -> bool:
    return isinstance(x, np.ndarray)


def is_torch_tensor(x: Any) -> bool:
    return isinstance(x, torch.Tensor)


def is_torch_device(x: Any) -> bool:
    return isinstance(x, torch.device)


def is_tensor(x: Any) -> bool:
    return isinstance(x, (torch.Tensor, np.ndarray))


def to_py_obj(obj: Any) -> Any:
    """Tensors and arrays, also inside lists and mappings, as Python's own lists and numbers."""
    if isinstance(obj, Mapping):
        return {key: to_py_obj(value) for key, value in obj.items()}
    if isinstance(obj, (list, tuple)):
        return [to_py_obj(value) for value in obj]
    if isinstance(obj, (np.ndarray, np.generic)):
        return obj.tolist()
    return obj.tolist() if isinstance(obj, torch.Tensor) else obj


def to_numpy(obj: Any) -> Any:
    """Tensors and lists as arrays; mappings by their values."""
    if isinstance(obj, Mapping):
        return {key: to_numpy(value) for key, value in obj.items()}
    if isinstance(obj, (list, tuple)):
        return np.array(obj)
    return obj.detach().cpu().numpy() if isinstance(obj, torch.Tensor) else obj


def expand_dims(array: Any, axis: int) -> Any:
    return array.unsqueeze(axis) if isinstance(array, torch.Tensor) else np.expand_dims(array, axis)


def flatten_dict(d: Mapping[Any, Any], parent_key: str = "", delimiter: str = ".") -> dict[str, Any]:
    """Nested mappings as one, their keys joined: {"a": {"b": 1}} -> {"a.b": 1}."""
    flat: dict[str, Any] = {}
    for key, value in d.items():
        full = f"{parent_key}{delimiter}{key}" if parent_key else str(key)
        flat |= (
            flatten_dict(value, full, delimiter) if isinstance(value, Mapping) and value else {full: value}
        )
    return flat


__all__ = ["ContextManagers", "ExplicitEnum", "PaddingStrategy", "TensorType", "TruncationStrategy"]
__all__ += ["add_end_docstrings", "add_start_docstrings", "cached_property", "copy_func", "strtobool"]
