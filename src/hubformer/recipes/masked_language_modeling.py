"""Masked tokens, predicted from both sides (Devlin et al. 2018, arXiv:1810.04805).

A row is as many whole sentences of one document as fit (Liu et al. 2019, arXiv:1907.11692). The masked
tokens are sampled for each batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from hubformer.errors import InputError
from hubformer.metrics.token_sums import StreamedSums, loss_and_accuracy, masked_token_sums
from hubformer.recipes.pretraining import Document, Pretraining, concatenated, sample_of, sentences_end
from hubformer.recipes.training_task import Sample
from hubformer.training.masking import DataCollatorForLanguageModeling


@dataclass(frozen=True)
class Options:
    """max_length: of a row, in tokens. mlm_probability: the share of tokens that is predicted.
    whole_word_mask: mask all pieces of a word or none; for WordPiece."""

    max_length: int = 128
    mlm_probability: float = 0.15
    whole_word_mask: bool = False


class MaskedLanguageModeling(Pretraining):
    head: ClassVar[str] = "AutoModelForMaskedLM"
    Options: ClassVar[type] = Options

    def prepare(self, tokenizer: Any, model: Any) -> None:
        super().prepare(tokenizer, model)
        refuse_unknown_words(tokenizer, whole=self.options.whole_word_mask)

    def samples(self, documents: Sequence[Document], tokenizer: Any) -> Iterator[Sample]:
        room = self.text_budget(tokenizer)
        for document in documents:
            at = 0
            while at < len(document):
                stop = sentences_end(document, at, tokens=room, least=1)
                yield sample_of(tokenizer, concatenated(document[at:stop]))
                at = stop

    def collator(self, tokenizer: Any) -> Callable[[list[Any]], Any]:
        return DataCollatorForLanguageModeling(
            tokenizer,
            mlm_probability=self.options.mlm_probability,
            whole_word_mask=self.options.whole_word_mask,
        )

    def preprocess_logits(self) -> Callable[[Any, Any], Any]:
        return masked_token_sums

    def compute_metrics(self) -> Callable[[Any], dict[str, float]]:
        return StreamedSums(partial(loss_and_accuracy, name="mlm"))


def refuse_unknown_words(tokenizer: Any, *, whole: bool) -> None:
    """Raise InputError where whole words are wanted and the tokens do not tell where a word begins."""
    if whole and not any(token.startswith("##") for token in tokenizer.get_vocab()):
        raise InputError(
            "whole_word_mask=true needs a WordPiece tokenizer, whose ## say where words go on; this one has "
            "none. Set whole_word_mask=false."
        )
