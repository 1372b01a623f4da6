"""Tokens, ids and text: looking up, adding, decoding."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

from tokenizers import AddedToken, Tokenizer

from hubformer.errors import InputError
from hubformer.tokenization.backend import Backend, rust
from hubformer.tokenization.preparation import Preparation
from hubformer.tokenization.special_tokens import Token

# What English detokenisers glue together, in this order.
_GLUED = (
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
)


class Vocabulary(Preparation):
    """What concerns the vocabulary rather than one call."""

    clean_up_tokenization_spaces: bool
    _lock: threading.Lock
    _target: Backend | None  # where texts to be written are cut and numbered otherwise than texts to be read

    @property
    def backend_tokenizer(self) -> Tokenizer:
        """The Rust tokenizer. Changes to it are honoured by later calls, which become slower."""
        return self._backend.expose()

    @property
    def _tokenizer(self) -> Tokenizer:
        return self.backend_tokenizer

    @property
    def decoder(self) -> Any:
        """The Rust decoder."""
        return self._backend.own.decoder

    @property
    def is_fast(self) -> bool:
        """Always True: every tokenizer here runs in Rust."""
        return True

    @property
    def vocab_size(self) -> int:
        """The size of the vocabulary without added tokens."""
        return self._backend.size(added=False)

    def __len__(self) -> int:
        return self._backend.size(added=True)

    def __bool__(self) -> bool:  # `if tokenizer:` asks whether there is one, not whether it is empty
        return True

    def get_vocab(self) -> dict[str, int]:
        """Token to id, added tokens included, in the order of the ids."""
        return dict(sorted(self._backend.vocabulary().items(), key=itemgetter(1)))

    @property
    def vocab(self) -> dict[str, int]:
        """Token to id, added tokens included, in the order of the ids."""
        return self.get_vocab()

    @property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """Id to added token, in the order of the ids."""
        return self._backend.added()

    @property
    def added_tokens_encoder(self) -> dict[str, int]:
        """Added token to id, in the order of the ids."""
        return {token.content: index for index, token in self.added_tokens_decoder.items()}

    def get_added_vocab(self) -> dict[str, int]:
        """Added token to id, in the order of the ids."""
        return self.added_tokens_encoder

    def _id_of(self, token: str) -> int | None:
        return self._backend.token_to_id(token)

    def _token_at(self, index: int, *, name: str) -> str:
        number = _index(index, name=name)
        token = self._backend.id_to_token(number)
        if token is None:
            raise InputError(f"{name} is {index}, but the vocabulary has {len(self)} tokens.")
        return token

    def add_tokens(self, new_tokens: Token | Sequence[Token], special_tokens: bool = False) -> int:
        """Add tokens to the vocabulary, after its last id; returns how many were new.

        Calls that are running keep the old vocabulary. Resize the model's embeddings afterwards.

        Raises:
            InputError: something is no token, or an empty one.
        """
        tokens: list[Any] = list(new_tokens) if isinstance(new_tokens, list | tuple) else [new_tokens]
        for token in tokens:
            if not isinstance(token, str | AddedToken):
                raise InputError(f"add_tokens was given {token!r}; expected texts or AddedTokens.")
            if not str(token):
                raise InputError("add_tokens was given an empty token, which would match everywhere.")
        if not tokens:
            return 0
        with self._lock, rust("The tokens cannot be added"):
            self._backend, count = self._backend.with_tokens(tokens, special=special_tokens)
            if self._target is not None:
                self._target = self._target.sharing(self._backend)
        return count

    def _writing(self) -> Backend:
        """What texts that a model is to write are encoded with."""
        return self._backend if self._target is None else self._target

    def _reading(self) -> Backend:
        """What a model's ids are decoded with."""
        return self._backend if self._target is None else self._target

    def convert_tokens_to_ids(self, tokens: Any) -> Any:
        """The id of a token, or of each of several; the unknown token's (or None) for unknown ones."""
        own = self._backend
        unknown = self.unk_token_id
        if isinstance(tokens, str):
            found = own.token_to_id(tokens)
            return unknown if found is None else found
        if tokens is None:
            return None
        ids = (own.token_to_id(token) for token in tokens)
        return [unknown if index is None else index for index in ids]

    def convert_ids_to_tokens(self, ids: Any, skip_special_tokens: bool = False) -> Any:
        """The token of an id (None if there is none), or of each of several."""
        own = self._reading()
        numbers = _ids(ids)
        if isinstance(numbers, int):
            return own.id_to_token(_index(numbers, name="ids"))
        skipped = set(self.all_special_ids) if skip_special_tokens else ()
        return [own.id_to_token(_index(index, name="ids")) for index in numbers if index not in skipped]

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        """The text of tokens."""
        return self._reading().text(tokens)

    def decode(
        self,
        token_ids: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        spaces_between_special_tokens: bool = True,
    ) -> Any:
        """The text of ids (numbers, a list, an array or a tensor); of a batch, a list of texts.

        `spaces_between_special_tokens` is accepted as by transformers 4's fast tokenizers, without effect.

        Raises:
            InputError: an id is negative or no number.
        """
        ids = _ids(token_ids)
        if isinstance(ids, list) and ids and isinstance(ids[0], list):
            return self.batch_decode(ids, skip_special_tokens, clean_up_tokenization_spaces)
        numbers = _checked([ids] if isinstance(ids, int) else ids)
        with rust("The ids cannot be decoded"):
            (text,) = self._reading().decode([numbers], skip_special=skip_special_tokens)
        return self._cleaned(text, clean_up_tokenization_spaces)

    def batch_decode(
        self,
        sequences: Any,
        skip_special_tokens: bool = False,
        clean_up_tokenization_spaces: bool | None = None,
        spaces_between_special_tokens: bool = True,
    ) -> list[str]:
        """The text of each row of ids; takes what `decode` takes.

        Raises:
            InputError: an id is negative or no number.
        """
        rows = _ids(sequences)
        if isinstance(rows, int):
            rows = [rows]
        checked = [_checked(_ids(row) if not isinstance(row, int) else [row]) for row in rows]
        with rust("The ids cannot be decoded"):
            texts = self._reading().decode(checked, skip_special=skip_special_tokens)
        return [self._cleaned(text, clean_up_tokenization_spaces) for text in texts]

    def _cleaned(self, text: str, asked: bool | None) -> str:
        wanted = self.clean_up_tokenization_spaces if asked is None else asked
        return self.clean_up_tokenization(text) if wanted else text

    @staticmethod
    def clean_up_tokenization(out_string: str) -> str:
        """Close the gaps that English word tokens leave before punctuation and short forms."""
        for spaced, glued in _GLUED:
            out_string = out_string.replace(spaced, glued)
        return out_string


def _ids(value: Any) -> Any:
    """Plain numbers or lists of what may be an array or a tensor."""
    if callable(getattr(value, "tolist", None)):
        return value.tolist()
    if isinstance(value, bool | str | bytes):
        raise InputError(f"Ids are numbers; found {value!r}.")
    if hasattr(value, "__index__"):
        return int(value)
    if isinstance(value, Iterable):
        return [item.tolist() if callable(getattr(item, "tolist", None)) else item for item in value]
    raise InputError(f"Ids are numbers, or a list, array or tensor of them; found {value!r}.")


def _checked(ids: list[Any]) -> list[int]:
    for index in ids:
        if type(index) is not int or index < 0 or index >= 2**32:
            hint = " Replace the label -100 by tokenizer.pad_token_id first." if index == -100 else ""
            raise InputError(f"Ids are numbers from 0 up; found {index!r}.{hint}")
    return ids


def _index(value: Any, *, name: str) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__") or not 0 <= int(value) < 2**32:
        raise InputError(f"{name} is {value!r}; expected a number from 0 up.")
    return int(value)
