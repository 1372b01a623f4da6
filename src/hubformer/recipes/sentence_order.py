"""ALBERT's pre-training: masked tokens, and whether two consecutive texts were swapped (Lan et al. 2019,
arXiv:1909.11942).

Every sentence is in one row. A lone sentence at the end of a document is cut in the middle; a single token
is left out.
"""

from __future__ import annotations

import inspect
import random
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from hubformer.recipes.pretraining import Document, concatenated, sentences_end
from hubformer.recipes.sentence_pairs import SentencePairs

_IN_ORDER, _SWAPPED = 0, 1
_OWN = "sentence_order_label"


class SentenceOrder(SentencePairs):
    metric_name: ClassVar[str] = "sop"
    label_name = "next_sentence_label"  # a head as BERT's is asked about the order

    def prepare(self, tokenizer: Any, model: Any) -> None:
        if _OWN in inspect.signature(model.forward).parameters:  # ALBERT's
            self.label_name = _OWN
        super().prepare(tokenizer, model)

    def build_pairs(
        self, documents: Sequence[Document], rng: random.Random, *, room: int
    ) -> Iterator[tuple[list[int], list[int], int]]:
        for document in documents:
            at = 0
            while at < len(document):
                stop = sentences_end(document, at, tokens=self.target_length(rng, room=room), least=2)
                first, second = _halves(document[at:stop], rng)
                at = stop
                if not first:
                    continue
                if rng.random() < 0.5:
                    yield second, first, _SWAPPED
                else:
                    yield first, second, _IN_ORDER


def _halves(some: Document, rng: random.Random) -> tuple[list[int], list[int]]:
    if len(some) > 1:
        split = rng.randrange(1, len(some))
        return concatenated(some[:split]), concatenated(some[split:])
    ids = list(some[0])
    return ids[: len(ids) // 2], ids[len(ids) // 2 :]
