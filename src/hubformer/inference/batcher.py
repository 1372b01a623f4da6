"""Texts to samples: tokenised in one call, checked against what the model reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hubformer.errors import InputError
from hubformer.inference.engine import EncodedInput


@dataclass(frozen=True, eq=False)
class TextBatcher:
    """A tokenizer, and the longest sample that the model reads, in tokens; None: any length."""

    tokenizer: Any  # a PreTrainedTokenizerFast
    longest: int | None = None

    def encode(
        self,
        texts: Sequence[str],
        pairs: Sequence[str] | None = None,
        *,
        where: Callable[[int], str],
        truncation: bool | str | None = None,
        max_length: int | None = None,
        add_special_tokens: bool = True,
        shortest: int = 1,
    ) -> list[EncodedInput]:
        """Texts, or pairs of them, as samples in their order.

        where: how an error calls the text of an index. truncation without max_length: to what the model
        reads. shortest: the fewest tokens of a sample.

        Raises:
            InputError: a text longer than the model reads, or with fewer tokens than `shortest`.
        """
        length, longest = max_length, self.longest
        if truncation not in (None, False, "do_not_truncate") and length is None and longest is not None:
            length = min(longest, self.tokenizer.model_max_length)
        encoded = self.tokenizer(
            list(texts),
            None if pairs is None else list(pairs),
            truncation=truncation,
            max_length=length,
            add_special_tokens=add_special_tokens,
            return_attention_mask=False,
            verbose=max_length is not None,
        )
        ids, types = encoded["input_ids"], encoded.get("token_type_ids")
        for index, sample in enumerate(ids):
            if longest is not None and len(sample) > longest:
                raise InputError(
                    f"{where(index)} has {len(sample)} tokens, but the model reads at most {longest}. "
                    f"Shorten it, or pass truncation=True to use its first {longest} tokens."
                )
            if len(sample) < shortest:
                what = "that the tokenizer knows" if shortest == 1 else "beside the prompt and special tokens"
                raise InputError(f"{where(index)} has no token {what}.")
        return [
            EncodedInput(sample, None if types is None else types[index]) for index, sample in enumerate(ids)
        ]
