"""Languages and the two sides of Marian: what stands around a text, what is refused, who reads what is saved.

What transformers 4.57.6 makes of such files is in test_tokenizer_goldens.py.
"""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import hubformer
from hubformer.errors import CheckpointError, InputError
from hubformer.tokenization import load_tokenizer
from tokenization.token_samples import PAIRS, TEXTS, shared

sentencepiece = pytest.importorskip("sentencepiece")
transformers = pytest.importorskip("transformers")

GOLDENS = Path(__file__).parent / "goldens"
LINES = TEXTS * 30 + [f"line {i} of {7 * i} words {chr(97 + i % 26)}" for i in range(300)]
# Texts of six scripts without tokens of the vocabularies, which the library would cut.
PLAIN = [
    *(text for text in TEXTS if "<" not in text and text),
    "ﬁne ½ Ａ １\t tab\nline",
    "的的 的 fox ☃☃ ☃",
    " \u00a0 lead",
    "naïve Ωμέγα 12345, 日本 тест!",
]


def trained(path: Path, lines: list[str] = LINES, **options: Any) -> Any:
    """A SentencePiece model at a path, read by the library; its rules are those of published ones."""
    corpus = path.parent / "corpus.txt"
    corpus.write_text("\n".join(line for line in lines if line), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(corpus),
        model_prefix=str(path.parent / "model"),
        hard_vocab_limit=False,
        minloglevel=2,
        **{"vocab_size": 500, "unk_id": 0, "bos_id": 1, "eos_id": 2, "pad_id": -1, **options},
    )
    corpus.unlink()
    (path.parent / "model.vocab").unlink()
    (path.parent / "model.model").rename(path)
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


def named(folder: Path, tokenizer_class: str, **config: Any) -> None:
    config["tokenizer_class"] = tokenizer_class
    (folder / "tokenizer_config.json").write_text(json.dumps(config), "utf-8")


def golden(name: str, **overrides: Any) -> Any:
    model_type = {"m2m-unigram": "m2m_100", "m2m-bpe": "m2m_100"}.get(name, name.split("-")[0])
    return load_tokenizer(GOLDENS / name, model_type=model_type, overrides=overrides)


@pytest.mark.parametrize("algorithm", ["unigram", "bpe"])
@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("MBartTokenizer", [], ["</s>", "en_XX"]),
        ("MBart50Tokenizer", ["en_XX"], ["</s>"]),
        ("NllbTokenizer", ["eng_Latn"], ["</s>"]),
    ],
)
def test_pieces_are_those_of_the_library(
    tmp_path: Path, kind: str, before: list[str], after: list[str], algorithm: str
) -> None:
    """fairseq moves each piece by one, and puts its own unknown token at 3."""
    library = trained(tmp_path / "sentencepiece.bpe.model", model_type=algorithm)
    named(tmp_path, kind)
    ours = load_tokenizer(tmp_path)
    again = load_tokenizer(Path(_saved(ours, tmp_path / "saved")))
    assert type(again) is type(ours)
    assert again(PLAIN)["input_ids"] == ours(PLAIN)["input_ids"]
    for text in PLAIN:
        pieces = [index + 1 if index else 3 for index in library.encode(text)]
        first, last = (ours.convert_tokens_to_ids(tokens) for tokens in (before, after))
        assert ours(text)["input_ids"] == [*first, *pieces, *last], text
        assert ours.prefix_tokens == first
        assert ours.suffix_tokens == last
        if 0 not in library.encode(text):
            assert ours.decode(pieces) == library.decode(library.encode(text))
    codes = list(ours.lang_code_to_id.values())
    assert codes == list(range(len(library) + 1, len(library) + 1 + len(codes)))
    assert ours.mask_token_id == codes[-1] + 1 == len(ours) - 1


def test_a_given_vocabulary_of_fairseqs_kind(tmp_path: Path) -> None:
    """One of the given toys has its first pieces where the models of XLM-R and mBART have them."""
    source = shared("toy-curated", "toy.model")
    shutil.copyfile(source, tmp_path / "sentencepiece.bpe.model")
    library = sentencepiece.SentencePieceProcessor(model_file=str(source))
    named(tmp_path, "MBart50Tokenizer")
    ours = load_tokenizer(tmp_path)
    known = 0
    for text in [*PLAIN, "the quick brown fox jumped over airplanes"]:
        pieces = [index + 1 if index else 3 for index in library.encode(text)]
        assert ours(text)["input_ids"] == [ours.lang_code_to_id["en_XX"], *pieces, 2]
        known += sum(index != 3 for index in pieces)
    assert known > 50


@pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")  # which the oracle never uses
@pytest.mark.parametrize("algorithm", ["unigram", "bpe"])
def test_m2m_and_marian_are_the_oracles(tmp_path: Path, algorithm: str) -> None:
    """transformers 5 has both of them by the library; here its own files are written and read, too."""
    m2m = tmp_path / "m2m"
    m2m.mkdir()
    library = trained(m2m / "sentencepiece.bpe.model", model_type=algorithm)
    pieces = [library.id_to_piece(i) for i in range(3, len(library)) if i % 19 != 3]
    words = ["<s>", "<pad>", "</s>", "<unk>", *reversed(pieces)]
    (m2m / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}), "utf-8")
    codes = hubformer.M2M100Tokenizer.from_pretrained(m2m).additional_special_tokens
    named(m2m, "M2M100Tokenizer", additional_special_tokens=codes)
    marian = tmp_path / "marian"
    marian.mkdir()
    sides = [
        trained(marian / "source.spm", LINES[:250], model_type=algorithm),
        trained(marian / "target.spm", LINES[3:], model_type=algorithm),
    ]
    pieces = [side.id_to_piece(i) for side in sides for i in range(3, len(side)) if i % 7 != 3]
    words = list(dict.fromkeys(["</s>", "<unk>", *pieces, ">>fra<<", "<pad>"]))
    (marian / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}), "utf-8")
    named(marian, "MarianTokenizer")
    for kind, folder in (("M2M100Tokenizer", m2m), ("MarianTokenizer", marian)):
        theirs = getattr(transformers, kind).from_pretrained(folder)
        ours = hubformer.AutoTokenizer.from_pretrained(folder)
        assert type(ours).__name__ == kind
        assert ours.add_tokens(["zzfox"]) == theirs.add_tokens(["zzfox"]) == 1
        ours.save_pretrained(tmp_path / f"ours-{kind}")
        theirs.save_pretrained(tmp_path / f"theirs-{kind}")
        readers = (
            (load_tokenizer(tmp_path / f"theirs-{kind}"), theirs),
            (ours, transformers.AutoTokenizer.from_pretrained(tmp_path / f"ours-{kind}")),
        )
        texts = [*PLAIN, ">>fra<< fox", "a zzfox b", "__fr__ fox </s> a", "<unk>"]
        for mine, other in readers:
            assert type(other).__name__ == kind
            if kind == "M2M100Tokenizer":
                mine.src_lang, mine.tgt_lang, other.src_lang, other.tgt_lang = "zu", "fr", "zu", "fr"
            assert mine(texts)["input_ids"] == other(texts)["input_ids"]
            assert mine(text_target=texts)["input_ids"] == other(text_target=texts)["input_ids"]
            rows = other([text for text in texts if "zzfox" not in text])[
                "input_ids"
            ]  # 4 sets it apart, as here
            assert mine.batch_decode(rows, skip_special_tokens=True) == other.batch_decode(
                rows, skip_special_tokens=True
            )
            assert mine.get_vocab() == other.get_vocab()
            assert mine.pad_token_id == other.pad_token_id
    assert ours(PLAIN)["input_ids"] != ours(text_target=PLAIN)["input_ids"]


@pytest.mark.parametrize("name", ["mbart", "mbart50", "nllb", "m2m-bpe"])
def test_the_language_goes_with_the_text(name: str, tmp_path: Path) -> None:
    ours = golden(name)
    first, second = list(ours.lang_code_to_id)[:2]
    default = ours.src_lang
    plain = ours("fox")["input_ids"]
    ours.src_lang = first
    changed = ours("fox")["input_ids"]
    assert changed != plain
    assert set(changed) - set(plain) == {ours.lang_code_to_id[first]}
    with pytest.raises(InputError, match=r"tgt_lang is not set"):
        ours(text_target="fox")
    ours.tgt_lang = second
    both = ours("fox", text_target="fox")
    assert both["input_ids"] == changed
    assert set(both["labels"]) - set(changed) == {ours.lang_code_to_id[second]}
    assert ours.id_to_lang_code[ours.lang_code_to_id[second]] == second
    backends = []
    for code in (default, first, default, first, default):
        ours.src_lang = code
        backends.append(ours._backend)
    assert ours("fox")["input_ids"] == plain
    assert backends[0] is backends[2] is backends[4]  # each is made once
    ours.src_lang = first
    for again in (pickle.loads(pickle.dumps(ours)), load_tokenizer(Path(_saved(ours, tmp_path)))):
        assert (again.src_lang, again.tgt_lang) == (first, second)
        assert dict(again("fox", text_target="fox")) == dict(both)
    assert golden(name, src_lang=first)("fox")["input_ids"] == changed


