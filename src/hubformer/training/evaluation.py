"""Evaluating and predicting: v4's evaluate, predict and prediction_step of the Trainer."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hubformer.errors import InputError
from hubformer.training.losses import MicroBatch, Terms, micro_batches_of, terms_of
from hubformer.training.masking import IGNORED
from hubformer.training.metric_logger import MetricLogger, speed
from hubformer.training.objective import Objective
from hubformer.training.precision import weights_as
from hubformer.training.sampling import with_last
from hubformer.training.state import EvalLoopOutput, EvalPrediction, PredictionOutput


class Evaluation(Objective, MetricLogger):
    """The part of the Trainer that runs a model without training it."""

    compute_metrics: Any
    preprocess_logits_for_metrics: Any
    model_wrapped: Any
    is_in_train = False

    def evaluate(
        self,
        eval_dataset: Any = None,
        ignore_keys: Sequence[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> dict[str, float]:
        """The loss and compute_metrics' values on a data set, or on each of several by name.

        The loss is the mean over all items that count, whatever the batch size. Without compute_metrics
        nothing else is kept, so memory does not grow with the data.
        """
        several = self.eval_dataset if eval_dataset is None else eval_dataset
        if isinstance(several, Mapping):
            found: dict[str, float] = {}
            for name, one in several.items():
                found |= self.evaluate(one, ignore_keys, f"{metric_key_prefix}_{name}")
            return found
        output = self._timed(
            self.get_eval_dataloader(eval_dataset),
            prefix=metric_key_prefix,
            loss_only=True if self.compute_metrics is None else None,
            ignore_keys=ignore_keys,
        )
        metrics = output.metrics or {}
        self.log(metrics)
        self._event("on_evaluate", metrics=metrics)
        return metrics

    def predict(
        self, test_dataset: Any, ignore_keys: Sequence[str] | None = None, metric_key_prefix: str = "test"
    ) -> PredictionOutput:
        """What the model says of every row, as numpy arrays; rows of unequal length are padded with -100."""
        output = self._timed(
            self.get_test_dataloader(test_dataset),
            prefix=metric_key_prefix,
            loss_only=None,
            ignore_keys=ignore_keys,
        )
        self._event("on_predict", metrics=output.metrics)
        return PredictionOutput(output.predictions, output.label_ids, output.metrics)

    def _timed(
        self, batches: Any, *, prefix: str, loss_only: bool | None, ignore_keys: Sequence[str] | None
    ) -> EvalLoopOutput:
        started = time.perf_counter()
        with weights_as(self.model, self._evaluated_as):
            output = self.evaluation_loop(batches, prefix, loss_only, ignore_keys, prefix)
        steps = -(-(output.num_samples or 0) // self.args.per_device_eval_batch_size)
        assert output.metrics is not None
        output.metrics.update(speed(prefix, started, rows=output.num_samples or 0, steps=steps))
        return output

    @property
    def _evaluated_as(self) -> torch.dtype | None:
        """The format of the weights outside of training, where the arguments name one; v4 leaves them so."""
        if self.is_in_train:
            return None
        return (
            torch.bfloat16
            if self.args.bf16_full_eval
            else torch.float16
            if self.args.fp16_full_eval
            else None
        )

    def evaluation_loop(
        self,
        dataloader: Any,
        description: str,
        prediction_loss_only: bool | None = None,
        ignore_keys: Sequence[str] | None = None,
        metric_key_prefix: str = "eval",
    ) -> EvalLoopOutput:
        """Run the model over batches and collect what was asked for."""
        args = self.args
        loss_only = args.prediction_loss_only if prediction_loss_only is None else prediction_loss_only
        streaming = args.batch_eval_metrics and self.compute_metrics is not None
        kept: dict[str, list[Any]] = {"predictions": [], "labels": [], "inputs": [], "losses": []}
        losses, rows, computed = MeanLoss(), 0, {}
        self.model.eval()
        for batch, last in with_last(dataloader):
            size = rows_of(batch)
            (self.micro_batch,) = micro_batches_of(self.model, [batch], label_names=self.label_names)
            inputs = self.on_device(batch)
            loss, logits, labels = self.prediction_step(self.model_wrapped, inputs, loss_only, ignore_keys)
            if logits is not None and self.preprocess_logits_for_metrics is not None:
                logits = self.preprocess_logits_for_metrics(logits, labels)
            rows += size
            if loss is not None:
                losses.add(loss, self.micro_batch, self.loss_terms)
            new = self._kept(inputs, loss=loss, logits=logits, labels=labels, rows=size)
            if streaming:
                computed = self.compute_metrics(_prediction(new), compute_result=last)
            elif not loss_only:
                for name, value in new.items():
                    kept[name].append(as_arrays(value))
            self._event("on_prediction_step", eval_dataloader=dataloader)
        self.micro_batch = None
        joined = {name: self._joined(values) for name, values in kept.items()}
        known = joined["predictions"] is not None and joined["labels"] is not None
        if self.compute_metrics is not None and not streaming and known:
            computed = self.compute_metrics(_prediction(joined))
        metrics = {} if losses.value is None else {f"{metric_key_prefix}_loss": losses.value}
        metrics |= prefixed(as_numbers(computed or {}), metric_key_prefix)
        return EvalLoopOutput(joined["predictions"], joined["labels"], metrics, rows)

    def _kept(
        self, inputs: Any, *, loss: Tensor | None, logits: Any, labels: Any, rows: int
    ) -> dict[str, Any]:
        wanted = self.args.include_for_metrics
        name = getattr(self.model, "main_input_name", "input_ids")
        return {
            "predictions": logits,
            "labels": labels,
            "inputs": inputs.get(name) if "inputs" in wanted else None,
            "losses": loss.double().repeat(rows) if "loss" in wanted and loss is not None else None,
        }

    def _joined(self, parts: list[Any]) -> Any:
        if not parts or parts[0] is None:
            return None
        return joined(parts) if self.args.eval_do_concat_batches else parts

    def prediction_step(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        prediction_loss_only: bool,
        ignore_keys: Sequence[str] | None = None,
    ) -> tuple[Tensor | None, Any, Any]:
        """One batch: its loss, the model's other outputs (one tensor or several), and its labels."""
        names = [name for name in self.label_names if inputs.get(name) is not None]
        has_labels = bool(self.label_names) and len(names) == len(self.label_names)
        has_loss = has_labels or (not self.label_names and self.can_return_loss)
        some = {name: inputs[name] for name in names}
        labels = next(iter(some.values())) if len(some) == 1 else tuple(some.values()) or None
        self.loss_terms = {}
        with torch.no_grad():
            loss = None
            if has_loss:
                with self.precision.autocast():
                    loss, outputs = self.compute_loss(model, inputs, return_outputs=True)
                    if self.micro_batch is not None and not self._loss_is_own(inputs):
                        self.loss_terms = terms_of(
                            self.model, outputs, inputs=inputs, micro_batch=self.micro_batch
                        )
                loss = loss.detach().float().mean()
            else:
                with self.precision.autocast():
                    outputs = model(**inputs)
        if prediction_loss_only:
            return loss, None, None
        return loss, self._logits(outputs, ignore_keys), detached(labels)

    can_return_loss = False
    precision: Any
    loss_terms: Terms  # of the batch that prediction_step saw last

    def _logits(self, outputs: Any, ignore_keys: Sequence[str] | None) -> Any:
        """Everything but the loss and what the configuration says to leave out; alone where it is one."""
        ignored = ignore_keys
        if ignored is None:
            config = getattr(self.model, "config", None)
            ignored = getattr(config, "keys_to_ignore_at_inference", ("past_key_values", "mems"))
        if hasattr(outputs, "items"):
            found = tuple(value for name, value in outputs.items() if name not in (*ignored, "loss"))
        else:
            found = tuple(outputs)[1:] if isinstance(outputs, tuple) else (outputs,)
        found = tuple(detached(value) for value in found if value is not None)
        return found[0] if len(found) == 1 else found


