"""Question answering: forms of a call, windows, and what is refused. Answers themselves: test_goldens."""

from __future__ import annotations

import copy
import pickle
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import hubformer
from hubformer.errors import InputError, UnknownArgument
from hubformer.pipelines import pipeline
from hubformer.tasks.spans import Frame, Text, candidates, cut

GOLDENS = Path(__file__).parent / "goldens"
Q, C = "Who keeps the bees?", "Old Marta keeps nine hives of bees behind the mill."
Q2, C2 = "What colour is the door?", "The door is blue, the gate is blue."
LONG = " ".join(f"In {1700 + n} the bridge was finished." for n in range(60))


@pytest.fixture(scope="module")
def ask() -> Any:
    return pipeline("question-answering", GOLDENS / "bert-qa", device="cpu")


def test_every_form_of_one_question(ask: Any) -> None:
    expected = ask(question=Q, context=C)
    assert expected.keys() == {"score", "start", "end", "answer"}
    example = {"question": Q, "context": C}
    squad = {**example, "id": "1", "title": "Bees", "answers": {"text": ["nine"], "answer_start": [16]}}
    for found in (
        ask(example),
        ask([example]),
        ask(squad),
        ask(Q, C),
        ask(question=[Q], context=C),
        ask(question=[Q], context=[C]),
        ask(X=[example]),
        ask(data=example),
        ask(SimpleNamespace(question_text=Q, context_text=C)),
        next(ask(example for _ in range(2))),
    ):
        assert found == expected


def test_every_form_of_several(ask: Any) -> None:
    one, two = {"question": Q, "context": C}, {"question": Q2, "context": C2}
    expected = ask([one, two])
    assert [type(answer) for answer in expected] == [dict, dict]
    for found in (
        ask(one, two),
        ask((one, two)),
        ask(question=[Q, Q2], context=[C, C2]),
        list(ask(example for example in [one, two])),
    ):
        assert found == expected
    many = ask(question=[Q, Q2, "Why?"], context=C)
    assert [a["answer"] for a in many] == [ask(question=q, context=C)["answer"] for q in (Q, Q2, "Why?")]
    assert ask(question=[], context=C) == ask([]) == []


def test_top_k_gives_lists(ask: Any) -> None:
    found = ask(question=Q, context=C, top_k=3)
    assert len(found) == 3
    assert [a["score"] for a in found] == sorted((a["score"] for a in found), reverse=True)
    assert len({a["answer"].lower() for a in found}) == 3
    assert ask(question=Q, context="Nine", top_k=4)[0]["answer"] == "Nine"
    assert all(type(answer["score"]) is float and type(answer["start"]) is int for answer in found)


def test_long_contexts(ask: Any) -> None:
    found = ask(question="When was the bridge finished?", context=LONG, top_k=3)
    assert all(LONG[a["start"] : a["end"]] == a["answer"] for a in found)
    everything = ask(
        question="When was the bridge finished?", context=LONG, top_k=100_000, handle_impossible_answer=True
    )
    assert sum(a["score"] for a in everything) <= 1


def test_a_stride_is_refused_or_fitted(ask: Any) -> None:
    question = "When was the bridge finished, and who found the map? " * 3
    assert ask(question=question, context=LONG)  # the default gives way to the question
    with pytest.raises(InputError, match="doc_stride is 60"):
        ask(question=question, context=LONG, doc_stride=60)
    with pytest.raises(InputError, match="larger than max_seq_len"):
        ask(question=Q, context=C, doc_stride=60, max_seq_len=50)
    with pytest.raises(InputError, match="leaves no room"):
        ask(question=question * 4, context=C)
    assert ask(question=question * 4, context=C, max_question_len=20)
    with pytest.raises(InputError, match="reads at most 96"):
        ask(question=Q, context=C, max_seq_len=97)


