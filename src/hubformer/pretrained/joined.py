"""Models that are made of whole models, as an encoder and a decoder of two families are."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

import torch
from torch import Tensor

from hubformer.core import Embedding
from hubformer.errors import ConfigError, InputError
from hubformer.models.config import COMMON
from hubformer.models.encoder_decoder import moved_on
from hubformer.models.hub_tree import Computation, HubTree
from hubformer.models.initial import initialise
from hubformer.models.model import Model
from hubformer.pretrained.auto import AutoModel, AutoModelForCausalLM
from hubformer.pretrained.config import HALVES, AnyConfig
from hubformer.pretrained.loading import Options, warn_of_new
from hubformer.pretrained.model import PreTrainedModel
from hubformer.pretrained.registry import model_class
from hubformer.pretrained.source import WHERE
from hubformer.pretrained.views import view_of


class JoinedModel(PreTrainedModel):
    """An encoder and a decoder of any two families (Rothe et al. 2019, arXiv:1907.12461).

    `encoder` and `decoder` are models of their own families that share the weights of this one, to be looked
    into, resized or called.

    Shapes:  B rows  L tokens of the encoder  T tokens of the decoder  V vocabulary of the decoder
    """

    def __init__(
        self,
        config: AnyConfig | None = None,
        encoder: Any = None,
        decoder: Any = None,
        *,
        add_pooling_layer: bool = True,
    ) -> None:
        """From a configuration, with fresh weights; or around an encoder without head and a decoder that
        writes, which then share their weights with this model.

        Raises:
            ConfigError: neither was given, or they do not fit together.
        """
        both = zip(HALVES, (encoder, decoder), strict=True)
        given = {name: model for name, model in both if model is not None}
        if config is None:
            if len(given) < 2:
                raise ConfigError(
                    f"{type(self).__name__} is built from a configuration, or from an encoder and a decoder."
                )
            config = self.config_class.from_encoder_decoder_configs(encoder.config, decoder.config)  # type: ignore[attr-defined]
        if not given:
            super().__init__(config, add_pooling_layer=add_pooling_layer)
            return
        with torch.device("meta"):
            super().__init__(config, add_pooling_layer=add_pooling_layer)
        for name, model in given.items():
            self._take_half(name, model)
        self.__dict__["tree"] = HubTree(self, self.computation, self.weight_map())
        left = [name for name, parameter in self.named_parameters() if parameter.is_meta]
        first = next(iter(given.values()))
        if left and first.device.type != "meta":
            initialise(self, only=left, device=first.device, dtype=first.dtype)
            warn_of_new("Neither half", left, of=type(self).__name__)
        self.mark_new((*self.new_parameters, *left))

    def _take_half(self, name: str, model: Any) -> None:
        """Put the modules of a whole model in the place of a half."""
        expected = getattr(self, name)
        if not isinstance(model, Model) or model.head_row is not expected.head_row:
            raise ConfigError(
                f"The {name} is a {type(model).__name__}, expected a {type(expected).__name__}: an encoder "
                "has no head, a decoder the one that writes."
            )
        if model.computation.body.spec != expected.computation.body.spec:
            raise ConfigError(
                f"The {name} was built otherwise than the configuration says. A decoder is built with "
                "is_decoder=True and add_cross_attention=True; leave config= out to take both as they are."
            )
        model.config = getattr(self.config, name)  # so that a resized half is known here
        self.new_parameters += tuple(f"{name}.{parameter}" for parameter in model.new_parameters)
        setattr(self.computation.body, name, model.computation.body)
        part = {"encoder": "pooler", "decoder": "scores"}[name]
        setattr(self.computation.head, part, model.computation.head)
        self._modules[name] = model  # and not by assignment, which would refuse it

    @classmethod
    def from_encoder_decoder_pretrained(
        cls,
        encoder_pretrained_model_name_or_path: str | PathLike[str] | None = None,
        decoder_pretrained_model_name_or_path: str | PathLike[str] | None = None,
        *model_args: Any,
        **named: Any,
    ) -> Any:
        """Start from two checkpoints that were trained alone.

        What the decoder's checkpoint does not have, its attention to the encoder, is new and is named in a
        warning: the model has to be trained before it answers. Any other hole is an error, unless
        decoder_new_head=True asks for a new head.

        named: encoder_… and decoder_… go to the half's from_pretrained, such as decoder_num_hidden_layers=6
        or encoder_revision="main"; encoder_model and decoder_model are models in place of names. What says
        where and how to load (token, dtype, device, …) goes to both, the rest is of the configuration of the
        whole.

        Raises:
            HubError, ConfigError, CheckpointError, UnknownArgument: as those of from_pretrained.
        """
        of = _sorted(named)
        for half in HALVES:
            of[half] = {**of["both"], **of[half]}
        encoder = of["encoder"].pop("model", None)
        if encoder is None:
            encoder = _loaded_encoder(encoder_pretrained_model_name_or_path, *model_args, **of["encoder"])
        decoder = of["decoder"].pop("model", None)
        if decoder is None:
            decoder = _loaded_decoder(decoder_pretrained_model_name_or_path, **of["decoder"])
        joined: Any = cls.config_class
        config = joined.from_encoder_decoder_configs(encoder.config, decoder.config, **of["whole"])
        return cls(config, encoder, decoder).eval()

    # The halves

    encoder: Any  # a model of its own family, without head
    decoder: Any  # a model of its own family, which writes

    def _register_base(self) -> None:
        """Let the halves be models of their own families."""
        body, head = self.computation.body, self.computation.head
        halves = {
            "encoder": ("base", Computation(body.encoder, head.pooler)),
            "decoder": ("causal-lm", Computation(body.decoder, head.scores)),
        }
        for name, (task, computation) in halves.items():
            config, inner = getattr(self.config, name), self._modules[name]
            assert inner is not None
            self._modules[name] = view_of(
                model_class(config, task=task), config, computation=computation, inner=inner
            )

    def get_encoder(self) -> Any:
        return self.encoder

    def get_decoder(self) -> Any:
        return self.decoder

    @property
    def base_model(self) -> Any:
        """There is no model without head: both halves are `encoder` and `decoder`."""
        return self

    # The token vectors

    def get_input_embeddings(self) -> Embedding:
        """Those of the encoder."""
        table: Embedding = self.computation.body.encoder.embedding.tokens
        return table

    def resize_token_embeddings(
        self,
        new_num_tokens: int | None = None,
        pad_to_multiple_of: int | None = None,
        mean_resizing: bool = True,
    ) -> Embedding:
        """Refused, as in v4: the two halves have a vocabulary each."""
        raise InputError(
            f"{type(self).__name__} has two vocabularies. Resize one of them: "
            "model.encoder.resize_token_embeddings(…) or model.decoder.resize_token_embeddings(…)."
        )

    def prepare_decoder_input_ids_from_labels(self, labels: Tensor) -> Tensor:
        """(B, T) -> (B, T): the labels, moved on by one behind the start token."""
        return moved_on(labels, self.config)


def _sorted(named: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Arguments by whom they concern: the encoder, the decoder, both, or the whole."""
    found: dict[str, dict[str, Any]] = {"encoder": {}, "decoder": {}, "both": {}, "whole": {}}
    for name, value in named.items():
        half, _, rest = name.partition("_")
        if half in HALVES and name not in COMMON:
            found[half][rest] = value
        else:
            found["both" if name in (*WHERE, *Options.NAMES) else "whole"][name] = value
    return found


def _loaded_encoder(name: Any, *model_args: Any, **named: Any) -> Any:
    _refuse_nameless(name, half="encoder")
    if named.get("config") is None:  # a checkpoint that was trained as a decoder reads both ways
        named = {"is_decoder": False, "add_cross_attention": False, **named}
    return AutoModel.from_pretrained(name, *model_args, **named)


def _loaded_decoder(name: Any, **named: Any) -> Any:
    _refuse_nameless(name, half="decoder")
    changes = {"is_decoder": True, "add_cross_attention": True, "new_cross_attention": True}
    return AutoModelForCausalLM.from_pretrained(name, **{**changes, **named})


def _refuse_nameless(name: Any, *, half: str) -> None:
    if name is None:
        raise ConfigError(
            f"Neither a name nor a model is given for the {half}. Pass {half}_pretrained_model_name_or_path "
            f"or {half}_model."
        )
