"""A look-alike Hub on the loopback address: real HTTP, real commits, and faults on demand.

    hub = HubServer(tmp_path)
    commit = hub.add("org/bert", folder)           # a folder, or {"config.json": b"..."}
    hub.fault("status", match="config.json", status=503, times=2)
    ...
    assert hub.count("HEAD") == 1

It speaks what huggingface_hub asks for: HEAD and GET of `resolve`, the model and tree API, and the small
write side of `upload_folder` with every file sent inside the commit.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import socket
import struct
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_LARGE = (".safetensors", ".bin", ".h5", ".onnx", ".pt", ".gguf")  # what a Hub keeps in LFS
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Blob:
    path: Path
    size: int
    sha1: str  # as git names it
    sha256: str
    lfs: bool

    @property
    def etag(self) -> str:
        return self.sha256 if self.lfs else self.sha1


@dataclass
class Repository:
    private: bool
    gated: bool
    refs: dict[str, str] = field(default_factory=dict)  # branch or tag -> commit
    commits: dict[str, dict[str, Blob]] = field(default_factory=dict)


@dataclass
class Fault:
    """One thing that goes wrong.

    kind: status (answers `status`), reset (TCP reset after `at` body bytes), cut (closes there), short (says
    and sends `at` bytes less), corrupt (right size, one byte wrong), html (a login page for everything), etag
    and commit (says `value` instead), slow (waits `seconds`), nolength (no size), norange (ignores ranges),
    nocodes (errors without X-Error-Code and X-Repo-Commit), redirect (to `value`).
    """

    kind: str
    match: str = ""  # a part of the path
    method: str = ""
    times: int = -1  # how often it still happens; -1: always
    status: int = 503
    at: int = 0
    value: str = ""
    seconds: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]  # names in lower case

    @property
    def token(self) -> str | None:
        return self.headers.get("authorization", "").removeprefix("Bearer ") or None


class HubServer:
    """A Hub with no repositories; `tokens` may see private ones, `approved` may read gated ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "hub-server"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.repos: dict[str, Repository] = {}
        self.requests: list[Request] = []
        self.faults: list[Fault] = []
        self.tokens: set[str] = set()
        self.approved: set[str] = set()
        self.cdn = False  # large files are redirected to another origin, as the real Hub does
        self.page = 1000  # files per page of a listing
        self._lock = threading.Lock()
        self._server: _Server | None = None
        self._port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen, again at the same port after `stop`."""
        server = _Server(("127.0.0.1", self._port), _Handler)
        server.hub = self
        self._server, self._port = server, server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server.drop()
            self._server = None

    def add(
        self,
        name: str,
        files: Path | Mapping[str, bytes | str | Path],
        *,
        revision: str = "main",
        private: bool = False,
        gated: bool = False,
        repo_type: str = "model",
    ) -> str:
        """Commit exactly these files to a branch or tag; returns the commit."""
        if isinstance(files, Path):
            files = {p.relative_to(files).as_posix(): p for p in files.rglob("*") if p.is_file()}
        found = {path: self.keep(path, content) for path, content in files.items()}
        key = name if repo_type == "model" else f"{repo_type}s/{name}"
        repo = self.repos.setdefault(key, Repository(private, gated))
        repo.private, repo.gated = private, gated
        return self.commit(key, found, revision=revision)

    def commit(self, key: str, files: dict[str, Blob], *, revision: str) -> str:
        repo = self.repos[key]
        tree = sorted((path, blob.etag) for path, blob in files.items())
        commit = hashlib.sha1(f"{key} {len(repo.commits)} {tree}".encode()).hexdigest()
        repo.commits[commit] = files
        repo.refs[revision] = commit
        return commit

    def fault(self, kind: str, *, match: str = "", **how: Any) -> Fault:
        """Plan a fault; `faults.clear()` heals everything."""
        self.faults.append(Fault(kind, match, **how))
        return self.faults[-1]

    def count(self, method: str = "", *, match: str = "") -> int:
        """How many requests came in."""
        return sum(method in ("", request.method) and match in request.path for request in self.requests)

    def happening(self, method: str, path: str) -> dict[str, Fault]:
        found: dict[str, Fault] = {}
        with self._lock:
            for fault in self.faults:
                fits = fault.match in path and fault.method in ("", method)
                if fits and fault.times and fault.kind not in found:
                    fault.times -= fault.times > 0
                    found[fault.kind] = fault
        return found

    def keep(self, name: str, content: Path | bytes | str) -> Blob:
        """Store a file's content under the rules for its name."""
        content = content.encode() if isinstance(content, str) else content
        size = content.stat().st_size if isinstance(content, Path) else len(content)
        git, plain = hashlib.sha1(b"blob %d\0" % size), hashlib.sha256()
        if isinstance(content, Path):
            with content.open("rb") as file:
                while chunk := file.read(1 << 20):
                    git.update(chunk)
                    plain.update(chunk)
        else:
            git.update(content)
            plain.update(content)
        kept = self.folder / plain.hexdigest()
        if not kept.exists():
            if isinstance(content, Path):
                shutil.copyfile(content, kept)
            else:
                kept.write_bytes(content)
        lfs = name.endswith(_LARGE) or size > 10_000_000
        return Blob(kept, size, git.hexdigest(), plain.hexdigest(), lfs)


