"""T5 (Raffel et al. 2019, arXiv:1910.10683), mT5 (Xue et al. 2020, arXiv:2010.11934) and UMT5 (Chung et al.
2023, arXiv:2304.09151): an encoder and a decoder with norms before their sublayers and a bias for buckets of
distances, which all layers of a stack share, but for UMT5's. Attention is not scaled; only heads have biases.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Literal

from hubformer.core import AttentionSpec, Buckets, FeedForward, LayerSpec, Norms, RMSNorm, StackSpec
from hubformer.errors import ConfigError
from hubformer.families.kit import seq2seq
from hubformer.families.kit.arguments import ASK
from hubformer.families.kit.heads import no_pooler, span_head
from hubformer.models import outputs, tasks
from hubformer.models.bodies import BodySpec
from hubformer.models.config import Config, Field, count, flag, number, positive, rate, size, token
from hubformer.models.embeddings import TokenEmbedding
from hubformer.models.encoder_decoder import EncoderDecoderSpec, HalfSpec, after_input, after_labels
from hubformer.models.family import Family, Head
from hubformer.models.heads import HeadSpec, PooledHead, TokenHead, VocabHead
from hubformer.models.initial import Initial, constant, normal
from hubformer.models.stepping import AnsweringStepper
from hubformer.weights.map import Row, row

ACTIVATIONS = ("relu", "gelu", "gelu_new", "silu", "gelu_pytorch_tanh")
PROJECTIONS = (*ACTIVATIONS, *(f"gated-{name}" for name in ACTIVATIONS))

FIELDS: dict[str, Field] = {
    "vocab_size": size(32128),
    "d_model": size(512),
    "d_kv": size(64),
    "d_ff": size(2048),
    "num_layers": count(6),
    "num_decoder_layers": count(6),
    "num_heads": size(8),
    "relative_attention_num_buckets": size(32, most=100_000),
    "relative_attention_max_distance": size(128),
    "dropout_rate": rate(0.1),
    "layer_norm_epsilon": positive(1e-6),
    "initializer_factor": number(1.0),
    "feed_forward_proj": Field("relu", f"one of {PROJECTIONS}", lambda v: v in PROJECTIONS),
    "is_encoder_decoder": flag(True),
    "use_cache": flag(True),
    "pad_token_id": token(0),
    "eos_token_id": token(1),
    "classifier_dropout": rate(0.0),
}
MULTILINGUAL: dict[str, Field] = {
    **FIELDS,
    "vocab_size": size(250112),
    "d_ff": size(1024),
    "num_layers": count(8),
    "num_decoder_layers": count(8),
    "num_heads": size(6),
    "feed_forward_proj": replace(FIELDS["feed_forward_proj"], default="gated-gelu"),
}
Side = Literal["encoder", "decoder"]


def normalise(values: dict[str, Any], *, layers: int = 6) -> dict[str, Any]:
    """A decoder has as many layers as its encoder, where nothing says how many."""
    if values.get("num_decoder_layers") is not None:
        return values
    said = values.get("num_layers", values.get("num_hidden_layers", layers))
    return {**values, "num_decoder_layers": said}


def feed_forward(config: Config) -> FeedForward:
    gated, _, named = config["feed_forward_proj"].rpartition("-")
    # What 1.1 calls gelu is its approximation.
    activation = "gelu_new" if config["feed_forward_proj"] == "gated-gelu" else named
    return FeedForward(
        config["d_ff"], activation, gated=bool(gated), bias=False, dropout=config["dropout_rate"]
    )


def half(config: Config, side: Side, *, shared: bool = True) -> BodySpec:
    """The encoder or the decoder. shared: whether its layers have one table of distances."""
    width, layers = (
        config["d_model"],
        config[{"encoder": "num_layers", "decoder": "num_decoder_layers"}[side]],
    )
    plain = AttentionSpec(
        config["num_heads"], config["d_kv"], scale=1.0, bias=False, dropout=config["dropout_rate"]
    )
    buckets, farthest = config["relative_attention_num_buckets"], config["relative_attention_max_distance"]
    if farthest <= buckets // 2:
        raise ConfigError(
            f"relative_attention_max_distance is {farthest}, expected more than half of "
            f"relative_attention_num_buckets, {buckets}."
        )
    layer = LayerSpec(
        attention={
            "encoder": replace(plain, position=Buckets(buckets, farthest)),
            "decoder": replace(plain, position=Buckets(buckets, farthest, "causal"), causal=True),
        }[side],
        feed_forward=feed_forward(config),
        norms=Norms(before=RMSNorm(config["layer_norm_epsilon"])),
        cross_attention={"encoder": None, "decoder": plain}[side],
        dropout=config["dropout_rate"],
    )
    return BodySpec(
        embedding=TokenEmbedding(config["vocab_size"], width, dropout=config["dropout_rate"]),
        stack=StackSpec(
            width,
            (layer,) * layers,
            final_norm=RMSNorm(config["layer_norm_epsilon"]),
            table_of=None if shared else tuple(range(layers)),
            dropout=config["dropout_rate"],
        ),
    )


def body(config: Config, *, shared: bool = True) -> EncoderDecoderSpec:
    end = config["eos_token_id"]
    return EncoderDecoderSpec(
        half(config, "encoder", shared=shared),
        half(config, "decoder", shared=shared),
        end=end if isinstance(end, int) else None,
    )


def encoder_body(config: Config, *, shared: bool = True) -> HalfSpec:
    return HalfSpec("encoder", half(config, "encoder", shared=shared))


def vocab_head(config: Config) -> VocabHead:
    """Where the scores have vectors of their own, they are not scaled (T5 1.1)."""
    tied = config["tie_word_embeddings"]
    return VocabHead(tied=tied, scale=config["d_model"] ** -0.5 if tied else 1.0)


def sequence_head(config: Config) -> HeadSpec:
    drop = config["classifier_dropout"]
    return PooledHead(labels=config.labels, pooling="eos", dense=0, activation="tanh", dropouts=(drop, drop))


def token_head(config: Config) -> HeadSpec:
    return TokenHead(config.labels, dropout=config["classifier_dropout"])


def initial(config: Config, *, output: float | None = None) -> Initial:
    """output: the spread of a head's scores, before the factor; None: as that of the stack's inputs."""
    factor, width = config["initializer_factor"], config["d_model"] ** -0.5
    inner = (config["num_heads"] * config["d_kv"]) ** -0.5
    return Initial(
        factor * width,
        (
            (r"embedding\.tokens\.weight$", normal(factor)),
            (r"attention\.query\.weight$", normal(factor * (config["d_model"] * config["d_kv"]) ** -0.5)),
            (r"attention\.output\.weight$", normal(factor * inner)),
            (r"feed_forward\.down\.weight$", normal(factor * config["d_ff"] ** -0.5)),
            (r"^body\..*(residual\.before|final_norm)\.weight$", constant(factor)),
            (r"^head\.output\.weight$", normal(factor * (width if output is None else output))),
        ),
    )


WIDE = partial(initial, output=1.0)


def half_rows(side: Side, config: Config, *, shared: bool) -> tuple[Row, ...]:
    theirs, ours = f"transformer.{side}.", f"body.{side}.stack."
    at, block = theirs + "block.{i}.layer.", ours + "blocks.{i}."
    names = (("q", "query"), ("k", "key"), ("v", "value"), ("o", "output"))
    last = {"encoder": 1, "decoder": 2}[side]  # where a decoder looks at the encoder in between
    gated = (("wi_0", "gate"), ("wi_1", "up"), ("wo", "down"))
    fed = gated if config["feed_forward_proj"].startswith("gated-") else (("wi", "up"), ("wo", "down"))
    crossed, table = at + "1.EncDecAttention", "SelfAttention.relative_attention_bias.weight"
    crossing = {
        "encoder": (),
        "decoder": (
            *(row(f"{crossed}.{n}.weight", f"{block}cross_attention.{o}.weight") for n, o in names),
            row(at + "1.layer_norm.weight", block + "cross_residual.before.weight"),
        ),
    }[side]
    return (
        row(f"{theirs}block.0.layer.0.{table}", ours + "tables.0.weight")
        if shared
        else row(f"{at}0.{table}", ours + "tables.{i}.weight"),
        *(row(f"{at}0.SelfAttention.{n}.weight", f"{block}attention.{o}.weight") for n, o in names),
        row(at + "0.layer_norm.weight", block + "attention_residual.before.weight"),
        *crossing,
        *(row(f"{at}{last}.DenseReluDense.{n}.weight", f"{block}feed_forward.{o}.weight") for n, o in fed),
        row(f"{at}{last}.layer_norm.weight", block + "feed_forward_residual.before.weight"),
        row(theirs + "final_layer_norm.weight", ours + "final_norm.weight"),
    )


def rows(config: Config, *, shared: bool = True) -> tuple[Row, ...]:
    return (
        row("transformer.shared.weight", "body.encoder.embedding.tokens.weight"),
        *half_rows("encoder", config, shared=shared),
        *half_rows("decoder", config, shared=shared),
    )


# Most classes keep the two stacks without a name around them.
_OWNED = (("encoder.embed_tokens.weight", "shared.weight"), ("decoder.embed_tokens.weight", "shared.weight"))
TIED = (
    *_OWNED,
    *((f"transformer.{alias}", f"transformer.{owner}") for alias, owner in _OWNED),
    ("lm_head.weight", "shared.weight"),
)
READ = ("input_ids", "attention_mask", "head_mask", "inputs_embeds")
QUESTION = (*seq2seq.READ, "start_positions", "end_positions", *seq2seq.EMBEDS, "use_cache", *ASK)
DECODER = (r"^(transformer\.)?decoder\.", r"^lm_head\.")


def heads(name: str, *, shared: bool = True) -> tuple[Head, ...]:
    encoder = partial(encoder_body, shared=shared)
    return (
        Head(
            name + "Model", ("base",), no_pooler, seq2seq.MODEL, outputs.Seq2SeqModelOutput,
            tasks.states_only,
            prefix="",
        ),
        Head(
            name + "ForConditionalGeneration", ("seq2seq-lm", "pretraining"), vocab_head, seq2seq.GENERATING,
            outputs.Seq2SeqLMOutput, tasks.labelled_tokens, prepare=after_labels, generates=True, prefix="",
            rows=(row("lm_head.weight", "head.output.weight"),), stepper=AnsweringStepper, initial=WIDE,
        ),
        Head(
            name + "EncoderModel", ("text-encoding",), no_pooler, (*READ, *ASK),
            outputs.BaseModelOutput, tasks.states_only, prefix="", body=encoder, ignored=DECODER,
        ),
        Head(
            name + "ForSequenceClassification", ("sequence-classification",), sequence_head,
            (*seq2seq.READ, *seq2seq.EMBEDS, "labels", "use_cache", *ASK),
            outputs.Seq2SeqSequenceClassifierOutput,
            tasks.sequence_labels, rows=seq2seq.SEQUENCE_ROWS, prepare=after_input,
        ),
        Head(
            name + "ForTokenClassification", ("token-classification",), token_head, (*READ, "labels", *ASK),
            outputs.TokenClassifierOutput, tasks.labelled_tokens, body=encoder, ignored=DECODER, initial=WIDE,
            rows=(row("classifier.*", "head.output.*"),),
        ),
        Head(
            name + "ForQuestionAnswering", ("question-answering",), span_head, QUESTION,
            outputs.Seq2SeqQuestionAnsweringModelOutput, tasks.span, prepare=after_input, prefix="",
            rows=(row("qa_outputs.*", "head.output.*"),),
        ),
    )  # fmt: skip


T5 = Family(
    model_type="t5",
    name="T5",
    prefix="transformer",
    fields=FIELDS,
    body=body,
    rows=rows,
    heads=heads("T5"),
    initial=initial,
    paper="Raffel et al. 2019, arXiv:1910.10683",
    attribute_map={
        "hidden_size": "d_model",
        "num_attention_heads": "num_heads",
        "num_hidden_layers": "num_layers",
        "head_dim": "d_kv",
    },
    tied=TIED,
    ignored=(r"EncDecAttention\.relative_attention_bias\.weight$",),
    caches=lambda config: True,
    lora_targets=("q", "v"),
    normalise=normalise,
)
MT5 = replace(
    T5,
    model_type="mt5",
    name="MT5",
    fields={**MULTILINGUAL, "tie_word_embeddings": flag(False)},
    heads=heads("MT5"),
    paper="Xue et al. 2020, arXiv:2010.11934",
    normalise=partial(normalise, layers=8),
)
UMT5 = replace(
    MT5,
    model_type="umt5",
    name="UMT5",
    fields=MULTILINGUAL,
    body=partial(body, shared=False),
    rows=partial(rows, shared=False),
    heads=heads("UMT5", shared=False),
    paper="Chung et al. 2023, arXiv:2304.09151",
)
