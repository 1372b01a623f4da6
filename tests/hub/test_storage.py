"""Files are replaced whole or not at all, whichever system call fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubformer.errors import InputError
from hubformer.storage import beside, check_name, commit_files, write_file

CALLS = ("open", "replace", "fsync", "link")
OLD = {"config.json": b"old", "index.json": b"old index", "old.safetensors": b"old weights"}
NEW = {"config.json": b"new", "index.json": b"new index", "new.safetensors": b"new weights"}


class Fails:
    """Makes the n-th of these calls fail, and tells how many there were."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, at: int) -> None:
        self.at, self.calls = at, 0
        for name in CALLS:
            monkeypatch.setattr(os, name, self._wrap(getattr(os, name)))

    def _wrap(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **how: Any) -> Any:
            self.calls += 1
            if self.calls == self.at:
                raise OSError(28, "No space left on device")
            return call(*args, **how)

        return wrapped


def read(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def old_folder(folder: Path) -> Path:
    folder.mkdir()
    for name, content in OLD.items():
        (folder / name).write_bytes(content)
    return folder


def save(folder: Path) -> None:
    shard = beside(folder / "new.safetensors")
    shard.write_bytes(b"new weights")
    shard.chmod(0o600)
    staged: dict[str, Path | bytes | str] = {
        "index.json": "new index",
        "new.safetensors": shard,
        "config.json": b"new",
    }
    commit_files(folder, staged, last=["index.json"], remove=["old.safetensors", "never-there.bin"])


def test_replaces_a_set_of_files(tmp_path: Path) -> None:
    folder = old_folder(tmp_path / "model")
    save(folder)
    assert read(folder) == NEW


def test_any_failing_call_leaves_the_old_folder(tmp_path: Path) -> None:
    for at in range(1, 100):
        folder = old_folder(tmp_path / str(at))
        with pytest.MonkeyPatch.context() as patch:
            fails = Fails(patch, at=at)
            try:
                save(folder)
            except OSError:
                failed = True
            else:
                failed = False
        found = read(folder)
        if not failed:
            assert found == NEW
            # a missing hard link is worked around, so go on until nothing fails any more
            if fails.calls < at:
                break
        elif found != NEW:  # only the last step, making removals durable, may fail after the change
            assert found == OLD, f"call {at} left {sorted(found)}"
    else:
        pytest.fail("more calls than expected")
    assert at > 15


def test_last_is_last_and_removal_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = old_folder(tmp_path / "model")
    steps: list[str] = []
    replace, unlink, fsync = os.replace, Path.unlink, os.fsync
    monkeypatch.setattr(os, "replace", lambda a, b: (steps.append(Path(b).name), replace(a, b)))
    monkeypatch.setattr(Path, "unlink", lambda p, **how: (steps.append(f"-{p.name}"), unlink(p, **how)))
    monkeypatch.setattr(os, "fsync", lambda n: (steps.append("sync"), fsync(n)))
    save(folder)
    seen = [step for step in steps if not step.endswith(".part")]
    index = seen.index("index.json")
    assert {"new.safetensors", "config.json"} < set(seen[:index])
    assert seen[index - 1] == seen[index + 1] == "sync"
    assert seen.index("-old.safetensors") > index


def test_kill_shows_old_or_new(tmp_path: Path) -> None:
    """A versioned set: whatever the moment, the index names complete files."""
    code = (
        "import sys; from hubformer.storage import commit_files\n"
        "for n in range(10**6):\n"
        "    new, old = f'w{n}.bin', [f'w{n - 1}.bin']\n"
        "    commit_files(sys.argv[1], {new: str(n) * 1000, 'index': new}, last=['index'], remove=old)\n"
    )
    for attempt in range(4):
        folder = tmp_path / str(attempt)
        process = subprocess.Popen([sys.executable, "-c", code, str(folder)])
        while not (folder / "index").exists():
            time.sleep(0.01)
        time.sleep(0.02 + 0.013 * attempt)
        process.send_signal(signal.SIGKILL)
        process.wait()
        named = (folder / "index").read_text()
        assert (folder / named).read_text() == named[1:-4] * 1000


@pytest.mark.skipif(os.name == "nt", reason="modes")
def test_modes_follow_the_umask(tmp_path: Path) -> None:
    for umask, mode in ((0o022, 0o644), (0o077, 0o600), (0o002, 0o664)):
        before = os.umask(umask)
        try:
            folder = tmp_path / oct(umask)
            folder.mkdir()
            save(folder)
            write_file(folder / "one.txt", "x")
        finally:
            os.umask(before)
        assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {mode}


def test_write_file(tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    for content in ("é\n\r\n", b"\0\xff"):
        write_file(path, content)
        assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
    for at in (1, 2, 3):
        with pytest.MonkeyPatch.context() as patch:
            Fails(patch, at=at)
            with pytest.raises(OSError, match="No space"):
                write_file(path, "new")
        assert read(tmp_path) == {"one.json": b"\0\xff"}
    (tmp_path / "target").write_text("kept")
    (tmp_path / "link").symlink_to("target")
    write_file(tmp_path / "link", "new")
    assert ((tmp_path / "target").read_text(), (tmp_path / "link").read_text()) == ("kept", "new")


def test_leftovers_of_a_killed_process_are_swept(tmp_path: Path) -> None:
    stale, fresh = beside(tmp_path / "a"), beside(tmp_path / "a")
    for path in (stale, fresh):
        path.write_text("x")
    os.utime(stale, (0, 0))
    commit_files(tmp_path, {"b": "x"})
    assert not stale.exists()
    assert fresh.exists()


def test_refusals(tmp_path: Path) -> None:
    for name in ("../x", "/x", "a//b", "a\\b", "..", ".", "", "a/./b", "C:x", "x\0"):
        with pytest.raises(InputError, match="plain relative name"):
            check_name(name)
        for how in ({"staged": {name: "x"}}, {"staged": {}, "remove": [name]}):
            with pytest.raises(InputError, match="plain relative name"):
                commit_files(tmp_path, **how)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="not among the staged"):
        commit_files(tmp_path, {"a": "x"}, last=["b"])
    with pytest.raises(InputError, match="both written and removed"):
        commit_files(tmp_path, {"a": "x"}, remove=["a"])
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file; expected a folder"):
        commit_files(tmp_path / "file", {"a": "x"})
    assert read(tmp_path) == {"file": b"x"}
    check_name("onnx/model.onnx")
