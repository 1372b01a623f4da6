"""What generate returns where return_dict_in_generate asks for more than the tokens.

Shapes:  B rows  L tokens, the prompt included  V vocabulary
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from hubformer.core import Cache
from hubformer.models.outputs import ModelOutput


@dataclass(eq=False)
class GenerateDecoderOnlyOutput(ModelOutput):
    sequences: Tensor | None = None  # (B, L)
    scores: tuple[Tensor, ...] | None = None  # per step (B, V), after the rules
    logits: tuple[Tensor, ...] | None = None  # per step (B, V), as the model gave them
    past_key_values: Cache | None = None


@dataclass(eq=False)
class GenerateBeamDecoderOnlyOutput(ModelOutput):
    sequences: Tensor | None = None  # (B, L)
    sequences_scores: Tensor | None = None  # (B,): log probability over length ** length_penalty
    scores: tuple[Tensor, ...] | None = None  # per step (rows * beams, V), as log probabilities
    logits: tuple[Tensor, ...] | None = None  # per step (rows * beams, V)
    beam_indices: Tensor | None = None  # (B, new tokens): the row each token was chosen in; -1 after the end
    past_key_values: Cache | None = None


@dataclass(eq=False)
class GenerateEncoderDecoderOutput(GenerateDecoderOnlyOutput):
    """Of an encoder-decoder; sequences begin with the decoder's start token."""


@dataclass(eq=False)
class GenerateBeamEncoderDecoderOutput(GenerateBeamDecoderOnlyOutput):
    """Of an encoder-decoder; sequences begin with the decoder's start token."""
