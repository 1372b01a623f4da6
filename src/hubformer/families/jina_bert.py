"""JinaBERT (Günther et al. 2023, arXiv:2310.19923): BERT with gates, and with scores that fall off with the
distance of tokens on both sides in place of learned positions. It reads rows that are longer than those it
was trained on.

Its repositories call it "bert" and bring code of their own, in two kinds. The second, "qk-post-norm", norms
queries and keys, and adds a layer's input twice. Which of them a file is of says only where its code lies.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from hubformer.core import Alibi, FeedForward, LayerNorm, LayerSpec, Norms
from hubformer.families import bert
from hubformer.families.bert import POOLER
from hubformer.families.kit import encoder
from hubformer.families.kit.arguments import ASK, LABELS, READ
from hubformer.families.kit.encoder import BLOCK
from hubformer.families.kit.heads import no_pooler
from hubformer.models import outputs, tasks
from hubformer.models.bodies import BodySpec
from hubformer.models.config import Config, Field, choice, flag, size, unbuilt
from hubformer.models.family import Head
from hubformer.weights.changes import cut
from hubformer.weights.map import Row, row

GATES = {"geglu": "gelu", "reglu": "relu"}
FIELDS: dict[str, Field] = {
    **encoder.FIELDS,
    "max_position_embeddings": unbuilt(size(512)),  # what they were made for; a slope has no end
    # The first implementation can also be BERT itself, with "absolute" and "original"; no file asks for it.
    "position_embedding_type": unbuilt(choice("alibi")),
    "feed_forward_type": choice(*GATES),
    "emb_pooler": unbuilt(choice(None, "mean")),  # how it makes one vector of a text
    "qk_post_norm": flag(False),  # our word for the second kind
}


def normalise(values: dict[str, Any]) -> dict[str, Any]:
    """The kind, which files say only by the place of their code."""
    if "qk_post_norm" in values:
        return values
    places = (values.get("_name_or_path"), *dict(values.get("auto_map") or {}).values())
    return {**values, "qk_post_norm": any("qk-post-norm" in str(place) for place in places)}


def body(config: Config) -> BodySpec:
    # Slopes as their code has them: powers of Python's floats.
    one = encoder.layer(config, position=Alibi(direction="bidirectional", powers=torch.float64))
    one = replace(
        one,
        feed_forward=FeedForward(
            config["intermediate_size"],
            GATES[config["feed_forward_type"]],
            gated=True,
            bias=False,
            down_bias=True,
            dropout=config["hidden_dropout_prob"],
        ),
        feed_forward_dropout=0.0,
    )
    return encoder.body_without_position_table(
        config, with_query_norms(config, one) if config["qk_post_norm"] else one
    )


def with_query_norms(config: Config, layer: LayerSpec) -> LayerSpec:
    """A layer of the second kind."""
    norm = LayerNorm(config["layer_norm_eps"])
    return replace(
        layer,
        attention=replace(layer.attention, qk_norm=norm, qk_norm_over="all"),
        norms=Norms(branch=norm, after=norm, residual="twice"),
        feed_forward_norms=Norms(after=norm),
    )


LAYER = "bert.encoder.layer.{i}."
SHARED = tuple(
    r for r in encoder.rows("bert") if not r.ours[0].startswith((BLOCK + "feed_", BLOCK + "attention_"))
)
GATE, UP = BLOCK + "feed_forward.gate.*", BLOCK + "feed_forward.up.*"
FIRST = (
    row(LAYER + "attention.output.LayerNorm.*", BLOCK + "attention_residual.after.*"),
    row(LAYER + "mlp.gated_layers.*", GATE, UP, change=cut(2)),
    row(LAYER + "mlp.wo.*", BLOCK + "feed_forward.down.*"),
    row(LAYER + "mlp.layernorm.*", BLOCK + "feed_forward_residual.after.*"),
)
SECOND = (
    row(LAYER + "attention.self.layer_norm_q.*", BLOCK + "attention.query_norm.*"),
    row(LAYER + "attention.self.layer_norm_k.*", BLOCK + "attention.key_norm.*"),
    row(LAYER + "attention.output.LayerNorm.*", BLOCK + "attention_residual.branch.*"),
    row(LAYER + "layer_norm_1.*", BLOCK + "attention_residual.after.*"),
    row(LAYER + "mlp.up_gated_layer.*", UP, GATE, change=cut(2)),
    row(LAYER + "mlp.down_layer.*", BLOCK + "feed_forward.down.*"),
    row(LAYER + "layer_norm_2.*", BLOCK + "feed_forward_residual.after.*"),
)


def rows(config: Config) -> tuple[Row, ...]:
    return (*SHARED, *(SECOND if config["qk_post_norm"] else FIRST))


HEADS = (
    Head(
        "JinaBertModel", ("base",), encoder.pooler, (*READ, *ASK), outputs.BaseModelOutputWithPooling,
        tasks.pooled, rows=(row(POOLER, "head.dense.*"),), without=no_pooler, bare=True,
    ),
    Head(
        "JinaBertForMaskedLM", ("masked-lm", "pretraining"), encoder.vocab_head, LABELS,
        outputs.MaskedLMOutput, tasks.labelled_tokens, rows=encoder.vocab_rows,
    ),
    *(
        replace(head, name=f"Jina{head.name}")
        for head in bert.HEADS
        if head.name.removeprefix("BertFor")
        in ("SequenceClassification", "MultipleChoice", "TokenClassification", "QuestionAnswering")
    ),
)  # fmt: skip

JINA_BERT = replace(
    bert.BERT,
    model_type="jina_bert",
    name="JinaBert",
    fields=FIELDS,
    body=body,
    rows=rows,
    heads=HEADS,
    paper="Günther et al. 2023, arXiv:2310.19923",
    filed_as="bert",
    recognises=lambda values: (
        values.get("model_type") == "bert"
        and values.get("position_embedding_type") == "alibi"
        and "feed_forward_type" in values
    ),
    ignored=(*bert.BERT.ignored, r"encoder\.alibi$"),
    caches=lambda config: False,
    normalise=normalise,
)
