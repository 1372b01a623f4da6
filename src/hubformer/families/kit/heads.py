"""Specs of heads that encoders and decoders share."""

from __future__ import annotations

from collections.abc import Callable

from hubformer.core import LayerNorm
from hubformer.models import outputs, tasks
from hubformer.models.config import Config, PreTrainedConfig
from hubformer.models.family import Head
from hubformer.models.heads import HeadSpec, NoHead, TokenHead
from hubformer.models.inputs import Inputs
from hubformer.models.span_beams import SpanBeamHead
from hubformer.weights.changes import cut
from hubformer.weights.map import row


def no_pooler(config: Config) -> HeadSpec:
    return NoHead()


def span_head(config: Config) -> HeadSpec:
    return TokenHead(labels=2)


def beam_head(config: Config) -> HeadSpec:
    return SpanBeamHead(config["start_n_top"], config["end_n_top"], LayerNorm(config["layer_norm_eps"]))


BEAM_ROWS = (
    row("start_logits.dense.*", "head.start.*"),
    row(
        "end_logits.dense_0.weight", "head.end.token.weight", "head.end.start.weight", change=cut(2, dim=1)
    ),
    row("end_logits.dense_0.bias", "head.end.token.bias"),
    row("end_logits.LayerNorm.*", "head.end.norm.*"),
    row("end_logits.dense_1.*", "head.end.output.*"),
    row(
        "answer_class.dense_0.weight", "head.answerable.start.weight", "head.answerable.summary.weight",
        change=cut(2, dim=1),
    ),
    row("answer_class.dense_0.bias", "head.answerable.start.bias"),
    row("answer_class.dense_1.weight", "head.answerable.output.weight"),
)  # fmt: skip

# No class of XLNet or XLM takes a cls_index for its summary, and without one it is the last token's.
SUMMARY_POOLINGS = {"last": "last", "first": "first", "mean": "mean", "cls_index": "last"}


Prepare = Callable[[Inputs, PreTrainedConfig], Inputs]


def question_answering(
    name: str, arguments: tuple[str, ...], *, prepare: Prepare | None = None, prefix: str | None = None
) -> Head:
    """The class that finds a span, of a family of that name."""
    return Head(
        f"{name}ForQuestionAnswering", ("question-answering",), span_head, arguments,
        outputs.QuestionAnsweringModelOutput, tasks.span, rows=(row("qa_outputs.*", "head.output.*"),),
        prepare=prepare, prefix=prefix,
    )  # fmt: skip


def token_classification(
    name: str,
    head: Callable[[Config], HeadSpec],
    arguments: tuple[str, ...],
    *,
    prepare: Prepare | None = None,
) -> Head:
    """The class that labels tokens, of a family of that name."""
    return Head(
        f"{name}ForTokenClassification", ("token-classification",), head, arguments,
        outputs.TokenClassifierOutput, tasks.labelled_tokens, rows=(row("classifier.*", "head.output.*"),),
        prepare=prepare,
    )  # fmt: skip
