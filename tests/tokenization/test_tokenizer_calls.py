"""Calls: shapes, defaults, refusals, threads."""

from __future__ import annotations

import copy
import inspect
import logging
import os
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers

from hubformer.errors import InputError, UnknownArgument
from hubformer.tokenization import (
    TOKENIZER_CLASSES,
    AddedToken,
    BatchEncoding,
    PreTrainedTokenizerFast,
    load_tokenizer,
)
from tokenization.token_samples import PAIRS, TEXTS

V4_CALL = [
    "text",
    "text_pair",
    "text_target",
    "text_pair_target",
    "add_special_tokens",
    "padding",
    "truncation",
    "max_length",
    "stride",
    "is_split_into_words",
    "pad_to_multiple_of",
    "padding_side",
    "return_tensors",
    "return_token_type_ids",
    "return_attention_mask",
    "return_overflowing_tokens",
    "return_special_tokens_mask",
    "return_offsets_mapping",
    "return_length",
    "verbose",
]


def test_signature_is_that_of_transformers_4() -> None:
    found = inspect.signature(PreTrainedTokenizerFast.__call__).parameters
    assert list(found)[1 : len(V4_CALL) + 1] == V4_CALL
    defaults = {name: found[name].default for name in V4_CALL}
    assert defaults["add_special_tokens"] is defaults["verbose"] is True
    assert defaults["padding"] is False
    assert defaults["truncation"] is None
    assert defaults["stride"] == 0


def test_shapes(tokenizer: Any) -> None:
    one = tokenizer("hello world")
    assert one["input_ids"] == [2, 15, 16, 3] == one.input_ids
    assert list(one) == ["input_ids", "token_type_ids", "attention_mask"]
    assert tokenizer(["hello world"])["input_ids"] == [[2, 15, 16, 3]]
    assert tokenizer("hello", "world")["token_type_ids"] == [0, 0, 0, 1, 1]
    assert tokenizer([("hello", "world")])["input_ids"] == [tokenizer("hello", "world")["input_ids"]]
    assert tokenizer(["hello", "world"], is_split_into_words=True)["input_ids"] == [2, 15, 16, 3]
    assert tokenizer([["hello"], ["a", "fox"]], is_split_into_words=True)["input_ids"] == [
        [2, 15, 3],
        [2, 11, 8, 3],
    ]
    assert tokenizer(["hello"], [""])["input_ids"][0] == tokenizer("hello", "")["input_ids"] == [2, 15, 3, 3]
    both = tokenizer("hello", text_target="world")
    assert both["labels"] == [2, 16, 3]
    assert tokenizer(text_target="world")["input_ids"] == [2, 16, 3]
    assert tokenizer([])["input_ids"] == []
    assert tokenizer([], return_tensors="np")["input_ids"].shape == (0, 0)
    for kind, dtype in (("pt", torch.int64), ("np", np.int64)):
        found = tokenizer(["hello", "hello world"], padding=True, return_tensors=kind)
        assert all(value.dtype == dtype and value.shape == (2, 4) for value in found.values())
        assert tokenizer("hello", return_tensors=kind)["input_ids"].shape == (1, 3)
    assert tokenizer(np.array(["hello", "world"]))["input_ids"] == [[2, 15, 3], [2, 16, 3]]
    assert tokenizer("hello", return_length=True)["length"] == [3]


