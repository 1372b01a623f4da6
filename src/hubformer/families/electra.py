"""ELECTRA (Clark et al. 2020, arXiv:2003.10555): BERT's body with token vectors of their own width. The
discriminator tells which tokens a generator has replaced.
"""

from __future__ import annotations

from dataclasses import replace

from hubformer.core import LayerNorm
from hubformer.families import bert
from hubformer.families.kit import encoder
from hubformer.families.kit.arguments import ASK, CROSS, LABELS, READ, SPAN
from hubformer.families.kit.heads import no_pooler, question_answering, token_classification
from hubformer.models import outputs, tasks
from hubformer.models.bodies import BodySpec
from hubformer.models.config import Config, Field, activation, choice, flag, optional, rate, size
from hubformer.models.family import Head
from hubformer.models.heads import HeadSpec, PooledHead, TokenHead, VocabHead
from hubformer.models.inputs import flatten_choices
from hubformer.weights.map import Row, row

FIELDS: dict[str, Field] = {
    "vocab_size": size(30522),
    "embedding_size": size(128),
    "hidden_size": size(256),
    "num_hidden_layers": encoder.FIELDS["num_hidden_layers"],
    "num_attention_heads": size(4),
    "intermediate_size": size(1024),
    **{
        name: encoder.FIELDS[name]
        for name in ("hidden_act", "hidden_dropout_prob", "attention_probs_dropout_prob")
    },
    **{
        name: encoder.FIELDS[name]
        for name in ("max_position_embeddings", "type_vocab_size", "initializer_range")
    },
    "layer_norm_eps": encoder.FIELDS["layer_norm_eps"],
    "summary_type": choice("first", "last", "mean"),
    "summary_use_proj": flag(True),
    "summary_activation": replace(optional(activation("gelu")), default="gelu"),
    "summary_last_dropout": rate(0.1),
    **{name: encoder.FIELDS[name] for name in ("pad_token_id", "position_embedding_type", "use_cache")},
    "classifier_dropout": encoder.FIELDS["classifier_dropout"],
}


def body(config: Config) -> BodySpec:
    plain = encoder.body(config)
    return replace(plain, embedding=replace(plain.embedding, width=config["embedding_size"]))


def vocab_head(config: Config) -> VocabHead:
    return VocabHead(  # GELU whatever hidden_act is
        "gelu", LayerNorm(config["layer_norm_eps"]), bias=True, tied=config["tie_word_embeddings"]
    )


def replaced_head(config: Config) -> HeadSpec:
    return TokenHead(labels=1, activation=config["hidden_act"])


def sequence_head(config: Config) -> HeadSpec:
    drop = encoder.classifier_dropout(config)
    return PooledHead(labels=config.labels, dense=0, activation="gelu", dropouts=(drop, drop))


def choice_head(config: Config) -> HeadSpec:
    return PooledHead(
        labels=1,
        pooling=config["summary_type"],
        dense=0 if config["summary_use_proj"] else None,
        activation=config["summary_activation"],
        dropouts=(0.0, config["summary_last_dropout"]),
    )


BACKBONE: tuple[Row, ...] = (
    *encoder.rows("electra"),
    row("electra.embeddings_project.*", "body.embedding.project.*"),
)
VOCAB_ROWS = (
    row("generator_predictions.dense.*", "head.dense.*"),
    row("generator_predictions.LayerNorm.*", "head.norm.*"),
    row("generator_lm_head.bias", "head.bias"),
    row("generator_lm_head.weight", "head.output.weight"),  # where it is not tied
)
MODEL = (*READ, *CROSS, "past_key_values", "use_cache", *ASK)
GENERATING = (*READ, *CROSS, "labels", "past_key_values", "use_cache", *ASK, "logits_to_keep")

HEADS = (
    Head(
        "ElectraModel", ("base",), no_pooler, MODEL, outputs.BaseModelOutputWithPastAndCrossAttentions,
        tasks.states_only, bare=True,
    ),
    Head(
        "ElectraForPreTraining", ("pretraining",), replaced_head, LABELS,
        outputs.ElectraForPreTrainingOutput, tasks.replaced_tokens,
        rows=(
            row("discriminator_predictions.dense.*", "head.dense.*"),
            row("discriminator_predictions.dense_prediction.*", "head.output.*"),
        ),
    ),
    Head(
        "ElectraForMaskedLM", ("masked-lm",), vocab_head, LABELS, outputs.MaskedLMOutput,
        tasks.labelled_tokens, rows=VOCAB_ROWS,
    ),
    Head(
        "ElectraForCausalLM", ("causal-lm",), vocab_head, GENERATING,
        outputs.CausalLMOutputWithCrossAttentions, tasks.next_tokens, rows=VOCAB_ROWS, generates=True,
    ),
    Head(
        "ElectraForSequenceClassification", ("sequence-classification",), sequence_head, LABELS,
        outputs.SequenceClassifierOutput, tasks.sequence_labels,
        rows=(row("classifier.dense.*", "head.dense.*"), row("classifier.out_proj.*", "head.output.*")),
    ),
    Head(
        "ElectraForMultipleChoice", ("multiple-choice",), choice_head, LABELS,
        outputs.MultipleChoiceModelOutput, tasks.one_of_choices, prepare=flatten_choices,
        rows=(row("sequence_summary.summary.*", "head.dense.*"), row("classifier.*", "head.output.*")),
    ),
    token_classification("Electra", encoder.token_head, LABELS),
    question_answering("Electra", SPAN),
)  # fmt: skip

ELECTRA = replace(
    bert.BERT,
    model_type="electra",
    name="Electra",
    prefix="electra",
    fields=FIELDS,
    body=body,
    rows=BACKBONE,
    heads=HEADS,
    paper="Clark et al. 2020, arXiv:2003.10555",
    tied=(("generator_lm_head.weight", "electra.embeddings.word_embeddings.weight"),),
    duplicates=lambda config: (),
)
