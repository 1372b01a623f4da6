"""GPT-J (Wang and Komatsuzaki 2021, "GPT-J-6B"): decoder whose attention and feed-forward read one norm side
by side, with neighbouring dimensions of each head turned in pairs.
"""

from __future__ import annotations

from hubformer.core import AttentionSpec, FeedForward, LayerNorm, Norms, ParallelSpec, Rotary, StackSpec
from hubformer.errors import ConfigError
from hubformer.families.kit.arguments import GPT_BASE, GPT_CAUSAL, GPT_LABELS, GPT_SPAN
from hubformer.families.kit.decoder import last_token_classification
from hubformer.families.kit.heads import no_pooler, question_answering
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
from hubformer.models.heads import HeadSpec, VocabHead
from hubformer.weights.map import row

FIELDS: dict[str, Field] = {
    "vocab_size": size(50400),
    "n_positions": unbuilt(size(2048)),
    "n_embd": size(4096),
    "n_layer": count(28),
    "n_head": size(16),
    "rotary_dim": optional(size(64), default=64),
    "n_inner": optional(size(16384)),
    "activation_function": activation("gelu_new"),
    "resid_pdrop": rate(0.0),
    "embd_pdrop": rate(0.0),
    "attn_pdrop": rate(0.0),
    "layer_norm_epsilon": positive(1e-5),
    "initializer_range": number(0.02),
    "use_cache": flag(True),
    "bos_token_id": token(50256),
    "eos_token_id": token(50256),
    "tie_word_embeddings": flag(False),
}


def body(config: Config) -> BodySpec:
    width, norm = config["n_embd"], LayerNorm(config["layer_norm_epsilon"])
    return BodySpec(
        TokenEmbedding(config["vocab_size"], width, dropout=config["embd_pdrop"]),
        StackSpec(width, (layer(config),) * config["n_layer"], final_norm=norm),
    )


def layer(config: Config) -> ParallelSpec:
    wide = quotient(config, of="n_embd", by="n_head")
    turned = config["rotary_dim"] or wide
    if turned > wide or turned % 2:
        raise ConfigError(f"rotary_dim is {turned}, expected an even number of at most {wide} for a head.")
    return ParallelSpec(
        AttentionSpec(
            config["n_head"],
            wide,
            position=Rotary(rotary_dim=turned, pairs="neighbours"),
            causal=True,
            bias=False,
            dropout=config["attn_pdrop"],
        ),
        FeedForward(config["n_inner"] or 4 * config["n_embd"], config["activation_function"]),
        Norms(before=LayerNorm(config["layer_norm_epsilon"])),
        dropout=config["resid_pdrop"],
    )


def vocab_head(config: Config) -> HeadSpec:
    return VocabHead(bias=True, tied=config["tie_word_embeddings"])


LAYER, BLOCK = "transformer.h.{i}.", "body.stack.blocks.{i}."
ROWS = (
    row("transformer.wte.weight", "body.embedding.tokens.weight"),
    row("transformer.ln_f.*", "body.stack.final_norm.*"),
    row(LAYER + "ln_1.*", BLOCK + "attention_residual.before.*"),
    row(LAYER + "attn.q_proj.*", BLOCK + "attention.query.*"),
    row(LAYER + "attn.k_proj.*", BLOCK + "attention.key.*"),
    row(LAYER + "attn.v_proj.*", BLOCK + "attention.value.*"),
    row(LAYER + "attn.out_proj.*", BLOCK + "attention.output.*"),
    row(LAYER + "mlp.fc_in.*", BLOCK + "feed_forward.up.*"),
    row(LAYER + "mlp.fc_out.*", BLOCK + "feed_forward.down.*"),
)

HEADS = (
    Head(
        "GPTJModel", ("base",), no_pooler, GPT_BASE, outputs.BaseModelOutputWithPast, tasks.states_only,
        bare=True,
    ),
    Head(
        "GPTJForCausalLM", ("causal-lm",), vocab_head, GPT_CAUSAL, outputs.CausalLMOutputWithPast,
        tasks.next_tokens, generates=True,
        rows=(row("lm_head.weight", "head.output.weight"), row("lm_head.bias", "head.bias")),
    ),
    question_answering("GPTJ", GPT_SPAN),
    last_token_classification("GPTJ", GPT_LABELS),
)  # fmt: skip

GPTJ = Family(
    model_type="gptj",
    name="GPTJ",
    prefix="transformer",
    fields=FIELDS,
    body=body,
    rows=ROWS,
    heads=HEADS,
    initial=normal_initial,
    paper='Wang and Komatsuzaki 2021, "GPT-J-6B"',
    attribute_map={
        "hidden_size": "n_embd",
        "max_position_embeddings": "n_positions",
        "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer",
    },
    tied=(("lm_head.weight", "transformer.wte.weight"),),
    # Old files carry the causal mask, its constant and the waves beside the weights.
    ignored=(r"\.attn\.(masked_)?bias$", r"\.attn\.embed_positions$"),
    caches=lambda config: True,
    lora_targets=("q_proj", "v_proj"),
)
