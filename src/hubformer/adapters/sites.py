"""Where an adapter can stand: the modules of the Hub, and the Linears here that compute them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hubformer.adapters.config import ALL_LINEAR, LoraConfig
from hubformer.core import Embedding, Linear
from hubformer.errors import InputError, suggestion
from hubformer.models.heads import vocab_head_of
from hubformer.models.hub_tree import HubTree, computing_modules, owned_parameters
from hubformer.models.model import Model
from hubformer.weights.changes import TRANSPOSE, Change
from hubformer.weights.map import Row

HEAD_TASKS = ("QUESTION_ANS", "SEQ_CLS", "TOKEN_CLS")


class Home(nn.Module):
    """Where a model keeps its adapters, which are no part of the model itself."""


@dataclass(frozen=True)
class Site:
    """A module of the Hub that multiplies, and the Linears that compute it."""

    name: str
    ours: tuple[str, ...]
    inputs: int
    outputs: tuple[int, ...]  # of each Linear
    change: Change  # of B: outputs first on the Hub, to the B of each Linear
    turned: bool  # the Hub keeps the weight inputs first


@dataclass(frozen=True)
class Places:
    """A model by the Hub's names, as its files are written."""

    sites: Mapping[str, Site]
    refused: Mapping[str, str]  # other modules that hold a weight, and why they cannot be adapted
    bare: frozenset[str]  # parameters that are in no module of their own
    rows: tuple[Row, ...]  # of the model's own parameters
    prefix: str  # of the backbone, as written

    def modules(self) -> set[str]:
        """Every module that holds a parameter, however deep."""
        return {path for row in self.rows for hub in row.hub for path in _paths(hub)}

    def under(self, ends: Iterable[str]) -> list[str]:
        """The parameters in modules whose names end so; as in PEFT the end may be a part of a word."""
        wanted = tuple(ends)
        return [
            hub for row in self.rows for hub in row.hub if any(path.endswith(wanted) for path in _paths(hub))
        ]

    def named(self, parameters: Iterable[str]) -> dict[str, None]:
        """The modules that hold these parameters: those of a head whole."""
        held = set(parameters)
        hubs = [hub for row in self.rows for hub in row.hub if hub in held]
        inside = [self.prefix and hub.startswith(self.prefix) for hub in hubs]
        return {
            hub.rpartition(".")[0] if deep else hub.split(".")[0]: None
            for hub, deep in zip(hubs, inside, strict=True)
        }


def base_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters of a model without those of its adapters."""
    homes = tuple(f"{name}." for name, module in model.named_modules() if isinstance(module, Home))
    return {name: p for name, p in owned_parameters(model).items() if not name.startswith(homes)}


def saved_tensors(model: nn.Module) -> dict[str, Tensor]:
    """What a file of the whole model holds: the base's parameters, and the buffers of its state."""
    kept = model.state_dict().keys()
    buffers = {name: buffer for name, buffer in model.named_buffers() if name in kept}
    return {name: tensor.detach() for name, tensor in (*base_parameters(model).items(), *buffers.items())}


def places_of(model: Model) -> Places:
    """Every site of a model, and what else it holds."""
    weights, modules = model.weight_map(), computing_modules(model)
    sites: dict[str, Site] = {}
    refused: dict[str, str] = {}
    bare: set[str] = set()
    rows = rows_of_model(model)
    known = {hub for row in rows for hub in row.hub}
    rows += [Row((name,), (name,)) for name in base_parameters(model) if name not in known]
    for row in rows:
        name, _, leaf = row.hub[0].rpartition(".")
        linears = [modules.get(ours.rpartition(".")[0]) for ours in row.ours]
        site = _site(name, row, linears) if leaf == "weight" else None
        if site is not None:
            sites[name] = site
        elif leaf not in ("weight", "bias"):
            bare.add(row.hub[0])
        elif leaf == "weight":
            table = any(isinstance(module, Embedding) for module in linears)
            refused[name] = "is a table of vectors" if table else "is not one product with a weight"
    for alias, owner in weights.tied:
        if any(owner in row.hub for row in rows) and alias.endswith(".weight"):
            refused[alias.rpartition(".")[0]] = f"is tied to {owner.rpartition('.')[0]}"
    return Places(sites, refused, frozenset(bare), tuple(rows), "" if weights.bare else weights.prefix)


