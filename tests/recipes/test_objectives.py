"""TokenizedDataset of each objective, against what a plain computation gives."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import hubformer
from hubformer.errors import ConfigError, InputError
from hubformer.evaluation.tasks import tags_of_words
from hubformer.metrics.token_sums import next_token_sums
from hubformer.recipes.causal_language_modeling import CausalLanguageModeling
from hubformer.recipes.multiple_choice import MultipleChoice
from hubformer.recipes.question_answering import QuestionAnswering
from hubformer.recipes.recipe import Data
from hubformer.recipes.records import split
from hubformer.recipes.regression import Regression
from hubformer.recipes.replaced_tokens import ReplacedTokenDetection
from hubformer.recipes.sentence_order import SentenceOrder
from hubformer.recipes.sequence_to_sequence import SequenceToSequence
from hubformer.recipes.span_corruption import Options as SpanOptions
from hubformer.recipes.span_corruption import SpanCorruption
from hubformer.recipes.text_classification import TextClassification
from hubformer.recipes.token_classification import TokenClassification
from hubformer.tasks.text_classification import label_values, names_of_labels
from hubformer.tokenization import train_tokenizer
from recipes.animals import ANIMALS, asked, labelled, tagged, write_csv, write_lines, write_squad

SMALL_T5 = {"vocab_size": 90, "d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 2}


@pytest.fixture(scope="module")
def tokenizers() -> dict[str, Any]:
    texts = [row["review"] for row in labelled(60)] + ["Which animal? It is."]
    return {
        "bert": train_tokenizer("wordpiece", texts, vocab_size=90, model_type="bert"),
        "gpt2": train_tokenizer("byte-bpe", texts, vocab_size=300, model_type="gpt2"),
        "roberta": train_tokenizer("byte-bpe", texts, vocab_size=300, model_type="roberta"),
        "xlnet": train_tokenizer("unigram", texts, vocab_size=70, model_type="xlnet"),
    }


def rows_of(task: Any, path: Path, tokenizer: Any, **data: Any) -> tuple[list[Any], list[dict[str, Any]]]:
    """The checked records of a file, and their rows."""
    records = split(task, Data(train=str(path), **data)).train
    task.model_options(records)
    return records, list(task.rows(records, tokenizer, name="the data"))


# Labels


@pytest.mark.parametrize(
    ("given", "found", "called"),
    [
        (["b", "a", "b"], ["a", "b"], ["a", "b"]),
        (["1", 0, 1.0], ["0", "1"], ["LABEL_0", "LABEL_1"]),
        ([10, 9, 1], ["1", "9", "10"], ["1", "9", "10"]),
        ([True, False], ["False", "True"], ["False", "True"]),
        ([" x ", "x", "y"], ["x", "y"], ["x", "y"]),
    ],
)
def test_labels_of_the_data(given: list[Any], found: list[str], called: list[str]) -> None:
    assert label_values(given) == found
    assert names_of_labels(found) == called


def test_texts_and_pairs(tokenizers: dict[str, Any], tmp_path: Path) -> None:
    tokenizer = tokenizers["bert"]
    texts = [{"premise": "Fox owl.", "hypothesis": "Owl.", "label": n % 5 + 1} for n in range(10)]
    path = write_lines(tmp_path / "pairs.jsonl", texts)
    task = TextClassification({"max_length": 16})
    records, rows = rows_of(task, path, tokenizer)
    assert [row["labels"] for row in rows] == [n % 5 for n in range(10)]
    assert task.model_options(records)["id2label"] == dict(enumerate("12345"))
    alone = tokenizer("Fox owl.", "Owl.", truncation=True, max_length=16)
    assert rows[0]["input_ids"] == alone["input_ids"]
    assert rows[0]["token_type_ids"] == alone["token_type_ids"]
    assert task.evaluation_options()["labels"] == {n: n for n in "12345"}
    batch = task.collator(tokenizer)(rows[:3])
    assert batch["labels"].tolist() == [0, 1, 2]
    assert set(batch) == {"input_ids", "token_type_ids", "attention_mask", "labels"}


def test_names_that_are_given(tokenizers: dict[str, Any], tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [{"text": "Fox.", "label": n} for n in (1, 0, 1)])
    task = TextClassification({"labels": ["no", "yes"]})
    assert [row["labels"] for row in rows_of(task, path, tokenizers["bert"])[1]] == [1, 0, 1]


def test_metrics_of_labels() -> None:
    class Prediction:
        predictions = np.array([[2.0, 1.0], [0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
        label_ids = np.array([0, 1, 0, 1])

    task = TextClassification({"labels": ["no", "yes"]})
    assert task.compute_metrics()(Prediction) == pytest.approx({"accuracy": 0.5, "f1": 0.5, "matthews": 0.0})


def test_numbers(tokenizers: dict[str, Any], tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [{"text": "Fox.", "score": s} for s in ("0.5", "3", "-1e1")])
    task = Regression({})
    rows = rows_of(task, path, tokenizers["bert"])[1]
    batch = task.collator(tokenizers["bert"])(rows)
    assert batch["labels"].tolist() == [0.5, 3.0, -10.0]
    assert batch["labels"].dtype is torch.float32


# Words


@pytest.mark.parametrize("name", ["bert", "gpt2", "xlnet"])
def test_the_first_piece_of_a_word_has_its_tag(name: str, tokenizers: dict[str, Any], tmp_path: Path) -> None:
    tokenizer = tokenizers[name]
    path = write_lines(tmp_path / "a.jsonl", tagged(30))
    task = TokenClassification({"max_length": 200})
    records, rows = rows_of(task, path, tokenizer)
    assert list(task.model_options(records)["label2id"]) == ["O", "B-animal", "I-animal"]
    names, pieces = ["O", "B-animal", "I-animal"], 0
    for record, row in zip(records, rows, strict=True):
        text, labels = " ".join(record["tokens"]), row["labels"]
        encoded = tokenizer(text, return_offsets_mapping=True)
        assert row["input_ids"] == encoded["input_ids"]
        # As a pipeline that says just these labels is measured; a token that is not learnt says anything.
        said = [
            {"entity": names[label] if label >= 0 else "B-anything", "start": start, "end": end}
            for label, (start, end) in zip(labels, encoded["offset_mapping"], strict=True)
        ]
        assert tags_of_words(record["tokens"], said) == record["tags"]
        assert sum(label >= 0 for label in labels) == len(record["tokens"])
        pieces += len(labels) - len(record["tokens"]) - tokenizer.num_special_tokens_to_add()
    assert pieces > 10


def test_words_cut_into_pieces_by_hand(tokenizers: dict[str, Any], tmp_path: Path) -> None:
    """Each word alone is cut as in its sentence by WordPiece: the labels can be put together from them."""
    records, rows = rows_of(
        TokenClassification({"max_length": 12}),
        write_lines(tmp_path / "a.jsonl", tagged(30)),
        tokenizers["bert"],
    )
    order = {"O": 0, "B-animal": 1, "I-animal": 2}
    for record, row in zip(records, rows, strict=True):
        expected: list[int] = []
        for word, tag in zip(record["tokens"], record["tags"], strict=True):
            pieces = tokenizers["bert"].tokenize(word)
            expected += [order[tag], *[-100] * (len(pieces) - 1)]
        assert row["labels"] == [-100, *expected[:10], -100]
        assert len(row["input_ids"]) == 12


def test_words_in_one_column(tokenizers: dict[str, Any], tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [{"words": "the grey fox", "ner_tags": "O B-x I-x"}])
    records, rows = rows_of(TokenClassification({}), path, tokenizers["bert"])
    assert records[0]["tokens"] == ["the", "grey", "fox"]
    assert [label for label in rows[0]["labels"] if label >= 0] == [0, 1, 2]


def test_metrics_of_words() -> None:
    class Prediction:
        label_ids = np.array([[-100, 0, 1, 2, -100], [-100, 1, -100, 0, -100]])
        predictions = np.array([[2, 0, 1, 2, 1], [1, 0, 1, 0, 0]])

    task = TokenClassification({"labels": ["O", "B-x", "I-x"]})
    task.model_options([])
    assert task.compute_metrics()(Prediction) == pytest.approx(
        {"precision": 1.0, "recall": 0.5, "f1": 2 / 3, "accuracy": 0.8}
    )
    plain = TokenClassification({"labels": ["O", "B-x", "I-x"], "scheme": None})
    plain.model_options([])
    assert plain.compute_metrics()(Prediction) == {"accuracy": 0.8}
    assert (task.evaluation_task, plain.evaluation_task) == ("token-classification", None)


# Questions


@pytest.mark.parametrize("name", ["bert", "roberta", "xlnet"])
@pytest.mark.parametrize("max_length", [24, 100])
def test_spans_decode_to_the_answers(
    name: str, max_length: int, tokenizers: dict[str, Any], tmp_path: Path
) -> None:
    tokenizer = tokenizers[name]
    records = asked(60, impossible=True)
    if name == "bert":  # a context that needs several windows
        records += [{**asked(1, seed=9)[0], "context": "Cedar drum elder. " * 20 + "Grey wolf.", "answers": [
            {"text": "Grey wolf", "answer_start": 360}]}]  # fmt: skip
    task = QuestionAnswering({"max_length": max_length, "stride": 6})
    checked, rows = rows_of(task, write_squad(tmp_path / "a.json", records), tokenizer)
    assert max(len(row["input_ids"]) for row in rows) <= max_length
    answered = 0
    for row in rows:
        start, end, ids = row["start_positions"], row["end_positions"], row["input_ids"]
        if ids[start] == tokenizer.cls_token_id:
            assert start == end
            continue
        assert tokenizer.decode(ids[start : end + 1]).strip().lower() in ANIMALS
        answered += 1
    assert answered >= sum(bool(record["answers"]["text"]) for record in checked)
    if max_length == 100 and name != "bert":  # one window each, as the pipeline reads it
        texts = [(record["question"], record["context"]) for record in checked]
        pairs = [(context, question) for question, context in texts] if name == "xlnet" else texts
        assert [row["input_ids"] for row in rows] == [tokenizer(*pair)["input_ids"] for pair in pairs]


def test_answers_of_a_table(tokenizers: dict[str, Any], tmp_path: Path) -> None:
    """A column for the answer; its place is optional, and an empty answer is none."""
    context = "A fox sees a fox."
    table = [
        {"question": "Who?", "context": context, "answer": "fox", "answer_start": ""},
        {"question": "Whom?", "context": context, "answer": "fox", "answer_start": 13},
        {"question": "Why?", "context": context, "answer": "", "answer_start": ""},
    ]
    task = QuestionAnswering({"max_length": 64, "stride": 8})
    records, rows = rows_of(task, write_csv(tmp_path / "a.csv", table), tokenizers["bert"])
    assert [record["span"] for record in records] == [(2, 5), (13, 16), None]
    encoded = tokenizers["bert"]("Whom?", context, return_offsets_mapping=True)
    assert encoded["offset_mapping"][rows[1]["start_positions"]][0] == 13
    assert encoded["offset_mapping"][rows[1]["end_positions"]][1] == 16
    assert rows[2]["start_positions"] == rows[2]["end_positions"] == 0


# Choices


def test_each_choice_with_the_text(tokenizers: dict[str, Any], tmp_path: Path) -> None:
    tokenizer = tokenizers["bert"]
    table = [
        {"context": "Which?", "choices": ["A fox.", "Owl.", "The grey wolf."], "answer": n} for n in (2, "0")
    ]
    task = MultipleChoice({"max_length": 48})
    _, rows = rows_of(task, write_lines(tmp_path / "a.jsonl", table), tokenizer)
    batch = task.collator(tokenizer)(rows)
    assert batch["labels"].tolist() == [2, 0]
    assert batch["input_ids"].shape[:2] == (2, 3)
    for choice, text in enumerate(table[0]["choices"]):
        encoded = tokenizer("Which?", text)
        for name in ("input_ids", "token_type_ids"):
            kept = batch[name][1, choice][batch["attention_mask"][1, choice].bool()]
            assert kept.tolist() == encoded[name]


# Next tokens


def test_rows_of_running_text(tokenizers: dict[str, Any], tmp_path: Path) -> None:
    tokenizer = tokenizers["gpt2"]
    documents = [f"The {animal} sleeps.\nIt is night." for animal in ANIMALS]
    (tmp_path / "a.txt").write_text("\n\n".join(documents), encoding="utf-8")
    _, rows = rows_of(CausalLanguageModeling({"max_length": 16}), tmp_path / "a.txt", tokenizer)
    stream = [i for text in documents for i in (*tokenizer(text)["input_ids"], tokenizer.eos_token_id)]
    assert [i for row in rows for i in row["input_ids"]] == stream[: len(stream) // 16 * 16]
    assert all(row["labels"] == row["input_ids"] for row in rows)


def test_spans_are_lost_and_can_be_put_back(tmp_path: Path) -> None:
    texts = [row["review"] for row in labelled(60)]
    tokenizer = train_tokenizer("unigram", texts, vocab_size=70, model_type="t5")
    (tmp_path / "texts.txt").write_text("\n\n".join(texts), "utf-8")
    task = SpanCorruption({"max_length": 24})
    records = split(task, Data(train=str(tmp_path / "texts.txt"))).train
    rows = list(task.rows(records, tokenizer, name="the data"))
    assert {len(row["input_ids"]) for row in rows} == {24}
    whole = [token for row in rows for token in row["input_ids"][:-1]]
    running = [t for text in texts for t in [*tokenizer(text)["input_ids"]]]
    assert whole == running[: len(whole)]
    torch.manual_seed(0)
    batch = task.collator(tokenizer)(rows)
    first = tokenizer.convert_tokens_to_ids("<extra_id_99>")
    for row, source, target in zip(rows, batch["input_ids"], batch["labels"], strict=True):
        pieces: dict[int, list[int]] = {}
        for token in target[target >= 0].tolist()[:-1]:
            pieces.setdefault(token, []) if token >= first else pieces[next(reversed(pieces))].append(token)
        kept = [token for token in source.tolist() if token != tokenizer.pad_token_id]
        put_back = [t for token in kept for t in pieces.get(token, [token])]
        assert put_back == row["input_ids"]
        assert 0 < sum(map(len, pieces.values())) < 0.3 * len(put_back)


def test_spans_that_cannot_be(tokenizers: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"options\.noise_density is 0"):
        SpanOptions(noise_density=0)
    with pytest.raises(ConfigError, match=r"options\.mean_noise_span_length is 0\.5"):
        SpanOptions(mean_noise_span_length=0.5)
    model = hubformer.AutoModelForSeq2SeqLM.from_config(
        hubformer.T5Config(num_layers=1, d_model=8, num_heads=1)
    )
    with pytest.raises(InputError, match="no sentinels"):
        SpanCorruption({}).prepare(tokenizers["xlnet"], model)


def test_sums_of_next_tokens() -> None:
    torch.manual_seed(0)
    scores, labels = torch.randn(3, 6, 9), torch.randint(9, (3, 6))
    found = next_token_sums(scores, labels)
    loss = torch.nn.functional.cross_entropy(scores[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
    torch.testing.assert_close(found[:, 0].sum() / 15, loss)
    assert found[:, 1].tolist() == [5, 5, 5]

    class Prediction:
        predictions = found.numpy()

    values = CausalLanguageModeling({}).compute_metrics()(Prediction)  # type: ignore[arg-type]
    assert values["perplexity"] == pytest.approx(math.exp(float(loss)))
    assert values["accuracy"] == pytest.approx(
        float((scores[:, :-1].argmax(-1) == labels[:, 1:]).float().mean())
    )


def test_texts_for_texts(tokenizers: dict[str, Any], tmp_path: Path) -> None:
    tokenizer = tokenizers["xlnet"]
    rows = [
        {"document": "Fox amber basil.", "target": "fox"},
        {"document": "Owl cedar. " * 20, "target": ["owl", "bird"]},
    ]
    task = SequenceToSequence({"max_length": 24, "max_target_length": 4, "prefix": "say: "})
    _, found = rows_of(task, write_lines(tmp_path / "a.jsonl", rows), tokenizer)
    expected = tokenizer(["say: " + row["document"] for row in rows], truncation=True, max_length=24)
    labels = tokenizer(["fox", "owl"], truncation=True, max_length=4)["input_ids"]
    assert [row["input_ids"] for row in found] == expected["input_ids"]
    assert [row["labels"] for row in found] == labels
    assert len(found[1]["input_ids"]) == 24
    batch = task.collator(tokenizer)([dict(row) for row in found])
    assert batch["labels"].shape[0] == 2
    assert task.model_options([]) == {"prefix": "say: "}
    model = hubformer.T5ForConditionalGeneration(hubformer.T5Config(**SMALL_T5))
    endless = tokenizers["roberta"]
    assert endless.model_max_length > 2**30
    task.prepare(endless, model)
    assert endless.model_max_length == 24
    endless.model_max_length = 10**30
    assert task.evaluation_options() == {"truncation": True, "max_new_tokens": 4}
    assert SequenceToSequence({}).model_options([]) == {}
    translating = SequenceToSequence({"source_language": "en", "target_language": "de"})
    with pytest.raises(InputError, match="knows no languages"):
        translating.prepare(tokenizer, model)
    with pytest.raises(ConfigError, match="go together"):
        SequenceToSequence({"source_language": "en"})
    with pytest.raises(ConfigError, match="Did you mean 'summarization'"):
        SequenceToSequence({"task": "summarisation"})
    with pytest.raises(ConfigError, match="max_target_length is 1"):
        SequenceToSequence({"max_target_length": 1})


def test_whose_head_learns_the_order(tokenizers: dict[str, Any]) -> None:
    """ALBERT has a label for it; BERT's is the one for next sentences."""
    small = {"num_hidden_layers": 1, "hidden_size": 8, "num_attention_heads": 2, "vocab_size": 90}
    albert = hubformer.AlbertForPreTraining(hubformer.AlbertConfig(**small))
    bert = hubformer.BertForPreTraining(hubformer.BertConfig(**small))
    documents = [[[7, 8, 9], [10, 11]], [[12, 13], [14, 15, 16]]]
    for model, name in ((albert, "sentence_order_label"), (bert, "next_sentence_label")):
        task = SentenceOrder({"max_length": 24})
        task.prepare(tokenizers["bert"], model)
        rows = list(task.samples(documents, tokenizers["bert"]))
        assert {name in row for row in rows} == {True}
        batch = task.collator(tokenizers["bert"])(rows)
        assert model(**batch).loss is not None


