"""Tokenizers: folder -> tokenizer, text -> model inputs. The only room that knows `tokenizers`."""

from tokenizers import AddedToken

from hubformer.tokenization.auto import load_tokenizer
from hubformer.tokenization.conventions import CONVENTIONS
from hubformer.tokenization.encoding import BatchEncoding, CharSpan, TokenSpan
from hubformer.tokenization.from_texts import KINDS, train_tokenizer
from hubformer.tokenization.named import TOKENIZER_CLASSES
from hubformer.tokenization.sources import TOKENIZER_FILES, Resolved, set_resolver, set_uploader
from hubformer.tokenization.tokenizer import PreTrainedTokenizerFast

__all__ = [
    "CONVENTIONS",
    "KINDS",
    "TOKENIZER_CLASSES",
    "TOKENIZER_FILES",
    "AddedToken",
    "BatchEncoding",
    "CharSpan",
    "PreTrainedTokenizerFast",
    "Resolved",
    "TokenSpan",
    "load_tokenizer",
    "set_resolver",
    "set_uploader",
    "train_tokenizer",
]
