"""Write tests/tokenization/goldens: raw files of tokenizers, and what transformers 4.57.6 makes of them.

Run with transformers 4.57.6 (and tokenizers, sentencepiece, protobuf), in an environment of its own:

    python scripts/make_tokenizer_goldens.py

Version 5 is no reference here: it builds these tokenizers without parts of their files, or without languages.
"""

from __future__ import annotations

import ast
import contextlib
import json
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sentencepiece
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers.models.m2m_100.tokenization_m2m_100 import FAIRSEQ_LANGUAGE_CODES as M2M_CODES
from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES as NLLB_CODES

ROOT = Path(__file__).resolve().parents[1]
GOLDENS = ROOT / "tests" / "tokenization" / "goldens"


def _texts() -> list[str]:
    """The rows that other tests of tokenizers share, read without pytest, which that environment lacks."""
    tree = ast.parse((ROOT / "tests" / "tokenization" / "token_samples.py").read_text("utf-8"))
    found = [node.value for node in tree.body if isinstance(node, ast.Assign) and _named(node, "TEXTS")]
    texts: list[str] = ast.literal_eval(found[0])
    return texts


def _named(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)


TEXTS = _texts()
CORPUS = TEXTS * 30 + [f"line {i} of {7 * i} words {chr(97 + i % 26)}{chr(98 + i % 24)}" for i in range(300)]
# What trips these tokenizers: their own tokens within a text, characters of no piece, spaces of all kinds.
ROWS = [
    *TEXTS,
    "the fox <mask> jumps",
    "a</s>b <unk> <pad> [SEP] [MASK] x",
    "x <s> y",
    "__en__ fox __fr__x en_XX y eng_Latn",
    ">>fra<< fox jumps",
    ">>fra<<fox",
    "的的 的 fox的 ☃☃ ☃",
    "fox\tand\nnew\u00a0line",
    "\ufb01ne \uff21 \uff11",
    "  lead",
    "<mask_1> a <mask_2> <unk_5>",
]
# Few rules, so that the files stay small: ligature, wide letters and spaces, as NFKC has them.
RULES = "FB01\t66 69\nFF21\t41\nFF11\t31\n9\t20\nA\t20\nA0\t20\n"


def pieces(path: Path, lines: list[str], **options: Any) -> list[str]:
    """Train a SentencePiece model; its pieces come back."""
    # The names of its files stand in a model: relative ones are the same every time.
    with tempfile.TemporaryDirectory() as home, contextlib.chdir(home):
        Path("corpus.txt").write_text("\n".join(line for line in lines if line), "utf-8")
        Path("rules.tsv").write_text(RULES, "utf-8")
        sentencepiece.SentencePieceTrainer.train(
            input="corpus.txt",
            model_prefix="model",
            normalization_rule_tsv="rules.tsv",
            hard_vocab_limit=False,
            minloglevel=2,
            num_threads=1,
            **{"vocab_size": 380, "unk_id": 0, "bos_id": 1, "eos_id": 2, "pad_id": -1, **options},
        )
        shutil.copyfile("model.model", path)
    model = sentencepiece.SentencePieceProcessor(model_file=str(path))
    return [model.id_to_piece(i) for i in range(len(model))]


