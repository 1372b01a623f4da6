"""Labels that nobody trained for, by a model that tells whether a hypothesis follows from a text."""

from __future__ import annotations

import logging
from typing import Any

from hubformer.errors import InputError
from hubformer.pipelines.base import TaskPipeline
from hubformer.tasks.zero_shot_classification import Answer, ZeroShotClassification, entailment_id

_log = logging.getLogger(__name__)


class ZeroShotClassificationPipeline(TaskPipeline[str, Answer]):
    """Texts to the labels of a call, best first: `{"sequence", "labels", "scores"}`, as in transformers 4.

    Raises:
        InputError: no candidate_labels; a text that is none or is empty; a label longer than the model reads.
    """

    task_definition = ZeroShotClassification()

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
        return entailment_id(self.model.config)
