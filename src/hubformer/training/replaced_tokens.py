"""ELECTRA's pre-training: one model fills in hidden tokens, another tells which of them are not the text's
(Clark et al. 2020, arXiv:2003.10555).

Shapes:  B rows  L length  N hidden tokens of all rows  V vocabulary  M model width
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from hubformer.errors import InputError
from hubformer.models import tasks
from hubformer.models.heads import Context
from hubformer.models.inputs import Inputs
from hubformer.models.outputs import ModelOutput
from hubformer.training.masking import IGNORED

_OF_ITS_OWN = ("project", "enter", "widen")  # from the width of the token vectors to a body's


@dataclass
class ReplacedTokensOutput(ModelOutput):
    """discriminator_loss is weighted already, so that the two losses add up to `loss`."""

    loss: Tensor | None = None
    generator_loss: Tensor | None = None
    discriminator_loss: Tensor | None = None
    generator_logits: Tensor | None = None  # (N, V)
    logits: Tensor | None = None  # (B, L), above 0: taken for replaced
    replaced: Tensor | None = None  # (B, L), 1 where it was, -100 at padding


class ReplacedTokens(nn.Module):
    """A masked language model and a discriminator, trained together. They share their token vectors, with
    everything that is added to these; no gradient goes through the tokens that are drawn.

    Args:
        generator: such as ElectraForMaskedLM.
        discriminator: such as ElectraForPreTraining, which is the model that is wanted in the end.
        weight: of the discriminator's loss beside the generator's, whose scale is that of a vocabulary.

    Raises:
        InputError: models that do not fit together, or that answer other questions.
    """

    def __init__(self, generator: Any, discriminator: Any, *, weight: float = 50.0) -> None:
        super().__init__()
        _check(generator, discriminator)
        self.generator, self.discriminator, self.weight = generator, discriminator, weight
        self.config = discriminator.config
        shared = discriminator.computation.body.embedding
        for name, part in shared.named_children():
            if name not in _OF_ITS_OWN:
                generator.tree.replace(getattr(generator.computation.body.embedding, name), part)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> ReplacedTokensOutput:
        """input_ids (B, L) with some tokens hidden; labels (B, L), those tokens, and -100 elsewhere.

        Raises:
            InputError: without labels, which say what was hidden.
        """
        if labels is None:
            raise InputError("Replaced tokens are learnt from labels: the hidden tokens, and -100 elsewhere.")
        given: dict[str, Any] = {"attention_mask": attention_mask, "token_type_ids": token_type_ids}
        hidden = labels != IGNORED
        scores = self._scores(Inputs(input_ids=input_ids, **given), hidden=hidden)
        filled = input_ids.masked_scatter(hidden, self._drawn(scores))
        replaced = (filled != input_ids.where(~hidden, labels)).long()
        judged = self.discriminator(filled, **given, labels=replaced)
        found = tasks.cross_entropy(scores, labels[hidden]) if len(scores) else scores.sum()
        told = self.weight * judged.loss
        if attention_mask is not None:
            replaced = replaced.masked_fill(attention_mask == 0, IGNORED)
        return ReplacedTokensOutput(found + told, found, told, scores, judged.logits, replaced)

    def _scores(self, inputs: Inputs, *, hidden: Tensor) -> Tensor:
        """The generator's scores (N, V) of the hidden tokens alone: others need none, and they are many."""
        states = self.generator.computation.body(inputs, trace=None, use_cache=False)
        asked = states.last[hidden][None]
        scores: Tensor = self.generator.computation.head(
            asked, Context(states.layout, inputs, self.generator.computation.body.embedding.tokens)
        )
        return scores[0]

    def _drawn(self, scores: Tensor) -> Tensor:
        """(N, V) -> (N,). While nothing is trained the draw is always the same one, so that measures can be
        compared, and measuring more often changes no training."""
        if not len(scores):
            return scores.new_zeros(0, dtype=torch.long)
        fixed = None if self.training else torch.Generator(scores.device).manual_seed(0)
        odds = scores.detach().float().softmax(-1)
        return odds.multinomial(1, generator=fixed)[:, 0]

    def own(self) -> None:
        """Keep the weights in memory of their own, not in a mapped file."""
        for model in (self.generator, self.discriminator):
            model.own()

    def gradient_checkpointing_enable(self, settings: Mapping[str, Any] | None = None) -> None:
        for model in (self.generator, self.discriminator):
            model.gradient_checkpointing_enable(settings)


def check_discriminator(model: Any) -> None:
    """
    Raises:
        InputError: a model that does not tell replaced tokens.
    """
    _check_head(model, tasks.replaced_tokens, role="discriminator", such="ElectraForPreTraining")


def _check_head(model: Any, loss_fn: Any, *, role: str, such: str) -> None:
    if getattr(getattr(model, "head_row", None), "loss_fn", None) is not loss_fn:
        raise InputError(f"The {role} is a {type(model).__name__}, expected a model such as {such}.")


def _check(generator: Any, discriminator: Any) -> None:
    _check_head(generator, tasks.labelled_tokens, role="generator", such="ElectraForMaskedLM")
    check_discriminator(discriminator)
    tables = [
        {
            name: tuple(p.shape)
            for name, p in model.computation.body.embedding.named_parameters()
            if _shared(name)
        }
        for model in (generator, discriminator)
    ]
    if tables[0] != tables[1]:
        raise InputError(
            f"Generator and discriminator share their token vectors, but the generator's are {tables[0]}, "
            f"and the discriminator's {tables[1]}. Give them equal vocab_size, embedding_size, "
            "max_position_embeddings and type_vocab_size."
        )


def _shared(name: str) -> bool:
    return name.partition(".")[0] not in _OF_ITS_OWN
