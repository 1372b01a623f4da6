"""BigBird (Zaheer et al. 2020, arXiv:2007.14062): BERT whose attention goes from blocks of tokens to
few others.
"""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

import torch
from torch import Tensor

from hubformer.core import BlockAttentionSpec, Blocks, FeedForward, LayerNorm, LayerSpec, Norms
from hubformer.families import bert
from hubformer.families.kit import encoder
from hubformer.families.kit.arguments import ASK, CROSS, LABELS, READ
from hubformer.families.kit.heads import no_pooler
from hubformer.models import outputs, tasks
from hubformer.models.bodies import BodySpec
from hubformer.models.config import Config, Field, PreTrainedConfig, activation, choice, flag, size, token
from hubformer.models.family import Family, Head
from hubformer.models.heads import BesideUnread, DeeperTokenHead, HeadSpec, PairOfHeads, PooledHead
from hubformer.models.inputs import Inputs, flatten_choices
from hubformer.weights.map import Row, row

FIELDS: dict[str, Field] = {
    **{
        name: field
        for name, field in encoder.FIELDS.items()
        if name not in ("pad_token_id", "position_embedding_type", "classifier_dropout")
    },
    "vocab_size": size(50358),
    "hidden_act": activation("gelu_new"),
    "max_position_embeddings": size(4096),
    "pad_token_id": token(0),
    "bos_token_id": token(1),
    "eos_token_id": token(2),
    "sep_token_id": token(66),
    "attention_type": choice("block_sparse", "original_full"),
    "use_bias": flag(True),
    "rescale_embeddings": flag(False),
    "block_size": size(64),
    "num_random_blocks": size(3),
    "classifier_dropout": encoder.FIELDS["classifier_dropout"],
}


def body(config: Config) -> BodySpec:
    whole = encoder.body(config)
    layers = tuple(_layer(layer, config, index=i) for i, layer in enumerate(whole.stack.layers))
    factor = sqrt(config["hidden_size"]) if config["rescale_embeddings"] else 1.0
    return BodySpec(
        embedding=replace(whole.embedding, factor=factor, dropped="summed"),
        stack=replace(whole.stack, layers=layers),
    )


def _layer(dense: LayerSpec, config: Config, *, index: int) -> LayerSpec:
    biases = {"bias": config["use_bias"], "output_bias": True}
    crossed = dense.cross_attention
    layer = replace(
        dense,
        attention=replace(dense.attention, **biases),
        cross_attention=None if crossed is None else replace(crossed, **biases),
    )
    if config["attention_type"] == "original_full" or config["is_decoder"]:  # blocks see what comes later
        return layer
    attention = BlockAttentionSpec(
        dense.attention.heads,
        dense.attention.head_width,
        position=Blocks(config["block_size"], config["num_random_blocks"], config["max_position_embeddings"]),
        dropout=dense.attention.dropout,
        seed=index,
        **biases,
    )
    return replace(layer, attention=attention)


# Files of all classes but one hold a pooler, of which only some read.


def vocab_head(config: Config) -> HeadSpec:
    return BesideUnread(encoder.vocab_head(config), encoder.pooler(config))


def token_head(config: Config) -> HeadSpec:
    return BesideUnread(encoder.token_head(config), encoder.pooler(config))


def sequence_head(config: Config) -> HeadSpec:
    drop = encoder.classifier_dropout(config)
    head = PooledHead(labels=config.labels, dense=0, activation=config["hidden_act"], dropouts=(drop, drop))
    return BesideUnread(head, encoder.pooler(config))


def choice_head(config: Config) -> HeadSpec:
    drop = config["hidden_dropout_prob"]
    return PooledHead(labels=1, dense=0, activation="tanh", dropouts=(0.0, drop))


def pretraining_head(config: Config) -> HeadSpec:
    return PairOfHeads(encoder.vocab_head(config), encoder.next_sentence_head(config))


def span_head(config: Config) -> HeadSpec:
    return DeeperTokenHead(
        labels=2,
        feed_forward=FeedForward(config["intermediate_size"], config["hidden_act"]),
        norms=Norms(after=LayerNorm(config["layer_norm_eps"])),
        dropout=config["hidden_dropout_prob"],
    )


def _in_question(inputs: Inputs, config: PreTrainedConfig) -> tuple[Tensor, Tensor] | None:
    """(B, L) bool twice: what stands in the question, with the separator behind it, and which of that is no
    answer: all but a row's first token. None: nothing says it."""
    ids, mask = inputs.input_ids, inputs.attention_mask
    place = torch.arange(inputs.batch_shape[1], device=inputs.device)[None]
    if mask is not None:  # rows may be padded on the left
        place = (place - mask.bool().int().argmax(-1, keepdim=True)).clamp(min=0)
    if inputs.question_lengths is not None:
        lengths = inputs.question_lengths.view(-1, 1)
    elif ids is not None:
        separator = (ids == config.sep_token_id).int().argmax(-1, keepdim=True)
        lengths = place.expand(len(ids), -1).gather(1, separator) + 1
    else:
        return None
    inside = place < lengths
    return inside, inside & (place > 0)


