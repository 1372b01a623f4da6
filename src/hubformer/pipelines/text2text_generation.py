"""Texts from texts by an encoder-decoder: any, summaries, and translations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from hubformer.errors import InputError
from hubformer.generation import GenerationConfig
from hubformer.generation.config import SETTINGS
from hubformer.inference.engine import Progress
from hubformer.pipelines.writing import (
    GenerationPipeline,
    WritingOptions,
    objects,
    refuse_several,
    said,
    upto_end,
)
from hubformer.tasks.text import check_text

Record = dict[str, Any]  # {"generated_text": ...} or {"generated_token_ids": ...}
RETURNED = ("return_tensors", "return_text")
_DEFAULTS = {"max_new_tokens": 256, "num_beams": 4}
_TOGETHER = 8  # texts that are answered side by side


@dataclass(frozen=True)
class Text2TextOptions(WritingOptions):
    """What is read and what comes back. Whatever model.generate takes may be said too."""

    return_tensors: bool | None = None  # token ids instead of text
    return_text: bool | None = None
    clean_up_tokenization_spaces: bool = False
    truncation: bool | str | None = None  # None: a text that is too long is an error
    stop_sequence: str | Sequence[str] | None = None

    def __post_init__(self) -> None:
        refuse_several(self, RETURNED)


class Text2TextGenerationPipeline(GenerationPipeline[str, "list[Record]"]):
    """A text to `[{"generated_text": ...}]`, one record for each returned sequence; a list gives one record
    for each text, or a list of records where several are asked for.

    Unless the model says otherwise there are 4 beams and at most 256 new tokens, as in transformers 4. A
    prefix that the model's configuration names for the task is put before each text.

    Raises:
        InputError: something that is no text, or a text longer than the model reads.
    """

    Options = Text2TextOptions
    returned = RETURNED
    model_task = "seq2seq-lm"
    called: ClassVar[str] = "generated"  # what comes back, in the names of its fields

    def __call__(self, inputs: Any, **named: Any) -> Any:
        found = super().__call__(inputs, **named)
        if isinstance(inputs, list) and all(len(records) == 1 for records in found):
            return [records[0] for records in found]
        return found

    def check_input(self, item: Any, where: str) -> str:
        return check_text(item, where, accepted=self.accepted)

    def answer_batch(
        self, inputs: Sequence[str], options: Any, *, progress: Progress | None = None
    ) -> list[list[Record]]:
        read = [self.read(text, options) for text in inputs]
        found: list[list[Record]] = [[] for _ in inputs]
        for places in _groups(read, most=1 if options.settings.get("streamer") is not None else _TOGETHER):
            for place, records in zip(places, self._written([read[p] for p in places], options), strict=True):
                found[place] = records
            if progress is not None:
                progress(len(places) / len(inputs))
        return found

    def read(self, text: str, options: Any) -> dict[str, Any]:
        """What the encoder reads of a text, and settings that follow from it."""
        ids = self.tokenizer(self.prefix() + text, truncation=options.truncation)["input_ids"]
        return self.fitting({"input_ids": ids}, text)

    def fitting(self, read: dict[str, Any], text: str) -> dict[str, Any]:
        """What was read, if the model can read as much."""
        most: int | None = self.model.computation.body.limits.length
        if most is not None and len(read["input_ids"]) > most:
            raise InputError(
                f"The text {text[:40]!r}… has {len(read['input_ids'])} tokens, but the model reads at most "
                f"{most}. Shorten it, or pass truncation=True to use its first {most} tokens."
            )
        return read

    def settings(self, options: Any) -> GenerationConfig:
        """The settings of a call: what it says, else what the model says of the task or of itself, else the
        task's defaults."""
        given, own = said(options), self.own_settings()
        of_task = GenerationConfig(**{n: v for n, v in self.task_settings().items() if n in SETTINGS})
        found = given.over(of_task).over(own)
        if given.says("max_length") and not given.says("max_new_tokens"):
            found = found.without("max_new_tokens")
        elif found.max_length == SETTINGS["max_length"].default:
            found = found.without("max_length")  # many files write the default out
        lengths = found.says("max_new_tokens") or found.says("max_length")
        defaults: dict[str, Any] = {} if lengths else {"max_new_tokens": _DEFAULTS["max_new_tokens"]}
        if options.settings.get("streamer") is None:
            defaults["num_beams"] = _DEFAULTS["num_beams"]
        if not found.says("pad_token_id"):
            defaults["pad_token_id"] = self.tokenizer.pad_token_id
        if options.stop_sequence is not None:
            defaults["stop_strings"] = options.stop_sequence
        return found.over(GenerationConfig(**defaults))

    def _written(self, group: Sequence[Mapping[str, Any]], options: Any) -> list[list[Record]]:
        settings, model = self.settings(options), self.model
        longest = max(len(read["input_ids"]) for read in group)
        pad = settings.pad_token_id or 0
        rows = [read["input_ids"] + [pad] * (longest - len(read["input_ids"])) for read in group]
        mask = [[1] * len(read["input_ids"]) + [0] * (longest - len(read["input_ids"])) for read in group]
        others = {name: value for name, value in group[0].items() if name != "input_ids"}
        writer: Any = model
        output = writer.generate(
            input_ids=torch.tensor(rows, device=model.device),
            attention_mask=torch.tensor(mask, device=model.device),
            generation_config=GenerationConfig(**others).over(settings),
            max_length=settings.max_length if settings.says("max_length") else None,
            tokenizer=self.tokenizer,
            **objects(options),
        )
        sequences: Tensor = output if isinstance(output, Tensor) else output.sequences
        each = len(sequences) // len(group)
        records = [self._record(row, options, settings=settings) for row in sequences]
        return [records[place : place + each] for place in range(0, len(records), each)]

    def _record(self, row: Tensor, options: Any, *, settings: GenerationConfig) -> Record:
        # The start token of some models is their padding or end token.
        ids = [int(row[0]), *upto_end(row[1:].tolist(), settings)]
        if options.return_tensors:
            return {f"{self.called}_token_ids": row[: len(ids)]}
        text = self.tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=options.clean_up_tokenization_spaces
        )
        return {f"{self.called}_text": text}