@pytest.mark.parametrize(
    ("inputs", "named", "words"),
    [
        ((None,), {}, "None"),
        ((7,), {}, "int 7"),
        (("only a question",), {}, "expected question= and context="),
        (({"question": Q},), {}, "no 'context'"),
        (({"question": Q, "context": ""},), {}, "empty context"),
        (({"question": "  ", "context": C},), {}, "empty question"),
        (({"question": None, "context": C},), {}, "None as its question"),
        (([{"question": Q, "context": C}, 3],), {}, "Input 1 is int 3"),
        (([{"question": [Q], "context": C}],), {}, "as its question"),
        ((), {"question": Q}, "no context"),
        ((), {}, "no question and no context"),
        ((), {"question": [Q, Q], "context": [C]}, "2 questions and 1 contexts"),
        ((Q, C), {"question": Q}, "by place and as"),
        ((), {"question": Q, "context": C, "top_k": 0}, "top_k is 0"),
        ((), {"question": Q, "context": C, "max_answer_len": 0}, "max_answer_len is 0"),
        ((), {"question": Q, "context": C, "top_k": None}, "top_k is None"),
    ],
)
def test_what_is_refused(ask: Any, inputs: tuple[Any, ...], named: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        ask(*inputs, **named)


def test_a_misspelt_option(ask: Any) -> None:
    with pytest.raises(UnknownArgument, match="Did you mean 'doc_stride'"):
        ask(question=Q, context=C, doc_strid=3)
    with pytest.raises(UnknownArgument, match="Did you mean 'context'"):
        ask(question=Q, contxt=C)


def test_copies(ask: Any, tmp_path: Path) -> None:
    expected = ask(question=Q, context=C)
    ask.save_pretrained(tmp_path)
    for twin in (copy.deepcopy(ask), pickle.loads(pickle.dumps(ask)), pipeline(model=tmp_path, device="cpu")):
        assert twin(question=Q, context=C) == expected


# The search itself


class Pattern:
    """Stands for a tokenizer whose special tokens are 100, 101 and 102."""

    cls_token_id = 100
    model_input_names = ("input_ids", "token_type_ids")

    def __init__(self, side: str) -> None:
        self.padding_side = side

    def build_inputs_with_special_tokens(self, first: list[int], second: list[int]) -> list[int]:
        if self.padding_side == "left":  # as XLNet
            return [*first, 101, *second, 102, 100]
        return [100, *first, 101, *second, 102]

    def create_token_type_ids_from_sequences(self, first: list[int], second: list[int]) -> list[int]:
        if self.padding_side == "left":
            return [*(0 for _ in first), 0, *(1 for _ in second), 1, 2]
        return [0, *(0 for _ in first), 0, *(1 for _ in second), 1]


def text_of(length: int) -> Text:
    offsets = [(2 * place, 2 * place + 1) for place in range(length)]
    return Text.of(list(range(length)), offsets, words=list(range(length)))


@pytest.mark.parametrize("side", ["left", "right"])
def test_windows_cover_the_context_with_what_neighbours_share(side: str) -> None:
    frame, text = Frame.of(Pattern(side)), text_of(50)
    windows = cut([60, 61], text, frame=frame, most=20, stride=4, where="Here")
    room = 20 - 3 - 2
    assert [w.begin for w in windows] == list(range(0, 50 - room + room - 4, room - 4))[: len(windows)]
    for window in windows:
        ids, types = list(window.row.ids), list(window.row.types or ())
        part = text.ids[window.begin : window.begin + window.length]
        assert len(ids) == len(types) <= 20
        assert ids[window.at : window.at + window.length] == part
        assert ids[window.none or 0] == 100
        expected = Pattern(side)
        pair = ([60, 61], part) if side == "right" else (part, [60, 61])
        assert ids == expected.build_inputs_with_special_tokens(*pair)
        assert types == expected.create_token_type_ids_from_sequences(*pair)
    assert windows[-1].begin + windows[-1].length == 50
    assert all(a.begin + a.length - b.begin == 4 for a, b in pairwise(windows))


def test_a_long_question_makes_the_default_stride_smaller() -> None:
    frame = Frame.of(Pattern("right"))
    usual = cut([60], text_of(200), frame=frame, most=100, stride=None, where="Here")
    assert [w.begin for w in usual] == [0, 46, 92, 138]  # of 96 places 50 are shared
    little = cut([60] * 70, text_of(200), frame=frame, most=100, stride=None, where="Here")
    assert [w.begin for w in little][:3] == [0, 14, 28]  # of 27 places 13


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("longest", [1, 3, 50])
def test_spans_are_those_of_a_search_one_by_one(side: str, longest: int) -> None:
    windows = cut([60], text_of(23), frame=Frame.of(Pattern(side)), most=14, stride=3, where="Here")
    random = np.random.default_rng(4)
    scores = [random.normal(size=(len(w.row.ids), 2)) * 3 for w in windows]
    found, none = candidates(windows, scores, longest=min(longest, max(w.length for w in windows)))
    allowed = [[*range(w.at, w.at + w.length), w.none] for w in windows]
    shares = []
    for column in (0, 1):
        total = sum(np.exp(s[at, column]) for s, places in zip(scores, allowed, strict=True) for at in places)
        shares.append([np.exp(s[:, column]) / total for s in scores])
    expected = [
        (shares[0][w][window.at + s] * shares[1][w][window.at + e], window.begin + s, window.begin + e)
        for w, window in enumerate(windows)
        for s in range(window.length)
        for e in range(s, min(s + longest, window.length))
    ]
    expected.sort(key=lambda span: -span[0])
    ours = [(span.score, span.start, span.end) for span in found]
    assert [span[1:] for span in ours] == [span[1:] for span in expected]
    assert np.allclose([span[0] for span in ours], [span[0] for span in expected], rtol=1e-12)
    nulls = [shares[0][w][window.none] * shares[1][w][window.none] for w, window in enumerate(windows)]
    assert none == pytest.approx(min(nulls), rel=1e-12)


def test_extreme_scores_stay_finite() -> None:
    windows = cut([60], text_of(6), frame=Frame.of(Pattern("right")), most=20, stride=0, where="Here")
    scores = np.full((10, 2), -3e38)
    scores[0] = 3e38
    found, none = candidates(windows, [scores], longest=3)
    assert none == 1.0
    assert next(found).score == 0.0


def test_models_without_token_types_get_none() -> None:
    """GPT-2 would take token types for tokens."""
    tokenizer = hubformer.AutoTokenizer.from_pretrained(GOLDENS / "roberta-qa")
    torch.manual_seed(0)
    config = hubformer.GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=len(tokenizer), n_positions=96)
    model = hubformer.GPT2ForQuestionAnswering(config).eval()
    encoded = tokenizer(Q, C, return_tensors="pt")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
        output = model(**encoded)
    context = [place for place, of in enumerate(encoded.sequence_ids(0)) if of == 1]
    starts, ends = (
        logits[0, [0, *context]].double().softmax(-1)[1:]
        for logits in (output.start_logits, output.end_logits)
    )
    best = max(
        float(starts[first] * ends[last])
        for first in range(len(context))
        for last in range(first, min(first + 15, len(context)))
    )
    found = pipeline("question-answering", model, tokenizer=tokenizer, device="cpu")(
        Q, C, align_to_words=False
    )
    assert found["score"] == pytest.approx(best, abs=1e-7)
