"""What code written for v4 does with a model: resize it, reach into it, subclass it, copy it, register it."""

from __future__ import annotations

import pickle
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import encoder_decoders
import hubformer
from hubformer.errors import ConfigError, InputError
from twins import FAMILIES, IDS, PREFIX, both, fresh, near, weights

transformers = pytest.importorskip("transformers")


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("name", FAMILIES)
def test_resized_vocabularies(name: str, tied: bool, tmp_path: Path) -> None:
    _, ours = both(f"{name}ForMaskedLM", tmp_path, tie_word_embeddings=tied)
    before = ours(IDS).logits
    table = ours.resize_token_embeddings(45)
    assert table is ours.get_input_embeddings()
    assert table.weight.shape == (45, 16)
    grown = ours(IDS).logits
    assert grown.shape == (2, 7, 45)
    assert near(grown[..., :40], before)
    assert torch.isfinite(ours(torch.tensor([[44, 3]]), labels=torch.tensor([[44, 3]])).loss)
    ours.save_pretrained(tmp_path)
    again = getattr(transformers, f"{name}ForMaskedLM").from_pretrained(tmp_path, dtype="float64")
    assert again.config.vocab_size == 45
    assert near(again(IDS).logits, grown)
    assert near(hubformer.AutoModelForMaskedLM.from_pretrained(tmp_path, dtype="float64")(IDS).logits, grown)
    ours.resize_token_embeddings(30)
    assert near(ours(IDS).logits, before[..., :30])
    assert ours.resize_token_embeddings(33, pad_to_multiple_of=8).num_embeddings == 40
    assert (ours.get_output_embeddings().weight is ours.get_input_embeddings().weight) == tied
    with pytest.raises(InputError, match="resized to 0"):
        ours.resize_token_embeddings(0)


def test_the_token_vectors_can_be_replaced(tmp_path: Path) -> None:
    _, ours = both("BertForMaskedLM", tmp_path)
    before = ours(IDS).logits
    same = nn.Embedding(40, 16, _weight=ours.get_input_embeddings().weight.detach().clone())
    ours.set_input_embeddings(same)
    assert ours.get_input_embeddings().weight is same.weight
    assert near(ours(IDS).logits, before)
    with torch.no_grad():
        same.weight.zero_()
    assert near(ours(IDS).logits[0, 0, :2], ours.cls.predictions.bias[:2])  # the tied head follows
    with pytest.raises(InputError, match="8 wide, expected 16"):
        ours.set_input_embeddings(nn.Embedding(40, 8))


@pytest.mark.parametrize("model_type", ["bart", "t5"])
def test_both_halves_read_new_token_vectors(model_type: str) -> None:
    name = encoder_decoders.WRITERS[model_type]
    config = hubformer.AutoConfig.for_model(model_type, **encoder_decoders.TINY[model_type])
    ours = getattr(hubformer, name)(config).double().eval()
    old = ours.get_input_embeddings()
    table = nn.Embedding(*old.weight.shape, dtype=torch.float64)
    ours.set_input_embeddings(table)
    found = ours(IDS, decoder_input_ids=IDS)
    with torch.no_grad():
        old.weight.copy_(table.weight)
    ours.set_input_embeddings(old)
    assert near(found.logits, ours(IDS, decoder_input_ids=IDS).logits)
    with torch.no_grad():
        table.weight.zero_()
    ours.set_input_embeddings(table)
    zero = ours(IDS, decoder_input_ids=IDS)
    assert not near(zero.encoder_last_hidden_state, found.encoder_last_hidden_state)


@pytest.mark.parametrize("name", FAMILIES)
def test_modules_by_name(name: str) -> None:
    model = fresh(f"{name}ForSequenceClassification")
    attribute = PREFIX[name][:-1]
    base = getattr(model, attribute)
    assert type(base).__name__ == f"{name}Model"
    assert base.get_input_embeddings() is model.get_input_embeddings()
    assert model.base_model_prefix == attribute
    assert near(model.base_model(IDS)[0], model(IDS, output_hidden_states=True).hidden_states[-1])
    assert {id(p) for p in base.parameters()} <= {id(p) for p in model.parameters()}
    with pytest.raises(AttributeError, match="no attribute 'clasifier'"):
        _ = model.clasifier
    with pytest.raises(AttributeError, match=r"embeddings\.word_embedding"):
        _ = base.embeddings.word_embedding


