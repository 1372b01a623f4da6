"""Pipeline: raw inputs to answers, with a model and its tokenizer. What all tasks share."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor

from hubformer.errors import HubformerError, InputError, refuse_unknown
from hubformer.inference import Engine, TextBatcher, chunks
from hubformer.inference.engine import FIRST_CHUNK, LARGEST_CHUNK, Pool, Progress
from hubformer.models.model import Model
from hubformer.pipelines.devices import device_of, placed
from hubformer.pipelines.steps import Call, PipelineSteps, StepData, Steps, check_errors, overrides_steps
from hubformer.progress import Bar
from hubformer.tasks import EncodedBatch, Task
from hubformer.tasks.options import Options, check_count

Input = TypeVar("Input")  # one input, checked
Answer = TypeVar("Answer")
Tokenizer = Any  # a PreTrainedTokenizerFast


class Pipeline(PipelineSteps, Generic[Input, Answer]):
    """Answers inputs of one task. A list gives a list, any other iterable an iterator that answers as it is
    read.

    `batch_size` and `num_workers` are taken for transformers' sake: inputs are packed by length whatever they
    say. Threads may share a pipeline.

    A subclass that overrides one of v4's steps (`_sanitize_parameters`, `preprocess`, `_forward`,
    `postprocess`) is run step by step, input by input; otherwise the task answers in batches.

    Raises:
        InputError: an input that cannot be answered; it says which and what is accepted.
        UnknownArgument: a keyword that is no option of the task; it names the nearest one.
    """

    Options: ClassVar[type[Options]] = Options
    model_task: ClassVar[str] = ""  # the task of the models' head, as in the table of families
    accepted: ClassVar[str] = "a text or a list of texts"

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
        dtype: Any = None,
        torch_dtype: Any = None,
        errors: str = "raise",
        **options: Any,
    ) -> None:
        """dtype, or its older name torch_dtype: what the model is cast to. errors: "return" puts the error in
        the place of an answer."""
        self._check_model(model)
        if tokenizer is None and not overrides_steps(type(self)):
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
        self.errors = check_errors(errors)
        self.device = device_of(device)
        self.model = placed(model, self.device, dtype=torch_dtype if dtype is None else dtype)
        self.model.eval()
        self.tokenizer = tokenizer
        self.options: Any = self.Options()
        self._steps: Steps | None = None
        if overrides_steps(type(self)):
            self._steps = Steps(*self._sanitize_parameters(**options))
        else:
            self.options = self.resolve_options(options, defaults=self.options, call=type(self).__name__)

    def _check_model(self, model: Any) -> None:
        if overrides_steps(type(self)) and isinstance(model, torch.nn.Module):
            return
        if not isinstance(model, Model):
            raise InputError(
                f"model is {type(model).__name__}, expected a name, a folder, or a model that hubformer "
                "loaded."
            )
        model.check_trained(call=type(self).__name__)
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
        """The answer to one input, or those to several in their order.

        errors="return": in the place of an input that cannot be answered stands its error.
        """
        return self.run(inputs, self.call(options))

    def call(self, given: Mapping[str, Any]) -> Call:
        """What a call was given, over what was set before."""
        given = dict(given)
        errors = check_errors(given.pop("errors", self.errors))
        if self._steps is not None:
            return Call(self.options, errors, self._steps.updated(*self._sanitize_parameters(**given)))
        name = f"{type(self).__name__}.__call__"
        return Call(self.resolve_options(given, defaults=self.options, call=name), errors)

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

    def resolve_options(self, given: Mapping[str, Any], *, defaults: Any, call: str) -> Any:
        """The options of a call: those given over those set before.

        Raises:
            UnknownArgument: a name that is none. InputError: a value that an option cannot have.
        """
        refuse_unknown(given, self.option_names(), call=call)
        return replace(defaults, **given) if given else defaults

    def run(self, inputs: Any, call: Call) -> Any:
        """One input, a list of them, or any iterable."""
        single = isinstance(inputs, (str, bytes, Mapping)) or not is_several(inputs)
        if single or (call.steps is not None and (isinstance(inputs, tuple) or hasattr(inputs, "tolist"))):
            if call.steps is not None:
                return self._answered_in_steps(inputs, call)
            return self._answered([self._checked(inputs, "The input", call)], call)[0]
        if isinstance(inputs, (list, tuple)) or hasattr(inputs, "tolist"):
            listed = inputs if isinstance(inputs, (list, tuple)) else inputs.tolist()
            return list(self._streamed(listed, call, total=len(listed), first=LARGEST_CHUNK))
        total = len(inputs) if hasattr(inputs, "__len__") else None
        return self._streamed(members(inputs), call, total=total, first=FIRST_CHUNK)

    def _streamed(self, inputs: Iterable[Any], call: Call, *, total: int | None, first: int) -> Iterator[Any]:
        with Bar(total, unit=" inputs") as bar:
            if call.steps is not None:
                for item in inputs:
                    yield self._answered_in_steps(item, call)
                    bar.advance(1)
                return
            checked = (self._checked(item, f"Input {place}", call) for place, item in enumerate(inputs))
            for chunk in chunks(checked, first=first):
                yield from self._answered(chunk, call, progress=_advancing(bar, len(chunk)))

    def _checked(self, item: Any, where: str, call: Call) -> Any:
        """The input, or where errors are returned, its error."""
        try:
            return self.check_input(item, where)
        except HubformerError as error:
            if call.errors == "raise":
                raise
            return error

    def _answered(self, chunk: list[Any], call: Call, *, progress: Progress | None = None) -> list[Any]:
        """The answers to a chunk, with errors where they are returned: one bad input costs no other."""
        if call.errors == "raise":
            return list(self.answer_batch(chunk, call.options, progress=progress))
        answers = list(chunk)
        places = [place for place, item in enumerate(chunk) if not isinstance(item, HubformerError)]
        try:
            together = self.answer_batch([chunk[p] for p in places], call.options) if places else []
            for place, answer in zip(places, together, strict=True):
                answers[place] = answer
        except HubformerError:
            for place in places:
                try:
                    answers[place] = self.answer_batch([chunk[place]], call.options)[0]
                except HubformerError as error:
                    answers[place] = error
        if progress is not None:
            progress(1.0)
        return answers

    def _answered_in_steps(self, item: Any, call: Call) -> Any:
        assert call.steps is not None
        try:
            return self.run_single(item, call.steps.preprocess, call.steps.forward, call.steps.postprocess)
        except Exception as error:
            if call.errors == "raise":
                raise
            return error

    # What a task says

    def check_input(self, item: Any, where: str) -> Input:
        """An input in the form that `answer_batch` takes. where: how an error calls it.

        Raises:
            InputError: it cannot be answered.
        """
        raise NotImplementedError

    def answer_batch(
        self, inputs: Sequence[Input], options: Any, *, progress: Progress | None = None
    ) -> list[Answer]:
        """The answers to a few hundred inputs at most, in order."""
        raise NotImplementedError

    # Saving, and what code written for transformers asks

    @property
    def dtype(self) -> torch.dtype:
        dtype: torch.dtype = self.model.dtype
        return dtype

    @property
    def torch_dtype(self) -> torch.dtype:
        dtype: torch.dtype = self.model.dtype
        return dtype

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
        self.engine = Engine.of(self.model, self.tokenizer)

    @property
    def batcher(self) -> TextBatcher:
        """Made for each use, so that a tokenizer that is set later is the one that reads."""
        return TextBatcher(self.tokenizer, self.engine.longest)

    pool: Pool | None = None  # what is made of the last states in place of the head

    def encode(self, inputs: Sequence[Input], options: Any) -> EncodedBatch:
        """Checked inputs as samples, and what `decode` needs of them."""
        raise NotImplementedError

    def decode(self, logits: Sequence[Tensor], context: Any, *, options: Any) -> list[Answer]:
        """The answers to the inputs. logits: of each sample."""
        raise NotImplementedError

    def answer_batch(
        self, inputs: Sequence[Input], options: Any, *, progress: Progress | None = None
    ) -> list[Answer]:
        encoded = self.encode(inputs, options)
        logits = self.engine.run(encoded.samples, pool=self.pool, progress=progress)
        return self.decode(logits, encoded.context, options=options)

    # v4's steps, for one input

    def preprocess(self, inputs: Any, **parameters: Any) -> Any:
        """One input as a padded batch of its samples."""
        options = self.resolve_options(parameters, defaults=self.options, call="preprocess")
        encoded = self.encode([self.check_input(inputs, "The input")], options)
        return StepData(**self.engine.padded(encoded.samples), encoded=encoded, parameters=parameters)

    def _forward(self, model_inputs: Any, **parameters: Any) -> Any:
        """The model's output, with what `postprocess` needs of `preprocess`."""
        carried = {name: model_inputs[name] for name in ("encoded", "parameters") if name in model_inputs}
        output = self.model(**{n: v for n, v in model_inputs.items() if n not in carried}, return_dict=True)
        return StepData(**dict(output.items()), **carried)

    def postprocess(self, model_outputs: Any, **parameters: Any) -> Any:
        """The answer to the one input."""
        given = {**model_outputs.get("parameters", {}), **parameters}
        options = self.resolve_options(given, defaults=self.options, call="postprocess")
        encoded = model_outputs.get("encoded")
        logits = self.engine.unpadded(model_outputs, None if encoded is None else encoded.samples)
        return self.decode(logits, None if encoded is None else encoded.context, options=options)[0]


class TaskPipeline(EncoderPipeline[Input, Answer]):
    """An encoder pipeline whose steps are those of a task."""

    task_definition: ClassVar[Task[Any, Any]]

    def __init_subclass__(cls, **named: Any) -> None:
        super().__init_subclass__(**named)
        definition = vars(cls).get("task_definition")
        if definition is not None:
            cls.Options, cls.model_task = definition.Options, definition.model_task
            cls.accepted = definition.accepted

    def check_input(self, item: Any, where: str) -> Input:
        example: Input = self.task_definition.to_example(item, where)
        return example

    def encode(self, inputs: Sequence[Input], options: Any) -> EncodedBatch:
        return self.task_definition.encode(inputs, batcher=self.batcher, options=options)

    def decode(self, logits: Sequence[Tensor], context: Any, *, options: Any) -> list[Answer]:
        config = self.model.config
        return self.task_definition.decode(logits, context=context, options=options, config=config)


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


def _advancing(bar: Bar, inputs: int) -> Progress:
    return lambda share: bar.advance(share * inputs)
