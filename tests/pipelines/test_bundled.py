"""Which model answers where none is named: the Hub's default, else one that ships, and never in silence."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from hub_server import HubServer
from hubformer import pipeline
from hubformer.errors import HubError, InputError
from hubformer.pipelines import TASKS, bundled

TASK = "text-classification"
LABELS = Path(__file__).parent / "goldens" / "bert-labels"
CARD = """---
model-index:
- name: tiny
  results:
  - dataset: {name: five words, type: words}
    metrics:
    - {type: accuracy, name: accuracy, value: 0.75}
---
"""


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "_silent", set())


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny model in the place of the one that ships."""
    folder = tmp_path / "tiny-sentiment"
    shutil.copytree(LABELS, folder)
    (folder / "README.md").write_text(CARD)
    monkeypatch.setitem(TASKS, TASK, TASKS[TASK]._replace(bundled=str(folder)))
    return folder


def test_without_a_hub_the_bundled_model_answers(
    hub: HubServer, shipped: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hub.stop()
    with caplog.at_level(logging.WARNING):
        made = pipeline("sentiment-analysis", device="cpu")
    assert made.model.name_or_path == str(shipped)
    assert made("blue") == pipeline(model=LABELS, device="cpu")("blue")
    (line,) = [record.message for record in caplog.records]
    assert line == (
        "The Hub cannot be reached: text-classification is answered by the model that ships with hubformer, "
        "tiny-sentiment (accuracy 0.75 on five words). Pass model= to choose."
    )


def test_a_silent_hub_is_asked_once(hub: HubServer, shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.stop()
    pipeline("sentiment-analysis", device="cpu")

    def asked(*_: object, **__: object) -> None:
        raise AssertionError("the Hub was asked again")

    monkeypatch.setattr("hubformer.hub.repo.ask", asked)
    assert pipeline("sentiment-analysis", device="cpu")("blue")


def test_half_a_default_is_none(
    hub: HubServer, shipped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """config.json is cached, the weights are not, and the Hub is gone."""
    commit = hub.add("org/default", LABELS)
    monkeypatch.setitem(TASKS, TASK, TASKS[TASK]._replace(default=f"org/default@{commit}"))
    from hubformer import AutoConfig

    AutoConfig.from_pretrained("org/default", revision=commit)
    hub.stop()
    assert pipeline("sentiment-analysis", device="cpu").model.name_or_path == str(shipped)


def test_a_default_that_is_cached_or_there_comes_first(
    hub: HubServer, shipped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = hub.add("org/default", LABELS)
    monkeypatch.setitem(TASKS, TASK, TASKS[TASK]._replace(default=f"org/default@{commit}"))
    assert pipeline("sentiment-analysis", device="cpu").model.name_or_path == "org/default"
    hub.stop()
    assert pipeline("sentiment-analysis", device="cpu").model.name_or_path == "org/default"


def test_asked_for_outright(hub: HubServer, shipped: Path, caplog: pytest.LogCaptureFixture) -> None:
    hub.stop()
    assert pipeline("sentiment-analysis", "bundled", device="cpu").model.name_or_path == str(shipped)
    assert not caplog.records
    with pytest.raises(InputError, match="pass the task too"):
        pipeline(model="bundled")
    with pytest.raises(InputError, match="revision does not apply"):
        pipeline("sentiment-analysis", "bundled", revision="main")
    with pytest.raises(InputError, match=r"No model ships for text-generation.*classification"):
        pipeline("text-generation", "bundled")


def test_where_nothing_ships_the_error_says_what_helps(hub: HubServer) -> None:
    hub.stop()
    with pytest.raises(HubError, match="pass model= with the folder of a model"):
        pipeline("text-generation")


def test_a_revision_is_not_replaced(hub: HubServer, shipped: Path) -> None:
    hub.stop()
    with pytest.raises(HubError, match="pass model= with the folder of a model"):
        pipeline("sentiment-analysis", revision="v2")
