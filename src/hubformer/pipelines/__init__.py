"""Tasks from raw inputs to answers: `pipeline(task, model)`.

The table of tasks is in table.py; README.md of this folder says how to add one. This file imports the rest
when `pipeline` is called, and none of the other files imports it.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from hubformer.importing import without_collection
from hubformer.pipelines.table import ALIASES, NOT_YET, TASKS

if TYPE_CHECKING:
    from hubformer.pipelines.base import Pipeline

__all__ = ["ALIASES", "NOT_YET", "TASKS", "pipeline"]


def pipeline(
    task: str | None = None,
    model: Any = None,
    config: Any = None,
    tokenizer: Any = None,
    feature_extractor: Any = None,
    image_processor: Any = None,
    processor: Any = None,
    framework: str | None = None,
    revision: str | None = None,
    use_fast: bool = True,
    token: str | bool | None = None,
    device: Any = None,
    device_map: Any = None,
    dtype: Any = None,
    trust_remote_code: bool | None = None,
    model_kwargs: dict[str, Any] | None = None,
    pipeline_class: Any = None,
    **kwargs: Any,
) -> Pipeline[Any, Any]:
    """The pipeline of a task: `pipeline("sentiment-analysis", "org/name")("What a day!")`.

    model: a name on the Hub, a folder, or a loaded model (its tokenizer is then found by its name). None: the
    task's default. task None: what the model's configuration says it was trained for. All files of a name
    come from one commit. dtype: float32 unless asked; "auto" is the file's. device: the first accelerator
    unless said. Other keywords are options of the task (top_k=…), or cache_dir, local_files_only,
    force_download, subfolder.

    `use_fast` and `trust_remote_code` are taken for transformers' sake: tokenizers are always fast, and no
    remote code is ever run.

    Raises:
        UnknownName: the task, or the model's type, is not known; the nearest name is suggested.
        UnknownArgument: a keyword that neither this call nor the task takes.
        HubError: the model cannot be had. ConfigError, CheckpointError: it cannot be read, or lacks the head.
        InputError: arguments that contradict each other.
    """
    with without_collection():
        from hubformer.pipelines.loading import Request, opened

    request = Request(
        task=task,
        model=model,
        config=config,
        tokenizer=tokenizer,
        processors=(feature_extractor, image_processor, processor),
        framework=framework,
        revision=revision,
        token=token,
        device=device,
        device_map=device_map,
        dtype=dtype,
        model_kwargs=dict(model_kwargs or {}),
        pipeline_class=pipeline_class,
        options=kwargs,
        keywords=tuple(inspect.signature(pipeline).parameters),
    )
    return opened(request)
