"""Training a new vocabulary with the pipeline of an existing tokenizer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tokenizers import AddedToken, Tokenizer, pre_tokenizers, trainers

from hubformer.errors import InputError
from hubformer.tokenization.backend import rust
from hubformer.tokenization.special_tokens import Token

_TRAINERS = {
    "BPE": trainers.BpeTrainer,
    "Unigram": trainers.UnigramTrainer,
    "WordLevel": trainers.WordLevelTrainer,
    "WordPiece": trainers.WordPieceTrainer,
}


def trained(
    source: Tokenizer,
    texts: Iterable[Any],
    *,
    vocab_size: int,
    length: int | None,
    new_tokens: Sequence[Token],
    renamed: Mapping[str, str],
    options: Mapping[str, Any],
) -> Tokenizer:
    """A tokenizer with the pipeline of `source` and a vocabulary learnt from `texts`.

    Special tokens are kept, under new names where `renamed` says so.

    Raises:
        InputError: this kind of model cannot be trained, or an option is wrong.
    """
    state = json.loads(source.to_str())
    added, post_processor = state.pop("added_tokens"), state.pop("post_processor")
    model = state["model"]
    kind = model["type"]
    if kind not in _TRAINERS:
        raise InputError(f"A {kind} tokenizer cannot be trained; expected one of {', '.join(_TRAINERS)}.")
    unknown = _emptied(model, renamed)
    empty = Tokenizer.from_str(json.dumps({**state, "added_tokens": [], "post_processor": None}))
    empty.no_truncation()
    empty.no_padding()
    special: list[Token] = []
    for token in added:
        flags = {key: value for key, value in token.items() if key not in ("id", "content")}
        # Unigram's pieces include its added tokens; elsewhere ordinary added words belong to the old
        # vocabulary.
        if kind == "Unigram" or flags.get("special"):
            special.append(AddedToken(renamed.get(token["content"], token["content"]), **flags))
    settings = {**_trainer_options(state, unknown), **options}
    with rust("The tokenizer cannot be trained"):
        trainer = _TRAINERS[kind](vocab_size=vocab_size, special_tokens=[*special, *new_tokens], **settings)
        empty.train_from_iterator(texts, length=length, trainer=trainer)
        if post_processor is None:
            return empty
        state = json.loads(empty.to_str())
        state["post_processor"] = _renumbered(post_processor, empty, renamed)
        return Tokenizer.from_str(json.dumps(state))


def _emptied(model: dict[str, Any], renamed: Mapping[str, str]) -> str | None:
    unknown: str | None = None
    if model["type"] == "Unigram":
        if model.get("unk_id") is not None:
            unknown = model["vocab"][model["unk_id"]][0]
            unknown = renamed.get(unknown, unknown)
            model["unk_id"], model["vocab"] = 0, [[unknown, 0.0]]
        return unknown
    model["vocab"] = {}
    if model["type"] == "BPE":
        model["merges"] = []
    if model.get("unk_token"):
        model["unk_token"] = renamed.get(model["unk_token"], model["unk_token"])
    return unknown


def _trainer_options(state: dict[str, Any], unknown: str | None) -> dict[str, Any]:
    options: dict[str, Any] = {"show_progress": False}
    model, pre_tokenizer = state["model"], state.get("pre_tokenizer") or {}
    if model["type"] == "BPE":
        for name in ("continuing_subword_prefix", "end_of_word_suffix"):
            if model.get(name) is not None:
                options[name] = model[name]
    if model["type"] == "Unigram" and unknown is not None:
        options["unk_token"] = unknown
    parts = [pre_tokenizer, *(pre_tokenizer.get("pretokenizers") or ())]
    if any(part.get("type") == "ByteLevel" for part in parts):
        options["initial_alphabet"] = pre_tokenizers.ByteLevel.alphabet()
    return options


def _renumbered(part: dict[str, Any], tokenizer: Tokenizer, renamed: Mapping[str, str]) -> dict[str, Any]:
    def number(token: str) -> int:
        found = tokenizer.token_to_id(token)
        if found is None:
            raise InputError(f"The special token {token!r} did not get into the new vocabulary.")
        return found

    part = dict(part)
    if part["type"] == "Sequence":
        part["processors"] = [_renumbered(inner, tokenizer, renamed) for inner in part["processors"]]
    for entry in (part.get("special_tokens") or {}).values():
        entry["tokens"] = [renamed.get(token, token) for token in entry["tokens"]]
        entry["ids"] = [number(token) for token in entry["tokens"]]
    for role in ("cls", "sep"):
        if role in part:
            token = renamed.get(part[role][0], part[role][0])
            part[role] = [token, number(token)]
    return part
