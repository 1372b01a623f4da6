"""tokenizer.json: read verbatim, checked for what Rust accepts in silence."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from hubformer.errors import CheckpointError, InputError
from hubformer.tokenization.backend import rust
from hubformer.tokenization.building import check_ids
from hubformer.tokenization.reading import read_json

log = logging.getLogger(__name__)

# option -> (section of the file, types that have it, its name there)
_OPTIONS = {
    "do_lower_case": ("normalizer", ("BertNormalizer",), "lowercase"),
    "strip_accents": ("normalizer", ("BertNormalizer",), "strip_accents"),
    "tokenize_chinese_chars": ("normalizer", ("BertNormalizer",), "handle_chinese_chars"),
    "add_prefix_space": ("pre_tokenizer", ("ByteLevel", "Metaspace"), "add_prefix_space"),
    "trim_offsets": ("post_processor", ("RobertaProcessing", "ByteLevel"), "trim_offsets"),
}
# Chained replacements can multiply the text until the allocator kills the process.
_LARGEST_GROWTH = 10_000


def read_tokenizer_json(path: Path, changes: Mapping[str, Any]) -> tuple[Tokenizer, dict[str, Any]]:
    """(the tokenizer, the padding that was baked into the file).

    Baked-in truncation and padding are switched off: they belong to one training run, not to the model.
    `changes` are options that the caller asked for, such as `add_prefix_space`.

    Raises:
        CheckpointError: the file is malformed, or would tokenize wrongly in silence.
        InputError: an option that this tokenizer does not have.
    """
    state = read_json(path)
    padding = state.get("padding") if isinstance(state.get("padding"), dict) else {}
    state["truncation"] = state["padding"] = None
    _check(state, path=path)
    for name, value in changes.items():
        _change(state, name, value)
    with rust(f"{path} does not describe a tokenizer", kind=CheckpointError):
        tokenizer = Tokenizer.from_str(json.dumps(state))
    _check_post_processor(state, tokenizer, path=path)
    return tokenizer, padding or {}


def _check(state: dict[str, Any], *, path: Path) -> None:
    model = state.get("model")
    if not isinstance(model, dict):
        raise CheckpointError(
            f"{path} has no 'model' section; expected a tokenizer.json written by `tokenizers`."
        )
    added = state.get("added_tokens") or []
    if not isinstance(added, list) or not all(isinstance(token, dict) for token in added):
        raise CheckpointError(f"{path}: 'added_tokens' is not a list of objects.")
    for token in added:
        if not isinstance(token.get("content"), str) or not token["content"]:
            raise CheckpointError(
                f"{path}: the added token with id {token.get('id')} has the content "
                f"{token.get('content')!r}; "
                "expected a text that is not empty. Remove it."
            )
    _check_vocabulary(model, added, path=path)
    growth = 1.0
    for part in _parts(state.get("normalizer")):
        pattern = part.get("pattern")
        if part.get("type") == "Replace" and isinstance(pattern, dict):
            size = len(str(pattern["String"])) if "String" in pattern else 1
            growth *= max(1.0, len(str(part.get("content", ""))) / max(1, size))
    if growth > _LARGEST_GROWTH:
        raise CheckpointError(
            f"{path}: its replacements can make a text {growth:.0f} times longer, which would exhaust "
            "memory. "
            "Do not use this file."
        )


def _check_vocabulary(model: dict[str, Any], added: list[Any], *, path: Path) -> None:
    vocab = model.get("vocab")
    if isinstance(vocab, list):
        unknown = model.get("unk_id")
        if unknown is not None and (type(unknown) is not int or not 0 <= unknown < len(vocab)):
            raise CheckpointError(f"{path}: unk_id is {unknown!r}; expected an id below {len(vocab)}.")
        return
    if not isinstance(vocab, dict):
        raise CheckpointError(f"{path}: the model has no vocabulary; found {type(vocab).__name__}.")
    taken = {token.get("id") for token in added}
    missing = [index for index in check_ids(vocab, path=path, complete=False) if index not in taken]
    if missing:
        log.warning(
            "%s: %d ids have no token (the first is %d). If tokens were not removed on purpose, the "
            "file is damaged.",
            path,
            len(missing),
            missing[0],
        )
    unknown = model.get("unk_token")
    if model.get("type") in ("WordPiece", "WordLevel") and unknown not in vocab:
        raise CheckpointError(
            f"{path}: the unknown token {unknown!r} is not in the vocabulary, so unknown words could "
            "not be encoded."
        )


def _check_post_processor(state: dict[str, Any], tokenizer: Tokenizer, *, path: Path) -> None:
    for part in _parts(state.get("post_processor")):
        for token, index in _special(part, path=path):
            found = tokenizer.token_to_id(token)
            if found != index:
                what = "which the vocabulary does not have" if found is None else f"whose id is {found}"
                raise CheckpointError(
                    f"{path}: the post-processor adds {token!r} with the id {index}, {what}. "
                    "Correct the file, or download it again."
                )


def _special(part: dict[str, Any], *, path: Path) -> Iterator[tuple[str, int]]:
    if part.get("type") in ("BertProcessing", "RobertaProcessing"):
        for role in ("sep", "cls"):
            yield part[role][0], part[role][1]
    if part.get("type") != "TemplateProcessing":
        return
    known = part.get("special_tokens", {})
    for name in ("single", "pair"):
        for item in part.get(name, ()):
            special = item.get("SpecialToken") if isinstance(item, dict) else None
            if special and special.get("id") not in known:
                raise CheckpointError(
                    f"{path}: the post-processor's {name!r} pattern names {special.get('id')!r}, "
                    "which is not among its special tokens, so it would be left out in silence."
                )
    for entry in known.values():
        yield from zip(entry["tokens"], entry["ids"], strict=False)


def _parts(section: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(section, dict):
        return
    yield section
    for name in ("normalizers", "pretokenizers", "processors"):
        for part in section.get(name) or ():
            yield from _parts(part)


def _change(state: dict[str, Any], name: str, value: Any) -> None:
    section, types, key = _OPTIONS[name]
    changed = False
    for part in _parts(state.get(section)):
        if part.get("type") not in types:
            continue
        changed = True
        if part["type"] == "Metaspace":
            part["prepend_scheme"] = "always" if value else "never"
        else:
            part[key] = value
    if name == "add_prefix_space":
        for part in _parts(state.get("post_processor")):
            if part.get("type") in ("RobertaProcessing", "ByteLevel") and "add_prefix_space" in part:
                part["add_prefix_space"] = value
    if not changed:
        raise InputError(f"{name}={value!r} cannot be honoured: this tokenizer has no {' or '.join(types)}.")


CHANGES = frozenset(_OPTIONS)
