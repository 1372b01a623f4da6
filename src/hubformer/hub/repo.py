"""One repository or folder, at one commit, for the length of one call."""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, overload

from hubformer.errors import HubError, InputError, suggestion
from hubformer.hub.cache import Shelf, default_folder
from hubformer.hub.fetch import (
    COMMIT,
    Answer,
    HubUnreachable,
    Source,
    ask,
    download,
    list_files,
    switched_on,
)
from hubformer.storage import check_name

_log = logging.getLogger("hubformer")
_TYPES = ("model", "dataset", "space")
_WORD = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_WORD}(?:/{_WORD})?")
_PART = r"""[^-.\s\x00-\x1f\x7f/\\:?*\[~^<>|"'][^\s\x00-\x1f\x7f/\\:?*\[~^<>|"']*"""
_REVISION = re.compile(rf"{_PART}(?:/{_PART})*")  # it becomes a path in the cache
_DEEPEST = 3  # folders below a local one that are listed: nobody wants "/" to be walked


@dataclass
class _Hub:
    """What a Repo on a Hub needs beyond its public fields; `answers` and `names` fill as it is used."""

    source: Source
    shelf: Shelf
    subfolder: str
    force: bool
    offline: str = ""  # why no request is made, or nothing
    answers: dict[str, Answer] = field(default_factory=dict)
    fetched: set[str] = field(default_factory=set)
    names: frozenset[str] | None = None


@dataclass(frozen=True)
class Repo:
    """One repository or folder, at one commit, for the length of one call. Made by `open_repo`.

    All files come from `commit`, whatever is pushed to the branch meanwhile. A local folder has none.
    """

    name: str  # as the user gave it
    folder: Path | None  # of a local one, with the subfolder
    commit: str | None
    _hub: _Hub | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return f"The folder {self.folder}" if self._hub is None else str(self._hub.source)

    @overload
    def file(self, name: str, *, required: Literal[True] = True) -> Path: ...

    @overload
    def file(self, name: str, *, required: bool) -> Path | None: ...

    def file(self, name: str, *, required: bool = True) -> Path | None:
        """The local path of a file, downloaded if needed; None if it is absent and not required.

        Raises:
            HubUnreachable: it is not cached and the Hub cannot be reached, or must not be.
            HubError: it is absent, not readable, not a plain file inside the repository, arrived damaged,
                or is a git-lfs pointer instead of the content.
        """
        try:
            check_name(name)
        except InputError as error:
            raise HubError(f"{self} is asked for a file that it cannot hold: {error}") from error
        path = self._local(name) if self._hub is None else self._remote(name, self._hub)
        if path is None:
            if required:
                raise HubError(f"{self} has no file {name!r}.{self._instead(name)}")
            return None
        if path.stat().st_size < 200 and path.read_bytes().startswith(b"version https://git-lfs"):
            remedy = "Run `git lfs pull` there, or download the file itself."
            if self._hub is not None:
                remedy = "Whoever pushed it did so without git-lfs; ask them to push the content."
            raise HubError(f"{path} is a git-lfs pointer, not the content of {name!r}. {remedy}")
        return path

    def first(self, names: Sequence[str], *, what: str) -> tuple[str, Path]:
        """The first of these names that exists, with its path; `what` says what they all are.

        Raises:
            HubUnreachable: none is cached and the Hub cannot be reached, or must not be.
            HubError: none exists; the message says what there is.
        """
        for name in names:
            if (path := self.file(name, required=False)) is not None:
                return name, path
        expected = f"expected one of {', '.join(names)}"
        if self._hub is not None and self._hub.offline:
            raise HubUnreachable(f"No {what} of {self} is cached ({expected}), and {self._hub.offline}.")
        raise HubError(f"{self} holds no {what}: {expected}.{self._instead('')}")

    def within(self, folder: str) -> Repo:
        """The same commit, seen from one of its folders.

        Raises:
            InputError: the folder's name leads out of the repository.
        """
        if folder in ("", "."):
            return self
        check_name(folder)
        if self._hub is None:
            assert self.folder is not None
            return replace(self, folder=self.folder / folder)
        below = f"{self._hub.subfolder}/{folder}".lstrip("/")
        return replace(self, _hub=replace(self._hub, subfolder=below, names=None))

    def names(self) -> frozenset[str]:
        """What there is, relative to the subfolder. Listed once, so ask for known names with `file` first.

        Without a connection, what is cached.

        Raises:
            HubError: the Hub does not answer.
        """
        if self._hub is None:
            assert self.folder is not None
            return frozenset(_walk(self.folder))
        hub, commit = self._hub, self.commit or ""
        if hub.names is None:
            if hub.offline:
                found = _walk(hub.shelf.snapshot(commit) / hub.subfolder)
            else:
                found = sorted(list_files(hub.source, commit=commit, folder=hub.subfolder))
            hub.names = frozenset(name for name in found if _plain(name))
        return hub.names

    def _local(self, name: str) -> Path | None:
        assert self.folder is not None
        path = self.folder / name
        if not os.path.lexists(path):
            return None
        real, inside = Path(os.path.realpath(path)), Path(os.path.realpath(self.folder))
        if not real.is_relative_to(inside) and not _cached(path, self.folder):
            raise HubError(
                f"{path} is a link to {real}, outside {self.folder}. It is refused, since a downloaded "
                "folder could point at any file of yours; copy the file into the folder."
            )
        try:
            mode = real.stat().st_mode
        except OSError as error:
            raise HubError(f"{path} cannot be read: {error.strerror}. Repair or remove it.") from error
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "a pipe, socket or device"
            raise HubError(f"{path} is {kind}; expected a regular file.")
        if not os.access(real, os.R_OK):
            raise HubError(f"{path} may not be read by you. Change its permissions.")
        return path

    def _remote(self, name: str, hub: _Hub) -> Path | None:
        commit = self.commit or ""
        full = f"{hub.subfolder}/{name}" if hub.subfolder else name
        answer = hub.answers.get(full)
        again = hub.force and full not in hub.fetched
        if not again:
            path = hub.shelf.find(commit, full)
            damage = path and hub.shelf.damage(commit, full, size=answer.size if answer else None)
            if path and not damage:
                return path
            if not path and hub.shelf.absent(commit, full):
                return None
            if damage and hub.offline:
                raise HubUnreachable(f"The cached {full!r} of {self} is damaged: {damage}; {hub.offline}.")
            if hub.offline:
                return None
            if damage:
                _log.info("%s of %s is downloaded again: %s.", full, self, damage)
                again = True
        answer = answer or ask(hub.source, full, revision=commit)
        if answer.etag is None:
            hub.shelf.note_absent(commit, full)
            return None
        if answer.commit != commit:
            raise HubError(
                f"Asked for commit {commit} of {self}, the server answers with commit {answer.commit} for "
                f"{full!r}. It is refused; check HF_ENDPOINT and your proxy."
            )
        known = answer
        path = hub.shelf.add(
            full,
            answer=known,
            fetch=lambda into: download(hub.source, full, answer=known, into=into),
            again=again,
        )
        hub.fetched.add(full)
        return path

    def _instead(self, name: str) -> str:
        if self._hub is not None and self._hub.offline:
            return f" Nothing but the cache was asked, as {self._hub.offline}."
        try:
            there = sorted(self.names())
        except HubError:
            return ""
        listed = ", ".join(there[:12]) + (f" and {len(there) - 12} more" if len(there) > 12 else "")
        return f"{suggestion(name, there)} It holds: {listed or 'no files'}."


