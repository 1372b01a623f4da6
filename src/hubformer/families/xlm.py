"""XLM (Lample and Conneau 2019, arXiv:1901.07291): BERT's layers or GPT's mask over several languages, each
with a vector of its own; and FlauBERT (Le et al. 2019, arXiv:1912.05372), XLM for French, whose large model
has its norms before its sublayers.
"""

from __future__ import annotations

from dataclasses import replace

import torch

from hubformer.core import AttentionSpec, FeedForward, LayerNorm, LayerSpec, Norms, StackSpec
from hubformer.errors import ConfigError, InputError
from hubformer.families.kit.arguments import ASK
from hubformer.families.kit.heads import BEAM_ROWS as BEAM_OUTPUTS
from hubformer.families.kit.heads import (
    SUMMARY_POOLINGS,
    beam_head,
    no_pooler,
    span_head,
    token_classification,
)
from hubformer.families.kit.values import quotient
from hubformer.models import outputs, tasks
from hubformer.models.bodies import BodySpec
from hubformer.models.config import (
    LARGEST_SIZE,
    Config,
    Field,
    PreTrainedConfig,
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
    unbuilt,
)
from hubformer.models.embeddings import TokenEmbedding
from hubformer.models.family import Family, Head
from hubformer.models.heads import HeadSpec, PooledHead, TokenHead, VocabHead
from hubformer.models.initial import Initial, normal, normal_but_row, sinusoids
from hubformer.models.inputs import Inputs, flatten_choices
from hubformer.models.span_beams import beam_loss
from hubformer.models.stepping import MaskStepper
from hubformer.weights.map import Row, row

FIELDS: dict[str, Field] = {
    "vocab_size": size(30145),
    "emb_dim": size(2048),
    "n_layers": count(12),
    "n_heads": size(16),
    "dropout": rate(0.1),
    "attention_dropout": rate(0.1),
    "gelu_activation": flag(True),
    "sinusoidal_embeddings": flag(False),
    "causal": flag(False),
    "asm": Field(False, "false: no published model scores by an adaptive softmax", lambda v: v is False),
    "n_langs": size(1),
    "use_lang_emb": flag(True),
    "max_position_embeddings": size(512),
    "embed_init_std": number(2048**-0.5),
    "layer_norm_eps": positive(1e-12),
    "init_std": number(0.02),
    "bos_token_id": token(0),
    "eos_token_id": token(1),
    "pad_token_id": token(2),
    "unk_index": unbuilt(count(3, most=LARGEST_SIZE)),
    "mask_index": unbuilt(count(5, most=LARGEST_SIZE)),
    "is_encoder": Field(True, "true: v4 has no decoder of it either", lambda v: v is True),
    "summary_type": choice("first", "last", "mean", "cls_index"),
    "summary_use_proj": flag(True),
    "summary_activation": optional(activation("tanh")),
    "summary_proj_to_labels": flag(True),
    "summary_first_dropout": rate(0.1),
    "start_n_top": size(5),
    "end_n_top": size(5),
    "mask_token_id": unbuilt(replace(token(0), default=0)),  # what stands for the next token in generation
    "lang_id": unbuilt(replace(optional(count(0, most=LARGEST_SIZE)), default=0)),  # in generation
    # Not among v4's arguments, but obeyed where a file has it.
    "summary_last_dropout": rate(0.0),
}


def body(config: Config) -> BodySpec:
    width, norm = config["emb_dim"], LayerNorm(config["layer_norm_eps"])
    layer = LayerSpec(
        attention=AttentionSpec(
            config["n_heads"],
            quotient(config, of="emb_dim", by="n_heads"),
            causal=config["causal"],
            dropout=config["attention_dropout"],
        ),
        feed_forward=FeedForward(4 * width, "gelu" if config["gelu_activation"] else "relu"),
        norms=Norms(before=norm) if config.get("pre_norm") else Norms(after=norm),
        dropout=config["dropout"],
    )
    return BodySpec(
        embedding=TokenEmbedding(
            vocab=config["vocab_size"],
            width=width,
            positions=config["max_position_embeddings"],
            placing="fixed" if config["sinusoidal_embeddings"] else "learned",
            padding=config["pad_token_id"],
            languages=config["n_langs"] if config["n_langs"] > 1 and config["use_lang_emb"] else 0,
            norm=norm,
            dropout=config["dropout"],
        ),
        stack=StackSpec(width, (layer,) * config["n_layers"], padding="zero"),
    )


