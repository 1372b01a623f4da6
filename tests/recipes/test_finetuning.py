"""Runs of fine-tuning, from a file of the user's to a model: each objective learns, a broken run goes on."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import hubformer
from hub_server import HubServer
from hubformer.errors import CheckpointError, InputError
from hubformer.recipes import Result, load_recipe, run
from hubformer.tokenization import load_tokenizer
from hubformer.training import Trainer
from hubformer.weights.files import open_checkpoint
from recipes.animals import (
    asked,
    chosen,
    counted,
    labelled,
    tagged,
    tiny,
    told,
    write_bert,
    write_conll,
    write_csv,
    write_lines,
    write_squad,
    write_t5,
)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bert(tmp_path_factory.mktemp("bert"))


def logged(folder: Path, name: str) -> list[float]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text("utf-8").splitlines()]
    return [line[name] for line in lines if name in line]


def falls(found: Result) -> None:
    losses = logged(found.folder, "loss")
    assert np.mean(losses[-2:]) < 0.5 * losses[0]


def test_a_csv_of_ones_own(bert: Path, tmp_path: Path) -> None:
    """By the recipe of the objective: a tenth is held out, and the public pipeline answers at the end."""
    data = write_csv(tmp_path / "reviews.csv", labelled(120))
    recipe = tiny(
        "text-classification",
        bert,
        data,
        data__columns={"text": "review", "label": "stars"},
        training__eval_strategy="epoch",
        training__num_train_epochs=14,
    )
    found = run(recipe, output=tmp_path / "out")
    falls(found)
    accuracies = logged(found.folder, "eval_accuracy")
    assert accuracies[-1] == found.metrics["eval_accuracy"] == found.metrics["accuracy"] > 0.9
    assert {"eval_f1", "eval_matthews", "roc_auc"} <= set(found.metrics)
    classify = hubformer.pipeline("text-classification", model=str(found.folder))
    assert [one["label"] for one in classify(["Cedar owl drum.", "Cedar drum fern."])] == ["beasts", "plants"]
    written = json.loads((found.folder / "recipe.json").read_text("utf-8"))
    assert written["sizes"]["records"] == 108
    assert written["sizes"]["held_out_records"] == 12
    assert written["files"][str(data)]
    assert json.loads((found.folder / "result.json").read_text("utf-8")) == found.metrics
    report = json.loads((found.folder / "evaluation" / "evaluation.json").read_text("utf-8"))
    assert report["examples"] == 12
    again = load_recipe(found.folder / "recipe.json")
    assert again.options == {"max_length": 48, "labels": None}
    assert again.training["learning_rate"] == 3e-3
    curves = found.folder / "training_curves.png"
    pytest.importorskip("matplotlib")
    assert curves.read_bytes().startswith(b"\x89PNG")


def test_numbers(bert: Path, tmp_path: Path) -> None:
    pytest.importorskip("scipy")
    train = write_lines(tmp_path / "train.jsonl", counted(240))
    valid = [str(write_lines(tmp_path / f"valid{seed}.jsonl", counted(24, seed=seed))) for seed in (1, 2)]
    recipe = tiny("regression", bert, train, data__valid=valid, training__num_train_epochs=10)
    found = run(recipe, output=tmp_path / "out")
    falls(found)
    assert found.metrics["pearson"] == pytest.approx(found.metrics["eval_pearson"], abs=1e-4)
    assert found.metrics["pearson"] > 0.9
    report = json.loads((found.folder / "evaluation" / "evaluation.json").read_text("utf-8"))
    assert report["examples"] == 48
    assert found.trainer.model.config.problem_type == "regression"


def test_words(bert: Path, tmp_path: Path) -> None:
    train = write_conll(tmp_path / "train.conll", tagged(160))
    valid = write_conll(tmp_path / "valid.conll", tagged(30, seed=1))
    recipe = tiny("wnut17", bert, train, data__valid=str(valid), training__eval_strategy="epoch")
    assert recipe.training["num_train_epochs"] == 5
    found = run(recipe, output=tmp_path / "out")
    falls(found)
    scores = logged(found.folder, "eval_f1")
    assert scores[-1] > max(0.8, scores[0])
    assert found.metrics["f1"] == pytest.approx(found.metrics["eval_f1"], abs=1e-9)
    assert found.trainer.model.config.id2label == {0: "O", 1: "B-animal", 2: "I-animal"}


@pytest.mark.parametrize("impossible", [False, True], ids=["v1.1", "v2.0"])
def test_questions(impossible: bool, bert: Path, tmp_path: Path) -> None:
    train = write_squad(tmp_path / "train.json", asked(240, impossible=impossible))
    valid = write_squad(tmp_path / "valid.json", asked(30, impossible=impossible, seed=1))
    name = "squad-v2" if impossible else "squad"
    recipe = tiny(name, bert, train, data__valid=str(valid), options__stride=8, training__num_train_epochs=8)
    found = run(recipe, output=tmp_path / "out")
    falls(found)
    assert found.metrics["exact"] > 85
    if impossible:
        assert found.metrics["NoAns_exact"] > 80
        assert found.metrics["HasAns_exact"] > 80


def test_choices(bert: Path, tmp_path: Path) -> None:
    train = write_csv(tmp_path / "train.csv", chosen(120))
    valid = write_csv(tmp_path / "valid.csv", chosen(30, seed=1))
    recipe = tiny(
        "multiple-choice",
        bert,
        train,
        data__valid=str(valid),
        training__num_train_epochs=12,
        training__logging_steps=10,
    )
    found = run(recipe, output=tmp_path / "out")
    falls(found)
    assert found.metrics["eval_accuracy"] > 0.9


def test_summaries(tmp_path: Path) -> None:
    """What is learnt is what the pipeline writes, with the prefix of the training."""
    pytest.importorskip("rouge_score")
    recipe = tiny(
        "sequence-to-sequence",
        write_t5(tmp_path / "t5"),
        write_lines(tmp_path / "animals.jsonl", told(300)),
        options__task="summarization",
        options__prefix="which: ",
        options__max_target_length=12,
        training__learning_rate=1e-2,
        training__num_train_epochs=8,
        training__eval_strategy="epoch",
    )
    found = run(recipe, output=tmp_path / "out")
    falls(found)
    assert found.metrics["eval_token_accuracy"] > 0.8
    assert found.metrics["eval_token_loss"] == pytest.approx(found.metrics["eval_loss"], rel=1e-4)
    assert found.metrics["rouge1"] > 0.7
    summarize = hubformer.pipeline("summarization", model=str(found.folder))
    rows = told(5)
    written = summarize([row["article"] for row in rows], max_new_tokens=6)
    assert sum(one["summary_text"] == row["summary"] for one, row in zip(written, rows, strict=True)) >= 4
    assert summarize.prefix() == "which: "
    assert summarize.tokenizer.model_max_length == 64  # what it said before


@pytest.mark.slow
def test_two_models_learn_to_write_together(bert: Path, tmp_path: Path) -> None:
    tokenizer = hubformer.AutoTokenizer.from_pretrained(bert)
    model = hubformer.EncoderDecoderModel.from_encoder_decoder_pretrained(
        bert,
        bert,
        decoder_new_head=True,
        decoder_start_token_id=tokenizer.cls_token_id,
        eos_token_id=tokenizer.sep_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model.save_pretrained(tmp_path / "pair")
    tokenizer.save_pretrained(tmp_path / "pair")
    recipe = tiny(
        "sequence-to-sequence",
        tmp_path / "pair",
        write_lines(tmp_path / "animals.jsonl", told(200)),
        options__task="text2text-generation",
        options__max_target_length=20,
        training__num_train_epochs=5,
        training__eval_strategy="epoch",
    )
    found = run(recipe, output=tmp_path / "out")
    falls(found)
    accuracies = logged(found.folder, "eval_token_accuracy")
    assert accuracies[-1] > max(0.6, accuracies[0])
    writer = hubformer.pipeline("text2text-generation", model=str(found.folder))
    assert type(writer.model) is hubformer.EncoderDecoderModel
    assert writer(told(1)[0]["article"], max_new_tokens=20)[0]["generated_text"]


def test_languages(tmp_path: Path) -> None:
    """Rows are marked with their languages, in training and in the measurement at the end."""
    pytest.importorskip("sacrebleu")
    folder = tmp_path / "mbart"
    shutil.copytree(Path(__file__).parents[1] / "tokenization" / "goldens" / "mbart", folder)
    raw = load_tokenizer(folder, model_type="mbart")
    torch.manual_seed(0)
    config = hubformer.MBartConfig(
        vocab_size=len(raw) + 8, d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=24, decoder_ffn_dim=24, max_position_embeddings=64,
    )  # fmt: skip
    hubformer.MBartForConditionalGeneration(config).save_pretrained(folder)
    rows = [{"source": f"the fox {n}", "target": f"der Fuchs {n}"} for n in range(20)]
    recipe = tiny(
        "sequence-to-sequence",
        folder,
        write_lines(tmp_path / "pairs.jsonl", rows),
        data__holdout=4,
        options__task="translation",
        options__source_language="ko_KR",
        options__target_language="fr_XX",
        options__max_target_length=12,
        training__max_steps=2,
    )
    found = run(recipe, output=tmp_path / "out")
    row = found.trainer.train_dataset[0]
    tokenizer = found.trainer.processing_class
    codes = tokenizer.lang_code_to_id
    assert row["input_ids"][-1] == codes["ko_KR"]
    assert row["labels"][-1] == codes["fr_XX"]
    assert 0 <= found.metrics["bleu"] <= 100
    wrong = dataclasses.replace(recipe, options={**recipe.options, "target_language": "fr_FR"})
    with pytest.raises(InputError, match=r"'fr_FR'.*no language of this tokenizer"):
        run(wrong, output=tmp_path / "wrong")


def test_next_tokens(tmp_path: Path) -> None:
    text = "\n\n".join("The fox sees the owl.\nThe owl sees the bee." for _ in range(60))
    (tmp_path / "texts.txt").write_text(text, encoding="utf-8")
    recipe = tiny(
        "tinyshakespeare",
        "gpt2",
        tmp_path / "texts.txt",
        config={"n_embd": 32, "n_layer": 1, "n_head": 2, "n_positions": 48},
        options__max_length=32,
        tokenizer__vocab_size=270,
        training__per_device_train_batch_tokens=None,
        training__per_device_train_batch_size=4,
        training__num_train_epochs=14,
        training__eval_strategy="epoch",
        training__eval_on_start=True,
    )
    found = run(recipe, output=tmp_path / "out")
    perplexities = logged(found.folder, "eval_perplexity")
    assert perplexities[0] == pytest.approx(found.trainer.model.config.vocab_size, rel=0.2)  # knows nothing
    assert perplexities[-1] < 5
    assert found.metrics["eval_perplexity"] == pytest.approx(np.exp(found.metrics["eval_loss"]), rel=1e-4)


def test_a_resumed_run_is_the_unbroken_one(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted in step 8, resumed from the checkpoint of step 5: every bit as in one go."""
    data = write_csv(tmp_path / "reviews.csv", labelled(80))
    recipe = tiny(
        "text-classification",
        bert,
        data,
        data__columns={"text": "review", "label": "stars"},
        config={"hidden_dropout_prob": 0.1},
        training__max_steps=12,
        training__per_device_train_batch_tokens=128,
        training__save_strategy="steps",
        training__save_steps=5,
        training__logging_steps=1,
    )
    whole = run(recipe, output=tmp_path / "whole")
    step = Trainer.training_step
    steps: list[int] = []

    def recorded(self: Any, *inputs: Any, **named: Any) -> Any:
        steps.append(self.state.global_step)
        return step(self, *inputs, **named)

    def interrupted(self: Any, *inputs: Any, **named: Any) -> Any:
        if self.state.global_step == 7:
            raise KeyboardInterrupt
        return step(self, *inputs, **named)

    monkeypatch.setattr(Trainer, "training_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(recipe, output=tmp_path / "broken")
    monkeypatch.undo()
    with pytest.raises(InputError, match="holds a training already"):
        run(recipe, output=tmp_path / "broken")
    monkeypatch.setattr(Trainer, "training_step", recorded)
    resumed = run(recipe, output=tmp_path / "broken", resume=True)
    assert steps == [5, 6, 7, 8, 9, 10, 11]
    files = [folder / "model.safetensors" for folder in (whole.folder, resumed.folder)]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert logged(whole.folder, "loss") == logged(resumed.folder, "loss")
    assert len(logged(resumed.folder, "loss")) == 12
    assert resumed.metrics["accuracy"] == whole.metrics["accuracy"]
    again = run(recipe, output=tmp_path / "again")
    assert (again.folder / "model.safetensors").read_bytes() == files[0].read_bytes()


def test_an_adapter(bert: Path, tmp_path: Path) -> None:
    """Only the additions and the head are trained and saved; pipelines read the base with them."""
    data = write_csv(tmp_path / "reviews.csv", labelled(120))
    recipe = tiny(
        "text-classification",
        bert,
        data,
        data__columns={"text": "review", "label": "stars"},
        lora={"rank": 4, "alpha": 16, "target_modules": ["query", "value"]},
        training__learning_rate=2e-2,
        training__num_train_epochs=14,
        training__save_strategy="epoch",
    )
    found = run(recipe, output=tmp_path / "out")
    falls(found)
    assert found.metrics["accuracy"] == pytest.approx(found.metrics["eval_accuracy"])
    assert found.metrics["accuracy"] > 0.8
    sizes = json.loads((found.folder / "recipe.json").read_text("utf-8"))["sizes"]
    head, additions = 2 * 32 + 2, 2 * 2 * 4 * (32 + 32)  # two matrices in each of two layers
    assert sizes["trained_parameters"] == head + additions
    assert not (found.folder / "model.safetensors").exists()
    config = json.loads((found.folder / "adapter_config.json").read_text("utf-8"))
    assert (config["r"], config["lora_alpha"], config["task_type"]) == (4, 16, "SEQ_CLS")
    assert config["base_model_name_or_path"] == str(bert)
    with pytest.raises(InputError, match="from_scratch=true draws them anew"):
        run(load_recipe("sst2", ["lora.rank=4", "from_scratch=true"]), output=tmp_path / "other")


def test_a_base_on_the_hub_is_read_at_one_commit(bert: Path, hub: HubServer, tmp_path: Path) -> None:
    """The commit is written down; the same recipe reads it again when the branch has moved on."""
    commit = hub.add("org/bert", bert)
    data = write_lines(tmp_path / "tagged.jsonl", tagged(20))
    recipe = tiny("token-classification", "org/bert", data, training__max_steps=1, evaluation=None)
    first = run(recipe, output=tmp_path / "first")
    written = load_recipe(first.folder / "recipe.json")
    assert written.revision == commit
    other = hubformer.AutoModel.from_pretrained(bert)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    other.save_pretrained(tmp_path / "other")
    hubformer.AutoTokenizer.from_pretrained(bert).save_pretrained(tmp_path / "other")
    assert hub.add("org/bert", tmp_path / "other") != commit
    again = run(written, output=tmp_path / "again")
    new = run(recipe, output=tmp_path / "new")
    weights = [(one.folder / "model.safetensors").read_bytes() for one in (first, again, new)]
    assert weights[0] == weights[1] != weights[2]
    assert load_recipe(new.folder / "recipe.json").revision != commit
    recipe = tiny("token-classification", bert, data, training__max_steps=1, evaluation=None)
    of_a_folder = run(recipe, output=tmp_path / "here").folder / "recipe.json"
    assert load_recipe(of_a_folder).revision is None


def test_the_dtype_on_disk(bert: Path, tmp_path: Path) -> None:
    data = write_lines(tmp_path / "tagged.jsonl", tagged(20))
    recipe = tiny("token-classification", bert, data, training__max_steps=1, save__dtype="float16")
    found = run(recipe, output=tmp_path / "out")
    with open_checkpoint(found.folder / "model.safetensors", mapped=False) as stored:
        assert {header.dtype for header in stored.headers.values()} == {torch.float16}
    assert found.trainer.model.dtype is torch.float32
    assert json.loads((found.folder / "config.json").read_text("utf-8"))["dtype"] == "float16"


def test_nothing_is_held_out(bert: Path, tmp_path: Path) -> None:
    data = write_lines(tmp_path / "tagged.jsonl", tagged(20))
    recipe = tiny(
        "token-classification",
        bert,
        data,
        data__holdout=0,
        training__max_steps=1,
        training__eval_strategy="epoch",
    )
    found = run(recipe, output=tmp_path / "out")
    assert not any(name.startswith("eval_") for name in found.metrics)
    assert found.trainer.state.global_step == 1


def test_what_cannot_be(bert: Path, tmp_path: Path) -> None:
    data = write_lines(tmp_path / "tagged.jsonl", tagged(20))

    def refused(match: str, *, resume: bool = False, kind: Any = InputError, **changes: Any) -> None:
        with pytest.raises(kind, match=match):
            run(tiny("token-classification", bert, data, **changes), output=tmp_path / "out", resume=resume)

    refused("data.train=PATH", data__train=None)
    refused("There is no file .*tagged.json[.] Did you mean 'tagged.jsonl'", data__train=str(data)[:-1])
    refused("no column 'tags'", data__train=str(write_lines(tmp_path / "a.jsonl", [{"tokens": "a b"}])))
    refused("There is no folder .*out", resume=True)
    refused("reads at most 64 tokens", options__max_length=65)
    (tmp_path / "out").mkdir(exist_ok=True)
    for path in (tmp_path / "out").iterdir():
        path.unlink()
    (tmp_path / "out" / "other.txt").write_text("")
    refused("nor any trace of a training", resume=True, kind=CheckpointError)
