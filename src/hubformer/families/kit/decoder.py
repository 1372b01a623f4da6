"""What decoders of Llama's build share: attention, layer, body, names of weights, and classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from hubformer.core import AttentionSpec, FeedForward, LayerSpec, Norms, NormSpec, RMSNorm, StackSpec
from hubformer.core.positions import PositionSpec
from hubformer.families.kit.arguments import ASK, ENDS_OF_SPAN, SHOWN
from hubformer.families.kit.heads import Prepare, no_pooler, question_answering
from hubformer.families.kit.values import head_width, quotient, with_head_width
from hubformer.models import outputs, tasks
from hubformer.models.bodies import BodySpec
from hubformer.models.config import Config, Field, optional, rate
from hubformer.models.embeddings import TokenEmbedding
from hubformer.models.family import Head
from hubformer.models.heads import HeadSpec, LastTokenHead, TokenHead, VocabHead
from hubformer.models.rotary import in_one_spelling, rotary
from hubformer.weights.map import Row, row

# Not among v4's arguments, but obeyed where a file has them.
DROPOUT_FIELDS: dict[str, Field] = {
    "classifier_dropout": optional(rate(0.1)),
    "hidden_dropout": optional(rate(0.1)),
}


def normalise(values: dict[str, Any], *, fields: Mapping[str, Field]) -> dict[str, Any]:
    """What v4 fills in: as many key/value heads as heads, and the width of a head."""
    found = {name: field.default for name, field in fields.items()} | in_one_spelling(values)
    if found.get("num_key_value_heads") is None:
        found["num_key_value_heads"] = found["num_attention_heads"]
    return with_head_width(found) if "head_dim" in fields else found


def attention(
    config: Config,
    *,
    bias: bool = False,
    output_bias: bool = False,
    position: PositionSpec | None = None,
    causal: bool = True,
    window: int | None = None,
    scale: float | None = None,
    qk_norm: NormSpec | None = None,
    qk_norm_over: Literal["head", "each head", "all"] = "head",
    softcap: float | None = None,
) -> AttentionSpec:
    """Attention with grouped heads. window: as files count it, with the token itself."""
    wide = head_width(config)
    quotient(config, of="num_attention_heads", by="num_key_value_heads")
    return AttentionSpec(
        config["num_attention_heads"],
        wide,
        kv_heads=config["num_key_value_heads"],
        position=rotary(config, head_width=wide) if position is None else position,
        causal=causal,
        window=None if window is None else window - 1,
        scale=scale,
        bias=bias,
        output_bias=output_bias,
        qk_norm=qk_norm,
        qk_norm_over=qk_norm_over,
        softcap=softcap,
        dropout=config["attention_dropout"],
    )


def layer(config: Config, seeing: AttentionSpec, *, bias: bool = False) -> LayerSpec:
    """A pre-norm layer with gates. bias: of the feed-forward."""
    return LayerSpec(
        seeing,
        FeedForward(config["intermediate_size"], config["hidden_act"], gated=True, bias=bias),
        Norms(before=RMSNorm(config["rms_norm_eps"])),
    )


def body(config: Config, layers: tuple[LayerSpec, ...], *, factor: float = 1.0) -> BodySpec:
    """Token vectors and a stack. factor: of the token vectors."""
    width = config["hidden_size"]
    return BodySpec(
        TokenEmbedding(config["vocab_size"], width, padding=config["pad_token_id"], factor=factor),
        StackSpec(width, layers, final_norm=RMSNorm(config["rms_norm_eps"])),
    )


def vocab_head(config: Config) -> HeadSpec:
    return VocabHead(tied=config["tie_word_embeddings"])


def sequence_head(config: Config) -> HeadSpec:
    return LastTokenHead(config.labels, padding=config["pad_token_id"])


def token_head(config: Config) -> HeadSpec:
    rates = (config["classifier_dropout"], config["hidden_dropout"], 0.1)
    return TokenHead(config.labels, dropout=next(rate for rate in rates if rate is not None))


LAYER, BLOCK = "model.layers.{i}.", "body.stack.blocks.{i}."


ENDS = (
    row("model.embed_tokens.weight", "body.embedding.tokens.weight"),
    row("model.norm.*", "body.stack.final_norm.*"),
)


NORMS = (
    row(LAYER + "input_layernorm.*", BLOCK + "attention_residual.before.*"),
    row(LAYER + "post_attention_layernorm.*", BLOCK + "feed_forward_residual.before.*"),
)


ATTENTION = (
    row(LAYER + "self_attn.q_proj.*", BLOCK + "attention.query.*"),
    row(LAYER + "self_attn.k_proj.*", BLOCK + "attention.key.*"),
    row(LAYER + "self_attn.v_proj.*", BLOCK + "attention.value.*"),
    row(LAYER + "self_attn.o_proj.*", BLOCK + "attention.output.*"),
)


QK_NORMS = (
    row(LAYER + "self_attn.q_norm.*", BLOCK + "attention.query_norm.*"),
    row(LAYER + "self_attn.k_norm.*", BLOCK + "attention.key_norm.*"),
)


FEED_FORWARD = (
    row(LAYER + "mlp.gate_proj.*", BLOCK + "feed_forward.gate.*"),
    row(LAYER + "mlp.up_proj.*", BLOCK + "feed_forward.up.*"),
    row(LAYER + "mlp.down_proj.*", BLOCK + "feed_forward.down.*"),
)


ROWS = ENDS + NORMS + ATTENTION + FEED_FORWARD


READ = ("input_ids", "attention_mask", "position_ids", "past_key_values", "inputs_embeds")


# The arguments after the inputs. v4 has them in one order or another, and what may be shown among the rest.
KEEPING = ("use_cache", "cache_position", *ASK)


COUNTING = ("cache_position", "use_cache", *ASK)


SHOWING = ("use_cache", *SHOWN, "cache_position", "return_dict")


SCORING = ("use_cache", "cache_position", "logits_to_keep", *ASK)


SHOWING_SCORES = ("use_cache", *SHOWN, "cache_position", "logits_to_keep", "return_dict")


def base(name: str, *, then: tuple[str, ...] = KEEPING) -> Head:
    return Head(
        f"{name}Model", ("base",), no_pooler, (*READ, *then), outputs.BaseModelOutputWithPast,
        tasks.states_only, bare=True,
    )  # fmt: skip


OUTPUT = row("lm_head.weight", "head.output.weight")


def causal(
    name: str,
    *,
    then: tuple[str, ...] = SCORING,
    head: Callable[[Config], HeadSpec] = vocab_head,
    rows: tuple[Row, ...] = (OUTPUT,),
) -> Head:
    return Head(
        f"{name}ForCausalLM", ("causal-lm",), head, (*READ, "labels", *then),
        outputs.CausalLMOutputWithPast, tasks.next_tokens, rows=rows, generates=True,
    )  # fmt: skip


def last_token_classification(
    name: str, arguments: tuple[str, ...], *, prepare: Prepare | None = None
) -> Head:
    """The class that labels a text by its last token, of a family of that name."""
    return Head(
        f"{name}ForSequenceClassification", ("sequence-classification",), sequence_head, arguments,
        outputs.SequenceClassifierOutputWithPast, tasks.sequence_labels,
        rows=(row("score.weight", "head.output.weight"),), prepare=prepare,
    )  # fmt: skip


def sequence(name: str) -> Head:
    return last_token_classification(name, (*READ, "labels", "use_cache", *ASK))


def span(name: str, *, prefix: str | None = "transformer") -> Head:
    """Most files of this head keep the backbone under an older name."""
    return question_answering(name, (*READ, *ENDS_OF_SPAN, *ASK), prefix=prefix)


def tokens(name: str) -> Head:
    return Head(
        f"{name}ForTokenClassification", ("token-classification",), token_head,
        (*READ, "labels", "use_cache", *ASK), outputs.TokenClassifierOutput, tasks.labelled_tokens,
        rows=(row("score.*", "head.output.*"),),
    )  # fmt: skip


TIED = (("lm_head.weight", "model.embed_tokens.weight"),)


IGNORED = (r"rotary_emb\.inv_freq$",)
