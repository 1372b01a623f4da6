"""How near vectors are to each other. Larger is nearer, whatever the measure.

Shapes:  A, B vectors  N width
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from hubformer.errors import InputError, UnknownName, suggestion


def _cosine(a: Tensor, b: Tensor) -> Tensor:
    return F.normalize(a, dim=-1) @ F.normalize(b, dim=-1).T


# Distances are negated.
MEASURES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cosine": _cosine,
    "dot": lambda a, b: a @ b.T,
    "euclidean": lambda a, b: -torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist"),
    "manhattan": lambda a, b: -torch.cdist(a, b, p=1.0),
}


def checked_measure(name: str) -> str:
    """The name, if there is such a measure.

    Raises:
        UnknownName: there is none; the nearest name is suggested.
    """
    if name == "dot_product":
        return "dot"
    if name not in MEASURES:
        raise UnknownName(
            f"There is no similarity {name!r}.{suggestion(str(name), MEASURES)} There are: "
            f"{', '.join(MEASURES)}."
        )
    return name


def _table(vectors: Any) -> Tensor:
    found = torch.as_tensor(vectors)
    return found[None] if found.dim() == 1 else found


def similarity(first: Any, second: Any, *, how: str = "cosine") -> Tensor:
    """How near each vector of the first is to each of the second, (A, N) and (B, N) -> (A, B).

    Vectors are arrays or tensors; a single one is (N,). how: cosine, dot, euclidean or manhattan; of the two
    distances it is the negative.

    Raises:
        UnknownName: no such measure. InputError: vectors of different widths.
    """
    a, b = _table(first), _table(second)
    if a.dim() != 2 or b.dim() != 2 or a.shape[1] != b.shape[1]:
        raise InputError(
            f"The vectors have the shapes {tuple(a.shape)} and {tuple(b.shape)}, expected two tables of the "
            "same width. Encode both with the same model."
        )
    dtype = torch.promote_types(a.dtype, b.dtype)
    return MEASURES[checked_measure(how)](a.to(dtype), b.to(dtype))
