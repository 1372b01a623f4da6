"""NomicBERT (Nussbaum et al. 2024, arXiv:2402.01613): GTE's layers with other names and without biases. Its
first files say all this by GPT-2's names.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hubformer.core import FeedForward, LayerSpec, Rotary
from hubformer.core.positions import PositionSpec
from hubformer.core.rotary import DynamicScaling
from hubformer.errors import ConfigError
from hubformer.families import gte
from hubformer.families.kit import encoder
from hubformer.families.kit.initial import zero_padding_initial
from hubformer.families.kit.values import quotient, with_head_width
from hubformer.models.bodies import BodySpec
from hubformer.models.config import (
    LARGEST_SIZE,
    Config,
    Field,
    activation,
    anything,
    choice,
    flag,
    optional,
    positive,
    rate,
    size,
    token,
    unbuilt,
)
from hubformer.models.family import Family
from hubformer.models.rotary import in_one_spelling, scaling
from hubformer.weights.changes import cut
from hubformer.weights.map import Row, row

FIELDS: dict[str, Field] = {
    "vocab_size": size(30528),
    **{name: encoder.FIELDS[name] for name in ("hidden_size", "num_hidden_layers", "num_attention_heads")},
    "intermediate_size": size(3072),
    "hidden_act": activation("silu"),
    "hidden_dropout_prob": rate(0.0),
    "attention_probs_dropout_prob": rate(0.0),
    "max_position_embeddings": size(2048),
    "type_vocab_size": size(2),
    **{name: encoder.FIELDS[name] for name in gte.KEPT},
    "pad_token_id": token(0),
    "classifier_dropout": encoder.FIELDS["classifier_dropout"],
    "head_dim": optional(size(64)),
    "rope_theta": positive(1000.0),
    "rope_scaling": scaling(),
    "rotary_emb_fraction": rate(1.0),  # of a head's dimensions that are turned
    "rotary_scaling_factor": optional(positive(2.0)),
    "max_trained_positions": size(2048),
    "qkv_proj_bias": flag(False),
    "mlp_fc1_bias": flag(False),
    "mlp_fc2_bias": flag(False),
    # What the first implementation can do and no published file asks for.
    "prenorm": gte.always(False),
    "parallel_block": gte.always(False),
    "parallel_block_tied_norm": gte.always(False),
    "causal": gte.always(False),
    "use_rms_norm": gte.always(False),
    "rotary_emb_interleaved": gte.always(False),
    "rotary_emb_scale_base": unbuilt(choice(None)),
    "pad_vocab_size_multiple": unbuilt(size(1, most=LARGEST_SIZE)),
    "embd_pdrop": unbuilt(anything()),  # read by no version
}
GATES = {"swiglu": "silu", "geglu": "gelu", "glu": "sigmoid"}


def normalise(values: dict[str, Any]) -> dict[str, Any]:
    """The first files name the gate, later ones its activation; and the width of a head.

    Raises:
        ConfigError: a feed-forward without a gate.
    """
    defaults = {name: field.default for name, field in FIELDS.items()}
    found = with_head_width(defaults | in_one_spelling(values))
    gate = found.pop("activation_function", None)
    if gate is None:
        return found
    if gate not in GATES:
        raise ConfigError(f"activation_function is {gate!r}, expected one with a gate: {', '.join(GATES)}.")
    return {**found, "hidden_act": GATES[gate]}


def body(config: Config) -> BodySpec:
    width, said = quotient(config, of="hidden_size", by="num_attention_heads"), config["head_dim"]
    if said not in (None, width):
        raise ConfigError(f"head_dim is {said}, expected {width}: hidden_size by num_attention_heads.")
    one = gte.layer(config, part=config["rotary_emb_fraction"])
    attention = replace(one.attention, position=position(config, one), bias=config["qkv_proj_bias"])
    feed_forward = FeedForward(
        config["intermediate_size"],
        config["hidden_act"],
        gated=True,
        bias=config["mlp_fc1_bias"],
        down_bias=config["mlp_fc2_bias"],
    )
    return encoder.body_without_position_table(
        config, replace(one, attention=attention, feed_forward=feed_forward)
    )


def position(config: Config, layer: LayerSpec) -> PositionSpec:
    """As the layer has it, with the scaling of the first files where they ask for it."""
    plain, factor = layer.attention.position, config["rotary_scaling_factor"]
    if factor is None or not isinstance(plain, Rotary):
        return plain
    return replace(plain, scaling=DynamicScaling(factor, config["max_trained_positions"]))


BLOCK, LAYER = encoder.BLOCK, "nomic_bert.encoder.layers.{i}."
ROWS = (
    row("nomic_bert.embeddings.word_embeddings.weight", "body.embedding.tokens.weight"),
    row("nomic_bert.embeddings.token_type_embeddings.weight", "body.embedding.types.weight"),
    row("nomic_bert.emb_ln.*", "body.embedding.norm.*"),
    row(LAYER + "attn.Wqkv.*", *(f"{BLOCK}attention.{part}.*" for part in ("query", "key", "value")),
        change=cut(3)),
    row(LAYER + "attn.out_proj.*", BLOCK + "attention.output.*"),
    row(LAYER + "norm1.*", BLOCK + "attention_residual.after.*"),
    row(LAYER + "mlp.fc11.*", BLOCK + "feed_forward.up.*"),
    row(LAYER + "mlp.fc12.*", BLOCK + "feed_forward.gate.*"),
    row(LAYER + "mlp.fc2.*", BLOCK + "feed_forward.down.*"),
    row(LAYER + "norm2.*", BLOCK + "feed_forward_residual.after.*"),
)  # fmt: skip


def vocab_rows(config: Config) -> tuple[Row, ...]:
    return (
        row("cls.predictions.transform.dense.*", "head.dense.*"),
        row("cls.predictions.transform.layer_norm.*", "head.norm.*"),
        encoder.bias_row(config, "head."),
        row("cls.predictions.decoder.weight", "head.output.weight"),  # where it is not tied
    )


NOMIC_BERT = Family(
    model_type="nomic_bert",
    name="NomicBert",
    prefix="nomic_bert",
    fields=FIELDS,
    body=body,
    rows=ROWS,
    heads=gte.heads("NomicBert", "nomic_bert", vocab_rows, vocab=encoder.vocab_head),
    initial=zero_padding_initial,
    paper="Nussbaum et al. 2024, arXiv:2402.01613",
    attribute_map={
        "n_embd": "hidden_size",
        "n_layer": "num_hidden_layers",
        "n_head": "num_attention_heads",
        "n_inner": "intermediate_size",
        "n_positions": "max_position_embeddings",
        "layer_norm_epsilon": "layer_norm_eps",
        "resid_pdrop": "hidden_dropout_prob",
        "attn_pdrop": "attention_probs_dropout_prob",
        "rotary_emb_base": "rope_theta",
    },
    tied=(
        ("cls.predictions.decoder.weight", "nomic_bert.embeddings.word_embeddings.weight"),
        (encoder.BIASES[1], encoder.BIASES[0]),
    ),
    duplicates=encoder.bias_twins,
    old_names=((r"^bert\.", "nomic_bert."),),
    ignored=(r"rotary_emb\.", r"embeddings\.position_ids$"),
    optional=(r"cls\.predictions\.(decoder\.)?bias$", r"cls\.predictions\.transform\.dense\.bias$"),
    normalise=normalise,
    lora_targets=("Wqkv",),
)
