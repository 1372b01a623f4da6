"""Labels that nobody trained for, by a model that tells whether a hypothesis follows from a text.

Yin et al. 2019 (arXiv:1909.00161).

Shapes:  N labels of the model
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hubformer.errors import InputError
from hubformer.inference import EncodedInput, TextBatcher
from hubformer.tasks.base import EncodedBatch, Task
from hubformer.tasks.options import TextOptions
from hubformer.tasks.text import check_text, described, quoted

Answer = dict[str, Any]  # {"sequence": str, "labels": [str], "scores": [float]}


@dataclass(frozen=True)
class ZeroShotClassificationOptions(TextOptions):
    """The labels, the sentence that they make, and whether several may hold."""

    candidate_labels: str | Sequence[str] | None = None  # a list, or a text with commas
    hypothesis_template: str = "This example is {}."  # {} is where a label goes
    multi_label: bool = False  # each label by itself, rather than shares that sum to 1
    multi_class: bool | None = None  # the older name of multi_label
    truncation: bool | str | None = "only_first"  # the text is cut, never a label

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("multi_label", "multi_class"):
            if getattr(self, name) not in (None, True, False):
                raise InputError(f"{name} is {getattr(self, name)!r}, expected True or False.")
        if self.multi_class is not None:
            object.__setattr__(self, "multi_label", self.multi_class)
            object.__setattr__(self, "multi_class", None)
        labels = self.candidate_labels
        if isinstance(labels, str):
            labels = [label.strip() for label in labels.split(",") if label.strip()]
            object.__setattr__(self, "candidate_labels", labels)
        if labels is not None:
            _check_labels(labels)
            _check_template(self.hypothesis_template)


class ZeroShotClassification(Task[str, Answer]):
    """Candidate labels for each text, best first; an example is the text."""

    name = "zero-shot-classification"
    head = "AutoModelForSequenceClassification"
    model_task = "sequence-classification"
    Options = ZeroShotClassificationOptions

    def to_example(self, item: Any, where: str) -> str:
        # As in transformers 4, white space is a text to be classified, and no characters at all are not.
        return check_text(item, where, accepted=self.accepted, empty=item != "")

    def encode(self, examples: Sequence[str], *, batcher: TextBatcher, options: Any) -> EncodedBatch:
        labels = options.candidate_labels
        if labels is None:
            raise InputError('There are no labels to choose from: pass candidate_labels=["...", "..."].')
        return EncodedBatch(_pairs(examples, options, batcher=batcher), list(examples))

    def decode(self, logits: Sequence[Tensor], *, context: Any, options: Any, config: Any) -> list[Answer]:
        """logits: (N,) of each pair of a text and a label, text by text."""
        labels = options.candidate_labels
        scores = torch.stack(list(logits)).view(len(context), len(labels), -1)
        shares, order = _shares(
            scores, entailment=entailment_id(config), alone=options.multi_label or len(labels) == 1
        ).sort(dim=-1, descending=True, stable=True)
        return [
            {"sequence": text, "labels": [labels[place] for place in places], "scores": values}
            for text, places, values in zip(context, order.tolist(), shares.tolist(), strict=True)
        ]


def entailment_id(config: Any) -> int:
    """The label that says that a hypothesis follows; -1, which is the last, where none is named so."""
    labels: dict[str, int] = config.label2id
    return next((index for label, index in labels.items() if label.lower().startswith("entail")), -1)


def _pairs(examples: Sequence[str], options: Any, *, batcher: TextBatcher) -> list[EncodedInput]:
    """Each text with each label's hypothesis, text by text."""
    labels = options.candidate_labels
    hypotheses = [options.hypothesis_template.format(label) for label in labels]
    texts = [text for text in examples for _ in labels]

    def where(place: int) -> str:
        return f"{quoted(texts[place])} with the label {labels[place % len(labels)]!r}"

    try:
        return batcher.encode(texts, hypotheses * len(examples), where=where, **options.tokenization())
    except InputError as error:
        if "too short" not in str(error):  # what the tokenizer says of a text that cannot be cut enough
            raise
        longest = max(labels, key=len)
        raise InputError(
            f"A label leaves no room for the text: the model reads {batcher.longest} tokens. The "
            f"longest label is {described(longest)}. Shorten it."
        ) from error


def _shares(scores: Tensor, *, entailment: int, alone: bool) -> Tensor:
    """From (texts, candidates, the model's labels) to (texts, candidates)."""
    if not alone:
        return scores[..., entailment].softmax(-1)
    contradiction = -1 if entailment == 0 else 0
    return scores[..., [contradiction, entailment]].softmax(-1)[..., 1]


def _check_labels(labels: Any) -> None:
    if not isinstance(labels, (list, tuple)) or not all(isinstance(label, str) for label in labels):
        raise InputError(
            f"candidate_labels is {described(labels)}, expected a list of texts, or a text with commas."
        )
    if not labels:
        raise InputError("candidate_labels is empty, expected one label at least.")


def _check_template(template: Any) -> None:
    try:
        fits = template.format("a label") != template
    except (AttributeError, IndexError, KeyError, ValueError):
        fits = False
    if not fits:
        raise InputError(
            f"hypothesis_template is {template!r}, expected a text with {{}} where a label goes."
        )
