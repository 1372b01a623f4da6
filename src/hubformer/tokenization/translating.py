"""Tokenizers of models that translate: they mark the language of a text, or have a side for each."""

from __future__ import annotations

import copy
import re
from typing import Any

from hubformer.errors import InputError, suggestion
from hubformer.tokenization.backend import Backend
from hubformer.tokenization.encoding import BatchEncoding
from hubformer.tokenization.languages import Languages
from hubformer.tokenization.tokenizer import PreTrainedTokenizerFast

_CODE = re.compile(r">>[\w-]+<<")


class Multilingual(PreTrainedTokenizerFast):
    """A tokenizer that marks the language of a text, before it or behind its end token.

    `src_lang` is the language of texts to be read, `tgt_lang` that of `text_target`.
    """

    _source_language: str | None = None
    _target_language: str | None = None

    def _finish(self) -> None:
        source, target = self.init_kwargs.get("src_lang"), self.init_kwargs.get("tgt_lang")
        # A class that does not fit its tokenizer.json changes nothing there.
        if source is not None or self._knows(self._languages().default):
            self.src_lang = self._languages().default if source is None else source
        # Given or not, what the files said of them is said by them.
        self.init_kwargs = {**self.init_kwargs, "src_lang": source}
        self.tgt_lang = target

    def _languages(self) -> Languages:
        assert self.convention is not None
        assert self.convention.languages is not None
        return self.convention.languages

    @property
    def src_lang(self) -> str | None:
        """The language of texts to be read."""
        return self._source_language

    @src_lang.setter
    def src_lang(self, code: str) -> None:
        self.set_src_lang_special_tokens(code)
        self._source_language = code
        self.init_kwargs = {**self.init_kwargs, "src_lang": code}

    @property
    def tgt_lang(self) -> str | None:
        """The language of texts to be written; None: not known."""
        return self._target_language

    @tgt_lang.setter
    def tgt_lang(self, code: str | None) -> None:
        if code is not None:
            self._checked(code, name="tgt_lang")
        self._target_language = code
        self.init_kwargs = {**self.init_kwargs, "tgt_lang": code}

    @property
    def lang_code_to_id(self) -> dict[str, int]:
        """The id of the token of each language."""
        codes = self._languages().of(self.init_kwargs)
        ids = ((code, self._id_of(self._languages().token(code))) for code in codes)
        return {code: index for code, index in ids if index is not None}

    @property
    def id_to_lang_code(self) -> dict[int, str]:
        """The language of the id of each token of a language."""
        return {index: code for code, index in self.lang_code_to_id.items()}

    @property
    def prefix_tokens(self) -> list[int]:
        """The ids before a text to be read."""
        return self._marks()[0]

    @property
    def suffix_tokens(self) -> list[int]:
        """The ids behind a text to be read."""
        return self._marks()[1]

    def _marks(self) -> tuple[list[int], list[int]]:
        slots = self._backend.pattern(pair=False)
        at = next(place for place, slot in enumerate(slots) if slot.part is not None)
        return [slot.id for slot in slots[:at]], [slot.id for slot in slots[at + 1 :]]

    def set_src_lang_special_tokens(self, src_lang: str) -> None:
        """Mark texts to be read as texts of this language."""
        backend = self._marking(self._checked(src_lang, name="src_lang"))
        with self._lock:
            self._backend = backend

    def set_tgt_lang_special_tokens(self, lang: str) -> None:
        """Mark texts to be read as if they were texts to be written in this language."""
        self.set_src_lang_special_tokens(lang)

    def _switch_to_input_mode(self) -> None:
        if self.src_lang is not None:
            self.set_src_lang_special_tokens(self.src_lang)

    def _switch_to_target_mode(self) -> None:
        self.set_tgt_lang_special_tokens(self._needed_target())

    def _marking(self, code: str) -> Backend:
        languages = self._languages()
        token, end = languages.token(code), str(self.eos_token)
        if languages.first and not self.init_kwargs.get("legacy_behaviour"):
            return self._backend.surrounded([token], [end])
        return self._backend.surrounded([], [end, token])

    def _writing(self) -> Backend:
        return self._marking(self._needed_target())

    def _needed_target(self) -> str:
        if self.tgt_lang is None:
            raise InputError(
                "text_target= is marked with its language, but tgt_lang is not set. Set tokenizer.tgt_lang = "
                f"a language such as {self._languages().default!r}, or load with tgt_lang=."
            )
        return self.tgt_lang

    def _knows(self, code: Any) -> bool:
        if not isinstance(code, str):
            return False
        token = self._languages().token(code)
        # A piece of the vocabulary that happens to be spelt so marks nothing.
        return self._id_of(token) is not None and (
            code in self._languages().of(self.init_kwargs) or token in self.all_special_tokens
        )

    def _checked(self, code: Any, *, name: str) -> str:
        if self._knows(code):
            return str(code)
        known = list(self.lang_code_to_id)
        shown = ", ".join(known[:8])
        raise InputError(
            f"{name} is {code!r}, which is no language of this tokenizer.{suggestion(str(code), known)} "
            f"It has {len(known)}: {shown}{', …' if len(known) > 8 else ''}."
        )

    def _build_translation_inputs(
        self,
        raw_inputs: Any,
        return_tensors: str | None = None,
        src_lang: str | None = None,
        tgt_lang: str | None = None,
        **options: Any,
    ) -> BatchEncoding:
        """What a translating pipeline hands to `generate`; the tokenizer itself stays as it is.

        Raises:
            InputError: a language is missing, or is none of this tokenizer.
        """
        source = self.init_kwargs.get("src_lang") if src_lang is None else src_lang
        target = self.tgt_lang if tgt_lang is None else tgt_lang
        for name, code in (("src_lang", source), ("tgt_lang", target)):
            if code is None:
                raise InputError(
                    f"{type(self).__name__} marks languages, so a translation needs src_lang= and tgt_lang=; "
                    f"{name} is missing. Languages are spelt as in src_lang={self._languages().default!r}."
                )
        other = copy.copy(self)
        other.src_lang = str(source)
        encoded = other(raw_inputs, add_special_tokens=True, return_tensors=return_tensors, **options)
        forced = self._languages().token(self._checked(target, name="tgt_lang"))
        encoded["forced_bos_token_id"] = self._id_of(forced)
        return encoded