def rows_of_model(model: nn.Module) -> list[Row]:
    """What is registered, and what it becomes under our names, of every family's model in a model."""
    rows: list[Row] = []
    seen: set[str] = set()
    for path, module in model.named_modules():
        tree: HubTree | None = module.__dict__.get("tree")
        if tree is None:
            continue
        prefix = f"{path}." if path else ""
        place = {name: number for number, name in enumerate(tree.computation.tensor_names())}
        # In the order of what computes: a seed gives an adapter the same weights in every version.
        for row in sorted(tree.transfers, key=lambda row: place[row.ours[0]]):
            hub = tuple(prefix + tree.weights.written(name) for name in row.hub)
            if hub[0] not in seen:
                seen.update(hub)
                rows.append(Row(hub, tuple(prefix + name for name in row.ours), row.change))
    return rows


def _site(name: str, row: Row, modules: list[nn.Module | None]) -> Site | None:
    """The site of a weight's row, where its Linears are parts of the Hub's outputs."""
    linears = [module for module in modules if isinstance(module, Linear)]
    if len(linears) != len(modules) or len(row.hub) != 1:
        return None
    inputs, outputs = linears[0].in_features, tuple(linear.out_features for linear in linears)
    # A weight with an impossible number of inputs tells by its shape how the Hub keeps the real ones.
    total = sum(outputs)
    probe = [torch.empty(width, total + 1, device="meta") for width in outputs]
    try:
        (hub,) = row.change.save(probe)
    except (RuntimeError, ValueError):  # a layout for one number of inputs only, as of three dimensions
        return None
    if sorted(hub.shape) != [total, total + 1] or any(linear.in_features != inputs for linear in linears):
        return None
    turned = hub.shape[0] != total
    change = TRANSPOSE.then(row.change) if turned else row.change
    return Site(name, tuple(o.rpartition(".")[0] for o in row.ours), inputs, outputs, change, turned)


def _paths(hub: str) -> list[str]:
    """The modules around a tensor, the innermost last."""
    parts = hub.split(".")[:-1]
    return [".".join(parts[: end + 1]) for end in range(len(parts))]


# ---- what a configuration asks for -------------------------------------------------------------------


def resolved(config: LoraConfig, model: Model, *, places: Places, strict: bool) -> LoraConfig:
    """A configuration with everything said that depends on the model, as it is written into files.

    strict: refuse names that the model does not have; files of PEFT may hold some.

    Raises:
        InputError: modules that are not there or cannot be adapted.
    """
    saved = dict.fromkeys(config.modules_to_save or ())
    if strict:
        _refuse_absent(saved, places)
        if config.task_type in HEAD_TASKS:
            head = [n for row in places.rows for n in row.hub if model.is_head(n)]
            saved |= {n: None for n in places.named(head) if not n.startswith(places.prefix or " ")}
        saved |= places.named(model.new_parameters)
    own = set(places.under(saved))
    _refuse_tied(model, own)
    targets = config.target_modules or list(model.family.lora_targets)
    if not targets:
        raise InputError(
            f"{model.family.name} has no target modules of its own: say which with target_modules=, "
            f"such as {_examples(places.sites)}, or 'all-linear'."
        )
    config = config.changed(target_modules=targets, modules_to_save=list(saved) or None)
    found = chosen(config, model, places=places)
    _refuse_unfit(config, places)
    if strict or not found:
        _refuse_unmatched(config, found, places=places)
    if targets == ALL_LINEAR:
        config = config.changed(target_modules=[site.name for site in found])
    return config.changed(fan_in_fan_out=any(site.turned for site in found))


