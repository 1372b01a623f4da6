"""The loop of generation, and generate(), which understands v4's arguments and collects it.

Shapes:  B rows of the prompt  R rows that are read  L tokens  V vocabulary
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache as once
from typing import Any

import torch
from torch import Tensor

from hubformer.core import Cache
from hubformer.errors import InputError, refuse_unknown
from hubformer.generation import logits as rules
from hubformer.generation.config import SETTINGS, UNSUPPORTED, WITHOUT_EFFECT, GenerationConfig
from hubformer.generation.logits import LogitsProcessor
from hubformer.generation.outputs import (
    GenerateBeamDecoderOnlyOutput,
    GenerateBeamEncoderDecoderOutput,
    GenerateDecoderOnlyOutput,
    GenerateEncoderDecoderOutput,
)
from hubformer.generation.prompt import ANSWER, PROMPT, places, prompt_of
from hubformer.generation.search import Beam, Greedy, Sample, Search, Step
from hubformer.generation.stopping import EndToken, MaxLength, MaxTime, StoppingCriterion, StopString
from hubformer.models.stepping import DecoderRunner, Prompt

_log = logging.getLogger("hubformer")

# Arguments of v4's generate that are not settings. Those in the second list have to be None or False.
_ARGUMENTS = (
    "generation_config",
    "logits_processor",
    "stopping_criteria",
    "streamer",
    "tokenizer",
    "generator",
)
_ABSENT = (
    "assistant_model",
    "assistant_tokenizer",
    "custom_generate",
    "inputs_embeds",
    "negative_prompt_attention_mask",
    "negative_prompt_ids",
    "position_ids",
    "prefix_allowed_tokens_fn",
    "synced_gpus",
    "use_model_defaults",
)


def steps(
    model: Any,
    prompt: Prompt,
    search: Search,
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
        yield replace(step, cache=stepper.cache)
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
    call = _Call.of(model, named)
    prompt = prompt_of(model, named, inputs=inputs, config=call.config)
    longest = _longest(model, prompt, config=call.config)
    search = _search(call, longest=longest)
    _check_streamer(call.streamer)
    past = named.get("past_key_values")
    if past is not None and not isinstance(past, Cache):
        past = Cache.of(past)
    found = steps(
        model,
        prompt,
        search,
        logits=_logits_rules(call, prompt.repeated(search.copies), longest=longest),
        stop=_stop_rules(call, longest=longest),
        cache=past,
        cached=call.config.use_cache is not False,
    )
    return _collected(found, call, prompt=prompt)


@dataclass(frozen=True, eq=False)
class _Call:
    """A call of generate, its settings understood."""

    config: GenerationConfig
    logits: tuple[LogitsProcessor, ...]
    stop: tuple[StoppingCriterion, ...]
    streamer: Any
    tokenizer: Any
    generator: torch.Generator | None

    @staticmethod
    def of(model: Any, named: dict[str, Any]) -> _Call:
        known = {*SETTINGS, *UNSUPPORTED, *WITHOUT_EFFECT, *_ARGUMENTS, *_ABSENT, *PROMPT, *ANSWER}
        refuse_unknown(named, known, call="generate")
        for name in _ABSENT:
            if named.get(name) is not None and named[name] is not False:
                raise InputError(f"generate(…, {name}=…) is not supported yet. Leave it out.")
        own = model.generation_config or GenerationConfig.from_model_config(model.config)
        given = named.get("generation_config") or GenerationConfig()
        if not isinstance(given, GenerationConfig):
            raise InputError(
                f"generation_config is a {type(given).__name__}, expected a hubformer.GenerationConfig."
            )
        call = {n: v for n, v in named.items() if n in SETTINGS or n in UNSUPPORTED or n in WITHOUT_EFFECT}
        config = GenerationConfig(**call).over(given).over(own)
        config.check()
        if call.get("max_length") is None and config.max_length == SETTINGS["max_length"].default:
            config = config.without("max_length")  # many files write the default out; it means new tokens
        return _Call(
            config,
            _callables(named, "logits_processor"),
            _callables(named, "stopping_criteria"),
            named.get("streamer"),
            named.get("tokenizer"),
            named.get("generator"),
        )

    @property
    def ends(self) -> tuple[int, ...]:
        """The end tokens. Below 0 stands for none."""
        return tuple(token for token in _ids(self.config.eos_token_id) if token >= 0)

    @property
    def padding(self) -> int | None:
        own: int | None = self.config.pad_token_id
        if own is not None and own >= 0:
            return own
        return self.ends[0] if self.ends else None


def _ids(value: Any) -> tuple[int, ...]:
    return () if value is None else tuple(value) if isinstance(value, (list, tuple)) else (value,)


def _callables(named: dict[str, Any], name: str) -> tuple[Callable[..., Any], ...]:
    given = named.get(name)
    found = () if given is None else tuple(given) if isinstance(given, Sequence) else (given,)
    if not all(callable(one) for one in found):
        raise InputError(f"{name} is {given!r}, expected a list of callables (ids, scores).")
    return found


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
    length, room = prompt.ids.shape[1], places(model)
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
    return longest


@once
def _say_once(message: str) -> None:
    _log.warning("%s", message)


def _search(call: _Call, *, longest: int) -> Search:
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


def _source(prompt: Prompt) -> Tensor:
    if prompt.source is None:
        raise InputError(
            "encoder_repetition_penalty and encoder_no_repeat_ngram_size need the tokens that an encoder "
            "reads, as input_ids. Leave them out."
        )
    return prompt.source


def _logits_rules(call: _Call, prompt: Prompt, *, longest: int) -> list[LogitsProcessor]:
    """Every rule that the settings ask for, in v4's order."""
    config, starts, length = call.config, prompt.starts, prompt.ids.shape[1]
    found: list[LogitsProcessor] = []
    if config.encoder_repetition_penalty not in (None, 1.0):
        found.append(rules.SourcePenalty(config.encoder_repetition_penalty, _source(prompt)))
    if config.repetition_penalty not in (None, 1.0):
        found.append(rules.RepetitionPenalty(config.repetition_penalty, starts))
    if config.no_repeat_ngram_size:
        found.append(rules.NoRepeat(config.no_repeat_ngram_size, starts))
    if config.encoder_no_repeat_ngram_size:
        found.append(rules.NotFromSource(config.encoder_no_repeat_ngram_size, _source(prompt)))
    if config.bad_words_ids:
        ends = [(end,) for end in call.ends]
        words = tuple(tuple(ids) for ids in config.bad_words_ids if tuple(ids) not in ends)
        found.append(rules.BadWords(words, starts))
    least = config.min_length or 0
    if config.min_new_tokens is not None:
        least = max(least, length + config.min_new_tokens)
    if least and call.ends:
        found.append(rules.MinLength(call.ends, least))
    if config.forced_bos_token_id is not None:
        found.append(rules.ForcedTokens((config.forced_bos_token_id,), 2))
    if config.forced_eos_token_id is not None:
        found.append(rules.ForcedTokens(_ids(config.forced_eos_token_id), longest))
    if config.suppress_tokens:
        found.append(rules.BadWords(tuple((token,) for token in _ids(config.suppress_tokens))))
    found += call.logits
    if config.do_sample:
        found += _sampling_rules(call)
    if config.renormalize_logits:
        found.append(rules.Normalise())
    return found


