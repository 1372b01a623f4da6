"""Rust tokenizers from the raw files of older checkpoints: vocab.txt, vocab.json + merges.txt, SentencePiece.

Each builder gives, id for id, what transformers 4.57.6 gives for the same files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)

from hubformer.errors import CheckpointError
from hubformer.tokenization.backend import rust
from hubformer.tokenization.reading import read_json, read_text
from hubformer.tokenization.sentencepiece import (
    BPE,
    CONTROL,
    UNIGRAM,
    USER_DEFINED,
    SentencePieceModel,
    read_sentencepiece,
)


def word_piece(files: Mapping[str, Path], options: Mapping[str, Any]) -> Tokenizer:
    """BERT's WordPiece from `vocab.txt`."""
    path = files["vocab_file"]
    lines = read_text(path).split("\n")
    if lines and not lines[-1]:
        lines.pop()
    # A word that stands twice keeps its later id, as in transformers.
    vocab = {word: index for index, word in enumerate(lines)}
    unknown = str(options["unk_token"])
    require(vocab, [unknown], path=path)
    splits = bool(options["do_basic_tokenize"])
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token=unknown))
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True,
        handle_chinese_chars=splits and bool(options["tokenize_chinese_chars"]),
        strip_accents=options["strip_accents"] if splits else False,
        lowercase=splits and bool(options["do_lower_case"]),
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    special = {
        str(options[role]) for role in ("unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
    }
    kept = [word for word in options["never_split"] or () if word in vocab and word not in special]
    if kept:
        tokenizer.add_tokens([AddedToken(word, single_word=True, normalized=False) for word in kept])
    return tokenizer


def byte_level(files: Mapping[str, Path], options: Mapping[str, Any]) -> Tokenizer:
    """GPT-2's byte-level BPE from `vocab.json` and `merges.txt`."""
    path = files["vocab_file"]
    vocab = read_json(path)
    check_ids(vocab, path=path, complete=True)
    merges = _merges(files["merges_file"], vocab)
    with rust(f"{files['merges_file']} does not fit {path}", kind=CheckpointError):
        model = models.BPE(vocab, merges, continuing_subword_prefix="", end_of_word_suffix="", fuse_unk=False)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=bool(options["add_prefix_space"]))
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def lower_words(files: Mapping[str, Path], options: Mapping[str, Any]) -> Tokenizer:
    """GPT's BPE over lower-case words, split as BERT splits them, from `vocab.json` and `merges.txt`."""
    path, unknown = files["vocab_file"], str(options["unk_token"])
    vocab = read_json(path)
    check_ids(vocab, path=path, complete=True)
    require(vocab, [unknown], path=path)
    merges = _merges(files["merges_file"], vocab)
    with rust(f"{files['merges_file']} does not fit {path}", kind=CheckpointError):
        model = models.BPE(vocab, merges, unk_token=unknown, end_of_word_suffix="</w>", fuse_unk=False)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.BPEDecoder(suffix="</w>")
    return tokenizer


