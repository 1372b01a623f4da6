"""Losses of a step that is cut into micro-batches, such that these add up to the loss of the whole step.

Every loss is a mean over the items that count: rows, or tokens whose label is not -100. The loss weight of a
micro-batch is its items over the step's, so a mean times that weight, summed over the micro-batches, is the
mean over the whole step. Where a head's loss has two terms that count different things, each has its own
weight.

Shapes:  B rows  L length  V vocabulary  N labels
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from hubformer.errors import InputError
from hubformer.models import tasks
from hubformer.training.masking import IGNORED
from hubformer.training.replaced_tokens import ReplacedTokens

_SHIFTED = (tasks.next_tokens, tasks.double)  # a label is the next token's: the first is never scored
Terms = dict[str, Tensor]


def _pretraining(outputs: Any, labels: Mapping[str, Tensor]) -> Terms:
    return {
        "labels": tasks.cross_entropy(outputs["prediction_logits"], labels["labels"]),
        "next_sentence_label": tasks.cross_entropy(
            outputs["seq_relationship_logits"], labels["next_sentence_label"]
        ),
    }


def _sentence_order(outputs: Any, labels: Mapping[str, Tensor]) -> Terms:
    return {
        "labels": tasks.cross_entropy(outputs["prediction_logits"], labels["labels"]),
        "sentence_order_label": tasks.cross_entropy(outputs["sop_logits"], labels["sentence_order_label"]),
    }


def _span(outputs: Any, labels: Mapping[str, Tensor]) -> Terms:
    def place(scores: Tensor, places: Tensor) -> Tensor:
        length = scores.shape[1]
        return tasks.cross_entropy(scores, places.reshape(-1).clamp(0, length), ignored=length) / 2

    return {
        "start_positions": place(outputs["start_logits"], labels["start_positions"]),
        "end_positions": place(outputs["end_logits"], labels["end_positions"]),
    }


def _replaced(outputs: Any, labels: Mapping[str, Tensor]) -> Terms:
    return {"labels": outputs["generator_loss"], "attention_mask": outputs["discriminator_loss"]}


@dataclass(frozen=True)
class _Sum:
    """A loss that is a sum of means over different items. names: of what counts the items of each term.
    needs_labels: the model's forward computes the terms."""

    names: tuple[str, ...]
    terms: Callable[[Any, Mapping[str, Tensor]], Terms]
    needs_labels: bool = False


# By the function that ends a head's pass, or by the class of a model without a head.
_SUMS: Mapping[Any, _Sum] = {
    tasks.pretraining: _Sum(("labels", "next_sentence_label"), _pretraining),
    tasks.pretraining_on_words: _Sum(("labels", "next_sentence_label"), _pretraining),
    tasks.sentence_order: _Sum(("labels", "sentence_order_label"), _sentence_order),
    tasks.span: _Sum(("start_positions", "end_positions"), _span),
    ReplacedTokens: _Sum(("labels", "attention_mask"), _replaced, needs_labels=True),
}


@dataclass(frozen=True)
class MicroBatch:
    """One batch of a step: how many items it has, and the fraction of the step's that is, by label name.

    `main` is the label whose weight the whole loss is multiplied by.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    loss_weights: Mapping[str, float] = field(default_factory=dict)
    main: str = ""

    @property
    def count(self) -> int:
        return self.counts.get(self.main, 0)

    @property
    def loss_weight(self) -> float:
        return self.loss_weights.get(self.main, 0.0)

    @property
    def by_terms(self) -> bool:
        """Whether one weight is not right for all terms of the loss."""
        return len(set(self.loss_weights.values())) > 1


_CLASSIFYING = ("sequence-classification", "token-classification")


def refuse_foreign_labels(model: nn.Module, batch: Any) -> None:
    """Look at a batch on the CPU, before a device would only say that something is out of range.

    Raises:
        InputError: a label is none of the model's.
    """
    tasks_of = getattr(getattr(model, "head_row", None), "tasks", ())
    labels = batch.get("labels") if isinstance(batch, Mapping) else None
    if not isinstance(labels, Tensor) or labels.is_floating_point() or not labels.numel():
        return
    if not any(task in tasks_of for task in _CLASSIFYING):
        return
    config: Any = model.config
    limit = int(config.num_labels)
    if limit < 2 or config.problem_type == "regression":
        return
    counted = labels[labels != IGNORED]
    wrong = counted[(counted < 0) | (counted >= limit)]
    if len(wrong):
        raise InputError(
            f"A row has the label {int(wrong[0])}, but the model has the {limit} labels 0 to {limit - 1}: "
            f"{', '.join(map(str, list(config.id2label.values())[:6]))}. Map the data's labels to these, "
            "or load the model with num_labels= or id2label= for its own."
        )


def loss_fn_of(model: nn.Module) -> Any:
    """The function that turns a head's scores into its loss; of a model without a head, its class."""
    row = getattr(model, "head_row", None)
    return type(model) if row is None else row.loss_fn


