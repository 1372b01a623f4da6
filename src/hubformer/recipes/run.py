"""From a recipe to a trained model: records, rows, model, Trainer, measurement, and what is written."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from hubformer.adapters import LoraConfig
from hubformer.errors import InputError
from hubformer.optional import optional
from hubformer.presets import preset
from hubformer.pretrained import auto as auto_models
from hubformer.pretrained.config import AutoConfig
from hubformer.pretrained.source import Source
from hubformer.pretrained.tokenizer import AutoTokenizer, length_limit
from hubformer.recipes.provenance import provenance
from hubformer.recipes.recipe import NewTokenizer, Paths, Recipe
from hubformer.recipes.records import Split, kept, records_of, split
from hubformer.recipes.registry import objective
from hubformer.recipes.training_task import Record, TrainingTask
from hubformer.storage import write_file
from hubformer.tokenization import train_tokenizer
from hubformer.training import Trainer, TrainingArguments, set_seed

RECIPE, RESULT, CURVES = "recipe.json", "result.json", "training_curves.png"
# Arguments that ask for data that is held out.
_MEASURING = (
    *("eval_strategy", "eval_steps", "eval_on_start", "eval_delay", "batch_eval_metrics"),
    *("load_best_model_at_end", "metric_for_best_model", "greater_is_better"),
)


@dataclass(frozen=True)
class Result:
    """folder: the model with its tokenizer, and beside it what the run used (recipe.json), its course
    (log.jsonl, training_curves.png), and its figures (result.json)."""

    folder: Path
    metrics: dict[str, Any]
    trainer: Trainer


def run(recipe: Recipe, *, output: str | Path | None = None, resume: bool = False) -> Result:
    """Train by a recipe. resume: go on from the newest complete checkpoint in the output folder.

    Raises:
        InputError: data or settings that cannot be used, or a folder that holds a training already.
        HubError, ConfigError, CheckpointError: a model that cannot be had or read. TrainingDiverged: the loss
            is not finite.
    """
    task, arguments = resolve(recipe, output=output)
    _check_folder(arguments, resume=resume)
    records = split(task, recipe.data)
    recipe = _at_one_commit(recipe)
    _say(recipe, f"{len(records.train):,} records, and {len(records.held_out):,} held out.")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    settings = task.model_options(records.train)
    _check_evaluation_data(task, recipe, records=records)
    tokenizer = _tokenizer(task, recipe, records=records.train, folder=arguments.folder, resume=resume)
    set_seed(arguments.seed)  # a new head is drawn alike in every run
    model = _model(task, recipe, settings=settings, tokenizer=tokenizer, seed=arguments.seed)
    task.prepare(tokenizer, model)
    _adapt(model, task, recipe)
    trained = task.wrap_model(model)
    trainer = _trainer(task, recipe, model=trained, tokenizer=tokenizer, arguments=arguments, records=records)
    metrics: dict[str, Any] = dict(trainer.train(resume_from_checkpoint=resume or None).metrics)
    if trainer.eval_dataset is not None:
        metrics |= trainer.evaluate()
    _save(trainer, task, recipe)
    write_file(arguments.folder / RESULT, _plain(metrics))  # kept, whatever happens to the measurement
    metrics |= _measured(task, recipe, folder=arguments.folder, records=records)
    write_file(arguments.folder / RESULT, _plain(metrics))
    _say(recipe, f"written to {arguments.folder}.")
    return Result(arguments.folder, metrics, trainer)


def resolve(recipe: Recipe, *, output: str | Path | None = None) -> tuple[TrainingTask, TrainingArguments]:
    """The objective and the arguments of a recipe, before anything is read or written.

    Raises:
        UnknownName, UnknownArgument, ConfigError, InputError: the recipe cannot be run as it is.
        MissingPackage: the measurement at the end needs a package that is not installed.
    """
    task = objective(recipe)
    if recipe.lora is not None and recipe.from_scratch:
        raise InputError(
            "lora adds to weights that are there, and from_scratch=true draws them anew. Leave one of the "
            "two out."
        )
    if isinstance(recipe.tokenizer, NewTokenizer) and not recipe.from_scratch:
        raise InputError(
            f"The recipe trains a new tokenizer, whose ids mean nothing to the weights of {recipe.model}. "
            "Set from_scratch=true, or leave the tokenizer out."
        )
    named = dict(recipe.training)
    folder = named.pop("output_dir", None)
    if not recipe.data.measured:
        named = {name: value for name, value in named.items() if name not in _MEASURING}
    arguments = TrainingArguments(str(output or folder or f"runs/{recipe.name}"), **named)
    if recipe.evaluation is not None and (recipe.evaluation.data or recipe.data.measured):
        for module in task.packages:
            purpose = "The measurement at the end (leave it out by evaluation=null)"
            optional(module, extra="evaluation", purpose=purpose)
    return task, arguments


def _check_folder(arguments: TrainingArguments, *, resume: bool) -> None:
    folder = arguments.folder
    if resume and not folder.is_dir():
        raise InputError(f"There is no folder {folder}, so nothing to resume. Leave --resume out.")
    if resume or arguments.overwrite_output_dir:
        return
    if (folder / RESULT).is_file() or any(folder.glob("checkpoint-*")):
        raise InputError(
            f"{folder} holds a training already. Go on with it by --resume (in Python: resume=True), choose "
            "another folder by --output, or set training.overwrite_output_dir=true."
        )


def _at_one_commit(recipe: Recipe) -> Recipe:
    """With the commit that a model on the Hub is at, so that all of it is read there, and written down."""
    if recipe.from_scratch and preset(recipe.model) is not None:
        return recipe
    commit = Source.of(recipe.model, revision=recipe.revision).repo.commit
    return recipe if commit is None else replace(recipe, revision=commit)


def _where(recipe: Recipe) -> dict[str, Any]:
    return {} if recipe.revision is None else {"revision": recipe.revision}


def _say(recipe: Recipe, what: str) -> None:
    print(f"{recipe.name}: {what}", file=sys.stderr)


def _trainer(
    task: TrainingTask,
    recipe: Recipe,
    *,
    model: Any,
    tokenizer: Any,
    arguments: TrainingArguments,
    records: Split,
) -> Trainer:
    name, held = str(recipe.data.train), None
    rows = task.rows(records.train, tokenizer, name=name, count=len(records.train))
    if records.held_out:
        count = len(records.held_out)
        held = task.rows(records.held_out, tokenizer, name=records.held_out_name, count=count)
    sizes = {
        "records": len(records.train),
        "rows": len(rows),
        "tokens": rows.tokens,
        "held_out_records": len(records.held_out),
        "held_out_rows": 0 if held is None else len(held),
        "parameters": sum(p.numel() for p in model.parameters()),
        "trained_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
    }
    trained = sizes["trained_parameters"]
    _say(recipe, f"{len(rows):,} rows of {rows.tokens:,} tokens, {trained:,} parameters to train.")
    write_file(arguments.folder / RECIPE, provenance(recipe, task, arguments=arguments, sizes=sizes))
    return Trainer(
        model,
        arguments,
        train_dataset=rows,
        eval_dataset=held,
        processing_class=tokenizer,
        data_collator=task.collator(tokenizer),
        compute_metrics=None if held is None else task.compute_metrics(),
        preprocess_logits_for_metrics=task.preprocess_logits(),
    )


def _model(task: TrainingTask, recipe: Recipe, *, settings: dict[str, Any], tokenizer: Any, seed: int) -> Any:
    kind = getattr(auto_models, task.head)
    if not recipe.from_scratch:
        return kind.from_pretrained(recipe.model, **_where(recipe), **{**settings, **recipe.config})
    settings.pop("new_head", None)
    own = {} if recipe.tokenizer is None else _vocabulary(tokenizer)
    set_seed(seed)
    changes = {**settings, **own, **recipe.config}
    return kind.from_config(AutoConfig.from_pretrained(recipe.model, **_where(recipe), **changes))


def _vocabulary(tokenizer: Any) -> dict[str, int]:
    """What a configuration says of the tokenizer."""
    ids = {f"{role}_token_id": getattr(tokenizer, f"{role}_token_id") for role in ("pad", "bos", "eos")}
    return {"vocab_size": len(tokenizer), **{name: at for name, at in ids.items() if at is not None}}


def _tokenizer(
    task: TrainingTask, recipe: Recipe, *, records: Sequence[Record], folder: Path, resume: bool
) -> Any:
    """The recipe's tokenizer. A new one is kept in the output folder, where a resumed run finds it."""
    wanted = recipe.tokenizer
    if not isinstance(wanted, NewTokenizer):
        place = _where(recipe) if wanted in (None, recipe.model) else {}
        return AutoTokenizer.from_pretrained(wanted or recipe.model, **place)
    if not (resume and (folder / "tokenizer.json").is_file()):
        print(f"{recipe.name}: training a {wanted.kind} tokenizer.", file=sys.stderr)
        config = AutoConfig.from_pretrained(recipe.model, **_where(recipe), **recipe.config)
        train_tokenizer(
            wanted.kind,
            task.texts(records),
            vocab_size=wanted.vocab_size,
            lowercase=wanted.lowercase,
            model_type=config.model_type,
            model_max_length=length_limit(config),
        ).save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