def sentencepiece_xlnet(files: Mapping[str, Path], options: Mapping[str, Any]) -> Tokenizer:
    """XLNet's Unigram from `spiece.model`."""
    path = files["vocab_file"]
    model = read_sentencepiece(path)
    # Pieces such as "2,": SentencePiece on the Python side splits the comma off, so they must lose here.
    vocab = [
        (piece.text, piece.score - 100 if _number_comma(piece.text) else piece.score)
        for piece in model.pieces
    ]
    parts: list[Any] = [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
    if not options["keep_accents"]:
        parts += [normalizers.NFKD(), normalizers.StripAccents()]
    if options["do_lower_case"]:
        parts.append(normalizers.Lowercase())
    if model.charsmap:
        parts.append(_charsmap(model, path=path))
    parts.append(normalizers.Replace(Regex(" {2,}"), " "))
    return _unigram(model, vocab, model.unknown_id, normalizers.Sequence(parts), path=path)


def sentencepiece_t5(files: Mapping[str, Path], options: Mapping[str, Any]) -> Tokenizer:
    """T5's Unigram from `spiece.model`, with its sentinels behind, the last one first."""
    path = files["vocab_file"]
    model = read_sentencepiece(path)
    vocab = [(piece.text, piece.score) for piece in model.pieces]
    vocab += [(f"<extra_id_{i}>", 0.0) for i in reversed(range(options["extra_ids"]))]
    return _unigram(model, vocab, model.unknown_id, collapsing(model, path=path), path=path)


def sentencepiece_big_bird(files: Mapping[str, Path], options: Mapping[str, Any]) -> Tokenizer:
    """BigBird's Unigram from `spiece.model`, whose ids are the places of its pieces."""
    path = files["vocab_file"]
    model = read_sentencepiece(path)
    vocab = [(piece.text, piece.score) for piece in model.pieces]
    return _unigram(model, vocab, model.unknown_id, collapsing(model, path=path), path=path)


def sentencepiece_pegasus(files: Mapping[str, Path], options: Mapping[str, Any]) -> Tokenizer:
    """Pegasus's Unigram: the tokens of its pre-training come first, so pieces move by `offset`."""
    path, offset = files["vocab_file"], int(options["offset"])
    model = read_sentencepiece(path)
    first = [str(options["pad_token"]), str(options["eos_token"])]
    if options["mask_token_sent"] is not None and offset:
        first += [str(options["mask_token_sent"]), str(options["mask_token"])]
    vocab = [(token, 0.0) for token in first]
    vocab += [(f"<unk_{i}>", -100.0) for i in range(2, offset)]
    vocab += [(piece.text, piece.score) for piece in model.pieces[2:]]
    unknown = model.unknown_id + offset
    tokenizer = _unigram(model, vocab, unknown, collapsing(model, path=path), path=path)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), tokenizer.pre_tokenizer]
    )
    return tokenizer


def sentencepiece_deberta(files: Mapping[str, Path], options: Mapping[str, Any]) -> Tokenizer:
    """The Unigram of DeBERTa from version 2 on, from `spm.model`."""
    path = files["vocab_file"]
    model = read_sentencepiece(path)
    parts: list[Any] = [normalizers.Lowercase()] if options["do_lower_case"] else []
    parts.append(normalizers.Strip())
    if model.charsmap:
        parts.append(_charsmap(model, path=path))
    parts.append(normalizers.Replace(Regex(" {2,}"), " "))
    vocab = [(piece.text, piece.score) for piece in model.pieces]
    tokenizer = _unigram(model, vocab, model.unknown_id, normalizers.Sequence(parts), path=path)
    before = [pre_tokenizers.Punctuation(behavior="isolated")] if options["split_by_punct"] else []
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*before, tokenizer.pre_tokenizer])
    return tokenizer


def sentencepiece_xlm_roberta(files: Mapping[str, Path], options: Mapping[str, Any]) -> Tokenizer:
    """XLM-R's Unigram: fairseq puts four tokens first, so pieces move by one; `<mask>` comes last."""
    path = files["vocab_file"]
    model = read_sentencepiece(path)
    vocab = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    vocab += [(piece.text, piece.score) for piece in model.pieces[3:]]
    vocab.append(("<mask>", 0.0))
    return _unigram(model, vocab, 3, collapsing(model, path=path), path=path)


def sentencepiece_camembert(files: Mapping[str, Path], options: Mapping[str, Any]) -> Tokenizer:
    """CamemBERT's Unigram: fairseq's five placeholders first, pieces move by four; `<mask>` comes last."""
    path = files["vocab_file"]
    model = read_sentencepiece(path)
    vocab = [
        ("<s>NOTUSED", 0.0),
        ("<pad>", 0.0),
        ("</s>NOTUSED", 0.0),
        ("<unk>", 0.0),
        ("<unk>NOTUSED", -100.0),
    ]
    vocab += [(piece.text, piece.score) for piece in model.pieces[1:]]
    vocab.append(("<mask>", 0.0))
    return _unigram(model, vocab, 3, collapsing(model, path=path), path=path)


def sentencepiece_llama(files: Mapping[str, Path], options: Mapping[str, Any]) -> Tokenizer:
    """Llama's BPE from `tokenizer.model`: what no piece covers is spelt in bytes."""
    path = files["vocab_file"]
    model = read_sentencepiece(path)
    if model.algorithm != BPE:
        raise CheckpointError(
            f"{path} is a SentencePiece model of type {model.algorithm}; this family needs BPE (type 2)."
        )
    with rust(f"{path} does not make a BPE vocabulary", kind=CheckpointError):
        tokenizer = Tokenizer(
            models.BPE(
                {piece.text: index for index, piece in enumerate(model.pieces)},
                _merges_by_score(model),
                unk_token=model.pieces[model.unknown_id].text,
                fuse_unk=True,
                byte_fallback=True,
            )
        )
    prefixed = options["add_prefix_space"] is not False
    if options["legacy"] is False:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(
            replacement="▁", prepend_scheme="first" if prefixed else "never", split=False
        )
    else:
        before = [normalizers.Prepend("▁")] if prefixed else []
        tokenizer.normalizer = normalizers.Sequence([*before, normalizers.Replace(" ", "▁")])
    after = [decoders.Strip(content=" ", left=1)] if prefixed else []
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *after]
    )
    _add_marked(tokenizer, model)
    return tokenizer


