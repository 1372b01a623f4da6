"""The rows of CONVENTIONS for models that translate: mBART, NLLB, M2M-100, Marian.

Their ids differ in kind. mBART and NLLB number the pieces of one SentencePiece file as fairseq does. M2M-100
and Marian have a file that cuts texts and another, vocab.json, that numbers the pieces; Marian cuts texts to
be written by a third.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, processors

from hubformer.errors import CheckpointError
from hubformer.tokenization import building, languages
from hubformer.tokenization.convention import Built, Convention
from hubformer.tokenization.numbering import Numbering
from hubformer.tokenization.reading import read_json
from hubformer.tokenization.sentencepiece import read_sentencepiece
from hubformer.tokenization.special_tokens import Token

_MASK = AddedToken("<mask>", lstrip=True, normalized=False, special=True)
_SPECIAL: dict[str, Token] = {
    **{"bos_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "cls_token": "<s>"},
    **{"unk_token": "<unk>", "pad_token": "<pad>"},
}
_ROLES = ("eos_token", "sep_token", "cls_token", "unk_token", "pad_token", "mask_token")
_FILES = {"vocab_file": ("sentencepiece.bpe.model",)}
_LANGUAGES = {"src_lang": None, "tgt_lang": None, "sp_model_kwargs": None}
_FAST = ("vocab_file", "tokenizer_file", "bos_token", *_ROLES, "src_lang", "tgt_lang")


def sentencepiece_mbart(files: Mapping[str, Path], options: Mapping[str, Any]) -> Tokenizer:
    """mBART's: fairseq puts four tokens first, so pieces move by one; then the languages, `<mask>` last."""
    return _fairseq(files["vocab_file"], (*languages.MBART.codes, "<mask>"))


def sentencepiece_mbart_50(files: Mapping[str, Path], options: Mapping[str, Any]) -> Tokenizer:
    """mBART-50's: as mBART's, with more languages."""
    return _fairseq(files["vocab_file"], (*languages.MBART_50.codes, "<mask>"))


def sentencepiece_nllb(files: Mapping[str, Path], options: Mapping[str, Any]) -> Tokenizer:
    """NLLB's: as mBART's, with its own languages as added tokens."""
    tokenizer = _fairseq(files["vocab_file"], ())
    tokenizer.add_special_tokens([*languages.NLLB.codes, "<mask>"])
    return tokenizer


def _fairseq(path: Path, last: tuple[str, ...]) -> Tokenizer:
    model = read_sentencepiece(path)
    vocab = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    vocab += [(piece.text, piece.score) for piece in model.pieces[3:]]
    vocab += [(token, 0.0) for token in last]
    return building.cut_by(model, vocab, 3, building.collapsing(model, path=path), path=path)


def m2m_100(files: Mapping[str, Path], options: Mapping[str, Any]) -> Built:
    """M2M-100's: pieces by `sentencepiece.bpe.model`, ids by `vocab.json`, then the languages."""
    named = options["language_codes"]
    if named not in ("m2m100", *languages.M2M_100.others):
        raise CheckpointError(f"language_codes is {named!r}; expected 'm2m100' or 'wmt21'.")
    codes = [languages.M2M_100.token(code) for code in languages.M2M_100.of(options)]
    ids = _numbers(files["vocab_file"], options)
    numbering = Numbering(ids, size=len(ids), unknown=str(options["unk_token"])).extended(codes)[0]
    return Built(_cutting(files["spm_file"], options), numbering=numbering, raw=_raw(files, M2M_100))


def marian(files: Mapping[str, Path], options: Mapping[str, Any]) -> Built:
    """Marian's: pieces by `source.spm` and `target.spm`, ids by `vocab.json` (and `target_vocab.json`)."""
    separate = bool(options["separate_vocabs"])
    if separate and "target_vocab_file" not in files:
        raise CheckpointError(
            f"{files['vocab'].parent} has separate_vocabs=true but no target_vocab.json. Copy it there."
        )
    ids, unknown = _numbers(files["vocab"], options), str(options["unk_token"])
    codes = [token for token in ids if token.startswith(">>") and token.endswith("<<")]
    source = Numbering(ids, len(ids), unknown, plain=frozenset(codes), after_special=" ")
    target = source
    if separate:
        other = read_json(files["target_vocab_file"])
        building.check_ids(other, path=files["target_vocab_file"], complete=True)
        target = replace(source, ids=other, size=len(other))
    sides = []
    for name in ("source_spm", "target_spm"):
        side = _cutting(files[name], options)
        side.add_tokens([AddedToken(code, normalized=False) for code in codes])
        sides.append(side)
    return Built(
        sides[0], numbering=source, target=Built(sides[1], numbering=target), raw=_raw(files, MARIAN)
    )


