"""What a repository says of its vectors: modules.json, and a folder for each module.

Modules are known by name. None is imported, so that no code of a repository is run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from hubformer.core import Linear
from hubformer.embeddings.modules import MODES, Dense, Normalize, Pooling
from hubformer.embeddings.similarity import checked_measure
from hubformer.errors import CheckpointError, ConfigError, suggestion
from hubformer.models.config import read_json
from hubformer.pretrained.source import Source
from hubformer.weights.files import Checkpoint, candidates, open_checkpoint

# The older form of a pooling's config.json: one true or false for each mode, in the order they stand in.
_OLDER_MODES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
# Classes of torch.nn that a Dense may name -> our activations.
_ACTIVATIONS = {
    "GELU": "gelu",
    "Identity": "linear",
    "LeakyReLU": "leaky_relu",
    "Mish": "mish",
    "ReLU": "relu",
    "ReLU6": "relu6",
    "SiLU": "silu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
}
_LENGTHS = (  # one name for each kind of model that the library once knew
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_albert_config.json",
    "sentence_xlm-roberta_config.json",
    "sentence_xlnet_config.json",
)
_VECTOR = "sentence_embedding"  # what the library calls the vector that modules hand on


@dataclass(frozen=True, eq=False)
class Plan:
    """What turns a text into a vector in one repository."""

    transformer: Source  # where the model and its tokenizer are
    pooling: Pooling
    steps: tuple[nn.Module, ...] = ()
    longest: int | None = None  # tokens of a text
    lower: bool = False
    prompts: Mapping[str, str] = field(default_factory=dict)
    prompt_name: str | None = None  # of the prompt that is used where none is asked for
    measure: str = "cosine"


def read_plan(source: Source, *, pooling: str | None) -> Plan:
    """The plan of a repository. pooling: the mode to use where the repository names no modules.

    Raises:
        ConfigError: a file of it cannot be honoured. CheckpointError: weights are missing or do not fit.
    """
    modules = _modules(source)
    if modules is None:
        if pooling is None:
            raise ConfigError(
                f"{source.repo} has no modules.json, so how the vectors of its tokens become one is not "
                f"known. Pass pooling=, one of {', '.join(MODES)}, as the model's card says."
            )
        return Plan(source, Pooling((_mode(pooling, source),)), **_settings(source, source))
    if pooling is not None:
        raise ConfigError(f"{source.repo} says how it pools in its modules.json; leave out pooling=.")
    kinds = [kind for kind, _ in modules]
    if kinds[:2] != ["Transformer", "Pooling"]:
        raise ConfigError(
            f"modules.json of {source.name} begins with {', '.join(kinds[:2]) or 'nothing'}; expected "
            "Transformer, Pooling. Other models of sentence-transformers are not read here."
        )
    (_, transformer), (_, pooled), *rest = modules
    return Plan(
        transformer,
        _pooling(pooled),
        tuple(_STEPS[kind](place) for kind, place in rest),
        **_settings(source, transformer),
    )


def _modules(source: Source) -> list[tuple[str, Source]] | None:
    """The kind of each module and its folder, in order; None where there is no modules.json."""
    path = source.optional("modules.json")
    if path is None:
        return None
    try:
        listed = json.loads(path.read_text("utf-8"))
        entries = [(str(entry["type"]), str(entry["path"])) for entry in listed]
    except (ValueError, RecursionError, TypeError, KeyError) as error:
        raise ConfigError(
            f"{path} cannot be read ({error!r}); expected a list of modules, each with 'type' and 'path'."
        ) from None
    return [(_kind(name, source), source.within(folder)) for name, folder in entries]


def _kind(name: str, source: Source) -> str:
    """The class of a module, whichever release's path stands before it."""
    known = ("Transformer", "Pooling", *_STEPS)
    kind = name.rpartition(".")[2]
    if not name.startswith("sentence_transformers.") or kind not in known:
        raise ConfigError(
            f"modules.json of {source.name} asks for {name!r}.{suggestion(kind, known)} Modules of "
            f"sentence-transformers that are known: {', '.join(known)}. Code of a repository is never run."
        )
    return kind


def _pooling(place: Source) -> Pooling:
    config = read_json(place.file("config.json"))
    given = config.get("pooling_mode")
    if given is None:
        older = [mode for key, mode in _OLDER_MODES.items() if config.get(key)]
        given = older or ["mean"]
    modes = [given] if isinstance(given, str) else given
    if not isinstance(modes, list) or not modes:
        raise ConfigError(f"pooling_mode of {place.repo} is {given!r}, expected a mode or a list of them.")
    return Pooling(
        tuple(_mode(mode, place) for mode in modes), include_prompt=bool(config.get("include_prompt", True))
    )