def _saved(tokenizer: Any, folder: Path) -> str:
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.mark.parametrize("name", ["mbart", "mbart50", "nllb"])
def test_beside_a_tokenizer_json(name: str, tmp_path: Path) -> None:
    """The file's pipeline is taken as it is, but for the language, which the class puts there."""
    golden(name).save_pretrained(tmp_path)
    ours = golden(name, src_lang=None)
    first = next(iter(ours.lang_code_to_id))
    again = load_tokenizer(tmp_path, overrides={"src_lang": first})
    ours.src_lang = first
    assert again(TEXTS, PAIRS)["input_ids"] == ours(TEXTS, PAIRS)["input_ids"]
    plain = hubformer.PreTrainedTokenizerFast.from_pretrained(tmp_path)
    assert plain("fox")["input_ids"] == golden(name)("fox")["input_ids"]
    # Another program's class name beside the file, and a class that does not fit it.
    named(tmp_path, ours.convention.name)
    assert (
        load_tokenizer(tmp_path, overrides={"src_lang": first})("fox")["input_ids"]
        == ours("fox")["input_ids"]
    )
    theirs = transformers.PreTrainedTokenizerFast.from_pretrained(tmp_path)
    assert theirs(PLAIN)["input_ids"] == golden(name)(PLAIN)["input_ids"]
    other = tmp_path / "other"
    golden("pegasus").save_pretrained(other)
    named(other, ours.convention.name)
    assert load_tokenizer(other)("fox")["input_ids"] == golden("pegasus")("fox")["input_ids"]


def test_languages_that_are_none(tmp_path: Path) -> None:
    ours = golden("mbart")
    with pytest.raises(InputError, match=r"src_lang is 'en_xx'.*Did you mean 'en_XX'.*It has 25: ar_AR"):
        ours.src_lang = "en_xx"
    with pytest.raises(InputError, match=r"tgt_lang is '▁f'"):  # a piece, but no language
        ours.tgt_lang = "▁f"
    with pytest.raises(CheckpointError, match="src_lang is 'english'"):
        golden("mbart50", src_lang="english")
    with pytest.raises(InputError, match="lang is 'xx'"):
        golden("m2m-bpe").get_lang_id("xx")
    with pytest.raises(CheckpointError, match="language_codes is 'wmt22'"):
        golden("m2m-bpe", language_codes="wmt22")
    nllb = golden("nllb", additional_special_tokens=["new_Latn"])  # a language of one's own
    nllb.src_lang = "new_Latn"
    assert nllb("fox")["input_ids"][0] == len(nllb) - 1
    for name in ("mbart", "nllb", "m2m-bpe"):  # whose languages stay special beside tokens of one's own
        ours, more = golden(name), golden(name, additional_special_tokens=["<one>"])
        assert more.additional_special_tokens == [*ours.additional_special_tokens, "<one>"]
        ids = more("fox <one>")["input_ids"]
        assert more.decode(ids, skip_special_tokens=True) == "fox"


def test_languages_of_m2m() -> None:
    ours = golden("m2m-unigram")
    assert ours.get_lang_token("en") == ours.lang_code_to_token["en"] == "__en__"
    assert ours.get_lang_id("zu") == ours.lang_token_to_id["__zu__"] == len(ours) - 1
    assert ours.id_to_lang_token[ours.get_lang_id("af")] == "__af__"
    assert ours.get_lang_id("af") == ours.vocab_size
    few = golden("m2m-unigram", language_codes="wmt21")
    assert list(few.lang_code_to_id) == ["en", "ha", "is", "ja", "cs", "ru", "zh", "de"]
    assert few.get_lang_id("en") == few.vocab_size


@pytest.mark.parametrize("name", ["mbart", "mbart50", "nllb", "m2m-bpe"])
def test_what_a_translation_is_given(name: str) -> None:
    ours = golden(name)
    first, second = list(ours.lang_code_to_id)[:2]
    before = ours("fox")["input_ids"]
    built = ours._build_translation_inputs("fox", src_lang=first, tgt_lang=second)
    assert built["forced_bos_token_id"] == ours.lang_code_to_id[second]
    assert built["input_ids"] == golden(name, src_lang=first)("fox")["input_ids"]
    assert ours("fox")["input_ids"] == before  # nothing is left behind
    for given in ({"src_lang": first}, {"tgt_lang": second}, {}):
        with pytest.raises(InputError, match=r"needs src_lang= and tgt_lang=; (src|tgt)_lang is missing"):
            ours._build_translation_inputs("fox", **given)
    told = golden(name, src_lang=first, tgt_lang=second)
    assert dict(told._build_translation_inputs("fox")) == dict(built)


