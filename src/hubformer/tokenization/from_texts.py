"""New tokenizers: the pipeline and the special tokens of a family, and a vocabulary learnt from texts."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from hubformer.errors import InputError, UnknownName, suggestion
from hubformer.tokenization.backend import rust
from hubformer.tokenization.convention import Convention
from hubformer.tokenization.conventions import CONVENTIONS, convention_of
from hubformer.tokenization.named import TOKENIZER_CLASSES
from hubformer.tokenization.tokenizer import PreTrainedTokenizerFast

_MOST_CHARACTERS = 1000  # of a WordPiece alphabet, as in BERT's; rarer ones are unknown
_BERT = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# The special tokens by their ids from 0, as published models of the family number them.
_SPECIAL = {
    "BertTokenizer": _BERT,
    "DistilBertTokenizer": _BERT,
    "RobertaTokenizer": ("<s>", "<pad>", "</s>", "<unk>", "<mask>"),
    "GPT2Tokenizer": ("<|endoftext|>",),
    "T5Tokenizer": ("<pad>", "</s>", "<unk>"),  # and its sentinels, behind all others
    "XLNetTokenizer": ("<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>"),
}


@dataclass(frozen=True)
class Kind:
    """An algorithm. usual: the family whose tokens are used where the model's own family has another."""

    usual: str
    algorithm: str  # the model type in tokenizer.json
    pipeline: Callable[..., Tokenizer]  # an empty tokenizer
    trainer: Callable[..., Any]
    lowercase: bool


def train_tokenizer(
    kind: str,
    texts: Iterable[str],
    *,
    vocab_size: int,
    lowercase: bool | None = None,
    model_type: str | None = None,
    model_max_length: int | None = None,
) -> PreTrainedTokenizerFast:
    """A tokenizer that was learnt from texts, for a family of models.

    kind: `wordpiece`, BERT's (Devlin et al. 2018, arXiv:1810.04805); `byte-bpe`, GPT-2's (Sennrich et al.
    2015, arXiv:1508.07909, over bytes); `unigram`, XLNet's (Kudo 2018, arXiv:1804.10959). lowercase None:
    WordPiece does, the others do not. model_type: the family, whose special tokens are used if it has this
    algorithm.

    WordPiece and BPE give the same vocabulary for the same texts. Unigram's training sums in an order that is
    new in each process, so that its rarest pieces may differ: keep the tokenizer, do not train it again.

    Raises:
        UnknownName: another kind. InputError: no texts, or a vocabulary that is too small for them.
    """
    if kind not in KINDS:
        raise UnknownName(
            f"There is no kind of tokenizer {kind!r}.{suggestion(kind, KINDS)} There are: {', '.join(KINDS)}."
        )
    row = KINDS[kind]
    family = convention_of(tokenizer_class=None, model_type=model_type)
    if family is None or family.algorithm != row.algorithm or family.name not in _SPECIAL:
        family = CONVENTIONS[row.usual]
    lower = row.lowercase if lowercase is None else lowercase
    special = _SPECIAL[family.name]
    if vocab_size <= len(special):
        raise InputError(f"vocab_size is {vocab_size}, expected more than the {len(special)} special tokens.")
    some = [text for text in texts if text.strip()]
    if not some:
        raise InputError("There is no text to train a tokenizer on.")
    empty = row.pipeline(lowercase=lower)
    with rust("The tokenizer cannot be trained"):
        trainer = row.trainer(empty, some, vocab_size=vocab_size, special=special)
        empty.train_from_iterator(some, trainer=trainer, length=len(some))
    return _wrapped(empty, row, family, lowercase=lower, model_max_length=model_max_length)


