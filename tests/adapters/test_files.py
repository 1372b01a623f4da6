"""Folders of adapters: what is written, what is refused, and everything that loads from them."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

import hubformer
from adapters.pairs import CASES, answers, away, base, batch, ours, shaken, with_adapter
from cases import TINY
from hub_server import HubServer
from hubformer import CheckpointError, HubError, InputError, LoraConfig, pipeline

pytest.importorskip("transformers")
BERT = CASES[0]
GPT2 = next(case for case in CASES if case.model_type == "gpt2")
FILES = ["adapter_config.json", "adapter_model.safetensors", "model_config.json"]
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "day", "night", "a"]


@pytest.fixture
def where(tmp_path: Path) -> Path:
    return base(BERT, tmp_path / "base")


@pytest.fixture
def adapter(where: Path, tmp_path: Path) -> Path:
    with_adapter(BERT, where).save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


def rewritten(folder: Path, change: Callable[[dict[str, Tensor]], dict[str, Tensor]]) -> Path:
    path = folder / "adapter_model.safetensors"
    save_file({n: t.contiguous() for n, t in change(load_file(path)).items()}, path, {"format": "pt"})
    return folder


def reconfigured(folder: Path, **changes: Any) -> Path:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    return folder


def test_a_folder_holds_the_adapter_alone(adapter: Path, where: Path) -> None:
    assert sorted(path.name for path in adapter.iterdir()) == FILES
    said = json.loads((adapter / "adapter_config.json").read_text())
    assert said["base_model_name_or_path"] == str(where)
    assert said["inference_mode"] is True
    assert said["modules_to_save"] == ["classifier"]
    assert said["target_modules"] == ["query", "value"]
    with (adapter / "adapter_model.safetensors").open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    assert header["__metadata__"] == {"format": "pt"}


def test_a_base_without_a_name_is_said_aloud(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = hubformer.BertModel(hubformer.BertConfig(**TINY["bert"]))
    model.add_adapter(LoraConfig())
    with caplog.at_level(logging.WARNING, "hubformer"):
        model.save_pretrained(tmp_path / "adapter")
    assert "without the name of its base" in caplog.text
    with pytest.raises(CheckpointError, match="does not say which model the adapter was trained on"):
        hubformer.BertModel.from_pretrained(tmp_path / "adapter")
    model.delete_adapter("default")
    model.load_adapter(tmp_path / "adapter")


def test_several_active_ones_have_folders_of_their_names(where: Path, tmp_path: Path) -> None:
    model = with_adapter(BERT, where)
    model.add_adapter(LoraConfig(r=2, target_modules=["key"]), "other")
    torch.manual_seed(9)
    shaken(model, only_trained=True)
    model.set_adapter(["default", "other"])
    with pytest.raises(InputError, match="say which to save"):
        model.save_adapter(tmp_path / "both")
    model.save_pretrained(tmp_path / "both")
    assert sorted(path.name for path in (tmp_path / "both").iterdir()) == [*FILES, "other"]
    again = ours(BERT, where)
    again.load_adapter(tmp_path / "both")
    again.load_adapter(tmp_path / "both", "other", subfolder="other")
    again.set_adapter(["default", "other"])
    assert away(answers(again, batch(BERT)), answers(model, batch(BERT))) == 0


def test_a_whole_model_takes_the_place_of_an_adapter(adapter: Path, where: Path) -> None:
    model = ours(BERT, adapter)
    expected = answers(model, batch(BERT))
    model.merge_adapter()
    model.save_pretrained(adapter)
    assert not set(FILES) & {path.name for path in adapter.iterdir()}
    again = ours(BERT, adapter)
    assert again.peft_config == {}
    assert away(answers(again, batch(BERT)), expected) <= 1e-9


def test_an_adapter_beside_its_base(where: Path) -> None:
    """In one folder: the weights there, with the adapter on top, as in transformers 5."""
    model = with_adapter(BERT, where)
    model.save_pretrained(where)
    again = ours(BERT, where)
    assert away(answers(again, batch(BERT)), answers(model, batch(BERT))) == 0


def test_a_state_of_ones_own_is_refused(where: Path, tmp_path: Path) -> None:
    model = with_adapter(BERT, where)
    with pytest.raises(InputError, match="state_dict= is for a whole model"):
        model.save_pretrained(tmp_path / "adapter", state_dict=model.state_dict())


# ---- what loads from the folder ---------------------------------------------------------------------


def test_auto_classes_load_the_base_and_the_adapter(adapter: Path, where: Path) -> None:
    expected = answers(with_adapter(BERT, where), batch(BERT))
    for kind in (hubformer.AutoModelForSequenceClassification, hubformer.BertForSequenceClassification):
        model, report = kind.from_pretrained(adapter, dtype="float64", output_loading_info=True)
        assert away(answers(model, batch(BERT)), expected) == 0
        assert model.active_adapters() == ["default"]
        assert not any(p.requires_grad for p in model.parameters())
        assert not model.training
        assert model.name_or_path == str(where)
        assert report["missing_keys"] == []
    assert hubformer.AutoConfig.from_pretrained(adapter).num_labels == 3


def test_trained_on_where_it_stopped(adapter: Path, where: Path) -> None:
    model = ours(BERT, where)
    model.load_adapter(adapter, is_trainable=True)
    names = {name for name, p in model.named_parameters() if p.requires_grad}
    assert names == {n for n, p in with_adapter(BERT, where).named_parameters() if p.requires_grad}
    frozen = ours(BERT, adapter)
    frozen.set_adapter("default")  # which is to train it, as in v4
    assert {name for name, p in frozen.named_parameters() if p.requires_grad} == names


def test_loading_draws_no_random_numbers(adapter: Path, where: Path) -> None:
    model = ours(BERT, where)
    torch.manual_seed(4)
    model.load_adapter(adapter)
    drawn = torch.rand(3)
    torch.manual_seed(4)
    assert torch.equal(drawn, torch.rand(3))


def test_a_pipeline_answers_with_the_labels_of_the_adapter(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = hubformer.BertConfig(**{**TINY["bert"], "vocab_size": len(WORDS)})
    hubformer.BertForMaskedLM(config).save_pretrained(tmp_path / "base")
    (tmp_path / "base" / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    model = hubformer.BertForSequenceClassification.from_pretrained(
        tmp_path / "base", id2label={0: "GOOD", 1: "BAD", 2: "NIGHT"}
    )
    model.add_adapter(LoraConfig(r=2))
    shaken(model, only_trained=True).save_pretrained(tmp_path / "adapter")
    ask = pipeline(model=str(tmp_path / "adapter"))  # the tokenizer is the base's
    found = ask("a good day", top_k=None)
    assert {answer["label"] for answer in found} == {"GOOD", "BAD", "NIGHT"}
    ids = hubformer.AutoTokenizer.from_pretrained(tmp_path / "adapter")("a good day", return_tensors="pt")
    scores = model(**ids).logits.softmax(-1)[0]
    expected = {model.config.id2label[place]: score for place, score in enumerate(scores.tolist())}
    assert {answer["label"]: pytest.approx(answer["score"], abs=1e-5) for answer in found} == expected


def test_an_adapter_of_the_hub(hub: HubServer, tmp_path: Path) -> None:
    model = hubformer.BertForSequenceClassification(hubformer.BertConfig(**TINY["bert"]))
    model = shaken(model)
    model.save_pretrained(tmp_path / "base")
    hub.add("org/base", tmp_path / "base")
    model = hubformer.BertForSequenceClassification.from_pretrained("org/base")
    model.add_adapter(LoraConfig(task_type="SEQ_CLS"))
    shaken(model, only_trained=True).save_pretrained(tmp_path / "adapter")
    commit = hub.add("org/adapter", tmp_path / "adapter")
    expected = answers(model, batch(BERT))
    auto = hubformer.AutoModelForSequenceClassification
    assert away(answers(auto.from_pretrained("org/adapter"), batch(BERT)), expected) == 0
    again = hubformer.BertForSequenceClassification.from_pretrained("org/base")
    again.load_adapter("org/adapter", revision=commit)
    assert away(answers(again, batch(BERT)), expected) == 0
    offline = auto.from_pretrained("org/adapter", local_files_only=True)
    assert away(answers(offline, batch(BERT)), expected) == 0


def test_a_whole_model_of_the_hub_is_not_asked_for_an_adapter(hub: HubServer, where: Path) -> None:
    hub.add("org/base", where)
    hubformer.BertForSequenceClassification.from_pretrained("org/base")
    assert not [request for request in hub.requests if "adapter" in str(request)]


# ---- what does not fit ------------------------------------------------------------------------------


def refused(folder: Path, model: Any, *said: str) -> str:
    """Loading it is an error, and leaves the model as it was."""
    keys, before = model.state_dict().keys(), answers(model, batch(BERT))
    with pytest.raises(CheckpointError) as error:
        model.load_adapter(folder)
    for words in said:
        assert words in str(error.value), (words, str(error.value))
    assert model.state_dict().keys() == keys
    assert away(answers(model, batch(BERT)), before) == 0
    assert all(p.requires_grad for p in model.parameters())
    return str(error.value)


def test_another_base_is_refused(adapter: Path, where: Path, tmp_path: Path) -> None:
    narrow = {**TINY["bert"], "hidden_size": 16, "intermediate_size": 24}
    model = hubformer.BertForSequenceClassification(hubformer.BertConfig(**narrow)).eval()
    name = "bert.encoder.layer.0.attention.self.query.lora_A.weight is [4, 32], expected [4, 16]"
    refused(adapter, model, name, f"its base is {where}", "trained on")
    shallow = {**TINY["bert"], "num_hidden_layers": 2}
    model = hubformer.BertForSequenceClassification(hubformer.BertConfig(**shallow)).eval()
    refused(adapter, model, "unknown: bert.encoder.layer.2.attention.self.query.lora_A.weight")
    deep = {**TINY["bert"], "num_hidden_layers": 4}
    model = hubformer.BertForSequenceClassification(hubformer.BertConfig(**deep)).eval()
    refused(adapter, model, "missing: bert.encoder.layer.3.attention.self.query.lora_A.weight")
    gpt2 = hubformer.GPT2ForSequenceClassification(hubformer.GPT2Config(**TINY["gpt2"])).eval()
    refused(adapter, gpt2, "'query', which this model does not have", f"its base is {where}")
    words = hubformer.BertForMaskedLM(hubformer.BertConfig(**TINY["bert"])).eval()
    refused(adapter, words, "unknown: classifier.bias")


@pytest.mark.parametrize("name", ["lora_A", "lora_B", "classifier.bias"])
def test_a_missing_tensor_is_an_error(name: str, adapter: Path, where: Path) -> None:
    first: list[str] = []

    def change(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        first.append(next(n for n in sorted(tensors) if name in n))
        return {n: t for n, t in tensors.items() if n != first[0]}

    rewritten(adapter, change)
    refused(adapter, ours(BERT, where), f"missing: {first[0].removeprefix('base_model.model.')}")


def test_a_tensor_too_many_is_an_error(adapter: Path, where: Path) -> None:
    rewritten(
        adapter, lambda tensors: {**tensors, "base_model.model.bert.other.lora_A.weight": torch.ones(2)}
    )
    refused(adapter, ours(BERT, where), "unknown: bert.other.lora_A.weight")


def test_whole_numbers_are_no_weights(adapter: Path, where: Path) -> None:
    rewritten(adapter, lambda tensors: {n: t.round().long() for n, t in tensors.items()})
    refused(adapter, ours(BERT, where), "holds torch.int64, expected floating-point numbers")


def test_names_without_the_prefix_are_read_too(adapter: Path, where: Path) -> None:
    expected = answers(ours(BERT, adapter), batch(BERT))
    rewritten(adapter, lambda t: {n.removeprefix("base_model.model."): x for n, x in t.items()})
    assert away(answers(ours(BERT, adapter), batch(BERT)), expected) == 0


def test_a_pickled_adapter_is_read(adapter: Path, where: Path) -> None:
    """adapter_model.bin, as PEFT once wrote it; read without unpickling."""
    expected = answers(ours(BERT, adapter), batch(BERT))
    torch.save(load_file(adapter / "adapter_model.safetensors"), adapter / "adapter_model.bin")
    (adapter / "adapter_model.safetensors").unlink()
    assert away(answers(ours(BERT, adapter), batch(BERT)), expected) == 0


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"use_dora": True}, "use_dora=True) is PEFT's, but hubformer does not support it"),
        ({"peft_type": "PREFIX_TUNING"}, "of the kind 'PREFIX_TUNING', expected 'LORA'"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights='pissa'"),
        ({"r": "eight"}, "r='eight'"),
        ({"target_modules": ["word_embeddings", "query"]}, "word_embeddings, which is a table of vectors"),
        ({"something_new": 3}, "newer PEFT"),
    ],
    ids=str,
)
def test_what_a_file_asks_for_is_refused(
    changes: dict[str, Any], said: str, adapter: Path, where: Path
) -> None:
    refused(reconfigured(adapter, **changes), ours(BERT, where), said, str(adapter))


@pytest.mark.parametrize("content", ["{", "[]", ""])
def test_a_damaged_configuration(content: str, adapter: Path, where: Path) -> None:
    (adapter / "adapter_config.json").write_text(content)
    refused(adapter, ours(BERT, where), "adapter_config.json")


def test_damaged_weights(adapter: Path, where: Path) -> None:
    path = adapter / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    refused(adapter, ours(BERT, where), "adapter_model.safetensors")


def test_folders_that_hold_none(where: Path, tmp_path: Path) -> None:
    with pytest.raises(HubError, match=r"no file 'adapter_config\.json'"):
        ours(BERT, where).load_adapter(where)
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "adapter_config.json").write_text(LoraConfig().to_json_string())
    with pytest.raises(HubError, match=r"no adapter: expected one of adapter_model\.safetensors"):
        ours(BERT, where).load_adapter(tmp_path / "half")
    with pytest.raises(TypeError, match=r"no argument 'subfoldr'\. Did you mean 'subfolder'"):
        ours(BERT, where).load_adapter(where, subfoldr="x")
    with pytest.raises(InputError, match="either a name or adapter_state_dict"):
        ours(BERT, where).load_adapter()
    with pytest.raises(InputError, match="needs peft_config="):
        ours(BERT, where).load_adapter(adapter_state_dict={})


def test_a_base_that_has_moved(adapter: Path, where: Path) -> None:
    where.rename(where.with_name("moved"))
    with pytest.raises(HubError, match=r"which cannot be had\. Load the model"):
        ours(BERT, adapter)


def test_neither_has_the_head(where: Path, tmp_path: Path) -> None:
    """An adapter that was trained on other weights than the class asks for is not answered at random."""
    torch.manual_seed(0)
    words = base(next(c for c in CASES if c.name == "BertForMaskedLM"), tmp_path / "words")
    model = hubformer.BertForMaskedLM.from_pretrained(words)
    model.add_adapter(LoraConfig())
    model.save_pretrained(tmp_path / "adapter")
    new = hubformer.BertForSequenceClassification.from_pretrained(tmp_path / "adapter", num_labels=2)
    assert set(new.untrained_parameters()) == {
        f"{part}.{leaf}" for part in ("bert.pooler.dense", "classifier") for leaf in ("weight", "bias")
    }


def test_the_head_of_the_adapter_is_not_called_new(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    words = base(next(c for c in CASES if c.name == "BertForMaskedLM"), tmp_path / "words")
    model = hubformer.BertForSequenceClassification.from_pretrained(words, num_labels=5)
    model.add_adapter(LoraConfig())
    model.save_pretrained(tmp_path / "adapter")
    caplog.clear()
    with caplog.at_level(logging.WARNING, "hubformer"):
        again = hubformer.BertForSequenceClassification.from_pretrained(tmp_path / "adapter")
    assert caplog.text == ""
    assert again.num_labels == 5
