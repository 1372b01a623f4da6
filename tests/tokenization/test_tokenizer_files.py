"""Folders in, folders out: what loads, what is refused, what is written."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from hubformer.errors import CheckpointError, HubError, InputError
from hubformer.tokenization import (
    TOKENIZER_CLASSES,
    TOKENIZER_FILES,
    AddedToken,
    PreTrainedTokenizerFast,
    Resolved,
    load_tokenizer,
    set_resolver,
    sources,
)
from hubformer.tokenization.sentencepiece import read_sentencepiece
from tokenization.token_samples import TEXTS, shared

Change = Callable[[dict[str, Any]], None]


def edited(folder: Path, name: str, change: Change) -> None:
    path = folder / name
    state = json.loads(path.read_text())
    change(state)
    path.write_text(json.dumps(state))


def test_importing_needs_no_torch() -> None:
    code = "import sys, hubformer.tokenization; sys.exit(any(m in sys.modules for m in ('torch', 'jinja2')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_baked_in_lengths_are_switched_off(small: Path) -> None:
    backend = Tokenizer.from_file(str(small / "tokenizer.json"))
    backend.enable_truncation(3)
    backend.enable_padding(length=9, pad_token="[PAD]")
    backend.save(str(small / "tokenizer.json"))
    ours = load_tokenizer(small)
    assert ours("hello world fox")["input_ids"] == [2, 15, 16, 8, 3]
    made = PreTrainedTokenizerFast(tokenizer_object=backend)
    assert made("hello world fox")["input_ids"] == [2, 15, 16, 8, 3]
    assert made.pad_token == "[PAD]"
    assert backend.truncation is not None  # the caller's own object is not touched


def test_limits(small: Path) -> None:
    assert load_tokenizer(small).model_max_length == 16
    assert load_tokenizer(small, model_limit=12).model_max_length == 12
    assert load_tokenizer(small, model_limit=64).model_max_length == 16
    assert load_tokenizer(small, model_limit=12, overrides={"model_max_length": 40}).model_max_length == 40
    edited(small, "tokenizer_config.json", lambda state: state.update(model_max_length=10**30))
    assert load_tokenizer(small).model_max_length == int(1e30)
    assert load_tokenizer(small, model_limit=12).model_max_length == 12


def test_generic_class_takes_its_shape_from_the_model(small: Path) -> None:
    for name in ("PreTrainedTokenizerFast", "TokenizersBackend"):
        edited(small, "tokenizer_config.json", lambda state, name=name: state.update(tokenizer_class=name))
        ours = load_tokenizer(small, model_type="xlnet")
        assert type(ours) is PreTrainedTokenizerFast
        assert ours.padding_side == "left"
        assert "token_type_ids" not in load_tokenizer(small, model_type="roberta")("a")
    (small / "tokenizer_config.json").unlink()
    assert type(load_tokenizer(small, model_type="distilbert")).__name__ == "DistilBertTokenizerFast"
    assert type(load_tokenizer(small)) is PreTrainedTokenizerFast


def test_a_wrong_class_adds_nothing(raw: Callable[[str], Path], tmp_path: Path) -> None:
    right = load_tokenizer(raw("xlm-roberta"))
    right.save_pretrained(tmp_path)
    (tmp_path / "special_tokens_map.json").unlink()
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "BertTokenizer"}))
    wrong = load_tokenizer(tmp_path)
    assert len(wrong) == len(right)
    assert wrong(TEXTS)["input_ids"] == right(TEXTS)["input_ids"]
    assert wrong.cls_token is None


def test_old_companions(raw: Callable[[str], Path], oracle: Any, tmp_path: Path) -> None:
    shutil.copytree(raw("bert"), tmp_path / "old")
    folder = tmp_path / "old"
    (folder / "added_tokens.json").write_text(json.dumps({"<two>": 30523, "<one>": 30522}))
    mask = {"content": "[MASK]", "lstrip": True, "rstrip": False, "normalized": False, "single_word": False}
    (folder / "special_tokens_map.json").write_text(
        json.dumps({"mask_token": mask, "additional_special_tokens": ["<one>"], "pad_token": "[PAD]"})
    )
    ours, theirs = load_tokenizer(folder), oracle.from_pretrained(folder)
    text = "one <one> two<two> fox [MASK]"
    assert ours(text)["input_ids"] == theirs(text)["input_ids"]
    assert ours.convert_tokens_to_ids(["<one>", "<two>"]) == [30522, 30523]
    assert ours.additional_special_tokens == ["<one>"]
    assert ours.added_tokens_decoder[103].lstrip
    assert ours.added_tokens_decoder[30522].special
    assert not ours.added_tokens_decoder[30523].special


def test_new_companions(small: Path) -> None:
    """What transformers 5 writes: all in tokenizer_config.json, extra tokens as a list, a template file."""
    (small / "chat_template.jinja").write_text("{{ messages[0]['content'] }}")
    edited(
        small,
        "tokenizer_config.json",
        lambda state: state.update(
            tokenizer_class="TokenizersBackend",
            backend="tokenizers",
            is_local=True,
            extra_special_tokens=["<x>"],
            mask_token="[MASK]",
            pad_token={"__type": "AddedToken", "content": "[PAD]", "special": True},
            sep_token="<new>",
        ),
    )
    ours = load_tokenizer(small)
    assert ours.additional_special_tokens == ["<x>"]
    assert ours.pad_token_id == 0
    assert ours.convert_tokens_to_ids(["<new>", "<x>"]) == [17, 18]
    assert ours.sep_token_id == 17
    assert ours.apply_chat_template([{"role": "user", "content": "hello"}], tokenize=False) == "hello"
    edited(small, "tokenizer_config.json", lambda s: s.update(extra_special_tokens={"image_token": "<img>"}))
    ours = load_tokenizer(small)
    assert ours.image_token == "<img>"
    assert ours.image_token_id == 18
    assert "<img>" in ours.all_special_tokens


def test_options_are_honoured_or_refused(small: Path, raw: Callable[[str], Path]) -> None:
    cased = load_tokenizer(small, overrides={"do_lower_case": False})
    assert cased("HELLO hello")["input_ids"] == [2, 1, 15, 3]
    assert load_tokenizer(small)("HELLO hello")["input_ids"] == [2, 15, 15, 3]
    with pytest.raises(InputError, match="add_prefix_space"):
        load_tokenizer(small, overrides={"add_prefix_space": True})
    folder = shared("roberta-base")
    prefixed = load_tokenizer(folder, overrides={"add_prefix_space": True})
    assert prefixed.tokenize("fox") == load_tokenizer(folder).tokenize(" fox")
    assert load_tokenizer(raw("roberta"), overrides={"add_prefix_space": True}).tokenize("fox") == ["Ġfox"]
    assert load_tokenizer(raw("cased")).tokenize("Fox") != load_tokenizer(raw("bert")).tokenize("Fox")
    kept = load_tokenizer(raw("bert"), overrides={"never_split": ["##es"]})
    assert kept.tokenize("fox ##es") == ["fox", "##es"]
    accents = load_tokenizer(raw("xlnet"), overrides={"keep_accents": True, "do_lower_case": True})
    assert (
        accents.tokenize("NAÏVE")
        == accents.tokenize("naïve")
        != load_tokenizer(raw("xlnet")).tokenize("naïve")
    )
    assert load_tokenizer(small, overrides={"padding_side": "left"}).padding_side == "left"


def drop_unknown(state: dict[str, Any]) -> None:
    del state["model"]["vocab"]["[UNK]"]
    state["added_tokens"] = [token for token in state["added_tokens"] if token["content"] != "[UNK]"]


BROKEN: dict[str, tuple[Change, str]] = {
    "no model": (lambda s: s.pop("model"), "no 'model' section"),
    "a list": (lambda s: s.update(model=[]), "no 'model' section"),
    "unknown type": (lambda s: s["model"].update(type="Nothing"), "does not describe a tokenizer"),
    "no vocabulary": (lambda s: s["model"].update(vocab=None), "no vocabulary"),
    "empty vocabulary": (lambda s: s["model"].update(vocab={}), "empty vocabulary"),
    "same id": (lambda s: s["model"]["vocab"].update(fox=5), "both have the id 5"),
    "id text": (lambda s: s["model"]["vocab"].update(fox="8"), "id of 'fox' is '8'"),
    "negative id": (lambda s: s["model"]["vocab"].update(fox=-1), "'fox' is -1"),
    "no unknown": (drop_unknown, r"'\[UNK\]' is not in the vocabulary"),
    "empty added": (lambda s: s["added_tokens"][0].update(content=""), "id 0 has the content ''"),
    "added text": (lambda s: s.update(added_tokens=["x"]), "added_tokens"),
    "post id": (
        lambda s: s["post_processor"]["special_tokens"]["[SEP]"].update(ids=[9]),
        r"'\[SEP\]' with the id 9",
    ),
    "post name": (
        lambda s: s["post_processor"]["special_tokens"]["[SEP]"].update(tokens=["[NO]"]),
        "the vocabulary does not have",
    ),
    "post missing": (lambda s: s["post_processor"]["special_tokens"].pop("[SEP]"), r"names '\[SEP\]'"),
    "explosion": (
        lambda s: s.update(
            normalizer={
                "type": "Sequence",
                "normalizers": [{"type": "Replace", "pattern": {"String": "a"}, "content": "a" * 50}] * 7,
            }
        ),
        "exhaust memory",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_tokenizer_json(small: Path, case: str) -> None:
    change, said = BROKEN[case]
    edited(small, "tokenizer.json", change)
    with pytest.raises(CheckpointError, match=said) as caught:
        load_tokenizer(small)
    assert "tokenizer.json" in str(caught.value)


CONFIGS: dict[str, tuple[Any, str]] = {
    "a list": ([], "JSON list"),
    "role number": ({"pad_token": 3}, "pad_token is 3"),
    "role empty": ({"pad_token": ""}, "pad_token is an empty text"),
    "flag": ({"pad_token": {"content": "[PAD]", "lstrip": "yes"}}, "lstrip='yes'"),
    "additional": ({"additional_special_tokens": "<a>"}, "expected a list"),
    "decoder": ({"added_tokens_decoder": {"x": {}}}, "added_tokens_decoder"),
    "decoder id": ({"added_tokens_decoder": {"40": {"content": "<far>"}}}, "should have the id 40"),
    "side": ({"padding_side": "top"}, "padding_side is 'top'"),
    "limit": ({"model_max_length": "long"}, "model_max_length is 'long'"),
    "template": ({"chat_template": [1]}, "chat_template"),
}


@pytest.mark.parametrize("case", CONFIGS)
def test_broken_config(small: Path, case: str) -> None:
    content, said = CONFIGS[case]
    (small / "tokenizer_config.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match=said) as caught:
        load_tokenizer(small)
    assert str(small) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("tokenizer.json", b"{", "not valid JSON"),
        ("tokenizer.json", b"[" * 100_000, "not valid JSON"),
        ("tokenizer.json", b"\xff\xfe", "not UTF-8"),
        ("tokenizer.json", b"version https://git-lfs.github.com/spec/v1\noid x", "git lfs pull"),
        ("tokenizer_config.json", b"{,}", "not valid JSON"),
    ],
)
def test_unreadable_files(small: Path, name: str, content: bytes, said: str) -> None:
    (small / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=said) as caught:
        load_tokenizer(small)
    assert name in str(caught.value)


def test_broken_raw_files(raw: Callable[[str], Path], tmp_path: Path) -> None:
    def fresh(family: str) -> Path:
        shutil.rmtree(tmp_path / family, ignore_errors=True)
        return Path(shutil.copytree(raw(family), tmp_path / family))

    folder = fresh("roberta")
    edited(folder, "vocab.json", lambda state: state.pop("Ġfox"))
    with pytest.raises(CheckpointError, match=r"vocab\.json.* is missing"):
        load_tokenizer(folder)
    folder = fresh("roberta")
    (folder / "merges.txt").write_text("#version: 0.2\nĠ t\nonlyone\n", encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"merges\.txt, line 3"):
        load_tokenizer(folder)
    (folder / "merges.txt").write_text("#version: 0.2\nqqq zzz\n", encoding="utf-8")
    with pytest.raises(CheckpointError, match="does not have"):
        load_tokenizer(folder)
    (folder / "merges.txt").unlink()
    with pytest.raises(CheckpointError, match=r"merges\.txt.*vocab\.json"):
        load_tokenizer(folder)
    folder = fresh("bert")
    (folder / "vocab.txt").write_text("hello\nworld\n")
    with pytest.raises(CheckpointError, match=r"no '\[UNK\]'"):
        load_tokenizer(folder)
    folder = fresh("xlnet")
    content = (folder / "spiece.model").read_bytes()
    for broken in (content[: len(content) // 2], b"", b"\x00" * 50, b"nonsense" * 10):
        (folder / "spiece.model").write_bytes(broken)
        with pytest.raises(CheckpointError, match=r"spiece\.model"):
            load_tokenizer(folder)


def test_nothing_to_load(tmp_path: Path, raw: Callable[[str], Path]) -> None:
    with pytest.raises(CheckpointError, match=r"(?s)tokenizer\.json.*none"):
        load_tokenizer(tmp_path)
    with pytest.raises(CheckpointError, match=r"vocab\.txt"):
        load_tokenizer(tmp_path, model_type="bert")
    with pytest.raises(CheckpointError, match="no folder"):
        load_tokenizer(tmp_path / "absent")
    shutil.copy(raw("bert") / "vocab.txt", tmp_path)
    with pytest.raises(CheckpointError, match="model_type"):
        load_tokenizer(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "XLMTokenizer"}')
    with pytest.raises(CheckpointError, match=r"the only file that a tokenizer of XLMTokenizer is read from"):
        load_tokenizer(tmp_path)


def test_names_without_a_hub_are_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_resolver", sources.resolve_folder)  # as it is at first
    with pytest.raises(HubError, match="no folder"):
        PreTrainedTokenizerFast.from_pretrained("org/name")


def test_reader_equals_sentencepiece(raw: Callable[[str], Path]) -> None:
    import sentencepiece

    for family, name in (("xlnet", "spiece.model"), ("xlm-roberta", "sentencepiece.bpe.model")):
        path = raw(family) / name
        theirs = sentencepiece.SentencePieceProcessor(model_file=str(path))
        ours = read_sentencepiece(path)
        assert [piece.text for piece in ours.pieces] == [theirs.id_to_piece(i) for i in range(len(theirs))]
        assert [piece.score for piece in ours.pieces] == [theirs.get_score(i) for i in range(len(theirs))]
        assert ours.unknown_id == theirs.unk_id()
        assert ours.charsmap


def test_xlnet_prefers_number_and_comma_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hubformer.tokenization import building
    from hubformer.tokenization.sentencepiece import CONTROL, NORMAL, Piece, SentencePieceModel

    words = ["<unk>", "<s>", "</s>", "<cls>", "<sep>", "<pad>", "<mask>", "<eod>", "<eop>"]
    pieces = [Piece(word, 0.0, CONTROL) for word in words]
    pieces += [Piece(word, -1.0, NORMAL) for word in ("▁", "2,", "2", ",")]
    model = SentencePieceModel(tuple(pieces), 1, 0, b"", False)
    monkeypatch.setattr(building, "read_sentencepiece", lambda path: model)
    (tmp_path / "spiece.model").touch()
    assert load_tokenizer(tmp_path, model_type="xlnet").tokenize("2,") == ["▁", "2", ","]


@pytest.mark.parametrize("family", ["bert", "cased", "gpt2", "roberta", "xlnet", "xlm-roberta", "camembert"])
def test_saved_files_read_the_same_everywhere(
    raw: Callable[[str], Path], oracle: Any, tmp_path: Path, family: str
) -> None:
    ours = load_tokenizer(raw(family), overrides={"model_max_length": 500})
    ours.add_special_tokens({"pad_token": "<padding>", "additional_special_tokens": ["<one>", "<two>"]})
    ours.add_tokens(["zzfox", AddedToken("Qqq", normalized=False)])
    written = ours.save_pretrained(tmp_path)
    byte_level = {"vocab.json", "merges.txt"}
    own = {"bert": {"vocab.txt"}, "cased": {"vocab.txt"}, "gpt2": byte_level, "roberta": byte_level}
    assert {Path(path).name for path in written} == own.get(family, set()) | {
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "added_tokens.json",
    }
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    again, theirs = load_tokenizer(tmp_path), oracle.from_pretrained(tmp_path)
    assert type(again) is type(ours)
    for attribute in ("special_tokens_map", "added_tokens_decoder", "model_max_length", "padding_side"):
        assert getattr(again, attribute) == getattr(ours, attribute)
    for text in TEXTS:
        row = f"{text} <one> zzfox Qqq"
        assert again(row, row)["input_ids"] == ours(row, row)["input_ids"]
        assert theirs(row, row)["input_ids"] == ours(row, row)["input_ids"]
    assert theirs.model_max_length == 500
    assert theirs.pad_token_id == ours.pad_token_id
    assert theirs.padding_side == ours.padding_side


@pytest.mark.parametrize(
    ("family", "names"),
    [
        *((family, ["vocab.txt"]) for family in ("bert", "distilbert", "mpnet")),
        *((family, ["vocab.json", "merges.txt"]) for family in ("gpt2", "roberta", "bart")),
    ],
)
def test_vocabulary_files_are_saved_too(
    raw: Callable[[str], Path], tmp_path: Path, family: str, names: list[str]
) -> None:
    """The names are those that transformers 4.57.6 writes for these classes."""
    tokenizer = load_tokenizer(raw(family))
    written = {Path(path).name for path in tokenizer.save_pretrained(tmp_path, filename_prefix="mine")}
    always = ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"]
    assert written == {f"mine-{name}" for name in (*always, *names)}
    lone = tmp_path / "raw"
    lone.mkdir()
    for name in names:
        shutil.copy(tmp_path / f"mine-{name}", lone / name)
        if name == "vocab.json":
            assert json.loads((lone / name).read_text("utf-8")) == json.loads(
                (raw(family) / name).read_text("utf-8")
            )
        else:
            found, expected = ((folder / name).read_text("utf-8") for folder in (lone, raw(family)))
            assert [line for line in found.split("\n") if not line.startswith("#version")] == [
                line for line in expected.split("\n") if not line.startswith("#version")
            ]
    again = load_tokenizer(lone, model_type=family)
    assert again(TEXTS)["input_ids"] == tokenizer(TEXTS)["input_ids"]


def test_save_follows_the_umask_and_refuses_odd_names(tokenizer: Any, tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder"
    tokenizer.chat_template = {"default": "a", "tool_use": "b"}
    tokenizer.save_pretrained(target)
    plain = tmp_path / "plain"
    plain.write_text("")
    assert (target / "tokenizer.json").stat().st_mode == plain.stat().st_mode
    assert load_tokenizer(target).chat_template == {"default": "a", "tool_use": "b"}
    tokenizer.chat_template = {"../../escaped": "x"}
    with pytest.raises(InputError, match="file name"):
        tokenizer.save_pretrained(target)
    with pytest.raises(InputError, match="is a file"):
        tokenizer.save_pretrained(plain)


def test_named_classes(raw: Callable[[str], Path], small: Path) -> None:
    assert set(TOKENIZER_FILES) >= {"tokenizer.json", "vocab.txt", "spiece.model", "chat_template.jinja"}
    bert = TOKENIZER_CLASSES["BertTokenizer"](str(raw("bert") / "vocab.txt"), False)
    assert bert.tokenize("Fox") != ["fox"]
    assert bert.do_lower_case is False
    fast = TOKENIZER_CLASSES["BertTokenizerFast"](
        tokenizer_file=str(small / "tokenizer.json"), pad_token="[MASK]"
    )
    assert fast("hello")["input_ids"] == [2, 15, 3]
    assert fast.pad_token_id == 4
    gpt2 = TOKENIZER_CLASSES["GPT2Tokenizer"](
        raw("gpt2") / "vocab.json", raw("gpt2") / "merges.txt", add_bos_token=True
    )
    assert gpt2("x")["input_ids"][0] == 50256
    xlnet = TOKENIZER_CLASSES["XLNetTokenizer"](vocab_file=raw("xlnet") / "spiece.model")
    assert xlnet(TEXTS)["input_ids"] == load_tokenizer(raw("xlnet"))(TEXTS)["input_ids"]
    for kind in TOKENIZER_CLASSES.values():
        assert issubclass(kind, PreTrainedTokenizerFast)
        with pytest.raises(InputError, match="tokenizer_file="):
            kind()
    for same in (bert, gpt2, xlnet):
        copied = pickle.loads(pickle.dumps(same))
        assert type(copied) is type(same)
        assert copied("hello <mask>")["input_ids"] == same("hello <mask>")["input_ids"]
    with pytest.raises(TypeError, match="Did you mean 'pad_token'"):
        TOKENIZER_CLASSES["BertTokenizer"](raw("bert") / "vocab.txt", pad_tokn="x")

    class Mine(TOKENIZER_CLASSES["BertTokenizerFast"]):  # type: ignore[misc]
        pass

    assert isinstance(Mine.from_pretrained(small), Mine)
    assert Mine.from_pretrained(small).cls_token == "[CLS]"


def test_resolver(small: Path) -> None:
    asked: list[Any] = []

    def resolver(name: str, **options: Any) -> Resolved:
        asked.append((name, options["revision"], options["token"], options["local_files_only"]))
        return Resolved(small, "bert", 8)

    set_resolver(resolver)
    try:
        ours = PreTrainedTokenizerFast.from_pretrained(
            "org/name",
            revision="abc",
            token="t",
            local_files_only=True,
            use_fast=False,
            trust_remote_code=True,
        )
    finally:
        set_resolver(None)
    assert asked == [("org/name", "abc", "t", True)]
    assert ours.model_max_length == 8
    assert ours.name_or_path == "org/name"


@pytest.mark.parametrize("family", ["bert", "roberta", "xlnet"])
def test_training_anew(raw: Callable[[str], Path], family: str) -> None:
    ours = load_tokenizer(raw(family))
    made = ours.train_new_from_iterator(
        [TEXTS] * 20,
        vocab_size=320,
        new_special_tokens=["<new>"],
        special_tokens_map={ours.cls_token: "<begin>"},
    )
    assert type(made) is type(ours)
    assert len(made) <= 400 < len(ours) + 1
    assert made.cls_token == "<begin>"
    assert made.convert_ids_to_tokens(made("fox")["input_ids"]).count("<begin>") == 1
    assert made.tokenize("a<new>b").count("<new>") == 1
    assert "<new>" in made.additional_special_tokens
    assert made.decode(made("fox jumps")["input_ids"], skip_special_tokens=True).strip() == "fox jumps"


@pytest.mark.parametrize(
    ("name", "side"),
    [
        ("Qwen2Tokenizer", "right"),
        ("GemmaTokenizerFast", "left"),
        ("CodeGenTokenizer", "right"),
        ("BloomTokenizerFast", "left"),
        ("GPTNeoXTokenizerFast", "right"),
        ("SomebodysTokenizer", "right"),
    ],
)
def test_classes_known_by_name_give_no_token_types(small: Path, name: str, side: str) -> None:
    edited(
        small,
        "tokenizer_config.json",
        lambda state: (state.update(tokenizer_class=name), state.pop("model_input_names", None)),
    )
    for model_type in (None, "qwen2"):
        ours = load_tokenizer(small, model_type=model_type)
        assert list(ours("a b")) == ["input_ids", "attention_mask"]
        if name != "SomebodysTokenizer":
            assert ours.padding_side == side
    edited(small, "tokenizer_config.json", lambda state: state.update(model_input_names=["input_ids"]))
    assert list(load_tokenizer(small)("a b")) == ["input_ids"]


def test_older_arguments_are_taken(small: Path) -> None:
    ours = load_tokenizer(small, overrides={"return_tensors": "pt"})
    padded = ours.encode_plus("a", max_length=8, pad_to_max_length=True, truncation=True)
    assert padded["input_ids"] == ours("a", max_length=8, padding="max_length")["input_ids"]
    ids = ours("a b")["input_ids"]
    assert ours.decode(ids, spaces_between_special_tokens=False) == ours.decode(ids)
    with ours.as_target_tokenizer():
        assert ours("a b")["input_ids"] == ids
    assert list(ours.vocab.values()) == sorted(ours.vocab.values())
