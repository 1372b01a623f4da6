"""DeBERTa 2 and 3 (He et al. 2021, arXiv:2111.09543): vectors of distances are projected as tokens are, and
far distances share one. The largest models have a convolution beside their first layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor, nn

from hubformer.core import (
    ACTIVATIONS,
    AnyLayout,
    Block,
    Disentangled,
    Dropout,
    EncoderStates,
    LayerCache,
    LayerNorm,
    LayerSpec,
    PositionSpec,
    StackSpec,
)
from hubformer.core.trace import LayerTrace
from hubformer.errors import ConfigError
from hubformer.families import deberta
from hubformer.families.deberta import ATTENTION, SELF
from hubformer.models import outputs, tasks
from hubformer.models.bodies import BodySpec
from hubformer.models.config import Config, Field, activation, choice, count, flag, size
from hubformer.models.family import Head
from hubformer.models.heads import HeadSpec
from hubformer.models.inputs import flatten_choices
from hubformer.weights.map import Row, row

FIELDS: dict[str, Field] = {
    **deberta.FIELDS,
    "vocab_size": size(128100),
    "hidden_size": size(1536),
    "num_hidden_layers": count(24),
    "num_attention_heads": size(24),
    "intermediate_size": size(6144),
    "share_att_key": flag(False),
    "position_buckets": Field(-1, "a whole number", lambda v: isinstance(v, int)),
    "norm_rel_ebd": choice("none", "layer_norm"),
    "conv_kernel_size": count(0, most=1024),
    "conv_groups": size(1),
    "conv_act": activation("tanh"),
}


def position(config: Config) -> PositionSpec:
    buckets = config["position_buckets"]
    return Disentangled(
        buckets if buckets > 0 else deberta.farthest(config),
        scored_by=tuple(deberta.SCORED[term] for term in deberta.terms(config)),  # type: ignore[misc]
        logarithmic=deberta.farthest(config) if buckets > 0 else None,
        projections="shared" if config["share_att_key"] else "own",
        norm=LayerNorm(config["layer_norm_eps"]) if config["norm_rel_ebd"] == "layer_norm" else None,
        dropout=config["hidden_dropout_prob"],
    )


def body(config: Config) -> BodySpec:
    one = deberta.layer(config, places=position(config), key_bias=True)
    layers = (one,) * config["num_hidden_layers"]
    if config["conv_kernel_size"]:
        layers = (convolved(one, config), *layers[1:])
    return BodySpec(deberta.embedding(config), StackSpec(config["hidden_size"], layers))


# The first layer of the largest models


@dataclass(frozen=True)
class ConvolvedLayer(LayerSpec):
    """A layer to whose result a convolution of what it was given is added."""

    kernel: int = 3  # tokens
    groups: int = 1
    activation: str = "tanh"
    convolved_norm: LayerNorm = field(default_factory=LayerNorm)

    def build(self, width: int) -> nn.Module:
        return _ConvolvedBlock(self, width)


class _ConvolvedBlock(Block):
    def __init__(self, spec: ConvolvedLayer, width: int) -> None:
        super().__init__(spec, width)
        self.activation, self.dropout = ACTIVATIONS[spec.activation], Dropout(spec.dropout)
        self.convolution = nn.Conv1d(
            width, width, spec.kernel, padding=(spec.kernel - 1) // 2, groups=spec.groups
        )
        self.norm = spec.convolved_norm.build(width)

    def forward(
        self,
        x: Tensor,
        *,
        layout: AnyLayout,
        position_states: Sequence[Any],
        context: Tensor | None = None,
        encoder_states: EncoderStates | None = None,
        cache: LayerCache | None = None,
        trace: LayerTrace | None = None,
    ) -> Tensor:
        y = super().forward(
            x,
            layout=layout,
            position_states=position_states,
            context=context,
            encoder_states=encoder_states,
            cache=cache,
            trace=trace,
        )
        near = [
            self.near(rows, part.key_valid) for rows, part in zip(layout.split(x), layout.groups, strict=True)
        ]
        out: Tensor = self.norm(y + self.activation(self.dropout(layout.join(near))))
        return out

    def near(self, x: Tensor, valid: Tensor | None) -> Tensor:
        """x (B, L, M), valid (B, L) -> (B, L, M); padding beside a row counts as nothing."""
        if valid is not None:
            x = x * valid[:, :, None]
        y: Tensor = self.convolution(x.transpose(1, 2)).transpose(1, 2)
        return y


def convolved(spec: LayerSpec, config: Config) -> ConvolvedLayer:
    kernel, groups = config["conv_kernel_size"], config["conv_groups"]
    if kernel % 2 == 0 or config["hidden_size"] % groups:
        raise ConfigError(
            f"conv_kernel_size is {kernel} and conv_groups is {groups}, expected an odd number of tokens, "
            f"and a divisor of hidden_size, {config['hidden_size']}."
        )
    return ConvolvedLayer(
        **vars(spec),
        kernel=kernel,
        groups=groups,
        activation=config["conv_act"],
        convolved_norm=LayerNorm(config["layer_norm_eps"]),
    )


def choice_head(config: Config) -> HeadSpec:
    return deberta.pooled(config, labels=1)


ROWS: tuple[Row, ...] = (
    *deberta.SHARED,
    row("deberta.encoder.LayerNorm.*", "body.stack.tables.0.norm.*"),
    row("deberta.encoder.conv.conv.*", "body.stack.blocks.0.convolution.*"),
    row("deberta.encoder.conv.LayerNorm.*", "body.stack.blocks.0.norm.*"),
    row(SELF + "query_proj.*", ATTENTION + "query.*"),
    row(SELF + "key_proj.*", ATTENTION + "key.*"),
    row(SELF + "value_proj.*", ATTENTION + "value.*"),
    row(SELF + "pos_key_proj.*", ATTENTION + "position.key.*"),
    row(SELF + "pos_query_proj.*", ATTENTION + "position.query.*"),
)

DEBERTA_V2 = replace(
    deberta.DEBERTA,
    model_type="deberta-v2",
    name="DebertaV2",
    fields=FIELDS,
    body=body,
    rows=ROWS,
    heads=(
        *deberta.heads_of("DebertaV2"),
        Head(
            "DebertaV2ForMultipleChoice", ("multiple-choice",), choice_head, deberta.LABELS,
            outputs.MultipleChoiceModelOutput, tasks.one_of_choices, prepare=flatten_choices,
            rows=deberta.POOLED,
        ),
    ),
    paper="He et al. 2021, arXiv:2111.09543",
    lora_targets=("query_proj", "value_proj"),
)  # fmt: skip
