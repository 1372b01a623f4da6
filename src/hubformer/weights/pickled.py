"""PyTorch's own checkpoint files (`pytorch_model.bin`), read without running what is in them.

Such a file is a pickle that says how to rebuild the tensors, with their bytes beside it: in a zip archive
(torch 1.6 and later) or one after the other in the file itself (before). The pickle goes through `opcodes`,
which yields plain data; this module recognises the few calls that describe tensors. Neither the standard
unpickler nor `torch.load` is involved: `weights_only=True` calls the constructors of a list of types, has had
holes (CVE-2025-32434, before torch 2.6), gives no headers without tensors, and maps the zip format alone.
"""

from __future__ import annotations

import math
import mmap
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeGuard

import torch

from hubformer.errors import CheckpointError
from hubformer.weights.opcodes import Call, Damaged, Forbidden, Items, Machine, Name, Persistent, describe
from hubformer.weights.stored import DOWNLOAD_AGAIN, Stored, layout_fault

_MAGIC = 0x1950A86A20F9469CFC6C  # the first value in a file of torch before 1.6
_PROTOCOL = 1001
_MAX_PICKLE = 256 * 2**20  # bytes; the tensors are not in it

_STORAGES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "ComplexFloatStorage": torch.complex64,
    "ComplexDoubleStorage": torch.complex128,
    "UntypedStorage": torch.uint8,
}
_DTYPES: dict[str, torch.dtype] = {
    name: getattr(torch, name)
    for name in (
        *("float32", "float64", "float16", "bfloat16", "complex64", "complex128", "bool"),
        *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
        *("float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"),
    )
    if hasattr(torch, name)  # the last one came after torch 2.5
}
_REBUILD = {
    name: Name("torch._utils", name)
    for name in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3")
}
_PARAMETERS = {
    Name("torch._utils", "_rebuild_parameter"),
    Name("torch._utils", "_rebuild_parameter_with_state"),
}
_ALLOWED = frozenset(
    {
        ("collections", "OrderedDict"),
        *((name.module, name.name) for name in (*_REBUILD.values(), *_PARAMETERS)),
        *((module, name) for module in ("torch", "torch.cuda", "torch.storage") for name in _STORAGES),
        *(("torch", name) for name in _DTYPES),
        # What training scripts keep beside the weights. It is passed over, and never built.
        ("torch", "Size"),
        ("torch", "device"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        *(
            (f"numpy.{core}.multiarray", name)
            for core in ("core", "_core")
            for name in ("scalar", "_reconstruct")
        ),
        ("_codecs", "encode"),
        *(
            (module, name)
            for module in ("builtins", "__builtin__")
            for name in ("set", "bytearray", "complex")
        ),
    }
)
_NESTED = ("state_dict", "model_state_dict", "model", "module")


class _Bytes(NamedTuple):
    start: int  # from the start of the file
    size: int
    byteorder: str


_Locate = Callable[[tuple[object, ...]], _Bytes]


def pickled(beginning: bytes) -> bool:
    """Whether a file that begins like this is one of PyTorch's, or at least a zip archive or a pickle."""
    return beginning.startswith(
        (b"PK\x03\x04", b"PK\x05\x06", *(bytes((0x80, version)) for version in range(6)))
    )


def read_pickled(path: Path) -> dict[str, Stored]:
    """The tensors of one PyTorch file, by name and in its order; their bytes are not read.

    A training checkpoint that keeps its weights under "state_dict" or "model" is unwrapped; what is no
    tensor is passed over.

    Raises:
        CheckpointError: the file is damaged, is not PyTorch's, or contains anything else than data.
    """
    try:
        with path.open("rb") as file:
            length = path.stat().st_size
            read = _from_zip if file.read(2) == b"PK" else _from_stream
            state, locate = read(file, length)
        return _tensors(_weights(state), path=path, length=length, locate=locate)
    except Forbidden as error:
        raise CheckpointError(
            f"{path} contains {error}. hubformer reads plain tensors from a PyTorch file and never runs "
            "anything in it. If you trust its author, convert it where it can do no harm: load it with "
            "transformers in a throw-away environment and call "
            "save_pretrained(folder, safe_serialization=True), then load that folder here."
        ) from error
    except Damaged as error:
        raise CheckpointError(f"{path} is not a whole PyTorch file: {error}. {DOWNLOAD_AGAIN}") from error
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error}. Check the disk, then try again.") from error


# ---- the two kinds of file ----------------------------------------------------------------------------


