"""Hidden tokens, to be found from what stands around them (Devlin et al. 2018, arXiv:1810.04805).

A row is as many whole sentences of one document as fit (Liu et al. 2019, arXiv:1907.11692). Which tokens are
hidden is drawn anew in each epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from hubformer.errors import InputError
from hubformer.recipes.objective import Row
from hubformer.recipes.pretraining import Document, Pretraining, joined, reach, row_of
from hubformer.recipes.token_sums import Sums, hidden_tokens, of_hidden
from hubformer.training.masking import DataCollatorForLanguageModeling


@dataclass(frozen=True)
class Options:
    """max_length: of a row, in tokens. hidden: the share of tokens that is to be found. whole_words: hide all
    pieces of a word or none; for WordPiece."""

    max_length: int = 128
    hidden: float = 0.15
    whole_words: bool = False


class MaskedLanguageModeling(Pretraining):
    head: ClassVar[str] = "AutoModelForMaskedLM"
    Options: ClassVar[type] = Options

    def prepare(self, tokenizer: Any, model: Any) -> None:
        super().prepare(tokenizer, model)
        refuse_unknown_words(tokenizer, whole=self.options.whole_words)

    def cut(self, documents: Sequence[Document], tokenizer: Any) -> Iterator[Row]:
        room = self.room(tokenizer)
        for document in documents:
            at = 0
            while at < len(document):
                stop = reach(document, at, tokens=room, least=1)
                yield row_of(tokenizer, joined(document[at:stop]))
                at = stop

    def collator(self, tokenizer: Any) -> Callable[[list[Any]], Any]:
        return DataCollatorForLanguageModeling(
            tokenizer,
            mlm_probability=self.options.hidden,
            whole_word_mask=self.options.whole_words,
        )

    def reduction(self) -> Callable[[Any, Any], Any]:
        return hidden_tokens

    def metrics(self) -> Callable[[Any], dict[str, float]]:
        return Sums(partial(of_hidden, name="mlm"))


def refuse_unknown_words(tokenizer: Any, *, whole: bool) -> None:
    """Raise InputError where whole words are wanted and the tokens do not tell where a word begins."""
    if whole and not any(token.startswith("##") for token in tokenizer.get_vocab()):
        raise InputError(
            "whole_words=true needs a WordPiece tokenizer, whose ## say where words go on; this one has "
            "none. Set whole_words=false."
        )
