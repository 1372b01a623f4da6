"""Writing a checkpoint so that its folder is the old version or the new one, never a mixture.

Only safetensors is written, by the package of that name; what it does not do is change over from an old
version to a new one in one step. The trick with shards: a name that the old index may point to is never
written to. New shards get names of their own, one rename of the index (or of the single file) changes over,
and what only the old version used is removed after that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from hubformer.errors import CheckpointError
from hubformer.storage import beside, check_name, commit_files
from hubformer.weights.files import DTYPES, with_variant

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
_PICKLED = ("pytorch_model.bin", "pytorch_model.bin.index.json")
_SHARD = re.compile(
    r"(?P<stem>model|pytorch_model)(\.(?P<variant>.+?))?(-v\d+)?-\d{5,}-of-\d{5,}\.(safetensors|bin)"
)
_KINDS = {dtype: name for name, dtype in DTYPES.items()}
_UNITS = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


def save_checkpoint(
    folder: Path,
    tensors: Mapping[str, Tensor],
    *,
    files: Mapping[str, str | bytes] = MappingProxyType({}),
    max_shard_size: int | str = "5GB",
    metadata: Mapping[str, str] = MappingProxyType({"format": "pt"}),
    variant: str | None = None,
    safe_serialization: bool = True,
) -> tuple[str, ...]:
    """Write tensors as safetensors, in one file or in shards, together with the files that belong to them.

    Whatever happens on the way (an error, a kill, a power loss), the folder holds either the complete old
    weights or the complete new ones. After an error everything is as before, unless it struck while the old
    version was being removed. `files` (config.json and so on) change over right before the weights do; those
    whose content is the same are not touched. Weights of an earlier save in the same variant, PyTorch's
    included, are removed. One process may save to a folder at a time. Tensors may live on any device and
    need not be contiguous; memory is needed for those of one file that are neither on the CPU nor contiguous.

    max_shard_size: the most bytes in a file, as a number or as text ("200MB" is 200,000,000 bytes, "1GiB"
        is 2**30); a tensor that is larger has a file of its own.
    Returns the names of the weights files, the index included.

    Raises:
        CheckpointError: the tensors cannot be written: names that share memory, no data, a dtype that
            safetensors does not have; or `safe_serialization=False`.
        OSError: the disk is full or the folder not writable.
    """
    if not safe_serialization:
        raise CheckpointError(
            "safe_serialization=False would write a pickle, which can run code in whoever loads it. "
            "hubformer writes safetensors only: leave the argument out. All current loaders read it."
        )
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise CheckpointError(f"{folder} is a file; expected a folder to save to. Choose another name.")
    _check_tensors(tensors)
    shards = _shards(tensors, limit=_bytes(max_shard_size))
    single, index = with_variant(SINGLE, variant), with_variant(INDEX, variant)
    names = [single] if len(shards) == 1 else _fresh_names(folder, len(shards), variant=variant)
    _check_files(files, weights={single, index, *names, *(with_variant(name, variant) for name in _PICKLED)})
    folder.mkdir(parents=True, exist_ok=True)
    changed = {name: content for name, content in files.items() if not _same(folder / name, content)}
    parts = {name: beside(folder / name) for name in names}
    written: tuple[str, ...] = tuple(names)
    try:
        for name, shard in zip(names, shards, strict=True):
            _write(parts[name], {tensor: tensors[tensor] for tensor in shard}, metadata=metadata)
        if len(shards) == 1:
            commit_files(folder, {**changed, **parts}, remove=_replaced(folder, written, variant=variant))
        else:
            written = (*names, index)
            content = _index(tensors, dict(zip(names, shards, strict=True)))
            commit_files(folder, parts)  # nothing points to these names yet
            # Without `last`: the fewer steps between the config's rename and the index's, the better.
            stale = _replaced(folder, written, variant=variant)
            commit_files(folder, {**changed, index: content}, remove=stale)
    except BaseException:
        _forget(folder, parts, index=folder / index)
        raise
    return written


def staged_tensors(
    path: Path, tensors: Mapping[str, Tensor], *, metadata: Mapping[str, str] = MappingProxyType({})
) -> Path:
    """Write tensors that are no whole model's weights (an optimizer's state, an adapter) as one safetensors
    file, under a temporary name beside `path`, for `commit_files` to bring in.

    Raises:
        CheckpointError: a tensor that cannot be written. OSError: the disk is full; nothing is left behind.
    """
    _check_tensors(tensors)
    part = beside(path)
    try:
        _write(part, tensors, metadata=metadata)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise
    return part


def _forget(folder: Path, parts: Mapping[str, Path], *, index: Path) -> None:
    for path in parts.values():
        with suppress(OSError):
            path.unlink()
    if len(parts) > 1:
        # If only the clearing up failed, the index is the new one and its shards are needed.
        with suppress(OSError):
            if index.exists() and next(iter(parts)) in index.read_text():
                return
            for name in parts:
                (folder / name).unlink(missing_ok=True)


def _same(path: Path, content: str | bytes) -> bool:
    try:
        return path.read_bytes() == (content.encode() if isinstance(content, str) else content)
    except OSError:
        return False


# ---- which file holds what ----------------------------------------------------------------------------


def _bytes(size: int | str) -> int:
    match = re.fullmatch(r"\s*(\d{1,15}(?:\.\d{1,9})?)\s*([a-zA-Z]*)\s*", str(size))
    unit = _UNITS.get(match[2].upper()) if match else None
    count = int(float(match[1]) * unit) if match and unit else 0
    if count < 1 or isinstance(size, bool):
        raise CheckpointError(
            f"max_shard_size={size!r} is no size. Expected a number of bytes, or text such as '5GB', '200MB'."
        )
    return count


def _shards(tensors: Mapping[str, Tensor], *, limit: int) -> list[list[str]]:
    shards: list[list[str]] = [[]]
    filled = 0
    for name, tensor in tensors.items():
        size = tensor.numel() * tensor.element_size()
        if shards[-1] and filled + size > limit:
            shards.append([])
            filled = 0
        shards[-1].append(name)
        filled += size
    return shards


def _fresh_names(folder: Path, count: int, *, variant: str | None) -> list[str]:
    """The usual shard names where none of them is taken, else `model-v2-00001-of-…` and so on."""
    present = {path.name for path in folder.glob("*.safetensors")} if folder.is_dir() else set()
    version = 1
    while True:
        tag = "" if version == 1 else f"-v{version}"
        stem = with_variant(SINGLE, variant).removesuffix(".safetensors") + tag
        names = [f"{stem}-{place:05d}-of-{count:05d}.safetensors" for place in range(1, count + 1)]
        if present.isdisjoint(names):
            return names
        version += 1


def _index(tensors: Mapping[str, Tensor], shards: Mapping[str, Sequence[str]]) -> str:
    total = sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
    places = {tensor: name for name, shard in shards.items() for tensor in shard}
    content = {"metadata": {"total_size": total}, "weight_map": dict(sorted(places.items()))}
    return json.dumps(content, indent=2) + "\n"


def _replaced(folder: Path, written: Sequence[str], *, variant: str | None) -> list[str]:
    """What the old version used and the new one does not; first what readers prefer to an index."""
    fixed = [with_variant(name, variant) for name in (SINGLE, INDEX, *_PICKLED)]
    shards = [
        path.name
        for path in sorted(folder.iterdir())
        if (match := _SHARD.fullmatch(path.name)) and (match["variant"] or None) == (variant or None)
    ]
    return [name for name in (*fixed, *shards) if name not in written and (folder / name).is_file()]


# ---- what can be written ------------------------------------------------------------------------------


def _check_files(files: Mapping[str, str | bytes], *, weights: set[str]) -> None:
    for name in files:
        check_name(name)
        if name in weights:
            raise CheckpointError(
                f"files has {name!r}, the name of a weights file that is about to be written. Leave it out."
            )


def _check_tensors(tensors: Mapping[str, Tensor]) -> None:
    if not tensors:
        raise CheckpointError("There is no tensor to save; expected at least one. Pass a model's state.")
    for name, tensor in tensors.items():
        fault = ""
        if tensor.layout != torch.strided or tensor.is_meta:
            fault = "is on the meta device and has no data" if tensor.is_meta else f"is {tensor.layout}"
        elif tensor.dtype not in _KINDS:
            fault = f"is {tensor.dtype}, which safetensors cannot hold ({', '.join(map(str, _KINDS))} it can)"
        elif name == "__metadata__" or not name.isprintable():
            fault = "has a name that cannot stand in a header"
        if fault:
            raise CheckpointError(f"The tensor {name!r} {fault}. Save a plain tensor with data instead.")
    _refuse_shared(tensors)


def _refuse_shared(tensors: Mapping[str, Tensor]) -> None:
    for cluster in _clusters(tensors):
        begin, end = cluster[0][1].data_ptr(), max(_end(tensor) for _, tensor in cluster)
        width = cluster[0][1].element_size()
        used = torch.zeros(-(-(end - begin) // width), dtype=torch.bool)
        for name, tensor in cluster:
            place, left = divmod(tensor.data_ptr() - begin, width)
            same = not left and tensor.element_size() == width
            mine = used.as_strided(tensor.shape, tensor.stride(), place) if same else None
            if mine is None or bool(mine.any()):
                others = [other for other, _ in cluster if other != name]
                raise CheckpointError(
                    f"The tensor {name!r} shares memory with {', '.join(map(repr, others[:3]))}; a file "
                    "would hold two copies that no longer belong together. Save tied weights under one name, "
                    "or clone() them if they are meant to part."
                )
            mine.fill_(True)  # expanded dimensions too: every write is the same


def _clusters(tensors: Mapping[str, Tensor]) -> Iterator[list[tuple[str, Tensor]]]:
    """Groups of tensors whose stretches of memory meet; parts of one fused weight may interleave."""
    filled = [(name, tensor) for name, tensor in tensors.items() if tensor.numel()]
    cluster: list[tuple[str, Tensor]] = []
    end, device = 0, None
    for name, tensor in sorted(filled, key=lambda pair: (str(pair[1].device), pair[1].data_ptr())):
        if tensor.device != device or tensor.data_ptr() >= end:
            if len(cluster) > 1:
                yield cluster
            cluster, end, device = [], 0, tensor.device
        cluster.append((name, tensor))
        end = max(end, _end(tensor))
    if len(cluster) > 1:
        yield cluster


def _end(tensor: Tensor) -> int:
    last = sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True))
    return tensor.data_ptr() + (last + 1) * tensor.element_size()


# ---- one file -----------------------------------------------------------------------------------------


def _write(path: Path, tensors: Mapping[str, Tensor], *, metadata: Mapping[str, str]) -> None:
    """One file, by the `safetensors` package, under a name that nobody reads yet."""
    plain = {name: _plain(tensor) for name, tensor in tensors.items()}
    try:
        save_file(plain, path, metadata=dict(metadata) or None)
    except SafetensorError as error:
        # Names, dtypes and memory were checked before, so that this is the disk.
        raise OSError(f"{path} cannot be written: {error}. Check the free space and the rights.") from error


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().resolve_conj().resolve_neg().to("cpu").contiguous()
