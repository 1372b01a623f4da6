"""A call of generate: its arguments by transformers 4's names, understood."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hubformer.errors import InputError, refuse_unknown
from hubformer.generation.config import SETTINGS, UNSUPPORTED, WITHOUT_EFFECT, GenerationConfig
from hubformer.generation.logits import LogitsProcessor
from hubformer.generation.prompt import ANSWER, PROMPT
from hubformer.generation.stopping import StoppingCriterion
from hubformer.models.stepping import Prompt

# Arguments of v4's generate that are not settings. Those in the second list have to be None or False.
_ARGUMENTS = (
    "generation_config",
    "logits_processor",
    "stopping_criteria",
    "streamer",
    "tokenizer",
    "generator",
    "negative_prompt_attention_mask",
    "negative_prompt_ids",
    "prefix_allowed_tokens_fn",
)
_ABSENT = (
    "assistant_model",
    "assistant_tokenizer",
    "custom_generate",
    "position_ids",
    "synced_gpus",
    "use_model_defaults",
)


@dataclass(frozen=True, eq=False)
class Call:
    """A call of generate, its settings understood."""

    config: GenerationConfig
    logits: tuple[LogitsProcessor, ...]
    stop: tuple[StoppingCriterion, ...]
    streamer: Any
    tokenizer: Any
    generator: torch.Generator | None
    allowed: Callable[[int, Tensor], Sequence[int]] | None  # the tokens that a prefix allows
    negative: Prompt | None  # the prompt that guidance_scale leads away from

    @staticmethod
    def of(model: Any, named: dict[str, Any]) -> Call:
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
        return Call(
            config,
            _callables(named, "logits_processor"),
            _callables(named, "stopping_criteria"),
            named.get("streamer"),
            named.get("tokenizer"),
            named.get("generator"),
            named.get("prefix_allowed_tokens_fn"),
            _negative(named),
        )

    @property
    def ends(self) -> tuple[int, ...]:
        """The end tokens. Below 0 stands for none."""
        return tuple(token for token in token_ids(self.config.eos_token_id) if token >= 0)

    @property
    def padding(self) -> int | None:
        own: int | None = self.config.pad_token_id
        if own is not None and own >= 0:
            return own
        return self.ends[0] if self.ends else None


def token_ids(value: Any) -> tuple[int, ...]:
    return () if value is None else tuple(value) if isinstance(value, (list, tuple)) else (value,)


def _negative(named: dict[str, Any]) -> Prompt | None:
    ids, mask = named.get("negative_prompt_ids"), named.get("negative_prompt_attention_mask")
    if ids is None and mask is not None:
        raise InputError("negative_prompt_attention_mask needs negative_prompt_ids. Pass both or neither.")
    return None if ids is None else Prompt(ids, mask)


def _callables(named: dict[str, Any], name: str) -> tuple[Callable[..., Any], ...]:
    given = named.get(name)
    found = () if given is None else tuple(given) if isinstance(given, Sequence) else (given,)
    if not all(callable(one) for one in found):
        raise InputError(f"{name} is {given!r}, expected a list of callables (ids, scores).")
    return found
