"""Faults planted one at a time: the comparison with the oracle must notice every one of them.

This is a test of the tests. Tiny shaken checkpoints are written by the oracle and read by us, in float64:
what is right is equal to 1e-9, and what has one fault is far from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import hubformer
from cases import TINY
from core.tiny import EXACT, LENGTH, away, rows_of, shake
from hubformer.core import ACTIVATIONS, Cache, Dropout, Embedding, SequenceLayout
from hubformer.core import attention as attention_module
from hubformer.core import positions as positions_module
from hubformer.core.attention import Attention
from hubformer.core.cache import LayerCache
from hubformer.core.norms import Residual
from hubformer.core.positions import _SinusoidTable
from hubformer.families import FAMILIES
from hubformer.models.embeddings import TokenEmbeddings
from hubformer.models.heads import _PooledHead

transformers = pytest.importorskip("transformers")

FOUND = 1e-6  # a fault counts as noticed from here, a thousand times the tolerance
Patch = pytest.MonkeyPatch
Fault = Callable[[Patch, Any], None]


@dataclass(frozen=True)
class Subject:
    """A class, its configuration, and how it is run."""

    name: str
    model_type: str
    changes: tuple[tuple[str, Any], ...] = ()
    cached: bool = False

    def config(self) -> dict[str, Any]:
        return {**TINY[self.model_type], **dict(self.changes)}


BERT = Subject("BertForPreTraining", "bert")
LABELS = Subject("BertForSequenceClassification", "bert")
DISTILBERT = Subject("DistilBertForMaskedLM", "distilbert")
ROBERTA = Subject("RobertaForMaskedLM", "roberta")
WRITER = Subject("GPT2LMHeadModel", "gpt2", (("scale_attn_by_inverse_layer_idx", True),))
STEPS = Subject("GPT2LMHeadModel", "gpt2", cached=True)
SCORER = Subject("GPT2ForSequenceClassification", "gpt2")
XLNET = Subject("XLNetLMHeadModel", "xlnet")
SUBJECTS = [BERT, LABELS, DISTILBERT, ROBERTA, WRITER, STEPS, SCORER]
if "xlnet" in FAMILIES:
    SUBJECTS.append(XLNET)


class Oracle:
    """Checkpoints of the subjects and what the oracle says, each computed once."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.known = folder, {}

    def answer(self, subject: Subject) -> tuple[Path, dict[str, Tensor], dict[str, Tensor]]:
        """The checkpoint, the inputs, the scores."""
        if subject not in self.known:
            self.known[subject] = self._ask(subject)
        return self.known[subject]

    def _ask(self, subject: Subject) -> tuple[Path, dict[str, Tensor], dict[str, Tensor]]:
        folder = self.folder / str(len(self.known))
        kind = getattr(transformers, subject.name)
        torch.manual_seed(0)
        oracle = kind(kind.config_class(**subject.config(), attn_implementation="eager"))
        shake(oracle).float().save_pretrained(folder)
        oracle = kind.from_pretrained(folder, attn_implementation="eager").double().eval()
        batch = rows_of(load(subject, folder), LENGTH, LENGTH if subject.cached else 7)
        if subject.model_type == "gpt2":
            del batch["token_type_ids"]
        with torch.no_grad():
            return folder, batch, scores(oracle(**batch))


def load(subject: Subject, folder: Path) -> Any:
    return getattr(hubformer, subject.name).from_pretrained(folder, dtype="float64")


def scores(output: Any) -> dict[str, Tensor]:
    return {name: value for name, value in output.items() if isinstance(value, Tensor)}


def distance(subject: Subject, oracle: Oracle, *, fault: Fault | None = None) -> float:
    """How far our answer is from the oracle's, where tokens are attended."""
    folder, batch, theirs = oracle.answer(subject)
    model = load(subject, folder)
    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        if fault is not None:
            fault(patch, model)
        mine = stepwise(model, batch) if subject.cached else scores(model(**batch))
    furthest = 0.0
    for name, value in theirs.items():
        a, real = mine[name], batch["attention_mask"].bool()
        if value.dim() == 3:
            a, value = a[real], value[real]
        furthest = max(furthest, away(a, value))
    return furthest


def stepwise(model: Any, batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """One token at a time."""
    cache, found = None, []
    for token in batch["input_ids"].split(1, dim=1):
        out = model(input_ids=token, past_key_values=cache, use_cache=True)
        cache = out.past_key_values
        found.append(out.logits)
    return {"logits": torch.cat(found, dim=1)}


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    return Oracle(tmp_path_factory.mktemp("oracle"))


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda s: s.name + ("-cached" if s.cached else ""))
def test_without_a_fault(subject: Subject, oracle: Oracle) -> None:
    assert distance(subject, oracle) <= EXACT


# The faults. Each takes a patch and the loaded model, and spoils one or the other.


