from __future__ import annotations

import json
import math
import pickle
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

import hubformer
from hubformer.errors import ConfigError, UnknownName
from hubformer.families import every_family
from hubformer.models.config import HARMLESS, read_json
from oracles import oracle_class

transformers = pytest.importorskip("transformers")


CHANGED = (
    ("mt5", "tie_word_embeddings"),
    ("jina_bert", "position_embedding_type"),  # whose code starts as BERT, which no file of it is
    ("jina_bert", "feed_forward_type"),
)


@pytest.mark.parametrize("family", every_family(), ids=lambda family: family.model_type)
def test_defaults_are_v4s(family: Any) -> None:
    """5.23 kept v4's defaults of the fields that both have, but for those that CHANGED names."""
    theirs = oracle_class(f"{family.name}Config")().to_dict()
    ours = getattr(hubformer, f"{family.name}Config")()
    for name in family.fields:
        if name in theirs and (family.model_type, name) not in CHANGED:
            value = getattr(ours, name)
            if isinstance(theirs[name], dict) and not isinstance(value, dict):  # of a half
                mine = {"model_type": value.model_type, **vars(value)}
                shared = mine.keys() & theirs[name].keys() & {"model_type", "is_decoder", *value.fields}
                assert len(shared) > 10
                assert {n: mine[n] for n in shared} == {n: theirs[name][n] for n in shared}
            else:
                assert value == theirs[name], name


def test_fields_by_position_and_alias() -> None:
    config = hubformer.BertConfig(100, 24)
    assert (config.vocab_size, config.hidden_size) == (100, 24)
    with pytest.raises(ConfigError, match="by position"):
        hubformer.BertConfig(*range(40))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hidden_size": -4}, "hidden_size is -4.*whole number"),
        ({"hidden_size": "64"}, "hidden_size is '64'"),
        ({"hidden_size": 64.0}, "hidden_size is 64.0"),
        ({"hidden_size": True}, "hidden_size is True"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers is 1000000000"),
        ({"num_attention_heads": 0}, "num_attention_heads is 0"),
        ({"layer_norm_eps": math.nan}, "layer_norm_eps is nan"),
        ({"layer_norm_eps": math.inf}, "layer_norm_eps is inf"),
        ({"hidden_dropout_prob": 1.5}, "hidden_dropout_prob is 1.5.*rate"),
        ({"hidden_act": "geluu"}, "hidden_act is 'geluu'.*gelu_new"),
        ({"num_labels": 10**8}, "num_labels is 100000000"),
        ({"id2label": {"0": "a", "2": "b"}}, "without a gap"),
        ({"id2label": ["a"]}, "id2label is"),
        ({"problem_type": "guess"}, "problem_type is 'guess'"),
        ({"hiden_size": 64}, "no field 'hiden_size'. Did you mean 'hidden_size'"),
        ({"pruned_heads": {"0": [1]}}, "pruned_heads"),
        ({"quantization_config": {"bits": 4}}, "quantization_config"),
        ({"pad_token_id": "x"}, "pad_token_id is 'x'"),
    ],
)
def test_bad_values(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        hubformer.BertConfig(**values)


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(ConfigError, match="hidden_size is 32 and num_attention_heads is 5"):
        hubformer.BertModel(hubformer.BertConfig(hidden_size=32, num_attention_heads=5))


def test_a_change_after_the_start_is_checked_when_built() -> None:
    config = hubformer.BertConfig()
    config.hidden_size = 0
    with pytest.raises(ConfigError, match="hidden_size is 0"):
        hubformer.BertModel(config)


def test_unknown_keys_are_kept_and_listed() -> None:
    config = hubformer.BertConfig(my_own_key=3, transformers_version="4")
    assert config.my_own_key == 3
    assert "transformers_version" in HARMLESS
    family, frozen = hubformer.BertModel.family, config.freeze()
    family.body(frozen)
    family.initial(frozen)
    family.head("sequence-classification").spec(frozen)
    assert frozen.unread() == ["my_own_key"]


def test_labels() -> None:
    assert hubformer.BertConfig().id2label == {0: "LABEL_0", 1: "LABEL_1"}
    assert hubformer.BertConfig(num_labels=3).label2id["LABEL_2"] == 2
    named = hubformer.BertConfig(id2label={"0": "no", "1": "yes"})
    assert named.id2label == {0: "no", 1: "yes"}
    assert named.label2id == {"no": 0, "yes": 1}
    named.num_labels = 5
    assert named.num_labels == len(named.id2label) == 5


def test_written_and_read_back_by_both(tmp_path: Path) -> None:
    config = hubformer.BertConfig(
        hidden_size=24, num_attention_heads=4, id2label={0: "no", 1: "yes"}, extra=1
    )
    config.save_pretrained(tmp_path)
    again = hubformer.AutoConfig.from_pretrained(tmp_path)
    again.name_or_path = config.name_or_path
    assert again == config
    theirs = transformers.AutoConfig.from_pretrained(tmp_path)
    assert (theirs.hidden_size, theirs.id2label, theirs.extra) == (24, {0: "no", 1: "yes"}, 1)


def test_copies() -> None:
    config = hubformer.BertConfig(hidden_size=24)
    assert pickle.loads(pickle.dumps(config)) == config
    assert deepcopy(config) == config
    assert isinstance(config, hubformer.BertConfig)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[1]", "holds a JSON list"),
        ("[" * 100_000, "not valid JSON"),
        ("", "not valid"),
    ],
)
def test_unreadable_json(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_json(path)


def test_a_family_from_what_a_file_tells(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["BertForMaskedLM"]}))
    assert hubformer.AutoConfig.from_pretrained(tmp_path).model_type == "bert"
    (tmp_path / "config.json").write_text(json.dumps({"hidden_size": 8}))
    with pytest.raises(ConfigError, match="neither model_type nor architectures"):
        hubformer.AutoConfig.from_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "brt"}))
    with pytest.raises(UnknownName, match=r"'brt'.*Did you mean 'bert'.*It knows"):
        hubformer.AutoConfig.from_pretrained(tmp_path)
    values = {"model_type": "bert", "position_embedding_type": "alibi"}
    (tmp_path / "config.json").write_text(json.dumps(values))
    with pytest.raises(ConfigError, match="ALiBi"):
        hubformer.AutoConfig.from_pretrained(tmp_path)


def test_equal_configurations_have_equal_hashes() -> None:
    one, two = (hubformer.BertConfig(hidden_size=24) for _ in range(2))
    assert one == two
    assert hash(one) == hash(two)
    assert len({one, two}) == 1
    assert len({one, hubformer.BertConfig(hidden_size=36)}) == 2
