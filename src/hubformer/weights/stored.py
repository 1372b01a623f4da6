"""Where one tensor lies in a file, and how those bytes become a tensor, mapped or owned.

Both checkpoint formats come down to this: a range of bytes, a dtype, a shape and strides. Whoever makes a
`Stored` has checked it against the file. Tensors of safetensors files are then read by the `safetensors`
package, those of PyTorch's files here: `torch.load` cannot map single tensors without unpickling the file.
"""

from __future__ import annotations

import math
import os
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from hubformer.errors import CheckpointError

DOWNLOAD_AGAIN = "Delete it and download it again."
_INT64 = 2**63  # torch counts elements and strides in signed 64-bit integers
_MAX_DIMENSIONS = 64


@dataclass(frozen=True)
class Stored:
    """One tensor in a file: its storage (shared with other tensors or not) and its view of that storage."""

    path: Path
    dtype: torch.dtype
    shape: tuple[int, ...]
    stride: tuple[int, ...]  # in elements
    start: int  # where the storage begins, in bytes from the start of the file
    size: int  # of the storage, in bytes
    offset: int = 0  # of the first element, in elements from the start of the storage
    byteorder: str = "little"
    name: str | None = None  # in a safetensors file; None: a file of PyTorch's


class Reader:
    """Turns `Stored` into tensors and keeps the mappings of the files for as long as it lives.

    A mapped tensor costs no memory of its own until it is read. It is private: writing to it does not
    change the file. The reverse does not hold: overwriting the file in place changes the tensor, and cutting
    it short kills the process, so whoever replaces a file renames a new one over it.
    """

    def __init__(self, lengths: Mapping[Path, int], *, mapped: bool) -> None:
        self._lengths = lengths
        self._mapped = mapped
        self._files: dict[Path, torch.UntypedStorage] = {}
        self._storages: dict[tuple[object, ...], torch.UntypedStorage] = {}
        self._handles: dict[Path, Any] = {}  # of safetensors files; the package has no type for them

    def read(self, stored: Stored) -> Tensor:
        """The tensor. Mapped tensors of one storage share it, so tied weights stay tied.

        Raises:
            CheckpointError: the file has changed or gone since its headers were read.
        """
        if math.prod(stored.shape) == 0:
            return torch.empty(stored.shape, dtype=stored.dtype)
        if stored.name is not None:
            return self._from_safetensors(stored, name=stored.name)
        width = stored.dtype.itemsize // (2 if stored.dtype.is_complex else 1)
        swapped = stored.byteorder != sys.byteorder and width > 1
        # A number that straddles its natural boundary must not be used in place on some processors.
        in_place = stored.start % width == 0 and not swapped
        key = (stored.path, stored.start, stored.size, 1 if in_place else width)
        storage = self._storages.get(key)
        if storage is None:
            storage = self._storage(stored) if self._mapped else self._owned(stored)
            if swapped or (self._mapped and not in_place):
                storage = _copied(storage, swap=width if swapped else 1)
            if self._mapped:
                self._storages[key] = storage
        tensor = torch.empty(0, dtype=stored.dtype)
        return tensor.set_(storage, stored.offset, stored.shape, stored.stride)

    def close(self) -> None:
        """Let go of the mappings. Tensors that were read keep theirs."""
        self._files.clear()
        self._storages.clear()
        for handle in self._handles.values():
            handle.__exit__(None, None, None)
        self._handles.clear()

    def _from_safetensors(self, stored: Stored, *, name: str) -> Tensor:
        path = stored.path
        if path not in self._handles or not self._mapped:
            with _watched(path, self._lengths[path]):
                if path not in self._handles:
                    self._handles[path] = safe_open(str(path), framework="pt", device="cpu")
        with _explained(path):
            tensor: Tensor = self._handles[path].get_tensor(name)
        # A number that straddles its natural boundary must not be used in place on some processors.
        in_place = self._mapped and stored.start % stored.dtype.itemsize == 0
        return tensor if in_place else tensor.clone()

    def _storage(self, stored: Stored) -> torch.UntypedStorage:
        if stored.path not in self._files:
            length = self._lengths[stored.path]
            with _watched(stored.path, length):
                file = torch.UntypedStorage.from_file(str(stored.path), False, length)
            self._files[stored.path] = cast(torch.UntypedStorage, file)
        # A slice, so that copying or saving one tensor never drags the whole file along.
        part = self._files[stored.path][stored.start : stored.start + stored.size]
        return cast(torch.UntypedStorage, part)

    def _owned(self, stored: Stored) -> torch.UntypedStorage:
        with _watched(stored.path, self._lengths[stored.path]):
            buffer = torch.empty(stored.size, dtype=torch.uint8)
            view, done = memoryview(cast(bytearray, buffer.numpy())), 0
            with stored.path.open("rb", buffering=0) as file:
                file.seek(stored.start)
                while done < stored.size:
                    count = file.readinto(view[done:])
                    if not count:
                        raise OSError("it ended early")
                    done += count
        return buffer.untyped_storage()