def test_languages_in_many_threads() -> None:
    ours = golden("mbart50")
    codes = list(ours.lang_code_to_id)[:20]
    alone = {code: golden("mbart50", src_lang=code)("fox")["input_ids"] for code in codes}

    def build(code: str) -> list[int]:
        return list(ours._build_translation_inputs("fox", src_lang=code, tgt_lang="ro_RO")["input_ids"])

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(build, codes * 20))
    assert found == [alone[code] for code in codes * 20]


def test_marian_asks_for_languages() -> None:
    ours = golden("marian")
    assert ours.supported_language_codes == [">>fra<<", ">>deu<<"]
    code = ours.convert_tokens_to_ids(">>fra<<")
    assert ours(">>fra<< fox")["input_ids"][0] == code
    assert ours(">>fra<< fox")["input_ids"][1:] == ours("fox")["input_ids"]
    assert ours("fox >>fra<< fox")["input_ids"].count(code) == 1
    for row in (">>frb<< fox", ["fox", ">>frb<< fox"]):
        with pytest.raises(InputError, match=r"asks for the language >>frb<<.*Did you mean '>>fra<<'"):
            ours(row)
    assert ours(">> fox << fox")["input_ids"][-1] == ours.eos_token_id  # text that looks a little like it
    assert ours(text_target=">>frb<< fox")["input_ids"]
    assert golden("marian-separate").supported_language_codes == []
    assert ours.model_max_length == 512
    assert not set(ours.added_tokens_encoder) & set(ours.supported_language_codes)


@pytest.mark.parametrize("name", ["m2m-unigram", "m2m-bpe", "marian", "marian-separate"])
def test_where_numbered_pieces_stand(name: str) -> None:
    """4.57.6 knows no offsets of these; the pieces' own lengths say them."""
    ours = golden(name)
    for text in (TEXTS[0], TEXTS[2], "的的 的 fox的 ☃☃ ☃"):
        found = ours(text, return_offsets_mapping=True, add_special_tokens=False)
        # A space that was put before the first word has the place of what it stands before.
        known = [pair for pair in zip(found["offset_mapping"], found.tokens(), strict=True) if pair[1] != "▁"]
        shown = "".join(text[start:end] for (start, end), _ in known)
        assert shown.replace(" ", "") == text.replace(" ", "")
        for (start, end), piece in known:
            assert text[start:end].strip() == piece.removeprefix("▁") or piece == "<unk>"
    row = ours(TEXTS[0], return_special_tokens_mask=True)
    special = [i for i, flag in zip(row["input_ids"], row["special_tokens_mask"], strict=True) if flag]
    assert special == [i for i in ours("")["input_ids"]]


def test_marian_reads_either_side() -> None:
    ours = golden("marian-separate")
    text = "The quick brown fox"
    written, read = ours(text_target=text)["input_ids"], ours(text)["input_ids"]
    assert ours.decode(read, skip_special_tokens=True, use_source_tokenizer=True).startswith("The")
    assert ours.batch_decode([read], use_source_tokenizer=True) == [
        ours.decode(read, use_source_tokenizer=True)
    ]
    assert ours.decode(written) != ours.decode(written, use_source_tokenizer=True)
    assert ours.get_tgt_vocab() != ours.get_src_vocab() == ours.get_vocab()
    assert ours.get_src_vocab()["<pad>"] == ours.get_tgt_vocab()["<pad>"] == ours.pad_token_id


@pytest.mark.parametrize("name", ["marian", "m2m-bpe"])
def test_raw_files_beside_a_tokenizer_json(name: str, tmp_path: Path) -> None:
    """One such file cannot say two sides, nor which language: it counts where nothing else is there."""
    ours = golden(name)
    folder = Path(shutil.copytree(GOLDENS / name, tmp_path / "both"))
    golden("pegasus").backend_tokenizer.save(str(folder / "tokenizer.json"))
    named(folder, type(ours).__name__)
    assert load_tokenizer(folder)(PLAIN)["input_ids"] == ours(PLAIN)["input_ids"]
    (folder / "vocab.json").unlink()
    alone = load_tokenizer(folder)
    assert type(alone) is type(ours)
    assert alone.tokenize("fox") == golden("pegasus").tokenize("fox")
    assert load_tokenizer(Path(_saved(alone, tmp_path / "again")))("fox") == alone("fox")


