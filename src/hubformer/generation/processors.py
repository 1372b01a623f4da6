"""Logits processors under transformers 4's class names and constructors, usable alone.

Each builds the processor that `generate` uses for the setting of that name. Bounds and defaults are v4's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any

from torch import Tensor

from hubformer.errors import InputError
from hubformer.generation import constraints, truncation
from hubformer.generation import logits as rules
from hubformer.generation.named import LogitsProcessor
from hubformer.models.stepping import Prompt

Tokens = int | Sequence[int] | Tensor


class _Built(LogitsProcessor):
    """Calls the processor that its constructor has built."""

    _processor: rules.LogitsProcessor

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """input_ids (sequences, length), scores (sequences, vocabulary) -> scores"""
        return self._processor(input_ids, scores)


def _ids(tokens: Tokens | None) -> tuple[int, ...]:
    if tokens is None:
        return ()
    if isinstance(tokens, Tensor):
        tokens = tokens.flatten().tolist()
    return (tokens,) if isinstance(tokens, int) else tuple(int(token) for token in tokens)


def _check(name: str, value: Any, expected: str, *, fits: Callable[[Any], bool]) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not fits(value):
        raise InputError(f"{name} is {value!r}, expected {expected}.")


def _check_count(name: str, value: Any, *, least: int = 1) -> None:
    whole = f"a whole number of {least} or more"
    _check(name, value, whole, fits=lambda v: isinstance(v, int) and v >= least)


class TemperatureLogitsWarper(_Built):
    """Above 1 the choice is more even, below 1 more certain."""

    def __init__(self, temperature: float) -> None:
        _check("temperature", temperature, "a number above 0", fits=lambda v: v > 0)
        self.temperature = temperature
        self._processor = rules.Temperature(temperature)


class TopKLogitsWarper(_Built):
    """Only the most likely tokens (Fan et al. 2018, arXiv:1805.04833)."""

    def __init__(self, top_k: int, filter_value: float = -inf, min_tokens_to_keep: int = 1) -> None:
        _check_count("top_k", top_k)
        self.top_k, self.filter_value = max(top_k, min_tokens_to_keep), filter_value
        self._processor = rules.TopK(self.top_k, filter_value)


class TopPLogitsWarper(_Built):
    """The fewest tokens whose probabilities add up to `top_p` (Holtzman et al. 2019, arXiv:1904.09751)."""

    def __init__(self, top_p: float, filter_value: float = -inf, min_tokens_to_keep: int = 1) -> None:
        _check("top_p", top_p, "a number from 0 to 1", fits=lambda v: 0 <= v <= 1)
        _check_count("min_tokens_to_keep", min_tokens_to_keep)
        self.top_p, self.filter_value = float(top_p), filter_value
        self.min_tokens_to_keep = min_tokens_to_keep
        self._processor = rules.TopP(self.top_p, min_tokens_to_keep, filter_value)


class MinPLogitsWarper(_Built):
    """Tokens at least `min_p` as likely as the likeliest (Nguyen et al. 2024, arXiv:2407.01082)."""

    def __init__(self, min_p: float, filter_value: float = -inf, min_tokens_to_keep: int = 1) -> None:
        _check("min_p", min_p, "a number from 0 to 1", fits=lambda v: 0 <= v <= 1)
        _check_count("min_tokens_to_keep", min_tokens_to_keep)
        self.min_p, self.filter_value, self.min_tokens_to_keep = min_p, filter_value, min_tokens_to_keep
        self._processor = rules.MinP(min_p, min_tokens_to_keep, filter_value)


class TypicalLogitsWarper(_Built):
    """Locally typical sampling (Meister et al. 2022, arXiv:2202.00666)."""

    def __init__(self, mass: float = 0.9, filter_value: float = -inf, min_tokens_to_keep: int = 1) -> None:
        _check("typical_p", mass, "a number above 0 and below 1", fits=lambda v: 0 < v < 1)
        _check_count("min_tokens_to_keep", min_tokens_to_keep)
        self.mass, self.filter_value, self.min_tokens_to_keep = mass, filter_value, min_tokens_to_keep
        self._processor = truncation.TypicalMass(mass, min_tokens_to_keep, filter_value)


class EpsilonLogitsWarper(_Built):
    """Tokens at least `epsilon` likely (Hewitt et al. 2022, arXiv:2210.15191)."""

    def __init__(self, epsilon: float, filter_value: float = -inf, min_tokens_to_keep: int = 1) -> None:
        _check("epsilon_cutoff", epsilon, "a number above 0 and below 1", fits=lambda v: 0 < v < 1)
        _check_count("min_tokens_to_keep", min_tokens_to_keep)
        self.epsilon, self.filter_value, self.min_tokens_to_keep = epsilon, filter_value, min_tokens_to_keep
        self._processor = truncation.EpsilonCutoff(epsilon, min_tokens_to_keep, filter_value)


class EtaLogitsWarper(_Built):
    """Eta sampling (Hewitt et al. 2022, arXiv:2210.15191). `device` is accepted and not needed."""

    def __init__(
        self, epsilon: float, filter_value: float = -inf, min_tokens_to_keep: int = 1, device: str = "cpu"
    ) -> None:
        _check("eta_cutoff", epsilon, "a number above 0 and below 1", fits=lambda v: 0 < v < 1)
        _check_count("min_tokens_to_keep", min_tokens_to_keep)
        self.epsilon, self.filter_value, self.min_tokens_to_keep = epsilon, filter_value, min_tokens_to_keep
        self._processor = truncation.EtaCutoff(epsilon, min_tokens_to_keep, filter_value)


class RepetitionPenaltyLogitsProcessor(LogitsProcessor):
    """Tokens that a sequence holds are less likely above 1 (Keskar et al. 2019, arXiv:1909.05858).

    prompt_ignore_length: so many tokens of the prompt are not counted.
    """

    def __init__(self, penalty: float, prompt_ignore_length: int | None = None) -> None:
        _check("penalty", penalty, "a number above 0", fits=lambda v: v > 0)
        if prompt_ignore_length is not None:
            _check_count("prompt_ignore_length", prompt_ignore_length, least=0)
        self.penalty, self.prompt_ignore_length = penalty, prompt_ignore_length
        self._processor = rules.RepetitionPenalty(penalty)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        return self._processor(input_ids[:, self.prompt_ignore_length or 0 :], scores)


class EncoderRepetitionPenaltyLogitsProcessor(_Built):
    """Tokens that an encoder has read are more likely above 1."""

    def __init__(self, penalty: float, encoder_input_ids: Tensor) -> None:
        _check("penalty", penalty, "a number above 0", fits=lambda v: v > 0)
        self.penalty, self.encoder_input_ids = 1 / penalty, encoder_input_ids
        self._processor = rules.SourcePenalty(penalty, encoder_input_ids)


class NoRepeatNGramLogitsProcessor(_Built):
    """No n-gram twice (Paulus et al. 2017, arXiv:1705.04304)."""

    def __init__(self, ngram_size: int) -> None:
        _check_count("ngram_size", ngram_size)
        self.ngram_size = ngram_size
        self._processor = rules.NoRepeat(ngram_size)


class EncoderNoRepeatNGramLogitsProcessor(_Built):
    """No n-gram that an encoder has read."""

    def __init__(self, encoder_ngram_size: int, encoder_input_ids: Tensor) -> None:
        _check_count("encoder_ngram_size", encoder_ngram_size)
        self.ngram_size = encoder_ngram_size
        self._processor = rules.NotFromSource(encoder_ngram_size, encoder_input_ids)


class MinLengthLogitsProcessor(_Built):
    """No end token before a sequence has `min_length` tokens, the prompt included."""

    def __init__(self, min_length: int, eos_token_id: Tokens, device: str = "cpu") -> None:
        _check_count("min_length", min_length, least=0)
        self.min_length, self.eos_token_id = min_length, _ids(eos_token_id)
        self._processor = rules.MinLength(self.eos_token_id, min_length)


class MinNewTokensLengthLogitsProcessor(_Built):
    """No end token before `min_new_tokens` were written after `prompt_length_to_skip`."""

    def __init__(
        self, prompt_length_to_skip: int, min_new_tokens: int, eos_token_id: Tokens, device: str = "cpu"
    ) -> None:
        _check_count("prompt_length_to_skip", prompt_length_to_skip, least=0)
        _check_count("min_new_tokens", min_new_tokens, least=0)
        self.prompt_length_to_skip, self.min_new_tokens = prompt_length_to_skip, min_new_tokens
        self.eos_token_id = _ids(eos_token_id)
        self._processor = rules.MinLength(self.eos_token_id, prompt_length_to_skip + min_new_tokens)


def bias_pairs(sequence_bias: Any) -> tuple[tuple[tuple[int, ...], float], ...]:
    """`{(ids): bias}` or `[[ids, bias], ...]`, in either form that v4 takes.

    Raises:
        InputError: anything else.
    """
    pairs = sequence_bias.items() if isinstance(sequence_bias, Mapping) else sequence_bias
    try:
        found = tuple((tuple(int(i) for i in ids), float(bias)) for ids, bias in pairs)
    except (TypeError, ValueError):
        found = ()
    if not found or not all(ids and min(ids) >= 0 for ids, _ in found):
        raise InputError(
            f"sequence_bias is {sequence_bias!r}, expected {{(token ids): bias}} or "
            "[[[token ids], bias], ...]."
        )
    return found


class SequenceBiasLogitsProcessor(_Built):
    """Adds a bias to the token that would complete a sequence."""

    def __init__(self, sequence_bias: Any) -> None:
        self.sequence_bias = sequence_bias
        self._processor = constraints.SequenceBias(bias_pairs(sequence_bias))


class NoBadWordsLogitsProcessor(_Built):
    """These sequences are never completed; an end token among them stays allowed."""

    def __init__(self, bad_words_ids: Sequence[Sequence[int]], eos_token_id: Tokens | None = None) -> None:
        if not bad_words_ids or not all(words for words in bad_words_ids):
            raise InputError(f"bad_words_ids is {bad_words_ids!r}, expected a list of lists of token ids.")
        self.bad_word_ids = bad_words_ids
        ends = [(end,) for end in _ids(eos_token_id)]
        words = tuple(tuple(words) for words in bad_words_ids)
        self._processor = rules.BadWords(tuple(word for word in words if word not in ends))


class PrefixConstrainedLogitsProcessor(_Built):
    """Only the tokens that `prefix_allowed_tokens_fn(batch_id, ids)` allows (De Cao et al. 2020,
    arXiv:2010.00904)."""

    def __init__(
        self, prefix_allowed_tokens_fn: Callable[[int, Tensor], Sequence[int]], num_beams: int
    ) -> None:
        _check_count("num_beams", num_beams)
        self._processor = constraints.AllowedTokens(prefix_allowed_tokens_fn, num_beams)


class ForcedBOSTokenLogitsProcessor(_Built):
    """The first token after a decoder's start token."""

    def __init__(self, bos_token_id: int) -> None:
        self.bos_token_id = bos_token_id
        self._processor = rules.ForcedTokens((bos_token_id,), 2)


