"""BERT's pre-training: masked tokens, and whether the second text follows the first in its document (Devlin
et al. 2018, arXiv:1810.04805).

Every sentence is once in a row's first text or in a second one that follows. In half of the rows the second
text is of another document, and the sentences that it replaces begin the next row. A lone sentence at the
end of a document cannot be followed; a later row is followed in its place.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import ClassVar

from hubformer.errors import InputError
from hubformer.recipes.pretraining import Document, concatenated, sentences_end
from hubformer.recipes.sentence_pairs import SentencePairs

_FOLLOWS, _FOREIGN = 0, 1  # as transformers numbers them
_TRIES = 10


class NextSentence(SentencePairs):
    metric_name: ClassVar[str] = "nsp"
    label_name = "next_sentence_label"

    def build_pairs(
        self, documents: Sequence[Document], rng: random.Random, *, room: int
    ) -> Iterator[tuple[list[int], list[int], int]]:
        if len(documents) < 2:
            raise InputError(
                "There is one document, but half of the pairs need text of another. Separate documents by "
                "empty lines or by files, or use the objective albert-pretraining or "
                "masked-language-modeling."
            )
        owed = 0  # rows that could not follow
        for place, document in enumerate(documents):
            at = 0
            while at < len(document):
                tokens = self.target_length(rng, room=room)
                stop = sentences_end(document, at, tokens=tokens, least=2)
                alone = stop - at == 1
                split = stop if alone else rng.randrange(at + 1, stop)
                follows = not alone and (owed > 0 or rng.random() < 0.5)
                owed += alone - (follows and owed > 0)
                first = concatenated(document[at:split])
                if follows:
                    yield first, concatenated(document[split:stop]), _FOLLOWS
                else:
                    left, most = tokens - len(first), room - len(first)
                    yield first, _foreign(documents, place, rng, tokens=left, most=most), _FOREIGN
                at = stop if follows else split


def _foreign(
    documents: Sequence[Document], place: int, rng: random.Random, *, tokens: int, most: int
) -> list[int]:
    """Sentences of another document than that at `place`, from a drawn one on; whole ones, but where none of
    some that were drawn fits."""
    for _ in range(_TRIES):
        other = rng.randrange(len(documents) - 1)
        document = documents[other + (other >= place)]
        start = rng.randrange(len(document))
        if len(document[start]) <= most:
            break
    stop = sentences_end(document, start, tokens=tokens, least=1)
    return concatenated(document[start:stop])[:most]
