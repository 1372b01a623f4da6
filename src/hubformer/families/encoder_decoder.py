"""An encoder of any family before a decoder of any family that looks at one (Rothe et al. 2019,
arXiv:1907.12461). Both halves are described in their own files; this one says how they stand together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubformer.errors import ConfigError
from hubformer.families import family
from hubformer.families.kit.arguments import ASK
from hubformer.families.kit.heads import no_pooler
from hubformer.models import outputs, tasks
from hubformer.models.config import Config, Field, PreTrainedConfig, flag, token
from hubformer.models.encoder_decoder import TOLD, EncoderDecoderSpec, WithPooler, after_padded_labels
from hubformer.models.family import Family, Head, Part
from hubformer.models.heads import HeadSpec
from hubformer.models.initial import Initial
from hubformer.models.stepping import AnsweringStepper
from hubformer.weights.map import Row, row


def _half(default: dict[str, Any]) -> Field:
    def fits(value: Any) -> bool:
        named = isinstance(value, Mapping) and isinstance(value.get("model_type"), str)
        return named or isinstance(value, PreTrainedConfig)

    return Field(default, "a configuration, or an object that says its model_type", fits)


FIELDS: dict[str, Field] = {
    "encoder": _half({"model_type": "bert"}),
    "decoder": _half({"model_type": "bert", "is_decoder": True, "add_cross_attention": True}),
    "pad_token_id": token(None),
    "decoder_start_token_id": token(None),
    "is_encoder_decoder": flag(True),
    # transformers 4 could make the weights of both halves one; transformers 5 cannot read such files.
    "tie_encoder_decoder": Field(False, "false: each half has its own weights", lambda v: v is False),
}


def encoder(config: Config) -> Part:
    """The encoder, as its family's class without head.

    Raises:
        ConfigError: it is an encoder-decoder itself, or prepares what it reads.
    """
    inner: Config = config["encoder"]
    found = family(inner.model_type)
    head = found.head("base")
    if head is None or isinstance(found.body_of(head, inner), EncoderDecoderSpec):
        raise ConfigError(f"The encoder is of the type {inner.model_type!r}, which has a decoder of its own.")
    if head.prepare is not None:
        raise ConfigError(f"A model of the type {inner.model_type!r} is not supported as an encoder.")
    return Part(found, head, inner, "encoder.", (("body.", "body.encoder."), ("head.", "head.pooler.")))


def decoder(config: Config) -> Part:
    """The decoder, as its family's causal language model.

    Raises:
        ConfigError: it does not look at an encoder.
    """
    inner: Config = config["decoder"]
    found = family(inner.model_type)
    head = found.head("causal-lm")
    layers = () if head is None else found.body_of(head, inner).stack.layers
    if head is None or not all(one.attention.causal and one.cross_attention for one in layers):
        raise ConfigError(
            f"The decoder, of the type {inner.model_type!r}, does not look at an encoder. Families that can, "
            "such as bert, roberta and gpt2, do so with is_decoder=True and add_cross_attention=True, which "
            "EncoderDecoderConfig.from_encoder_decoder_configs says for you."
        )
    return Part(found, head, inner, "decoder.", (("body.", "body.decoder."), ("head.", "head.scores.")))


def parts(config: Config) -> tuple[Part, ...]:
    return encoder(config), decoder(config)


def body(config: Config) -> EncoderDecoderSpec:
    reads, writes = parts(config)
    first, second = (part.family.body_of(part.head, part.config) for part in (reads, writes))
    width, wanted = first.stack.output_width, second.stack.width
    expected = writes.config["cross_attention_hidden_size"]
    if expected not in (None, width) or (expected is not None and width != wanted):
        raise ConfigError(
            f"The encoder's states are {width} wide and the decoder's {wanted}, but its "
            f"cross_attention_hidden_size is {expected}. Leave it out: states of another width are projected."
        )
    return EncoderDecoderSpec(
        first,
        second,
        shared=False,
        bridged=width != wanted,
        told=tuple(name for name in TOLD if name in reads.head.arguments),
    )


def head(config: Config) -> HeadSpec:
    reads, writes = parts(config)
    return WithPooler(writes.head.spec(writes.config), reads.head.spec(reads.config))


def head_alone(config: Config) -> HeadSpec:
    """Where the encoder has no pooler."""
    writes = decoder(config)
    return WithPooler(writes.head.spec(writes.config), no_pooler(config))


def pooler_rows(config: Config) -> tuple[Row, ...]:
    reads = encoder(config)
    return tuple(reads.weights().moved(one) for one in reads.head.rows_in(reads.config))


def initial(config: Config) -> Initial:
    """Of the bridge; the halves start as their families say."""
    return Initial(0.02)


def keeps(config: Config) -> bool:
    writes = decoder(config)
    return writes.family.caches(writes.config)


FORWARD = (
    "input_ids",
    "attention_mask",
    "decoder_input_ids",
    "decoder_attention_mask",
    "encoder_outputs",
    "past_key_values",
    "inputs_embeds",
    "decoder_inputs_embeds",
    "labels",
    "use_cache",
    *ASK,
    "cache_position",
    *TOLD,
)

ENCODER_DECODER = Family(
    model_type="encoder-decoder",
    name="EncoderDecoder",
    prefix="",
    fields=FIELDS,
    body=body,
    rows=(row("enc_to_dec_proj.*", "body.bridge.*"),),
    heads=(
        Head(
            "EncoderDecoderModel", ("seq2seq-lm",), head, FORWARD, outputs.Seq2SeqLMOutput,
            tasks.labelled_tokens, rows=pooler_rows, prepare=after_padded_labels, without=head_alone,
            generates=True, stepper=AnsweringStepper,
        ),
    ),
    initial=initial,
    paper="Rothe et al. 2019, arXiv:1907.12461",
    caches=keeps,
    parts=parts,
)  # fmt: skip
