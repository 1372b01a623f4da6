"""The state of every random number generator, as tensors and plain values."""

from __future__ import annotations

import os
import random
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hubformer.errors import CheckpointError


def set_seed(seed: int, deterministic: bool = False) -> None:
    """Seed Python, numpy and torch on every device; deterministic also asks torch for kernels without any
    chance in them."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)


def capture() -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and JSON values that together are the state of all generators."""
    version, words, gauss = random.getstate()
    kind, keys, place, has_gauss, cached = np.random.get_state(legacy=True)
    tensors = {
        "torch": torch.get_rng_state(),
        "python": torch.tensor(words, dtype=torch.int64),
        "numpy": torch.from_numpy(np.asarray(keys).astype(np.int64)),
    }
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        tensors |= {f"cuda.{i}": state for i, state in enumerate(torch.cuda.get_rng_state_all())}
    values = {
        "python": {"version": version, "gauss": gauss},
        "numpy": {"kind": kind, "place": int(place), "has_gauss": int(has_gauss), "cached": float(cached)},
    }
    return tensors, values


def restore(tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
    """
    Raises:
        CheckpointError: the state is not one that this machine's generators take.
    """
    try:
        random.setstate(
            (values["python"]["version"], tuple(tensors["python"].tolist()), values["python"]["gauss"])
        )
        of = values["numpy"]
        keys = tensors["numpy"].numpy().astype(np.uint32)
        np.random.set_state((of["kind"], keys, of["place"], of["has_gauss"], of["cached"]))
        torch.set_rng_state(tensors["torch"])
        cuda = [tensors[name] for name in sorted(tensors) if name.startswith("cuda.")]
        if cuda and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(cuda[: torch.cuda.device_count()])
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise CheckpointError(
            f"The random state of the checkpoint cannot be taken over ({error}). It is damaged or of another "
            "version of Python, numpy or torch."
        ) from None
