"""Folders from which a training goes on as if it had never stopped.

`checkpoint-N/` holds the model as save_pretrained writes it, tensors in safetensors, everything else in JSON.
`complete.json` is written last, with the size of every file: a folder without it, or with a file of another
size, is not a checkpoint and never resumed from by itself.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from hubformer.errors import CheckpointError
from hubformer.models.hub_tree import owned_parameters, trees
from hubformer.storage import commit_files, sync_folder, write_file
from hubformer.weights.files import open_checkpoint
from hubformer.weights.saving import save_checkpoint, staged_tensors

_log = logging.getLogger("hubformer")
MARKER, STATE, RESUME, ARGUMENTS = "complete.json", "trainer_state.json", "resume.json", "training_args.json"
OPTIMIZER, RANDOM, BUFFERS = "optimizer.safetensors", "random-{rank}.safetensors", "buffers.safetensors"
_FOLDER = re.compile(r"checkpoint-(\d+)")


def numbered(folder: Path) -> list[Path]:
    """The checkpoint folders in a folder, complete or not: those of the latest training last, each training's
    by their steps.

    A folder may hold checkpoints of an earlier training that took more steps.
    """
    found = [p for p in folder.glob("checkpoint-*") if p.is_dir() and _FOLDER.fullmatch(p.name)]
    run_of = {path: _run(path) for path in found}
    latest: dict[str, int] = {}
    for run, written in run_of.values():
        latest[run] = max(latest.get(run, 0), written)
    return sorted(found, key=lambda p: (latest[run_of[p][0]], int(p.name.rpartition("-")[2])))


def _run(folder: Path) -> tuple[str, int]:
    """Which training wrote a checkpoint, and when. Checkpoints without that, of version 0.1.0, are one's."""
    try:
        marker = folder / MARKER
        return str(json.loads(marker.read_text("utf-8")).get("run", "")), marker.stat().st_mtime_ns
    except (OSError, ValueError, AttributeError):
        return "", 0


def faults(folder: Path) -> list[str]:
    """What is wrong with a checkpoint; nothing where it is complete."""
    try:
        marker = json.loads((folder / MARKER).read_text("utf-8"))
        sizes = {str(name): int(size) for name, size in marker["files"].items()}
    except FileNotFoundError:
        return [f"{MARKER} is missing: the save was interrupted, or this was not written by hubformer"]
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        return [f"{MARKER} cannot be read ({error})"]
    found = []
    for name, size in sizes.items():
        path = folder / name
        if not path.is_file():
            found.append(f"{name} is missing")
        elif path.stat().st_size != size:
            found.append(f"{name} has {path.stat().st_size:,} bytes, expected {size:,}")
    return found


def newest(folder: Path) -> Path | None:
    """The newest complete checkpoint in a folder; those that are not complete are passed over, aloud."""
    for path in reversed(numbered(folder)):
        wrong = faults(path)
        if not wrong:
            return path
        _log.warning("%s is passed over: %s.", path, "; ".join(wrong))
    return None


def save(
    folder: Path,
    *,
    write_model: Callable[[Path], None],
    tensors: Mapping[str, Mapping[str, Tensor]],
    files: Mapping[str, str],
    run: str,
) -> None:
    """Write a checkpoint. Until the last step the folder counts as incomplete.

    tensors: file name -> tensors by name. files: file name -> text. run: which training this is.

    Raises:
        OSError: the disk is full or not writable; earlier checkpoints are as they were.
    """
    folder.mkdir(parents=True, exist_ok=True)
    discard_marker(folder)
    write_model(folder)
    staged: dict[str, Path | bytes | str] = dict(files)
    try:
        for name, content in tensors.items():
            if content:
                staged[name] = staged_tensors(folder / name, content)
        commit_files(folder, staged)
    finally:
        for left in staged.values():
            if isinstance(left, Path):
                left.unlink(missing_ok=True)
    written = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.endswith(".part"))
    sizes = {p.relative_to(folder).as_posix(): p.stat().st_size for p in written}
    write_file(folder / MARKER, json.dumps({"files": sizes, "run": run}, indent=2) + "\n")
    sync_folder(folder.parent)


def run_of(folder: Path) -> str:
    """Which training wrote a checkpoint."""
    return _run(folder)[0]


def discard_marker(folder: Path) -> None:
    if (folder / MARKER).exists():
        (folder / MARKER).unlink()
        sync_folder(folder)


def remove(folder: Path) -> None:
    """Delete a checkpoint; killed in the middle, what is left does not count as one."""
    discard_marker(folder)
    shutil.rmtree(folder)


def read_json(folder: Path, name: str) -> dict[str, Any]:
    path = folder / name
    try:
        values = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing.") from None
    except ValueError as error:
        raise CheckpointError(f"{path} is cut short or damaged: {error}.") from None
    if not isinstance(values, dict):
        raise CheckpointError(f"{path} holds a {type(values).__name__}, expected a JSON object.")
    return values


def read_tensors(folder: Path, name: str) -> dict[str, Tensor]:
    """The tensors of a file, as copies in memory; none where there is no such file."""
    if not (folder / name).is_file():
        return {}
    with open_checkpoint(folder / name, mapped=False) as stored:
        return {tensor: stored.read(tensor) for tensor in stored.headers}


# ---- the model ----------------------------------------------------------------------------------------


def write_weights(model: nn.Module, folder: Path) -> None:
    """A model of ours as save_pretrained writes it; any other module's parameters under their names."""
    own: Any = getattr(model, "save_pretrained", None)
    if own is not None:
        own(folder)
    else:
        save_checkpoint(folder, {name: p.detach() for name, p in model.named_parameters()})


