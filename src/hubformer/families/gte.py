"""GTE (Zhang et al. 2024, arXiv:2407.19669), also called "new": BERT's post-norm layers with rotary positions
and gates.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hubformer.core import FeedForward, LayerSpec
from hubformer.families.kit import encoder
from hubformer.families.kit.arguments import ASK
from hubformer.families.kit.heads import no_pooler
from hubformer.families.kit.initial import zero_padding_initial
from hubformer.families.kit.values import quotient
from hubformer.models import outputs, tasks
from hubformer.models.bodies import BodySpec
from hubformer.models.config import Config, Field, choice, count, positive, rate, size, token, unbuilt
from hubformer.models.family import Family, Head
from hubformer.models.heads import VocabHead
from hubformer.models.rotary import in_one_spelling, rotary, scaling
from hubformer.weights.changes import cut
from hubformer.weights.map import Row, row


def always(value: bool) -> Field:
    """A switch of the first implementation that no published file turns."""
    return unbuilt(
        Field(value, f"true or false, here {str(value).lower()}", lambda v: v is value or v is None)
    )


def told() -> Field:
    """How the first implementation computes the same numbers: a switch, in some files a word."""
    return unbuilt(Field(False, "true or false", lambda v: v in (False, True, "true", "false")))


KEPT = ("initializer_range", "layer_norm_eps")
FIELDS: dict[str, Field] = {
    "vocab_size": size(250048),
    **{name: encoder.FIELDS[name] for name in ("hidden_size", "num_hidden_layers", "num_attention_heads")},
    **{name: encoder.FIELDS[name] for name in ("intermediate_size", "hidden_act", "hidden_dropout_prob")},
    "attention_probs_dropout_prob": rate(0.0),
    "max_position_embeddings": size(8192),
    "type_vocab_size": count(1),
    **{name: encoder.FIELDS[name] for name in KEPT},
    "pad_token_id": token(1),
    "classifier_dropout": encoder.FIELDS["classifier_dropout"],
    "rope_theta": positive(160_000.0),
    "rope_scaling": scaling(),
    "position_embedding_type": unbuilt(choice("rope")),
    "layer_norm_type": unbuilt(choice("layer_norm")),
    "logn_attention_scale": always(False),
    "logn_attention_clip1": always(False),
    "pack_qkv": always(True),
    "unpad_inputs": told(),
    "use_memory_efficient_attention": told(),
}


def layer(config: Config, *, part: float = 1.0) -> LayerSpec:
    """A layer of BERT with rotary positions. part: of a head's dimensions that are turned."""
    width = quotient(config, of="hidden_size", by="num_attention_heads")
    return encoder.layer(config, position=rotary(config, head_width=width, part=part))


def body(config: Config) -> BodySpec:
    feed_forward = FeedForward(
        config["intermediate_size"],
        config["hidden_act"],
        gated=True,
        bias=False,
        down_bias=True,
        dropout=config["hidden_dropout_prob"],
    )
    return encoder.body_without_position_table(config, replace(layer(config), feed_forward=feed_forward))


def vocab_head(config: Config) -> VocabHead:
    return replace(encoder.vocab_head(config), activation="gelu")  # whatever hidden_act is


def normalise(values: dict[str, Any]) -> dict[str, Any]:
    return in_one_spelling(values)


LAYER, BLOCK = "gte.encoder.layer.{i}.", encoder.BLOCK
ROWS = (
    row("gte.embeddings.word_embeddings.weight", "body.embedding.tokens.weight"),
    row("gte.embeddings.token_type_embeddings.weight", "body.embedding.types.weight"),
    row("gte.embeddings.LayerNorm.*", "body.embedding.norm.*"),
    row(LAYER + "attention.qkv_proj.*", *(f"{BLOCK}attention.{part}.*" for part in ("query", "key", "value")),
        change=cut(3)),
    row(LAYER + "attention.o_proj.*", BLOCK + "attention.output.*"),
    row(LAYER + "attn_ln.*", BLOCK + "attention_residual.after.*"),
    row(LAYER + "mlp.up_gate_proj.*", BLOCK + "feed_forward.up.*", BLOCK + "feed_forward.gate.*",
        change=cut(2)),
    row(LAYER + "mlp.down_proj.*", BLOCK + "feed_forward.down.*"),
    row(LAYER + "mlp_ln.*", BLOCK + "feed_forward_residual.after.*"),
)  # fmt: skip
VOCAB_ROWS = (
    row("lm_head.dense.*", "head.dense.*"),
    row("lm_head.norm.*", "head.norm.*"),
    row("lm_head.decoder.bias", "head.bias"),
    row("lm_head.decoder.weight", "head.output.weight"),  # where it is not tied
)
READ = ("input_ids", "attention_mask", "token_type_ids", "position_ids", "inputs_embeds")
LABELS = (*READ, "labels", *ASK)


def heads(name: str, prefix: str, vocab_rows: Any, *, vocab: Any) -> tuple[Head, ...]:
    """The four classes of GTE, and of NomicBERT. vocab: the head that scores the vocabulary."""
    labels: tuple[Row, ...] = (row("classifier.*", "head.output.*"),)
    return (
        Head(
            f"{name}Model", ("base",), no_pooler, (*READ, *ASK),
            outputs.BaseModelOutputWithPooling, tasks.states_only, bare=True,
        ),
        Head(
            f"{name}ForMaskedLM", ("masked-lm", "pretraining"), vocab, LABELS, outputs.MaskedLMOutput,
            tasks.labelled_tokens, rows=vocab_rows,
        ),
        Head(
            f"{name}ForSequenceClassification", ("sequence-classification",), encoder.sequence_head, LABELS,
            outputs.SequenceClassifierOutput, tasks.sequence_labels,
            rows=(row(f"{prefix}.pooler.dense.*", "head.dense.*"), *labels),
        ),
        Head(
            f"{name}ForTokenClassification", ("token-classification",), encoder.token_head, LABELS,
            outputs.TokenClassifierOutput, tasks.labelled_tokens, rows=labels,
        ),
    )  # fmt: skip


GTE = Family(
    model_type="gte",
    name="Gte",
    prefix="gte",
    fields=FIELDS,
    body=body,
    rows=ROWS,
    heads=heads("Gte", "gte", VOCAB_ROWS, vocab=vocab_head),
    initial=zero_padding_initial,
    paper="Zhang et al. 2024, arXiv:2407.19669",
    # Its own repositories call it so.
    recognises=lambda values: (
        values.get("model_type") == "new" and values.get("position_embedding_type") != "alibi"
    ),
    tied=(("lm_head.decoder.weight", "gte.embeddings.word_embeddings.weight"),),
    old_names=((r"^new\.", "gte."),),
    ignored=(r"rotary_emb\.", r"embeddings\.position_ids$"),
    normalise=normalise,
    lora_targets=("qkv_proj",),
)
