"""Training encoder-decoders: v4's Seq2SeqTrainer, which judges a model by what it writes.

Shapes:  B rows  L length of what was written  W length of the longest that may be written
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from hubformer.errors import InputError
from hubformer.training.arguments import TrainingArguments
from hubformer.training.state import PredictionOutput
from hubformer.training.trainer import Trainer


@dataclass
class Seq2SeqTrainingArguments(TrainingArguments):
    """TrainingArguments, and how the model writes while it is evaluated.

    generation_max_length and generation_num_beams, where they are given, and generation_config (a
    GenerationConfig, or the name or folder of one) come before the model's own settings.
    """

    predict_with_generate: bool = False
    generation_max_length: int | None = None
    generation_num_beams: int | None = None
    generation_config: Any = None
    sortish_sampler: bool = False

    def to_dict(self) -> dict[str, Any]:
        given = self.generation_config
        settings = given.to_dict() if hasattr(given, "to_dict") else given
        return {**super().to_dict(), "generation_config": settings}

    def _check_values(self) -> None:
        super()._check_values()
        for name in ("generation_max_length", "generation_num_beams"):
            self._refuse(name, getattr(self, name) is not None and getattr(self, name) < 1, "1 or more")
        if self.sortish_sampler:
            raise InputError("sortish_sampler is not supported; group_by_length=True sorts rows as well.")


class Seq2SeqTrainer(Trainer):
    """A Trainer whose `evaluate` and `predict` let the model write, with predict_with_generate=True.

    The predictions are then token ids (N, W), padded with the padding token, and compute_metrics gets these.
    """

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._settings: dict[str, Any] = {}

    def _use(self, model: Any) -> None:
        super()._use(model)
        given = getattr(self.args, "generation_config", None)
        if given is not None:
            self.model.generation_config = _config(given)

    def evaluate(
        self,
        eval_dataset: Any = None,
        ignore_keys: Sequence[str] | None = None,
        metric_key_prefix: str = "eval",
        **settings: Any,
    ) -> dict[str, float]:
        """As the Trainer's. settings: of generation, for this call, such as num_beams=4."""
        with self._writing(settings):
            return super().evaluate(eval_dataset, ignore_keys, metric_key_prefix)

    def predict(
        self,
        test_dataset: Any,
        ignore_keys: Sequence[str] | None = None,
        metric_key_prefix: str = "test",
        **settings: Any,
    ) -> PredictionOutput:
        """As the Trainer's. settings: of generation, for this call, such as num_beams=4."""
        with self._writing(settings):
            return super().predict(test_dataset, ignore_keys, metric_key_prefix)

    def prediction_step(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        prediction_loss_only: bool,
        ignore_keys: Sequence[str] | None = None,
    ) -> tuple[Tensor | None, Any, Any]:
        """One batch: its loss, what the model writes for it (B, W), and its labels."""
        writes = getattr(self.args, "predict_with_generate", False) and not prediction_loss_only
        if not writes:
            return super().prediction_step(model, inputs, prediction_loss_only, ignore_keys)
        # Labels and what stands before them are what is to be written.
        source = {n: v for n, v in inputs.items() if n != "labels" and not n.startswith("decoder_")}
        with torch.no_grad(), self.precision.autocast():
            written = self.model.generate(**source, **self._settings)
        loss = None
        if inputs.get("labels") is not None:
            loss, _, _ = super().prediction_step(model, inputs, True, ignore_keys)
        return loss, self._filled(written), inputs.get("labels")

    @contextmanager
    def _writing(self, settings: dict[str, Any]) -> Iterator[None]:
        """The settings of generation during one call: those given, else those of the training's arguments."""
        usual = {
            "max_length": getattr(self.args, "generation_max_length", None),
            "num_beams": getattr(self.args, "generation_num_beams", None),
        }
        if settings.get("max_new_tokens") is not None:
            del usual["max_length"]
        self._settings = {name: value for name, value in usual.items() if value is not None} | settings
        try:
            yield
        finally:
            self._settings = {}

    def _filled(self, written: Tensor) -> Tensor:
        """(B, L) -> (B, W), so that batches have equal widths and hold nothing but tokens."""
        config = self.model.generation_config
        new = self._settings.get("max_new_tokens", config.max_new_tokens)
        widest = self._settings.get("max_length", config.max_length) if new is None else new + 1
        missing = (widest or 0) - written.shape[1]
        if missing <= 0:
            return written
        padding = config.pad_token_id if config.pad_token_id is not None else self.model.config.pad_token_id
        if padding is None:
            raise InputError(
                "predict_with_generate pads what was written, but the model has no padding token. Set "
                "model.generation_config.pad_token_id."
            )
        return nn.functional.pad(written, (0, missing), value=padding)


def _config(given: Any) -> Any:
    from hubformer.generation import GenerationConfig

    return given if isinstance(given, GenerationConfig) else GenerationConfig.from_pretrained(given)
