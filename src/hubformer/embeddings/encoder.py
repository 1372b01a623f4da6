"""SentenceEncoder: texts to vectors that can be compared.

Shapes:  B rows  L length  M model width  N width of a vector
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence, Sized
from functools import partial
from typing import Any

import numpy
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hubformer.embeddings.modules import Normalize
from hubformer.embeddings.reading import Plan, read_plan
from hubformer.embeddings.similarity import similarity
from hubformer.errors import ConfigError, InputError, UnknownName, suggestion
from hubformer.inference import EncodedInput, Engine, TextBatcher, chunks
from hubformer.models.model import Model
from hubformer.pretrained.auto import AutoModel
from hubformer.pretrained.source import Source
from hubformer.pretrained.tokenizer import AutoTokenizer
from hubformer.progress import Bar

Vectors = NDArray[numpy.float32]


class SentenceEncoder:
    """A model that gives each text one vector, by a repository of sentence-transformers.

    Keeps no state between calls, so that threads may share it.
    """

    def __init__(self, model: Model, tokenizer: Any, plan: Plan) -> None:
        """Made by from_pretrained."""
        if getattr(model.config, "is_encoder_decoder", False):
            raise ConfigError(
                f"{model.name_or_path} is an encoder with a decoder; expected a model of one stack."
            )
        self.model, self.tokenizer, self.plan = model.eval(), tokenizer, plan
        self.steps = nn.Sequential(*plan.steps).to(model.device).eval()
        self.engine = Engine.of(model, tokenizer)
        limits = (plan.longest, self.engine.longest, tokenizer.model_max_length)
        self.max_seq_length = min(limit for limit in limits if limit is not None)
        self.batcher = TextBatcher(tokenizer, self.max_seq_length)

    @classmethod
    def from_pretrained(
        cls, name: str | os.PathLike[str], *, pooling: str | None = None, **named: Any
    ) -> SentenceEncoder:
        """The encoder of a folder or a repository of the Hub, all of one commit.

        pooling: cls, mean, max, mean_sqrt_len_tokens, weightedmean or lasttoken, for repositories that do not
        say. Other keywords are those of AutoModel.from_pretrained (device, dtype, revision, token, …).

        Raises:
            HubError: the name cannot be had. ConfigError: a file asks for what is not known here.
            CheckpointError: weights are missing or do not fit. UnknownArgument: a misspelt argument.
        """
        where, arguments = Source.options(named)
        plan = read_plan(Source.of(name, **where), pooling=pooling)
        there: Any = plan.transformer
        model = AutoModel.from_pretrained(there, **arguments)
        return cls(model, AutoTokenizer.from_pretrained(there), plan)

    @property
    def prompts(self) -> dict[str, str]:
        """The prompts of the repository, by name."""
        return dict(self.plan.prompts)

    def encode(
        self,
        texts: str | Iterable[str],
        prompt_name: str | None = None,
        prompt: str | None = None,
        *,
        normalize: bool | None = None,
        truncation: bool = False,
        batch_tokens: int | None = None,
        convert_to_tensor: bool = False,
    ) -> Any:
        """The vector of one text, (N,), or of several, (texts, N), in float32: an array, or a tensor.

        prompt_name: which of the repository's prompts stands before each text; prompt: a text of your own.
        normalize: vectors of length one; None: as the repository says. truncation: read the first
        `max_seq_length` tokens of a longer text, which is an error otherwise. batch_tokens: the most tokens
        in one pass.

        Raises:
            InputError: a text that is none or is too long. UnknownName: no prompt of that name.
        """
        if batch_tokens is not None and (type(batch_tokens) is not int or batch_tokens < 1):
            raise InputError(f"batch_tokens is {batch_tokens!r}, expected a whole number of at least 1.")
        if not isinstance(texts, Iterable):
            raise InputError(f"texts is {type(texts).__name__}, expected a text or an iterable of texts.")
        several: Iterable[str] = [texts] if isinstance(texts, str) else texts
        before = self._prompt(prompt_name, prompt)
        read = self._read(several, before, normalize=normalize, truncation=truncation, budget=batch_tokens)
        vectors = torch.cat([torch.empty(0, self.width), *read])
        if isinstance(texts, str):
            vectors = vectors[0]
        return vectors if convert_to_tensor else vectors.numpy()

    def _read(
        self,
        texts: Iterable[str],
        prompt: str,
        *,
        normalize: bool | None,
        truncation: bool,
        budget: int | None,
    ) -> Iterator[Tensor]:
        """The vectors of chunk after chunk of texts, so that no more of their tokens are held."""
        prompt_length, steps = self._prompt_length(prompt), self._steps(normalize)

        def pool(states: Tensor) -> Tensor:
            states = states.to(torch.promote_types(states.dtype, torch.float32))
            vectors: Tensor = steps(self.plan.pooling(states, prompt_length).float())
            return vectors

        done = 0
        with Bar(len(texts) if isinstance(texts, Sized) else None, unit=" texts") as bar:
            for chunk in chunks(texts):
                rows = self._rows(chunk, prompt, first=done, least=prompt_length, truncation=truncation)
                advance = partial(_advance, bar, len(chunk))
                yield torch.stack(self.engine.run(rows, pool=pool, budget=budget, progress=advance))
                done += len(chunk)

    @property
    def width(self) -> int:
        """N, how many numbers a vector has."""
        width: int = self.model.computation.body.spec.stack.output_width * len(self.plan.pooling.modes)
        for step in self.plan.steps:
            width = getattr(getattr(step, "linear", None), "out_features", width)
        return width

    def similarity(self, first: Any, second: Any) -> Tensor:
        """How near each vector of the first is to each of the second, by the repository's measure."""
        return similarity(first, second, how=self.plan.measure)

    def _prompt(self, name: str | None, prompt: str | None) -> str:
        if prompt is not None:
            if name is not None:
                raise InputError("encode() was given both prompt and prompt_name. Pass one of them.")
            return prompt
        name = self.plan.prompt_name if name is None else name
        if name is None:
            return ""
        if name not in self.plan.prompts:
            raise UnknownName(
                f"There is no prompt {name!r}.{suggestion(name, self.plan.prompts)} This model has: "
                f"{', '.join(self.plan.prompts) or 'none'}. A text of your own is prompt=."
            )
        return self.plan.prompts[name]

    def _prompt_length(self, prompt: str) -> int:
        """How many tokens the prompt has before a text, with those that always stand first."""
        if not prompt or self.plan.pooling.include_prompt:
            return 0
        ids = self.tokenizer(self._written(prompt), verbose=False)["input_ids"]
        return len(ids) - (bool(ids) and ids[-1] in self.tokenizer.all_special_ids)

    def _written(self, text: str) -> str:
        return text.lower() if self.plan.lower else text

    def _steps(self, normalize: bool | None) -> nn.Sequential:
        steps = list(self.steps)
        if normalize is not None:
            while steps and isinstance(steps[-1], Normalize):
                steps.pop()
        return nn.Sequential(*steps, *([Normalize()] if normalize else []))

    def _rows(
        self, texts: Sequence[str], prompt: str, *, first: int, least: int, truncation: bool
    ) -> list[EncodedInput]:
        """Texts as rows. first: the place of the first text; least: tokens that a row must exceed."""
        for place, text in enumerate(texts, first):
            if not isinstance(text, str):
                raise InputError(f"Text {place} is {type(text).__name__}, expected a text.")
        return self.batcher.encode(
            [self._written(prompt + text) for text in texts],
            where=lambda index: f"Text {first + index}",
            truncation=truncation,
            max_length=self.max_seq_length if truncation else None,
            shortest=least + 1,
        )


def _advance(bar: Bar, texts: int, share: float) -> None:
    bar.advance(share * texts)
