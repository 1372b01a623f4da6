"""What encoders of BERT's build share: fields of config.json, layer, body, heads and names of weights."""

from __future__ import annotations

from dataclasses import replace

from hubformer.core import (
    AttentionSpec,
    FeedForward,
    LayerNorm,
    LayerSpec,
    NoPosition,
    Norms,
    Relative,
    StackSpec,
)
from hubformer.core.positions import PositionSpec
from hubformer.errors import ConfigError
from hubformer.families.kit.values import quotient
from hubformer.models.bodies import BodySpec
from hubformer.models.config import (
    Config,
    Field,
    activation,
    choice,
    count,
    flag,
    number,
    optional,
    positive,
    rate,
    size,
    token,
)
from hubformer.models.embeddings import TokenEmbedding
from hubformer.models.heads import HeadSpec, PooledHead, TokenHead, VocabHead
from hubformer.weights.map import Row, row

FIELDS: dict[str, Field] = {
    "vocab_size": size(30522),
    "hidden_size": size(768),
    "num_hidden_layers": count(12),
    "num_attention_heads": size(12),
    "intermediate_size": size(3072),
    "hidden_act": activation("gelu"),
    "hidden_dropout_prob": rate(0.1),
    "attention_probs_dropout_prob": rate(0.1),
    "max_position_embeddings": size(512),
    "type_vocab_size": size(2),
    "initializer_range": number(0.02),
    "layer_norm_eps": positive(1e-12),
    "pad_token_id": token(0),
    "position_embedding_type": choice("absolute", "relative_key", "relative_key_query"),
    "use_cache": flag(True),
    "classifier_dropout": optional(rate(0.0)),
}


def position(config: Config) -> PositionSpec:
    kind = config.get("position_embedding_type", "absolute")  # some families have no other
    if kind == "absolute":
        return NoPosition()
    return Relative(config["max_position_embeddings"], "query" if kind == "relative_key" else "both")


def layer(
    config: Config, *, position: PositionSpec | None = None, causal: bool = False, crossed: bool = False
) -> LayerSpec:
    """A layer of BERT, with other positions where a family has them."""
    attention = AttentionSpec(
        config["num_attention_heads"],
        quotient(config, of="hidden_size", by="num_attention_heads"),
        dropout=config["attention_probs_dropout_prob"],
    )
    return LayerSpec(
        attention=replace(attention, position=position or NoPosition(), causal=causal),
        feed_forward=FeedForward(config["intermediate_size"], config["hidden_act"]),
        norms=Norms(after=LayerNorm(config["layer_norm_eps"])),
        cross_attention=attention if crossed else None,
        dropout=config["hidden_dropout_prob"],
    )


def body(config: Config, *, first_position: int = 0) -> BodySpec:
    causal, crossed = config["is_decoder"], config["add_cross_attention"]
    if crossed and not causal:
        raise ConfigError("add_cross_attention is true and is_decoder is false, expected both to be true.")
    one = layer(config, position=position(config), causal=causal, crossed=crossed)
    return BodySpec(
        embedding=TokenEmbedding(
            vocab=config["vocab_size"],
            width=config["hidden_size"],
            positions=config["max_position_embeddings"],
            first_position=first_position,
            placing="learned" if isinstance(one.attention.position, NoPosition) else "unread",
            padding=config["pad_token_id"],
            types=config["type_vocab_size"],
            norm=LayerNorm(config["layer_norm_eps"]),
            dropout=config["hidden_dropout_prob"],
        ),
        stack=StackSpec(config["hidden_size"], (one,) * config["num_hidden_layers"]),
    )


def body_without_position_table(config: Config, one: LayerSpec) -> BodySpec:
    """Token vectors and types, whose sum is normalised, and a stack of one kind of layer."""
    return BodySpec(
        embedding=TokenEmbedding(
            vocab=config["vocab_size"],
            width=config["hidden_size"],
            padding=config["pad_token_id"],
            types=config["type_vocab_size"],
            typing="tokens" if config["type_vocab_size"] else "unread",
            norm=LayerNorm(config["layer_norm_eps"]),
            dropout=config["hidden_dropout_prob"],
        ),
        stack=StackSpec(config["hidden_size"], (one,) * config["num_hidden_layers"]),
    )


