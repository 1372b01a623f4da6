"""Tasks without a pipeline: records, encoding, an engine, decoding."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest

from hubformer.errors import InputError
from hubformer.inference import Engine, TextBatcher
from hubformer.pipelines import pipeline
from hubformer.tasks import Task
from hubformer.tasks.fill_mask import FillMask
from hubformer.tasks.question_answering import GoldAnswers, QuestionAnswering, QuestionExample
from hubformer.tasks.token_classification import TokenClassification

GOLDENS = Path(__file__).parents[1] / "pipelines" / "goldens"
CONTEXT = "Old Marta keeps nine hives of bees behind the mill."
QUESTION = {"question": "How many hives?", "context": CONTEXT}
ROWS: dict[str, tuple[Task[Any, Any], str, Any]] = {
    "token-classification": (TokenClassification(), "bert-tags", CONTEXT),
    "question-answering": (QuestionAnswering(), "bert-qa", QUESTION),
    "fill-mask": (FillMask(), "bert-mask", "Old Marta keeps nine [MASK] of bees."),
}


@pytest.mark.parametrize("name", ROWS)
def test_the_steps_run_apart_and_answer_as_the_pipeline_does(name: str) -> None:
    task, folder, item = ROWS[name]
    made = pipeline(name, GOLDENS / folder, device="cpu")
    engine, options = Engine.of(made.model, made.tokenizer), task.Options()
    example = pickle.loads(pickle.dumps(task.to_example(item, "The input")))
    encoded = task.encode([example], batcher=TextBatcher(made.tokenizer, engine.longest), options=options)
    encoded = pickle.loads(pickle.dumps(encoded))
    logits = pickle.loads(pickle.dumps(engine.run(encoded.samples)))
    answers = task.decode(logits, context=encoded.context, options=options, config=made.model.config)
    assert answers == [made(item)]


def test_records_are_parsed() -> None:
    tagged = TokenClassification().parse({"tokens": "Old Marta", "tags": ["O", 1]}, "Record 0")
    assert (tagged.content, tagged.tags) == (["Old", "Marta"], ("O", 1))
    with pytest.raises(InputError, match="Record 0 has 2 words and 1 tags"):
        TokenClassification().parse({"tokens": "Old Marta", "tags": "O"}, "Record 0")
    answers = {"text": ["nine"], "answer_start": [16]}
    parsed = QuestionAnswering().parse({**QUESTION, "answers": answers}, "Record 0")
    assert parsed == QuestionExample(*QUESTION.values(), GoldAnswers(("nine",), 16))
    with pytest.raises(InputError, match="empty question"):
        QuestionAnswering().parse({"question": "", "context": CONTEXT, "answers": []}, "Record 0")
