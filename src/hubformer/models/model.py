"""Model: a family's body and one of its heads, built from a configuration.

Shapes:  B rows  L length  M model width
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from hubformer.core import Embedding, Stack, Trace
from hubformer.errors import CheckpointError, ConfigError, InputError, suggestion
from hubformer.models.bodies import States
from hubformer.models.config import Config, PreTrainedConfig
from hubformer.models.family import Family, Head
from hubformer.models.halves import Encoder, half_of
from hubformer.models.heads import Context
from hubformer.models.hub_tree import Computation, HubTree
from hubformer.models.initial import initialise
from hubformer.models.inputs import Inputs, check
from hubformer.models.outputs import ModelOutput
from hubformer.weights.map import WeightMap


class Model(nn.Module):
    """Inputs under the Hub's names to an output with the head's fields.

    A class with a `head_row` builds itself from a configuration. One without, such as a user's own subclass
    of BertPreTrainedModel, builds what its `__init__` says.

    Raises:
        ConfigError: the configuration cannot be honoured.
    """

    family: ClassVar[Family]
    head_row: ClassVar[Head | None] = None

    config: Any  # a PreTrainedConfig, whose fields depend on the family
    computation: Computation  # what computes, beside the registered modules, whose tensors it reads
    tree: HubTree
    caches: bool
    new_parameters: tuple[str, ...] = ()  # those that a load had to initialise

    def __init__(self, config: PreTrainedConfig, *, head: bool = True) -> None:
        """head=False: without it, where the family allows (no pooler)."""
        super().__init__()
        if not isinstance(config, PreTrainedConfig):
            raise ConfigError(
                f"{type(self).__name__} is built from a configuration, such as {self.family.name}Config(), "
                f"not from {type(config).__name__}."
            )
        self.config = config
        if self.head_row is None:
            return
        frozen, destination = config.freeze(), torch.empty(0).device
        spec = self.head_row.spec if head or self.head_row.without is None else self.head_row.without
        with torch.device("meta"):
            body = self.family.body_of(self.head_row, frozen)
            self.compute_with(Computation(body.build(), spec(frozen).build(body)))
        self.caches = self.family.caches(frozen)
        if destination.type != "meta":
            initialise(self, device=destination)

    def compute_with(self, computation: Computation) -> None:
        """Register the tensors of these modules under the Hub's names."""
        self.__dict__["computation"] = computation
        self.__dict__["tree"] = HubTree(self, computation, self.weight_map())

    # Parameters that nothing has trained

    def mark_new(self, names: Iterable[str]) -> None:
        """Remember which registered parameters were not trained for this model: they were just initialised,
        or come from a head of another kind."""
        self.new_parameters = tuple(dict.fromkeys(names))
        versions = {name: self.get_parameter(name)._version for name in self.new_parameters}
        self.__dict__["_new_versions"] = versions

    def untrained_parameters(self) -> tuple[str, ...]:
        """Those of `new_parameters` that have not changed since: neither trained nor loaded."""
        versions: Mapping[str, int] = self.__dict__.get("_new_versions", {})
        return tuple(
            name for name, version in versions.items() if self.get_parameter(name)._version == version
        )

    def check_trained(self, *, call: str) -> None:
        """
        Raises:
            CheckpointError: some parameters were never trained, so that answers would be random.
        """
        left = self.untrained_parameters()
        if left:
            shown = ", ".join(left[:4]) + (f" and {len(left) - 4} more" if len(left) > 4 else "")
            raise CheckpointError(
                f"{shown} of this {type(self).__name__} were never trained, so the answers of {call} would "
                f"be random. Train the model first, or take a checkpoint of a {type(self).__name__}."
            )

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_new_versions": dict.fromkeys(self.untrained_parameters(), 0)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        new = self.__dict__["_new_versions"]  # a copy's tensors count their changes anew
        self.__dict__["_new_versions"] = {name: self.get_parameter(name)._version for name in new}

    def frozen(self) -> Config:
        frozen: Config = self.config.freeze()
        return frozen

    def run(self, inputs: Inputs) -> ModelOutput | tuple[Any, ...]:
        """One forward pass."""
        row, computation = self.head_row, self.computation
        assert row is not None
        prepared = inputs if row.prepare is None else row.prepare(inputs, self.config)
        if not torch.compiler.is_compiling():
            # The cache is the decoder's, and does not count for what an encoder reads.
            reads = (
                replace(prepared, past_key_values=None) if hasattr(computation.body, "encode") else prepared
            )
            check(reads, computation.body.limits)
        trace = self._trace(inputs)
        states: States = computation.body(prepared, trace=trace, use_cache=self._use_cache(inputs))
        tokens = computation.body.embedding.tokens
        logits = computation.head(states.last, Context(states.layout, prepared, tokens))
        found = {"last_hidden_state": states.last, **row.loss_fn(logits, inputs, self.config)}
        found |= row.extra_outputs(found, states, self.config)
        for name in row.fields:
            if name not in found and hasattr(states, name):
                found[name] = getattr(states, name)
        output = row.output(**{name: found[name] for name in row.fields if name in found})
        as_output = inputs.return_dict if inputs.return_dict is not None else self.config.use_return_dict
        return output if as_output else output.to_tuple()

    def _use_cache(self, inputs: Inputs) -> bool:
        wanted = self.config.use_cache if inputs.use_cache is None else inputs.use_cache
        if not (self.caches and wanted):
            return False
        # A block that runs again for its gradients would keep its keys twice.
        return not (self.training and any(stack.recomputes for stack in self.stacks()))

    def _trace(self, inputs: Inputs) -> Trace | None:
        config: Any = self.config
        hidden = (
            config.output_hidden_states
            if inputs.output_hidden_states is None
            else inputs.output_hidden_states
        )
        weights = config.output_attentions if inputs.output_attentions is None else inputs.output_attentions
        routing = self._routing(inputs)
        if not hidden and not weights and not routing and inputs.head_mask is None:
            return None
        return Trace(bool(hidden), bool(weights), self._head_scale(inputs.head_mask), routing)

    def _routing(self, inputs: Inputs) -> bool:
        """Whether what the routers say is asked for, of a class that can tell it."""
        row = self.head_row
        if row is None or "router_logits" not in row.fields:
            return False
        wanted = inputs.output_router_logits
        return bool(self.config.output_router_logits if wanted is None else wanted)

    def _head_scale(self, mask: Tensor | None) -> Tensor | None:
        if mask is None:
            return None
        layers = self.computation.body.spec.stack.layers
        expected = (len(layers), layers[0].attention.heads)
        if mask.shape not in (expected, expected[1:]):
            raise InputError(
                f"head_mask has the shape {list(mask.shape)}, expected {list(expected)} (layers, heads) or "
                f"{list(expected[1:])} for all layers alike."
            )
        return mask.expand(expected)

    # Names of weights

    def weight_map(self) -> WeightMap:
        """What is known of the names in this model's files. Parameters are registered under the names that
        files have, so that those of modules that a subclass added need no row."""
        if self.head_row is not None:
            return self.family.weights(self.head_row, self.frozen())
        inside = [f"{name}." for name, child in self.named_children() if isinstance(child, Model)]
        family = self.family
        return WeightMap(
            rows=(),
            prefix=f"{family.prefix}." if f"{family.prefix}." in inside else "",
            tied=family.tied,
            old_names=family.old_names,
            ignored=family.ignored,
        )

    def is_head(self, parameter: str) -> bool:
        """Whether a registered parameter belongs to a head rather than to a backbone."""
        owner, hub = self._owner(parameter)
        return owner is None or owner.tree.is_head(hub)

    def is_cross_attention(self, parameter: str) -> bool:
        """Whether a registered parameter belongs to the attention to an encoder's states."""
        owner, hub = self._owner(parameter)
        return owner is not None and owner.tree.is_cross_attention(hub)

    def _owner(self, parameter: str) -> tuple[Model | None, str]:
        """The family's model that a registered parameter belongs to, and the Hub's full name of it."""
        if self.head_row is not None:
            hub = self.tree.full(parameter)
            return (None, parameter) if hub is None else (self, hub)
        first, _, rest = parameter.partition(".")
        child = self._modules.get(first)
        return child._owner(rest) if isinstance(child, Model) else (None, parameter)

    # What code written for v4 asks of a model

    @property
    def tokens(self) -> Embedding:
        inner: Embedding = self._inner().computation.body.embedding.tokens
        return inner

    def get_encoder(self) -> Encoder:
        """The encoder of an encoder-decoder, to be called on its own: its output is `encoder_outputs`.

        Raises:
            InputError: a model without.
        """
        return half_of(
            self._inner().computation.body, name="encoder", config=self.config, of=type(self).__name__
        )

    def get_decoder(self) -> Encoder:
        """The decoder of an encoder-decoder, to be called on its own with encoder_hidden_states.

        Raises:
            InputError: a model without.
        """
        return half_of(
            self._inner().computation.body, name="decoder", config=self.config, of=type(self).__name__
        )

    def _inner(self) -> Model:
        if self.head_row is not None:
            return self
        for child in self.children():
            if isinstance(child, Model):
                return child._inner()
        raise ConfigError(f"{type(self).__name__} holds no model of the family {self.family.name}.")

    def stacks(self) -> Iterator[Stack]:
        """The stacks of every family's model in this one."""
        models = [module for module in self.modules() if isinstance(module, Model) and module.head_row]
        stacks = [part for m in models for part in m.computation.modules() if isinstance(part, Stack)]
        return iter({id(stack): stack for stack in stacks}.values())

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        return next((p.dtype for p in self.parameters() if p.is_floating_point()), torch.float32)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            names = [n for n, _ in self.named_children()] + dir(type(self))
            raise AttributeError(
                f"{type(self).__name__} has no attribute {name!r}.{suggestion(name, names)}"
            ) from None

    def __setattr__(self, name: str, value: Any) -> None:
        """`model.classifier = layer` computes with that layer from then on."""
        if name in self.__dict__.get("_modules", ()) and self._computes_as_made():
            old = self._modules[name]
            value = self.tree.put(self, name, value)
            self._count_labels(old, value)
        super().__setattr__(name, value)

    def _computes_as_made(self) -> bool:
        """Whether a pass is the family's own; a subclass's forward calls what it likes."""
        kind: Any = type(self)
        made: Any = next((base for base in kind.__mro__ if vars(base).get("head_row") is not None), None)
        return made is not None and kind.forward is made.forward and "tree" in self.__dict__

    def _count_labels(self, old: Any, new: Any) -> None:
        assert self.head_row is not None
        labelled = {"sequence-classification", "token-classification"} & set(self.head_row.tasks)
        was, now = getattr(old, "out_features", None), getattr(new, "out_features", None)
        if labelled and now is not None and self.config.num_labels == was != now:
            self.config.num_labels = now

    def train(self, mode: bool = True) -> Any:
        """Set training or evaluation mode, of what computes too."""
        super().train(mode)
        if self.head_row is not None:
            self.computation.train(mode)
        return self

    def _apply(self, fn: Any, recurse: bool = True) -> Any:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        if self.head_row is not None:
            self.tree.renew_ties()
        return self
