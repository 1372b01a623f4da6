"""Opening repositories and folders: which requests are made, what is refused, and what the errors say."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

import hubformer.hub.fetch as fetch
from hub_server import HubServer, close_connections
from hubformer.errors import HubError, InputError
from hubformer.hub import HubUnreachable, open_repo

WEIGHTS = bytes(range(256)) * 5000  # 1.28 MB
FILES: dict[str, bytes | str] = {"config.json": '{"model_type": "bert"}', "model.safetensors": WEIGHTS}

# Older clients copy their constants around, so they cannot be pointed at a test's server.
STOCK = pytest.mark.skipif(metadata.version("huggingface_hub") < "2", reason="the stock client is too old")


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError(f"a connection was tried: {args[1:]}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "_PAUSE_SECONDS", 0.01)


def refused(call: Callable[[], object], *words: str, kind: type[HubError] = HubError) -> str:
    with pytest.raises(HubError) as caught:
        call()
    message = str(caught.value)
    assert type(caught.value) is kind, message
    for word in words:
        assert word in message, f"{word!r} is not in: {message}"
    return message


class TestRequests:
    def test_cold_load_takes_everything_from_one_commit(self, hub: HubServer) -> None:
        commit = hub.add("org/bert", FILES)
        repo = open_repo("org/bert")
        hub.add("org/bert", {"config.json": "pushed meanwhile", "model.safetensors": b"other"})
        assert (repo.name, repo.folder, repo.commit) == ("org/bert", None, commit)
        for name, content in FILES.items():
            path = repo.file(name)
            assert path
            assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
        asked = [(request.method, request.path.split("/resolve/")[1]) for request in hub.requests]
        assert asked[0] == ("HEAD", "main/config.json")
        assert all(path.startswith(commit) for _, path in asked[1:])
        assert [method for method, _ in asked] == ["HEAD", "GET", "HEAD", "GET"]

    def test_warm_by_branch_costs_one_request(self, hub: HubServer) -> None:
        hub.add("org/bert", FILES)
        load("org/bert")
        hub.requests.clear()
        load("org/bert")
        assert [request.method for request in hub.requests] == ["HEAD"]

    def test_no_revision_is_main(self, hub: HubServer) -> None:
        commit = hub.add("org/bert", FILES)
        assert open_repo("org/bert", revision=None).commit == commit

    def test_cached_commit_costs_none(self, hub: HubServer) -> None:
        commit = hub.add("org/bert", FILES)
        repo = load("org/bert")
        assert repo.file("absent.json", required=False) is None
        hub.requests.clear()
        again = load("org/bert", revision=commit)
        assert again.file("absent.json", required=False) is None
        assert again.commit == commit
        assert hub.requests == []

    def test_a_moved_branch_fetches_only_what_changed(self, hub: HubServer) -> None:
        hub.add("org/bert", FILES)
        load("org/bert")
        commit = hub.add("org/bert", {**FILES, "config.json": "{}"})
        hub.requests.clear()
        repo = load("org/bert")
        assert repo.commit == commit
        assert [r.path.rsplit("/")[-1] for r in hub.requests if r.method == "GET"] == ["config.json"]

    def test_branches_tags_and_slashes(self, hub: HubServer) -> None:
        commits = {
            revision: hub.add("org/bert", {"config.json": revision}, revision=revision)
            for revision in ("main", "v1.0", "refs/pr/3", "feature/x", "été#1")
        }
        for revision, commit in commits.items():
            repo = open_repo("org/bert", revision=revision)
            path = repo.file("config.json")
            assert repo.commit == commit
            assert path
            assert path.read_text() == revision
        hub.stop()
        assert open_repo("org/bert", revision="refs/pr/3").commit == commits["refs/pr/3"]

    def test_repository_without_config(self, hub: HubServer) -> None:
        commit = hub.add("org/words", {"vocab.txt": "a"})
        repo = open_repo("org/words")
        assert repo.commit == commit
        assert repo.file("vocab.txt")

    def test_subfolder(self, hub: HubServer) -> None:
        hub.add("org/many", {"small/config.json": "{}", "small/deep/vocab.txt": "a", "other.txt": ""})
        repo = open_repo("org/many", subfolder="small/")
        assert repo.file("config.json")
        assert repo.names() == {"config.json", "deep/vocab.txt"}
        assert repo.file("other.txt", required=False) is None

    def test_datasets_have_their_own_place(self, hub: HubServer) -> None:
        hub.add("org/data", {"train.csv": "a"}, repo_type="dataset")
        assert open_repo("org/data", repo_type="dataset").file("train.csv")
        refused(lambda: open_repo("org/data"), "There is no 'org/data'")

    def test_names_are_listed_once_and_paged(self, hub: HubServer) -> None:
        names = {f"shard-{number}.bin" for number in range(7)}
        hub.add("org/bert", dict.fromkeys(names, "x"))
        hub.page = 3
        repo = open_repo("org/bert")
        assert repo.names() == names == repo.names()
        assert hub.count("GET", match="/tree/") == 3

    def test_force_download_fetches_each_file_once_more(self, hub: HubServer) -> None:
        hub.add("org/bert", FILES)
        load("org/bert")
        hub.requests.clear()
        repo = load("org/bert", force_download=True)
        assert hub.count("GET") == 2
        assert repo.file("config.json")
        assert hub.count("GET") == 2

    def test_endpoint_is_read_at_the_call(
        self, hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        mirror = HubServer(tmp_path / "mirror")
        try:
            mirror.add("org/bert", FILES)
            monkeypatch.setenv("HF_ENDPOINT", mirror.url + "/")
            assert load("org/bert", cache_dir=tmp_path / "elsewhere").commit
            assert hub.requests == []
            assert list((tmp_path / "elsewhere").glob("models--org--bert/snapshots/*/config.json"))
        finally:
            mirror.stop()
        monkeypatch.setenv("HF_ENDPOINT", "hub.example")
        refused(lambda: open_repo("org/bert"), "HF_ENDPOINT is 'hub.example'", "https://huggingface.co")

    @STOCK
    def test_the_cache_is_shared_with_huggingface_hub(self, hub: HubServer) -> None:
        from huggingface_hub import hf_hub_download, scan_cache_dir

        commit = hub.add("org/bert", FILES)
        ours = load("org/bert").file("config.json")
        hub.requests.clear()
        there = {"cache_dir": os.environ["HF_HUB_CACHE"], "endpoint": hub.url}
        assert hf_hub_download("org/bert", "config.json", revision=commit, **there) == str(ours)
        assert hub.count(match="/resolve/") == 0
        report = scan_cache_dir(os.environ["HF_HUB_CACHE"])
        assert not report.warnings
        assert [repo.repo_id for repo in report.repos] == ["org/bert"]
        theirs = hub.add("org/gpt", FILES)
        hf_hub_download("org/gpt", "config.json", **there)
        hub.requests.clear()
        assert open_repo("org/gpt", revision=theirs).file("config.json")
        assert hub.requests == []

    def test_one_host_and_no_telemetry(self, hub: HubServer) -> None:
        """Without the switch that tests set, in a fresh process: only the files' own requests."""
        hub.add("org/bert", FILES)
        environment = {k: v for k, v in os.environ.items() if "TELEMETRY" not in k and k != "DO_NOT_TRACK"}
        code = (
            "from hubformer.hub import open_repo; import threading\n"
            "repo = open_repo('org/bert'); repo.file('config.json'); repo.names()\n"
            "assert threading.active_count() == 1, threading.enumerate()"
        )
        subprocess.run([sys.executable, "-c", code], check=True, env=environment, timeout=60)
        assert [(r.method, r.path.split("/")[1]) for r in hub.requests] == [
            ("HEAD", "org"),
            ("GET", "org"),
            ("GET", "api"),
        ]
        assert "/tree/" in hub.requests[-1].path


