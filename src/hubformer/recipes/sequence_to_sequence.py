"""A text that an encoder-decoder writes for a text: a summary, a translation, an answer (Sutskever, Vinyals
and Le 2014, arXiv:1409.3215).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from hubformer.errors import ConfigError, InputError, suggestion
from hubformer.evaluation.language import NO_LIMIT
from hubformer.evaluation.tasks import GenerationEvaluation
from hubformer.metrics.token_sums import StreamedSums, decoder_token_sums, loss_and_accuracy
from hubformer.recipes.training_task import (
    Record,
    Sample,
    TrainingTask,
    check_length,
    encoded_inputs,
    text_of,
)
from hubformer.training import DataCollatorForSeq2Seq

# By whose measures a model may be judged, and the modules that these need.
MEASURED = {
    "summarization": ("rouge_score",),
    "text2text-generation": ("rouge_score", "sacrebleu"),
    "translation": ("sacrebleu",),
}


@dataclass(frozen=True)
class Options:
    """max_length: of what is read, and max_target_length: of what is to be written, in tokens; longer texts
    are cut. prefix: stands before every text, and the model keeps it for its pipelines. task: by whose
    measures the result is judged. source_language, target_language: as the tokenizer calls them, where it
    asks for them."""

    max_length: int = 512
    max_target_length: int = 128
    prefix: str = ""
    task: str = "text2text-generation"
    source_language: str | None = None
    target_language: str | None = None

    def __post_init__(self) -> None:
        check_length(self.max_length)
        if self.max_target_length < 2:
            raise ConfigError(
                f"options.max_target_length is {self.max_target_length}, expected at least 2 tokens."
            )
        if self.task not in MEASURED:
            raise ConfigError(
                f"options.task is {self.task!r}.{suggestion(self.task, MEASURED)} Expected one of "
                f"{', '.join(MEASURED)}."
            )
        if (self.source_language is None) != (self.target_language is None):
            raise ConfigError("options.source_language and options.target_language go together: give both.")


class SequenceToSequence(TrainingTask):
    """Where a record has several references, the first is learnt; all of them count when it is judged."""

    head: ClassVar[str] = "AutoModelForSeq2SeqLM"
    adapter_task: ClassVar[str | None] = "SEQ_2_SEQ_LM"
    required_columns = ("text", "reference")
    column_aliases: ClassVar[Mapping[str, tuple[str, ...]]] = GenerationEvaluation.column_aliases
    Options: ClassVar[type] = Options

    def __init__(self, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.evaluation_task, self.packages = self.options.task, MEASURED[self.options.task]

    def parse(self, record: Record, where: str) -> Record:
        text_of(record, "text", where)
        text_of({"reference": _learnt(record)}, "reference", where)
        return record

    def model_options(self, records: Iterable[Record]) -> dict[str, Any]:
        return {"prefix": self.options.prefix} if self.options.prefix else {}

    def prepare(self, tokenizer: Any, model: Any) -> None:
        super().prepare(tokenizer, model)
        if tokenizer.model_max_length > NO_LIMIT:  # pipelines shall cut what they read as the training does
            tokenizer.model_max_length = self.options.max_length
        source, target = self.options.source_language, self.options.target_language
        if source is None:
            return
        if not hasattr(tokenizer, "src_lang"):
            raise InputError(
                f"{type(tokenizer).__name__} knows no languages. Leave options.source_language and "
                "options.target_language out."
            )
        tokenizer.src_lang, tokenizer.tgt_lang = source, target

    def encode(self, records: Sequence[Record], tokenizer: Any) -> Iterator[Sample]:
        options = self.options
        read = tokenizer(
            [options.prefix + record["text"] for record in records],
            truncation=True,
            max_length=options.max_length,
        )
        labels = tokenizer(
            text_target=[_learnt(record) for record in records],
            truncation=True,
            max_length=options.max_target_length,
        )
        for place, ids in enumerate(labels["input_ids"]):
            yield {"input_ids": encoded_inputs(read, place)["input_ids"], "labels": ids}

    def collator(self, tokenizer: Any) -> Callable[[list[Any]], Any]:
        return DataCollatorForSeq2Seq(tokenizer)

    def preprocess_logits(self) -> Callable[[Any, Any], Any]:
        return decoder_token_sums

    def compute_metrics(self) -> Callable[[Any], dict[str, float]]:
        return StreamedSums(partial(loss_and_accuracy, name="token"))

    def evaluation_options(self) -> dict[str, Any]:
        options = self.options
        found: dict[str, Any] = {"truncation": True, "max_new_tokens": options.max_target_length}
        if options.source_language is not None:
            found |= {"src_lang": options.source_language, "tgt_lang": options.target_language}
        return found


def _learnt(record: Record) -> Any:
    """The reference that is learnt, the first of several."""
    references = record["reference"]
    return references[0] if isinstance(references, list) and references else references
