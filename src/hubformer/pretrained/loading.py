"""From an open source to a filled model."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from hubformer.errors import CheckpointError, InputError, refuse_unknown
from hubformer.models.config import PreTrainedConfig
from hubformer.models.hub_tree import owned_parameters, renew_ties, trees
from hubformer.models.initial import initialise
from hubformer.pretrained.bases import weights_and_adapter
from hubformer.pretrained.source import Source
from hubformer.weights.files import Checkpoint, candidates, open_checkpoint
from hubformer.weights.load import LoadReport, canonical_names, load_weights, names_one

_log = logging.getLogger("hubformer")
LABELS = ("num_labels", "id2label", "label2id")
_KERNELS = (None, "eager", "sdpa")


@dataclass(frozen=True)
class Options:
    """How weights are loaded, as from_pretrained's keyword arguments say."""

    NAMES: ClassVar[tuple[str, ...]] = (
        "add_pooling_layer",
        "attn_implementation",
        "check_finite",
        "device",
        "device_map",
        "dtype",
        "ignore_mismatched_sizes",
        "mapped",
        "new_cross_attention",
        "new_head",
        "output_loading_info",
        "state_dict",
        "torch_dtype",
        "use_safetensors",
        "variant",
    )

    dtype: torch.dtype | None = torch.float32  # None: the file's
    device: torch.device | str = "cpu"
    new_head: bool = False
    new_cross_attention: bool = False
    ignore_mismatched_sizes: bool = False
    output_loading_info: bool = False
    use_safetensors: bool | None = None
    variant: str | None = None
    mapped: bool = True
    add_pooling_layer: bool = True
    check_finite: bool = True

    @staticmethod
    def of(named: dict[str, Any], *, call: str) -> Options:
        refuse_unknown(named, Options.NAMES, call=call)
        given = dict(named)
        dtype, older = given.pop("dtype", None), given.pop("torch_dtype", None)
        device, older_device = given.pop("device", None), given.pop("device_map", None)
        kernel = given.pop("attn_implementation", None)
        if kernel not in _KERNELS:
            raise InputError(
                f"attn_implementation is {kernel!r}, expected 'sdpa' or 'eager': the kernel is chosen here, "
                "and attention weights are given whenever they are asked for."
            )
        if given.pop("state_dict", None) is not None:
            raise InputError("state_dict is not taken; build the model and call load_state_dict on it.")
        wanted = dtype if dtype is not None else older
        return Options(
            dtype=torch.float32 if wanted is None else Options.parsed_dtype(wanted),
            device=_device(device if device is not None else older_device),
            **given,
        )

    @staticmethod
    def parsed_dtype(dtype: Any) -> torch.dtype | None:
        if dtype == "auto":
            return None
        found = getattr(torch, dtype.removeprefix("torch."), None) if isinstance(dtype, str) else dtype
        if not isinstance(found, torch.dtype) or not found.is_floating_point:
            raise InputError(
                f"dtype is {dtype!r}, expected 'auto' or a floating-point type such as 'float32', 'bfloat16'."
            )
        return found


def _device(device: Any) -> torch.device | str:
    if device is None:
        return "cpu"
    if isinstance(device, dict):
        if set(device) != {""}:
            raise InputError(f"device_map is {device!r}, expected one device for the whole model: {{'': 0}}.")
        device = device[""]
    if device in ("auto", "balanced", "sequential"):
        return "cuda" if torch.cuda.is_available() else "cpu"
    if isinstance(device, int):
        device = "cpu" if device < 0 else f"cuda:{device}"
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError):
        raise InputError(f"device is {device!r}, expected a device such as 'cpu', 'cuda' or 0.") from None
    if found.type == "cuda" and not torch.cuda.is_available():
        raise InputError(f"device is {device!r}, but this torch sees no CUDA device. Use device='cpu'.")
    return found


@dataclass(frozen=True)
class Loaded:
    """What a load did, for output_loading_info, and where the whole weights were."""

    report: LoadReport
    base: Source

    def as_v4(self) -> dict[str, list[str]]:
        report = self.report
        return {
            "missing_keys": [name for name in report.new if name not in report.mismatched],
            "unexpected_keys": list(report.unused),
            "mismatched_keys": list(report.mismatched),
            "error_msgs": [],
        }


def open_weights(source: Source, options: Options) -> Checkpoint:
    """The weights of a source, headers read and checked, tensors not yet."""
    names = candidates(variant=options.variant, use_safetensors=options.use_safetensors)
    _, path = source.repo.first(names, what="weights")
    return open_checkpoint(path, shard=source.file, mapped=options.mapped)