def vocab_head(config: Config) -> HeadSpec:
    return VocabHead(bias=True, tied=config["tie_word_embeddings"])


def sequence_head(config: Config) -> PooledHead:
    """The labels' scores are the summary itself."""
    for switch in ("summary_use_proj", "summary_proj_to_labels"):
        if not config[switch]:
            raise ConfigError(
                f"{switch} is false, expected true: else a summary is as wide as the model "
                "and scores no label."
            )
    return PooledHead(
        labels=None,
        pooling=SUMMARY_POOLINGS[config["summary_type"]],  # type: ignore[arg-type]
        dense=config.labels,
        activation=config["summary_activation"],
        dropouts=(config["summary_first_dropout"], config["summary_last_dropout"]),
    )


def choice_head(config: Config) -> HeadSpec:
    """One score of the scores of all labels, as v4 has it."""
    return replace(sequence_head(config), labels=1)


def token_head(config: Config) -> HeadSpec:
    return TokenHead(config.labels, dropout=config["dropout"])


def told(inputs: Inputs, config: PreTrainedConfig) -> Inputs:
    """Padding by lengths or, where nothing says it, behind as many tokens as are not padding.

    Raises:
        InputError: a cache.
    """
    ids, mask = inputs.input_ids, inputs.attention_mask
    if inputs.cache is not None:
        raise InputError("XLM keeps no keys between two passes: leave cache out, and pass all tokens.")
    lengths = inputs.lengths
    if mask is not None or (lengths is None and ids is None):
        return inputs
    if lengths is None:
        assert ids is not None
        lengths = (ids != config.pad_token_id).sum(-1)
    places = torch.arange(inputs.batch_shape[-1], device=lengths.device)
    return replace(inputs, attention_mask=(places < lengths[..., None]).long())


def told_choices(inputs: Inputs, config: PreTrainedConfig) -> Inputs:
    """Raises:
    InputError: lengths, of which a row of choices would need several.
    """
    if inputs.lengths is not None:
        raise InputError("lengths do not say the padding of several choices: pass attention_mask instead.")
    return told(flatten_choices(inputs, config), config)


def initial(config: Config) -> Initial:
    embedded = normal(config["embed_init_std"])
    return Initial(
        config["init_std"],
        (
            (r"embedding\.tokens\.weight$", normal_but_row(config["embed_init_std"], config["pad_token_id"])),
            (r"embedding\.positions\.weight$", sinusoids if config["sinusoidal_embeddings"] else embedded),
            (r"embedding\.languages\.weight$", embedded),
        ),
    )


BLOCK = "body.stack.blocks.{i}."


def rows(config: Config) -> tuple[Row, ...]:
    place = "before" if config.get("pre_norm") else "after"
    projections = (("q_lin", "query"), ("k_lin", "key"), ("v_lin", "value"), ("out_lin", "output"))
    return (
        row("transformer.embeddings.weight", "body.embedding.tokens.weight"),
        row("transformer.position_embeddings.weight", "body.embedding.positions.weight"),
        row("transformer.lang_embeddings.weight", "body.embedding.languages.weight"),
        row("transformer.layer_norm_emb.*", "body.embedding.norm.*"),
        *(
            row(f"transformer.attentions.{{i}}.{hub}.*", f"{BLOCK}attention.{ours}.*")
            for hub, ours in projections
        ),
        row("transformer.layer_norm1.{i}.*", f"{BLOCK}attention_residual.{place}.*"),
        row("transformer.ffns.{i}.lin1.*", BLOCK + "feed_forward.up.*"),
        row("transformer.ffns.{i}.lin2.*", BLOCK + "feed_forward.down.*"),
        row("transformer.layer_norm2.{i}.*", f"{BLOCK}feed_forward_residual.{place}.*"),
    )


