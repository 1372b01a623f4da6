from __future__ import annotations

import copy
import logging
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

import hubformer
from hubformer.errors import (
    CheckpointError,
    ConfigError,
    HubError,
    InputError,
    UnknownArgument,
    UnknownName,
)

TINY = {
    "vocab_size": 30,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 8,
    "max_position_embeddings": 16,
}
IDS = torch.tensor([[5, 6, 7, 8]])
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "day", "night", "a"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny classifier with a vocabulary."""
    folder = tmp_path_factory.mktemp("classifier")
    torch.manual_seed(0)
    config = hubformer.BertConfig(**TINY, id2label={0: "NO", 1: "YES"})
    hubformer.BertForSequenceClassification(config).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    return folder


def test_each_auto_class_gives_the_class_of_its_task(folder: Path) -> None:
    named = {
        "AutoModel": "BertModel",
        "AutoModelForPreTraining": "BertForPreTraining",
        "AutoModelForMaskedLM": "BertForMaskedLM",
        "AutoModelForSequenceClassification": "BertForSequenceClassification",
        "AutoModelForTokenClassification": "BertForTokenClassification",
        "AutoModelForQuestionAnswering": "BertForQuestionAnswering",
        "AutoModelForMultipleChoice": "BertForMultipleChoice",
        "AutoModelForNextSentencePrediction": "BertForNextSentencePrediction",
    }
    config = hubformer.BertConfig(**TINY)
    for auto, name in named.items():
        kind = getattr(hubformer, name)
        assert isinstance(getattr(hubformer, auto).from_config(config), kind)
        loaded = getattr(hubformer, auto).from_pretrained(folder, new_head=True, ignore_mismatched_sizes=True)
        assert isinstance(loaded, kind)
    with pytest.raises(UnknownName, match="Bert has no head for 'seq2seq-lm'"):
        hubformer.AutoModelForSeq2SeqLM.from_config(config)
    with pytest.raises(TypeError, match="from_pretrained"):
        hubformer.AutoModel()


def test_presets_build_on_meta_without_memory() -> None:
    with torch.device("meta"):
        model = hubformer.AutoModel.from_config("bert-base-uncased")
    assert model.num_parameters() == 109_482_240
    assert {p.device.type for p in model.parameters()} == {"meta"}


def test_a_missing_head_is_new_and_named(folder: Path, caplog: Any) -> None:
    with caplog.at_level(logging.WARNING, "hubformer"):
        fresh = hubformer.AutoModelForQuestionAnswering.from_pretrained(folder)
    assert "has no weights for qa_outputs.weight, qa_outputs.bias of BertForQuestionAnswering" in caplog.text
    assert fresh.untrained_parameters() == ("qa_outputs.weight", "qa_outputs.bias")
    caplog.clear()
    with caplog.at_level(logging.WARNING, "hubformer"):
        model = hubformer.AutoModelForTokenClassification.from_pretrained(
            folder, num_labels=4, ignore_mismatched_sizes=True
        )
    assert "no weights for classifier.weight, classifier.bias" in caplog.text
    assert model(IDS).logits.shape == (1, 4, 4)


def test_the_mark_clears_parameter_by_parameter(folder: Path) -> None:
    model = hubformer.AutoModelForQuestionAnswering.from_pretrained(folder)
    names = ("qa_outputs.weight", "qa_outputs.bias")
    for same in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), model.double()):
        assert same.untrained_parameters() == names
    with pytest.raises(CheckpointError, match=r"qa_outputs\.weight.*never trained.*random"):
        model.check_trained(call="a pipeline")
    optimizer = torch.optim.AdamW([model.qa_outputs.bias], lr=1e-3)
    model(IDS, start_positions=torch.tensor([1]), end_positions=torch.tensor([2])).loss.backward()
    optimizer.step()
    assert model.untrained_parameters() == names[:1]
    model.load_state_dict(model.state_dict())
    assert model.untrained_parameters() == ()
    model.check_trained(call="a pipeline")


def test_a_head_of_another_kind_is_not_trained_either(folder: Path) -> None:
    """A classifier of tokens has the names and the shapes of the one of texts that the file holds."""
    model = hubformer.AutoModelForTokenClassification.from_pretrained(folder)
    assert model.untrained_parameters() == ("classifier.weight", "classifier.bias")
    whole = hubformer.AutoModelForSequenceClassification.from_pretrained(folder)
    assert whole.untrained_parameters() == ()
    assert torch.equal(model.classifier.weight, whole.classifier.weight)


def test_arguments(folder: Path) -> None:
    load = hubformer.AutoModelForSequenceClassification.from_pretrained
    with pytest.raises(UnknownArgument, match=r"'num_label'. Did you mean 'num_labels'"):
        load(folder, num_label=3)
    with pytest.raises(InputError, match="dtype is 'float7'"):
        load(folder, dtype="float7")
    with pytest.raises(InputError, match="device is 'quantum'"):
        load(folder, device="quantum")
    with pytest.raises(InputError, match="attn_implementation is 'flash_attention_2'"):
        load(folder, attn_implementation="flash_attention_2")
    for refused in ({"from_tf": True}, {"from_flax": True}, {"proxies": {"https": "http://proxy"}}):
        with pytest.raises(InputError, match=f"from_pretrained got {next(iter(refused))}="):
            load(folder, **refused)
    assert load(folder, from_tf=False, trust_remote_code=False).config.num_labels == 2
    assert load(folder, torch_dtype=torch.bfloat16).dtype == torch.bfloat16
    assert load(folder, device_map="auto").device.type in ("cpu", "cuda")
    assert load(folder, hidden_dropout_prob=0.3).config.hidden_dropout_prob == 0.3
    assert not load(folder).training
    model, report = load(folder, output_loading_info=True)
    assert report == {"missing_keys": [], "unexpected_keys": [], "mismatched_keys": [], "error_msgs": []}
    assert model.name_or_path == str(folder)


def test_another_familys_class_is_refused(folder: Path) -> None:
    class OtherConfig(hubformer.PreTrainedConfig):  # type: ignore[misc]
        model_type = "other"

    hubformer.AutoConfig.register("other", OtherConfig)
    with pytest.raises(ConfigError, match="loads models of the type 'bert', this one is 'other'"):
        hubformer.BertModel.from_pretrained(folder, config=OtherConfig())
    with pytest.raises(ConfigError, match="already known"):
        hubformer.AutoConfig.register("other", OtherConfig)


def test_no_weights_no_config_no_folder(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(HubError, match=r"no file 'config.json'"):
        hubformer.AutoModel.from_pretrained(tmp_path)
    shutil.copy(folder / "config.json", tmp_path)
    with pytest.raises(HubError, match="holds no weights"):
        hubformer.AutoModel.from_pretrained(tmp_path)
    with pytest.raises(HubError):
        hubformer.AutoModel.from_pretrained(tmp_path / "absent")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>404</html>", "HTML|web page"),
        (b"PK\x03\x04" + bytes(60), "model.safetensors"),
        (b"\x10\x00\x00\x00\x00\x00\x00\x00{", "model.safetensors"),
    ],
)
def test_foreign_weights(tmp_path: Path, folder: Path, content: bytes, message: str) -> None:
    shutil.copytree(folder, tmp_path / "m")
    (tmp_path / "m" / "model.safetensors").write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        hubformer.AutoModel.from_pretrained(tmp_path / "m")


def test_truncated_weights(tmp_path: Path, folder: Path) -> None:
    shutil.copytree(folder, tmp_path / "m")
    path = tmp_path / "m" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(CheckpointError, match=r"model\.safetensors.*bytes"):
        hubformer.AutoModel.from_pretrained(tmp_path / "m")


def test_from_the_hub(hub: Any, folder: Path) -> None:
    commit = hub.add("org/tiny", folder)
    model = hubformer.AutoModelForSequenceClassification.from_pretrained("org/tiny")
    tokenizer = hubformer.AutoTokenizer.from_pretrained("org/tiny")
    local = hubformer.AutoModelForSequenceClassification.from_pretrained(folder)
    batch = tokenizer("a good day", return_tensors="pt")
    assert batch["input_ids"].tolist() == [[2, 9, 5, 7, 3]]
    assert torch.equal(model(**batch).logits, local(**batch).logits)
    assert tokenizer.model_max_length == 16
    before = len(hub.requests)
    for revision in (commit, commit):
        hubformer.AutoModelForSequenceClassification.from_pretrained("org/tiny", revision=revision)
    assert len(hub.requests) == before
    with pytest.raises(HubError, match="nobody"):
        hubformer.AutoModel.from_pretrained("org/nobody")


def test_named_tokenizers_find_the_hub_too(hub: Any, folder: Path) -> None:
    hub.add("org/tiny", folder)
    tokenizer = hubformer.BertTokenizerFast.from_pretrained("org/tiny")
    assert tokenizer("bad night")["input_ids"] == [2, 6, 8, 3]
    assert isinstance(tokenizer, hubformer.BertTokenizerFast)


def test_pushed_and_loaded_again(hub: Any, folder: Path) -> None:
    model = hubformer.AutoModelForSequenceClassification.from_pretrained(folder)
    hub.tokens.add("hf_test")
    model.push_to_hub("org/mine", token="hf_test")
    again = hubformer.AutoModelForSequenceClassification.from_pretrained("org/mine")
    assert torch.equal(again(IDS).logits, model(IDS).logits)


def test_a_tokenizer_is_pushed_and_loaded_again(hub: Any, folder: Path, tmp_path: Path) -> None:
    tokenizer = hubformer.AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["zzfox"])
    hub.tokens.add("hf_test")
    assert "org/words" in tokenizer.push_to_hub("org/words", token="hf_test")
    again = hubformer.AutoTokenizer.from_pretrained("org/words")
    assert again("bad zzfox night")["input_ids"] == tokenizer("bad zzfox night")["input_ids"]
    tokenizer.save_pretrained(tmp_path / "copy", push_to_hub=True, repo_id="org/copy", token="hf_test")
    copy = hubformer.BertTokenizerFast.from_pretrained("org/copy")
    assert copy.get_vocab() == tokenizer.get_vocab()
    with pytest.raises(HubError, match="token"):
        tokenizer.push_to_hub("org/words")


def test_a_state_dict_under_hub_names(folder: Path) -> None:
    """What a file holds, read by other means: `load_state_dict(load_file("model.safetensors"))`."""
    from safetensors.torch import load_file

    tensors = load_file(folder / "model.safetensors")
    local = hubformer.AutoModelForSequenceClassification.from_pretrained(folder)
    fresh = hubformer.BertForSequenceClassification(local.config).eval()
    assert not torch.equal(fresh(IDS).logits, local(IDS).logits)
    fresh.load_state_dict(tensors)
    assert torch.equal(fresh(IDS).logits, local(IDS).logits)
    again = hubformer.BertForSequenceClassification(local.config).eval()
    again.load_state_dict(local.state_dict())
    assert torch.equal(again(IDS).logits, local(IDS).logits)
    with pytest.raises(RuntimeError, match=r'Unexpected key.*"bert\.more"'):
        fresh.load_state_dict({**tensors, "bert.more": torch.ones(1)})
    with pytest.raises(RuntimeError, match=r"classifier|head"):
        fresh.load_state_dict({n: t for n, t in tensors.items() if "classifier" not in n})
    base = hubformer.AutoModel.from_config(local.config).eval()
    base.load_state_dict(tensors, strict=False)
    assert torch.equal(base(IDS).last_hidden_state, local.base_model(IDS).last_hidden_state)