def question(inputs: Inputs, config: PreTrainedConfig) -> Inputs:
    """The question's tokens are of another type than the rest."""
    found = _in_question(inputs, config)
    if found is None or inputs.token_type_ids is not None:
        return inputs
    return replace(inputs, token_type_ids=(~found[0]).long())


def span(scores: Tensor, inputs: Inputs, config: PreTrainedConfig) -> tasks.Fields:
    """The ends of an answer, which is not in the question."""
    found = _in_question(inputs, config)
    if found is not None:
        scores = scores - 1e6 * found[1][..., None].to(scores.dtype)
    return tasks.span(scores, inputs, config)


POOLER = "bert.pooler.*"
UNREAD = row(POOLER, "head.unread.dense.*")


def vocab_rows(config: Config) -> tuple[Row, ...]:
    return (*encoder.vocab_rows(config, "head.read."), UNREAD)


def pretraining_rows(config: Config) -> tuple[Row, ...]:
    return (
        *encoder.vocab_rows(config, "head.first."),
        row(POOLER, "head.second.dense.*"),
        row("cls.seq_relationship.*", "head.second.output.*"),
    )


CAUSAL = (*READ, *CROSS, "past_key_values", "labels", "use_cache", *ASK, "cache_position", "logits_to_keep")
SPAN = (
    "input_ids",
    "attention_mask",
    "question_lengths",
    "token_type_ids",
    "position_ids",
    "head_mask",
    "inputs_embeds",
    "start_positions",
    "end_positions",
    *ASK,
)

HEADS = (
    Head(
        "BigBirdModel", ("base",), encoder.pooler,
        (*READ, *CROSS, "past_key_values", "use_cache", *ASK, "cache_position"),
        outputs.BaseModelOutputWithPoolingAndCrossAttentions, tasks.pooled,
        rows=(row(POOLER, "head.dense.*"),), without=no_pooler, bare=True,
    ),
    Head(
        "BigBirdForPreTraining", ("pretraining",), pretraining_head,
        (*READ, "labels", "next_sentence_label", *ASK), outputs.BigBirdForPreTrainingOutput,
        tasks.pretraining_on_words, rows=pretraining_rows,
    ),
    Head(
        "BigBirdForMaskedLM", ("masked-lm",), vocab_head, (*READ, *CROSS, "labels", *ASK),
        outputs.MaskedLMOutput, tasks.labelled_tokens, rows=vocab_rows,
    ),
    Head(
        "BigBirdForCausalLM", ("causal-lm",), vocab_head, CAUSAL, outputs.CausalLMOutputWithCrossAttentions,
        tasks.next_tokens, rows=vocab_rows, generates=True,
    ),
    Head(
        "BigBirdForSequenceClassification", ("sequence-classification",), sequence_head, LABELS,
        outputs.SequenceClassifierOutput, tasks.sequence_labels,
        rows=(
            row("classifier.dense.*", "head.read.dense.*"),
            row("classifier.out_proj.*", "head.read.output.*"),
            UNREAD,
        ),
    ),
    Head(
        "BigBirdForMultipleChoice", ("multiple-choice",), choice_head, LABELS,
        outputs.MultipleChoiceModelOutput, tasks.one_of_choices, prepare=flatten_choices,
        rows=(row(POOLER, "head.dense.*"), row("classifier.*", "head.output.*")),
    ),
    Head(
        "BigBirdForTokenClassification", ("token-classification",), token_head, LABELS,
        outputs.TokenClassifierOutput, tasks.labelled_tokens,
        rows=(row("classifier.*", "head.read.output.*"), UNREAD),
    ),
    Head(
        "BigBirdForQuestionAnswering", ("question-answering",), span_head, SPAN,
        outputs.BigBirdForQuestionAnsweringModelOutput, span, prepare=question,
        rows=(
            row("qa_classifier.intermediate.dense.*", "head.feed_forward.up.*"),
            row("qa_classifier.output.dense.*", "head.feed_forward.down.*"),
            row("qa_classifier.output.LayerNorm.*", "head.residual.after.*"),
            row("qa_classifier.qa_outputs.*", "head.output.*"),
        ),
    ),
)  # fmt: skip

BIG_BIRD: Family = replace(
    bert.BERT,
    model_type="big_bird",
    name="BigBird",
    fields=FIELDS,
    body=body,
    heads=HEADS,
    paper="Zaheer et al. 2020, arXiv:2007.14062",
)
