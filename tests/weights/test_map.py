from __future__ import annotations

import pytest
import torch

from hubformer.errors import CheckpointError
from hubformer.weights.changes import TRANSPOSE, cut, reshape
from hubformer.weights.map import Inside, JoinedMap, WeightMap, row

MAP = WeightMap(
    rows=(
        row("m.h.{i}.attn.weight", "b.{i}.q.weight", "b.{i}.k.weight", change=TRANSPOSE.then(cut(2))),
        row("m.h.{i}.norm.*", "b.{i}.norm.*"),
        row("m.flat", "flat", change=reshape((6,), (2, 3))),
    ),
    prefix="m.",
)
OURS = {
    "b.0.q.weight": torch.arange(6.0).view(2, 3),
    "b.0.k.weight": torch.arange(6.0, 12.0).view(2, 3),
    "b.0.norm.weight": torch.ones(3),
    "b.0.norm.bias": torch.zeros(3),
    "flat": torch.arange(6.0).view(2, 3),
}


HUB = {
    "m.h.0.attn.weight": torch.arange(12.0).view(3, 4),
    "m.h.0.norm.weight": torch.ones(3),
    "m.h.0.norm.bias": torch.zeros(3),
    "m.flat": torch.arange(6.0),
}


def test_to_the_hub_and_back_is_the_same() -> None:
    transfers = MAP.transfers(OURS)
    assert sorted(name for row in transfers for name in row.hub) == sorted(HUB)
    for transfer in transfers:
        ours = [OURS[name] for name in transfer.ours]
        stored = transfer.change.save(ours)
        assert [tensor.shape for tensor in stored] == [HUB[name].shape for name in transfer.hub]
        for tensor, expected in zip(transfer.change.load(stored), ours, strict=True):
            assert torch.equal(tensor, expected)


def test_a_bare_map_writes_without_the_prefix() -> None:
    bare = WeightMap(MAP.rows, prefix="m.", bare=True)
    assert bare.written("m.h.0.attn.weight") == "h.0.attn.weight"
    assert bare.full("h.0.attn.weight") == "m.h.0.attn.weight"
    assert bare.full("added.weight") == "added.weight"


def test_a_tied_tensor_is_filed_once_and_a_copy_twice() -> None:
    weights = WeightMap(MAP.rows, tied=(("alias", "m.flat"),), duplicates=(("copy", "m.h.0.norm.bias"),))
    tied = weights.to_hub({**HUB, "alias": HUB["m.flat"]})
    assert tied.keys() == {*HUB, "copy"}
    assert torch.equal(tied["copy"], tied["m.h.0.norm.bias"])
    assert tied["copy"].data_ptr() != tied["m.h.0.norm.bias"].data_ptr()
    apart = weights.to_hub({**HUB, "alias": torch.ones(6)})
    assert torch.equal(apart["alias"], torch.ones(6))


def test_a_parameter_without_a_row_or_with_two() -> None:
    with pytest.raises(CheckpointError, match=r"'other' matches 0 rows"):
        MAP.transfers({"other": torch.ones(1)})
    twice = WeightMap((*MAP.rows, row("m.again", "flat")))
    with pytest.raises(CheckpointError, match=r"'flat' matches 2 rows"):
        twice.transfers(OURS)


def test_joined_maps_keep_their_own_names_apart() -> None:
    old = WeightMap(
        MAP.rows, prefix="m.", bare=True, tied=(("alias", "m.flat"),), old_names=((r"^gone\.", "h."),),
        ignored=(r"^mask$",), optional=(r"^m\.flat$",),
    )  # fmt: skip
    homes = (("b.", "left."), ("flat", "flat_left"))
    right = tuple((alone, whole.replace("left", "right")) for alone, whole in homes)
    joined = JoinedMap.of(
        (Inside(old, "one.", homes), Inside(MAP, "two.", right)), (row("between.*", "bridge.*"),)
    )
    ours = {
        whole + name.removeprefix(alone): tensor
        for pairs in (homes, right)
        for alone, whole in pairs
        for name, tensor in OURS.items()
        if name.startswith(alone)
    }
    hub = {name for row in joined.transfers({**ours, "bridge.weight": torch.ones(1)}) for name in row.hub}
    assert {"one.flat", "one.h.0.norm.bias", "two.m.flat", "two.m.h.0.attn.weight", "between.weight"} < hub
    assert len(hub) == 9
    assert joined.tied == (("one.alias", "one.flat"),)
    assert joined.today("one.gone.0.norm.bias") == "one.h.0.norm.bias"
    assert joined.today("two.gone.0.norm.bias") == "two.gone.0.norm.bias"
    assert [joined.ignores(name) for name in ("one.mask", "two.mask", "mask")] == [True, False, False]
    assert [joined.may_lack(name) for name in ("one.m.flat", "two.m.flat")] == [True, False]
