"""Adapters in PEFT's files: adapter_config.json and adapter_model.safetensors, read and written.

A third file, model_config.json, says what config.json says of a whole model. PEFT does not read it; it keeps
the names of the labels, which PEFT's own files do not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hubformer.adapters.adapters import Adapter, adapters_of
from hubformer.adapters.config import LoraConfig
from hubformer.adapters.sites import Places, places_of, resolved
from hubformer.errors import CheckpointError, HubformerError, InputError
from hubformer.models.model import Model
from hubformer.storage import commit_files
from hubformer.weights.changes import SAME
from hubformer.weights.files import open_checkpoint
from hubformer.weights.map import Row
from hubformer.weights.saving import staged_tensors

CONFIG, WEIGHTS, MODEL_CONFIG = "adapter_config.json", "adapter_model.safetensors", "model_config.json"
WEIGHTS_NAMES = (WEIGHTS, "adapter_model.bin")
PREFIX = "base_model.model."  # what PEFT puts before the Hub's names
# Under these, PEFT repeats a tensor that stands under its plain name, or keeps one of the base.
_REPEATED = (".modules_to_save.", ".original_module.")


def rows_of(adapter: Adapter, places: Places) -> list[Row]:
    """The adapter's tensors: names in PEFT's files, without the prefix, to those of the adapter."""
    rows: list[Row] = []
    for site in places.sites.values():
        key = site.name.replace(".", "/")
        if key in adapter.linears:
            b = tuple(f"factors.{key}.b.{part}.weight" for part in range(len(site.ours)))
            rows.append(Row((f"{site.name}.lora_A.weight",), (f"factors.{key}.a.weight",), SAME))
            rows.append(Row((f"{site.name}.lora_B.weight",), b, site.change))
    adapted = {key.replace("/", ".") for key in adapter.linears}
    for name in (hub for row in places.rows for hub in row.hub):
        key = name.replace(".", "/")
        if key in adapter.own:
            rows.append(Row((_beside(name, adapted),), (f"own.{key}",), SAME))
    return rows


def _beside(hub: str, adapted: Iterable[str]) -> str:
    """PEFT wraps a module that it adapts, so that its bias lies one level deeper."""
    module, _, leaf = hub.rpartition(".")
    return f"{module}.base_layer.{leaf}" if leaf == "bias" and module in adapted else hub


def tensors_of(adapter: Adapter, places: Places) -> dict[str, Tensor]:
    """The adapter's tensors under the Hub's names and in its layouts."""
    ours = {name: parameter.detach() for name, parameter in adapter.named_parameters()}
    found: dict[str, Tensor] = {}
    for row in rows_of(adapter, places):
        tensors = row.change.save([ours[name] for name in row.ours])
        found.update(zip(row.hub, tensors, strict=True))
    return found


def save(model: Model, folder: Path, *, name: str) -> None:
    """Write one adapter of a model into a folder, as PEFT does.

    Raises:
        InputError: there is no such adapter. CheckpointError: a tensor that cannot be written.
        OSError: the disk is full or the folder not writable.
    """
    adapters = adapters_of(model)
    if adapters is None:
        raise InputError("This model has no adapter to save.")
    adapter, places = adapters.adapter(name), places_of(model)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {PREFIX + hub: tensor for hub, tensor in tensors_of(adapter, places).items()}
    weights = staged_tensors(folder / WEIGHTS, tensors, metadata={"format": "pt"})
    recorded = type(model.config).from_dict(model.config.to_dict())
    recorded.architectures = [type(model).__name__]
    try:
        commit_files(
            folder,
            {
                MODEL_CONFIG: recorded.to_json_string(),
                WEIGHTS: weights,
                CONFIG: adapter.config.changed(inference_mode=True).to_json_string(),
            },
            last=(CONFIG,),
            remove=[WEIGHTS_NAMES[1]],
        )
    finally:
        weights.unlink(missing_ok=True)


def remove(folder: Path) -> None:
    """Take an adapter's files out of a folder that now holds a whole model: they would win over it."""
    for name in (CONFIG, *WEIGHTS_NAMES, MODEL_CONFIG):
        (folder / name).unlink(missing_ok=True)


