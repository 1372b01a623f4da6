"""BART's kin with norms before their sublayers: mBART (Liu et al. 2020, arXiv:2001.08210), Pegasus (Zhang
et al. 2019, arXiv:1912.08777), M2M-100 and NLLB (Fan et al. 2020, arXiv:2010.11125) and Blenderbot (Roller
et al. 2020, arXiv:2004.13637); and those that have them after: Blenderbot's smallest, and Marian
(Junczys-Dowmunt et al. 2018, arXiv:1804.00344).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from hubformer.core import Norms
from hubformer.families import bart
from hubformer.families.kit import seq2seq
from hubformer.families.kit.seq2seq import NORM, Style
from hubformer.models.config import Config, Field, count, flag, rate, size, token, unbuilt
from hubformer.models.encoder_decoder import after_wrapped_input, after_wrapped_labels
from hubformer.models.family import Family
from hubformer.models.heads import VocabHead

MBART_STYLE = Style(norms=Norms(before=NORM), final_norm=NORM)
PEGASUS_STYLE = replace(MBART_STYLE, embedding_norm=None, first_position=0, placing="waves")
M2M100_STYLE = replace(PEGASUS_STYLE, first_position=2, placing="fairseq waves")
BLENDERBOT_STYLE = replace(PEGASUS_STYLE, placing="learned")
BLENDERBOT_SMALL_STYLE = Style(first_position=0, decoder_normed="tokens")
MARIAN_STYLE = Style(embedding_norm=None, first_position=0, placing="waves")


def fields(without: tuple[str, ...] = (), **own: Field) -> dict[str, Field]:
    """BART's, but for those that a family has not, or has otherwise."""
    return {**{name: field for name, field in bart.FIELDS.items() if name not in without}, **own}


def family(
    model_type: str, name: str, *, style: Style, paper: str, place: str = "before", **own: Any
) -> Family:
    """One of BART's kin. place: of the norms."""
    return replace(
        bart.BART,
        model_type=model_type,
        name=name,
        body=partial(seq2seq.body, style=style),
        rows=seq2seq.rows(place=place),
        paper=paper,
        ignored=(*bart.BART.ignored, r"embed_positions\.weights?$")
        if style.placing != "learned"
        else bart.BART.ignored,
        **own,
    )


MBART = family(
    "mbart",
    "MBart",
    style=MBART_STYLE,
    paper="Liu et al. 2020, arXiv:2001.08210",
    fields=fields(("decoder_start_token_id",)),
    heads=(
        seq2seq.model("MBart", prepare=after_wrapped_input),
        seq2seq.writer("MBartForConditionalGeneration", prepare=after_wrapped_labels),
        *seq2seq.classifiers("MBart", prepare=after_wrapped_input),
        seq2seq.causal("MBart", partial(seq2seq.decoder_body, style=MBART_STYLE)),
    ),
)

_NO_HEADS = ("classifier_dropout", "bos_token_id")
PEGASUS = family(
    "pegasus",
    "Pegasus",
    style=PEGASUS_STYLE,
    paper="Zhang et al. 2019, arXiv:1912.08777",
    fields=fields(
        _NO_HEADS,
        pad_token_id=token(0),
        eos_token_id=token(1),
        decoder_start_token_id=token(0),
        forced_eos_token_id=token(1),
    ),
    heads=(
        seq2seq.model("Pegasus", prepare=None),
        seq2seq.writer("PegasusForConditionalGeneration"),
        seq2seq.causal("Pegasus", partial(seq2seq.decoder_body, style=PEGASUS_STYLE)),
    ),
)

