"""The public classes of every family, made from the table when they are first asked for.

`BertConfig`, `BertPreTrainedModel`, `BertForMaskedLM` and their like are real classes, importable from
hubformer, so that isinstance, subclassing, pickling and deepcopy work as with classes that stand in a file.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from hubformer.families import every_family, family
from hubformer.models.family import Family, Head
from hubformer.models.inputs import forward_taking
from hubformer.pretrained.config import family_config
from hubformer.pretrained.joined import JoinedModel
from hubformer.pretrained.model import PreTrainedModel
from hubformer.pretrained.registry import set_generator


def _public(name: str, bases: tuple[type, ...], body: dict[str, Any]) -> Any:
    return type(name, bases, {"__module__": "hubformer", "__qualname__": name, **body})


@cache
def _family_base(model_type: str) -> type[PreTrainedModel]:
    found = family(model_type)
    kind: type[PreTrainedModel] = _public(
        f"{found.name}PreTrainedModel",
        (PreTrainedModel if found.parts is None else JoinedModel,),
        {
            "__doc__": f"What the {found.name} classes share. Subclass it to build a model on one.",
            "family": found,
            "config_class": family_config(model_type),
            "base_model_prefix": found.prefix,
        },
    )
    return kind


@cache
def _family_head(model_type: str, name: str) -> type[PreTrainedModel]:
    found = family(model_type)
    head = next(head for head in found.heads if head.name == name)
    kind: type[PreTrainedModel] = _public(
        name,
        (_family_base(model_type),),
        {
            "__doc__": _doc(found, head),
            "head_row": head,
            "forward": forward_taking(head.arguments, of=name),
        },
    )
    return kind


def _doc(found: Family, head: Head) -> str:
    uses = ", ".join(task.replace("-", " ") for task in head.tasks) or "several tasks at once"
    return f"{found.name} ({found.paper}) for: {uses}. forward returns {head.output.__name__}."


def public_names() -> dict[str, str]:
    """Every generated class name -> the model type that it belongs to."""
    return {
        name: found.model_type
        for found in every_family()
        for name in (
            f"{found.name}Config",
            f"{found.name}PreTrainedModel",
            *(head.name for head in found.heads),
        )
    }


def public_class(name: str, model_type: str) -> type:
    """The class of that public name in that family."""
    found = family(model_type)
    if name == f"{found.name}Config":
        return family_config(model_type)
    if name == f"{found.name}PreTrainedModel":
        return _family_base(model_type)
    return _family_head(model_type, name)


set_generator(_family_head)
