"""Configurations: what a user writes and changes (PreTrainedConfig), and what a family reads (Config).

A family declares its fields with defaults, types and bounds. A value that cannot be honoured is refused when
the model is built; a key that nothing reads is kept and listed, never obeyed by half.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from hubformer.core import ACTIVATIONS
from hubformer.errors import ConfigError, suggestion
from hubformer.storage import write_file

# Wider than any published model, narrow enough that a typing error cannot fill the memory.
LARGEST_SIZE, MOST_LAYERS, MOST_LABELS = 10_000_000, 10_000, 1_000_000


@dataclass(frozen=True)
class Field:
    """One key of config.json: its default, and what a value must be."""

    default: Any
    expected: str
    fits: Callable[[Any], bool]
    built: bool = True  # False: a limit or a record, from which no model is built

    def check(self, name: str, value: Any) -> None:
        if not self.fits(value):
            raise ConfigError(
                f"{name} is {value!r} in the configuration, expected {self.expected}. Correct it in "
                "config.json or in the call."
            )


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def size(default: int, *, most: int = LARGEST_SIZE) -> Field:
    return Field(default, f"a whole number from 1 to {most}", lambda v: _is_int(v) and 1 <= v <= most)


def count(default: int, *, most: int = MOST_LAYERS) -> Field:
    return Field(default, f"a whole number from 0 to {most}", lambda v: _is_int(v) and 0 <= v <= most)


def rate(default: float) -> Field:
    return Field(default, "a rate from 0 to 1", lambda v: _is_number(v) and 0 <= v <= 1)


def positive(default: float) -> Field:
    return Field(default, "a finite number above 0", lambda v: _is_number(v) and v > 0)


def number(default: float) -> Field:
    return Field(default, "a finite number of 0 or more", lambda v: _is_number(v) and v >= 0)


def flag(default: bool) -> Field:
    return Field(default, "true or false", lambda v: isinstance(v, bool))


def choice(default: Any, *others: Any) -> Field:
    values = (default, *others)
    return Field(default, "one of " + ", ".join(map(repr, values)), lambda v: v in values)


def activation(default: str) -> Field:
    known = ", ".join(ACTIVATIONS)
    return Field(default, f"one of {known}", lambda v: isinstance(v, str) and v in ACTIVATIONS)


def token(default: int | list[int] | None) -> Field:
    def fits(value: Any) -> bool:
        ids = value if isinstance(value, list) else [value]
        return value is None or all(_is_int(v) and v >= -1 for v in ids)

    return Field(default, "a token id, a list of them, or null", fits)


def optional(field: Field, *, default: Any = None) -> Field:
    return Field(default, f"{field.expected}, or null", lambda v: v is None or field.fits(v))


def unbuilt(field: Field) -> Field:
    """A field that says how a model was made or is used, not what it is."""
    return replace(field, built=False)


def anything(default: Any = None) -> Field:
    return Field(default, "anything", lambda v: True)


COMMON: dict[str, Field] = {
    "return_dict": flag(True),
    "output_hidden_states": flag(False),
    "output_attentions": flag(False),
    "use_cache": flag(True),
    "torch_dtype": anything(),
    "chunk_size_feed_forward": count(0, most=LARGEST_SIZE),
    "is_encoder_decoder": flag(False),
    "is_decoder": flag(False),
    "cross_attention_hidden_size": optional(size(1)),
    "add_cross_attention": flag(False),
    "tie_encoder_decoder": flag(False),
    "tie_word_embeddings": flag(True),
    "architectures": anything(),
    "finetuning_task": anything(),
    "problem_type": optional(
        choice("regression", "single_label_classification", "multi_label_classification")
    ),
    "tokenizer_class": anything(),
    "prefix": anything(),
    "bos_token_id": token(None),
    "pad_token_id": token(None),
    "eos_token_id": token(None),
    "sep_token_id": token(None),
    "decoder_start_token_id": token(None),
    "task_specific_params": anything(),
}

# Keys of old and new files that change no number: dead switches, records of how the file was made, and
# settings of generation, which are read by that room.
_HARMLESS = """
    _attn_implementation _commit_hash _name_or_path _num_labels adapters attn_implementation auto_map
    bad_words_ids begin_suppress_tokens cell classif_dropout custom_pipelines d_head dataset directionality
    diversity_penalty do_sample dtype early_stopping encoder_no_repeat_ngram_size
    exponential_decay_length_penalty forced_bos_token_id forced_eos_token_id gradient_checkpointing language
    length_penalty max_length min_length model_name model_type n_ctx name no_repeat_ngram_size
    num_beam_groups num_beams num_return_sequences output_past output_scores pooler_fc_size
    pooler_num_attention_heads pooler_num_fc_layers pooler_size_per_head pooler_type predict_special_tokens
    pruned_heads quantization_config remove_invalid_values repetition_penalty return_dict_in_generate
    sbert_ce_default_activation_function sentence_transformers suppress_tokens temperature tf_legacy_loss
    tie_weights_ top_k top_p torchscript transformers_version transformers_weights typical_p use_bfloat16
    use_return_dict xla_device
