"""What DistilBERT does beside the table of test_fidelity: fixed waves, no token types, no pooler."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
import torch

import hubformer
from hubformer.errors import ConfigError, UnknownArgument
from hubformer.pretrained.tokenizer import AutoTokenizer
from twins import TINY, fresh

transformers = pytest.importorskip("transformers")

IDS = torch.tensor([[7, 8, 9, 10, 11]])
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "day", "night", "a"]


def positions(model: Any) -> torch.nn.Parameter:
    found: torch.nn.Parameter = model.distilbert.embeddings.position_embeddings.weight
    return found


def test_sinusoids_are_the_oracles_and_do_not_train(tmp_path: Path) -> None:
    theirs = transformers.DistilBertModel(
        transformers.DistilBertConfig(**TINY["DistilBert"], sinusoidal_pos_embds=True)
    )
    model = fresh("DistilBertForMaskedLM", sinusoidal_pos_embds=True)
    expected = theirs.embeddings.position_embeddings.weight
    assert torch.allclose(positions(model), expected, rtol=0, atol=1e-6)
    model.save_pretrained(tmp_path)
    loaded = hubformer.DistilBertForMaskedLM.from_pretrained(tmp_path)
    for each in (model, loaded):
        assert not positions(each).requires_grad
        assert [n for n, p in each.named_parameters() if not p.requires_grad] == [
            "distilbert.embeddings.position_embeddings.weight"
        ]
        before = positions(each).clone()
        optimizer = torch.optim.AdamW((p for p in each.parameters() if p.requires_grad), weight_decay=0.1)
        each.train()(IDS, labels=IDS).loss.backward()
        optimizer.step()
        assert torch.equal(positions(each), before)
    assert model.num_parameters() - model.num_parameters(only_trainable=True) == before.numel()
    assert positions(fresh("DistilBertForMaskedLM")).requires_grad


def test_token_types_are_refused_and_its_tokenizer_gives_none(tmp_path: Path) -> None:
    model = fresh("DistilBertForSequenceClassification", num_labels=3)
    with pytest.raises(UnknownArgument, match=r"no argument 'token_type_ids'.*It takes: attention_mask"):
        model(IDS, token_type_ids=torch.zeros_like(IDS))
    model.save_pretrained(tmp_path)
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    batch = tokenizer(["a good day", "a bad night a"], padding=True, return_tensors="pt")
    assert set(batch) == {"input_ids", "attention_mask"}
    loaded = hubformer.AutoModelForSequenceClassification.from_pretrained(tmp_path)
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path)
    mine = loaded(**batch).logits
    assert mine.shape == (2, 3)
    assert torch.allclose(mine, theirs(**batch).logits, atol=1e-6)
    assert tokenizer.model_max_length == 20


def test_the_model_has_no_pooler() -> None:
    out = fresh("DistilBertModel").eval()(IDS, output_hidden_states=True)
    assert list(out.keys()) == ["last_hidden_state", "hidden_states"]
    assert type(out).__name__ == "BaseModelOutput"
    assert len(fresh("DistilBertModel").eval()(IDS, return_dict=False)) == 1


def test_the_names_of_other_families() -> None:
    config = hubformer.DistilBertConfig(hidden_size=24, num_attention_heads=2, num_hidden_layers=3)
    assert (config.dim, config.n_heads, config.n_layers) == (24, 2, 3)
    config.hidden_size = 48
    assert config.dim == config.hidden_size == 48
    assert "hidden_size" not in config.to_dict()
    assert hubformer.DistilBertConfig.from_dict({**TINY["DistilBert"], "hidden_size": 16}).dim == 16
    with pytest.raises(ConfigError, match="dim is 16 and n_heads is 3"):
        fresh("DistilBertModel", n_heads=3)
    assert " ".join(config.fields) == (
        "vocab_size max_position_embeddings sinusoidal_pos_embds n_layers n_heads dim hidden_dim dropout "
        "attention_dropout activation initializer_range qa_dropout seq_classif_dropout pad_token_id"
    )


def test_v4s_order_of_arguments() -> None:
    reads, asks = (
        "input_ids attention_mask head_mask inputs_embeds",
        "output_attentions output_hidden_states return_dict",
    )
    for head, middle in {
        "Model": "",
        "ForMaskedLM": "labels ",
        "ForSequenceClassification": "labels ",
        "ForQuestionAnswering": "start_positions end_positions ",
        "ForTokenClassification": "labels ",
        "ForMultipleChoice": "labels ",
    }.items():
        found = inspect.signature(getattr(hubformer, f"DistilBert{head}").forward).parameters
        assert " ".join(found) == f"self {reads} {middle}{asks}", head


def test_modules_by_the_names_of_v4() -> None:
    model = fresh("DistilBertForSequenceClassification")
    assert model.distilbert.transformer.layer[1].attention.q_lin.weight.shape == (16, 16)
    assert model.pre_classifier is model.computation.head.dense
    assert model.classifier.out_features == 2
    assert fresh("DistilBertForMaskedLM").vocab_layer_norm.weight.shape == (16,)
    assert (
        hubformer.AutoModelForPreTraining.from_config(model.config).head_row.name == "DistilBertForMaskedLM"
    )
