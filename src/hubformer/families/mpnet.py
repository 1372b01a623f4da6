"""MPNet (Song et al. 2020, arXiv:2004.09297): BERT's body with a bias for buckets of distances beside its
learned positions. These count from 2, and there are no token types.
"""

from __future__ import annotations

from hubformer.core import Buckets, LayerNorm, StackSpec
from hubformer.families import roberta
from hubformer.families.kit import encoder
from hubformer.families.kit.arguments import ASK
from hubformer.families.kit.heads import no_pooler, question_answering, token_classification
from hubformer.models import outputs, tasks
from hubformer.models.bodies import BodySpec
from hubformer.models.config import Config, Field, activation, count, number, positive, rate, size, token
from hubformer.models.embeddings import TokenEmbedding
from hubformer.models.family import Family, Head
from hubformer.models.initial import Initial, normal_but_row
from hubformer.models.inputs import flatten_choices
from hubformer.weights.map import row

PADDING = 1  # whatever pad_token_id is

FIELDS: dict[str, Field] = {
    "vocab_size": size(30527),
    "hidden_size": size(768),
    "num_hidden_layers": count(12),
    "num_attention_heads": size(12),
    "intermediate_size": size(3072),
    "hidden_act": activation("gelu"),
    "hidden_dropout_prob": rate(0.1),
    "attention_probs_dropout_prob": rate(0.1),
    "max_position_embeddings": size(512),
    "initializer_range": number(0.02),
    "layer_norm_eps": positive(1e-12),
    "relative_attention_num_buckets": Field(
        32, "a whole number, 32", lambda v: v == 32
    ),  # transformers reads 32 whatever it says
    "pad_token_id": token(1),
    "bos_token_id": token(0),
    "eos_token_id": token(2),
}


def body(config: Config) -> BodySpec:
    layer = encoder.layer(config, position=Buckets(config["relative_attention_num_buckets"]))
    return BodySpec(
        embedding=TokenEmbedding(
            vocab=config["vocab_size"],
            width=config["hidden_size"],
            positions=config["max_position_embeddings"],
            first_position=PADDING + 1,
            padding=PADDING,
            norm=LayerNorm(config["layer_norm_eps"]),
            dropout=config["hidden_dropout_prob"],
        ),
        stack=StackSpec(config["hidden_size"], (layer,) * config["num_hidden_layers"]),
    )


def initial(config: Config) -> Initial:
    std = config["initializer_range"]
    return Initial(std, ((r"embedding\.(tokens|positions)\.weight$", normal_but_row(std, PADDING)),))


LAYER, BLOCK = "mpnet.encoder.layer.{i}.", encoder.BLOCK
ROWS = (
    row("mpnet.embeddings.word_embeddings.weight", "body.embedding.tokens.weight"),
    row("mpnet.embeddings.position_embeddings.weight", "body.embedding.positions.weight"),
    row("mpnet.embeddings.LayerNorm.*", "body.embedding.norm.*"),
    row("mpnet.encoder.relative_attention_bias.weight", "body.stack.tables.0.weight"),
    row(LAYER + "attention.attn.q.*", BLOCK + "attention.query.*"),
    row(LAYER + "attention.attn.k.*", BLOCK + "attention.key.*"),
    row(LAYER + "attention.attn.v.*", BLOCK + "attention.value.*"),
    row(LAYER + "attention.attn.o.*", BLOCK + "attention.output.*"),
    row(LAYER + "attention.LayerNorm.*", BLOCK + "attention_residual.after.*"),
    row(LAYER + "intermediate.dense.*", BLOCK + "feed_forward.up.*"),
    row(LAYER + "output.dense.*", BLOCK + "feed_forward.down.*"),
    row(LAYER + "output.LayerNorm.*", BLOCK + "feed_forward_residual.after.*"),
)
POOLER = "mpnet.pooler.dense.*"
READ = ("input_ids", "attention_mask", "position_ids", "head_mask", "inputs_embeds")
LABELS, SPAN = (*READ, "labels", *ASK), (*READ, "start_positions", "end_positions", *ASK)

HEADS = (
    Head(
        "MPNetModel", ("base",), encoder.pooler, (*READ, *ASK), outputs.BaseModelOutputWithPooling,
        tasks.pooled, rows=(row(POOLER, "head.dense.*"),), without=no_pooler, bare=True,
    ),
    Head(
        "MPNetForMaskedLM", ("masked-lm", "pretraining"), roberta.vocab_head, LABELS, outputs.MaskedLMOutput,
        tasks.labelled_tokens, rows=roberta.vocab_rows,
    ),
    Head(
        "MPNetForSequenceClassification", ("sequence-classification",), roberta.sequence_head, LABELS,
        outputs.SequenceClassifierOutput, tasks.sequence_labels,
        rows=(row("classifier.dense.*", "head.dense.*"), row("classifier.out_proj.*", "head.output.*")),
    ),
    Head(
        "MPNetForMultipleChoice", ("multiple-choice",), roberta.choice_head, LABELS,
        outputs.MultipleChoiceModelOutput, tasks.one_of_choices, prepare=flatten_choices,
        rows=(row(POOLER, "head.dense.*"), row("classifier.*", "head.output.*")),
    ),
    token_classification("MPNet", encoder.token_head, LABELS),
    question_answering("MPNet", SPAN),
)  # fmt: skip

MPNET = Family(
    model_type="mpnet",
    name="MPNet",
    prefix="mpnet",
    fields=FIELDS,
    body=body,
    rows=ROWS,
    heads=HEADS,
    initial=initial,
    paper="Song et al. 2020, arXiv:2004.09297",
    tied=(
        ("lm_head.decoder.weight", "mpnet.embeddings.word_embeddings.weight"),
        (roberta.BIASES[1], roberta.BIASES[0]),
    ),
    duplicates=roberta.bias_twins,
    ignored=(r"embeddings\.position_ids$",),
    lora_targets=("q", "v"),
)
