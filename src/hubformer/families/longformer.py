"""Longformer (Beltagy et al. 2020, arXiv:2004.05150): RoBERTa whose attention stays within a window, beside a
few global tokens.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from hubformer.core import LayerNorm, StackSpec
from hubformer.errors import ConfigError, InputError
from hubformer.families import roberta
from hubformer.families.kit import encoder
from hubformer.families.kit.arguments import ASK
from hubformer.families.kit.heads import no_pooler, span_head
from hubformer.families.kit.windows import attention_window, sliding_layer, windows
from hubformer.models import outputs, tasks
from hubformer.models.bodies import BodySpec
from hubformer.models.config import LARGEST_SIZE, Config, Field, PreTrainedConfig, count, flag, size, token
from hubformer.models.embeddings import TokenEmbedding
from hubformer.models.family import Family, Head
from hubformer.models.inputs import Inputs, flatten_choices
from hubformer.weights.map import Row, row

FIELDS: dict[str, Field] = {
    "attention_window": attention_window(),
    "sep_token_id": token(2),
    "pad_token_id": count(1, most=LARGEST_SIZE),
    "bos_token_id": token(0),
    "eos_token_id": token(2),
    **{
        name: field
        for name, field in encoder.FIELDS.items()
        if name not in ("pad_token_id", "position_embedding_type", "use_cache", "classifier_dropout")
    },
    "vocab_size": size(30522),
    "onnx_export": flag(False),
}


def body(config: Config) -> BodySpec:
    first, table = config["pad_token_id"] + 1, config["max_position_embeddings"]
    if table <= first:
        raise ConfigError(
            f"max_position_embeddings is {table}, expected more than {first}: positions count from "
            "pad_token_id + 1."
        )
    return BodySpec(
        embedding=TokenEmbedding(
            vocab=config["vocab_size"],
            width=config["hidden_size"],
            positions=table,
            first_position=first,
            padding=config["pad_token_id"],
            types=config["type_vocab_size"],
            norm=LayerNorm(config["layer_norm_eps"]),
            dropout=config["hidden_dropout_prob"],
        ),
        stack=StackSpec(
            config["hidden_size"],
            tuple(sliding_layer(encoder.layer(config), window=window) for window in windows(config)),
        ),
    )


# The tokens that are global unless a caller says which.


def first_token(inputs: Inputs, config: PreTrainedConfig) -> Inputs:
    """The first token of each row, which the head reads."""
    if inputs.global_attention_mask is not None:
        return inputs
    first = torch.zeros(inputs.batch_shape, dtype=torch.bool, device=inputs.device)
    mask = inputs.attention_mask
    index = torch.zeros_like(first[:, 0], dtype=torch.long) if mask is None else mask.bool().int().argmax(-1)
    return replace(inputs, global_attention_mask=first.scatter(1, index[:, None], True))


def question(inputs: Inputs, config: PreTrainedConfig) -> Inputs:
    """All before the first separator."""
    if inputs.global_attention_mask is not None:
        return inputs
    place, first = _separator(inputs, config)
    return replace(inputs, global_attention_mask=place < first)


def answers(inputs: Inputs, config: PreTrainedConfig) -> Inputs:
    """All behind the two separators after the first text."""
    inputs = flatten_choices(inputs, config)
    if inputs.global_attention_mask is not None:
        return inputs
    place, first = _separator(inputs, config)
    return replace(inputs, global_attention_mask=place > first + 1)


def _separator(inputs: Inputs, config: PreTrainedConfig) -> tuple[Tensor, Tensor]:
    """Places (1, L), and where the first separator of each row stands, (B, 1)."""
    ids, separator = inputs.input_ids, config.sep_token_id
    if ids is None:
        raise InputError(
            "inputs_embeds do not say where the question ends. Pass global_attention_mask, with 1 at its "
            "tokens."
        )
    found = ids == separator
    if not bool(found.any(-1).all()):
        raise InputError(
            f"A row of input_ids has no separator ({separator}), expected a pair of texts. Pass the texts to "
            "the tokenizer as a pair, or say with global_attention_mask which tokens are global."
        )
    return torch.arange(ids.shape[-1], device=ids.device)[None], found.int().argmax(-1, keepdim=True)


LAYER = "longformer.encoder.layer.{i}.attention.self."
ROWS: tuple[Row, ...] = (
    *encoder.rows("longformer"),
    *(
        row(f"{LAYER}{name}_global.*", f"{encoder.BLOCK}attention.{name}_global.*")
        for name in ("query", "key", "value")
    ),
)
POOLER = "longformer.pooler.dense.*"
MASKS = ("attention_mask", "global_attention_mask", "head_mask")
READ = ("input_ids", *MASKS, "token_type_ids", "position_ids", "inputs_embeds")
LABELS, SPAN = (*READ, "labels", *ASK), (*READ, "start_positions", "end_positions", *ASK)
CHOICE = ("input_ids", "token_type_ids", *MASKS, "labels", "position_ids", "inputs_embeds", *ASK)

HEADS = (
    Head(
        "LongformerModel", ("base",), encoder.pooler, (*READ, *ASK),
        outputs.LongformerBaseModelOutputWithPooling, tasks.pooled,
        rows=(row(POOLER, "head.dense.*"),), without=no_pooler, bare=True,
    ),
    Head(
        "LongformerForMaskedLM", ("masked-lm", "pretraining"), roberta.vocab_head, LABELS,
        outputs.LongformerMaskedLMOutput, tasks.labelled_tokens, rows=roberta.vocab_rows,
    ),
    Head(
        "LongformerForSequenceClassification", ("sequence-classification",), roberta.sequence_head, LABELS,
        outputs.LongformerSequenceClassifierOutput, tasks.sequence_labels, prepare=first_token,
        rows=(row("classifier.dense.*", "head.dense.*"), row("classifier.out_proj.*", "head.output.*")),
    ),
    Head(
        "LongformerForMultipleChoice", ("multiple-choice",), roberta.choice_head, CHOICE,
        outputs.LongformerMultipleChoiceModelOutput, tasks.one_of_choices, prepare=answers,
        rows=(row(POOLER, "head.dense.*"), row("classifier.*", "head.output.*")),
    ),
    Head(
        "LongformerForTokenClassification", ("token-classification",), encoder.token_head, LABELS,
        outputs.LongformerTokenClassifierOutput, tasks.labelled_tokens,
        rows=(row("classifier.*", "head.output.*"),),
    ),
    Head(
        "LongformerForQuestionAnswering", ("question-answering",), span_head, SPAN,
        outputs.LongformerQuestionAnsweringModelOutput, tasks.span, prepare=question,
        rows=(row("qa_outputs.*", "head.output.*"),),
    ),
)  # fmt: skip

LONGFORMER: Family = replace(
    roberta.ROBERTA,
    model_type="longformer",
    name="Longformer",
    prefix="longformer",
    fields=FIELDS,
    body=body,
    rows=ROWS,
    heads=HEADS,
    paper="Beltagy et al. 2020, arXiv:2004.05150",
    tied=(
        ("lm_head.decoder.weight", "longformer.embeddings.word_embeddings.weight"),
        (roberta.BIASES[1], roberta.BIASES[0]),
    ),
    caches=lambda config: False,
)
