"""What a head's scores become: the fields of the output, with a loss where labels are given.

Each function takes the raw scores, the inputs and the model's configuration. Losses are means; a label of
-100 is not counted.

Shapes:  B rows  L length  V vocabulary  N labels  C choices
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from hubformer.errors import InputError
from hubformer.models.config import PreTrainedConfig
from hubformer.models.inputs import Inputs

Fields = dict[str, Any]


def cross_entropy(logits: Tensor, labels: Tensor, *, ignored: int = -100) -> Tensor:
    """Mean over the labels that count. scores (..., N), labels (...)"""
    if not torch.compiler.is_compiling():
        _check_labels(labels, shape=logits.shape, ignored=ignored)
    high = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
    return F.cross_entropy(high.flatten(0, -2), labels.flatten().to(logits.device), ignore_index=ignored)


def _check_labels(labels: Tensor, *, shape: torch.Size, ignored: int) -> None:
    """Values are looked at on the CPU only, where that costs no synchronisation."""
    if labels.numel() != shape[:-1].numel():
        raise InputError(f"labels has the shape {list(labels.shape)}, expected {list(shape[:-1])}.")
    if labels.is_floating_point():
        raise InputError(f"labels has the dtype {labels.dtype}, expected whole numbers such as torch.long.")
    if labels.device.type != "cpu":
        return
    wrong = labels[((labels < 0) | (labels >= shape[-1])) & (labels != ignored)]
    if wrong.numel():
        raise InputError(
            f"labels holds {int(wrong[0])}, expected 0 to {shape[-1] - 1}, or {ignored} for what is not "
            "counted. Load the model with num_labels= for another number of labels."
        )


def pooled(logits: Tensor, inputs: Inputs, config: PreTrainedConfig) -> Fields:
    return {"pooler_output": logits}


def states_only(logits: None, inputs: Inputs, config: PreTrainedConfig) -> Fields:
    return {}


def labelled_tokens(logits: Tensor, inputs: Inputs, config: PreTrainedConfig) -> Fields:
    """Masked language models, token classification, XLNet's targets: labels stand where the scores do."""
    labels = inputs.labels
    return {"logits": logits, "loss": None if labels is None else cross_entropy(logits, labels)}


def next_tokens(logits: Tensor, inputs: Inputs, config: PreTrainedConfig) -> Fields:
    """Causal language models: the scores at one token are for the next."""
    labels = inputs.labels
    return {"logits": logits, "loss": None if labels is None else _shifted(logits, labels)}


def _shifted(logits: Tensor, labels: Tensor) -> Tensor:
    return cross_entropy(logits[..., :-1, :], labels[..., 1:])


def next_sentence(logits: Tensor, inputs: Inputs, config: PreTrainedConfig) -> Fields:
    labels = inputs.labels
    return {"logits": logits, "loss": None if labels is None else cross_entropy(logits, labels)}


def pretraining(logits: tuple[Tensor, Tensor], inputs: Inputs, config: PreTrainedConfig) -> Fields:
    """BERT's two tasks at once (arXiv:1810.04805): the loss is the sum, where both labels are given."""
    words, follows = logits
    loss = None
    if inputs.labels is not None and inputs.next_sentence_label is not None:
        loss = cross_entropy(words, inputs.labels) + cross_entropy(follows, inputs.next_sentence_label)
    return {"loss": loss, "prediction_logits": words, "seq_relationship_logits": follows}


def pretraining_on_words(logits: tuple[Tensor, Tensor], inputs: Inputs, config: PreTrainedConfig) -> Fields:
    """The same two tasks, of which the second may have no labels."""
    words, follows = logits
    loss = None if inputs.labels is None else cross_entropy(words, inputs.labels)
    if loss is not None and inputs.next_sentence_label is not None:
        loss = loss + cross_entropy(follows, inputs.next_sentence_label)
    return {"loss": loss, "prediction_logits": words, "seq_relationship_logits": follows}