def _merges_by_score(model: SentencePieceModel) -> list[tuple[str, str]]:
    """Every way to put a piece together from two others, the best pieces first."""
    ids = {piece.text: index for index, piece in enumerate(model.pieces)}
    ways: list[tuple[float, str, str]] = []
    for piece in model.pieces:
        cuts = [(piece.text[:at], piece.text[at:]) for at in range(1, len(piece.text))]
        known = [(left, right) for left, right in cuts if left in ids and right in ids]
        known.sort(key=lambda cut: (ids[cut[0]], ids[cut[1]]))
        ways += [(piece.score, left, right) for left, right in known]
    ways.sort(key=lambda way: (way[0], len(way[1]), len(way[2])), reverse=True)
    return [(left, right) for _, left, right in ways]


def template(single: str, pair: str) -> Callable[[Tokenizer, Mapping[str, Any]], Any]:
    """A post-processor that surrounds texts with special tokens; `{cls}` stands for that role's token.

    Raises:
        CheckpointError: one of the tokens is not in the vocabulary.
    """

    def build(tokenizer: Tokenizer, options: Mapping[str, Any]) -> Any:
        names = [role for role in ("bos", "eos", "cls", "sep") if "{" + role + "}" in single + pair]
        tokens = {role: str(options[f"{role}_token"]) for role in names}
        return processors.TemplateProcessing(
            single=single.format(**tokens),
            pair=pair.format(**tokens),
            special_tokens=[(token, _id(tokenizer, token)) for token in dict.fromkeys(tokens.values())],
        )

    return build


def roberta_template(tokenizer: Tokenizer, options: Mapping[str, Any]) -> Any:
    """RoBERTa's `<s> A </s></s> B </s>`, which also trims spaces off the offsets."""
    sep, cls = str(options["sep_token"]), str(options["cls_token"])
    # By place: the name of the second argument differs between releases of `tokenizers`.
    return processors.RobertaProcessing(
        (sep, _id(tokenizer, sep)),
        (cls, _id(tokenizer, cls)),
        add_prefix_space=bool(options["add_prefix_space"]),
        trim_offsets=bool(options["trim_offsets"]),
    )


def gpt2_template(tokenizer: Tokenizer, options: Mapping[str, Any]) -> Any:
    """GPT-2 adds nothing, or the beginning token where the checkpoint says so."""
    if options["add_bos_token"]:
        return template("{bos}:0 $A:0", "{bos}:0 $A:0 $B:1")(tokenizer, options)
    return processors.ByteLevel(trim_offsets=False)


def llama_template(tokenizer: Tokenizer, options: Mapping[str, Any]) -> Any:
    """The tokens that begin and end each text, where the checkpoint asks for them."""
    start = "{bos}:0 " if options["add_bos_token"] else ""
    end = " {eos}:0" if options["add_eos_token"] else ""
    first = f"{start}$A:0{end}"
    second = f"{start}$B:0{end}".replace(":0", ":1")
    return template(first, f"{first} {second}")(tokenizer, options)


def check_ids(vocab: Mapping[Any, Any], *, path: Path, complete: bool) -> list[int]:
    """The ids that are missing from a vocabulary.

    Raises:
        CheckpointError: an id is not a number, stands twice, or (with `complete`) is missing.
    """
    ids: dict[int, str] = {}
    for word, index in vocab.items():
        if type(index) is not int or not 0 <= index < 2**31:
            raise CheckpointError(f"{path}: the id of {word!r} is {index!r}; expected a number from 0 up.")
        if index in ids:
            raise CheckpointError(f"{path}: {word!r} and {ids[index]!r} both have the id {index}.")
        ids[index] = word
    if not ids:
        raise CheckpointError(f"{path} holds an empty vocabulary.")
    if max(ids) + 1 == len(ids):
        return []
    missing = [index for index in range(min(max(ids), 10 * len(ids))) if index not in ids]
    if complete:
        raise CheckpointError(
            f"{path}: {len(ids)} words with ids up to {max(ids)}; the id {missing[0]} is missing. "
            "The file has lost entries: download it again."
        )
    return missing


