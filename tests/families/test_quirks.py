"""Published checkpoints are untidy. Each test is one quirk, on a twin that the oracle wrote and we edited."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import hubformer
from hubformer.errors import CheckpointError, ConfigError, InputError
from twins import FAMILIES, IDS, PREFIX, both, edit, edit_config, fresh, near, weights, write

transformers = pytest.importorskip("transformers")

LM_HEADS = {
    "Bert": ("cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight"),
    "DistilBert": ("vocab_projector.weight", "distilbert.embeddings.word_embeddings.weight"),
    "Roberta": ("lm_head.decoder.weight", "roberta.embeddings.word_embeddings.weight"),
}


def load(folder: Path, kind: str = "AutoModelForSequenceClassification", **options: Any) -> Any:
    return getattr(hubformer, kind).from_pretrained(folder, dtype="float64", **options)


# ---- names of weights (quirks 1 to 4) -------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
def test_gamma_and_beta(name: str, tmp_path: Path) -> None:
    oracle, _ = both(f"{name}ForMaskedLM", tmp_path)
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}

    def aged(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        for now, then in old.items():
            tensors = {n.replace(now, then): t for n, t in tensors.items()}
        return tensors

    edit(tmp_path, aged)
    assert any(n.endswith("gamma") for n in weights(tmp_path))
    assert near(load(tmp_path, "AutoModelForMaskedLM")(IDS).logits, oracle(IDS).logits)


@pytest.mark.parametrize("name", FAMILIES)
def test_prefix_present_or_absent(name: str, tmp_path: Path) -> None:
    prefix, kind = PREFIX[name], "AutoModelForTokenClassification"
    oracle, _ = both(f"{name}ForTokenClassification", tmp_path)
    expected = oracle(IDS, output_hidden_states=True)
    # a base model from a file with head, then from one whose backbone is bare
    assert near(load(tmp_path, "AutoModel")(IDS)[0], expected.hidden_states[-1])
    edit(tmp_path, lambda tensors: {n.removeprefix(prefix): t for n, t in tensors.items()})
    assert not any(n.startswith(prefix) for n in weights(tmp_path))
    assert near(load(tmp_path, kind)(IDS).logits, expected.logits)
    assert near(load(tmp_path, "AutoModel")(IDS)[0], expected.hidden_states[-1])
    # a model with head from a base model saved alone, and from one saved with the prefix
    base, _ = both(f"{name}Model", tmp_path)
    assert not any(n.startswith(prefix) for n in weights(tmp_path))
    for prefixed in (False, True):
        if prefixed:
            edit(tmp_path, lambda tensors: {prefix + n: t for n, t in tensors.items()})
        model, report = load(tmp_path, kind, new_head=True, output_loading_info=True)
        assert near(model(IDS, output_hidden_states=True).hidden_states[-1], base(IDS)[0])
        assert report["missing_keys"] == ["classifier.weight", "classifier.bias"]
        assert near(load(tmp_path, "AutoModel")(IDS)[0], base(IDS)[0])
    # what we save bare or with head, both of the oracle's classes read
    load(tmp_path, "AutoModel").save_pretrained(tmp_path)
    assert not any(n.startswith(prefix) for n in weights(tmp_path))
    for theirs in (f"{name}Model", f"{name}ForTokenClassification"):
        again = getattr(transformers, theirs).from_pretrained(tmp_path, dtype="float64")
        assert near(again(IDS, output_hidden_states=True).hidden_states[-1], base(IDS)[0])


@pytest.mark.parametrize("name", FAMILIES)
def test_tied_weights_from_either_side(name: str, tmp_path: Path) -> None:
    alias, owner = LM_HEADS[name]
    oracle, ours = both(f"{name}ForMaskedLM", tmp_path)
    expected = oracle(IDS).logits
    assert alias not in weights(tmp_path)
    assert near(ours(IDS).logits, expected)
    edit(tmp_path, lambda tensors: {**tensors, alias: tensors[owner].clone()})  # as in .bin files
    assert near(load(tmp_path, "AutoModelForMaskedLM")(IDS).logits, expected)
    edit(tmp_path, lambda tensors: {n: t for n, t in tensors.items() if n != owner})
    assert near(load(tmp_path, "AutoModelForMaskedLM")(IDS).logits, expected)
    assert near(load(tmp_path, "AutoModel")(IDS)[0], oracle(IDS, output_hidden_states=True).hidden_states[-1])


@pytest.mark.parametrize("name", ["Bert", "Roberta"])
def test_the_bias_of_an_untied_vocabulary_has_two_names(name: str, tmp_path: Path) -> None:
    bias, scored = {
        "Bert": ("cls.predictions.bias", "cls.predictions.decoder.bias"),
        "Roberta": ("lm_head.bias", "lm_head.decoder.bias"),
    }[name]
    oracle, ours = both(f"{name}ForMaskedLM", tmp_path, tie_word_embeddings=False)
    assert not torch.equal(weights(tmp_path)[bias], weights(tmp_path)[scored])
    expected = oracle(IDS).logits
    assert near(ours(IDS).logits, expected)
    edit(tmp_path, lambda tensors: {n: t for n, t in tensors.items() if n != bias})
    assert near(load(tmp_path, "AutoModelForMaskedLM")(IDS).logits, expected)
    # version 4 writes only the other name, of the one tensor it has
    edit(tmp_path, lambda tensors: {bias if n == scored else n: t for n, t in tensors.items()})
    again = load(tmp_path, "AutoModelForMaskedLM")
    assert near(again(IDS).logits, expected)
    again.save_pretrained(tmp_path)
    theirs = getattr(transformers, f"{name}ForMaskedLM").from_pretrained(tmp_path, dtype="float64")
    assert near(theirs(IDS).logits, expected)


@pytest.mark.parametrize("name", FAMILIES)
def test_stale_buffers(name: str, tmp_path: Path) -> None:
    oracle, _ = both(f"{name}ForSequenceClassification", tmp_path)
    at = PREFIX[name] + "embeddings."
    buffers = {at + "position_ids": torch.arange(20)[None]}
    if name != "DistilBert":
        buffers[at + "token_type_ids"] = torch.zeros(1, 20, dtype=torch.long)
    edit(tmp_path, lambda tensors: {**tensors, **buffers})
    model, report = load(tmp_path, output_loading_info=True)
    assert near(model(IDS).logits, oracle(IDS).logits)
    assert not any(report.values())


# ---- what a file has too little or too much of (quirks 8 and 9) -----------------------------------------


@pytest.mark.parametrize("name", ["Bert", "Roberta"])
def test_a_missing_pooler_is_none_and_never_random(name: str, tmp_path: Path) -> None:
    oracle, _ = both(f"{name}ForMaskedLM", tmp_path)
    model = load(tmp_path, "AutoModel")
    out = model(IDS)
    assert out.pooler_output is None
    assert list(out.keys()) == ["last_hidden_state"]
    assert near(out[0], oracle(IDS, output_hidden_states=True).hidden_states[-1])
    model.save_pretrained(tmp_path)
    assert not any("pooler" in n for n in weights(tmp_path))
    both(f"{name}Model", tmp_path)
    assert load(tmp_path, "AutoModel")(IDS).pooler_output is not None
    assert load(tmp_path, "AutoModel", add_pooling_layer=False)(IDS).pooler_output is None


def test_a_classifier_needs_its_pooler(tmp_path: Path) -> None:
    write("BertForSequenceClassification", tmp_path)
    edit(tmp_path, lambda tensors: {n: t for n, t in tensors.items() if "pooler" not in n})
    assert load(tmp_path).untrained_parameters() == ("bert.pooler.dense.weight", "bert.pooler.dense.bias")


def test_leftovers_of_other_heads(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Reported once, and not at all where config.json says that the file is of that head."""
    write("BertForPreTraining", tmp_path)
    with caplog.at_level(logging.INFO, "hubformer"):
        _, report = load(tmp_path, "AutoModelForMaskedLM", output_loading_info=True)
        assert report["unexpected_keys"] == []
        assert not caplog.text
        edit_config(tmp_path, architectures=["BertForTokenClassification"])
        _, report = load(tmp_path, "AutoModelForMaskedLM", output_loading_info=True)
    assert report["unexpected_keys"] == [
        "bert.pooler.dense.bias",
        "bert.pooler.dense.weight",
        "cls.seq_relationship.bias",
        "cls.seq_relationship.weight",
    ]
    assert caplog.text.count("not used by") == 1
    edit_config(tmp_path, architectures=None)
    edit(tmp_path, lambda tensors: {**tensors, "projection.weight": torch.zeros(3)})
    _, report = load(tmp_path, "AutoModelForPreTraining", output_loading_info=True)
    assert report["unexpected_keys"] == ["projection.weight"]


