"""JinaBERT as its own repositories write it: under another name, with code that says of which kind it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import hubformer
import jina_reference
from encoders import TINY
from hubformer.embeddings import SentenceEncoder
from hubformer.errors import CheckpointError, ConfigError
from test_fidelity import EXACT, distance, shaken
from tiny_folders import write_labels

KINDS = pytest.mark.parametrize("second", [False, True], ids=["first", "second"])
IDS = torch.arange(6, 18)[None]


def published(folder: Path, *, head: str = "JinaBertModel", **changes: Any) -> Any:
    """A shaken model of the reference with the config.json of a repository, in float64."""
    torch.manual_seed(12)
    config = jina_reference.JinaBertConfig(**{**TINY["jina_bert"], **changes})
    oracle = shaken(getattr(jina_reference, head)(config))
    folder.mkdir(exist_ok=True)
    oracle.save_pretrained(folder)
    return oracle.double()


def edited(folder: Path, *, without: tuple[str, ...] = (), **changes: Any) -> dict[str, Any]:
    path = folder / "config.json"
    values = {**json.loads(path.read_text()), **changes}
    values = {name: value for name, value in values.items() if name not in without}
    path.write_text(json.dumps(values))
    return values


@KINDS
@torch.no_grad()
def test_files_call_it_bert(second: bool, tmp_path: Path) -> None:
    oracle = published(tmp_path / "theirs", qk_post_norm=second)
    assert json.loads((tmp_path / "theirs" / "config.json").read_text())["model_type"] == "bert"
    ours = hubformer.AutoModel.from_pretrained(tmp_path / "theirs", dtype="float64")
    assert type(ours) is hubformer.JinaBertModel
    assert ours.config.qk_post_norm is second
    assert distance(ours(IDS)[0], oracle(IDS)["last_hidden_state"]) <= EXACT
    ours.save_pretrained(tmp_path / "ours")
    written = json.loads((tmp_path / "ours" / "config.json").read_text())
    assert written["model_type"] == "bert"
    assert "qk-post-norm" in str(written["auto_map"]) or not second
    again = hubformer.AutoModel.from_pretrained(tmp_path / "ours")
    assert torch.equal(again(IDS)[0], ours.float()(IDS)[0])


@pytest.mark.parametrize("left", ["_name_or_path", "auto_map"])
@torch.no_grad()
def test_either_place_tells_the_second_kind(left: str, tmp_path: Path) -> None:
    oracle = published(tmp_path, qk_post_norm=True)
    edited(tmp_path, without=tuple({"_name_or_path", "auto_map"} - {left}))
    ours = hubformer.AutoModel.from_pretrained(tmp_path, dtype="float64")
    assert distance(ours(IDS)[0], oracle(IDS)["last_hidden_state"]) <= EXACT


@KINDS
def test_the_other_kind_is_not_read_in_silence(second: bool, tmp_path: Path) -> None:
    published(tmp_path, qk_post_norm=second)
    with pytest.raises(CheckpointError, match=r"layernorm|layer_norm"):
        hubformer.JinaBertModel.from_pretrained(tmp_path, qk_post_norm=not second)


@KINDS
@torch.no_grad()
def test_rows_that_are_longer_than_in_training(second: bool, tmp_path: Path) -> None:
    oracle = published(tmp_path, qk_post_norm=second, max_position_embeddings=8)
    ours = hubformer.AutoModel.from_pretrained(tmp_path, dtype="float64")
    ids = torch.randint(6, 99, (2, 70), generator=torch.Generator().manual_seed(4))
    assert distance(ours(ids)[0], oracle(ids)["last_hidden_state"]) <= EXACT


@torch.no_grad()
def test_files_without_a_pooler(tmp_path: Path) -> None:
    """Those of a masked language model have none."""
    oracle = published(tmp_path, head="JinaBertForMaskedLM")
    ours = hubformer.AutoModel.from_pretrained(tmp_path, dtype="float64")(IDS)
    assert ours.pooler_output is None
    assert distance(ours[0], oracle.bert(IDS)["last_hidden_state"]) <= EXACT
    words = hubformer.AutoModelForMaskedLM.from_pretrained(tmp_path, dtype="float64")
    assert type(words) is hubformer.JinaBertForMaskedLM
    assert distance(words(IDS).logits, oracle(input_ids=IDS)["logits"]) <= EXACT


def test_no_type_but_an_architecture(tmp_path: Path) -> None:
    published(tmp_path)
    edited(tmp_path, without=("model_type",))
    assert type(hubformer.AutoModel.from_pretrained(tmp_path)) is hubformer.JinaBertModel


def test_bert_does_not_read_it(tmp_path: Path) -> None:
    published(tmp_path)
    with pytest.raises(ConfigError, match=r"'bert', this one is 'jina_bert'"):
        hubformer.BertModel.from_pretrained(tmp_path)
    with pytest.raises(ConfigError, match=r"'bert', .* is of the type 'jina_bert'"):
        hubformer.BertConfig.from_pretrained(tmp_path)
    with pytest.raises(ConfigError, match=r"'jina_bert', .* is of the type 'bert'"):
        hubformer.JinaBertConfig.from_pretrained("bert-mini")
    assert hubformer.JinaBertConfig.from_pretrained(tmp_path).feed_forward_type == "geglu"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"feed_forward_type": "original"}, "is 'original'.*, expected one of 'geglu', 'reglu'"),
        ({"position_embedding_type": "absolute"}, "expected one of 'alibi'"),
        ({"emb_pooler": "last"}, "emb_pooler is 'last'"),
    ],
)
def test_what_it_cannot_be_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        hubformer.JinaBertConfig(**changes)


def test_other_families_with_slopes_are_refused(tmp_path: Path) -> None:
    published(tmp_path)
    edited(tmp_path, model_type="roberta")
    with pytest.raises(ConfigError, match=r"'roberta' but ALiBi positions"):
        hubformer.AutoConfig.from_pretrained(tmp_path)
    edited(tmp_path, model_type="bert", without=("feed_forward_type",))
    with pytest.raises(ConfigError, match=r"'bert' but ALiBi positions"):
        hubformer.AutoConfig.from_pretrained(tmp_path)


@KINDS
@torch.no_grad()
def test_vectors_of_texts(second: bool, tmp_path: Path) -> None:
    """The mean of a text's states, by the encoder of sentences and, token by token, by the pipeline."""
    write_labels(tmp_path)  # for its tokenizer
    oracle = published(tmp_path, qk_post_norm=second, vocab_size=100)
    texts = ["i love this movie", "what is the capital of france ?", "paris"]
    (tmp_path / "modules.json").write_text(
        json.dumps(
            [
                {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
                {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            ]
        )
    )
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(
        json.dumps({"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True})
    )
    tokenizer = hubformer.AutoTokenizer.from_pretrained(tmp_path)
    states = [
        oracle(tokenizer(text, return_tensors="pt")["input_ids"])["last_hidden_state"] for text in texts
    ]
    found = SentenceEncoder.from_pretrained(tmp_path).encode(texts, convert_to_tensor=True)
    assert distance(found.double(), torch.stack([state[0].mean(0) for state in states])) <= 1e-5
    by_token = hubformer.pipeline("feature-extraction", model=str(tmp_path))(texts)
    for mine, state in zip(by_token, states, strict=True):
        assert distance(torch.tensor(mine).double(), state) <= 1e-5
