"""A training on the Hub: v4's create_model_card and push_to_hub of the Trainer.

The card says what was measured: the figures are those of the log and of the last evaluation.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy
import torch

from hubformer.hub import push_folder
from hubformer.storage import write_file
from hubformer.training.metric_logger import MetricLogger

README = "README.md"
# A card that carries this line is written anew by the next training; another is its author's and stays.
MADE = "<!-- Written by hubformer's Trainer from the figures of this training. -->"
_SPEEDS = ("_runtime", "_per_second")


class Sharing(MetricLogger):
    """The part of the Trainer that shows a training to others."""

    def create_model_card(
        self,
        language: str | Sequence[str] | None = None,
        license: str | None = None,
        tags: str | Sequence[str] | None = None,
        model_name: str | None = None,
        finetuned_from: str | None = None,
        tasks: str | Sequence[str] | None = None,
        dataset_tags: str | Sequence[str] | None = None,
        dataset: str | Sequence[str] | None = None,
        dataset_args: str | Sequence[str] | None = None,
    ) -> None:
        """Write README.md into the output folder: what the model is, how it was trained, how good it was.

        A README.md that something else wrote is left alone.
        """
        path = self.args.folder / README
        if not self.is_world_process_zero() or (path.is_file() and MADE not in path.read_text("utf-8")):
            return
        name = model_name or self.args.folder.resolve().name
        before = finetuned_from or getattr(getattr(self.model, "config", None), "_name_or_path", None) or None
        front = {
            "library_name": "hubformer",
            "language": language,
            "license": license,
            "base_model": None if before is None or Path(before).exists() else before,
            "pipeline_tag": None if tasks is None else _listed(tasks)[0],
            "tags": ["generated_from_trainer", *_listed(tags)],
            "datasets": _listed(dataset_tags) or None,
            "model-index": [
                {"name": name, "results": self._results(tasks, dataset_tags, dataset, dataset_args)}
            ],
        }
        self.args.folder.mkdir(parents=True, exist_ok=True)
        write_file(
            path, _front_matter(front) + "\n".join(self._card(name, before=before, data=_listed(dataset)))
        )

    def push_to_hub(
        self,
        commit_message: str | None = "End of training",
        blocking: bool = True,
        token: str | None = None,
        revision: str | None = None,
        **kwargs: Any,
    ) -> str:
        """Save the model and its card, and upload the output folder without its checkpoints as one commit;
        returns the commit's address. kwargs: of create_model_card. The call always waits for the upload.

        The repository is hub_model_id, else the output folder's name.

        Raises:
            HubError: no token, no permission, or the Hub does not answer.
        """
        if not self.is_world_process_zero():
            return ""
        args = self.args
        repo_id = args.hub_model_id or args.folder.resolve().name
        self.save_model(_internal_call=True)
        self.create_model_card(**{"model_name": repo_id.rpartition("/")[2], **kwargs})
        return push_folder(
            args.folder,
            repo_id,
            commit_message=commit_message or "End of training",
            private=args.hub_private_repo,
            token=token or args.hub_token,
            revision=revision or args.hub_revision,
            leaving=("checkpoint-*/**",),
        )

    def _results(self, *about: Any) -> list[dict[str, Any]]:
        """The last evaluation in the Hub's form, where it is said what it was about."""
        tasks, tags, names, settings = (_listed(one) for one in about)
        metrics = [
            {
                "name": key.removeprefix("eval_").capitalize(),
                "type": key.removeprefix("eval_"),
                "value": value,
            }
            for key, value in _evaluated(self.state.log_history).items()
        ]
        if not (tasks and tags and metrics):
            return []
        data = {"name": (names or tags)[0], "type": tags[0], **({"args": settings[0]} if settings else {})}
        task = {"name": tasks[0].replace("-", " ").capitalize(), "type": tasks[0]}
        return [{"task": task, "dataset": data, "metrics": metrics}]

    def _card(self, name: str, *, before: str | None, data: list[str]) -> Iterator[str]:
        yield from (MADE, "", f"# {name}", "")
        source = "trained from scratch" if before is None else f"a fine-tuned version of `{before}`"
        yield from (f"This model is {source}{f' on {data[0]}' if data else ''}.", "")
        results = _evaluated(self.state.log_history)
        if results:
            yield "On the evaluation set it had:"
            yield from (f"- {key.removeprefix('eval_')}: {_shown(value)}" for key, value in results.items())
            yield ""
        yield from ("## Training", "", *self._settings_of_training(), "")
        rows = list(_course(self.state.log_history))
        if rows:
            yield from (
                "| Step | Epoch | Training loss | Validation loss |",
                "|---:|---:|---:|---:|",
                *rows,
                "",
            )
        yield "Made with hubformer's Trainer, "
        yield f"torch {torch.__version__}, numpy {numpy.__version__}, Python {platform.python_version()}."
        yield ""

    def _settings_of_training(self) -> Iterator[str]:
        args = self.args
        rows = args.per_device_train_batch_size * args.gradient_accumulation_steps
        yield f"- learning_rate: {args.learning_rate}"
        yield f"- rows per optimizer step: {rows}"
        yield f"- per_device_eval_batch_size: {args.per_device_eval_batch_size}"
        yield f"- seed: {args.seed}"
        yield f"- optimizer: {args.optim}"
        yield f"- lr_scheduler_type: {args.lr_scheduler_type}"
        yield f"- optimizer steps: {self.state.global_step}"
        yield f"- epochs: {_shown(self.state.epoch or 0.0)}"
        if args.bf16 or args.fp16:
            yield f"- mixed precision: {'bfloat16' if args.bf16 else 'float16'}"
        if args.label_smoothing_factor:
            yield f"- label_smoothing_factor: {args.label_smoothing_factor}"


def _evaluated(history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The metrics of the last evaluation, without its speed."""
    last: Mapping[str, Any] = next(
        (one for one in reversed(history) if any(k.startswith("eval_") for k in one)), {}
    )
    return {k: v for k, v in last.items() if k.startswith("eval_") and not k.endswith(_SPEEDS)}


def _course(history: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """A row of the table for every evaluation, with the training loss that was logged before it."""
    loss: Any = None
    for one in history:
        loss = one.get("loss", loss)
        if "eval_loss" in one:
            cells = (one.get("step"), one.get("epoch"), loss, one["eval_loss"])
            yield "| " + " | ".join(map(_shown, cells)) + " |"


def _shown(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else "not logged" if value is None else str(value)


def _listed(value: str | Sequence[str] | None) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def _front_matter(values: Mapping[str, Any]) -> str:
    import yaml  # type: ignore[import-untyped]

    kept = {key: value for key, value in values.items() if value is not None}
    return f"---\n{yaml.safe_dump(kept, sort_keys=False, allow_unicode=True)}---\n\n"
