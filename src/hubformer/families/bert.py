"""BERT (Devlin et al. 2018, arXiv:1810.04805): post-norm encoder, learned positions, token types."""

from __future__ import annotations

from hubformer.families.kit import encoder
from hubformer.families.kit.arguments import ASK, CROSS, GENERATING, LABELS, MODEL, READ, SPAN
from hubformer.families.kit.heads import no_pooler, question_answering, token_classification
from hubformer.families.kit.initial import zero_padding_initial
from hubformer.models import outputs, tasks
from hubformer.models.config import Config
from hubformer.models.family import Family, Head
from hubformer.models.heads import HeadSpec, PairOfHeads
from hubformer.models.inputs import flatten_choices
from hubformer.weights.map import Row, row


def pretraining_head(config: Config) -> HeadSpec:
    return PairOfHeads(encoder.vocab_head(config), encoder.next_sentence_head(config))


def pretraining_rows(config: Config) -> tuple[Row, ...]:
    return (
        *encoder.vocab_rows(config, "head.first."),
        row(POOLER, "head.second.dense.*"),
        row("cls.seq_relationship.*", "head.second.output.*"),
    )


POOLER = "bert.pooler.dense.*"

HEADS = (
    Head(
        "BertModel", ("base",), encoder.pooler, MODEL,
        outputs.BaseModelOutputWithPoolingAndCrossAttentions, tasks.pooled,
        rows=(row(POOLER, "head.dense.*"),), without=no_pooler, bare=True,
    ),
    Head(
        "BertForPreTraining", ("pretraining",), pretraining_head,
        (*READ, "labels", "next_sentence_label", *ASK), outputs.BertForPreTrainingOutput, tasks.pretraining,
        rows=pretraining_rows,
    ),
    Head(
        "BertForMaskedLM", ("masked-lm",), encoder.vocab_head, (*READ, *CROSS, "labels", *ASK),
        outputs.MaskedLMOutput, tasks.labelled_tokens, rows=encoder.vocab_rows,
    ),
    Head(
        "BertLMHeadModel", ("causal-lm",), encoder.vocab_head, GENERATING,
        outputs.CausalLMOutputWithCrossAttentions, tasks.next_tokens, rows=encoder.vocab_rows, generates=True,
    ),
    Head(
        "BertForNextSentencePrediction", ("next-sentence-prediction",), encoder.next_sentence_head, LABELS,
        outputs.NextSentencePredictorOutput, tasks.next_sentence,
        rows=(row(POOLER, "head.dense.*"), row("cls.seq_relationship.*", "head.output.*")),
    ),
    Head(
        "BertForSequenceClassification", ("sequence-classification",), encoder.sequence_head, LABELS,
        outputs.SequenceClassifierOutput, tasks.sequence_labels,
        rows=(row(POOLER, "head.dense.*"), row("classifier.*", "head.output.*")),
    ),
    Head(
        "BertForMultipleChoice", ("multiple-choice",), encoder.choice_head, LABELS,
        outputs.MultipleChoiceModelOutput, tasks.one_of_choices, prepare=flatten_choices,
        rows=(row(POOLER, "head.dense.*"), row("classifier.*", "head.output.*")),
    ),
    token_classification("Bert", encoder.token_head, LABELS),
    question_answering("Bert", SPAN),
)  # fmt: skip

BERT = Family(
    model_type="bert",
    name="Bert",
    prefix="bert",
    fields=encoder.FIELDS,
    body=encoder.body,
    rows=encoder.rows("bert"),
    heads=HEADS,
    initial=zero_padding_initial,
    paper="Devlin et al. 2018, arXiv:1810.04805",
    tied=(
        ("cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight"),
        (encoder.BIASES[1], encoder.BIASES[0]),
    ),
    duplicates=encoder.bias_twins,
    old_names=((r"LayerNorm\.gamma$", "LayerNorm.weight"), (r"LayerNorm\.beta$", "LayerNorm.bias")),
    ignored=(r"embeddings\.position_ids$", r"embeddings\.token_type_ids$"),
    caches=lambda config: bool(config["is_decoder"]),
    lora_targets=("query", "value"),
)
