"""The Trainer: one loop, from rows to trained weights, that stops and goes on without a trace.

Read `_run` for the loop, `_step` for one optimizer step, `training_step` for one batch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from torch import Tensor, nn
from torch.optim import Optimizer

from hubformer.errors import InputError, NotProvided
from hubformer.training import losses
from hubformer.training.accelerator import Accelerator
from hubformer.training.arguments import TrainingArguments
from hubformer.training.callbacks import (
    CallbackHandler,
    DefaultFlowCallback,
    PrinterCallback,
    ProgressCallback,
)
from hubformer.training.collate import DataCollatorWithPadding, default_data_collator
from hubformer.training.divergence import check_finite
from hubformer.training.logging import JsonLinesCallback, trackers
from hubformer.training.losses import MicroBatch
from hubformer.training.metric_logger import speed
from hubformer.training.precision import Precision
from hubformer.training.preparation import Preparation
from hubformer.training.randomness import set_seed
from hubformer.training.sampling import in_steps
from hubformer.training.sharing import Sharing
from hubformer.training.state import LoopState, TrainerControl, TrainerState, TrainOutput


class Trainer(Preparation, Sharing):
    """Train and evaluate a model of hubformer, or any module whose outputs begin with a loss.

    The arguments are v4's. Override `compute_loss`, `training_step`, `get_train_dataloader` and their like
    for other behaviour; a loss is always the mean over the items of its batch, and `num_items_in_batch` says
    how many they are.

    Raises:
        InputError: arguments that contradict each other.
    """

    def __init__(
        self,
        model: nn.Module | None = None,
        args: TrainingArguments | None = None,
        data_collator: Callable[[list[Any]], Any] | None = None,
        train_dataset: Any = None,
        eval_dataset: Any = None,
        processing_class: Any = None,
        model_init: Callable[[], nn.Module] | None = None,
        compute_loss_func: Callable[..., Tensor] | None = None,
        compute_metrics: Callable[..., Mapping[str, Any]] | None = None,
        callbacks: Sequence[Any] | None = None,
        optimizers: tuple[Optimizer | None, Any] = (None, None),
        optimizer_cls_and_kwargs: tuple[type[Optimizer], dict[str, Any]] | None = None,
        preprocess_logits_for_metrics: Callable[[Any, Any], Any] | None = None,
        *,
        tokenizer: Any = None,
    ) -> None:
        self.args = args = TrainingArguments("tmp_trainer") if args is None else args
        if (model is None) == (model_init is None):
            raise InputError("Trainer takes either model= or model_init=, and one of them it needs.")
        if args.world_size > 1:
            raise InputError(
                f"WORLD_SIZE is {args.world_size}: training in several processes is not supported yet."
            )
        if args.batch_eval_metrics and compute_metrics is None:
            raise InputError("batch_eval_metrics=True needs compute_metrics(prediction, compute_result).")
        set_seed(args.seed, deterministic=args.full_determinism)
        self.model_init, self.compute_loss_func = model_init, compute_loss_func
        self.train_dataset, self.eval_dataset = train_dataset, eval_dataset
        self.processing_class = tokenizer if processing_class is None else processing_class
        self.compute_metrics = compute_metrics
        self.preprocess_logits_for_metrics = preprocess_logits_for_metrics
        self.optimizer: Any
        self.optimizer, self.lr_scheduler = optimizers
        self.optimizer_cls_and_kwargs = optimizer_cls_and_kwargs
        if (self.optimizer or self.lr_scheduler) and (model_init or optimizer_cls_and_kwargs):
            raise InputError("optimizers= goes neither with model_init= nor with optimizer_cls_and_kwargs=.")
        self.precision = Precision(args.device, bf16=args.bf16, fp16=args.fp16)
        self.accelerator = Accelerator(self.precision)
        self.state, self.control, self.loop_state = TrainerState(), TrainerControl(), LoopState()
        self.micro_batch: MicroBatch | None = None
        self.loss_terms = {}
        self.run_id = uuid4().hex
        self._use(model_init() if model is None and model_init is not None else model)
        padding = None if self.processing_class is None else DataCollatorWithPadding(self.processing_class)
        self.data_collator = data_collator or padding or default_data_collator
        shown = PrinterCallback if args.disable_tqdm else ProgressCallback
        self.callback_handler = CallbackHandler(
            [DefaultFlowCallback, *trackers(args.trackers), JsonLinesCallback, *(callbacks or ()), shown]
        )
        self._share_with_callbacks()
        self._event("on_init_end")

    # Training

    def train(
        self,
        resume_from_checkpoint: str | Path | bool | None = None,
        trial: Any = None,
        ignore_keys_for_eval: Sequence[str] | None = None,
    ) -> TrainOutput:
        """Train to the end; resume_from_checkpoint goes on from a checkpoint folder, or True from the newest
        complete one in the output folder.

        Raises:
            TrainingDiverged: the loss is not finite; the weights are those of the last good step.
            CheckpointError: what is to be resumed is not there, not complete, or of another training.
        """
        if trial is not None:
            raise InputError("train(trial=…) belongs to hyperparameter_search, which is not supported.")
        args = self.args
        self._ignore_keys = ignore_keys_for_eval
        checkpoint = self.checkpoint_to_resume(resume_from_checkpoint or args.resume_from_checkpoint)
        if self.model_init is not None:
            set_seed(args.seed, deterministic=args.full_determinism)
            self._use(self.model_init())
            self.optimizer, self.lr_scheduler = None, None
        self.state, self.control, self.loop_state = TrainerState(), TrainerControl(), LoopState()
        self._count_steps()
        self.run_id = uuid4().hex
        self.create_optimizer_and_scheduler(self.state.max_steps)
        if checkpoint is not None:
            self.restore(checkpoint)
        self._share_with_callbacks()
        started, first = time.perf_counter(), self.state.global_step
        self.rows_trained = 0
        self._event("on_train_begin")
        self.is_in_train = True
        try:
            if args.eval_on_start and not first:
                self._evaluate()
            self._run()
        finally:
            self.is_in_train = False
        return self._finish(started, first)

    def _run(self) -> None:
        """The loop: epochs of optimizer steps, each over the batches of one accumulation."""
        self.model.train()
        self.optimizer.zero_grad()
        while self.loop_state.epoch < self.state.num_train_epochs:
            self.control.new_epoch()
            self._event("on_epoch_begin")
            for batches in in_steps(self._batches(), self.args.gradient_accumulation_steps):
                if self.control.should_training_stop or self.state.global_step >= self.state.max_steps:
                    break
                self.control.new_step()
                self._event("on_step_begin")
                self._step(batches)
                self._count(batches)
                self._event("on_step_end")
                self._log_evaluate_save()
                if self.control.should_epoch_stop:
                    break
            self.loop_state.epoch, self.loop_state.batches = self.loop_state.epoch + 1, 0
            self.control.new_step()
            self._event("on_epoch_end")
            self._log_evaluate_save()
            if self.control.should_training_stop or self.state.global_step >= self.state.max_steps:
                break

    def _step(self, batches: list[Any]) -> None:
        """One optimizer step: the gradients of all batches together, clipped, checked, applied."""
        args, optimizer, loop_state = self.args, self.optimizer, self.loop_state
        micro_batches = losses.micro_batches_of(self.model, batches, label_names=self.label_names)
        total: Any = 0.0
        for place, (batch, micro_batch) in enumerate(zip(batches, micro_batches, strict=True)):
            if place:
                self._event("on_substep_end")
            if micro_batch.loss_weight:  # else no label of it counts, and its mean would be 0 / 0
                self.micro_batch = micro_batch
                total = total + self.training_step(
                    self.model_wrapped, self.on_device(batch), micro_batch.count
                )
        self.micro_batch = None
        self.precision.unscale(optimizer)
        trained = [p for group in optimizer.param_groups for p in group["params"]]
        clipped = args.max_grad_norm > 0  # else the norm is only looked at: bad gradients are never applied
        norm = float(nn.utils.clip_grad_norm_(trained, args.max_grad_norm if clipped else math.inf))
        loss, loop_state.grad_norm = float(total), norm if clipped else None
        check_finite(
            self.model,
            loss=loss,
            norm=None if self.precision.scaler else norm,  # float16 overflows now and then
            step=f"step {self.state.global_step + 1} (epoch {loop_state.epoch + 1})",
            run=lambda: self._rerun_forward(batches),
        )
        self._event("on_pre_optimizer_step")
        self.learning_rate = optimizer.param_groups[0]["lr"]
        stepped = self.precision.step(optimizer)
        self._event("on_optimizer_step")
        if stepped and self._follows_steps:
            self.lr_scheduler.step()
        optimizer.zero_grad()
        loop_state.loss_since_log += loss

    def hyperparameter_search(self, *given: Any, **named: Any) -> Any:
        """v4's search, which is not provided.

        Raises:
            NotProvided: always; it says what to do instead.
        """
        raise NotProvided(
            "Trainer has no hyperparameter_search. Loop over settings with a new Trainer(model_init=...) for "
            "each, or call one from an objective of optuna or ray, and compare their evaluate()."
        )

    def _rerun_forward(self, batches: list[Any]) -> None:
        for batch in batches:
            with self.precision.autocast():
                self.model(**self.on_device(batch))

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Tensor:
        """The gradients of one batch, added to those that are there; returns its part of the step's loss."""
        with self.precision.autocast():
            loss = self.compute_loss(model, inputs, num_items_in_batch=num_items_in_batch)
        weight = 1.0 if self.micro_batch is None else self.micro_batch.loss_weight
        loss = loss.mean() * weight if weight != 1.0 else loss.mean()
        self.precision.backward(loss)
        done: Tensor = loss.detach()
        return done

    def _log_evaluate_save(self) -> None:
        state, control, loop_state = self.state, self.control, self.loop_state
        if control.should_log and state.global_step > loop_state.logged_step:
            steps = state.global_step - loop_state.logged_step
            logs: dict[str, Any] = {"loss": loop_state.loss_since_log / steps}
            if loop_state.grad_norm is not None:
                logs["grad_norm"] = loop_state.grad_norm
            logs["learning_rate"] = self.learning_rate
            loop_state.loss_total += loop_state.loss_since_log
            loop_state.loss_since_log, loop_state.logged_step = 0.0, state.global_step
            self.log(logs)
        if self.control.should_evaluate:
            self._evaluate()
        if self.control.should_save:
            self.save_checkpoint()
            self._event("on_save")
            if self.args.push_to_hub and self.args.hub_strategy == "every_save":
                self.push_to_hub(f"Training in progress, step {state.global_step}")

    def _evaluate(self) -> None:
        metrics = self.evaluate(ignore_keys=self._ignore_keys)
        self.model.train()
        better = self.note_best(metrics)
        if self.args.save_strategy == "best":
            self.control.should_save = better
        if not self._follows_steps and self.lr_scheduler is not None:
            self.lr_scheduler.step(metrics[self.best_name(metrics)])

    def _finish(self, started: float, first: int) -> TrainOutput:
        state, loop_state = self.state, self.loop_state
        if self.args.load_best_model_at_end and state.best_model_checkpoint is not None:
            self.load_best()
        steps = state.global_step - first
        metrics: dict[str, Any] = speed("train", started, rows=self.rows_trained, steps=steps)
        metrics["total_flos"] = state.total_flos
        metrics["train_loss"] = (loop_state.loss_total + loop_state.loss_since_log) / max(
            1, state.global_step
        )
        self.log(metrics)
        self._event("on_train_end")
        self.remove_old_checkpoints()
        if self.args.push_to_hub:
            self.push_to_hub()
        return TrainOutput(state.global_step, metrics["train_loss"], metrics)
