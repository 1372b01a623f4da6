"""Text classification: options, pairs, streams, lengths, and what is refused."""

from __future__ import annotations

import copy
import logging
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

from hubformer.errors import InputError, UnknownArgument
from hubformer.pipelines import pipeline

GOLDENS = Path(__file__).parent / "goldens"
LONG = "the soup was wonderful and the door is blue. " * 40


@pytest.fixture(scope="module")
def classify() -> Any:
    return pipeline("text-classification", GOLDENS / "bert-labels", device="cpu")


def scored(**changes: Any) -> Any:
    made = pipeline("text-classification", GOLDENS / "bert-score", device="cpu")
    for name, value in changes.items():
        setattr(made.model.config, name, value)
    return made


def test_a_generator_is_answered_as_it_is_read(classify: Any) -> None:
    read = 0

    def source() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield f"Line number {read}."

    answers = classify(source())
    assert read == 0
    first = next(answers)
    assert read <= 32
    assert first["score"] == pytest.approx(classify("Line number 1.")[0]["score"], abs=1e-6)


def test_datasets_and_columns(classify: Any) -> None:
    class Indexed:  # like a map-style dataset of torch
        def __len__(self) -> int:
            return 3

        def __getitem__(self, place: int) -> str:
            return ["one", "two", "three"][place]

    class Column:  # like a column of a data frame
        def tolist(self) -> list[str]:
            return ["one", "two"]

        def __iter__(self) -> Iterator[str]:
            return iter(self.tolist())

    assert list(classify(Indexed())) == classify(["one", "two", "three"])
    assert classify(Column()) == classify(("one", "two")) == classify(["one", "two"])


def test_a_column_by_name_as_transformers_takes_it(classify: Any) -> None:
    columns = import_module("hubformer.pipelines.pt_utils")
    records = [{"text": "one", "second": "blue"}, {"text": "two", "second": "door"}]
    assert list(classify(columns.KeyDataset(records, "text"))) == classify(["one", "two"])
    pairs = [{"text": row["text"], "text_pair": row["second"]} for row in records]
    assert list(classify(columns.KeyPairDataset(records, "text", "second"))) == classify(pairs)


@pytest.mark.parametrize(
    "item", ["", " \n", {"text": "", "text_pair": "blue"}, {"text": "blue", "text_pair": ""}, {"text": ""}]
)
def test_an_empty_text_is_answered_as_transformers_answers_it(classify: Any, item: Any) -> None:
    from transformers import pipeline as pipeline_of_4

    expected = pipeline_of_4("text-classification", str(GOLDENS / "bert-labels"), device="cpu")
    ours, theirs = (one(item, top_k=None) for one in (classify, expected))
    assert [row["label"] for row in ours] == [row["label"] for row in theirs]
    assert [row["score"] for row in ours] == pytest.approx([row["score"] for row in theirs], abs=1e-5)
    beside = classify([item, "door"], top_k=None)[0]
    assert [row["score"] for row in beside] == pytest.approx([row["score"] for row in ours], abs=1e-6)


def test_a_module_around_the_classifier_is_called() -> None:
    class Negated(torch.nn.Module):
        def __init__(self, inner: torch.nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, states: torch.Tensor) -> torch.Tensor:
            return -self.inner(states)

    made = pipeline("text-classification", GOLDENS / "bert-labels", device="cpu")
    before = made("blue", top_k=None, function_to_apply="none")
    made.model.classifier = Negated(made.model.classifier)
    after = {row["label"]: row["score"] for row in made("blue", top_k=None, function_to_apply="none")}
    assert after == pytest.approx({row["label"]: -row["score"] for row in before}, abs=1e-6)


def test_order_is_that_of_the_inputs(classify: Any) -> None:
    texts = ["blue " * n + "door" for n in (30, 1, 17, 2, 2, 40, 9)]
    for text, answer in zip(texts, classify(texts), strict=True):
        assert answer["label"] == classify(text)[0]["label"]
        assert answer["score"] == pytest.approx(classify(text)[0]["score"], abs=1e-6)


def test_pairs_beside_texts(classify: Any) -> None:
    pair = {"text": "the door", "text_pair": "is blue"}
    mixed = classify(["the door", pair, {"text": "the door"}])
    assert mixed[0] == mixed[2] != mixed[1]
    assert mixed[1]["score"] == pytest.approx(classify(pair)["score"], abs=1e-6)


def test_long_texts(classify: Any) -> None:
    with pytest.raises(InputError, match=r"\d{3} tokens, but the model reads at most 96.*truncation=True"):
        classify(LONG)
    with pytest.raises(InputError, match="tokens"):
        classify(["short", LONG])
    first = classify(LONG, truncation=True)
    assert first == classify(LONG, truncation=True, max_length=96)
    assert first != classify(LONG, truncation=True, max_length=20)
    always = pipeline("text-classification", GOLDENS / "bert-labels", device="cpu", truncation=True)
    assert always(LONG) == first


