"""Words for masks: the likeliest tokens in the place of each mask token of a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubformer.errors import InputError
from hubformer.pipelines.base import TaskPipeline
from hubformer.tasks.fill_mask import Answer, FillMask
from hubformer.tasks.options import with_tokenizer_options


class FillMaskPipeline(TaskPipeline[str, Answer]):
    """Texts with mask tokens to what may stand in their place.

    A text with one mask gives `[{"score", "token", "token_str", "sequence"}]`, best first; one with several
    gives such a list for each mask. A list of one text gives what the text alone does. These are transformers
    4's shapes.

    Raises:
        InputError: a text without a mask token, or one longer than the model reads (see truncation).
    """

    task_definition = FillMask()

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(*positional, **named)
        if self.tokenizer.mask_token_id is None:
            raise InputError("The tokenizer has no mask token, so that no text can have a blank to fill.")

    def __call__(
        self, inputs: Any, *, batch_size: int | None = None, num_workers: int | None = None, **options: Any
    ) -> Any:
        """inputs: a text with mask tokens, or an iterable of those."""
        found = super().__call__(inputs, batch_size=batch_size, num_workers=num_workers, **options)
        return found[0] if isinstance(inputs, list) and len(inputs) == 1 else found

    def resolve_options(self, given: Mapping[str, Any], *, defaults: Any, call: str) -> Any:
        return with_tokenizer_options(
            super().resolve_options(given, defaults=defaults, call=call), "tokenizer_kwargs"
        )