def read_weights(model: nn.Module, folder: Path) -> None:
    """Copy a checkpoint's weights into the parameters that are there, which an optimizer may hold already.

    Raises:
        CheckpointError: the weights are missing, damaged, or of another model.
    """
    adapted: Any = getattr(model, "saves_adapters", None)
    if adapted is not None and adapted():
        of_adapters: Any = model
        of_adapters.reload_adapters(folder)
    else:
        _read_whole(model, folder)
    kept = read_tensors(folder, BUFFERS)
    with torch.no_grad():
        for name, buffer in model.named_buffers():
            if name in kept:
                buffer.copy_(kept[name])


def _read_whole(model: nn.Module, folder: Path) -> None:
    paths = [folder / name for name in ("model.safetensors", "model.safetensors.index.json")]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise CheckpointError(f"{folder} has no {paths[0].name}.")
    ours = owned_parameters(model)
    with open_checkpoint(path, mapped=False) as stored:
        loaded = {name: stored.read(name) for name in ours}
        extra = len(stored.headers) - len(loaded) if not hasattr(model, "weight_map") else 0
    if extra:
        raise CheckpointError(f"{path} has {extra} tensors more than the model has parameters.")
    with torch.no_grad():
        for name, parameter in ours.items():
            if parameter.shape != loaded[name].shape:
                raise CheckpointError(
                    f"{path} has {name} as {list(loaded[name].shape)}, the model as {list(parameter.shape)}: "
                    "resume with the model that was trained."
                )
            parameter.copy_(loaded[name])


def buffers(model: nn.Module) -> dict[str, Tensor]:
    """The buffers that belong to a model's state, each of them once."""
    kept = model.state_dict().keys()
    return {name: buffer.detach().clone() for name, buffer in model.named_buffers() if name in kept}


# ---- the optimizer ------------------------------------------------------------------------------------


def optimizer_state(
    optimizer: Optimizer, names: Mapping[int, str]
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors by "parameter/key", and JSON values: the settings of the groups and what is no tensor.

    names: id of a parameter -> its name in the model.
    """
    tensors: dict[str, Tensor] = {}
    numbers: dict[str, Any] = {}
    groups = []
    for group in optimizer.param_groups:
        members = [names[id(p)] for p in group["params"]]
        groups.append({**{k: v for k, v in group.items() if k != "params"}, "params": members})
        for name, parameter in zip(members, group["params"], strict=True):
            for key, value in optimizer.state.get(parameter, {}).items():
                (tensors if isinstance(value, Tensor) else numbers)[f"{name}/{key}"] = value
    return tensors, {"groups": groups, "values": numbers}


def under_registered_names(
    model: nn.Module, tensors: Mapping[str, Tensor], values: dict[str, Any]
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The state of an optimizer under the names of this model's parameters: version 0.1.0 wrote it under
    names of its own, and had several tensors where the Hub has one."""
    tensors, numbers = dict(tensors), dict(values["values"])
    new_name: dict[str, str] = {}
    for prefix, tree in trees(model):
        for row in tree.transfers:
            hub = tuple(prefix + tree.weights.written(name) for name in row.hub)
            old = tuple(prefix + name for name in row.ours)
            new_name |= dict.fromkeys(old, hub[0])
            for key in sorted(
                {place.rpartition("/")[2] for place in tensors if place.startswith(f"{old[0]}/")}
            ):
                parts = [tensors.pop(f"{name}/{key}") for name in old]
                stored = row.change.save(parts) if parts[0].dim() else [parts[0]] * len(hub)
                tensors |= {f"{n}/{key}": t.contiguous() for n, t in zip(hub, stored, strict=True)}
            for place in [place for place in numbers if place.rpartition("/")[0] in old]:
                value = numbers.pop(place)
                numbers |= {f"{name}/{place.rpartition('/')[2]}": value for name in hub}
    groups = [
        {**group, "params": list(dict.fromkeys(new_name.get(name, name) for name in group["params"]))}
        for group in values["groups"]
    ]
    return tensors, {"groups": groups, "values": numbers}


def restore_optimizer(
    optimizer: Optimizer, names: Mapping[int, str], *, tensors: Mapping[str, Tensor], values: dict[str, Any]
) -> None:
    """
    Raises:
        CheckpointError: the optimizer has other groups or other parameters than the one that was saved.
    """
    saved = values["groups"]
    mine = [[names[id(p)] for p in group["params"]] for group in optimizer.param_groups]
    if [sorted(group["params"]) for group in saved] != [sorted(group) for group in mine]:
        raise CheckpointError(
            f"The checkpoint's optimizer has {[len(g['params']) for g in saved]} parameters a group, "
            f"this one {[len(g) for g in mine]}, or they are others. Resume with the same model and settings."
        )
    for group, before in zip(optimizer.param_groups, saved, strict=True):
        for key, value in before.items():
            if key != "params":
                group[key] = tuple(value) if isinstance(group.get(key), tuple) else value
    owners = {names[id(p)]: p for group in optimizer.param_groups for p in group["params"]}
    optimizer.state.clear()
    for place, value in [*tensors.items(), *values["values"].items()]:
        name, _, key = place.rpartition("/")
        owner = owners.get(name)
        if owner is None:
            raise CheckpointError(
                f"The checkpoint's optimizer has a state for {name!r}, which is not trained."
            )
        if isinstance(value, Tensor) and (value.dim() or optimizer.defaults.get("fused")):
            value = value.to(owner.device)
        optimizer.state[owner][key] = value
