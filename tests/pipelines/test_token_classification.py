"""Token classification: options, words, schemes of tags, windows, and what is refused."""

from __future__ import annotations

import copy
import enum
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import hubformer
from hubformer.errors import InputError, UnknownArgument
from hubformer.pipelines import pipeline
from hubformer.tasks.entities import Sentence, Tags, Unit, joined, merged, whole_words

GOLDENS = Path(__file__).parent / "goldens"
TEXT = "Marta Okafor met Ines in Tromsø, behind the mill."
LONG = "Old Marta keeps nine hives of bees behind the mill. " * 12


@pytest.fixture(scope="module")
def tag() -> Any:
    return pipeline("ner", GOLDENS / "bert-tags", device="cpu")


def close(ours: Any, theirs: Any) -> bool:
    """Equal but for the last digits of scores, which depend on what is packed together."""
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(close, ours, theirs))
    return all(
        ours[k] == pytest.approx(theirs[k], abs=1e-6) if k == "score" else ours[k] == theirs[k] for k in ours
    )


# Shapes


def test_shapes(tag: Any) -> None:
    alone = tag(TEXT)
    assert alone
    assert list(alone[0]) == ["entity", "score", "index", "word", "start", "end"]
    assert close(tag([TEXT]), [alone])
    assert close(tag([TEXT, "Nobody"]), [alone, tag("Nobody")])
    assert close(list(tag(iter([TEXT]))), [alone])
    grouped = tag(TEXT, aggregation_strategy="simple")
    assert list(grouped[0]) == ["entity_group", "score", "word", "start", "end"]
    assert all(type(one["score"]) is float for one in (*alone, *grouped))
    assert tag([]) == []
    assert tag("") == tag(" \n ") == []
    assert tag(["", TEXT, ""], ignore_labels=[])[::2] == [[], []]


def test_words_of_ones_own(tag: Any) -> None:
    words = ["Marta", "Okafor-Lindqvist", "met", "Ines"]
    alone = tag(words, is_split_into_words=True, aggregation_strategy="first", ignore_labels=[])
    assert len(alone) == 1  # as in v4, a sentence of words is a list of one
    (one,) = alone
    text = " ".join(words)
    starts = {entity["start"] for entity in one}
    assert starts <= {text.index(word) for word in words}  # Okafor-Lindqvist is one word
    assert all(text[entity["start"] : entity["end"]] == entity["word"] for entity in one)
    several = tag(
        [words, ["Nobody"]], is_split_into_words=True, aggregation_strategy="first", ignore_labels=[]
    )
    assert close(several[:1], alone)
    streamed = tag(iter([words]), is_split_into_words=True, aggregation_strategy="first", ignore_labels=[])
    assert close(list(streamed), alone)
    assert tag([[], ["", ""]], is_split_into_words=True) == [[], []]
    made = pipeline("ner", GOLDENS / "bert-tags", device="cpu", is_split_into_words=True, ignore_labels=[])
    assert close(made(tuple(words)), tag(words, is_split_into_words=True, ignore_labels=[]))
    joined_by = tag(words, is_split_into_words=True, ignore_labels=[], delimiter="__")
    assert joined_by[0][-1]["end"] == len("__".join(words))


def test_an_offset_mapping_of_each_text(tag: Any) -> None:
    texts = [TEXT, "Ines met Marta."]
    spans = tag.tokenizer(texts, return_offsets_mapping=True)["offset_mapping"]
    moved = [[(start + 7, end + 7) for start, end in row] for row in spans]
    plain, found = tag(texts, ignore_labels=[]), tag(texts, ignore_labels=[], offset_mapping=moved)
    for before, after in zip(plain, found, strict=True):
        assert [(one["start"] + 7, one["end"] + 7) for one in before] == [
            (o["start"], o["end"]) for o in after
        ]
    one = tag(TEXT, offset_mapping=moved[0], aggregation_strategy="simple", ignore_labels=[])
    assert close(
        one,
        [
            {**entity, "start": entity["start"] + 7, "end": entity["end"] + 7}
            for entity in tag(TEXT, aggregation_strategy="simple", ignore_labels=[])
        ],
    )
    assert tag(TEXT, offset_mapping=torch.tensor(moved[0]), ignore_labels=[]) == found[0]
    for mapping, inputs, words in (
        (moved[0][1:], TEXT, "spans for the input, which has"),
        (moved, [TEXT], "each of the 1 inputs"),
        ([(1, 2, 3)], TEXT, "expected a list of"),
        (5, TEXT, "expected a list of"),
        (moved, iter(texts), "pass the texts as a list"),
    ):
        with pytest.raises(InputError, match=words):
            tag(inputs, offset_mapping=mapping)