def test_other_methods(tokenizer: Any) -> None:
    assert tokenizer.encode("hello", "world") == [2, 15, 3, 16, 3]
    assert tokenizer.encode("hello world", None, False) == [15, 16]
    assert tokenizer.encode_plus("hello", None, True, "max_length", True, 6)["input_ids"] == [
        2,
        15,
        3,
        0,
        0,
        0,
    ]
    assert tokenizer.batch_encode_plus([("hello", "world")])["token_type_ids"] == [[0, 0, 0, 1, 1]]
    assert tokenizer.tokenize("Foxes jumps") == ["fox", "##es", "jumps"]
    assert tokenizer.decode([2, 15, 9, 3]) == "[CLS] helloes [SEP]"
    assert tokenizer.decode(torch.tensor([2, 15, 3]), skip_special_tokens=True) == "hello"
    assert tokenizer.batch_decode(np.array([[2, 15], [16, 3]]), skip_special_tokens=True) == [
        "hello",
        "world",
    ]
    assert tokenizer.decode([[15], [16]]) == ["hello", "world"]
    assert tokenizer.clean_up_tokenization("it 's fine , is n't it ?") == "it's fine, isn't it?"
    assert tokenizer.convert_tokens_to_ids(["fox", "nothing"]) == [8, tokenizer.unk_token_id]
    assert tokenizer.convert_ids_to_tokens([2, 8, 3], skip_special_tokens=True) == ["fox"]
    assert tokenizer.convert_ids_to_tokens(8) == "fox"
    assert tokenizer.convert_tokens_to_string(["fox", "##es"]) == "foxes"
    assert tokenizer.num_special_tokens_to_add(pair=True) == 3
    assert tokenizer.build_inputs_with_special_tokens([8], [9, 10]) == [2, 8, 3, 9, 10, 3]
    assert tokenizer.create_token_type_ids_from_sequences([8], [9, 10]) == [0, 0, 0, 1, 1, 1]
    assert tokenizer.get_special_tokens_mask([8], [9]) == [1, 0, 1, 0, 1]
    assert tokenizer.get_special_tokens_mask([2, 8, 3], already_has_special_tokens=True) == [1, 0, 1]
    assert len(tokenizer) == tokenizer.vocab_size == 17
    assert tokenizer.max_len_single_sentence == 14
    row = tokenizer.prepare_for_model([8, 9, 10, 11], [15], truncation="only_first", max_length=6)
    assert row["input_ids"] == [2, 8, 9, 3, 15, 3]
    assert row["token_type_ids"] == [0, 0, 0, 0, 1, 1]
    assert tokenizer.truncate_sequences([1, 2, 3, 4], [5, 6], 3) == ([1, 2], [5], [])
    assert tokenizer.truncate_sequences([1, 2, 3, 4], None, 2, "only_first", 1) == ([1, 2], None, [2, 3, 4])


def test_prepare_for_model_equals_a_call(raw: Callable[[str], Path]) -> None:
    for family in ("bert", "roberta", "xlnet", "gpt2"):
        ours = load_tokenizer(raw(family))
        ours.pad_token = ours.pad_token or ours.eos_token
        first, second = (ours.encode(text, add_special_tokens=False) for text in TEXTS[:2])
        arguments: dict[str, Any] = {
            "padding": "max_length",
            "max_length": 80,
            "return_special_tokens_mask": True,
        }
        assert dict(ours.prepare_for_model(first, second, **arguments)) == dict(ours(*TEXTS[:2], **arguments))


def test_pad_collates(tokenizer: Any) -> None:
    rows = [tokenizer(text, return_special_tokens_mask=True) for text in ("hello", "hello world")]
    found = tokenizer.pad(rows, return_tensors="pt", pad_to_multiple_of=8)
    called = tokenizer(
        ["hello", "hello world"], padding=True, pad_to_multiple_of=8, return_special_tokens_mask=True
    )
    assert {key: value.tolist() for key, value in found.items()} == dict(called)
    left = tokenizer.pad({"input_ids": [[5], [6, 7]]}, padding_side="left")
    assert left["input_ids"] == [[0, 5], [6, 7]]
    assert left["attention_mask"] == [[0, 1], [1, 1]]
    assert tokenizer.pad({"input_ids": [5]}, padding="max_length", max_length=3)["input_ids"] == [5, 0, 0]
    with pytest.raises(InputError, match="'input_ids'"):
        tokenizer.pad([{"ids": [1]}])


@pytest.mark.parametrize(
    "scores",
    [
        [[0.5, 1.0]],
        [[1, 0.5]],
        [0.1],
        [np.array([0.1])],
        [np.array([0.1], dtype=np.float16)],
        [np.float64(0.1)],
        np.array([[0.1]]),
        [[1, 2]],
        [[True]],
    ],
)
def test_tensors_have_the_dtypes_of_the_oracle(scores: Any) -> None:
    import transformers

    found = BatchEncoding({"labels": scores}, tensor_type="pt")["labels"]
    expected = transformers.BatchEncoding({"labels": scores}, tensor_type="pt")["labels"]
    assert found.dtype == expected.dtype
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_padded_float_labels_are_float32(tokenizer: Any) -> None:
    rows = [{"input_ids": [5], "labels": 0.1}, {"input_ids": [6, 7], "labels": 0.7}]
    assert tokenizer.pad(rows, return_tensors="pt")["labels"].dtype == torch.float32


