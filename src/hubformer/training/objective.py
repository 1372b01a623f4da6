"""What is made small: the loss of a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from hubformer.errors import InputError
from hubformer.training import losses
from hubformer.training.loaders import Loaders
from hubformer.training.losses import MicroBatch


class Objective(Loaders):
    """The part of the Trainer that knows the loss."""

    compute_loss_func: Callable[..., Tensor] | None
    micro_batch: MicroBatch | None  # the one at hand; None outside the loops

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The mean loss over the items of a batch, and the outputs where they are asked for."""
        inputs, micro_batch, epsilon = dict(inputs), self.micro_batch, self.args.label_smoothing_factor
        own = self._loss_is_own(inputs)
        by_terms = not own and micro_batch is not None and micro_batch.by_terms
        names = ["labels"] if own else []
        if by_terms and micro_batch is not None:
            names = losses.label_names_to_withhold(self.model, micro_batch)
        labels = {name: inputs.pop(name) for name in names if name in inputs}
        outputs = model(**inputs)
        if self.compute_loss_func is not None:
            given = labels.get("labels")
            if num_items_in_batch is None and micro_batch is not None:  # in an evaluation
                num_items_in_batch = micro_batch.count
            loss = self.compute_loss_func(outputs, given, num_items_in_batch=num_items_in_batch)
        elif own:
            scores = self._one_score(outputs)
            shifted = losses.predicts_next(self.model)
            loss = losses.smoothed(scores, labels["labels"], epsilon=epsilon, shifted=shifted)
        elif by_terms and micro_batch is not None:
            loss = losses.loss_by_terms(self.model, outputs, labels=labels, micro_batch=micro_batch)
        else:
            loss = outputs.get("loss") if hasattr(outputs, "get") else outputs[0]
        if loss is None:
            raise InputError(
                f"{type(self.model).__name__} gave no loss for a batch with {sorted(inputs)}: expected "
                f"labels ({', '.join(self.label_names) or 'none are in its forward'}). Name the column so."
            )
        return (loss, outputs) if return_outputs else loss

    def _loss_is_own(self, inputs: dict[str, Any]) -> bool:
        """Whether the loss is another than the head's."""
        smoothed = self.args.label_smoothing_factor and inputs.get("labels") is not None
        return self.compute_loss_func is not None or bool(smoothed)

    def _one_score(self, outputs: Any) -> Tensor:
        """The scores that label smoothing is about."""
        scores: Tensor | None = outputs.get("logits") if hasattr(outputs, "get") else outputs[0]
        if scores is None:
            raise InputError(
                f"label_smoothing_factor needs one kind of scores, logits; {type(self.model).__name__} gives "
                f"{', '.join(outputs)}. Leave it at 0."
            )
        return scores
