"""Half precision and autocast on the CPU; float32 and half precision on CUDA against the CPU."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeAlias

import pytest
import torch
from torch import Tensor

from core.tiny import CAUSAL, LENGTH, MODELS, away, fresh, is_causal, model_of, of_row, rows_of, scores, shake

Answers: TypeAlias = dict[str, Tensor]
LENGTHS = (LENGTH, 7, 4)
EVERY = pytest.mark.parametrize(("model_type", "task"), MODELS)
ON_CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
# Shaken by 0.3 these tiny models are wilder than real ones, some more than others: each step multiplies a
# rounding error. How much, the rounding of the weights alone tells, with everything else in float64; what an
# answer in half precision may be away beyond these floors is a multiple of that.
FURTHEST, ON_AVERAGE = 4.0, 2.5
NEAR = {torch.bfloat16: 0.2, torch.float16: 0.05, torch.float32: 3e-5}
MEAN = {torch.bfloat16: 0.03, torch.float16: 0.005, torch.float32: 3e-6}
CACHED = 0.35  # a cache in bfloat16, whose keys and values are rounded too


def copied(model_type: str, task: str, dtype: torch.dtype) -> Any:
    """A model of its own with the weights that tests share."""
    model = fresh(model_type, task=task).eval()
    model.load_state_dict(model_of(model_type, task).state_dict())
    return model.to(dtype)


def compare(found: Answers, exact: Answers, *, rounded: Answers, dtype: torch.dtype) -> None:
    """Finite, and near the float64 answer: the furthest number, and the mean."""
    assert found.keys() == exact.keys()
    for name, value in exact.items():
        assert torch.isfinite(found[name]).all(), name
        error, noise = _errors(found[name], value), _errors(rounded[name], value)
        assert float(error.max()) <= max(NEAR[dtype], FURTHEST * float(noise.max())), name
        assert float(error.mean()) <= max(MEAN[dtype], ON_AVERAGE * float(noise.mean())), name


def _errors(found: Tensor, exact: Tensor) -> Tensor:
    errors = []
    for row, length in enumerate(LENGTHS):
        a, b = (of_row(t.cpu().double(), row, length, longest=LENGTH) for t in (found, exact))
        errors.append(((a - b).abs() / b.abs().clamp(min=1)).flatten())
    return torch.cat(errors)


@cache
def answers(model_type: str, task: str, dtype: torch.dtype) -> tuple[Answers, Answers]:
    """In float64: with the weights as they are, and with the weights rounded."""
    exact = model_of(model_type, task)
    batch = rows_of(exact, *LENGTHS)
    return scores(exact(**batch)), scores(copied(model_type, task, dtype).double()(**batch))


@EVERY
@torch.no_grad()
def test_bfloat16(model_type: str, task: str) -> None:
    exact = model_of(model_type, task)
    batch = rows_of(exact, *LENGTHS)
    found = scores(copied(model_type, task, torch.bfloat16)(**batch))
    assert {value.dtype for value in found.values()} == {torch.bfloat16}
    want, rounded = answers(model_type, task, torch.bfloat16)
    compare(found, want, rounded=rounded, dtype=torch.bfloat16)


@EVERY
@torch.no_grad()
def test_autocast(model_type: str, task: str) -> None:
    exact = model_of(model_type, task)
    batch = rows_of(exact, *LENGTHS)
    model = copied(model_type, task, torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = scores(model(**batch))
        traced = scores(model(**batch, output_attentions=True))
    want, rounded = answers(model_type, task, torch.bfloat16)
    for answer in (found, traced):
        compare(answer, want, rounded=rounded, dtype=torch.bfloat16)


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
@pytest.mark.parametrize(
    "model_type", sorted({kind for kind, task in CAUSAL if task == "causal-lm" and is_causal(kind, task)})
)
def test_a_cache_in_bfloat16(model_type: str) -> None:
    model = copied(model_type, "causal-lm", torch.bfloat16)
    if not model.caches:
        pytest.skip("it keeps no cache")
    exact = model_of(model_type, "causal-lm")
    batch = rows_of(model, LENGTH, LENGTH)
    cache, found = None, []
    for token in batch["input_ids"].split(1, dim=1):
        out = model(input_ids=token, past_key_values=cache, use_cache=True)
        cache = out.past_key_values
        found.append(out.logits)
    assert cache is not None
    assert cache[0][0].dtype == torch.bfloat16
    whole = exact(input_ids=batch["input_ids"]).logits
    assert away(torch.cat(found, dim=1), whole) <= CACHED


@ON_CUDA
@EVERY
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16], ids=str)
@torch.no_grad()
def test_cuda_is_the_cpu(model_type: str, task: str, dtype: torch.dtype) -> None:
    exact = model_of(model_type, task)
    batch = rows_of(exact, *LENGTHS)
    model = copied(model_type, task, dtype).to("cuda")
    moved = {name: tensor.to("cuda") for name, tensor in batch.items()}
    want, rounded = answers(model_type, task, dtype)
    for traced in (False, True):
        found = scores(model(**moved, output_attentions=traced))
        assert all(value.is_cuda for value in found.values())
        compare(found, want, rounded=rounded, dtype=dtype)


@ON_CUDA
@EVERY
@torch.no_grad()
def test_autocast_on_cuda(model_type: str, task: str) -> None:
    exact = model_of(model_type, task)
    batch = rows_of(exact, *LENGTHS)
    model = copied(model_type, task, torch.float32).to("cuda")
    with torch.autocast("cuda", dtype=torch.bfloat16):
        found = scores(model(**{name: tensor.to("cuda") for name, tensor in batch.items()}))
    want, rounded = answers(model_type, task, torch.bfloat16)
    compare(found, want, rounded=rounded, dtype=torch.bfloat16)


@ON_CUDA
@torch.no_grad()
@pytest.mark.parametrize(("model_type", "task"), [pair for pair in CAUSAL if pair[1] == "causal-lm"])
def test_a_cache_on_cuda(model_type: str, task: str) -> None:
    exact = model_of(model_type, task)
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
