"""What code written for v4 does with a model and a configuration, beside loading and calling them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import hubformer
from hubformer.errors import CheckpointError, ConfigError, InputError, UnknownArgument

TINY: dict[str, Any] = {
    "vocab_size": 30,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "max_position_embeddings": 16,
}
IDS = torch.tensor([[5, 6, 7, 8]])


@pytest.fixture
def model() -> Any:
    torch.manual_seed(0)
    config = hubformer.BertConfig(**TINY, id2label={0: "NO", 1: "YES"})
    return hubformer.BertForSequenceClassification(config).eval()


def test_a_linear_takes_the_place_of_the_classifier(model: Any, tmp_path: Path) -> None:
    states = model.bert(IDS).pooler_output
    mine = nn.Linear(8, 3)
    model.classifier = mine
    output = model(IDS, labels=torch.tensor([2]))
    torch.testing.assert_close(output.logits, mine(states))
    assert model.config.num_labels == model.num_labels == 3
    output.loss.backward()
    assert mine.weight.grad is not None
    model.save_pretrained(tmp_path)
    again = hubformer.AutoModelForSequenceClassification.from_pretrained(tmp_path)
    assert torch.equal(again(IDS).logits, model(IDS).logits)


def test_a_linear_of_the_same_size_keeps_the_names_of_the_labels(model: Any) -> None:
    model.classifier = nn.Linear(8, 2)
    assert model.config.id2label == {0: "NO", 1: "YES"}


def test_a_linear_inside_a_layer(model: Any) -> None:
    mine = nn.Linear(8, 8)
    model.bert.encoder.layer[1].attention.self.query = mine
    assert model.bert.encoder.layer[1].attention.self.query.weight is mine.weight
    assert any(p is mine.weight for p in model.parameters())


def test_any_module_takes_the_place_of_a_linear(model: Any) -> None:
    states = model.bert(IDS).pooler_output
    mine = nn.Sequential(nn.Linear(8, 4), nn.Tanh(), nn.Linear(4, 2))
    model.classifier = mine
    torch.testing.assert_close(model(IDS).logits, mine(states))
    assert "classifier.2.weight" in dict(model.named_parameters())
    before = model(IDS).logits
    inside = nn.Sequential(nn.Linear(8, 8))
    model.bert.encoder.layer[0].intermediate.dense = inside
    assert not torch.equal(model(IDS).logits, before)
    model(IDS).logits.sum().backward()
    assert inside[0].weight.grad is not None


def test_a_module_may_wrap_the_one_that_it_replaces(model: Any) -> None:
    class Twice(nn.Module):
        def __init__(self, inner: nn.Module) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 2 * self.inner(x)

    before = model(IDS).logits
    model.classifier = Twice(model.classifier)
    torch.testing.assert_close(model(IDS).logits, 2 * before)


def test_a_module_that_nothing_would_call_is_refused(model: Any) -> None:
    with pytest.raises(InputError, match="bert cannot be replaced by BertModel"):
        model.bert = hubformer.BertModel(model.config)
    with pytest.raises(InputError, match="it has in_features=8"):
        model.classifier = nn.Linear(9, 2)
    with pytest.raises(InputError, match="cannot be set to 1"):
        model.bert.encoder.layer[0].attention = 1


def test_the_body_keeps_its_own_mode(model: Any) -> None:
    model.train()
    model.bert.eval()
    assert not model.bert.training
    assert not model.bert.encoder.layer[0].attention.self.query.training
    assert model.training
    assert not any(module.training for module in model.computation.body.modules())
    model.train()
    assert model.bert.training


def test_a_subclass_with_its_own_forward_may_hold_what_it_likes() -> None:
    class Mine(hubformer.BertForSequenceClassification):
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.classifier = nn.Sequential(nn.Linear(8, 4))

        def forward(self, input_ids: Any = None) -> Any:  # type: ignore[override]
            return self.classifier(self.bert(input_ids).pooler_output)

    scores: Any = Mine(hubformer.BertConfig(**TINY))(IDS)
    assert scores.shape == (1, 4)


def test_what_v4_asks_of_a_model(model: Any) -> None:
    assert model.num_labels == 2
    assert model.main_input_name == "input_ids"
    assert not model.is_gradient_checkpointing
    model.gradient_checkpointing_enable()
    assert model.is_gradient_checkpointing
    model.gradient_checkpointing_disable()
    assert not model.is_gradient_checkpointing
    model.num_labels = 2
    assert model.config.id2label == {0: "NO", 1: "YES"}
    model.num_labels = 4
    assert model.config.num_labels == 4


def test_a_subclass_may_set_num_labels() -> None:
    class Mine(hubformer.BertPreTrainedModel):
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.num_labels = config.num_labels
            self.bert = hubformer.BertModel(config)

    assert Mine(hubformer.BertConfig(**TINY, num_labels=3)).num_labels == 3


def test_labels_out_of_range(model: Any) -> None:
    with pytest.raises(InputError, match="labels holds 7, expected 0 to 1"):
        model(IDS, labels=torch.tensor([7]))
    with pytest.raises(InputError, match=r"labels has the shape \[2\], expected \[1\]"):
        model(IDS, labels=torch.tensor([0, 1]))


def test_a_named_configuration_is_loaded(model: Any, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path)
    config = hubformer.BertConfig.from_pretrained(tmp_path, num_labels=5, hidden_dropout_prob=0.2)
    assert type(config) is hubformer.BertConfig
    assert (config.hidden_size, config.num_labels, config.hidden_dropout_prob) == (8, 5, 0.2)
    assert config._name_or_path == config.name_or_path == str(tmp_path)
    config._name_or_path = "mine"
    assert config.name_or_path == "mine"
    assert "_name_or_path" not in config.to_dict()
    assert hubformer.BertConfig.from_pretrained(tmp_path / "config.json").hidden_size == 8
    assert hubformer.GPT2Config.from_pretrained("gpt2", n_layer=3).n_layer == 3
    assert type(hubformer.PretrainedConfig.from_pretrained(tmp_path)) is hubformer.BertConfig
    assert hubformer.BertConfig.from_pretrained(tmp_path, return_unused_kwargs=True)[1] == {}
    with pytest.raises(ConfigError, match=r"GPT2Config reads models of the type 'gpt2'.*'bert'.*AutoConfig"):
        hubformer.GPT2Config.from_pretrained(tmp_path)
    with pytest.raises(UnknownArgument, match="hidden_size"):
        hubformer.BertConfig.from_pretrained(tmp_path, hiden_size=3)


def test_a_configuration_of_ones_own_is_loaded(tmp_path: Path) -> None:
    class MyConfig(hubformer.PretrainedConfig):
        model_type = "mine"

    MyConfig(depth=3).save_pretrained(tmp_path)
    config = MyConfig.from_pretrained(tmp_path)
    assert type(config) is MyConfig
    assert config.depth == 3


def test_the_same_number_of_labels_keeps_their_names(model: Any, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path)
    auto = hubformer.AutoModelForSequenceClassification
    assert auto.from_pretrained(tmp_path, num_labels=2).config.id2label == {0: "NO", 1: "YES"}
    assert hubformer.AutoConfig.from_pretrained(tmp_path, num_labels=2).label2id == {"NO": 0, "YES": 1}
    other = auto.from_pretrained(tmp_path, num_labels=3, ignore_mismatched_sizes=True)
    assert other.config.id2label == {i: f"LABEL_{i}" for i in range(3)}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_refused(model: Any, tmp_path: Path, value: float) -> None:
    with torch.no_grad():
        model.get_input_embeddings().weight[3, 2] = value
    model.save_pretrained(tmp_path)
    auto = hubformer.AutoModelForSequenceClassification
    with pytest.raises(CheckpointError, match=r"not finite.*word_embeddings.*check_finite=False"):
        auto.from_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="not finite"):
        auto.from_pretrained(tmp_path, dtype="bfloat16")
    assert (
        not auto.from_pretrained(tmp_path, check_finite=False).get_input_embeddings().weight[3, 2].isfinite()
    )
