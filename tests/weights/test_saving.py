"""Saving: complete or not at all, whatever fails on the way; other readers read what was written."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import Tensor

from hubformer.errors import CheckpointError, InputError
from hubformer.weights import saving
from hubformer.weights.files import DTYPES, candidates, open_checkpoint
from hubformer.weights.saving import save_checkpoint

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
LARGE, SMALL = "5GB", 100  # of a shard: everything in one file, or two tensors in each


def weights(value: float) -> dict[str, Tensor]:
    return {f"layer.{place}": torch.full((3, 4), float(value + place)) for place in range(5)}


def read(folder: Path, variant: str | None = None) -> dict[str, Tensor]:
    """What a reader finds, which takes the first of the candidates that exists."""
    name = next(name for name in candidates(variant=variant) if (folder / name).exists())
    checkpoint = open_checkpoint(folder / name, mapped=False)
    return {name: checkpoint.read(name) for name in checkpoint.headers}


def same(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


# ---- what is written ------------------------------------------------------------------------------------


def test_the_library_reads_every_dtype(tmp_path: Path) -> None:
    torch.manual_seed(0)
    kinds = set(DTYPES.values()) & set(safetensors.torch._TYPES.values())
    tensors = {str(kind): (torch.randn(3, 5) * 9).to(kind) for kind in kinds}
    base = torch.randn(6, 4)
    tensors |= {
        "scalar": torch.tensor(2.0),
        "empty": torch.empty(0, 3),
        "transposed": base.t(),
        "é": torch.ones(1),
    }
    tensors |= {
        "conj": torch.randn(2, dtype=torch.complex64).conj(),
        "expanded": torch.ones(1, 1).expand(2, 3),
    }
    assert save_checkpoint(tmp_path / "new" / "folder", tensors) == (SINGLE,)
    path = tmp_path / "new" / "folder" / SINGLE
    found = safetensors.torch.load_file(path)
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert (found[name].dtype, found[name].shape) == (tensor.dtype, tensor.shape)
        raw = tensor.resolve_conj().contiguous().reshape(-1).view(torch.uint8)
        assert torch.equal(found[name].reshape(-1).view(torch.uint8), raw)
    with safetensors.safe_open(path, framework="pt") as file:
        assert file.metadata() == {"format": "pt"}
    content = path.read_bytes()
    assert (8 + int.from_bytes(content[:8], "little")) % 8 == 0


def test_shards_follow_the_size(tmp_path: Path) -> None:
    tensors = {"a": torch.zeros(10), "b": torch.zeros(15), "big": torch.zeros(100), "c": torch.zeros(1)}
    found = save_checkpoint(tmp_path, tensors, max_shard_size=100)
    assert found == (*(f"model-0000{place}-of-00003.safetensors" for place in (1, 2, 3)), INDEX)
    index = json.loads((tmp_path / INDEX).read_text())
    assert index["metadata"]["total_size"] == 4 * 126
    homes = {name: file[6:11] for name, file in index["weight_map"].items()}
    assert homes == {"a": "00001", "b": "00001", "big": "00002", "c": "00003"}
    assert names(tmp_path) == set(found)


@pytest.mark.parametrize(
    ("size", "bytes_"),
    [
        (1, 1),
        ("1", 1),
        ("5GB", 5 * 10**9),
        ("200MB", 2 * 10**8),
        ("1.5kb", 1500),
        (" 2 GiB ", 2**31),
        ("1TB", 10**12),
    ],
)
def test_sizes_are_parsed(size: int | str, bytes_: int) -> None:
    from hubformer.weights.saving import _bytes

    assert _bytes(size) == bytes_


@pytest.mark.parametrize("size", ["", "GB", "-5GB", "5 apples", 0, -1, True, "0GB", 1.5e300, "1e9", None])
def test_what_is_no_size_is_refused(tmp_path: Path, size: Any) -> None:
    with pytest.raises(CheckpointError, match="is no size"):
        save_checkpoint(tmp_path, weights(0), max_shard_size=size)


def test_file_modes_follow_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        save_checkpoint(tmp_path, weights(0), files={"config.json": "{}"}, max_shard_size=SMALL)
    finally:
        os.umask(old)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o640}


def test_a_save_over_mapped_weights_keeps_them(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, weights(1))
    checkpoint = open_checkpoint(tmp_path / SINGLE)
    mapped = {name: checkpoint.read(name) for name in checkpoint.headers}
    save_checkpoint(tmp_path, {name: value + 1 for name, value in mapped.items()})
    assert same(mapped, weights(1))
    save_checkpoint(tmp_path, mapped, max_shard_size=SMALL)
    assert same(read(tmp_path), weights(1))


def test_files_that_stay_the_same_are_not_touched(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, weights(1), files={"config.json": "{}", "sub/more.json": b"1"})
    os.utime(tmp_path / "config.json", ns=(0, 0))
    save_checkpoint(tmp_path, weights(2), files={"config.json": "{}", "sub/more.json": b"2"})
    assert (tmp_path / "config.json").stat().st_mtime_ns == 0
    assert (tmp_path / "sub" / "more.json").read_bytes() == b"2"


# ---- one version follows another ------------------------------------------------------------------------


@pytest.mark.parametrize("new", [LARGE, SMALL])
@pytest.mark.parametrize("old", [LARGE, SMALL, "bin", "sharded bin"])
def test_nothing_of_the_old_version_remains(tmp_path: Path, old: int | str, new: int | str) -> None:
    write_old(tmp_path, old)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "model.fp16.safetensors").write_bytes(b"another variant")
    (tmp_path / "model.fp16-00001-of-00001.safetensors").write_bytes(b"another variant")
    kept = {"config.json", "notes.txt", "model.fp16.safetensors", "model.fp16-00001-of-00001.safetensors"}
    found = save_checkpoint(tmp_path, weights(2), files={"config.json": "new"}, max_shard_size=new)
    assert same(read(tmp_path), weights(2))
    assert names(tmp_path) == {*found, *kept}


def test_new_shards_never_take_a_name_in_use(tmp_path: Path) -> None:
    generations = [set(save_checkpoint(tmp_path, weights(value), max_shard_size=SMALL)) for value in range(3)]
    assert generations[0] & generations[1] == generations[1] & generations[2] == {INDEX}
    assert "model-v2-00001-of-00003.safetensors" in generations[1]
    assert generations[2] == generations[0]
    assert same(read(tmp_path), weights(2))


def test_variants_live_side_by_side(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, weights(1))
    assert save_checkpoint(tmp_path, weights(2), variant="fp16") == ("model.fp16.safetensors",)
    found = save_checkpoint(tmp_path, weights(3), variant="fp16", max_shard_size=SMALL)
    assert found[0] == "model.fp16-00001-of-00003.safetensors"
    assert found[-1] == "model.safetensors.index.fp16.json"
    assert same(read(tmp_path), weights(1))
    assert same(read(tmp_path, variant="fp16"), weights(3))
    assert names(tmp_path) == {SINGLE, *found}


# ---- what is refused ------------------------------------------------------------------------------------


def test_pickles_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="writes safetensors only"):
        save_checkpoint(tmp_path, weights(0), safe_serialization=False)
    assert names(tmp_path) == set()


BASE = torch.arange(24.0).reshape(4, 6)
SHARED = {
    "the same tensor": (BASE, BASE),
    "a view of another shape": (BASE, BASE.view(6, 4)),
    "a transpose": (BASE, BASE.t()),
    "a part": (BASE, BASE[1]),
    "parts that overlap": (BASE[:3], BASE[2:]),
    "columns that overlap": (BASE[:, :4], BASE[:, 3:]),
    "another dtype": (BASE, BASE.view(torch.int32)),
    "another width": (BASE, BASE.view(torch.float16)),
    "an expanded row": (BASE, BASE[3].expand(5, 6)),
    "an expanded row first": (BASE[0].expand(5, 6), BASE),
}


@pytest.mark.parametrize("case", SHARED)
def test_names_that_share_memory_are_refused(tmp_path: Path, case: str) -> None:
    first, second = SHARED[case]
    with pytest.raises(CheckpointError, match=r"'(first|second)' shares memory with '(first|second)'"):
        save_checkpoint(tmp_path, {"first": first, "other": torch.ones(2), "second": second})
    assert names(tmp_path) == set()


def test_parts_of_one_storage_that_do_not_meet_are_written(tmp_path: Path) -> None:
    fused = torch.randn(6, 9)
    columns, rows = fused.chunk(3, dim=1), torch.randn(6, 2).chunk(2)
    tensors = dict(zip("abcde", (*columns, *rows), strict=True))
    save_checkpoint(tmp_path, tensors)
    assert same(read(tmp_path), tensors)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({}, "no tensor to save"),
        ({"a": torch.empty(2, device="meta")}, "'a' is on the meta device"),
        ({"a": torch.eye(2).to_sparse()}, "'a' is torch.sparse_coo"),
        ({"a": torch.ones(2, dtype=torch.complex128)}, r"'a' is torch\.complex128"),
        ({"__metadata__": torch.ones(2)}, "cannot stand in a header"),
        ({"a\ud800": torch.ones(2)}, "cannot stand in a header"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path: Path, tensors: dict[str, Tensor], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        save_checkpoint(tmp_path, tensors)
    assert names(tmp_path) == set()


def test_other_files_may_not_take_the_place_of_weights(tmp_path: Path) -> None:
    for name in (SINGLE, INDEX, "pytorch_model.bin"):
        with pytest.raises(CheckpointError, match="the name of a weights file"):
            save_checkpoint(tmp_path, weights(0), files={name: "{}"})
    for name in ("../config.json", "/config.json"):
        with pytest.raises(InputError, match="not a file name inside a folder"):
            save_checkpoint(tmp_path, weights(0), files={name: "{}"})
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="is a file; expected a folder"):
        save_checkpoint(tmp_path / "file", weights(0))
    with pytest.raises(CheckpointError, match="variant"):
        save_checkpoint(tmp_path, weights(0), variant="../x")
    assert names(tmp_path) == {"file"}


# ---- failures -------------------------------------------------------------------------------------------


def write_old(folder: Path, old: int | str) -> None:
    files = {"config.json": "old"}
    if "bin" not in str(old):
        save_checkpoint(folder, weights(1), files=files, max_shard_size=old)
        return
    (folder / "config.json").write_text("old")
    shards = {"pytorch_model.bin": weights(1)}
    if old == "sharded bin":
        shards = {
            f"pytorch_model-0000{i}-of-00002.bin": dict(list(weights(1).items())[i - 1 :: 2]) for i in (1, 2)
        }
        index = {"weight_map": {name: file for file, shard in shards.items() for name in shard}}
        (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    for name, shard in shards.items():
        torch.save(shard, folder / name)


class Killed(BaseException):
    pass


class Disk:
    """Counts every change to the disk and lets the n-th go wrong, or that and all after it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.count, self.wrong_at, self.error, self.stays = 0, 0, OSError, False
        for owner, name in [
            *((os, name) for name in ("open", "replace", "link", "fsync", "mkdir")),
            *((Path, name) for name in ("unlink", "chmod")),
        ]:
            patch.setattr(owner, name, self.checked(getattr(owner, name)))
        patch.setattr(os, "fdopen", self.opened(os.fdopen))
        patch.setattr(Path, "open", self.opened(Path.open))
        patch.setattr(saving, "save_file", self.saved(saving.save_file))

    def step(self) -> None:
        self.count += 1
        if self.wrong_at and (self.count == self.wrong_at or (self.stays and self.count > self.wrong_at)):
            raise self.error(errno.ENOSPC, "No space left on device")

    def checked(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def change(*arguments: Any, **more: Any) -> Any:
            self.step()
            return function(*arguments, **more)

        return change

    def saved(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The safetensors package, whose file is cut short."""

        def save(tensors: Any, path: Path, **more: Any) -> None:
            function(tensors, path, **more)
            try:
                self.step()
            except BaseException as error:
                os.truncate(path, os.path.getsize(path) // 2)
                if isinstance(error, OSError):
                    raise safetensors.SafetensorError(str(error)) from error
                raise

        return save

    def opened(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def opening(*arguments: Any, **more: Any) -> Any:
            if not any(isinstance(mode, str) and set(mode) & set("wxa") for mode in arguments[1:]):
                return function(*arguments, **more)
            self.step()
            return Writing(function(*arguments, **more), self)

        return opening


class Writing:
    """A file whose write fails half-way."""

    def __init__(self, file: Any, disk: Disk) -> None:
        self.file, self.disk = file, disk

    def write(self, content: bytes) -> None:
        try:
            self.disk.step()
        except BaseException:
            self.file.write(bytes(content)[: len(bytes(content)) // 2])
            raise
        self.file.write(content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def __enter__(self) -> Writing:
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()


def version(folder: Path) -> tuple[str, str]:
    found = read(folder)
    value = {"old": weights(1), "new": weights(2)}
    kinds = [name for name, expected in value.items() if same(found, expected)]
    assert len(kinds) == 1, "the folder holds neither version"
    return (folder / "config.json").read_text(), kinds[0]


def failing_saves(
    tmp_path: Path, patch: pytest.MonkeyPatch, *, old: int | str, new: int | str, error: Any, stays: bool
) -> list[tuple[Path, set[str], bool]]:
    """The folder after a save whose n-th change went wrong, for every n until a save comes through."""
    folders = []
    for wrong_at in range(1, 500):
        folder = tmp_path / f"at-{wrong_at}"
        folder.mkdir()
        write_old(folder, old)
        before = names(folder)
        with patch.context() as context:
            disk = Disk(context)
            disk.wrong_at, disk.error, disk.stays = wrong_at, error, stays
            try:
                save_checkpoint(folder, weights(2), files={"config.json": "new"}, max_shard_size=new)
                failed = False
            except (OSError, Killed):
                failed = True
        folders.append((folder, before, failed))
        if disk.count < wrong_at:
            assert not failed
            return folders
    raise AssertionError("no save came through")


OVER = pytest.mark.parametrize(
    ("old", "new"),
    [(LARGE, LARGE), (LARGE, SMALL), (SMALL, LARGE), (SMALL, SMALL), ("bin", LARGE), ("sharded bin", SMALL)],
)


@OVER
def test_an_error_at_any_step_leaves_one_whole_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: int | str, new: int | str
) -> None:
    folders = failing_saves(tmp_path, monkeypatch, old=old, new=new, error=OSError, stays=False)
    assert len(folders) > 15
    assert sum(failed for *_, failed in folders) > 12
    for folder, before, failed in folders:
        config, kind = version(folder)
        if not failed:
            assert (config, kind) == ("new", "new")
        elif kind == "old":
            # What switches from one file to shards is a removal, and only a failing removal has no way back.
            assert config == "old" or ((old, new) == (LARGE, SMALL) and (folder / INDEX).exists())
        if kind == "old" and config == "old":
            # Everything is as before, but for a temporary file that could not be removed.
            assert {name for name in names(folder) if not name.endswith(".part")} == before
        # The next save works and clears up.
        found = save_checkpoint(folder, weights(3), files={"config.json": "next"}, max_shard_size=new)
        assert same(read(folder), weights(3))
        left = {name for name in names(folder) if not name.endswith(".part")}
        assert left == {*found, "config.json"}


@OVER
@pytest.mark.parametrize("error", [OSError, Killed])
def test_a_kill_or_a_dead_disk_leaves_one_whole_version(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    old: int | str,
    new: int | str,
    error: type[BaseException],
) -> None:
    folders = failing_saves(tmp_path, monkeypatch, old=old, new=new, error=error, stays=True)
    assert len(folders) > 15
    versions = [version(folder) for folder, *_ in folders]
    assert versions[0] == ("old", "old")
    assert versions[-1] == ("new", "new")
    # Two files cannot be renamed in one step: the config goes just before the weights.
    between = [pair for pair in versions if pair[0] != pair[1]]
    assert set(between) <= {("new", "old")}
    assert len(between) <= (7 if (old, new) == (LARGE, SMALL) else 2)


def test_an_error_while_the_model_is_written_leaves_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_old(tmp_path, SMALL)
    before = names(tmp_path)

    def fail(tensor: Tensor) -> Tensor:
        raise RuntimeError("out of memory")

    monkeypatch.setattr("hubformer.weights.saving._plain", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        save_checkpoint(tmp_path, weights(2), max_shard_size=SMALL)
    assert names(tmp_path) == before
    assert version(tmp_path) == ("old", "old")


# ---- the oracle reads it --------------------------------------------------------------------------------


def test_transformers_loads_what_is_saved(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, vocab_size=50
    )
    for size in (LARGE, "5KB", "5KB", LARGE):  # the third has names of its own
        torch.manual_seed(len(names(tmp_path)))
        model = transformers.BertModel(config)
        files = {"config.json": config.to_json_string()}
        found = save_checkpoint(tmp_path, model.state_dict(), files=files, max_shard_size=size)
        assert (len(found) > 3) is (size != LARGE)
        loaded = transformers.BertModel.from_pretrained(tmp_path)
        assert same(dict(loaded.state_dict()), dict(model.state_dict()))
    save_checkpoint(tmp_path, model.state_dict(), max_shard_size="5KB")
    save_checkpoint(tmp_path, model.state_dict(), max_shard_size="5KB")
    loaded.save_pretrained(tmp_path)
    assert not [name for name in names(tmp_path) if re.search(r"-of-\d{5}", name)], "it clears up after us"