def dump(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", "utf-8")


def numbered(words: list[str]) -> dict[str, int]:
    return {word: index for index, word in enumerate(dict.fromkeys(words))}


def fairseq(folder: Path, *, algorithm: str = "unigram") -> list[str]:
    return pieces(folder / "sentencepiece.bpe.model", CORPUS, model_type=algorithm)


def nllb(folder: Path) -> None:
    """With the ids of its languages written down, as published: else 4.57.6 puts the mask before them."""
    first = len(fairseq(folder, algorithm="bpe")) + 1
    tokens = {
        first + place: {"content": token, "special": True, "lstrip": token == "<mask>", "rstrip": False,
                        "normalized": token == "<mask>", "single_word": False}
        for place, token in enumerate([*NLLB_CODES, "<mask>"])
    }  # fmt: skip
    dump(
        folder / "tokenizer_config.json", {"added_tokens_decoder": tokens, "tokenizer_class": "NllbTokenizer"}
    )


def m2m(folder: Path, *, algorithm: str) -> None:
    """Numbered backwards, and without some pieces."""
    known = fairseq(folder, algorithm=algorithm)[3:]
    kept = [piece for place, piece in enumerate(known) if place % 17 != 5][::-1]
    dump(folder / "vocab.json", numbered(["<s>", "<pad>", "</s>", "<unk>", *kept]))
    tokens = [f"__{code}__" for code in M2M_CODES["m2m100"]]
    dump(folder / "special_tokens_map.json", {"additional_special_tokens": tokens})


def marian(folder: Path, *, separate: bool) -> None:
    """Sides that know other scripts, numbered together or apart, each without some pieces."""
    source = pieces(folder / "source.spm", [line for line in CORPUS if max(map(ord, line or " ")) < 0x3000])
    target = pieces(folder / "target.spm", [line for line in CORPUS if not line.startswith("The quick")])
    words = [piece for place, piece in enumerate(source[3:]) if place % 11 != 5]
    others = [piece for place, piece in enumerate(target[3:]) if place % 13 != 4]
    codes = [">>fra<<", ">>deu<<"]
    first = ["</s>", "<unk>"]
    both = [] if separate else others
    dump(folder / "vocab.json", numbered([*first, *words, *both, *codes, "<pad>"]))
    if separate:
        dump(folder / "target_vocab.json", numbered([*first, *others[::-1], "<pad>"]))
        dump(folder / "tokenizer_config.json", {"separate_vocabs": True})


def bytes_of(folder: Path, *, special: list[str]) -> None:
    """A byte-level BPE, its special tokens first."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS * 3, trainer)
    tokenizer.model.save(str(folder))


def plain(folder: Path, **options: Any) -> None:
    pieces(folder / "spiece.model", CORPUS, **options)


FAIRSEQ = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
DEBERTA = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]
BIG_BIRD = {
    "pad_id": 0,
    "eos_id": 1,
    "bos_id": 2,
    "unk_id": 3,
    "control_symbols": ["[SEP]", "[CLS]", "[MASK]"],
}
PEGASUS = {"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}
# name -> (class, what writes its files, options of from_pretrained for each case)
CASES: dict[str, tuple[str, Callable[[Path], Any], list[dict[str, Any]]]] = {
    "mbart": (
        "MBartTokenizerFast",
        fairseq,
        [{"tgt_lang": "ro_RO"}, {"src_lang": "ko_KR", "tgt_lang": "zh_CN"}],
    ),
    "mbart50": (
        "MBart50TokenizerFast",
        fairseq,
        [{"tgt_lang": "ro_RO"}, {"src_lang": "sl_SI", "tgt_lang": "xh_ZA"}],
    ),
    "nllb": (
        "NllbTokenizerFast",
        nllb,
        [
            {"tgt_lang": "fra_Latn"},
            {"src_lang": "zul_Latn", "tgt_lang": "ace_Arab", "legacy_behaviour": True},
        ],
    ),
    "m2m-unigram": (
        "M2M100Tokenizer",
        lambda folder: m2m(folder, algorithm="unigram"),
        [{"tgt_lang": "fr"}, {"src_lang": "zu", "tgt_lang": "af"}],
    ),
    "m2m-bpe": ("M2M100Tokenizer", lambda folder: m2m(folder, algorithm="bpe"), [{"tgt_lang": "fr"}]),
    "marian": ("MarianTokenizer", lambda folder: marian(folder, separate=False), [{}]),
    "marian-separate": ("MarianTokenizer", lambda folder: marian(folder, separate=True), [{}]),
    "pegasus": ("PegasusTokenizerFast", lambda folder: plain(folder, **PEGASUS), [{}]),
    "pegasus-plain": (
        "PegasusTokenizerFast",
        lambda folder: plain(folder, **BIG_BIRD),
        [{"offset": 0, "mask_token_sent": None, "mask_token": "[MASK]", "additional_special_tokens": []}],
    ),
    "big-bird": ("BigBirdTokenizerFast", lambda folder: plain(folder, **BIG_BIRD), [{}]),
    "deberta": ("DebertaTokenizerFast", lambda folder: bytes_of(folder, special=DEBERTA), [{}]),
    "blenderbot": (
        "BlenderbotTokenizerFast",
        lambda folder: bytes_of(folder, special=FAIRSEQ),
        [{"add_prefix_space": True}, {}],
    ),
    "led": ("LEDTokenizerFast", lambda folder: bytes_of(folder, special=FAIRSEQ), [{}]),
}


def answers(tokenizer: Any, *, sided: bool) -> dict[str, Any]:
    """What a tokenizer says of all rows; slow ones know no offsets, nor types of use."""
    pairs = list(zip(ROWS, ROWS[::-1], strict=True))
    single = [tokenizer(row)["input_ids"] for row in ROWS]
    found: dict[str, Any] = {
        "single": single,
        "pairs": [tokenizer(*pair)["input_ids"] if pair[1] else None for pair in pairs],
        "batch": tokenizer(ROWS[:4], padding=True, truncation=True, max_length=12)["input_ids"],
        "shown": tokenizer.batch_decode(single),
        "read": tokenizer.batch_decode(single, skip_special_tokens=True),
        "size": [tokenizer.vocab_size, len(tokenizer)],
        "vocab": dict(sorted(tokenizer.get_vocab().items(), key=lambda pair: (pair[1], pair[0]))),
        "special": tokenizer.special_tokens_map,
    }
    if sided:
        found["targets"] = [tokenizer(text_target=row)["input_ids"] for row in ROWS]
    if tokenizer.is_fast:
        found["types"] = [
            tokenizer(*pair, return_token_type_ids=True)["token_type_ids"] if pair[1] else None
            for pair in pairs
        ]
        found["offsets"] = [tokenizer(row, return_offsets_mapping=True)["offset_mapping"] for row in ROWS]
    return found


def main() -> None:
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    if GOLDENS.exists():
        shutil.rmtree(GOLDENS)
    expected: dict[str, Any] = {}
    for name, (kind, write, cases) in CASES.items():
        folder = GOLDENS / name
        folder.mkdir(parents=True)
        write(folder)
        rows = []
        for options in cases:
            tokenizer = getattr(transformers, kind).from_pretrained(folder, **json.loads(json.dumps(options)))
            sided = name.startswith("marian") or "tgt_lang" in options
            rows.append({"options": options, **answers(tokenizer, sided=sided)})
        # One vocabulary serves all cases of a folder.
        vocab = rows[0]["vocab"]
        for row in rows:
            assert row.pop("vocab") == vocab
        expected[name] = {"class": kind, "vocab": vocab, "cases": rows}
    lines = [
        f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in expected.items()
    ]
    text = "{" + f'"rows": {json.dumps(ROWS, ensure_ascii=False)},\n' + ",\n".join(lines) + "}\n"
    (GOLDENS / "expected.json").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