def read_config(path: Path) -> LoraConfig:
    """What adapter_config.json says.

    Raises:
        CheckpointError: it is damaged, of another kind, or asks for what is not supported.
    """
    try:
        values = json.loads(path.read_text("utf-8"))
    except (ValueError, OSError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}.") from None
    if not isinstance(values, dict):
        raise CheckpointError(f"{path} holds a {type(values).__name__}, expected a JSON object.")
    try:
        return LoraConfig.from_dict(values)
    except HubformerError as error:
        raise CheckpointError(f"{path}: {error}") from None


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of adapter_model.safetensors (or .bin), copied into memory, under the Hub's names."""
    found: dict[str, Tensor] = {}
    with open_checkpoint(path, mapped=False) as stored:
        for name in stored.headers:
            plain = name.removeprefix(PREFIX)
            if not any(part in plain for part in _REPEATED):
                found[plain] = stored.read(name)
    return found


def made(config: LoraConfig, tensors: Mapping[str, Tensor], *, model: Model, where: str) -> Adapter:
    """A new adapter for a model, filled.

    where: what to call the adapter in errors.

    Raises:
        CheckpointError: it does not fit this model; the message names every tensor that is at fault.
    """
    places = places_of(model)
    try:
        known = resolved(config, model, places=places, strict=False)
    except InputError as error:
        raise CheckpointError(
            f"{where} does not fit {_called(model)}{_other(config, model)}: {error}"
        ) from None
    with torch.random.fork_rng(devices=[]):  # loading draws no random numbers
        adapter = Adapter(known, model, places=places)
    fill(adapter, tensors, model=model, places=places, where=where)
    return adapter


def fill(
    adapter: Adapter,
    tensors: Mapping[str, Tensor],
    *,
    model: Model,
    places: Places,
    where: str,
) -> None:
    """Copy tensors into the parameters of an adapter, all of them or none.

    Raises:
        CheckpointError: they are not this adapter's.
    """
    ours = dict(adapter.named_parameters())
    loaded: dict[str, Tensor] = {}
    wanted: set[str] = set()
    faults: list[str] = []
    for row in rows_of(adapter, places):
        expected = row.change.save([ours[name].detach().to("meta") for name in row.ours])
        shapes = dict(zip(row.hub, (tuple(t.shape) for t in expected), strict=True))
        wanted |= set(row.hub)
        wrong = [_fault(name, shape, tensors.get(name)) for name, shape in shapes.items()]
        if not any(wrong):
            changed = row.change.load([tensors[name] for name in row.hub])
            loaded.update(zip(row.ours, changed, strict=True))
        faults += filter(None, wrong)
    aliases = {alias for alias, owner in model.weight_map().tied if owner in wanted}
    faults += [f"unknown: {name}" for name in sorted(tensors.keys() - wanted - aliases)]
    if faults:
        shown = "; ".join(faults[:6]) + (f"; … and {len(faults) - 6} more" if len(faults) > 6 else "")
        raise CheckpointError(
            f"{where} does not fit {_called(model)}{_other(adapter.config, model)}: {shown}. Load it onto "
            "the model that it was trained on."
        )
    with torch.no_grad():
        for name, tensor in loaded.items():
            ours[name].copy_(tensor)


def _fault(name: str, shape: tuple[int, ...], tensor: Tensor | None) -> str:
    if tensor is None:
        return f"missing: {name}"
    if tuple(tensor.shape) != shape:
        return f"{name} is {list(tensor.shape)}, expected {list(shape)}"
    return (
        "" if tensor.is_floating_point() else f"{name} holds {tensor.dtype}, expected floating-point numbers"
    )


def _called(model: nn.Module) -> str:
    name: Any = getattr(model, "name_or_path", "")
    return f"{type(model).__name__}{f' ({name})' if name else ''}"


def _other(config: LoraConfig, model: nn.Module) -> str:
    """What the adapter says it was trained on, where that is something else."""
    base = config.base_model_name_or_path
    return f", as its base is {base}" if base and base != getattr(model, "name_or_path", None) else ""