def fill(
    cls: Any, source: Source, *, config: PreTrainedConfig, arguments: tuple[Any, ...], options: Options
) -> tuple[Any, Loaded]:
    """Build on `meta`, compare with the files, assign, and start what is new; then the adapter, if there is
    one.

    Raises:
        ConfigError, CheckpointError: as their messages say.
    """
    config.freeze()  # refuse an impossible configuration before a gigabyte is fetched for it
    names = candidates(variant=options.variant, use_safetensors=options.use_safetensors)
    base, adapter = weights_and_adapter(source, names)
    checkpoint = open_weights(base, options)
    model = _empty(cls, checkpoint, config=config, arguments=arguments, pooling=options.add_pooling_layer)
    frozen = model.frozen()
    report = load_weights(
        model,
        checkpoint,
        wanted=owned_parameters(model),
        weights=model.weight_map(),
        is_head=model.is_head,
        is_cross_attention=model.is_cross_attention,
        heads=model.family.head_rows(frozen),
        expected=[
            row for name in config.architectures or () for row in model.family.rows_of(str(name), frozen)
        ],
        allow_new_crossing=options.new_cross_attention,
        allow_mismatched=options.ignore_mismatched_sizes,
        dtype=options.dtype,
        device=options.device,
    )
    if report.parameters:
        initialise(model, only=report.parameters, device=options.device, dtype=options.dtype)
    renew_ties(model)
    _refuse_unfilled(model)
    if options.check_finite:
        _refuse_not_finite(model, source.name)
    new = report.new
    weights = model.weight_map()
    model.mark_new(
        [n for n in report.parameters if weights.full(n) in new or model.head_row is None]
        + _of_another_head(model, config)
    )
    if adapter is not None:
        model.name_or_path = base.name
        model.load_adapter(adapter)
        model.mark_new(name for name in model.new_parameters if not model.adapter_holds(name))
        new = model.new_parameters
    if new:
        warn_of_new(source.name, new, of=cls.__name__)
    if report.unused:
        _log.info("%s: not used by %s: %s.", source.name, cls.__name__, ", ".join(report.unused))
    return model, Loaded(report, base)


_LABELLED = {"sequence-classification", "token-classification", "multiple-choice", "question-answering"}


def _of_another_head(model: Any, config: PreTrainedConfig) -> list[str]:
    """The parameters of a head that config.json says was trained for another kind of labels: a classifier of
    texts and one of tokens have the same names."""
    if model.head_row is None:
        return []
    trained = [head for head in model.family.heads if head.name in (config.architectures or ())]
    mine = _LABELLED & set(model.head_row.tasks)
    theirs = _LABELLED & {task for head in trained for task in head.tasks}
    if not mine or not theirs or mine & theirs:
        return []
    return [name for name in owned_parameters(model) if model.is_head(name)]


def warn_of_new(name: str, weights: Iterable[str], *, of: str) -> None:
    """Say which weights of a model nothing has trained, by their Hub names; those of all layers at once."""
    alike: dict[str, list[str]] = {}
    for weight in weights:
        alike.setdefault(re.sub(r"\.\d+\.", ".*.", weight), []).append(weight)
    told = [found[0] if len(found) == 1 else pattern for pattern, found in alike.items()]
    _log.warning(
        "%s has no weights for %s of %s: they are newly initialized. Train the model before you use its "
        "predictions.",
        name,
        ", ".join(told),
        of,
    )


def _empty(
    cls: Any, checkpoint: Checkpoint, *, config: PreTrainedConfig, arguments: tuple[Any, ...], pooling: bool
) -> Any:
    """The model on `meta`, without a pooler where the checkpoint has none."""
    with torch.device("meta"):
        model = cls(config, *arguments)
        optional = model.head_row is not None and model.head_row.without is not None
        if optional and not (pooling and _has_head(model, checkpoint)):
            model = cls(config, *arguments, add_pooling_layer=False)
    return model


def first_settings(config: PreTrainedConfig) -> Any:
    """How a model with this configuration generates, where no file says it."""
    from hubformer.generation.config import GenerationConfig

    return GenerationConfig.from_model_config(config)


def stored_settings(source: Source) -> Any:
    """What generation_config.json says, or None where a source has none."""
    from hubformer.generation.config import FILE_NAME, GenerationConfig
    from hubformer.models.config import read_json

    path = source.optional(FILE_NAME)
    return None if path is None else GenerationConfig.from_dict(read_json(path))


def with_ties(model: Any, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A state dictionary in which each name of a tied parameter stands, where one of them does; under the
    names that this model registers, which lack the prefix where it is a backbone alone."""
    own = model.weight_map()
    found = {own.written(name): tensor for name, tensor in tensors.items()}
    for prefix, tree in trees(model):
        for alias, owner in tree.aliases():
            if prefix + owner in found:
                found.setdefault(prefix + alias, found[prefix + owner])
            elif prefix + alias in found:
                found[prefix + owner] = found[prefix + alias]
    return found


def _has_head(model: Any, checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint holds weights of this model's head."""
    weights = model.weight_map()
    wanted = [weights.full(name) for name in owned_parameters(model)]
    found = canonical_names(checkpoint.headers, weights, wanted=wanted)
    rows = model.head_row.rows_in(model.frozen())
    return any(names_one(rows, name) for name in found)


def _refuse_unfilled(model: Any) -> None:
    left = [name for name, p in model.named_parameters() if p.is_meta]
    if left:
        raise CheckpointError(f"These parameters were not filled: {left}. This is a fault of the weight map.")


def _refuse_not_finite(model: Any, name: str) -> None:
    """Every answer of a model with such a weight may be NaN. One pass: the sum of a tensor tells.

    Raises:
        CheckpointError: a weight is NaN or infinite.
    """
    wrong = [
        parameter
        for parameter, weight in model.named_parameters()
        if not weight.is_meta and not weight.detach().sum(dtype=torch.float32).isfinite()
    ]
    if wrong:
        raise CheckpointError(
            f"{name} has weights that are not finite (NaN or infinite) in {', '.join(wrong[:6])}, so its "
            "answers would be NaN. The file is damaged, or its training diverged: use another version, or "
            "pass check_finite=False to load it as it is."
        )
