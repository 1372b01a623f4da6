from __future__ import annotations

import json
import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tokenization.token_samples import TEXTS, shared

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session")
def oracle() -> Any:
    """transformers' AutoTokenizer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformers import AutoTokenizer, logging

    logging.set_verbosity_error()
    return AutoTokenizer


# Where the published models have their first tokens.
_T5_IDS: dict[str, Any] = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
_ALBERT_IDS: dict[str, Any] = {"pad_id": 0, "unk_id": 1, "bos_id": -1, "eos_id": -1}
_DEBERTA_IDS: dict[str, Any] = {
    **{"pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3},
    **{"pad_piece": "[PAD]", "bos_piece": "[CLS]", "eos_piece": "[SEP]", "unk_piece": "[UNK]"},
}


def _sentencepiece(folder: Path, name: str, tokenizer_class: str, **options: Any) -> None:
    import sentencepiece

    folder.mkdir()
    corpus = folder.parent / "corpus.txt"
    lines = TEXTS * 30 + [
        f"line {i} of {7 * i} words {chr(97 + i % 26)}{chr(98 + i % 24)}" for i in range(300)
    ]
    corpus.write_text("\n".join(line for line in lines if line), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus),
        model_prefix=str(folder / Path(name).stem),
        vocab_size=400,
        hard_vocab_limit=False,
        minloglevel=2,
        **{"unk_id": 0, "bos_id": 1, "eos_id": 2, "pad_id": -1, **options},
    )
    (folder / f"{Path(name).stem}.vocab").unlink()
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": tokenizer_class}))


@pytest.fixture(scope="session")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder with the raw vocabulary files of a family, and nothing built from them."""
    home = tmp_path_factory.mktemp("raw")
    makers: dict[str, Callable[[Path], None]] = {
        "xlnet": lambda folder: _sentencepiece(
            folder,
            "spiece.model",
            "XLNetTokenizer",
            control_symbols=["<cls>", "<sep>", "<pad>", "<mask>", "<eod>"],
            user_defined_symbols=["<eop>", ".", "(", ")"],
        ),
        "xlm-roberta": lambda folder: _sentencepiece(
            folder, "sentencepiece.bpe.model", "XLMRobertaTokenizer"
        ),
        "camembert": lambda folder: _sentencepiece(folder, "sentencepiece.bpe.model", "CamembertTokenizer"),
        "t5": lambda folder: _sentencepiece(
            folder, "spiece.model", "T5Tokenizer", control_symbols=[], **_T5_IDS
        ),
        "albert": lambda folder: _sentencepiece(
            folder,
            "spiece.model",
            "AlbertTokenizer",
            control_symbols=["[CLS]", "[SEP]"],
            user_defined_symbols=["(", ")", ".", "[MASK]"],
            **_ALBERT_IDS,
        ),
        "deberta-v2": lambda folder: _sentencepiece(
            folder, "spm.model", "DebertaV2Tokenizer", **_DEBERTA_IDS
        ),
        "bart": lambda folder: _copied(
            folder, "BartTokenizer", "roberta-base/vocab.json", "roberta-base/merges.txt"
        ),
        "led": lambda folder: _copied(
            folder, "LEDTokenizer", "roberta-base/vocab.json", "roberta-base/merges.txt"
        ),
        "bert": lambda folder: _copied(folder, "BertTokenizer", "bert-base-uncased/vocab.txt"),
        "cased": lambda folder: _copied(
            folder, "BertTokenizer", "bert-cased-onnxext/vocab.txt", do_lower_case=False
        ),
        "distilbert": lambda folder: _copied(folder, "DistilBertTokenizer", "bert-base-uncased/vocab.txt"),
        "electra": lambda folder: _copied(folder, "ElectraTokenizer", "bert-base-uncased/vocab.txt"),
        "mpnet": _mpnet,
        "gpt2": lambda folder: _copied(folder, "GPT2Tokenizer", "gpt2/vocab.json", "gpt2/merges.txt"),
        "longformer": lambda folder: _copied(
            folder, "LongformerTokenizer", "roberta-base/vocab.json", "roberta-base/merges.txt"
        ),
        "roberta": lambda folder: _copied(
            folder, "RobertaTokenizer", "roberta-base/vocab.json", "roberta-base/merges.txt"
        ),
    }

    def get(family: str) -> Path:
        folder = home / family
        if not folder.exists():
            makers[family](folder)
        return folder

    return get


def _mpnet(folder: Path) -> None:
    """BERT's words behind MPNet's own first four, as its published vocabulary has them."""
    _copied(folder, "MPNetTokenizer", "bert-base-uncased/vocab.txt")
    words = (folder / "vocab.txt").read_text("utf-8")
    (folder / "vocab.txt").write_text(f"<s>\n<pad>\n</s>\n<unk>\n{words}<mask>\n", "utf-8")


def _copied(folder: Path, tokenizer_class: str, *files: str, **config: Any) -> None:
    sources = [shared(*file.split("/")) for file in files]
    folder.mkdir()
    for source in sources:
        shutil.copyfile(source, folder / source.name)
    config["tokenizer_class"] = tokenizer_class
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "the",
    "quick",
    "brown",
    "fox",
    "##es",
    "jumps",
    "a",
    "dog",
    ",",
    ".",
    "hello",
    "world",
]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A folder with a small tokenizer.json of BERT's kind, and its config."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    backend = Tokenizer(models.WordPiece({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.WordPiece()
    backend.add_special_tokens(WORDS[:5])
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    folder = tmp_path / "small"
    folder.mkdir()
    backend.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "BertTokenizer", "model_max_length": 16})
    )
    return folder


@pytest.fixture
def tokenizer(small: Path) -> Any:
    from hubformer.tokenization import load_tokenizer

    return load_tokenizer(small)
