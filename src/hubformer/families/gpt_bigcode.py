"""SantaCoder, StarCoder (Allal et al. 2023, arXiv:2301.03988): GPT-2 whose heads share one key and value."""

from __future__ import annotations

from hubformer.core import AttentionSpec, FeedForward, LayerNorm, LayerSpec, Norms, StackSpec
from hubformer.errors import ConfigError
from hubformer.families import gpt2
from hubformer.families.kit import decoder
from hubformer.families.kit.arguments import ASK, CROSS, GPT_LABELS, PAST, TYPED
from hubformer.families.kit.decoder import last_token_classification
from hubformer.families.kit.heads import no_pooler, token_classification
from hubformer.families.kit.values import quotient
from hubformer.models import outputs, tasks
from hubformer.models.bodies import BodySpec
from hubformer.models.config import Config, Field, activation, flag, unbuilt
from hubformer.models.embeddings import TokenEmbedding
from hubformer.models.family import Family, Head
from hubformer.weights.changes import grouped
from hubformer.weights.map import Row, row

_UNREAD = ("summary_", "scale_attn_by_inverse", "reorder_", "activation_function")
FIELDS: dict[str, Field] = {
    **{name: field for name, field in gpt2.FIELDS.items() if not name.startswith(_UNREAD)},
    "activation_function": activation("gelu_pytorch_tanh"),
    # Scores in float32 under half precision: the kernels here always accumulate so.
    "attention_softmax_in_fp32": unbuilt(flag(True)),
    "scale_attention_softmax_in_fp32": unbuilt(flag(True)),
    "multi_query": flag(True),
}


def body(config: Config) -> BodySpec:
    if config["add_cross_attention"]:
        raise ConfigError("add_cross_attention is true, expected false: this family has no cross-attention.")
    width, norm = config["n_embd"], LayerNorm(config["layer_norm_epsilon"])
    same = LayerSpec(
        attention(config),
        FeedForward(config["n_inner"] or 4 * width, config["activation_function"]),
        Norms(before=norm),
        dropout=config["resid_pdrop"],
    )
    return BodySpec(
        TokenEmbedding(
            config["vocab_size"], width, positions=config["n_positions"], dropout=config["embd_pdrop"]
        ),
        StackSpec(width, (same,) * config["n_layer"], final_norm=norm),
    )


def attention(config: Config) -> AttentionSpec:
    return AttentionSpec(
        config["n_head"],
        head_width(config),
        kv_heads=kv_heads(config),
        causal=True,
        scale=None if config["scale_attn_weights"] else 1.0,
        dropout=config["attn_pdrop"],
    )


def head_width(config: Config) -> int:
    return quotient(config, of="n_embd", by="n_head")


def kv_heads(config: Config) -> int:
    return 1 if config["multi_query"] else int(config["n_head"])


LAYER, BLOCK = gpt2.LAYER, gpt2.BLOCK


def rows(config: Config) -> tuple[Row, ...]:
    wide, groups = head_width(config), kv_heads(config)
    return (
        row("transformer.wte.weight", "body.embedding.tokens.weight"),
        row("transformer.wpe.weight", "body.embedding.positions.weight"),
        row(LAYER + "ln_1.*", BLOCK + "attention_residual.before.*"),
        row(
            LAYER + "attn.c_attn.*",
            *(f"{BLOCK}attention.{part}.*" for part in ("query", "key", "value")),
            change=grouped(groups, config["n_head"] // groups * wide, wide, wide),
        ),
        row(LAYER + "attn.c_proj.*", BLOCK + "attention.output.*"),
        row(LAYER + "ln_2.*", BLOCK + "feed_forward_residual.before.*"),
        row(LAYER + "mlp.c_fc.*", BLOCK + "feed_forward.up.*"),
        row(LAYER + "mlp.c_proj.*", BLOCK + "feed_forward.down.*"),
        row("transformer.ln_f.*", "body.stack.final_norm.*"),
    )


HEADS = (
    Head(
        "GPTBigCodeModel", ("base",), no_pooler, (*PAST, *TYPED, *CROSS, "use_cache", *ASK),
        outputs.BaseModelOutputWithPastAndCrossAttentions, tasks.states_only, bare=True,
    ),
    Head(
        "GPTBigCodeForCausalLM", ("causal-lm", "pretraining"), decoder.vocab_head,
        (*PAST, *TYPED, *CROSS, "labels", "use_cache", *ASK, "cache_position", "logits_to_keep"),
        outputs.CausalLMOutputWithCrossAttentions, tasks.next_tokens, rows=gpt2.vocab_rows, generates=True,
    ),
    last_token_classification("GPTBigCode", GPT_LABELS),
    token_classification("GPTBigCode", decoder.token_head, GPT_LABELS),
)  # fmt: skip

GPT_BIGCODE = Family(
    model_type="gpt_bigcode",
    name="GPTBigCode",
    prefix="transformer",
    fields=FIELDS,
    body=body,
    rows=rows,
    heads=HEADS,
    initial=gpt2.initial,
    paper="Allal et al. 2023, arXiv:2301.03988",
    attribute_map=gpt2.GPT2.attribute_map,
    tied=gpt2.GPT2.tied,
    ignored=(r"^(transformer\.)?bias$", *gpt2.GPT2.ignored),  # the causal mask
    caches=lambda config: True,
    lora_targets=("c_attn",),
)
