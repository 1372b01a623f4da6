"""Half precision and autocast on the CPU; with `-m cuda`, all precisions on a device against the CPU."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from core.tiny import (
    CAUSAL,
    LENGTH,
    MODELS,
    away,
    config_of,
    fresh,
    model_of,
    of_row,
    rows_of,
    scores,
    shake,
    telling,
)
from hubformer.families import family

LENGTHS = (LENGTH, 7, 4)
EVERY = pytest.mark.parametrize(("model_type", "task"), telling(MODELS))
ON_CUDA = pytest.mark.cuda
# Shaken by 0.3 these tiny models are wilder than real ones: each step multiplies a rounding error.
NEAR = {torch.bfloat16: 0.35, torch.float16: 0.05, torch.float32: 3e-5}
MEAN = {torch.bfloat16: 0.04, torch.float16: 0.005, torch.float32: 3e-6}
# These multiply more. Shaken by 0.3, transformers is as far from float64 as this is: by 0.45 in NomicBERT's
# scores of tokens in bfloat16, by 1.6 in UMT5's of labels.
SHAKEN = dict.fromkeys(("gte", "modernbert", "mt5", "nomic_bert", "umt5"), 0.2)
CACHING = sorted(
    kind
    for kind, task in CAUSAL
    if task == "causal-lm" and family(kind).caches(config_of(kind, task=task).freeze())
)


@cache
def exact_of(model_type: str, task: str) -> Any:
    """The model in float64."""
    by = SHAKEN.get(model_type)
    if by is None:
        return model_of(model_type, task)
    return shake(fresh(model_type, task=task), by=by)


def copied(model_type: str, task: str, dtype: torch.dtype) -> Any:
    """A model of its own with the weights that tests share."""
    model = fresh(model_type, task=task).eval()
    model.load_state_dict(exact_of(model_type, task).state_dict())
    return model.to(dtype)


def compare(found: dict[str, Tensor], exact: dict[str, Tensor], *, dtype: torch.dtype) -> None:
    """Finite, and near the float64 answer: the furthest number, and the mean."""
    assert found.keys() == exact.keys()
    for name, value in exact.items():
        assert torch.isfinite(found[name]).all(), name
        errors = []
        for row, length in enumerate(LENGTHS):
            a, b = (of_row(t.cpu().double(), row, length, longest=LENGTH) for t in (found[name], value))
            errors.append(((a - b).abs() / b.abs().clamp(min=1)).flatten())
        error = torch.cat(errors)
        assert float(error.max()) <= NEAR[dtype], name
        assert float(error.mean()) <= MEAN[dtype], name


@EVERY
@torch.no_grad()
def test_bfloat16(model_type: str, task: str) -> None:
    exact = exact_of(model_type, task)
    batch = rows_of(exact, *LENGTHS)
    found = scores(copied(model_type, task, torch.bfloat16)(**batch))
    assert {value.dtype for value in found.values()} == {torch.bfloat16}
    compare(found, scores(exact(**batch)), dtype=torch.bfloat16)


@EVERY
@torch.no_grad()
def test_autocast(model_type: str, task: str) -> None:
    exact = exact_of(model_type, task)
    batch = rows_of(exact, *LENGTHS)
    model = copied(model_type, task, torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = scores(model(**batch))
        traced = scores(model(**batch, output_attentions=True))
    for answer in (found, traced):
        compare(answer, scores(exact(**batch)), dtype=torch.bfloat16)


@pytest.mark.parametrize("mode", ["bfloat16", "autocast"])
@pytest.mark.parametrize(
    "model_type", sorted({kind for kind, task in MODELS if task == "token-classification"})
)
def test_gradients_stay_finite(model_type: str, mode: str) -> None:
    """With padding and a row of one token."""
    model = copied(model_type, "token-classification", torch.float32).train()
    batch = rows_of(model, LENGTH, 1)
    labels = (batch["input_ids"] % 3).where(batch["attention_mask"].bool(), -100)
    if mode == "bfloat16":
        model.to(torch.bfloat16)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=mode == "autocast"):
        loss = model(**batch, labels=labels).loss
    loss.backward()
    assert torch.isfinite(loss)
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    assert len(gradients) > 10
    assert all(torch.isfinite(gradient).all() for gradient in gradients)


@torch.no_grad()
@pytest.mark.parametrize("model_type", CACHING)
def test_a_cache_in_bfloat16(model_type: str) -> None:
    model = copied(model_type, "causal-lm", torch.bfloat16)
    exact = exact_of(model_type, "causal-lm")
    batch = rows_of(model, LENGTH, LENGTH)
    cache, found = None, []
    for token in batch["input_ids"].split(1, dim=1):
        out = model(input_ids=token, past_key_values=cache, use_cache=True)
        cache = out.past_key_values
        found.append(out.logits)
    assert cache is not None
    assert cache[0][0].dtype == torch.bfloat16
    whole = exact(input_ids=batch["input_ids"]).logits
    assert away(torch.cat(found, dim=1), whole) <= NEAR[torch.bfloat16]


@ON_CUDA
@EVERY
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@torch.no_grad()
def test_cuda_is_the_cpu(model_type: str, task: str, dtype: torch.dtype) -> None:
    exact = exact_of(model_type, task)
    batch = rows_of(exact, *LENGTHS)
    model = copied(model_type, task, dtype).to("cuda")
    moved = {name: tensor.to("cuda") for name, tensor in batch.items()}
    for traced in (False, True):
        found = scores(model(**moved, output_attentions=traced))
        assert all(value.is_cuda for value in found.values())
        compare(found, scores(exact(**batch)), dtype=dtype)


@ON_CUDA
@EVERY
@torch.no_grad()
def test_autocast_on_cuda(model_type: str, task: str) -> None:
    exact = exact_of(model_type, task)
    batch = rows_of(exact, *LENGTHS)
    model = copied(model_type, task, torch.float32).to("cuda")
    with torch.autocast("cuda", dtype=torch.bfloat16):
        found = scores(model(**{name: tensor.to("cuda") for name, tensor in batch.items()}))
    compare(found, scores(exact(**batch)), dtype=torch.bfloat16)


@ON_CUDA
@torch.no_grad()
@pytest.mark.parametrize(("model_type", "task"), [pair for pair in CAUSAL if pair[1] == "causal-lm"])
def test_a_cache_on_cuda(model_type: str, task: str) -> None:
    exact = exact_of(model_type, task)
    batch = rows_of(exact, LENGTH, 7, side="left")
    model = copied(model_type, task, torch.float32).to("cuda")
    ids, mask = batch["input_ids"].to("cuda"), batch["attention_mask"].to("cuda")
    cache, found = None, []
    for past, token in enumerate(ids.split(1, dim=1)):
        out = model(
            input_ids=token, attention_mask=mask[:, : past + 1], past_key_values=cache, use_cache=True
        )
        cache = out.past_key_values
        found.append(out.logits)
    real = batch["attention_mask"].bool()
    whole = exact(**batch).logits[real]
    assert away(torch.cat(found, dim=1).cpu()[real], whole) <= NEAR[torch.float32]


@ON_CUDA
def test_gradients_on_cuda() -> None:
    """As on the CPU, in float64, with padding."""
    batch = rows_of(model_of("bert", "token-classification"), *LENGTHS)
    labels = (batch["input_ids"] % 3).where(batch["attention_mask"].bool(), -100)
    found = []
    for device in ("cpu", "cuda"):
        model = shake(fresh("bert", task="token-classification")).to(device)
        moved = {name: tensor.to(device) for name, tensor in {**batch, "labels": labels}.items()}
        model(**moved).loss.backward()
        found.append([p.grad.cpu() for p in model.parameters() if p.grad is not None])
    largest = max(float(gradient.abs().max()) for gradient in found[0])
    for a, b in zip(*found, strict=True):
        assert float((a - b).abs().max()) <= 1e-6 * largest