def attending(**changes: Callable[[Any], Any]) -> Fault:
    """Other arguments for the kernel."""

    def fault(patch: Patch, model: Any) -> None:
        original = attention_module.attend

        def attend(*given: Tensor, **how: Any) -> Tensor:
            return original(*given, **{**how, **{name: new(how[name]) for name, new in changes.items()}})

        patch.setattr(attention_module, "attend", attend)

    return fault


def without_post_norm(patch: Patch, model: Any) -> None:
    patch.setattr(Residual, "post", lambda self, residual, y: residual + y)


def without_pre_norm(patch: Patch, model: Any) -> None:
    patch.setattr(Residual, "pre", lambda self, x: (x, x))


def without_residual(patch: Patch, model: Any) -> None:
    patch.setattr(Residual, "post", lambda self, residual, y: self.after(y))


def places_off_by_one(patch: Patch, model: Any) -> None:
    patch.setattr(TokenEmbeddings, "rows", lambda self, at, *, valid: at + 1)


def places_from_zero(patch: Patch, model: Any) -> None:
    patch.setattr(TokenEmbeddings, "rows", lambda self, at, *, valid: at)


def without_types(patch: Patch, model: Any) -> None:
    forward = TokenEmbeddings.forward
    patch.setattr(
        TokenEmbeddings, "forward", lambda self, ids, *, types, **rest: forward(self, ids, types=None, **rest)
    )


def without_value_bias(patch: Patch, model: Any) -> None:
    patch.setattr(Attention, "keys_values", lambda self, x: (self.key(x), F.linear(x, self.value.weight)))


def without_query_bias(patch: Patch, model: Any) -> None:
    for block in blocks(model):
        block.attention.query.bias.zero_()


def another_gelu(patch: Patch, model: Any) -> None:
    patch.setitem(ACTIVATIONS, "gelu", ACTIVATIONS["gelu_new"])


def the_exact_gelu(patch: Patch, model: Any) -> None:
    patch.setitem(ACTIVATIONS, "gelu_new", ACTIVATIONS["gelu"])


def last_token_pooled(patch: Patch, model: Any) -> None:
    patch.setattr(_PooledHead, "pooled", lambda self, states, context: context.layout.pool(states, "last"))


def padding_pooled(patch: Patch, model: Any) -> None:
    patch.setattr(SequenceLayout, "pool", lambda self, states, which: states[:, -1])


def another_vocabulary(patch: Patch, model: Any) -> None:
    other = model.computation.body.embedding.tokens.weight + 0.01
    patch.setattr(Embedding, "logits", lambda self, x: F.linear(x, other))


def without_vocabulary_bias(patch: Patch, model: Any) -> None:
    model.computation.head.bias.zero_()


def without_final_norm(patch: Patch, model: Any) -> None:
    model.computation.body.stack.final_norm = nn.Identity()


def without_embedding_norm(patch: Patch, model: Any) -> None:
    model.computation.body.embedding.norm = nn.Identity()


def another_epsilon(patch: Patch, model: Any) -> None:
    for module in model.computation.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = 1e-3


def dropout_always(patch: Patch, model: Any) -> None:
    patch.setattr(Dropout, "forward", lambda self, input: F.dropout(input, 0.1, training=True))


def later_places(patch: Patch, model: Any) -> None:
    layout = Cache.layout

    def off(self: Cache, new: int, **named: Any) -> SequenceLayout:
        found = layout(self, new, **named)
        return replace(found, query_at=found.query_at + 1)

    patch.setattr(Cache, "layout", off)