class SummarizationPipeline(Text2TextGenerationPipeline):
    """An article to `[{"summary_text": ...}]`; all else is as for other texts from texts."""

    called = "summary"


@dataclass(frozen=True)
class TranslationOptions(Text2TextOptions):
    """What is read, in which languages, and what comes back."""

    src_lang: str | None = None  # for models of several languages: what is read; None: as the task says
    tgt_lang: str | None = None  # and what is to be written


class TranslationPipeline(Text2TextGenerationPipeline):
    """A text to `[{"translation_text": ...}]`.

    The task may name the languages (`translation_en_to_fr`); models of one pair need none. All else is as for
    other texts from texts.
    """

    Options = TranslationOptions
    called = "translation"

    def read(self, text: str, options: Any) -> dict[str, Any]:
        build = getattr(self.tokenizer, "_build_translation_inputs", None)
        source, target = self._languages(options)
        if build is None:
            return super().read(text, options)
        truncation = options.truncation
        built = build(text, return_tensors=None, truncation=truncation, src_lang=source, tgt_lang=target)
        # The mask is made for the texts that are answered side by side.
        return self.fitting({name: value for name, value in built.items() if name != "attention_mask"}, text)

    def _languages(self, options: Any) -> tuple[str | None, str | None]:
        if options.src_lang is not None or options.tgt_lang is not None:
            return options.src_lang, options.tgt_lang
        parts = self.task.split("_")
        return (parts[1], parts[3]) if len(parts) == 4 else (None, None)


def _groups(read: Sequence[Mapping[str, Any]], *, most: int) -> Iterator[list[int]]:
    """Places of texts of similar length, whose settings are alike."""
    order = sorted(range(len(read)), key=lambda place: len(read[place]["input_ids"]))
    for start in range(0, len(order), most):
        yield order[start : start + most]