def _numbers(path: Path, options: Mapping[str, Any]) -> dict[str, int]:
    """Piece to id, with the special tokens that every text needs."""
    ids = read_json(path)
    building.check_ids(ids, path=path, complete=True)
    building.require(ids, [str(options[r]) for r in ("unk_token", "eos_token", "pad_token")], path=path)
    return ids


def _cutting(path: Path, options: Mapping[str, Any]) -> Tokenizer:
    """What cuts texts into pieces, and knows no other ones: control pieces are never found in a text."""
    model = read_sentencepiece(path)
    cut = replace(model, pieces=tuple(piece for piece in model.pieces if piece.is_found), unknown_id=0)
    vocab = [(str(options["unk_token"]), 0.0), *((piece.text, piece.score) for piece in cut.pieces)]
    return building.cut_by(cut, vocab, 0, building.collapsing(cut, path=path), path=path)


def _raw(files: Mapping[str, Path], row: Convention) -> dict[str, bytes]:
    return {row.files[argument][0]: path.read_bytes() for argument, path in files.items()}


def _unmarked(tokenizer: Tokenizer, options: Mapping[str, Any]) -> Any:
    """Nothing: the languages' tokens are put around a text when the source language is known."""
    return processors.TemplateProcessing(single="$A", pair="$A $B", special_tokens=[])


MBART = Convention(
    name="MBartTokenizer",
    model_type="mbart",
    tokens={**_SPECIAL, "mask_token": _MASK},
    files=_FILES,
    algorithm="Unigram",
    build=sentencepiece_mbart,
    surround=_unmarked,
    parameters=(
        *("vocab_file", "bos_token", *_ROLES),
        *("tokenizer_file", "src_lang", "tgt_lang", "sp_model_kwargs", "additional_special_tokens"),
    ),
    options=_LANGUAGES,
    additional=languages.MBART.codes,
    fast_order=(*_FAST, "additional_special_tokens"),
    languages=languages.MBART,
)
MBART_50 = replace(
    MBART,
    name="MBart50Tokenizer",
    model_type="mbart50",
    tokens={role: token for role, token in MBART.tokens.items() if role != "bos_token"},
    build=sentencepiece_mbart_50,
    parameters=("vocab_file", "src_lang", "tgt_lang", *_ROLES, "sp_model_kwargs"),
    additional=languages.MBART_50.codes,
    fast_order=("vocab_file", "src_lang", "tgt_lang", "tokenizer_file", *_ROLES),
    languages=languages.MBART_50,
)
NLLB = replace(
    MBART,
    name="NllbTokenizer",
    model_type="nllb",
    algorithm="BPE",
    build=sentencepiece_nllb,
    parameters=(*MBART.parameters, "legacy_behaviour"),
    options={**_LANGUAGES, "legacy_behaviour": False},
    additional=languages.NLLB.codes,
    fast_order=(*_FAST, "additional_special_tokens", "legacy_behaviour"),
    languages=languages.NLLB,
)
M2M_100 = Convention(
    name="M2M100Tokenizer",
    model_type="m2m-100",
    tokens={role: token for role, token in _SPECIAL.items() if role != "cls_token"},
    files={"vocab_file": ("vocab.json",), "spm_file": ("sentencepiece.bpe.model",)},
    algorithm="BPE",
    build=m2m_100,
    surround=_unmarked,
    parameters=(
        *("vocab_file", "spm_file", "src_lang", "tgt_lang", "bos_token", "eos_token", "sep_token"),
        *("pad_token", "unk_token", "language_codes", "sp_model_kwargs", "num_madeup_words"),
    ),
    options={**_LANGUAGES, "language_codes": "m2m100", "num_madeup_words": 8},
    additional=tuple(languages.M2M_100.token(code) for code in languages.M2M_100.codes),
    raw_first=True,
    languages=languages.M2M_100,
)
MARIAN = Convention(
    name="MarianTokenizer",
    model_type="marian",
    tokens={role: _SPECIAL[role] for role in ("eos_token", "unk_token", "pad_token")},
    files={
        "source_spm": ("source.spm",),
        "target_spm": ("target.spm",),
        "vocab": ("vocab.json",),
        "target_vocab_file": ("target_vocab.json",),
    },
    algorithm="Unigram",
    build=marian,
    surround=building.template("$A {eos}", "$A $B {eos}"),
    parameters=(
        *("source_spm", "target_spm", "vocab", "target_vocab_file", "source_lang", "target_lang"),
        *("unk_token", "eos_token", "pad_token", "model_max_length", "sp_model_kwargs", "separate_vocabs"),
    ),
    options={"source_lang": None, "target_lang": None, "sp_model_kwargs": None, "separate_vocabs": False},
    optional_files=("target_vocab_file",),
    raw_first=True,
    limit=512,
)
TRANSLATORS = (MBART, MBART_50, NLLB, M2M_100, MARIAN)
