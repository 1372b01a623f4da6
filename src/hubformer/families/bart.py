"""BART (Lewis et al. 2019, arXiv:1910.13461): an encoder like BERT's and a decoder like GPT's with attention
to it, all with norms after their sublayers.
"""

from __future__ import annotations

from functools import partial

from hubformer.families.kit import seq2seq
from hubformer.families.kit.initial import zero_padding_initial
from hubformer.models.config import Field, activation, count, flag, number, rate, size, token, unbuilt
from hubformer.models.family import Family

FIELDS: dict[str, Field] = {
    "vocab_size": size(50265),
    "max_position_embeddings": size(1024),
    "encoder_layers": count(12),
    "encoder_ffn_dim": size(4096),
    "encoder_attention_heads": size(16),
    "decoder_layers": count(12),
    "decoder_ffn_dim": size(4096),
    "decoder_attention_heads": size(16),
    "encoder_layerdrop": unbuilt(rate(0.0)),  # whole layers are not dropped here
    "decoder_layerdrop": unbuilt(rate(0.0)),
    "activation_function": activation("gelu"),
    "d_model": size(1024),
    "dropout": rate(0.1),
    "attention_dropout": rate(0.0),
    "activation_dropout": rate(0.0),
    "init_std": number(0.02),
    "classifier_dropout": rate(0.0),
    "scale_embedding": flag(False),
    "use_cache": flag(True),
    "pad_token_id": token(1),
    "bos_token_id": token(0),
    "eos_token_id": token(2),
    "is_encoder_decoder": flag(True),
    "decoder_start_token_id": token(2),
    "forced_eos_token_id": token(2),
}

BART = Family(
    model_type="bart",
    name="Bart",
    prefix="model",
    fields=FIELDS,
    body=seq2seq.body,
    rows=seq2seq.rows(),
    heads=(
        seq2seq.model("Bart"),
        seq2seq.writer("BartForConditionalGeneration"),
        *seq2seq.classifiers("Bart"),
        seq2seq.causal("Bart", seq2seq.decoder_body),
    ),
    initial=partial(zero_padding_initial, std="init_std"),
    paper="Lewis et al. 2019, arXiv:1910.13461",
    attribute_map={
        "num_attention_heads": "encoder_attention_heads",
        "hidden_size": "d_model",
        "num_hidden_layers": "encoder_layers",
    },
    tied=seq2seq.TIED,
    ignored=(r"(^|\.)encoder\.version$", r"(^|\.)decoder\.version$"),
    optional=(r"^final_logits_bias$",),
    caches=lambda config: True,
    lora_targets=("q_proj", "v_proj"),
)