def test_alignment(tokenizer: Any) -> None:
    found = tokenizer(["foxes jumps", "a dog"], ["the fox", "hello"], padding=True)
    assert found.tokens(0)[:4] == ["[CLS]", "fox", "##es", "jumps"]
    assert found.word_ids(0)[:5] == [None, 0, 0, 1, None]
    assert found.sequence_ids(0)[:7] == [None, 0, 0, 0, None, 1, 1]
    assert found.char_to_token(0, 3) == 2
    assert found.char_to_token(0, 4, 1) == 6
    assert tuple(found.token_to_chars(0, 2)) == (3, 5)
    assert tuple(found.word_to_tokens(0, 0)) == (1, 3)
    assert tuple(found.word_to_chars(0, 1)) == (6, 11)
    assert found.char_to_word(0, 7) == found.token_to_word(0, 3) == 1
    assert found.token_to_sequence(0, 5) == 1
    assert found.n_sequences == 2
    assert found.is_fast
    assert found[1].ids == found["input_ids"][1]
    assert found[:1]["input_ids"] == found["input_ids"][:1]
    for same in (copy.deepcopy(found), pickle.loads(pickle.dumps(found)), found.copy()):
        assert dict(same) == dict(found)
        assert same.tokens(1) == found.tokens(1)
        assert same.n_sequences == 2
    assert (lambda **given: sorted(given))(**found) == sorted(found)
    with pytest.raises(AttributeError, match="nothing"):
        found.nothing  # noqa: B018
    with pytest.raises(InputError, match="does not know its text"):
        BatchEncoding({"input_ids": [1]}).tokens()
    moved = tokenizer("fox", return_tensors="pt").to("cpu")
    assert moved["input_ids"].device.type == "cpu"


def test_threads_never_mix(raw: Callable[[str], Path]) -> None:
    ours = load_tokenizer(raw("bert"))
    cases: list[dict[str, Any]] = [
        {
            "truncation": True,
            "max_length": 5 + i,
            "padding": "max_length",
            "padding_side": ("left", "right")[i % 2],
        }
        for i in range(12)
    ] + [{}, {"padding": True}, {"add_special_tokens": False}, {"split_special_tokens": True}]
    expected = [dict(ours(TEXTS, PAIRS, **case)) for case in cases]
    wrong: list[int] = []
    start = threading.Barrier(len(cases))

    def work(place: int) -> None:
        start.wait()
        for _ in range(40):
            if dict(ours(TEXTS, PAIRS, **cases[place])) != expected[place]:
                wrong.append(place)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(cases))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(cases) == 16
    assert not wrong


def test_calls_leave_the_rust_object_alone(tokenizer: Any) -> None:
    before = tokenizer._backend.own.to_str()
    tokenizer("hello world", truncation=True, max_length=3, padding="max_length", split_special_tokens=True)
    assert tokenizer._backend.own.to_str() == before
    held = tokenizer._backend
    assert tokenizer.add_tokens(["newword"]) == 1
    assert held.own.to_str() == before
    assert tokenizer.tokenize("newword") == ["newword"]
    # The first call cached a twin without the new word.
    assert tokenizer("newword", truncation=True, max_length=3)["input_ids"] == [2, 17, 3]


def test_changes_by_the_user_are_honoured(tokenizer: Any) -> None:
    from tokenizers import processors

    tokenizer("hello world", truncation=True, max_length=3)
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A [SEP]", pair="$A $B [SEP]", special_tokens=[("[SEP]", 3)]
    )
    assert tokenizer("hello world", truncation=True, max_length=2)["input_ids"] == [15, 3]
    assert tokenizer("hello")["input_ids"] == [15, 3]
    assert tokenizer.build_inputs_with_special_tokens([8]) == [8, 3]


