"""The halves of an encoder-decoder as modules of their own, which v4's get_encoder and get_decoder give.

Shapes:  B rows  L tokens read  K tokens that the encoder read  M model width
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from hubformer.core import Trace
from hubformer.errors import InputError
from hubformer.models.bodies import Body, States
from hubformer.models.config import PreTrainedConfig
from hubformer.models.inputs import Inputs, check, forward_taking
from hubformer.models.outputs import (
    BaseModelOutput,
    BaseModelOutputWithPastAndCrossAttentions,
    LEDEncoderBaseModelOutput,
    ModelOutput,
)

SHOWN = ("output_attentions", "output_hidden_states", "return_dict")


class Encoder(nn.Module):
    """(B, L) tokens to their states (B, L, M). Its parameters are the model's own.

    What it returns is what a forward pass and `generate` take as `encoder_outputs`.
    """

    caches = False
    output: type[ModelOutput] = BaseModelOutput

    def __init__(self, body: Body, config: PreTrainedConfig) -> None:
        super().__init__()
        self.body, self.config = body, config
        self.training = body.training  # not train(), which would reach into the body

    def run(self, inputs: Inputs) -> ModelOutput | tuple[Any, ...]:
        if not torch.compiler.is_compiling():
            check(inputs, self.body.limits)
        config: Any = self.config
        hidden, weights = (
            bool(getattr(config, name) if getattr(inputs, name) is None else getattr(inputs, name))
            for name in ("output_hidden_states", "output_attentions")
        )
        cached = self.caches and bool(config.use_cache if inputs.use_cache is None else inputs.use_cache)
        trace = Trace(hidden, weights) if hidden or weights else None
        states: States = self.body(inputs, trace=trace, use_cache=cached)
        found = {"last_hidden_state": states.last}
        for name in self.output.__dataclass_fields__.keys() - found:
            found[name] = getattr(states, name)
        output = self.output(**found)
        as_output = config.use_return_dict if inputs.return_dict is None else inputs.return_dict
        return output if as_output else output.to_tuple()

    forward = forward_taking(
        ("input_ids", "attention_mask", "inputs_embeds", *SHOWN),
        of="get_encoder()",
    )


class MarkingEncoder(Encoder):
    """One that reads which tokens see and are seen everywhere."""

    output = LEDEncoderBaseModelOutput

    forward = forward_taking(
        ("input_ids", "attention_mask", "global_attention_mask", "inputs_embeds", *SHOWN),
        of="get_encoder()",
    )


class Decoder(Encoder):
    """(B, L) tokens to their states (B, L, M), with the encoder's (B, K, M) as encoder_hidden_states."""

    caches = True
    output = BaseModelOutputWithPastAndCrossAttentions

    forward = forward_taking(
        (
            "input_ids",
            "attention_mask",
            "encoder_hidden_states",
            "encoder_attention_mask",
            "past_key_values",
            "inputs_embeds",
            "use_cache",
            *SHOWN,
            "cache_position",
        ),
        of="get_decoder()",
    )


def half_of(body: Any, *, name: str, config: PreTrainedConfig, of: str) -> Encoder:
    """The half of that name.

    Raises:
        InputError: a model that has no such half.
    """
    half = getattr(body, name, None)
    if not isinstance(half, Body):
        raise InputError(f"{of} has no {name} of its own. What it has beside its head is base_model.")
    has_global_tokens = any(layer.attention.has_global_tokens for layer in half.spec.stack.layers)
    encoder = MarkingEncoder if has_global_tokens else Encoder
    return {"encoder": encoder, "decoder": Decoder}[name](half, config)