def _adapt(model: Any, task: TrainingTask, recipe: Recipe) -> None:
    """Where the recipe says so, freeze the model, and add what is trained in its place."""
    if (asked := recipe.lora) is None:
        return
    targets = list(asked.target_modules) if isinstance(asked.target_modules, tuple) else asked.target_modules
    model.add_adapter(
        LoraConfig(
            task.adapter_task,
            r=asked.rank,
            lora_alpha=asked.alpha,
            lora_dropout=asked.dropout,
            target_modules=targets,
        )
    )


def _save(trainer: Trainer, task: TrainingTask, recipe: Recipe) -> None:
    """The model in the dtype that the recipe says, the course of the training, and its curves."""
    folder = trainer.args.folder
    trainer.model.to(getattr(torch, recipe.save.dtype))
    trainer.model = task.unwrap_model(trainer.model, folder=folder, tokenizer=trainer.processing_class)
    trainer.save_model()
    trainer.model.to(torch.float32)
    trainer.save_state()
    drawable = any("loss" in entry or "eval_loss" in entry for entry in trainer.state.log_history)
    if drawable and find_spec("matplotlib") is not None:
        from hubformer.evaluation.plots import training_curves

        write_file(folder / CURVES, training_curves(folder))


def _evaluation_paths(task: TrainingTask, recipe: Recipe, *, records: Split) -> Paths | None:
    """The files that the result is measured on; None: none, or the records held out of the training data."""
    if recipe.evaluation is None or task.evaluation_task is None:
        return None
    if recipe.evaluation.data:
        return recipe.evaluation.data
    return recipe.data.valid if records.held_out else None


