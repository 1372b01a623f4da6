"""The models that ship: a finished run to a folder of the package, in float16, measured, with its card.

    hubformer train sst2 model=BASE data.train=train.tsv data.valid=dev.tsv --output runs/sst2
    python scripts/make_bundled.py minilm-sst2 runs/sst2 dev.tsv
    hubformer train squad model=BASE data.train=train-v1.1.json data.valid=dev-v1.1.json --output runs/squad
    python scripts/make_bundled.py minilm-squad runs/squad dev-v1.1.json

BASE is sentence-transformers/all-MiniLM-L6-v2. The figures of the card are those that the run measured at its
end, through the public pipeline; what rounding to float16 changes is looked at on the first records.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubformer import AutoModelForQuestionAnswering, AutoModelForSequenceClassification, AutoTokenizer
from hubformer.evaluation import evaluate

OUT = Path(__file__).resolve().parents[1] / "src" / "hubformer" / "bundled"
LOOKED_AT = 300  # records, to see what rounding changes
BASE = "sentence-transformers/all-MiniLM-L6-v2"


@dataclass(frozen=True)
class Bundled:
    """One model that ships, and what its card says."""

    task: str
    auto: Any
    format: str
    recipe: str
    figures: tuple[tuple[str, str], ...]  # metric, and how it is called
    data: str  # the measured part of the data set
    data_name: str
    data_id: str
    licence: str
    use: str
    limits: str
    example: str
    kept: str = ""  # which of its epochs the run kept


MODELS = {
    "minilm-sst2": Bundled(
        task="text-classification",
        auto=AutoModelForSequenceClassification,
        format="sst2",
        recipe="sst2",
        figures=(("accuracy", "accuracy"), ("f1", "F1"), ("expected_calibration_error", "calibration error")),
        data="SST-2's 872 validation sentences",
        data_name="SST-2",
        data_id="stanfordnlp/sst2",
        licence="SST-2 (Socher et al. 2013) states no licence; its sentences come from film reviews.",
        use="Whether an English sentence is positive or negative.",
        limits=(
            "It knows two answers: a neutral, mixed or ironic text gets one of them all the same. It learnt\n"
            "from sentences of film reviews and does worse on other subjects, long texts and other\n"
            "languages. Words for people and groups can move its answer; do not decide about people by it."
        ),
        example='classify = pipeline("sentiment-analysis", model="bundled")\nclassify("I love this movie!")',
        kept=(
            " The run kept the epoch that was best on the very\n"
            "sentences of the figures, which flatters them a little."
        ),
    ),
    "minilm-squad": Bundled(
        task="question-answering",
        auto=AutoModelForQuestionAnswering,
        format="squad",
        recipe="squad",
        figures=(("exact", "exact match"), ("f1", "F1")),
        data="SQuAD v1.1's 10,570 validation questions",
        data_name="SQuAD v1.1",
        data_id="rajpurkar/squad",
        licence="SQuAD v1.1 (Rajpurkar et al. 2016, arXiv:1606.05250) is under CC BY-SA 4.0.",
        use="The words of an English text that answer a question about it.",
        limits=(
            "It always finds an answer, also where the text has none: it never saw such questions. It\n"
            "copies a span and does not count, compare or reason, and is at its best on encyclopedic prose\n"
            "like that which it learnt from. What a text says wrongly, it answers wrongly."
        ),
        example=(
            'ask = pipeline("question-answering", model="bundled")\n'
            'ask(question="What is the capital of France?", context="Paris is the capital of France.")'
        ),
    ),
}


def _alike(chosen: Bundled, run: Path, folder: Path, data: str) -> str:
    """On how many of the first records the two folders measure the same, in words."""
    whole, rounded = (
        evaluate(chosen.task, str(place), data, format=chosen.format, limit=LOOKED_AT, resamples=0).metrics
        for place in (run, folder)
    )
    metric, said = chosen.figures[0]
    return f"{said} is {whole[metric]:.4g} before and {rounded[metric]:.4g} after it"


def card(
    name: str, model: Bundled, found: dict[str, Any], run: dict[str, Any], *, parameters: int, alike: str
) -> str:
    training = run["recipe"]["training"]
    rows = "\n".join(
        f"| {said} | {found[metric]['value']:.4g} | "
        f"{found[metric]['low']:.4g} to {found[metric]['high']:.4g} |"
        for metric, said in model.figures
    )
    measured = "\n".join(
        f"    - type: {metric}\n      name: {said}\n      value: {round(found[metric]['value'], 4)}"
        for metric, said in model.figures
    )
    return f"""---
license: apache-2.0
language: en
base_model: {BASE}
pipeline_tag: {model.task}
library_name: hubformer
datasets:
- {model.data_id}
model-index:
- name: {name}
  results:
  - task:
      type: {model.task}
    dataset:
      name: {model.data}
      type: {model.data_id}
    metrics:
{measured}
---

# {name}

{model.use}

BERT with 6 layers of width 384, {parameters / 1e6:.1f} million parameters, stored as float16. It ships with
hubformer, and loads in transformers too.

```python
from hubformer import pipeline

{model.example}
```

## Figures

On {model.data}, through the public pipeline in float32, with
95 % bootstrap intervals over the examples:

| metric | value | interval |
|---|---|---|
{rows}

EvaluationTask before the weights were rounded to float16.
On the first {LOOKED_AT} of them {alike}.

## Where it comes from

Fine-tuned with hubformer's own Trainer by the recipe `{model.recipe}`
(`hubformer train {model.recipe} --show`) from
[{BASE}](https://huggingface.co/{BASE}),
which is under Apache-2.0. That model was trained by the sentence-transformers project (Reimers and
Gurevych 2019, arXiv:1908.10084) from
[MiniLM](https://huggingface.co/nreimers/MiniLM-L6-H384-uncased) (Wang et al. 2020, arXiv:2002.10957).
All of its weights were changed by the training; the tokenizer is unchanged.

Data: the training part of {model.data_name}, {training["num_train_epochs"]:g} epochs,
learning rate {training["learning_rate"]:g}, seed {training["seed"]}.{model.kept}
{model.licence}

## Limits

{model.limits}

## Licence

Apache-2.0, as its base.
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=MODELS)
    parser.add_argument("run", type=Path, help="the folder that `hubformer train` wrote")
    parser.add_argument("data", help="the validation data")
    said = parser.parse_args()
    chosen, folder = MODELS[said.name], OUT / said.name
    model = chosen.auto.from_pretrained(said.run, dtype="float16")
    model.config.name_or_path = f"hubformer/{said.name}"
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(said.run).save_pretrained(folder)
    found = json.loads((said.run / "evaluation" / "evaluation.json").read_text("utf-8"))
    alike = _alike(chosen, said.run, folder, said.data)
    run = json.loads((said.run / "recipe.json").read_text("utf-8"))
    text = card(said.name, chosen, found["metrics"], run, parameters=model.num_parameters(), alike=alike)
    (folder / "README.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