def the_last_key_forgotten(patch: Patch, model: Any) -> None:
    extend = LayerCache.extend

    def shorter(self: LayerCache, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        k, v = extend(self, k, v)
        return (k, v) if k.shape[2] == 1 else (k[:, :, :-1], v[:, :, :-1])

    patch.setattr(LayerCache, "extend", shorter)


def the_first_key_forgotten(patch: Patch, model: Any) -> None:
    extend = LayerCache.extend

    def shorter(self: LayerCache, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        k, v = extend(self, k, v)
        return (k, v) if k.shape[2] == 1 else (k[:, :, 1:], v[:, :, 1:])

    patch.setattr(LayerCache, "extend", shorter)


def swapped(one: str, other: str) -> Fault:
    def fault(patch: Patch, model: Any) -> None:
        attention = blocks(model)[1].attention
        first, second = getattr(attention, one), getattr(attention, other)
        setattr(attention, one, second)
        setattr(attention, other, first)

    return fault


def not_transposed(patch: Patch, model: Any) -> None:
    weight = blocks(model)[1].attention.output.weight
    weight.copy_(weight.t().clone())


def layers_in_another_order(patch: Patch, model: Any) -> None:
    model.computation.body.stack.block_of = (1, 0, 2)


def one_scale_for_all_layers(patch: Patch, model: Any) -> None:
    for block in blocks(model):
        block.attention.scale = blocks(model)[0].attention.scale


def without(parameter: str) -> Fault:
    """A parameter of every layer's scheme of positions."""

    def fault(patch: Patch, model: Any) -> None:
        for block in blocks(model):
            block.attention.position.get_parameter(parameter).zero_()

    return fault


def segments_unseen(patch: Patch, model: Any) -> None:
    patch.setattr(positions_module, "_differ", lambda layout: None)


def segments_turned(patch: Patch, model: Any) -> None:
    for block in blocks(model):
        segment = block.attention.position.segment
        segment.copy_(segment.flip(1).clone())


def waves(change: Callable[[Tensor], Tensor]) -> Fault:
    """Other waves than those of the distances."""

    def fault(patch: Patch, model: Any) -> None:
        forward = _SinusoidTable.forward

        def spoilt(self: _SinusoidTable, layout: SequenceLayout) -> Any:
            table = forward(self, layout)
            return replace(table, sinusoids=change(table.sinusoids))

        patch.setattr(_SinusoidTable, "forward", spoilt)

    return fault


def blocks(model: Any) -> Any:
    return model.computation.body.stack.blocks


FAULTS: list[tuple[str, Subject, Fault]] = [
    ("post-norm skipped", BERT, without_post_norm),
    ("pre-norm skipped", WRITER, without_pre_norm),
    ("residual skipped", BERT, without_residual),
    ("final norm skipped", WRITER, without_final_norm),
    ("norm of the embedding skipped", DISTILBERT, without_embedding_norm),
    ("another epsilon", BERT, another_epsilon),
    ("wrong scale of the scores", BERT, attending(scale=lambda scale: 1.01 * scale)),
    ("one scale for all layers", WRITER, one_scale_for_all_layers),
    ("padding ignored", BERT, attending(attention_mask=lambda attention_mask: None)),
    ("padding ignored, no types", DISTILBERT, attending(attention_mask=lambda attention_mask: None)),
    ("causal mask dropped", WRITER, attending(attention_mask=lambda attention_mask: None)),
    (
        "causal mask off by one",
        WRITER,
        attending(attention_mask=lambda attention_mask: attention_mask.roll(1, -1)),
    ),
    ("position off by one", BERT, places_off_by_one),
    ("position off by one", WRITER, places_off_by_one),
    ("first position 0", ROBERTA, places_from_zero),
    ("token types dropped", BERT, without_types),
    ("bias of the values dropped", BERT, without_value_bias),
    ("bias of the queries dropped", BERT, without_query_bias),
    ("tanh in GELU", BERT, another_gelu),
    ("no tanh in GELU", WRITER, the_exact_gelu),
    ("wrong token pooled", LABELS, last_token_pooled),
    ("padding pooled", SCORER, padding_pooled),
    ("tied vocabulary replaced", BERT, another_vocabulary),
    ("bias of the vocabulary dropped", ROBERTA, without_vocabulary_bias),
    ("dropout in use", BERT, dropout_always),
    ("dropout of the weights in use", BERT, attending(dropout=lambda rate: 0.1)),
    ("place in the cache off by one", STEPS, later_places),
    ("newest key forgotten", STEPS, the_last_key_forgotten),
    ("oldest key forgotten", STEPS, the_first_key_forgotten),
    ("q and k swapped", BERT, swapped("query", "key")),
    ("k and v swapped", WRITER, swapped("key", "value")),
    ("weight not transposed", WRITER, not_transposed),
    ("layers in another order", DISTILBERT, layers_in_another_order),
]
XL_FAULTS: list[tuple[str, Subject, Fault]] = [
    ("segments dropped", XLNET, segments_unseen),
    ("segments turned round", XLNET, segments_turned),
    ("content bias dropped", XLNET, without("content_bias")),
    ("wave bias dropped", XLNET, without("wave_bias")),
    ("segment bias dropped", XLNET, without("segment_bias")),
    ("distances off by one", XLNET, waves(lambda waves: waves.roll(1, 0))),
    ("distances turned round", XLNET, waves(lambda waves: waves.flip(0))),
    ("cosines before sines", XLNET, waves(lambda waves: waves.roll(waves.shape[1] // 2, 1))),
    ("distances dropped", XLNET, waves(torch.zeros_like)),
    ("padding ignored", XLNET, attending(attention_mask=lambda attention_mask: None)),
    ("weight not transposed", XLNET, not_transposed),
]
if "xlnet" in FAMILIES:
    FAULTS += XL_FAULTS


@pytest.mark.parametrize(
    ("subject", "fault"),
    [pytest.param(subject, fault, id=f"{name}, {subject.name}") for name, subject, fault in FAULTS],
)
def test_a_fault_is_noticed(subject: Subject, fault: Fault, oracle: Oracle) -> None:
    torch.manual_seed(0)
    assert distance(subject, oracle, fault=fault) > FOUND