def load(name: str, **how: object) -> fetch.Any:
    repo = open_repo(name, **how)  # type: ignore[arg-type]
    for file in FILES:
        assert repo.file(file)
    return repo


class TestTokens:
    def test_token_sources(self, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
        hub.add("org/secret", FILES, private=True)
        hub.tokens = {"hf_argument", "hf_environment"}
        assert open_repo("org/secret", token="hf_argument").file("config.json")
        monkeypatch.setenv("HF_TOKEN", "hf_environment")
        assert open_repo("org/secret").commit
        assert hub.requests[-1].token == "hf_environment"
        refused(lambda: open_repo("org/secret", token=False), "hf auth login", "A cached copy exists")
        assert hub.requests[-1].token is None

    def test_token_that_must_exist(self, hub: HubServer) -> None:
        refused(lambda: open_repo("org/bert", token=True), "token=True", "HF_TOKEN")

    def test_token_stays_on_the_endpoint(self, hub: HubServer) -> None:
        hub.add("org/secret", FILES, private=True)
        hub.tokens, hub.cdn = {"hf_t"}, True
        load("org/secret", token="hf_t")
        assert {request.token for request in hub.requests if "/resolve/" in request.path} == {"hf_t"}
        elsewhere = [request for request in hub.requests if request.path.startswith("/_cdn/")]
        assert [request.token for request in elsewhere] == [None]

    def test_token_is_in_no_message(self, hub: HubServer) -> None:
        hub.tokens = {"hf_sesame"}
        message = refused(lambda: open_repo("org/none", token="hf_sesame"), "your token does not see it")
        assert "sesame" not in message
        hub.add("org/bert", FILES)
        assert "sesame" not in repr(open_repo("org/bert", token="hf_sesame").__dict__) + message

    def test_unreadable_token(self, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail() -> None:
            raise ValueError("no such profile")

        monkeypatch.setattr("huggingface_hub.get_token", fail)
        refused(lambda: open_repo("org/bert"), "token of this machine", "no such profile", "token=False")

    def test_refused_token(self, hub: HubServer) -> None:
        hub.add("org/bert", FILES)
        refused(lambda: open_repo("org/bert", token="hf_old"), "refuses your token", "hf auth login")

    def test_private_and_missing_look_alike(self, hub: HubServer) -> None:
        hub.add("org/secret", FILES, private=True)
        for name in ("org/secret", "org/none"):
            refused(lambda name=name: open_repo(name), f"no {name!r}", "main", hub.url, "private", "HF_TOKEN")

    def test_gated(self, hub: HubServer) -> None:
        hub.add("org/llama", FILES, gated=True)
        hub.tokens, hub.approved = {"hf_waiting"}, {"hf_approved"}
        page = f"{hub.url}/org/llama"
        refused(lambda: open_repo("org/llama"), "gated", page, "HF_TOKEN")
        refused(lambda: open_repo("org/llama", token="hf_waiting"), "gated", page, "has no access yet")
        assert open_repo("org/llama", token="hf_approved").file("config.json")


class TestOffline:
    @pytest.mark.parametrize("how", ["argument", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
    def test_no_connection_is_tried(
        self, hub: HubServer, how: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
    ) -> None:
        commit = hub.add("org/bert", FILES)
        load("org/bert")
        close_connections()  # a kept connection would need no new one
        request.getfixturevalue("no_network")
        with pytest.raises(BaseException, match="a connection was tried"):  # the guard guards
            open_repo("org/bert", revision="dev")
        if how != "argument":
            monkeypatch.setenv(how, "1")
        only = how == "argument"
        repo = load("org/bert", local_files_only=only)
        assert repo.commit == commit
        assert load("org/bert", local_files_only=only, revision=commit)
        assert repo.file("absent.json", required=False) is None
        assert repo.names() == set(FILES)
        switch = "local_files_only" if only else "HF_HUB_OFFLINE"
        unreachable = HubUnreachable
        refused(
            lambda: open_repo("org/gpt", local_files_only=only),
            "org/gpt",
            "not in the cache",
            switch,
            kind=unreachable,
        )
        refused(
            lambda: open_repo("org/bert", revision="dev", local_files_only=only),
            "'dev'",
            switch,
            kind=unreachable,
        )
        refused(
            lambda: open_repo("org/bert", revision="0" * 40, local_files_only=only),
            "0" * 40,
            kind=unreachable,
        )
        refused(lambda: repo.file("vocab.txt"), "vocab.txt", switch)
        refused(
            lambda: repo.first(["a.bin", "b.bin"], what="weights"),
            "No weights",
            "a.bin, b.bin",
            switch,
            kind=unreachable,
        )
        with pytest.raises(InputError, match="force_download"):
            open_repo("org/bert", local_files_only=only, force_download=True)

    def test_offline_needs_no_huggingface_hub(self, hub: HubServer) -> None:
        commit = hub.add("org/bert", FILES)
        path = load("org/bert").file("config.json")
        code = (
            "import sys; from hubformer.hub import open_repo\n"
            f"assert open_repo('org/bert', revision='{commit}').file('config.json')\n"
            "assert open_repo('org/bert', local_files_only=True).file('model.safetensors')\n"
            f"assert open_repo({str(path.parent)!r}).file('config.json')\n"
            "assert not {'huggingface_hub', 'torch', 'httpx', 'requests'} & set(sys.modules)"
        )
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)

    def test_offline_since_the_import(self, hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
        from huggingface_hub import constants

        commit = hub.add("org/bert", FILES)
        load("org/bert")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        close_connections()
        assert load("org/bert").commit == commit
        refused(lambda: open_repo("org/gpt"), "org/gpt", "HF_HUB_OFFLINE", kind=HubUnreachable)

    @pytest.mark.parametrize("fault", ["down", "503", "html", "timeout"])
    def test_cache_stands_in(
        self, hub: HubServer, fault: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        commit = hub.add("org/bert", FILES)
        load("org/bert")
        caplog.set_level(logging.INFO, "hubformer")
        if fault == "down":
            hub.stop()
        elif fault == "timeout":
            monkeypatch.setenv("HF_HUB_ETAG_TIMEOUT", "0.2")
            hub.fault("slow", seconds=1.0)
        else:
            hub.fault("html" if fault == "html" else "status")
        repo = load("org/bert")
        assert repo.commit == commit
        records = [record for record in caplog.records if record.name == "hubformer"]
        assert [record.levelno for record in records] == [logging.INFO]
        assert f"using the cached commit {commit} of org/bert" in records[0].getMessage()
        refused(lambda: repo.file("vocab.txt"), "vocab.txt", "could not be reached")

    def test_not_found_does_not_fall_back_in_silence(self, hub: HubServer) -> None:
        hub.add("org/bert", FILES)
        load("org/bert")
        del hub.repos["org/bert"]
        refused(
            lambda: open_repo("org/bert"), "no 'org/bert'", "A cached copy exists", "local_files_only=True"
        )
        assert load("org/bert", local_files_only=True)


class TestFolders:
    def test_a_folder_makes_no_request(self, tmp_path: Path, no_network: None) -> None:
        write(tmp_path / "bert", {"config.json": "{}", "sub/vocab.txt": "a"})
        repo = open_repo(tmp_path / "bert")
        assert (repo.folder, repo.commit) == (tmp_path / "bert", None)
        assert repo.file("config.json") == tmp_path / "bert" / "config.json"
        assert repo.file("tokenizer.json", required=False) is None
        assert repo.names() == {"config.json", "sub/vocab.txt"}
        assert open_repo(str(tmp_path / "bert"), subfolder="sub").file("vocab.txt")
        refused(lambda: repo.file("confg.json"), "no file 'confg.json'", "'config.json'", str(tmp_path))
        refused(lambda: open_repo(tmp_path / "bert", subfolder="nope"), "no such folder", "subfolder")
        refused(
            lambda: repo.first(["a.bin", "b.bin"], what="weights"),
            "holds no weights",
            "a.bin, b.bin",
            "config.json",
        )

    def test_a_folder_wins_over_a_name(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_network: None
    ) -> None:
        write(tmp_path / "org" / "bert", {"config.json": "{}"})
        monkeypatch.chdir(tmp_path)
        assert open_repo("org/bert").folder == Path("org/bert")

    @pytest.mark.parametrize(
        "name", ["./bert", "/no/where", "~/nowhere-at-all", "a/b/c", "a\\b", "../../etc/x", "C:/x"]
    )
    def test_no_such_folder(self, name: str, no_network: None) -> None:
        refused(lambda: open_repo(name), "no such folder", name)
        refused(lambda: open_repo(Path("bert")), "no such folder")

    def test_a_file_is_no_folder(self, tmp_path: Path, no_network: None) -> None:
        (tmp_path / "model.safetensors").write_bytes(b"x")
        refused(
            lambda: open_repo(tmp_path / "model.safetensors"), "is a file", "expected a folder", str(tmp_path)
        )

    @pytest.mark.parametrize(
        "name", ["org/be rt", "-org/bert", "org/bert.", "org--x/y", "a..b", "é/x", "x" * 97, "a.git"]
    )
    def test_no_name(self, name: str, no_network: None) -> None:
        refused(lambda: open_repo(name), repr(name), "org/name")

    def test_arguments_that_cannot_be_meant(self, no_network: None) -> None:
        for how in (
            {"revision": "../x"},
            {"revision": "a/-b"},
            {"revision": "a\0b"},
            {"revision": ""},
            {"revision": "a b"},
            {"repo_type": "table"},
            {"subfolder": "../x"},
        ):
            with pytest.raises(InputError, match=r"expected"):
                open_repo("org/bert", **how)  # type: ignore[arg-type]
        with pytest.raises(InputError, match="names no repository"):
            open_repo(" ")

    @pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a\\b", "a/../b", "", "C:x", "a\0b", "./a"])
    def test_names_that_leave(self, name: str, hub: HubServer, tmp_path: Path) -> None:
        write(tmp_path / "bert", {"config.json": "{}"})
        (tmp_path / "x").write_text("secret")
        refused(lambda: open_repo(tmp_path / "bert").file(name), repr(name), "plain relative name")
        hub.add("org/bert", FILES)
        repo = open_repo("org/bert")
        hub.requests.clear()
        refused(lambda: repo.file(name, required=False), repr(name), "plain relative name")
        assert hub.requests == []

    @pytest.mark.skipif(os.name == "nt", reason="links and pipes")
    def test_links_pipes_and_folders(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text("secret")
        folder = write(tmp_path / "bert", {"config.json": "{}"})
        (folder / "inside.json").symlink_to("config.json")
        (folder / "out.json").symlink_to("../secret")
        (folder / "dir").symlink_to(tmp_path)
        (folder / "loop").symlink_to("loop")
        (folder / "gone").symlink_to("nothing")
        (folder / "below").mkdir()
        os.mkfifo(folder / "pipe")
        (tmp_path / "link").symlink_to(folder)
        repo = open_repo(tmp_path / "link")
        assert repo.file("inside.json")
        refused(lambda: repo.file("out.json"), "out.json", "outside", "copy the file")
        refused(lambda: repo.file("dir/secret"), "outside")
        refused(lambda: repo.file("loop"), "loop", "cannot be read")
        refused(lambda: repo.file("gone"), "gone", "cannot be read")
        refused(lambda: repo.file("below"), "below is a folder", "regular file")
        refused(lambda: repo.file("pipe", required=False), "pipe is a pipe", "regular file")

    def test_a_snapshot_of_the_cache_is_a_folder(self, hub: HubServer) -> None:
        hub.add("org/bert", FILES | {"sub/config.json": "{}"})
        path = load("org/bert").file("config.json")
        assert path
        assert open_repo("org/bert").file("sub/config.json")
        hub.stop()
        assert open_repo(path.parent).file("model.safetensors")
        assert open_repo(path.parent, subfolder="sub").file("config.json")
        (path.parent / "evil.json").symlink_to("/etc/hostname")
        refused(lambda: open_repo(path.parent).file("evil.json"), "outside")

    def test_lfs_pointer(self, hub: HubServer, tmp_path: Path) -> None:
        pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 123\n"
        folder = write(tmp_path / "bert", {"model.safetensors": pointer})
        refused(lambda: open_repo(folder).file("model.safetensors"), "git-lfs pointer", "git lfs pull")
        hub.add("org/bert", folder)
        refused(
            lambda: open_repo("org/bert").file("model.safetensors"), "git-lfs pointer", "Whoever pushed it"
        )

    def test_missing_files_and_weights(self, hub: HubServer) -> None:
        hub.add("org/bert", FILES)
        repo = open_repo("org/bert")
        refused(
            lambda: repo.file("modl.safetensors"),
            "'org/bert'",
            "main",
            hub.url,
            "Did you mean 'model.safetensors'",
        )
        assert (
            repo.first(["pytorch_model.bin", "model.safetensors"], what="weights")[0] == "model.safetensors"
        )
        refused(
            lambda: repo.first(["flax.msgpack", "x.bin"], what="weights"),
            "holds no weights",
            "flax.msgpack, x.bin",
            "config.json",
        )

    def test_no_such_revision(self, hub: HubServer) -> None:
        hub.add("org/bert", FILES)
        refused(
            lambda: open_repo("org/bert", revision="v9"), "'org/bert'", "no revision 'v9'", hub.url, "branch"
        )
        repo = open_repo("org/bert", revision="0" * 40)
        refused(lambda: repo.file("config.json"), "no revision", "0" * 40)


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def test_import_is_light() -> None:
    code = "import sys, hubformer.hub; assert not {'huggingface_hub', 'torch', 'yaml'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_no_name_at_all() -> None:
    with pytest.raises(InputError, match="None names no repository"):
        open_repo(None)  # type: ignore[arg-type]
