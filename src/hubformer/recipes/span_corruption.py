"""T5's pre-training: spans of the text are replaced by sentinels, and the model writes them (Raffel et al.
2019, arXiv:1910.10683).

Documents are concatenated, each with the tokenizer's end token behind it, and cut into rows of equal length;
the remainder at the end of the data is dropped. The corrupted spans are sampled for each batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from hubformer.errors import ConfigError, InputError
from hubformer.metrics.token_sums import StreamedSums, decoder_token_sums, loss_and_accuracy
from hubformer.recipes.pretraining import Document, Pretraining, concatenated, sample_of
from hubformer.recipes.training_task import Sample
from hubformer.training.masking import DataCollatorForSpanCorruption
from hubformer.training.packing import packed_blocks


@dataclass(frozen=True)
class Options:
    """max_length: of a row before corruption, in tokens. noise_density: the share of its tokens that is
    replaced. mean_noise_span_length: of a replaced span, in tokens."""

    max_length: int = 128
    noise_density: float = 0.15
    mean_noise_span_length: float = 3.0

    def __post_init__(self) -> None:
        if not 0 < self.noise_density < 1:
            raise ConfigError(
                f"options.noise_density is {self.noise_density}, expected a share between 0 and 1."
            )
        if self.mean_noise_span_length < 1:
            raise ConfigError(
                f"options.mean_noise_span_length is {self.mean_noise_span_length}, expected at least 1 token."
            )


class SpanCorruption(Pretraining):
    head: ClassVar[str] = "AutoModelForSeq2SeqLM"
    Options: ClassVar[type] = Options

    def prepare(self, tokenizer: Any, model: Any) -> None:
        super().prepare(tokenizer, model)
        if tokenizer.eos_token_id is None:
            raise InputError(
                "The tokenizer has no end token (eos_token), which stands between documents. Choose another."
            )
        self.collator(tokenizer)  # refuses a tokenizer that has no sentinels

    def samples(self, documents: Sequence[Document], tokenizer: Any) -> Iterator[Sample]:
        whole = ({"input_ids": concatenated(document)} for document in documents)
        for block in packed_blocks(
            whole, length=self.text_budget(tokenizer), separator=tokenizer.eos_token_id
        ):
            yield sample_of(tokenizer, block["input_ids"])

    def collator(self, tokenizer: Any) -> Callable[[list[Any]], Any]:
        return DataCollatorForSpanCorruption(
            tokenizer,
            noise_density=self.options.noise_density,
            mean_noise_span_length=self.options.mean_noise_span_length,
        )

    def preprocess_logits(self) -> Callable[[Any, Any], Any]:
        return decoder_token_sums

    def compute_metrics(self) -> Callable[[Any], dict[str, float]]:
        return StreamedSums(partial(loss_and_accuracy, name="span"))