def close_connections() -> None:
    """Make huggingface_hub connect anew; the name of its function depends on the version."""
    from huggingface_hub.utils import _http

    for name in ("close_session", "reset_sessions"):
        if hasattr(_http, name):
            getattr(_http, name)()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 32
    hub: HubServer

    def __init__(self, *args: Any) -> None:
        self.open: set[socket.socket] = set()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def drop(self) -> None:
        """End the connections that clients keep alive."""
        for request in list(self.open):
            with suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients may leave


class _Refused(Exception):
    def __init__(self, status: int, code: str = "", message: str = "", **headers: str) -> None:
        self.status, self.code, self.message, self.headers = status, code, message, headers


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_PUT = do_GET

    def _answer(self) -> None:
        hub = self.server.hub
        headers = {name.lower(): value for name, value in self.headers.items()}
        length = int(headers.get("content-length") or 0)
        self.body = self.rfile.read(length) if length else self._chunks(headers)
        hub.requests.append(Request(self.command, self.path, headers))
        self.faults = hub.happening(self.command, self.path)
        if slow := self.faults.get("slow"):
            time.sleep(slow.seconds)
        try:
            if status := self.faults.get("status"):
                raise _Refused(status.status, **status.headers)
            if self.faults.get("html"):
                page = b"<!DOCTYPE html><html><body>Welcome to the airport. Log in.</body></html>"
                return self._send(200, page, {"Content-Type": "text/html"})
            if away := self.faults.get("redirect"):
                return self._send(302, b"", {"Location": away.value})
            self._route(urlsplit(self.path))
        except _Refused as refused:
            sent = {name.replace("_", "-"): value for name, value in refused.headers.items()}
            if refused.code and "nocodes" not in self.faults:
                sent["X-Error-Code"] = refused.code
            if "nocodes" in self.faults:
                sent.pop("X-Repo-Commit", None)
            if refused.message:
                sent["X-Error-Message"] = refused.message
            self._send(refused.status, json.dumps({"error": refused.message}).encode(), sent)

    def _chunks(self, headers: Mapping[str, str]) -> bytes:
        body = b""
        if headers.get("transfer-encoding") == "chunked":
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        return body

    def _route(self, url: Any) -> None:
        path = unquote(url.path)
        hub = self.server.hub
        if found := re.fullmatch(r"/_cdn/([0-9a-f]{64})", path):
            return self._send_file(hub.folder / found[1], {})
        if self.command == "POST":
            return self._write(path, url)
        if path == "/api/whoami-v2":
            self._writer()
            return self._json({"name": "someone", "type": "user", "orgs": []})
        raw = url.path  # a revision may hold an escaped slash
        if found := re.fullmatch(r"/((?:datasets/|spaces/)?[^/]+(?:/[^/]+)?)/resolve/([^/]+)/(.+)", raw):
            return self._resolve(found[1], unquote(found[2]), unquote(found[3]))
        if found := re.fullmatch(r"/api/(model|dataset|space)s/(.+?)/tree/([^/]+)(?:/(.+))?", raw):
            key = found[2] if found[1] == "model" else f"{found[1]}s/{found[2]}"
            return self._tree(key, unquote(found[3]), unquote(found[4] or ""), parse_qs(url.query))
        if found := re.fullmatch(
            r"/api/(model|dataset|space)s/([^/]+(?:/[^/]+)??)(?:/revision/([^/]+))?", raw
        ):
            key = found[2] if found[1] == "model" else f"{found[1]}s/{found[2]}"
            repo, commit = self._commit(key, unquote(found[3] or "main"), content=False)
            names = [{"rfilename": name} for name in repo.commits[commit]]
            return self._json(
                {
                    "id": found[2],
                    "sha": commit,
                    "private": repo.private,
                    "gated": repo.gated,
                    "siblings": names,
                }
            )
        raise _Refused(404, message="Not found")

    def _commit(self, key: str, revision: str, *, content: bool = True) -> tuple[Repository, str]:
        hub, token = self.server.hub, self._token()
        if token is not None and token not in hub.tokens | hub.approved:
            raise _Refused(401, message="Invalid credentials in Authorization header")
        repo = hub.repos.get(key)
        if repo is None or (repo.private and token is None):
            raise _Refused(404 if token else 401, "RepoNotFound", "Repository not found")
        if content and repo.gated and token not in hub.approved:
            status, who = (401, "You must log in") if token is None else (403, "You are not in the list")
            raise _Refused(status, "GatedRepo", f"Access to model {key} is restricted. {who}.")
        commit = repo.refs.get(revision, revision)
        if commit not in repo.commits:
            raise _Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return repo, commit

    def _resolve(self, key: str, revision: str, path: str) -> None:
        hub = self.server.hub
        repo, commit = self._commit(key, revision)
        blob = repo.commits[commit].get(path)
        if blob is None:
            raise _Refused(404, "EntryNotFound", "Entry not found", **{"X-Repo-Commit": commit})
        headers = {"ETag": f'"{blob.etag}"', "X-Repo-Commit": commit}
        if told := self.faults.get("etag"):
            headers["ETag"] = f'"{told.value}"'
        if told := self.faults.get("commit"):
            headers["X-Repo-Commit"] = told.value
        if hub.cdn and blob.lfs:
            headers |= {"X-Linked-Etag": headers["ETag"], "X-Linked-Size": str(blob.size)}
            headers |= {"ETag": '"something-else"', "Location": self._elsewhere(blob)}
            return self._send(302, b"", headers)
        self._send_file(blob.path, headers)

    def _elsewhere(self, blob: Blob) -> str:
        # Another name of the same machine is another origin, so the token must not follow.
        return f"http://localhost:{self.server.server_address[1]}/_cdn/{blob.sha256}"

    def _tree(self, key: str, revision: str, folder: str, query: dict[str, list[str]]) -> None:
        hub = self.server.hub
        repo, commit = self._commit(key, revision)
        inside = f"{folder}/" if folder else ""
        names = sorted(name for name in repo.commits[commit] if name.startswith(inside))
        if folder and not names:
            raise _Refused(404, "EntryNotFound", f"{folder} does not exist")
        if query.get("recursive", ["false"])[0].lower() != "true":
            names = [name for name in names if "/" not in name.removeprefix(inside)]
        start = int(query.get("cursor", ["0"])[0])
        entries: list[dict[str, Any]] = []
        for name in names[start : start + hub.page]:
            blob = repo.commits[commit][name]
            entries.append({"type": "file", "oid": blob.sha1, "size": blob.size, "path": name})
            if blob.lfs:
                entries[-1]["lfs"] = {"oid": blob.sha256, "size": blob.size, "pointerSize": 130}
        headers = {}
        if start + hub.page < len(names):
            at = f"{hub.url}{urlsplit(self.path).path}?recursive=true&cursor={start + hub.page}"
            headers["Link"] = f'<{at}>; rel="next"'
        self._json(entries, headers)

    def _write(self, path: str, url: Any) -> None:
        hub = self.server.hub
        if path == "/api/validate-yaml":
            return self._json({"errors": [], "warnings": []})
        self._writer()
        if path == "/api/repos/create":
            asked = json.loads(self.body)
            key = f"{asked['organization']}/{asked['name']}" if asked.get("organization") else asked["name"]
            known = key in hub.repos
            if not known:
                private = bool(asked.get("private")) or asked.get("visibility") == "private"
                hub.repos[key] = Repository(private=private, gated=False)
                hub.commit(key, {}, revision="main")
            return self._json({"url": f"{hub.url}/{key}"}, status=409 if known else 200)
        if found := re.fullmatch(r"/api/models/(.+)/branch/([^/]+)", url.path):
            repo = hub.repos[found[1]]
            name = unquote(found[2])
            known = name in repo.refs
            repo.refs.setdefault(name, repo.refs["main"])
            return self._json({}, status=409 if known else 200)
        if found := re.fullmatch(r"/api/models/(.+)/preupload/([^/]+)", url.path):
            files = json.loads(self.body)["files"]
            return self._json(
                {
                    "files": [
                        {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in files
                    ]
                }
            )
        if found := re.fullmatch(r"/api/models/(.+)/commit/([^/]+)", url.path):
            return self._push(found[1], unquote(found[2]), pr=parse_qs(url.query).get("create_pr") == ["1"])
        raise _Refused(404, message="Not found")

    def _push(self, key: str, revision: str, *, pr: bool) -> None:
        hub = self.server.hub
        repo, parent = self._commit(key, revision)
        files = dict(repo.commits[parent])
        for line in map(json.loads, self.body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = hub.keep(value["path"], base64.b64decode(value["content"]))
            elif line["key"] == "deletedFile":
                files.pop(value["path"], None)
        commit = hub.commit(key, files, revision="refs/pr/1" if pr else revision)
        done = {"commitUrl": f"{hub.url}/{key}/commit/{commit}", "commitOid": commit}
        self._json(done | {"pullRequestUrl": f"{hub.url}/{key}/discussions/1" if pr else None})

    def _token(self) -> str | None:
        return (self.headers.get("authorization") or "").removeprefix("Bearer ") or None

    def _writer(self) -> None:
        if self._token() not in self.server.hub.tokens:
            raise _Refused(401, message="Invalid username or password.")

    def _json(self, value: Any, headers: Mapping[str, str] = {}, *, status: int = 200) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json", **headers})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send_file(self, path: Path, headers: Mapping[str, str]) -> None:
        size = path.stat().st_size
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range") or "")
        if asked and "norange" not in self.faults:
            start = int(asked[1])
            if start >= size:
                return self._send(416, b"", {"Content-Range": f"bytes */{size}"})
        short = self.faults.get("short")
        end = size - short.at if short else size
        self.send_response(206 if start else 200)
        for name, value in headers.items():
            self.send_header(name, value)
        if "nolength" in self.faults:
            self.close_connection = True
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(end - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.end_headers()
        if self.command == "HEAD":
            return
        broken = self.faults.get("reset") or self.faults.get("cut")
        with path.open("rb") as file:
            file.seek(start)
            at = start
            while at < end:
                wanted = min(_CHUNK, end - at, broken.at - at if broken and broken.at > at else _CHUNK)
                if broken and at >= broken.at:
                    return self._break(abruptly=broken.kind == "reset")
                chunk = file.read(wanted)
                if at == 0 and "corrupt" in self.faults:
                    chunk = bytes([chunk[0] ^ 1]) + chunk[1:]
                self.wfile.write(chunk)
                at += len(chunk)

    def _break(self, *, abruptly: bool) -> None:
        self.wfile.flush()
        self.close_connection = True
        if abruptly:
            time.sleep(0.05)  # what was sent must arrive before the reset overtakes it
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
