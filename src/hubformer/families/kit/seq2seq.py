"""What encoder-decoders of BART's build share: both halves, heads, names of weights, and classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt
from typing import Literal

from hubformer.core import AttentionSpec, FeedForward, LayerNorm, LayerSpec, Norms, StackSpec
from hubformer.errors import ConfigError
from hubformer.families.kit.arguments import ASK
from hubformer.families.kit.heads import no_pooler, span_head
from hubformer.models import outputs, tasks
from hubformer.models.bodies import AnyBodySpec, BodySpec
from hubformer.models.config import Config, PreTrainedConfig
from hubformer.models.embeddings import TokenEmbedding
from hubformer.models.encoder_decoder import EncoderDecoderSpec, HalfSpec, after_input, after_labels
from hubformer.models.family import Head
from hubformer.models.heads import HeadSpec, PooledHead, VocabHead
from hubformer.models.inputs import Inputs
from hubformer.models.stepping import AnsweringStepper
from hubformer.weights.changes import reshape
from hubformer.weights.map import Row, row

NORM = LayerNorm(1e-5)
Side = Literal["encoder", "decoder"]


@dataclass(frozen=True)
class Style:
    """What the families of this kind differ in."""

    norms: Norms = Norms(after=NORM)  # noqa: RUF009 - frozen
    final_norm: LayerNorm | None = None
    embedding_norm: LayerNorm | None = NORM
    decoder_normed: Literal["sum", "tokens"] = "sum"  # what that norm is of, in the decoder
    first_position: int = 2  # the row of the position table for a row's first token
    placing: Literal["learned", "waves", "fairseq waves"] = "learned"
    positions: str = "max_position_embeddings"  # the field of how many; {side}: each half has its own


BART_STYLE = Style()


def half(config: Config, side: Side, *, style: Style) -> BodySpec:
    """The encoder or the decoder."""
    width, heads = config["d_model"], config[f"{side}_attention_heads"]
    if width % heads:
        raise ConfigError(
            f"d_model is {width} and {side}_attention_heads is {heads}, expected a multiple of it."
        )
    attention = AttentionSpec(heads, width // heads, dropout=config["attention_dropout"])
    # As v4, a norm of tokens alone reads them unscaled, which changes what its epsilon does.
    normed = {"encoder": "sum", "decoder": style.decoder_normed}[side]
    causal = AttentionSpec(heads, width // heads, causal=True, dropout=config["attention_dropout"])
    layer = LayerSpec(
        attention={"encoder": attention, "decoder": causal}[side],
        feed_forward=FeedForward(
            config[f"{side}_ffn_dim"], config["activation_function"], dropout=config["activation_dropout"]
        ),
        norms=style.norms,
        cross_attention={"encoder": None, "decoder": attention}[side],
        dropout=config["dropout"],
    )
    return BodySpec(
        embedding=TokenEmbedding(
            vocab=config["vocab_size"],
            width=width,
            positions=config[style.positions.format(side=side)] + style.first_position,
            first_position=style.first_position,
            placing=style.placing,
            padding=config["pad_token_id"],
            padding_learns=True,
            norm=style.embedding_norm,
            normed=normed,
            factor=sqrt(width) if config.get("scale_embedding") and normed == "sum" else 1.0,
            dropout=config["dropout"],
        ),
        stack=StackSpec(width, (layer,) * config[f"{side}_layers"], final_norm=style.final_norm),
    )


def body(config: Config, *, style: Style = BART_STYLE) -> EncoderDecoderSpec:
    end = config["eos_token_id"]
    return EncoderDecoderSpec(
        half(config, "encoder", style=style),
        half(config, "decoder", style=style),
        end=end if isinstance(end, int) else None,
    )


def decoder_body(config: Config, *, style: Style = BART_STYLE) -> HalfSpec:
    return HalfSpec("decoder", half(config, "decoder", style=style))


def vocab_head(config: Config) -> VocabHead:
    return VocabHead(bias=True, bias_learns=False, tied=config["tie_word_embeddings"])


def causal_head(config: Config) -> VocabHead:
    return VocabHead(tied=config["tie_word_embeddings"])


def sequence_head(config: Config) -> HeadSpec:
    drop = config["classifier_dropout"]
    return PooledHead(labels=config.labels, pooling="eos", dense=0, activation="tanh", dropouts=(drop, drop))


PROJECTIONS = (("q_proj", "query"), ("k_proj", "key"), ("v_proj", "value"), ("out_proj", "output"))


def half_rows(
    side: Side,
    *,
    place: str = "after",
    backbone: str = "model",
    projections: tuple[tuple[str, str], ...] = PROJECTIONS,
) -> tuple[Row, ...]:
    """place: of the norms, as Norms calls it. projections: of self-attention, their names and ours."""
    theirs, ours = f"{backbone}.{side}.", f"body.{side}."
    layer, block = theirs + "layers.{i}.", ours + "stack.blocks.{i}."
    return (
        row(theirs + "embed_positions.weight", ours + "embedding.positions.weight"),
        row(theirs + "layernorm_embedding.*", ours + "embedding.norm.*"),
        row(theirs + "layer_norm.*", ours + "stack.final_norm.*"),
        *(row(f"{layer}self_attn.{hub}.*", f"{block}attention.{name}.*") for hub, name in projections),
        row(layer + "self_attn_layer_norm.*", f"{block}attention_residual.{place}.*"),
        *(
            row(f"{layer}encoder_attn.{hub}.*", f"{block}cross_attention.{name}.*")
            for hub, name in PROJECTIONS
        ),
        row(layer + "encoder_attn_layer_norm.*", f"{block}cross_residual.{place}.*"),
        row(layer + "fc1.*", block + "feed_forward.up.*"),
        row(layer + "fc2.*", block + "feed_forward.down.*"),
        row(layer + "final_layer_norm.*", f"{block}feed_forward_residual.{place}.*"),
    )


def rows(*, place: str = "after") -> tuple[Row, ...]:
    return (
        row(SHARED, "body.encoder.embedding.tokens.weight"),
        *half_rows("encoder", place=place),
        *half_rows("decoder", place=place),
    )


def vocab_weight() -> Row:
    """Of scores that are not tied."""
    return row("lm_head.weight", "head.output.weight")


def vocab_rows(config: Config) -> tuple[Row, ...]:
    vocab = config["vocab_size"]
    return (
        vocab_weight(),
        row("final_logits_bias", "head.bias", change=reshape((1, vocab), (vocab,))),
    )


SHARED, OWN = "model.shared.weight", "model.decoder.embed_tokens.weight"


TIED = (("model.encoder.embed_tokens.weight", SHARED), (OWN, SHARED), ("lm_head.weight", SHARED))


READ = (
    "input_ids",
    "attention_mask",
    "decoder_input_ids",
    "decoder_attention_mask",
    "head_mask",
    "decoder_head_mask",
    "cross_attn_head_mask",
    "encoder_outputs",
)


EMBEDS, REST = ("inputs_embeds", "decoder_inputs_embeds"), ("use_cache", *ASK, "cache_position")


MODEL = (*READ, "past_key_values", *EMBEDS, *REST)


GENERATING = (*READ, "past_key_values", *EMBEDS, "labels", *REST)


CAUSAL = (
    "input_ids",
    "attention_mask",
    "encoder_hidden_states",
    "encoder_attention_mask",
    "head_mask",
    "cross_attn_head_mask",
    "past_key_values",
    "inputs_embeds",
    "labels",
    *REST,
    "logits_to_keep",
)


SEQUENCE_ROWS = (
    row("classification_head.dense.*", "head.dense.*"),
    row("classification_head.out_proj.*", "head.output.*"),
)


Prepare = Callable[[Inputs, PreTrainedConfig], Inputs]


def model(name: str, *, prepare: Prepare | None = after_input) -> Head:
    return Head(
        name + "Model", ("base",), no_pooler, MODEL, outputs.Seq2SeqModelOutput, tasks.states_only,
        prepare=prepare, bare=True,
    )  # fmt: skip


def writer(name: str, *, prepare: Prepare | None = after_labels) -> Head:
    return Head(
        name, ("seq2seq-lm", "pretraining"), vocab_head, GENERATING, outputs.Seq2SeqLMOutput,
        tasks.labelled_tokens, rows=vocab_rows, prepare=prepare, generates=True,
        stepper=AnsweringStepper,
    )  # fmt: skip


def classifiers(name: str, *, prepare: Prepare | None = after_input) -> tuple[Head, ...]:
    return (
        Head(
            name + "ForSequenceClassification", ("sequence-classification",), sequence_head,
            (*READ, *EMBEDS, "labels", *REST), outputs.Seq2SeqSequenceClassifierOutput, tasks.sequence_labels,
            rows=SEQUENCE_ROWS, prepare=prepare,
        ),
        Head(
            name + "ForQuestionAnswering", ("question-answering",), span_head,
            (*READ, "start_positions", "end_positions", *EMBEDS, *REST),
            outputs.Seq2SeqQuestionAnsweringModelOutput, tasks.span,
            rows=(row("qa_outputs.*", "head.output.*"),), prepare=prepare,
        ),
    )  # fmt: skip


def causal(name: str, body: Callable[[Config], AnyBodySpec]) -> Head:
    """The decoder alone. As in v4, its labels stand where the scores do: the caller moves them."""
    return Head(
        name + "ForCausalLM", ("causal-lm",), causal_head, CAUSAL, outputs.CausalLMOutputWithCrossAttentions,
        tasks.labelled_tokens, generates=True, body=body,
        rows=(row(OWN, "body.decoder.embedding.tokens.weight"), row("lm_head.weight", "head.output.weight")),
        tied=((SHARED, OWN), ("lm_head.weight", OWN)),
        ignored=(r"^(model\.)?encoder\.", r"^final_logits_bias$"),
    )  # fmt: skip
