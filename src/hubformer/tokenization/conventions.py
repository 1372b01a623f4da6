"""What each family of tokenizers takes for granted, one row a family.

A new family is one row here and one class in `named.py`.
"""

from __future__ import annotations

from dataclasses import replace

from tokenizers import AddedToken

from hubformer.tokenization import building
from hubformer.tokenization.convention import WITH_TYPES, WITHOUT_TYPES, Convention
from hubformer.tokenization.special_tokens import Token
from hubformer.tokenization.translators import TRANSLATORS

_VOCAB_TXT = {"vocab_file": ("vocab.txt",)}
_VOCAB_JSON = {"vocab_file": ("vocab.json", "encoder.json"), "merges_file": ("merges.txt",)}
_SENTENCEPIECE = {"vocab_file": ("sentencepiece.bpe.model", "spiece.model", "spm.model", "tokenizer.model")}
_FAIRSEQ = ("bos_token", "eos_token", "sep_token", "cls_token", "unk_token", "pad_token", "mask_token")


# The mask takes the space before it along, like a word of these vocabularies.
_MASK = AddedToken("<mask>", lstrip=True, normalized=False, special=True)


def _as_normalized(content: str) -> AddedToken:
    # Most of these families have no normalizer; the flag only makes their files equal to transformers'.
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
    Convention(name="BertTokenizer", model_type="bert", model_input_names=WITH_TYPES, **_BERT),  # type: ignore[arg-type]
    Convention(name="DistilBertTokenizer", model_type="distilbert", **_BERT),  # type: ignore[arg-type]
    Convention(name="ElectraTokenizer", model_type="electra", model_input_names=WITH_TYPES, **_BERT),  # type: ignore[arg-type]
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
    # Padding of LED's global attention: 0 would be a token with local attention.
    replace(_ROBERTA, name="LEDTokenizer", model_type="led", pads={"global_attention_mask": -1}),
    replace(
        _ROBERTA,
        name="BlenderbotTokenizer",
        model_type="blenderbot",
        tokens={**_FAIRSEQ_TOKENS, "mask_token": _MASK},
        surround=building.template("$A:0 {eos}:0", "$A:0 $B:1"),
    ),
    Convention(
        name="DebertaTokenizer",
        model_type="deberta",
        tokens={
            **{"bos_token": "[CLS]", "eos_token": "[SEP]", "sep_token": "[SEP]", "cls_token": "[CLS]"},
            **{"unk_token": "[UNK]", "pad_token": "[PAD]"},
            "mask_token": AddedToken("[MASK]", lstrip=True, normalized=False, special=True),
        },
        files=_VOCAB_JSON,
        algorithm="BPE",
        build=building.byte_level,
        surround=building.template("{cls}:0 $A:0 {sep}:0", "{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1"),
        parameters=(
            *("vocab_file", "merges_file", "errors", "bos_token", "eos_token", "sep_token", "cls_token"),
            *("unk_token", "pad_token", "mask_token", "add_prefix_space", "add_bos_token"),
        ),
        options={"add_prefix_space": False, "add_bos_token": False, "errors": "replace"},
        model_input_names=("input_ids", "attention_mask", "token_type_ids"),
        advice=(
            "A repository that has bpe_encoder.bin instead is read from its vocab.json and merges.txt, "
            "which microsoft/deberta-base has."
        ),
    ),
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
        model_input_names=WITH_TYPES,
    ),
    Convention(
        name="BigBirdTokenizer",
        model_type="big-bird",
        tokens={
            "unk_token": _as_normalized("<unk>"),  # found in the normalized text: the space before it stays
            **{"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"},
            **{"sep_token": "[SEP]", "cls_token": "[CLS]"},
            "mask_token": AddedToken("[MASK]", lstrip=True, normalized=False, special=True),
        },
        files={"vocab_file": ("spiece.model",)},
        algorithm="Unigram",
        build=building.sentencepiece_big_bird,
        surround=building.template("{cls}:0 $A:0 {sep}:0", "{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1"),
        parameters=(
            *("vocab_file", "unk_token", "bos_token", "eos_token", "pad_token", "sep_token", "mask_token"),
            *("cls_token", "sp_model_kwargs"),
        ),
        options={"sp_model_kwargs": None},
    ),
    Convention(
        name="PegasusTokenizer",
        model_type="pegasus",
        tokens={"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask_2>"},
        files={"vocab_file": ("spiece.model",)},
        algorithm="Unigram",
        build=building.sentencepiece_pegasus,
        surround=building.template("$A {eos}", "$A $B {eos}"),
        parameters=(
            *("vocab_file", "pad_token", "eos_token", "unk_token", "mask_token", "mask_token_sent"),
            *("additional_special_tokens", "offset", "sp_model_kwargs"),
        ),
        options={"mask_token_sent": "<mask_1>", "offset": 103, "sp_model_kwargs": None},
        additional=("<mask_1>", *(f"<unk_{i}>" for i in range(2, 103))),
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
        model_input_names=WITH_TYPES,
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
        model_input_names=WITH_TYPES,
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

CONVENTIONS: dict[str, Convention] = {row.name: row for row in (*_ROWS, *TRANSLATORS)}
_BY_MODEL_TYPE = {
    **{row.model_type: row for row in CONVENTIONS.values()},
    **dict.fromkeys(("mt5", "umt5"), CONVENTIONS["T5Tokenizer"]),
    "nllb-moe": CONVENTIONS["NllbTokenizer"],
    **dict.fromkeys(("bigbird-pegasus", "pegasus-x"), CONVENTIONS["PegasusTokenizer"]),
}


def convention_of(*, tokenizer_class: str | None, model_type: str | None) -> Convention | None:
    """The row that a class name names, else the row of the model type."""
    if tokenizer_class:
        found = CONVENTIONS.get(tokenizer_class.removesuffix("Fast"))
        if found is not None:
            return found
    return _BY_MODEL_TYPE.get((model_type or "").replace("_", "-"))


# Classes that published tokenizer_config.json files name and whose tokenizers are read from tokenizer.json:
# those that pad on the left, those that pad on the right, and those whose models read token types.
_LEFT = frozenset({"BloomTokenizer", "CohereTokenizer", "GemmaTokenizer"})
_RIGHT = frozenset(
    {
        *("BarthezTokenizer", "BlenderbotSmallTokenizer", "CodeGenTokenizer", "GPTNeoXTokenizer"),
        *("GPTSw3Tokenizer", "Qwen2Tokenizer", "ReformerTokenizer", "XGLMTokenizer"),
    }
)
_TYPED = frozenset(
    {
        *("ConvBertTokenizer", "FNetTokenizer", "FunnelTokenizer", "HerbertTokenizer", "LayoutLMTokenizer"),
        *("MobileBertTokenizer", "RemBertTokenizer", "RoFormerTokenizer", "SqueezeBertTokenizer"),
        *("BertJapaneseTokenizer", "BertweetTokenizer", "FlaubertTokenizer", "PhobertTokenizer"),
        "XLMTokenizer",
    }
)


def has_own_inputs(tokenizer_class: str | None) -> bool:
    """Whether a class is known to give ids and a mask alone, whatever the type of the model."""
    return (tokenizer_class or "").removesuffix("Fast") in _LEFT | _RIGHT


def class_inputs(tokenizer_class: str) -> tuple[tuple[str, ...], str]:
    """What a tokenizer class without a row gives to a model, and on which side it pads.

    A class that is not known gives no token types: most models written since BERT read none.
    """
    name = tokenizer_class.removesuffix("Fast")
    return WITH_TYPES if name in _TYPED else WITHOUT_TYPES, "left" if name in _LEFT else "right"
