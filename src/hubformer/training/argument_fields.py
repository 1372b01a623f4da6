"""The fields of TrainingArguments, in v4's order and with v4's defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class ArgumentFields:
    """What hubformer's Trainer follows."""

    output_dir: str | None = None
    overwrite_output_dir: bool = False
    do_train: bool = False
    do_eval: bool = False
    do_predict: bool = False
    eval_strategy: str = "no"
    prediction_loss_only: bool = False
    per_device_train_batch_size: int = 8
    per_device_eval_batch_size: int = 8
    per_device_train_batch_tokens: int | None = None
    gradient_accumulation_steps: int = 1
    eval_accumulation_steps: int | None = None
    eval_delay: float = 0
    torch_empty_cache_steps: int | None = None
    learning_rate: float = 5e-5
    weight_decay: float = 0.0
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_epsilon: float = 1e-8
    max_grad_norm: float = 1.0
    num_train_epochs: float = 3.0
    max_steps: int = -1
    lr_scheduler_type: str = "linear"
    lr_scheduler_kwargs: dict[str, Any] | str | None = None
    warmup_ratio: float = 0.0
    warmup_steps: int = 0
    logging_dir: str | None = None
    logging_strategy: str = "steps"
    logging_first_step: bool = False
    logging_steps: float = 500
    save_strategy: str = "steps"
    save_steps: float = 500
    save_total_limit: int | None = None
    save_only_model: bool = False
    restore_callback_states_from_checkpoint: bool = True
    allow_missing_state: bool = False
    no_cuda: bool = False
    use_cpu: bool = False
    seed: int = 42
    data_seed: int | None = None
    full_determinism: bool = False
    bf16: bool = False
    fp16: bool = False
    tf32: bool | None = None
    dataloader_drop_last: bool = False
    dataloader_num_workers: int = 0
    dataloader_prefetch_factor: int | None = None
    dataloader_pin_memory: bool = True
    eval_steps: float | None = None
    eval_on_start: bool = False
    eval_do_concat_batches: bool = True
    batch_eval_metrics: bool = False
    include_inputs_for_metrics: bool = False
    include_for_metrics: list[str] = field(default_factory=list)
    include_num_input_tokens_seen: str | bool = False
    run_name: str | None = None
    disable_tqdm: bool | None = None
    report_to: list[str] | str | None = None
    remove_unused_columns: bool = True
    label_names: list[str] | None = None
    load_best_model_at_end: bool = False
    metric_for_best_model: str | None = None
    greater_is_better: bool | None = None
    ignore_data_skip: bool = False
    label_smoothing_factor: float = 0.0
    optim: str = "adamw_torch_fused"
    optim_args: str | None = None
    adafactor: bool = False
    group_by_length: bool = False
    length_column_name: str | None = "length"
    resume_from_checkpoint: str | bool | None = None
    gradient_checkpointing: bool = False
    gradient_checkpointing_kwargs: dict[str, Any] | str | None = None
    torch_compile: bool = False
    torch_compile_backend: str | None = None
    torch_compile_mode: str | None = None
    average_tokens_across_devices: bool = True
    bf16_full_eval: bool = False
    fp16_full_eval: bool = False
    dataloader_persistent_workers: bool = False
    hub_always_push: bool = False
    hub_model_id: str | None = None
    hub_private_repo: bool | None = None
    hub_revision: str | None = None
    hub_strategy: str = "every_save"
    hub_token: str | None = None
    log_level: str = "passive"
    log_level_replica: str = "warning"
    push_to_hub: bool = False
    # Of several processes: without effect in one, and the Trainer refuses several.
    ddp_backend: str | None = None
    ddp_broadcast_buffers: bool | None = None
    ddp_bucket_cap_mb: int | None = None
    ddp_find_unused_parameters: bool | None = None
    ddp_timeout: int = 1800
    local_rank: int = -1
    log_on_each_node: bool = True
    save_on_each_node: bool = False
