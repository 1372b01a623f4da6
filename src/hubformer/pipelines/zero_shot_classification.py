"""Labels that nobody trained for, by a model that tells whether a hypothesis follows from a text."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hubformer.errors import InputError
from hubformer.inference import EncodedInput
from hubformer.pipelines.base import EncoderPipeline
from hubformer.tasks import EncodedBatch
from hubformer.tasks.options import TextOptions
from hubformer.tasks.text import check_text, described, quoted

Answer = dict[str, Any]  # {"sequence": str, "labels": [str], "scores": [float]}
_log = logging.getLogger(__name__)


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


class ZeroShotClassificationPipeline(EncoderPipeline[str, Answer]):
    """Texts to the labels of a call, best first: `{"sequence", "labels", "scores"}`, as in transformers 4.

    Raises:
        InputError: no candidate_labels; a text that is none or is empty; a label longer than the model reads.
    """

    Options = ZeroShotClassificationOptions
    model_task = "sequence-classification"

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(*positional, **named)
        if self.entailment_id == -1:
            _log.warning(
                "No label of the model begins with 'entail' (labels: %s); its last label is taken for it.",
                ", ".join(self.model.config.label2id),
            )

    def __call__(  # type: ignore[override]  # `sequences` is its name in transformers 4
        self,
        sequences: Any,
        *labels: Any,
        batch_size: int | None = None,
        num_workers: int | None = None,
        **options: Any,
    ) -> Any:
        """sequences: a text, or an iterable of texts. The labels may come second, without their name."""
        if len(labels) > 1 or (labels and "candidate_labels" in options):
            raise InputError("Labels are given more than once; pass one list as candidate_labels.")
        if labels:
            options["candidate_labels"] = labels[0]
        return super().__call__(sequences, batch_size=batch_size, num_workers=num_workers, **options)

    @property
    def entailment_id(self) -> int:
        """The label that says that a hypothesis follows; -1, which is the last, where none is named so."""
        labels: dict[str, int] = self.model.config.label2id
        return next((place for label, place in labels.items() if label.lower().startswith("entail")), -1)

    def check_input(self, item: Any, where: str) -> str:
        # As in transformers 4, white space is a text to be classified, and no characters at all are not.
        return check_text(item, where, accepted=self.accepted, empty=item != "")

    def encode(self, inputs: Sequence[str], options: Any) -> EncodedBatch:
        labels = options.candidate_labels
        if labels is None:
            raise InputError('There are no labels to choose from: pass candidate_labels=["...", "..."].')
        return EncodedBatch(self._pairs(inputs, labels, options), list(inputs))

    def decode(self, logits: Sequence[Tensor], context: Any, *, options: Any) -> list[Answer]:
        """logits: of each pair of a text and a label, text by text."""
        labels = options.candidate_labels
        scores = torch.stack(list(logits)).view(len(context), len(labels), -1)
        shares, order = self._shares(scores, alone=options.multi_label or len(labels) == 1).sort(
            dim=-1, descending=True, stable=True
        )
        return [
            {"sequence": text, "labels": [labels[place] for place in places], "scores": values}
            for text, places, values in zip(context, order.tolist(), shares.tolist(), strict=True)
        ]

    def _pairs(self, inputs: Sequence[str], labels: Sequence[str], options: Any) -> list[EncodedInput]:
        """Each text with each label's hypothesis, text by text."""
        hypotheses = [options.hypothesis_template.format(label) for label in labels]
        texts = [text for text in inputs for _ in labels]

        def where(place: int) -> str:
            return f"{quoted(texts[place])} with the label {labels[place % len(labels)]!r}"

        try:
            return self.batcher.encode(texts, hypotheses * len(inputs), where=where, **options.tokenization())
        except InputError as error:
            if "too short" not in str(error):  # what the tokenizer says of a text that cannot be cut enough
                raise
            longest = max(labels, key=len)
            raise InputError(
                f"A label leaves no room for the text: the model reads {self.engine.longest} tokens. The "
                f"longest label is {described(longest)}. Shorten it."
            ) from error

    def _shares(self, scores: Tensor, *, alone: bool) -> Tensor:
        """From (texts, candidates, the model's labels) to (texts, candidates)."""
        entailment = self.entailment_id
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