VOCAB_ROWS = (
    row("pred_layer.proj.bias", "head.bias"),
    row("pred_layer.proj.weight", "head.output.weight"),  # where it is not tied
)
SUMMARY = row("sequence_summary.summary.*", "head.dense.*")
BEAM_ROWS = tuple(replace(r, hub=tuple(f"qa_outputs.{name}" for name in r.hub)) for r in BEAM_OUTPUTS)
READ = (
    "input_ids",
    "attention_mask",
    "langs",
    "token_type_ids",
    "position_ids",
    "lengths",
    "cache",
    "head_mask",
    "inputs_embeds",
)
LABELS, SPAN = (*READ, "labels", *ASK), (*READ, "start_positions", "end_positions")


def heads(name: str) -> tuple[Head, ...]:
    return (
        Head(
            f"{name}Model", ("base",), no_pooler, (*READ, *ASK, "cache_position"),
            outputs.BaseModelOutput, tasks.states_only, bare=True, prepare=told,
        ),
        Head(
            f"{name}WithLMHeadModel", ("masked-lm", "causal-lm", "pretraining"), vocab_head,
            (*LABELS, "cache_position", "logits_to_keep"), outputs.MaskedLMOutput, tasks.labelled_tokens,
            rows=VOCAB_ROWS, prepare=told, generates=True, stepper=MaskStepper,
        ),
        Head(
            f"{name}ForSequenceClassification", ("sequence-classification",), sequence_head, LABELS,
            outputs.SequenceClassifierOutput, tasks.sequence_labels, rows=(SUMMARY,), prepare=told,
        ),
        token_classification(name, token_head, LABELS, prepare=told),
        Head(
            f"{name}ForQuestionAnsweringSimple", ("question-answering",), span_head, (*SPAN, *ASK),
            outputs.QuestionAnsweringModelOutput, tasks.span, rows=(row("qa_outputs.*", "head.output.*"),),
            prepare=told,
        ),
        Head(
            f"{name}ForQuestionAnswering", (), beam_head, (*SPAN, "is_impossible", "cls_index", "p_mask",
            *ASK),
            outputs.XLMForQuestionAnsweringOutput, beam_loss, rows=BEAM_ROWS, prepare=told,
        ),
        Head(
            f"{name}ForMultipleChoice", ("multiple-choice",), choice_head, LABELS,
            outputs.MultipleChoiceModelOutput, tasks.one_of_choices,
            rows=(SUMMARY, row("logits_proj.*", "head.output.*")), prepare=told_choices,
        ),
    )  # fmt: skip


XLM = Family(
    model_type="xlm",
    name="XLM",
    prefix="transformer",
    fields=FIELDS,
    body=body,
    rows=rows,
    heads=heads("XLM"),
    initial=initial,
    paper="Lample and Conneau 2019, arXiv:1901.07291",
    attribute_map={
        "hidden_size": "emb_dim",
        "num_attention_heads": "n_heads",
        "num_hidden_layers": "n_layers",
        "n_words": "vocab_size",
        "bos_index": "bos_token_id",
        "eos_index": "eos_token_id",
        "pad_index": "pad_token_id",
    },
    tied=(("pred_layer.proj.weight", "transformer.embeddings.weight"),),
    ignored=(r"position_ids$",),
    lora_targets=("q_lin", "v_lin"),
)

FLAUBERT = replace(
    XLM,
    model_type="flaubert",
    name="Flaubert",
    fields={
        "pre_norm": flag(False),
        "layerdrop": unbuilt(rate(0.0)),  # whole layers are not dropped here
        **FIELDS,
    },
    heads=heads("Flaubert"),
    paper="Le et al. 2019, arXiv:1912.05372",
)
