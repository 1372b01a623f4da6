"""Task: one definition for everyone who runs, trains, measures or serves it.

A record of a data set, or an input of a call, becomes an `Example`; examples become samples of tokens and a
context; logits and the context become answers. Nothing here holds a model, and what a method returns
pickles, so that each step may run in another process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from torch import Tensor

from hubformer.errors import InputError
from hubformer.inference import EncodedInput, TextBatcher
from hubformer.metrics.metric import Metric
from hubformer.tasks.options import Options

Record = Mapping[str, Any]
Example = TypeVar("Example")  # a frozen dataclass
Answer = TypeVar("Answer")


@dataclass(frozen=True, eq=False)
class EncodedBatch:
    """Samples of some examples, in their order, and what `decode` needs of them beside the logits."""

    samples: list[EncodedInput]
    context: Any = None


class TaskMetrics:
    """What is measured of a task's answers. A task extends it."""

    def update(self, answers: Sequence[Any], references: Sequence[Any]) -> None:
        """Count some answers, as `decode` gives them with `Task.evaluation_options`, beside what they should
        be, as `Task.target` gives it."""
        raise NotImplementedError

    def metrics(self) -> Sequence[Metric]:
        """What holds the figures and their intervals."""
        raise NotImplementedError

    def details(self) -> dict[str, Any]:
        """What is no single number."""
        return {}


class Task(Generic[Example, Answer]):
    """What a task is. It has no state: its methods are pure functions of their arguments.

    config: the model's configuration, for the names of its labels. where: how an error calls a record.
    """

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    head: ClassVar[str]  # the Auto class that loads its models
    model_task: ClassVar[str]  # the task of the model's head in the table of families
    Options: ClassVar[type[Options]] = Options
    accepted: ClassVar[str] = "a text or a list of texts"  # what a call may be given, for errors
    required_columns: ClassVar[tuple[str, ...]] = ()
    column_aliases: ClassVar[Mapping[str, tuple[str, ...]]] = {}  # other names of these columns in data sets
    collator: ClassVar[str] = "DataCollatorWithPadding"  # of hubformer.training, that pads training samples

    def parse(self, record: Record, where: str) -> Example:
        """A record of a labelled data set, the same for training and evaluation.

        Raises:
            InputError: it has no input, or a label that cannot be one.
        """
        raise InputError(f"{self.name} does not learn from records.")

    def to_example(self, item: Any, where: str) -> Example:
        """An input of a call, which has no label.

        Raises:
            InputError: it is none of `accepted`.
        """
        raise NotImplementedError

    def encode(self, examples: Sequence[Example], *, batcher: TextBatcher, options: Any) -> EncodedBatch:
        """Examples as samples of tokens.

        Raises:
            InputError: an example that the model cannot read; it says which.
        """
        raise NotImplementedError

    def decode(self, logits: Sequence[Tensor], *, context: Any, options: Any, config: Any) -> list[Answer]:
        """The answer to each example. logits: of each sample, as the engine gives them."""
        raise NotImplementedError

    def metrics(self, config: Any, *, resamples: int = 1000, seed: int = 0) -> TaskMetrics:
        """What is measured. resamples: of the bootstrap, 0 for no intervals."""
        raise InputError(f"{self.name} has no metrics.")

    def evaluation_options(self) -> dict[str, Any]:
        """The options with which `decode` answers what `metrics` counts."""
        return {}
