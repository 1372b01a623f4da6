"""The loop of generation, and generate(), which understands v4's arguments and collects it.

Shapes:  B rows of the prompt  R rows that are read  L tokens  V vocabulary
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache as once
from typing import Any

import torch
from torch import Tensor

from hubformer.core import Cache
from hubformer.errors import InputError
from hubformer.generation.call import Call
from hubformer.generation.config import SETTINGS, GenerationConfig
from hubformer.generation.logits import LogitsProcessor
from hubformer.generation.outputs import (
    GenerateBeamDecoderOnlyOutput,
    GenerateBeamEncoderDecoderOutput,
    GenerateDecoderOnlyOutput,
    GenerateEncoderDecoderOutput,
)
from hubformer.generation.processing import logits_processors, stopping_criteria
from hubformer.generation.prompt import places, prompt_of
from hubformer.generation.stopping import StoppingCriterion
from hubformer.generation.strategies import Beam, DecodingStrategy, Greedy, Sample, Step
from hubformer.models.stepping import DecoderRunner, Prompt

_log = logging.getLogger("hubformer")


def steps(
    model: Any,
    prompt: Prompt,
    search: DecodingStrategy,
    *,
    logits: Sequence[LogitsProcessor] = (),
    stop: Sequence[StoppingCriterion] = (),
    cache: Cache | None = None,
    cached: bool = True,
) -> Iterator[Step]:
    """Read the prompt, then yield one Step for each new token until the search ends.

    Without a `stop` that always comes, such as MaxLength, it may never end. cache: what was read of these
    rows before, if anything; it is filled further. cached=False reads everything at every step.

    Raises:
        InputError: the model cannot generate, or its scores are not numbers.
    """
    if cache is not None and search.copies > 1:
        cache.reorder(
            torch.arange(len(prompt.ids), device=prompt.ids.device).repeat_interleave(search.copies)
        )
    prompt = prompt.repeated(search.copies)
    stepper: DecoderRunner = model.head_row.stepper(model, prompt, cache=cache, cached=cached)
    run = search.begin(prompt.ids)
    while True:
        with torch.no_grad():
            step = run.advance(stepper.scores(run.ids), rules=logits, stop=stop)
        yield replace(step, cache=stepper.cache, states=stepper.states)
        if step.answer is not None:
            return
        if step.rows is not None:
            stepper.reorder(step.rows)


def generate(model: Any, inputs: Tensor | None = None, **named: Any) -> Any:
    """Continue token rows, under transformers 4's argument names.

    inputs or input_ids (B, L), with attention_mask (B, L) where rows are padded, on the left. Settings as in
    GenerationConfig (max_new_tokens, do_sample, temperature, num_beams, eos_token_id, ...) override those of
    generation_config, and these the model's own. logits_processor and stopping_criteria are lists of
    callables (ids, scores). streamer is told each token. tokenizer is needed for stop_strings. generator, a
    torch.Generator, makes sampling reproducible beside other random numbers; torch.manual_seed does too.

    Returns the tokens (B * num_return_sequences, L), the prompt included, or with
    return_dict_in_generate=True an output with scores, logits and, for beams, their scores.

    Raises:
        UnknownArgument: a name that v4 does not know. InputError: a value, or a prompt, that cannot be used.
    """
    if model.training:
        _say_once("The model is in training mode, so dropout changes what it writes. Call model.eval().")
    call = Call.of(model, named)
    prompt = prompt_of(model, named, inputs=inputs, config=call.config)
    longest = _longest(model, prompt, config=call.config)
    search = _search(call, longest=longest)
    _check_streamer(call.streamer)
    past = named.get("past_key_values")
    if past is not None and not isinstance(past, Cache):
        past = Cache.from_pairs(past)
    found = steps(
        model,
        prompt,
        search,
        logits=logits_processors(call, prompt.repeated(search.copies), model=model, longest=longest),
        stop=stopping_criteria(call, longest=longest),
        cache=past,
        cached=call.config.use_cache is not False,
    )
    return _collected(found, call, prompt=prompt)


def _check_streamer(given: Any) -> None:
    if given is not None and not (hasattr(given, "put") and hasattr(given, "end")):
        raise InputError(
            f"streamer is {given!r}, expected an object with put and end, such as a TextStreamer."
        )


def _longest(model: Any, prompt: Prompt, *, config: GenerationConfig) -> int:
    """How many tokens a row may have in the end.

    Raises:
        InputError: no room for a token, or more than the model has places for.
    """
    longest: int
    before, room = prompt.unwritten, places(model)
    length = prompt.ids.shape[1] + before
    if config.says("max_new_tokens"):
        if config.says("max_length"):
            _log.info("max_new_tokens and max_length are both set; max_new_tokens is obeyed.")
        longest = length + config.max_new_tokens
    elif config.says("max_length"):
        longest = config.max_length
        if length >= longest:
            raise InputError(
                f"The prompt has {length} tokens and max_length={longest} counts them in, so none is left to "
                "write. Pass max_new_tokens instead."
            )
    else:
        _say_once(
            f"Neither max_new_tokens nor max_length is set: {SETTINGS['max_length'].default} new tokens."
        )
        longest = length + SETTINGS["max_length"].default
        longest = longest if room is None else min(longest, max(room, length + 1))
    # The last token is written and not read, so it needs no place.
    if room is not None and longest > room + 1:
        raise InputError(
            f"The prompt has {length} tokens and {longest - length} more may follow, but the model has "
            f"places for {room}: pass max_new_tokens={room + 1 - length} or fewer."
            if length <= room
            else f"The prompt has {length} tokens, the model reads at most {room}. Shorten it."
        )
    return longest - before


@once
def _say_once(message: str) -> None:
    _log.warning("%s", message)


def _search(call: Call, *, longest: int) -> DecodingStrategy:
    config, padding = call.config, call.padding
    answers = config.num_return_sequences or 1
    if (config.num_beams or 1) > 1:
        if answers > config.num_beams:
            raise InputError(
                f"num_return_sequences is {answers}, expected at most num_beams, which is {config.num_beams}."
            )
        if call.streamer is not None:
            raise InputError(
                f"num_beams is {config.num_beams} and a streamer is given: beams are chosen at the end, so "
                "there is nothing to stream. Pass num_beams=1 or no streamer."
            )
        return Beam(
            config.num_beams,
            longest,
            answers=answers,
            length_penalty=1.0 if config.length_penalty is None else config.length_penalty,
            early=config.early_stopping or False,
            ends=len(call.ends),
            padding=padding or 0,
            drawn=bool(config.do_sample),
            generator=call.generator,
        )
    if config.do_sample:
        return Sample(padding, copies=answers, generator=call.generator)
    if answers > 1:
        raise InputError(
            f"num_return_sequences is {answers}, but the best tokens are the same every time. Pass "
            f"do_sample=True or num_beams={answers}."
        )
    return Greedy(padding)


def _collected(found: Iterator[Step], call: Call, *, prompt: Prompt) -> Any:
    """The answer of the last step, with what was asked for of the others."""
    config, streamer = call.config, call.streamer
    scores: list[Tensor] = []
    raw: list[Tensor] = []
    states: dict[str, list[Any]] = {}
    try:
        if streamer is not None:
            streamer.put(prompt.ids.cpu())
        for step in found:
            if streamer is not None:
                streamer.put(step.tokens.cpu())
            if config.return_dict_in_generate and config.output_scores:
                scores.append(step.scores)
            if config.return_dict_in_generate and config.output_logits:
                raw.append(step.logits)
            for name, value in step.states.items():
                states.setdefault(name, []).append(value)
    finally:
        if streamer is not None:  # also after an error, so that nobody waits for more
            streamer.end()
    answer = step.answer
    assert answer is not None
    if not config.return_dict_in_generate:
        return answer.ids
    kept: dict[str, Any] = {
        "scores": tuple(scores) or None,
        "logits": tuple(raw) or None,
        "past_key_values": step.cache,
        **{name: tuple(values) for name, values in states.items()},
        **prompt.encoder,
    }
    answers = prompt.answers
    if answer.beams is None:
        return (GenerateEncoderDecoderOutput if answers else GenerateDecoderOnlyOutput)(answer.ids, **kept)
    return (GenerateBeamEncoderDecoderOutput if answers else GenerateBeamDecoderOnlyOutput)(
        answer.ids,
        sequences_scores=answer.scores if config.output_scores else None,
        beam_indices=answer.beams,
        **kept,
    )
