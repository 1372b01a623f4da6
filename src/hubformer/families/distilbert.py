"""DistilBERT (Sanh et al. 2019, arXiv:1910.01108): half of BERT's layers, no token types, no pooler."""

from __future__ import annotations

from hubformer.core import AttentionSpec, FeedForward, LayerNorm, LayerSpec, Norms, StackSpec
from hubformer.families.kit.arguments import ASK
from hubformer.families.kit.heads import no_pooler, token_classification
from hubformer.families.kit.values import quotient
from hubformer.models import outputs, tasks
from hubformer.models.bodies import BodySpec
from hubformer.models.config import Config, activation, count, flag, number, rate, size, token
from hubformer.models.embeddings import TokenEmbedding
from hubformer.models.family import Family, Head
from hubformer.models.heads import HeadSpec, PooledHead, TokenHead, VocabHead
from hubformer.models.initial import Fill, Initial, normal_but_row, sinusoids
from hubformer.models.inputs import flatten_choices
from hubformer.weights.map import row

FIELDS = {
    "vocab_size": size(30522),
    "max_position_embeddings": size(512),
    "sinusoidal_pos_embds": flag(False),
    "n_layers": count(6),
    "n_heads": size(12),
    "dim": size(768),
    "hidden_dim": size(4 * 768),
    "dropout": rate(0.1),
    "attention_dropout": rate(0.1),
    "activation": activation("gelu"),
    "initializer_range": number(0.02),
    "qa_dropout": rate(0.1),
    "seq_classif_dropout": rate(0.2),
    "pad_token_id": token(0),
}
NORM = LayerNorm(1e-12)


def body(config: Config) -> BodySpec:
    attention = AttentionSpec(
        config["n_heads"],
        quotient(config, of="dim", by="n_heads"),
        dropout=config["attention_dropout"],
    )
    layer = LayerSpec(
        attention=attention,
        feed_forward=FeedForward(config["hidden_dim"], config["activation"]),
        norms=Norms(after=NORM),
        feed_forward_dropout=config["dropout"],  # nothing is dropped after attention
    )
    return BodySpec(
        embedding=TokenEmbedding(
            vocab=config["vocab_size"],
            width=config["dim"],
            positions=config["max_position_embeddings"],
            placing="fixed" if config["sinusoidal_pos_embds"] else "learned",
            padding=config["pad_token_id"],
            norm=NORM,
            dropout=config["dropout"],
        ),
        stack=StackSpec(config["dim"], (layer,) * config["n_layers"]),
    )


def vocab_head(config: Config) -> HeadSpec:
    return VocabHead(config["activation"], NORM, bias=True, tied=config["tie_word_embeddings"])


def sequence_head(config: Config) -> HeadSpec:
    return _first_token_head(config, labels=config.labels)


def choice_head(config: Config) -> HeadSpec:
    return _first_token_head(config, labels=1)


def _first_token_head(config: Config, *, labels: int) -> PooledHead:
    dropouts = (0.0, config["seq_classif_dropout"])
    return PooledHead(labels=labels, dense=0, activation="relu", dropouts=dropouts)


def token_head(config: Config) -> HeadSpec:
    return TokenHead(config.labels, dropout=config["dropout"])


def span_head(config: Config) -> HeadSpec:
    return TokenHead(labels=2, dropout=config["qa_dropout"])


def initial(config: Config) -> Initial:
    std = config["initializer_range"]
    rules: list[tuple[str, Fill]] = [
        (r"embedding\.tokens\.weight$", normal_but_row(std, config["pad_token_id"]))
    ]
    if config["sinusoidal_pos_embds"]:
        rules.append((r"embedding\.positions\.weight$", sinusoids))
    return Initial(std, tuple(rules))


LAYER, BLOCK = "distilbert.transformer.layer.{i}.", "body.stack.blocks.{i}."
ROWS = (
    row("distilbert.embeddings.word_embeddings.weight", "body.embedding.tokens.weight"),
    row("distilbert.embeddings.position_embeddings.weight", "body.embedding.positions.weight"),
    row("distilbert.embeddings.LayerNorm.*", "body.embedding.norm.*"),
    row(LAYER + "attention.q_lin.*", BLOCK + "attention.query.*"),
    row(LAYER + "attention.k_lin.*", BLOCK + "attention.key.*"),
    row(LAYER + "attention.v_lin.*", BLOCK + "attention.value.*"),
    row(LAYER + "attention.out_lin.*", BLOCK + "attention.output.*"),
    row(LAYER + "sa_layer_norm.*", BLOCK + "attention_residual.after.*"),
    row(LAYER + "ffn.lin1.*", BLOCK + "feed_forward.up.*"),
    row(LAYER + "ffn.lin2.*", BLOCK + "feed_forward.down.*"),
    row(LAYER + "output_layer_norm.*", BLOCK + "feed_forward_residual.after.*"),
)
VOCAB_ROWS = (
    row("vocab_transform.*", "head.dense.*"),
    row("vocab_layer_norm.*", "head.norm.*"),
    row("vocab_projector.bias", "head.bias"),
    row("vocab_projector.weight", "head.output.weight"),  # where it is not tied
)
FIRST_TOKEN_ROWS = (row("pre_classifier.*", "head.dense.*"), row("classifier.*", "head.output.*"))

READ = ("input_ids", "attention_mask", "head_mask", "inputs_embeds")
LABELS, SPAN = (*READ, "labels", *ASK), (*READ, "start_positions", "end_positions", *ASK)

HEADS = (
    Head(
        "DistilBertModel", ("base",), no_pooler, (*READ, *ASK), outputs.BaseModelOutput,
        tasks.states_only, bare=True,
    ),
    Head(
        "DistilBertForMaskedLM", ("masked-lm", "pretraining"), vocab_head, LABELS, outputs.MaskedLMOutput,
        tasks.labelled_tokens, rows=VOCAB_ROWS,
    ),
    Head(
        "DistilBertForSequenceClassification", ("sequence-classification",), sequence_head, LABELS,
        outputs.SequenceClassifierOutput, tasks.sequence_labels, rows=FIRST_TOKEN_ROWS,
    ),
    Head(
        "DistilBertForQuestionAnswering", ("question-answering",), span_head, SPAN,
        outputs.QuestionAnsweringModelOutput, tasks.span, rows=(row("qa_outputs.*", "head.output.*"),),
    ),
    token_classification("DistilBert", token_head, LABELS),
    Head(
        "DistilBertForMultipleChoice", ("multiple-choice",), choice_head, LABELS,
        outputs.MultipleChoiceModelOutput, tasks.one_of_choices, prepare=flatten_choices,
        rows=FIRST_TOKEN_ROWS,
    ),
)  # fmt: skip

DISTILBERT = Family(
    model_type="distilbert",
    name="DistilBert",
    prefix="distilbert",
    fields=FIELDS,
    body=body,
    rows=ROWS,
    heads=HEADS,
    initial=initial,
    paper="Sanh et al. 2019, arXiv:1910.01108",
    recognises=lambda values: values.get("model_type") is None and "sinusoidal_pos_embds" in values,
    attribute_map={"hidden_size": "dim", "num_attention_heads": "n_heads", "num_hidden_layers": "n_layers"},
    tied=(("vocab_projector.weight", "distilbert.embeddings.word_embeddings.weight"),),
    old_names=((r"LayerNorm\.gamma$", "LayerNorm.weight"), (r"LayerNorm\.beta$", "LayerNorm.bias")),
    ignored=(r"embeddings\.position_ids$",),
    lora_targets=("q_lin", "v_lin"),
)
