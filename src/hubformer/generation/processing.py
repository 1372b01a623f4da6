"""The processors and criteria that the settings of a call ask for, in v4's order."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from hubformer.errors import InputError
from hubformer.generation import constraints, truncation
from hubformer.generation import logits as rules
from hubformer.generation.call import Call, token_ids
from hubformer.generation.logits import LogitsProcessor
from hubformer.generation.processors import bias_pairs
from hubformer.generation.stopping import EndToken, MaxLength, MaxTime, StoppingCriterion, StopString
from hubformer.models.stepping import Prompt


def _source(prompt: Prompt) -> Tensor:
    if prompt.source is None:
        raise InputError(
            "encoder_repetition_penalty and encoder_no_repeat_ngram_size need the tokens that an encoder "
            "reads, as input_ids. Leave them out."
        )
    return prompt.source


def logits_processors(call: Call, prompt: Prompt, *, model: Any, longest: int) -> list[LogitsProcessor]:
    """Every processor that the settings ask for, in v4's order."""
    config = call.config
    found = [*_biases(call, prompt, model=model), *_penalties(call, prompt)]
    length = prompt.ids.shape[1]
    least = config.min_length or 0
    if config.min_new_tokens is not None:
        least = max(least, length + config.min_new_tokens)
    if least and call.ends:
        found.append(rules.MinLength(call.ends, least))
    if call.allowed is not None:
        found.append(constraints.AllowedTokens(call.allowed, config.num_beams or 1))
    if config.forced_bos_token_id is not None:
        found.append(rules.ForcedTokens((config.forced_bos_token_id,), 2))
    if config.forced_eos_token_id is not None:
        found.append(rules.ForcedTokens(token_ids(config.forced_eos_token_id), longest))
    if config.remove_invalid_values:
        found.append(constraints.FiniteScores())
    if config.exponential_decay_length_penalty is not None:
        start, factor = config.exponential_decay_length_penalty
        if not call.ends:
            raise InputError("exponential_decay_length_penalty needs an eos_token_id to make likelier.")
        found.append(constraints.LengthDecay(call.ends, length + start, factor))
    if config.suppress_tokens:
        found.append(rules.BadWords(tuple((token,) for token in token_ids(config.suppress_tokens))))
    if config.begin_suppress_tokens:
        forced = length == 1 and config.forced_bos_token_id is not None
        tokens = token_ids(config.begin_suppress_tokens)
        found.append(constraints.SuppressedAtBegin(tokens, length + forced))
    found += call.logits
    if config.do_sample:
        found += _warpers(call)
    if config.renormalize_logits:
        found.append(rules.Normalise())
    return found


def _biases(call: Call, prompt: Prompt, *, model: Any) -> list[LogitsProcessor]:
    config = call.config
    found: list[LogitsProcessor] = []
    if config.guidance_scale not in (None, 1):
        if prompt.answers:
            raise InputError(
                "guidance_scale needs a decoder: an encoder-decoder's prompt is what its encoder reads. "
                "Leave it out."
            )
        beams = config.num_beams or 1
        copies = beams if beams > 1 else (config.num_return_sequences or 1)
        negative = None if call.negative is None else call.negative.repeated(copies)
        cached = config.use_cache is not False and beams == 1
        found.append(constraints.Guidance(config.guidance_scale, model, negative=negative, cached=cached))
    if config.sequence_bias is not None:
        found.append(constraints.SequenceBias(bias_pairs(config.sequence_bias), prompt.starts))
    return found


def _penalties(call: Call, prompt: Prompt) -> list[LogitsProcessor]:
    config, starts = call.config, prompt.starts
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
    return found


def _warpers(call: Call) -> list[LogitsProcessor]:
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
    if config.typical_p is not None and config.typical_p < 1:
        found.append(truncation.TypicalMass(config.typical_p, least))
    if config.epsilon_cutoff:
        found.append(truncation.EpsilonCutoff(config.epsilon_cutoff, least))
    if config.eta_cutoff:
        found.append(truncation.EtaCutoff(config.eta_cutoff, least))
    return found


def stopping_criteria(call: Call, *, longest: int) -> list[StoppingCriterion]:
    """Every criterion that the settings ask for; longest is the most tokens in all."""
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
