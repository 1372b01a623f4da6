"""The registered module tree of a model: the Hub's names around the modules that compute.

A model's parameters are registered once, under the names and in the layouts that files have, in v4's order.
So `named_parameters`, `state_dict`, optimizers, `requires_grad_` by prefix, pruning, `functional_call`, DDP,
FSDP2 and PEFT work by PyTorch's own means. A module that computes and whose tensors are the Hub's, name by
name, stands in the tree itself. Where the Hub keeps a tensor in another layout (GPT-2's fused projection, a
transposed weight), the Hub's tensor is the parameter, and the module that computes reads a view of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from hubformer.core import Embedding, Linear, Replacement
from hubformer.errors import ConfigError, InputError, suggestion
from hubformer.weights.changes import SAME, Change
from hubformer.weights.map import Row, WeightMap, matches

# The last names of tables of token vectors that models register twice, as T5's halves do. Any other alias of
# such a table is the projection to the vocabulary.
_TABLES = ("embed_tokens", "word_embeddings", "wte", "word_embedding", "embeddings")


class HubModule(nn.Module):
    """A module of the tree that holds others, or tensors in a layout that no module of ours has."""

    def __setattr__(self, name: str, value: Any) -> None:
        """A module in the place of another computes from then on."""
        owner: HubTree | None = self.__dict__.get("owner")
        if owner is not None and name in self._modules:
            value = owner.put(self, name, value)
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            owner: HubTree | None = self.__dict__.get("owner")
            path = "" if owner is None else owner.path_of(self)
            inner = [*self._modules, *self._parameters]
            raise AttributeError(f"There is no {path}.{name}.{suggestion(name, inner)}") from None

    def extra_repr(self) -> str:
        return ", ".join(f"{name}: {tuple(p.shape)}" for name, p in self._parameters.items() if p is not None)


class TiedLinear(Linear):
    """A projection to the vocabulary that shares its weight with the table of token vectors."""


@dataclass(frozen=True, eq=False)
class Derived:
    """A tensor of a module that computes, made from parameters in the Hub's layout."""

    stored: tuple[tuple[nn.Module, str], ...]  # where the parameters are registered
    change: Change
    index: int  # which of the tensors that the change gives

    def __call__(self) -> Tensor:
        return self.change.load([getattr(module, leaf) for module, leaf in self.stored])[self.index]


class _Deriving(nn.Module):
    """A module some of whose tensors are computed from parameters of others."""

    derived: dict[str, Derived]

    def __getattr__(self, name: str) -> Any:
        derived = self.__dict__["derived"].get(name)
        return super().__getattr__(name) if derived is None else derived()

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__.get("derived", ()):
            raise ConfigError(
                f"{type(self).__name__}.{name} is computed from the parameter that has the Hub's name: set "
                "that one."
            )
        super().__setattr__(name, value)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _made_anew, (type(self).__mro__[2],), self.__dict__


@cache
def _deriving(kind: Any) -> Any:
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    return type(kind.__name__, (_Deriving, kind), names)


def _made_anew(kind: Any) -> Any:
    made = _deriving(kind)
    return made.__new__(made)


def _derive(module: nn.Module, leaf: str, derived: Derived) -> None:
    """Let `module.leaf` be computed from then on, instead of a parameter of its own."""
    del module._parameters[leaf]
    if not isinstance(module, _Deriving):
        module.__dict__["derived"] = {}
        kind: Any = type(module)
        module.__class__ = _deriving(kind)
    module.__dict__["derived"][leaf] = derived


