"""Tokenizers from raw files, id for id what transformers 4.57.6 makes of the same files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import hubformer
from hubformer.tokenization import TOKENIZER_CLASSES, load_tokenizer

GOLDENS = Path(__file__).parent / "goldens"
EXPECTED: dict[str, Any] = json.loads((GOLDENS / "expected.json").read_text("utf-8"))
ROWS: list[str] = EXPECTED.pop("rows")
CASES = [(name, place) for name, golden in EXPECTED.items() for place in range(len(golden["cases"]))]
MODEL_TYPES = {"m2m-unigram": "m2m_100", "m2m-bpe": "m2m_100", "nllb": "m2m_100", "big-bird": "big_bird"}


def loaded(name: str, place: int) -> Any:
    model_type = MODEL_TYPES.get(name, name.split("-")[0])
    options = EXPECTED[name]["cases"][place]["options"]
    return load_tokenizer(GOLDENS / name, model_type=model_type, overrides=options)


@pytest.mark.parametrize(("name", "place"), CASES)
def test_what_4_makes_of_the_files(name: str, place: int) -> None:
    golden, ours = EXPECTED[name]["cases"][place], loaded(name, place)
    assert type(ours).__name__ == EXPECTED[name]["class"]
    assert ours.get_vocab() == EXPECTED[name]["vocab"]
    assert [ours.vocab_size, len(ours)] == golden["size"]
    assert ours.special_tokens_map == golden["special"]
    found = ours(ROWS, return_offsets_mapping=True)
    assert found["input_ids"] == golden["single"]
    assert [ours(row)["input_ids"] for row in ROWS] == golden["single"]
    if "offsets" in golden:
        assert [[list(span) for span in row] for row in found["offset_mapping"]] == golden["offsets"]
    if "targets" in golden:
        assert ours(text_target=ROWS)["input_ids"] == golden["targets"]
        assert ours(ROWS[0], text_target=ROWS[1])["labels"] == golden["targets"][1]
    batch = ours(ROWS[:4], padding=True, truncation=True, max_length=12)
    assert batch["input_ids"] == golden["batch"]
    for row, (first, second) in enumerate(zip(ROWS, ROWS[::-1], strict=True)):
        if second:  # an empty second text is a pair here
            pair = ours(first, second, return_token_type_ids=True)
            assert pair["input_ids"] == golden["pairs"][row]
            if "types" in golden:
                assert pair["token_type_ids"] == golden["types"][row]
            ids = [ours(text, add_special_tokens=False)["input_ids"] for text in (first, second)]
            assert ours.build_inputs_with_special_tokens(*ids) == pair["input_ids"]


@pytest.mark.parametrize(("name", "place"), CASES)
def test_what_4_reads_of_ids(name: str, place: int) -> None:
    golden, ours = EXPECTED[name]["cases"][place], loaded(name, place)
    assert ours.batch_decode(golden["single"]) == golden["shown"]
    assert ours.batch_decode(golden["single"], skip_special_tokens=True) == golden["read"]
    assert [ours.decode(ids) for ids in golden["single"]] == golden["shown"]
    for token, index in EXPECTED[name]["vocab"].items():
        assert ours.convert_tokens_to_ids(token) == index
        if name != "marian-separate":  # whose ids are read as those of texts that were written
            assert ours.convert_ids_to_tokens(index) == token
    special = ours.all_special_ids
    assert [ours.convert_ids_to_tokens(index) for index in special] == ours.all_special_tokens


@pytest.mark.parametrize(("name", "place"), CASES)
def test_they_are_saved_and_loaded(name: str, place: int, tmp_path: Path) -> None:
    golden, ours = EXPECTED[name]["cases"][place], loaded(name, place)
    ours.save_pretrained(tmp_path)
    again = load_tokenizer(tmp_path)
    assert type(again) is type(ours)
    assert again(ROWS)["input_ids"] == golden["single"]
    if "targets" in golden:
        assert again(text_target=ROWS)["input_ids"] == golden["targets"]
    assert again.batch_decode(golden["single"]) == golden["shown"]
    assert again.get_vocab() == EXPECTED[name]["vocab"]
    assert again.special_tokens_map == golden["special"]
    assert again.added_tokens_decoder == ours.added_tokens_decoder


@pytest.mark.parametrize(
    "name", [name for name, golden in EXPECTED.items() if "offsets" in golden["cases"][0]]
)
def test_the_classes_take_the_files(name: str) -> None:
    golden = EXPECTED[name]["cases"][0]
    kind = TOKENIZER_CLASSES[EXPECTED[name]["class"].removesuffix("Fast")]
    files = [GOLDENS / name / names[0] for names in kind.convention.files.values()]  # type: ignore[union-attr]
    options = dict(golden["options"])
    if name == "nllb":
        options["added_tokens_decoder"] = {}
    assert kind(*files, **options)(ROWS)["input_ids"] == golden["single"]
    assert issubclass(TOKENIZER_CLASSES[EXPECTED[name]["class"]], kind)


def test_tokens_are_added(tmp_path: Path) -> None:
    for name in EXPECTED:
        ours = loaded(name, 0)
        size, before = len(ours), ours(ROWS[0])["input_ids"]
        assert ours.add_tokens(["zzfox", "zzfox", "qqq"]) == 2
        assert ours.convert_tokens_to_ids(["zzfox", "qqq"]) == [size, size + 1]
        assert len(ours) == size + 2
        assert ours(ROWS[0])["input_ids"] == before
        assert size in ours("a zzfox b")["input_ids"]
        assert size not in ours("a fox b")["input_ids"]
        assert "zzfox" in ours.decode([size])
        if "targets" in EXPECTED[name]["cases"][0]:
            assert size in ours(text_target="a zzfox b")["input_ids"]
        ours.save_pretrained(tmp_path / name)
        again = load_tokenizer(tmp_path / name)
        assert again("a zzfox qqq")["input_ids"] == ours("a zzfox qqq")["input_ids"]


def test_the_model_says_which_class(tmp_path: Path) -> None:
    """Published folders of mBART-50 and NLLB name the class in config.json, some nowhere else."""
    for name, kind in (("mbart50", "MBart50Tokenizer"), ("nllb", "NllbTokenizer")):
        folder = tmp_path / name
        shutil.copytree(GOLDENS / name, folder)
        (folder / "tokenizer_config.json").unlink(missing_ok=True)
        model = {"mbart50": "mbart", "nllb": "m2m_100"}[name]
        (folder / "config.json").write_text(json.dumps({"model_type": model, "tokenizer_class": kind}))
        ours = hubformer.AutoTokenizer.from_pretrained(folder)
        assert type(ours).__name__ == f"{kind}Fast"
        assert ours.model_max_length == 1024
        if name == "mbart50":
            assert ours(ROWS)["input_ids"] == EXPECTED[name]["cases"][0]["single"]
