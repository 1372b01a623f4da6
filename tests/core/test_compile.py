"""The whole forward is one graph: torch.compile(fullgraph=True) answers as eager does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from core.tiny import LENGTH, away, fresh, rows_of, scores, shake
from hubformer.families import FAMILIES, family

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),  # torch's, of itself
    pytest.mark.skipif(
        all(shutil.which(name) is None for name in ("g++", "gcc", "clang", "cc")), reason="no compiler"
    ),
]


@pytest.fixture(autouse=True)
def _fresh_compiler() -> Iterator[None]:
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def compiled(model: Any, **options: Any) -> Any:
    return torch.compile(model, fullgraph=True, **options)


SUBJECTS = [("bert", "sequence-classification"), ("gpt2", "causal-lm")]


@torch.no_grad()
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(("model_type", "task"), SUBJECTS)
def test_compiled_is_eager(model_type: str, task: str, masked: bool) -> None:
    model = shake(fresh(model_type, task=task)).float()
    batch = rows_of(model, LENGTH, 7, 4)
    if not masked:
        del batch["attention_mask"]
    expected, found = scores(model(**batch)), scores(compiled(model)(**batch))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert away(found[name], value) <= 1e-4, name


@torch.no_grad()
@pytest.mark.parametrize("model_type", FAMILIES)
def test_every_family_is_one_graph(model_type: str) -> None:
    """Traced and run without generated code, so exactly equal; a break in the graph is an error."""
    task = _task(model_type)
    model = shake(fresh(model_type, task=task))
    batch = rows_of(model, LENGTH, 7, 4)
    if task == "seq2seq-lm":
        batch["decoder_input_ids"] = batch["input_ids"]
    expected = scores(model(**batch))
    found = scores(compiled(model, backend="aot_eager")(**batch))
    for name, value in expected.items():
        assert away(found[name], value) <= 1e-9, name


@torch.no_grad()
@pytest.mark.parametrize("length", [1, 5, 19])  # read whole, and in blocks
def test_any_number_of_tokens_may_see_everything(length: int) -> None:
    model = shake(fresh("longformer", task="base"))
    made = compiled(model, backend="aot_eager")
    for count in (0, 1, 3):
        batch = rows_of(model, length, max(length - 2, 1))
        batch["global_attention_mask"] = (torch.arange(length) < torch.tensor([[count], [1]])).long()
        expected = model(**batch).last_hidden_state
        assert away(made(**batch).last_hidden_state, expected) <= 1e-9, count


def _task(model_type: str) -> str:
    """The head to look at: some families have no labels, some no decoder by itself."""
    row = family(model_type)
    if row.head("sequence-classification") is not None and model_type not in ("gpt2", "xlnet"):
        return "sequence-classification"
    return "causal-lm" if row.head("causal-lm") is not None else "seq2seq-lm"


def test_training_is_one_graph() -> None:
    """The loss and its gradients."""
    model = shake(fresh("bert", task="sequence-classification"))
    batch = {**rows_of(model, LENGTH, 7), "labels": torch.tensor([2, 0])}
    found = []
    for run in (model, compiled(model, backend="aot_eager")):
        model.zero_grad()
        run(**batch).loss.backward()
        found.append([parameter.grad.clone() for parameter in model.parameters()])
    for a, b in zip(*found, strict=True):
        assert away(b, a) <= 1e-9


@torch.no_grad()
def test_lengths_may_change() -> None:
    """Rows of other lengths do not compile again and again."""
    model = shake(fresh("bert", task="sequence-classification"))
    calls = []

    def counted(graph: torch.fx.GraphModule, _: Any) -> Any:
        calls.append(1)
        return graph.forward

    run = torch.compile(model, fullgraph=True, dynamic=True, backend=counted)
    for length in (5, 7, 8, 11, 13):
        batch = rows_of(model, length, length - 2, 3)
        assert away(run(**batch).logits, model(**batch).logits) <= 1e-9
    assert len(calls) <= 2
