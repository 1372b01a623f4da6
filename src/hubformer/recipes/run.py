"""From a recipe to a trained model: records, rows, model, Trainer, measurement, and what is written."""

from __future__ import annotations

import hashlib
import json
import platform
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from hubformer.auto import models as auto_models
from hubformer.auto.config import AutoConfig
from hubformer.auto.tokenizer import AutoTokenizer, length_limit
from hubformer.data import files_of
from hubformer.errors import InputError
from hubformer.recipes.objective import Objective, Record
from hubformer.recipes.objectives import objective
from hubformer.recipes.recipe import Data, NewTokenizer, Recipe
from hubformer.storage import write_file
from hubformer.tokenization import train_tokenizer
from hubformer.training import Trainer, TrainingArguments, set_seed

RECIPE, RESULT = "recipe.json", "result.json"


@dataclass(frozen=True)
class Result:
    """folder: the model with its tokenizer, and beside it what the run used (recipe.json), its course
    (log.jsonl), and its figures (result.json)."""

    folder: Path
    metrics: dict[str, Any]
    trainer: Trainer


def run(recipe: Recipe, *, output: str | Path | None = None, resume: bool = False) -> Result:
    """Train by a recipe. resume: go on from the newest complete checkpoint in the output folder.

    Raises:
        InputError: data or settings that cannot be used. HubError, ConfigError, CheckpointError: a model
            that cannot be had or read. TrainingDiverged: the loss is not finite.
    """
    arguments = _arguments(recipe, output)
    goal = objective(recipe)
    train, valid = _records(goal, recipe.data)
    settings = goal.head_settings(train)
    tokenizer = _tokenizer(goal, recipe, records=train, folder=arguments.folder, resume=resume)
    model = _model(goal, recipe, settings=settings, tokenizer=tokenizer, seed=arguments.seed)
    goal.prepare(tokenizer, model)
    rows = goal.rows(train, tokenizer, name=str(recipe.data.train), count=len(train))
    held = goal.rows(valid, tokenizer, name="the held-out data", count=len(valid)) if valid else None
    size = f"{len(rows):,} rows of {rows.tokens:,} tokens, {model.num_parameters():,} parameters"
    print(f"{recipe.name}: {size}.", file=sys.stderr)
    write_file(arguments.folder / RECIPE, _written(recipe, arguments))
    trainer = Trainer(
        model,
        arguments,
        train_dataset=rows,
        eval_dataset=held,
        processing_class=tokenizer,
        data_collator=goal.collator(tokenizer),
        compute_metrics=goal.metrics(),
        preprocess_logits_for_metrics=goal.reduction(),
    )
    metrics: dict[str, Any] = dict(trainer.train(resume_from_checkpoint=resume or None).metrics)
    if held is not None:
        metrics |= trainer.evaluate()
    trainer.save_model()
    trainer.save_state()
    metrics |= _measured(goal, recipe, trainer)
    write_file(arguments.folder / RESULT, json.dumps(metrics, indent=2) + "\n")
    return Result(arguments.folder, metrics, trainer)


def _arguments(recipe: Recipe, output: str | Path | None) -> TrainingArguments:
    named = dict(recipe.training)
    folder = output or named.pop("output_dir", None) or f"runs/{recipe.name}"
    named.pop("output_dir", None)
    arguments = TrainingArguments(str(folder), **named)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    return arguments


def _records(goal: Objective, data: Data) -> tuple[list[Record], list[Record]]:
    """What is learnt from, and what is held out."""
    if data.train is None:
        raise InputError(
            "The recipe does not say where its training data is. Add data.train=PATH (CSV, TSV, JSON lines, "
            f"Parquet, or what data.format names) with {', '.join(goal.needs)}."
        )
    if data.valid is not None and data.holdout:
        raise InputError("data.valid and data.holdout are both set; expected one of the two.")
    train = _read(goal, data, data.train, limit=data.limit)
    if data.valid is not None:
        return train, _read(goal, data, data.valid, limit=data.valid_limit)
    if not data.holdout:
        return train, []
    if data.holdout >= len(train):
        raise InputError(f"data.holdout is {data.holdout}, but there are {len(train)} records.")
    order = list(range(len(train)))
    random.Random(0).shuffle(order)
    held = set(order[: data.holdout])
    return [r for i, r in enumerate(train) if i not in held], [train[i] for i in sorted(held)]