def sentence_order(logits: tuple[Tensor, Tensor], inputs: Inputs, config: PreTrainedConfig) -> Fields:
    """ALBERT's two tasks at once (arXiv:1909.11942): the loss is the sum, where both labels are given."""
    words, order = logits
    loss = None
    if inputs.labels is not None and inputs.sentence_order_label is not None:
        loss = cross_entropy(words, inputs.labels) + cross_entropy(order, inputs.sentence_order_label)
    return {"loss": loss, "prediction_logits": words, "sop_logits": order}


def replaced_tokens(logits: Tensor, inputs: Inputs, config: PreTrainedConfig) -> Fields:
    """ELECTRA's discriminator (arXiv:2003.10555): scores (B, L, 1), labels 1 where a token was replaced.

    The loss is the mean over all tokens that are not padding.
    """
    logits = logits.squeeze(-1)
    loss = None
    if inputs.labels is not None:
        high = logits.float() if logits.dtype in (torch.float16, torch.bfloat16) else logits
        labels, mask = inputs.labels.to(high), inputs.attention_mask
        if mask is not None:
            high, labels = high[mask.bool()], labels[mask.bool()]
        loss = F.binary_cross_entropy_with_logits(high, labels)
    return {"loss": loss, "logits": logits}


def sequence_labels(logits: Tensor, inputs: Inputs, config: PreTrainedConfig) -> Fields:
    """One label, several, or a number per row; config.problem_type says which, else the labels do."""
    labels = inputs.labels
    return {"logits": logits, "loss": None if labels is None else _sequence_loss(logits, labels, config)}


def _sequence_loss(logits: Tensor, labels: Tensor, config: PreTrainedConfig) -> Tensor:
    labels = labels.to(logits.device)
    kind: str | None = config.problem_type
    if kind is None:
        if logits.shape[-1] == 1:
            kind = "regression"
        elif labels.is_floating_point():
            kind = "multi_label_classification"
        else:
            kind = "single_label_classification"
    if kind == "single_label_classification":
        return cross_entropy(logits, labels)
    if kind == "multi_label_classification":
        if labels.shape != logits.shape:
            raise InputError(
                f"labels has the shape {list(labels.shape)}, expected {list(logits.shape)} for several "
                "labels a row: 1.0 where a label applies, else 0.0."
            )
        return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))
    if logits.shape[-1] == 1:
        logits = logits.squeeze(-1)
    return F.mse_loss(logits, labels.to(logits.dtype).reshape(logits.shape))


def span(logits: Tensor, inputs: Inputs, config: PreTrainedConfig) -> Fields:
    """The ends of an answer: scores (B, L, 2); a label past the end of the row is not counted."""
    starts, ends = logits.unbind(-1)
    loss = None
    if inputs.start_positions is not None and inputs.end_positions is not None:
        loss = (_place_loss(starts, inputs.start_positions) + _place_loss(ends, inputs.end_positions)) / 2
    return {"loss": loss, "start_logits": starts, "end_logits": ends}


def _place_loss(logits: Tensor, places: Tensor) -> Tensor:
    length = logits.shape[1]
    return cross_entropy(logits, places.reshape(len(logits)).clamp(0, length), ignored=length)


def one_of_choices(logits: Tensor, inputs: Inputs, config: PreTrainedConfig) -> Fields:
    """Multiple choice: one score for each of the C rows that belong together, (B * C, 1) -> (B, C)."""
    choices = inputs.batch_shape[1]
    grouped = logits.reshape(-1, choices)
    labels = inputs.labels
    return {"logits": grouped, "loss": None if labels is None else cross_entropy(grouped, labels)}


def double(logits: tuple[Tensor, Tensor], inputs: Inputs, config: PreTrainedConfig) -> Fields:
    """GPT's language model and multiple choice over the same rows (B, C, L)."""
    words, choice = logits
    words = words.reshape(*inputs.batch_shape, words.shape[-1])
    choice = choice.reshape(inputs.batch_shape[:-1] + choice.shape[1:])
    choice = choice.squeeze(-1)
    return {
        "loss": None if inputs.labels is None else _shifted(words, inputs.labels),
        "mc_loss": None if inputs.mc_labels is None else cross_entropy(choice, inputs.mc_labels),
        "logits": words,
        "mc_logits": choice,
    }
