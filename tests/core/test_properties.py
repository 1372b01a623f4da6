"""What holds of every family without any reference: causality, padding, caches, packing, names, buffers.

A family joins through its line in FAMILIES and its tiny configuration in tests/families/cases.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import hubformer
from cases import TINY
from core.tiny import (
    CAUSAL,
    EXACT,
    LENGTH,
    MODELS,
    away,
    config_of,
    count,
    first_task,
    fresh,
    model_of,
    of_row,
    rows_of,
    scores,
    telling,
)
from hubformer.core import Cache, PackedLayout, SequenceLayout
from hubformer.families import FAMILIES, family
from hubformer.inference import Engine
from hubformer.models.heads import Context
from hubformer.models.inputs import Inputs
from hubformer.models.model import Model

EVERY = pytest.mark.parametrize(("model_type", "task"), telling(MODELS))
LENGTHS = (LENGTH, 7, 1, 4)
SINGLY = (1,) * LENGTH


def some(product: Iterable[tuple[Any, ...]], *, fast: list[tuple[Any, ...]]) -> list[Any]:
    """Every combination as a parameter; those that are not named are slow."""
    return [pytest.param(*one, marks=[] if one in fast else [pytest.mark.slow]) for one in product]


@pytest.fixture(autouse=True)
def _no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


NEVER_ALONE = {"encoder-decoder", "led", "m2m_100"}  # none has a decoder or an encoder by itself


def test_every_family_takes_part() -> None:
    assert TINY.keys() == FAMILIES.keys()
    assert {kind for kind, _ in MODELS} == FAMILIES.keys() - NEVER_ALONE
    assert {kind for kind, _ in CAUSAL} >= {"gpt2", "bert", "roberta"}


def reads_packs(model: Any) -> bool:
    return Engine(model).packs


# What may be seen


@pytest.mark.parametrize(
    ("model_type", "task"), telling([pair for pair in CAUSAL if pair[1] != "sequence-classification"])
)
@pytest.mark.parametrize(
    ("at", "traced", "second"),
    some(
        itertools.product([0, 4, LENGTH - 1], [False, True], [LENGTH, 7]),
        fast=[(0, False, 7), (4, False, LENGTH), (4, True, 7), (LENGTH - 1, False, 7)],
    ),
)
def test_later_tokens_are_not_seen(model_type: str, task: str, at: int, traced: bool, second: int) -> None:
    """By the plain triangle, and by a mask where a row is padded."""
    model = model_of(model_type, task)
    batch = rows_of(model, LENGTH, second, side="left")
    past = batch["attention_mask"].bool()
    past[:, at + 1 :] = False
    changed = {**batch, "input_ids": batch["input_ids"].clone()}
    changed["input_ids"][:, at + 1 :] += 1
    changed["input_ids"] %= model.config.vocab_size
    before, after = (scores(model(**given, output_attentions=traced)) for given in (batch, changed))
    for name, value in before.items():
        if value.dim() == 3:
            assert away(after[name][past], value[past]) <= EXACT, name
            if at + 1 < LENGTH:
                assert away(after[name][:, at + 1 :], value[:, at + 1 :]) > 1e-3, name


@pytest.mark.parametrize(("model_type", "task"), telling([pair for pair in MODELS if pair not in CAUSAL]))
@pytest.mark.parametrize("place", [0, LENGTH - 1])
def test_an_encoder_sees_both_ways(model_type: str, task: str, place: int) -> None:
    model = model_of(model_type, task)
    batch = rows_of(model, LENGTH)
    changed = {**batch, "input_ids": batch["input_ids"].clone()}
    changed["input_ids"][:, place] = 5
    before, after = scores(model(**batch)), scores(model(**changed))
    for name, value in before.items():
        middle = slice(1, -1) if value.dim() == 3 else slice(None)
        assert away(after[name][:, middle], value[:, middle]) > 1e-3, name


@EVERY
@pytest.mark.parametrize("side", ["left", "right"])
def test_what_stands_in_padding_does_not_matter(model_type: str, task: str, side: str) -> None:
    model = model_of(model_type, task)
    batch = rows_of(model, *LENGTHS, side=side)
    padding = batch["attention_mask"] == 0
    other = {**batch, "input_ids": batch["input_ids"].where(~padding, 17)}
    if "token_type_ids" in batch:
        other["token_type_ids"] = batch["token_type_ids"].where(~padding, 0)
    before, after = scores(model(**batch)), scores(model(**other))
    for name, value in before.items():
        for row, length in enumerate(LENGTHS):
            a, b = (of_row(t, row, length, longest=LENGTH, side=side) for t in (after[name], value))
            assert away(a, b) <= EXACT, (name, row)


@EVERY
def test_left_and_right_padding_agree(model_type: str, task: str) -> None:
    model = model_of(model_type, task)
    left, right = (scores(model(**rows_of(model, *LENGTHS, side=side))) for side in ("left", "right"))
    for name, value in right.items():
        for row, length in enumerate(LENGTHS):
            a = of_row(left[name], row, length, longest=LENGTH, side="left")
            assert away(a, of_row(value, row, length, longest=LENGTH)) <= EXACT, (name, row)


@EVERY
def test_a_row_of_a_batch_is_the_row_alone(model_type: str, task: str) -> None:
    model = model_of(model_type, task)
    batch = rows_of(model, *LENGTHS)
    together = scores(model(**batch))
    for row, length in enumerate(LENGTHS):
        masked = {name: t[row : row + 1, :length] for name, t in batch.items()}
        plain = {name: t for name, t in masked.items() if name != "attention_mask"}
        for alone in (masked, plain):
            for name, value in scores(model(**alone)).items():
                there = of_row(together[name], row, length, longest=LENGTH)
                assert away(there, value[0]) <= EXACT, (name, row)


@EVERY
def test_packed_is_padded(model_type: str, task: str) -> None:
    model = model_of(model_type, task)
    if not reads_packs(model):
        pytest.skip("this body reads padded batches only")
    lengths = (1, 4, 4, 7, LENGTH)
    batch = rows_of(model, *lengths)
    together = scores(model(**batch))
    real = batch["attention_mask"].bool()
    packed = {name: t[real][None] for name, t in batch.items()}
    layout = PackedLayout.from_lengths(lengths)
    states = model.computation.body.read(
        packed["input_ids"], layout=layout, types=packed.get("token_type_ids")
    )
    assert states.last.shape[:2] == (1, sum(lengths))
    if task == "base":
        assert away(states.last[0], together["last_hidden_state"][real]) <= EXACT
    answer = model.computation.head(
        states.last, Context(layout, Inputs(), model.computation.body.embedding.tokens)
    )
    names = [name for name in together if name != "last_hidden_state"]
    answers = answer if isinstance(answer, tuple) else [] if answer is None else [answer]
    for name, value in zip(names, answers, strict=True):
        expected = together[name][real] if value.dim() == 3 else together[name]
        assert away(value.reshape(expected.shape), expected) <= EXACT, name  # (T, 1) may be told as (T,)


@EVERY
def test_a_pack_of_one_length_is_a_rectangle(model_type: str, task: str) -> None:
    model = model_of(model_type, task)
    if not reads_packs(model):
        pytest.skip("this body reads padded batches only")
    batch = rows_of(model, LENGTH, LENGTH)
    ids, types = batch["input_ids"], batch.get("token_type_ids")
    flat = None if types is None else types.view(1, -1)
    packed = model.computation.body.read(
        ids.view(1, -1), layout=PackedLayout.from_lengths((LENGTH, LENGTH)), types=flat
    ).last
    plain = model.computation.body.read(ids, layout=SequenceLayout.from_length(LENGTH), types=types).last
    assert away(packed.view(plain.shape), plain) <= EXACT


# What was read before


def steps(model: Any, batch: dict[str, Tensor], cut: tuple[int, ...], *, tell: str = "all") -> Tensor:
    """What the model says of each token, read in pieces of these sizes.

    tell: the mask that comes with a piece. "all": of everything so far; "new": of the piece; "once": of the
    piece, while it holds padding.
    """
    cache, past, found = None, 0, []
    for size in cut:
        given = {name: t[:, past : past + size] for name, t in batch.items()}
        mask = batch["attention_mask"][:, : past + size]
        if tell == "all":
            given["attention_mask"] = mask
        elif tell == "once" and given["attention_mask"].all():
            del given["attention_mask"]
        out = model(**given, past_key_values=cache, use_cache=True)
        cache, past = out.past_key_values, past + size
        assert isinstance(cache, Cache)
        assert cache.length == past
        found.append(out[0])
    return torch.cat(found, dim=1)


CACHED = [pair for pair in CAUSAL if pair[1] in ("base", "causal-lm") and model_of(*pair).caches]


def test_decoders_keep_what_they_read() -> None:
    assert {("gpt2", "causal-lm"), ("bert", "causal-lm"), ("roberta", "causal-lm")} <= set(CACHED)


@pytest.mark.parametrize("cut", [SINGLY, (3, 1, 5, 2), (10, 1), (LENGTH,)], ids=str)
@pytest.mark.parametrize(("model_type", "task"), telling(CACHED))
def test_cached_is_full(model_type: str, task: str, cut: tuple[int, ...]) -> None:
    model = model_of(model_type, task)
    batch = rows_of(model, LENGTH, LENGTH)
    whole = model(**batch, use_cache=False)
    assert whole.past_key_values is None
    assert away(steps(model, batch, cut), whole[0]) <= EXACT


@pytest.mark.parametrize(
    ("tell", "cut"),
    some(
        itertools.product(["all", "new", "once"], [SINGLY, (3, 1, 5, 2), (8, 1, 1, 1), (LENGTH - 1, 1)]),
        fast=[("all", SINGLY), ("new", (3, 1, 5, 2)), ("once", (8, 1, 1, 1)), ("all", (LENGTH - 1, 1))],
    ),
)
@pytest.mark.parametrize(("model_type", "task"), telling(CACHED))
def test_cached_is_full_where_rows_are_padded_on_the_left(
    model_type: str, task: str, cut: tuple[int, ...], tell: str
) -> None:
    model = model_of(model_type, task)
    batch = rows_of(model, LENGTH, 7, 4, side="left")
    real = batch["attention_mask"].bool()
    cached = steps(model, batch, cut, tell=tell)
    assert away(cached[real], model(**batch)[0][real]) <= EXACT


# Weights


@EVERY
def test_names_and_layouts_go_there_and_back(model_type: str, task: str) -> None:
    model = model_of(model_type, task)
    for row in model.tree.transfers:
        ours = [model.computation.tensor(name) for name in row.ours]
        stored = [module._parameters[leaf] for module, leaf in map(model.tree.place, row.hub)]
        for tensor, parameter in zip(row.change.save(ours), stored, strict=True):
            assert torch.equal(tensor, parameter), row.hub
        for tensor, weight in zip(row.change.load(stored), ours, strict=True):
            assert torch.equal(tensor, weight), row.ours


@EVERY
def test_saved_and_loaded_is_bit_equal(model_type: str, task: str, tmp_path: Path) -> None:
    model = model_of(model_type, task)
    model.save_pretrained(tmp_path)
    again = type(model).from_pretrained(tmp_path, dtype="float64")
    ours, theirs = dict(model.named_parameters()), dict(again.named_parameters())
    assert ours.keys() == theirs.keys()
    for name, weight in ours.items():
        assert torch.equal(theirs[name], weight), name
        assert theirs[name].dtype == torch.float64
    batch = rows_of(model, *LENGTHS)
    for name, value in scores(model(**batch)).items():
        # Not bit for bit: a transposed weight is a view, and its product may be summed in another order.
        for row, length in enumerate(LENGTHS):
            there = of_row(scores(again(**batch))[name], row, length, longest=LENGTH)
            assert away(there, of_row(value, row, length, longest=LENGTH)) <= 1e-12, name


@EVERY
def test_nothing_is_kept_but_parameters(model_type: str, task: str) -> None:
    model = model_of(model_type, task)
    assert [name for name, _ in model.named_buffers()] == []
    everything = dict(model.named_parameters(remove_duplicate=False))  # tied ones have two names
    assert model.state_dict().keys() == everything.keys()


@EVERY
def test_meta_has_the_parameters_that_are_built(model_type: str, task: str) -> None:
    with torch.device("meta"):
        planned = fresh(model_type, task=task)
    built = fresh(model_type, task=task)
    assert all(parameter.is_meta for parameter in planned.parameters())
    assert not any(parameter.is_meta for parameter in built.parameters())
    assert count(planned) == count(built) == built.num_parameters()

    def shapes(model: Model) -> dict[str, tuple[Any, ...]]:
        return {n: (p.shape, p.dtype, p.requires_grad) for n, p in model.named_parameters()}

    assert shapes(planned) == shapes(built)


@pytest.mark.parametrize("model_type", FAMILIES)
def test_memory_is_taken_once(model_type: str) -> None:
    """No two names share memory by accident: what is shared has one owner."""
    model = fresh(model_type, task=first_task(model_type))
    places = [parameter.data_ptr() for parameter in model.parameters()]
    assert len(set(places)) == len(places)


@EVERY
def test_float64_all_the_way(model_type: str, task: str) -> None:
    """A float32 anywhere inside would show: the float64 answer is then no nearer than float32 allows."""
    model = model_of(model_type, task)
    batch = rows_of(model, *LENGTHS)
    exact = scores(model(**batch, output_hidden_states=True))
    assert {value.dtype for value in exact.values()} == {torch.float64}
    torch.manual_seed(0)
    single = type(model)(model.config).eval()
    single.load_state_dict(model.state_dict())
    for name, value in scores(single(**batch)).items():
        assert value.dtype == torch.float32
        for row, length in enumerate(LENGTHS):
            a, b = (of_row(t, row, length, longest=LENGTH) for t in (value, exact[name]))
            assert away(a, b) <= 3e-5, name


@pytest.mark.parametrize("model_type", FAMILIES)
def test_a_configuration_makes_one_model(model_type: str) -> None:
    """The same seed gives the same weights, through the named class and through the Auto class."""
    task = first_task(model_type)
    kind = {"base": hubformer.AutoModel, "seq2seq-lm": hubformer.AutoModelForSeq2SeqLM}[task]
    named = fresh(model_type, task=task)
    torch.manual_seed(1)
    auto = kind.from_config(config_of(model_type, task=task))
    assert type(auto) is type(named)
    assert family(model_type).head(task).name == type(auto).__name__  # type: ignore[union-attr]
    for (name, a), (_, b) in zip(named.named_parameters(), auto.named_parameters(), strict=True):
        assert torch.equal(a, b), name
