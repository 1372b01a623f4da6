"""XLNet's pre-training with two streams: tokens predicted in a random order of the row (Yang et al. 2019,
arXiv:1906.08237).

Documents are concatenated, each with the tokenizer's end of a document behind it, and cut into rows of equal
and even length, so that nothing is padded; the remainder at the end of the data is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from hubformer.errors import InputError
from hubformer.metrics.token_sums import StreamedSums, loss_and_accuracy, masked_token_sums
from hubformer.recipes.pretraining import Document, Pretraining, concatenated, sample_of
from hubformer.recipes.training_task import Sample
from hubformer.training.masking import DataCollatorForPermutationLanguageModeling
from hubformer.training.packing import packed_blocks

_END_OF_DOCUMENT = "<eod>"


@dataclass(frozen=True)
class Options:
    """max_length: of a row, in tokens, even. plm_probability: the share of tokens that is predicted.
    max_span_length: the most neighbours that are predicted together."""

    max_length: int = 128
    plm_probability: float = 1 / 6
    max_span_length: int = 5


class PermutationLanguageModeling(Pretraining):
    head: ClassVar[str] = "AutoModelForPreTraining"
    Options: ClassVar[type] = Options
    forward_arguments = ("perm_mask", "target_mapping", "labels")

    def prepare(self, tokenizer: Any, model: Any) -> None:
        super().prepare(tokenizer, model)
        if self.options.max_length % 2:
            raise InputError(
                f"max_length is {self.options.max_length}, expected an even number: the halves of a row are "
                "put in order apart."
            )

    def samples(self, documents: Sequence[Document], tokenizer: Any) -> Iterator[Sample]:
        end = tokenizer.get_vocab().get(_END_OF_DOCUMENT, tokenizer.eos_token_id)
        whole = ({"input_ids": concatenated(document)} for document in documents)
        for block in packed_blocks(whole, length=self.text_budget(tokenizer), separator=end):
            yield sample_of(tokenizer, block["input_ids"])

    def collator(self, tokenizer: Any) -> Callable[[list[Any]], Any]:
        return DataCollatorForPermutationLanguageModeling(
            tokenizer,
            plm_probability=self.options.plm_probability,
            max_span_length=self.options.max_span_length,
            pad_to_multiple_of=2,
        )

    def preprocess_logits(self) -> Callable[[Any, Any], Any]:
        return masked_token_sums

    def compute_metrics(self) -> Callable[[Any], dict[str, float]]:
        return StreamedSums(partial(loss_and_accuracy, name="plm"))
