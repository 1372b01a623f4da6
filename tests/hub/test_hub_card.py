"""Model cards, and pushing a folder to the look-alike Hub."""

from __future__ import annotations

from pathlib import Path

import pytest

import hubformer.hub.fetch as fetch
from hub_server import HubServer
from hubformer.hub import open_repo, push_folder, read_card, write_card
from test_hub_repo import refused


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "_PAUSE_SECONDS", 0.01)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    for name in ("config.json", "model.safetensors", "sub/vocab.txt", ".secret", "x.part"):
        (folder / name).write_text(name)
    return folder


class TestCards:
    def test_what_is_written_is_read(self, tmp_path: Path) -> None:
        path = write_card(
            tmp_path,
            title="Tiny",
            license="mit",
            tags=["bert", "été"],
            pipeline_tag="fill-mask",
            text="Ours.",
        )
        assert path.read_text().endswith("---\n\n# Tiny\n\nOurs.\n")
        assert read_card(tmp_path) == {
            "library_name": "hubformer",
            "license": "mit",
            "pipeline_tag": "fill-mask",
            "tags": ["bert", "été"],
        }
        assert write_card(tmp_path, license="other") == path
        assert read_card(tmp_path)["license"] == "mit"

    def test_huggingface_hub_reads_it_too(self, tmp_path: Path) -> None:
        from huggingface_hub import ModelCard

        card = ModelCard.load(write_card(tmp_path, license="apache-2.0", tags=["a: b"]))
        assert (card.data.license, card.data.tags) == ("apache-2.0", ["a: b"])

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("---\nlicense: mit\n---\nText", {"license": "mit"}),
            ("\ufeff---\r\nlicense: mit\r\n---\r\n", {"license": "mit"}),
            ("---\nlicense: mit\nno end", {}),
            ("---\n- a list\n---\n", {}),
            ("---\na: [\n---\n", {}),
            ("---\na: !!python/object/apply:os.system [exit]\n---\n", {}),
            ("---\n" + "[" * 5000 + "\n---\n", {}),
            ("# Title\n---\nlicense: mit\n---\n", {}),
            ("", {}),
        ],
    )
    def test_any_text(self, tmp_path: Path, text: str, found: dict[str, str]) -> None:
        (tmp_path / "README.md").write_bytes(text.encode())
        assert read_card(tmp_path) == found

    def test_none(self, tmp_path: Path) -> None:
        assert read_card(tmp_path) == {}
        (tmp_path / "README.md").write_bytes(b"---\nlicense: \xff\n---\n")
        assert list(read_card(tmp_path)) == ["license"]


class TestPush:
    def test_round_trip(self, hub: HubServer, folder: Path) -> None:
        hub.tokens = {"hf_write"}
        write_card(folder, license="mit")
        address = push_folder(folder, "me/model", token="hf_write", private=True)
        assert hub.repos["me/model"].private
        repo = open_repo("me/model", token="hf_write")
        assert repo.commit in address
        assert repo.names() == {"config.json", "model.safetensors", "sub/vocab.txt", "README.md"}
        path = repo.file("sub/vocab.txt")
        assert path
        assert path.read_text() == "sub/vocab.txt"
        (folder / "config.json").write_text("second")
        assert push_folder(folder, "me/model", token="hf_write") != address
        assert not [r.path for r in hub.requests if "harness" in r.path or "telemetry" in r.path]

    def test_branch_and_pull_request(self, hub: HubServer, folder: Path) -> None:
        hub.tokens = {"hf_write"}
        push_folder(folder, "me/model", token="hf_write", revision="dev", commit_message="One")
        assert open_repo("me/model", revision="dev").names() >= {"config.json"}
        assert open_repo("me/model").names() == frozenset()
        assert "/discussions/1" in push_folder(folder, "me/model", token="hf_write", create_pr=True)
        assert open_repo("me/model").names() == frozenset()

    def test_token_from_the_environment(
        self, hub: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        refused(lambda: push_folder(folder, "me/model"), "needs a token", "HF_TOKEN", hub.url)
        assert hub.requests == []
        monkeypatch.setenv("HF_TOKEN", "hf_read")
        refused(lambda: push_folder(folder, "me/model"), "refuses the push to 'me/model'", "write access")
        hub.tokens = {"hf_read"}
        assert push_folder(folder, "me/model")

    def test_other_refusals(self, hub: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        refused(lambda: push_folder(folder / "none", "me/model"), "no such folder")
        refused(lambda: push_folder(folder, "not a name", token="hf_x"), "not a name", "cannot be pushed")
        hub.tokens = {"hf_write"}
        hub.fault("status", status=418, match="/commit/")
        refused(lambda: push_folder(folder, "me/model", token="hf_write"), "answers 418", "me/model")
        hub.stop()
        refused(lambda: push_folder(folder, "me/model", token="hf_write"), "me/model", "failed", hub.url)
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        refused(lambda: push_folder(folder, "me/model", token="hf_write"), "HF_HUB_OFFLINE", "Unset it")