@pytest.mark.parametrize("name", FAMILIES)
def test_layers_too_few_or_too_many(name: str, tmp_path: Path) -> None:
    write(f"{name}ForTokenClassification", tmp_path)
    kind, whole = "AutoModelForTokenClassification", weights(tmp_path)
    edit(tmp_path, lambda tensors: {n: t for n, t in tensors.items() if "layer.1." not in n})
    with pytest.raises(CheckpointError, match=r"missing: .*layer\.1\."):
        load(tmp_path, kind)
    with pytest.raises(CheckpointError, match=r"missing: .*layer\.1\."):
        load(tmp_path, kind, new_head=True, ignore_mismatched_sizes=True)
    edit(tmp_path, lambda tensors: whole)
    edit_config(tmp_path, **{"n_layers" if name == "DistilBert" else "num_hidden_layers": 1})
    with pytest.raises(CheckpointError, match=r"unknown inside the backbone: .*layer\.1\."):
        load(tmp_path, kind)
    edit(tmp_path, lambda tensors: {n.removeprefix(PREFIX[name]): t for n, t in tensors.items()})
    with pytest.raises(CheckpointError, match=r"unknown inside the backbone: .*layer\.1\."):
        load(tmp_path, kind)


def test_shapes_and_dtypes_that_do_not_fit(tmp_path: Path) -> None:
    write("BertForTokenClassification", tmp_path)
    kind = "AutoModelForTokenClassification"
    edit_config(tmp_path, intermediate_size=30)
    with pytest.raises(CheckpointError, match=r"intermediate\.dense\.weight is \[24, 16\] .* \[30, 16\]"):
        load(tmp_path, kind)
    edit_config(tmp_path, intermediate_size=24)
    counted = "bert.encoder.layer.0.output.dense.weight"
    edit(tmp_path, lambda tensors: {**tensors, counted: tensors[counted].int()})
    with pytest.raises(CheckpointError, match=r"layer\.0\.output\.dense\.weight holds torch\.int32"):
        load(tmp_path, kind)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_missing_head_has_a_remedy(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(f"{name}ForMaskedLM", tmp_path)
    for kind in ("AutoModelForSequenceClassification", "AutoModelForQuestionAnswering"):
        with pytest.raises(CheckpointError, match=r"never trained.*would be random"):
            load(tmp_path, kind).check_trained(call="a pipeline")
    caplog.clear()
    with caplog.at_level(logging.WARNING, "hubformer"):
        model, report = load(tmp_path, num_labels=5, output_loading_info=True)
    assert model(IDS).logits.shape == (2, 5)
    assert "classifier" in " ".join(report["missing_keys"])
    assert report["mismatched_keys"] == []
    assert caplog.text.count("newly initialized") == 1
    assert load(tmp_path, id2label={0: "NO", 1: "YES"}).config.label2id == {"NO": 0, "YES": 1}
    assert torch.isfinite(load(tmp_path, "AutoModelForQuestionAnswering", new_head=True)(IDS)[0]).all()


@pytest.mark.parametrize("name", FAMILIES)
def test_another_number_of_labels(name: str, tmp_path: Path) -> None:
    oracle, _ = both(f"{name}ForSequenceClassification", tmp_path, num_labels=3)
    with pytest.raises(CheckpointError, match=r"classifier.*is \[3, 16\].*ignore_mismatched_sizes=True"):
        load(tmp_path, num_labels=4)
    model, report = load(tmp_path, num_labels=4, ignore_mismatched_sizes=True, output_loading_info=True)
    assert model(IDS).logits.shape == (2, 4)
    assert all("classifier" in n for n in report["mismatched_keys"])
    assert len(report["mismatched_keys"]) == 2
    last = model(IDS, output_hidden_states=True).hidden_states[-1]
    assert near(last, oracle(IDS, output_hidden_states=True).hidden_states[-1])
    # the head is longer than the names in config.json
    edit_config(tmp_path, id2label={"0": "a", "1": "b"}, label2id={"a": 0, "b": 1})
    with pytest.raises(CheckpointError, match=r"\[3, 16\].*the configuration makes it \[2, 16\]"):
        load(tmp_path)


# ---- numbers (quirks 10 and 13) -------------------------------------------------------------------------


def test_half_precision_on_disk(tmp_path: Path) -> None:
    write("RobertaForSequenceClassification", tmp_path)
    edit(tmp_path, lambda tensors: {n: t.half() for n, t in tensors.items()})
    edit_config(tmp_path, dtype="float16")
    auto = hubformer.AutoModelForSequenceClassification
    model = auto.from_pretrained(tmp_path)
    assert model.dtype == torch.float32
    exact = load(tmp_path)
    assert near(model(IDS).logits.double(), exact(IDS).logits, by=1e-5)
    assert auto.from_pretrained(tmp_path, dtype="auto").dtype == torch.float16
    assert auto.from_pretrained(tmp_path, torch_dtype=torch.bfloat16).dtype == torch.bfloat16
    assert auto.from_pretrained(tmp_path, dtype="auto", new_head=True, num_labels=2).dtype == torch.float16


def test_a_file_that_does_not_say_its_framework(tmp_path: Path) -> None:
    oracle, _ = both("DistilBertForSequenceClassification", tmp_path)
    save_file(weights(tmp_path), tmp_path / "bare.safetensors")
    (tmp_path / "bare.safetensors").replace(tmp_path / "model.safetensors")
    assert near(load(tmp_path)(IDS).logits, oracle(IDS).logits)


# ---- config.json (quirks 14 to 19) ----------------------------------------------------------------------


@pytest.mark.parametrize("name", FAMILIES)
def test_the_model_type_is_missing(name: str, tmp_path: Path) -> None:
    oracle, ours = both(f"{name}ForSequenceClassification", tmp_path)
    edit_config(tmp_path, without=("model_type",))
    model = load(tmp_path)
    assert type(model) is type(ours)
    assert near(model(IDS).logits, oracle(IDS).logits)
    edit_config(tmp_path, without=("architectures",))
    if name == "DistilBert":  # it alone has a key that tells
        assert near(load(tmp_path)(IDS).logits, oracle(IDS).logits)
    else:
        with pytest.raises(ConfigError, match=r'neither model_type nor architectures.*"model_type": one of'):
            load(tmp_path)


@pytest.mark.parametrize(
    ("name", "placed"),
    [("Bert", "alibi"), ("Roberta", "alibi"), ("XLMRoberta", "rotary"), ("Bert", "rotary")],
)
@pytest.mark.parametrize("typed", [True, False])
def test_the_model_type_lies(name: str, placed: str, typed: bool, tmp_path: Path) -> None:
    """JinaBERT and its like: a remote class behind a known name."""
    write(f"{name}Model", tmp_path)
    remote = {"auto_map": {"AutoModel": "org/code--modeling.Model"}}
    edit_config(tmp_path, position_embedding_type=placed, **remote, without=() if typed else ("model_type",))
    with pytest.raises(ConfigError, match=r"(?i)alibi|position_embedding_type is 'rotary'"):
        load(tmp_path, "AutoModel")


def test_names_of_fields_and_labels(tmp_path: Path) -> None:
    oracle, _ = both("DistilBertForSequenceClassification", tmp_path, num_labels=3)
    edit_config(
        tmp_path,
        without=("dim", "n_heads", "n_layers", "id2label", "label2id"),
        hidden_size=16, num_attention_heads=4, num_hidden_layers=2,
        _num_labels=3, torch_dtype="float32", eos_token_id=[3, 4],
    )  # fmt: skip
    model = load(tmp_path)
    assert near(model(IDS).logits, oracle(IDS).logits)
    assert model.config.eos_token_id == [3, 4]
    assert model.config.num_labels == 3
    names = {"0": "contradiction", "1": "entailment", "2": "neutral"}
    edit_config(tmp_path, id2label=names, without=("_num_labels",))
    assert load(tmp_path).config.id2label == {int(i): n for i, n in names.items()}
    saved = tmp_path / "saved"
    load(tmp_path).save_pretrained(saved)
    assert json.loads((saved / "config.json").read_text())["id2label"] == names
    assert transformers.AutoConfig.from_pretrained(saved).id2label[2] == "neutral"
    edit_config(tmp_path, id2label={"0": "a", "2": "c"})
    with pytest.raises(ConfigError, match="id2label has the ids"):
        load(tmp_path)


DEAD: dict[str, Any] = {
    "gradient_checkpointing": False,
    "torchscript": False,
    "pruned_heads": {},
    "finetuning_task": "mnli",
    "output_past": True,
    "directionality": "bidi",
    "pooler_fc_size": 768,
    "pooler_num_attention_heads": 12,
    "pooler_num_fc_layers": 3,
    "pooler_size_per_head": 128,
    "pooler_type": "first_token_transform",
    "task_specific_params": {"summarization": {"max_length": 9}},
    "prefix": "translate: ",
    "classifier_dropout": None,
    "use_cache": True,
    "architectures": None,
    "quantization_config": None,
    # settings of generation
    "max_length": 142,
    "min_length": 5,
    "num_beams": 4,
    "forced_bos_token_id": 0,
    "decoder_start_token_id": 2,
    "bad_words_ids": [[3]],
    "no_repeat_ngram_size": 3,
    "length_penalty": 2.0,
    "early_stopping": True,
    "transformers_version": "2.1.0",
    "adapters": {"config_map": {}},
    "my_company_note": "v7",
}


@pytest.mark.parametrize("name", FAMILIES)
def test_dead_keys(name: str, tmp_path: Path) -> None:
    oracle, _ = both(f"{name}ForSequenceClassification", tmp_path)
    edit_config(tmp_path, **DEAD)
    model = load(tmp_path)
    assert near(model(IDS).logits, oracle(IDS).logits)
    assert model.config.my_company_note == "v7"
    model.save_pretrained(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["my_company_note"] == "v7"
    assert written["num_beams"] == 4


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("pruned_heads", {"0": [1]}, "Pruned heads are not supported"),
        ("quantization_config", {"bits": 4}, "Quantised files are not supported"),
        ("hidden_actt", "relu", "no field 'hidden_actt'. Did you mean 'hidden_act'"),
        ("hidden_act", "gelu_7", "hidden_act is 'gelu_7'"),
        ("num_hidden_layer", 2, "Did you mean 'num_hidden_layers'"),
        ("problem_type", "classification", "problem_type is 'classification'"),
    ],
)
def test_keys_that_cannot_be_honoured(key: str, value: Any, message: str, tmp_path: Path) -> None:
    write("BertForSequenceClassification", tmp_path)
    near_miss = tuple(n for n in ("hidden_act", "num_hidden_layers") if key != n and key.startswith(n[:-1]))
    edit_config(tmp_path, **{key: value}, without=near_miss)
    with pytest.raises(ConfigError, match=message):
        load(tmp_path)


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize(
    ("settings", "targets"),
    [
        ({"num_labels": 1}, torch.tensor([0.25, -1.5])),
        ({"num_labels": 1}, torch.tensor([[2], [1]])),
        ({"num_labels": 3}, torch.tensor([2, 0])),
        ({"num_labels": 3}, torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])),
        ({"num_labels": 3, "problem_type": "regression"}, torch.tensor([[1.0, 0.5, 1.0], [0.0, 2.0, 1.0]])),
        ({"num_labels": 1, "problem_type": "multi_label_classification"}, torch.tensor([[1.0], [0.0]])),
        ({"num_labels": 2, "problem_type": "single_label_classification"}, torch.tensor([1, -100])),
    ],
    ids=["number", "whole-number", "one", "several", "numbers", "yes-or-no", "ignored"],
)
def test_losses_of_each_problem(name: str, settings: Any, targets: Tensor, tmp_path: Path) -> None:
    oracle, ours = both(f"{name}ForSequenceClassification", tmp_path, **settings)
    given = targets.double() if targets.is_floating_point() or settings["num_labels"] == 1 else targets
    assert near(ours(IDS, labels=targets).loss, oracle(IDS, labels=given).loss)
    assert ours.config.problem_type == settings.get("problem_type")  # a call changes no configuration


def test_labels_of_the_wrong_shape_say_so() -> None:
    model = fresh("BertForSequenceClassification", num_labels=3)
    with pytest.raises(InputError, match=r"labels has the shape \[2, 2\], expected \[2, 3\]"):
        model(IDS, labels=torch.zeros(2, 2))
