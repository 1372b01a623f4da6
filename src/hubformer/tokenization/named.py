"""The named classes of transformers 4, as real classes.

They live here, so pickles find them wherever else they are shown.
"""

from __future__ import annotations

from typing import Any

from hubformer.tokenization.convention import Convention
from hubformer.tokenization.conventions import CONVENTIONS
from hubformer.tokenization.ending import T5TokenizerBase
from hubformer.tokenization.tokenizer import PreTrainedTokenizerFast
from hubformer.tokenization.translating import M2M100TokenizerBase, MarianTokenizerBase, Multilingual


class _Family(PreTrainedTokenizerFast):
    """Takes its defaults from the row of CONVENTIONS with the class's name."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        row: Convention | None = CONVENTIONS.get(cls.__name__.removesuffix("Fast"))
        # Only our own: a user's subclass inherits, whatever its name.
        if row is None or cls.__module__ != __name__:
            return
        cls.convention = row
        cls.fast_order = cls.__name__.endswith("Fast")
        cls.model_input_names = list(row.model_input_names)
        cls.padding_side = row.padding_side
        cls.other_pads = row.pads
        cls.vocab_files_names = {
            **{argument: names[0] for argument, names in row.files.items()},
            "tokenizer_file": "tokenizer.json",
        }


class BertTokenizer(_Family):
    """BERT's WordPiece: `[CLS] A [SEP] B [SEP]`."""


class BertTokenizerFast(BertTokenizer):
    """BertTokenizer, with the argument order of transformers' fast class."""


class DistilBertTokenizer(_Family):
    """BERT's WordPiece, without token types."""


class DistilBertTokenizerFast(DistilBertTokenizer):
    """DistilBertTokenizer, with the argument order of transformers' fast class."""


class ElectraTokenizer(_Family):
    """BERT's WordPiece: `[CLS] A [SEP] B [SEP]`."""


class ElectraTokenizerFast(ElectraTokenizer):
    """ElectraTokenizer, with the argument order of transformers' fast class."""


class MPNetTokenizer(_Family):
    """BERT's WordPiece with RoBERTa's special tokens: `<s> A </s></s> B </s>`."""


class MPNetTokenizerFast(MPNetTokenizer):
    """MPNetTokenizer, with the argument order of transformers' fast class."""


class RobertaTokenizer(_Family):
    """Byte-level BPE: `<s> A </s></s> B </s>`."""


class RobertaTokenizerFast(RobertaTokenizer):
    """RobertaTokenizer, with the argument order of transformers' fast class."""


class LongformerTokenizer(_Family):
    """RoBERTa's byte-level BPE: `<s> A </s></s> B </s>`."""


class LongformerTokenizerFast(LongformerTokenizer):
    """LongformerTokenizer, with the argument order of transformers' fast class."""


class BartTokenizer(_Family):
    """RoBERTa's byte-level BPE: `<s> A </s></s> B </s>`."""


class BartTokenizerFast(BartTokenizer):
    """BartTokenizer, with the argument order of transformers' fast class."""


class T5Tokenizer(T5TokenizerBase, _Family):
    """SentencePiece Unigram with sentinels for lost spans: `A </s> B </s>`."""


class T5TokenizerFast(T5Tokenizer):
    """T5Tokenizer, with the argument order of transformers' fast class, and its `A </s></s>` for `A </s>`."""

    ends_once = False


class AlbertTokenizer(_Family):
    """SentencePiece Unigram in small letters: `[CLS] A [SEP] B [SEP]`."""


class AlbertTokenizerFast(AlbertTokenizer):
    """AlbertTokenizer, with the argument order of transformers' fast class."""


class DebertaV2Tokenizer(_Family):
    """SentencePiece Unigram: `[CLS] A [SEP] B [SEP]`."""


class DebertaV2TokenizerFast(DebertaV2Tokenizer):
    """DebertaV2Tokenizer, with the argument order of transformers' fast class."""


class GPT2Tokenizer(_Family):
    """Byte-level BPE without special tokens around texts; it has no padding token of its own."""


class GPT2TokenizerFast(GPT2Tokenizer):
    """GPT2Tokenizer, with the argument order of transformers' fast class."""


class OpenAIGPTTokenizer(_Family):
    """GPT's BPE over lower-case words: `A B`."""


class OpenAIGPTTokenizerFast(OpenAIGPTTokenizer):
    """OpenAIGPTTokenizer, with the argument order of transformers' fast class."""


class XLNetTokenizer(_Family):
    """SentencePiece Unigram, padded on the left: `A <sep> B <sep> <cls>`."""


class XLNetTokenizerFast(XLNetTokenizer):
    """XLNetTokenizer, with the argument order of transformers' fast class."""


class XLMRobertaTokenizer(_Family):
    """SentencePiece Unigram with fairseq's ids: `<s> A </s></s> B </s>`."""


