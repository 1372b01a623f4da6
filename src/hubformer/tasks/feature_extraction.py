"""The last states of a model without head: a vector for each token of a text.

Shapes:  L tokens of a text  M width of a state
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from hubformer.errors import InputError
from hubformer.inference import TextBatcher
from hubformer.tasks.base import EncodedBatch, Task
from hubformer.tasks.options import TextOptions
from hubformer.tasks.text import check_text, quoted

States = list[list[list[float]]] | Tensor  # (1, L, M)


@dataclass(frozen=True)
class FeatureExtractionOptions(TextOptions):
    """How texts are read, and in which form the states are given."""

    return_tensors: bool | None = None  # a tensor instead of nested lists
    tokenize_kwargs: Mapping[str, Any] | None = None  # truncation and its like, as transformers takes them

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.return_tensors not in (None, True, False):
            raise InputError(f"return_tensors is {self.return_tensors!r}, expected True or False.")


class FeatureExtraction(Task[str, States]):
    """The states of the tokens of each text; an example is the text."""

    name = "feature-extraction"
    head = "AutoModel"
    model_task = "base"
    Options = FeatureExtractionOptions

    def to_example(self, item: Any, where: str) -> str:
        return check_text(item, where, accepted=self.accepted, empty=True)

    def encode(self, examples: Sequence[str], *, batcher: TextBatcher, options: Any) -> EncodedBatch:
        def where(index: int) -> str:
            return quoted(examples[index])

        return EncodedBatch(batcher.encode(examples, where=where, **options.tokenization()))

    def decode(self, logits: Sequence[Tensor], *, context: Any, options: Any, config: Any) -> list[States]:
        """logits: the states of each text, (L, M), as an engine gives them that is passed no pooling."""
        return [states[None] if options.return_tensors else states[None].tolist() for states in logits]
