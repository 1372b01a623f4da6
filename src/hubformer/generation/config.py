"""GenerationConfig: how to generate, as generation_config.json and the arguments of generate say it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from hubformer.errors import InputError, refuse_unknown
from hubformer.models.config import PreTrainedConfig, read_json
from hubformer.storage import write_file


@dataclass(frozen=True)
class _Setting:
    default: Any
    expected: str
    fits: Callable[[Any], bool]


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _whole(default: int | None, *, least: int) -> _Setting:
    return _Setting(
        default, f"a whole number of {least} or more", lambda v: v is None or (_is_int(v) and v >= least)
    )


def _number(default: float | None, expected: str, *, fits: Callable[[float], bool]) -> _Setting:
    return _Setting(default, expected, lambda v: v is None or (_is_number(v) and fits(v)))


def _flag(default: bool | None) -> _Setting:
    return _Setting(default, "True or False", lambda v: v is None or isinstance(v, bool))


def _tokens(default: None = None) -> _Setting:
    def fits(value: Any) -> bool:
        ids = value if isinstance(value, (list, tuple)) else [value]
        return value is None or (bool(ids) and all(_is_int(i) for i in ids))

    return _Setting(default, "a token id or a list of them", fits)


def _is_sequences(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(
        isinstance(ids, (list, tuple)) and ids and all(_is_int(i) and i >= 0 for i in ids) for ids in value
    )


SETTINGS: dict[str, _Setting] = {
    "max_length": _whole(20, least=1),  # the prompt included; the default means 20 new tokens, as in v4
    "max_new_tokens": _whole(None, least=1),
    "min_length": _whole(0, least=0),
    "min_new_tokens": _whole(None, least=0),
    "early_stopping": _Setting(False, "True, False or 'never'", lambda v: v in (None, True, False, "never")),
    "max_time": _number(None, "seconds above 0", fits=lambda v: v > 0),
    "stop_strings": _Setting(
        None,
        "a string or a list of strings",
        lambda v: (
            v is None
            or (isinstance(v, str) and v != "")
            or (isinstance(v, (list, tuple)) and len(v) > 0 and all(isinstance(s, str) and s for s in v))
        ),
    ),
    "do_sample": _flag(False),
    "num_beams": _whole(1, least=1),
    "use_cache": _flag(True),
    "temperature": _number(
        1.0, "a number above 0; do_sample=False takes the best token", fits=lambda v: v > 0
    ),
    "top_k": _whole(50, least=0),
    "top_p": _number(1.0, "a number above 0, at most 1", fits=lambda v: 0 < v <= 1),
    "min_p": _number(None, "a number from 0 to 1", fits=lambda v: 0 <= v <= 1),
    "repetition_penalty": _number(1.0, "a number above 0; 1 changes nothing", fits=lambda v: v > 0),
    "length_penalty": _number(1.0, "a number", fits=lambda v: True),
    "no_repeat_ngram_size": _whole(0, least=0),
    "bad_words_ids": _Setting(
        None, "a list of lists of token ids", lambda v: v is None or (bool(v) and _is_sequences(v))
    ),
    "suppress_tokens": _tokens(),
    "typical_p": _number(1.0, "a number above 0, at most 1", fits=lambda v: 0 < v <= 1),
    "epsilon_cutoff": _number(0.0, "a number from 0 up, below 1", fits=lambda v: 0 <= v < 1),
    "eta_cutoff": _number(0.0, "a number from 0 up, below 1", fits=lambda v: 0 <= v < 1),
    "sequence_bias": _Setting(
        None,
        "{(token ids): bias} or [[[token ids], bias], ...]",
        lambda v: v is None or (isinstance(v, (Mapping, list, tuple)) and len(v) > 0),
    ),
    "begin_suppress_tokens": _tokens(),
    "exponential_decay_length_penalty": _Setting(
        None,
        "(new tokens before it begins, factor)",
        lambda v: (
            v is None or (isinstance(v, (list, tuple)) and len(v) == 2 and _is_int(v[0]) and _is_number(v[1]))
        ),
    ),
    "guidance_scale": _number(None, "a number; 1 changes nothing", fits=lambda v: True),
    "remove_invalid_values": _flag(False),
    "renormalize_logits": _flag(False),
    "num_return_sequences": _whole(1, least=1),
    "output_scores": _flag(False),
    "output_logits": _flag(None),
    "output_attentions": _flag(False),
    "output_hidden_states": _flag(False),
    "return_dict_in_generate": _flag(False),
    "pad_token_id": _Setting(None, "a token id", lambda v: v is None or _is_int(v)),
    "bos_token_id": _tokens(),
    "eos_token_id": _tokens(),
    # Of encoder-decoders alone:
    "decoder_start_token_id": _tokens(),
    "encoder_no_repeat_ngram_size": _whole(0, least=0),
    "encoder_repetition_penalty": _number(1.0, "a number above 0; 1 changes nothing", fits=lambda v: v > 0),
    # The first and the last token of what is written:
    "forced_bos_token_id": _Setting(None, "a token id", lambda v: v is None or _is_int(v)),
    "forced_eos_token_id": _tokens(),
}

# v4 knows these too; hubformer does not do them yet. Each with the values that ask for nothing.
UNSUPPORTED: dict[str, tuple[Any, ...]] = {
    "assistant_early_exit": (None,),
    "constraints": (None,),
    "diversity_penalty": (None, 0.0),
    "dola_layers": (None,),
    "force_words_ids": (None,),
    "num_beam_groups": (None, 1),
    "penalty_alpha": (None,),
    "prefill_chunk_size": (None,),
    "prompt_lookup_num_tokens": (None,),
    "token_healing": (None, False),
    "top_h": (None,),
    "watermarking_config": (None,),
}

# Accepted and kept: they change how fast v4 is, or say something only beside a setting of UNSUPPORTED.
_WITHOUT_EFFECT = """
    assistant_confidence_threshold assistant_lookbehind cache_config cache_implementation compile_config
    disable_compile is_assistant low_memory max_matching_ngram_size num_assistant_tokens
    num_assistant_tokens_schedule return_legacy_cache target_lookbehind
    transformers_version trust_remote_code
