"""Granite (Mishra et al. 2024, arXiv:2405.04324): Llama whose token vectors, residuals, attention and scores
are weighed by constants.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from hubformer.core import Norms, RMSNorm
from hubformer.families import llama
from hubformer.families.kit import decoder
from hubformer.families.kit.initial import zero_padding_initial
from hubformer.models.bodies import BodySpec
from hubformer.models.config import Config, Field, positive
from hubformer.models.family import Family
from hubformer.models.heads import HeadSpec, VocabHead

_UNREAD = ("pretraining_tp", "head_dim", *decoder.DROPOUT_FIELDS)
FIELDS: dict[str, Field] = {
    **{name: field for name, field in llama.FIELDS.items() if name not in _UNREAD},
    "embedding_multiplier": positive(1.0),
    "logits_scaling": positive(1.0),
    "residual_multiplier": positive(1.0),
    "attention_multiplier": positive(1.0),
    "head_dim": llama.FIELDS["head_dim"],
}


def body(config: Config) -> BodySpec:
    biased = config["attention_bias"]
    seeing = decoder.attention(config, bias=biased, output_bias=biased, scale=config["attention_multiplier"])
    norms = Norms(before=RMSNorm(config["rms_norm_eps"]), scale=config["residual_multiplier"])
    layer = replace(decoder.layer(config, seeing, bias=config["mlp_bias"]), norms=norms)
    return decoder.body(config, (layer,) * config["num_hidden_layers"], factor=config["embedding_multiplier"])


def vocab_head(config: Config) -> HeadSpec:
    return VocabHead(tied=config["tie_word_embeddings"], scale=1 / config["logits_scaling"])


GRANITE = Family(
    model_type="granite",
    name="Granite",
    prefix="model",
    fields=FIELDS,
    body=body,
    rows=decoder.ROWS,
    heads=(
        decoder.base("Granite", then=decoder.SHOWING),
        decoder.causal("Granite", then=decoder.SHOWING_SCORES, head=vocab_head),
    ),
    initial=zero_padding_initial,
    paper="Mishra et al. 2024, arXiv:2405.04324",
    tied=decoder.TIED,
    ignored=decoder.IGNORED,
    caches=lambda config: True,
    normalise=partial(decoder.normalise, fields=FIELDS),
    lora_targets=("q_proj", "v_proj"),
)
