"""Encoder-decoders that are judged by what they write, against the oracle's Seq2SeqTrainer."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import hubformer
from encoder_decoders import TINY, VARIANTS
from hubformer.errors import InputError
from hubformer.training import DataCollatorForSeq2Seq, Seq2SeqTrainer, Seq2SeqTrainingArguments

PAD, END = 1, 2
CONFIG = {**TINY["bart"], "pad_token_id": PAD, "eos_token_id": END, "dropout": 0.0}


class Words:
    """As much of a tokenizer as a collator asks for."""

    pad_token_id, padding_side, model_input_names = PAD, "right", ("input_ids", "attention_mask")

    def pad(self, rows: Any, return_tensors: str | None = None, **_: Any) -> dict[str, torch.Tensor]:
        longest = max(len(row["input_ids"]) for row in rows)
        ids = [list(row["input_ids"]) + [PAD] * (longest - len(row["input_ids"])) for row in rows]
        mask = [[1] * len(r["input_ids"]) + [0] * (longest - len(r["input_ids"])) for r in rows]
        return {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}


def rows(count: int, *, seed: int = 0) -> list[dict[str, list[int]]]:
    """Copies of texts of several lengths."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(count):
        length = int(torch.randint(2, 8, (), generator=generator))
        ids = torch.randint(6, 20, (length,), generator=generator).tolist()
        found.append({"input_ids": [*ids, END], "labels": [*ids, END]})
    return found


def model() -> Any:
    torch.manual_seed(3)
    return hubformer.BartForConditionalGeneration(hubformer.BartConfig(**CONFIG))


def pair() -> Any:
    """An encoder and a decoder of two families."""
    torch.manual_seed(3)
    halves = {**TINY["encoder-decoder"], **VARIANTS["encoder-decoder"]["bert to gpt2"]}
    config = hubformer.EncoderDecoderConfig(**{**halves, "pad_token_id": PAD, "eos_token_id": END})
    return hubformer.EncoderDecoderModel(config)


def trainer(folder: Path, *, make: Any = model, **named: Any) -> Seq2SeqTrainer:
    arguments = {"predict_with_generate": True, "use_cpu": True, "disable_tqdm": True, **named}
    made = make()
    return Seq2SeqTrainer(
        made,
        Seq2SeqTrainingArguments(str(folder), **arguments),
        data_collator=hubformer.DataCollatorForSeq2Seq(Words(), model=made),
        train_dataset=rows(64),
        eval_dataset=rows(10, seed=1),
        compute_metrics=lambda prediction: {"width": prediction.predictions.shape[1]},
    )


def test_as_the_oracle_predicts(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    ours = trainer(tmp_path / "a", generation_max_length=9, generation_num_beams=2)
    ours.model.save_pretrained(tmp_path / "model")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        oracle = transformers.BartForConditionalGeneration.from_pretrained(tmp_path / "model")
        theirs = transformers.Seq2SeqTrainer(
            oracle,
            transformers.Seq2SeqTrainingArguments(
                str(tmp_path / "b"), predict_with_generate=True, generation_max_length=9,
                generation_num_beams=2, use_cpu=True, report_to="none", disable_tqdm=True,
            ),
            data_collator=transformers.DataCollatorForSeq2Seq(Words(), model=oracle),
        ).predict(rows(10, seed=1))  # fmt: skip
    mine = ours.predict(rows(10, seed=1))
    # The oracle fills up to 20 places, whatever it was told.
    assert np.array_equal(mine.predictions, theirs.predictions[:, :9])
    assert (theirs.predictions[:, 9:] == PAD).all()
    labels = np.where(theirs.label_ids == PAD, -100, theirs.label_ids)[:, : mine.label_ids.shape[1]]
    assert np.array_equal(mine.label_ids, labels)
    assert mine.metrics is not None
    assert mine.metrics["test_loss"] == pytest.approx(theirs.metrics["test_loss"], rel=1e-2)


@pytest.mark.parametrize("make", [model, pair])
def test_what_is_learnt_is_written(make: Any, tmp_path: Path) -> None:
    rate = {model: 1e-2, pair: 4e-3}[make]
    made = trainer(
        tmp_path, make=make, learning_rate=rate, num_train_epochs=12, per_device_train_batch_size=16
    )
    before = made.evaluate(max_new_tokens=9)
    made.train()
    after = made.predict(rows(64), max_new_tokens=9)
    assert after.metrics is not None
    assert after.metrics["test_loss"] < 0.7 * before["eval_loss"]
    assert after.predictions.shape == (64, 10)
    assert (after.predictions != -100).all()  # batches of unequal lengths are filled with the padding token


def test_settings_of_a_call_pass(tmp_path: Path) -> None:
    made = trainer(tmp_path, generation_max_length=7)
    assert made.evaluate()["eval_width"] == 7
    assert made.evaluate(max_length=5)["eval_width"] == 5
    assert made.evaluate(max_new_tokens=3)["eval_width"] == 4
    assert made.evaluate()["eval_width"] == 7


def test_scores_without_generating(tmp_path: Path) -> None:
    made = trainer(tmp_path, predict_with_generate=False)
    made.compute_metrics = None
    found = made.predict(rows(4))
    assert found.predictions[0].shape[-1] == CONFIG["vocab_size"]


def test_what_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="generation_num_beams"):
        Seq2SeqTrainingArguments(str(tmp_path), generation_num_beams=0)
    with pytest.raises(InputError, match="group_by_length=True"):
        Seq2SeqTrainingArguments(str(tmp_path), sortish_sampler=True)
    with pytest.raises(hubformer.errors.UnknownArgument, match="predict_with_generate"):
        Seq2SeqTrainingArguments(str(tmp_path), predict_with_generation=True)


def test_settings_of_generation_reach_a_model_that_is_made_later(tmp_path: Path) -> None:
    settings = hubformer.GenerationConfig(max_length=7, num_beams=2)
    arguments = Seq2SeqTrainingArguments(
        str(tmp_path), generation_config=settings, predict_with_generate=True, max_steps=1, use_cpu=True,
        disable_tqdm=True,
    )  # fmt: skip
    collate = DataCollatorForSeq2Seq(Words(), pad_to_multiple_of=None)
    made = Seq2SeqTrainer(args=arguments, model_init=model, train_dataset=rows(4), data_collator=collate)
    made.train()
    assert made.model.generation_config is settings
