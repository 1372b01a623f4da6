"""GPT-2 (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"): pre-norm decoder; and
GPT-3, whose layers see in turn all tokens before and a band of them."""

from __future__ import annotations

from math import sqrt

from hubformer.core import AttentionSpec, FeedForward, LayerNorm, LayerSpec, Norms, StackSpec
from hubformer.families.kit.arguments import ASK, CROSS, GPT_LABELS, GPT_SPAN, PAST, TYPED
from hubformer.families.kit.decoder import last_token_classification, token_head, vocab_head
from hubformer.families.kit.heads import no_pooler, question_answering, token_classification
from hubformer.families.kit.values import quotient
from hubformer.models import outputs, tasks
from hubformer.models.bodies import BodySpec
from hubformer.models.config import (
    Config,
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
from hubformer.models.family import Family, Head
from hubformer.models.heads import HeadSpec, PairOfHeads, PooledHead
from hubformer.models.initial import Initial, normal
from hubformer.models.inputs import flatten_choices
from hubformer.weights.changes import TRANSPOSE, cut
from hubformer.weights.map import Row, row

FIELDS = {
    "vocab_size": size(50257),
    "n_positions": size(1024),
    "n_embd": size(768),
    "n_layer": count(12),
    "n_head": size(12),
    "n_inner": optional(size(4 * 768)),
    "activation_function": activation("gelu_new"),
    "resid_pdrop": rate(0.1),
    "embd_pdrop": rate(0.1),
    "attn_pdrop": rate(0.1),
    "layer_norm_epsilon": positive(1e-5),
    "initializer_range": number(0.02),
    "summary_type": choice("cls_index", "last", "first", "mean"),
    "summary_use_proj": flag(True),
    "summary_activation": optional(activation("tanh")),
    "summary_proj_to_labels": flag(True),
    "summary_first_dropout": rate(0.1),
    "scale_attn_weights": flag(True),
    "use_cache": flag(True),
    "bos_token_id": token(50256),
    "eos_token_id": token(50256),
    "scale_attn_by_inverse_layer_idx": flag(False),
    # Scores in float32 under half precision: the kernels here always accumulate so.
    "reorder_and_upcast_attn": flag(False),
    # Not among v4's arguments, but obeyed where a file has them.
    "summary_last_dropout": rate(0.0),
    "classifier_dropout": optional(rate(0.1)),
    "hidden_dropout": optional(rate(0.1)),
    # Not in v4 at all: how many tokens, itself included, a token sees in every second layer. GPT-3 (Brown et
    # al. 2020, arXiv:2005.14165) has such bands, as sparse Transformers do (Child et al. 2019,
    # arXiv:1904.10509).
    "band": optional(size(128)),
}
PICKS = {"cls_index": "given", "last": "last", "first": "first", "mean": "mean"}


def body(config: Config) -> BodySpec:
    width, norm = config["n_embd"], LayerNorm(config["layer_norm_epsilon"])
    return BodySpec(
        embedding=TokenEmbedding(
            vocab=config["vocab_size"],
            width=width,
            positions=config["n_positions"],
            dropout=config["embd_pdrop"],
        ),
        stack=StackSpec(width, tuple(layer(config, i) for i in range(config["n_layer"])), final_norm=norm),
    )


def layer(config: Config, index: int) -> LayerSpec:
    crossing = config["add_cross_attention"]
    return LayerSpec(
        attention=attention(config, index, causal=True),
        feed_forward=FeedForward(config["n_inner"] or 4 * config["n_embd"], config["activation_function"]),
        norms=Norms(before=LayerNorm(config["layer_norm_epsilon"])),
        cross_attention=attention(config, index, causal=False) if crossing else None,
        dropout=config["resid_pdrop"],
    )


def attention(config: Config, index: int, *, causal: bool) -> AttentionSpec:
    wide = quotient(config, of="n_embd", by="n_head")
    scale = wide**-0.5 if config["scale_attn_weights"] else 1.0
    depth = index + 1 if config["scale_attn_by_inverse_layer_idx"] else 1
    banded = causal and index % 2 == 1 and config["band"] is not None
    return AttentionSpec(
        config["n_head"],
        wide,
        causal=causal,
        window=config["band"] - 1 if banded else None,
        scale=scale / depth,
        dropout=config["attn_pdrop"],
    )


def double_head(config: Config) -> HeadSpec:
    return PairOfHeads(vocab_head(config), summary_head(config))


def summary_head(config: Config) -> HeadSpec:
    projected = 1 if config["summary_proj_to_labels"] else 0
    return PooledHead(
        labels=None,
        pooling=PICKS[config["summary_type"]],  # type: ignore[arg-type]
        dense=projected if config["summary_use_proj"] else None,
        activation=config["summary_activation"],
        dropouts=(config["summary_first_dropout"], config["summary_last_dropout"]),
    )


def initial(config: Config) -> Initial:
    std = config["initializer_range"]
    # What is added to the residual stream, once or twice a layer, keeps its variance with depth.
    shallow = normal(std / sqrt(2 * max(config["n_layer"], 1)))
    return Initial(std, ((r"attention\.output\.weight$", shallow), (r"feed_forward\.down\.weight$", shallow)))


LAYER, BLOCK = "transformer.h.{i}.", "body.stack.blocks.{i}."
ATTENTION, CROSSING = BLOCK + "attention.", BLOCK + "cross_attention."
ROWS = (
    row("transformer.wte.weight", "body.embedding.tokens.weight"),
    row("transformer.wpe.weight", "body.embedding.positions.weight"),
    row(LAYER + "ln_1.*", BLOCK + "attention_residual.before.*"),
    row(
        LAYER + "attn.c_attn.*", ATTENTION + "query.*", ATTENTION + "key.*", ATTENTION + "value.*",
        change=TRANSPOSE.then(cut(3)),
    ),
    row(LAYER + "attn.c_proj.*", ATTENTION + "output.*", change=TRANSPOSE),
    row(LAYER + "ln_cross_attn.*", BLOCK + "cross_residual.before.*"),
    row(LAYER + "crossattention.q_attn.*", CROSSING + "query.*", change=TRANSPOSE),
    row(
        LAYER + "crossattention.c_attn.*", CROSSING + "key.*", CROSSING + "value.*",
        change=TRANSPOSE.then(cut(2)),
    ),
    row(LAYER + "crossattention.c_proj.*", CROSSING + "output.*", change=TRANSPOSE),
    row(LAYER + "ln_2.*", BLOCK + "feed_forward_residual.before.*"),
    row(LAYER + "mlp.c_fc.*", BLOCK + "feed_forward.up.*", change=TRANSPOSE),
    row(LAYER + "mlp.c_proj.*", BLOCK + "feed_forward.down.*", change=TRANSPOSE),
    row("transformer.ln_f.*", "body.stack.final_norm.*"),
)  # fmt: skip


def vocab_rows(config: Config, home: str = "head.") -> tuple[Row, ...]:
    return (row("lm_head.weight", home + "output.weight"),)  # where it is not tied


def double_rows(config: Config) -> tuple[Row, ...]:
    return (
        *vocab_rows(config, "head.first."),
        row("multiple_choice_head.summary.*", "head.second.dense.*"),
    )


HEADS = (
    Head(
        "GPT2Model", ("base",), no_pooler, (*PAST, "cache_position", *TYPED, *CROSS, "use_cache", *ASK),
        outputs.BaseModelOutputWithPastAndCrossAttentions, tasks.states_only, bare=True,
    ),
    Head(
        "GPT2LMHeadModel", ("causal-lm", "pretraining"), vocab_head,
        (*PAST, "cache_position", *TYPED, *CROSS, "labels", "use_cache", *ASK, "logits_to_keep"),
        outputs.CausalLMOutputWithCrossAttentions, tasks.next_tokens, rows=vocab_rows, generates=True,
    ),
    Head(
        "GPT2DoubleHeadsModel", (), double_head,
        (*PAST, "cache_position", *TYPED, "mc_token_ids", "labels", "mc_labels", "use_cache", *ASK),
        outputs.GPT2DoubleHeadsModelOutput, tasks.double, rows=double_rows, prepare=flatten_choices,
        generates=True,
    ),
    last_token_classification("GPT2", GPT_LABELS),
    token_classification("GPT2", token_head, GPT_LABELS),
    question_answering("GPT2", GPT_SPAN),
)  # fmt: skip

GPT2 = Family(
    model_type="gpt2",
    name="GPT2",
    prefix="transformer",
    fields=FIELDS,
    body=body,
    rows=ROWS,
    heads=HEADS,
    initial=initial,
    paper='Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"',
    recognises=lambda values: values.get("model_type") is None and "n_embd" in values,
    attribute_map={
        "hidden_size": "n_embd",
        "max_position_embeddings": "n_positions",
        "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer",
    },
    tied=(("lm_head.weight", "transformer.wte.weight"),),
    # Old files carry the causal mask and its constant beside the weights.
    ignored=(r"\.(attn|crossattention)\.(masked_)?bias$",),
    caches=lambda config: True,
    lora_targets=("c_attn",),
)
