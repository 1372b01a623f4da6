"""A checkpoint's files, whatever their format and number: headers first, tensors when they are asked for.

Headers are checked here, completely and before anything is allocated: a file that passes can be mapped and
its tensors used in place. The formats: safetensors and PyTorch's own (`pickled`); one file, or shards with an
index in JSON. The `safetensors` package reads the tensors. It refuses damaged headers too, but does not say
what to do, so they are checked here first; duplicate keys and endless padding it lets pass.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import NoReturn

import torch
from torch import Tensor

from hubformer.errors import CheckpointError, suggestion
from hubformer.weights.pickled import pickled, read_pickled
from hubformer.weights.stored import (
    DOWNLOAD_AGAIN,
    Reader,
    Stored,
    contiguous,
    foreign,
    layout_fault,
    regular_file,
)

DTYPES: Mapping[str, torch.dtype] = MappingProxyType(
    {
        name: getattr(torch, ours)
        for name, ours in {
            **{"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "BOOL": "bool"},
            **{"I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8"},
            **{"U64": "uint64", "U32": "uint32", "U16": "uint16", "C64": "complex64"},
            **{"F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu"},
            **{"F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz"},
        }.items()
        if hasattr(torch, ours)
    }
)
_MAX_HEADER = 100_000_000  # bytes, the format's own limit
_MAX_PADDING = 2**20  # bytes of spaces behind a header; writers add less than a page
_MAX_DIGITS = 20  # no number in a header has more


@dataclass(frozen=True)
class TensorHeader:
    """What a file says of one tensor."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    file: str  # its name inside the checkpoint's folder


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """One checkpoint, in one file or in shards: its headers read and checked, its tensors not yet read.

    Usable as a context manager; leaving it lets go of the files, while tensors that were read stay valid.
    """

    headers: Mapping[str, TensorHeader]  # in the order of the files
    metadata: Mapping[str, str]  # the free text of safetensors files; empty for PyTorch's
    files: tuple[Path, ...]
    _stored: Mapping[str, Stored]
    _reader: Reader

    def read(self, name: str) -> Tensor:
        """One tensor, on the CPU, with the file's dtype.

        Mapped (the default of `open_checkpoint`) it takes no time and no memory until it is used; writing
        to it never reaches the file. Tensors that share a storage in a PyTorch file share memory.

        Raises:
            CheckpointError: the name is unknown, or the file has changed since it was opened.
        """
        if name not in self._stored:
            raise CheckpointError(
                f"{', '.join(file.name for file in self.files[:3])} has no tensor {name!r}."
                f"{suggestion(name, self._stored)} It has {len(self._stored)} tensors; see `headers`."
            )
        return self._reader.read(self._stored[name])

    def close(self) -> None:
        """Let go of the files."""
        self._reader.close()

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def with_variant(name: str, variant: str | None) -> str:
    """The name of a weights file in a variant: `model.safetensors` in "fp16" is `model.fp16.safetensors`.

    Raises:
        CheckpointError: the variant cannot be part of a file name.
    """
    if not variant:
        return name
    if not all(character.isalnum() or character in "-_." for character in variant) or ".." in variant:
        raise CheckpointError(
            f"The variant {variant!r} cannot be part of a file name; expected letters, digits, '-' and '_', "
            "such as 'fp16'."
        )
    stem, _, ending = name.rpartition(".")
    return f"{stem}.{variant}.{ending}"


def candidates(*, variant: str | None = None, use_safetensors: bool | None = None) -> tuple[str, ...]:
    """The file names that a checkpoint may have, best first: safetensors before PyTorch, then one file
    before shards.

    `use_safetensors` True or False leaves only that format; None allows both.

    Raises:
        CheckpointError: the variant cannot be part of a file name.
    """
    names: list[str] = []
    if use_safetensors is not False:
        names += ["model.safetensors", "model.safetensors.index.json"]
    if not use_safetensors:
        names += ["pytorch_model.bin", "pytorch_model.bin.index.json"]
    return tuple(with_variant(name, variant) for name in names)