def test_replaced_tokens_are_for_a_discriminator(tokenizers: dict[str, Any]) -> None:
    small = {"num_hidden_layers": 1, "hidden_size": 8, "num_attention_heads": 2, "vocab_size": 90}
    task = ReplacedTokenDetection({"max_length": 24})
    with pytest.raises(InputError, match="The discriminator is a BertForPreTraining"):
        task.prepare(tokenizers["bert"], hubformer.BertForPreTraining(hubformer.BertConfig(**small)))
    model = hubformer.ElectraForPreTraining(hubformer.ElectraConfig(**small))
    task.prepare(tokenizers["bert"], model)
    pair = task.wrap_model(model)
    assert pair.generator.config.num_attention_heads == 1
    assert pair.generator.config.hidden_size == 4
    assert pair.weight == 50
    model.add_adapter(hubformer.LoraConfig(r=2))
    with pytest.raises(InputError, match="lora freezes the token vectors"):
        task.wrap_model(model)
    for options, match in (
        ({"mlm_probability": 0.0}, "options.mlm_probability is 0.0"),
        ({"generator_share": 2.0}, "options.generator_share is 2.0"),
        ({"weight": 0.0}, "options.weight is 0.0"),
    ):
        with pytest.raises(ConfigError, match=match):
            ReplacedTokenDetection(options)


