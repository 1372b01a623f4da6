"""Layers and what is done to them, of v4's `pytorch_utils`, `modeling_utils` and `trainer_pt_utils`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hubformer.weights.files import open_checkpoint

ALL_LAYERNORM_LAYERS: list[type[nn.Module]] = [nn.LayerNorm]


class Conv1D(nn.Module):
    """A linear layer whose weight lies the other way round, as GPT-2's files have it: (nx, nf)."""

    def __init__(self, nf: int, nx: int) -> None:
        super().__init__()
        self.nf, self.nx = nf, nx
        self.weight = nn.Parameter(torch.empty(nx, nf))
        self.bias = nn.Parameter(torch.zeros(nf))
        nn.init.normal_(self.weight, std=0.02)

    def __repr__(self) -> str:
        return f"Conv1D(nf={self.nf}, nx={self.nx})"

    def forward(self, x: Tensor) -> Tensor:
        """(..., nx) -> (..., nf)"""
        flat = torch.addmm(self.bias, x.reshape(-1, x.size(-1)), self.weight)
        return flat.view(*x.shape[:-1], self.nf)


def prune_linear_layer(layer: nn.Linear, index: Tensor, dim: int = 0) -> nn.Linear:
    """A layer with the outputs (dim 0) or inputs (dim 1) at these places only."""
    kept = layer.weight.index_select(dim, index.to(layer.weight.device)).detach().clone()
    new = nn.Linear(kept.size(1), kept.size(0), bias=layer.bias is not None).to(kept)
    new.weight.data.copy_(kept)
    if layer.bias is not None:
        new.bias.data.copy_(layer.bias[index] if dim == 0 else layer.bias)
    return new


def prune_conv1d_layer(layer: Conv1D, index: Tensor, dim: int = 1) -> Conv1D:
    """A layer with the outputs (dim 1) or inputs (dim 0) at these places only."""
    kept = layer.weight.index_select(dim, index.to(layer.weight.device)).detach().clone()
    new = Conv1D(kept.size(1), kept.size(0)).to(kept)
    new.weight.data.copy_(kept)
    new.bias.data.copy_(layer.bias if dim == 0 else layer.bias[index])
    return new


def prune_layer(layer: Any, index: Tensor, dim: int | None = None) -> Any:
    if isinstance(layer, Conv1D):
        return prune_conv1d_layer(layer, index, 1 if dim is None else dim)
    return prune_linear_layer(layer, index, 0 if dim is None else dim)


def find_pruneable_heads_and_indices(
    heads: Iterable[int], n_heads: int, head_size: int, already_pruned_heads: set[int]
) -> tuple[set[int], Tensor]:
    """The heads still there of those asked for, and the places of what stays."""
    left = set(heads) - already_pruned_heads
    mask = torch.ones(n_heads, head_size, dtype=torch.bool)
    for head in left:
        mask[head - sum(pruned < head for pruned in already_pruned_heads)] = False
    return left, torch.nonzero(mask.view(-1)).view(-1)


def apply_chunking_to_forward(
    forward_fn: Callable[..., Tensor], chunk_size: int, chunk_dim: int, *input_tensors: Tensor
) -> Tensor:
    """A function over slices of its inputs, its outputs joined: less memory for the same answer."""
    if chunk_size <= 0:
        return forward_fn(*input_tensors)
    size = input_tensors[0].shape[chunk_dim]
    if size % chunk_size:
        raise ValueError(
            f"Dimension {chunk_dim} is {size} long, expected a multiple of chunk_size, {chunk_size}."
        )
    slices = (torch.split(tensor, chunk_size, dim=chunk_dim) for tensor in input_tensors)
    return torch.cat([forward_fn(*parts) for parts in zip(*slices, strict=True)], dim=chunk_dim)


def id_tensor_storage(tensor: Tensor) -> tuple[torch.device, int, int]:
    """Equal for tensors that share their memory."""
    storage = tensor.untyped_storage()
    return tensor.device, storage.data_ptr(), storage.nbytes()


def get_parameter_names(
    model: nn.Module,
    forbidden_layer_types: Iterable[type],
    forbidden_layer_names: Iterable[str] | None = None,
) -> list[str]:
    """The names of the parameters that are in no layer of these types and match none of these patterns."""
    patterns = [re.compile(pattern) for pattern in forbidden_layer_names or ()]
    kinds = tuple(forbidden_layer_types)

    def names(module: nn.Module, prefix: str) -> Iterator[str]:
        """Those of the children first, as v4 lists them."""
        for name, child in module.named_children():
            place = f"{prefix}{name}"
            if not isinstance(child, kinds) and not any(
                pattern.search(place.lower()) for pattern in patterns
            ):
                yield from names(child, f"{place}.")
        own = (f"{prefix}{name}" for name, _ in module.named_parameters(recurse=False))
        yield from (name for name in own if not any(pattern.search(name.lower()) for pattern in patterns))

    return list(names(model, ""))


def load_state_dict(checkpoint_file: str, **named: Any) -> dict[str, Tensor]:
    """The tensors of a .safetensors or .bin file. Other keywords are taken for v4's sake."""
    with open_checkpoint(Path(checkpoint_file), mapped=False) as checkpoint:
        return {name: checkpoint.read(name) for name in checkpoint.headers}


def check_target_module_exists(
    optim_target_modules: str | list[str], key: str, return_is_regex: bool = False
) -> Any:
    """Whether a module's name is one of those named: whole for a pattern, in part for a list."""
    pattern = isinstance(optim_target_modules, str)
    if isinstance(optim_target_modules, str):
        found = optim_target_modules == key or re.fullmatch(optim_target_modules, key) is not None
    elif key in optim_target_modules or any(target in key for target in optim_target_modules):
        found, pattern = True, False
    else:
        found = any(re.fullmatch(target, key) is not None for target in optim_target_modules)
        pattern = found
    return (found, found and pattern) if return_is_regex else found


def get_model_param_count(model: nn.Module, trainable_only: bool = False) -> int:
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trainable_only)


def get_parameter_device(parameter: nn.Module) -> torch.device:
    return next(parameter.parameters()).device


def get_parameter_dtype(parameter: nn.Module) -> torch.dtype:
    """Of the first floating-point parameter."""
    return next(p.dtype for p in parameter.parameters() if p.is_floating_point())


def unwrap_model(model: nn.Module, recursive: bool = False) -> nn.Module:
    """The model inside DistributedDataParallel and its like."""
    inner = getattr(model, "module", None)
    return unwrap_model(inner, recursive) if isinstance(inner, nn.Module) else model


@contextmanager
def no_init_weights() -> Iterator[None]:
    """Modules made inside do not spend time on random numbers."""

    functions = (
        "normal_",
        "uniform_",
        "xavier_uniform_",
        "xavier_normal_",
        "kaiming_uniform_",
        "trunc_normal_",
    )
    kept = {name: getattr(nn.init, name) for name in functions}
    try:
        for name in functions:
            setattr(nn.init, name, lambda tensor, *given, **named: tensor)
        yield
    finally:
        for name, function in kept.items():
            setattr(nn.init, name, function)