def open_repo(
    name_or_path: str | os.PathLike[str],
    *,
    revision: str | None = "main",
    token: str | bool | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    subfolder: str = "",
    local_files_only: bool = False,
    force_download: bool = False,
    repo_type: str = "model",
) -> Repo:
    """Open a folder, or a repository of the Hub at the commit that `revision` has now.

    An existing folder is local: no request is made for it. Otherwise a branch or tag costs one request, a
    full commit none. With `local_files_only` or HF_HUB_OFFLINE only the cache is used; when the Hub cannot
    be reached, the cache stands in if it knows the revision. HF_ENDPOINT, HF_TOKEN, HF_HUB_CACHE and HF_HOME
    are honoured as they are at the time of the call.

    Raises:
        InputError: an argument that cannot be meant: no name, an unknown `repo_type`, a revision or subfolder
            that is no name.
        HubUnreachable: the Hub cannot be reached, or must not be, and the revision is not cached.
        HubError: no such folder, repository or revision, or no access to it.
    """
    if not isinstance(name_or_path, (str, os.PathLike)):
        raise InputError(
            f"{name_or_path!r} names no repository; expected 'org/name' or the path of a folder."
        )
    name = os.fspath(name_or_path)
    if not isinstance(name, str) or not name.strip():
        raise InputError(f"{name!r} names no repository; expected 'org/name' or the path of a folder.")
    if repo_type not in _TYPES:
        raise InputError(f"repo_type is {repo_type!r}; expected one of {', '.join(_TYPES)}.")
    revision = "main" if revision is None else revision
    subfolder = subfolder.strip("/")
    if subfolder:
        check_name(subfolder)
    path = Path(name).expanduser()
    if path.is_dir():
        return _open_folder(name, path / subfolder)
    if path.exists():
        raise HubError(f"{name} is a file; expected a folder. Pass the folder that holds it: {path.parent}.")
    if not isinstance(name_or_path, str) or _path_like(name):
        raise HubError(f"There is no such folder: {name}. Names on the Hub look like 'org/name'.")
    if not _NAME.fullmatch(name) or "--" in name or ".." in name or name.endswith(".git"):
        raise HubError(
            f"{name!r} is neither a folder nor a name on the Hub; expected 'org/name' of letters, digits, "
            "'-', '_' and '.', at most 96 each."
        )
    if not _REVISION.fullmatch(revision) or ".." in revision:
        raise InputError(f"revision is {revision!r}; expected a branch, a tag or a commit.")
    source = Source(name=name, revision=revision, repo_type=repo_type, token=token)
    cache = default_folder() if cache_dir is None else Path(cache_dir).expanduser()
    shelf = Shelf(cache=cache, title="--".join((f"{repo_type}s", *name.split("/"))))
    offline = ""
    if local_files_only:
        offline = "local_files_only=True allows no request; pass False to download"
    elif switched_on("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        offline = "HF_HUB_OFFLINE allows no request; unset it to download"
    if offline and force_download:
        raise InputError(f"force_download=True asks for a download, but {offline}.")
    hub = _Hub(source=source, shelf=shelf, subfolder=subfolder, force=force_download, offline=offline)
    return Repo(name=name, folder=None, commit=_resolve(hub), _hub=hub)


def _resolve(hub: _Hub) -> str:
    """The commit of the revision, asked for through the file that nearly every caller reads first."""
    source, shelf, revision = hub.source, hub.shelf, hub.source.revision
    cached = shelf.ref(revision)
    if COMMIT.fullmatch(revision):
        cached = revision if shelf.snapshot(revision).is_dir() else None
        if not hub.offline:
            return revision
    if hub.offline:
        if cached is None:
            raise HubUnreachable(f"{source} is not in the cache {shelf.cache}, and {hub.offline}.")
        return cached
    probe = f"{hub.subfolder}/config.json" if hub.subfolder else "config.json"
    try:
        answer = ask(source, probe, revision=revision)
    except HubUnreachable as error:
        if cached is None or hub.force:
            raise
        hub.offline = f"the Hub could not be reached: {error}"
        _log.info(
            "%s cannot be reached; using the cached commit %s of %s.", source.endpoint, cached, source.name
        )
        return cached
    except HubError as error:
        if cached is None:
            raise
        raise HubError(f"{error} A cached copy exists; pass local_files_only=True to use it.") from error
    shelf.note_ref(revision, answer.commit)
    if answer.etag is None:
        shelf.note_absent(answer.commit, probe)
    elif answer.url == source.url(probe, revision=revision):
        # The content is fetched at the commit: the branch may move before that.
        hub.answers[probe] = replace(answer, url=source.url(probe, revision=answer.commit))
    return answer.commit


def _open_folder(name: str, folder: Path) -> Repo:
    if not folder.is_dir():
        raise HubError(f"There is no such folder: {folder}. Check subfolder=.")
    return Repo(name=name, folder=folder, commit=None)


def _path_like(name: str) -> bool:
    return name.startswith((".", "/", "~")) or name.count("/") > 1 or "\\" in name or name[1:2] == ":"


def _cached(path: Path, folder: Path) -> bool:
    # A snapshot folder of the cache is made of links into `blobs` beside it, and those may link into the
    # cache's shared `blobs`.
    for snapshot in (folder, *folder.parents):
        if snapshot.parent.name == "snapshots" and COMMIT.fullmatch(snapshot.name):
            repo = snapshot.parent.parent
            places = (repo / "blobs", repo.parent / "blobs")
            real = Path(os.path.realpath(path))
            return any(real.is_relative_to(os.path.realpath(place)) for place in places)
    return False


def _walk(folder: Path) -> list[str]:
    found: list[str] = []
    for here, below, files in os.walk(folder):
        inside = Path(here).relative_to(folder)
        if len(inside.parts) >= _DEEPEST:
            below.clear()
        found += ((inside / file).as_posix() for file in files)
    return found


def _plain(name: str) -> bool:
    try:
        check_name(name)
    except InputError:
        return False
    return True
