"""What one family of tokenizers takes for granted: the shape of a row of CONVENTIONS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tokenizers import Tokenizer

from hubformer.tokenization.languages import Languages
from hubformer.tokenization.numbering import Numbering
from hubformer.tokenization.special_tokens import Token

WITHOUT_TYPES = ("input_ids", "attention_mask")
WITH_TYPES = ("input_ids", "token_type_ids", "attention_mask")


@dataclass(frozen=True)
class Built:
    """What a folder's files make."""

    tokenizer: Tokenizer
    baked: Mapping[str, Any] = field(default_factory=dict)  # the padding that stood in tokenizer.json
    numbering: Numbering | None = None  # where the ids come from a file of their own
    target: Built | None = None  # for texts to be written, where they are cut or numbered otherwise
    raw: Mapping[str, bytes] = field(default_factory=dict)  # files that are saved instead of tokenizer.json


# files (by argument name) and options -> tokenizer; `options` also holds the special tokens by role.
Builder = Callable[[Mapping[str, Any], Mapping[str, Any]], "Tokenizer | Built"]


@dataclass(frozen=True)
class Convention:
    """One family: its special tokens, its raw files, and how a tokenizer is made of them."""

    name: str  # transformers' class name, without "Fast"
    model_type: str
    tokens: Mapping[str, Token]  # role -> default
    files: Mapping[str, tuple[str, ...]]  # constructor argument -> file names, the first found is used
    algorithm: str  # the model type in tokenizer.json
    build: Builder
    surround: Callable[[Tokenizer, Mapping[str, Any]], Any]  # -> post-processor
    parameters: tuple[str, ...]  # transformers 4's positional order of the plain class
    options: Mapping[str, Any] = field(
        default_factory=dict
    )  # what `build` and `surround` read, with defaults
    additional: tuple[str, ...] = ()
    model_input_names: tuple[str, ...] = WITHOUT_TYPES
    padding_side: str = "right"
    pad_type: int = 0
    pads: Mapping[str, int] = field(default_factory=dict)  # inputs of this family alone -> their padding
    fast_order: tuple[str, ...] = ()  # positional order of the class with "Fast", where it is its own
    optional_files: tuple[str, ...] = ()  # arguments among `files` that may lack
    raw_first: bool = False  # tokenizer.json cannot say all of it: the raw files count where they are
    languages: Languages | None = None  # of a tokenizer that marks the language of a text
    limit: int | None = None  # tokens, where neither the files nor the model say
    advice: str = ""  # what to do where the raw files are missing

    def fast_parameters(self) -> tuple[str, ...]:
        """The positional order of the class with "Fast" in its name."""
        if self.fast_order:
            return self.fast_order
        files = tuple(self.files)
        rest = tuple(name for name in self.parameters if name not in files and name not in self._slow_only())
        return (*files, "tokenizer_file", *rest)

    def _slow_only(self) -> tuple[str, ...]:
        return (
            "do_basic_tokenize",
            "never_split",
            "sp_model_kwargs",
            "clean_up_tokenization_spaces",
            "add_bos_token",
        )
