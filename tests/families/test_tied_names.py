"""The names of tied weights, as the oracle ties them: a misspelt alias in a family's table would be found.

That files may hold either name is shown in test_quirks_everywhere.py, by the aliases of our own tables.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

import hubformer
from cases import CASES, Case
from hubformer.families import FAMILIES
from oracles import oracle_class

pytest.importorskip("transformers")

FIRST = {case.head.name: case for case in reversed(CASES) if case.model_type != "jina_bert"}
# JinaBERT, which the oracle lacks, by its published files (jinaai/jina-embeddings-v2-base-en).
JINA = {
    "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
    "cls.predictions.decoder.bias": "cls.predictions.bias",
}


def oracle_ties(case: Case) -> dict[str, str]:
    """Alias -> owner, of a tied model of the oracle's."""
    kind = oracle_class(case.head.name)
    with torch.device("meta"):
        model = kind(kind.config_class(**{**case.config(), "tie_word_embeddings": True}))
    return dict(model.all_tied_weights_keys)


def our_ties(case: Case) -> Any:
    kind = getattr(hubformer, case.head.name)
    with torch.device("meta"):
        model = kind(kind.config_class(**{**case.config(), "tie_word_embeddings": True}))
    return model.weight_map()


def owner_of(name: str, tied: dict[str, str]) -> str:
    """The end of the chain of aliases."""
    while name in tied:
        name = tied[name]
    return name


def test_every_alias_of_the_oracle_is_one_of_ours() -> None:
    wrong, seen, families = [], 0, set()
    for name, case in FIRST.items():
        weights = our_ties(case)
        tied = {weights.today(alias): weights.today(owner) for alias, owner in weights.tied}
        prefix = weights.prefix if case.head.bare else ""  # which files of a bare backbone lack
        for alias, owner in oracle_ties(case).items():
            seen += 1
            families.add(case.model_type)
            a, b = (owner_of(weights.today(prefix + one), tied) for one in (alias, owner))
            if a != b:
                wrong.append(f"{name}: {alias} is {owner}, and here {a} is not {b}")
    assert not wrong, "\n".join(wrong)
    assert seen > 100
    assert len(families) > 0.8 * len(FAMILIES)


def test_jina_berts_aliases() -> None:
    case = next(case for case in CASES if case.head.name == "JinaBertForMaskedLM")
    assert dict(our_ties(case).tied) == JINA