def _sampling_rules(call: _Call) -> list[LogitsProcessor]:
    config = call.config
    # A beam needs a token to go on with beside those that end it.
    least = 1 if (config.num_beams or 1) == 1 else max(2, 1 + len(call.ends))
    found: list[LogitsProcessor] = []
    if config.temperature not in (None, 1.0):
        found.append(rules.Temperature(config.temperature))
    if config.top_k:
        found.append(rules.TopK(max(config.top_k, least)))
    if config.top_p is not None and config.top_p < 1:
        found.append(rules.TopP(config.top_p, least))
    if config.min_p is not None:
        found.append(rules.MinP(config.min_p, least))
    return found


def _stop_rules(call: _Call, *, longest: int) -> list[StoppingCriterion]:
    config = call.config
    found: list[StoppingCriterion] = [MaxLength(longest)]
    if call.ends:
        found.append(EndToken(call.ends))
    if config.max_time is not None:
        found.append(MaxTime(config.max_time))
    if config.stop_strings is not None:
        if call.tokenizer is None:
            raise InputError("stop_strings needs tokenizer=…, to know which text the tokens are.")
        strings = (config.stop_strings,) if isinstance(config.stop_strings, str) else config.stop_strings
        found.append(StopString(tuple(strings), call.tokenizer))
    return found + list(call.stop)


def _collected(found: Iterator[Step], call: _Call, *, prompt: Prompt) -> Any:
    """The answer of the last step, with what was asked for of the others."""
    config, streamer = call.config, call.streamer
    scores: list[Tensor] = []
    raw: list[Tensor] = []
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
