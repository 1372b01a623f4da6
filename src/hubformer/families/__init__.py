"""The table of families: `model_type` in config.json -> the file and the name of its Family.

To add one: write its file (imitate bert.py), add its line here, add its rows to tests/families/cases.py.
README.md of this folder says what each part of a file is for.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from hubformer.errors import UnknownName, suggestion
from hubformer.models.family import Family

FAMILIES: dict[str, str] = {
    "bert": "bert:BERT",
    "camembert": "roberta:CAMEMBERT",
    "distilbert": "distilbert:DISTILBERT",
    "gpt2": "gpt2:GPT2",
    "roberta": "roberta:ROBERTA",
    "xlm-roberta": "roberta:XLM_ROBERTA",
    "xlnet": "xlnet:XLNET",
}


@cache
def family(model_type: str) -> Family:
    """The family of a `model_type`.

    Raises:
        UnknownName: says which are known.
    """
    if model_type not in FAMILIES:
        raise UnknownName(
            f"The model type {model_type!r} is not known.{suggestion(model_type, FAMILIES)} "
            f"Known: {', '.join(sorted(FAMILIES))}."
        )
    module, _, name = FAMILIES[model_type].partition(":")
    found: Family = getattr(import_module(f"hubformer.families.{module}"), name)
    return found


def every_family() -> tuple[Family, ...]:
    return tuple(family(model_type) for model_type in FAMILIES)
