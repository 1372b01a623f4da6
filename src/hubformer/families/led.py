"""LED, the Longformer-Encoder-Decoder (Beltagy et al. 2020, arXiv:2004.05150): BART whose encoder attends
within a window, beside a few global tokens.
"""

from __future__ import annotations

from dataclasses import replace

from hubformer.families import bart
from hubformer.families.kit import seq2seq
from hubformer.families.kit.arguments import ASK
from hubformer.families.kit.windows import attention_window, sliding_layer, windows
from hubformer.models import outputs
from hubformer.models.bodies import BodySpec
from hubformer.models.config import Config, Field, size
from hubformer.models.encoder_decoder import EncoderDecoderSpec
from hubformer.models.family import Family
from hubformer.weights.map import Row, row

# The two halves have tables of their own, and these have no rows before the first place.
STYLE = replace(seq2seq.BART_STYLE, first_position=0, positions="max_{side}_position_embeddings")

_NOT_READ = ("max_position_embeddings", "scale_embedding", "forced_eos_token_id")
FIELDS: dict[str, Field] = {
    "vocab_size": bart.FIELDS["vocab_size"],
    "max_encoder_position_embeddings": size(16384),
    "max_decoder_position_embeddings": size(1024),
    **{name: field for name, field in bart.FIELDS.items() if name not in _NOT_READ},
    "attention_window": attention_window(),
}


def body(config: Config) -> EncoderDecoderSpec:
    whole = seq2seq.body(config, style=STYLE)
    encoder = _windowed(seq2seq.half(config, "encoder", style=STYLE), config)
    return replace(whole, encoder=encoder, told=("global_attention_mask",))


def _windowed(half: BodySpec, config: Config) -> BodySpec:
    wide = windows(config, depth="encoder_layers")
    layers = tuple(
        sliding_layer(layer, window=window) for layer, window in zip(half.stack.layers, wide, strict=True)
    )
    return replace(half, stack=replace(half.stack, layers=layers))


_IN_A_WINDOW = "longformer_self_attn."
_PROJECTIONS = (
    *((_IN_A_WINDOW + name, name) for name in ("query", "key", "value")),
    *((f"{_IN_A_WINDOW}{name}_global", f"{name}_global") for name in ("query", "key", "value")),
    ("output", "output"),
)
SHARED = "led.shared.weight"
ROWS: tuple[Row, ...] = (
    row(SHARED, "body.encoder.embedding.tokens.weight"),
    *seq2seq.half_rows("encoder", backbone="led", projections=_PROJECTIONS),
    *seq2seq.half_rows("decoder", backbone="led"),
)

READ = (*seq2seq.READ, "global_attention_mask")
PAST = ("past_key_values", *seq2seq.EMBEDS)
MODEL = (*READ, *PAST, *seq2seq.REST)
WRITING = (*READ, *PAST, "labels", *seq2seq.REST)
SEQUENCE = (*READ, *seq2seq.EMBEDS, "labels", "use_cache", *ASK)
SPAN = (*READ, "start_positions", "end_positions", *seq2seq.EMBEDS, "use_cache", *ASK)

_sequence, _span = seq2seq.classifiers("LED")
HEADS = (
    replace(seq2seq.model("LED"), arguments=MODEL, output=outputs.LEDSeq2SeqModelOutput),
    replace(
        seq2seq.writer("LEDForConditionalGeneration"),
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