def chosen(config: LoraConfig, model: Model, *, places: Places) -> list[Site]:
    """The sites that a configuration adapts: none inside modules that are trained whole."""
    own = {name.rpartition(".")[0] for name in places.under(config.modules_to_save or ())}
    if config.target_modules == ALL_LINEAR:
        head = vocab_head_of(model)
        own |= {
            n for n, m in model.named_modules() if head is not None and m is getattr(head, "output", None)
        }
    return [site for site in places.sites.values() if config.targets(site.name) and site.name not in own]


def owned(config: LoraConfig, model: Model, *, places: Places) -> list[str]:
    """The parameters that the adapter has for itself: of modules_to_save, and the biases that it trains."""
    own = dict.fromkeys(places.under(config.modules_to_save or ()))
    if config.bias != "none":
        adapted = {f"{site.name}.bias" for site in chosen(config, model, places=places)}
        biases = [
            row
            for row in places.rows
            if row.hub[0] in adapted or (config.bias == "all" and row.hub[0].endswith(".bias"))
        ]
        own |= dict.fromkeys(row.hub[0] for row in biases)
    return list(own)


def _refuse_absent(saved: Iterable[str], places: Places) -> None:
    there = places.modules()
    for name in saved:
        if not any(path.endswith(name) for path in there):
            near = suggestion(name, {path.rpartition(".")[2] for path in there} | there)
            raise InputError(f"modules_to_save has {name!r}, which this model does not have.{near}")


def _refuse_tied(model: Model, own: set[str]) -> None:
    table = model.tokens
    head = vocab_head_of(model)
    tied = head is not None and getattr(head, "output", None) is None
    for name in own:
        if tied and name.endswith(".weight") and model.get_submodule(name.rpartition(".")[0]) is table:
            raise InputError(
                "modules_to_save has the token vectors, which the scores of this model are tied to: PEFT "
                "would train them apart. Untie them (tie_word_embeddings=False), or leave them frozen."
            )


def _refuse_unfit(config: LoraConfig, places: Places) -> None:
    """Modules that are asked for and cannot be adapted."""
    if config.target_modules == ALL_LINEAR:
        return
    for module, reason in places.refused.items():
        if config.targets(module):
            raise InputError(
                f"target_modules asks for {module}, which {reason}: only Linear modules are adapted here, "
                f"such as {_examples(places.sites)}."
            )


def _refuse_unmatched(config: LoraConfig, found: list[Site], *, places: Places) -> None:
    """Names that nothing answers to."""
    wanted = config.target_modules
    for name in [wanted] if isinstance(wanted, str) else list(wanted or ()):
        alone = LoraConfig(target_modules=wanted if isinstance(wanted, str) else [name])
        if any(alone.targets(site.name) for site in found):
            continue
        if any(alone.targets(site) for site in places.sites):
            raise InputError(
                f"target_modules has {name!r}, but every module of that name is left out by "
                "exclude_modules, layers_to_transform or modules_to_save."
            )
        raw = next((parameter for parameter in sorted(places.bare) if alone.targets(parameter)), None)
        if raw is not None:
            raise InputError(
                f"target_modules has {name!r}, but on the Hub {raw} is a bare parameter and no module, which "
                f"PEFT cannot adapt either. It has {_examples(places.sites)}."
            )
        near = suggestion(name, {site.rpartition(".")[2] for site in places.sites})
        raise InputError(
            f"target_modules has {name!r}, which this model does not have.{near} It has "
            f"{_examples(places.sites)}."
        )


def _examples(sites: Iterable[str]) -> str:
    """The last parts of the names, each once."""
    ends = dict.fromkeys(name.rpartition(".")[2] for name in sites)
    return ", ".join(map(repr, ends))