class ForcedEOSTokenLogitsProcessor(_Built):
    """The last token that `max_length` leaves room for."""

    def __init__(self, max_length: int, eos_token_id: Tokens, device: str = "cpu") -> None:
        _check_count("max_length", max_length)
        self.max_length, self.eos_token_id = max_length, _ids(eos_token_id)
        self._processor = rules.ForcedTokens(self.eos_token_id, max_length)


class InfNanRemoveLogitsProcessor(_Built):
    """NaN becomes 0, and infinities the largest and smallest numbers of the dtype."""

    def __init__(self) -> None:
        self._processor = constraints.FiniteScores()


class ExponentialDecayLengthPenalty(_Built):
    """End tokens become more likely after (start, factor): `start` new tokens, growing by `factor` each."""

    def __init__(
        self,
        exponential_decay_length_penalty: tuple[int, float],
        eos_token_id: Tokens,
        input_ids_seq_length: int,
    ) -> None:
        start, factor = exponential_decay_length_penalty
        self.regulation_start, self.regulation_factor = start + input_ids_seq_length, factor
        self.eos_token_id = _ids(eos_token_id)
        self._processor = constraints.LengthDecay(self.eos_token_id, self.regulation_start, factor)


class SuppressTokensLogitsProcessor(_Built):
    """These tokens are never written."""

    def __init__(self, suppress_tokens: Tokens, device: str = "cpu") -> None:
        self.suppress_tokens = _ids(suppress_tokens)
        self._processor = rules.BadWords(tuple((token,) for token in self.suppress_tokens))