def micro_batches_of(
    model: nn.Module, batches: Sequence[Any], *, label_names: Sequence[str]
) -> list[MicroBatch]:
    """The micro-batches of one step, counted before anything is computed."""
    loss_fn = loss_fn_of(model)
    for batch in batches:
        refuse_foreign_labels(model, batch)
    counts = [_items(loss_fn, batch, label_names) for batch in batches]
    names = list(counts[0]) if counts else []
    totals = {name: sum(c.get(name, 0) for c in counts) for name in names}
    micro_batches = []
    for c in counts:
        loss_weights = {name: c.get(name, 0) / totals[name] if totals[name] else 0.0 for name in names}
        micro_batches.append(
            MicroBatch(c, loss_weights, max(loss_weights, key=loss_weights.__getitem__, default=""))
        )
    return micro_batches


def _items(loss_fn: Any, batch: Any, label_names: Sequence[str]) -> dict[str, int]:
    if not isinstance(batch, Mapping):
        return {"rows": _rows(batch)}
    names = _SUMS[loss_fn].names if loss_fn in _SUMS else ()
    if names and all(batch.get(name) is not None for name in names):
        return {name: _counted(loss_fn, name, batch) for name in names}
    given = [name for name in label_names if isinstance(batch.get(name), Tensor)]
    if not given:
        return {"rows": _rows(batch)}
    return {given[0]: _counted(loss_fn, given[0], batch)}


def _counted(loss_fn: Any, name: str, batch: Mapping[str, Any]) -> int:
    labels: Tensor = batch[name]
    if labels.is_floating_point():
        return labels.numel()
    if loss_fn is tasks.span:
        ids = batch.get("input_ids", batch.get("inputs_embeds"))
        return int((labels < ids.shape[1]).sum()) if isinstance(ids, Tensor) else labels.numel()
    if name == "attention_mask":
        return int((labels != 0).sum())
    if loss_fn is tasks.replaced_tokens and isinstance(batch.get("attention_mask"), Tensor):
        return int((batch["attention_mask"] != 0).sum())
    if name == "labels" and loss_fn in _SHIFTED:
        labels = labels[..., 1:]
    return int((labels != IGNORED).sum())


def _rows(batch: Any) -> int:
    values = (
        batch.values() if isinstance(batch, Mapping) else batch if isinstance(batch, tuple | list) else ()
    )
    return next((len(v) for v in values if isinstance(v, Tensor) and v.dim()), 1)


def label_names_to_withhold(model: nn.Module, micro_batch: MicroBatch) -> list[str]:
    """The labels that a pass is not given where `loss_by_terms` computes the loss in its place."""
    return [] if _SUMS[loss_fn_of(model)].needs_labels else list(micro_batch.loss_weights)


def loss_by_terms(
    model: nn.Module, outputs: Any, *, labels: Mapping[str, Tensor], micro_batch: MicroBatch
) -> Tensor:
    """The loss of one micro-batch such that it adds up when it is multiplied by its loss weight."""
    terms = _SUMS[loss_fn_of(model)].terms(outputs, labels)
    main = micro_batch.loss_weight
    kept = [terms[name] * (weight / main) for name, weight in micro_batch.loss_weights.items() if weight]
    return torch.stack(kept).sum()


def terms_of(model: nn.Module, outputs: Any, *, inputs: Mapping[str, Any], micro_batch: MicroBatch) -> Terms:
    """The terms of a batch's loss that are means over different items, by label name; none where there is one
    mean."""
    found = _SUMS.get(loss_fn_of(model))
    if found is None or set(micro_batch.counts) != set(found.names):
        return {}
    return found.terms(outputs, inputs)


def smoothed(scores: Tensor, labels: Tensor, *, epsilon: float, shifted: bool) -> Tensor:
    """Cross-entropy against labels of which a share `epsilon` is spread over all classes (Szegedy et al.
    2015, arXiv:1512.00567). scores (..., N), labels (...)"""
    if shifted:
        scores, labels = scores[..., :-1, :], labels[..., 1:]
    high = scores.float() if scores.dtype in (torch.float16, torch.bfloat16) else scores
    counted = labels != IGNORED
    losses = -torch.log_softmax(high[counted], dim=-1)
    right = losses.gather(-1, labels[counted][:, None]).squeeze(-1)
    return (1 - epsilon) * right.mean() + epsilon * losses.mean()


def predicts_next(model: nn.Module) -> bool:
    """Whether the labels of a model are shifted by one (causal language models)."""
    return loss_fn_of(model) in _SHIFTED
