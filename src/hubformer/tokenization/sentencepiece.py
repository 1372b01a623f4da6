"""Reading SentencePiece models without the sentencepiece package.

A model file is one protobuf message; only the fields below matter. Wire format: each field is a key (number
and wire type, as a varint) and a value: varint (0), 8 bytes (1), length and bytes (2), or 4 bytes (5).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hubformer.errors import CheckpointError

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
UNIGRAM, BPE = 1, 2


@dataclass(frozen=True)
class Piece:
    """One entry of the vocabulary; its id is its place."""

    text: str
    score: float
    kind: int

    @property
    def is_found(self) -> bool:
        """Whether texts are cut into such pieces: not the marks of SentencePiece itself."""
        return self.kind in (NORMAL, USER_DEFINED)


@dataclass(frozen=True)
class SentencePieceModel:
    """What a SentencePiece file says."""

    pieces: tuple[Piece, ...]
    algorithm: int
    unknown_id: int
    charsmap: bytes
    byte_fallback: bool


def read_sentencepiece(path: Path) -> SentencePieceModel:
    """The model in a `.model` file.

    Raises:
        CheckpointError: the file is cut off, or no SentencePiece model.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}.") from error
    if content.startswith(b"version https://git-lfs"):
        raise CheckpointError(
            f"{path} is a Git LFS pointer, not the file itself. Run `git lfs pull` in its folder."
        )
    try:
        model = _model(content)
    except (ValueError, IndexError, struct.error) as error:
        raise CheckpointError(f"{path} is no SentencePiece model, or cut off: {error}.") from error
    if not model.pieces:
        raise CheckpointError(f"{path} is no SentencePiece model: it holds no pieces.")
    return model


def _model(content: bytes) -> SentencePieceModel:
    pieces: list[Piece] = []
    algorithm, unknown_id, charsmap, byte_fallback = UNIGRAM, 0, b"", False
    for number, value in _fields(content):
        if number == 1:
            pieces.append(_piece(_bytes(value)))
        elif number == 2:
            for inner, setting in _fields(_bytes(value)):
                if inner == 3:
                    algorithm = _integer(setting)
                elif inner == 40:
                    unknown_id = _integer(setting)
                elif inner == 35:
                    byte_fallback = bool(_integer(setting))
        elif number == 3:
            for inner, setting in _fields(_bytes(value)):
                if inner == 2:
                    charsmap = _bytes(setting)
    return SentencePieceModel(tuple(pieces), algorithm, unknown_id, charsmap, byte_fallback)


def _piece(content: bytes) -> Piece:
    text, score, kind = "", 0.0, NORMAL
    for number, value in _fields(content):
        if number == 1:
            text = _bytes(value).decode("utf-8")
        elif number == 2:
            score = struct.unpack("<f", _bytes(value))[0]
        elif number == 3:
            kind = _integer(value)
    return Piece(text, score, kind)


def _fields(content: bytes) -> Iterator[tuple[int, bytes | int]]:
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(content, at)
            yield number, value
            continue
        if wire == 2:
            size, at = _varint(content, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"byte {at} has wire type {wire}")
        if at + size > len(content):
            raise ValueError(f"{size} bytes expected at byte {at}, {len(content) - at} are left")
        yield number, content[at : at + size]
        at += size


def _varint(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError(f"a number without an end before byte {at}")


def _bytes(value: bytes | int) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number stands where text was expected")
    return value


def _integer(value: bytes | int) -> int:
    if isinstance(value, bytes):
        raise ValueError("text stands where a number was expected")
    return value