def open_checkpoint(
    path: Path, *, shard: Callable[[str], Path] | None = None, mapped: bool = True
) -> Checkpoint:
    """Open a weights file, or an index and all the shards that it names, and check their headers.

    `shard` gives the local path of a shard by name, fetching it if need be; without it shards lie beside the
    index, and links that leave the folder are refused. `mapped=False` makes every tensor a copy in memory
    of its own: for training, for servers that live long, and for files that may be overwritten in place.
    The format is told by the content, so any file name will do.

    Raises:
        CheckpointError: the file is damaged, of another kind, or does not agree with its index. The message
            names the file, what was found and what to do.
    """
    path = Path(path)
    inside = path.parent if shard is None else None
    if path.name.endswith(".json"):
        index = _read_index(path, inside=inside)
        beside = shard or (lambda name: path.parent / name)
        parts = {
            name: _open_file(Path(beside(name)), inside=inside) for name in dict.fromkeys(index.values())
        }
        _agree(path, index, parts)
    else:
        parts = {path.name: _open_file(path, inside=inside)}
    stored = {name: place for part in parts.values() for name, place in part.tensors.items()}
    homes = {name: file for file, part in parts.items() for name in part.tensors}
    if all(part.pickled for part in parts.values()) and all(name.startswith("module.") for name in stored):
        # DataParallel's prefix: it tells how the model was trained, not what it is.
        stored = {name.removeprefix("module."): place for name, place in stored.items()}
        homes = {name.removeprefix("module."): file for name, file in homes.items()}
    headers = {name: TensorHeader(place.dtype, place.shape, homes[name]) for name, place in stored.items()}
    metadata: dict[str, str] = {}
    for part in parts.values():
        metadata.update(part.metadata)
    lengths = {part.path: part.length for part in parts.values()}
    return Checkpoint(
        headers=MappingProxyType(headers),
        metadata=MappingProxyType(metadata),
        files=tuple(lengths),
        _stored=stored,
        _reader=Reader(lengths, mapped=mapped),
    )


# ---- one file -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Part:
    path: Path
    length: int  # bytes
    tensors: Mapping[str, Stored]
    metadata: Mapping[str, str]
    pickled: bool


def _open_file(path: Path, *, inside: Path | None) -> _Part:
    length = regular_file(path, inside=inside)
    try:
        with path.open("rb") as file:
            beginning = file.read(512)
            size = int.from_bytes(beginning[:8], "little")
            # Any short beginning may also be the length of a header: the brace behind it decides.
            plausible = beginning[4:9] == b"\0\0\0\0{"
            if not plausible and (meaning := foreign(beginning)) is not None:
                raise CheckpointError(f"{path} is {meaning}.")
            if not plausible and pickled(beginning):
                if path.name.endswith(".safetensors"):
                    raise CheckpointError(
                        f"{path} is a PyTorch or zip file, though its name says safetensors. Whoever made "
                        "it may have meant no harm: rename it to pytorch_model.bin, and it is read without "
                        "running anything in it."
                    )
                return _Part(path, length, read_pickled(path), {}, True)
            if not 2 <= size <= min(length - 8, _MAX_HEADER):
                _refuse_length(path, size, length=length)
            file.seek(8)
            raw = file.read(size)
    except OSError as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} cannot be read: {error}. Check its rights and the disk.") from error
    tensors, metadata = _parse_header(path, raw, length=length)
    return _Part(path, length, tensors, metadata, False)


def _refuse_length(path: Path, size: int, *, length: int) -> NoReturn:
    if length < 8:
        found = f"has {length} bytes, too few for any weights file"
    elif length - 8 < size <= _MAX_HEADER:
        found = f"is cut short: it has {length:,} bytes and its header alone needs {8 + size:,}"
    else:
        found = (
            f"is no safetensors file: its first 8 bytes give a header of {size:,} bytes, "
            f"where 2 to {_MAX_HEADER:,} make sense"
        )
    raise CheckpointError(f"{path} {found}. {DOWNLOAD_AGAIN}")


def _parse_header(path: Path, raw: bytes, *, length: int) -> tuple[dict[str, Stored], dict[str, str]]:
    padding = len(raw) - len(raw.rstrip(b" "))
    if not raw.startswith(b"{") or padding > _MAX_PADDING:
        found = f"is padded with {padding:,} spaces" if padding > _MAX_PADDING else f"begins with {raw[:8]!r}"
        raise CheckpointError(f"{path} has a header that {found}; expected a JSON object. {DOWNLOAD_AGAIN}")
    header = read_json(path, raw)
    metadata = header.pop("__metadata__", None) or {}
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise CheckpointError(f"{path} has __metadata__ that is not text by name. {DOWNLOAD_AGAIN}")
    start = 8 + len(raw)
    spans = [(*_span(path, name, entry), name) for name, entry in header.items()]
    end = max((last for _, last, _, _, _ in spans), default=0)
    if start + end != length:
        state = "is cut short" if start + end > length else "has bytes behind its last tensor"
        raise CheckpointError(
            f"{path} {state}: the file has {length:,} bytes, its header needs {start + end:,}. "
            f"{DOWNLOAD_AGAIN}"
        )
    reached, before = 0, "the header"
    for first, last, _, _, name in sorted(spans, key=lambda span: span[:2]):
        if first != reached:
            fault = "overlaps" if first < reached else f"leaves a hole of {first - reached:,} bytes behind"
            raise CheckpointError(f"In {path} the tensor {name!r} {fault} {before!r}. {DOWNLOAD_AGAIN}")
        reached, before = last, name
    tensors = {
        name: Stored(path, dtype, shape, contiguous(shape), start + first, last - first, name=name)
        for first, last, dtype, shape, name in spans
    }
    return tensors, metadata


