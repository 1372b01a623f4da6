"""XLNet (Yang et al. 2019, arXiv:1906.08237): relative positions, two streams, memories of past segments."""

from __future__ import annotations

from dataclasses import replace

from hubformer.core import AttentionSpec, FeedForward, LayerNorm, LayerSpec, Norms, StackSpec, TransformerXL
from hubformer.errors import ConfigError
from hubformer.families.kit.arguments import ASK
from hubformer.families.kit.heads import BEAM_ROWS, SUMMARY_POOLINGS, beam_head, no_pooler, span_head
from hubformer.families.kit.values import quotient
from hubformer.models import outputs, tasks
from hubformer.models.config import (
    LARGEST_SIZE,
    Config,
    Field,
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
from hubformer.models.heads import HeadSpec, PooledHead, TokenHead, VocabHead
from hubformer.models.initial import Initial, normal
from hubformer.models.inputs import flatten_choices
from hubformer.models.span_beams import beam_loss
from hubformer.models.stepping import TargetStepper
from hubformer.models.two_streams import Memories, TwoStreamSpec
from hubformer.weights.changes import SWAP, TRANSPOSE, reshape
from hubformer.weights.map import Row, row

FIELDS: dict[str, Field] = {
    "vocab_size": size(32000),
    "d_model": size(1024),
    "n_layer": count(24),
    "n_head": size(16),
    "d_inner": size(4096),
    "ff_activation": activation("gelu"),
    # Of the TensorFlow original: one set of position biases for all layers. Files hold them once per layer
    # either way, and transformers never shares them.
    "untie_r": flag(True),
    "attn_type": choice("bi", "uni"),
    "initializer_range": number(0.02),
    "layer_norm_eps": positive(1e-12),
    "dropout": rate(0.1),
    "mem_len": replace(optional(count(0, most=LARGEST_SIZE)), default=512),
    "reuse_len": optional(count(0, most=LARGEST_SIZE)),
    "use_mems_eval": flag(True),
    "use_mems_train": flag(False),
    "bi_data": flag(False),
    "clamp_len": Field(
        -1,
        "the largest distance in tokens, or -1 for no limit",
        lambda v: isinstance(v, int) and not isinstance(v, bool) and -1 <= v <= LARGEST_SIZE,
    ),
    "same_length": flag(False),
    "summary_type": choice("last", "first", "mean", "cls_index"),
    "summary_use_proj": flag(True),
    "summary_activation": replace(optional(activation("tanh")), default="tanh"),
    "summary_last_dropout": rate(0.1),
    "start_n_top": size(5),
    "end_n_top": size(5),
    "pad_token_id": token(5),
    "bos_token_id": token(1),
    "eos_token_id": token(2),
    # Not among v4's arguments, but obeyed where a file has it.
    "summary_first_dropout": rate(0.0),
}


def head_width(config: Config) -> int:
    wide = quotient(config, of="d_model", by="n_head")
    if config["d_model"] % 2:
        raise ConfigError(
            f"d_model is {config['d_model']}, expected an even number: half are sines, half cosines."
        )
    if config.get("d_head") not in (None, wide):
        raise ConfigError(
            f"d_head is {config['d_head']}, expected d_model / n_head, which is {wide}. Remove it, or "
            "correct one of the three."
        )
    return wide


def body(config: Config) -> TwoStreamSpec:
    width, dropout, clamp = config["d_model"], config["dropout"], config["clamp_len"]
    attention = AttentionSpec(
        config["n_head"],
        head_width(config),
        position=TransformerXL(clamp=clamp if clamp > 0 else None, dropout=dropout),
        bias=False,
        dropout=dropout,
    )
    layer = LayerSpec(
        attention=attention,
        feed_forward=FeedForward(config["d_inner"], config["ff_activation"], dropout=dropout),
        norms=Norms(after=LayerNorm(config["layer_norm_eps"])),
        dropout=dropout,
    )
    past = "past of equal length" if config["same_length"] else "past"
    return TwoStreamSpec(
        embedding=TokenEmbedding(vocab=config["vocab_size"], width=width, dropout=dropout),
        stack=StackSpec(width, (layer,) * config["n_layer"]),
        memories=Memories(
            most=config["mem_len"],
            new=config["reuse_len"],
            in_training=config["use_mems_train"],
            in_use=config["use_mems_eval"] and config["use_cache"],  # use_cache is the older name
        ),
        seen=past if config["attn_type"] == "uni" else "all",  # type: ignore[arg-type]
        order="half backwards" if config["bi_data"] else "forwards",
        dropout=dropout,
    )


def vocab_head(config: Config) -> HeadSpec:
    return VocabHead(bias=True, tied=config["tie_word_embeddings"])


def sequence_head(config: Config) -> HeadSpec:
    return summary(config, labels=config.labels)


def choice_head(config: Config) -> HeadSpec:
    return summary(config, labels=1)


def summary(config: Config, *, labels: int) -> PooledHead:
    if config["summary_use_proj"] and config.get("summary_proj_to_labels"):
        raise ConfigError(
            "summary_proj_to_labels is true, expected false or nothing: XLNet scores its labels after the "
            "summary, which has to stay as wide as the model."
        )
    return PooledHead(
        labels=labels,
        pooling=SUMMARY_POOLINGS[config["summary_type"]],  # type: ignore[arg-type]
        dense=0 if config["summary_use_proj"] else None,
        activation=config["summary_activation"],
        dropouts=(config["summary_first_dropout"], config["summary_last_dropout"]),
    )


def token_head(config: Config) -> HeadSpec:
    return TokenHead(config.labels)


def initial(config: Config) -> Initial:
    std = config["initializer_range"]
    return Initial(
        std, ((r"position\.(content|wave|segment)_bias$", normal(std)), (r"body\.mask$", normal(std)))
    )


LAYER, ATTENTION = "transformer.layer.{i}.", "body.stack.blocks.{i}.attention."
RESIDUAL, FORWARD = "body.stack.blocks.{i}.attention_residual.", "body.stack.blocks.{i}.feed_forward"
HEADS_FIRST = SWAP


def rows(config: Config) -> tuple[Row, ...]:
    width, heads, wide = config["d_model"], config["n_head"], head_width(config)
    flat = reshape((width, heads, wide), (width, heads * wide))  # files keep the heads apart
    transposed = flat.then(TRANSPOSE)
    of = LAYER + "rel_attn."
    return (
        row("transformer.word_embedding.weight", "body.embedding.tokens.weight"),
        row("transformer.mask_emb", "body.mask", change=reshape((1, 1, width), (width,))),
        row(of + "q", ATTENTION + "query.weight", change=transposed),
        row(of + "k", ATTENTION + "key.weight", change=transposed),
        row(of + "v", ATTENTION + "value.weight", change=transposed),
        row(of + "o", ATTENTION + "output.weight", change=flat),
        row(of + "r", ATTENTION + "position.wave.weight", change=transposed),
        row(of + "r_w_bias", ATTENTION + "position.content_bias"),
        row(of + "r_r_bias", ATTENTION + "position.wave_bias"),
        row(of + "r_s_bias", ATTENTION + "position.segment_bias"),
        row(of + "seg_embed", ATTENTION + "position.segment", change=HEADS_FIRST),
        row(of + "layer_norm.*", RESIDUAL + "after.*"),
        row(LAYER + "ff.layer_1.*", FORWARD + ".up.*"),
        row(LAYER + "ff.layer_2.*", FORWARD + ".down.*"),
        row(LAYER + "ff.layer_norm.*", FORWARD + "_residual.after.*"),
    )


VOCAB_ROWS = (
    row("lm_loss.bias", "head.bias"),
    row("lm_loss.weight", "head.output.weight"),  # where it is not tied
)
SUMMARY_ROWS = (row("sequence_summary.summary.*", "head.dense.*"), row("logits_proj.*", "head.output.*"))

STREAMS = ("mems", "perm_mask", "target_mapping")
READ = ("input_ids", "attention_mask", *STREAMS, "token_type_ids", "input_mask", "head_mask", "inputs_embeds")
MEMS = ("use_mems", *ASK)
LABELS = (*READ, "labels", *MEMS)
SPAN = (*READ, "start_positions", "end_positions")

HEADS = (
    Head(
        "XLNetModel", ("base",), no_pooler, (*READ, *MEMS), outputs.XLNetModelOutput, tasks.states_only,
        bare=True,
    ),
    Head(
        "XLNetLMHeadModel", ("causal-lm", "pretraining"), vocab_head, (*LABELS, "logits_to_keep"),
        outputs.XLNetLMHeadModelOutput, tasks.labelled_tokens, rows=VOCAB_ROWS, generates=True,
        stepper=TargetStepper,
    ),
    Head(
        "XLNetForSequenceClassification", ("sequence-classification",), sequence_head, LABELS,
        outputs.XLNetForSequenceClassificationOutput, tasks.sequence_labels, rows=SUMMARY_ROWS,
    ),
    Head(
        "XLNetForTokenClassification", ("token-classification",), token_head, LABELS,
        outputs.XLNetForTokenClassificationOutput, tasks.labelled_tokens,
        rows=(row("classifier.*", "head.output.*"),),
    ),
    Head(
        "XLNetForMultipleChoice", ("multiple-choice",), choice_head,
        ("input_ids", "token_type_ids", "input_mask", "attention_mask", *STREAMS, "head_mask",
        "inputs_embeds", "labels", *MEMS),
        outputs.XLNetForMultipleChoiceOutput, tasks.one_of_choices, rows=SUMMARY_ROWS,
        prepare=flatten_choices,
    ),
    Head(
        "XLNetForQuestionAnsweringSimple", ("question-answering",), span_head, (*SPAN, *MEMS),
        outputs.XLNetForQuestionAnsweringSimpleOutput, tasks.span,
        rows=(row("qa_outputs.*", "head.output.*"),),
    ),
    Head(
        "XLNetForQuestionAnswering", (), beam_head, (*SPAN, "is_impossible", "cls_index", "p_mask", *MEMS),
        outputs.XLNetForQuestionAnsweringOutput, beam_loss, rows=BEAM_ROWS,
    ),
)  # fmt: skip

XLNET = Family(
    model_type="xlnet",
    name="XLNet",
    prefix="transformer",
    fields=FIELDS,
    body=body,
    rows=rows,
    heads=HEADS,
    initial=initial,
    paper="Yang et al. 2019, arXiv:1906.08237",
    recognises=lambda values: values.get("model_type") is None and "d_inner" in values,
    attribute_map={
        "n_token": "vocab_size",
        "hidden_size": "d_model",
        "num_attention_heads": "n_head",
        "num_hidden_layers": "n_layer",
    },
    tied=(("lm_loss.weight", "transformer.word_embedding.weight"),),
)