def _from_zip(file: BinaryIO, length: int) -> tuple[object, _Locate]:
    archive = _Archive(file, length)
    byteorder = "little"
    if "byteorder" in archive:
        byteorder = archive.content("byteorder", limit=16).decode("ascii", "replace").strip()
        if byteorder not in ("little", "big"):
            raise Damaged(f"its byte order is {byteorder!r}; expected 'little' or 'big'")
    machine = Machine(archive.content("data.pkl", limit=_MAX_PICKLE), at=0, allowed=_ALLOWED)
    state = machine.run()
    # Looked up now, because the file is closed when `locate` is called.
    keys = {_storage_key(reference)[2] for reference in machine.persistent}
    extents = {key: archive.extent(f"data/{key}") for key in keys}

    def locate(reference: tuple[object, ...]) -> _Bytes:
        return _Bytes(*extents[reference[2]], byteorder)

    return state, locate


class _Archive:
    """The records of a zip archive: only where they lie is left to the standard library."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self.file, self.length = file, length
        try:
            with zipfile.ZipFile(file) as archive:
                listed = archive.infolist()
        except (zipfile.BadZipFile, struct.error, ValueError, NotImplementedError, EOFError) as error:
            raise Damaged(f"its zip directory cannot be read ({error}); its end may be missing") from error
        self.records = {record.filename: record for record in listed}
        if len(self.records) != len(listed):
            raise Damaged("its zip directory names a record twice")
        pickles = [name for name in self.records if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise Damaged(f"it is a zip archive with {len(pickles)} records named data.pkl; expected one")
        self.root = pickles[0].removesuffix("data.pkl")
        if "constants.pkl" in self:
            raise Forbidden("a compiled TorchScript program (constants.pkl)")

    def __contains__(self, name: str) -> bool:
        return self.root + name in self.records

    def extent(self, name: str) -> tuple[int, int]:
        """Where a record's content begins, and its size, in bytes."""
        if name not in self:
            raise Damaged(f"its record {name} is absent")
        record = self.records[self.root + name]
        if record.compress_type != zipfile.ZIP_STORED or record.flag_bits & 1:
            raise Damaged(
                f"its record {name} is compressed or encrypted, which PyTorch never does and which can hide "
                "any amount of data"
            )
        header = b""
        if 0 <= record.header_offset < self.length:
            self.file.seek(record.header_offset)
            header = self.file.read(30)
        if len(header) < 30 or not header.startswith(b"PK\x03\x04"):
            raise Damaged(f"its zip directory points to a wrong place for {name}")
        # The local header repeats name and extra field with lengths of their own.
        start = record.header_offset + 30 + sum(struct.unpack_from("<HH", header, 26))
        if start + record.file_size > self.length or record.compress_size != record.file_size:
            raise Damaged(f"its record {name} is longer than the file")
        return start, record.file_size

    def content(self, name: str, *, limit: int) -> bytes:
        start, size = self.extent(name)
        if size > limit:
            raise Damaged(f"its record {name} has {size:,} bytes, more than the {limit:,} that make sense")
        self.file.seek(start)
        found = self.file.read(size)
        if zlib.crc32(found) != self.records[self.root + name].CRC:
            raise Damaged(f"the checksum of its record {name} does not fit")
        return found


def _from_stream(file: BinaryIO, length: int) -> tuple[object, _Locate]:
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as buffer:
        machines = [Machine(buffer, at=0, allowed=_ALLOWED)]

        def value() -> object:
            found = machines[-1].run()
            machines.append(Machine(buffer, at=machines[-1].at, allowed=_ALLOWED))
            return found

        if value() != _MAGIC:
            raise Damaged("it is a pickle, but it does not begin as PyTorch's files do")
        if value() != _PROTOCOL:
            raise Damaged(f"its format is not version {_PROTOCOL}, the only one there is")
        value()  # the sizes of C types on the machine that wrote it; the layout does not depend on them
        state = value()
        used = [_storage_key(reference) for reference in machines[-2].persistent]
        keys = value()
        widths = {key[2]: _storage_dtype(key).itemsize for key in used}
        if (
            not isinstance(keys, list)
            or not all(isinstance(key, str) for key in keys)
            or {*keys} != {*widths}
        ):
            raise Damaged("the list of its storages does not fit the storages that its tensors use")
        extents: dict[object, tuple[int, int]] = {}
        at = machines[-1].at
        for key in keys:
            size = int.from_bytes(buffer[at : at + 8], "little", signed=True) * widths[key]
            if at + 8 > length or size < 0 or at + 8 + size > length:
                raise Damaged(f"it has {length:,} bytes; storage {key} needs {at + 8 + max(size, 0):,}")
            extents[key] = (at + 8, size)
            at += 8 + size

    def locate(reference: tuple[object, ...]) -> _Bytes:
        start, size = extents[reference[2]]
        match reference[5] if len(reference) > 5 else None:
            case None:
                return _Bytes(start, size, "little")
            case (_, int(first), int(count)):  # a part of a larger storage, as torch before 0.4 wrote
                width = _storage_dtype(reference).itemsize
                if min(first, count) >= 0 and (first + count) * width <= size:
                    return _Bytes(start + first * width, count * width, "little")
        raise Damaged(f"it has a view outside of storage {reference[2]!r}")

    return state, locate


