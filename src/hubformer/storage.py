"""Writing files so that a crash, a full disk or a lost connection leaves the old version or the new one.

The bottom layer: whoever writes to a user's folder goes through here. Content is complete and on the disk
under a temporary name before anything is renamed; renaming is the only step a reader can see.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath, PureWindowsPath

from hubformer.errors import InputError

_SUFFIX = ".part"
_STALE_SECONDS = 3600  # nobody pauses this long in the middle of one file


def beside(path: str | os.PathLike[str]) -> Path:
    """A free temporary name next to `path`, so that renaming one to the other is a single step.

    Write there, then hand the result to `commit_files`; a name that is left behind by a killed process
    is swept by a later `commit_files` in the same folder.
    """
    path = Path(path)
    return path.with_name(f".{path.name}.{secrets.token_hex(6)}{_SUFFIX}")


def write_file(path: str | os.PathLike[str], content: bytes | str) -> None:
    """Replace one file: readers see all of the old content or all of the new, also after a power loss.

    Text is written as UTF-8, its line ends as they are; the mode follows the umask. The folder must exist.

    Raises:
        OSError: the disk is full, the folder is missing or not writable; the old file is untouched.
    """
    path = Path(path)
    temporary = beside(path)
    try:
        _write_new(temporary, content)
        os.replace(temporary, path)
    except BaseException:
        _forget([temporary])
        raise
    sync_folder(path.parent)


def commit_files(
    folder: str | os.PathLike[str],
    staged: Mapping[str, Path | bytes | str],
    *,
    last: Sequence[str] = (),
    remove: Collection[str] = (),
) -> None:
    """Bring a set of files into a folder as one step, then remove what they replace.

    `staged` maps names inside the folder to content, or to the Path of a finished temporary file (from
    `beside`) that is renamed in and so disappears. The names in `last` (an index, a completeness marker)
    are renamed after all others are on the disk, in the order given, and `remove` is deleted after that.
    Missing names in `remove` are fine.

    An error before the removal puts back what was there and deletes what was staged; an error during it is
    raised with the new files in place. A kill between two renames cannot be undone, so give
    files whose *set* matters new names and put the file that names them in `last`.

    Raises:
        InputError: a name that leaves the folder, is in `last` but not staged, or is staged and removed.
        OSError: the disk is full or the folder is not writable; the folder is as it was.
    """
    folder = Path(folder)
    for name in (*staged, *remove):
        check_name(name)
    if absent := [name for name in last if name not in staged]:
        raise InputError(f"These names are to be written last but are not among the staged files: {absent}.")
    if both := [name for name in remove if name in staged]:
        raise InputError(f"These names are both written and removed: {both}.")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; expected a folder to write to.")
    order = [name for name in staged if name not in last]
    ready = {name: content for name, content in staged.items() if isinstance(content, Path)}
    kept: dict[str, Path | None] = {}  # what stood under each name before, None for nothing
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        for name, content in staged.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                _adopt(content, target)
            else:
                ready[name] = beside(target)
                _write_new(ready[name], content)
        for names in (order, *([name] for name in last)):
            for name in names:
                kept[name] = _keep(folder / name)
                os.replace(ready[name], folder / name)
            for parent in {(folder / name).parent for name in names}:
                sync_folder(parent)
    except BaseException:
        for name, old in kept.items():
            with suppress(OSError):
                if old is not None:
                    os.replace(old, folder / name)
                    _forget([old])  # renaming a file onto another name of itself does nothing
                elif not ready[name].exists():
                    (folder / name).unlink(missing_ok=True)
        _forget(ready.values())
        raise
    _forget(old for old in kept.values() if old is not None)
    for name in remove:
        with suppress(FileNotFoundError):
            (folder / name).unlink()
    if remove:
        sync_folder(folder)


def check_name(name: str) -> None:
    """Refuse a name that is not a plain relative name inside a folder.

    Raises:
        InputError: empty, absolute, with `..`, a backslash, a drive letter or a NUL.
    """
    posix = PurePosixPath(name)
    if (
        not name
        or "\\" in name
        or "\0" in name
        or posix.is_absolute()
        or PureWindowsPath(name).drive
        or any(part in ("", ".", "..") for part in name.split("/"))
    ):
        raise InputError(
            f"{name!r} is not a file name inside a folder: expected a plain relative name without '..', "
            "without a leading '/' and without a backslash."
        )


def sync_folder(folder: str | os.PathLike[str]) -> None:
    """Make the renames in a folder survive a power loss, where the system can."""
    if os.name == "nt":  # folders cannot be opened there, and renames are journalled
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_new(path: Path, content: bytes | str) -> None:
    # O_EXCL: never through a link that somebody put there; 0o666 is what the umask then narrows.
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(handle, "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())


def _adopt(path: Path, target: Path) -> None:
    # Other writers create their files 0600 whatever the umask; asking for the umask itself would race
    # with other threads, so a new empty file tells the mode.
    probe = beside(target)
    try:
        _write_new(probe, b"")
        path.chmod(probe.stat().st_mode & 0o777)
    finally:
        _forget([probe])
    handle = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _keep(path: Path) -> Path | None:
    if not os.path.lexists(path):
        return None
    old = beside(path)
    try:
        os.link(path, old, follow_symlinks=False)
    except (OSError, NotImplementedError):  # file systems without hard links: a moment without the file
        os.replace(path, old)
    return old


def _forget(paths: Iterable[Path]) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink()


def _sweep(folder: Path) -> None:
    for path in folder.glob(f".*{_SUFFIX}"):
        with suppress(OSError):
            if time.time() - path.lstat().st_mtime > _STALE_SECONDS:
                path.unlink()
