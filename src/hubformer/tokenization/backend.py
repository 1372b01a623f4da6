"""The Rust tokenizer, held so that no call can change it.

Truncation and padding are settings of the Rust object, and changing them while another thread encodes
gives that thread wrong ids without an error. So the object a tokenizer holds never changes: a call that
truncates or pads runs on a twin, which shares the vocabulary (no copy of it) and has its settings.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from tokenizers import AddedToken, Tokenizer

from hubformer.errors import HubformerError, InputError

# Enough for an evaluation that alternates a few lengths; a twin is small, its vocabulary is shared.
_TWINS = 32


class Settings(NamedTuple):
    """What a twin does beyond plain encoding. `truncation` and `padding` None mean off."""

    truncation: Literal["longest_first", "only_first", "only_second"] | None = None
    max_length: int = 0
    stride: int = 0
    truncation_side: str = "right"
    padding: Literal["longest", "max_length"] | None = None
    padded_length: int | None = None
    padding_side: str = "right"
    multiple: int | None = None
    pad_id: int = 0
    pad_token: str = ""
    pad_type: int = 0
    split_special_tokens: bool = False


@dataclass(frozen=True)
class Slot:
    """One entry of the pattern in which special tokens surround the texts.

    `part` is "A" or "B" for a text, None for a special token; then `id` is its id.
    """

    part: str | None
    type: int
    id: int = -1


def is_panic(error: BaseException) -> bool:
    """Whether Rust panicked; such errors do not derive from Exception."""
    return type(error).__name__ == "PanicException"


@contextmanager
def rust(action: str, *, kind: type[HubformerError] = InputError) -> Iterator[None]:
    """Turn whatever Rust raises into `kind`, saying what was being done.

    Raises:
        HubformerError: of the given kind.
    """
    try:
        yield
    except (HubformerError, MemoryError):
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and not is_panic(error):
            raise
        raise kind(f"{action}: {error}") from error


def twin(tokenizer: Tokenizer) -> Tokenizer:
    """A new Rust tokenizer that shares the vocabulary and has truncation and padding off."""
    copy = Tokenizer(tokenizer.model)
    for part in ("normalizer", "pre_tokenizer", "post_processor", "decoder"):
        value = getattr(tokenizer, part)
        if value is not None:
            setattr(copy, part, value)
    added = tokenizer.get_added_tokens_decoder()
    if added:
        copy.add_tokens([added[index] for index in sorted(added)])
        if copy.get_added_tokens_decoder() != added:
            # A vocabulary with holes can number added tokens otherwise; then only a full copy is right.
            copy = Tokenizer.from_str(tokenizer.to_str())
            copy.no_truncation()
            copy.no_padding()
    copy.encode_special_tokens = tokenizer.encode_special_tokens
    return copy


class Backend:
    """One Rust tokenizer, and its twins by settings."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._twins: dict[Settings, Tokenizer] = {}
        self._patterns: dict[bool, tuple[Slot, ...]] = {}
        self._exposed = False

    def __getstate__(self) -> dict[str, Any]:
        return {"tokenizer": self._tokenizer, "exposed": self._exposed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["tokenizer"])  # type: ignore[misc]
        self._exposed = state["exposed"]

    @property
    def own(self) -> Tokenizer:
        """The tokenizer for reading: never to be changed."""
        return self._tokenizer

    def expose(self) -> Tokenizer:
        """The tokenizer for a caller, who may change it: from now on twins are made anew for every call."""
        self._exposed = True
        self._twins = {}
        self._patterns = {}
        return self._tokenizer

    def prepared(self, settings: Settings) -> Tokenizer:
        """The tokenizer that encodes with these settings; safe to use from any thread."""
        if self._exposed:
            return _configured(self._tokenizer, settings)
        if settings == Settings():
            return self._tokenizer
        found = self._twins.get(settings)
        if found is None:
            found = _configured(self._tokenizer, settings)
            # No lock: single dict operations are atomic, and losing a twin only costs making it again.
            if len(self._twins) >= _TWINS:
                self._twins = {}
            self._twins[settings] = found
        return found

    def with_tokens(self, tokens: list[AddedToken], *, special: bool) -> tuple[Backend, int]:
        """A new backend with these tokens added, and how many were new."""
        copy = twin(self._tokenizer)
        count = copy.add_special_tokens(tokens) if special else copy.add_tokens(tokens)
        made = Backend(copy)
        made._exposed = self._exposed
        return made, count

    def pattern(self, *, pair: bool) -> tuple[Slot, ...]:
        """How special tokens surround one text or two, read off the post-processor itself."""
        found = self._patterns.get(pair)
        if found is None:
            found = self._read_pattern(pair=pair)
            if not self._exposed:
                self._patterns[pair] = found
        return found

    def _read_pattern(self, *, pair: bool) -> tuple[Slot, ...]:
        tokenizer = _configured(self._tokenizer, Settings())
        count = tokenizer.num_special_tokens_to_add(pair)
        for probe in ("a", "1", ".", "the", "一"):
            second = probe if pair else None
            plain = tokenizer.encode(probe, second, add_special_tokens=False)
            full = tokenizer.encode(probe, second)
            if len(plain.ids) >= 1 + pair and len(full.ids) == len(plain.ids) + count:
                break
        else:
            raise InputError(
                "The pattern of special tokens cannot be read: this tokenizer finds no token in any "
                "probe text."
            )
        slots: list[Slot] = []
        for index, type_id, part in zip(full.ids, full.type_ids, full.sequence_ids, strict=True):
            name = None if part is None else "AB"[part]
            if name is None or not slots or slots[-1].part != name:
                slots.append(Slot(name, type_id, -1 if name else index))
        return tuple(slots)


def _configured(tokenizer: Tokenizer, settings: Settings) -> Tokenizer:
    copy = twin(tokenizer)
    if settings.truncation is not None:
        with rust("Truncation cannot be set up"):
            copy.enable_truncation(
                settings.max_length,
                stride=settings.stride,
                strategy=settings.truncation,
                direction=settings.truncation_side,
            )
    if settings.padding is not None:
        copy.enable_padding(
            direction=settings.padding_side,
            pad_id=settings.pad_id,
            pad_type_id=settings.pad_type,
            pad_token=settings.pad_token,
            length=settings.padded_length,
            pad_to_multiple_of=settings.multiple,
        )
    copy.encode_special_tokens = settings.split_special_tokens
    return copy
