"""Tokenizers that end a text once, also where the text itself ends with the end token."""

from __future__ import annotations

from typing import Any, ClassVar

from hubformer.tokenization.tokenizer import PreTrainedTokenizerFast


class T5TokenizerBase(PreTrainedTokenizerFast):
    """A tokenizer that adds no second `</s>` to a text that ends with one, as transformers 4's T5Tokenizer.

    T5TokenizerFast of transformers 4 adds it, so `ends_once` is False there.
    """

    ends_once: ClassVar[bool] = True

    def _texts(self, rows: list[Any], *, paired: bool, words: bool) -> list[Any]:
        if not self._adds_end():
            return rows
        if paired:
            return [tuple(self._unended(part, words=words) for part in row) for row in rows]
        return [self._unended(row, words=words) for row in rows]

    def _adds_end(self) -> bool:
        slots = self._backend.pattern(pair=False)
        return self.ends_once and slots[-1].part is None and slots[-1].id == self.eos_token_id

    def _unended(self, text: Any, *, words: bool) -> Any:
        """A text, or a list of words, without the end token that stands last."""
        if words:
            return [*text[:-1], self._unended(text[-1], words=False)] if text else text
        stripped: str = text.rstrip()
        end = str(self.eos_token)
        return stripped.removesuffix(end) if stripped.endswith(end) else text

    def _laid_out(self, first: list[int], second: list[int] | None) -> list[tuple[int, int, int]]:
        if self._adds_end():
            first = first[:-1] if first[-1:] == [self.eos_token_id] else first
            second = second[:-1] if second and second[-1] == self.eos_token_id else second
        return super()._laid_out(first, second)