class XLMRobertaTokenizerFast(XLMRobertaTokenizer):
    """XLMRobertaTokenizer, with the argument order of transformers' fast class."""


class CamembertTokenizer(_Family):
    """SentencePiece Unigram with fairseq's placeholders: `<s> A </s></s> B </s>`."""


class CamembertTokenizerFast(CamembertTokenizer):
    """CamembertTokenizer, with the argument order of transformers' fast class."""


class LlamaTokenizer(_Family):
    """SentencePiece BPE that spells the rest in bytes: `<s> A`."""


class LlamaTokenizerFast(LlamaTokenizer):
    """LlamaTokenizer, with the argument order of transformers' fast class."""


class LEDTokenizer(_Family):
    """RoBERTa's byte-level BPE: `<s> A </s></s> B </s>`."""


class LEDTokenizerFast(LEDTokenizer):
    """LEDTokenizer, with the argument order of transformers' fast class."""


class BlenderbotTokenizer(_Family):
    """Byte-level BPE that ends a text: `A </s>`."""


class BlenderbotTokenizerFast(BlenderbotTokenizer):
    """BlenderbotTokenizer, with the argument order of transformers' fast class."""


class DebertaTokenizer(_Family):
    """Byte-level BPE with BERT's special tokens: `[CLS] A [SEP] B [SEP]`."""


class DebertaTokenizerFast(DebertaTokenizer):
    """DebertaTokenizer, with the argument order of transformers' fast class."""


class BigBirdTokenizer(_Family):
    """SentencePiece Unigram: `[CLS] A [SEP] B [SEP]`."""


class BigBirdTokenizerFast(BigBirdTokenizer):
    """BigBirdTokenizer, with the argument order of transformers' fast class."""


class PegasusTokenizer(_Family):
    """SentencePiece Unigram behind the tokens of its pre-training: `A </s>`."""


class PegasusTokenizerFast(PegasusTokenizer):
    """PegasusTokenizer, with the argument order of transformers' fast class."""


class MBartTokenizer(Multilingual, _Family):
    """SentencePiece Unigram with fairseq's ids, the language last: `A </s> en_XX`."""


class MBartTokenizerFast(MBartTokenizer):
    """MBartTokenizer, with the argument order of transformers' fast class."""


class MBart50Tokenizer(Multilingual, _Family):
    """SentencePiece Unigram with fairseq's ids, the language first: `en_XX A </s>`."""


class MBart50TokenizerFast(MBart50Tokenizer):
    """MBart50Tokenizer, with the argument order of transformers' fast class."""


class NllbTokenizer(Multilingual, _Family):
    """SentencePiece BPE with fairseq's ids: `eng_Latn A </s>`; the language is last by `legacy_behaviour`."""


class NllbTokenizerFast(NllbTokenizer):
    """NllbTokenizer, with the argument order of transformers' fast class."""


class M2M100Tokenizer(M2M100TokenizerBase, _Family):
    """SentencePiece, with ids from vocab.json: `__en__ A </s>`."""


class MarianTokenizer(MarianTokenizerBase, _Family):
    """SentencePiece for each of two languages, with ids from vocab.json: `A </s>`."""


TOKENIZER_CLASSES: dict[str, type[PreTrainedTokenizerFast]] = {
    kind.__name__: kind
    for kind in (
        PreTrainedTokenizerFast,
        BertTokenizer,
        BertTokenizerFast,
        DistilBertTokenizer,
        DistilBertTokenizerFast,
        ElectraTokenizer,
        ElectraTokenizerFast,
        MPNetTokenizer,
        MPNetTokenizerFast,
        RobertaTokenizer,
        RobertaTokenizerFast,
        LongformerTokenizer,
        LongformerTokenizerFast,
        BartTokenizer,
        BartTokenizerFast,
        T5Tokenizer,
        T5TokenizerFast,
        AlbertTokenizer,
        AlbertTokenizerFast,
        DebertaV2Tokenizer,
        DebertaV2TokenizerFast,
        GPT2Tokenizer,
        GPT2TokenizerFast,
        OpenAIGPTTokenizer,
        OpenAIGPTTokenizerFast,
        XLNetTokenizer,
        XLNetTokenizerFast,
        XLMRobertaTokenizer,
        XLMRobertaTokenizerFast,
        CamembertTokenizer,
        CamembertTokenizerFast,
        LlamaTokenizer,
        LlamaTokenizerFast,
        LEDTokenizer,
        LEDTokenizerFast,
        BlenderbotTokenizer,
        BlenderbotTokenizerFast,
        DebertaTokenizer,
        DebertaTokenizerFast,
        BigBirdTokenizer,
        BigBirdTokenizerFast,
        PegasusTokenizer,
        PegasusTokenizerFast,
        MBartTokenizer,
        MBartTokenizerFast,
        MBart50Tokenizer,
        MBart50TokenizerFast,
        NllbTokenizer,
        NllbTokenizerFast,
        M2M100Tokenizer,
        MarianTokenizer,
    )
}
