"""ModernBERT (Warner et al. 2024, arXiv:2412.13663): pre-norm encoder with rotary positions and gates. Most
layers see a window only, one in three sees all tokens, and each kind turns by angles of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from hubformer.core import AttentionSpec, FeedForward, LayerNorm, LayerSpec, Norms, Rotary, StackSpec
from hubformer.errors import ConfigError
from hubformer.families.kit import encoder
from hubformer.families.kit.arguments import ASK
from hubformer.families.kit.heads import no_pooler
from hubformer.families.kit.values import layer_types, quotient, sliding, with_layer_types
from hubformer.models import outputs, tasks
from hubformer.models.bodies import AnyBodySpec, BodySpec
from hubformer.models.config import (
    Config,
    Field,
    PreTrainedConfig,
    activation,
    anything,
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
from hubformer.models.heads import Context, HeadSpec, PooledHead, TokenHead, VocabHead
from hubformer.models.initial import Initial, truncated
from hubformer.models.inputs import Inputs, flatten_choices
from hubformer.weights.changes import cut
from hubformer.weights.map import Row, row

FIELDS: dict[str, Field] = {
    "vocab_size": size(50368),
    "hidden_size": size(768),
    "intermediate_size": size(1152),
    "num_hidden_layers": count(22),
    "num_attention_heads": size(12),
    "hidden_activation": activation("gelu"),
    "max_position_embeddings": unbuilt(size(8192)),
    "initializer_range": number(0.02),
    "initializer_cutoff_factor": optional(positive(2.0), default=2.0),
    "norm_eps": positive(1e-5),
    "norm_bias": flag(False),
    "pad_token_id": token(50283),
    "eos_token_id": token(50282),
    "bos_token_id": token(50281),
    "cls_token_id": unbuilt(token(50281)),
    "sep_token_id": token(50282),
    "global_rope_theta": positive(160_000.0),
    "attention_bias": flag(False),
    "attention_dropout": rate(0.0),
    "global_attn_every_n_layers": unbuilt(size(3)),  # said once more by layer_types
    "local_attention": size(128),
    "local_rope_theta": optional(positive(10_000.0), default=10_000.0),  # null: the other's
    "embedding_dropout": rate(0.0),
    "mlp_bias": flag(False),
    "mlp_dropout": rate(0.0),
    "decoder_bias": flag(True),
    "classifier_pooling": choice("cls", "mean"),
    "classifier_dropout": rate(0.0),
    "classifier_bias": flag(False),
    "classifier_activation": activation("gelu"),
    "deterministic_flash_attn": unbuilt(flag(False)),
    "sparse_prediction": flag(False),
    "sparse_pred_ignore_index": Field(-100, "a whole number", lambda v: isinstance(v, int)),
    "reference_compile": unbuilt(anything()),
    "repad_logits_with_grad": unbuilt(flag(False)),
    "layer_types": layer_types(),
}
THETAS = {"full_attention": "global_rope_theta", "sliding_attention": "local_rope_theta"}


def normalise(values: dict[str, Any]) -> dict[str, Any]:
    """transformers 5 says the angles of both kinds of layers in rope_parameters, 4 in a field for each."""
    found = {name: field.default for name, field in FIELDS.items()} | values
    said = found.pop("rope_parameters", None) or {}
    if not isinstance(said, dict) or not all(isinstance(said.get(kind) or {}, dict) for kind in THETAS):
        raise ConfigError(
            f"rope_parameters is {said!r}, expected an object with an object for each of {list(THETAS)}."
        )
    for kind, theta in THETAS.items():
        own = said.get(kind) or {}
        if own.get("rope_type", "default") != "default":
            raise ConfigError(f"rope_parameters of {kind} is {own}, expected no scaling there.")
        found[theta] = own.get("rope_theta", found[theta])
    every = found["global_attn_every_n_layers"]
    return with_layer_types(found, near=lambda index: isinstance(every, int) and index % (every or 1) > 0)


def norm(config: Config) -> LayerNorm:
    return LayerNorm(config["norm_eps"], bias=config["norm_bias"])


def attention(config: Config, *, windowed: bool) -> AttentionSpec:
    far, near = config["global_rope_theta"], config["local_rope_theta"]
    return AttentionSpec(
        config["num_attention_heads"],
        quotient(config, of="hidden_size", by="num_attention_heads"),
        position=Rotary(near if windowed and near is not None else far),
        window=config["local_attention"] // 2 if windowed else None,
        bias=config["attention_bias"],
        dropout=config["attention_dropout"],
    )


def layer(config: Config, *, windowed: bool, first: bool) -> LayerSpec:
    before = Norms(before=norm(config))
    return LayerSpec(
        attention(config, windowed=windowed),
        FeedForward(
            config["intermediate_size"],
            config["hidden_activation"],
            gated=True,
            bias=config["mlp_bias"],
            dropout=config["mlp_dropout"],
        ),
        Norms() if first else before,  # the embedding has just been normalised
        feed_forward_norms=before,
        dropout=config["attention_dropout"],
        feed_forward_dropout=0.0,
    )


def body(config: Config) -> BodySpec:
    return BodySpec(
        TokenEmbedding(
            vocab=config["vocab_size"],
            width=config["hidden_size"],
            padding=config["pad_token_id"],
            norm=norm(config),
            dropout=config["embedding_dropout"],
        ),
        StackSpec(
            config["hidden_size"],
            tuple(
                layer(config, windowed=windowed, first=i == 0) for i, windowed in enumerate(sliding(config))
            ),
            final_norm=norm(config),
        ),
    )


@dataclass(frozen=True)
class SparseHead:
    """Where labels are given, only tokens whose label counts are scored: most of the work of training's last
    step is for tokens that nobody asks about."""

    inner: VocabHead
    ignored: int

    def build(self, body: AnyBodySpec) -> nn.Module:
        return _SparseHead(self, body)


class _SparseHead(nn.Module):
    def __init__(self, spec: SparseHead, body: AnyBodySpec) -> None:
        super().__init__()
        self.ignored, self.inner = spec.ignored, spec.inner.build(body)

    def forward(self, states: Tensor, context: Context) -> Tensor:
        """(B, L, M) -> (B, L, V), or (labels that count, V)"""
        labels = context.inputs.labels
        wanted = states if labels is None else states[labels != self.ignored]
        scores: Tensor = self.inner(wanted, context)
        return scores


def sparse_tokens(scores: Tensor, inputs: Inputs, config: PreTrainedConfig) -> dict[str, Any]:
    """As labelled_tokens, with the labels that SparseHead has scored."""
    labels = inputs.labels
    if labels is not None and config.sparse_prediction:
        labels = labels[labels != config.sparse_pred_ignore_index]
    return {"logits": scores, "loss": None if labels is None else tasks.cross_entropy(scores, labels)}


def vocab_head(config: Config) -> HeadSpec:
    dense = VocabHead(
        config["classifier_activation"],
        norm(config),
        dense_bias=config["classifier_bias"],
        bias=config["decoder_bias"],
        tied=config["tie_word_embeddings"],
    )
    ignored = config["sparse_pred_ignore_index"]
    return SparseHead(dense, ignored) if config["sparse_prediction"] else dense


def token_head(config: Config, *, labels: int | None = None) -> HeadSpec:
    return TokenHead(
        labels or config.labels,
        dropout=config["classifier_dropout"],
        activation=config["classifier_activation"],
        dense_bias=config["classifier_bias"],
        norm=norm(config),
    )


def span_head(config: Config) -> HeadSpec:
    return token_head(config, labels=2)


def sequence_head(config: Config, *, labels: int | None = None) -> HeadSpec:
    return PooledHead(
        labels or config.labels,
        pooling="first" if config["classifier_pooling"] == "cls" else "mean",
        dense=0,
        activation=config["classifier_activation"],
        dropouts=(0.0, config["classifier_dropout"]),
        dense_bias=config["classifier_bias"],
        norm=norm(config),
    )


def choice_head(config: Config) -> HeadSpec:
    return sequence_head(config, labels=1)


def initial(config: Config) -> Initial:
    return _initial(config, scores=config["hidden_size"] ** -0.5)


def vocab_initial(config: Config) -> Initial:
    return _initial(config, scores=_narrowed(config))


def _initial(config: Config, *, scores: float) -> Initial:
    def cut_off(std: float) -> Callable[[Tensor], object]:
        return truncated(std, config["initializer_cutoff_factor"] or 3.0)

    std = config["initializer_range"]
    narrow = r"(attention\.output|feed_forward\.down|head\.(inner\.)?dense)\.weight$"
    return Initial(
        std,
        (
            (narrow, cut_off(_narrowed(config))),
            (r"head\.(inner\.)?output\.weight$", cut_off(scores)),
            (r"(tokens|query|key|value|up|gate)\.weight$", cut_off(std)),
        ),
    )


def _narrowed(config: Config) -> float:
    """The spread of what is added to the states, so that their sum over the layers stays in bounds."""
    std: float = config["initializer_range"] / (2.0 * max(config["num_hidden_layers"], 1)) ** 0.5
    return std


LAYER, BLOCK = "model.layers.{i}.", encoder.BLOCK
ROWS = (
    row("model.embeddings.tok_embeddings.weight", "body.embedding.tokens.weight"),
    row("model.embeddings.norm.*", "body.embedding.norm.*"),
    row(LAYER + "attn_norm.*", BLOCK + "attention_residual.before.*"),
    row(LAYER + "attn.Wqkv.*", *(f"{BLOCK}attention.{part}.*" for part in ("query", "key", "value")),
        change=cut(3)),
    row(LAYER + "attn.Wo.*", BLOCK + "attention.output.*"),
    row(LAYER + "mlp_norm.*", BLOCK + "feed_forward_residual.before.*"),
    row(LAYER + "mlp.Wi.*", BLOCK + "feed_forward.gate.*", BLOCK + "feed_forward.up.*", change=cut(2)),
    row(LAYER + "mlp.Wo.*", BLOCK + "feed_forward.down.*"),
    row("model.final_norm.*", "body.stack.final_norm.*"),
)  # fmt: skip
LABEL_ROWS = (
    row("head.dense.*", "head.dense.*"),
    row("head.norm.*", "head.norm.*"),
    row("classifier.*", "head.output.*"),
)


def vocab_rows(config: Config) -> tuple[Row, ...]:
    home = "head.inner." if config["sparse_prediction"] else "head."
    return (
        row("head.dense.*", home + "dense.*"),
        row("head.norm.*", home + "norm.*"),
        row("decoder.bias", home + "bias"),
        row("decoder.weight", home + "output.weight"),  # where it is not tied
    )


READ = ("input_ids", "attention_mask", "position_ids", "inputs_embeds")
LABELS, SPAN = (*READ, "labels", *ASK), (*READ, "start_positions", "end_positions", *ASK)

HEADS = (
    Head(
        "ModernBertModel", ("base",), no_pooler, (*READ, *ASK), outputs.BaseModelOutput,
        tasks.states_only, bare=True,
    ),
    Head(
        "ModernBertForMaskedLM", ("masked-lm", "pretraining"), vocab_head, LABELS, outputs.MaskedLMOutput,
        sparse_tokens, rows=vocab_rows, initial=vocab_initial,
    ),
    Head(
        "ModernBertForSequenceClassification", ("sequence-classification",), sequence_head, LABELS,
        outputs.SequenceClassifierOutput, tasks.sequence_labels, rows=LABEL_ROWS,
    ),
    Head(
        "ModernBertForTokenClassification", ("token-classification",), token_head, LABELS,
        outputs.TokenClassifierOutput, tasks.labelled_tokens, rows=LABEL_ROWS,
    ),
    Head(
        "ModernBertForQuestionAnswering", ("question-answering",), span_head, SPAN,
        outputs.QuestionAnsweringModelOutput, tasks.span, rows=LABEL_ROWS,
    ),
    Head(
        "ModernBertForMultipleChoice", ("multiple-choice",), choice_head, LABELS,
        outputs.MultipleChoiceModelOutput, tasks.one_of_choices, prepare=flatten_choices, rows=LABEL_ROWS,
    ),
)  # fmt: skip

MODERNBERT = Family(
    model_type="modernbert",
    name="ModernBert",
    prefix="model",
    fields=FIELDS,
    body=body,
    rows=ROWS,
    heads=HEADS,
    initial=initial,
    paper="Warner et al. 2024, arXiv:2412.13663",
    tied=(("decoder.weight", "model.embeddings.tok_embeddings.weight"),),
    normalise=normalise,
)
