"""v4's tables of what the Auto classes know: configuration class -> model class, by task."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import Any

import hubformer
from hubformer.errors import UnknownName
from hubformer.families import FAMILIES, family
from hubformer.models.config import PreTrainedConfig
from hubformer.names import TOKENIZER_NAMES
from hubformer.pretrained import auto as auto_models
from hubformer.pretrained.config import config_class
from hubformer.pretrained.registry import model_class

# mapping -> the Auto class whose models it lists
_AUTO = {
    "MODEL_MAPPING": "AutoModel",
    "MODEL_FOR_PRETRAINING_MAPPING": "AutoModelForPreTraining",
    "MODEL_FOR_CAUSAL_LM_MAPPING": "AutoModelForCausalLM",
    "MODEL_FOR_MASKED_LM_MAPPING": "AutoModelForMaskedLM",
    "MODEL_WITH_LM_HEAD_MAPPING": "AutoModelForPreTraining",
    "MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING": "AutoModelForSeq2SeqLM",
    "MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING": "AutoModelForSequenceClassification",
    "MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING": "AutoModelForTokenClassification",
    "MODEL_FOR_QUESTION_ANSWERING_MAPPING": "AutoModelForQuestionAnswering",
    "MODEL_FOR_MULTIPLE_CHOICE_MAPPING": "AutoModelForMultipleChoice",
    "MODEL_FOR_NEXT_SENTENCE_PREDICTION_MAPPING": "AutoModelForNextSentencePrediction",
    "MODEL_FOR_TEXT_ENCODING_MAPPING": "AutoModelForTextEncoding",
}


class _Listed(Mapping[Any, Any]):
    """A mapping whose values are made when they are asked for."""

    def keys(self) -> KeysView[Any]:
        return KeysView(self)

    def values(self) -> ValuesView[Any]:
        return ValuesView(self)

    def items(self) -> ItemsView[Any, Any]:
        return ItemsView(self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _Configs(_Listed):
    """model_type -> configuration class, those that users registered among them."""

    def __getitem__(self, model_type: str) -> Any:
        found = config_class(model_type)
        if found is None:
            raise KeyError(model_type)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(FAMILIES)

    def register(self, key: str, value: Any, exist_ok: bool = False) -> None:
        hubformer.AutoConfig.register(key, value, exist_ok=exist_ok)


class _Models(_Listed):
    """Configuration class -> the class of the model for one task."""

    def __init__(self, task: str) -> None:
        self._auto = getattr(auto_models, task)

    def __getitem__(self, config: type) -> Any:
        if not isinstance(config, type) or not issubclass(config, PreTrainedConfig):
            raise KeyError(config)
        try:
            return model_class(config(), task=self._auto.task)
        except UnknownName:
            raise KeyError(config) from None

    def __contains__(self, config: object) -> bool:
        return self.get(config) is not None

    def __iter__(self) -> Iterator[type]:
        for model_type in FAMILIES:
            kind = config_class(model_type)
            if kind is not None and family(model_type).head(self._auto.task) is not None:
                yield kind

    def register(self, key: type, value: type, exist_ok: bool = False) -> None:
        self._auto.register(key, value, exist_ok=exist_ok)


class _Tokenizers(_Listed):
    """Configuration class -> (slow tokenizer class, fast one)."""

    def __getitem__(self, config: type) -> tuple[Any, Any]:
        stem = getattr(config, "__name__", "").removesuffix("Config")
        found = tuple(
            getattr(hubformer, name) if (name := f"{stem}Tokenizer{ending}") in TOKENIZER_NAMES else None
            for ending in ("", "Fast")
        )
        if found == (None, None):
            raise KeyError(config)
        return found[0], found[1]

    def __iter__(self) -> Iterator[type]:
        for model_type in FAMILIES:
            kind = config_class(model_type)
            if kind is not None and kind in self:
                yield kind

    def register(self, key: type, value: Any, exist_ok: bool = False) -> None:
        hubformer.AutoTokenizer.register(key, value[0], fast_tokenizer_class=value[1], exist_ok=exist_ok)


def getattribute_from_module(module: Any, attr: Any) -> Any:
    """A name, or each of a tuple of names, of a module; None stays None."""
    if attr is None:
        return None
    if isinstance(attr, tuple):
        return tuple(getattribute_from_module(module, one) for one in attr)
    return getattr(module, attr) if hasattr(module, attr) else getattr(hubformer, attr)


def get_values(model_mapping: Mapping[Any, Any]) -> list[Any]:
    """The classes of a mapping, those in tuples one by one."""
    found: list[Any] = []
    for value in model_mapping.values():
        found += value if isinstance(value, (list, tuple)) else [value]
    return found


def _class_names(task: str) -> dict[str, str]:
    heads = ((model_type, family(model_type).head(task)) for model_type in FAMILIES)
    return {model_type: head.name for model_type, head in heads if head is not None}


CONFIG_MAPPING, TOKENIZER_MAPPING = _Configs(), _Tokenizers()


def __getattr__(name: str) -> Any:
    if name == "CONFIG_MAPPING_NAMES":
        return {model_type: f"{family(model_type).name}Config" for model_type in FAMILIES}
    task = _AUTO.get(name.removesuffix("_NAMES"))
    if task is None:
        raise AttributeError(name)
    found: Any = _class_names(getattr(auto_models, task).task) if name.endswith("_NAMES") else _Models(task)
    globals()[name] = found
    return found