BLENDERBOT = family(
    "blenderbot",
    "Blenderbot",
    style=BLENDERBOT_STYLE,
    paper="Roller et al. 2020, arXiv:2004.13637",
    fields=fields(
        ("classifier_dropout",),
        vocab_size=size(8008),
        max_position_embeddings=size(128),
        encoder_layers=count(2),
        encoder_ffn_dim=size(10240),
        encoder_attention_heads=size(32),
        decoder_layers=count(24),
        decoder_ffn_dim=size(10240),
        decoder_attention_heads=size(32),
        d_model=size(2560),
        decoder_start_token_id=token(1),
        pad_token_id=token(0),
        bos_token_id=token(1),
        encoder_no_repeat_ngram_size=unbuilt(count(3)),
    ),
    heads=(
        seq2seq.model("Blenderbot", prepare=None),
        seq2seq.writer("BlenderbotForConditionalGeneration"),
        seq2seq.causal("Blenderbot", partial(seq2seq.decoder_body, style=BLENDERBOT_STYLE)),
    ),
)


BLENDERBOT_SMALL = family(
    "blenderbot-small",
    "BlenderbotSmall",
    style=BLENDERBOT_SMALL_STYLE,
    place="after",
    paper="Roller et al. 2020, arXiv:2004.13637",
    fields=fields(
        ("classifier_dropout",),
        max_position_embeddings=size(512),
        encoder_layers=count(8),
        encoder_ffn_dim=size(2048),
        encoder_attention_heads=size(16),
        decoder_layers=count(8),
        decoder_ffn_dim=size(2048),
        decoder_attention_heads=size(16),
        d_model=size(512),
        decoder_start_token_id=token(1),
        pad_token_id=token(0),
        bos_token_id=token(1),
    ),
    heads=(
        seq2seq.model("BlenderbotSmall", prepare=None),
        seq2seq.writer("BlenderbotSmallForConditionalGeneration"),
        seq2seq.causal("BlenderbotSmall", partial(seq2seq.decoder_body, style=BLENDERBOT_SMALL_STYLE)),
    ),
)


def plain_vocab_head(config: Config) -> VocabHead:
    return VocabHead(tied=config["tie_word_embeddings"])


M2M_100 = family(
    "m2m_100",
    "M2M100",
    style=M2M100_STYLE,
    paper="Fan et al. 2020, arXiv:2010.11125",
    fields=fields(
        ("classifier_dropout", "forced_eos_token_id"),
        vocab_size=size(128112),
        encoder_layerdrop=unbuilt(rate(0.05)),
        decoder_layerdrop=unbuilt(rate(0.05)),
        activation_function=replace(bart.FIELDS["activation_function"], default="relu"),
        attention_dropout=rate(0.1),
        scale_embedding=flag(True),
    ),
    heads=(
        seq2seq.model("M2M100", prepare=None),
        replace(
            seq2seq.writer("M2M100ForConditionalGeneration"),
            spec=plain_vocab_head,
            rows=(seq2seq.vocab_weight(),),
        ),
    ),
)


def normalise(values: Mapping[str, Any]) -> dict[str, Any]:
    """The vocabulary of the decoder is that of the encoder, where nothing says which."""
    if values.get("decoder_vocab_size") is not None:
        return dict(values)
    return {**values, "decoder_vocab_size": values.get("vocab_size", 58101)}


MARIAN = family(
    "marian",
    "Marian",
    style=MARIAN_STYLE,
    place="after",
    paper="Junczys-Dowmunt et al. 2018, arXiv:1804.00344",
    fields=fields(
        _NO_HEADS,
        vocab_size=size(58101),
        decoder_vocab_size=size(58101),
        # With two tables nothing that people use is published.
        share_encoder_decoder_embeddings=Field(True, "true or false, true", lambda v: v is True),
        pad_token_id=token(58100),
        eos_token_id=token(0),
        decoder_start_token_id=token(58100),
        forced_eos_token_id=token(0),
    ),
    heads=(
        seq2seq.model("Marian", prepare=None),
        seq2seq.writer("MarianMTModel"),
        seq2seq.causal("Marian", partial(seq2seq.decoder_body, style=MARIAN_STYLE)),
    ),
    normalise=normalise,
)
