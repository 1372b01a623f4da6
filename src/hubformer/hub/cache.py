"""The folder of downloaded files, laid out as huggingface_hub lays it out, so that both share one copy.

Beside that layout a size is kept for each file (`.hubformer/<commit>/<file>`): a copy that was cut short by
a power loss is noticed without asking the server.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hubformer.errors import HubError
from hubformer.hub.fetch import COMMIT, Answer, Fetch, switched_on
from hubformer.storage import beside, write_file


def default_folder() -> Path:
    """Where downloads are kept, by the environment as it is now."""
    for variable, inside in (("HF_HUB_CACHE", ""), ("HUGGINGFACE_HUB_CACHE", ""), ("HF_HOME", "hub")):
        if value := os.environ.get(variable):
            return Path(os.path.expandvars(value)).expanduser() / inside
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "huggingface" / "hub"


@dataclass(frozen=True)
class Shelf:
    """One repository's part of the cache."""

    cache: Path
    title: str  # models--org--name

    @property
    def folder(self) -> Path:
        return self.cache / self.title

    def ref(self, revision: str) -> str | None:
        """The commit that a branch or tag had when it was last asked for."""
        try:
            commit = (self.folder / "refs" / revision).read_text().strip()
        except (OSError, UnicodeDecodeError):
            return None
        return commit if COMMIT.fullmatch(commit) else None

    def note_ref(self, revision: str, commit: str) -> None:
        """Best effort, as the cache may be read-only."""
        if self.ref(revision) != commit:
            # A ref without a snapshot is what huggingface_hub's own scan calls corrupt.
            with suppress(OSError):
                self.snapshot(commit).mkdir(parents=True, exist_ok=True)
                _write(self.folder / "refs" / revision, commit)

    def snapshot(self, commit: str) -> Path:
        return self.folder / "snapshots" / commit

    def find(self, commit: str, file: str) -> Path | None:
        """A cached file, whole or not."""
        path = self.snapshot(commit) / file
        return path if path.is_file() else None

    def damage(self, commit: str, file: str, *, size: int | None) -> str:
        """What is wrong with a cached file, or nothing; `size` is what the server said, if it was asked."""
        path = self.snapshot(commit) / file
        known = self._size(commit, file) if size is None else size
        found = path.stat().st_size
        return "" if known in (None, found) else f"{path} has {found} bytes where there should be {known}"

    def absent(self, commit: str, file: str) -> bool:
        """Whether the server said that there is no such file at this commit."""
        return (self.folder / ".no_exist" / commit / file).is_file()

    def note_absent(self, commit: str, file: str) -> None:
        """Best effort, as the cache may be read-only."""
        with suppress(OSError):
            _write(self.folder / ".no_exist" / commit / file, "")

    def add(self, file: str, *, answer: Answer, fetch: Fetch, again: bool = False) -> Path:
        """Put a file at its commit; one process downloads it, the others wait.

        Raises:
            HubError: the cache cannot be written to, or what `fetch` raises.
        """
        from huggingface_hub.utils import WeakFileLock  # type: ignore[attr-defined]

        assert answer.etag is not None
        blob = self.folder / "blobs" / answer.etag
        lock = self.cache / ".locks" / self.title / f"{answer.etag}.lock"
        path = self.snapshot(answer.commit) / file
        try:
            for folder in (blob.parent, lock.parent, path.parent):
                folder.mkdir(parents=True, exist_ok=True)
            with WeakFileLock(lock):
                if again or not _fits(blob, answer.size):
                    if not again and _fits(path, answer.size) and not path.is_symlink():
                        return path  # another process was faster, on a system without links
                    partial = blob.with_name(f"{answer.etag}.incomplete")
                    fetch(partial)
                    os.replace(partial, blob)
                _point(path, blob)
                size = answer.size if answer.size is not None else path.stat().st_size
                _write(self.folder / ".hubformer" / answer.commit / file, str(size))
        except HubError:
            raise
        except OSError as error:
            raise HubError(
                f"{file!r} cannot be kept in the cache {self.cache}: {error.strerror or error}. "
                "Make it writable, or choose another place with cache_dir= or HF_HUB_CACHE."
            ) from error
        return path

    def _size(self, commit: str, file: str) -> int | None:
        try:
            return int((self.folder / ".hubformer" / commit / file).read_text())
        except (OSError, ValueError):
            return None


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, content)


def _fits(path: Path, size: int | None) -> bool:
    return path.is_file() and (size is None or path.stat().st_size == size)


def _point(path: Path, blob: Path) -> None:
    if path.is_symlink() and path.exists() and os.path.samefile(path, blob):
        return
    temporary = beside(path)
    if not switched_on("HF_HUB_DISABLE_SYMLINKS"):
        with suppress(OSError, NotImplementedError):
            os.symlink(os.path.relpath(blob, path.parent), temporary)
            os.replace(temporary, path)
            return
        with suppress(OSError):
            temporary.unlink()
    # No links here (Windows without developer mode): the file itself moves.
    os.replace(blob, path)