def test_bert_by_name() -> None:
    model = fresh("BertForSequenceClassification", num_labels=3)
    query = model.bert.encoder.layer[0].attention.self.query
    assert query is model.computation.body.stack.blocks[0].attention.query
    assert (
        model.bert.encoder.layer[-1].output.dense is model.computation.body.stack.blocks[1].feed_forward.down
    )
    assert len(model.bert.encoder.layer) == 2
    assert [layer.output.LayerNorm.eps for layer in model.bert.encoder.layer] == [1e-12] * 2
    assert model.classifier.out_features == 3
    assert model.bert.pooler.dense is model.computation.head.dense
    assert model.bert(IDS).pooler_output.shape == (2, 16)
    with pytest.raises(IndexError):
        model.bert.encoder.layer[2]
    for layer in model.bert.encoder.layer[:1]:
        for parameter in layer.parameters():
            parameter.requires_grad = False
    assert not query.weight.requires_grad
    assert model.bert.encoder.layer[1].attention.self.query.weight.requires_grad
    model.bert.embeddings.requires_grad_(False)
    assert not model.get_input_embeddings().weight.requires_grad
    tied = fresh("BertForMaskedLM")
    assert tied.cls.predictions.decoder.weight is tied.get_input_embeddings().weight
    assert model.num_parameters(only_trainable=True) < model.num_parameters()
    assert query.weight.requires_grad is False
    assert model.classifier.weight.requires_grad


@pytest.mark.parametrize("name", FAMILIES)
def test_parameters_are_counted_as_in_v4(name: str, tmp_path: Path) -> None:
    for head in ("Model", "ForMaskedLM", "ForSequenceClassification", "ForMultipleChoice"):
        oracle, ours = both(name + head, tmp_path)
        assert ours.num_parameters() == oracle.num_parameters()
        assert ours.num_parameters(exclude_embeddings=True) == oracle.num_parameters(exclude_embeddings=True)
        assert ours.get_memory_footprint() == 8 * ours.num_parameters()


@pytest.mark.parametrize("name", FAMILIES)
def test_recomputed_activations_give_the_same_gradients(name: str) -> None:
    model = fresh(f"{name}ForTokenClassification").double().train()
    gradients = []
    for enable in (model.gradient_checkpointing_disable, model.gradient_checkpointing_enable):
        enable()
        model.zero_grad()
        torch.manual_seed(1)
        model(IDS, labels=IDS % 2).loss.backward()
        gradients.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