def _read(goal: Objective, data: Data, path: str, *, limit: int | None) -> list[Record]:
    found = goal.read(path, columns=data.columns, format=data.format, names=data.names)
    return list(islice(found, limit))


def _model(goal: Objective, recipe: Recipe, *, settings: dict[str, Any], tokenizer: Any, seed: int) -> Any:
    kind = getattr(auto_models, goal.head)
    if not recipe.from_scratch:
        return kind.from_pretrained(recipe.model, **{**settings, **recipe.config})
    settings.pop("new_head", None)
    own = {} if recipe.tokenizer is None else _vocabulary(tokenizer)
    set_seed(seed)
    return kind.from_config(AutoConfig.from_pretrained(recipe.model, **{**settings, **own, **recipe.config}))


def _vocabulary(tokenizer: Any) -> dict[str, int]:
    """What a configuration says of the tokenizer."""
    ids = {f"{role}_token_id": getattr(tokenizer, f"{role}_token_id") for role in ("pad", "bos", "eos")}
    return {"vocab_size": len(tokenizer), **{name: at for name, at in ids.items() if at is not None}}


def _tokenizer(
    goal: Objective, recipe: Recipe, *, records: Sequence[Record], folder: Path, resume: bool
) -> Any:
    """The recipe's tokenizer. A new one is kept in the output folder, where a resumed run finds it."""
    wanted = recipe.tokenizer
    if not isinstance(wanted, NewTokenizer):
        return AutoTokenizer.from_pretrained(wanted or recipe.model)
    if not recipe.from_scratch:
        raise InputError(
            f"The recipe trains a new tokenizer, whose ids mean nothing to the weights of {recipe.model}. "
            "Set from_scratch=true, or leave the tokenizer out."
        )
    if not (resume and (folder / "tokenizer.json").is_file()):
        print(f"{recipe.name}: training a {wanted.kind} tokenizer.", file=sys.stderr)
        config = AutoConfig.from_pretrained(recipe.model, **recipe.config)
        train_tokenizer(
            wanted.kind,
            goal.texts(records),
            vocab_size=wanted.vocab_size,
            lowercase=wanted.lowercase,
            model_type=config.model_type,
            model_max_length=length_limit(config),
        ).save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


def _measured(goal: Objective, recipe: Recipe, trainer: Trainer) -> dict[str, Any]:
    """The figures of the public pipeline on the data that the recipe names, also written as a report."""
    if recipe.evaluation is None or goal.task is None:
        return {}
    from hubformer.evaluation import evaluate

    data = recipe.evaluation.data or recipe.data.valid
    if data is None:
        raise InputError(
            "evaluation.data is not set, and neither is data.valid: there is nothing to measure on."
        )
    found = evaluate(
        goal.task,
        str(trainer.args.folder),
        data,
        columns=recipe.data.columns,
        format=recipe.data.format,
        names=recipe.data.names,
        limit=recipe.evaluation.limit,
        **recipe.evaluation.options,
    )
    found.save(trainer.args.folder / "evaluation", plots=False)
    print(found.table(), file=sys.stderr)
    return dict(found.metrics)


def _written(recipe: Recipe, arguments: TrainingArguments) -> str:
    """The recipe as it was run, with what else its result depends on."""
    from hubformer import __version__

    used = {
        "recipe": json.loads(replace(recipe, training=arguments.to_sanitized_dict()).to_json()),
        "files": {path: _digest(Path(path)) for path in _files(recipe)},
        "versions": {
            "hubformer": __version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "machine": {"device": str(arguments.device), "threads": torch.get_num_threads()},
    }
    return json.dumps(used, indent=2, ensure_ascii=False) + "\n"


def _files(recipe: Recipe) -> Sequence[str]:
    given = [path for path in (recipe.data.train, recipe.data.valid) if path is not None]
    return [str(file) for path in given for file in files_of(path)]


def _digest(path: Path) -> str:
    whole = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            whole.update(block)
    return whole.hexdigest()
