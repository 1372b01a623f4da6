"""From the arguments of `pipeline` to a pipeline: which task, which model, and its tokenizer."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hubformer.errors import ConfigError, HubError, InputError, UnknownName, refuse_unknown
from hubformer.families import FAMILIES, family
from hubformer.hub import read_card
from hubformer.models.config import PreTrainedConfig
from hubformer.models.model import Model
from hubformer.pipelines.base import Pipeline
from hubformer.pipelines.bundled import BUNDLED, bundled_model, default_model
from hubformer.pipelines.devices import device_of
from hubformer.pipelines.registry import PIPELINE_REGISTRY as REGISTRY
from hubformer.pipelines.registry import pipeline_class_of
from hubformer.pipelines.steps import overrides_steps
from hubformer.pipelines.table import TASKS
from hubformer.pretrained.config import AutoConfig, load_config
from hubformer.pretrained.source import Source
from hubformer.pretrained.tokenizer import AutoTokenizer

_OF_PIPELINES = ("torch_dtype", "batch_size", "num_workers", "binary_output", "errors")
_WHERE = ("cache_dir", "local_files_only", "force_download", "subfolder")


@dataclass(frozen=True, eq=False)
class Request:
    """The arguments of one call of `pipeline`."""

    task: str | None
    model: Any
    config: Any
    tokenizer: Any
    processors: tuple[Any, Any, Any]  # feature extractor, image processor, processor
    framework: str | None
    revision: str | None
    token: str | bool | None
    device: Any
    device_map: Any
    dtype: Any
    model_kwargs: dict[str, Any]
    pipeline_class: Any
    options: dict[str, Any]  # the other keywords: of the task, or of where files are
    keywords: tuple[str, ...]  # every parameter of the call, for errors


@dataclass(frozen=True, eq=False)
class _Plan:
    """A request that was understood."""

    task: str
    kind: type[Pipeline[Any, Any]]
    options: dict[str, Any]  # of the pipeline
    arguments: dict[str, Any]  # of from_pretrained
    dtype: Any
    device: Any


def opened(request: Request) -> Pipeline[Any, Any]:
    """The pipeline that a request asks for."""
    if any(processor is not None for processor in request.processors):
        raise InputError("The tasks here read text: pass tokenizer=, and no feature extractor or processor.")
    if request.framework not in (None, "pt"):
        raise InputError(f"framework is {request.framework!r}, expected 'pt': models are PyTorch's here.")
    options = dict(request.options)
    where, arguments = Source.options(request.model_kwargs)
    where |= {name: options.pop(name) for name in _WHERE if name in options}
    where |= {
        name: value
        for name, value in (("revision", request.revision), ("token", request.token))
        if value is not None
    }
    source = _source(request, where)
    config = _config(request, source)
    plan = _plan(request, config, source=source, options=options, arguments=arguments)
    if source is None:
        model = _given(request, plan)
        tokenizer = _tokenizer(request.tokenizer, model.name_or_path, where=where)
    else:
        model = _loaded(source, config, plan=plan)
        tokenizer = _tokenizer(request.tokenizer, source, where=where)
    return plan.kind(model=model, tokenizer=tokenizer, task=plan.task, device=plan.device, **plan.options)


def _source(request: Request, where: dict[str, Any]) -> Source | None:
    """The open repository of the model; None where the model is a loaded one."""
    name = request.model
    if name is None:
        if request.task is None:
            raise InputError(
                "pipeline() was given neither a task nor a model. Pass a task, such as "
                "'sentiment-analysis', a model, "
                "or both."
            )
        return default_model(REGISTRY.check_task(request.task), where)
    if request.task is not None:
        REGISTRY.check_task(request.task)  # before anything is downloaded
    if isinstance(name, Model):
        return None
    if name == BUNDLED:
        return _bundled(request, where)
    if not isinstance(name, (str, os.PathLike)):
        raise InputError(
            f"model is {type(name).__name__}, expected a name on the Hub, a folder, or a model that "
            "hubformer loaded."
        )
    return Source.of(name, **where)


def _bundled(request: Request, where: dict[str, Any]) -> Source:
    if request.task is None:
        raise InputError("model='bundled' is a model for each task: pass the task too.")
    if where:
        raise InputError(f"model='bundled' is in the package, so {', '.join(where)} does not apply to it.")
    return bundled_model(REGISTRY.check_task(request.task))


def _config(request: Request, source: Source | None) -> PreTrainedConfig:
    given = request.config
    if isinstance(given, PreTrainedConfig):
        return given
    if given is not None:
        found: PreTrainedConfig = AutoConfig.from_pretrained(given)
        return found
    if source is None:
        own: PreTrainedConfig = request.model.config
        return own
    return load_config(source)


def _plan(
    request: Request,
    config: PreTrainedConfig,
    *,
    source: Source | None,
    options: dict[str, Any],
    arguments: dict[str, Any],
) -> _Plan:
    task = _task(request, config, source=source)
    kind = pipeline_class_of(request.pipeline_class or REGISTRY.pipeline_class(task))
    older = arguments.pop("torch_dtype", None)
    dtype = _one_of(
        "dtype",
        dtype=request.dtype,
        torch_dtype=options.pop("torch_dtype", None),
        model_kwargs=arguments.pop("dtype", older),
    )
    older = arguments.pop("device_map", None)
    device = _one_of(
        "device",
        device=request.device,
        device_map=request.device_map,
        model_kwargs=arguments.pop("device", older),
    )
    if isinstance(device, dict):
        device = device.get("", device)
    _check_names(kind, options, keywords=request.keywords)
    return _Plan(task, kind, options, arguments, dtype, device)


def _check_names(kind: type[Pipeline[Any, Any]], given: Iterable[str], *, keywords: Iterable[str]) -> None:
    if overrides_steps(kind):
        return  # its own _sanitize_parameters takes what it likes
    own = (*keywords, *_WHERE, *_OF_PIPELINES)
    refuse_unknown(given, {*own, *kind.option_names()} - {"kwargs"}, call="pipeline()")


def _one_of(what: str, **said: Any) -> Any:
    """The value that was said, in whichever place."""
    given = {place: value for place, value in said.items() if value is not None}
    first = next(iter(given.values()), None)
    for place, value in given.items():
        if value != first:
            raise InputError(
                f"{what} is {first!r} in {next(iter(given))}= and {value!r} in {place}=. Say it in one place."
            )
    return first


def _task(request: Request, config: PreTrainedConfig, *, source: Source | None) -> str:
    """The task that is named; else what the model's head is for, else what its card says."""
    if request.task is not None:
        return REGISTRY.check_task(request.task)
    model = request.model
    heads = tuple(getattr(config, "architectures", None) or ())
    if isinstance(model, Model):
        heads = tuple(kind.__name__ for kind in type(model).__mro__)
    if config.model_type in FAMILIES:
        served = {
            task for head in family(config.model_type).heads if head.name in heads for task in head.tasks
        }
        served -= {"base"}  # a model without head does not say what it is for
        for task in TASKS:
            if REGISTRY.model_class(task).task in served:
                return task
    tag = None if source is None else _tag(source)
    if tag is not None:
        return REGISTRY.check_task(tag)
    raise UnknownName(
        f"The task cannot be told from the model (architectures: {', '.join(heads) or 'none'}). Pass "
        "task=, one of "
        f"{', '.join(REGISTRY.get_supported_tasks())}."
    )


