"""LED, the Longformer-Encoder-Decoder (Beltagy et al. 2020, arXiv:2004.05150): BART whose encoder attends
within a window, beside a few global tokens.
"""

from __future__ import annotations

from dataclasses import replace

from hubformer.core import LayerSpec, SlidingAttentionSpec, Window
from hubformer.families import bart, longformer
from hubformer.families.kit.arguments import ASK
from hubformer.models import outputs
from hubformer.models.bodies import BodySpec
from hubformer.models.config import Config, Field, size
from hubformer.models.encoder_decoder import EncoderDecoderSpec
from hubformer.models.family import Family
from hubformer.weights.map import Row, row

# The two halves have tables of their own, and these have no rows before the first place.
STYLE = replace(bart.BART_STYLE, first_position=0, positions="max_{side}_position_embeddings")

_NOT_READ = ("max_position_embeddings", "scale_embedding", "forced_eos_token_id")
FIELDS: dict[str, Field] = {
    "vocab_size": bart.FIELDS["vocab_size"],
    "max_encoder_position_embeddings": size(16384),
    "max_decoder_position_embeddings": size(1024),
    **{name: field for name, field in bart.FIELDS.items() if name not in _NOT_READ},
    "attention_window": longformer.FIELDS["attention_window"],
}


def body(config: Config) -> EncoderDecoderSpec:
    whole = bart.body(config, style=STYLE)
    encoder = _windowed(bart.half(config, "encoder", style=STYLE), config)
    return replace(whole, encoder=encoder, told=("global_attention_mask",))


def _windowed(half: BodySpec, config: Config) -> BodySpec:
    windows = longformer.windows(config, depth="encoder_layers")
    layers = tuple(
        _layer(layer, half_window=window // 2)
        for layer, window in zip(half.stack.layers, windows, strict=True)
    )
    return replace(half, stack=replace(half.stack, layers=layers))


def _layer(dense: LayerSpec, *, half_window: int) -> LayerSpec:
    attention = SlidingAttentionSpec(
        dense.attention.heads,
        dense.attention.head_width,
        position=Window(half_window),
        dropout=dense.attention.dropout,
    )
    return replace(dense, attention=attention)


_IN_A_WINDOW = "longformer_self_attn."
_PROJECTIONS = (
    *((_IN_A_WINDOW + name, name) for name in ("query", "key", "value")),
    *((f"{_IN_A_WINDOW}{name}_global", f"{name}_global") for name in ("query", "key", "value")),
    ("output", "output"),
)
SHARED = "led.shared.weight"
ROWS: tuple[Row, ...] = (
    row(SHARED, "body.encoder.embedding.tokens.weight"),
    *bart.half_rows("encoder", backbone="led", projections=_PROJECTIONS),
    *bart.half_rows("decoder", backbone="led"),
)

READ = (*bart.READ, "global_attention_mask")
PAST = ("past_key_values", *bart.EMBEDS)
MODEL = (*READ, *PAST, *bart.REST)
WRITING = (*READ, *PAST, "labels", *bart.REST)
SEQUENCE = (*READ, *bart.EMBEDS, "labels", "use_cache", *ASK)
SPAN = (*READ, "start_positions", "end_positions", *bart.EMBEDS, "use_cache", *ASK)

_sequence, _span = bart.classifiers("LED")
HEADS = (
    replace(bart.model("LED"), arguments=MODEL, output=outputs.LEDSeq2SeqModelOutput),
    replace(
        bart.writer("LEDForConditionalGeneration"),
        tasks=("seq2seq-lm",),
        arguments=WRITING,
        output=outputs.LEDSeq2SeqLMOutput,
    ),
    replace(_sequence, arguments=SEQUENCE, output=outputs.LEDSeq2SeqSequenceClassifierOutput),
    replace(_span, arguments=SPAN, output=outputs.LEDSeq2SeqQuestionAnsweringModelOutput),
)

LED: Family = replace(
    bart.BART,
    model_type="led",
    name="LED",
    prefix="led",
    fields=FIELDS,
    body=body,
    rows=ROWS,
    heads=HEADS,
    paper="Beltagy et al. 2020, arXiv:2004.05150",
    attribute_map={
        **bart.BART.attribute_map,
        "attention_probs_dropout_prob": "attention_dropout",
        "initializer_range": "init_std",
    },
    tied=(
        ("led.encoder.embed_tokens.weight", SHARED),
        ("led.decoder.embed_tokens.weight", SHARED),
        ("lm_head.weight", SHARED),
    ),
)
