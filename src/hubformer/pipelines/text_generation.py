"""Text that goes on from a prompt, or the reply to a conversation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from hubformer.errors import InputError
from hubformer.generation import GenerationConfig
from hubformer.generation.config import SETTINGS
from hubformer.inference.engine import Progress
from hubformer.pipelines.steps import Call
from hubformer.pipelines.writing import (
    GenerationPipeline,
    WritingOptions,
    as_ids,
    objects,
    refuse_several,
    said,
    upto_end,
)
from hubformer.tasks.options import check_padding
from hubformer.tasks.text import described

Messages = list[dict[str, Any]]  # {"role": ..., "content": ...}
Record = dict[str, Any]  # {"generated_text": ...} or {"generated_token_ids": ...}
_EXPECTED = 'a text, a conversation [{"role": "user", "content": ...}], or a list of either'
RETURNED = ("return_full_text", "return_tensors", "return_text")
_DEFAULT_NEW = 256  # tokens
_TOGETHER = 8  # prompts that are continued side by side


@dataclass(frozen=True)
class TextGenerationOptions(WritingOptions):
    """What is read and what comes back. Whatever model.generate takes may be said too."""

    return_full_text: bool | None = None  # whether the prompt comes first; None: True
    return_tensors: bool | None = None  # token ids instead of text
    return_text: bool | None = None
    clean_up_tokenization_spaces: bool = True
    prefix: str | None = None  # put before every prompt, and never returned; None: the model's own
    handle_long_generation: str | None = None  # "hole": drop the beginning of a prompt that leaves no room
    stop_sequence: str | Sequence[str] | None = None
    truncation: bool | str | None = None
    padding: bool | str | None = None  # taken for transformers' sake
    add_special_tokens: bool | None = None  # None: as the tokenizer does
    continue_final_message: bool | None = None  # None: where the last message is the assistant's
    skip_special_tokens: bool = True
    tokenizer_encode_kwargs: Mapping[str, Any] | None = None
    seed: int | None = None  # the same seed, the same text

    def __post_init__(self) -> None:
        check_padding(self.padding)
        if self.handle_long_generation not in (None, "hole"):
            raise InputError(
                f"handle_long_generation is {self.handle_long_generation!r}, expected None or 'hole'."
            )
        refuse_several(self, RETURNED)
        if self.seed is not None and (isinstance(self.seed, bool) or not isinstance(self.seed, int)):
            raise InputError(f"seed is {self.seed!r}, expected a whole number or None.")


@dataclass(frozen=True, eq=False)
class Prompt:
    """What was asked, and its tokens."""

    asked: str | Messages
    ids: list[int]
    goes_on: bool = False  # a conversation whose last message is to be continued


class TextGenerationPipeline(GenerationPipeline["str | Messages", "list[Record]"]):
    """Prompts to `[{"generated_text": ...}]`, one record for each returned sequence; a list gives
    a list of those.

    A conversation comes back with the assistant's reply appended. Unless the model's generation_config says
    otherwise, text is sampled at temperature 0.7, at most 256 new tokens, as in transformers 4.

    Raises:
        InputError: a prompt that is none, is longer than the model reads, or leaves no room.
    """

    Options = TextGenerationOptions
    model_task = "causal-lm"
    accepted = _EXPECTED

    returned = RETURNED

    def run(self, inputs: Any, call: Call) -> Any:
        if (
            isinstance(inputs, (list, tuple))
            and inputs
            and isinstance(inputs[0], Mapping)
            and call.steps is None
        ):
            return self._answered([self._checked(list(inputs), "The conversation", call)], call)[0]
        return super().run(inputs, call)

    def check_input(self, item: Any, where: str) -> str | Messages:
        if isinstance(item, str):
            return item
        if not isinstance(item, (list, tuple)) or not item:
            raise InputError(f"{where} is {described(item)}; expected {_EXPECTED}.")
        for place, message in enumerate(item):
            if not isinstance(message, Mapping) or not {"role", "content"} <= message.keys():
                raise InputError(
                    f"{where} has {described(message)} as message {place}; expected a dict with role and "
                    "content."
                )
        return [dict(message) for message in item]

    def answer_batch(
        self, inputs: Sequence[str | Messages], options: Any, *, progress: Progress | None = None
    ) -> list[list[Record]]:
        prompts = [self._prompt(asked, options) for asked in inputs]
        if options.seed is not None:
            generator = torch.Generator(self.model.device).manual_seed(options.seed)
            options = replace(options, settings={**options.settings, "generator": generator})
        found: list[list[Record]] = [[] for _ in prompts]
        for places in self._groups(prompts, options):
            group = [prompts[place] for place in places]
            for place, records in zip(places, self._continued(group, options), strict=True):
                found[place] = records
            if progress is not None:
                progress(len(group) / len(prompts))
        return found

    def _groups(self, prompts: Sequence[Prompt], options: TextGenerationOptions) -> Iterator[list[int]]:
        """Places of prompts that are continued together: of similar length, since they are padded."""
        settings, free = self._settings(options)
        room: int | None = self.model.computation.body.limits.length
        longest = max(len(prompt.ids) for prompt in prompts)
        # Where a length counts the prompt in, each length of prompt leaves another number of new tokens.
        alike = bool(settings.min_length) or not settings.says("max_new_tokens")
        alike = alike or (free and room is not None and longest + _DEFAULT_NEW > room)
        size = 1 if options.settings.get("streamer") is not None else _TOGETHER
        group: list[int] = []
        for place in sorted(range(len(prompts)), key=lambda place: len(prompts[place].ids)):
            other = group and len(prompts[group[0]].ids) != len(prompts[place].ids)
            if len(group) == size or (alike and other):
                yield group
                group = []
            group.append(place)
        if group:
            yield group

    # Reading

    def _prompt(self, asked: str | Messages, options: TextGenerationOptions) -> Prompt:
        more = {
            "add_special_tokens": options.add_special_tokens,
            "truncation": options.truncation,
            "max_length": options.settings.get("max_length") if options.truncation else None,
        }
        named = {name: value for name, value in more.items() if value is not None}
        named |= options.tokenizer_encode_kwargs or {}
        goes_on = False
        if isinstance(asked, str):
            ids = self.tokenizer(
                (self.prefix() if options.prefix is None else options.prefix) + asked, **named
            )["input_ids"]
        else:
            named.pop("add_special_tokens", None)  # a chat template writes them itself
            goes_on = bool(options.continue_final_message)
            if options.continue_final_message is None:
                goes_on = asked[-1]["role"] == "assistant"
            ids = self.tokenizer.apply_chat_template(
                asked, add_generation_prompt=not goes_on, continue_final_message=goes_on, **named
            )
        if not ids:
            start = self.tokenizer.bos_token_id
            if start is None:
                raise InputError(
                    "The prompt is empty, and the tokenizer has no token that begins a text. Pass a text."
                )
            ids = [start]
        return Prompt(asked, self._with_hole(list(ids), options), goes_on)

    def _with_hole(self, ids: list[int], options: TextGenerationOptions) -> list[int]:
        room: int | None = self.model.computation.body.limits.length
        if options.handle_long_generation is None or room is None:
            return ids
        settings, _ = self._settings(options)
        new = settings.max_new_tokens or (settings.max_length or 0) - len(ids)
        if new < 1 or new >= room:
            raise InputError(
                f"handle_long_generation='hole' makes room for {new} new tokens, but the model reads "
                f"{room} tokens. "
                "Pass a max_new_tokens below that."
            )
        return ids[-(room - new) :]

    # Writing

    def _settings(self, options: TextGenerationOptions) -> tuple[GenerationConfig, bool]:
        """The settings of a call: what it says, else what the model says, else the task's defaults.

        And whether the number of new tokens is the task's, which gives way where the model has less room.
        """
        own, given = self.own_settings(), said(options)
        lengths = ("max_length", "min_length")  # older configurations say short ones; v4 passes them over too
        of_task = {n: v for n, v in self.task_settings().items() if n in SETTINGS and n not in lengths}
        found = given.over(GenerationConfig(**of_task)).over(own)
        if found.max_length == SETTINGS["max_length"].default and not given.says("max_length"):
            found = found.without("max_length")  # many files write the default out
        free = not found.says("max_new_tokens") and not found.says("max_length")
        defaults: dict[str, Any] = {"max_new_tokens": _DEFAULT_NEW} if free else {}
        if not found.says("do_sample") and not found.says("num_beams"):
            defaults["do_sample"] = True
        if found.do_sample or "do_sample" in defaults:
            defaults["temperature"] = 0.7
        if not found.says("pad_token_id"):
            pad, ends = self.tokenizer.pad_token_id, as_ids(found.eos_token_id)
            defaults["pad_token_id"] = pad if pad is not None or not ends else ends[0]
        if options.stop_sequence is not None:
            defaults["stop_strings"] = options.stop_sequence
        return found.over(GenerationConfig(**defaults)), free

    def _continued(self, group: Sequence[Prompt], options: TextGenerationOptions) -> list[list[Record]]:
        settings, free = self._settings(options)
        longest = max(len(prompt.ids) for prompt in group)
        room: int | None = self.model.computation.body.limits.length
        if free and room is not None and longest <= room:
            settings.max_new_tokens = min(settings.max_new_tokens, room + 1 - longest)
        output = self._generated(group, options, settings=settings, longest=longest)
        sequences: Tensor = output if isinstance(output, Tensor) else output.sequences
        others = {} if isinstance(output, Tensor) else _others(output, len(sequences))
        each = len(sequences) // len(group)
        records: list[list[Record]] = [[] for _ in group]
        for index, written in enumerate(sequences[:, longest:].tolist()):
            record = self._record(group[index // each], upto_end(written, settings), options=options)
            record |= {name: rows[index] for name, rows in others.items()}
            records[index // each].append(record)
        return records

    def _generated(
        self,
        group: Sequence[Prompt],
        options: TextGenerationOptions,
        *,
        settings: GenerationConfig,
        longest: int,
    ) -> Any:
        """What model.generate gives for prompts that are padded on the left."""
        pad, device = settings.pad_token_id or 0, self.model.device
        rows = [[pad] * (longest - len(prompt.ids)) + prompt.ids for prompt in group]
        mask = [[0] * (longest - len(prompt.ids)) + [1] * len(prompt.ids) for prompt in group]
        model: Any = self.model
        return model.generate(
            input_ids=torch.tensor(rows, device=device),
            attention_mask=torch.tensor(mask, device=device),
            generation_config=settings,
            max_length=settings.max_length if settings.says("max_length") else None,
            tokenizer=self.tokenizer,
            **objects(options),
        )

    def _record(self, prompt: Prompt, written: list[int], *, options: TextGenerationOptions) -> Record:
        ids = prompt.ids + written
        if options.return_tensors:
            return {"generated_token_ids": ids}

        def decoded(ids: list[int]) -> str:
            text: str = self.tokenizer.decode(
                ids,
                skip_special_tokens=options.skip_special_tokens,
                clean_up_tokenization_spaces=options.clean_up_tokenization_spaces,
            )
            return text

        # Decoded together: the first new token may need the last of the prompt to be written right.
        new = decoded(ids)[len(decoded(prompt.ids)) :]
        if options.return_full_text is False:
            return {"generated_text": new}
        if isinstance(prompt.asked, str):
            return {"generated_text": prompt.asked + new}
        if prompt.goes_on:
            last = prompt.asked[-1]
            return {"generated_text": [*prompt.asked[:-1], {**last, "content": last["content"] + new}]}
        return {"generated_text": [*prompt.asked, {"role": "assistant", "content": new}]}


def _others(output: Any, rows: int) -> dict[str, list[Any]]:
    """What return_dict_in_generate gives beside the tokens, by row."""
    found: dict[str, list[Any]] = {}
    for name, value in output.items():
        if name in ("sequences", "past_key_values"):
            continue
        stacked = torch.stack(list(value)).transpose(0, 1) if isinstance(value, tuple) else value
        if isinstance(stacked, Tensor) and len(stacked) == rows:
            found[name] = stacked.tolist()
    return found
