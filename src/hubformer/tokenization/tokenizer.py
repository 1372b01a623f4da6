"""PreTrainedTokenizerFast: text to what a model takes, and back, with transformers 4's surface."""

from __future__ import annotations

import inspect
import logging
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from hubformer.errors import InputError, refuse_unknown, suggestion
from hubformer.tokenization import saving
from hubformer.tokenization.backend import Backend, is_panic
from hubformer.tokenization.calls import check_room, collected, encoder_settings
from hubformer.tokenization.convention import Built, Convention
from hubformer.tokenization.conversation import Conversation
from hubformer.tokenization.encoding import BatchEncoding
from hubformer.tokenization.inputs import arranged, diagnosis
from hubformer.tokenization.loading import backend_of, load
from hubformer.tokenization.requests import Request
from hubformer.tokenization.settings import CONSTRUCTOR, set_up
from hubformer.tokenization.sources import resolve, upload
from hubformer.tokenization.special_tokens import Token
from hubformer.tokenization.training import trained
from hubformer.tokenization.vocabulary import Vocabulary

log = logging.getLogger(__name__)


class PreTrainedTokenizerFast(Vocabulary, Conversation):
    """A tokenizer. Calls never change it, so threads may share one.

    Made from a Rust tokenizer (`tokenizer_object=`), a `tokenizer_file=`, or by `from_pretrained`;
    subclasses also from the raw vocabulary files of their family.

    Raises:
        CheckpointError: a file is malformed.
        UnknownArgument: a keyword that it does not take; the nearest one is named.
    """

    convention: ClassVar[Convention | None] = None
    fast_order: ClassVar[bool] = (
        True  # whether positional arguments come in the order of transformers' "Fast" class
    )
    vocab_files_names: ClassVar[dict[str, str]] = {"tokenizer_file": "tokenizer.json"}
    model_input_names: list[str] = ["input_ids", "token_type_ids", "attention_mask"]  # noqa: RUF012
    padding_side: str = "right"
    truncation_side: str = "right"

    name_or_path: str
    init_kwargs: dict[str, Any]
    split_special_tokens: bool
    _said: set[str]
    _raw: dict[str, bytes]  # files by which this tokenizer is saved, where tokenizer.json cannot say it

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        given = self._bound(args, kwargs)
        set_up(self, backend_of(given, self.convention, owner=type(self).__name__), given)

    def _finish(self) -> None:
        """What a kind of tokenizer does when all else is set up."""

    @classmethod
    def _parameters(cls) -> tuple[str, ...]:
        """The names of positional arguments, in transformers 4's order."""
        if cls.convention is None:
            return ()
        return cls.convention.fast_parameters() if cls.fast_order else cls.convention.parameters

    @classmethod
    def _bound(cls, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        names = cls._parameters()
        if len(args) > len(names):
            raise InputError(
                f"{cls.__name__} takes {len(names)} positional arguments; {len(args)} were given."
            )
        given = dict(zip(names, args, strict=False))
        twice = [name for name in given if name in kwargs]
        if twice:
            raise InputError(f"{cls.__name__} was given {twice[0]!r} by place and by name.")
        given.update(kwargs)
        options = cls.convention.options if cls.convention else {}
        refuse_unknown(given, {*CONSTRUCTOR, *names, *options}, call=cls.__name__)
        return given

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *,
        cache_dir: str | os.PathLike[str] | None = None,
        force_download: bool = False,
        local_files_only: bool = False,
        token: str | bool | None = None,
        revision: str = "main",
        subfolder: str = "",
        use_fast: bool = True,
        trust_remote_code: bool = False,
        **overrides: Any,
    ) -> Any:
        """The tokenizer of a folder, or of a name where the Hub layer is installed.

        `use_fast` and `trust_remote_code` are accepted for transformers 4's sake: every tokenizer here is
        fast, and no remote code is ever run.

        Raises:
            HubError: the name cannot be resolved to a folder.
            CheckpointError: the folder holds no tokenizer, or a malformed one.
            UnknownArgument: an override that tokenizers do not take.
        """
        resolved = resolve(
            pretrained_model_name_or_path,
            cache_dir=cache_dir,
            force_download=force_download,
            local_files_only=local_files_only,
            token=token,
            revision=revision,
            subfolder=subfolder,
        )
        overrides = {"name_or_path": str(pretrained_model_name_or_path), **overrides}
        return load(cls, resolved, overrides=overrides)

    def __getattr__(self, name: str) -> Any:
        state = self.__dict__
        extra = state.get("_extra", {})
        if name in extra:
            return str(extra[name])
        if name.endswith("_id") and name[:-3] in extra:
            return self._id_of(str(extra[name[:-3]]))
        options = self.convention.options if self.convention else {}
        if not name.startswith("_"):
            given = state.get("init_kwargs", {})
            if name in options or name == "add_prefix_space":
                return given.get(name, options.get(name, False))
            if name in given:
                return given[name]
        raise AttributeError(
            f"{type(self).__name__} has no attribute {name!r}.{suggestion(name, dir(type(self)))}"
        )

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(name_or_path={self.name_or_path!r}, vocab_size={self.vocab_size}, "
            f"model_max_length={self.model_max_length}, is_fast=True, padding_side={self.padding_side!r}, "
            f"truncation_side={self.truncation_side!r}, special_tokens={self.special_tokens_map})"
        )

    def _warn_once(self, message: str, *, topic: str | None = None) -> None:
        if (topic or message) not in self._said:
            self._said.add(topic or message)
            log.warning(message)

    def __call__(
        self,
        text: Any = None,
        text_pair: Any = None,
        text_target: Any = None,
        text_pair_target: Any = None,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        stride: int = 0,
        is_split_into_words: bool = False,
        pad_to_multiple_of: int | None = None,
        padding_side: str | None = None,
        return_tensors: str | None = None,
        return_token_type_ids: bool | None = None,
        return_attention_mask: bool | None = None,
        return_overflowing_tokens: bool = False,
        return_special_tokens_mask: bool = False,
        return_offsets_mapping: bool = False,
        return_length: bool = False,
        verbose: bool = True,
        **others: Any,
    ) -> BatchEncoding:
        """Encode a text, a pair, or a batch of either; lists out, or tensors with `return_tensors`.

        Rows keep their lengths unless `padding`; nothing is cut unless `truncation` (or `max_length`
        alone, as in transformers 4, with a note). `text_target` gives `labels`.

        Raises:
            InputError: says what is wrong with the text or the arguments.
            UnknownArgument: names the nearest argument that exists.
        """
        if others.pop("pad_to_max_length", False) and padding is False:  # its name before transformers 3
            padding = "max_length"
        split_special_tokens = others.pop("split_special_tokens", self.split_special_tokens)
        if others:
            refuse_unknown(others, _CALL_ARGUMENTS, call="A tokenizer call")
        if text is None and text_target is None:
            raise InputError("There is nothing to tokenize: text is None. Pass a text or a list of texts.")
        request = self._request(
            verbose=verbose,
            padding=padding,
            truncation=truncation,
            max_length=max_length,
            stride=stride,
            multiple=pad_to_multiple_of,
            padding_side=padding_side,
        )
        columns = {
            "token_type_ids": return_token_type_ids,
            "attention_mask": return_attention_mask,
            "special_tokens_mask": return_special_tokens_mask,
            "offset_mapping": return_offsets_mapping,
            "length": return_length,
        }
        sides: list[tuple[Any, Any, Backend]] = []
        if text is not None:
            sides.append((text, text_pair, self._backend))
        if text_target is not None:
            sides.append((text_target, text_pair_target, self._writing()))
        results = [
            self._encoded(
                first,
                second,
                backend=backend,
                request=request,
                columns=columns,
                special=add_special_tokens,
                words=is_split_into_words,
                overflow=return_overflowing_tokens,
                tensors=return_tensors,
                split=split_special_tokens,
                verbose=verbose,
            )
            for first, second, backend in sides
        ]
        if len(results) == 2:
            results[0]["labels"] = results[1]["input_ids"]
        return results[0]

    def _encoded(
        self,
        text: Any,
        pair: Any,
        *,
        backend: Backend,
        request: Request,
        columns: Mapping[str, bool | None],
        special: bool,
        words: bool,
        overflow: bool,
        tensors: str | None,
        split: bool,
        verbose: bool,
    ) -> BatchEncoding:
        rows, batched, paired = arranged(text, pair, words=words)
        if special:
            rows = self._texts(rows, paired=paired, words=words)
        if request.truncation is not None:
            check_room(backend, request, paired=paired, special=special, overflow=overflow)
        tokenizer = backend.prepared(encoder_settings(self, request, split=split))
        try:
            found = tokenizer.encode_batch(rows, is_pretokenized=words, add_special_tokens=special)
        except BaseException as error:
            if isinstance(error, MemoryError) or not (isinstance(error, Exception) or is_panic(error)):
                raise
            raise InputError(diagnosis(rows) or f"The text cannot be tokenized: {error}") from error
        if verbose and request.max_length is None:
            self._warn_of_length(max((len(encoding) for encoding in found), default=0))
        return collected(
            found,
            columns,
            backend=backend,
            inputs=self.model_input_names,
            overflow=overflow,
            single=not batched,
            tensors=tensors,
        )

    def _warn_of_length(self, longest: int) -> None:
        if longest > self.model_max_length > 0:
            self._warn_once(
                f"A text has {longest} tokens, more than the {self.model_max_length} that the model takes. "
                "Pass truncation=True, or cut it into windows with return_overflowing_tokens=True.",
                topic="too long",
            )

    def _texts(self, rows: list[Any], *, paired: bool, words: bool) -> list[Any]:
        """The texts, pairs or lists of words that special tokens are put around."""
        return rows

    def encode(
        self,
        text: Any,
        text_pair: Any = None,
        add_special_tokens: bool = True,
        padding: bool | str = False,
        truncation: bool | str | None = None,
        max_length: int | None = None,
        stride: int = 0,
        padding_side: str | None = None,
        return_tensors: str | None = None,
        **others: Any,
    ) -> Any:
        """The ids of one text or pair; takes what a call takes."""
        return self.encode_plus(
            text,
            text_pair,
            add_special_tokens=add_special_tokens,
            padding=padding,
            truncation=truncation,
            max_length=max_length,
            stride=stride,
            padding_side=padding_side,
            return_tensors=return_tensors,
            **others,
        )["input_ids"]

    def encode_plus(self, text: Any, text_pair: Any = None, *positional: Any, **others: Any) -> BatchEncoding:
        """Encode one text or pair; takes what a call takes, in transformers 4's order."""
        words = others.get("is_split_into_words", positional[5] if len(positional) > 5 else False)
        if not words and not isinstance(text, str):
            raise InputError(
                f"This takes one text; found {type(text).__name__}. Call the tokenizer itself for a "
                "batch, or pass "
                "is_split_into_words=True for words."
            )
        return self(text, text_pair, None, None, *positional, **others)

    def batch_encode_plus(
        self, batch_text_or_text_pairs: Any, *positional: Any, **others: Any
    ) -> BatchEncoding:
        """Encode a list of texts, or a list of pairs; takes what a call takes, in transformers 4's order."""
        rows = batch_text_or_text_pairs
        if not isinstance(rows, list | tuple):
            raise InputError(f"batch_encode_plus takes a list; found {type(rows).__name__}.")
        words = others.get("is_split_into_words", positional[5] if len(positional) > 5 else False)
        if words and rows and isinstance(rows[0], tuple) and rows[0] and isinstance(rows[0][0], list | tuple):
            first, second = (list(part) for part in zip(*rows, strict=True))
            return self(first, second, None, None, *positional, **others)
        return self(list(rows), None, None, None, *positional, **others)

    @contextmanager
    def as_target_tokenizer(self) -> Iterator[None]:
        """Within it a multilingual tokenizer marks texts as texts to be written; `text_target=` is newer."""
        self._switch_to_target_mode()
        try:
            yield
        finally:
            self._switch_to_input_mode()

    def _switch_to_target_mode(self) -> None:
        """Encode texts to be written from now on; most tokenizers encode them as those to be read."""

    def _switch_to_input_mode(self) -> None:
        """Encode texts to be read again."""

    def tokenize(
        self, text: str, pair: str | None = None, add_special_tokens: bool = False, **others: Any
    ) -> list[str]:
        """The tokens of a text or pair; takes what a call takes."""
        return self.encode_plus(text, pair, add_special_tokens=add_special_tokens, **others).tokens()

    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str, ...]:
        """Write the vocabulary alone, in the model's own format."""
        if self._raw:
            prefix = f"{filename_prefix}-" if filename_prefix else ""
            folder = Path(save_directory)
            return tuple(str(saving.write(folder / (prefix + n), raw)) for n, raw in self._raw.items())
        return tuple(self._backend.own.model.save(str(save_directory), filename_prefix))

    def save_pretrained(
        self,
        save_directory: str | os.PathLike[str],
        legacy_format: bool | None = None,
        filename_prefix: str | None = None,
        push_to_hub: bool = False,
        repo_id: str | None = None,
        token: str | bool | None = None,
    ) -> tuple[str, ...]:
        """Write tokenizer.json and its companions; transformers 4 and 5 read the same ids from them.

        `push_to_hub` uploads the folder afterwards, to `repo_id` or the repository with the folder's name.

        Raises:
            InputError: the path is a file, or the vocabulary alone was asked for (`legacy_format=True`).
            HubError: the upload was refused or broke off.
        """
        if legacy_format:
            raise InputError(
                "legacy_format=True is not supported: use save_vocabulary for the vocabulary alone."
            )
        folder = Path(save_directory)
        if folder.is_file():
            raise InputError(f"{folder} is a file; expected a folder to save into.")
        texts = saving.texts_of(self)
        prefix = f"{filename_prefix}-" if filename_prefix else ""
        written = tuple(str(saving.write(folder / (prefix + name), text)) for name, text in texts.items())
        if push_to_hub:
            upload(folder, repo_id or folder.name, token=token)
        return written

    def push_to_hub(
        self,
        repo_id: str,
        commit_message: str | None = None,
        private: bool | None = None,
        token: str | bool | None = None,
        revision: str | None = None,
        create_pr: bool = False,
    ) -> str:
        """Save into a temporary folder and upload it; returns the address of the commit.

        Raises:
            HubError: the upload was refused or broke off.
        """
        with TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            return upload(
                Path(folder),
                repo_id,
                commit_message=commit_message or f"Upload {type(self).__name__}",
                private=private,
                token=token,
                revision=revision,
                create_pr=create_pr,
            )

    def train_new_from_iterator(
        self,
        text_iterator: Iterable[Any],
        vocab_size: int,
        length: int | None = None,
        new_special_tokens: Sequence[Token] | None = None,
        special_tokens_map: Mapping[str, str] | None = None,
        **trainer_options: Any,
    ) -> Any:
        """A tokenizer of this kind with a vocabulary learnt from texts (or batches of texts).

        Raises:
            InputError: this kind cannot be trained, or an option of the trainer is wrong.
        """
        if self._raw:
            raise InputError(
                f"{type(self).__name__} numbers its pieces by vocab.json, which training does not make. "
                "Train a tokenizer of another kind, such as T5Tokenizer."
            )
        renamed = dict(special_tokens_map or {})
        new = list(new_special_tokens or [])
        tokenizer = trained(
            self._backend.own,
            text_iterator,
            vocab_size=vocab_size,
            length=length,
            new_tokens=new,
            renamed=renamed,
            options=trainer_options,
        )
        roles: dict[str, Any] = {}
        for role, token in self.special_tokens_map_extended.items():
            if role != "additional_special_tokens":
                roles[role] = renamed.get(str(token), token)
        settings = {key: value for key, value in self.init_kwargs.items() if key != "added_tokens_decoder"}
        additional = [renamed.get(str(token), token) for token in self._additional] + new
        made = type(self).__new__(type(self))
        set_up(made, Built(tokenizer), {**settings, **roles, "additional_special_tokens": additional})
        return made


_CALL_ARGUMENTS = {*inspect.signature(PreTrainedTokenizerFast.__call__).parameters} - {"self", "others"} | {
    "split_special_tokens",
    "pad_to_max_length",
}
