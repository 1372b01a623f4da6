"""What a Hub, a network or a disk can do wrong, and that the answer is right content or one clear error."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

import hubformer.hub.fetch as fetch
from hub_server import HubServer
from hubformer.hub import HubUnreachable, Repo, open_repo
from test_hub_repo import FILES, WEIGHTS, refused


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "_PAUSE_SECONDS", 0.01)


@pytest.fixture
def repo(hub: HubServer) -> Repo:
    hub.add("org/bert", FILES)
    return open_repo("org/bert")


def weights(repo: Repo) -> bytes:
    path = repo.file("model.safetensors")
    assert path
    return path.read_bytes()


def partials(repo: Repo) -> list[Path]:
    cache = Path(os.environ["HF_HUB_CACHE"])
    return [path for path in cache.rglob("*") if path.suffix in (".incomplete", ".part")]


class TestUnreachable:
    def test_refused_cold(self, hub: HubServer) -> None:
        hub.stop()
        start = time.monotonic()
        message = refused(
            lambda: open_repo("org/bert"),
            *("'org/bert'", "'main'", hub.url, "cannot be reached", "refused", "proxy", "local_files_only"),
            kind=HubUnreachable,
        )
        assert time.monotonic() - start < 2
        assert "Errno" not in message

    def test_timeout_is_not_repeated(self, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
        hub.add("org/bert", FILES)
        hub.fault("slow", seconds=1.0)
        monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", "0.2")
        refused(lambda: open_repo("org/bert"), "timed out", hub.url, kind=HubUnreachable)
        assert len(hub.requests) == 1
        assert fetch._ANSWER_SECONDS <= 5

    def test_5xx_is_tried_three_times(self, hub: HubServer) -> None:
        hub.add("org/bert", FILES)
        hub.fault("status", status=503, times=2)
        assert open_repo("org/bert").commit
        assert len(hub.requests) == 3
        hub.requests.clear()
        hub.fault("status", status=500)
        refused(lambda: open_repo("org/bert", force_download=True), "answers 500", kind=HubUnreachable)
        assert len(hub.requests) == 3

    def test_rate_limit_is_waited_for_but_not_for_long(
        self, hub: HubServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waits: list[float] = []
        monkeypatch.setattr(time, "sleep", waits.append)
        hub.add("org/bert", FILES)
        hub.fault("status", status=429, times=1, headers={"Retry_After": "1"})
        hub.fault("status", status=429, times=1, headers={"Retry_After": "900"})
        assert open_repo("org/bert").commit
        assert [wait for wait in waits if wait >= 1] == [1, fetch._LONGEST_PAUSE_SECONDS]

    def test_captive_portal(self, hub: HubServer) -> None:
        hub.add("org/bert", FILES)
        hub.fault("html")
        refused(lambda: open_repo("org/bert"), "an HTML page", "captive portal", hub.url, kind=HubUnreachable)
        hub.faults.clear()
        repo = open_repo("org/bert")
        hub.fault("html", match="/tree/")
        refused(repo.names, "no JSON", "captive portal", kind=HubUnreachable)

    def test_portal_behind_a_redirect(self, hub: HubServer) -> None:
        hub.fault("redirect", value="http://localhost:9/login")
        refused(lambda: open_repo("org/bert"), "X-Repo-Commit", "captive portal", kind=HubUnreachable)
        hub.faults.clear()
        hub.fault("redirect", value="/org/bert/resolve/main/config.json")
        refused(lambda: open_repo("org/bert"), "redirects", kind=HubUnreachable)

    def test_other_refusals(self, hub: HubServer) -> None:
        hub.fault("status", status=403, headers={"X_Error_Message": "Access to this resource is disabled."})
        refused(lambda: open_repo("org/bert"), "disabled", "org/bert")
        hub.faults.clear()
        hub.fault("status", status=403, headers={"X_Error_Message": "Your plan is too small."})
        refused(lambda: open_repo("org/bert"), "forbids 'config.json'", "Your plan is too small.")
        hub.faults.clear()
        hub.fault("status", status=418)
        refused(lambda: open_repo("org/bert"), "answers 418", "org/bert")

    def test_mirror_without_error_codes(self, hub: HubServer) -> None:
        hub.fault("nocodes")
        commit = hub.add("org/words", {"vocab.txt": "a"})
        repo = open_repo("org/words", revision=commit)
        assert repo.file("config.json", required=False) is None
        assert repo.file("vocab.txt")
        refused(lambda: open_repo("org/none"), "no 'org/none'")


class TestBrokenConnections:
    @pytest.mark.parametrize("kind", ["reset", "cut"])
    def test_continues_where_it_broke(self, hub: HubServer, repo: Repo, kind: str) -> None:
        for at in (300_000, 700_000):
            hub.fault(kind, match="model", method="GET", at=at, times=1)
        assert weights(repo) == WEIGHTS
        ranges = [r.headers.get("range") for r in hub.requests if r.method == "GET"]
        assert ranges[0] is None
        assert len(ranges) == 3
        assert all(later and int(later[6:-1]) > 0 for later in ranges[1:])

    @pytest.mark.parametrize("kind", ["reset", "cut"])
    def test_gives_up_without_progress_and_keeps_what_came(
        self, hub: HubServer, repo: Repo, kind: str
    ) -> None:
        hub.fault(kind, match="model", method="GET", at=300_000)
        start = time.monotonic()
        refused(
            lambda: weights(repo),
            *("'model.safetensors'", "'org/bert'", hub.url, "broke off", f"of {len(WEIGHTS)}", "by hand"),
            kind=HubUnreachable,
        )
        assert time.monotonic() - start < 3
        assert hub.count("GET") <= 5
        assert len(partials(repo)) == 1
        hub.faults.clear()
        hub.requests.clear()
        assert weights(repo) == WEIGHTS
        assert "range" in next(r for r in hub.requests if r.method == "GET").headers
        assert partials(repo) == []

    def test_server_that_ignores_ranges(self, hub: HubServer, repo: Repo) -> None:
        hub.fault("norange")
        hub.fault("reset", match="model", method="GET", at=300_000, times=1)
        assert weights(repo) == WEIGHTS
        assert hub.count("GET") == 2

    def test_5xx_on_the_content(self, hub: HubServer, repo: Repo) -> None:
        hub.fault("status", method="GET", times=2)
        assert weights(repo) == WEIGHTS
        hub.fault("status", method="GET")
        refused(lambda: repo.file("config.json"), "config.json", "answers 503", kind=HubUnreachable)

    def test_stall(self, hub: HubServer, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HF_HUB_DOWNLOAD_TIMEOUT", "0.2")
        hub.fault("slow", method="GET", seconds=0.6, times=1)
        assert weights(repo) == WEIGHTS
        assert hub.count("GET") == 2

    def test_unknown_length(self, hub: HubServer, repo: Repo) -> None:
        hub.fault("nolength")
        assert weights(repo) == WEIGHTS
        hub.add("org/gpt", FILES)
        hub.fault("cut", match="model", method="GET", at=300_000)
        refused(lambda: weights(open_repo("org/gpt")), "arrived wrong twice", "sha256")


class TestWrongContent:
    def test_too_short(self, hub: HubServer, repo: Repo) -> None:
        hub.fault("short", match="model", method="GET", at=10)
        refused(
            lambda: weights(repo),
            *(
                "'model.safetensors'",
                "'org/bert'",
                "arrived wrong twice",
                str(len(WEIGHTS) - 10),
                str(len(WEIGHTS)),
            ),
        )
        assert partials(repo) == []
        assert hub.count("GET") == 2

    @pytest.mark.parametrize("name", ["model.safetensors", "config.json"])  # sha256 and git's sha1
    def test_right_size_wrong_bytes(self, hub: HubServer, repo: Repo, name: str) -> None:
        hub.fault("corrupt", match=name, method="GET", times=1)
        path = repo.file(name)
        assert path
        expected = FILES[name]
        assert path.read_bytes() == (expected.encode() if isinstance(expected, str) else expected)
        assert hub.count("GET") == 2
        hub.add("org/gpt", FILES)
        hub.fault("corrupt", method="GET", match="gpt")
        other = open_repo("org/gpt", cache_dir=Path(os.environ["HF_HUB_CACHE"]).with_name("other"))
        kind = "sha256" if name.startswith("model") else "git blob id"
        refused(lambda: other.file(name), name, "'org/gpt'", "arrived wrong twice", kind, "Nothing was kept")
        assert not list(Path(os.environ["HF_HUB_CACHE"]).with_name("other").rglob("blobs/*"))

    def test_portal_in_the_middle(self, hub: HubServer, repo: Repo) -> None:
        hub.fault("html", match="model", method="GET")
        refused(lambda: weights(repo), "arrived wrong twice", "HTML page", "captive portal")

    def test_garbage_left_by_a_killed_process(self, hub: HubServer, repo: Repo) -> None:
        etag = hub.repos["org/bert"].commits[repo.commit or ""]["model.safetensors"].etag
        blobs = Path(os.environ["HF_HUB_CACHE"]) / "models--org--bert" / "blobs"
        blobs.mkdir(parents=True)
        for garbage in (b"x" * 1000, b"x" * len(WEIGHTS), b"x" * (len(WEIGHTS) + 1)):
            (blobs / f"{etag}.incomplete").write_bytes(garbage)
            (blobs / etag).unlink(missing_ok=True)
            assert weights(open_repo("org/bert")) == WEIGHTS
        assert partials(repo) == []

    @pytest.mark.parametrize("etag", ["../../../evil", "", "x" * 40, "a" * 41, "A" * 40])
    def test_etag_is_checked_before_anything_is_written(
        self, hub: HubServer, etag: str, tmp_path: Path
    ) -> None:
        hub.add("org/bert", FILES)
        hub.fault("etag", value=etag)
        refused(lambda: open_repo("org/bert"), "etag", "40 or 64 hex", "org/bert", "refused")
        assert not (tmp_path / "hf-home").exists()

    @pytest.mark.parametrize("commit", ["../../evil", "a" * 39, "main", "A" * 40])
    def test_commit_is_checked_before_anything_is_written(
        self, hub: HubServer, commit: str, tmp_path: Path
    ) -> None:
        hub.add("org/bert", FILES)
        hub.fault("commit", value=commit)
        refused(lambda: open_repo("org/bert"), "commit", "40 hex", "org/bert", "refused")
        assert not (tmp_path / "hf-home").exists()

    def test_another_commit_than_asked_for(self, hub: HubServer, repo: Repo) -> None:
        hub.fault("commit", match="model", value="0" * 40)
        refused(lambda: weights(repo), "0" * 40, str(repo.commit), "refused")

    def test_a_listing_cannot_name_files_outside(self, hub: HubServer) -> None:
        hub.add("org/bert", {"config.json": "{}", "../evil": "x", "a/b.txt": "x"})
        assert open_repo("org/bert").names() == {"config.json", "a/b.txt"}


class TestCache:
    @pytest.mark.parametrize("by", ["branch", "commit"])
    @pytest.mark.parametrize("links", [True, False])
    def test_a_truncated_copy_heals(
        self, hub: HubServer, by: str, links: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if not links:
            monkeypatch.setenv("HF_HUB_DISABLE_SYMLINKS", "1")
        commit = hub.add("org/bert", FILES)
        revision = commit if by == "commit" else "main"
        path = open_repo("org/bert").file("model.safetensors")
        assert path
        assert path.is_symlink() is links
        os.truncate(path, 1000)
        hub.requests.clear()
        with pytest.raises(HubUnreachable, match=r"damaged: .* has 1000 bytes where there should be 1280000"):
            open_repo("org/bert", local_files_only=True).file("model.safetensors")
        assert hub.requests == []
        assert weights(open_repo("org/bert", revision=revision)) == WEIGHTS
        assert hub.count("GET") == 1
        assert weights(open_repo("org/bert", local_files_only=True)) == WEIGHTS

    def test_a_copy_without_links_is_not_fetched_again(
        self, hub: HubServer, repo: Repo, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HF_HUB_DISABLE_SYMLINKS", "1")
        assert weights(repo) == weights(open_repo("org/bert")) == WEIGHTS
        assert hub.count("GET") == 1

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root writes everywhere")
    def test_read_only_cache(self, hub: HubServer, tmp_path: Path) -> None:
        hub.add("org/bert", FILES)
        cache = tmp_path / "cache"
        cache.mkdir(mode=0o555)
        repo = open_repo("org/bert", cache_dir=cache)
        refused(lambda: weights(repo), "cannot be kept", str(cache), "HF_HUB_CACHE")

    def test_cache_that_is_a_file(self, hub: HubServer, tmp_path: Path) -> None:
        hub.add("org/bert", FILES)
        (tmp_path / "cache").write_text("")
        refused(
            lambda: open_repo("org/bert", cache_dir=tmp_path / "cache").file("config.json"),
            *("config.json", "cannot be kept", str(tmp_path / "cache"), "HF_HUB_CACHE"),
        )

    def test_full_disk(self, hub: HubServer, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        refused(
            lambda: weights(repo), "'model.safetensors'", "cannot be written", "No space left", "cache_dir="
        )

    def test_a_ref_that_is_no_commit_is_ignored(self, hub: HubServer, repo: Repo) -> None:
        (Path(os.environ["HF_HUB_CACHE"]) / "models--org--bert" / "refs" / "main").write_text("../../evil")
        refused(lambda: open_repo("org/bert", local_files_only=True), "not in the cache", kind=HubUnreachable)

    def test_threads_fetch_once(self, hub: HubServer) -> None:
        hub.add("org/bert", FILES)
        hub.fault("slow", match="model", method="GET", seconds=0.2)
        found: list[bytes] = []
        threads = [
            threading.Thread(target=lambda: found.append(weights(open_repo("org/bert")))) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [WEIGHTS] * 4
        assert hub.count("GET", match="model") == 1