def test_what_numbered_files_lack(tmp_path: Path) -> None:
    def fresh(name: str) -> Path:
        shutil.rmtree(tmp_path / name, ignore_errors=True)
        return Path(shutil.copytree(GOLDENS / name, tmp_path / name))

    def edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
        state = json.loads(path.read_text("utf-8"))
        change(state)
        path.write_text(json.dumps(state), "utf-8")

    folder = fresh("marian")
    edit(folder / "vocab.json", lambda vocab: vocab.update({"<none>": vocab.pop("<unk>")}))
    with pytest.raises(CheckpointError, match="<unk>"):
        load_tokenizer(folder, model_type="marian")
    folder = fresh("marian")
    edit(folder / "vocab.json", lambda vocab: vocab.pop(next(iter(vocab))))
    with pytest.raises(CheckpointError, match="id 0 is missing"):
        load_tokenizer(folder, model_type="marian")
    folder = fresh("marian")
    (folder / "target.spm").unlink()
    with pytest.raises(
        CheckpointError, match=r"source\.spm with target\.spm with vocab\.json; of .*source\.spm"
    ):
        load_tokenizer(folder, model_type="marian")
    folder = fresh("marian-separate")
    (folder / "target_vocab.json").unlink()
    with pytest.raises(CheckpointError, match=r"no target_vocab\.json"):
        load_tokenizer(folder, model_type="marian")
    with pytest.raises(CheckpointError, match=r"vocab\.json with sentencepiece\.bpe\.model"):
        load_tokenizer(fresh("mbart"), model_type="m2m_100")
    with pytest.raises(InputError, match="source_spm= and target_spm= and vocab="):
        hubformer.MarianTokenizer()


@pytest.mark.parametrize("model_type", ["bloom", "falcon", "gpt_bigcode", "starcoder2"])
def test_models_that_only_tokenizer_json_serves(model_type: str, tmp_path: Path) -> None:
    for name in ("vocab.json", "merges.txt"):
        shutil.copyfile(GOLDENS / "led" / name, tmp_path / name)
    with pytest.raises(
        CheckpointError, match=rf"tokenizer\.json, the only file .* {model_type} .*vocab\.json"
    ):
        load_tokenizer(tmp_path, model_type=model_type)


def test_training_anew() -> None:
    """Languages stay; a vocabulary that a file numbers cannot be made."""
    made = golden("mbart50", src_lang="fr_XX").train_new_from_iterator([TEXTS] * 20, vocab_size=320)
    assert type(made).__name__ == "MBart50TokenizerFast"
    assert made.convert_ids_to_tokens(made("fox")["input_ids"])[0] == made.src_lang == "fr_XX"
    assert len(made.lang_code_to_id) == 52
    with pytest.raises(InputError, match=r"numbers its pieces by vocab\.json"):
        golden("marian").train_new_from_iterator(TEXTS, vocab_size=320)


def test_deberta_by_its_first_file(tmp_path: Path) -> None:
    (tmp_path / "bpe_encoder.bin").write_bytes(b"pickled")
    named(tmp_path, "DebertaTokenizer")
    with pytest.raises(CheckpointError, match=r"vocab\.json.*merges\.txt.*bpe_encoder\.bin instead"):
        load_tokenizer(tmp_path)


def test_led_pads_its_global_attention() -> None:
    ours = golden("led")
    rows = [
        {"input_ids": [0, 9, 2], "global_attention_mask": [1, 0, 0]},
        {"input_ids": [0, 2], "global_attention_mask": [1, 0]},
    ]
    assert ours.pad(rows)["global_attention_mask"] == [[1, 0, 0], [1, 0, -1]]
    assert golden("blenderbot").pad(rows)["global_attention_mask"] == [[1, 0, 0], [1, 0]]


@pytest.mark.parametrize(
    ("name", "add_prefix_space"), [("blenderbot", False), ("blenderbot", True), ("led", True)]
)
def test_a_space_before_the_first_word(name: str, add_prefix_space: bool) -> None:
    ours = golden(name, add_prefix_space=add_prefix_space)
    assert (ours("fox")["input_ids"] == ours(" fox")["input_ids"]) is add_prefix_space


@pytest.mark.parametrize("name", ["mbart", "m2m-bpe", "marian-separate"])
def test_older_code_switches_to_texts_to_be_written(name: str) -> None:
    ours = golden(name)
    if name != "marian-separate":
        ours.tgt_lang = list(ours.lang_code_to_id)[1]
    source, labels = ours("a fox")["input_ids"], ours(text_target="a fox")["input_ids"]
    with ours.as_target_tokenizer():
        assert ours("a fox")["input_ids"] == labels
    assert ours("a fox")["input_ids"] == source
