"""DeBERTa (He et al. 2020, arXiv:2006.03654): BERT's body with vectors of distances that queries and keys
score. What its later versions share with it is here, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hubformer.core import Disentangled, LayerNorm, LayerSpec, NoPosition, PositionSpec, StackSpec
from hubformer.families.kit import encoder
from hubformer.families.kit.arguments import ASK
from hubformer.families.kit.heads import no_pooler, question_answering, token_classification
from hubformer.families.kit.initial import zero_padding_initial
from hubformer.families.kit.values import quotient
from hubformer.models import outputs, tasks
from hubformer.models.bodies import BodySpec
from hubformer.models.config import (
    Config,
    Field,
    activation,
    choice,
    count,
    flag,
    number,
    positive,
    rate,
    size,
    token,
)
from hubformer.models.embeddings import TokenEmbedding
from hubformer.models.family import Family, Head
from hubformer.models.heads import HeadSpec, PooledHead, VocabHead
from hubformer.weights.changes import grouped
from hubformer.weights.map import Row, row

SCORED = {"c2p": "query", "p2c": "key"}


def _terms(value: Any) -> bool:
    return value is None or (isinstance(value, list) and set(value) <= SCORED.keys())


FIELDS: dict[str, Field] = {
    "vocab_size": size(50265),
    "hidden_size": size(768),
    "num_hidden_layers": count(12),
    "num_attention_heads": size(12),
    "intermediate_size": size(3072),
    "hidden_act": activation("gelu"),
    "hidden_dropout_prob": rate(0.1),
    "attention_probs_dropout_prob": rate(0.1),
    "max_position_embeddings": size(512),
    "type_vocab_size": count(0),
    "initializer_range": number(0.02),
    "layer_norm_eps": positive(1e-7),
    "relative_attention": flag(False),
    "max_relative_positions": Field(-1, "a whole number", lambda v: isinstance(v, int)),
    "pad_token_id": token(0),
    "position_biased_input": flag(True),
    "pos_att_type": Field(None, 'a list of "c2p" and "p2c", or null', _terms),
    "pooler_dropout": rate(0),
    "pooler_hidden_act": activation("gelu"),
    "legacy": flag(True),
}


def normalise(values: dict[str, Any]) -> dict[str, Any]:
    """ "p2c|c2p" as the list that it stands for."""
    terms = values.get("pos_att_type")
    if not isinstance(terms, str):
        return values
    return {**values, "pos_att_type": [term.strip() for term in terms.lower().split("|")]}


def _given(config: Config, name: str, known: Field) -> Any:
    """A key that few files have: transformers would not read it back, were it written as null."""
    value = config.get(name)
    if value is None:
        return known.default
    known.check(name, value)
    return value


def terms(config: Config) -> Sequence[str]:
    return config["pos_att_type"] or ()


def farthest(config: Config) -> int:
    most: int = config["max_relative_positions"]
    return most if most > 0 else int(config["max_position_embeddings"])


def position(config: Config) -> PositionSpec:
    return Disentangled(
        farthest(config),
        scored_by=tuple(SCORED[term] for term in terms(config)),  # type: ignore[misc]
        projections="own",
        biases=("query",),
        dropout=config["hidden_dropout_prob"],
    )


def layer(config: Config, *, places: PositionSpec, key_bias: bool) -> LayerSpec:
    relative = config["relative_attention"] and bool(terms(config))
    plain = encoder.layer(config, position=places if relative else NoPosition())
    scale = (plain.attention.head_width * (1 + len(terms(config)))) ** -0.5
    return replace(plain, attention=replace(plain.attention, scale=scale, key_bias=key_bias))


def embedding(config: Config) -> TokenEmbedding:
    return TokenEmbedding(
        vocab=config["vocab_size"],
        width=_given(config, "embedding_size", size(config["hidden_size"])),
        positions=config["max_position_embeddings"] if config["position_biased_input"] else 0,
        padding=config["pad_token_id"],
        types=config["type_vocab_size"],
        typing="tokens" if config["type_vocab_size"] else "unread",
        projected="summed",
        norm=LayerNorm(config["layer_norm_eps"]),
        dropout=config["hidden_dropout_prob"],
    )


def body(config: Config) -> BodySpec:
    _given(config, "talking_head", choice(False))
    one = layer(config, places=position(config), key_bias=False)
    return BodySpec(embedding(config), StackSpec(config["hidden_size"], (one,) * config["num_hidden_layers"]))


# Heads


def vocab_head(config: Config) -> VocabHead:
    tied = config["tie_word_embeddings"] or not config["legacy"]
    return VocabHead(config["hidden_act"], LayerNorm(config["layer_norm_eps"]), bias=True, tied=tied)


def pooled(config: Config, *, labels: int) -> PooledHead:
    _given(config, "pooler_hidden_size", choice(config["hidden_size"]))
    drop = _given(config, "cls_dropout", rate(config["hidden_dropout_prob"]))
    return PooledHead(
        labels=labels,
        dense=0,
        activation=config["pooler_hidden_act"],
        dropouts=(config["pooler_dropout"], drop),
    )


def sequence_head(config: Config) -> HeadSpec:
    return pooled(config, labels=config.labels)


# Names

LAYER = "deberta.encoder.layer.{i}."
SELF, ATTENTION = LAYER + "attention.self.", encoder.BLOCK + "attention."
SHARED: tuple[Row, ...] = (
    row("deberta.embeddings.word_embeddings.weight", "body.embedding.tokens.weight"),
    row("deberta.embeddings.position_embeddings.weight", "body.embedding.positions.weight"),
    row("deberta.embeddings.token_type_embeddings.weight", "body.embedding.types.weight"),
    row("deberta.embeddings.embed_proj.weight", "body.embedding.widen.weight"),
    row("deberta.embeddings.LayerNorm.*", "body.embedding.norm.*"),
    row("deberta.encoder.rel_embeddings.weight", "body.stack.tables.0.weight"),
    row(LAYER + "attention.output.dense.*", ATTENTION + "output.*"),
    row(LAYER + "attention.output.LayerNorm.*", encoder.BLOCK + "attention_residual.after.*"),
    row(LAYER + "intermediate.dense.*", encoder.BLOCK + "feed_forward.up.*"),
    row(LAYER + "output.dense.*", encoder.BLOCK + "feed_forward.down.*"),
    row(LAYER + "output.LayerNorm.*", encoder.BLOCK + "feed_forward_residual.after.*"),
)


def rows(config: Config) -> tuple[Row, ...]:
    heads = config["num_attention_heads"]
    wide = quotient(config, of="hidden_size", by="num_attention_heads")
    return (
        *SHARED,
        row(
            SELF + "in_proj.weight",
            *(f"{ATTENTION}{name}.weight" for name in ("query", "key", "value")),
            change=grouped(heads, wide, wide, wide),
        ),
        row(SELF + "q_bias", ATTENTION + "query.bias"),
        row(SELF + "v_bias", ATTENTION + "value.bias"),
        row(SELF + "pos_proj.weight", ATTENTION + "position.key.weight"),
        row(SELF + "pos_q_proj.*", ATTENTION + "position.query.*"),
    )


def vocab_rows(config: Config) -> tuple[Row, ...]:
    if config["legacy"]:
        return encoder.vocab_rows(config)
    theirs = "lm_predictions.lm_head."
    return (
        row(theirs + "dense.*", "head.dense.*"),
        row(theirs + "LayerNorm.*", "head.norm.*"),
        row(theirs + "bias", "head.bias"),
    )


def duplicates(config: Config) -> tuple[tuple[str, str], ...]:
    return encoder.bias_twins(config) if config["legacy"] else ()


READ = ("input_ids", "attention_mask", "token_type_ids", "position_ids", "inputs_embeds")
LABELS, SPAN = (*READ, "labels", *ASK), (*READ, "start_positions", "end_positions", *ASK)
POOLED = (row("pooler.dense.*", "head.dense.*"), row("classifier.*", "head.output.*"))


def heads_of(name: str) -> tuple[Head, ...]:
    return (
        Head(
            name + "Model", ("base",), no_pooler, (*READ, *ASK), outputs.BaseModelOutput,
            tasks.states_only, bare=True,
        ),
        Head(
            name + "ForMaskedLM", ("masked-lm", "pretraining"), vocab_head, LABELS, outputs.MaskedLMOutput,
            tasks.labelled_tokens, rows=vocab_rows,
        ),
        Head(
            name + "ForSequenceClassification", ("sequence-classification",), sequence_head, LABELS,
            outputs.SequenceClassifierOutput, tasks.sequence_labels, rows=POOLED,
        ),
        token_classification(name, encoder.token_head, LABELS),
        question_answering(name, SPAN),
    )  # fmt: skip


DEBERTA = Family(
    model_type="deberta",
    name="Deberta",
    prefix="deberta",
    fields=FIELDS,
    body=body,
    rows=rows,
    heads=heads_of("Deberta"),
    initial=zero_padding_initial,
    paper="He et al. 2020, arXiv:2006.03654",
    tied=(
        ("cls.predictions.decoder.weight", "deberta.embeddings.word_embeddings.weight"),
        (encoder.BIASES[1], encoder.BIASES[0]),
    ),
    duplicates=duplicates,
    ignored=(r"embeddings\.position_ids$", r"^mask_predictions\."),
    lora_targets=("in_proj",),
    normalise=normalise,
)
