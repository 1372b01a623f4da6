"""Labels for texts: sentiment, topics, several labels at once, a score, or how two texts relate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

import torch
from torch import Tensor

from hubformer.errors import InputError, suggestion
from hubformer.inference import EncodedInput
from hubformer.inference.engine import Progress
from hubformer.pipelines.base import EncoderPipeline, TextOptions, called, checked_text, described

Scored = dict[str, Any]  # {"label": str, "score": float}
Answer = Scored | list[Scored]
Function = Literal["sigmoid", "softmax", "none"]
_FUNCTIONS = ("sigmoid", "softmax", "none")


class _Unset(Enum):
    UNSET = "not given"


_PAIR = 'a text, a pair {"text": ..., "text_pair": ...}, or a list of those'


@dataclass(frozen=True)
class TextClassificationOptions(TextOptions):
    """top_k: how many labels, best first; None: all. function_to_apply: from the model's numbers to
    scores."""

    top_k: int | _Unset | None = _Unset.UNSET
    function_to_apply: str | None = None  # None: by the model's configuration
    return_all_scores: bool | None = None  # the older way to ask for all; not sorted

    def __post_init__(self) -> None:
        super().__post_init__()
        top_k = self.top_k
        if top_k not in (None, _Unset.UNSET) and (not isinstance(top_k, int) or top_k is True or top_k < 1):
            raise InputError(
                f"top_k is {top_k!r}, expected a whole number of at least 1, or None for all labels."
            )
        if self.return_all_scores not in (None, True, False):
            raise InputError(f"return_all_scores is {self.return_all_scores!r}, expected True or False.")
        function = getattr(
            self.function_to_apply, "value", self.function_to_apply
        )  # transformers has an enum
        if function is not None:
            name = function.lower() if isinstance(function, str) else function
            if name == "default":
                name = None
            elif name not in _FUNCTIONS:
                near = suggestion(name, _FUNCTIONS) if isinstance(name, str) else ""
                raise InputError(
                    f"function_to_apply is {function!r}.{near} It is 'sigmoid', 'softmax', 'none', or "
                    "None to go "
                    "by the model."
                )
            object.__setattr__(self, "function_to_apply", name)


class TextClassificationPipeline(EncoderPipeline[tuple[str, str | None], Answer]):
    """Texts, or pairs of texts, to labels with scores.

    One text gives `[{"label", "score"}]`, one pair a bare dict, a list a list; with `top_k` each answer is a
    list, best first. These are transformers 4's shapes.

    Raises:
        InputError: a text that is none, is empty, or is longer than the model reads (see truncation).
    """

    Options = TextClassificationOptions
    model_task = "sequence-classification"
    accepted = _PAIR

    def __call__(
        self, inputs: Any, *, batch_size: int | None = None, num_workers: int | None = None, **options: Any
    ) -> Any:
        """inputs: a text, `{"text": ..., "text_pair": ...}`, or an iterable of those."""
        found = super().__call__(inputs, batch_size=batch_size, num_workers=num_workers, **options)
        return [found] if isinstance(inputs, str) and "top_k" not in options else found

    def checked(self, item: Any, where: str) -> tuple[str, str | None]:
        if isinstance(item, (list, tuple)):
            # The oldest form of a pair, [[text, pair]], as transformers 4 still takes it.
            if len(item) == 1 and isinstance(item[0], (list, tuple)) and len(item[0]) == 2:
                text, pair = item[0]
                return self._pair(text, pair, where=where)
            raise InputError(
                f"{where} is {described(item)}; expected {_PAIR}. For a pair write "
                f'{{"text": ..., "text_pair": ...}}.'
            )
        if isinstance(item, Mapping):
            if "text" not in item or not item.keys() <= {"text", "text_pair"}:
                raise InputError(
                    f"{where} has the keys {list(item)}; expected 'text' and perhaps 'text_pair'."
                )
            return self._pair(item["text"], item.get("text_pair"), where=where)
        return checked_text(item, where, accepted=_PAIR), None

    def _pair(self, text: Any, pair: Any, *, where: str) -> tuple[str, str | None]:
        first = checked_text(text, f"{where}'s text", accepted="a text")
        return first, None if pair is None else checked_text(pair, f"{where}'s text_pair", accepted="a text")

    def answers(
        self, inputs: Sequence[tuple[str, str | None]], options: Any, *, progress: Progress | None = None
    ) -> list[Answer]:
        rows: list[Any] = [None] * len(inputs)
        for paired in (False, True):
            places = [place for place, (_, pair) in enumerate(inputs) if (pair is not None) == paired]
            encoded = self._rows_of([inputs[place] for place in places], options, paired=paired)
            for place, row in zip(places, encoded, strict=True):
                rows[place] = row
        scores = torch.stack(self.engine.run(rows, progress=progress))
        return self._labelled(_applied(scores, options.function_to_apply or self.function()), options)

    def _rows_of(
        self, inputs: Sequence[tuple[str, str | None]], options: Any, *, paired: bool
    ) -> list[EncodedInput]:
        if not inputs:
            return []
        texts = [text for text, _ in inputs]
        pairs = [pair or "" for _, pair in inputs] if paired else None
        return self.rows(texts, pairs, options=options, where=lambda place: called(texts[place]))

    def function(self) -> Function:
        """What turns this model's numbers into scores, unless a call says otherwise."""
        config: Any = self.model.config
        if config.problem_type == "regression":
            return "none"
        if config.problem_type == "multi_label_classification":
            return "sigmoid"
        if config.num_labels == 1:
            # A cross-encoder that was trained to give a plain number says so here.
            return "none" if _activation(config).endswith("Identity") else "sigmoid"
        return "softmax"

    def _labelled(self, scores: Tensor, options: TextClassificationOptions) -> list[Answer]:
        names: dict[int, str] = self.model.config.id2label
        top_k = options.top_k
        everything = options.return_all_scores
        if everything is None:
            everything = getattr(self.model.config, "return_all_scores", None)
        if top_k is _Unset.UNSET and not everything:
            best = scores.max(-1)
            return [
                {"label": names[label], "score": score}
                for label, score in zip(best.indices.tolist(), best.values.tolist(), strict=True)
            ]
        order = torch.arange(scores.shape[1]).expand(scores.shape)
        if top_k is not _Unset.UNSET:
            scores, order = scores.sort(dim=-1, descending=True, stable=True)
            scores, order = scores[:, :top_k], order[:, :top_k]
        return [
            [{"label": names[label], "score": score} for label, score in zip(*row, strict=True)]
            for row in zip(order.tolist(), scores.tolist(), strict=True)
        ]


def _applied(scores: Tensor, function: str) -> Tensor:
    if function == "softmax":
        return scores.softmax(-1)
    return scores.sigmoid() if function == "sigmoid" else scores


def _activation(config: Any) -> str:
    """The activation that a cross-encoder's configuration names, in either place where they write it."""
    newer = getattr(config, "sentence_transformers", None) or {}
    older = getattr(config, "sbert_ce_default_activation_function", None)
    return str(newer.get("activation_fn") or older or "")