class Computation(nn.Module):
    """What a model computes with, under our own names. No model registers it: the tree holds its tensors."""

    body: Any  # built from the family's body spec, with `limits`, `spec`, `embedding` and `stack`
    head: Any

    def __init__(self, body: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.body, self.head = body, head

    def tensor_names(self) -> Iterator[str]:
        """Our names of all tensors, each at its first place, derived ones too."""
        seen: set[object] = set()
        for path, module in self.named_modules():
            derived: Mapping[str, Derived] = module.__dict__.get("derived", {})
            keys: dict[str, object] = {leaf: id(p) for leaf, p in module._parameters.items() if p is not None}
            keys |= {leaf: (one.stored, one.index) for leaf, one in derived.items()}
            for leaf, key in keys.items():
                if key not in seen:
                    seen.add(key)
                    yield f"{path}.{leaf}"

    def tensor(self, name: str) -> Tensor:
        """The tensor of that name of ours."""
        path, _, leaf = name.rpartition(".")
        found: Tensor = getattr(self.get_submodule(path), leaf)
        return found


class HubTree:
    """How the tensors of one model are registered.

    root: the model, in whose modules they are put, or found where they are already there. Names of the Hub
    are given in full, with the backbone's prefix, and registered as the model writes them.
    """

    def __init__(self, root: nn.Module, computation: Computation, weights: WeightMap) -> None:
        self.root, self.computation, self.weights = root, computation, weights
        names = list(computation.tensor_names())
        self.transfers = _in_order(weights, names)
        self._ours = {hub: row.ours for row in self.transfers for hub in row.hub}
        self._hubs = set(self._ours)
        built = any(True for _ in root.parameters())
        self._aliases = self._aliases_of()
        if not built:
            shared = self._shareable(names)
            for row in self.transfers:
                self._register(row, shared)
            _with_lists(root)
        for alias, owner in self._aliases:
            self._tie(alias, owner)
        self.renew_ties()

    # Where each tensor stands

    def place(self, hub: str) -> tuple[nn.Module, str]:
        """The module and the name in it under which a tensor is registered."""
        path, _, leaf = self.weights.written(hub).rpartition(".")
        return self._module(path), leaf

    def aliases(self) -> Iterator[tuple[str, str]]:
        """The second names of parameters, and the first, as they are registered."""
        for alias, owner in self._aliases:
            yield self.weights.written(alias), self.weights.written(owner)

    def full(self, registered: str) -> str | None:
        """The Hub's full name of a parameter; None for one that was added to the model."""
        hub = self.weights.full(registered)
        return hub if hub in self._ours else None

    def is_head(self, hub: str) -> bool:
        """Whether a tensor belongs to the head rather than to the backbone."""
        return all(not name.startswith("body.") for name in self._ours[hub])

    def is_cross_attention(self, hub: str) -> bool:
        """Whether a tensor belongs to the attention to an encoder's states."""
        return all(_is_crossing(name) for name in self._ours[hub])

    def assign(self, hub: str, tensor: Tensor) -> None:
        """Put a tensor in the Hub's layout in the place of a parameter."""
        module, leaf = self.place(hub)
        trained = module._parameters[leaf].requires_grad  # type: ignore[union-attr]
        trained = trained and tensor.is_floating_point()
        module._parameters[leaf] = nn.Parameter(tensor, requires_grad=trained)

    def renew_ties(self) -> None:
        """Make tied places one parameter again, after parameters were replaced."""
        for alias, owner in self._aliases:
            (module, leaf), (held, name) = self.place(alias), self.place(owner)
            if module._parameters.get(leaf) is not held._parameters[name]:
                module._parameters[leaf] = held._parameters[name]
            if isinstance(module, TiedLinear) and leaf == "weight":
                module.out_features = len(module.weight)

    def replace(self, old: nn.Module, new: nn.Module) -> None:
        """Compute with another module in the place of one, and register it there."""
        for part in (*self.root.modules(), *self.computation.modules()):
            for name, inner in list(part._modules.items()):
                if inner is old:
                    part._modules[name] = new
        self.renew_ties()

    def put(self, parent: nn.Module, name: str, new: Any) -> nn.Module:
        """Compute with a user's module in the place of `parent.name`; what is to be registered there.

        Raises:
            InputError: nothing would call that module.
        """
        old = parent._modules[name]
        if not isinstance(new, nn.Module):
            raise InputError(f"{self._named(parent, name)} is a module and cannot be set to {new!r}.")
        if isinstance(old, TiedLinear):
            self._compute_scores_with(new)
        elif isinstance(old, Linear):
            self._refuse_unfit(old, new, where=self._named(parent, name))
            self._compute_with(old, new if isinstance(new, Linear) else Replacement(new))
        elif any(part is old for part in self.computation.modules()):
            self._compute_with(old, new)  # type: ignore[arg-type]
        else:
            raise InputError(
                f"{self._named(parent, name)} cannot be replaced by {type(new).__name__}: the model would go "
                "on without it. Replace the modules in it, load weights into it with load_state_dict(…), or "
                "write a subclass whose forward calls your module."
            )
        return new

    def path_of(self, part: nn.Module) -> str:
        """How errors call a module of this model."""
        path = next((path for path, module in self.root.named_modules() if module is part), "")
        return f"{type(self.root).__name__}.{path}".rstrip(".")

    def _named(self, parent: nn.Module, name: str) -> str:
        return f"{self.path_of(parent)}.{name}"

    def _refuse_unfit(self, old: Linear, new: nn.Module, *, where: str) -> None:
        if old.backend is not None:
            raise InputError(f"{where} has an adapter, which would be lost. Replace the module before.")
        width = getattr(new, "in_features", old.in_features)
        if width != old.in_features:
            raise InputError(f"{where} cannot be replaced by {new}: it has in_features={old.in_features}.")

    def _compute_with(self, old: nn.Module, new: nn.Module) -> None:
        # What the new module holds is its own: it may wrap the old one.
        parts = [part for _, tree in trees(self.root) for part in tree.computation.modules()]
        for part in parts:
            for name, inner in list(part._modules.items()):
                if inner is old:
                    part._modules[name] = new

    def _compute_scores_with(self, new: nn.Module) -> None:
        """An output of the vocabulary's own, in the place of one that is tied to the token vectors."""
        for part in self.computation.head.modules():
            if hasattr(part, "score") and part.output is None:
                del part.__dict__["output"]
                part.output = new if isinstance(new, Linear) else Replacement(new)
        self._aliases = [pair for pair in self._aliases if not isinstance(self.place(pair[0])[0], TiedLinear)]

    def set_tensor(self, module: nn.Module, leaf: str, parameter: nn.Parameter) -> None:
        """Put a parameter in the place of a tensor of a module that computes, also where that is derived."""
        derived: Derived | None = module.__dict__.get("derived", {}).get(leaf)
        if derived is None:
            module._parameters[leaf] = parameter
        else:
            ((stored, name),) = derived.stored
            with torch.no_grad():
                (tensor,) = derived.change.save([parameter])
            stored._parameters[name] = nn.Parameter(tensor, requires_grad=parameter.requires_grad)
        self.renew_ties()

    def _aliases_of(self) -> list[tuple[str, str]]:
        """The second names of tensors that this model has: (alias, owner)."""
        pairs = [*self.weights.tied, *self.weights.duplicates]
        inside = {hub.rpartition(".")[0] for hub in self._hubs}
        templates = [hub for row in self.weights.rows for hub in row.hub]

        def is_here(alias: str) -> bool:
            """In a half of an encoder-decoder, or a part of this head."""
            parent, _, last = alias.rpartition(".")[0].rpartition(".")
            if last == "shared":  # a decoder alone keeps its own table under the decoder's name
                return False
            if parent:
                return any(f"{path}.".startswith(f"{parent}.") for path in inside)
            return any(matches(template, alias) for template in templates)

        return [
            (alias, owner)
            for alias, owner in dict.fromkeys(pairs)
            if owner in self._hubs and alias not in self._hubs and is_here(alias)
        ]

    def _shareable(self, names: Iterable[str]) -> dict[str, str]:
        """Modules of ours that stand in the tree as they are: our path -> the Hub's."""
        hub_of = {row.ours[0]: row.hub[0] for row in self.transfers if row.change is SAME}
        by_module: dict[str, list[str]] = defaultdict(list)
        for name in names:
            by_module[name.rpartition(".")[0]].append(name)
        held: dict[str, int] = defaultdict(int)  # tensors in a module of the Hub, however deep
        for hub in (*self._hubs, *(alias for alias, _ in self._aliases)):
            path = hub.rpartition(".")[0]
            while path:
                held[path] += 1
                path = path.rpartition(".")[0]
        found = {}
        for path, own in by_module.items():
            if any(True for _ in self.computation.get_submodule(path).children()):
                continue
            hubs = [hub_of.get(name, "") for name in own]
            place = hubs[0].rpartition(".")[0]
            alike = [f"{place}.{name.rpartition('.')[2]}" for name in own] == hubs
            if place and alike and held[place] == len(own):
                found[path] = place
        return found

    def _register(self, row: Row, shared: Mapping[str, str]) -> None:
        path = row.ours[0].rpartition(".")[0]
        if path in shared:
            parent, _, last = self.weights.written(shared[path]).rpartition(".")
            self._module(parent)._modules[last] = self.computation.get_submodule(path)
            return
        ours = [self.computation.tensor(name) for name in row.ours]
        stored = []
        for hub, tensor in zip(row.hub, row.change.save(ours), strict=True):
            parent, _, leaf = self.weights.written(hub).rpartition(".")
            module = self._module(parent)
            module._parameters[leaf] = nn.Parameter(tensor.detach(), requires_grad=ours[0].requires_grad)
            stored.append((module, leaf))
        for index, name in enumerate(row.ours):
            path, _, leaf = name.rpartition(".")
            _derive(self.computation.get_submodule(path), leaf, Derived(tuple(stored), row.change, index))

    def _module(self, path: str) -> nn.Module:
        """The module of that path, made where it is not there."""
        module = self.root
        for name in path.split(".") if path else ():
            inner = module._modules.get(name)
            if inner is None:
                inner = module._modules[name] = HubModule()
                inner.__dict__["owner"] = self
            module = inner
        return module

    def _tie(self, alias: str, owner: str) -> None:
        held, _ = self.place(owner)
        place = self.weights.written(alias).rpartition(".")[0]
        parent, _, last = place.rpartition(".")
        outer = self._module(parent)
        if last not in outer._modules and isinstance(held, Embedding):
            if last in _TABLES:
                outer._modules[last] = held
            else:
                rows, width = held.weight.shape
                outer._modules[last] = TiedLinear(width, rows, bias=False, device="meta")


def _is_crossing(name: str) -> bool:
    return ".cross_attention." in name or ".cross_residual." in name


def _in_order(weights: WeightMap, names: list[str]) -> list[Row]:
    """The transfers of a model in the order of the table's rows, which is v4's order of parameters."""
    number = {
        name: place
        for place, row in enumerate(weights.rows)
        for template in row.ours
        for name in names
        if matches(template, name)
    }
    return sorted(weights.transfers(names), key=lambda row: number[row.ours[0]])


def _with_lists(module: nn.Module) -> None:
    """Make lists of the modules whose children are numbered, as v4's layers are, in the order of the numbers,
    whichever row of the table named one of them first."""
    for name, inner in list(module._modules.items()):
        assert inner is not None
        _with_lists(inner)
        numbered: dict[str, Any] = inner._modules
        if isinstance(inner, HubModule) and numbered and all(key.isdigit() for key in numbered):
            module._modules[name] = nn.ModuleList(numbered[key] for key in sorted(numbered, key=int))


def computing_modules(model: nn.Module) -> dict[str, nn.Module]:
    """Every module that computes in a model and in the models inside it, under our names, once."""
    found: dict[str, nn.Module] = {}
    seen: set[int] = set()
    for path, module in model.named_modules():
        computation: Computation | None = module.__dict__.get("computation")
        for name, part in () if computation is None else computation.named_modules():
            if name and id(part) not in seen:
                seen.add(id(part))
                found[f"{path}.{name}" if path else name] = part
    return found


def trees(model: nn.Module) -> Iterator[tuple[str, HubTree]]:
    """The trees of the family's models in a model, with what stands before their names."""
    for path, module in model.named_modules():
        tree: HubTree | None = module.__dict__.get("tree")
        if tree is not None:
            yield f"{path}." if path else "", tree


def renew_ties(model: nn.Module) -> None:
    """Make tied places one parameter again, in every family's model in a model."""
    for _, tree in trees(model):
        tree.renew_ties()


def owned_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """The registered parameters, each once, under the name that files keep it by where it has two."""
    found = dict(model.named_parameters())
    for prefix, tree in trees(model):
        for alias, owner in tree.aliases():
            if prefix + alias in found and prefix + owner not in found:
                found[prefix + owner] = found.pop(prefix + alias)
    return found
