"""Labels for texts: sentiment, topics, several labels at once, a score, or how two texts relate."""

from __future__ import annotations

from typing import Any

from hubformer.pipelines.base import TaskPipeline
from hubformer.tasks.text_classification import Answer, TextClassification, TextExample


class TextClassificationPipeline(TaskPipeline[TextExample, Answer]):
    """Texts, or pairs of texts, to labels with scores.

    One text gives `[{"label", "score"}]`, one pair a bare dict, a list a list; with `top_k` each answer is a
    list, best first. These are transformers 4's shapes.

    Raises:
        InputError: an input that is no text, or is longer than the model reads (see truncation).
    """

    task_definition = TextClassification()

    def __call__(
        self, inputs: Any, *, batch_size: int | None = None, num_workers: int | None = None, **options: Any
    ) -> Any:
        """inputs: a text, `{"text": ..., "text_pair": ...}`, or an iterable of those."""
        result = super().__call__(inputs, batch_size=batch_size, num_workers=num_workers, **options)
        return [result] if isinstance(inputs, str) and "top_k" not in options else result
