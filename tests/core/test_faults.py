"""Faults planted one at a time: the comparison with the oracle must notice every one of them.

This is a test of the tests. Tiny shaken checkpoints are written by the oracle and read by us, in float64; what
is right is equal to 1e-9, and what has one fault is far from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from cases import TINY
from core.tiny import EXACT, LENGTH, away, rows_of, shake
from torch import Tensor, nn

import hubformer
from hubformer.core import ACTIVATIONS, Cache, Embedding, Layout
from hubformer.core import attention as attention_module
from hubformer.core.attention import Attention
from hubformer.core.cache import LayerCache
from hubformer.core.norms import Residual
from hubformer.core.positions import _RelativePosition, _WaveTable, _XLPosition
from hubformer.families import FAMILIES, gpt2
from hubformer.models.embeddings import TokenEmbeddings, _OffsetEmbeddings
from hubformer.models.heads import _PooledHead
from hubformer.weights.changes import SAME

transformers = pytest.importorskip("transformers")

FOUND = 1e-6  # a fault counts as noticed from here, a thousand times the tolerance
Patch = pytest.MonkeyPatch


@dataclass(frozen=True)
class Subject:
    """A class, its configuration, and how it is run."""

    name: str
    model_type: str
    changes: tuple[tuple[str, Any], ...] = ()
    version: str = "5"
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
        oracle = kind.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager").eval()
        batch = rows_of(load(subject, folder), LENGTH, LENGTH if subject.cached else 7)
        if subject.model_type == "gpt2":
            del batch["token_type_ids"]
        with torch.no_grad():
            return folder, batch, scores(oracle(**batch))


def load(subject: Subject, folder: Path) -> Any:
    return getattr(hubformer, subject.name).from_pretrained(folder, dtype="float64")


def scores(output: Any) -> dict[str, Tensor]:
    return {name: value for name, value in output.items() if isinstance(value, Tensor)}


def distance(subject: Subject, oracle: Oracle) -> float:
    """How far our answer is from the oracle's, where tokens are attended."""
    folder, batch, theirs = oracle.answer(subject)
    model = load(subject, folder)
    with torch.no_grad():
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


# The faults


def through(kind: Any, name: str, change: Callable[..., Any]) -> Callable[[Patch], None]:
    """A method in whose place `change(original, *arguments)` runs."""

    def plant(patch: Patch) -> None:
        original = getattr(kind, name)
        patch.setattr(kind, name, lambda *given, **named: change(original, *given, **named))

    return plant


def no_norm(which: str) -> Callable[[Patch], None]:
    def plant(patch: Patch) -> None:
        original = Residual.__init__

        def without(self: Residual, *given: Any, **named: Any) -> None:
            original(self, *given, **named)
            self.skipped = True

        def passed(self: nn.Module, x: Tensor) -> Tensor:
            return x

        enter, leave = Residual.enter, Residual.leave
        patch.setattr(Residual, "__init__", without)
        if which == "before":
            patch.setattr(Residual, "enter", lambda self, x: (x, x))
        else:
            patch.setattr(Residual, "leave", lambda self, kept, y: kept + y)
        assert enter is not Residual.enter or leave is not Residual.leave

    return plant