def _check_evaluation_data(task: TrainingTask, recipe: Recipe, *, records: Split) -> None:
    """Refuse before the training what the measurement after it would stop at.

    Raises:
        InputError: a record that cannot be measured on.
    """
    paths = _evaluation_paths(task, recipe, records=records)
    if paths is None or recipe.evaluation is None:
        return
    found = records_of(task, recipe.data, paths=paths)
    for place, record in enumerate(islice(found, recipe.evaluation.limit)):
        task.check_labels(task.parse(record, f"record {place} of {found.name}"))


def _measured(task: TrainingTask, recipe: Recipe, *, folder: Path, records: Split) -> dict[str, Any]:
    """The figures of the public pipeline on the data that the recipe names, also written as a report."""
    asked = recipe.evaluation
    if asked is None or task.evaluation_task is None or not (asked.data or records.held_out):
        return {}
    from hubformer.evaluation import evaluate

    paths = _evaluation_paths(task, recipe, records=records)
    data = (
        records_of(task, recipe.data, paths=paths)
        if paths
        else kept(records.held_out, name=records.held_out_name)
    )
    found = evaluate(
        task.evaluation_task,
        str(folder),
        data,
        limit=asked.limit,
        **{**task.evaluation_options(), **asked.options},
    )
    found.save(folder / "evaluation", plots=False)
    print(found.table(), file=sys.stderr)
    return dict(found.metrics)


def _plain(metrics: dict[str, Any]) -> str:
    """As JSON, which has no NaN."""
    known = {
        name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in metrics.items()
    }
    return json.dumps(known, indent=2) + "\n"
