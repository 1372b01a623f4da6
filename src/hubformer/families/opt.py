"""OPT (Zhang et al. 2022, arXiv:2205.01068): decoder with learned positions from the third row of their table
on; the one of 350 million parameters has its norms after its sublayers, and narrower token vectors.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from hubformer.core import AttentionSpec, FeedForward, LayerNorm, LayerSpec, Norms, StackSpec
from hubformer.families.kit.arguments import ASK
from hubformer.families.kit.decoder import last_token_classification, vocab_head
from hubformer.families.kit.heads import no_pooler, question_answering
from hubformer.families.kit.initial import zero_padding_initial
from hubformer.families.kit.values import quotient
from hubformer.models import outputs, tasks
from hubformer.models.bodies import BodySpec
from hubformer.models.config import (
    Config,
    Field,
    PreTrainedConfig,
    activation,
    count,
    flag,
    number,
    optional,
    rate,
    size,
    token,
)
from hubformer.models.embeddings import TokenEmbedding
from hubformer.models.family import Family, Head
from hubformer.models.inputs import Inputs
from hubformer.weights.map import Row, row

FIRST = 2  # the row of the position table for a row's first token

FIELDS: dict[str, Field] = {
    "vocab_size": size(50272),
    "hidden_size": size(768),
    "num_hidden_layers": count(12),
    "ffn_dim": size(3072),
    "max_position_embeddings": size(2048),
    "do_layer_norm_before": flag(True),
    "_remove_final_layer_norm": flag(False),
    "word_embed_proj_dim": optional(size(768)),
    "dropout": rate(0.1),
    "attention_dropout": rate(0.0),
    "num_attention_heads": size(12),
    "activation_function": activation("relu"),
    "layerdrop": Field(0.0, "0: no layer is left out in training", lambda v: v == 0),
    "init_std": number(0.02),
    "use_cache": flag(True),
    "pad_token_id": token(1),
    "bos_token_id": token(2),
    "eos_token_id": token(2),
    "enable_bias": flag(True),
    "layer_norm_elementwise_affine": flag(True),
}


def normalise(values: dict[str, Any]) -> dict[str, Any]:
    narrow, wide = values.get("word_embed_proj_dim"), values.get("hidden_size", 768)
    return {**values, "word_embed_proj_dim": wide if narrow is None else narrow}


def norm(config: Config) -> LayerNorm:
    return LayerNorm(affine=config["layer_norm_elementwise_affine"])


def body(config: Config) -> BodySpec:
    width, narrow, before = (
        config["hidden_size"],
        config["word_embed_proj_dim"],
        config["do_layer_norm_before"],
    )
    last = before and not config["_remove_final_layer_norm"]
    return BodySpec(
        TokenEmbedding(
            config["vocab_size"],
            narrow,
            positions=config["max_position_embeddings"] + FIRST,
            first_position=FIRST,
            padding=config["pad_token_id"],
            padding_learns=True,
            projected="first",
        ),
        StackSpec(
            width,
            (layer(config),) * config["num_hidden_layers"],
            final_norm=norm(config) if last else None,
            output=None if narrow == width else narrow,
        ),
    )


def layer(config: Config) -> LayerSpec:
    biased = config["enable_bias"]
    return LayerSpec(
        AttentionSpec(
            config["num_attention_heads"],
            quotient(config, of="hidden_size", by="num_attention_heads"),
            causal=True,
            bias=biased,
            dropout=config["attention_dropout"],
        ),
        FeedForward(config["ffn_dim"], config["activation_function"], bias=biased),
        Norms(before=norm(config)) if config["do_layer_norm_before"] else Norms(after=norm(config)),
        dropout=config["dropout"],
    )


def counted_from_first(inputs: Inputs, config: PreTrainedConfig) -> Inputs:
    """position_ids count from 0 here, not from the first row of the table as RoBERTa's."""
    if inputs.position_ids is None:
        return inputs
    return replace(inputs, position_ids=inputs.position_ids + FIRST)


LAYER, BLOCK = "model.decoder.layers.{i}.", "body.stack.blocks.{i}."


def rows(config: Config) -> tuple[Row, ...]:
    side = "before" if config["do_layer_norm_before"] else "after"
    return (
        row("model.decoder.embed_tokens.weight", "body.embedding.tokens.weight"),
        row("model.decoder.embed_positions.weight", "body.embedding.positions.weight"),
        row("model.decoder.project_in.weight", "body.embedding.enter.weight"),
        row(LAYER + "self_attn.q_proj.*", BLOCK + "attention.query.*"),
        row(LAYER + "self_attn.k_proj.*", BLOCK + "attention.key.*"),
        row(LAYER + "self_attn.v_proj.*", BLOCK + "attention.value.*"),
        row(LAYER + "self_attn.out_proj.*", BLOCK + "attention.output.*"),
        row(LAYER + "self_attn_layer_norm.*", f"{BLOCK}attention_residual.{side}.*"),
        row(LAYER + "fc1.*", BLOCK + "feed_forward.up.*"),
        row(LAYER + "fc2.*", BLOCK + "feed_forward.down.*"),
        row(LAYER + "final_layer_norm.*", f"{BLOCK}feed_forward_residual.{side}.*"),
        row("model.decoder.final_layer_norm.*", "body.stack.final_norm.*"),
        row("model.decoder.project_out.weight", "body.stack.project.weight"),
    )


READ = ("input_ids", "attention_mask", "head_mask", "past_key_values", "inputs_embeds")
ENDS = (*ASK, "position_ids")

HEADS = (
    Head(
        "OPTModel", ("base",), no_pooler, (*READ, "use_cache", *ENDS, "cache_position"),
        outputs.BaseModelOutputWithPast, tasks.states_only, prepare=counted_from_first, bare=True,
    ),
    Head(
        "OPTForCausalLM", ("causal-lm",), vocab_head, (*READ, "labels", "use_cache", *ENDS, "cache_position"),
        outputs.CausalLMOutputWithPast, tasks.next_tokens, prepare=counted_from_first,
        rows=(row("lm_head.weight", "head.output.weight"),), generates=True,
    ),
    last_token_classification("OPT", (*READ, "labels", "use_cache", *ENDS), prepare=counted_from_first),
    question_answering("OPT", (*READ, "start_positions", "end_positions", "use_cache", *ENDS),
        prepare=counted_from_first),
)  # fmt: skip

OPT = Family(
    model_type="opt",
    name="OPT",
    prefix="model",
    fields=FIELDS,
    body=body,
    rows=rows,
    heads=HEADS,
    initial=partial(zero_padding_initial, std="init_std"),
    paper="Zhang et al. 2022, arXiv:2205.01068",
    tied=(("lm_head.weight", "model.decoder.embed_tokens.weight"),),
    caches=lambda config: True,
    normalise=normalise,
    lora_targets=("q_proj", "v_proj"),
)
