"""Headers of safetensors files and of indices: what is sound reads equal, what is not is refused by name."""

from __future__ import annotations

import json
import os
import random
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch

from hubformer.errors import CheckpointError
from hubformer.weights.files import DTYPES, candidates, open_checkpoint

Entry = dict[str, object]
INDEX = "model.safetensors.index.json"


def entry(dtype: str, shape: list[int], begin: int, end: int) -> Entry:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def packed(header: object, data: bytes = b"", *, length: int | None = None) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(raw) if length is None else length).to_bytes(8, "little") + raw + data


def refusal(path: Path) -> str:
    started = time.process_time()
    with pytest.raises(CheckpointError) as caught:
        open_checkpoint(path)
    assert time.process_time() - started < 2
    message = str(caught.value)
    assert path.name in message
    return message


def numbers(dtype: torch.dtype, *shape: int) -> torch.Tensor:
    count = torch.Size(shape).numel() * dtype.itemsize
    raw = torch.randint(0, 2 if dtype == torch.bool else 256, (count,), dtype=torch.uint8)
    return raw.view(dtype).reshape(shape)


def same(left: torch.Tensor, right: torch.Tensor) -> bool:
    """Bit for bit, NaN included."""
    return (
        left.dtype == right.dtype
        and left.shape == right.shape
        and torch.equal(
            left.contiguous().reshape(-1).view(torch.uint8), right.contiguous().reshape(-1).view(torch.uint8)
        )
    )


# ---- sound files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mapped", [True, False])
def test_every_dtype_reads_as_the_library_wrote_it(tmp_path: Path, mapped: bool) -> None:
    torch.manual_seed(0)
    kinds = set(DTYPES.values()) & set(safetensors.torch._TYPES.values())
    assert len(kinds) >= 16 + hasattr(torch, "float8_e8m0fnu")  # which torch has from 2.7 on
    tensors = {str(kind): numbers(kind, 3, 4) for kind in kinds}
    tensors |= {
        "scalar": torch.tensor(2.5),
        "none": torch.empty(0, 7),
        "nan": torch.tensor([float("nan"), 1.0]),
    }
    safetensors.torch.save_file(
        tensors, tmp_path / "model.safetensors", metadata={"format": "pt", "by": "me"}
    )
    with open_checkpoint(tmp_path / "model.safetensors", mapped=mapped) as checkpoint:
        assert checkpoint.headers.keys() == tensors.keys()
        assert checkpoint.metadata == {"format": "pt", "by": "me"}
        assert checkpoint.files == (tmp_path / "model.safetensors",)
        for name, tensor in tensors.items():
            header = checkpoint.headers[name]
            assert (header.dtype, header.shape) == (tensor.dtype, tuple(tensor.shape))
            assert header.file == "model.safetensors"
            assert same(checkpoint.read(name), tensor)


def test_metadata_and_alignment_are_not_required(tmp_path: Path) -> None:
    data = torch.tensor([1.0, 2.0])
    for spaces in range(9):
        header = json.dumps({"a": entry("F32", [2], 0, 8)}).encode() + b" " * spaces
        path = tmp_path / f"{spaces}.safetensors"
        path.write_bytes(packed(header, data.numpy().tobytes()))
        checkpoint = open_checkpoint(path)
        assert torch.equal(checkpoint.read("a"), data)
        assert checkpoint.read("a").data_ptr() % 4 == 0
        assert checkpoint.metadata == {}


@pytest.mark.parametrize("low_byte", [0x1F, 0x3C, 0x50, 0x7B, 0x80, 0x89, 0x93])
def test_a_header_length_may_look_like_another_format(tmp_path: Path, low_byte: int) -> None:
    header = json.dumps({"a": entry("U8", [1], 0, 1)}).encode()
    for length in (low_byte, 0x0200 + low_byte, 0x8B00 + low_byte):
        if length >= len(header):
            path = tmp_path / "model.safetensors"
            path.write_bytes(packed(header.ljust(length), b"\x07"))
            assert open_checkpoint(path).read("a").tolist() == [7]


