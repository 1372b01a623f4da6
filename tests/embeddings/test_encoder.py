"""SentenceEncoder: order, packs, threads, the Hub, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

from embeddings.repositories import assembled
from hubformer.embeddings import SentenceEncoder, similarity
from hubformer.errors import CheckpointError, ConfigError, InputError, UnknownArgument, UnknownName
from hubformer.inference import engine

TEXTS = ["We swim.", "A cat sits on the mat and it is warm .", "Paris", "rain, rain , rain in the lake"] * 5
NEAR = 1e-6


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return assembled("dense", tmp_path / "dense")


@pytest.fixture
def encoder(folder: Path) -> SentenceEncoder:
    return SentenceEncoder.from_pretrained(folder)


def test_texts_together_are_texts_alone(encoder: SentenceEncoder) -> None:
    together = encoder.encode(TEXTS)
    alone = numpy.stack([encoder.encode(text) for text in TEXTS])
    numpy.testing.assert_allclose(together, alone, atol=NEAR)
    numpy.testing.assert_allclose(encoder.encode(TEXTS, batch_tokens=1), alone, atol=NEAR)
    numpy.testing.assert_allclose(encoder.encode(iter(TEXTS)), alone, atol=NEAR)


def test_windows_keep_the_order(encoder: SentenceEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = encoder.encode(TEXTS)
    monkeypatch.setattr(engine, "LARGEST_CHUNK", 3)
    numpy.testing.assert_allclose(encoder.encode(TEXTS), whole, atol=NEAR)


@pytest.mark.parametrize("left", [False, True])
def test_models_that_read_no_pack(
    encoder: SentenceEncoder, left: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = encoder.encode(TEXTS)
    monkeypatch.setattr(engine.Engine, "packs", False)
    encoder.engine.pad_left = left
    numpy.testing.assert_allclose(encoder.encode(TEXTS), whole, atol=NEAR)


def test_threads_share_an_encoder(encoder: SentenceEncoder) -> None:
    expected = encoder.encode(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: encoder.encode(TEXTS), range(8)):
            numpy.testing.assert_allclose(found, expected, atol=NEAR)


def test_shapes(encoder: SentenceEncoder) -> None:
    assert encoder.encode([]).shape == (0, 6)
    assert encoder.encode("Paris").shape == (6,)
    found = encoder.encode(["Paris"], convert_to_tensor=True)
    assert isinstance(found, torch.Tensor)
    assert found.shape == (1, 6)


def test_normalize(encoder: SentenceEncoder) -> None:
    plain, whole = encoder.encode(TEXTS, normalize=False), encoder.encode(TEXTS)
    assert not numpy.allclose(numpy.linalg.norm(plain, axis=1), 1)
    numpy.testing.assert_allclose(plain / numpy.linalg.norm(plain, axis=1, keepdims=True), whole, atol=NEAR)
    numpy.testing.assert_allclose(encoder.encode(TEXTS, normalize=True), whole, atol=NEAR)


def test_from_the_hub(folder: Path, tmp_path: Path, hub: Any) -> None:
    hub.add("org/sentences", folder)
    hub.add("org/older", assembled("older", tmp_path / "older"))
    for name, local in (("org/sentences", folder), ("org/older", tmp_path / "older")):
        there, here = (SentenceEncoder.from_pretrained(place) for place in (name, local))
        numpy.testing.assert_array_equal(there.encode(TEXTS[0]), here.encode(TEXTS[0]))


def test_pooling_of_a_repository_that_does_not_say(folder: Path) -> None:
    (folder / "modules.json").unlink()
    with pytest.raises(ConfigError, match="Pass pooling="):
        SentenceEncoder.from_pretrained(folder)
    with pytest.raises(ConfigError, match="'mean'"):
        SentenceEncoder.from_pretrained(folder, pooling="means")
    assert SentenceEncoder.from_pretrained(folder, pooling="mean").encode("Paris").shape == (16,)


def test_refusals_of_calls(encoder: SentenceEncoder) -> None:
    with pytest.raises(InputError, match=r"Text 1 has 43 tokens.*at most 40"):
        encoder.encode(["Paris", "Paris " * 41])
    with pytest.raises(InputError, match="Text 1 is int"):
        encoder.encode(["Paris", 3])  # type: ignore[list-item]
    with pytest.raises(InputError, match="an iterable of texts"):
        encoder.encode(3)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="batch_tokens is 0"):
        encoder.encode("Paris", batch_tokens=0)
    with pytest.raises(UnknownName, match="no prompt 'title'"):
        encoder.encode("Paris", prompt_name="title")
    with pytest.raises(InputError, match="both"):
        encoder.encode("Paris", prompt_name="query", prompt="a")


def test_an_empty_text_is_encoded(encoder: SentenceEncoder) -> None:
    together = encoder.encode(["Paris", "", " "])
    assert together[1] == pytest.approx(encoder.encode(""), abs=1e-6)
    assert together[2] == pytest.approx(together[1], abs=1e-6)
    assert numpy.isfinite(together).all()


def test_a_prompt_that_leaves_nothing(tmp_path: Path) -> None:
    encoder = SentenceEncoder.from_pretrained(assembled("without-prompt", tmp_path / "repository"))
    with pytest.raises(InputError, match="no token beside the prompt"):
        encoder.encode("Paris", prompt="a " * 50, truncation=True)


def test_refusal_of_an_argument(folder: Path) -> None:
    with pytest.raises(UnknownArgument, match="dtype"):
        SentenceEncoder.from_pretrained(folder, dtpye="float32")
    with pytest.raises(ConfigError, match="leave out pooling"):
        SentenceEncoder.from_pretrained(folder, pooling="mean")


def _module(place: int, name: str) -> Callable[[list[Any]], None]:
    return lambda listed: listed[place].update(type=name)


@pytest.mark.parametrize(
    ("file", "change", "message"),
    [
        ("modules.json", _module(2, "sentence_transformers.models.LSTM"), "LSTM.*known"),
        ("modules.json", _module(2, "os.Dense"), "'os.Dense'.*never run"),
        ("modules.json", lambda listed: listed.reverse(), "begins with Normalize"),
        ("modules.json", lambda listed: listed[0].pop("type"), "expected a list of modules"),
        ("1_Pooling/config.json", lambda config: config.update(pooling_mode="middle"), "'middle'"),
        ("1_Pooling/config.json", lambda config: config.update(pooling_mode=[]), "a mode or a list"),
        ("2_Dense/config.json", lambda c: c.update(activation_function="os.system"), "'os.system'"),
        ("2_Dense/config.json", lambda c: c.update(activation_function="torch.nn.Tanhh"), "'Tanh'"),
        ("2_Dense/config.json", lambda c: c.update(module_input_name="token_embeddings"), "each token"),
        ("2_Dense/config.json", lambda c: c.update(out_features=7), "has the shape"),
        ("config_sentence_transformers.json", lambda c: c.update(prompts=["a"]), "names with a text"),
        ("config_sentence_transformers.json", lambda c: c.update(default_prompt_name="x"), "'x'"),
        ("config_sentence_transformers.json", lambda c: c.update(similarity_fn_name="cosin"), "'cosine'"),
        ("sentence_bert_config.json", lambda c: c.update(max_seq_length=-1), "is -1"),
    ],
)
def test_refusals_of_files(folder: Path, file: str, change: Callable[[Any], None], message: str) -> None:
    path = folder / file
    content = json.loads(path.read_text("utf-8"))
    change(content)
    path.write_text(json.dumps(content), "utf-8")
    with pytest.raises((ConfigError, CheckpointError, UnknownName), match=message):
        SentenceEncoder.from_pretrained(folder)


def test_similarity() -> None:
    a, b = numpy.array([[3.0, 4.0], [0.0, 1.0]]), torch.tensor([0.0, 2.0], dtype=torch.float64)
    assert similarity(a, b).flatten().tolist() == pytest.approx([0.8, 1.0])
    assert similarity(a, b, how="dot").flatten().tolist() == pytest.approx([8.0, 2.0])
    assert similarity(a, b, how="euclidean").flatten().tolist() == pytest.approx([-(13**0.5), -1.0])
    assert similarity(a, b, how="manhattan").flatten().tolist() == pytest.approx([-5.0, -1.0])
    with pytest.raises(InputError, match="same width"):
        similarity(a, [1.0, 2.0, 3.0])
    with pytest.raises(UnknownName, match="'dot'"):
        similarity(a, b, how="dott")
