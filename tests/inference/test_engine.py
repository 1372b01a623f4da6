"""Rows through the engine: packed, padded and alone are the same; order, budgets and threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor

import hubformer
from hubformer.errors import InputError
from hubformer.inference import EncodedInput, Engine, chunks, engine

EXACT = 1e-9


def tiny(name: str, **changes: Any) -> Any:
    torch.manual_seed(5)
    config = hubformer.BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=4, intermediate_size=24,
        max_position_embeddings=40, num_labels=3, **changes,
    )  # fmt: skip
    model = getattr(hubformer, name)(config).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return model


def some_rows(count: int = 30, *, longest: int = 40) -> list[EncodedInput]:
    generator = torch.Generator().manual_seed(2)
    rows = []
    for _ in range(count):
        length = int(torch.randint(1, longest + 1, (), generator=generator))
        ids = torch.randint(50, (length,), generator=generator).tolist()
        rows.append(EncodedInput(ids, [int(place > length // 2) for place in range(length)]))
    return rows


def alone(model: Any, row: EncodedInput) -> Tensor:
    with torch.no_grad():
        out = model(input_ids=torch.tensor([row.ids]), token_type_ids=torch.tensor([row.types]))
    if "start_logits" in out:
        return torch.stack([out.start_logits[0], out.end_logits[0]], dim=-1)
    return out.logits[0]


def unpacked(model: Any) -> Any:
    """The same model in a class that the engine knows nothing of."""

    class Plain(hubformer.PreTrainedModel):
        family, config_class = model.family, model.config_class

        def __init__(self) -> None:
            super().__init__(model.config)
            self.inner = model

        def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> Any:
            return self.inner(
                input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
            )

    return Plain().eval()


@pytest.mark.parametrize("head", ["SequenceClassification", "TokenClassification", "QuestionAnswering"])
@pytest.mark.parametrize("how", ["packed", "padded right", "padded left"])
def test_rows_together_are_rows_alone(head: str, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engine.BUDGET, "cpu", 100)
    model, rows = tiny(f"BertFor{head}"), some_rows()
    runner = Engine(model if how == "packed" else unpacked(model), pad_left=how == "padded left")
    assert runner.packs == (how == "packed")
    found = runner.run(rows)
    for row, scores in zip(rows, found, strict=True):
        expected = alone(model, row)
        assert scores.shape == expected.shape
        assert float((scores - expected).abs().max()) <= EXACT


def test_relative_positions_are_read_in_packs() -> None:
    model, rows = (
        tiny("BertForTokenClassification", position_embedding_type="relative_key_query"),
        some_rows(12),
    )
    for row, scores in zip(rows, Engine(model).run(rows), strict=True):
        assert float((scores - alone(model, row)).abs().max()) <= EXACT


def test_packs_hold_a_budget_and_every_row_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engine.BUDGET, "cpu", 64)
    rows = some_rows(50)
    runner = Engine(tiny("BertForSequenceClassification"))
    packs = list(runner._packs(rows))
    assert sorted(place for pack in packs for place in pack) == list(range(50))
    assert all(sum(len(rows[place].ids) for place in pack) <= 64 for pack in packs)
    assert len(packs) <= 2 * sum(len(row.ids) for row in rows) / 64


def test_progress_adds_up() -> None:
    shares: list[float] = []
    Engine(tiny("BertForSequenceClassification")).run(some_rows(), progress=shares.append)
    assert sum(shares) == pytest.approx(1)


def test_nothing_to_do() -> None:
    assert Engine(tiny("BertForSequenceClassification")).run([]) == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (EncodedInput([1, 50]), "50"),
        (EncodedInput([1, -1]), "-1"),
        (EncodedInput([1, 2], [0, 2]), "token_type_ids"),
    ],
)
def test_ids_that_the_model_does_not_have(row: EncodedInput, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Engine(tiny("BertForSequenceClassification")).run([row])


def test_half_precision_comes_back_in_float32() -> None:
    runner = Engine(tiny("BertForSequenceClassification").to(torch.bfloat16))
    assert runner.run(some_rows(3))[0].dtype == torch.float32


def test_threads() -> None:
    runner, rows = Engine(tiny("BertForSequenceClassification")), some_rows(40)
    expected = runner.run(rows)
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(runner.run, [rows] * 24):
            assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_chunks_grow() -> None:
    taken = 0

    def source() -> Any:
        nonlocal taken
        while taken < 5000:
            taken += 1
            yield taken

    found = chunks(source(), first=32)
    assert len(next(found)) == 32
    assert taken == 32
    sizes = [len(chunk) for chunk in found]
    assert sizes[:6] == [64, 128, 256, 512, 1024, 1024]
    assert sum(sizes) == 5000 - 32


def test_a_subclass_with_a_forward_of_its_own_is_called() -> None:
    torch.manual_seed(5)
    plain = tiny("BertForSequenceClassification")

    class Negated(type(plain)):  # type: ignore[misc]
        def forward(self, *given: Any, **named: Any) -> Any:
            output = super().forward(*given, **named)
            output["logits"] = -output["logits"]
            return output

    model = Negated(plain.config).double().eval()
    model.load_state_dict(plain.state_dict())
    rows = [EncodedInput(row.ids) for row in some_rows(8)]
    for found, expected in zip(Engine(model).run(rows), Engine(plain).run(rows), strict=True):
        assert float((found + expected).abs().max()) <= EXACT


def test_hooks_are_called() -> None:
    model, rows, calls = tiny("BertForSequenceClassification"), some_rows(6), 0
    expected = Engine(model).run(rows)

    def count(module: Any, inputs: Any, output: Any) -> None:
        nonlocal calls
        calls += 1

    for register in (model.register_forward_hook, torch.nn.modules.module.register_module_forward_hook):
        calls, handle = 0, register(count)
        found = Engine(model).run(rows)
        handle.remove()
        assert calls
        assert all(float((a - b).abs().max()) <= EXACT for a, b in zip(found, expected, strict=True))
    assert Engine(model).packs


def test_a_module_put_in_another_s_place_is_called() -> None:
    class Doubled(torch.nn.Module):
        def __init__(self, weight: Tensor, bias: Tensor) -> None:
            super().__init__()
            self.weight, self.bias = torch.nn.Parameter(2 * weight), torch.nn.Parameter(2 * bias)

        def forward(self, states: Tensor) -> Tensor:
            return torch.nn.functional.linear(states, self.weight, self.bias)

    model, rows = tiny("BertForSequenceClassification"), some_rows(6)
    expected = Engine(model).run(rows)
    model.classifier = Doubled(model.classifier.weight.detach(), model.classifier.bias.detach())
    assert not Engine(model).packs
    for found, single in zip(Engine(model).run(rows), expected, strict=True):
        assert float((found - 2 * single).abs().max()) <= EXACT


def test_a_module_around_the_one_it_replaces_is_called() -> None:
    class Negated(torch.nn.Module):
        def __init__(self, inner: torch.nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, states: Tensor) -> Tensor:
            return -self.inner(states)

    model, rows = tiny("BertForSequenceClassification"), some_rows(6)
    expected = Engine(model).run(rows)
    model.classifier = Negated(model.classifier)
    for found, single in zip(Engine(model).run(rows), expected, strict=True):
        assert float((found + single).abs().max()) <= EXACT


def test_outputs_are_read_by_name_whatever_the_configuration_says() -> None:
    model, rows = tiny("BertForQuestionAnswering", return_dict=False), some_rows(4)
    handle = model.register_forward_hook(lambda *_: None)  # padded batches
    found = Engine(model).run(rows)
    handle.remove()
    assert [scores.shape for scores in found] == [(len(row.ids), 2) for row in rows]
