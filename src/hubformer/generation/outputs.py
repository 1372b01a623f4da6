"""What generate returns where return_dict_in_generate asks for more than the tokens.

Shapes:  B sequences  R those of a step, beams included  L tokens, the prompt included  V vocabulary
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hubformer.core import Cache
from hubformer.models.outputs import ModelOutput


@dataclass(eq=False)
class GenerateDecoderOnlyOutput(ModelOutput):
    sequences: Tensor | None = None  # (B, L)
    scores: tuple[Tensor, ...] | None = None  # per step (B, V), after the processors
    logits: tuple[Tensor, ...] | None = None  # per step (B, V), as the model gave them
    attentions: tuple[tuple[Tensor, ...], ...] | None = None  # per step and layer
    hidden_states: tuple[tuple[Tensor, ...], ...] | None = None  # per step and layer
    past_key_values: Cache | None = None


@dataclass(eq=False)
class GenerateBeamDecoderOnlyOutput(ModelOutput):
    sequences: Tensor | None = None  # (B, L)
    sequences_scores: Tensor | None = None  # (B,): log probability over length ** length_penalty
    scores: tuple[Tensor, ...] | None = None  # per step (B * beams, V), as log probabilities
    logits: tuple[Tensor, ...] | None = None  # per step (B * beams, V)
    beam_indices: Tensor | None = None  # (B, new tokens): the beam each token was chosen in; -1 after the end
    attentions: tuple[tuple[Tensor, ...], ...] | None = None  # per step and layer
    hidden_states: tuple[tuple[Tensor, ...], ...] | None = None  # per step and layer
    past_key_values: Cache | None = None


@dataclass(eq=False)
class GenerateEncoderDecoderOutput(ModelOutput):
    """Of an encoder-decoder; sequences begin with the decoder's start token."""

    sequences: Tensor | None = None  # (B, L)
    scores: tuple[Tensor, ...] | None = None  # per step (B, V), after the processors
    logits: tuple[Tensor, ...] | None = None  # per step (B, V), as the model gave them
    encoder_attentions: tuple[Tensor, ...] | None = None  # per layer
    encoder_hidden_states: tuple[Tensor, ...] | None = None
    decoder_attentions: tuple[tuple[Tensor, ...], ...] | None = None  # per step and layer
    cross_attentions: tuple[tuple[Tensor, ...], ...] | None = None
    decoder_hidden_states: tuple[tuple[Tensor, ...], ...] | None = None
    past_key_values: Cache | None = None


@dataclass(eq=False)
class GenerateBeamEncoderDecoderOutput(ModelOutput):
    """Of an encoder-decoder; sequences begin with the decoder's start token."""

    sequences: Tensor | None = None  # (B, L)
    sequences_scores: Tensor | None = None  # (B,): log probability over length ** length_penalty
    scores: tuple[Tensor, ...] | None = None  # per step (B * beams, V), as log probabilities
    logits: tuple[Tensor, ...] | None = None  # per step (B * beams, V)
    beam_indices: Tensor | None = None  # (B, new tokens): the beam each token was chosen in; -1 after the end
    encoder_attentions: tuple[Tensor, ...] | None = None  # per layer
    encoder_hidden_states: tuple[Tensor, ...] | None = None
    decoder_attentions: tuple[tuple[Tensor, ...], ...] | None = None  # per step and layer
    cross_attentions: tuple[tuple[Tensor, ...], ...] | None = None
    decoder_hidden_states: tuple[tuple[Tensor, ...], ...] | None = None
    past_key_values: Cache | None = None


def transition_scores(
    sequences: Tensor, scores: tuple[Tensor, ...], *, beam_indices: Tensor | None, normalised: bool
) -> Tensor:
    """The score of each new token of sequences (B, L), from scores per step (R, V): (B, new tokens).

    beam_indices (B, new tokens): the row of each token; None: its own. Tokens after the end score 0.
    normalised: as log probabilities of the step.
    """
    steps = torch.stack(scores, dim=1)  # (R, steps, V)
    if normalised:
        steps = steps.log_softmax(-1)
    if beam_indices is None:
        rows = torch.arange(len(sequences), device=steps.device)[:, None].expand(-1, steps.shape[1])
    else:
        longest = int((beam_indices >= 0).sum(-1).max())
        rows = beam_indices[:, :longest].long()
    new = rows.shape[1]
    tokens = sequences[:, sequences.shape[1] - new :]
    found = steps[rows.clamp(min=0), torch.arange(new, device=steps.device), tokens]
    return found.masked_fill(rows < 0, 0.0)
