"""The look-alike Hub satisfies the client it stands in for, so that tests on it say something."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hub_server import HubServer
from test_hub_repo import STOCK


@STOCK
def test_stock_client_downloads(hub: HubServer, tmp_path: Path) -> None:
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "sub" / "model.safetensors").write_bytes(bytes(100_000))
    commit = hub.add("org/bert", folder)
    for hub.cdn in (False, True):
        local = Path(snapshot_download("org/bert", cache_dir=tmp_path / str(hub.cdn), endpoint=hub.url))
        assert local.name == commit
        assert (local / "sub" / "model.safetensors").read_bytes() == bytes(100_000)
    api = HfApi(endpoint=hub.url)
    assert api.model_info("org/bert").sha == commit
    assert api.list_repo_files("org/bert", revision=commit) == ["config.json", "sub/model.safetensors"]
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("org/none")
    with pytest.raises(RevisionNotFoundError):
        api.model_info("org/bert", revision="none")
    hub.add("org/gated", folder, gated=True)
    with pytest.raises(GatedRepoError):
        api.hf_hub_download("org/gated", "config.json")


def test_faults_happen_as_often_as_planned(hub: HubServer) -> None:
    hub.fault("status", status=503, times=1)
    hub.fault("status", status=418, times=2, method="HEAD", match="config")
    hub.fault("slow", times=0)
    kinds = [
        {kind: fault.status for kind, fault in hub.happening("HEAD", "/x/config.json").items()}
        for _ in range(4)
    ]
    assert kinds == [{"status": 503}, {"status": 418}, {"status": 418}, {}]
    assert hub.happening("GET", "/x/config.json") == {}


@STOCK
def test_commits_are_kept(hub: HubServer) -> None:
    from huggingface_hub import hf_hub_download

    first = hub.add("org/bert", {"a": "1"})
    second = hub.add("org/bert", {"a": "2"})
    assert first != second
    there = {"cache_dir": os.environ["HF_HUB_CACHE"], "endpoint": hub.url}
    for commit, content in ((first, "1"), (second, "2"), ("main", "2")):
        assert Path(hf_hub_download("org/bert", "a", revision=commit, **there)).read_text() == content