# ---- what the pickle says -----------------------------------------------------------------------------


def _storage_key(reference: Persistent) -> tuple[object, ...]:
    key = reference.key
    if (
        not isinstance(key, tuple)
        or not 5 <= len(key) <= 6
        or key[0] != "storage"
        or not isinstance(key[2], str)
    ):
        raise Damaged("it refers to something that is no storage")
    return key


def _storage_dtype(reference: tuple[object, ...]) -> torch.dtype:
    kind = reference[1]
    if not isinstance(kind, Name) or kind.name not in _STORAGES:
        raise Damaged(f"a storage has the type {describe(kind)}, which is none")
    return _STORAGES[kind.name]


def _weights(state: object) -> list[tuple[str, Call]]:
    if found := _named_tensors(state, wrappings=3):
        return found
    raise Damaged(
        f"it holds no tensors by name, neither at its top nor under {', '.join(map(repr, _NESTED))}"
    )


def _named_tensors(state: object, *, wrappings: int) -> list[tuple[str, Call]]:
    if not isinstance(state, Items):
        return []
    # A wrapping first: beside it may stand a lone tensor, such as a step count.
    for name, value in state.pairs if wrappings else ():
        if name in _NESTED and (found := _named_tensors(value, wrappings=wrappings - 1)):
            return found
    return [(name, value) for name, value in state.pairs if isinstance(name, str) and _is_tensor(value)]


def _is_tensor(value: object) -> TypeGuard[Call]:
    return isinstance(value, Call) and value.function in {*_PARAMETERS, *_REBUILD.values()}


def _tensors(named: list[tuple[str, Call]], *, path: Path, length: int, locate: _Locate) -> dict[str, Stored]:
    tensors: dict[str, Stored] = {}
    for name, call in named:
        if name in tensors:
            raise Damaged(f"it names the tensor {name!r} twice")
        try:
            tensors[name] = _tensor(call, path=path, length=length, locate=locate)
        except (Damaged, Forbidden) as error:
            raise type(error)(f"{error} (in the tensor {name!r})") from error
    return tensors


def _tensor(call: object, *, path: Path, length: int, locate: _Locate) -> Stored:
    while isinstance(call, Call) and call.function in _PARAMETERS and call.arguments:
        call = call.arguments[0]
    if not isinstance(call, Call) or call.function not in _REBUILD.values():
        raise Forbidden("a parameter that is made of no tensor")
    third = call.function == _REBUILD["_rebuild_tensor_v3"]
    match call.arguments:
        case (Persistent() as storage, int(offset), tuple(shape), tuple(stride), *rest):
            reference = _storage_key(storage)
        case _:
            raise Damaged("a tensor is not described by storage, offset, shape and strides")
    dtype = _storage_dtype(reference)
    if third:
        kind = rest[2] if len(rest) > 2 else None
        if not isinstance(kind, Name) or kind.module != "torch" or kind.name not in _DTYPES:
            raise Damaged(f"a tensor has the type {describe(kind)}, which is none")
        dtype = _DTYPES[kind.name]
    extra = rest[3 if third else 2 :]
    if any(value is not None and not (isinstance(value, Items) and not value.pairs) for value in extra):
        raise Forbidden("a tensor that is conjugated or negated on the fly")
    place = locate(reference)
    _check_bounds(shape, stride, offset=offset, capacity=place.size // dtype.itemsize)
    if math.prod(shape) * dtype.itemsize > length:  # strides of 0 repeat elements; a few are fine
        raise Damaged(f"a tensor of shape {shape} repeats its elements into more bytes than the file has")
    return Stored(path, dtype, shape, stride, *place[:2], offset=offset, byteorder=place.byteorder)


def _check_bounds(shape: tuple[int, ...], stride: tuple[int, ...], *, offset: int, capacity: int) -> None:
    fault = layout_fault(shape, stride)
    if fault or len(shape) != len(stride):
        raise Damaged(f"a tensor has {fault or f'{len(shape)} sizes and {len(stride)} strides'}")
    last = offset + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
    if math.prod(shape) and (offset < 0 or last >= capacity):
        raise Damaged(f"a tensor reaches to element {last:,} of a storage of {capacity:,}")
