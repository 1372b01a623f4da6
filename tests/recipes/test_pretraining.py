"""Runs of pre-training from nothing: losses fall, others can use what was learnt, a broken run goes on."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

import hubformer
from hubformer.errors import InputError
from hubformer.recipes import load_recipe, run
from recipes.corpus import SIZES, texts, tiny, write, write_squad


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("data") / "documents.txt", texts(64))


def logged(folder: Path, name: str) -> list[float]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]
    return [line[name] for line in lines if name in line]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Any:
    """A small BERT after a few seconds of both tasks, measured before and after."""
    squad = write_squad(data.with_name("squad.json"), texts(64))
    recipe = tiny(
        "bert-mini-pretraining",
        squad,
        options__dupe_factor=4,
        training__num_train_epochs=5,
        training__eval_strategy="epoch",
        training__eval_on_start=True,
    )
    return run(recipe, output=tmp_path_factory.mktemp("bert"))


def test_both_losses_fall(bert: Any) -> None:
    words, pairs = logged(bert.folder, "eval_mlm_loss"), logged(bert.folder, "eval_nsp_accuracy")
    size = bert.trainer.model.config.vocab_size
    assert words[0] == pytest.approx(torch.tensor(size).log().item(), abs=0.3)  # knows nothing
    assert words[-1] < 0.6 * words[0]
    assert abs(pairs[0] - 0.5) < 0.2
    assert pairs[-1] > 0.7
    assert bert.metrics["eval_nsp_accuracy"] == pairs[-1]
    assert 0.2 < bert.metrics["eval_mlm_accuracy"] <= 1
    losses = logged(bert.folder, "loss")
    assert losses[-1] < 0.7 * losses[0]


def test_transformers_loads_it(bert: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from transformers import AutoTokenizer, BertForPreTraining

        theirs = BertForPreTraining.from_pretrained(bert.folder).double().eval()
        their_tokenizer = AutoTokenizer.from_pretrained(bert.folder)
    ours = hubformer.AutoModelForPreTraining.from_pretrained(bert.folder).double().eval()
    tokenizer = hubformer.AutoTokenizer.from_pretrained(bert.folder)
    some = [text.replace("\n", " ")[:50] for text in texts(4, seed=5)]
    batch = tokenizer(some[:2], some[2:], padding=True, return_tensors="pt")
    assert dict(their_tokenizer(some[:2], some[2:], padding=True)) == {
        k: v.tolist() for k, v in batch.items()
    }
    with torch.no_grad():
        one, other = ours(**batch), theirs(**batch)
    here = batch["attention_mask"].bool()
    for name in ("prediction_logits", "seq_relationship_logits"):
        mine, yours = one[name], other[name]
        if mine.dim() == 3:
            mine, yours = mine[here], yours[here]
        assert float((mine - yours).abs().max()) < 1e-9 * max(1.0, float(yours.abs().max()))
    assert ours.config.vocab_size == len(tokenizer)
    assert ours.config.pad_token_id == tokenizer.pad_token_id


def test_what_follows_is_label_0(bert: Any) -> None:
    """The two classes as transformers numbers them, seen from outside of the training."""
    tokenizer = hubformer.AutoTokenizer.from_pretrained(bert.folder)
    model = hubformer.AutoModelForNextSentencePrediction.from_pretrained(bert.folder).eval()
    follows = tokenizer("Amber basil cedar.", "Daisy elder fern amber.", return_tensors="pt")
    foreign = tokenizer("Amber basil cedar.", "Drum epic flute alto.", return_tensors="pt")
    with torch.no_grad():
        assert model(**follows).logits.argmax() == 0
        assert model(**foreign).logits.argmax() == 1


OTHERS = {
    "bert-mini-mlm": ("mlm", {"options__whole_word_mask": True}),
    "bert-mini-sop": ("mlm", {"options__dupe_factor": 2}),
    "electra-mini-pretraining": (
        "mlm",
        {
            "training__num_train_epochs": 12,
            "training__seed": 4,
            "options__generator_share": 0.5,
            "options__weight": 10,
        },
    ),
    "t5-mini-pretraining": (
        "span",
        {
            "tokenizer__vocab_size": 120,
            "training__optim": "adamw_torch",
            "training__lr_scheduler_type": "linear",
            "training__num_train_epochs": 12,
        },
    ),
    "xlnet-mini-pretraining": ("plm", {"tokenizer__vocab_size": 120}),
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_others_learn_too(name: str, data: Path, tmp_path: Path) -> None:
    measured, changes = OTHERS[name]
    usual = {
        "training__num_train_epochs": 4,
        "training__eval_strategy": "epoch",
        "training__eval_on_start": True,
    }
    recipe = tiny(name, data, **{**usual, **changes})
    found = run(recipe, output=tmp_path)
    losses = logged(tmp_path, f"eval_{measured}_loss")
    assert losses[-1] < 0.85 * losses[0]
    if name.endswith("sop"):
        assert len(logged(tmp_path, "eval_sop_accuracy")) == 6
    if name.startswith("electra"):
        assert_both_are_kept(found)
    if name.startswith(("xlnet", "t5")):
        same_as_transformers(found)
        assert found.metrics["eval_loss"] == pytest.approx(found.metrics[f"eval_{measured}_loss"], rel=1e-4)


def assert_both_are_kept(found: Any) -> None:
    """The discriminator is the result; the generator, with the same token vectors, is inside."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import transformers

        tells = transformers.ElectraForPreTraining.from_pretrained(found.folder).eval()
        fills = transformers.ElectraForMaskedLM.from_pretrained(found.folder / "generator").eval()
    ours = hubformer.AutoModelForPreTraining.from_pretrained(found.folder).eval()
    tokenizer = hubformer.AutoTokenizer.from_pretrained(found.folder / "generator")
    assert torch.equal(tells.get_input_embeddings().weight, fills.get_input_embeddings().weight)
    foreign = tokenizer("Amber basil cedar drum elder fern.", return_tensors="pt")
    with torch.no_grad():
        scores = ours(**foreign).logits
        assert float((scores - tells(**foreign).logits).abs().max()) < 1e-5
    assert tokenizer.convert_ids_to_tokens(int(foreign["input_ids"][0, scores[0].argmax()])) == "drum"
    assert fills.config.hidden_size == tells.config.hidden_size // 2
    told = logged(found.folder, "eval_rtd_loss")
    assert told[-1] < 0.7 * told[0]


