"""Nested tensors of evaluation loops, under v4's names.  B rows  L length"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


def _nested(value: Any, function: Callable[[Any], Any]) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(_nested(v, function) for v in value)
    if isinstance(value, Mapping):
        return type(value)({k: _nested(v, function) for k, v in value.items()})  # type: ignore[call-arg]
    return function(value)


def nested_detach(tensors: Any) -> Any:
    """Without gradients; what is no tensor stays as it is."""
    return _nested(tensors, lambda t: t.detach() if isinstance(t, Tensor) else t)


def nested_numpify(tensors: Any) -> Any:
    """Arrays of numpy; bfloat16 becomes float32."""

    def array(t: Tensor) -> Any:
        t = t.cpu()
        return (t.float() if t.dtype == torch.bfloat16 else t).numpy()

    return _nested(tensors, array)


def nested_truncate(tensors: Any, limit: int) -> Any:
    """The first `limit` rows."""
    return _nested(tensors, lambda t: t[:limit])


def find_batch_size(tensors: Any) -> int | None:
    """The number of rows of the first tensor or array found."""
    if isinstance(tensors, (list, tuple)):
        found = (find_batch_size(t) for t in tensors)
    elif isinstance(tensors, Mapping):
        found = (find_batch_size(t) for t in tensors.values())
    else:
        shape: tuple[int, ...] = tuple(getattr(tensors, "shape", ()))
        return shape[0] if shape else None
    return next((size for size in found if size is not None), None)


def torch_pad_and_concatenate(tensor1: Tensor, tensor2: Tensor, padding_index: int = -100) -> Tensor:
    """(B1, L1, ...), (B2, L2, ...) -> (B1 + B2, max(L1, L2), ...)"""
    if tensor1.dim() <= 1 or tensor1.shape[1] == tensor2.shape[1]:
        return torch.cat([t.reshape(1) if t.dim() == 0 else t for t in (tensor1, tensor2)])
    length = max(tensor1.shape[1], tensor2.shape[1])
    joined = tensor1.new_full((len(tensor1) + len(tensor2), length, *tensor1.shape[2:]), padding_index)
    joined[: len(tensor1), : tensor1.shape[1]] = tensor1
    joined[len(tensor1) :, : tensor2.shape[1]] = tensor2
    return joined


def numpy_pad_and_concatenate(array1: Any, array2: Any, padding_index: int = -100) -> Any:
    """The same for arrays."""
    if np.ndim(array1) <= 1 or array1.shape[1] == array2.shape[1]:
        return np.concatenate([np.atleast_1d(array1), np.atleast_1d(array2)])
    length = max(array1.shape[1], array2.shape[1])
    shape = (len(array1) + len(array2), length, *array1.shape[2:])
    joined = np.full(shape, padding_index, dtype=array1.dtype)
    joined[: len(array1), : array1.shape[1]] = array1
    joined[len(array1) :, : array2.shape[1]] = array2
    return joined


def nested_concat(tensors: Any, new_tensors: Any, padding_index: int = -100) -> Any:
    """Rows of the second after those of the first, at every leaf; the shorter is padded."""
    if isinstance(tensors, (list, tuple)):
        pairs = zip(tensors, new_tensors, strict=True)
        return type(tensors)(nested_concat(a, b, padding_index) for a, b in pairs)
    if isinstance(tensors, Mapping):
        joined = {k: nested_concat(t, new_tensors[k], padding_index) for k, t in tensors.items()}
        return type(tensors)(joined)  # type: ignore[call-arg]
    if isinstance(tensors, Tensor):
        return torch_pad_and_concatenate(tensors, new_tensors, padding_index)
    return numpy_pad_and_concatenate(tensors, new_tensors, padding_index)


def nested_new_like(arrays: Any, num_samples: int, padding_index: int = -100) -> Any:
    """Arrays of that many rows, filled with the padding, otherwise shaped as those given."""
    return _nested(arrays, lambda a: np.full_like(a, padding_index, shape=(num_samples, *a.shape[1:])))
