"""GPT-Neo (Black et al. 2021, doi:10.5281/zenodo.5297715): GPT-2 whose layers see, in turn, all tokens before
and a window of them; its scores are not scaled.
"""

from __future__ import annotations

from typing import Any

from hubformer.core import AttentionSpec, FeedForward, LayerNorm, LayerSpec, Norms, StackSpec
from hubformer.errors import ConfigError
from hubformer.families.kit.arguments import GPT_BASE, GPT_CAUSAL, GPT_LABELS, GPT_SPAN
from hubformer.families.kit.decoder import last_token_classification, vocab_head
from hubformer.families.kit.heads import no_pooler, question_answering, token_classification
from hubformer.families.kit.initial import normal_initial
from hubformer.families.kit.values import quotient
from hubformer.models import outputs, tasks
from hubformer.models.bodies import BodySpec
from hubformer.models.config import (
    Config,
    Field,
    activation,
    count,
    flag,
    number,
    optional,
    positive,
    rate,
    size,
    token,
    unbuilt,
)
from hubformer.models.embeddings import TokenEmbedding
from hubformer.models.family import Family, Head
from hubformer.models.heads import HeadSpec, TokenHead
from hubformer.weights.map import row

USUAL = [[["global", "local"], 12]]


def _expanded(types: Any) -> list[str] | None:
    """attention_types written out, one entry a layer; None: it is not of the form [[[kind, …], times], …]."""
    try:
        return [str(kind) for kinds, times in types for _ in range(times) for kind in kinds]
    except (TypeError, ValueError):
        return None


FIELDS: dict[str, Field] = {
    "vocab_size": size(50257),
    "max_position_embeddings": size(2048),
    "hidden_size": size(2048),
    "num_layers": count(24),
    "attention_types": unbuilt(
        Field(
            USUAL,
            'a list such as [[["global", "local"], 12]]: which kinds of layers, and how often',
            lambda value: set(_expanded(value) or ["?"]) <= {"global", "local"},
        )
    ),
    "num_heads": size(16),
    "intermediate_size": optional(size(8192)),
    "window_size": size(256),
    "activation_function": activation("gelu_new"),
    "resid_dropout": rate(0.0),
    "embed_dropout": rate(0.0),
    "attention_dropout": rate(0.0),
    "classifier_dropout": rate(0.1),
    "layer_norm_epsilon": positive(1e-5),
    "initializer_range": number(0.02),
    "use_cache": flag(True),
    "bos_token_id": token(50256),
    "eos_token_id": token(50256),
}


def normalise(values: dict[str, Any]) -> dict[str, Any]:
    """With attention_layers, which follows from attention_types, as v4 writes it."""
    return {**values, "attention_layers": _expanded(values.get("attention_types", USUAL))}


def body(config: Config) -> BodySpec:
    kinds, layers = config["attention_layers"], config["num_layers"]
    if len(kinds) != layers:
        raise ConfigError(
            f"attention_types is of {len(kinds)} layers and num_layers is {layers}. Correct one of them."
        )
    width, norm = config["hidden_size"], LayerNorm(config["layer_norm_epsilon"])
    return BodySpec(
        TokenEmbedding(
            config["vocab_size"],
            width,
            positions=config["max_position_embeddings"],
            dropout=config["embed_dropout"],
        ),
        StackSpec(width, tuple(layer(config, local=kind == "local") for kind in kinds), final_norm=norm),
    )


def layer(config: Config, *, local: bool) -> LayerSpec:
    return LayerSpec(
        AttentionSpec(
            config["num_heads"],
            quotient(config, of="hidden_size", by="num_heads"),
            causal=True,
            window=config["window_size"] - 1 if local else None,  # files count the token itself
            scale=1.0,
            bias=False,
            output_bias=True,
            dropout=config["attention_dropout"],
        ),
        FeedForward(config["intermediate_size"] or 4 * config["hidden_size"], config["activation_function"]),
        Norms(before=LayerNorm(config["layer_norm_epsilon"])),
        dropout=config["resid_dropout"],
    )


def token_head(config: Config) -> HeadSpec:
    return TokenHead(config.labels, dropout=config["classifier_dropout"])


LAYER, BLOCK = "transformer.h.{i}.", "body.stack.blocks.{i}."
ROWS = (
    row("transformer.wte.weight", "body.embedding.tokens.weight"),
    row("transformer.ln_f.*", "body.stack.final_norm.*"),
    row("transformer.wpe.weight", "body.embedding.positions.weight"),
    row(LAYER + "ln_1.*", BLOCK + "attention_residual.before.*"),
    row(LAYER + "attn.attention.q_proj.*", BLOCK + "attention.query.*"),
    row(LAYER + "attn.attention.k_proj.*", BLOCK + "attention.key.*"),
    row(LAYER + "attn.attention.v_proj.*", BLOCK + "attention.value.*"),
    row(LAYER + "attn.attention.out_proj.*", BLOCK + "attention.output.*"),
    row(LAYER + "ln_2.*", BLOCK + "feed_forward_residual.before.*"),
    row(LAYER + "mlp.c_fc.*", BLOCK + "feed_forward.up.*"),
    row(LAYER + "mlp.c_proj.*", BLOCK + "feed_forward.down.*"),
)


HEADS = (
    Head(
        "GPTNeoModel", ("base",), no_pooler, GPT_BASE, outputs.BaseModelOutputWithPast, tasks.states_only,
        bare=True,
    ),
    Head(
        "GPTNeoForCausalLM", ("causal-lm",), vocab_head, GPT_CAUSAL, outputs.CausalLMOutputWithPast,
        tasks.next_tokens, rows=(row("lm_head.weight", "head.output.weight"),), generates=True,
    ),
    question_answering("GPTNeo", GPT_SPAN),
    last_token_classification("GPTNeo", GPT_LABELS),
    token_classification("GPTNeo", token_head, GPT_LABELS),
)  # fmt: skip

GPT_NEO = Family(
    model_type="gpt_neo",
    name="GPTNeo",
    prefix="transformer",
    fields=FIELDS,
    body=body,
    rows=ROWS,
    heads=HEADS,
    initial=normal_initial,
    paper="Black et al. 2021, doi:10.5281/zenodo.5297715",
    attribute_map={"num_attention_heads": "num_heads", "num_hidden_layers": "num_layers"},
    tied=(("lm_head.weight", "transformer.wte.weight"),),
    # Old files carry the causal mask and its constant beside the weights.
    ignored=(r"\.attn\.attention\.(masked_)?bias$",),
    caches=lambda config: True,
    normalise=normalise,
    lora_targets=("q_proj", "v_proj"),
)