def _merges(path: Path, vocab: Mapping[str, int]) -> list[tuple[str, str]]:
    merges = []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line or (number == 1 and line.startswith("#version")):
            continue
        parts = line.split(" ")
        if len(parts) != 2 or not all(parts):
            raise CheckpointError(
                f"{path}, line {number}: {line!r}; expected two tokens with one space between."
            )
        if any(token not in vocab for token in (*parts, "".join(parts))):
            raise CheckpointError(
                f"{path}, line {number}: {line!r} merges tokens that the vocabulary does not have."
            )
        merges.append((parts[0], parts[1]))
    return merges


def cut_by(
    model: SentencePieceModel, vocab: list[tuple[str, float]], unknown_id: int, normalizer: Any, *, path: Path
) -> Tokenizer:
    """A tokenizer by the model's own algorithm, Unigram or BPE, over a vocabulary made of its pieces.

    Raises:
        CheckpointError: another algorithm, or a vocabulary that does not fit it.
    """
    if model.algorithm != BPE:
        return _unigram(model, vocab, unknown_id, normalizer, path=path)
    with rust(f"{path} does not make a BPE vocabulary", kind=CheckpointError):
        bpe = models.BPE(
            {text: index for index, (text, _) in enumerate(vocab)},
            _merges_by_score(model),
            unk_token=vocab[unknown_id][0],
            fuse_unk=True,
        )
    return _spaced(Tokenizer(bpe), model, normalizer)


def _unigram(
    model: SentencePieceModel, vocab: list[tuple[str, float]], unknown_id: int, normalizer: Any, *, path: Path
) -> Tokenizer:
    if model.algorithm != UNIGRAM:
        raise CheckpointError(
            f"{path} is a SentencePiece model of type {model.algorithm}; this family needs Unigram (type 1)."
        )
    with rust(f"{path} does not make a Unigram vocabulary", kind=CheckpointError):
        tokenizer = Tokenizer(models.Unigram(vocab, unk_id=unknown_id, byte_fallback=False))
    return _spaced(tokenizer, model, normalizer)


def _spaced(tokenizer: Tokenizer, model: SentencePieceModel, normalizer: Any) -> Tokenizer:
    """With spaces as SentencePiece has them: each word begins with one, the first too."""
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    _add_marked(tokenizer, model)
    return tokenizer


def _add_marked(tokenizer: Tokenizer, model: SentencePieceModel) -> None:
    """The pieces that are never cut, as tokens outside the vocabulary's algorithm."""
    added = [piece for piece in model.pieces if piece.kind in (CONTROL, USER_DEFINED)]
    tokenizer.add_tokens(
        [AddedToken(piece.text, normalized=False, special=piece.kind == CONTROL) for piece in added]
    )


def collapsing(model: SentencePieceModel, *, path: Path) -> Any:
    """SentencePiece's own normalisation; of several spaces one is left, and none at the end."""
    parts: list[Any] = [_charsmap(model, path=path)] if model.charsmap else []
    parts += [normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), "▁")]
    return normalizers.Sequence(parts)


def _charsmap(model: SentencePieceModel, *, path: Path) -> Any:
    with rust(f"{path} has an unreadable normalisation table", kind=CheckpointError):
        return normalizers.Precompiled(model.charsmap)


def _number_comma(text: str) -> bool:
    return len(text) >= 2 and text.endswith(",") and text[-2].isdigit()


def _id(tokenizer: Tokenizer, token: str) -> int:
    found = tokenizer.token_to_id(token)
    if found is None:
        raise CheckpointError(
            f"The special token {token!r} is not in the vocabulary, but every text needs it."
        )
    return found


def require(vocab: Mapping[str, int], tokens: list[str], *, path: Path) -> None:
    """That a vocabulary has these tokens.

    Raises:
        CheckpointError: one is missing.
    """
    for token in tokens:
        if token not in vocab:
            raise CheckpointError(
                f"{path} has no {token!r} among its {len(vocab)} words; expected one word a line, the "
                "special "
                "tokens among them."
            )
