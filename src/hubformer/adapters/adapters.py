"""The adapters of a model: added, switched, merged and taken away, with the base as it was beneath them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import nn

from hubformer.adapters.config import LoraConfig
from hubformer.adapters.lora import Adapted, LowRank
from hubformer.adapters.sites import Home, Places, base_parameters, chosen, owned, rows_of_model
from hubformer.core import Linear
from hubformer.errors import InputError, suggestion
from hubformer.models.hub_tree import computing_modules, renew_ties
from hubformer.models.model import Model

HOME = "adapters"  # the attribute of a model


class Adapter(nn.Module):
    """One adapter: its low-rank products, and the parameters that it has instead of the base's.

    Both are kept under the names of the base, with "/" for the dot that a key cannot hold.
    """

    def __init__(self, config: LoraConfig, model: Model, *, places: Places) -> None:
        super().__init__()
        self.config, self.trained = config, not config.inference_mode
        base = base_parameters(model)
        self.factors, self.own = nn.ModuleDict(), nn.ParameterDict()
        self.linears: dict[str, tuple[str, ...]] = {}  # the key of a product -> our Linears
        for site in chosen(config, model, places=places):
            weight = base[f"{site.name}.weight"]
            low_rank = LowRank(
                site.inputs,
                site.outputs,
                rank=config.rank_at(site.name),
                scaling=config.scaling_at(site.name),
                dropout=config.lora_dropout,
            )
            # Sixteen bits are too few for the small steps of training.
            dtype = torch.float32 if weight.dtype.itemsize == 2 else weight.dtype
            low_rank.to(device=weight.device, dtype=dtype)
            low_rank.initialise(config.init_lora_weights)
            self.factors[_key(site.name)] = low_rank
            self.linears[_key(site.name)] = site.ours
        for name in owned(config, model, places=places):
            self.own[_key(name)] = nn.Parameter(base[name].detach().clone())

    def replaced(self) -> set[str]:
        """The parameters of the base that this one has for itself."""
        return {_name(key) for key in self.own}

    def terms(self) -> Iterable[tuple[str, LowRank, int]]:
        """Each product with the Linear that it is added to, and the part of B for it."""
        for key, linears in self.linears.items():
            low_rank = self.factors[key]
            assert isinstance(low_rank, LowRank)
            for part, linear in enumerate(linears):
                yield linear, low_rank, part


class Adapters(Home):
    """All adapters of a model, and which of them are active.

    Every change ends in `settle`, which makes the model what these attributes say.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.named = nn.ModuleDict()
        self.base = nn.ParameterDict()  # what adapters replace, whether it is in its place or not
        self.active: tuple[str, ...] = ()
        self.enabled = True
        self.unmerged: dict[str, nn.Parameter] = {}  # of merged Linears: the weights of the base
        self.trained_before = frozenset(n for n, p in model.named_parameters() if p.requires_grad)

    @property
    def merged(self) -> bool:
        return bool(self.unmerged)

    def adapter(self, name: str) -> Adapter:
        """
        Raises:
            InputError: there is none of that name.
        """
        if name not in self.named:
            raise InputError(
                f"There is no adapter {name!r}.{suggestion(name, self.named)} There are: "
                f"{', '.join(self.named) or 'none'}."
            )
        found = self.named[name]
        assert isinstance(found, Adapter)
        return found

    def every(self) -> dict[str, Adapter]:
        return {name: self.adapter(name) for name in self.named}

    def in_use(self) -> list[Adapter]:
        """Those that the model computes with."""
        return [self.adapter(name) for name in self.active] if self.enabled else []

    def add(self, name: str, adapter: Adapter, *, model: Model) -> None:
        """Take an adapter in; it becomes the active one.

        Raises:
            InputError: the name is taken, or cannot be one.
        """
        self.check_name(name)
        base = base_parameters(model)
        for key in adapter.own:
            if key not in self.base:
                self.base[key] = base[_name(key)]
        self.named[name] = adapter.train(model.training)
        self.active, self.enabled = (name,), True
        self.settle(model)

    def check_name(self, name: object) -> None:
        """
        Raises:
            InputError: the name is taken, or cannot be one.
        """
        if isinstance(name, str) and name in self.named:
            raise InputError(f"There is an adapter {name!r} already. Choose another name, or delete it.")
        if not isinstance(name, str) or not name or set(name) & set("./\\") or hasattr(self.named, name):
            raise InputError(
                f"An adapter cannot be called {name!r}: expected a word, without dots and slashes."
            )

    def activate(self, names: Sequence[str], *, model: Model) -> None:
        """Make these the active ones, and trained.

        Raises:
            InputError: there is none of that name, or two have the same parameters for themselves.
        """
        found = {name: self.adapter(name) for name in names}
        if not found:
            raise InputError("No adapter is named. Call disable_adapters() to do without.")
        taken: dict[str, str] = {}
        for name, adapter in found.items():
            for key in adapter.own:
                if key in taken:
                    raise InputError(
                        f"The adapters {taken[key]!r} and {name!r} both have their own {_name(key)} "
                        "(modules_to_save or bias), so they cannot be active together."
                    )
                taken[key] = name
            adapter.trained = True
        self.active = tuple(found)
        self.settle(model)

    def delete(self, names: Sequence[str], *, model: Model) -> None:
        """Forget adapters. If none of the active ones is left, the first of the others is."""
        gone = {name: self.adapter(name) for name in names}
        left = [name for name in self.named if name not in gone]
        self.active = tuple(name for name in self.active if name in left) or tuple(left[:1])
        self.settle(model)
        for name in gone:
            del self.named[name]
        for key in list(self.base):
            if not any(key in adapter.own for adapter in self.every().values()):
                del self.base[key]

    def settle(self, model: Model) -> None:
        """Make the model what is said here: its products, its parameters, and what is trained."""
        active = self.in_use()
        for key in self.base:
            replaced = [adapter.own[key] for adapter in active if key in adapter.own]
            _put(model, _name(key), replaced[0] if replaced else self.base[key])
        renew_ties(model)
        terms: dict[str, list[tuple[LowRank, int]]] = {}
        for adapter in active:
            for linear, low_rank, part in adapter.terms():
                terms.setdefault(linear, []).append((low_rank, part))
        _multiply(model, {} if self.merged else terms)
        for parameter in base_parameters(model).values():
            parameter.requires_grad_(False)
        for parameter in self.base.values():
            parameter.requires_grad_(False)
        for adapter in self.every().values():
            adapter.requires_grad_(adapter in active and adapter.trained and not self.merged)

    def merge(self, model: Model) -> None:
        """Put the products of the active adapters into the weights; `unmerge` gives the base's back."""
        modules = computing_modules(model)
        for row in rows_of_model(model):
            linears = [modules[name.rpartition(".")[0]] for name in row.ours]
            backends = [linear.backend for linear in linears if isinstance(linear, Linear)]
            if not row.hub[0].endswith(".weight") or not any(isinstance(b, Adapted) for b in backends):
                continue
            if any(isinstance(b, Adapted) and b.below is not None for b in backends):
                raise InputError(f"{row.hub[0]} has a backend of its own, so it cannot be merged into.")
            (name,) = row.hub
            self.unmerged[name] = model.get_parameter(name)
            merged = [
                b.merged() if isinstance(b, Adapted) else linear.weight.detach()  # type: ignore[operator]
                for b, linear in zip(backends, linears, strict=True)
            ]
            (weight,) = row.change.save(merged)
            trained = self.unmerged[name].requires_grad
            _put(model, name, nn.Parameter(weight.contiguous(), requires_grad=trained))
        self.settle(model)

    def unmerge(self, model: Model) -> None:
        """The weights of the base, bit for bit; the products are computed beside them again."""
        for name, weight in self.unmerged.items():
            now = model.get_parameter(name)
            weight.data = weight.data.to(device=now.device, dtype=now.dtype)
            _put(model, name, weight)
        self.unmerged = {}
        self.settle(model)

    def leave(self, model: Model) -> None:
        """Go, and leave the model as it is now, trained where it was before."""
        _multiply(model, {})
        delattr(model, HOME)
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(name in self.trained_before)


def adapters_of(model: nn.Module) -> Adapters | None:
    """The adapters of a model, or None where none was ever added."""
    found = model.__dict__["_modules"].get(HOME)
    return found if isinstance(found, Adapters) else None


def is_adapted(model: nn.Module) -> bool:
    """Whether some product of a model, or of a part that it shares, has an adapter."""
    return any(
        isinstance(module, Linear) and isinstance(module.backend, Adapted)
        for module in computing_modules(model).values()
    )


def _multiply(model: nn.Module, terms: dict[str, list[tuple[LowRank, int]]]) -> None:
    for name, module in computing_modules(model).items():
        if not isinstance(module, Linear):
            continue
        if isinstance(module.backend, Adapted):
            module.backend = module.backend.below
        if name in terms:
            backend = Adapted(module)
            backend.terms = tuple(terms[name])
            module.backend = backend


def _put(model: nn.Module, name: str, parameter: nn.Parameter) -> None:
    path, _, leaf = name.rpartition(".")
    model.get_submodule(path)._parameters[leaf] = parameter


def _key(name: str) -> str:
    return name.replace(".", "/")


def _name(key: str) -> str:
    return key.replace("/", ".")
