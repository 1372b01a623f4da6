"""What each family of tokenizers takes for granted, one row a family.

A new family is one row here and one class in `named.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tokenizers import AddedToken, Tokenizer

from hubformer.tokenization import building
from hubformer.tokenization.building import Builder
from hubformer.tokenization.special_tokens import Token

_VOCAB_TXT = {"vocab_file": ("vocab.txt",)}
_VOCAB_JSON = {"vocab_file": ("vocab.json", "encoder.json"), "merges_file": ("merges.txt",)}
_SENTENCEPIECE = {"vocab_file": ("sentencepiece.bpe.model", "spiece.model", "spm.model", "tokenizer.model")}
_WITH_TYPES = ("input_ids", "token_type_ids", "attention_mask")
_WITHOUT_TYPES = ("input_ids", "attention_mask")
_FAIRSEQ = ("bos_token", "eos_token", "sep_token", "cls_token", "unk_token", "pad_token", "mask_token")


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
    model_input_names: tuple[str, ...] = _WITHOUT_TYPES
    padding_side: str = "right"
    pad_type: int = 0

    def fast_parameters(self) -> tuple[str, ...]:
        """The positional order of the class with "Fast" in its name."""
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


# The mask takes the space before it along, like a word of these vocabularies.
_MASK = AddedToken("<mask>", lstrip=True, normalized=False, special=True)


def _as_normalized(content: str) -> AddedToken:
    # These families have no normalizer; the flag only makes their files equal to transformers'.
    return AddedToken(content, normalized=True, special=True)


_BERT = {
    "tokens": {
        "unk_token": "[UNK]",
        "sep_token": "[SEP]",
        "pad_token": "[PAD]",
        "cls_token": "[CLS]",
        "mask_token": "[MASK]",
    },
    "files": _VOCAB_TXT,
    "algorithm": "WordPiece",
    "build": building.word_piece,
    "surround": building.template("{cls}:0 $A:0 {sep}:0", "{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1"),
    "parameters": (
        "vocab_file",
        "do_lower_case",
        "do_basic_tokenize",
        "never_split",
        "unk_token",
        "sep_token",
        "pad_token",
        "cls_token",
        "mask_token",
        "tokenize_chinese_chars",
        "strip_accents",
        "clean_up_tokenization_spaces",
    ),
    "options": {
        "do_lower_case": True,
        "do_basic_tokenize": True,
        "never_split": None,
        "tokenize_chinese_chars": True,
        "strip_accents": None,
    },
}
_FAIRSEQ_TOKENS: dict[str, Token] = {
    "bos_token": "<s>",
    "eos_token": "</s>",
    "unk_token": "<unk>",
    "sep_token": "</s>",
    "pad_token": "<pad>",
    "cls_token": "<s>",
}
_FAIRSEQ_TEMPLATE = building.template("{cls} $A {sep}", "{cls} $A {sep} {sep} $B {sep}")

_ROBERTA = Convention(
    name="RobertaTokenizer",
    model_type="roberta",
    tokens={**{role: _as_normalized(str(t)) for role, t in _FAIRSEQ_TOKENS.items()}, "mask_token": _MASK},
    files=_VOCAB_JSON,
    algorithm="BPE",
    build=building.byte_level,
    surround=building.roberta_template,
    parameters=("vocab_file", "merges_file", "errors", *_FAIRSEQ, "add_prefix_space", "trim_offsets"),
    options={"add_prefix_space": False, "trim_offsets": True, "errors": "replace"},
)

_ROWS: tuple[Convention, ...] = (
    Convention(name="BertTokenizer", model_type="bert", model_input_names=_WITH_TYPES, **_BERT),  # type: ignore[arg-type]
    Convention(name="DistilBertTokenizer", model_type="distilbert", **_BERT),  # type: ignore[arg-type]
    Convention(name="ElectraTokenizer", model_type="electra", model_input_names=_WITH_TYPES, **_BERT),  # type: ignore[arg-type]
    Convention(
        name="MPNetTokenizer",
        model_type="mpnet",
        tokens={**_FAIRSEQ_TOKENS, "unk_token": "[UNK]", "mask_token": _MASK},
        files=_VOCAB_TXT,
        algorithm="WordPiece",
        build=building.word_piece,
        surround=building.template("{cls}:0 $A:0 {sep}:0", "{cls}:0 $A:0 {sep}:0 {sep}:0 $B:1 {sep}:1"),
        parameters=(
            *("vocab_file", "do_lower_case", "do_basic_tokenize", "never_split"),
            *("bos_token", "eos_token", "sep_token", "cls_token", "unk_token", "pad_token", "mask_token"),
            *("tokenize_chinese_chars", "strip_accents", "clean_up_tokenization_spaces"),
        ),
        options=_BERT["options"],  # type: ignore[arg-type]
    ),
    _ROBERTA,
    replace(_ROBERTA, name="LongformerTokenizer", model_type="longformer"),
    replace(_ROBERTA, name="BartTokenizer", model_type="bart"),
    Convention(
        name="T5Tokenizer",
        model_type="t5",
        tokens={"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"},
        files={"vocab_file": ("spiece.model",)},
        algorithm="Unigram",
        build=building.sentencepiece_t5,
        surround=building.template("$A {eos}", "$A {eos} $B {eos}"),
        parameters=(
            *("vocab_file", "eos_token", "unk_token", "pad_token", "extra_ids", "additional_special_tokens"),
            *("sp_model_kwargs", "legacy", "add_prefix_space"),
        ),
        options={"extra_ids": 100, "sp_model_kwargs": None, "legacy": None, "add_prefix_space": True},
        additional=tuple(f"<extra_id_{i}>" for i in range(100)),
    ),
    Convention(
        name="AlbertTokenizer",
        model_type="albert",
        tokens={
            **{"bos_token": "[CLS]", "eos_token": "[SEP]", "unk_token": "<unk>", "sep_token": "[SEP]"},
            **{"pad_token": "<pad>", "cls_token": "[CLS]"},
            "mask_token": AddedToken("[MASK]", lstrip=True, normalized=False, special=True),
        },
        files={"vocab_file": ("spiece.model",)},
        algorithm="Unigram",
        build=building.sentencepiece_xlnet,
        surround=building.template("{cls}:0 $A:0 {sep}:0", "{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1"),
        parameters=(
            *("vocab_file", "do_lower_case", "remove_space", "keep_accents"),
            *("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"),
            "sp_model_kwargs",
        ),
        options={"do_lower_case": True, "remove_space": True, "keep_accents": False, "sp_model_kwargs": None},
        model_input_names=_WITH_TYPES,
    ),
    Convention(
        name="DebertaV2Tokenizer",
        model_type="deberta-v2",
        tokens={
            **{"bos_token": "[CLS]", "eos_token": "[SEP]", "sep_token": "[SEP]", "pad_token": "[PAD]"},
            **{"cls_token": "[CLS]", "mask_token": "[MASK]"},
            "unk_token": AddedToken("[UNK]", normalized=True, special=True),
        },
        files={"vocab_file": ("spm.model",)},
        algorithm="Unigram",
        build=building.sentencepiece_deberta,
        surround=building.template("{cls}:0 $A:0 {sep}:0", "{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1"),
        parameters=(
            *("vocab_file", "do_lower_case", "split_by_punct", "bos_token", "eos_token", "unk_token"),
            *("sep_token", "pad_token", "cls_token", "mask_token", "sp_model_kwargs"),
        ),
        options={"do_lower_case": False, "split_by_punct": False, "sp_model_kwargs": None},
        model_input_names=_WITH_TYPES,
    ),
    Convention(
        name="GPT2Tokenizer",
        model_type="gpt2",
        tokens={role: _as_normalized("<|endoftext|>") for role in ("bos_token", "eos_token", "unk_token")},
        files=_VOCAB_JSON,
        algorithm="BPE",
        build=building.byte_level,
        surround=building.gpt2_template,
        parameters=(
            "vocab_file",
            "merges_file",
            "errors",
            "unk_token",
            "bos_token",
            "eos_token",
            "pad_token",
            "add_prefix_space",
            "add_bos_token",
        ),
        options={"add_prefix_space": False, "add_bos_token": False, "errors": "replace"},
    ),
    Convention(
        name="OpenAIGPTTokenizer",
        model_type="openai-gpt",
        tokens={"unk_token": "<unk>"},
        files=_VOCAB_JSON,
        algorithm="BPE",
        build=building.lower_words,
        surround=building.template("$A:0", "$A:0 $B:1"),
        parameters=("vocab_file", "merges_file", "unk_token"),
    ),
    Convention(
        name="XLNetTokenizer",
        model_type="xlnet",
        tokens={
            **_FAIRSEQ_TOKENS,
            "sep_token": "<sep>",
            "cls_token": "<cls>",
            "mask_token": _MASK,
        },
        files={"vocab_file": ("spiece.model", "sentencepiece.bpe.model", "spm.model", "tokenizer.model")},
        algorithm="Unigram",
        build=building.sentencepiece_xlnet,
        surround=building.template("$A:0 {sep}:0 {cls}:2", "$A:0 {sep}:0 $B:1 {sep}:1 {cls}:2"),
        parameters=(
            "vocab_file",
            "do_lower_case",
            "remove_space",
            "keep_accents",
            "bos_token",
            "eos_token",
            "unk_token",
            "sep_token",
            "pad_token",
            "cls_token",
            "mask_token",
            "additional_special_tokens",
            "sp_model_kwargs",
        ),
        options={
            "do_lower_case": False,
            "remove_space": True,
            "keep_accents": False,
            "sp_model_kwargs": None,
        },
        additional=("<eop>", "<eod>"),
        model_input_names=_WITH_TYPES,
        padding_side="left",  # the last tokens, <sep> <cls>, must stand last
        pad_type=3,
    ),
    Convention(
        name="XLMRobertaTokenizer",
        model_type="xlm-roberta",
        tokens={**_FAIRSEQ_TOKENS, "mask_token": _MASK},
        files=_SENTENCEPIECE,
        algorithm="Unigram",
        build=building.sentencepiece_xlm_roberta,
        surround=_FAIRSEQ_TEMPLATE,
        parameters=("vocab_file", *_FAIRSEQ, "sp_model_kwargs"),
        options={"sp_model_kwargs": None},
    ),
    Convention(
        name="CamembertTokenizer",
        model_type="camembert",
        tokens={**_FAIRSEQ_TOKENS, "mask_token": _MASK},
        files=_SENTENCEPIECE,
        algorithm="Unigram",
        build=building.sentencepiece_camembert,
        surround=_FAIRSEQ_TEMPLATE,
        parameters=("vocab_file", *_FAIRSEQ, "additional_special_tokens", "sp_model_kwargs"),
        options={"sp_model_kwargs": None},
        additional=("<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED"),
    ),
    Convention(
        name="LlamaTokenizer",
        model_type="llama",
        tokens={
            role: AddedToken(token, normalized=False, special=True)
            for role, token in (("unk_token", "<unk>"), ("bos_token", "<s>"), ("eos_token", "</s>"))
        },
        files={"vocab_file": ("tokenizer.model",)},
        algorithm="BPE",
        build=building.sentencepiece_llama,
        surround=building.llama_template,
        parameters=(
            "vocab_file",
            "unk_token",
            "bos_token",
            "eos_token",
            "pad_token",
            "sp_model_kwargs",
            "add_bos_token",
            "add_eos_token",
            "clean_up_tokenization_spaces",
            "use_default_system_prompt",
            "spaces_between_special_tokens",
            "legacy",
            "add_prefix_space",
        ),
        options={
            "add_bos_token": True,
            "add_eos_token": False,
            "add_prefix_space": True,
            "legacy": True,
            "sp_model_kwargs": None,
            "use_default_system_prompt": False,
            "spaces_between_special_tokens": False,
        },
        padding_side="left",
    ),
)

CONVENTIONS: dict[str, Convention] = {row.name: row for row in _ROWS}
_BY_MODEL_TYPE = {
    **{row.model_type: row for row in _ROWS},
    **dict.fromkeys(("mt5", "umt5"), CONVENTIONS["T5Tokenizer"]),
}


def convention_of(*, tokenizer_class: str | None, model_type: str | None) -> Convention | None:
    """The row that a class name names, else the row of the model type."""
    if tokenizer_class:
        found = CONVENTIONS.get(tokenizer_class.removesuffix("Fast"))
        if found is not None:
            return found
    return _BY_MODEL_TYPE.get((model_type or "").replace("_", "-"))
