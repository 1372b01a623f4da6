"""Two texts in a row, a binary question about them, and masked tokens.

A row is as many sentences of a document as fit, split in two at a random sentence's end. Nothing is
truncated: sentences longer than half a row were cut before.

Shapes:  B rows
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor

from hubformer.metrics.token_sums import StreamedSums, loss_and_accuracy, masked_token_sums
from hubformer.recipes.masked_language_modeling import refuse_unknown_words
from hubformer.recipes.pretraining import Document, Pretraining, sample_of
from hubformer.recipes.training_task import Sample
from hubformer.training.masking import DataCollatorForLanguageModeling


@dataclass(frozen=True)
class Options:
    """max_length: of a row, in tokens. mlm_probability, whole_word_mask: as in masked language modelling.
    short_seq_prob: the share of rows whose length is sampled between 2 and the most. dupe_factor: how often
    the documents, held-out ones too, are made into rows, with other random choices each time. seed: of the
    random choices."""

    max_length: int = 128
    mlm_probability: float = 0.15
    whole_word_mask: bool = False
    short_seq_prob: float = 0.1
    dupe_factor: int = 1
    seed: int = 0


class SentencePairs(Pretraining):
    """An objective extends it with `build_pairs`."""

    head: ClassVar[str] = "AutoModelForPreTraining"
    Options: ClassVar[type] = Options
    pairs: ClassVar[bool] = True
    metric_name: ClassVar[str]  # what the question is called in metrics
    label_name: str  # the argument of the model's forward that answers it

    def prepare(self, tokenizer: Any, model: Any) -> None:
        self.forward_arguments = ("labels", self.label_name)
        super().prepare(tokenizer, model)
        refuse_unknown_words(tokenizer, whole=self.options.whole_word_mask)

    def samples(self, documents: Sequence[Document], tokenizer: Any) -> Iterator[Sample]:
        room = self.text_budget(tokenizer)
        for number in range(self.options.dupe_factor):
            rng = random.Random(f"{self.options.seed} {number}")
            for first, second, label in self.build_pairs(documents, rng, room=room):
                yield {**sample_of(tokenizer, first, second), self.label_name: label}

    def build_pairs(
        self, documents: Sequence[Document], rng: random.Random, *, room: int
    ) -> Iterator[tuple[list[int], list[int], int]]:
        """One pass over the documents: two texts that together have at most `room` tokens, and the label."""
        raise NotImplementedError

    def target_length(self, rng: random.Random, *, room: int) -> int:
        """How many tokens the next row is to have."""
        return rng.randint(2, room) if rng.random() < self.options.short_seq_prob else room

    def collator(self, tokenizer: Any) -> Callable[[list[Any]], Any]:
        return DataCollatorForLanguageModeling(
            tokenizer,
            mlm_probability=self.options.mlm_probability,
            whole_word_mask=self.options.whole_word_mask,
        )

    def preprocess_logits(self) -> Callable[[Any, Any], Any]:
        return _counted

    def compute_metrics(self) -> Callable[[Any], dict[str, float]]:
        return StreamedSums(partial(_measured, name=self.metric_name))


def _counted(scores: tuple[Tensor, Tensor], labels: tuple[Tensor, Tensor]) -> Tensor:
    """Both heads' scores and labels -> (B, 5): the sums of hidden tokens, 1, and 1 if the pair is right."""
    right = (scores[1].argmax(-1) == labels[1]).float()
    return torch.cat(
        [masked_token_sums(scores[0], labels[0]), torch.stack([torch.ones_like(right), right], 1)], 1
    )


def _measured(sums: Any, *, name: str) -> dict[str, float]:
    return {**loss_and_accuracy(sums, name="mlm"), f"{name}_accuracy": float(sums[4] / sums[3])}
