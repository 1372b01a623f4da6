"""The arguments of v4's TrainingArguments that hubformer does not support."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from hubformer.training.argument_fields import ArgumentFields


@dataclass
class UnsupportedFields(ArgumentFields):
    """Each with the default that asks for nothing; another value is refused."""

    accelerator_config: dict[str, Any] | str | None = None
    auto_find_batch_size: bool = False
    debug: str = ""
    deepspeed: dict[str, Any] | str | None = None
    eval_use_gather_object: bool = False
    fp16_backend: str = "auto"
    fp16_opt_level: str = "O1"
    fsdp: list[str] | str | None = None
    fsdp_config: dict[str, Any] | str | None = None
    fsdp_min_num_params: int = 0
    fsdp_transformer_layer_cls_to_wrap: str | None = None
    half_precision_backend: str = "auto"
    include_tokens_per_second: bool = False
    jit_mode_eval: bool = False
    liger_kernel_config: dict[str, Any] | None = None
    logging_nan_inf_filter: bool = True
    mp_parameters: str = ""
    neftune_noise_alpha: float | None = None
    optim_target_modules: list[str] | str | None = None
    parallelism_config: Any = None
    past_index: int = -1
    per_gpu_eval_batch_size: int | None = None
    per_gpu_train_batch_size: int | None = None
    project: str = "huggingface"
    push_to_hub_model_id: str | None = None
    push_to_hub_organization: str | None = None
    push_to_hub_token: str | None = None
    ray_scope: str = "last"
    save_safetensors: bool = True
    skip_memory_metrics: bool = True
    torchdynamo: str | None = None
    tpu_metrics_debug: bool = False
    tpu_num_cores: int | None = None
    trackio_space_id: str | None = "trackio"
    use_ipex: bool = False
    use_legacy_prediction_loop: bool = False
    use_liger_kernel: bool = False
    use_mps_device: bool = False


_SUPPORTED = {f.name for f in fields(ArgumentFields)}
UNSUPPORTED: Mapping[str, Any] = {
    f.name: f.default for f in fields(UnsupportedFields) if f.name not in _SUPPORTED
}
# Those that take a mapping, or its text as JSON.
DICT_FIELDS = (
    *("accelerator_config", "fsdp_config", "deepspeed", "gradient_checkpointing_kwargs"),
    "lr_scheduler_kwargs",
)
# What to do in their place, where there is something.
INSTEAD: Mapping[str, str] = {
    "auto_find_batch_size": "set per_device_train_batch_size to what fits.",
    "save_safetensors": "safetensors is the only format that hubformer writes.",
    "logging_nan_inf_filter": "a loss that is not finite stops the training and names the layer.",
    "neftune_noise_alpha": "noise on embeddings is not built.",
}