def _tag(source: Source) -> str | None:
    """The task that a model's card names."""
    path = source.optional("README.md")
    tag = None if path is None else read_card(path.parent).get("pipeline_tag")
    return tag if isinstance(tag, str) else None


def _given(request: Request, plan: _Plan) -> Model:
    model: Model = request.model
    if plan.dtype not in (None, "auto") and str(plan.dtype).removeprefix("torch.") != str(
        model.dtype
    ).removeprefix("torch."):
        raise InputError(
            f"dtype is for models that are loaded by name; for this one call model.to({plan.dtype})."
        )
    if plan.arguments:
        raise InputError(
            f"model_kwargs ({', '.join(plan.arguments)}) are for models that are loaded by name, not for "
            "a loaded one."
        )
    return model


def _loaded(source: Source, config: PreTrainedConfig, *, plan: _Plan) -> Model:
    device = device_of(plan.device)
    dtype = plan.dtype
    if dtype is None and device.type == "cuda" and plan.kind.model_task == "causal-lm":
        # Language models are published in bfloat16, and on a GPU that is how they are meant to run.
        dtype = "auto" if str(config.torch_dtype).endswith("bfloat16") else None
    auto: Any = REGISTRY.model_class(plan.task)
    model: Model = auto.from_pretrained(source, config=config, dtype=dtype, device=device, **plan.arguments)
    return model


def _tokenizer(given: Any, model: Any, *, where: dict[str, Any]) -> Any:
    """The tokenizer that is given, by name or loaded, or else the model's own."""
    if isinstance(given, (tuple, list)) and len(given) == 2 and isinstance(given[1], dict):
        name, named = given
        return AutoTokenizer.from_pretrained(
            name, **{key: v for key, v in named.items() if key != "use_fast"}
        )
    if isinstance(given, (str, os.PathLike)):
        own = {key: value for key, value in where.items() if key not in ("revision", "subfolder")}
        return AutoTokenizer.from_pretrained(given, **own)
    if given is not None:
        return given
    if not model:
        raise InputError(
            "This model was built in memory, so its tokenizer is not known. Pass tokenizer=, the name of "
            "one or a "
            "loaded one."
        )
    try:
        return AutoTokenizer.from_pretrained(model, **({} if isinstance(model, Source) else where))
    except (HubError, ConfigError) as error:
        raise type(error)(f"The model's tokenizer cannot be had. Pass tokenizer=. {error}") from error