def test_mapped_tensors_are_private_and_share_no_storage(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file({"a": torch.zeros(4), "b": torch.ones(4)}, path)
    before = path.read_bytes()
    checkpoint = open_checkpoint(path)
    a, b = checkpoint.read("a"), checkpoint.read("b")
    assert a.untyped_storage().nbytes() == 16
    a.fill_(9)
    assert b.tolist() == [1, 1, 1, 1]
    assert path.read_bytes() == before
    checkpoint.close()
    assert a.tolist() == [9, 9, 9, 9]


def test_owned_tensors_do_not_follow_the_file(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file({"a": torch.zeros(4)}, path)
    owned = open_checkpoint(path, mapped=False).read("a")
    content = path.read_bytes()
    with path.open("r+b") as file:
        file.seek(len(content) - 16)
        file.write(b"\x01" * 16)
    assert owned.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("mapped", [True, False])
def test_a_file_that_changes_after_opening_is_noticed(tmp_path: Path, mapped: bool) -> None:
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file({"a": torch.zeros(400)}, path)
    checkpoint = open_checkpoint(path, mapped=mapped)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(CheckpointError, match=r"model\.safetensors now has .* open the checkpoint again"):
        checkpoint.read("a")
    path.unlink()
    with pytest.raises(CheckpointError, match="is gone"):
        checkpoint.read("a")


def test_an_unknown_tensor_is_suggested(tmp_path: Path) -> None:
    safetensors.torch.save_file({"encoder.weight": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"Did you mean 'encoder\.weight'"):
        open_checkpoint(tmp_path / "model.safetensors").read("encoder.wieght")


def test_opening_and_mapping_takes_milliseconds(tmp_path: Path) -> None:
    tensors = {f"layer.{place}.weight": torch.zeros(256, 256) for place in range(200)}
    safetensors.torch.save_file(tensors, tmp_path / "model.safetensors")
    fastest = 1.0
    for _ in range(5):
        started = time.perf_counter()
        checkpoint = open_checkpoint(tmp_path / "model.safetensors")
        for name in checkpoint.headers:
            checkpoint.read(name)
        fastest = min(fastest, time.perf_counter() - started)
    assert fastest < 0.03  # 3 ms on an idle machine; reading the 52 MB takes longer


# ---- W: damaged and hostile safetensors files -----------------------------------------------------------

GOOD = {"a": entry("F32", [2, 2], 0, 16), "b": entry("F32", [2], 16, 24)}
DATA = bytes(24)
BAD = {
    "W01 cut in the data": (packed(GOOD, DATA[:-5]), "is cut short: the file has .* its header needs"),
    "W02 cut in the header": (packed(GOOD)[:60], "is cut short: it has 60 bytes and its header alone needs"),
    "W03 header of 2**63 bytes": (packed(GOOD, DATA, length=2**63), "9,223,372,036,854,775,808 bytes"),
    "W03 header of 2**32 bytes": (packed(GOOD, DATA, length=2**32), "4,294,967,296 bytes"),
    "W03 header of no bytes": (packed(b"", DATA), "a header of 0 bytes"),
    "W04 header is no JSON": (packed(b'{"a": nothing}', DATA), "JSON cannot be read"),
    "W04 header is not UTF-8": (packed(b'{"\xff": 1}', DATA), "JSON cannot be read"),
    "W04 header is a list": (packed(b"[1, 2]", DATA), "expected a JSON object"),
    "W05 overlap": (packed({"a": GOOD["a"], "b": entry("F32", [4], 8, 24)}, DATA), "'b' overlaps 'a'"),
    "W06 hole": (
        packed({"a": GOOD["a"], "b": entry("F32", [1], 20, 24)}, DATA),
        "'b' leaves a hole of 4 bytes",
    ),
    "W06 hole at the start": (
        packed({"b": entry("F32", [1], 20, 24)}, DATA),
        "'b' leaves a hole of 20 bytes",
    ),
    "W06 bytes behind the end": (packed(GOOD, DATA + b"??"), "has bytes behind its last tensor"),
    "W07 shape overflows": (
        packed({"a": entry("F32", [2**40, 2**40], 0, 24)}, DATA),
        "more elements than 64 bits",
    ),
    "W07 an empty shape overflows": (
        packed({"a": entry("F32", [0, 2**62, 4], 0, 0)}),
        "more elements than 64 bits",
    ),
    "W08 unknown dtype": (packed({"a": entry("F33", [6], 0, 24)}, DATA), "the dtype 'F33'"),
    "W08 dtype is a list": (packed({"a": {**GOOD["a"], "dtype": ["F32"]}}, DATA), r"the dtype \['F32'\]"),
    "W10 shape and bytes differ": (
        packed({"a": entry("F32", [5], 0, 24)}, DATA),
        r"24 bytes; its shape \[5\]",
    ),
    "W10 negative size": (packed({"a": entry("F32", [-6], 0, 24)}, DATA), "a size or stride of -6"),
    "W10 size is a float": (packed({"a": {**GOOD["a"], "shape": [6.0]}}, DATA), r"a size or stride of 6\.0"),
    "W10 size is a bool": (packed({"a": {**GOOD["a"], "shape": [True]}}, DATA), "a size or stride of True"),
    "W10 shape is a number": (packed({"a": {**GOOD["a"], "shape": 6}}, DATA), "which is not a list"),
    "W10 65 dimensions": (packed({"a": entry("F32", [1] * 65, 0, 4)}, DATA[:4]), "65 dimensions"),
    "W10 offsets backwards": (packed({"a": entry("F32", [6], 24, 0)}, DATA), "-24 bytes"),
    "W10 three offsets": (packed({"a": {**GOOD["a"], "data_offsets": [0, 1, 2]}}, DATA), "the data_offsets"),
    "W10 negative offset": (packed({"a": entry("F32", [6], -24, 0)}, DATA), "the data_offsets"),
    "W10 entry is a number": (packed({"a": 3}, DATA), "not dtype, shape and data_offsets"),
    "W10 entry without offsets": (packed({"a": {"dtype": "F32", "shape": [6]}}, DATA), "not dtype, shape"),
    "W10 endless number": (packed(b'{"a": ' + b"9" * 100_000 + b"}", DATA), "a number has 100,000 digits"),
    "W10 metadata is no text": (packed({"__metadata__": {"a": 1}, **GOOD}, DATA), "__metadata__"),
    "W14 web page": (b"<!DOCTYPE html><html><head><title>Sign in</title>", "a web page"),
    "W14 web page after blanks": (b"\n\n  <html>" + bytes(100), "a web page"),
    "W14 error in JSON": (b'{"error":"Repository not found"}', "a JSON text"),
    "W14 plain text": (b"Entry not found and more text", "a plain text that begins with 'entry not found"),
    "W15 git-lfs pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:12", "git lfs pull"),
    "W16 duplicate key": (
        packed(b'{"a":%s,"a":%s}' % ((json.dumps(GOOD["a"]).encode(),) * 2), DATA),
        "'a' stands",
    ),
    "W17 20 MB of spaces": (
        packed(json.dumps(GOOD).encode() + b" " * 20_000_000, DATA),
        "padded with 20,000,000",
    ),
    "W18 no bytes": (b"", r"is empty \(0 bytes\)"),
    "W18 seven bytes": (b"\0" * 7, "has 7 bytes, too few"),
    "nested 100,000 deep": (packed(b'{"a":' * 100_000 + b"1" + b"}" * 100_000), "is cut short or damaged"),
    "pickle": (b"\x80\x02}q\x00." + bytes(64), "rename it to pytorch_model.bin"),
    "zip": (b"PK\x03\x04\x14\x00" + bytes(64), "rename it to pytorch_model.bin"),
    "gguf": (b"GGUF\x03\0\0\0" + bytes(64), "GGUF"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(64), "HDF5"),
    "numpy": (b"\x93NUMPY\x01\0" + bytes(64), "NumPy"),
}


@pytest.mark.parametrize("case", BAD)
def test_damaged_files_are_refused(tmp_path: Path, case: str) -> None:
    content, message = BAD[case]
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    found = refusal(path)
    assert re.search(message, found), found


def test_the_sound_twin_of_the_damaged_files_is_read(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(packed(GOOD, DATA))
    assert open_checkpoint(path).headers["a"].shape == (2, 2)


def test_w09_w13_what_a_tensor_holds_is_told_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(
        packed({"a": entry("I32", [1], 0, 4), "b": entry("F32", [1], 4, 8)}, b"\1\0\0\0\0\0\xc0\x7f")
    )
    checkpoint = open_checkpoint(path)
    assert checkpoint.headers["a"].dtype == torch.int32
    assert checkpoint.read("b").isnan().all()


# ---- names, links, pipes --------------------------------------------------------------------------------


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "folder.safetensors").mkdir()
    os.mkfifo(tmp_path / "pipe.safetensors")
    (tmp_path / "dangling.safetensors").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop.safetensors").symlink_to(tmp_path / "loop.safetensors")
    assert "is a folder" in refusal(tmp_path / "folder.safetensors")
    assert "is a pipe" in refusal(tmp_path / "pipe.safetensors")
    assert "nowhere, which does not exist" in refusal(tmp_path / "dangling.safetensors")
    assert "cannot be opened" in refusal(tmp_path / "loop.safetensors")
    assert "does not exist" in refusal(tmp_path / "absent.safetensors")


def test_a_link_may_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside.safetensors", tmp_path / "model"
    folder.mkdir()
    outside.write_bytes(packed(GOOD, DATA))
    (folder / "model.safetensors").symlink_to(outside)
    (folder / "inside.safetensors").write_bytes(packed(GOOD, DATA))
    (folder / "alias.safetensors").symlink_to("inside.safetensors")
    assert "leads out of its folder" in refusal(folder / "model.safetensors")
    assert "a" in open_checkpoint(folder / "alias.safetensors").headers
    assert "a" in open_checkpoint(outside).headers
    vouched = open_checkpoint(folder / "model.safetensors", shard=lambda name: folder / name)
    assert vouched.headers.keys() == GOOD.keys()


def test_the_links_of_a_hub_cache_are_followed(tmp_path: Path) -> None:
    repository = tmp_path / "models--org--name"
    snapshot = repository / "snapshots" / ("0" * 40)
    (repository / "blobs").mkdir(parents=True)
    (snapshot / "sub").mkdir(parents=True)
    (repository / "blobs" / "abc").write_bytes(packed(GOOD, DATA))
    (snapshot / "model.safetensors").symlink_to("../../blobs/abc")
    (snapshot / "sub" / "model.safetensors").symlink_to("../../../blobs/abc")
    (tmp_path / "secret").write_bytes(packed(GOOD, DATA))
    (snapshot / "stolen.safetensors").symlink_to(tmp_path / "secret")
    assert "a" in open_checkpoint(snapshot / "model.safetensors").headers
    assert "a" in open_checkpoint(snapshot / "sub" / "model.safetensors").headers
    assert "leads out of its folder" in refusal(snapshot / "stolen.safetensors")


def test_the_candidates_come_best_first() -> None:
    assert candidates() == (
        "model.safetensors",
        "model.safetensors.index.json",
        "pytorch_model.bin",
        "pytorch_model.bin.index.json",
    )
    assert candidates(variant="fp16", use_safetensors=True) == (
        "model.fp16.safetensors",
        "model.safetensors.index.fp16.json",
    )
    assert candidates(use_safetensors=False) == ("pytorch_model.bin", "pytorch_model.bin.index.json")
    for variant in ("../x", "a/b", "a\\b", "a\0", ".."):
        with pytest.raises(CheckpointError, match="cannot be part of a file name"):
            candidates(variant=variant)


# ---- I: the index ---------------------------------------------------------------------------------------


@pytest.fixture
def sharded(tmp_path: Path) -> Path:
    folder = tmp_path / "sharded"
    folder.mkdir()
    safetensors.torch.save_file({"a": torch.ones(2), "b": torch.zeros(3)}, folder / "one.safetensors")
    safetensors.torch.save_file({"c": torch.full((4,), 7)}, folder / "two.safetensors", metadata={"x": "y"})
    write_index(folder, {"a": "one.safetensors", "b": "one.safetensors", "c": "two.safetensors"})
    return folder


def write_index(folder: Path, weight_map: object, **more: object) -> Path:
    (folder / INDEX).write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": weight_map, **more}))
    return folder / INDEX


def test_shards_read_as_one(sharded: Path) -> None:
    checkpoint = open_checkpoint(sharded / INDEX)
    assert list(checkpoint.headers) == ["a", "b", "c"]
    assert checkpoint.headers["c"].file == "two.safetensors"
    assert checkpoint.files == (sharded / "one.safetensors", sharded / "two.safetensors")
    assert checkpoint.read("c").tolist() == [7] * 4
    assert checkpoint.metadata == {"x": "y"}


def test_shards_are_fetched_where_the_caller_says(sharded: Path, tmp_path: Path) -> None:
    asked: list[str] = []

    def fetch(name: str) -> Path:
        asked.append(name)
        return (sharded / name).rename(tmp_path / f"blob-{name}")

    checkpoint = open_checkpoint(sharded / INDEX, shard=fetch)
    assert asked == ["one.safetensors", "two.safetensors"]
    assert checkpoint.headers["a"].file == "one.safetensors"
    assert checkpoint.read("b").tolist() == [0] * 3


OUTSIDE = (
    "../one.safetensors",
    "/etc/passwd",
    "a/../one.safetensors",
    "C:one",
    "..",
    ".",
    "",
    "a\\b",
    "a\0b",
    7,
    None,
    ["x"],
)


@pytest.mark.parametrize("file", OUTSIDE)
def test_i01_i02_i07_shard_names_are_plain(sharded: Path, file: object) -> None:
    path = write_index(sharded, {"a": "one.safetensors", "b": file})
    found = refusal(path)
    assert "puts the tensor 'b' into" in found
    assert "without a path" in found


def test_i03_an_absent_shard_is_named(sharded: Path) -> None:
    (sharded / "two.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"two\.safetensors does not exist"):
        open_checkpoint(sharded / INDEX)


def test_i04_a_tensor_that_the_shard_lacks_is_named(sharded: Path) -> None:
    whole = {"a": "one.safetensors", "b": "one.safetensors", "c": "two.safetensors"}
    assert "promises 'd' in two.safetensors" in refusal(
        write_index(sharded, whole | {"d": "two.safetensors"})
    )
    # The right shards hold it, but the index looks in the wrong one.
    assert "promises 'b' in two.safetensors" in refusal(
        write_index(sharded, whole | {"b": "two.safetensors"})
    )


def test_i06_a_tensor_that_the_index_lacks_is_named(sharded: Path) -> None:
    path = write_index(sharded, {"a": "one.safetensors", "c": "two.safetensors"})
    assert "does not mention 'b', which one.safetensors holds" in refusal(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"metadata": {"total_size": 1}, "weight_map": {', "is cut short or damaged"),
        (b"", "is empty"),
        (b"[]", "not an object"),
        (b"{}", "has no weight_map"),
        (b'{"weight_map": {}}', "has no weight_map"),
        (b'{"weight_map": ["a"]}', "has no weight_map"),
        (b'{"weight_map": {"a": "one.safetensors", "a": "two.safetensors"}}', "'a' stands in it twice"),
        (b"<html>sign in</html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b'{"a":' * 100_000, "is cut short or damaged"),
    ],
)
def test_i05_a_damaged_index_is_refused(sharded: Path, content: bytes, message: str) -> None:
    (sharded / INDEX).write_bytes(content)
    assert message in refusal(sharded / INDEX)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: os.symlink("/etc/hostname", path)])
def test_i08_a_shard_that_is_no_file_of_the_folder_is_refused(
    sharded: Path, make: Callable[[Path], None]
) -> None:
    (sharded / "two.safetensors").unlink()
    make(sharded / "two.safetensors")
    with pytest.raises(CheckpointError, match=r"two\.safetensors is a (pipe|folder|link that leads out)"):
        open_checkpoint(sharded / INDEX)


# ---- fuzz -----------------------------------------------------------------------------------------------


def test_300_mutated_files_read_equal_or_are_refused(tmp_path: Path) -> None:
    torch.manual_seed(0)
    tensors = {"a.weight": torch.randn(4, 3), "a.bias": torch.randn(3).half(), "ids": torch.arange(5)}
    safetensors.torch.save_file(tensors, tmp_path / "good.safetensors")
    good = (tmp_path / "good.safetensors").read_bytes()
    size = int.from_bytes(good[:8], "little")
    dice, path, refused = random.Random(7), tmp_path / "model.safetensors", 0
    for _ in range(300):
        bad = bytearray(good)
        for _ in range(dice.choice([1, 1, 1, 3])):
            place = dice.randrange(min(len(bad), 8 + size))
            match dice.randrange(5):
                case 0:
                    bad[place] ^= 1 << dice.randrange(8)
                case 1:
                    bad[place] = dice.choice(b'0123456789,:{}[]"-eE. \0\xff')
                case 2 if len(bad) > 1:
                    del bad[place]
                case 3:
                    bad.insert(place, dice.choice(b"0123456789,:{}[]-e"))
                case 4:
                    del bad[dice.randrange(1, len(bad) + 1) :]
        path.write_bytes(bad)
        try:
            checkpoint = open_checkpoint(path)
            found = {name: checkpoint.read(name) for name in checkpoint.headers}
        except CheckpointError as error:
            assert "model.safetensors" in str(error)  # noqa: PT017
            refused += 1
            continue
        # A flipped letter in a name, or another dtype of the same width, is still a sound file:
        # then the library reads the very same tensors.
        library = safetensors.torch.load(bytes(bad))
        assert found.keys() == library.keys()
        assert all(same(found[name], library[name]) for name in found)
    assert 200 < refused < 300
