"""Rotary positions as config.json says them, in the spelling of transformers 4 (`rope_theta`, `rope_scaling`)
or of transformers 5 (`rope_parameters`). Configurations keep the first, which both versions read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from hubformer.core import Rotary
from hubformer.core.rotary import (
    BaseScaling,
    DynamicScaling,
    LinearScaling,
    LongRopeScaling,
    RotaryScaling,
    Unscaled,
    WavelengthScaling,
    YarnScaling,
)
from hubformer.errors import ConfigError, suggestion
from hubformer.models.config import Config, Field

Values = Mapping[str, Any]
_BESIDE = ("rope_theta", "partial_rotary_factor")  # what transformers 4 keeps beside rope_scaling


def scaling() -> Field:
    """The field rope_scaling; what is in it is read when a model is built."""
    return Field(None, "an object with rope_type, or null", lambda v: v is None or isinstance(v, dict))


def in_one_spelling(values: dict[str, Any]) -> dict[str, Any]:
    """The values of a configuration with `rope_parameters` as `rope_theta`, `rope_scaling` and
    `partial_rotary_factor`.

    Raises:
        ConfigError: `rope_parameters` is no object.
    """
    rest = {name: value for name, value in values.items() if name != "rope_parameters"}
    given = values.get("rope_parameters")
    if given is None:
        given = rest.get("rope_scaling")
    elif not isinstance(given, dict):
        raise ConfigError(f"rope_parameters is {given!r}, expected an object with rope_theta, or null.")
    if not isinstance(given, dict):
        return rest
    named = {name: given[name] for name in _BESIDE if given.get(name) is not None}
    others = {name: value for name, value in given.items() if name not in _BESIDE}
    plain = others.get("rope_type", others.get("type", "default")) == "default"
    return {**rest, **named, "rope_scaling": None if plain else others}


def rotary(config: Config, *, head_width: int, theta: str = "rope_theta", part: float = 1.0) -> Rotary:
    """The positions of a configuration; part: of a head's dimensions that are rotated.

    Raises:
        ConfigError: a scaling that is not known, or not as its kind asks; a width that cannot be paired.
    """
    rotary_dim = int(head_width * part)
    if rotary_dim < 2 or rotary_dim % 2:
        raise ConfigError(
            f"{rotary_dim} of the {head_width} dimensions of a head are rotated, expected an even number "
            "from 2 on. Correct head_dim or partial_rotary_factor."
        )
    return Rotary(
        float(config[theta]),
        rotary_dim=rotary_dim,
        scaling=_scaling(config["rope_scaling"], config, rotary_dim=rotary_dim),
    )


def _scaling(given: Values | None, config: Config, *, rotary_dim: int) -> RotaryScaling:
    if given is None:
        return Unscaled()
    kind = given.get("rope_type", given.get("type", "default"))
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ConfigError(
            f"rope_scaling is of the kind {kind!r}, which is not known.{suggestion(str(kind), _KINDS)} "
            f"Known: {', '.join(_KINDS)}."
        )
    build, taken = _KINDS[kind]
    known = ("rope_type", "type", *taken.split())
    for name in given:
        if name not in known:
            raise ConfigError(
                f"rope_scaling of the kind {kind!r} has {name!r}, which it does not read."
                f"{suggestion(name, known)} Remove it, or correct rope_type."
            )
    return build(_Said(given, config, kind=kind), rotary_dim)


class _Said:
    """The entries of rope_scaling, each checked where it is read."""

    def __init__(self, given: Values, config: Config, *, kind: str) -> None:
        self._given, self._config, self._kind = given, config, kind

    def number(self, name: str, default: float | None = None) -> float:
        value = self._given.get(name)
        value = default if value is None else value
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value < math.inf:
            raise ConfigError(
                f"{name} of rope_scaling is {value!r}, expected a number above 0 for {self._kind!r}."
            )
        return float(value)

    def factors(self, name: str, *, rotary_dim: int) -> tuple[float, ...]:
        value = self._given.get(name)
        if not isinstance(value, (list, tuple)) or len(value) != rotary_dim // 2:
            raise ConfigError(
                f"{name} of rope_scaling is {value!r}, expected a list of {rotary_dim // 2} numbers, one for "
                "each pair of rotated dimensions."
            )
        return tuple(map(float, value))

    @property
    def trained(self) -> int:
        """The length of a row in training: said at the top level (Phi-3), in rope_scaling, or as the most
        positions."""
        top = self._config.get("original_max_position_embeddings")
        said = self._given.get("original_max_position_embeddings") if top is None else top
        return int(self._config["max_position_embeddings"] if said is None else said)

    def growth(self) -> float:
        """The factor, or the ratio of the longest row to that of training where it is not said."""
        return self.number("factor", self._config["max_position_embeddings"] / self.trained)

    def says(self, name: str) -> bool:
        return bool(self._given.get(name))


def _linear(said: _Said, rotary_dim: int) -> RotaryScaling:
    return LinearScaling(said.number("factor"))


def _dynamic(said: _Said, rotary_dim: int) -> RotaryScaling:
    if rotary_dim == 2:
        raise ConfigError("rope_scaling 'dynamic' needs heads with more than one pair of rotated dimensions.")
    return DynamicScaling(said.number("factor"), int(said._config["max_position_embeddings"]))


def _ntk(said: _Said, rotary_dim: int) -> RotaryScaling:
    return BaseScaling(said.number("factor"))


def _by_wavelength(said: _Said, rotary_dim: int) -> RotaryScaling:
    slow, fast = said.number("low_freq_factor"), said.number("high_freq_factor")
    if slow >= fast:
        raise ConfigError(
            f"low_freq_factor is {slow} and high_freq_factor is {fast}, expected the first less."
        )
    return WavelengthScaling(said.number("factor"), slow, fast, said.trained)


def _yarn(said: _Said, rotary_dim: int) -> RotaryScaling:
    factor = said.growth()
    usual = _attention(factor)
    if said.says("mscale") and said.says("mscale_all_dim"):
        usual = _attention(factor, said.number("mscale")) / _attention(factor, said.number("mscale_all_dim"))
    return YarnScaling(
        factor,
        said.trained,
        said.number("attention_factor", usual),
        fast=said.number("beta_fast", 32.0),
        slow=said.number("beta_slow", 1.0),
        whole=said._given.get("truncate", True),
    )


def _attention(factor: float, weight: float = 1.0) -> float:
    return 1.0 if factor <= 1 else 0.1 * weight * math.log(factor) + 1.0


def _longrope(said: _Said, rotary_dim: int) -> RotaryScaling:
    factor = said.growth()
    usual = 1.0 if factor <= 1 else math.sqrt(1 + math.log(factor) / math.log(said.trained))
    return LongRopeScaling(
        said.factors("short_factor", rotary_dim=rotary_dim),
        said.factors("long_factor", rotary_dim=rotary_dim),
        said.trained,
        said.number("attention_factor", usual),
    )


_LENGTH = "original_max_position_embeddings "
_YARN = "factor attention_factor beta_fast beta_slow mscale mscale_all_dim truncate finetuned "
_LONGROPE = "factor attention_factor short_factor long_factor "
_KINDS: dict[str, tuple[Callable[[_Said, int], RotaryScaling], str]] = {
    "default": (lambda said, rotary_dim: Unscaled(), ""),
    "linear": (_linear, "factor"),
    "dynamic": (_dynamic, "factor"),
    "ntk": (_ntk, "factor"),
    "llama3": (_by_wavelength, _LENGTH + "factor low_freq_factor high_freq_factor"),
    "yarn": (_yarn, _LENGTH + _YARN),
    "longrope": (_longrope, _LENGTH + _LONGROPE),
    "su": (_longrope, _LENGTH + _LONGROPE),  # the name in the first files of Phi-3
}
