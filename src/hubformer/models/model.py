"""Model: a family's body and one of its heads, built from a configuration.

Shapes:  B rows  L length  M model width
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from hubformer.core import Embedding, Linear, Stack, Trace
from hubformer.errors import ConfigError, InputError, suggestion
from hubformer.models.bodies import States
from hubformer.models.config import Config, PreTrainedConfig
from hubformer.models.family import Family, Head
from hubformer.models.halves import Encoder, half_of
from hubformer.models.heads import Context
from hubformer.models.initial import initialise
from hubformer.models.inputs import Inputs, check
from hubformer.models.outputs import ModelOutput
from hubformer.weights.map import Row, WeightMap, row

BODY, HEAD = "body.", "head."


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
    body: Any  # built from the family's body spec, with `limits`, `spec`, `embedding` and `stack`
    head: Any
    caches: bool
    new_parameters: tuple[str, ...] = ()  # those that a load had to make, under our names

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
            self.body = body.build()
            self.head = spec(frozen).build(body)
        self.caches = self.family.caches(frozen)
        if destination.type != "meta":
            initialise(self, self.family.initial_of(self.head_row, frozen), device=destination)

    def frozen(self) -> Config:
        frozen: Config = self.config.freeze()
        return frozen

    def run(self, inputs: Inputs) -> ModelOutput | tuple[Any, ...]:
        """One forward pass."""
        row = self.head_row
        assert row is not None
        prepared = row.prepare(inputs, self.config)
        if not torch.compiler.is_compiling():
            check(prepared, self.body.limits)
        trace = self._trace(inputs)
        states: States = self.body(prepared, trace=trace, use_cache=self._use_cache(inputs))
        scores = self.head(states.last, Context(states.layout, prepared, self.body.embedding.tokens))
        found = {"last_hidden_state": states.last, **row.finish(scores, inputs, self.config)}
        found |= row.beside(found, states, self.config)
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
        layers = self.body.spec.stack.layers
        expected = (len(layers), layers[0].attention.heads)
        if mask.shape not in (expected, expected[1:]):
            raise InputError(
                f"head_mask has the shape {list(mask.shape)}, expected {list(expected)} (layers, heads) or "
                f"{list(expected[1:])} for all layers alike."
            )
        return mask.expand(expected)

    # Names of weights

    def weight_map(self) -> WeightMap:
        """How the parameters of this model are called in files.

        Parameters that a subclass added keep their own names; a family's model inside it is written under
        the name of its attribute.
        """
        config = self.frozen()
        if self.head_row is not None:
            known = self.family.weights(self.head_row, config)
            added = [n for n, _ in self.named_parameters() if not n.startswith((BODY, HEAD))]
            return _with_rows(known, [row(n, n) for n in added])
        rows: list[Row] = []
        inside: list[str] = []
        for attribute, child in self.named_children():
            if isinstance(child, Model) and child.head_row is not None:
                inside.append(f"{attribute}.")
                known = child.weight_map()
                rows += [_moved(r, attribute, known) for r in known.rows]
        added = [n for n, _ in self.named_parameters() if not n.startswith(tuple(inside))]
        family = self.family
        return WeightMap(
            rows=(*rows, *(row(n, n) for n in added)),
            prefix=f"{family.prefix}." if f"{family.prefix}." in inside else "",
            tied=family.tied,
            old_names=family.old_names,
            ignored=family.ignored,
        )

    def is_head(self, parameter: str) -> bool:
        """Whether a parameter of ours belongs to the head rather than to the backbone."""
        return f".{BODY}" not in f".{parameter}"

    def is_crossing(self, parameter: str) -> bool:
        """Whether a parameter of ours belongs to the attention to an encoder's states."""
        return ".cross_attention." in parameter or ".cross_residual." in parameter

    # What code written for v4 asks of a model

    @property
    def tokens(self) -> Embedding:
        inner: Embedding = self._inner().body.embedding.tokens
        return inner

    def get_encoder(self) -> Encoder:
        """The encoder of an encoder-decoder, to be called on its own: its output is `encoder_outputs`.

        Raises:
            InputError: a model without.
        """
        return half_of(self._inner().body, name="encoder", config=self.config, of=type(self).__name__)

    def get_decoder(self) -> Encoder:
        """The decoder of an encoder-decoder, to be called on its own with encoder_hidden_states.

        Raises:
            InputError: a model without.
        """
        return half_of(self._inner().body, name="decoder", config=self.config, of=type(self).__name__)

    def _inner(self) -> Model:
        if self.head_row is not None:
            return self
        for child in self.children():
            if isinstance(child, Model):
                return child._inner()
        raise ConfigError(f"{type(self).__name__} holds no model of the family {self.family.name}.")

    def stacks(self) -> Iterator[Stack]:
        return (module for module in self.modules() if isinstance(module, Stack))

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        return next((p.dtype for p in self.parameters() if p.is_floating_point()), torch.float32)

    def __getattr__(self, name: str) -> Any:
        """Modules by the names that files and v4 give them: `model.classifier`, `model.bert`."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            if name.startswith("_") or "family" not in dir(type(self)) or self.head_row is None:
                raise
        found = self._named_as_v4(name)
        if found is None:
            names = [n for n, _ in self.named_children()] + dir(type(self))
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.{suggestion(name, names)}")
        return found

    def _named_as_v4(self, name: str) -> Any:
        return _HubNames(self, name).resolved()

    def __setattr__(self, name: str, value: Any) -> None:
        """`model.classifier = layer` replaces our module; beside it, nothing would call the layer."""
        if isinstance(value, nn.Module) and self._stands_for_ours(name):
            self._replace(name, self._named_as_v4(name), value)
        else:
            super().__setattr__(name, value)

    def _stands_for_ours(self, name: str) -> bool:
        kind: Any = type(self)
        own = self.__dict__.get("_modules", {})
        if name in ("body", "head") or name in own or "head" not in own:
            return False
        made: Any = next((base for base in kind.__mro__ if vars(base).get("head_row") is not None), None)
        if made is None or kind.forward is not made.forward:  # a subclass's own forward calls what it likes
            return False
        return self._named_as_v4(name) is not None

    def _replace(self, path: str, old: Any, new: nn.Module) -> None:
        """Put a Linear in the place of one of ours; its weights are shared, not copied."""
        if not (isinstance(old, Linear) and isinstance(new, nn.Linear)):
            raise InputError(
                f"{type(self).__name__}.{path} cannot be replaced by {type(new).__name__}: the model would "
                f"go on without it. Load weights with {path}.load_state_dict(…), or write a subclass of "
                f"{self.family.name}PreTrainedModel whose forward calls your module."
            )
        if old.backend is not None:
            raise InputError(
                f"{path} has an adapter, which would go on with the old weights. Replace the module before."
            )
        bias = old.bias is not None
        if new.in_features != old.in_features or (new.bias is not None) != bias:
            raise InputError(
                f"{path} cannot be replaced by {new}: it has in_features={old.in_features} and bias={bias}."
            )
        layer = Linear(new.in_features, new.out_features, bias=bias, device="meta")
        layer.weight, layer.bias = new.weight, new.bias
        place = next(n for n, module in self.named_modules() if module is old)
        self.set_submodule(place, layer.train(self.training))
        assert self.head_row is not None
        labelled = {"sequence-classification", "token-classification"} & set(self.head_row.tasks)
        if labelled and self.config.num_labels == old.out_features != new.out_features:
            self.config.num_labels = new.out_features


class _HubNames:
    """A walk along a Hub name, one attribute or index at a time, until it is a module of ours."""

    def __init__(self, model: Model, path: str) -> None:
        self._model, self._path = model, path

    def _under(self) -> dict[str, str]:
        """The parameters whose names begin like this walk: Hub name -> ours."""
        weights = self._model.weight_map()
        names = {
            weights.written(h): o
            for t in weights.transfers(n for n, _ in self._model.named_parameters())
            if len(t.hub) == len(t.ours) == 1
            for h, o in zip(t.hub, t.ours, strict=True)
        }
        names |= {alias: names[owner] for alias, owner in weights.tied if owner in names}
        return {h: o for h, o in names.items() if f"{h}.".startswith(f"{self._path}.")}

    def resolved(self) -> Any:
        """The module or parameter of that name, a longer walk, or None where no row begins so."""
        under = self._under()
        if self._path in under:
            return self._model.get_parameter(under[self._path])
        if not under:
            return None
        leaves = {h.removeprefix(f"{self._path}.") for h in under}
        homes = {o.rpartition(".")[0] for o in under.values()}
        if len(homes) == 1 and not any("." in leaf for leaf in leaves):
            return self._model.get_submodule(homes.pop())
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        found = _HubNames(self._model, f"{self._path}.{name}").resolved()
        if found is None:
            raise AttributeError(f"{type(self._model).__name__} has nothing called {self._path}.{name}.")
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        """Put a module at the end of the walk; anything else would be lost with the walk."""
        if name.startswith("_"):
            object.__setattr__(self, name, value)
            return
        path = f"{self._path}.{name}"
        if not isinstance(value, nn.Module):
            raise AttributeError(f"{type(self._model).__name__}.{path} cannot be set to {value!r}.")
        self._model._replace(path, _HubNames(self._model, path).resolved(), value)

    # What freezing and inspecting layers asks of a module or of a list of them.

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        for hub, ours in self._under().items():
            yield hub.removeprefix(f"{self._path}."), self._model.get_parameter(ours)

    def parameters(self) -> Iterator[nn.Parameter]:
        return (parameter for _, parameter in self.named_parameters())

    def requires_grad_(self, requires_grad: bool = True) -> _HubNames:
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def __len__(self) -> int:
        start = len(self._path) + 1
        return len({h[start:].split(".")[0] for h in self._under() if h[start:].split(".")[0].isdigit()})

    def __getitem__(self, index: int | slice) -> Any:
        places = range(len(self))[index]
        if isinstance(places, range):
            return [getattr(self, str(place)) for place in places]
        return getattr(self, str(places))

    def __iter__(self) -> Iterator[Any]:
        return iter(self[:])

    def __bool__(self) -> bool:
        return True


def _with_rows(weights: WeightMap, rows: list[Row]) -> WeightMap:
    from dataclasses import replace

    return replace(weights, rows=weights.rows + tuple(rows)) if rows else weights


def _moved(known: Row, attribute: str, weights: WeightMap) -> Row:
    """A row of a model that is an attribute of another."""
    return Row(
        tuple(f"{attribute}.{h.removeprefix(weights.prefix)}" for h in known.hub),
        tuple(f"{attribute}.{o}" for o in known.ours),
        known.change,
    )