"""
WITHOUT_EFFECT = frozenset(_WITHOUT_EFFECT.split())
FILE_NAME = "generation_config.json"
_OF_SAMPLING = ("temperature", "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")


class GenerationConfig:
    """Settings of generation; what was not said has v4's default and yields to the model's own.

    Raises:
        UnknownArgument: a name that v4 does not know either. InputError: a value that cannot be meant.
    """

    def __init__(self, **named: Any) -> None:
        self._said: dict[str, Any] = {}
        self._unknown: dict[str, Any] = {}  # of files: kept for saving, never obeyed
        known = {*SETTINGS, *UNSUPPORTED, *WITHOUT_EFFECT}
        refuse_unknown((n for n in named if not n.startswith("_")), known, call="GenerationConfig")
        self.update(**{n: v for n, v in named.items() if not n.startswith("_")})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._said:
            return self._said[name]
        if name in SETTINGS:
            return SETTINGS[name].default
        if name in UNSUPPORTED:
            return UNSUPPORTED[name][-1]
        if name in WITHOUT_EFFECT:
            return None
        raise AttributeError(f"GenerationConfig has no setting {name!r}.")

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
            return
        refuse_unknown((name,), (*SETTINGS, *UNSUPPORTED, *WITHOUT_EFFECT), call="GenerationConfig")
        if name in SETTINGS:
            _check(name, value, setting=SETTINGS[name])
        if isinstance(value, Mapping):
            value = [[list(ids), bias] for ids, bias in value.items()]  # which JSON can hold
        self._said[name] = value

    def update(self, **named: Any) -> dict[str, Any]:
        """Change settings; returns those names that are none, as v4 does."""
        known = {*SETTINGS, *UNSUPPORTED, *WITHOUT_EFFECT}
        for name, value in named.items():
            if name in known:
                setattr(self, name, value)
        return {name: value for name, value in named.items() if name not in known}

    def over(self, weaker: GenerationConfig) -> GenerationConfig:
        """These settings, and where nothing was said the weaker ones."""
        return _saying({**weaker._said, **self._said})

    def says(self, name: str) -> bool:
        return self._said.get(name) is not None

    def without(self, name: str) -> GenerationConfig:
        """The same, with that setting unsaid."""
        return _saying({n: v for n, v in self._said.items() if n != name})

    def check(self) -> None:
        """Raise InputError for a value that cannot be meant, or that hubformer does not obey yet.

        What is said in code is checked when it is said; files are read as they are, and what they say of
        sampling does not matter where nothing is sampled.
        """
        idle = () if self.do_sample else _OF_SAMPLING
        for name, setting in SETTINGS.items():
            if name in self._said and name not in idle:
                _check(name, self._said[name], setting=setting)
        for name, neutral in UNSUPPORTED.items():
            value = self._said.get(name)
            if not any(value is n or value == n for n in neutral):
                raise InputError(
                    f"{name}={value!r} is not supported yet. Leave it out of the call, and set it to "
                    f"{neutral[-1]!r} in the model's generation_config if it stands there."
                )

    # Files

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], **changes: Any) -> GenerationConfig:
        """From a file's values: names that nobody knows are kept and written back."""
        known = {*SETTINGS, *UNSUPPORTED, *WITHOUT_EFFECT}
        config = cls(**changes).over(_saying({n: v for n, v in values.items() if n in known}))
        config._unknown = {n: v for n, v in values.items() if n not in known and not n.startswith("_")}
        return config

    @classmethod
    def from_model_config(cls, model_config: Any) -> GenerationConfig:
        """The settings that older files keep in config.json; what the whole does not say, its decoder may."""
        values = vars(model_config)
        names = {*SETTINGS, *UNSUPPORTED} - {"use_cache", "output_attentions", "output_hidden_states"}
        said = _saying({name: values[name] for name in names if values.get(name) is not None})
        inner = values.get("decoder")
        return said.over(cls.from_model_config(inner)) if isinstance(inner, PreTrainedConfig) else said

    @classmethod
    def from_pretrained(cls, pretrained_model_name: str | PathLike[str], **changes: Any) -> GenerationConfig:
        """From the generation_config.json in a folder, or from the file itself.

        Raises:
            ConfigError: there is none, or it is not JSON.
        """
        path = Path(pretrained_model_name)
        return cls.from_dict(read_json(path if path.suffix == ".json" else path / FILE_NAME), **changes)

    def to_dict(self) -> dict[str, Any]:
        return {name: setting.default for name, setting in SETTINGS.items()} | self.to_diff_dict()

    def to_diff_dict(self) -> dict[str, Any]:
        """What was said."""
        return deepcopy({**self._unknown, **self._said})

    def to_json_string(self, use_diff: bool = True) -> str:
        values = self.to_diff_dict() if use_diff else self.to_dict()
        return json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def save_pretrained(self, save_directory: str | PathLike[str]) -> None:
        """Write generation_config.json into a folder, which is made if it is not there."""
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        write_file(folder / FILE_NAME, self.to_json_string())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GenerationConfig) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"GenerationConfig {self.to_json_string()}"


def _check(name: str, value: Any, *, setting: _Setting) -> None:
    if not setting.fits(value):
        raise InputError(f"{name} is {value!r}, expected {setting.expected}.")


def _saying(values: dict[str, Any]) -> GenerationConfig:
    """A configuration with these settings, whatever they are."""
    config = GenerationConfig()
    config._said = values
    return config