@pytest.mark.parametrize(
    ("given", "named", "said"),
    [
        (3, {}, "int 3"),
        (None, {}, "nothing to tokenize"),
        (["a", 3], {}, r"text\[1\] is int 3"),
        (["a", ("b", "c")], {}, "pair in a list of texts"),
        ([("b", "c"), "a"], {}, r"text\[1\] is str 'a'"),
        ([["a", "b", "c"]], {}, "is_split_into_words=True"),
        ([[["a"]]], {}, "not a text or a pair"),
        ({"text": "a"}, {}, "dict"),
        (b"bytes", {}, "bytes"),
        ("a", {"is_split_into_words": True}, "list of words"),
        ([["a"], "b"], {"is_split_into_words": True}, r"text\[1\] is str 'b'"),
        ([["a", 4]], {"is_split_into_words": True}, "int 4 at word 1"),
        ("half \ud800 pair", {}, "surrogate"),
        (["fine", "half \udfff"], {}, "Row 1"),
        ("a", {"text_pair": 5}, "text_pair is int 5"),
        (["a", "b"], {"text_pair": ["c"]}, "2 rows and text_pair has 1"),
        (["a"], {"text_pair": "c"}, "must be a list"),
        ("a", {"truncation": "only_frist"}, "Did you mean 'only_first'"),
        ("a", {"padding": "longst"}, "Did you mean 'longest'"),
        ("a", {"padding_side": "top"}, "'left' or 'right'"),
        ("a", {"return_tensors": "tf"}, "'pt'"),
        ("a", {"max_length": -1}, "max_length is -1"),
        ("a", {"max_length": 2.5}, "max_length is 2.5"),
        ("a", {"truncation": True, "max_length": 1}, "no room"),
        ("a", {"truncation": True, "max_length": 8, "stride": 6}, "stride is 6"),
        (
            "a",
            {"truncation": True, "padding": True, "max_length": 9, "pad_to_multiple_of": 8},
            "max_length=8",
        ),
        (["a", "hello world"], {"return_tensors": "pt"}, "padding=True"),
        (
            ["hello the fox", "a"],
            {"text_pair": ["a", "a"], "truncation": "only_second", "max_length": 5},
            "truncat",
        ),
    ],
)
def test_bad_calls_say_why(tokenizer: Any, given: Any, named: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        tokenizer(given, **named)


def test_unknown_arguments(tokenizer: Any, small: Path) -> None:
    with pytest.raises(UnknownArgument, match="Did you mean 'truncation'"):
        tokenizer("a", truncatoin=True)
    with pytest.raises(UnknownArgument, match="Did you mean 'padding_side'"):
        PreTrainedTokenizerFast.from_pretrained(small, paddingside="left")
    with pytest.raises(TypeError, match="max_lenth"):  # the built-in error of transformers 4
        tokenizer.encode("a", max_lenth=3)


def test_no_padding_token(raw: Callable[[str], Path]) -> None:
    ours = load_tokenizer(raw("gpt2"))
    with pytest.raises(InputError, match=r"tokenizer\.pad_token = tokenizer\.eos_token"):
        ours(["a", "b c"], padding=True)
    ours.pad_token = "<nowhere>"
    assert ours.pad_token_id is None
    with pytest.raises(InputError, match="not in the vocabulary"):
        ours(["a", "b c"], padding=True)
    ours.pad_token = ours.eos_token
    assert ours(["a", "b c"], padding=True)["input_ids"][0][1] == ours.eos_token_id
    assert ours.add_special_tokens({"pad_token": "<pad>"}) == 1
    assert ours.pad_token_id == len(ours) - 1 == 50257


def test_unknown_limit_is_said_once(raw: Callable[[str], Path], caplog: pytest.LogCaptureFixture) -> None:
    ours = load_tokenizer(raw("gpt2"))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert len(ours("a b c " * 500, truncation=True)["input_ids"]) > 1024
    assert [record.message for record in caplog.records if "nothing was truncated" in record.message] == [
        caplog.records[0].message
    ]
    assert "max_length=" in caplog.records[0].message
    limited = load_tokenizer(raw("gpt2"), model_limit=1024)
    assert len(limited("a b c " * 500, truncation=True)["input_ids"]) == 1024


def test_max_length_alone_truncates_and_says_so(tokenizer: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert tokenizer("hello world fox", max_length=4)["input_ids"] == [2, 15, 16, 3]
    assert "truncation=True" in caplog.text


def test_too_long_is_said_once(tokenizer: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        tokenizer("fox " * 20)
        tokenizer("fox " * 30)
    assert len(caplog.records) == 1
    assert "22 tokens" in caplog.records[0].message


def test_a_million_characters(raw: Callable[[str], Path]) -> None:
    ours = load_tokenizer(raw("roberta"))
    text = "word " * 200_000
    assert len(ours(text, truncation=True, max_length=512)["input_ids"]) == 512
    assert len(load_tokenizer(raw("bert"))("x" * 1_000_000)["input_ids"]) == 3


def test_a_panic_is_an_input_error(capfd: pytest.CaptureFixture[str]) -> None:
    from tokenizers import Regex

    backend = Tokenizer(models.WordLevel({"a": 0, "[UNK]": 1}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Split(Regex("(a+)+$"), behavior="isolated")
    ours = PreTrainedTokenizerFast(tokenizer_object=backend)
    with pytest.raises(InputError, match="retry-limit"):
        ours("a" * 40 + "b")
    capfd.readouterr()  # Rust writes its own trace


def test_bad_ids(tokenizer: Any) -> None:
    with pytest.raises(InputError, match=r"-100.*pad_token_id"):
        tokenizer.decode([15, -100])
    with pytest.raises(InputError, match="Ids are numbers"):
        tokenizer.decode("hello")
    with pytest.raises(InputError, match="Ids are numbers"):
        tokenizer.batch_decode([["hello"]])
    with pytest.raises(InputError, match="17 tokens"):
        tokenizer.pad_token_id = 99
    with pytest.raises(InputError, match="empty"):
        tokenizer.add_tokens([""])
    with pytest.raises(UnknownArgument, match="Did you mean 'pad_token'"):
        tokenizer.add_special_tokens({"pad_tokn": "x"})


def test_special_tokens(tokenizer: Any) -> None:
    assert tokenizer.all_special_tokens == ["[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"]
    assert tokenizer.all_special_ids == [1, 3, 0, 2, 4]
    assert tokenizer.bos_token is tokenizer.bos_token_id is None
    assert tokenizer.add_special_tokens({"additional_special_tokens": ["<a>", "<b>"]}) == 2
    assert (
        tokenizer.add_special_tokens(
            {"additional_special_tokens": ["<c>"]}, replace_additional_special_tokens=False
        )
        == 1
    )
    assert tokenizer.additional_special_tokens == ["<a>", "<b>", "<c>"]
    assert tokenizer.additional_special_tokens_ids == [17, 18, 19]
    assert tokenizer.decode([15, 18], skip_special_tokens=True) == "hello"
    tokenizer.eos_token_id = 3
    assert tokenizer.eos_token == "[SEP]"
    assert tokenizer.special_tokens_map["eos_token"] == "[SEP]"
    assert tokenizer.add_tokens([AddedToken("FOX", normalized=False)]) == 1
    assert tokenizer.get_added_vocab()["FOX"] == 20
    assert tokenizer.convert_ids_to_tokens(tokenizer("a FOX")["input_ids"]) == ["[CLS]", "a", "FOX", "[SEP]"]
    assert list(tokenizer.added_tokens_decoder) == sorted(tokenizer.added_tokens_decoder)


def test_copies(tokenizer: Any) -> None:
    tokenizer.add_tokens(["extra"])
    tokenizer("hello world", truncation=True, max_length=3)
    for same in (copy.deepcopy(tokenizer), pickle.loads(pickle.dumps(tokenizer)), copy.copy(tokenizer)):
        assert type(same) is type(tokenizer)
        assert dict(same("an extra fox", padding="max_length")) == dict(
            tokenizer("an extra fox", padding="max_length")
        )
        assert same.special_tokens_map == tokenizer.special_tokens_map
    other = copy.deepcopy(tokenizer)
    other.add_tokens(["more"])
    other.pad_token = "[MASK]"
    assert "more" not in tokenizer.get_vocab()
    assert tokenizer.pad_token == "[PAD]"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_answers(tokenizer: Any) -> None:
    expected = dict(tokenizer("hello world", truncation=True, max_length=3))
    child = os.fork()
    if child == 0:
        os._exit(0 if dict(tokenizer("hello world", truncation=True, max_length=3)) == expected else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_t5_ends_a_text_once(raw: Callable[[str], Path]) -> None:
    """As T5Tokenizer of transformers 4.57.6; its T5TokenizerFast ends such a text twice."""
    slow = TOKENIZER_CLASSES["T5Tokenizer"](raw("t5") / "spiece.model")
    end = slow.eos_token_id
    lazy, line = slow("lazy")["input_ids"], slow("dogs")["input_ids"]
    assert lazy[-1] == end
    for text in ("lazy </s>", "lazy</s>", "lazy </s> "):
        assert slow(text)["input_ids"] == lazy
        assert slow([text, "dogs"])["input_ids"] == [lazy, line]
        assert slow(text, "dogs </s>")["input_ids"] == lazy + line
        assert slow(text_target=text)["input_ids"] == lazy
        assert slow(text, add_special_tokens=False)["input_ids"] == lazy
    assert slow("</s>")["input_ids"] == [end]
    assert slow("lazy </s></s>")["input_ids"] == [*lazy, end]
    assert slow("lazy </s> dogs")["input_ids"] == [*lazy, *line]
    assert slow(["lazy", "dogs</s>"], is_split_into_words=True)["input_ids"] == [*lazy[:-1], *line]
    assert slow("lazy lazy </s>", truncation=True, max_length=len(lazy))["input_ids"] == lazy
    assert slow.build_inputs_with_special_tokens(lazy, line) == [*lazy, *line]
    assert slow.prepare_for_model(lazy)["input_ids"] == lazy
    fast = TOKENIZER_CLASSES["T5TokenizerFast"](raw("t5") / "spiece.model")
    assert fast("lazy </s>")["input_ids"] == [*lazy, end]
    assert fast.build_inputs_with_special_tokens(lazy) == [*lazy, end]