def same_as_transformers(found: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import transformers

        kind = getattr(transformers, type(found.trainer.model).__name__)
        theirs = kind.from_pretrained(found.folder).eval()
    batch = next(iter(found.trainer.get_eval_dataloader()))
    ours = found.trainer.model.eval()
    with torch.no_grad():
        one, other = ours(**batch).logits, theirs(**batch).logits
    assert float((one - other).abs().max()) < 1e-5 * max(1.0, float(other.abs().max()))


@pytest.mark.parametrize(
    "name", ["bert-mini-pretraining", "electra-mini-pretraining", "xlnet-mini-pretraining"]
)
def test_a_resumed_run_is_the_unbroken_one(
    name: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny(
        name, data, training__max_steps=12, training__save_strategy="steps", training__save_steps=5,
        training__save_total_limit=None, tokenizer__vocab_size=120, training__eval_strategy="steps",
        training__eval_steps=4,
    )  # fmt: skip
    whole = run(recipe, output=tmp_path / "whole")
    broken = tmp_path / "broken"
    shutil.copytree(whole.folder, broken)
    for path in broken.iterdir():  # as it was after step 5
        if path.is_dir() and path.name != "checkpoint-5":
            shutil.rmtree(path)
        elif path.is_file() and path.name not in ("tokenizer.json", "tokenizer_config.json", "recipe.json"):
            path.unlink()

    def refused(*_: Any, **__: Any) -> Any:
        raise AssertionError("the tokenizer is trained again")

    monkeypatch.setitem(run.__globals__, "train_tokenizer", refused)
    resumed = run(recipe, output=broken, resume=True)
    assert resumed.trainer.state.global_step == 12
    one, other = (dict(result.trainer.model.named_parameters()) for result in (whole, resumed))
    assert all(torch.equal(one[key], other[key]) for key in one)
    for key, value in whole.metrics.items():
        if key.endswith(("loss", "accuracy")):
            assert resumed.metrics[key] == value, key


@pytest.mark.parametrize("family", ["bert", "xlnet", "gpt2"])
def test_a_folder_is_a_model_for_fine_tuning(family: str, bert: Any, data: Path, tmp_path: Path) -> None:
    labelled = tmp_path / "labelled.jsonl"
    some = [{"text": text.split("\n")[0], "label": f"topic {n % 2}"} for n, text in enumerate(texts(16))]
    labelled.write_text("\n".join(map(json.dumps, some)), encoding="utf-8")
    changes: dict[str, Any] = {"model": str(bert.folder)}
    if family != "bert":  # drawn anew, with a tokenizer of its own kind
        changes = {
            "model": "xlnet-base-cased" if family == "xlnet" else "gpt2",
            "from_scratch": True,
            "config": SIZES[family],
            "tokenizer": {"kind": "unigram" if family == "xlnet" else "byte-bpe", "vocab_size": 270},
        }
    settings = {
        **changes,
        "data.train": str(labelled),
        "data.format": None,
        "options": {"max_length": 32},
        "evaluation": None,
        "training": {"max_steps": 2, "use_cpu": True, "disable_tqdm": True, "per_device_train_batch_size": 4},
    }
    if family == "bert":
        settings["config"] = {}
    recipe = load_recipe("sst2", [f"{key}={json.dumps(value)}" for key, value in settings.items()])
    found = run(recipe, output=tmp_path / "out")
    assert found.trainer.state.global_step == 2
    model = found.trainer.model
    tokenizer = hubformer.AutoTokenizer.from_pretrained(found.folder)
    assert model.config.vocab_size == len(tokenizer)
    assert model.config.pad_token_id == tokenizer.pad_token_id
    assert set(model.config.id2label.values()) == {"topic 0", "topic 1"}
    if family == "bert":
        before = hubformer.AutoModel.from_pretrained(bert.folder).get_input_embeddings().weight.detach()
        moved = (model.get_input_embeddings().weight.detach() - before).abs().max()
        assert 0 < float(moved) < 0.01  # what was learnt, and two small steps


def test_the_same_seed_is_the_same_beginning(data: Path, tmp_path: Path) -> None:
    def weights(seed: int, folder: str) -> Any:
        torch.manual_seed(len(folder))  # whatever was drawn before
        recipe = tiny("bert-mini-mlm", data, training__max_steps=1, training__seed=seed)
        return run(recipe, output=tmp_path / folder).trainer.model.get_input_embeddings().weight

    first = weights(1, "a")
    assert torch.equal(first, weights(1, "again"))
    assert not torch.equal(first, weights(2, "other"))


def test_what_cannot_be(data: Path, tmp_path: Path) -> None:
    def refused(name: str, match: str, **changes: Any) -> None:
        with pytest.raises(InputError, match=match):
            run(tiny(name, data, training__max_steps=1, **changes), output=tmp_path / "out")

    refused("bert-mini-mlm", "from_scratch=true", from_scratch=False)
    refused("bert-mini-mlm", "at most 40 tokens", options__max_length=41)
    refused("bert-mini-pretraining", "at least 5", options__max_length=4)
    refused("xlnet-mini-pretraining", "even number", options__max_length=31, tokenizer__vocab_size=120)
    refused("bert-mini-mlm", "takes no perm_mask", objective="permutation-language-modeling")
    refused("xlnet-mini-pretraining", "takes no next_sentence_label", objective="bert-pretraining",
            tokenizer__vocab_size=120)  # fmt: skip
