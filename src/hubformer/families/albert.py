"""ALBERT (Lan et al. 2019, arXiv:1909.11942): BERT's body with narrow token vectors, whose layers share the
weights of one block, or of one for each group of layers.
"""

from __future__ import annotations

from dataclasses import replace

from hubformer.core import StackSpec
from hubformer.errors import ConfigError
from hubformer.families import bert
from hubformer.families.kit import encoder
from hubformer.families.kit.arguments import ASK, LABELS, READ, SPAN
from hubformer.families.kit.heads import no_pooler, question_answering, token_classification
from hubformer.models import outputs, tasks
from hubformer.models.bodies import BodySpec
from hubformer.models.config import Config, Field, activation, count, number, rate, size, token
from hubformer.models.family import Head
from hubformer.models.heads import HeadSpec, PairOfHeads, PooledHead, TokenHead, VocabHead
from hubformer.models.inputs import flatten_choices
from hubformer.weights.map import Row, row

FIELDS: dict[str, Field] = {
    "vocab_size": size(30000),
    "embedding_size": size(128),
    "hidden_size": size(4096),
    "num_hidden_layers": count(12),
    "num_hidden_groups": size(1),
    "num_attention_heads": size(64),
    "intermediate_size": size(16384),
    "inner_group_num": size(1),
    "hidden_act": activation("gelu_new"),
    "hidden_dropout_prob": rate(0),
    "attention_probs_dropout_prob": rate(0),
    "max_position_embeddings": size(512),
    "type_vocab_size": size(2),
    "initializer_range": number(0.02),
    "layer_norm_eps": encoder.FIELDS["layer_norm_eps"],
    "classifier_dropout_prob": rate(0.1),
    "position_embedding_type": encoder.FIELDS["position_embedding_type"],
    "pad_token_id": token(0),
    "bos_token_id": token(2),
    "eos_token_id": token(3),
}


def body(config: Config) -> BodySpec:
    layers, groups, inner = (
        config[name] for name in ("num_hidden_layers", "num_hidden_groups", "inner_group_num")
    )
    if layers < groups:
        raise ConfigError(
            f"num_hidden_layers is {layers} and num_hidden_groups is {groups}, expected at least as many "
            "layers."
        )
    plain = encoder.body(config)
    layer = replace(plain.stack.layers[0], feed_forward_dropout=0.0)
    # A layer of the configuration runs all blocks of its group.
    blocks = [groups * i // layers * inner + j for i in range(layers) for j in range(inner)]
    return BodySpec(
        embedding=replace(plain.embedding, width=config["embedding_size"], projected="always"),
        stack=StackSpec(config["hidden_size"], (layer,) * len(blocks), block_of=tuple(blocks)),
    )


def vocab_head(config: Config) -> VocabHead:
    return encoder.vocab_head(config)


def pooled(config: Config, *, labels: int) -> PooledHead:
    return PooledHead(
        labels=labels, dense=0, activation="tanh", dropouts=(0.0, config["classifier_dropout_prob"])
    )


def sequence_head(config: Config) -> HeadSpec:
    return pooled(config, labels=config.labels)


def choice_head(config: Config) -> HeadSpec:
    return pooled(config, labels=1)


def pretraining_head(config: Config) -> HeadSpec:
    return PairOfHeads(vocab_head(config), sequence_head(config))


def token_head(config: Config) -> HeadSpec:
    return TokenHead(config.labels, dropout=config["classifier_dropout_prob"])


def rows(config: Config) -> tuple[Row, ...]:
    inner, found = config["inner_group_num"], list(EMBEDDING)
    for block in range(config["num_hidden_groups"] * inner):
        theirs = f"albert.encoder.albert_layer_groups.{block // inner}.albert_layers.{block % inner}."
        found += [row(theirs + hub, f"body.stack.blocks.{block}.{ours}") for hub, ours in BLOCK]
    return tuple(found)


EMBEDDING = (
    row("albert.embeddings.word_embeddings.weight", "body.embedding.tokens.weight"),
    row("albert.embeddings.position_embeddings.weight", "body.embedding.positions.weight"),
    row("albert.embeddings.token_type_embeddings.weight", "body.embedding.types.weight"),
    row("albert.embeddings.LayerNorm.*", "body.embedding.norm.*"),
    row("albert.encoder.embedding_hidden_mapping_in.*", "body.embedding.project.*"),
)
BLOCK = (
    ("attention.query.*", "attention.query.*"),
    ("attention.key.*", "attention.key.*"),
    ("attention.value.*", "attention.value.*"),
    ("attention.distance_embedding.weight", "attention.position.relations"),
    ("attention.dense.*", "attention.output.*"),
    ("attention.LayerNorm.*", "attention_residual.after.*"),
    ("ffn.*", "feed_forward.up.*"),
    ("ffn_output.*", "feed_forward.down.*"),
    ("full_layer_layer_norm.*", "feed_forward_residual.after.*"),
)
BIASES = ("predictions.bias", "predictions.decoder.bias")


def bias_twins(config: Config) -> tuple[tuple[str, str], ...]:
    return encoder.bias_twins(config, biases=BIASES)


def vocab_rows(config: Config, home: str = "head.") -> tuple[Row, ...]:
    return (
        row("predictions.dense.*", home + "dense.*"),
        row("predictions.LayerNorm.*", home + "norm.*"),
        encoder.bias_row(config, home, biases=BIASES),
        row("predictions.decoder.weight", home + "output.weight"),  # where it is not tied
    )


def pretraining_rows(config: Config) -> tuple[Row, ...]:
    return (
        *vocab_rows(config, "head.first."),
        row(POOLER, "head.second.dense.*"),
        row("sop_classifier.classifier.*", "head.second.output.*"),
    )


POOLER = "albert.pooler.*"
POOLED = (row(POOLER, "head.dense.*"), row("classifier.*", "head.output.*"))

HEADS = (
    Head(
        "AlbertModel", ("base",), encoder.pooler, (*READ, *ASK),
        outputs.BaseModelOutputWithPooling, tasks.pooled, rows=(row(POOLER, "head.dense.*"),),
        without=no_pooler, bare=True,
    ),
    Head(
        "AlbertForPreTraining", ("pretraining",), pretraining_head,
        (*READ, "labels", "sentence_order_label", *ASK), outputs.AlbertForPreTrainingOutput,
        tasks.sentence_order, rows=pretraining_rows,
    ),
    Head(
        "AlbertForMaskedLM", ("masked-lm",), vocab_head, LABELS, outputs.MaskedLMOutput,
        tasks.labelled_tokens, rows=vocab_rows,
    ),
    Head(
        "AlbertForSequenceClassification", ("sequence-classification",), sequence_head, LABELS,
        outputs.SequenceClassifierOutput, tasks.sequence_labels, rows=POOLED,
    ),
    token_classification("Albert", token_head, LABELS),
    question_answering("Albert", SPAN),
    Head(
        "AlbertForMultipleChoice", ("multiple-choice",), choice_head, LABELS,
        outputs.MultipleChoiceModelOutput, tasks.one_of_choices, prepare=flatten_choices, rows=POOLED,
    ),
)  # fmt: skip

ALBERT = replace(
    bert.BERT,
    model_type="albert",
    name="Albert",
    prefix="albert",
    fields=FIELDS,
    body=body,
    rows=rows,
    heads=HEADS,
    paper="Lan et al. 2019, arXiv:1909.11942",
    tied=(
        ("predictions.decoder.weight", "albert.embeddings.word_embeddings.weight"),
        (BIASES[1], BIASES[0]),
    ),
    duplicates=bias_twins,
    caches=lambda config: False,
)
