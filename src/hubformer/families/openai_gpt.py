"""GPT (Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training"): post-norm decoder
whose forward keeps no cache.
"""

from __future__ import annotations

from hubformer.core import AttentionSpec, FeedForward, LayerNorm, LayerSpec, Norms, StackSpec
from hubformer.families import gpt2
from hubformer.families.kit import decoder
from hubformer.families.kit.arguments import ASK
from hubformer.families.kit.heads import no_pooler
from hubformer.families.kit.initial import normal_initial
from hubformer.families.kit.values import quotient
from hubformer.models import outputs, tasks
from hubformer.models.bodies import BodySpec
from hubformer.models.config import Config, Field, activation, choice, optional, size
from hubformer.models.embeddings import TokenEmbedding
from hubformer.models.family import Family, Head
from hubformer.models.inputs import flatten_choices
from hubformer.weights.changes import TRANSPOSE, cut
from hubformer.weights.map import row

KEPT = (
    *("resid_pdrop", "embd_pdrop", "attn_pdrop", "layer_norm_epsilon", "initializer_range"),
    *("summary_type", "summary_use_proj", "summary_activation", "summary_proj_to_labels"),
    *("summary_first_dropout", "summary_last_dropout"),
)
FIELDS: dict[str, Field] = {
    "vocab_size": size(40478),
    "n_positions": size(512),
    **{name: gpt2.FIELDS[name] for name in ("n_embd", "n_layer", "n_head")},
    "afn": choice("gelu", "relu", "silu", "swish"),
    **{name: gpt2.FIELDS[name] for name in KEPT},
    "summary_activation": optional(activation("tanh")),
}


def body(config: Config) -> BodySpec:
    width = config["n_embd"]
    return BodySpec(
        TokenEmbedding(
            config["vocab_size"], width, positions=config["n_positions"], dropout=config["embd_pdrop"]
        ),
        StackSpec(width, (layer(config),) * config["n_layer"]),
    )


def layer(config: Config) -> LayerSpec:
    return LayerSpec(
        AttentionSpec(
            config["n_head"],
            quotient(config, of="n_embd", by="n_head"),
            causal=True,
            dropout=config["attn_pdrop"],
        ),
        # What it calls gelu is the approximation by tanh.
        FeedForward(4 * config["n_embd"], {"gelu": "gelu_new"}.get(config["afn"], config["afn"])),
        Norms(after=LayerNorm(config["layer_norm_epsilon"])),
        dropout=config["resid_pdrop"],
    )


LAYER, BLOCK = gpt2.LAYER, gpt2.BLOCK
ROWS = (
    row("transformer.tokens_embed.weight", "body.embedding.tokens.weight"),
    row("transformer.positions_embed.weight", "body.embedding.positions.weight"),
    row(
        LAYER + "attn.c_attn.*",
        *(f"{BLOCK}attention.{part}.*" for part in ("query", "key", "value")),
        change=TRANSPOSE.then(cut(3)),
    ),
    row(LAYER + "attn.c_proj.*", BLOCK + "attention.output.*", change=TRANSPOSE),
    row(LAYER + "ln_1.*", BLOCK + "attention_residual.after.*"),
    row(LAYER + "mlp.c_fc.*", BLOCK + "feed_forward.up.*", change=TRANSPOSE),
    row(LAYER + "mlp.c_proj.*", BLOCK + "feed_forward.down.*", change=TRANSPOSE),
    row(LAYER + "ln_2.*", BLOCK + "feed_forward_residual.after.*"),
)

READ = ("input_ids", "attention_mask", "token_type_ids", "position_ids", "head_mask", "inputs_embeds")

HEADS = (
    Head(
        "OpenAIGPTModel", ("base",), no_pooler, (*READ, *ASK), outputs.BaseModelOutput, tasks.states_only,
        bare=True,
    ),
    Head(
        "OpenAIGPTLMHeadModel", ("causal-lm", "pretraining"), decoder.vocab_head,
        (*READ, "labels", *ASK, "logits_to_keep"), outputs.CausalLMOutput, tasks.next_tokens,
        rows=gpt2.vocab_rows, generates=True,
    ),
    Head(
        "OpenAIGPTDoubleHeadsModel", (), gpt2.double_head, (*READ, "mc_token_ids", "labels", "mc_labels",
        *ASK),
        outputs.OpenAIGPTDoubleHeadsModelOutput, tasks.double, rows=gpt2.double_rows,
        prepare=flatten_choices,
    ),
    Head(
        "OpenAIGPTForSequenceClassification", ("sequence-classification",), decoder.sequence_head,
        (*READ, "labels", *ASK), outputs.SequenceClassifierOutput, tasks.sequence_labels,
        rows=(row("score.weight", "head.output.weight"),),
    ),
)  # fmt: skip

OPENAI_GPT = Family(
    model_type="openai-gpt",
    name="OpenAIGPT",
    prefix="transformer",
    fields=FIELDS,
    body=body,
    rows=ROWS,
    heads=HEADS,
    initial=normal_initial,
    paper='Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training"',
    attribute_map=gpt2.GPT2.attribute_map,
    tied=(("lm_head.weight", "transformer.tokens_embed.weight"),),
    ignored=(r"\.attn\.bias$", r"^(transformer\.)?position_ids$"),
    lora_targets=("c_attn",),
)