def _span(path: Path, name: str, entry: object) -> tuple[int, int, torch.dtype, tuple[int, ...]]:
    def refuse(found: str) -> NoReturn:
        raise CheckpointError(f"In {path} the tensor {name!r} has {found}. {DOWNLOAD_AGAIN}")

    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        refuse("an entry that is not dtype, shape and data_offsets")
    kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or kind not in DTYPES:
        refuse(f"the dtype {kind!r}; torch {torch.__version__} can read {', '.join(DTYPES)}")
    if not isinstance(shape, list):
        refuse(f"the shape {shape!r}, which is not a list")
    if fault := layout_fault(tuple(shape)):
        refuse(fault)
    if not isinstance(offsets, list) or len(offsets) != 2 or layout_fault(tuple(offsets)):
        refuse(f"the data_offsets {offsets!r}; expected a begin and an end, whole numbers from 0 up")
    first, last = offsets
    size = math.prod(shape) * DTYPES[kind].itemsize
    if last - first != size:
        refuse(f"{last - first:,} bytes; its shape {shape} in {kind} needs {size:,}")
    return first, last, DTYPES[kind], tuple(shape)


# ---- JSON, and the index of shards --------------------------------------------------------------------


def read_json(path: Path, raw: bytes) -> dict[str, object]:
    """A JSON object from a file that nobody vouches for: no key twice, no endless number, no deep nesting.

    Raises:
        CheckpointError: it is not JSON, not an object, or one of these.
    """

    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _ in pairs]
            double = next(name for name in found if names.count(name) > 1)
            raise ValueError(f"the key {double!r} stands in it twice")
        return found

    def number(digits: str) -> int:
        if len(digits) > _MAX_DIGITS:
            raise ValueError(f"a number has {len(digits):,} digits")
        return int(digits)

    try:
        found = json.loads(raw.decode("utf-8"), object_pairs_hook=unique, parse_int=number)
    except RecursionError:
        fault = "it is nested too deep"
    except ValueError as error:
        fault = str(error)
    else:
        if isinstance(found, dict):
            return found
        fault = f"it is a {type(found).__name__}, not an object"
    raise CheckpointError(
        f"{path} is cut short or damaged: its JSON cannot be read ({fault}). {DOWNLOAD_AGAIN}"
    )


def _read_index(path: Path, *, inside: Path | None) -> dict[str, str]:
    length = regular_file(path, inside=inside)
    if length > _MAX_HEADER:
        raise CheckpointError(
            f"{path} has {length:,} bytes; expected an index in JSON of at most {_MAX_HEADER:,}."
        )
    raw = path.read_bytes()
    if (meaning := foreign(raw[:512])) is not None and "JSON" not in meaning:
        raise CheckpointError(f"{path} is {meaning}.")
    index = read_json(path, raw).get("weight_map")
    if not isinstance(index, dict) or not index:
        raise CheckpointError(
            f"{path} has no weight_map that gives each tensor's file; found {index!r:.80}. {DOWNLOAD_AGAIN}"
        )
    weight_map: dict[str, str] = {}
    for name, file in index.items():
        plain = isinstance(file, str) and file not in ("", ".", "..") and not set(file) & set("/\\:\0")
        if not isinstance(file, str) or not plain:
            raise CheckpointError(
                f"{path} puts the tensor {name!r} into {file!r}; expected the name of a weights file in the "
                "same folder, without a path. Do not use this checkpoint unless you know why it says so."
            )
        weight_map[name] = file
    return weight_map


def _agree(path: Path, index: Mapping[str, str], parts: Mapping[str, _Part]) -> None:
    promised: dict[str, set[str]] = {file: set() for file in parts}
    for name, file in index.items():
        promised[file].add(name)
    faults = [
        f"promises {_some(absent)} in {file}, which has no such tensor"
        for file, part in parts.items()
        if (absent := promised[file] - part.tensors.keys())
    ] + [
        f"does not mention {_some(extra)}, which {file} holds"
        for file, part in parts.items()
        if (extra := part.tensors.keys() - promised[file])
    ]
    if faults:
        raise CheckpointError(
            f"{path} {faults[0]}. The index and its shards are of different saves, or one was cut short: "
            "download or save all of them again."
        )


def _some(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = f" and {len(ordered) - 3} more" if len(ordered) > 3 else ""
    return ", ".join(map(repr, ordered[:3])) + more