def _wrapped(
    trained: Tokenizer, row: Kind, family: Convention, *, lowercase: bool, model_max_length: int | None
) -> PreTrainedTokenizerFast:
    # A new one: training marks as special all tokens whose ids were fixed beforehand.
    tokenizer = row.pipeline(lowercase=lowercase)
    tokenizer.model = trained.model
    # T5's sentinels are numbered from the end of the vocabulary.
    behind = [token for token in reversed(family.additional) if tokenizer.token_to_id(token) is None]
    tokenizer.add_tokens([AddedToken(token, normalized=False, special=True) for token in behind])
    options = {**family.options, **family.tokens}
    tokenizer.post_processor = family.surround(tokenizer, options)
    settings: dict[str, Any] = {"do_lower_case": lowercase} if "do_lower_case" in family.options else {}
    if behind:
        settings["additional_special_tokens"] = list(family.additional)
    if "pad_token" not in family.tokens:  # GPT-2's: padding is masked, so that any token does
        settings["pad_token"] = family.tokens["eos_token"]
    return TOKENIZER_CLASSES[f"{family.name}Fast"](
        tokenizer_object=tokenizer, model_max_length=model_max_length, **settings
    )


def _word_piece(*, lowercase: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    return tokenizer


def _train_word_piece(
    tokenizer: Tokenizer, texts: Sequence[str], *, vocab_size: int, special: Sequence[str]
) -> Any:
    """The characters get their ids beforehand: left to the trainer, they would get them in the order of a
    hash table, by which it also decides between pairs that are equally frequent."""
    first, inner = Counter[str](), Counter[str]()
    for text in texts:
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text)):
            first[word[0]] += 1
            inner.update(word[1:])
    most = max(100, min(_MOST_CHARACTERS, vocab_size // 16))
    ordered = sorted((first + inner).items(), key=lambda pair: (-pair[1], pair[0]))
    alphabet = sorted(character for character, _ in ordered[:most])
    fixed = [*special, *alphabet, *(f"##{character}" for character in alphabet if inner[character])]
    if len(fixed) > vocab_size:
        raise InputError(
            f"vocab_size is {vocab_size}, but the special tokens and the characters of the texts are "
            f"{len(fixed)} already. Expected more, such as {4 * len(fixed)}."
        )
    return trainers.WordPieceTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        special_tokens=fixed,
        initial_alphabet=alphabet,
        limit_alphabet=len(alphabet),
        show_progress=_shown(),
    )


def _byte_level(*, lowercase: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(continuing_subword_prefix="", end_of_word_suffix=""))
    if lowercase:
        tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _train_byte_level(
    tokenizer: Tokenizer, texts: Sequence[str], *, vocab_size: int, special: Sequence[str]
) -> Any:
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    if vocab_size < len(special) + len(alphabet):
        raise InputError(f"vocab_size is {vocab_size}, expected more than the {len(alphabet)} bytes.")
    return trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        special_tokens=list(special),
        initial_alphabet=alphabet,
        show_progress=_shown(),
    )


def _unigram(*, lowercase: bool) -> Tokenizer:
    """XLNet's pipeline; Nmt and NFKC are what the table in its SentencePiece file does."""
    tokenizer = Tokenizer(models.Unigram())
    parts: list[Any] = [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
    parts += [normalizers.NFKD(), normalizers.StripAccents()]
    parts += [normalizers.Lowercase()] if lowercase else []
    parts += [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    tokenizer.normalizer = normalizers.Sequence(parts)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    return tokenizer


def _train_unigram(
    tokenizer: Tokenizer, texts: Sequence[str], *, vocab_size: int, special: Sequence[str]
) -> Any:
    return trainers.UnigramTrainer(
        vocab_size=vocab_size, special_tokens=list(special), unk_token="<unk>", show_progress=_shown()
    )


def _shown() -> bool:
    return sys.stderr is not None and sys.stderr.isatty()


KINDS: dict[str, Kind] = {
    "wordpiece": Kind("BertTokenizer", "WordPiece", _word_piece, _train_word_piece, lowercase=True),
    "byte-bpe": Kind("GPT2Tokenizer", "BPE", _byte_level, _train_byte_level, lowercase=False),
    "unigram": Kind("XLNetTokenizer", "Unigram", _unigram, _train_unigram, lowercase=False),
}