def test_a_million_characters(classify: Any) -> None:
    with pytest.raises(InputError, match="reads at most 96"):
        classify("door " * 200_000)
    assert classify("door " * 200_000, truncation=True)


def test_padding_changes_nothing(classify: Any) -> None:
    assert classify(["a door", "blue"], padding="max_length") == classify(["a door", "blue"])


def test_one_score_by_the_configuration() -> None:
    text = "The soup was wonderful."
    number = scored()(text, function_to_apply="none")[0]["score"]
    sigmoid = scored()(text)[0]["score"]
    assert 0 < sigmoid < 1
    assert sigmoid != number
    identity = "torch.nn.modules.linear.Identity"
    for changes in (
        {"sentence_transformers": {"activation_fn": identity}},
        {"sbert_ce_default_activation_function": identity},
        {"problem_type": "regression"},
    ):
        assert scored(**changes)(text)[0]["score"] == number
    named = {"sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Sigmoid"}}
    assert scored(**named)(text)[0]["score"] == sigmoid


def test_options_of_the_pipeline_hold_until_a_call_says_otherwise() -> None:
    made = pipeline("text-classification", GOLDENS / "bert-labels", device="cpu", function_to_apply="none")
    plain = made("blue")[0]["score"]
    assert made("blue", function_to_apply="softmax")[0]["score"] != plain
    assert made("blue")[0]["score"] == plain


def test_scikit_learn_names(classify: Any) -> None:
    assert classify.predict(["blue"]) == classify.transform(["blue"]) == classify(["blue"])


def test_batch_size_and_workers_are_taken(classify: Any) -> None:
    assert classify(["blue", "door"], batch_size=1, num_workers=4) == classify(["blue", "door"])
    with pytest.raises(InputError, match="batch_size"):
        pipeline("text-classification", GOLDENS / "bert-labels", batch_size="many")


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (None, "None; expected a text"),
        (7, "int 7"),
        (3.5, "float 3.5"),
        (b"bytes", "bytes"),
        (["good", None], "Input 1 is None"),
        ([["a", "b"]], "text_pair"),
        ([[["a", "b"], "c"]], "text_pair"),
        ({"txt": "a"}, "txt"),
        ({"text": "a", "text_pair": 3}, "text_pair is int 3"),
        ({"text": "a", "label": 1}, "label"),
        ([{"text": None}], "Input 0's text is None"),
        (iter(["good", 5]), "Input 1 is int 5"),
    ],
)
def test_what_is_no_text(classify: Any, inputs: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        list(classify(inputs))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"top_k": 0}, "top_k is 0"),
        ({"top_k": "3"}, "top_k is '3'"),
        ({"top_k": True}, "top_k is True"),
        ({"function_to_apply": "sigmoyd"}, "Did you mean 'sigmoid'"),
        ({"function_to_apply": 3}, "function_to_apply is 3"),
        ({"padding": "longst"}, "padding"),
        ({"max_length": -1}, "max_length is -1"),
    ],
)
def test_options_that_cannot_be(classify: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        classify("blue", **options)


def test_a_misspelt_option(classify: Any) -> None:
    with pytest.raises(UnknownArgument, match=r"topk.*Did you mean 'top_k'"):
        classify("blue", topk=2)
    with pytest.raises(UnknownArgument, match="Did you mean 'function_to_apply'"):
        pipeline("text-classification", GOLDENS / "bert-labels", functoin_to_apply="none")


def test_surrogates(classify: Any) -> None:
    with pytest.raises(InputError, match="surrogate"):
        classify("half \ud800 a pair")


def test_copies(classify: Any) -> None:
    for twin in (copy.deepcopy(classify), pickle.loads(pickle.dumps(classify))):
        assert twin is not classify
        assert twin("The soup was wonderful.") == classify("The soup was wonderful.")
        assert twin.task == "text-classification"


def test_saved_and_opened_again(classify: Any, tmp_path: Path) -> None:
    classify.save_pretrained(tmp_path / "copy")
    again = pipeline("text-classification", tmp_path / "copy", device="cpu")
    assert again("The soup was wonderful.") == classify("The soup was wonderful.")


def test_threads_share_a_pipeline(classify: Any) -> None:
    texts = [["blue door", "soup"], ["the soup was wonderful " * 4], ["a", "b", "c"]]
    options = [{}, {"top_k": 2}, {"truncation": True, "max_length": 6}]
    expected = [classify(text, **option) for text, option in zip(texts, options, strict=True)]
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(classify, texts[i % 3], **options[i % 3]) for i in range(60)]
        assert all(job.result() == expected[i % 3] for i, job in enumerate(jobs))


def test_the_users_tokenizer_is_left_alone(classify: Any) -> None:
    before = classify.tokenizer.init_kwargs.copy(), classify.tokenizer.padding_side
    classify(LONG, truncation=True)
    assert (classify.tokenizer.init_kwargs, classify.tokenizer.padding_side) == before


def test_no_chatter(classify: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        classify(["blue", "door"] * 12)
    assert not caplog.records
