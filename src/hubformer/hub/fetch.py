"""Talking to a Hub: one request at a time, few retries, and one clear error for each way it can fail.

The requests go through huggingface_hub's session, but not through its download function: that one retries for
up to a minute, asks a registry of agents for its user-agent header, makes paths of what the server says
before it is checked, compares no content, and loses ten megabytes when a connection breaks.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urljoin, urlsplit

from hubformer.errors import HubError, HubformerError

DEFAULT_ENDPOINT = "https://huggingface.co"
COMMIT = re.compile(r"[0-9a-f]{40}")
_ETAG = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

_ANSWER_SECONDS = 4.0  # until a first answer; HF_HUB_ETAG_TIMEOUT overrides it
_CONTENT_SECONDS = 10.0  # between two pieces of content; HF_HUB_DOWNLOAD_TIMEOUT overrides it
_TRIES = 3  # of one request, or of one file without progress
_PAUSE_SECONDS = 0.25  # before the second try, doubled before the third
_LONGEST_PAUSE_SECONDS = 3.0  # however long the server asks for
_OFFLINE_REMEDY = "Pass local_files_only=True, or set HF_HUB_OFFLINE=1, to work with cached files only."


Fetch = Callable[[Path], None]  # writes a verified file to the path it is given


class HubUnreachable(HubError):
    """The Hub gives no usable answer (offline, refused, timed out, 5xx) and the cache cannot stand in."""


def current_endpoint() -> str:
    """HF_ENDPOINT as it is now; huggingface_hub reads it only when it is imported.

    Raises:
        HubError: it is not an http or https address.
    """
    endpoint = (os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/")
    if not re.fullmatch(r"https?://[^/\s]+(/\S*)?", endpoint):
        raise HubError(
            f"HF_ENDPOINT is {endpoint!r}; expected an address like {DEFAULT_ENDPOINT}. Correct or unset it."
        )
    return endpoint


def switched_on(*variables: str) -> bool:
    """Whether any of these environment variables is set to yes."""
    return any(os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE") for name in variables)


@dataclass(frozen=True)
class Answer:
    """What the server says about one file. Every field is checked before anything is written."""

    commit: str
    etag: str | None  # git's blob id or the content's sha256, in hex; None: there is no such file
    size: int | None = None  # in bytes
    url: str = ""  # where the content is, on the Hub or behind a redirect


@dataclass(frozen=True)
class Source:
    """One repository on one Hub, and who asks."""

    name: str
    revision: str
    endpoint: str = field(default_factory=current_endpoint)
    repo_type: str = "model"
    token: str | bool | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.title} on {self.endpoint}"

    @property
    def title(self) -> str:
        """The repository, without saying on which Hub."""
        kind = "" if self.repo_type == "model" else f"the {self.repo_type} "
        return f"{kind}{self.name!r} at revision {self.revision!r}"

    @property
    def page(self) -> str:
        """The address a person opens."""
        return f"{self.endpoint}/{'' if self.repo_type == 'model' else self.repo_type + 's/'}{self.name}"

    def url(self, file: str, *, revision: str) -> str:
        """Where a file can be fetched by hand."""
        return f"{self.page}/resolve/{quote(revision, safe='')}/{quote(file)}"

    @cached_property
    def secret(self) -> str | None:
        """The token to send, or None."""
        if isinstance(self.token, str):
            return self.token
        if self.token is False or (self.token is None and switched_on("HF_HUB_DISABLE_IMPLICIT_TOKEN")):
            return None
        from huggingface_hub import get_token

        try:
            found: str | None = get_token()
        except Exception as error:
            raise HubError(
                f"The token of this machine cannot be read: {reason_of(error)}. "
                "Pass token=, set HF_TOKEN, or pass token=False to go without."
            ) from error
        if found is None and self.token is True:
            raise HubError(
                "token=True asks for the token of this machine, but there is none. "
                "Set HF_TOKEN, run `hf auth login`, or pass the token itself."
            )
        return found

    def headers(self, url: str) -> dict[str, str]:
        """The token goes to the endpoint only, never to where it redirects."""
        # Without "identity" a compressing proxy hides the size.
        headers = {"user-agent": "hubformer", "accept-encoding": "identity"}
        if self.secret and _origin(url) == _origin(self.endpoint):
            headers["authorization"] = f"Bearer {self.secret}"
        return headers


def ask(source: Source, file: str, *, revision: str) -> Answer:
    """What the Hub holds under a name: one HEAD request.

    Raises:
        HubUnreachable: no usable answer.
        HubError: no such repository or revision, no access, or an answer that no Hub gives.
    """
    url = source.url(file, revision=revision)
    for _ in range(10):
        response = _request(source, "HEAD", url)
        target = response.headers.get("location") if 300 <= response.status_code < 400 else None
        if target is None:
            break
        target = urljoin(url, target)
        if _origin(target) not in (_origin(url), _origin(source.endpoint), _origin(DEFAULT_ENDPOINT)):
            break  # storage elsewhere: this answer has the metadata, that address the content
        url = target
    else:
        raise HubUnreachable(
            f"Too many redirects for {file!r} of {source}. Check HF_ENDPOINT and your proxy."
        )
    headers = response.headers
    commit = headers.get("x-repo-commit")
    if response.status_code == 404 and _missing_entry(response, revision):
        # Some mirrors leave the commit out of a 404.
        commit = commit or (revision if COMMIT.fullmatch(revision) else _commit(source, revision))
        return Answer(_checked_commit(commit, source), None)
    refuse_failure(response, source, what=file)
    if commit is None:
        kind = "an HTML page" if "html" in headers.get("content-type", "") else "no X-Repo-Commit header"
        raise _no_hub(source, f"{kind} for {file!r} of {source.title}")
    etag = (headers.get("x-linked-etag") or headers.get("etag") or "").removeprefix("W/").strip('"')
    if not _ETAG.fullmatch(etag):
        raise HubError(
            f"The server gives {file!r} of {source} the etag {etag[:80]!r}; expected 40 or 64 hex digits. "
            "It is refused, since it would become a file name. Check HF_ENDPOINT and your proxy."
        )
    size = headers.get("x-linked-size")
    if size is None and target is None and "content-encoding" not in headers:
        size = headers.get("content-length")
    known = int(size) if size is not None and size.isdecimal() else None
    return Answer(_checked_commit(commit, source), etag, known, target or url)


def list_files(source: Source, *, commit: str, folder: str = "") -> frozenset[str]:
    """Every file name at a commit, relative to `folder`: one request per thousand.

    Raises:
        HubError: as `ask`.
    """
    base = f"{source.endpoint}/api/{source.repo_type}s/{source.name}/tree/{commit}"
    url: str | None = (f"{base}/{quote(folder)}" if folder else base) + "?recursive=true&expand=false"
    names: set[str] = set()
    for _ in range(100):
        if url is None:
            break
        response = _request(source, "GET", url)
        if response.status_code == 404 and response.headers.get("x-error-code") == "EntryNotFound":
            break
        refuse_failure(response, source, what="the list of files")
        entries = _json(response, source)
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict) and entry.get("type") == "file":
                names.add(str(entry.get("path")).removeprefix(f"{folder}/" if folder else ""))
        link = re.search(r'<([^>]+)>;\s*rel="next"', response.headers.get("link", ""))
        url = urljoin(url, link[1]) if link else None
        if url and _origin(url) != _origin(source.endpoint):
            break
    return frozenset(names)


def download(source: Source, file: str, *, answer: Answer, into: Path) -> None:
    """Fetch a file's content, continue what is there already, and verify it.

    A broken connection continues where it broke; a wrong size or content starts over once. What is left
    in `into` after a broken connection is continued by the next call; wrong content is deleted.

    Raises:
        HubUnreachable: the connection broke again and again without progress.
        HubError: the content is not what the server announced, twice; the disk is full.
    """
    wrong = ""
    for _ in range(2):
        _receive(source, file, answer=answer, into=into)
        wrong = _difference(into, answer)
        if not wrong:
            return
        if _looks_like_html(into) and not file.endswith((".html", ".htm")):
            wrong += "; it is an HTML page, perhaps the login page of the network (captive portal)"
        into.unlink(missing_ok=True)
    raise HubError(
        f"{file!r} of {source} arrived wrong twice: {wrong}. Nothing was kept. Try again, check your proxy, "
        f"or fetch {answer.url} by hand."
    )


def _receive(source: Source, file: str, *, answer: Answer, into: Path) -> None:
    """Write the content after what is there, as long as each new connection gets further than the last."""
    failures, furthest, pause = 0, 0, _PAUSE_SECONDS
    while True:
        response = None
        try:
            with open(into, "ab") as content:
                if answer.size is not None and content.tell() > answer.size:
                    _empty(content)
                if answer.size and content.tell() == answer.size:
                    return
                with _stream(source, answer.url, start=content.tell()) as (response, chunks):
                    status: int = response.status_code
                    if _may_pass(status):
                        reason = f"it answers {status}"
                    elif status == 416:  # what is there does not fit: start over
                        _empty(content)
                        reason = "the server refuses to continue"
                    else:
                        refuse_failure(response, source, what=file)
                        if status != 206:
                            _empty(content)  # the server ignores ranges and sends all of it
                        _pour(chunks, content, title=file, size=answer.size)
                        os.fsync(content.fileno())
                        return
        except HubformerError:
            raise
        except Exception as error:
            if not from_transport(error):
                if isinstance(error, OSError) and error.errno is not None:
                    raise HubError(
                        f"{file!r} of {source} cannot be written to {into}: {error.strerror}. "
                        "Free some space, or choose another place with cache_dir= or HF_HUB_CACHE."
                    ) from error
                raise
            reason = reason_of(error)
        have = into.stat().st_size
        failures = 0 if have > furthest else failures + 1
        furthest = max(furthest, have)
        if failures >= _TRIES:
            wanted = f" of {answer.size}" if answer.size is not None else ""
            raise HubUnreachable(
                f"The download of {file!r} of {source} broke off again and again, last at byte {have}"
                f"{wanted}: {reason}. Call again to continue from there, or fetch {answer.url} by hand."
            )
        _wait(response, pause)
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


@contextmanager
def _stream(source: Source, url: str, *, start: int) -> Iterator[tuple[Any, Iterator[bytes]]]:
    from huggingface_hub.utils import get_session  # type: ignore[attr-defined]

    headers = source.headers(url) | ({"range": f"bytes={start}-"} if start else {})
    seconds = _seconds("HF_HUB_DOWNLOAD_TIMEOUT", _CONTENT_SECONDS)
    session: Any = get_session()
    # Chunks as they arrive: a buffer of many megabytes would be lost with a connection that breaks.
    if callable(session.stream):  # httpx
        with session.stream("GET", url, headers=headers, timeout=seconds, follow_redirects=True) as response:
            yield response, response.iter_bytes()
    else:  # requests
        with session.get(url, headers=headers, timeout=seconds, stream=True) as response:
            yield response, response.iter_content(1 << 16)


def _pour(chunks: Iterator[bytes], content: BinaryIO, *, title: str, size: int | None) -> None:
    from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]

    hidden = True if switched_on("HF_HUB_DISABLE_PROGRESS_BARS") else None  # None: shown on a terminal
    bare: Any = type("Bar", (tqdm,), {"monitor_interval": 0})  # tqdm would start a thread
    start = content.tell()
    with bare(desc=title[-40:], initial=start, total=size, unit="B", unit_scale=True, disable=hidden) as bar:
        for chunk in chunks:
            content.write(chunk)
            bar.update(len(chunk))
            if size is not None and content.tell() > size:
                break  # more than was announced is wrong however much it is
    content.flush()


def _empty(content: BinaryIO) -> None:
    content.truncate(0)
    content.seek(0)


def _difference(path: Path, answer: Answer) -> str:
    size = path.stat().st_size
    if answer.size is not None and size != answer.size:
        return f"{size} bytes where the server announced {answer.size}"
    etag = answer.etag or ""
    # A 40-digit etag is git's blob id; some mirrors give the plain sha1 instead.
    git = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    digests = [hashlib.sha256()] if len(etag) == 64 else [git, hashlib.sha1(usedforsecurity=False)]
    with path.open("rb") as content:
        while chunk := content.read(1 << 20):
            for digest in digests:
                digest.update(chunk)
    if etag in (found := [digest.hexdigest() for digest in digests]):
        return ""
    kind = "sha256" if len(etag) == 64 else "git blob id"
    return f"its {kind} is {found[0]} where the server announced {etag}"


def _request(source: Source, method: str, url: str) -> Any:
    from huggingface_hub.utils import get_session  # type: ignore[attr-defined]

    seconds = _seconds("HF_HUB_ETAG_TIMEOUT", _ANSWER_SECONDS)
    session: Any = get_session()
    # requests and httpx differ in this name, and redirects are judged one by one
    follow = (
        "follow_redirects" if "follow_redirects" in inspect.signature(session.request).parameters else None
    )
    pause = _PAUSE_SECONDS
    for tries in range(1, _TRIES + 1):
        problem: Exception | None = None
        response = None
        try:
            response = session.request(
                method,
                url,
                headers=source.headers(url),
                timeout=seconds,
                **{follow or "allow_redirects": False},
            )
            if not _may_pass(response.status_code):
                return response
            reason = f"it answers {response.status_code}"
        except HubformerError:
            raise
        except Exception as error:
            if not from_transport(error):
                raise
            problem, reason = error, reason_of(error)
            if type(error).__name__ == "OfflineModeIsEnabled":
                raise HubUnreachable(
                    f"{source} is not cached, and huggingface_hub was switched to offline mode. Unset "
                    "HF_HUB_OFFLINE and start again to download it."
                ) from error
        # A timeout has already cost seconds, and a refused connection rarely changes its mind.
        if tries == _TRIES or "timed out" in reason or ("refused" in reason and tries == 2):
            raise HubUnreachable(
                f"{source.endpoint} cannot be reached for {source.title}: {reason}. "
                f"Check your connection, your proxy and HF_ENDPOINT. {_OFFLINE_REMEDY}"
            ) from problem
        _wait(response, pause)
        pause *= 2


def refuse_failure(response: Any, source: Source, *, what: str) -> None:
    """Raise the one HubError that an answer of 400 or more means; `what` was asked for."""
    status: int = response.status_code
    if status < 400:
        return
    code = response.headers.get("x-error-code", "")
    said = response.headers.get("x-error-message", "").strip()
    login = "run `hf auth login`, set HF_TOKEN, or pass token="
    if code == "GatedRepo":
        step = "Your token has no access yet" if source.secret else f"Then {login}"
        message = (
            f"{source} is gated: its owner asks you to accept conditions. Ask for access at {source.page}."
        )
        raise HubError(f"{message} {step}.")
    if code == "RevisionNotFound":
        raise HubError(
            f"{source.name!r} on {source.endpoint} has no revision {source.revision!r}; expected a branch, a "
            f"tag or a commit. See {source.page}/commits for what there is."
        )
    if code == "EntryNotFound":
        raise HubError(f"{source} has no file {what!r}. See {source.page}/tree/{quote(source.revision)}.")
    if "disabled" in said.lower():
        raise HubError(f"{source} was disabled by the Hub: {said} Choose another repository.")
    if status == 401 and "credential" in said.lower():
        raise HubError(f"{source.endpoint} refuses your token ({said}). Renew it: {login}.")
    if code == "RepoNotFound" or status in (401, 404):
        access = "your token does not see it" if source.secret else f"if it is private, {login}"
        raise HubError(
            f"There is no {source}, or it is private. Check the spelling (names look like 'org/name'); "
            f"{access}. There is no local folder of that name either."
        )
    if status == 403:
        raise HubError(
            f"{source.endpoint} forbids {what!r} of {source.title}{': ' + said if said else ''}. "
            "Check what your token may read."
        )
    raise HubError(
        f"{source.endpoint} answers {status}{': ' + said if said else ''} for {what!r} of {source.title}."
    )


def _missing_entry(response: Any, revision: str) -> bool:
    code = response.headers.get("x-error-code")
    # Mirrors without error codes: a commit was resolved before, so the repository is there.
    return code == "EntryNotFound" or (
        code is None and bool("x-repo-commit" in response.headers or COMMIT.fullmatch(revision))
    )


def _commit(source: Source, revision: str) -> str | None:
    url = f"{source.endpoint}/api/{source.repo_type}s/{source.name}/revision/{quote(revision, safe='')}"
    response = _request(source, "GET", url)
    refuse_failure(response, source, what="the commit")
    found = _json(response, source)
    return found.get("sha") if isinstance(found, Mapping) else None


def _checked_commit(commit: object, source: Source) -> str:
    if not isinstance(commit, str) or not COMMIT.fullmatch(commit):
        raise HubError(
            f"The server names {str(commit)[:80]!r} as the commit of {source}; expected 40 hex digits. "
            "It is refused, since it would become a file name. Check HF_ENDPOINT and your proxy."
        )
    return commit


def _json(response: Any, source: Source) -> Any:
    try:
        return response.json()
    except ValueError as error:
        raise _no_hub(source, f"no JSON about {source.title}") from error


def _no_hub(source: Source, found: str) -> HubUnreachable:
    return HubUnreachable(
        f"{source.endpoint} does not answer like a Hub: {found}. A login page of the network (captive "
        "portal), a proxy or a firewall may stand in between, or HF_ENDPOINT points elsewhere. "
        f"Open {source.page} in a browser to see. {_OFFLINE_REMEDY}"
    )


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return (
        parts.scheme,
        (parts.hostname or "").lower(),
        parts.port or (443 if parts.scheme == "https" else 80),
    )


def from_transport(error: BaseException) -> bool:
    """Whether an exception is about the connection, whichever library the requests go through."""
    # requests, httpx and httpx2 share no base class, and none of them is ours to import.
    roots = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return isinstance(error, (ConnectionError, TimeoutError)) or not roots.isdisjoint(
        {"requests", "urllib3", "httpx", "httpx2", "httpcore", "httpcore2"}
    )


def reason_of(error: BaseException) -> str:
    """Why a connection failed, in a few words."""
    chain: list[BaseException] = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None and cause not in chain:
        chain.append(cause)
    for inner in chain:
        if "Timeout" in type(inner).__name__:
            return f"it timed out ({type(inner).__name__})"
    for inner in reversed(chain):  # "Connection refused" is at the bottom of a page of wrapping
        if isinstance(inner, OSError) and inner.strerror:
            return inner.strerror
    return first_line(error) or type(error).__name__


def first_line(error: BaseException) -> str:
    """An exception's message, cut to what fits into a sentence of ours."""
    return (str(error).strip().splitlines() or [""])[0].rstrip(".")[:200]


def _may_pass(status: int) -> bool:
    return status in (408, 429) or status >= 500


def _seconds(variable: str, otherwise: float) -> float:
    with suppress(KeyError, ValueError):
        return float(os.environ[variable]) or otherwise
    return otherwise


def _wait(response: Any, seconds: float) -> None:
    with suppress(AttributeError, TypeError, ValueError):
        seconds = max(seconds, float(response.headers.get("retry-after")))
    time.sleep(min(seconds, _LONGEST_PAUSE_SECONDS))


def _looks_like_html(path: Path) -> bool:
    with path.open("rb") as content:
        return content.read(200).lstrip().lower().startswith((b"<!doctype html", b"<html"))
