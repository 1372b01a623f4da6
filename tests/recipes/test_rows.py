"""What pre-training learns from: no sentence is lost, and labels say what is so."""

from __future__ import annotations

import random
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from hubformer.errors import InputError, UnknownArgument
from hubformer.metrics.token_sums import StreamedSums, masked_token_sums
from hubformer.recipes import OBJECTIVES, load_recipe
from hubformer.recipes.masked_language_modeling import MaskedLanguageModeling
from hubformer.recipes.next_sentence import NextSentence
from hubformer.recipes.permutation_language_modeling import PermutationLanguageModeling
from hubformer.recipes.pretraining import tokenize_document
from hubformer.recipes.sentence_order import SentenceOrder
from hubformer.tokenization import train_tokenizer
from recipes.corpus import TOPICS, texts

ROOM = 40


def numbered(count: int, *, sentences: tuple[int, int], longest: int = ROOM // 2, seed: int = 0) -> Any:
    """Documents in which every token is its own: 1,000,000 a document, 1,000 a sentence."""
    rng = random.Random(seed)
    return [
        [
            [d * 1_000_000 + s * 1000 + t for t in range(rng.randint(1, longest))]
            for s in range(rng.randint(*sentences))
        ]
        for d in range(1, count + 1)
    ]


def follow(tokens: Sequence[int], document: Any) -> bool:
    """Whether these tokens stand one behind the other in a document."""
    whole = [token for sentence in document for token in sentence]
    begin = whole.index(tokens[0])
    return whole[begin : begin + len(tokens)] == list(tokens)


LONG, SHORT = {"sentences": (20, 60)}, {"sentences": (2, 3)}


@pytest.mark.parametrize("sizes", [LONG, SHORT], ids=["long documents", "short documents"])
def test_half_of_the_pairs_follow(sizes: Any) -> None:
    documents = numbered(1500 if sizes is SHORT else 60, **sizes)
    by_name = {document[0][0] // 1_000_000: document for document in documents}
    pairs = list(NextSentence({}).build_pairs(documents, random.Random(0), room=ROOM))
    own: list[int] = []
    for first, second, label in pairs:
        assert first
        assert second
        assert len(first) + len(second) <= ROOM
        home, away = first[0] // 1_000_000, second[0] // 1_000_000
        assert follow(first, by_name[home])
        assert follow(second, by_name[away])
        if label == 0:
            assert follow(first + second, by_name[home])
        else:
            assert home != away
        own += first + second if label == 0 else first
    assert own == [token for document in documents for sentence in document for token in sentence]
    share = sum(label for *_, label in pairs) / len(pairs)
    assert abs(share - 0.5) < 1.7 / len(pairs) ** 0.5  # 3.4 standard deviations of a fair coin
    # Neither kind is told apart by where it ends: foreign texts are whole sentences too.
    ends = {sentence[-1] for document in documents for sentence in document}
    assert sum(second[-1] in ends for _, second, label in pairs if label) > 0.93 * share * len(pairs)


def test_foreign_texts_are_as_long_as_those_that_follow() -> None:
    documents = numbered(200, **LONG, longest=12)
    pairs = list(NextSentence({}).build_pairs(documents, random.Random(1), room=ROOM))
    lengths = [[len(second) for _, second, label in pairs if label == kind] for kind in (0, 1)]
    means = [sum(some) / len(some) for some in lengths]
    assert abs(means[0] - means[1]) < 2


def test_sentences_alone_cannot_be_followed() -> None:
    pairs = list(NextSentence({}).build_pairs(numbered(50, sentences=(1, 1)), random.Random(0), room=ROOM))
    assert [label for *_, label in pairs] == [1] * 50


def test_one_document_has_no_other() -> None:
    with pytest.raises(InputError, match="one document"):
        list(NextSentence({}).build_pairs(numbered(1, **LONG), random.Random(0), room=ROOM))


def test_swapped_pairs() -> None:
    documents = [*numbered(60, **LONG), [[107_000_000, 107_000_001, 107_000_002]], [[108_000_000]]]
    pairs = list(SentenceOrder({}).build_pairs(documents, random.Random(0), room=ROOM))
    found: list[int] = []
    for first, second, label in pairs:
        assert first
        assert second
        assert len(first) + len(second) <= ROOM
        found += second + first if label else first + second
    whole = [token for document in documents for sentence in document for token in sentence]
    assert found[-3:] == [107_000_000, 107_000_001, 107_000_002]
    left_out = set(whole) - set(found)
    assert 108_000_000 in left_out  # a single token alone makes no pair
    last = {document[-1][0] for document in documents if len(document[-1]) == 1}
    assert left_out <= last
    assert found == [token for token in whole if token not in left_out]
    share = sum(label for *_, label in pairs) / len(pairs)
    assert abs(share - 0.5) < 1.7 / len(pairs) ** 0.5


@pytest.mark.parametrize("kind", [NextSentence, SentenceOrder])
def test_short_rows_come_by_chance(kind: Any) -> None:
    documents = numbered(20, sentences=(300, 400), longest=4)

    def lengths(short: float) -> list[int]:
        pairs = kind({"short_seq_prob": short}).build_pairs(documents, random.Random(0), room=ROOM)
        return [
            len(first) + len(second) for first, second, label in pairs if not (label and kind is NextSentence)
        ]

    few, some, all_short = ([n < ROOM - 8 for n in lengths(short)] for short in (0.0, 0.1, 1.0))
    assert sum(few) / len(few) < 0.1
    assert sum(few) / len(few) + 0.03 < sum(some) / len(some) < 0.3
    assert sum(all_short) / len(all_short) > 0.6


@pytest.fixture(scope="module")
def tokenizers() -> dict[str, Any]:
    some = texts(40)
    return {
        "bert": train_tokenizer("wordpiece", some, vocab_size=150, model_type="bert"),
        "roberta": train_tokenizer("byte-bpe", some, vocab_size=300, model_type="roberta"),
        "xlnet": train_tokenizer("unigram", some, vocab_size=120, model_type="xlnet"),
    }


@pytest.mark.parametrize("name", ["bert", "roberta", "xlnet"])
def test_sentences_are_those_of_the_running_text(name: str, tokenizers: dict[str, Any]) -> None:
    tokenizer = tokenizers[name]
    line = 'Alto bass cello. "Amber basil." Dr. Fern, of the U.S. field, drum?! Anvil ümläut… Epic 3.5 flute'
    found = tokenize_document(f"{line}\n\n  \n{line}", tokenizer, most=100)
    ids = tokenizer(line, add_special_tokens=False)["input_ids"]
    assert [index for sentence in found for index in sentence] == ids + ids
    decoded = [tokenizer.decode(list(sentence)).strip().lower().replace(" ", "") for sentence in found]
    assert decoded[0] == "altobasscello."
    assert "amberbasil." in decoded[1]  # the quotation mark is unknown to some
    assert len(found) == 2 * 5
    cut = tokenize_document(line, tokenizer, most=3)
    assert [index for sentence in cut for index in sentence] == ids
    assert {len(sentence) for sentence in cut} <= {1, 2, 3}


def rows(objective: Any, tokenizer: Any, documents: list[str]) -> list[dict[str, Any]]:
    return list(objective.rows([{"text": text} for text in documents], tokenizer, name="the data"))


def test_masked_rows_hold_every_token_once(tokenizers: dict[str, Any]) -> None:
    tokenizer, documents = tokenizers["bert"], texts(10)
    found = rows(MaskedLanguageModeling({"max_length": 30}), tokenizer, documents)
    assert max(len(row["input_ids"]) for row in found) <= 30
    inner = [index for row in found for index in row["input_ids"][1:-1]]
    assert inner == [i for text in documents for i in tokenizer(text, add_special_tokens=False)["input_ids"]]
    for row in found:
        assert row["input_ids"] == tokenizer.build_inputs_with_special_tokens(row["input_ids"][1:-1])
    # As full as whole sentences allow: the next one of the document would not have fitted.
    assert sum(len(row["input_ids"]) for row in found) / len(found) > 20


def test_masking_is_of_the_batch(tokenizers: dict[str, Any]) -> None:
    tokenizer = tokenizers["bert"]
    objective = NextSentence({"max_length": 30, "mlm_probability": 0.3})
    found = rows(objective, tokenizer, texts(10))
    collate = objective.collator(tokenizer)
    torch.manual_seed(0)
    batch, again = collate(found[:16]), collate(found[:16])
    assert set(batch) == {"input_ids", "token_type_ids", "attention_mask", "labels", "next_sentence_label"}
    assert batch["next_sentence_label"].tolist() == [row["next_sentence_label"] for row in found[:16]]
    assert not torch.equal(batch["labels"], again["labels"])
    asked = batch["labels"] != -100
    whole = torch.tensor(
        [row["input_ids"] + [0] * (asked.shape[1] - len(row["input_ids"])) for row in found[:16]]
    )
    assert torch.equal(batch["labels"][asked], whole[asked])
    assert torch.equal(batch["input_ids"][~asked], whole[~asked])
    assert not torch.isin(batch["labels"], torch.tensor(tokenizer.all_special_ids)).any()
    types = [row["token_type_ids"] for row in found[:16]]
    seps = [row["input_ids"].index(tokenizer.sep_token_id) for row in found[:16]]
    assert all(t == [0] * (s + 1) + [1] * (len(t) - s - 1) for t, s in zip(types, seps, strict=True))


def test_labels_are_of_their_rows(tokenizers: dict[str, Any]) -> None:
    tokenizer = tokenizers["bert"]
    topics = {word: number for number, topic in enumerate(TOPICS) for word in topic.split()}

    def topic(ids: list[int]) -> int:
        (found,) = {topics[word] for word in tokenizer.decode(ids).replace(".", "").split()}
        return found

    same: dict[int, list[bool]] = {0: [], 1: []}
    for row in rows(NextSentence({"max_length": 30, "dupe_factor": 3}), tokenizer, texts(10)):
        ids = row["input_ids"]
        middle = ids.index(tokenizer.sep_token_id)
        same[row["next_sentence_label"]].append(topic(ids[1:middle]) == topic(ids[middle + 1 : -1]))
    assert all(same[0])
    assert sum(same[1]) < 0.5 * len(same[1])


def test_permutation_rows_are_even_and_full(tokenizers: dict[str, Any]) -> None:
    tokenizer, documents = tokenizers["xlnet"], texts(10)
    objective = PermutationLanguageModeling({"max_length": 30})
    found = rows(objective, tokenizer, documents)
    assert {len(row["input_ids"]) for row in found} == {30}
    end = tokenizer.convert_tokens_to_ids("<eod>")
    stream = [i for text in documents for line in text.split("\n")
              for i in tokenizer(line, add_special_tokens=False)["input_ids"]]  # fmt: skip
    inner = [index for row in found for index in row["input_ids"][:-2]]
    assert [index for index in inner if index != end] == stream[: len(inner) - inner.count(end)]
    assert len(documents) - 1 <= inner.count(end) <= len(documents)
    assert 0 <= len(stream) + len(documents) - len(inner) < 28
    batch = objective.collator(tokenizer)(found[:4])
    assert batch["perm_mask"].shape == batch["target_mapping"].shape == (4, 30, 30)
    assert (batch["labels"] != -100).any(dim=1).all()


def test_passes_and_seeds(tokenizers: dict[str, Any]) -> None:
    documents = texts(12)

    def made(**options: Any) -> list[dict[str, Any]]:
        return rows(NextSentence({"max_length": 30, **options}), tokenizers["bert"], documents)

    once, twice = made(), made(dupe_factor=2)
    assert made() == once
    assert twice[: len(once)] == once
    assert len(twice) > 1.5 * len(once)
    assert twice[len(once) :] != once
    assert made(seed=1) != once


def test_what_cannot_be(tokenizers: dict[str, Any]) -> None:
    with pytest.raises(UnknownArgument, match="max_length"):
        NextSentence({"max_lenght": 30})
    with pytest.raises(InputError, match="0 documents"):
        rows(MaskedLanguageModeling({}), tokenizers["bert"], ["", " \n "])
    with pytest.raises(InputError, match="no row"):
        rows(PermutationLanguageModeling({"max_length": 512}), tokenizers["xlnet"], ["Alto bass."])


def test_sums_are_of_hidden_tokens_alone() -> None:
    torch.manual_seed(0)
    scores, labels = torch.randn(5, 7, 11), torch.randint(11, (5, 7))
    labels[torch.rand(5, 7) < 0.6] = -100
    labels[3], labels[0, 0] = -100, 0
    found = masked_token_sums(scores, labels)
    asked = labels != -100
    loss = torch.nn.functional.cross_entropy(scores.flatten(0, 1), labels.flatten())
    torch.testing.assert_close(found[:, 0].sum() / found[:, 1].sum(), loss)
    assert found[:, 1].tolist() == asked.sum(1).tolist()
    assert found[:, 2].tolist() == ((scores.argmax(-1) == labels) & asked).sum(1).tolist()


def test_a_metric_of_batches_is_that_of_all() -> None:
    class Prediction:
        def __init__(self, predictions: Any) -> None:
            self.predictions = predictions

    sums, numbers = StreamedSums(lambda total: {"mean": total[0] / total[1]}), torch.rand(10, 2).numpy()
    whole = sums(Prediction(numbers))
    assert sums(Prediction(numbers[:4]), compute_result=False) == {}
    assert sums(Prediction(numbers[4:]), compute_result=True) == pytest.approx(whole)
    # Nothing is left of the time before.
    assert sums(Prediction(numbers[:1])) == pytest.approx({"mean": numbers[0, 0] / numbers[0, 1]})


@pytest.mark.parametrize(
    "name",
    [
        "bert-mini-pretraining",
        "bert-mini-mlm",
        "bert-mini-sop",
        "electra-mini-pretraining",
        "gpt2-mini-pretraining",
        "t5-mini-pretraining",
        "xlnet-mini-pretraining",
    ],
)
def test_recipes_that_ship(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.objective in OBJECTIVES
    assert recipe.from_scratch


def test_the_commands_of_the_page_are_understood() -> None:
    """Each names a recipe that ships and keys that recipes have."""
    page = Path(__file__).resolve().parents[2] / "docs" / "pretraining.md"
    commands = re.findall(r"^hubformer train (.*)$", page.read_text("utf-8"), re.MULTILINE)
    assert len(commands) >= 9
    for command in commands:
        name, *changes = shlex.split(command)
        recipe = load_recipe(name, changes)
        assert recipe.training["output_dir"].startswith("runs/")
        assert not recipe.config or not recipe.model.startswith(("runs/gpt2", "runs/xlnet"))