# What cannot be learnt from


def test_records_that_cannot_be(tokenizers: dict[str, Any], tmp_path: Path) -> None:
    def refused(task: Any, match: str, *records: dict[str, Any]) -> None:
        path = write_lines(tmp_path / "a.jsonl", records)
        with pytest.raises(InputError, match=match):
            rows_of(task, path, tokenizers["bert"])

    good = {"text": "Fox.", "label": "a"}
    refused(
        TextClassification({}), "text of record 1 of .*a.jsonl is None", good, {"text": None, "label": "b"}
    )
    refused(TextClassification({}), "text of record 1 .* is ' '", good, {"text": " ", "label": "b"})
    refused(TextClassification({}), "label of record 1 .* is ''", good, {"text": "Owl.", "label": ""})
    refused(TextClassification({}), "1 different values [(]'a'[)]", good)
    refused(TextClassification({"labels": ["b", "c"]}), "'Fox.' is 'a', expected one of b, c", good)
    refused(TextClassification({}), "1 records have a text_pair, but not 'Fox.'", good,
            {"text": "Owl.", "label": "b", "text_pair": "Eel."})  # fmt: skip
    refused(Regression({}), "label of record 0 .* is 'a', expected a number", good)
    refused(Regression({}), "label of record 0 .* is 'nan'", {"text": "Fox.", "label": "nan"})

    words = {"tokens": ["a", "b"], "tags": ["O", "B-x"]}
    refused(TokenClassification({}), "record 1 .* has 2 words and 1 tags", words, {**words, "tags": ["O"]})
    refused(
        TokenClassification({}),
        "record 1 .* 'NOUN'.* options.scheme",
        words,
        {**words, "tags": ["O", "NOUN"]},
    )
    refused(TokenClassification({}), "tokens of record 0 .* are 3, expected a list", {**words, "tokens": 3})
    refused(TokenClassification({"labels": ["O"]}), "'a b' has the tag 'B-x'.* labels O", words)

    ask = {"question": "Who?", "context": "A fox.", "answers": "fox", "answer_start": 2}
    task = QuestionAnswering({"max_length": 24, "stride": 4})
    refused(task, "question of record 1 .* is ''", ask, {**ask, "question": ""})
    refused(
        task,
        "'owl' of record 1 .* is not in its context",
        ask,
        {**ask, "answers": "owl", "answer_start": None},
    )
    refused(
        task,
        "'fox' of record 1 .* is not at character 3 .* where 'ox[.]' stands",
        ask,
        {**ask, "answer_start": 3},
    )
    refused(task, "answer_start of record 1 .* is 'two'", ask, {**ask, "answer_start": "two"})
    refused(task, "answers of record 1 .* are 3; expected a text", ask, {**ask, "answers": 3})
    refused(task, "The question 'which .* has .* tokens", {**ask, "question": "which " * 20})
    choose = {"text": "Who?", "ending0": "Fox.", "ending1": "Owl.", "label": 1}
    refused(
        MultipleChoice({}), "label of record 1 .* is 2, expected .* 0 to 1", choose, {**choose, "label": 2}
    )
    refused(
        MultipleChoice({}), "record 1 .* has 3 choices, expected 2", choose, {**choose, "ending2": "Eel."}
    )
    refused(MultipleChoice({}), "choices of record 0 .* are ..; expected", {"text": "Who?", "label": 0})
    told = {"text": "A fox.", "reference": "fox"}
    refused(SequenceToSequence({}), "reference of record 1 .* is ''", told, {**told, "reference": ""})
    refused(SequenceToSequence({}), "reference of record 0 .* is ..,", {**told, "reference": []})
    refused(CausalLanguageModeling({}), "text of record 0 .* is 3, expected a text", {"text": 3})
    refused(CausalLanguageModeling({}), "fewer tokens than the 256 of a row", {"text": "Fox."})


def test_labels_that_only_held_out_records_have(tokenizers: dict[str, Any], tmp_path: Path) -> None:
    task = TextClassification({})
    train = write_csv(tmp_path / "a.csv", [{"text": "Fox.", "label": n} for n in ("a", "b")])
    valid = write_csv(tmp_path / "b.csv", [{"text": "Owl.", "label": "c"}])
    found = split(task, Data(train=str(train), valid=str(valid)))
    task.model_options(found.train)
    with pytest.raises(
        InputError, match=r"'Owl.' is 'c', which the training data does not have; it has a, b"
    ):
        task.rows(found.held_out, tokenizers["bert"], name="the held-out data")
