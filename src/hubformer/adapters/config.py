"""LoraConfig: which modules are adapted and how, under PEFT's names and with its defaults."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hubformer.errors import InputError, refuse_unknown, suggestion

TASKS = ("CAUSAL_LM", "FEATURE_EXTRACTION", "QUESTION_ANS", "SEQ_2_SEQ_LM", "SEQ_CLS", "TOKEN_CLS")
BIASES = ("none", "all", "lora_only")
ALL_LINEAR = "all-linear"
# What PEFT knows beside this, with the value that asks for nothing.
UNSUPPORTED: Mapping[str, Any] = {
    "alora_invocation_tokens": None,
    "arrow_config": None,
    "corda_config": None,
    "ensure_weight_tying": False,
    "eva_config": None,
    "kasa_config": None,
    "layer_replication": None,
    "loftq_config": {},
    "lora_bias": False,
    "lora_ga_config": None,
    "megatron_config": None,
    "monteclora_config": None,
    "target_parameters": None,
    "trainable_token_indices": None,
    "use_bdlora": None,
    "use_dora": False,
    "use_qalora": False,
    "velora_config": None,
}
# In files of PEFT, and without a meaning unless one of those above is on.
_WITHOUT_EFFECT = ("auto_mapping", "megatron_core", "peft_version", "qalora_group_size", "runtime_config")
_NOTHING: tuple[Any, ...] = (None, False, {}, [], "")


@dataclass(init=False)
class LoraConfig:
    """A low-rank adapter (Hu et al. 2021, arXiv:2106.09685): `W x + scaling * B A dropout(x)`.

    target_modules: names of the Hub's modules, whole or their last parts ("query", "attn.c_proj"); a regular
    expression for the whole name; or "all-linear". None takes the family's own. modules_to_save are trained
    whole and kept with the adapter. task_type ("SEQ_CLS", "TOKEN_CLS", "QUESTION_ANS") adds the head to
    them, and so does a head that from_pretrained had to make. use_rslora scales by alpha / sqrt(r)
    (Kalajdzievski 2023, arXiv:2312.03732). rank_pattern and alpha_pattern give modules of their own: the end
    of a name, or a regular expression -> a number. fan_in_fan_out follows from the model, whatever is said.

    Raises:
        InputError: a value that cannot be honoured, or one of PEFT's arguments that is not supported.
        UnknownArgument: a name that is not known; the nearest one is suggested.
    """

    task_type: str | None = None
    r: int = 8
    target_modules: list[str] | str | None = None
    exclude_modules: list[str] | str | None = None
    lora_alpha: float = 8
    lora_dropout: float = 0.0
    fan_in_fan_out: bool = False
    bias: str = "none"
    use_rslora: bool = False
    modules_to_save: list[str] | None = None
    init_lora_weights: bool | str = True
    layers_to_transform: list[int] | int | None = None
    layers_pattern: list[str] | str | None = None
    rank_pattern: dict[str, int] = field(default_factory=dict)
    alpha_pattern: dict[str, float] = field(default_factory=dict)
    base_model_name_or_path: str | None = None
    revision: str | None = None
    inference_mode: bool = False
    peft_type: str = "LORA"

    def __init__(self, task_type: str | None = None, **named: Any) -> None:
        fields = {f.name: f for f in dataclasses.fields(self)}
        refuse_unknown(named, {*fields, *UNSUPPORTED, *_WITHOUT_EFFECT}, call="LoraConfig")
        for name, default in UNSUPPORTED.items():
            given = named.get(name, default)
            if given != default and given not in _NOTHING:
                raise InputError(
                    f"LoraConfig({name}={given!r}) is PEFT's, but hubformer does not support it: expected "
                    f"{default!r}; leave it out."
                )
        named["task_type"] = task_type
        for name, one in fields.items():
            default = one.default if one.default_factory is dataclasses.MISSING else one.default_factory()
            given = _plain(named.get(name, default))
            setattr(self, name, default if given is None else given)
        self._check()

    def _check(self) -> None:
        for name, fits, expected in _RULES:
            if not fits(getattr(self, name)):
                raise InputError(f"LoraConfig({name}={getattr(self, name)!r}): expected {expected}.")
        for name, known in (("task_type", TASKS), ("bias", BIASES)):
            value = getattr(self, name)
            if value is not None and value not in known:
                near = suggestion(str(value), known)
                raise InputError(
                    f"LoraConfig({name}={value!r}) is not known.{near} Known: {', '.join(known)}."
                )
        if isinstance(self.target_modules, str) and self.layers_to_transform is not None:
            raise InputError(
                "layers_to_transform goes with a list of target_modules: a regular expression says "
                "its layers itself."
            )
        if self.layers_pattern and self.layers_to_transform is None:
            raise InputError("layers_pattern says where layers_to_transform are counted: give both.")
        expressions = [*self.rank_pattern, *self.alpha_pattern, *_listed(self.layers_pattern)]
        expressions += [s for s in (self.target_modules, self.exclude_modules) if isinstance(s, str)]
        for expression in expressions:
            try:
                re.compile(expression)
            except re.error as error:
                raise InputError(f"{expression!r} is no regular expression: {error}.") from None

    # What a module is given

    def rank_at(self, name: str) -> int:
        return int(_by_pattern(self.rank_pattern, name, otherwise=self.r))

    def scaling_at(self, name: str) -> float:
        """What the product of a module is multiplied by."""
        rank = self.rank_at(name)
        alpha = float(_by_pattern(self.alpha_pattern, name, otherwise=self.lora_alpha))
        return alpha / (math.sqrt(rank) if self.use_rslora else rank)

    def targets(self, name: str) -> bool:
        """Whether a module of that name is adapted, by target_modules, exclude_modules and the layers."""
        if _ends(name, self.exclude_modules):
            return False
        wanted = self.target_modules
        if isinstance(wanted, str) or wanted is None or name in wanted:
            return wanted == ALL_LINEAR or _ends(name, wanted)
        return _ends(name, wanted) and self._in_layers(name)

    def _in_layers(self, name: str) -> bool:
        if self.layers_to_transform is None or self.layers_to_transform == []:
            return True
        patterns = [rf"(?:^|.*?\.){p}\." for p in _listed(self.layers_pattern)] or [r".*?\.[^.]*\."]
        found = next((m for p in patterns if (m := re.match(rf"{p}(\d+)\.", name))), None)
        layers = self.layers_to_transform
        return found is not None and int(found[1]) in (layers if isinstance(layers, list) else [layers])

    # As values

    def changed(self, **changes: Any) -> LoraConfig:
        """A copy with these values."""
        return LoraConfig(**{**self.to_dict(), **changes})

    def to_dict(self) -> dict[str, Any]:
        """Every argument, under PEFT's names, as JSON can hold it."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    def to_json_string(self) -> str:
        """adapter_config.json, as PEFT reads it."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n"

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> LoraConfig:
        """What adapter_config.json holds. Keys that are not known and ask for nothing are passed over.

        Raises:
            InputError: it is no LoRA, or asks for what is not supported.
        """
        kind = values.get("peft_type")
        if kind != "LORA":
            raise InputError(f"The adapter is of the kind {kind!r}, expected 'LORA', the only one here.")
        known = {*(f.name for f in dataclasses.fields(cls)), *UNSUPPORTED, *_WITHOUT_EFFECT}
        strange = {k: v for k, v in values.items() if k not in known and v not in _NOTHING}
        if strange:
            raise InputError(
                f"The adapter says {', '.join(f'{k}={v!r}' for k, v in strange.items())}, which hubformer "
                "does not know: it was written by a newer PEFT, and would compute something else here."
            )
        return cls(**{k: v for k, v in values.items() if k in known})


def _plain(value: Any) -> Any:
    """An enumeration as its text, and what is like a list as a list: sets in the order of their names."""
    if isinstance(getattr(value, "value", None), str):
        return value.value
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return list(value) if isinstance(value, tuple) else value


def _listed(value: list[str] | str | None) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


def _ends(name: str, wanted: Collection[str] | None) -> bool:
    """Whether a regular expression is the name, or one of several names or the end of it."""
    if isinstance(wanted, str):
        return re.fullmatch(wanted, name) is not None
    return any(f".{name}".endswith(f".{end}") for end in wanted or ())


def _by_pattern(patterns: Mapping[str, float], name: str, *, otherwise: float) -> float:
    return next((v for p, v in patterns.items() if re.fullmatch(rf"(?:.*\.)?(?:{p})", name)), otherwise)


# ---- what the values may be ---------------------------------------------------------------------------


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_positive(value: Any) -> bool:
    return (
        isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value > 0
    )


def _are_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) and name for name in value)


def _are_layers(value: Any) -> bool:
    layers: Iterable[Any] = value if isinstance(value, list) else [value]
    return all(isinstance(i, int) and not isinstance(i, bool) and i >= 0 for i in layers)


def _are_for_names(value: Any, fits: Callable[[Any], bool]) -> bool:
    return isinstance(value, Mapping) and all(isinstance(k, str) and fits(v) for k, v in value.items())


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


_NAMES = "a list of module names, or a regular expression"
_RULES: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("r", _is_whole, "a whole number of 1 or more"),
    ("lora_alpha", _is_positive, "a number above 0"),
    (
        "lora_dropout",
        lambda v: isinstance(v, (int, float)) and not isinstance(v, bool) and 0 <= v <= 1,
        "a share between 0 and 1",
    ),
    ("target_modules", lambda v: v is None or _is_text(v) or (_are_names(v) and v != []), _NAMES),
    ("exclude_modules", lambda v: v is None or isinstance(v, str) or _are_names(v), _NAMES),
    ("modules_to_save", lambda v: v is None or _are_names(v), "a list of module names"),
    ("init_lora_weights", lambda v: isinstance(v, bool) or v == "gaussian", "True, False or 'gaussian'"),
    (
        "layers_to_transform",
        lambda v: v is None or _are_layers(v),
        "numbers of layers",
    ),
    ("layers_pattern", lambda v: v is None or isinstance(v, str) or _are_names(v), "a name, or a list"),
    ("rank_pattern", lambda v: _are_for_names(v, _is_whole), "names with whole numbers of 1 or more"),
    ("alpha_pattern", lambda v: _are_for_names(v, _is_positive), "names with numbers above 0"),
    ("fan_in_fan_out", lambda v: isinstance(v, bool), "True or False"),
    ("use_rslora", lambda v: isinstance(v, bool), "True or False"),
    ("inference_mode", lambda v: isinstance(v, bool), "True or False"),
    ("base_model_name_or_path", lambda v: v is None or isinstance(v, str), "a name or a path"),
    ("revision", lambda v: v is None or isinstance(v, str), "a branch, a tag or a commit"),
    ("peft_type", lambda v: v == "LORA", "'LORA'"),
)