@pytest.mark.parametrize("name", FAMILIES)
def test_copies(name: str) -> None:
    model = fresh(f"{name}ForMaskedLM", tie_word_embeddings=True)
    expected = model(IDS).logits
    for copy in (deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert type(copy) is type(model)
        assert copy.config == model.config
        assert torch.equal(copy(IDS).logits, expected)
        with torch.no_grad():
            copy.get_input_embeddings().weight.mul_(2)
        assert torch.equal(model(IDS).logits, expected)
        assert not torch.equal(copy(IDS).logits, expected)
    fresh(f"{name}ForMaskedLM").load_state_dict(model.state_dict())


# ---- classes of one's own -------------------------------------------------------------------------------


class TwoHeads(hubformer.BertPreTrainedModel):  # type: ignore[misc]
    """As in many notebooks: a backbone, and layers of one's own."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.bert = hubformer.BertModel(config)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.scores = nn.Linear(config.hidden_size, 5)
        self.scale = nn.Parameter(torch.ones(1))
        self.post_init()

    def forward(self, input_ids: Any, attention_mask: Any = None) -> Any:
        out = self.bert(input_ids, attention_mask=attention_mask)
        return self.scale * self.scores(self.dropout(out.pooler_output))


class Tagger(hubformer.RobertaForTokenClassification):  # type: ignore[misc]
    """A head with something added."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.transitions = nn.Parameter(torch.zeros(config.num_labels, config.num_labels))


def test_a_class_of_ones_own_around_a_backbone(tmp_path: Path) -> None:
    oracle, _ = both("BertModel", tmp_path)
    model, report = TwoHeads.from_pretrained(tmp_path, dtype="float64", output_loading_info=True)
    assert not model.training
    assert near(model.bert(IDS).pooler_output, oracle(IDS).pooler_output)
    assert set(report["missing_keys"]) == {"scores.weight", "scores.bias", "scale"}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    expected = model(IDS)
    saved = tmp_path / "saved"
    model.save_pretrained(saved)
    names = set(weights(saved))
    assert {"bert.pooler.dense.weight", "scores.weight", "scale"} <= names
    again, report = TwoHeads.from_pretrained(saved, dtype="float64", output_loading_info=True)
    assert not any(report.values())
    assert near(again(IDS), expected)
    assert near(
        hubformer.AutoModel.from_pretrained(saved, dtype="float64")(IDS)[0], model.bert(IDS)[0]
    )  # the file is a BERT with leftovers
    assert near(pickle.loads(pickle.dumps(again))(IDS), again(IDS))
    assert again.base_model is again.bert
    assert TwoHeads(model.config)(IDS).shape == (2, 5)


def test_a_head_with_something_added(tmp_path: Path) -> None:
    oracle, _ = both("RobertaForTokenClassification", tmp_path, num_labels=3)
    model, report = Tagger.from_pretrained(tmp_path, dtype="float64", new_head=True, output_loading_info=True)
    assert report["missing_keys"] == ["transitions"]
    assert near(model(IDS).logits, oracle(IDS).logits)
    with torch.no_grad():
        model.transitions.add_(1.5)
    model.save_pretrained(tmp_path)
    again = Tagger.from_pretrained(tmp_path, dtype="float64")
    assert torch.equal(again.transitions, model.transitions)
    plain = hubformer.AutoModelForTokenClassification.from_pretrained(tmp_path, dtype="float64")
    assert near(plain(IDS).logits, oracle(IDS).logits)


class MineConfig(hubformer.BertConfig):  # type: ignore[misc]
    model_type = "mine"


class MineModel(hubformer.BertModel):  # type: ignore[misc]
    config_class = MineConfig


def test_registered_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hubformer.pretrained import registry

    monkeypatch.setattr(registry, "_CONFIGS", {})
    monkeypatch.setattr(registry, "_MODELS", {})
    hubformer.AutoConfig.register("mine", MineConfig)
    hubformer.AutoModel.register(MineConfig, MineModel)
    with pytest.raises(ConfigError, match="already has a class"):
        hubformer.AutoModel.register(MineConfig, MineModel)
    config = MineConfig(vocab_size=40, hidden_size=16, num_attention_heads=4, num_hidden_layers=1)
    model = hubformer.AutoModel.from_config(config)
    assert type(model) is MineModel
    model.eval().save_pretrained(tmp_path)
    assert type(hubformer.AutoConfig.from_pretrained(tmp_path)) is MineConfig
    again = hubformer.AutoModel.from_pretrained(tmp_path)
    assert type(again) is MineModel
    assert torch.equal(again(IDS)[0], model(IDS)[0])


def test_overwriting_a_loaded_folder_leaves_the_model_alone(tmp_path: Path) -> None:
    """Saving to where a model came from replaces the file; what is mapped stays."""
    _, ours = both("DistilBertForMaskedLM", tmp_path)
    expected = ours(IDS).logits
    fresh("DistilBertForMaskedLM").save_pretrained(tmp_path)
    assert torch.equal(ours(IDS).logits, expected)
    ours.save_pretrained(tmp_path)
    again = hubformer.AutoModelForMaskedLM.from_pretrained(tmp_path, dtype="float64")
    assert near(again(IDS).logits, expected)


def test_the_wrong_class_for_a_checkpoint(tmp_path: Path) -> None:
    both("RobertaModel", tmp_path)
    with pytest.raises(ConfigError, match="loads models of the type 'bert', this one is 'roberta'"):
        hubformer.BertModel.from_pretrained(tmp_path)
    assert hubformer.RobertaForMaskedLM.from_pretrained(tmp_path).untrained_parameters()