class MeanLoss:
    """The loss over all items of many batches. Where it is a sum of means over different items, each mean is
    taken over all of its own, so that the batch size changes nothing."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, int]] = {}  # by label name: the sum, and how many items it has

    def add(self, loss: Tensor, micro_batch: MicroBatch, terms: Mapping[str, Tensor]) -> None:
        """terms: what the loss is the sum of, or nothing where it is one mean over the part's items."""
        for name, mean in (terms or {micro_batch.main: loss}).items():
            count = micro_batch.counts.get(name, 0)
            if count:
                total, items = self._sums.get(name, (0.0, 0))
                self._sums[name] = total + float(mean) * count, items + count

    @property
    def value(self) -> float | None:
        """None: no item counted."""
        return sum(total / items for total, items in self._sums.values()) if self._sums else None


def _prediction(parts: Mapping[str, Any]) -> EvalPrediction:
    return EvalPrediction(parts["predictions"], parts["labels"], parts["inputs"], parts["losses"])


def rows_of(batch: Any) -> int:
    """Rows of a batch: the first dimension of its first tensor."""
    values = batch.values() if isinstance(batch, Mapping) else batch
    for value in values:
        if isinstance(value, Tensor) and value.dim():
            return len(value)
    raise InputError("A batch has no tensor, so its rows cannot be counted; look at the data collator.")


def detached(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, tuple | list):
        return tuple(detached(one) for one in value)
    return value


def as_arrays(value: Any) -> Any:
    """Tensors on the CPU as numpy arrays, bfloat16 as float32."""
    if isinstance(value, Tensor):
        value = value.float() if value.dtype is torch.bfloat16 else value
        return value.cpu().numpy()
    if isinstance(value, tuple | list):
        return tuple(as_arrays(one) for one in value)
    return value


def joined(parts: Sequence[Any]) -> Any:
    """Arrays of batches, one behind the other; where other dimensions differ, padded with -100."""
    if isinstance(parts[0], tuple):
        return tuple(joined(column) for column in zip(*parts, strict=True))
    if parts[0].ndim == 0:
        return np.stack(parts)
    shape = [max(sizes) for sizes in zip(*(part.shape[1:] for part in parts), strict=True)]
    if all(list(part.shape[1:]) == shape for part in parts):
        return np.concatenate(parts)
    whole = np.full((sum(len(p) for p in parts), *shape), IGNORED, dtype=parts[0].dtype)
    start = 0
    for part in parts:
        place = (slice(start, start + len(part)), *(slice(0, size) for size in part.shape[1:]))
        whole[place] = part
        start += len(part)
    return whole


def as_numbers(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """numpy's and torch's numbers as Python's, arrays as lists, so that they can be logged."""
    return {
        name: value.tolist() if isinstance(value, Tensor | np.generic | np.ndarray) else value
        for name, value in metrics.items()
    }


def prefixed(metrics: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Metrics under names that begin with a prefix, where they do not yet."""
    return {
        name if name.startswith(f"{prefix}_") else f"{prefix}_{name}": value
        for name, value in metrics.items()
    }
