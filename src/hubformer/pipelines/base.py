"""Pipeline: raw inputs to answers, with a model and its tokenizer. What all tasks share."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import torch

from hubformer.errors import InputError, refuse_unknown
from hubformer.inference import Engine, TextBatcher, chunks
from hubformer.inference.engine import FIRST_CHUNK, LARGEST_CHUNK, Progress
from hubformer.models.model import Model
from hubformer.progress import Bar
from hubformer.tasks import Task
from hubformer.tasks.options import Options, check_count

Input = TypeVar("Input")  # one input, checked
Answer = TypeVar("Answer")
Tokenizer = Any  # a PreTrainedTokenizerFast
_STEPS_OF_V4 = ("_sanitize_parameters", "preprocess", "_forward", "postprocess")


class Pipeline(Generic[Input, Answer]):
    """Answers inputs of one task. A list gives a list, any other iterable an iterator that answers as it is
    read.

    `batch_size` and `num_workers` are taken for transformers' sake: inputs are packed by length whatever they
    say. Threads may share a pipeline.

    Raises:
        InputError: an input that cannot be answered; it says which and what is accepted.
        UnknownArgument: a keyword that is no option of the task; it names the nearest one.
    """

    Options: ClassVar[type[Options]] = Options
    model_task: ClassVar[str] = ""  # the task of the models' head, as in the table of families
    accepted: ClassVar[str] = "a text or a list of texts"

    def __init_subclass__(cls, **named: Any) -> None:
        """Refuse the steps of v4's pipelines, which nothing here would call.

        Raises:
            InputError: the class defines one.
        """
        super().__init_subclass__(**named)
        steps = [name for name in _STEPS_OF_V4 if name in vars(cls)]
        if steps:
            raise InputError(
                f"{cls.__name__} defines {steps[0]}, a step of v4's pipelines, which hubformer does not call."
                " Define checked(item, where) and answers(inputs, options) instead, as the README beside "
                "hubformer.pipelines says."
            )

    def __init__(
        self,
        model: Model,
        tokenizer: Tokenizer = None,
        feature_extractor: None = None,
        image_processor: None = None,
        processor: None = None,
        modelcard: Any = None,
        framework: str | None = None,
        task: str = "",
        device: int | str | torch.device | None = None,
        binary_output: bool = False,
        *,
        batch_size: int | None = None,
        num_workers: int | None = None,
        **options: Any,
    ) -> None:
        self._refuse_model(model)
        if tokenizer is None:
            raise InputError(f"{type(self).__name__} needs tokenizer=, the one that belongs to the model.")
        if framework not in (None, "pt"):
            raise InputError(f"framework is {framework!r}, expected 'pt': models are PyTorch's here.")
        for name, value in (("batch_size", batch_size), ("num_workers", num_workers)):
            check_count(name, value)
        self.task, self.modelcard, self.framework, self.binary_output = task, modelcard, "pt", binary_output
        self.feature_extractor, self.image_processor, self.processor = (
            feature_extractor,
            image_processor,
            processor,
        )
        self.device = device_of(device)
        self.model = model if model.device == self.device else model.to(self.device)
        self.model.eval()
        self.tokenizer = tokenizer
        self.options: Any = self.chosen(options, over=self.Options(), call=type(self).__name__)

    def _refuse_model(self, model: Any) -> None:
        if not isinstance(model, Model):
            raise InputError(
                f"model is {type(model).__name__}, expected a name, a folder, or a model that hubformer "
                "loaded."
            )
        head = model.head_row
        if head is not None and self.model_task and self.model_task not in head.tasks:
            raise InputError(
                f"{type(model).__name__} has no head for {self.model_task}, which {type(self).__name__} "
                "asks for."
            )

    # Calls

    def __call__(
        self, inputs: Any, *, batch_size: int | None = None, num_workers: int | None = None, **options: Any
    ) -> Any:
        """The answer to one input, or those to several in their order."""
        return self.run(
            inputs, self.chosen(options, over=self.options, call=f"{type(self).__name__}.__call__")
        )

    def transform(self, X: Any) -> Any:
        """What scikit-learn calls a call."""
        return self(X)

    def predict(self, X: Any) -> Any:
        """What scikit-learn calls a call."""
        return self(X)

    @classmethod
    def option_names(cls) -> tuple[str, ...]:
        """The keywords that the task takes."""
        return tuple(field.name for field in fields(cls.Options))

    def chosen(self, given: Mapping[str, Any], *, over: Any, call: str) -> Any:
        """The options of a call: those given over those set before.

        Raises:
            UnknownArgument: a name that is none. InputError: a value that an option cannot have.
        """
        refuse_unknown(given, self.option_names(), call=call)
        return replace(over, **given) if given else over

    def run(self, inputs: Any, options: Any) -> Any:
        """One input, a list of them, or any iterable, with options that are checked."""
        if isinstance(inputs, (str, bytes, Mapping)) or not is_several(inputs):
            return self.answers([self.checked(inputs, "The input")], options)[0]
        if isinstance(inputs, (list, tuple)) or hasattr(inputs, "tolist"):
            listed = inputs if isinstance(inputs, (list, tuple)) else inputs.tolist()
            return list(self._streamed(listed, options, total=len(listed), first=LARGEST_CHUNK))
        total = len(inputs) if hasattr(inputs, "__len__") else None
        return self._streamed(members(inputs), options, total=total, first=FIRST_CHUNK)

    def _streamed(
        self, inputs: Iterable[Any], options: Any, *, total: int | None, first: int
    ) -> Iterator[Answer]:
        checked = (self.checked(item, f"Input {place}") for place, item in enumerate(inputs))
        with Bar(total, unit=" inputs") as bar:
            for chunk in chunks(checked, first=first):
                yield from self.answers(chunk, options, progress=_advancing(bar, len(chunk)))

    # What a task says

    def checked(self, item: Any, where: str) -> Input:
        """An input in the form that `answers` takes. where: how an error calls it.

        Raises:
            InputError: it cannot be answered.
        """
        raise NotImplementedError

    def answers(
        self, inputs: Sequence[Input], options: Any, *, progress: Progress | None = None
    ) -> list[Answer]:
        """The answers to a few hundred inputs at most, in order."""
        raise NotImplementedError

    # Saving, and what code written for transformers asks

    @property
    def dtype(self) -> torch.dtype:
        return self.model.dtype

    @property
    def torch_dtype(self) -> torch.dtype:
        return self.model.dtype

    def save_pretrained(
        self, save_directory: str | os.PathLike[str], safe_serialization: bool = True
    ) -> None:
        """Write model and tokenizer into one folder, which `pipeline(task, folder)` opens again."""
        model: Any = self.model
        model.save_pretrained(save_directory, safe_serialization=safe_serialization)
        self.tokenizer.save_pretrained(save_directory)

    def push_to_hub(
        self,
        repo_id: str,
        *,
        commit_message: str | None = None,
        private: bool | None = None,
        token: str | bool | None = None,
        revision: str | None = None,
        create_pr: bool = False,
    ) -> str:
        """Upload model and tokenizer; returns the address of the commit.

        Raises:
            HubError: the upload was refused or broke off.
        """
        from tempfile import TemporaryDirectory

        from hubformer.hub import push_folder

        with TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            return push_folder(
                Path(folder),
                repo_id,
                token=token,
                commit_message=commit_message or f"Upload {type(self).__name__}",
                private=private,
                revision=revision,
                create_pr=create_pr,
            )

    def __repr__(self) -> str:
        name = self.model.name_or_path
        return f"{type(self).__name__}(task={self.task!r}, model={name!r}, device={self.device})"


class EncoderPipeline(Pipeline[Input, Answer]):
    """A pipeline whose inputs become rows of tokens that the engine runs."""

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(*positional, **named)
        pad = self.tokenizer.pad_token_id
        self.engine = Engine(
            self.model, pad_id=0 if pad is None else pad, pad_left=self.tokenizer.padding_side == "left"
        )
        self.batcher = TextBatcher(self.tokenizer, self.engine.longest)


class TaskPipeline(EncoderPipeline[Input, Answer]):
    """An encoder pipeline whose steps are those of a task."""

    task_definition: ClassVar[Task[Any, Any]]

    def __init_subclass__(cls, **named: Any) -> None:
        super().__init_subclass__(**named)
        definition = vars(cls).get("task_definition")
        if definition is not None:
            cls.Options, cls.model_task = definition.Options, definition.model_task
            cls.accepted = definition.accepted

    def checked(self, item: Any, where: str) -> Input:
        example: Input = self.task_definition.to_example(item, where)
        return example

    def answers(
        self, inputs: Sequence[Input], options: Any, *, progress: Progress | None = None
    ) -> list[Answer]:
        task = self.task_definition
        encoded = task.encode(inputs, batcher=self.batcher, options=options)
        logits = self.engine.run(encoded.samples, progress=progress)
        return task.decode(logits, context=encoded.context, options=options, config=self.model.config)


def is_several(inputs: Any) -> bool:
    """Whether this is something to go through, rather than one input."""
    return isinstance(inputs, Iterable) or (hasattr(inputs, "__getitem__") and hasattr(inputs, "__len__"))


def members(inputs: Any) -> Iterator[Any]:
    """The members of an iterable, or of a dataset that is only indexed."""
    if isinstance(inputs, Iterable):
        yield from inputs
    else:
        for place in range(len(inputs)):
            yield inputs[place]


def device_of(device: Any) -> torch.device:
    """The device that a user means. None: the first accelerator, else the CPU; -1 is the CPU.

    Raises:
        InputError: there is no such device here.
    """
    if device is None or device == "auto":
        device = "cuda:0" if torch.cuda.is_available() else "cpu"
    if isinstance(device, int) and not isinstance(device, bool):
        device = "cpu" if device < 0 or not torch.cuda.is_available() else f"cuda:{device}"
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError):
        raise InputError(f"device is {device!r}, expected one such as 'cpu', 'cuda', 0 or -1.") from None
    if found.type == "cuda":
        count = torch.cuda.device_count()
        if (found.index or 0) >= count:
            raise InputError(
                f"device is {device!r}, but this machine has {count} CUDA devices. Pass device='cpu'."
            )
        return torch.device("cuda", found.index or 0)
    return found


def _advancing(bar: Bar, inputs: int) -> Progress:
    return lambda share: bar.advance(share * inputs)
