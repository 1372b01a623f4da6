"""v4's steps: pipelines written for transformers run; one bad input costs no other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import Dataset

import hubformer
from hubformer import pipeline
from hubformer.errors import InputError, UnknownArgument
from hubformer.pipelines.registry import PIPELINE_REGISTRY

GOLDENS = Path(__file__).parent / "goldens"
LABELS, ANSWERS, TAGS = GOLDENS / "bert-labels", GOLDENS / "bert-qa", GOLDENS / "bert-tags"
TEXTS = ["blue", "a door", "blue blue door"]


class Pairs(hubformer.Pipeline):  # type: ignore[misc]
    """A pipeline as transformers' guide shows it: all four steps are its own."""

    def _sanitize_parameters(self, **named: Any) -> Any:
        return (
            {k: named[k] for k in ("second_text",) if k in named},
            {},
            {k: named[k] for k in ("digits",) if k in named},
        )

    def preprocess(self, inputs: Any, second_text: str | None = None) -> Any:
        return self.tokenizer(inputs, text_pair=second_text, return_tensors="pt")

    def _forward(self, model_inputs: Any) -> Any:
        return self.model(**model_inputs)

    def postprocess(self, model_outputs: Any, digits: int = 3) -> Any:
        scores = torch.nn.functional.softmax(model_outputs.logits[0], dim=-1)
        best = int(scores.argmax())
        return {"label": self.model.config.id2label[best], "score": round(scores[best].item(), digits)}


def made(task: str, folder: Path, kind: Any = None, **options: Any) -> Any:
    return pipeline(task, folder, device="cpu", pipeline_class=kind, **options)


def test_all_four_steps_of_ones_own() -> None:
    plain, pairs = made("text-classification", LABELS), made("text-classification", LABELS, Pairs)
    expected = plain(TEXTS)
    for answer, right in zip(pairs(TEXTS), expected, strict=True):
        assert answer["label"] == right["label"]
        assert answer["score"] == round(right["score"], 3)
    assert isinstance(pairs("blue"), dict)
    assert [answer["label"] for answer in pairs(text for text in TEXTS)] == [one["label"] for one in expected]
    assert pairs("blue", digits=1)["score"] == round(expected[0]["score"], 1)
    fixed = made("text-classification", LABELS, Pairs, digits=1, second_text="a door")
    right = plain({"text": "blue", "text_pair": "a door"})
    assert fixed("blue") == {"label": right["label"], "score": round(right["score"], 1)}


@pytest.mark.parametrize("name", [f"{__name__}:Pairs", Pairs])
def test_registered_as_a_class_or_by_name(name: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PIPELINE_REGISTRY, "_own", {})
    auto = hubformer.AutoModelForSequenceClassification
    PIPELINE_REGISTRY.register_pipeline("pair-classification", name, pt_model=auto)
    assert set(pipeline("pair-classification", LABELS, device="cpu")("blue")) == {"label", "score"}


def test_a_class_that_is_not_there() -> None:
    with pytest.raises(InputError, match="cannot be imported"):
        PIPELINE_REGISTRY.register_pipeline("any", "nowhere.at_all:Mine")


INPUTS: dict[str, tuple[Path, Any, dict[str, Any]]] = {
    "text-classification": (LABELS, "a blue door", {"top_k": 2}),
    "question-answering": (
        ANSWERS,
        {"question": "Where is the door?", "context": "The blue door is in the house."},
        {"top_k": 2, "max_seq_len": 24, "doc_stride": 2},
    ),
    "token-classification": (TAGS, "The blue door is in the house.", {"aggregation_strategy": "simple"}),
}


@pytest.mark.parametrize("task", INPUTS)
@pytest.mark.parametrize("step", ["preprocess", "_forward", "postprocess"])
def test_one_step_overridden_answers_as_the_task_does(task: str, step: str) -> None:
    folder, given, options = INPUTS[task]
    calls: list[str] = []

    def passed_on(self: Any, *values: Any, **named: Any) -> Any:
        calls.append(step)
        return getattr(super(kind, self), step)(*values, **named)

    kind = type("Mine", (PIPELINE_REGISTRY.pipeline_class(task),), {step: passed_on, "__module__": __name__})
    mine, plain = made(task, folder, kind), made(task, folder)
    answers, expected = mine([given, given], **options), plain([given, given], **options)
    assert calls == [step, step]
    assert _rounded(answers) == _rounded(expected)


def test_logits_changed_between_the_steps() -> None:
    class Negated(hubformer.TextClassificationPipeline):  # type: ignore[misc]
        def _forward(self, model_inputs: Any, **named: Any) -> Any:
            outputs = super()._forward(model_inputs, **named)
            outputs["logits"] = -outputs["logits"]
            return outputs

    plain = made("text-classification", LABELS)("blue", top_k=None, function_to_apply="none")
    negated = made("text-classification", LABELS, Negated)("blue", top_k=None, function_to_apply="none")
    assert {one["label"]: round(-one["score"], 4) for one in negated} == {
        one["label"]: round(one["score"], 4) for one in plain
    }


def test_options_stay_checked_where_one_step_is_overridden() -> None:
    class Mine(hubformer.TextClassificationPipeline):  # type: ignore[misc]
        def postprocess(self, model_outputs: Any, **named: Any) -> Any:
            return super().postprocess(model_outputs, **named)

    with pytest.raises(UnknownArgument, match="top_k"):
        made("text-classification", LABELS, Mine)("blue", topk=2)


def test_errors_take_the_place_of_answers() -> None:
    classify = made("text-classification", LABELS)
    given = ["blue", None, "word " * 200, "a door"]
    with pytest.raises(InputError):
        classify(given)
    answers = classify(given, errors="return")
    assert [isinstance(answer, InputError) for answer in answers] == [False, True, True, False]
    assert _rounded([answers[0], answers[3]]) == _rounded(classify(["blue", "a door"]))
    assert isinstance(classify(None, errors="return"), InputError)
    assert isinstance(made("text-classification", LABELS, errors="return")([None])[0], InputError)
    assert isinstance(made("text-classification", LABELS, Pairs, errors="return")([None])[0], Exception)
    with pytest.raises(InputError, match="'return'"):
        classify("blue", errors="ignore")


def test_a_dataset() -> None:
    class Texts(Dataset[str]):
        def __len__(self) -> int:
            return len(TEXTS)

        def __getitem__(self, place: int) -> str:
            return TEXTS[place]

    for kind in (None, Pairs):
        classify = made("text-classification", LABELS, kind)
        assert list(classify(Texts())) == classify(TEXTS)


def test_arguments_of_the_constructor() -> None:
    plain = made("text-classification", LABELS)
    kind = type(plain)
    half = kind(model=plain.model, tokenizer=plain.tokenizer, torch_dtype="bfloat16", binary_output=True)
    assert half.dtype == torch.bfloat16
    assert half.binary_output
    assert kind(model=half.model, tokenizer=plain.tokenizer, dtype=torch.float32).dtype == torch.float32


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 5)
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, list) else value
