"""AutoModel and its like: the class that a configuration asks for, for one task each."""

from __future__ import annotations

from os import PathLike
from typing import Any, ClassVar

from hubformer.models.config import PreTrainedConfig
from hubformer.pretrained.config import AutoConfig, load_config
from hubformer.pretrained.model import PreTrainedModel, config_changes
from hubformer.pretrained.registry import model_class, register_model
from hubformer.pretrained.source import Source


class AutoModel:
    """A model without head. The subclasses give a head each."""

    task: ClassVar[str] = "base"

    def __init__(self) -> None:
        name = type(self).__name__
        raise TypeError(f"{name} is not built; call {name}.from_pretrained(name) or .from_config(config).")

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | PathLike[str], *model_args: Any, **named: Any
    ) -> PreTrainedModel:
        """Load a model from a folder or the Hub, with the head of this class.

        Takes what PreTrainedModel.from_pretrained takes.

        Raises:
            HubError: the name cannot be had. ConfigError: its config.json cannot be honoured.
            CheckpointError: its weights do not fit, or have no such head.
            UnknownName: its family is not known, or has no such head. UnknownArgument: a misspelt argument.
        """
        where, rest = Source.options(named)
        source = Source.of(pretrained_model_name_or_path, **where)
        config = rest.pop("config", None)
        if config is None:
            config = load_config(source, **config_changes(rest))
        elif not isinstance(config, PreTrainedConfig):
            config = AutoConfig.from_pretrained(config)
        chosen = model_class(config, task=cls.task)
        model: PreTrainedModel = chosen.from_pretrained(source, *model_args, config=config, **rest)
        return model

    @classmethod
    def from_config(cls, config: PreTrainedConfig | str | PathLike[str], **named: Any) -> PreTrainedModel:
        """A model with fresh weights, from a configuration, a preset's name, or a path.

        Under `with torch.device("meta")` nothing is allocated.
        """
        if not isinstance(config, PreTrainedConfig):
            config = AutoConfig.from_pretrained(config)
        assert isinstance(config, PreTrainedConfig)
        model: PreTrainedModel = model_class(config, task=cls.task).from_fresh(config, **named)
        return model

    @classmethod
    def register(
        cls, config_class: type[PreTrainedConfig], model_class: type[PreTrainedModel], exist_ok: bool = False
    ) -> None:
        """Make a model class of your own the one for a configuration class."""
        register_model(cls.task, config_class, model=model_class, exist_ok=exist_ok)


class AutoModelForPreTraining(AutoModel):
    task = "pretraining"


class AutoModelForMaskedLM(AutoModel):
    task = "masked-lm"


class AutoModelForCausalLM(AutoModel):
    task = "causal-lm"


class AutoModelForSeq2SeqLM(AutoModel):
    task = "seq2seq-lm"


class AutoModelForSequenceClassification(AutoModel):
    task = "sequence-classification"


class AutoModelForTokenClassification(AutoModel):
    task = "token-classification"


class AutoModelForQuestionAnswering(AutoModel):
    task = "question-answering"


class AutoModelForMultipleChoice(AutoModel):
    task = "multiple-choice"


class AutoModelForNextSentencePrediction(AutoModel):
    task = "next-sentence-prediction"


class AutoModelForTextEncoding(AutoModel):
    task = "text-encoding"