"""
HARMLESS = frozenset(_HARMLESS.split())


# Keys that change the numbers in a way that cannot be honoured, unless they are empty.
_REFUSED = {
    "pruned_heads": "Pruned heads are not supported; save the model without pruning.",
    "quantization_config": "Quantised files are not supported; use the unquantised checkpoint.",
}


class Config(Mapping[str, Any]):
    """A checked, frozen configuration that remembers which keys were read."""

    def __init__(
        self, values: Mapping[str, Any], *, unbuilt: Iterable[str] = (), model_type: str = ""
    ) -> None:
        self.model_type = model_type
        self._values = dict(values)
        self._read: set[str] = set(unbuilt)

    def __getitem__(self, key: str) -> Any:
        self._read.add(key)
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    @property
    def labels(self) -> int:
        return len(self["id2label"])

    def unread(self) -> list[str]:
        """Keys that no part of the model asked for; those of a configuration inside behind its name."""
        own = self._values.keys() - self._read - HARMLESS - COMMON.keys() - {"id2label", "label2id"}
        inside = {
            f"{name}.{key}"
            for name, value in self._values.items()
            if isinstance(value, Config)
            for key in value.unread()
        }
        return sorted(own | inside)


class PreTrainedConfig:
    """What config.json holds, as attributes. Each family has a subclass with its own fields.

    Attributes may be changed until a model is built from them. Unknown names are kept; a name that looks like
    a misspelt field is refused.

    Raises:
        ConfigError: a misspelt name, a wrong type, an impossible value.
    """

    model_type: ClassVar[str] = ""
    filed_as: ClassVar[str] = ""  # model_type in files, where it is another
    fields: ClassVar[Mapping[str, Field]] = {}
    attribute_map: ClassVar[Mapping[str, str]] = {}  # another family's name for a field -> the field
    normalise: ClassVar[Callable[[dict[str, Any]], dict[str, Any]]] = staticmethod(lambda values: values)

    name_or_path: str
    id2label: dict[int, str]
    label2id: dict[str, int]

    def __init__(self, *values: Any, **named: Any) -> None:
        if len(values) > len(self.fields):
            raise ConfigError(
                f"{type(self).__name__} takes {len(self.fields)} fields by position, {len(values)} were "
                "given. Give them by name."
            )
        named.update(zip(self.fields, values))  # noqa: B905 - fewer values than fields is usual
        known = {**COMMON, **self.fields}
        given = {self.attribute_map.get(name, name): value for name, value in named.items()}
        self._refuse_misspelt(given, known)
        given = type(self).normalise(given)
        self.name_or_path = str(given.pop("name_or_path", given.pop("_name_or_path", "")))
        given["torch_dtype"] = given.pop("dtype", None) or given.get("torch_dtype")
        for name, field in known.items():
            setattr(self, name, deepcopy(given.pop(name, field.default)))
        self._set_labels(given)
        given.pop("model_type", None)
        for name, value in given.items():
            setattr(self, name, value)
        self.check()

    def _refuse_misspelt(self, given: Mapping[str, Any], known: Mapping[str, Field]) -> None:
        absent = [name for name in known if name not in given]
        for name in given:
            if name in known or name in HARMLESS or name.startswith("_"):
                continue
            near = [field for field in absent if _edits(name, field) <= 2]
            if near:
                raise ConfigError(
                    f"{type(self).__name__} has no field {name!r}.{suggestion(name, near)} Correct the name, "
                    "or remove it."
                )

    def _set_labels(self, given: dict[str, Any]) -> None:
        wanted = given.pop("num_labels", None)
        recorded = given.pop("_num_labels", None)  # of old files; says nothing that id2label does not
        names, ids = given.pop("id2label", None), given.pop("label2id", None)
        if names is None:
            number_of = wanted if wanted is not None else recorded if recorded is not None else 2
            if not (_is_int(number_of) and 1 <= number_of <= MOST_LABELS):
                raise ConfigError(
                    f"num_labels is {number_of!r}, expected a whole number from 1 to {MOST_LABELS}."
                )
            if isinstance(ids, Mapping) and len(ids) == number_of:
                names = {i: name for name, i in ids.items()}
            else:
                names, ids = {i: f"LABEL_{i}" for i in range(number_of)}, None
        self.id2label = _label_names(names)
        if wanted is not None and wanted != len(self.id2label):
            self.num_labels = wanted
            return
        self.label2id = dict(ids) if ids else {name: i for i, name in self.id2label.items()}

    @property
    def num_labels(self) -> int:
        return len(self.id2label)

    @num_labels.setter
    def num_labels(self, labels: int) -> None:
        if not (_is_int(labels) and 1 <= labels <= MOST_LABELS):
            raise ConfigError(f"num_labels is {labels!r}, expected a whole number from 1 to {MOST_LABELS}.")
        self.id2label = {i: f"LABEL_{i}" for i in range(labels)}
        self.label2id = {name: i for i, name in self.id2label.items()}

    @property
    def _name_or_path(self) -> str:
        return self.name_or_path

    @_name_or_path.setter
    def _name_or_path(self, value: str) -> None:
        self.name_or_path = value

    @property
    def dtype(self) -> Any:
        return self.torch_dtype

    @property
    def use_return_dict(self) -> bool:
        return bool(self.return_dict)

    def __getattr__(self, name: str) -> Any:
        mapped = type(self).attribute_map.get(name)
        if mapped is None or name.startswith("__"):
            raise AttributeError(
                f"{type(self).__name__} has no attribute {name!r}.{suggestion(name, vars(self))}"
            )
        return getattr(self, mapped)

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, type(self).attribute_map.get(name, name), value)

    def check(self) -> None:
        """Raise ConfigError unless every field has a value that its kind allows."""
        for name, field in {**COMMON, **self.fields}.items():
            field.check(name, getattr(self, name))
        for name, remedy in _REFUSED.items():
            if vars(self).get(name):
                raise ConfigError(f"The configuration has {name}: {vars(self)[name]!r}. {remedy}")

    def freeze(self) -> Config:
        """What a family builds from; later changes of this object do not reach it."""
        self.check()
        values = {
            name: value.freeze() if isinstance(value, PreTrainedConfig) else deepcopy(value)
            for name, value in vars(self).items()
            if name != "name_or_path"
        }
        unbuilt = (name for name, field in self.fields.items() if not field.built)
        return Config(values, unbuilt=unbuilt, model_type=type(self).model_type)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], **changes: Any) -> PreTrainedConfig:
        return cls(**{**values, **changes})

    @classmethod
    def from_json_file(cls, path: str | Path) -> PreTrainedConfig:
        return cls.from_dict(read_json(Path(path)))

    def update(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            setattr(self, name, value)

    def to_dict(self) -> dict[str, Any]:
        """Everything, as config.json holds it."""
        values = {
            name: value.to_dict() if isinstance(value, PreTrainedConfig) else deepcopy(value)
            for name, value in vars(self).items()
            if name != "name_or_path"
        }
        values["id2label"] = {str(i): name for i, name in self.id2label.items()}
        dtype = values.pop("torch_dtype")
        if dtype is not None:
            values["dtype"] = str(dtype).removeprefix("torch.")
        return {"model_type": type(self).filed_as or type(self).model_type, **values}

    def to_diff_dict(self) -> dict[str, Any]:
        """What differs from the family's defaults, and the family's own fields."""
        usual = type(self)().to_dict()
        return {
            name: value
            for name, value in self.to_dict().items()
            if name in self.fields or name == "model_type" or name not in usual or value != usual[name]
        }

    def to_json_string(self, use_diff: bool = True) -> str:
        values = self.to_diff_dict() if use_diff else self.to_dict()
        return json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def to_json_file(self, path: str | Path, use_diff: bool = True) -> None:
        write_file(Path(path), self.to_json_string(use_diff))

    def save_pretrained(self, save_directory: str | Path) -> None:
        """Write config.json into a folder, which is made if it is not there."""
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        self.to_json_file(folder / "config.json")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(type(self))  # fields change, and equal configurations have equal hashes

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.to_json_string()}"


def _label_names(names: Any) -> dict[int, str]:
    try:
        labels = {int(i): str(name) for i, name in dict(names).items()}
    except (TypeError, ValueError):
        raise ConfigError(
            f"id2label is {names!r}, expected an object from label ids to label names."
        ) from None
    if sorted(labels) != list(range(len(labels))) or not 1 <= len(labels) <= MOST_LABELS:
        raise ConfigError(
            f"id2label has the ids {sorted(labels)[:6]}, expected 0 to {len(labels) - 1} without a gap."
        )
    return labels


def _edits(left: str, right: str) -> int:
    """The Levenshtein distance, or 3 where the lengths already say more than 2."""
    if abs(len(left) - len(right)) > 2:
        return 3
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(right, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        ConfigError: the file is not there, not JSON, too deep, or not an object.
    """
    if not path.is_file():
        raise ConfigError(f"{path} is not a file, expected a JSON file.")
    if path.stat().st_size > 50_000_000:
        raise ConfigError(f"{path} has {path.stat().st_size} bytes, expected a configuration of under 50 MB.")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid JSON: {error}. Download it again.") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds a JSON {type(values).__name__}, expected an object.")
    return values
