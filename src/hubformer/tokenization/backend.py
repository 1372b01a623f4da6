"""The Rust tokenizer, held so that no call can change it.

Truncation and padding are settings of the Rust object, and changing them while another thread encodes
gives that thread wrong ids without an error. So the object a tokenizer holds never changes: a call that
truncates or pads runs on a twin, which shares the vocabulary (no copy of it) and has its settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from tokenizers import AddedToken, Encoding, Tokenizer, processors

from hubformer.errors import HubformerError, InputError
from hubformer.tokenization.numbering import Numbering

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
    """One Rust tokenizer, and its twins by settings. With a numbering, the ids are those of the numbering."""

    def __init__(self, tokenizer: Tokenizer, numbering: Numbering | None = None) -> None:
        self._tokenizer = tokenizer
        self._numbering = numbering
        self._twins: dict[Settings, Tokenizer] = {}
        self._patterns: dict[bool, tuple[Slot, ...]] = {}
        self._surrounded: dict[str, Backend] = {}
        self._exposed = False

    def __getstate__(self) -> dict[str, Any]:
        return {"tokenizer": self._tokenizer, "numbering": self._numbering, "exposed": self._exposed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["tokenizer"], state["numbering"])  # type: ignore[misc]
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
        self._surrounded = {}
        return self._tokenizer

    @property
    def plain(self) -> frozenset[str]:
        """Tokens of the vocabulary that are found before a text is cut."""
        return frozenset() if self._numbering is None else self._numbering.plain

    def token_to_id(self, token: str) -> int | None:
        """The id of a token; None where the vocabulary does not have it."""
        if self._numbering is not None:
            return self._numbering.ids.get(token)
        return self._tokenizer.token_to_id(token)

    def id_to_token(self, index: int) -> str | None:
        """The token of an id; None where there is none."""
        if self._numbering is not None:
            return self._numbering.tokens.get(index)
        return self._tokenizer.id_to_token(index)

    def vocabulary(self) -> dict[str, int]:
        """Token to id, added tokens included."""
        if self._numbering is not None:
            return dict(self._numbering.ids)
        return self._tokenizer.get_vocab(with_added_tokens=True)

    def size(self, *, added: bool) -> int:
        """How many tokens there are, with or without the added ones."""
        if self._numbering is not None:
            return len(self._numbering.ids) if added else self._numbering.size
        return self._tokenizer.get_vocab_size(with_added_tokens=added)

    def added(self) -> dict[int, AddedToken]:
        """Id to added token, in the order of the ids."""
        found = self._tokenizer.get_added_tokens_decoder()
        if self._numbering is not None:
            ids, plain = self._numbering.ids, self._numbering.plain
            shown = (token for token in found.values() if token.content not in plain)
            found = {ids[token.content]: token for token in shown if token.content in ids}
        return dict(sorted(found.items()))

    def ids(self, encoding: Encoding) -> list[int]:
        """The ids of an encoding."""
        return encoding.ids if self._numbering is None else self._numbering.of(encoding.tokens)

    def text(self, tokens: list[str]) -> str:
        """The text of tokens."""
        decoder = self._tokenizer.decoder
        if decoder is None:
            return " ".join(tokens)
        if self._numbering is None:
            return str(decoder.decode(tokens))
        apart = {token.content for index, token in self.added().items() if index >= self._numbering.size}
        texts: list[str] = []
        run: list[str] = []
        for token in tokens:
            if token not in apart:
                run.append(token)
                continue
            texts += [self._joined(run), token] if run else [token]
            run = []
        return " ".join([*texts, self._joined(run)] if run or not texts else texts)

    def _joined(self, tokens: list[str]) -> str:
        """The text of tokens of a numbered vocabulary, special ones as they are."""
        assert self._numbering is not None
        special = {token.content for token in self.added().values() if token.special}
        decoder = self._tokenizer.decoder
        parts: list[str] = []
        run: list[str] = []
        for token in tokens:
            if token in special:
                parts += [decoder.decode(run), token, self._numbering.after_special]
                run = []
            else:
                run.append(token)
        return "".join([*parts, decoder.decode(run)]).strip()

    def decode(self, rows: list[list[int]], *, skip_special: bool) -> list[str]:
        """The text of each row of ids."""
        if self._numbering is None:
            return self._tokenizer.decode_batch(rows, skip_special_tokens=skip_special)
        known, unknown = self._numbering.tokens, self._numbering.unknown
        skipped = {index for index, token in self.added().items() if token.special} if skip_special else ()
        return [self.text([known.get(i, unknown) for i in row if i not in skipped]) for row in rows]

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

    def with_tokens(self, tokens: Sequence[str | AddedToken], *, special: bool) -> tuple[Backend, int]:
        """A new backend with these tokens added, and how many were new."""
        copy = twin(self._tokenizer)
        numbering = self._numbering
        if numbering is not None:
            tokens = [_found_as_written(token) for token in tokens]
        count = copy.add_special_tokens(list(tokens)) if special else copy.add_tokens(list(tokens))
        if numbering is not None:
            numbering, count = numbering.extended(str(token) for token in tokens)
        made = Backend(copy, numbering)
        made._exposed = self._exposed
        return made, count

    def sharing(self, other: Backend) -> Backend:
        """This with the added tokens of another side, which have their ids there."""
        found = other.added()
        copy = twin(self._tokenizer)
        copy.add_tokens(list(found.values()))
        numbering = self._numbering
        if numbering is not None:
            numbering = numbering.with_ids({token.content: index for index, token in found.items()})
        made = Backend(copy, numbering)
        made._exposed = self._exposed
        return made

    def surrounded(self, before: Iterable[str], after: Iterable[str]) -> Backend:
        """The same vocabulary with these special tokens around a text, or around two without any between."""
        before, after = list(before), list(after)
        key = f"{before} {after}"
        found = self._surrounded.get(key)
        if found is None:
            copy = twin(self._tokenizer)
            ids = {token: copy.token_to_id(token) for token in (*before, *after)}
            copy.post_processor = processors.TemplateProcessing(
                single=[*before, "$A", *after],
                pair=[*before, "$A", "$B", *after],
                special_tokens=list(ids.items()),
            )
            found = Backend(copy, self._numbering)
            found._exposed = self._exposed
            if not self._exposed:
                # One table for all, so that going from language to language makes each only once.
                self._surrounded[key], found._surrounded = found, self._surrounded
        return found

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
        for index, type_id, part in zip(self.ids(full), full.type_ids, full.sequence_ids, strict=True):
            name = None if part is None else "AB"[part]
            if name is None or not slots or slots[-1].part != name:
                slots.append(Slot(name, type_id, -1 if name else index))
        return tuple(slots)


def _found_as_written(token: str | AddedToken) -> AddedToken:
    """A token that is found before the text is normalized, as programs do that number pieces by a file."""
    flags = dict(token.__getstate__()) if isinstance(token, AddedToken) else {"content": token}
    return AddedToken(**{**flags, "normalized": False})


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