def _mode(mode: Any, place: Source) -> str:
    if not isinstance(mode, str) or mode not in MODES:
        raise ConfigError(
            f"The pooling of {place.name} is {mode!r}.{suggestion(str(mode), MODES)} It is one of "
            f"{', '.join(MODES)}."
        )
    return mode


def _dense(place: Source) -> nn.Module:
    config = read_json(place.file("config.json"))
    _refuse_other_names(config, place)
    name = str(config.get("activation_function", "torch.nn.modules.activation.Tanh"))
    kind = name.rpartition(".")[2]
    if not name.startswith("torch.nn.") or kind not in _ACTIVATIONS:
        raise ConfigError(
            f"activation_function of {place.repo} is {name!r}.{suggestion(kind, _ACTIVATIONS)} It is one of "
            f"torch.nn's {', '.join(_ACTIVATIONS)}."
        )
    _, path = place.repo.first(candidates(), what="weights of a Dense module")
    with open_checkpoint(path, shard=place.file, mapped=False) as stored:
        linear = _linear("linear", stored, config=config, bias=bool(config.get("bias", True)))
        residual: nn.Module | None = None
        if config.get("use_residual"):
            square = linear.in_features == linear.out_features
            residual = nn.Identity() if square else _linear("residual", stored, config=config, bias=False)
    return Dense(linear, activation=_ACTIVATIONS[kind], residual=residual)


def _linear(name: str, stored: Checkpoint, *, config: Mapping[str, Any], bias: bool) -> Linear:
    """The Linear of that name, in float32.

    Raises:
        CheckpointError: it is not in the file, or has other sizes than the configuration says.
    """
    weight = stored.read(f"{name}.weight").float()
    expected = (config.get("out_features"), config.get("in_features"))
    if tuple(weight.shape) != expected:
        raise CheckpointError(
            f"{name}.weight in {stored.files[0]} has the shape {tuple(weight.shape)}, but config.json beside "
            f"it says {expected}. One of the two files is not this model's; download both again."
        )
    linear = Linear(weight.shape[1], weight.shape[0], bias=bias)
    linear.weight = nn.Parameter(weight)
    if bias:
        linear.bias = nn.Parameter(stored.read(f"{name}.bias").float())
    return linear


def _normalize(place: Source) -> nn.Module:
    path = place.optional("config.json")
    _refuse_other_names({} if path is None else read_json(path), place)
    return Normalize()


def _refuse_other_names(config: Mapping[str, Any], place: Source) -> None:
    """Modules that work on something else than the text's vector belong to models of another kind."""
    for key in ("module_input_name", "module_output_name"):
        if config.get(key) not in (None, _VECTOR):
            raise ConfigError(
                f"{key} of {place.repo} is {config[key]!r}, expected {_VECTOR!r}: models with a vector for "
                "each token are not read here."
            )


_STEPS = {"Dense": _dense, "Normalize": _normalize}


def _settings(source: Source, transformer: Source) -> dict[str, Any]:
    """Lengths, lower case, prompts and the measure, as keywords of Plan."""
    path = next(filter(None, map(transformer.optional, _LENGTHS)), None)
    lengths = {} if path is None else read_json(path)
    longest = lengths.get("max_seq_length")
    if longest is not None and (not isinstance(longest, int) or longest is True or longest < 1):
        raise ConfigError(f"max_seq_length in {path} is {longest!r}, expected a whole number of at least 1.")
    path = source.optional("config_sentence_transformers.json")
    config = {} if path is None else read_json(path)
    prompts = config.get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(text, str) for text in prompts.values()):
        raise ConfigError(f"prompts in {path} is {prompts!r}, expected names with a text each.")
    chosen = config.get("default_prompt_name")
    if chosen is not None and chosen not in prompts:
        raise ConfigError(
            f"default_prompt_name in {path} is {chosen!r}, but its prompts are {list(prompts)}."
        )
    return {
        "longest": longest,
        "lower": bool(lengths.get("do_lower_case", False)),
        "prompts": prompts,
        "prompt_name": chosen,
        "measure": checked_measure(config.get("similarity_fn_name") or "cosine"),
    }
