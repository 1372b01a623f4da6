"""What is XLNet's own: two streams, memories, masks, beams over spans. The rest is in test_fidelity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import hubformer
from cases import XLNET
from hubformer.core import PackedLayout, positions
from hubformer.core.linear import Linear
from hubformer.errors import ConfigError, InputError
from hubformer.models.two_streams import Memories, TwoStreamBody
from test_fidelity import CAST_INSIDE, EXACT, distance, shaken

transformers = pytest.importorskip("transformers")

L = 7
Pair = tuple[Any, Any]  # the oracle and ours, in float64


@pytest.fixture
def pair(tmp_path: Path) -> Callable[..., Pair]:
    def build(name: str = "XLNetModel", **config: Any) -> Pair:
        kind = getattr(transformers, name)
        torch.manual_seed(5)
        oracle = shaken(kind(kind.config_class(**{**XLNET, "num_labels": 2, **config})))
        oracle.save_pretrained(tmp_path)
        ours = getattr(hubformer, name).from_pretrained(tmp_path, dtype="float64")
        oracle = oracle.double()
        inner = getattr(oracle, "transformer", oracle)
        table = inner.relative_positional_encoding
        # The oracle's two streams cannot read its float32 table in float64.
        inner.relative_positional_encoding = lambda *a, **k: table(*a, **k).double()
        return oracle, ours

    return build


def random(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ids(seed: int = 1, *, rows: int = 2, length: int = L) -> Tensor:
    return torch.randint(6, XLNET["vocab_size"], (rows, length), generator=random(seed))


def types(seed: int = 2, *, length: int = L) -> Tensor:
    return torch.randint(0, 2, (2, length), generator=random(seed))


def forbidden(seed: int = 3) -> Tensor:
    """A factorisation order for each row: perm_mask."""
    rank = torch.stack([torch.randperm(L, generator=random(seed + row)) for row in range(2)])
    return (rank[:, None, :] >= rank[:, :, None]).double()


def at_places(places: list[list[int]]) -> Tensor:
    return nn.functional.one_hot(torch.tensor(places), L).double()


MAPPINGS = {
    "few": at_places([[2, 5, 0], [6, 3, 1]]),
    "all": at_places([list(range(L))] * 2),
    "one twice": at_places([[2, 2], [4, 1]]),
    "none": at_places([[2, 5], [6, 3]]) * torch.tensor([[1, 0], [0, 1]])[:, :, None],
    "soft": torch.rand(2, 2, L, generator=random(9)).double(),
}
LEFT = torch.tensor([[1] * L, [0] * 3 + [1] * 4])
RIGHT = LEFT.flip(1)


def alike(mine: Any, theirs: Any, path: str = "", *, within: float = EXACT) -> int:
    """Compare outputs, tuples and tensors; how many tensors there were."""
    if isinstance(theirs, Tensor):
        assert distance(mine, theirs) <= within, path
        return 1
    if isinstance(theirs, (tuple, list)):
        assert len(mine) == len(theirs), path
        return sum(
            alike(a, b, f"{path}[{i}]", within=within)
            for i, (a, b) in enumerate(zip(mine, theirs, strict=True))
        )
    filled = {name for name, value in theirs.items() if value is not None}
    assert set(mine.keys()) == filled
    return sum(alike(mine[name], theirs[name], name, within=within) for name in filled)


def compared(pair: Pair, **given: Any) -> Any:
    """Everything that both give, traced and not."""
    oracle, ours = pair
    with torch.no_grad():
        theirs = oracle(**given, output_hidden_states=True, output_attentions=True)
        mine = ours(**given, output_hidden_states=True, output_attentions=True)
        assert alike(mine, theirs)
        assert alike(ours(**given), oracle(**given))
    return mine


@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize("masked", [False, True])
def test_two_streams(pair: Callable[..., Pair], mapping: str, masked: bool) -> None:
    given = {"input_ids": ids(), "target_mapping": MAPPINGS[mapping], "token_type_ids": types()}
    if masked:
        given |= {"perm_mask": forbidden(), "attention_mask": LEFT}
    out = compared(pair("XLNetLMHeadModel", clamp_len=4), **given)
    targets = MAPPINGS[mapping].shape[1]
    assert out.logits.shape == (2, targets, XLNET["vocab_size"])
    assert [len(streams) for streams in out.attentions] == [2] * XLNET["n_layer"]
    assert len(out.hidden_states) == 2 * (XLNET["n_layer"] + 1)


def test_a_target_that_sees_nothing(pair: Callable[..., Pair]) -> None:
    compared(pair(), input_ids=ids(), perm_mask=torch.ones(2, L, L), target_mapping=MAPPINGS["few"])


def test_an_order_without_targets(pair: Callable[..., Pair]) -> None:
    compared(pair(), input_ids=ids(), perm_mask=forbidden(), token_type_ids=types())


@pytest.mark.parametrize("mapping", ["few", "all"])
def test_gradients_of_two_streams(pair: Callable[..., Pair], mapping: str) -> None:
    oracle, ours = pair("XLNetLMHeadModel")
    given = {
        "input_ids": ids(),
        "perm_mask": forbidden(),
        "target_mapping": MAPPINGS[mapping],
        "token_type_ids": types(),
        "labels": ids(8)[:, : MAPPINGS[mapping].shape[1]].contiguous(),
    }
    theirs, mine = oracle(**given).loss, ours(**given).loss
    assert distance(mine, theirs) <= EXACT
    theirs.backward()
    mine.backward()
    found = ours.weight_map().to_hub({n: p.grad for n, p in ours.named_parameters()})
    for name, parameter in oracle.named_parameters():
        if name in found:
            assert float((found[name] - parameter.grad).abs().max()) <= EXACT, name
    assert found["transformer.mask_emb"].abs().max() > 0


@pytest.mark.parametrize("mem_len", [None, 0, 4, 512])
@pytest.mark.parametrize("reuse_len", [None, 5])
def test_memories_over_three_segments(
    pair: Callable[..., Pair], mem_len: int | None, reuse_len: int | None
) -> None:
    oracle, ours = pair(mem_len=mem_len, reuse_len=reuse_len, clamp_len=9)
    theirs = mine = None
    for segment in range(3):
        given = {"input_ids": ids(segment, length=L - segment), "token_type_ids": types(length=L - segment)}
        with torch.no_grad():
            theirs = oracle(**given, mems=theirs, use_mems=True, output_attentions=True)
            mine = ours(**given, mems=mine, use_mems=True, output_attentions=True)
        alike(mine, theirs)
        theirs, mine = theirs.mems, mine.mems
    assert not mine[0].requires_grad


@pytest.mark.parametrize("targets", ["few", "all"])
def test_two_streams_over_memories(pair: Callable[..., Pair], targets: str) -> None:
    both = pair("XLNetLMHeadModel")
    mems = compared(both, input_ids=ids(), token_type_ids=types()).mems
    given = {"perm_mask": forbidden(), "target_mapping": MAPPINGS[targets], "mems": mems}
    compared(both, input_ids=ids(4), **given)
    compared(both, input_ids=ids(4), attention_mask=LEFT[:1].expand(2, -1), token_type_ids=types(), **given)


def test_memories_when_they_are_kept(pair: Callable[..., Pair]) -> None:
    for config in ({}, {"use_mems_eval": False, "use_mems_train": True}):
        oracle, ours = pair(**config)
        for train in (False, True):
            for asked in (None, False, True):
                oracle.train(train)
                ours.train(train)
                mine, theirs = (m(input_ids=ids(), use_mems=asked).mems for m in (ours, oracle))
                assert (mine is None) == (theirs is None)
    assert hubformer.XLNetModel(hubformer.XLNetConfig(**XLNET, use_cache=False)).eval()(ids()).mems is None


def test_padding_between_memories_and_tokens(pair: Callable[..., Pair]) -> None:
    """The oracle counts the padding as distance, so the reference is the row alone."""
    _, ours = pair()
    with torch.no_grad():
        mems = ours(ids()).mems
        alone = ours(ids(4)[1:, 3:], mems=[mem[:, 1:] for mem in mems]).last_hidden_state
        left = ours(ids(4), attention_mask=LEFT, mems=mems).last_hidden_state
    assert distance(left[1:, 3:], alone) <= EXACT


def test_a_mask_that_covers_the_memories(pair: Callable[..., Pair]) -> None:
    _, ours = pair()
    with torch.no_grad():
        mems = ours(ids(), attention_mask=LEFT).mems
        both = torch.cat([LEFT, torch.ones(2, L, dtype=torch.long)], dim=1)
        out = ours(ids(4), attention_mask=both, mems=mems).last_hidden_state
        first = ours(ids()[1:, 3:]).mems
        alone = ours(ids(4)[1:], mems=first).last_hidden_state
    assert distance(out[1:], alone) <= EXACT


def test_input_mask_is_the_opposite(pair: Callable[..., Pair]) -> None:
    both = pair()
    out = compared(both, input_ids=ids(), input_mask=1.0 - LEFT)
    with torch.no_grad():
        same = both[1](ids(), LEFT)
    assert torch.equal(out.last_hidden_state, same.last_hidden_state) or distance(out[0], same[0]) <= EXACT
    with pytest.raises(InputError, match="both given"):
        both[1](ids(), attention_mask=LEFT, input_mask=1 - LEFT)


@pytest.mark.parametrize("same_length", [False, True])
def test_one_direction(pair: Callable[..., Pair], same_length: bool) -> None:
    """The oracle cannot add a mask for several rows here, so masked rows go one at a time."""
    both = pair("XLNetLMHeadModel", attn_type="uni", same_length=same_length)
    mems = compared(both, input_ids=ids(), token_type_ids=types()).mems
    compared(both, input_ids=ids(4), mems=mems, token_type_ids=types())
    compared(both, input_ids=ids(4), mems=[mem[:2] for mem in mems], target_mapping=MAPPINGS["few"])
    for row in range(2):
        given = {"input_ids": ids()[row : row + 1], "attention_mask": RIGHT[row : row + 1]}
        compared(both, **given)
        order = {"perm_mask": forbidden()[:1], "target_mapping": MAPPINGS["few"][:1]}
        out = compared(both, **given, **order, mems=[mem[:, :1] for mem in mems])
        with torch.no_grad():
            of_two = both[1](
                ids(), RIGHT, perm_mask=forbidden()[:1].expand(2, -1, -1), mems=mems,
                target_mapping=MAPPINGS["few"][:1].expand(2, -1, -1),
            )  # fmt: skip
        if row == 0:
            assert distance(of_two.logits[:1], out.logits) <= EXACT


@pytest.mark.parametrize("clamp", [-1, 3])
def test_half_of_the_rows_backwards(pair: Callable[..., Pair], clamp: int) -> None:
    both = pair("XLNetLMHeadModel", bi_data=True, clamp_len=clamp)
    mems = compared(both, input_ids=ids(), token_type_ids=types(), attention_mask=LEFT).mems
    compared(both, input_ids=ids(4), mems=mems)
    for targets in ("few", "all"):
        compared(both, input_ids=ids(4), perm_mask=forbidden(), target_mapping=MAPPINGS[targets], mems=mems)
    with pytest.raises(InputError, match="even number of rows"):
        both[1](ids(rows=3))


def test_segments_only_differ_or_not(pair: Callable[..., Pair]) -> None:
    both = pair("XLNetForTokenClassification")
    mems = compared(both, input_ids=ids()).mems
    plain = compared(both, input_ids=ids(4), mems=mems)
    second = compared(both, input_ids=ids(4), mems=mems, token_type_ids=torch.ones(2, L, dtype=torch.long))
    assert distance(plain.logits, second.logits) > 1e-3  # memories are of segment 0
    a, b = (both[1](ids(4), token_type_ids=kinds).logits for kinds in (types(), 3 - types()))
    assert distance(a, b) <= EXACT


def test_inputs_embeds(pair: Callable[..., Pair]) -> None:
    both = pair("XLNetLMHeadModel")
    vectors = torch.randn(2, L, XLNET["d_model"], generator=random()).double()
    compared(both, inputs_embeds=vectors, target_mapping=MAPPINGS["few"], attention_mask=LEFT)


@pytest.mark.parametrize("name", ["XLNetForSequenceClassification", "XLNetForMultipleChoice"])
def test_mean_summary(pair: Callable[..., Pair], name: str) -> None:
    """The oracle's mean counts padding; ours is the row's own."""
    both = pair(name, summary_type="mean", summary_activation="relu")
    given = ids() if name.endswith("Classification") else ids()[None]
    compared(both, input_ids=given)
    mask = LEFT if name.endswith("Classification") else LEFT[None]
    with torch.no_grad():
        padded, alone = both[1](given, attention_mask=mask).logits, both[1](given[..., 1:, 3:]).logits
    assert distance(padded.flatten()[-alone.numel() :], alone.flatten()) <= EXACT


BEAMS = "XLNetForQuestionAnswering"
SPANS = {"start_positions": torch.tensor([2, 4]), "end_positions": torch.tensor([3, 6])}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"p_mask": torch.tensor([[1.0, 0, 0, 0, 0, 0, 1], [1, 1, 0, 0, 0, 0, 0]]).double()},
        {"cls_index": torch.tensor([0, 5])},
        {"cls_index": torch.tensor([0, 5]), "is_impossible": torch.tensor([0.0, 1.0]).double()},
    ],
    ids=["plain", "p_mask", "cls_index", "is_impossible"],
)
def test_beams_over_spans(pair: Callable[..., Pair], more: dict[str, Tensor]) -> None:
    both = pair(BEAMS, start_n_top=3, end_n_top=2)
    out = compared(both, input_ids=ids(), **more)
    assert out.end_top_index.shape == (2, 6)
    out = compared(both, input_ids=ids(), **more, **SPANS)
    assert out.keys() >= {"loss"}
    assert "start_top_index" not in out


def test_loss_of_beams_takes_whole_numbers_and_columns(pair: Callable[..., Pair]) -> None:
    oracle, ours = pair(BEAMS)
    more = {"cls_index": torch.tensor([0, 5]), "is_impossible": torch.tensor([0.0, 1.0]).double()}
    expected = oracle(input_ids=ids(), **SPANS, **more).loss
    columns = {name: tensor[:, None].long() for name, tensor in {**SPANS, **more}.items()}
    assert distance(ours(input_ids=ids(), **columns).loss, expected) <= EXACT
    parts = ours(ids(), **SPANS, return_dict=False)
    assert isinstance(parts, tuple)


def test_beams_never_find_padding(pair: Callable[..., Pair]) -> None:
    _, ours = pair(BEAMS, start_n_top=4, end_n_top=4)
    with torch.no_grad():
        padded, alone = ours(ids(), attention_mask=LEFT), ours(ids()[1:, 3:])
    for name, value in alone.items():
        if isinstance(value, Tensor):
            assert distance(padded[name][1:] - (3 if name.endswith("index") else 0), value) <= EXACT, name


def test_beams_refuse_what_cannot_be(pair: Callable[..., Pair]) -> None:
    _, ours = pair(BEAMS)
    with pytest.raises(InputError, match="3 tokens, but 5 starts"):
        ours(ids(length=3))
    with pytest.raises(InputError, match="start_positions holds 9, expected 0 to 6"):
        ours(ids(), start_positions=torch.tensor([9, 1]), end_positions=torch.tensor([3, 3]))
    with pytest.raises(InputError, match="p_mask"):
        ours(ids(), p_mask=torch.zeros(2, 3))


def test_dropout_sits_where_the_oracle_has_it(
    pair: Callable[..., Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dropout that only scales makes every place of it visible, also those behind each other."""
    both = pair("XLNetForSequenceClassification", dropout=0.3, summary_last_dropout=0.6)

    def scaled(x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        return x * (1 - p) if training else x

    monkeypatch.setattr(torch.nn.functional, "dropout", scaled)
    monkeypatch.setattr("hubformer.core.dropout.dropout", scaled)  # ours, for what is float32
    quiet = compared(both, input_ids=ids(), token_type_ids=types())
    for model in both:
        model.train()
    with torch.no_grad():
        for more in ({}, {"target_mapping": MAPPINGS["all"], "perm_mask": forbidden()}):
            given = {"input_ids": ids(), "token_type_ids": types(), **more}
            mine, theirs = (
                m(**given, output_attentions=True, output_hidden_states=True) for m in reversed(both)
            )
            assert alike(mine, theirs, within=CAST_INSIDE)  # waves are dropped in float32
            assert distance(mine.logits, quiet.logits) > 1e-3


def test_silenced_heads_are_silent_in_both_streams(pair: Callable[..., Pair]) -> None:
    _, ours = pair()
    mask = torch.ones(XLNET["n_layer"], XLNET["n_head"]).double()
    mask[1, 2] = 0
    given = {"input_ids": ids(), "target_mapping": MAPPINGS["few"], "perm_mask": forbidden()}
    with torch.no_grad():
        silent = ours(**given, head_mask=mask).last_hidden_state
        output: Linear = ours.computation.body.stack.blocks[1].attention.output
        output.weight.view(XLNET["d_model"], XLNET["n_head"], -1)[:, 2] = 0
        assert distance(silent, ours(**given).last_hidden_state) <= EXACT


@pytest.mark.parametrize("config", [{}, {"attn_type": "uni"}], ids=["bi", "uni"])
def test_packed_rows_are_the_rows(pair: Callable[..., Pair], config: dict[str, Any]) -> None:
    _, ours = pair(**config)
    rows = [(ids(3)[0, :4], types()[0, :4]), (ids(3)[1, :4], types()[1, :4]), (ids()[0], types()[0])]
    layout = PackedLayout.from_lengths([len(row) for row, _ in rows])
    with torch.no_grad():
        states = ours.computation.body.read(
            torch.cat([row for row, _ in rows])[None],
            layout=layout,
            types=torch.cat([kinds for _, kinds in rows])[None],
        ).last
        alone = [ours(row[None], token_type_ids=kinds[None]).last_hidden_state[0] for row, kinds in rows]
    assert distance(states[0], torch.cat(alone)) <= EXACT


def test_recomputed_activations_give_the_same_gradients(pair: Callable[..., Pair]) -> None:
    _, ours = pair("XLNetLMHeadModel", dropout=0.0)
    given = {"input_ids": ids(), "perm_mask": forbidden(), "target_mapping": MAPPINGS["few"]}
    found = []
    for on in (False, True):
        ours.train().zero_grad()
        ours.computation.body.stack.recompute_activations(on)
        ours(**given, labels=ids(8)[:, :3]).loss.backward()
        found.append([p.grad.clone() for p in ours.parameters() if p.grad is not None])
    assert all(distance(a, b) <= EXACT for a, b in zip(*found, strict=True))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision(pair: Callable[..., Pair], tmp_path: Path, dtype: str) -> None:
    _, exact = pair("XLNetLMHeadModel")
    small = hubformer.XLNetLMHeadModel.from_pretrained(tmp_path, dtype=dtype)
    given = {"input_ids": ids(), "attention_mask": LEFT, "token_type_ids": types()}
    with torch.no_grad():
        seeing = forbidden()
        seeing[:, :, 4] = 0  # who sees nothing sees all alike, which float16 has no number low enough for
        for more in ({}, {"perm_mask": seeing, "target_mapping": MAPPINGS["few"]}):
            a, b = small(**given, **more).logits, exact(**given, **more).logits
            assert float((a.double() - b).norm() / b.norm()) < 0.1


# Faults, planted one at a time


def _reads_updated_states(ours: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = ours.computation.body.stack
    plain = stack.run

    def run(block: nn.Module, x: Tensor, *, context: Tensor, **rest: Any) -> Tensor:
        updated = plain(block, x, context=context, **rest)
        seen = torch.cat([context[:, :-L], updated[:, :L]], dim=1)
        later = plain(block, x, context=seen, **rest)
        return torch.cat([updated[:, :L], later[:, L:]], dim=1)

    monkeypatch.setattr(stack, "run", run)


def _no_clamp(ours: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    table = ours.computation.body.stack.tables[0]
    monkeypatch.setattr(table, "spec", replace(table.spec, clamp=None))


def _visible(change: Callable[[Any, Any], tuple[Any, Any]]) -> Callable[[Any, pytest.MonkeyPatch], None]:
    def plant(ours: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        plain = TwoStreamBody._visible
        monkeypatch.setattr(TwoStreamBody, "_visible", lambda *a, **k: change(*plain(*a, **k)))

    return plant


def _patched(home: Any, name: str, fault: Callable[[Any], Any]) -> Callable[[Any, pytest.MonkeyPatch], None]:
    def plant(ours: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(home, name, fault(getattr(home, name)))

    return plant


FAULTS: dict[str, Callable[[Any, pytest.MonkeyPatch], None]] = {
    "no distance": _patched(
        positions._Sinusoids, "placed", lambda plain: lambda *a: torch.zeros_like(plain(*a))
    ),
    "distance off by one": _patched(
        positions._Sinusoids, "placed", lambda plain: lambda self, scores: plain(self, scores.roll(1, -1))
    ),
    "no content bias": _patched(
        positions._XLPosition, "rotate", lambda plain: lambda self, q, k, table: (q, k)
    ),
    "no segments": _patched(positions, "_differ", lambda plain: lambda layout: None),
    "segments the other way": _patched(positions, "_differ", lambda plain: lambda x: 1 - plain(x)),
    "query stream reads updated states": _reads_updated_states,
    "memories off by one": _patched(
        Memories, "after", lambda plain: lambda *a, **k: plain(*a, **k).roll(1, 0)
    ),
    "clamp ignored": _no_clamp,
    "a token does not see itself": _visible(lambda own, others: (others, others)),
    "a target sees itself": _visible(lambda own, others: (own, own)),
    "order ignored": _visible(lambda own, others: (None, None)),
}


@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_planted_faults_are_seen(
    pair: Callable[..., Pair], monkeypatch: pytest.MonkeyPatch, fault: str | None
) -> None:
    oracle, ours = pair("XLNetLMHeadModel", clamp_len=4)
    if fault is not None:
        FAULTS[fault](ours, monkeypatch)
    answers = []
    with torch.no_grad():
        for model in (ours, oracle):
            order = {"perm_mask": forbidden(), "target_mapping": MAPPINGS["few"], "token_type_ids": types()}
            mems = model(input_ids=ids(), **order).mems
            answers.append(model(input_ids=ids(4), **order, mems=mems).logits)
    if fault is None:
        assert distance(*answers) <= EXACT
    else:
        assert distance(*answers) > 1e-3


# Configurations and inputs that cannot be


def test_configuration() -> None:
    config = hubformer.XLNetConfig(n_token=50, hidden_size=16, num_attention_heads=2, num_hidden_layers=1)
    assert (config.vocab_size, config.d_model, config.n_head, config.n_layer) == (50, 16, 2, 1)
    assert "d_head" not in config.to_diff_dict()  # 4.57.6 refuses null
    old = hubformer.XLNetConfig(**XLNET, d_head=8, output_past=True, untie_r=False, max_position_embeddings=9)
    assert (
        hubformer.XLNetModel(old).num_parameters()
        == hubformer.XLNetModel(hubformer.XLNetConfig(**XLNET)).num_parameters()
    )
    assert hubformer.XLNetConfig(mem_len=None, summary_activation=None).mem_len is None
    positional = hubformer.XLNetConfig(40, 16, 1, 2, 24, "relu")
    assert (positional.vocab_size, positional.ff_activation) == (40, "relu")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"n_head": 5}, "multiple"),
        ({"d_head": 4}, "d_head is 4"),
        ({"d_model": 33, "n_head": 3}, "even number"),
        ({"summary_type": "attn"}, "summary_type"),
        ({"attn_type": "both"}, "attn_type"),
        ({"clamp_len": -2}, "clamp_len"),
        ({"clamp_lenn": 3}, "clamp_len"),
        ({"summary_proj_to_labels": True}, "summary_proj_to_labels"),
    ],
)
def test_refused_configurations(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        hubformer.XLNetForSequenceClassification(hubformer.XLNetConfig(**{**XLNET, **wrong}))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"mems": [torch.zeros(2, 2, 32)]}, "mems holds 1 tensors"),
        ({"mems": [torch.zeros(2, 1, 32)] * 3}, "of the shape"),
        ({"perm_mask": torch.zeros(2, L)}, "perm_mask has the shape"),
        ({"target_mapping": torch.zeros(2, 3, L + 1)}, "target_mapping has the shape"),
        ({"target_mapping": torch.zeros(2, L)}, "target_mapping has the shape"),
        ({"input_mask": torch.zeros(2, L + 1)}, "input_mask has the shape"),
        ({"attention_mask": torch.ones(2, L + 1)}, "attention_mask has the shape"),
        ({"attention_mask": torch.ones(2, L, L)}, "perm_mask"),
        ({"token_type_ids": torch.zeros(2, L + 1, dtype=torch.long)}, "token_type_ids has the shape"),
        ({"use_memory": True}, "use_mems"),
    ],
)
def test_refused_inputs(given: dict[str, Any], says: str) -> None:
    model = hubformer.XLNetModel(hubformer.XLNetConfig(**XLNET)).eval()
    with pytest.raises((InputError, TypeError), match=says):
        model(ids(), **given)