def _copied(storage: torch.UntypedStorage, *, swap: int) -> torch.UntypedStorage:
    raw = torch.empty(0, dtype=torch.uint8).set_(storage)
    raw = raw[: len(raw) // swap * swap]
    return (raw.view(-1, swap).flip(1) if swap > 1 else raw.clone()).untyped_storage()


class _explained:
    """Turns whatever goes wrong while a file is read into one clear error."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        expected = isinstance(error, (OSError, RuntimeError, SafetensorError))
        if expected and not isinstance(error, CheckpointError):
            raise CheckpointError(
                f"{self.path} cannot be read: {error}. Check the disk and the free memory, then open it "
                "again."
            ) from error


class _watched:
    """Turns whatever goes wrong in a file that was fine a moment ago into one clear error."""

    def __init__(self, path: Path, length: int) -> None:
        self.path, self.length = path, length

    def __enter__(self) -> None:
        found = self.path.stat().st_size if self.path.is_file() else None
        if found != self.length:
            state = "is gone" if found is None else f"now has {found:,} bytes"
            raise CheckpointError(
                f"{self.path} {state}; it had {self.length:,} bytes when its headers were read. "
                "Something replaced it meanwhile: open the checkpoint again."
            )

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        _explained(self.path).__exit__(kind, error, trace)


def regular_file(path: Path, *, inside: Path | None) -> int:
    """The length of a weights file in bytes, after checking that it is a file that may be read.

    A folder that came from elsewhere may hold links. `inside` is the folder that a linked file has to lie
    in; None trusts the caller. A Hub cache links its snapshots to its blobs, which counts as inside.

    Raises:
        CheckpointError: absent, not a regular file (opening a pipe would wait for ever), unreadable, empty,
            or a link that leads out of the folder.
    """
    try:
        found = path.stat()
    except FileNotFoundError as error:
        if path.is_symlink():
            raise CheckpointError(
                f"{path} is a link to {os.readlink(path)}, which does not exist. "
                "Put the file there, or download the checkpoint again."
            ) from error
        raise CheckpointError(f"{path} does not exist. Check the name, or download the file.") from error
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be opened: {error}. Check its name and its rights.") from error
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "a pipe, a socket or a device"
        raise CheckpointError(f"{path} is {kind}; expected a file with weights. Pass the file itself.")
    if inside is not None:
        _refuse_leaving(path, inside)
    if not os.access(path, os.R_OK):
        raise CheckpointError(f"{path} may not be read by this user. Change its rights (chmod u+r).")
    if found.st_size == 0:
        raise CheckpointError(f"{path} is empty (0 bytes); expected weights. {DOWNLOAD_AGAIN}")
    return found.st_size


def _refuse_leaving(path: Path, folder: Path) -> None:
    target = path.resolve()
    allowed = [folder.resolve()]
    for ancestor in folder.absolute().parents:
        if ancestor.name == "snapshots":
            allowed.append((ancestor.parent / "blobs").resolve())
            break
    if not any(target.is_relative_to(place) for place in allowed):
        raise CheckpointError(
            f"{path} is a link that leads out of its folder, to {target}. Weights have to lie in the folder "
            "that names them: copy the file there if you trust it, or pass the path of the target."
        )


_BEGINNINGS = {
    b"version https://git-lfs": "a git-lfs pointer, a small text in place of the weights. "
    "Run `git lfs pull` in its folder, or download the file from the Hub",
    b"GGUF": "a GGUF file, the format of llama.cpp. Take the repository's safetensors files instead",
    b"\x89HDF": "an HDF5 file (Keras or TensorFlow). Take the repository's safetensors files instead",
    b"\x1f\x8b": "compressed with gzip. Unpack it first",
    b"\x93NUMPY": "a NumPy array. Save the tensors as safetensors instead",
}


def foreign(beginning: bytes) -> str | None:
    """What a file is that is certainly no weights file, and what to do, from its first bytes."""
    for start, meaning in _BEGINNINGS.items():
        if beginning.startswith(start):
            return meaning
    if b"\0" not in beginning[:8]:  # a safetensors length below 2**56 has a zero there, and text never does
        text = beginning.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        if text.startswith(b"<"):
            return (
                "a web page (HTML), not weights: most likely an error or sign-in page that was saved in "
                "their place. Delete it and download it again, with a token if the repository is gated"
            )
        if text.startswith((b"{", b"[")):
            return "a JSON text, not weights. Delete it and download it again"
        if text and all(byte in b"\t\r\n" or byte in range(32, 127) for byte in text):
            shown = text[:40].decode("ascii")
            return f"a plain text that begins with {shown!r}. Delete it and download it again"
    return None


def layout_fault(shape: tuple[int, ...], stride: tuple[int, ...] | None = None) -> str | None:
    """What makes a shape or strides impossible for torch, or None."""
    if len(shape) > _MAX_DIMENSIONS:
        return f"{len(shape)} dimensions, more than {_MAX_DIMENSIONS}"
    for size in (*shape, *(stride or ())):
        if type(size) is not int or size < 0:  # bool is an int to isinstance
            return f"a size or stride of {size!r}, which is not a whole number from 0 up"
    if math.prod(max(size, 1) for size in shape) >= _INT64 or max(stride or (0,)) >= _INT64:
        return "more elements than 64 bits can count"
    return None


def contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides of a tensor whose elements follow each other, last dimension fastest."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))