class SuppressTokensAtBeginLogitsProcessor(_Built):
    """These tokens are not the one at `begin_index`."""

    def __init__(self, begin_suppress_tokens: Tokens, begin_index: int, device: str = "cpu") -> None:
        self.begin_suppress_tokens, self.begin_index = _ids(begin_suppress_tokens), begin_index
        self._processor = constraints.SuppressedAtBegin(self.begin_suppress_tokens, begin_index)


class LogitNormalization(_Built):
    """Scores as logarithms of probabilities."""

    def __init__(self) -> None:
        self._processor = rules.Normalise()


class ClassifierFreeGuidanceLogitsProcessor(LogitsProcessor):
    """Guidance over a batch whose second half is unconditional (Ho and Salimans 2022, arXiv:2207.12598)."""

    def __init__(self, guidance_scale: float) -> None:
        _check("guidance_scale", guidance_scale, "a number above 1", fits=lambda v: v > 1)
        self.guidance_scale = guidance_scale

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """scores (2 * sequences, vocabulary), of twice as many sequences as input_ids -> (sequences, V)"""
        if len(scores) != 2 * len(input_ids):
            raise InputError(
                f"There are scores of {len(scores)} sequences, expected {2 * len(input_ids)}: those of the "
                "prompts, then those without a condition."
            )
        conditional, unconditional = scores.chunk(2)
        return unconditional + (conditional - unconditional) * self.guidance_scale


class UnbatchedClassifierFreeGuidanceLogitsProcessor(_Built):
    """Guidance away from another prompt, which is read beside (Sanchez et al. 2023, arXiv:2306.17806)."""

    def __init__(
        self,
        guidance_scale: float,
        model: Any,
        unconditional_ids: Tensor | None = None,
        unconditional_attention_mask: Tensor | None = None,
        use_cache: bool | None = True,
    ) -> None:
        self.guidance_scale, self.model = guidance_scale, model
        negative = None
        if unconditional_ids is not None:
            negative = Prompt(unconditional_ids, unconditional_attention_mask)
        self._processor = constraints.Guidance(
            guidance_scale, model, negative=negative, cached=bool(use_cache)
        )
