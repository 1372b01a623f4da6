"""StableLM (Bellagente et al. 2024, arXiv:2402.17834): Llama with layer norms, a part of each head turned by
its place, and in large models a norm of its own for every head.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from hubformer.core import FeedForward, LayerNorm, LayerSpec, Norms, ParallelSpec, StackSpec
from hubformer.families.kit import decoder
from hubformer.families.kit.initial import zero_padding_initial
from hubformer.families.kit.values import head_width
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
from hubformer.models.family import Family
from hubformer.models.initial import Initial, constant
from hubformer.models.rotary import rotary, scaling
from hubformer.weights.changes import STACK
from hubformer.weights.map import Row

FIELDS: dict[str, Field] = {
    "vocab_size": size(50304),
    "intermediate_size": size(6912),
    "hidden_size": size(2560),
    "num_hidden_layers": count(32),
    "num_attention_heads": size(32),
    "num_key_value_heads": optional(size(32), default=32),
    "hidden_act": activation("silu"),
    "max_position_embeddings": unbuilt(size(4096)),
    "initializer_range": number(0.02),
    "layer_norm_eps": positive(1e-5),
    "use_cache": flag(True),
    "tie_word_embeddings": flag(False),
    "rope_theta": positive(10_000),
    "rope_scaling": scaling(),
    "use_qkv_bias": flag(False),
    "qk_layernorm": flag(False),
    "use_parallel_residual": flag(False),
    "hidden_dropout": rate(0.0),
    "attention_dropout": rate(0.0),
    "partial_rotary_factor": rate(0.25),
    "bos_token_id": token(0),
    "eos_token_id": token(0),
    "classifier_dropout": decoder.DROPOUT_FIELDS["classifier_dropout"],
}


def body(config: Config) -> BodySpec:
    wide, norm = head_width(config), LayerNorm(config["layer_norm_eps"])
    seeing = decoder.attention(
        config,
        bias=config["use_qkv_bias"],
        position=rotary(config, head_width=wide, part=config["partial_rotary_factor"]),
        qk_norm=replace(norm, bias=False) if config["qk_layernorm"] else None,
        qk_norm_over="each head",
    )
    fed = FeedForward(config["intermediate_size"], config["hidden_act"], gated=True, bias=False)
    kind = ParallelSpec if config["use_parallel_residual"] else LayerSpec
    layer = kind(seeing, fed, Norms(before=norm), feed_forward_dropout=config["hidden_dropout"])
    width = config["hidden_size"]
    return BodySpec(
        TokenEmbedding(config["vocab_size"], width, padding=config["pad_token_id"]),
        StackSpec(width, (layer,) * config["num_hidden_layers"], final_norm=norm),
    )


def rows(config: Config) -> tuple[Row, ...]:
    """Files keep the norm of each head by itself."""
    heads = {"q": config["num_attention_heads"], "k": config["num_key_value_heads"]}
    names = {"q": "query_norm", "k": "key_norm"}
    norms = tuple(
        Row(
            tuple(f"{decoder.LAYER}self_attn.{kind}_layernorm.norms.{head}.weight" for head in range(number)),
            (f"{decoder.BLOCK}attention.{names[kind]}.weight",),
            STACK,
        )
        for kind, number in heads.items()
    )
    return decoder.ROWS + norms


def initial(config: Config) -> Initial:
    plain = zero_padding_initial(config)
    return replace(plain, rules=((r"(query|key)_norm\.weight$", constant(1.0)), *plain.rules))


STABLELM = Family(
    model_type="stablelm",
    name="StableLm",
    prefix="model",
    fields=FIELDS,
    body=body,
    rows=rows,
    heads=(
        decoder.base("StableLm", then=decoder.SHOWING),
        decoder.causal("StableLm", then=decoder.SHOWING_SCORES),
        decoder.sequence("StableLm"),
        decoder.tokens("StableLm"),
    ),
    initial=initial,
    paper="Bellagente et al. 2024, arXiv:2402.17834",
    tied=decoder.TIED,
    ignored=decoder.IGNORED,
    optional=(
        r"(input_layernorm|post_attention_layernorm|model\.norm)\.bias$",
    ),  # use_norm_bias=false of the 12B
    caches=lambda config: True,
    normalise=partial(decoder.normalise, fields=FIELDS),
    lora_targets=("q_proj", "v_proj"),
)