# Options


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"aggregation_strategy": "simpel"}, "Did you mean 'simple'"),
        ({"aggregation_strategy": 3}, "aggregation_strategy is 3"),
        ({"ignore_labels": "O"}, "ignore_labels is 'O', expected a list"),
        ({"stride": -1}, "stride is -1"),
        ({"stride": True}, "stride is True"),
        ({"max_length": 0}, "max_length is 0"),
        ({"truncation": "yes"}, "truncation is 'yes'"),
        ({"delimiter": 1}, "delimiter is 1"),
        ({"truncation": True, "stride": 3}, "one of the two"),
        ({"max_length": 200}, "reads at most 96"),
        ({"max_length": 2, "truncation": True}, "room for 0 of the text. Pass a larger max_length"),
        ({"max_length": 20, "stride": 18}, "room for 18 of the text. Pass a smaller stride"),
        ({"stride": 200}, "Pass a smaller stride"),
    ],
)
def test_options_that_cannot_be(tag: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        tag(TEXT, **options)


def test_a_misspelt_option(tag: Any) -> None:
    with pytest.raises(UnknownArgument, match="Did you mean 'aggregation_strategy'"):
        tag(TEXT, agregation_strategy="simple")
    with pytest.raises(UnknownArgument, match="Did you mean 'stride'"):
        tag(TEXT, strides=None)


def test_none_leaves_an_option_as_it_was() -> None:
    class Strategy(enum.Enum):  # as transformers has one
        SIMPLE = "simple"

    made = pipeline("ner", GOLDENS / "bert-tags", device="cpu", aggregation_strategy=Strategy.SIMPLE)
    assert made(TEXT, aggregation_strategy=None) == made(TEXT)
    assert "entity_group" in made(TEXT, ignore_labels=[])[0]
    assert "entity" in made(TEXT, ignore_labels=[], grouped_entities=False)[0]


@pytest.mark.parametrize(
    ("item", "options", "words"),
    [
        (3, {}, "is int 3; expected a text"),
        ([TEXT, None], {}, "Input 1 is None"),
        ({"text": TEXT}, {}, "The input is dict"),
        ([["a", "b"]], {}, "expected a text, since is_split_into_words is False"),
        (TEXT, {"is_split_into_words": True}, "expected a list of words, since is_split_into_words is True"),
        ([["a"], "b"], {"is_split_into_words": True}, "Input 0 is list"),
    ],
)
def test_inputs_that_cannot_be(tag: Any, item: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        tag(item, **options)


# Long texts


def test_long_texts(tag: Any) -> None:
    with pytest.raises(InputError, match=r"\d{3} tokens, but the model reads at most 96. Pass stride="):
        tag(LONG)
    with pytest.raises(InputError, match=r"Input 1 has .* max_length is 10"):
        tag(["Nobody", TEXT], max_length=10)
    cut = tag(LONG, truncation=True, ignore_labels=[])
    assert len(cut) == 94
    short = tag(LONG, truncation=True, ignore_labels=[], max_length=20)
    assert [one["index"] for one in short] == list(range(1, 19))
    left = copy.copy(tag)
    left.tokenizer = copy.deepcopy(tag.tokenizer)
    left.tokenizer.truncation_side = "left"
    assert left(LONG, truncation=True, ignore_labels=[])[-1]["end"] == len(LONG.rstrip())


@pytest.mark.parametrize("strategy", ["none", "simple", "first", "average", "max"])
def test_windows(tag: Any, strategy: str) -> None:
    """Every token is read; what fits into one window is answered as without windows."""
    whole = tag(TEXT, aggregation_strategy=strategy)
    assert close(tag(TEXT, aggregation_strategy=strategy, stride=4), whole)
    found = tag(LONG, aggregation_strategy=strategy, stride=30, ignore_labels=[])
    assert [one["start"] for one in found] == sorted(one["start"] for one in found)
    assert found[-1]["end"] == len(LONG.rstrip())
    if strategy == "none":
        count = len(tag.tokenizer(LONG, verbose=False)["input_ids"])
        assert [one["index"] for one in found] == list(range(1, count - 1))


def test_windows_of_many_texts(tag: Any) -> None:
    texts = [LONG[:n] for n in (7, 300, 0, 90, 500)]
    together = tag(texts, aggregation_strategy="simple", stride=3, max_length=24)
    assert close(
        together, [tag(text, aggregation_strategy="simple", stride=3, max_length=24) for text in texts]
    )


# Entities


def units(*labels: str) -> list[Unit]:
    return [Unit(place, place, label, 0.5 + place / 10) for place, label in enumerate(labels)]


@pytest.mark.parametrize(
    ("known", "labels", "expected"),
    [
        ("O B-x I-x B-y", "B-x I-x O B-x B-x I-x", "x01 O2 x3 x45"),  # IOB2
        ("O I-x B-x", "I-x I-x B-x I-x O I-x", "x01 x23 O4 x5"),  # IOB1
        ("O I-x", "I-x I-x O I-x", "x01 O2 x3"),
        ("O x y-z", "x x y-z y-z O", "x01 y-z23 O4"),  # no prefixes
        ("O B-x I-x L-x U-x", "B-x I-x L-x U-x U-x B-x L-x I-x", "x012 x3 x4 x56 x7"),  # BILOU
        ("O B-x I-x L-x U-x", "B-x I-x U-x I-x", "x01 x2 x3"),  # without its end
        ("O B-x I-x E-x S-x", "S-x B-x E-x I-x I-x", "x0 x12 x34"),  # IOBES
        ("O B-x M-x E-x S-x", "B-x M-x M-x E-x S-x", "x0123 x4"),
        ("O E-MAIL S-BAHN B-x", "E-MAIL E-MAIL S-BAHN", "E-MAIL01 S-BAHN2"),  # types, not prefixes
        ("O B- I-x", "B- B- I-x", "B-01 x2"),
        ("O B-x I-y", "B-x I-y I-y", "x0 y12"),
    ],
)
def test_schemes(known: str, labels: str, expected: str) -> None:
    found = joined(units(*labels.split()), Tags(known.split()))
    written = [one.label + "".join(map(str, range(one.first, one.last + 1))) for one in found]
    assert written == expected.split()
    assert found[0].score == pytest.approx(0.5 + found[0].last / 20)


def test_a_word_goes_by_its_tokens() -> None:
    shares = torch.tensor(
        [[0.6, 0.4, 0.0], [0.1, 0.8, 0.1], [0.2, 0.1, 0.7], [0.9, 0.1, 0.0], [1.0, 0.0, 0.0]]
    )
    names, words = {0: "a", 1: "b", 2: "c"}, [3, 3, None, None, 4]
    for strategy, expected in (("first", ("a", 0.6)), ("average", ("b", 0.6)), ("max", ("b", 0.8))):
        found = whole_words(shares, names, begin=10, words=words, strategy=strategy)
        assert [(one.first, one.last) for one in found] == [(10, 11), (12, 12), (13, 13), (14, 14)]
        assert (found[0].label, pytest.approx(found[0].score)) == expected


def test_overlapping_entities() -> None:
    def entity(start: int, end: int, score: float) -> dict[str, Any]:
        return {"start": start, "end": end, "score": score}

    longer, surer, beside = entity(0, 9, 0.1), entity(3, 12, 0.2), entity(12, 14, 0.3)
    assert merged([beside, entity(2, 5, 0.9), longer, surer]) == [surer, beside]
    assert merged([entity(4, 4, 0.5), entity(4, 6, 0.5)]) == [entity(4, 4, 0.5), entity(4, 6, 0.5)]
    assert merged([]) == []


def test_white_space_is_no_part_of_a_word() -> None:
    """Some tokenizers count the space before a word to its first token, or make a token of it."""
    sentence = Sentence("to  Paris now", [1, 2, 3, 4], [(0, 2), (2, 4), (3, 9), (9, 13)], [0, 1, 1, 2])
    assert sentence.where(2, 2) == (4, 9)
    assert sentence.where(1, 2) == (4, 9)
    assert sentence.slice(1, 3) == "Paris now"
    assert sentence.where(1, 1) == (2, 4)


def test_unknown_characters_are_given_as_they_are(tag: Any) -> None:
    found = tag("Marta met 猫.", ignore_labels=[])
    assert "猫" in [one["word"] for one in found]
    decomposed = "Tromso\u0308 is a\u0301 town"  # two characters for one token of v4's count
    words = tag(decomposed, aggregation_strategy="first", ignore_labels=[])
    starts = {decomposed.index(word) for word in decomposed.split()}
    assert {one["start"] for one in words} <= starts


# What runs it


def test_models_without_token_types_get_none(tmp_path: Path) -> None:
    """GPT-2 would take token types for tokens."""
    folder = GOLDENS / "roberta-tags"
    tokenizer = hubformer.AutoTokenizer.from_pretrained(folder)
    torch.manual_seed(0)
    config = hubformer.GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=len(tokenizer), n_positions=96)
    model = hubformer.GPT2ForTokenClassification(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
        logits = model(**tokenizer(TEXT, return_tensors="pt")).logits[0]
    found = pipeline("ner", model, tokenizer=tokenizer, device="cpu")(TEXT, ignore_labels=[])
    best = logits.softmax(-1).max(-1)
    assert [one["score"] for one in found] == pytest.approx(best.values[1:-1].tolist(), abs=1e-6)


def test_a_pipeline_is_lazy(tag: Any) -> None:
    read = 0

    def source() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield TEXT

    answers = tag(source())
    assert read == 0
    assert next(answers)
    assert read <= 32


def test_the_older_name() -> None:
    assert hubformer.NerPipeline is hubformer.TokenClassificationPipeline