class M2M100TokenizerBase(Multilingual):
    """A tokenizer whose languages are known by codes, `en`, and by tokens, `__en__`."""

    @property
    def lang_code_to_token(self) -> dict[str, str]:
        """The token of each language."""
        return {code: self._languages().token(code) for code in self.lang_code_to_id}

    @property
    def lang_token_to_id(self) -> dict[str, int]:
        """The id of each token of a language."""
        return {self._languages().token(code): index for code, index in self.lang_code_to_id.items()}

    @property
    def id_to_lang_token(self) -> dict[int, str]:
        """The token of a language of each such id."""
        return {index: token for token, index in self.lang_token_to_id.items()}

    def get_lang_token(self, lang: str) -> str:
        """The token of a language.

        Raises:
            InputError: it is none of this tokenizer's.
        """
        return self._languages().token(self._checked(lang, name="lang"))

    def get_lang_id(self, lang: str) -> int:
        """The id of the token of a language.

        Raises:
            InputError: it is none of this tokenizer's.
        """
        index = self._id_of(self.get_lang_token(lang))
        assert index is not None
        return index


class MarianTokenizerBase(PreTrainedTokenizerFast):
    """A tokenizer that cuts texts to be read by one file and texts to be written by another.

    A language is asked for by a token of the vocabulary such as `>>fra<<`, which is one token wherever it
    stands in a text; a text that begins with one that the vocabulary lacks is an error.
    """

    _reading_backend: Backend | None = None  # while texts to be written are encoded

    def _encoded(self, text: Any, pair: Any, *, backend: Backend, **how: Any) -> BatchEncoding:
        codes = backend.plain
        if codes and backend is self._backend:
            for row in [text] if isinstance(text, str) else text if isinstance(text, list) else ():
                found = _CODE.match(row) if isinstance(row, str) else None
                if found and found.group() not in codes:
                    raise InputError(
                        f"The text {row[:40]!r} asks for the language {found.group()}, which this model does "
                        f"not have.{suggestion(found.group(), codes)} It has {', '.join(sorted(codes)[:8])}"
                        f"{', …' if len(codes) > 8 else ''}."
                    )
        return super()._encoded(text, pair, backend=backend, **how)

    def _switch_to_target_mode(self) -> None:
        if self._target is not None:
            self._reading_backend = self._backend
            self._backend = self._target

    def _switch_to_input_mode(self) -> None:
        if self._reading_backend is not None:
            self._backend, self._reading_backend = self._reading_backend, None

    @property
    def supported_language_codes(self) -> list[str]:
        """The tokens that ask for a language, as in `>>fra<< A text.`"""
        if getattr(self, "separate_vocabs", False):
            return []
        ids = {token: self._id_of(token) or 0 for token in self._backend.plain}
        return sorted(ids, key=ids.__getitem__)

    def get_src_vocab(self) -> dict[str, int]:
        """Token to id of texts to be read."""
        return self.get_vocab()

    def get_tgt_vocab(self) -> dict[str, int]:
        """Token to id of texts to be written."""
        return self._writing().vocabulary()

    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        spaces_between_special_tokens: bool = True,
        use_source_tokenizer: bool = False,
    ) -> Any:
        """The text of a model's ids; with `use_source_tokenizer` of ids of a text that was read.

        Raises:
            InputError: an id is negative or no number.
        """
        if use_source_tokenizer:
            return self._one_sided().decode(token_ids, skip_special_tokens, clean_up_tokenization_spaces)
        return super().decode(token_ids, skip_special_tokens, clean_up_tokenization_spaces)

    def batch_decode(
        self,
        sequences: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        spaces_between_special_tokens: bool = True,
        use_source_tokenizer: bool = False,
    ) -> list[str]:
        """The text of each row of ids; `use_source_tokenizer` as in `decode`.

        Raises:
            InputError: an id is negative or no number.
        """
        if use_source_tokenizer:
            side = self._one_sided()
            return side.batch_decode(sequences, skip_special_tokens, clean_up_tokenization_spaces)
        return super().batch_decode(sequences, skip_special_tokens, clean_up_tokenization_spaces)

    def _one_sided(self) -> MarianTokenizerBase:
        side = copy.copy(self)
        side._target = None
        return side
