"""RoBERTa (Liu et al. 2019, arXiv:1907.11692), XLM-RoBERTa (Conneau et al. 2019, arXiv:1911.02116) and
CamemBERT (Martin et al. 2019, arXiv:1911.03894): BERT's body with other heads. Positions count from
`pad_token_id + 1`, so that a table of 514 rows reads 512 tokens.
"""

from __future__ import annotations

from dataclasses import replace

from hubformer.core import LayerNorm
from hubformer.errors import ConfigError
from hubformer.families import bert
from hubformer.families.kit import encoder
from hubformer.families.kit.arguments import ASK, CROSS, GENERATING, LABELS, MODEL, READ, SPAN
from hubformer.families.kit.heads import no_pooler, question_answering, token_classification
from hubformer.models import outputs, tasks
from hubformer.models.bodies import BodySpec
from hubformer.models.config import LARGEST_SIZE, Config, Field, count, size, token
from hubformer.models.family import Family, Head
from hubformer.models.heads import HeadSpec, PooledHead, VocabHead
from hubformer.models.initial import Initial, normal_but_row
from hubformer.models.inputs import flatten_choices
from hubformer.weights.map import Row, row


def _fields(vocab: int) -> dict[str, Field]:
    """BERT's, in v4's order, with three special tokens in the place of one."""
    fields: dict[str, Field] = {}
    for name, field in encoder.FIELDS.items():
        fields[name] = field
        if name == "pad_token_id":
            fields |= {name: count(1, most=LARGEST_SIZE), "bos_token_id": token(0), "eos_token_id": token(2)}
    return {**fields, "vocab_size": size(vocab)}


def body(config: Config) -> BodySpec:
    first, table = config["pad_token_id"] + 1, config["max_position_embeddings"]
    if table <= first:
        raise ConfigError(
            f"max_position_embeddings is {table}, expected more than {first}: positions count from "
            "pad_token_id + 1."
        )
    return encoder.body(config, first_position=first)


def vocab_head(config: Config) -> VocabHead:
    return VocabHead(  # GELU whatever hidden_act is
        "gelu", LayerNorm(config["layer_norm_eps"]), bias=True, tied=config["tie_word_embeddings"]
    )


def sequence_head(config: Config) -> HeadSpec:
    drop = encoder.classifier_dropout(config)
    return PooledHead(labels=config.labels, dense=0, activation="tanh", dropouts=(drop, drop))


def choice_head(config: Config) -> HeadSpec:
    dropouts = (0.0, config["hidden_dropout_prob"])  # classifier_dropout is not for this head
    return PooledHead(labels=1, dense=0, activation="tanh", dropouts=dropouts)


def initial(config: Config) -> Initial:
    std = config["initializer_range"]
    fill = normal_but_row(std, config["pad_token_id"])
    return Initial(std, ((r"embedding\.(tokens|positions)\.weight$", fill),))


BIASES = ("lm_head.bias", "lm_head.decoder.bias")


def bias_twins(config: Config) -> tuple[tuple[str, str], ...]:
    return encoder.bias_twins(config, biases=BIASES)


def vocab_rows(config: Config) -> tuple[Row, ...]:
    return (
        row("lm_head.dense.*", "head.dense.*"),
        row("lm_head.layer_norm.*", "head.norm.*"),
        encoder.bias_row(config, "head.", biases=BIASES),
        row("lm_head.decoder.weight", "head.output.weight"),  # where it is not tied
    )


POOLER = "roberta.pooler.dense.*"
CHOICE = (
    "input_ids",
    "token_type_ids",
    "attention_mask",
    "labels",
    "position_ids",
    "head_mask",
    "inputs_embeds",
    *ASK,
)


def _heads(name: str) -> tuple[Head, ...]:
    return (
        Head(
            name + "Model", ("base",), encoder.pooler, MODEL,
            outputs.BaseModelOutputWithPoolingAndCrossAttentions, tasks.pooled,
            rows=(row(POOLER, "head.dense.*"),), without=no_pooler, bare=True,
        ),
        Head(
            name + "ForMaskedLM", ("masked-lm", "pretraining"), vocab_head,
            (*READ, *CROSS, "labels", *ASK), outputs.MaskedLMOutput, tasks.labelled_tokens,
            rows=vocab_rows,
        ),
        Head(
            name + "ForCausalLM", ("causal-lm",), vocab_head, GENERATING,
            outputs.CausalLMOutputWithCrossAttentions, tasks.next_tokens, rows=vocab_rows, generates=True,
        ),
        Head(
            name + "ForSequenceClassification", ("sequence-classification",), sequence_head, LABELS,
            outputs.SequenceClassifierOutput, tasks.sequence_labels,
            rows=(row("classifier.dense.*", "head.dense.*"), row("classifier.out_proj.*", "head.output.*")),
        ),
        Head(
            name + "ForMultipleChoice", ("multiple-choice",), choice_head, CHOICE,
            outputs.MultipleChoiceModelOutput, tasks.one_of_choices, prepare=flatten_choices,
            rows=(row(POOLER, "head.dense.*"), row("classifier.*", "head.output.*")),
        ),
        token_classification(name, encoder.token_head, LABELS),
        question_answering(name, SPAN),
    )  # fmt: skip


ROBERTA = replace(
    bert.BERT,
    model_type="roberta",
    name="Roberta",
    prefix="roberta",
    fields=_fields(50265),
    body=body,
    rows=encoder.rows("roberta"),
    heads=_heads("Roberta"),
    initial=initial,
    paper="Liu et al. 2019, arXiv:1907.11692",
    tied=(
        ("lm_head.decoder.weight", "roberta.embeddings.word_embeddings.weight"),
        (BIASES[1], BIASES[0]),
    ),
    duplicates=bias_twins,
)

# Files of both keep the backbone under RoBERTa's name.
XLM_ROBERTA: Family = replace(
    ROBERTA,
    model_type="xlm-roberta",
    name="XLMRoberta",
    fields=_fields(30522),
    heads=_heads("XLMRoberta"),
    paper="Conneau et al. 2019, arXiv:1911.02116",
)

CAMEMBERT: Family = replace(
    XLM_ROBERTA,
    model_type="camembert",
    name="Camembert",
    heads=_heads("Camembert"),
    paper="Martin et al. 2019, arXiv:1911.03894",
)
