"""Before and around the loop: the model on its device, the plan of steps, the optimizer and its schedule."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from hubformer.errors import InputError
from hubformer.training.evaluation import Evaluation, rows_of
from hubformer.training.loaders import Loaders, indexable, label_names_of
from hubformer.training.optimizer import optimizer_class, parameter_groups
from hubformer.training.resume import Resume
from hubformer.training.sampling import batches_in
from hubformer.training.schedules import get_scheduler


class Preparation(Evaluation, Resume):
    """The part of the Trainer that sets things up."""

    optimizer_cls_and_kwargs: tuple[type[Optimizer], dict[str, Any]] | None
    _batches_in_epoch: int | None
    _schedule_is_ours = False
    rows_trained = 0  # since `train` was called

    def _use(self, model: Any) -> None:
        """Take a model: on the right device, in memory of its own, compiled where that was asked for."""
        args = self.args
        if not isinstance(model, nn.Module):
            raise InputError(f"The model is a {type(model).__name__}, expected a torch module.")
        own: Any = getattr(model, "own", None)
        if own is not None:
            own()  # its weights may be mapped from a file that is about to be saved over
        whole: Any = model.to(args.device)
        self.model = whole
        if args.gradient_checkpointing:
            if not hasattr(whole, "gradient_checkpointing_enable"):
                raise InputError(f"{type(model).__name__} cannot recompute its activations.")
            whole.gradient_checkpointing_enable(args.gradient_checkpointing_kwargs)
        self.label_names = label_names_of(model) if args.label_names is None else args.label_names
        self.can_return_loss = "return_loss" in self.forward_names()
        embeddings = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
        self._matrix_numbers = sum(p.numel() for p in model.parameters() if id(p) not in embeddings)
        self.model_wrapped = self.model
        if args.torch_compile:
            self.model_wrapped = torch.compile(
                self.model, backend=args.torch_compile_backend or "inductor", mode=args.torch_compile_mode
            )

    def _share_with_callbacks(self) -> None:
        self.callback_handler.shared = {
            "model": self.model,
            "processing_class": self.processing_class,
            "optimizer": self.optimizer,
            "lr_scheduler": self.lr_scheduler,
            "train_dataloader": None,
        }

    def _count_steps(self) -> None:
        """How many steps and epochs there will be, and after how many of them what is done."""
        args, state = self.args, self.state
        per_step = args.gradient_accumulation_steps
        by_tokens = args.per_device_train_batch_tokens is not None  # epochs differ in their batches
        first = self._steps_in(0, per_step)
        whole = math.ceil(args.num_train_epochs)
        if args.max_steps > 0:
            state.max_steps = args.max_steps
            whole = args.max_steps if by_tokens or not first else math.ceil(args.max_steps / first)
        elif first is None:
            raise InputError("The training data has no length: say how long to train with max_steps.")
        elif by_tokens:
            steps = [self._steps_in(epoch, per_step) or 0 for epoch in range(whole)]
            last = math.ceil(steps[-1] * (1 + args.num_train_epochs - whole)) if steps else 0
            state.max_steps = sum(steps[:-1]) + last
        else:
            state.max_steps = math.ceil(args.num_train_epochs * first)
        if state.max_steps < 1:
            raise InputError("There is not one step to train: the data or the number of epochs is empty.")
        state.num_train_epochs, state.train_batch_size = whole, args.per_device_train_batch_size
        state.compute_steps(args, state.max_steps)

    @property
    def _own_loader(self) -> bool:
        return type(self).get_train_dataloader is Loaders.get_train_dataloader

    def _steps_in(self, epoch: int, per_step: int) -> int | None:
        """Optimizer steps of an epoch, or None where the data has no length."""
        if self._own_loader and indexable(self.train_dataset):
            return -(-len(self.train_batch_sampler.batches(epoch)) // per_step)
        batches = batches_in(self.get_train_dataloader())
        return None if batches is None else -(-batches // per_step)

    def _batches(self) -> Iterator[Any]:
        """The batches of this epoch that have not been used yet."""
        loop_state, loader = self.loop_state, self.get_train_dataloader()
        self.callback_handler.shared["train_dataloader"] = loader
        for one in (self.train_dataset, getattr(loader, "sampler", None)):
            if one is not None and hasattr(one, "set_epoch"):
                one.set_epoch(loop_state.epoch)
        self._batches_in_epoch = batches_in(loader)
        if self._own_loader and indexable(self.train_dataset):
            self._batches_in_epoch = loop_state.batches + len(loader)
            return iter(loader)
        return self.skipped(loader)

    def _count(self, batches: list[Any]) -> None:
        state, loop_state = self.state, self.loop_state
        loop_state.batches += len(batches)
        state.global_step += 1
        self.rows_trained += sum(map(rows_of, batches))
        ids = [b["input_ids"] for b in batches if isinstance(b, Mapping) and "input_ids" in b]
        tokens = sum(int(one.numel()) for one in ids)
        state.num_input_tokens_seen += self._seen(batches, tokens)
        state.total_flos += 6.0 * tokens * self._matrix_numbers
        share = loop_state.batches / (self._batches_in_epoch or max(1, loop_state.batches))
        if self._batches_in_epoch is None:
            share = state.global_step / state.max_steps
        state.epoch = loop_state.epoch + share
        every = self.args.torch_empty_cache_steps
        if every and state.global_step % every == 0 and self.args.device.type == "cuda":
            torch.cuda.empty_cache()

    def _seen(self, batches: list[Any], tokens: int) -> int:
        """The tokens of a step that its log lines count."""
        kind = self.args.include_num_input_tokens_seen
        if kind != "non_padding":
            return 0 if kind in (False, "no") else tokens
        masks = [b["attention_mask"] for b in batches if isinstance(b, Mapping) and "attention_mask" in b]
        return sum(int(mask.sum()) for mask in masks) if masks else tokens

    @property
    def _follows_steps(self) -> bool:
        return not isinstance(self.lr_scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau)

    # Optimizer and schedule

    def get_num_trainable_parameters(self) -> int:
        """Numbers that the optimizer may change."""
        return sum(p.numel() for p in self.model.parameters() if p.requires_grad)

    def get_learning_rates(self) -> list[float]:
        """The rate of each group of parameters.

        Raises:
            InputError: there is no optimizer yet.
        """
        if self.optimizer is None:
            raise InputError("There is no optimizer yet: call train() or create_optimizer() first.")
        return [group["lr"] for group in self.optimizer.param_groups]

    def create_optimizer_and_scheduler(self, num_training_steps: int) -> None:
        self.create_optimizer()
        self.create_scheduler(num_training_steps, self.optimizer)

    def create_optimizer(self) -> Optimizer:
        """The optimizer that the arguments name, unless one was given."""
        if self.optimizer is None:
            kind, settings = self.optimizer_cls_and_kwargs or optimizer_class(self.args)
            groups = parameter_groups(self.model, weight_decay=self.args.weight_decay)
            self.optimizer = kind(groups, **settings)
        made: Optimizer = self.optimizer
        return made

    def create_scheduler(self, num_training_steps: int, optimizer: Optimizer | None = None) -> Any:
        if self.lr_scheduler is None or self._schedule_is_ours:
            self._schedule_is_ours = True
            args = self.args
            settings = dict(args.lr_scheduler_kwargs or {})
            if args.lr_scheduler_type == "reduce_lr_on_plateau":
                settings.setdefault("mode", "max" if args.greater_is_better else "min")
            self.lr_scheduler = get_scheduler(
                args.lr_scheduler_type,
                optimizer or self.optimizer,
                args.get_warmup_steps(num_training_steps),
                num_training_steps,
                settings,
            )
        return self.lr_scheduler
