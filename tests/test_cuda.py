"""What a device changes: fidelity, pipelines, a step of training and generation, in float32 and bfloat16.

`pytest -m cuda` runs these and the tests of tests/core/test_half.py that carry the marker; where there is no
device they are skipped. docs/devices.md says when they ran last.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import hubformer
from cases import CASES, NOTICE, padded_batch, scores_words
from core.tiny import away, fresh, model_of, rows_of, shake
from oracles import oracle_class

pytestmark = [pytest.mark.cuda, pytest.mark.filterwarnings(NOTICE)]
DEVICE = "cuda"
DTYPES = pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
# As near to float64 as this, or twice as far as transformers is on the same device.
NEAR = {torch.float32: 1e-5, torch.bfloat16: 2e-2}
WRITING = ("gpt2", "llama", "bloom", "mixtral", "gemma3_text")
APART = ("encoder-decoder", "jina_bert")  # made of others; not in transformers
FIRST = [
    case
    for case in CASES
    if case.model_type not in APART and case.head.name == scores_words(case.model_type).name
    if case.variant == "plain"
]


@pytest.fixture(autouse=True)
def _exact_products() -> Iterator[None]:
    """Products in float32 are float32 products."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    yield
    torch.set_float32_matmul_precision(before)


def moved(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.to(DEVICE) for name, tensor in batch.items()}


@DTYPES
@pytest.mark.parametrize("case", FIRST, ids=str)
def test_fidelity(case: Any, dtype: torch.dtype, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    kind = oracle_class(case.head.name)
    torch.manual_seed(3)
    oracle = kind(kind.config_class(**case.config(), attn_implementation="eager")).eval()
    oracle.save_pretrained(tmp_path)
    load = getattr(hubformer, case.head.name).from_pretrained
    exact, ours = load(tmp_path, dtype="float64"), load(tmp_path, dtype=dtype).to(DEVICE)
    batch = padded_batch(case)
    real = batch.get("decoder_attention_mask", batch["attention_mask"]).bool()
    with torch.no_grad():
        wanted = exact(**batch).logits[real]
        theirs = oracle.to(DEVICE, dtype)(**moved(batch)).logits.cpu()[real]
        mine = ours(**moved(batch)).logits
    assert mine.device.type == DEVICE
    assert away(mine.cpu()[real], wanted) <= max(NEAR[dtype], 2 * away(theirs, wanted))


@DTYPES
@pytest.mark.parametrize(
    ("task", "given"),
    [
        ("sentiment-analysis", ("I love this movie!",)),
        ("question-answering", ("Who wrote it?", "Ada wrote it in the winter of 1842.")),
    ],
)
def test_pipelines(task: str, given: tuple[str, ...], dtype: torch.dtype) -> None:
    """The models that come with the package."""
    names = ("question", "context")
    asked = dict(zip(names, given, strict=True)) if len(given) == 2 else {"inputs": given[0]}
    there = hubformer.pipeline(task, device="cpu")(**asked)
    here = hubformer.pipeline(task, device=DEVICE, dtype=dtype)(**asked)
    a, b = (one[0] if isinstance(one, list) else one for one in (here, there))
    assert a.keys() == b.keys()
    for name, value in b.items():
        if name == "score":
            assert abs(a[name] - value) <= (1e-4 if dtype == torch.float32 else 0.05)
        else:
            assert a[name] == value


@pytest.mark.parametrize("mixed", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("model_type", ["bert", "llama", "t5", "xlnet", "mixtral"])
def test_a_step_of_training(model_type: str, mixed: bool) -> None:
    """The weights after a step are those of the same step on the CPU, in float64."""
    task = "token-classification"
    start = shake(fresh(model_type, task=task))
    batch = rows_of(start, 11, 7)
    labels = (batch["input_ids"] % 3).where(batch["attention_mask"].bool(), -100)
    losses, weights = [], []
    for device, dtype in (("cpu", torch.float64), (DEVICE, torch.float32)):
        model = copy.deepcopy(start).to(device, dtype)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        given = {name: tensor.to(device) for name, tensor in {**batch, "labels": labels}.items()}
        with torch.autocast(device, dtype=torch.bfloat16, enabled=mixed and dtype == torch.float32):
            loss = model(**given).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(float(loss.detach()))
        weights.append(torch.cat([p.detach().cpu().double().flatten() for p in model.parameters()]))
    before = torch.cat([p.detach().flatten() for p in start.parameters()])
    assert abs(losses[1] - losses[0]) <= (0.1 if mixed else 1e-4) * max(1.0, losses[0])
    step, wanted = weights[1] - before, weights[0] - before
    assert torch.isfinite(step).all()
    assert float((step - wanted).norm() / wanted.norm()) <= (0.35 if mixed else 1e-3)


@DTYPES
@pytest.mark.parametrize("model_type", WRITING)
def test_generation(model_type: str, dtype: torch.dtype) -> None:
    """In float32 the CPU's tokens, with a row padded on the left; in bfloat16 as many."""
    exact = model_of(model_type, "causal-lm")
    batch = rows_of(exact, 6, 4, side="left")
    asked = {name: batch[name] for name in ("input_ids", "attention_mask")}
    wanted = exact.generate(**asked, max_new_tokens=5, do_sample=False)
    model = fresh(model_type, task="causal-lm").eval()
    model.load_state_dict(exact.state_dict())
    found = model.to(DEVICE, dtype).generate(**moved(asked), max_new_tokens=5, do_sample=False)
    assert found.device.type == DEVICE
    if dtype == torch.float32:
        assert torch.equal(found.cpu(), wanted)
    else:
        assert found.shape[0] == 2
        assert torch.equal(found[:, :6].cpu(), asked["input_ids"])