def vocab_head(config: Config) -> VocabHead:
    return VocabHead(
        config["hidden_act"],
        LayerNorm(config["layer_norm_eps"]),
        bias=True,
        tied=config["tie_word_embeddings"],
    )


def pooler(config: Config) -> HeadSpec:
    return PooledHead(labels=None, dense=0, activation="tanh")


def next_sentence_head(config: Config) -> PooledHead:
    return PooledHead(labels=2, dense=0, activation="tanh")


def classifier_dropout(config: Config) -> float:
    own = config.get("classifier_dropout")  # some families have none
    return float(config["hidden_dropout_prob"] if own is None else own)


def sequence_head(config: Config) -> HeadSpec:
    return PooledHead(
        labels=config.labels, dense=0, activation="tanh", dropouts=(0.0, classifier_dropout(config))
    )


def choice_head(config: Config) -> HeadSpec:
    return PooledHead(labels=1, dense=0, activation="tanh", dropouts=(0.0, classifier_dropout(config)))


def token_head(config: Config) -> HeadSpec:
    return TokenHead(config.labels, dropout=classifier_dropout(config))


BLOCK = "body.stack.blocks.{i}."


def rows(backbone: str) -> tuple[Row, ...]:
    """The weights of a BERT-like backbone that files keep under that name."""
    layer = backbone + ".encoder.layer.{i}."
    return (
        row(backbone + ".embeddings.word_embeddings.weight", "body.embedding.tokens.weight"),
        row(backbone + ".embeddings.position_embeddings.weight", "body.embedding.positions.weight"),
        row(backbone + ".embeddings.token_type_embeddings.weight", "body.embedding.types.weight"),
        row(backbone + ".embeddings.LayerNorm.*", "body.embedding.norm.*"),
        row(layer + "attention.self.query.*", BLOCK + "attention.query.*"),
        row(layer + "attention.self.key.*", BLOCK + "attention.key.*"),
        row(layer + "attention.self.value.*", BLOCK + "attention.value.*"),
        row(layer + "attention.self.distance_embedding.weight", BLOCK + "attention.position.relations"),
        row(layer + "attention.output.dense.*", BLOCK + "attention.output.*"),
        row(layer + "attention.output.LayerNorm.*", BLOCK + "attention_residual.after.*"),
        row(layer + "crossattention.self.query.*", BLOCK + "cross_attention.query.*"),
        row(layer + "crossattention.self.key.*", BLOCK + "cross_attention.key.*"),
        row(layer + "crossattention.self.value.*", BLOCK + "cross_attention.value.*"),
        row(layer + "crossattention.output.dense.*", BLOCK + "cross_attention.output.*"),
        row(layer + "crossattention.output.LayerNorm.*", BLOCK + "cross_residual.after.*"),
        row(layer + "intermediate.dense.*", BLOCK + "feed_forward.up.*"),
        row(layer + "output.dense.*", BLOCK + "feed_forward.down.*"),
        row(layer + "output.LayerNorm.*", BLOCK + "feed_forward_residual.after.*"),
    )


# Two names of the bias of the vocabulary scores. Where the vocabulary is tied, files carry the first; where
# it is not, transformers 5 scores with the second and keeps the first unused, transformers 4 shares them.
BIASES = ("cls.predictions.bias", "cls.predictions.decoder.bias")


def bias_twins(config: Config, *, biases: tuple[str, str] = BIASES) -> tuple[tuple[str, str], ...]:
    return () if config["tie_word_embeddings"] else (biases,)


def bias_row(config: Config, home: str, *, biases: tuple[str, str] = BIASES) -> Row:
    return row(biases[0 if config["tie_word_embeddings"] else 1], home + "bias")


def vocab_rows(config: Config, home: str = "head.") -> tuple[Row, ...]:
    return (
        row("cls.predictions.transform.dense.*", home + "dense.*"),
        row("cls.predictions.transform.LayerNorm.*", home + "norm.*"),
        bias_row(config, home),
        row("cls.predictions.decoder.weight", home + "output.weight"),  # where it is not tied
    )
